"""Walking an agent's objects with GETBULK, and looking up single ones."""

from collections.abc import AsyncIterator
from typing import Any, Final

from pysnmp.proto import rfc1902, rfc1905

from lineshaft.core import clock, quality
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.address_space import BrowsePage, BrowseRequest, BrowseState, Found, Pending
from lineshaft.edge.drivers.snmp import faults, values
from lineshaft.edge.drivers.snmp.address import EXAMPLES, Form, name_of, read_address
from lineshaft.edge.drivers.snmp.manager import Binding, Manager, Oid
from lineshaft.edge.model import Point, PointKind

_MIB_2: Final = "1.3.6.1.2.1"
_AT_ONCE: Final = 25


async def walk(manager: Manager, request: BrowseRequest, state: BrowseState) -> AsyncIterator[BrowsePage]:
    """Everything below the root, a page per answer. An agent that goes in circles ends it.

    Raises:
        InvalidInput: the root is no object identifier.
    """
    deadline = clock.monotonic() + request.seconds
    root = _root(request.root or _MIB_2)
    if not state.begun:
        state.pending, state.begun = [Pending(address=_dotted(root), path=(), variable=False)], True
    while state.pending and not state.stopped:
        last = _root(state.pending[0].address)
        response = await manager.next(last, min(_AT_ONCE, request.nodes - state.found))
        new = [] if response.error else _behind(root, last, response.bindings)
        found = [_found(oid, sent) for oid, sent in new]
        state.pending = [Pending(address=_dotted(new[-1][0]), path=(), variable=True)] if new else []
        state.found += len(found)
        if state.pending and state.found >= request.nodes:
            state.stopped = "nodes"
        elif state.pending and clock.monotonic() > deadline:
            state.stopped = "seconds"
        yield BrowsePage(
            found=found,
            seen=state.found + len(state.pending),
            pending=len(state.pending),
            beyond=0,
            stopped=state.stopped,
        )


def _behind(root: Oid, last: Oid, bindings: list[Binding]) -> list[Binding]:
    """The objects of an answer that lie below the root, each behind the one before."""
    new: list[Binding] = []
    for oid, sent in bindings:
        if oid[: len(root)] != root or oid <= last or isinstance(sent, rfc1905.EndOfMibView):
            break
        new.append((oid, sent))
        last = oid
    return new


async def inspect(manager: Manager, address: str) -> Found:
    """Look up one object."""
    try:
        object_address = read_address(address)
    except ValueError as error:
        return Found(address=address, name="", refused=str(error))
    response = await manager.get([object_address.oid])
    if response.error or not response.bindings:
        return Found(address=address, name="", refused=faults.name(response.error))
    found = _found(object_address.oid, response.bindings[0][1], object_address.form)
    return Found(
        address=address, name=found.name, path=found.path, kind=found.kind, data_type=found.data_type,
        description=found.description, refused=found.refused,
    )  # fmt: skip


def _found(oid: Oid, sent: Any, form: Form = "") -> Found:
    """An object as a variable: its kind, and its present value as description."""
    kind: PointKind = "integer"
    if isinstance(sent, rfc1902.Opaque) or form == "number":
        kind = "number"
    elif isinstance(sent, (rfc1902.OctetString, rfc1902.univ.ObjectIdentifier, rfc1902.IpAddress)):
        kind = "text"
    status, _, value = values.read_value(Point(name="value", address="", kind=kind), form, sent)
    dotted = _dotted(oid)
    hexadecimal = status == quality.BAD_DECODING and kind == "text"
    return Found(
        address=f"{dotted}#hex" if hexadecimal else dotted, name=name_of(dotted), path=tuple(name_of(dotted).split(".")[:1]),
        kind=kind, data_type=type(sent).__name__, description=bytes(sent).hex(":") if hexadecimal else str(value),
        refused="" if status < quality.BAD or hexadecimal else quality.words(status),
    )  # fmt: skip


def _root(text: str) -> Oid:
    try:
        return read_address(text).oid
    except ValueError as error:
        raise InvalidInput(
            "edge.object_identifier_invalid", f"{text!r} is no place to begin at: {error}", f"Write it as {EXAMPLES}.",
            field="root", value=text, rule=str(error),
        ) from error  # fmt: skip


def _dotted(oid: Oid) -> str:
    return ".".join(map(str, oid))
