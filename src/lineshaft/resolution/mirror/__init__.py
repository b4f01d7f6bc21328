"""Copies of a server's records elsewhere: the change log on the bus, mirrors that follow it, and sites divided anew.

`Publisher` sends what changed in a store to a stream of its own; `Mirror` follows such a stream into another store and
compares the digests of prefixes; `serve_snapshots` gives all records to whoever begins; `divide` changes how many servers
a site has while all of them go on answering, each by its `Member`.
"""

from lineshaft.resolution.mirror.copying import Mirror as Mirror
from lineshaft.resolution.mirror.division import Member as Member
from lineshaft.resolution.mirror.division import divide as divide
from lineshaft.resolution.mirror.place import Place as Place
from lineshaft.resolution.mirror.place import read_place as read_place
from lineshaft.resolution.mirror.publisher import Publisher as Publisher
from lineshaft.resolution.mirror.snapshots import serve_snapshots as serve_snapshots

__all__ = ["Member", "Mirror", "Place", "Publisher", "divide", "read_place", "serve_snapshots"]
