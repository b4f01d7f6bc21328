"""OPC UA node sets (UANodeSet XML, OPC 10000-6 Annex F): the variables of their instances, with the tree they stand in.

Addresses name the namespace by its URI, so they hold on a server whatever number it gives it there. Variables of types
are no instances: `members_of` gives the tree that a type declares, by which those of an object on a server are chosen.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from lineshaft.edge.imports.model import LONGEST_NAME, Imported, unique, unreadable
from lineshaft.edge.model import Point, PointKind
from lineshaft.edge.units import Said, of_information

_NS: Final = "{http://opcfoundation.org/UA/2011/03/UANodeSet.xsd}"
_NODE: Final = re.compile(r"^(?:ns=(?P<index>[0-9]{1,9});)?(?P<rest>[isgb]=.+)$", re.DOTALL)
_RANK: Final = re.compile(r"-?[0-9]{1,9}")
_BASE: Final = "http://opcfoundation.org/UA/"
_KINDS: Final[Mapping[str, PointKind]] = {
    "i=1": "boolean", "i=10": "number", "i=11": "number", "i=26": "number", "i=50": "number", "i=12": "text", "i=21": "text",
    "i=290": "number", "i=29": "integer", "i=27": "integer", "i=28": "integer",
    **{f"i={number}": "integer" for number in range(2, 10)},
}  # fmt: skip
"""Kinds of the built-in types and the abstract ones above them (OPC 10000-6, 5.1.2); subtypes are followed to these."""
_DICTIONARIES: Final = ("i=69", "i=72")
"""Types of variables that hold descriptions of data types."""
_LARGEST: Final = 64 << 20
_DEEPEST: Final = 64
_LONGEST: Final = 4096
"""Characters of an id of a node, the longest of all names (OPC 10000-3, 8.2.4)."""
_SHOWN: Final = 20
_DIGITS: Final = 12


class _Node(msgspec.Struct, kw_only=True):
    """What of a node is needed."""

    tag: str
    name: str
    level: str
    """The same as a level of a path."""
    description: str = ""
    data_type: str = ""
    rank: int = -1
    parent: str = ""
    property: bool = False
    standard: bool = False
    """Its browse name is the standard's own, as of units, ranges and arguments."""
    supertype: str = ""
    definition: str = ""
    element: Any = None


def points_of(data: bytes, *, file: str) -> Imported:
    """Every variable of an instance.

    Raises:
        InvalidInput: no node set.
    """
    if len(data) > _LARGEST:
        raise unreadable(file, f"it has {len(data)} bytes, more than {_LARGEST}")
    root = _parse(data, file)
    uris = [_BASE, *[_short(each.text or "", file) for each in root.iterfind(f"{_NS}NamespaceUris/{_NS}Uri")]]
    nodes = _nodes(root, file)
    properties = {(node.parent, node.name): node for node in nodes.values() if node.property}
    imported, taken = Imported(), dict[str, int]()
    for node_id, node in nodes.items():
        if node.tag != "UAVariable" or (node.property and node.standard):
            continue
        path = list(_path(node_id, nodes))
        name = ".".join(each.level for each in path)
        above = next((each for each in path if each.tag in ("UAObjectType", "UAVariableType")), None)
        kind = _kind(node.data_type, nodes)
        if len(name) > LONGEST_NAME:
            imported.leave(name, f"its name has {len(name)} characters, more than {LONGEST_NAME}")
        elif above is not None:
            imported.leave(name, f"it belongs to the type {above.name}: browse an object of that type")
        elif node.definition in _DICTIONARIES:
            imported.leave(name, "it describes data types")
        elif node.rank >= 0:
            imported.leave(name, "it is an array")
        elif kind is None:
            imported.leave(name, f"values of the type {node.data_type} cannot be tags")
        else:
            low, high = _range(properties.get((node_id, "EURange")))
            imported.points.append(
                Point(
                    name=unique(name, taken), address=_address(node_id, uris), kind=kind, description=node.description,
                    low=low, high=high, **_unit(properties.get((node_id, "EngineeringUnits"))),
                )
            )  # fmt: skip
    return imported.settle()


def members_of(data: bytes, name: str, *, file: str) -> dict[tuple[str, ...], str]:
    """The variables that a type of the set declares, its own and those of the types above it that are in the set.

    Returns: descriptions by the names from below an object of the type down to the variable.

    Raises:
        InvalidInput: no node set, or no such type in it.
    """
    root = _parse(data, file)
    nodes = _nodes(root, file)
    types = {node.name: node_id for node_id, node in nodes.items() if node.tag == "UAObjectType"}
    if name not in types:
        known = ", ".join(sorted(types)[:_SHOWN])
        raise unreadable(file, f"it has no type {name!r}; it has {known or 'none'}")
    wanted, above = set[str](), types[name]
    while above in nodes and above not in wanted:
        wanted.add(above)
        above = nodes[above].supertype
    found: dict[tuple[str, ...], str] = {}
    for node_id, node in nodes.items():
        if node.tag != "UAVariable" or (node.property and node.standard) or _top(node_id, nodes) not in wanted:
            continue
        _, *below = _path(node_id, nodes)
        found.setdefault(tuple(each.name for each in below), node.description)
    return found


def fits(path: tuple[str, ...], declared: tuple[str, ...]) -> bool:
    """Whether a path on a server is one that a type declares; `<…>` in the type stands for any name."""
    return len(path) == len(declared) and all(
        name == wanted or (wanted.startswith("<") and wanted.endswith(">"))
        for name, wanted in zip(path, declared, strict=True)
    )


