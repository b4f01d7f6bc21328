"""Modbus driver: TCP, RTU on a serial line, and RTU over TCP, with framing of its own.

The way of a value: `requests` (addresses merged under the limits) → `tcp` or `rtu` (frames, answers matched) → `scan`
(one buffer, decoded at once) → the gateway. Nothing here needs a library; a serial line loads pyserial-asyncio-fast.
"""

from lineshaft.edge.drivers.modbus.driver import DRIVER

__all__ = ["DRIVER"]
