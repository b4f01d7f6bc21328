"""Nodes of the gateway's server: a folder for each level of a path, a variable for each point, named by its tag's path."""

import math
from typing import Any, Final

from asyncua import ua

from lineshaft.core import units
from lineshaft.edge.model import Device, Point
from lineshaft.edge.units import shown

NAMESPACE: Final = "urn:lineshaft:tags"
NAMESPACE_INDEX: Final = 2
"""Ours is the first after the standard's and the application's."""

_ObjectIds = ua.ObjectIds
_TYPES: Final = {
    "number": ua.VariantType.Double, "integer": ua.VariantType.Int64, "boolean": ua.VariantType.Boolean,
    "text": ua.VariantType.String,
}  # fmt: skip
_READABLE: Final = ua.AccessLevel.CurrentRead.mask | ua.AccessLevel.HistoryRead.mask


def node_id(path: str) -> Any:
    """The node of a level of the tree, or of a point: its path."""
    return ua.NodeId(path, NAMESPACE_INDEX)


def variant(value: object, kind: str) -> Any:
    """A value in the type of its point's node; empty where it has none that is its own."""
    if kind == "number":
        number = isinstance(value, int | float) and math.isfinite(value)
        return ua.Variant(float(value), _TYPES[kind]) if number else ua.Variant()  # type: ignore[arg-type]
    wanted: type = {"integer": int, "boolean": bool, "text": str}[kind]
    return ua.Variant(value, _TYPES[kind]) if type(value) is wanted else ua.Variant()


def folders(device: Device) -> list[str]:
    """The paths of a device and every level above it, from the top."""
    levels = device.path.split("/")
    return ["/".join(levels[: depth + 1]) for depth in range(len(levels))]


def folder(path: str, description: str = "") -> Any:
    """A level of the tree."""
    above, _, name = path.rpartition("/")
    parent = node_id(above) if above else ua.NodeId(_ObjectIds.ObjectsFolder)
    attributes = ua.ObjectAttributes()
    attributes.DisplayName = ua.LocalizedText(name)
    attributes.Description = ua.LocalizedText(description)
    item = _item(path, name, parent, _ObjectIds.Organizes, attributes, _ObjectIds.FolderType)
    item.NodeClass = ua.NodeClass.Object
    return item


def variable(device: Device, point: Point) -> list[Any]:
    """A point and its properties: unit and range where it has them."""
    path = f"{device.path}/{point.name}"
    unit = _unit(point)
    analog = point.kind in ("number", "integer") and (unit is not None or point.low is not None)
    kind = _ObjectIds.BaseDataVariableType
    if analog:
        kind = _ObjectIds.AnalogItemType if _has_range(point) else _ObjectIds.AnalogUnitType
    attributes = _attributes(point.name, point.description, _TYPES[point.kind].value, ua.Variant())
    items = [_item(path, point.name, node_id(device.path), _ObjectIds.HasComponent, attributes, kind)]
    if analog and unit is not None:
        items.append(_property(path, "EngineeringUnits", _ObjectIds.EUInformation, unit))
    if analog and _has_range(point):
        range_ = ua.Range(Low=point.low, High=point.high)
        items.append(_property(path, "EURange", _ObjectIds.Range, range_))
    return items


def properties(path: str) -> list[str]:
    """Paths of the properties that a point's node may have."""
    return [f"{path}#{name}" for name in ("EngineeringUnits", "EURange")]


def _unit(point: Point) -> Any:
    """The point's unit as `EUInformation` (OPC 10000-8, 5.6.4.3); None where it has none."""
    text = shown(point.unit, point.unit_text)
    if not text:
        return None
    found = units.find(point.unit) if point.unit else None
    code = found.code if found is not None else point.unit if units.is_code(point.unit) else ""
    return ua.EUInformation(
        NamespaceUri=units.NAMESPACE if code else NAMESPACE, UnitId=units.number_of(code),
        DisplayName=ua.LocalizedText(text), Description=ua.LocalizedText(found.name if found is not None else text),
    )  # fmt: skip


def _has_range(point: Point) -> bool:
    return point.low is not None and point.high is not None


def _property(path: str, name: str, data_type: int, value: Any) -> Any:
    attributes = _attributes(name, "", data_type, ua.Variant(value, ua.VariantType.ExtensionObject))
    attributes.AccessLevel = attributes.UserAccessLevel = ua.AccessLevel.CurrentRead.mask
    item = _item(
        f"{path}#{name}", name, node_id(path), _ObjectIds.HasProperty, attributes, _ObjectIds.PropertyType
    )  # "#" is in no path
    item.BrowseName = ua.QualifiedName(name, 0)  # properties of the standard's types carry the standard's names
    return item


def _attributes(name: str, description: str, data_type: int, value: Any) -> Any:
    attributes = ua.VariableAttributes()
    attributes.DisplayName = ua.LocalizedText(name)
    attributes.Description = ua.LocalizedText(description)
    attributes.DataType = ua.NodeId(data_type)
    attributes.ValueRank = ua.ValueRank.Scalar
    attributes.AccessLevel = attributes.UserAccessLevel = _READABLE
    attributes.Historizing = True
    attributes.Value = value
    return attributes


def _item(path: str, name: str, parent: Any, reference: int, attributes: Any, kind: int) -> Any:
    item = ua.AddNodesItem()
    item.RequestedNewNodeId = node_id(path)
    item.BrowseName = ua.QualifiedName(name, NAMESPACE_INDEX)
    item.NodeClass = ua.NodeClass.Variable
    item.ParentNodeId = parent
    item.ReferenceTypeId = ua.NodeId(reference)
    item.TypeDefinition = ua.NodeId(kind)
    item.NodeAttributes = attributes
    return item
