"""What a point takes of a broker: a metric in the commands of its edge node or device."""

import msgspec

from lineshaft.edge.drivers.mqtt.broker import DEFAULT_PORTS
from lineshaft.edge.drivers.sparkplug.options import SparkplugOptions
from lineshaft.edge.drivers.sparkplug.topics import MessageType, Topic
from lineshaft.edge.extent import Extent, authority
from lineshaft.edge.model import Device, Point


def extent(device: Device, point: Point) -> Extent:
    """A metric within a topic, so that whoever publishes to that topic by MQTT writes over it."""
    options = msgspec.convert(dict(device.options), SparkplugOptions)
    kind: MessageType = "DCMD" if options.device_id else "NCMD"
    topic = str(Topic(options.group_id, kind, options.edge_node_id, options.device_id))
    broker = authority(device.endpoint, *DEFAULT_PORTS.values())
    return Extent(place=("mqtt", broker, topic, point.address))
