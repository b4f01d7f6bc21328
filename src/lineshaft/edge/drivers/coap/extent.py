"""What a point takes of a CoAP server: a resource, and of its document the member or record that is set.

A query is a selector: many servers ignore one that they do not know.
"""

import msgspec

from lineshaft.edge.drivers.coap.address import read_address
from lineshaft.edge.drivers.coap.options import PORT
from lineshaft.edge.extent import Extent, authority
from lineshaft.edge.model import Device, Point


def extent(device: Device, point: Point) -> Extent:
    """A resource of the server; a whole document lies over its parts."""
    address = read_address(point.address)
    inside = (address.name,) if address.name else address.pointer.steps if address.pointer is not None else ()
    path = msgspec.structs.replace(address.resource, query=()).text
    return Extent(
        place=("coap", authority(device.endpoint, PORT), path, *inside), selector="&".join(address.resource.query)
    )  # fmt: skip
