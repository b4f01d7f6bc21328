"""The newest samples of all points in one ring of columns, for history reads of the gateway's own server."""

from typing import Any, Final

import numpy as np

from lineshaft.edge.board import Sample
from lineshaft.edge.columns import BOOLEAN, NUMBER, TEXT, Columns

_FIELDS: Final = (("ts", np.int64), ("arrival", np.int64), ("q", np.uint32), ("kind", np.uint8), ("integer", np.int64))
_NOBODY: Final = -1


class Recent:
    """A bounded number of samples; the oldest go first, whosever they are.

    Args:
        capacity: samples of all points together.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._slot = np.full(capacity, _NOBODY, np.int32)
        self._columns = {name: np.zeros(capacity, kind) for name, kind in _FIELDS}
        self._texts: dict[int, str] = {}
        self._taken = 0
        """Samples since the beginning; the next one goes to its remainder."""

    def __len__(self) -> int:
        return min(self._taken, self._capacity)

    def take(self, slots: Any, columns: Columns) -> None:
        """Keep rows of points whose slots are `slots`."""
        first = max(0, columns.rows - self._capacity)
        count = columns.rows - first
        if count <= 0:
            return
        places = (self._taken + np.arange(count)) % self._capacity
        if self._texts:
            for place in places.tolist():
                self._texts.pop(place, None)
        self._slot[places] = slots[first:]
        for name, column in self._columns.items():
            column[places] = getattr(columns, name)[first : columns.rows]
        for row, text in columns.texts.items():
            if row >= first:
                self._texts[int(places[row - first])] = text
        self._taken += count

    def read(self, slot: int, from_us: int, to_us: int, most: int, *, newest_first: bool = False) -> list[Sample]:
        """A point's samples with source times from `from_us` to `to_us`, both included, in the order of their times.

        Where two samples have one time, the one that came last counts.

        Args:
            most: no more than this many, from the beginning of the order.
        """
        ts: Any = self._columns["ts"]
        places = np.flatnonzero((self._slot == slot) & (ts >= from_us) & (ts <= to_us))
        age = (places - self._taken) % self._capacity  # the oldest has the least
        places = places[np.lexsort((age, ts[places]))]
        last = np.append(ts[places][1:] != ts[places][:-1], True)[: len(places)]
        places = places[last]
        if newest_first:
            places = places[::-1]
        return [self._sample(place) for place in places[:most].tolist()]

    def _sample(self, place: int) -> Sample:
        columns = self._columns
        return Sample(
            ts=int(columns["ts"][place]), arrival=int(columns["arrival"][place]), q=int(columns["q"][place]),
            value=self._value(place),
        )  # fmt: skip

    def _value(self, place: int) -> float | int | bool | str:
        kind, integer = self._columns["kind"][place], self._columns["integer"][place]
        if kind == TEXT:
            return self._texts[place]
        if kind == BOOLEAN:
            return bool(integer)
        return float(integer.view(np.float64)) if kind == NUMBER else int(integer)
