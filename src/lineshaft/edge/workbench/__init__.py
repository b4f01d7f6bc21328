"""An engineer's workbench: simulated devices to try with, and a first look at real ones."""
