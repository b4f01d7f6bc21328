"""OPC UA client driver on asyncua: subscriptions and polling, Sign & Encrypt, browse, restore after a lost connection.

The way of a value: `session` (connection) → `publishing` (publish requests) → `answers`/`wire` (bytes into columns) →
the sink that the gateway gave. Planning needs no library; asyncua is loaded when a source is made.
"""

from lineshaft.edge.drivers.opcua.driver import DRIVER

__all__ = ["DRIVER"]
