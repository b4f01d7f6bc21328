"""Samples as files: out of the history, and into it from elsewhere.

What comes in travels through the bus as a lane of its own, so the one writer stays one: late rows find their place, rows
that are there already are replaced as any late row is, and a file sent twice is stored once. Files are read and written
where the command runs; the server sees batches.
"""
