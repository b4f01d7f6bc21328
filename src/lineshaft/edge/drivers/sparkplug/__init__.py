"""Sparkplug B 3.0: a host application that reads edge nodes, and an edge node that offers a gateway's own tags.

The way of a value in: `host` (connection, STATE) → `session` (sequence, births, deaths) → `table` (payload into columns)
→ `source` (slots to points) → the sink that the gateway gave. The way out: `edge_node`. Planning loads no library.
"""

from lineshaft.edge.drivers.sparkplug.driver import DRIVER

__all__ = ["DRIVER"]
