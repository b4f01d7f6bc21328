"""HTTP: values polled from a server as JSON or CBOR, and webhooks that machines call.

`access`, `client`, `faults` and `scalars` serve the other drivers over HTTP as well. httpx, cbor2 and httptools are
loaded when a source is made.
"""

from lineshaft.edge.drivers.http.driver import DRIVER

__all__ = ["DRIVER"]
