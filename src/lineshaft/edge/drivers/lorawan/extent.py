"""What a point takes of a LoRaWAN device: a port, and the bytes that say which of its values is meant.

The device is known by its EUI, through whichever packet forwarders it is heard.
"""

from lineshaft.edge.drivers.lorawan.downlinks import PREFIX, read_target
from lineshaft.edge.extent import Extent
from lineshaft.edge.model import Device, Point


def extent(device: Device, point: Point) -> Extent:
    """What a downlink sets; of a value that is read, nothing but its expression."""
    machine = ("lorawan", str(device.options.get("dev_eui", "")).lower())
    if not point.address.startswith(PREFIX):
        return Extent(place=(*machine, "uplink", point.address))
    target = read_target(point.address)
    return Extent(place=(*machine, str(target.port), *(f"{byte:02x}" for byte in target.head)))
