"""What a point takes of a CoAP server: a resource, and of its document the member or record that is set."""

from lineshaft.edge.drivers.coap.address import read_address
from lineshaft.edge.drivers.coap.options import PORT
from lineshaft.edge.extent import Extent, authority
from lineshaft.edge.model import Device, Point


def extent(device: Device, point: Point) -> Extent:
    """A resource of the server; a whole document lies over its parts."""
    address = read_address(point.address)
    inside = (address.name,) if address.name else address.pointer.steps if address.pointer is not None else ()
    return Extent(place=("coap", authority(device.endpoint, PORT), address.resource.text, *inside))
