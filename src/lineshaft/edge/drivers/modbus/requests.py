"""Reads of a scan: addresses merged under the protocol's limits, and taken apart again where a device has not all of them."""

from collections.abc import Iterable

import msgspec

from lineshaft.edge.drivers.modbus.address import REGISTERS, Space
from lineshaft.edge.drivers.modbus.options import ModbusOptions

_BITS_IN_REGISTER = 16


class Member(msgspec.Struct, frozen=True):
    """A point in a request."""

    point: int
    """Index in the plan."""
    start: int
    count: int
    bit: int = 0
    """Of a register."""

    @property
    def end(self) -> int:
        return self.start + self.count


class Request(msgspec.Struct, frozen=True):
    """One read: registers or bits from `start`."""

    unit: int
    space: Space
    start: int
    count: int
    members: tuple[Member, ...]
    """In the order of their addresses."""

    def parts(self) -> list["Request"]:
        """Smaller requests for the same points: cut at the gaps it read through, else in two; itself where it cannot be cut."""
        runs: list[list[Member]] = []
        end = -1
        for member in self.members:
            if member.start > end or not runs:
                runs.append([])
            runs[-1].append(member)
            end = max(end, member.end)
        if len(runs) == 1:
            runs = _halves(runs[0])
        return [_request(self.unit, self.space, run) for run in runs]


def _halves(members: list[Member]) -> list[list[Member]]:
    """Cut where the second half begins at an address of its own."""
    starts = sorted({member.start for member in members})
    if len(starts) == 1:
        return [members]
    middle = starts[len(starts) // 2]
    return [[one for one in members if one.start < middle], [one for one in members if one.start >= middle]]


def _request(unit: int, space: Space, members: list[Member]) -> Request:
    start = members[0].start
    return Request(unit, space, start, max(member.end for member in members) - start, tuple(members))


def merge(members: Iterable[tuple[int, Space, Member]], options: ModbusOptions) -> tuple[Request, ...]:
    """As few requests as gap and limits allow for (unit, space, member); no value is cut, overlaps are read once."""
    by_place: dict[tuple[int, Space], list[Member]] = {}
    for unit, space, member in members:
        by_place.setdefault((unit, space), []).append(member)
    return tuple(
        _request(unit, space, run)
        for (unit, space), found in sorted(by_place.items())
        for run in _runs(sorted(found, key=lambda member: (member.start, member.end)), *_limits(space, options))
    )


def _limits(space: Space, options: ModbusOptions) -> tuple[int, int]:
    """Most values in a request, and most unused ones between two."""
    if space in REGISTERS:
        return options.max_registers, options.gap
    return options.max_bits, _BITS_IN_REGISTER * options.gap


def _runs(members: list[Member], most: int, gap: int) -> Iterable[list[Member]]:
    run: list[Member] = []
    end = 0
    for member in members:
        if run and (member.start - end > gap or max(end, member.end) - run[0].start > most):
            yield run
            run = []
        end = max(end, member.end) if run else member.end
        run.append(member)
    if run:
        yield run
