"""What a point takes of an SNMP agent: an object. The context is no part of it: many agents ignore it."""

from lineshaft.edge.drivers.snmp.address import read_address
from lineshaft.edge.drivers.snmp.options import PORT
from lineshaft.edge.extent import Extent, authority
from lineshaft.edge.model import Device, Point


def extent(device: Device, point: Point) -> Extent:
    """An object of the agent, by its number."""
    return Extent(place=("snmp", authority(device.endpoint, PORT), read_address(point.address).dotted))
