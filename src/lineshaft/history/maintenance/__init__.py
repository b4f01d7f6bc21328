"""Maintenance of the history's tables: rollups, the sorted merge, retention, cleaning, in a process of its own.

`work.run` does everything that is due; `process` is what the history service starts; jobs tell how far it is. There is
one maintainer at a time: a lease keeps others out, and every commit is fenced besides.
Not here: what writers do to correct rows. May be imported by `history` and what is above it.
"""
