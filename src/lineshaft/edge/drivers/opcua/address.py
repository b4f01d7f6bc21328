"""Node identifiers as people write them (IEC 62541-6, 5.3.1.10), read without the library.

`ns=2;s=Pressure` names a namespace by its index on the server, `nsu=urn:plant;s=Pressure` by its URI, which survives
when the server numbers its namespaces anew; `i=2258` is in the standard's namespace.
"""

import base64
import binascii
import re
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote

import msgspec

_ADDRESS = re.compile(r"(?:ns=(?P<index>\d{1,5});|nsu=(?P<uri>[^;]+);)?(?P<kind>[isgb])=(?P<identifier>.+)", re.DOTALL)
_LARGEST_INDEX = 65_535
_LARGEST_NUMBER = 2**32 - 1


class NodeAddress(msgspec.Struct, frozen=True):
    """A node of a server."""

    kind: str
    """`i` number, `s` text, `g` GUID, `b` bytes in base64."""
    identifier: str
    index: int = 0
    uri: str = ""
    """The namespace, where it is named by URI; `index` then means nothing."""

    def resolve(self, namespaces: Sequence[str]) -> Any:
        """The library's node identifier on a server with these namespaces; None where it has not this one."""
        from asyncua import ua

        index = self.index
        if self.uri:
            if self.uri not in namespaces:
                return None
            index = namespaces.index(self.uri)
        if self.kind == "i":
            return ua.NodeId(int(self.identifier), index)
        if self.kind == "s":
            return ua.NodeId(self.identifier, index, ua.NodeIdType.String)
        if self.kind == "g":
            return ua.NodeId(uuid.UUID(self.identifier), index, ua.NodeIdType.Guid)
        return ua.NodeId(base64.b64decode(self.identifier), index, ua.NodeIdType.ByteString)


def read_address(text: str) -> NodeAddress:
    """A node's address.

    Raises:
        ValueError: says which rule it breaks.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise ValueError("a node is ns=<index>;s=<text>, nsu=<uri>;s=<text>, or i=, g=, b= in place of s=")
    kind, identifier = match["kind"], match["identifier"]
    index = int(match["index"] or 0)
    if index > _LARGEST_INDEX:
        raise ValueError(f"a namespace's index is at most {_LARGEST_INDEX}")
    if kind == "i" and not (identifier.isascii() and identifier.isdecimal() and int(identifier) <= _LARGEST_NUMBER):
        raise ValueError(f"a numeric identifier is 0 to {_LARGEST_NUMBER}")
    if kind == "g":
        try:
            uuid.UUID(identifier)
        except ValueError:
            raise ValueError("the identifier is not a GUID") from None
    if kind == "b":
        try:
            base64.b64decode(identifier, validate=True)
        except binascii.Error:
            raise ValueError("the identifier is not base64") from None
    return NodeAddress(kind=kind, identifier=identifier, index=index, uri=unquote(match["uri"] or ""))


def write_address(node: Any, namespaces: Sequence[str]) -> str:
    """A library's node identifier as text, the namespace by its URI where it is not the standard's."""
    identifier = node.Identifier
    kind = {int: "i", str: "s", uuid.UUID: "g", bytes: "b"}[
        type(identifier) if not isinstance(identifier, int) else int
    ]
    text = base64.b64encode(identifier).decode() if kind == "b" else str(identifier)
    index = node.NamespaceIndex
    if index == 0:
        return f"{kind}={text}"
    if index < len(namespaces):
        return f"nsu={quote(namespaces[index], safe=':/.-_~')};{kind}={text}"
    return f"ns={index};{kind}={text}"
