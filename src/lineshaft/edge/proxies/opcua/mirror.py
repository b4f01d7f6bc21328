"""Nodes of the proxy: those of the device's points, by the ids that the device has.

An address with a namespace's index keeps it; namespaces that addresses name by URI come behind those, and clients find
them by their URI. Nodes of the standard's own namespace are the proxy's own, so points there are left out.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from asyncua import ua

from lineshaft.edge.drivers.opcua.address import NodeAddress, read_address
from lineshaft.edge.model import Device, Point

OWN: Final = 1
"""Index of the proxy's own namespace."""
_MOST_NAMESPACES: Final = 256
_STANDARD: Final = "http://opcfoundation.org/UA/"
_ObjectIds = ua.ObjectIds
_TYPES: Final = {
    "number": ua.VariantType.Double, "integer": ua.VariantType.Int64, "boolean": ua.VariantType.Boolean,
    "text": ua.VariantType.String,
}  # fmt: skip


class Mirror(msgspec.Struct, frozen=True):
    """What a device's points are in the proxy."""

    namespaces: Sequence[str]
    """From index 2 on."""
    nodes: dict[Any, int]
    """Index of the point of every node."""
    left_out: Sequence[str]
    """Names of points that have no node here."""


def mirror(device: Device) -> Mirror:
    """Node ids of a device's points."""
    addresses = [read_address(point.address) for point in device.points]
    indexes = [address.index for address in addresses if not address.uri and address.index < _MOST_NAMESPACES]
    namespaces = [f"urn:lineshaft:device:{device.name}:ns{index}" for index in range(2, max(indexes, default=1) + 1)]
    uris = {address.uri for address in addresses if address.uri and address.uri != _STANDARD}
    namespaces += sorted(uris)
    table = [_STANDARD, "", *namespaces]
    nodes: dict[Any, int] = {}
    left_out = []
    for index, (point, address) in enumerate(zip(device.points, addresses, strict=True)):
        node = _node(address, table)
        if node is None or node in nodes:
            left_out.append(point.name)
        else:
            nodes[node] = index
    return Mirror(namespaces, nodes, left_out)


def _node(address: NodeAddress, table: Sequence[str]) -> Any:
    node = address.resolve(table)
    return None if node is None or node.NamespaceIndex == 0 or node.NamespaceIndex >= len(table) else node


def folder(device: Device) -> Any:
    """The node under which the points stand."""
    attributes = ua.ObjectAttributes()
    attributes.DisplayName = ua.LocalizedText(device.name)
    attributes.Description = ua.LocalizedText(device.description)
    item = _item(folder_id(device), ua.QualifiedName(device.name, OWN), ua.NodeId(_ObjectIds.ObjectsFolder))
    item.NodeClass, item.NodeAttributes = ua.NodeClass.Object, attributes
    item.ReferenceTypeId, item.TypeDefinition = ua.NodeId(_ObjectIds.Organizes), ua.NodeId(_ObjectIds.FolderType)
    return item


def folder_id(device: Device) -> Any:
    return ua.NodeId(f"lineshaft:{device.name}", OWN)


def variable(device: Device, point: Point, node: Any) -> Any:
    """A point's node."""
    attributes = ua.VariableAttributes()
    attributes.DisplayName = ua.LocalizedText(point.name)
    attributes.Description = ua.LocalizedText(point.description)
    attributes.DataType = ua.NodeId(_TYPES[point.kind].value)
    attributes.ValueRank = ua.ValueRank.Scalar
    access = ua.AccessLevel.CurrentRead.mask if point.access != "write" else 0
    access |= ua.AccessLevel.CurrentWrite.mask if point.access != "read" else 0
    attributes.AccessLevel = attributes.UserAccessLevel = access
    attributes.Value = ua.Variant()
    item = _item(node, ua.QualifiedName(point.name, node.NamespaceIndex), folder_id(device))
    item.NodeClass, item.NodeAttributes = ua.NodeClass.Variable, attributes
    item.ReferenceTypeId = ua.NodeId(_ObjectIds.HasComponent)
    item.TypeDefinition = ua.NodeId(_ObjectIds.BaseDataVariableType)
    return item


def _item(node: Any, name: Any, parent: Any) -> Any:
    item = ua.AddNodesItem()
    item.RequestedNewNodeId, item.BrowseName, item.ParentNodeId = node, name, parent
    return item
