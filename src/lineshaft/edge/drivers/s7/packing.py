"""Packs the places of a scan group into as few requests as the PDU size allows. Pure.

An answer carries 14 bytes of its own and four for each item, data padded to even; a request 12 and twelve for each item.
Places with little between them are read as one item. A value is never cut in two unless it is longer than an answer, so
that what is read of it is of one moment.
"""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from lineshaft.edge.drivers.s7.address import Place

MOST_ITEMS: Final = 20
SMALLEST_PDU: Final = 240
"""What every controller can; planned with until a connection has agreed on more."""
_ANSWER_BYTES: Final = 14
_REQUEST_BYTES: Final = 12
_ANSWER_ITEM: Final = 4
_REQUEST_ITEM: Final = 12


class Item(msgspec.Struct, kw_only=True):
    """Bytes that are asked for together."""

    area: str
    db: int
    start: int
    length: int
    offset: int
    """Where they go in the group's buffer."""
    places: set[int]
    """Which places lie in it, by index."""


class Packing(msgspec.Struct, kw_only=True):
    """How a scan group is read."""

    exchanges: list[list[Item]]
    """The items of each request, in the order they are asked."""
    offsets: list[int]
    """Where each place begins in the buffer."""
    size: int
    """Bytes of the buffer."""


def pack(places: Sequence[Place], pdu: int, gap: int, alone: Collection[int] = ()) -> Packing:
    """Items and requests for places.

    Args:
        pdu: greatest PDU, bytes.
        gap: bytes between two places up to which they are read as one.
        alone: indexes of places that are read by themselves.
    """
    packer = _Packer(pdu, gap)
    offsets = [0] * len(places)
    apart = set(alone)
    for index in sorted(range(len(places)), key=lambda number: places[number]):
        offsets[index] = packer.add(index, places[index], index in apart)
    return Packing(exchanges=packer.exchanges, offsets=offsets, size=packer.size)


class _Packer:
    def __init__(self, pdu: int, gap: int) -> None:
        self.exchanges: list[list[Item]] = []
        self.size = 0
        self._pdu = pdu
        self._gap = gap
        self._open: Item | None = None
        """The item that the next place may join."""

    def add(self, index: int, place: Place, apart: bool) -> int:  # noqa: FBT001  # one private caller
        """Find room for a place; where it begins in the buffer."""
        item = None if apart else self._joined(place)
        if item is None:
            item = self._begin(index, place)
        item.places.add(index)
        self._open = None if apart else self.exchanges[-1][-1]
        return item.offset + place.byte - item.start

    def _joined(self, place: Place) -> Item | None:
        """The open item made longer so that it holds the place; None where it cannot."""
        item = self._open
        if item is None or (item.area, item.db) != (place.area, place.db) or place.byte < item.start:
            return None
        length = max(item.length, place.byte + place.size - item.start)
        if place.byte > item.start + item.length + self._gap:
            return None
        others = sum(_room(other.length) for other in self.exchanges[-1][:-1])
        if _ANSWER_BYTES + others + _room(length) > self._pdu:
            return None
        self.size += length - item.length
        item.length = length
        return item

    def _begin(self, index: int, place: Place) -> Item:
        """A new item for a place; several, one request each, where it is longer than an answer."""
        most = (self._pdu - _ANSWER_BYTES - _ANSWER_ITEM) & ~1
        first = None
        for start in range(0, place.size, most):
            item = Item(
                area=place.area, db=place.db, start=place.byte + start, length=min(most, place.size - start),
                offset=self.size, places={index},
            )  # fmt: skip
            self.size += item.length
            if not self.exchanges or not self._fits(item.length):
                self.exchanges.append([])
            self.exchanges[-1].append(item)
            first = first or item
        assert first is not None
        return first

    def _fits(self, length: int) -> bool:
        present = self.exchanges[-1]
        answer = _ANSWER_BYTES + sum(_room(item.length) for item in present) + _room(length)
        asked = _REQUEST_BYTES + _REQUEST_ITEM * (len(present) + 1)
        return len(present) < MOST_ITEMS and answer <= self._pdu and asked <= self._pdu


def _room(length: int) -> int:
    """Bytes of an answer that an item of `length` bytes takes."""
    return _ANSWER_ITEM + length + (length & 1)
