"""Reading a history from its storage alone, with no service running, on any machine that may read it."""
