"""Ready views for foreign engines: text to copy, which reads the tables with nothing of ours installed."""
