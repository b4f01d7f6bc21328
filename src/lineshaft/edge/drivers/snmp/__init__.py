"""SNMP manager driver on pysnmp (RFC 3416): version 3 with authentication and privacy, 2c where it is said; GET, SET, walk.

The way of a value: `source` → `manager` (requests) → `values` (what an agent sent, as rows). Planning needs no library;
pysnmp is loaded when a source is made.
"""

from lineshaft.edge.drivers.snmp.driver import DRIVER

__all__ = ["DRIVER"]
