"""Observations as rows of the points that want them.

A condition is, for a point of kind text, its words (`Fault 404 HIGH: …`); for a number or integer 0 Normal, 1 Warning,
2 Fault; for a boolean whether it is a Fault. UNAVAILABLE is Bad, no data. A time series is one row per number, the last
at the observation's time and the others before it at the stated rate.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from lineshaft.core import clock, quality
from lineshaft.edge.columns import BOOLEAN, INTEGER, MISSING, NUMBER, TEXT, Columns
from lineshaft.edge.drivers.http import scalars
from lineshaft.edge.drivers.http.scalars import Sample
from lineshaft.edge.drivers.mtconnect.address import ItemAddress
from lineshaft.edge.drivers.mtconnect.documents import CONDITIONS, UNAVAILABLE, Observation
from lineshaft.edge.model import Point

_AXES: Final = {"x": 0, "y": 1, "z": 2}
_NO_DATA: Final = Sample(NUMBER, float("nan"), quality.BAD_NO_DATA)
_NO_RATE: Final = Sample(NUMBER, float("nan"), quality.BAD_NOT_SUPPORTED)
_MOST_IN_SERIES: Final = 100_000


class Table:
    """Which points want which data item.

    Args:
        points: of the plan.
        chosen: indexes of the points, and their addresses beside.
    """

    def __init__(self, points: Sequence[Point], chosen: Sequence[int], addresses: Sequence[ItemAddress]) -> None:
        self._points = points
        self._wanted: dict[str, list[tuple[int, str]]] = {}
        for index, address in zip(chosen, addresses, strict=True):
            self._wanted.setdefault(address.item, []).append((index, address.part))

    def unknown(self, items: Iterable[str]) -> list[int]:
        """The points whose data item is none of these."""
        known = frozenset(items)
        return [index for item, members in self._wanted.items() if item not in known for index, _ in members]

    def rows(self, observations: Iterable[Observation], since: int = 0) -> Columns:
        """The rows of the observations whose sequence number is `since` or later."""
        columns = Columns(64)
        for each in observations:
            if each.sequence < since:
                continue
            members = self._wanted.get(each.item, [])
            if each.name and each.name != each.item:
                members = members + self._wanted.get(each.name, [])
            for index, part in members:
                self._add(columns, index, part, each)
        return columns

    def _add(self, columns: Columns, index: int, part: str, each: Observation) -> None:
        point = self._points[index]
        if each.condition:
            scalars.add(columns, index, each.ts, _condition(point, each))
        elif each.text == UNAVAILABLE:
            scalars.add(columns, index, each.ts, _NO_DATA)
        elif each.rate:
            _add_series(columns, index, point, each)
        else:
            text = _part(each, part) if part else each.text
            scalars.add(columns, index, each.ts, _NO_DATA if text is None else scalars.read_text(point, text))


def refuse(columns: Columns, points: Iterable[int]) -> None:
    """A bad row for points that the agent does not have."""
    now = clock.now_us()
    for point in points:
        columns.add(point, now, now, quality.BAD_NODE_ID_UNKNOWN)


def _condition(point: Point, each: Observation) -> Sample:
    if each.condition == "Unavailable":
        return _NO_DATA
    if point.kind == "text":
        return Sample(TEXT, each.text, quality.GOOD)
    if point.kind == "boolean":
        return Sample(BOOLEAN, each.condition == "Fault", quality.GOOD)
    level = CONDITIONS.index(each.condition)
    return (
        Sample(INTEGER, level, quality.GOOD) if point.kind == "integer" else Sample(NUMBER, float(level), quality.GOOD)
    )


def _part(each: Observation, part: str) -> str | None:
    """A key of a data set, or an axis of a position; None where the value has it not."""
    if each.entries is not None:
        return each.entries.get(part)
    numbers = each.text.split()
    place = _AXES.get(part.lower(), len(numbers))
    return numbers[place] if place < len(numbers) else None


def _add_series(columns: Columns, index: int, point: Point, each: Observation) -> None:
    numbers = each.text.split()
    if each.rate < 0 or each.ts == MISSING or len(numbers) > _MOST_IN_SERIES:
        scalars.add(columns, index, each.ts, _NO_RATE)
        return
    for place, text in enumerate(numbers, start=1 - len(numbers)):
        scalars.add(columns, index, each.ts + round(place * 1e6 / each.rate), scalars.read_text(point, text))
