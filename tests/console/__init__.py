"""The console as people use it: a real browser before the real box with the demonstration plant."""
