"""Discovery of a server's resources, and a look at single ones."""

from typing import Any

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.address_space import BrowsePage, BrowseRequest, BrowseState, Found
from lineshaft.edge.drivers.coap import documents, senml
from lineshaft.edge.drivers.coap.address import read_address
from lineshaft.edge.drivers.coap.client import Answer, Client
from lineshaft.edge.drivers.coap.discovery import CORE, Link, describe, read_links
from lineshaft.edge.drivers.coap.options import Format
from lineshaft.edge.drivers.http.pointer import ABSENT
from lineshaft.edge.model import PointKind


def page(answer: Answer, request: BrowseRequest, state: BrowseState) -> BrowsePage:
    """The resources below the root, at most as many as were asked for.

    Raises:
        InvalidInput: the server answers no link format.
    """
    links = [link for link in _links(answer) if link.resource != CORE and _below(link, request.root)]
    shallow = [link for link in links if len(link.resource.path) <= request.depth]
    chosen = shallow[: request.nodes]
    state.begun, state.beyond = True, len(links) - len(shallow)
    state.seen |= {link.resource.text for link in chosen}
    state.found += len(chosen)
    state.stopped = "nodes" if len(chosen) < len(shallow) else ""
    return BrowsePage(
        found=[describe(link) for link in chosen],
        seen=len(state.seen),
        pending=0,
        beyond=state.beyond,
        stopped=state.stopped,
    )


def _links(answer: Answer) -> list[Link]:
    if not answer.good:
        raise _unlisted(answer.code)
    try:
        return read_links(answer.payload.decode())
    except ValueError as error:
        raise _unlisted(str(error)) from error


def _unlisted(reason: str) -> InvalidInput:
    return InvalidInput(
        "edge.resources_unlisted", f"the server does not list its resources: {reason}",
        "Take the paths from the device's documentation.", reason=reason,
    )  # fmt: skip


def _below(link: Link, root: str) -> bool:
    steps = tuple(step for step in root.split("/") if step)
    return link.resource.path[: len(steps)] == steps


async def inspect(client: Client, address: str, forced: Format) -> Found:
    """Look up one value."""
    try:
        wanted = read_address(address)
        answer = await client.get(wanted.resource)
        if not answer.good:
            return Found(address=address, name="", refused=answer.code)
        kind = documents.format_of(answer.format, forced)
        document = documents.read(answer.payload, kind)
        unit = ""
        if wanted.pointer is not None:
            document = wanted.pointer.find(document)
        elif kind.startswith("senml"):
            document, unit = _of_pack(document, wanted.name)
    except ValueError as error:
        return Found(address=address, name="", refused=str(error))
    refused = "" if isinstance(document, bool | int | float | str) else "there is no single value"
    return Found(
        address=address, name=wanted.resource.path[-1], path=wanted.resource.path, kind=_kind(document), data_type=kind,
        unit=unit, description=str(document)[:100] if not refused else "", refused=refused,
    )  # fmt: skip


def _of_pack(document: Any, name: str) -> tuple[Any, str]:
    records = [each for each in senml.resolve(document, 0) if each.name == (name or each.name)]
    if len({each.name for each in records}) != 1:
        return ABSENT, ""
    return records[-1].value, records[-1].unit


def _kind(value: Any) -> PointKind:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "text"
    return "integer" if isinstance(value, int) else "number"
