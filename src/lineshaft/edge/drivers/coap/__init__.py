"""CoAP client driver on aiocoap (RFC 7252): observed resources (RFC 7641), polling, SenML (RFC 8428), discovery, PUT.

The way of a value: `source` → `client` (requests and observations) → `documents` (payloads) → `samples` (rows). Planning
needs no library; aiocoap is loaded when a source is made.
"""

from lineshaft.edge.drivers.coap.driver import DRIVER

__all__ = ["DRIVER"]
