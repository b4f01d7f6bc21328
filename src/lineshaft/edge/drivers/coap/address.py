"""The address of a point: a resource of the server, and where in what it answers the value lies.

`sensors/temp` is the whole answer, `sensors/temp#/v` what a JSON pointer finds in it, and
`pack#urn:dev:ow:10e2:voltage` the record of that name in a SenML pack.
"""

import re
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import msgspec

from lineshaft.edge.drivers.http.pointer import Pointer, read_pointer

EXAMPLES: Final = "sensors/temp, sensors/temp?unit=C#/v, or pack#urn:dev:ow:10e2:voltage"
_NAME: Final = re.compile(r"^[A-Za-z0-9][-A-Za-z0-9:./_]*$", re.ASCII)
"""RFC 8428, 4.5.1."""
_LONGEST_STEP: Final = 255
_SAFE: Final = "!$&'()*+,;=:@-._~"


class Resource(msgspec.Struct, frozen=True, order=True):
    """A resource of a server."""

    path: tuple[str, ...]
    query: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """As it stands in a URI."""
        path = "/".join(quote(step, safe=_SAFE) for step in self.path)
        query = "&".join(quote(each, safe=_SAFE + "/?") for each in self.query)
        return f"{path}?{query}" if query else path


class PointAddress(msgspec.Struct, frozen=True):
    """A value of a resource."""

    resource: Resource
    pointer: Pointer | None = None
    name: str = ""
    """Of a SenML record, base name included."""

    @property
    def text(self) -> str:
        """Its one canonical form."""
        mark = f"#{self.name}" if self.name else f"#{self.pointer}" if self.pointer is not None else ""
        return self.resource.text + mark


def read_address(text: str) -> PointAddress:
    """An address from its text.

    Raises:
        ValueError: none; says why.
    """
    where, mark, inside = text.partition("#")
    parts = urlsplit(where)
    if parts.scheme or parts.netloc:
        raise ValueError("it is a path on the device's own server, without coap://")
    if not where.strip("/") or any(character <= " " or character == "\x7f" for character in text):
        raise ValueError(f"no path of a resource; for example {EXAMPLES}")
    path = tuple(unquote(step) for step in parts.path.removeprefix("/").split("/"))
    query = tuple(unquote(each) for each in parts.query.split("&")) if parts.query else ()
    if any(len(each.encode()) > _LONGEST_STEP for each in (*path, *query)):
        raise ValueError("a step of a path and a part of a query have at most 255 bytes (RFC 7252, 5.10)")
    resource = Resource(path, query)
    if not mark:
        return PointAddress(resource)
    if inside.startswith("/"):
        return PointAddress(resource, read_pointer(inside))
    if not _NAME.match(inside):
        raise ValueError("behind # stands a JSON pointer such as /v, or the name of a SenML record")
    return PointAddress(resource, None, inside)
