"""What a point takes of an S7 controller: bits of an area. Rack and slot are no part of it: many controllers ignore them."""

from lineshaft.edge.drivers.s7.address import read_place
from lineshaft.edge.drivers.s7.options import PORT
from lineshaft.edge.extent import Extent, authority
from lineshaft.edge.model import Device, Point


def extent(device: Device, point: Point) -> Extent:
    """Bits of an area, the most significant of a byte first, as they go over the wire."""
    found = read_place(point)
    place = ("s7", authority(device.endpoint, PORT), found.space)
    first = found.byte * 8
    if found.type == "bool":
        first += 7 - found.bit
        return Extent(place=place, first=first, last=first, type="bool")
    return Extent(place=place, first=first, last=first + found.size * 8 - 1, type=found.type)
