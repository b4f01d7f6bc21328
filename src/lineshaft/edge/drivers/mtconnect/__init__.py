"""MTConnect agents (ANSI/MTC1.4 and later, documents of 1.2 to 2.x): probe, current, and sample as a stream.

The way of a value: `stream` (HTTP, multipart) → `documents` (XML into observations) → `observations` (into rows) → the
sink. MTConnect only reads. lxml and httpx are loaded when a source is made.
"""

from lineshaft.edge.drivers.mtconnect.driver import DRIVER

__all__ = ["DRIVER"]
