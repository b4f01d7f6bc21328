"""MQTT: values out of JSON, CBOR or text messages of a broker; commands published to it.

The way of a value: `broker` (connection) → `mapping` (topic to points) → `decoding` (message into rows) → the sink that
the gateway gave. Planning loads no library.
"""

from lineshaft.edge.drivers.mqtt.driver import DRIVER

__all__ = ["DRIVER"]
