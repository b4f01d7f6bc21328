"""What a point takes of a broker: the topic of its commands, and of an object the member that they set."""

import msgspec

from lineshaft.edge.drivers.mqtt.address import read_address
from lineshaft.edge.drivers.mqtt.broker import DEFAULT_PORTS
from lineshaft.edge.drivers.mqtt.options import MqttOptions
from lineshaft.edge.extent import Extent, authority
from lineshaft.edge.model import Device, Point


def extent(device: Device, point: Point) -> Extent:
    """A topic of the broker, the one that is read where no command goes anywhere."""
    options = msgspec.convert(dict(device.options), MqttOptions)
    address = read_address(point.address)
    topic = options.command_of(point.name, address.topic)
    broker = authority(device.endpoint, *DEFAULT_PORTS.values())
    if topic and options.command_shape == "value":
        return Extent(place=("mqtt", broker, topic))
    return Extent(place=("mqtt", broker, topic or address.topic, *map(str, address.path)))