def _top(node_id: str, nodes: Mapping[str, _Node]) -> str:
    """The highest node above one that the set has."""
    for _ in range(_DEEPEST):
        above = nodes[node_id].parent if node_id in nodes else ""
        if above not in nodes:
            return node_id
        node_id = above
    return node_id


def _parse(data: bytes, file: str) -> Any:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise unreadable(file, f"it is no XML: {error}") from error
    if root.tag != f"{_NS}UANodeSet":
        raise unreadable(file, f"its root is {root.tag}, not UANodeSet")
    return root


def _nodes(root: Any, file: str) -> dict[str, _Node]:
    """The nodes by their ids.

    Raises:
        InvalidInput: an id that is none, or a name that is none.
    """
    aliases = {each.get("Alias"): _short(each.text or "", file) for each in root.iterfind(f"{_NS}Aliases/{_NS}Alias")}
    nodes: dict[str, _Node] = {}
    for element in root.iterchildren(f"{_NS}*"):
        node_id = element.get("NodeId")
        if node_id is None:
            continue
        if _NODE.match(_short(node_id, file)) is None:
            raise unreadable(file, f"{node_id[:_SHOWN]!r} is no id of a node")
        nodes[node_id] = _node(element, aliases, file)
    return nodes


def _short(text: str, file: str) -> str:
    """A text that many others are made of.

    Raises:
        InvalidInput: it is longer than names and addresses are.
    """
    if len(text) > _LONGEST:
        raise unreadable(file, f"a name or an address has {len(text)} characters, more than {_LONGEST}")
    return text


def _node(element: Any, aliases: Mapping[str, str], file: str) -> _Node:
    data_type = _short(element.get("DataType", "i=24"), file)
    index, colon, browse_name = _short(element.get("BrowseName", ""), file).partition(":")
    name, rank = browse_name if colon else index, element.get("ValueRank", "-1")
    if not _RANK.fullmatch(rank):
        raise unreadable(file, f"{rank[:_SHOWN]!r} is no rank of a value")
    node = _Node(
        tag=element.tag.removeprefix(_NS), name=name, level=_level(name), standard=not colon or index == "0",
        data_type=aliases.get(data_type, data_type), rank=int(rank),
        description=(element.findtext(f"{_NS}Description") or "").strip(), element=element,
    )  # fmt: skip
    for reference in element.iterfind(f"{_NS}References/{_NS}Reference"):
        kind = aliases.get(reference.get("ReferenceType"), reference.get("ReferenceType"))
        backwards = reference.get("IsForward", "true") == "false"
        if backwards and kind in ("i=47", "i=35", "i=46", "i=49"):  # component, organizes, property, ordered component
            node.parent, node.property = reference.text or "", kind == "i=46"
        elif backwards and kind == "i=45":  # subtype
            node.supertype = reference.text or ""
        elif kind == "i=40":  # type definition
            node.definition = reference.text or ""
    node.parent = element.get("ParentNodeId", node.parent)
    return node


def _path(node_id: str, nodes: Mapping[str, _Node]) -> Iterator[_Node]:
    """From the highest node that the set has down to this one."""
    found: list[_Node] = []
    while node_id in nodes and len(found) < _DEEPEST:
        found.append(nodes[node_id])
        node_id = nodes[node_id].parent
    return reversed(found)


def _kind(data_type: str, nodes: Mapping[str, _Node]) -> PointKind | None:
    """The kind of a data type, or of the one that it is a subtype of."""
    for _ in range(_DEEPEST):
        if data_type in _KINDS:
            return _KINDS[data_type]
        if data_type not in nodes:
            return None
        data_type = nodes[data_type].supertype
    return None


def _address(node_id: str, uris: list[str]) -> str:
    found = _NODE.match(node_id)
    assert found is not None
    index = int(found["index"] or 0)
    return (
        found["rest"] if index == 0 or index >= len(uris) else f"nsu={uris[index].replace(';', '%3B')};{found['rest']}"
    )


def _texts(node: _Node | None, name: str) -> str:
    """The first text of that element name within a property's value."""
    if node is None:
        return ""
    return next(
        ((each.text or "").strip() for each in node.element.iter() if str(each.tag).rpartition("}")[2] == name), ""
    )


def _unit(node: _Node | None) -> Said:
    """By the value of `EngineeringUnits`."""
    information = (
        None if node is None else next((one for one in node.element.iter() if _local(one) == "EUInformation"), None)
    )
    if information is None:
        return {"unit": "", "unit_text": ""}
    parts = {_local(one): one for one in information}
    number, namespace = (_text_of(parts.get(name)) for name in ("UnitId", "NamespaceUri"))
    named = parts["DisplayName"].iter() if "DisplayName" in parts else ()
    text = next((_text_of(one) for one in named if _local(one) == "Text"), "")
    known = number.isascii() and number.isdecimal() and len(number) < _DIGITS
    return of_information(int(number) if known else -1, namespace, text)


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _text_of(element: Any) -> str:
    return "" if element is None else (element.text or "").strip()


def _range(node: _Node | None) -> tuple[float | None, float | None]:
    low, high = _texts(node, "Low"), _texts(node, "High")
    try:
        return (float(low), float(high)) if low and high else (None, None)
    except ValueError:
        return None, None


def _level(text: str) -> str:
    return "".join("_" if char in "+#/$" or ord(char) < 0x20 else char for char in text) or "_"
