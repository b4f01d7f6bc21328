"""Siemens S7 client driver on python-snap7 (ISO on TCP, RFC 1006): merged multi-variable reads, writes, browse.

The way of a value: `source` → `link` (one thread per device) → `answers` (bytes per item) → `decoding` (columns).
Planning needs no library; snap7 is loaded when a source is opened.
"""

from lineshaft.edge.drivers.s7.driver import DRIVER

__all__ = ["DRIVER"]
