"""Rules of the other points that a write touches: another name for a register is no way round its rules.

Points are compared by what they take on their machine (`edge.extent`), over all devices of the gateway; links to serial
lines are followed, whenever a write is judged, as what they lead to changes when something is plugged in. What a write
makes of another point is told from its bytes where both are raw, and is the value itself where both mean the same.
Where it cannot be told, a point with rules is written by its own name only.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from lineshaft.core import quality
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput
from lineshaft.edge import raw
from lineshaft.edge.board import Board
from lineshaft.edge.commands.checks import check_value, rules_of
from lineshaft.edge.commands.conditions import Conditions
from lineshaft.edge.commands.leases import Leases
from lineshaft.edge.commands.model import Value
from lineshaft.edge.extent import Extent, extent_of, on_this_machine
from lineshaft.edge.model import Device, Point

_PLACE: Final = 3
"""Levels that every place has."""
_BYTE: Final = 8


class Ruled(NamedTuple):
    """A point with rules for writing."""

    device: str
    point: Point
    extent: Extent


class OverlaidPoints:
    """Of one gateway.

    Args:
        conditions: shared with whoever else writes, so that rates hold for all together.
    """

    def __init__(self, conditions: Conditions, leases: Leases, board: Board) -> None:
        self._conditions = conditions
        self._leases = leases
        self._board = board
        self._devices: dict[str, tuple[Device, list[Ruled]]] = {}
        """As they are configured."""
        self._by_place: dict[tuple[str, ...], list[Ruled]] = {}
        """As they lie on this machine."""
        self._lines: dict[tuple[str, ...], tuple[str, ...]] = {}
        """Serial lines by the names that they are configured with, and what these lead to."""
        self._revision = 0

    @property
    def revision(self) -> int:
        """Another one whenever the points with rules, or their places, may be others."""
        self._follow_lines()
        return self._revision

    def configure(self, devices: Iterable[Device]) -> None:
        """Know these devices from now on."""
        before, self._devices = self._devices, {}
        for device in devices:
            known = before.get(device.name)
            self._devices[device.name] = known if known is not None and known[0] == device else (device, _ruled(device))
        self._sort()

    def touched(self, device: Device, point: Point) -> list[Ruled]:
        """Other points with rules that a write to this one touches."""
        known = self._devices.get(device.name)
        if known is None or (known[0] is not device and known[0] != device):
            self._devices[device.name] = (device, _ruled(device))
            self._sort()
        self._follow_lines()
        extent = _here(extent_of(device, point))
        return [
            each for each in self._by_place.get(extent.place[:_PLACE], ())
            if (each.device, each.point.name) != (device.name, point.name) and each.extent.overlaps(extent)
        ]  # fmt: skip

    def check(self, device: Device, point: Point, value: Value, principal: str, *, approved: bool) -> None:
        """Refuse what the rules of a point that is touched do not admit.

        Args:
            principal: handle of who writes, for leases; empty: a foreign client.
            approved: a second person approved just this.

        Raises:
            LineshaftError: names the point and its rule.
        """
        for each in self.touched(device, point):
            self._leases.check(each.device, principal)
            name = f"{each.device}/{each.point.name}"
            if rules_of(each.point).classification == "A" and not approved:
                raise Forbidden(
                    "edge.command_unapproved", f"{device.name}/{point.name} writes {name}, which is of class A: it takes a second person",
                    f"Write {name}, by a command that another person approves.", device=each.device, point=each.point.name,
                )  # fmt: skip
            seen = _seen(each, _here(extent_of(device, point)), point, value)
            if seen is None:
                raise Conflict(
                    "edge.command_overlaid", f"{device.name}/{point.name} writes a part of {name}, which has rules of its own",
                    f"Write {name} as a whole.", device=each.device, point=each.point.name, by=f"{device.name}/{point.name}",
                )  # fmt: skip
            check_value(each.device, each.point, seen)
            self._conditions.check_rate(each.device, each.point, seen, self._board.get(name))
            self._conditions.check_interlock(each.device, each.point)

    def check_still(self, device: Device, point: Point, principal: str) -> None:
        """What may have changed since `check`: leases and interlocks.

        Raises:
            Conflict: says which.
        """
        for each in self.touched(device, point):
            self._leases.check(each.device, principal)
            self._conditions.check_interlock(each.device, each.point)

    def note_written(self, device: Device, point: Point) -> None:
        """A value goes to the point now, and so to those that it touches."""
        for each in self.touched(device, point):
            self._conditions.note_written(each.device, each.point)

    def others(self, device: Device) -> Sequence[Ruled]:
        """Points with rules of all other devices."""
        return [each for found in self._by_place.values() for each in found if each.device != device.name]

    def _follow_lines(self) -> None:
        if any(on_this_machine(named) != led for named, led in self._lines.items()):
            self._sort()

    def _sort(self) -> None:
        self._revision += 1
        self._by_place, self._lines = {}, {}
        for _, ruled in self._devices.values():
            for each in ruled:
                here = each._replace(extent=_here(each.extent))
                self._by_place.setdefault(here.extent.place[:_PLACE], []).append(here)
                if here.extent is not each.extent:
                    self._lines[each.extent.place[:2]] = here.extent.place[:2]


def _ruled(device: Device) -> list[Ruled]:
    return [
        Ruled(device.name, point, extent_of(device, point)) for point in device.points if point.write is not None
    ]  # fmt: skip


def _here(extent: Extent) -> Extent:
    place = on_this_machine(extent.place)
    return extent if place is extent.place else msgspec.structs.replace(extent, place=place)


def _seen(other: Ruled, extent: Extent, point: Point, value: Value) -> Value | None:
    """The other point's value once the value is written; None where nobody can tell."""
    places = [(one.place, one.first, one.last) for one in (extent, other.extent)]
    if places[0] == places[1] and _meaning(point, extent) == _meaning(other.point, other.extent):
        return value
    if not (extent.type and other.extent.type and extent.holds(other.extent)) or extent.type == "bool":
        return None
    if extent.type == "string":
        return None
    data = raw.encode(msgspec.structs.replace(point, type=extent.type), value)
    return _part(other, data, other.extent.first - extent.first)


def _meaning(point: Point, extent: Extent) -> tuple[object, ...]:
    return extent.type or point.type, point.kind, point.order, point.scale, point.offset, point.length


def _part(other: Ruled, data: bytes, offset: int) -> Value | None:
    """The value of a point whose first bit is at `offset` of the bytes."""
    start, bit = divmod(offset, _BYTE)
    if other.extent.type == "bool":
        return None if start >= len(data) else bool(data[start] >> (_BYTE - 1 - bit) & 1)
    count = (other.extent.last - other.extent.first + 1) // _BYTE
    try:
        typed = msgspec.structs.replace(other.point, type=other.extent.type)
        if bit or other.extent.type == "string" or raw.size(typed) != count or len(data) < start + count:
            return None
        status, value = raw.decode_one(typed, data[start : start + count])
    except (InvalidInput, LookupError):
        return None
    return value if quality.is_good(status) else None
