"""What a controller tells of its data: the numbers and sizes of its data blocks; and a look at single addresses."""

from typing import Final

from lineshaft.core import quality
from lineshaft.edge.address_space import BrowsePage, BrowseRequest, BrowseState, Found
from lineshaft.edge.drivers.s7.address import read_place
from lineshaft.edge.drivers.s7.answers import Malformed, Refused
from lineshaft.edge.drivers.s7.link import Link
from lineshaft.edge.drivers.s7.packing import Item
from lineshaft.edge.model import Point, PointKind

_SYMBOLS: Final = "S7 tells the number and size of a data block, not what is in it: take the addresses from the project"
_KINDS: Final[dict[str, PointKind]] = {"bool": "boolean", "string": "text", "text": "text"}
_WIDTHS: Final[dict[str, str]] = {"W": "uint16", "D": "float32"}


def page(blocks: list[tuple[int, int]], request: BrowseRequest, state: BrowseState) -> BrowsePage:
    """The data blocks as one page; more than were asked for are cut off, and that is said."""
    chosen = blocks[: request.nodes]
    state.begun = True
    state.seen |= {f"DB{number}" for number, _ in chosen}
    state.stopped = "nodes" if len(chosen) < len(blocks) else ""
    found = [
        Found(
            address=f"DB{number}", name=f"DB{number}", path=(f"DB{number}",), data_type="data block",
            description=f"{size} bytes" if size else "", refused=_SYMBOLS,
        )
        for number, size in chosen
    ]  # fmt: skip
    state.found += len(found)
    return BrowsePage(found=found, seen=len(state.seen), pending=0, beyond=0, stopped=state.stopped)


def inspect(link: Link, address: str) -> Found:
    """Whether an address can be read; one without a type is tried as a word or a REAL."""
    try:
        kind = _guess(address)
        point = Point(
            name="value", address=address, kind=_KINDS.get(kind, "number"), length=1 if kind == "string" else 0
        )
        if kind in _WIDTHS.values() and ":" not in address:
            point = Point(name="value", address=address, type=kind)  # type: ignore[arg-type]  # raw types of _WIDTHS
        place = read_place(point)
        item = Item(area=place.area, db=place.db, start=place.byte, length=place.size, offset=0, places={0})
        answer = link.read([item])[0]
    except (ValueError, Refused, Malformed) as error:
        return Found(address=address, name="", refused=str(error))
    refused = "" if answer.status == quality.GOOD else answer.words
    return Found(address=address, name=address, kind=_KINDS.get(kind, "number"), data_type=place.type, refused=refused)


def _guess(address: str) -> str:
    """The type that an address says or may have."""
    head, _, stated = address.rpartition(":")
    if head.count(":") == 1:
        return stated
    if ":" in address:
        return "bool" if "." in stated else ""
    letters = address.rpartition(".DB")[2] if ".DB" in address else address[1:]
    return _WIDTHS.get(letters[:1], "bool" if letters[:1] in "X0123456789" else "uint8")
