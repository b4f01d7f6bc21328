"""What a server says that it has: the link format of `.well-known/core` (RFC 6690)."""

import re
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from lineshaft.edge.address_space import Found
from lineshaft.edge.drivers.coap.address import Resource
from lineshaft.edge.drivers.coap.documents import NUMBERS

CORE: Final = Resource((".well-known", "core"))
_LINK: Final = re.compile(r'\s*<([^>]*)>((?:\s*;\s*[^\s;,="]+(?:=(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)\s*(,|$)')
_PARAMETER: Final = re.compile(r';\s*([^\s;,="]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?')


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A resource as the server names it."""

    resource: Resource
    parameters: dict[str, str]


def read_links(text: str) -> list[Link]:
    """The links to resources of the server itself.

    Raises:
        ValueError: it is no link format; says where.
    """
    links, at = [], 0
    while at < len(text):
        found = _LINK.match(text, at)
        if found is None or found.end() == at:
            raise ValueError(f"it is no link format at {text[at : at + 20]!r}")
        at = found.end()
        parts = urlsplit(found[1])
        path = tuple(unquote(step) for step in parts.path.removeprefix("/").split("/"))
        if parts.scheme or parts.netloc or not any(path):
            continue
        query = tuple(unquote(each) for each in parts.query.split("&")) if parts.query else ()
        parameters = {name: quoted or plain for name, quoted, plain in _PARAMETER.findall(found[2])}
        links.append(Link(resource=Resource(path, query), parameters=parameters))
    return links


def describe(link: Link) -> Found:
    """A resource as a variable; what kind of value it has shows only when it is asked."""
    said = link.parameters
    number = said.get("ct", "").split(" ")[0]
    content: str = NUMBERS.get(int(number), number) if number.isascii() and number.isdigit() else number
    words = [said.get("title", ""), said.get("rt", ""), "observable" if "obs" in said else ""]
    return Found(
        address=link.resource.text, name=link.resource.path[-1] or link.resource.text, path=link.resource.path,
        data_type=content, description=", ".join(word for word in words if word),
        refused="" if number == "" or content in NUMBERS.values() else f"content format {number} is not read here",
    )  # fmt: skip
