"""What a point takes of an OPC UA server: a node.

Its namespace is named by index or by URI, and only the server knows which is which: an index and a URI may be the same.
"""

import base64
import uuid
from typing import Final

from lineshaft.edge.drivers.opcua.address import NodeAddress, read_address
from lineshaft.edge.extent import Extent, authority
from lineshaft.edge.model import Device, Point

_PORT: Final = 4840
_STANDARD: Final = "http://opcfoundation.org/UA/"


def extent(device: Device, point: Point) -> Extent:
    """A node of the server at this address, whatever path its endpoint has."""
    address = read_address(point.address)
    node = f"{address.kind}={_identifier(address)}"
    by_index = not address.uri and address.index
    return Extent(
        place=("opcua", authority(device.endpoint, _PORT), node), form="index" if by_index else "uri",
        name=str(address.index) if by_index else address.uri or _STANDARD,
    )  # fmt: skip


def _identifier(address: NodeAddress) -> str:
    if address.kind == "i":
        return str(int(address.identifier))
    if address.kind == "g":
        return str(uuid.UUID(address.identifier))
    if address.kind == "b":
        return base64.b64encode(base64.b64decode(address.identifier)).decode()
    return address.identifier
