"""Which column a variable's data type goes to. Types of a server's own are followed to the built-in one they refine."""

from typing import Any, Final

import msgspec
from asyncua import ua

from lineshaft.edge.drivers.opcua.session import Session
from lineshaft.edge.model import PointKind

_BUILT_IN: Final[dict[int, tuple[str, PointKind]]] = {
    1: ("Boolean", "boolean"), 2: ("SByte", "integer"), 3: ("Byte", "integer"), 4: ("Int16", "integer"),
    5: ("UInt16", "integer"), 6: ("Int32", "integer"), 7: ("UInt32", "integer"), 8: ("Int64", "integer"),
    9: ("UInt64", "integer"), 10: ("Float", "number"), 11: ("Double", "number"), 12: ("String", "text"),
    13: ("DateTime", "text"), 14: ("Guid", "text"), 15: ("ByteString", "text"), 16: ("XmlElement", "text"),
    17: ("NodeId", "text"), 18: ("ExpandedNodeId", "text"), 19: ("StatusCode", "integer"), 20: ("QualifiedName", "text"),
    21: ("LocalizedText", "text"), 26: ("Number", "number"), 27: ("Integer", "integer"), 28: ("UInteger", "integer"),
    29: ("Enumeration", "integer"),
}  # fmt: skip
_NEVER: Final = {22: "Structure", 23: "DataValue", 25: "DiagnosticInfo"}
_ANY: Final = 24
_DEEPEST: Final = 30


class DataType(msgspec.Struct, frozen=True):
    """A data type as far as it matters here."""

    name: str
    kind: PointKind | None
    """None where no sample can have it, or only its values tell."""
    open: bool = False
    """Only the values tell what they are."""


class DataTypes:
    """The data types of one server, asked for once each."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._parents: dict[Any, Any] = {}

    async def find(self, nodes: list[Any]) -> dict[Any, DataType]:
        """The data type behind each node identifier."""
        unknown = {node for node in nodes if not _is_standard(node)}
        for _ in range(_DEEPEST):
            asked = [node for node in unknown if node not in self._parents]
            if not asked:
                break
            await self._ask(asked)
            unknown = {
                parent for node in asked if (parent := self._parents[node]) is not None and not _is_standard(parent)
            }
        return {node: self._resolve(node) for node in set(nodes)}

    def _resolve(self, node: Any) -> DataType:
        current = node
        for _ in range(_DEEPEST):
            if current is None:
                break
            if _is_standard(current):
                return _standard(current.Identifier)
            current = self._parents.get(current)
        return DataType(f"unknown type {node.to_string()}", None)

    async def _ask(self, nodes: list[Any]) -> None:
        """The type that each of the nodes refines."""
        portion = self._session.limits.nodes_per_browse
        for start in range(0, len(nodes), portion):
            chosen = nodes[start : start + portion]
            request = ua.BrowseRequest()
            request.Parameters.View = ua.ViewDescription()
            request.Parameters.NodesToBrowse = [
                ua.BrowseDescription(
                    NodeId=node, BrowseDirection=ua.BrowseDirection.Inverse, IncludeSubtypes=False,
                    ReferenceTypeId=ua.NodeId(ua.ObjectIds.HasSubtype), NodeClassMask=int(ua.NodeClass.DataType), ResultMask=0,
                )
                for node in chosen
            ]  # fmt: skip
            results = (await self._session.call(request, ua.BrowseResponse)).Results
            for node, result in zip(chosen, results, strict=True):
                self._parents[node] = plain(result.References[0].NodeId) if result.References else None


def plain(node: Any) -> Any:
    """A node identifier that is equal to others of the same meaning: not expanded, of the widest numeric form."""
    if isinstance(node.Identifier, int):
        return ua.NodeId(node.Identifier, node.NamespaceIndex)
    return ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType)


def _is_standard(node: Any) -> bool:
    known = _BUILT_IN.keys() | _NEVER.keys() | {_ANY}
    return node.NamespaceIndex == 0 and node.Identifier in known


def _standard(number: int) -> DataType:
    if number == _ANY:
        return DataType("BaseDataType", None, open=True)
    if number in _NEVER:
        return DataType(_NEVER[number], None)
    name, kind = _BUILT_IN[number]
    return DataType(name, kind)
