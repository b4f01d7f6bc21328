"""Terms as interval tables: for each attribute its cut points and, between two of them, the terms that admit it.

A set of terms is a number with one bit for each. What an operation fulfils is the intersection of one such set per
attribute, found by bisection, however many rules there are (bit vectors over intervals: T. V. Lakshman and
D. Stiliadis, SIGCOMM 1998). One table answers for single numbers and for whole columns.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from lineshaft.edge.guard.schema import GREATEST, LEAST
from lineshaft.edge.guard.subset import Interval, common

WORD: Final = 64
_WHOLE: Final = ((LEAST, GREATEST),)

Array = np.ndarray[Any, Any]
Limits = Sequence[Interval] | None
"""Disjoint and sorted; None: everything."""


class IntervalTable:
    """The limits of all terms on one attribute.

    Args:
        limits: of each term.
    """

    def __init__(self, limits: Sequence[Limits]) -> None:
        changes: dict[int, int] = {}
        for bit, spans in enumerate(limits):
            for low, high in _WHOLE if spans is None else spans:
                changes[low] = changes.get(low, 0) ^ 1 << bit
                changes[high + 1] = changes.get(high + 1, 0) ^ 1 << bit
        self.cuts = sorted(edge for edge in changes if LEAST < edge <= GREATEST)
        """The first number of every stretch but the first."""
        found = changes.get(LEAST, 0)
        self.sets = [found, *(found := found ^ changes[cut] for cut in self.cuts)]
        """Of every stretch, the terms that admit it."""
        self._columns = np.array(self.cuts, np.int64), words(self.sets, len(limits))

    def find(self, number: int) -> int:
        """The terms that admit a number."""
        return self.sets[bisect_right(self.cuts, number)]

    def find_all(self, numbers: Array) -> Array:
        """The terms that admit each number of a column, as rows of words."""
        cuts, sets = self._columns
        return sets.take(cuts.searchsorted(numbers, "right"), axis=0)


class ExtentTable:
    """The limits of all terms on the two ends of an extent: of addresses, or of values.

    Args:
        lows: limits on the lower end, as for `IntervalTable`.
        highs: limits on the upper end.
    """

    def __init__(self, lows: Sequence[Limits], highs: Sequence[Limits]) -> None:
        self._low = IntervalTable(lows)
        self._high = IntervalTable(highs)
        both = [_common(low, high) for low, high in zip(lows, highs, strict=True)]
        self._single = IntervalTable(both)

    def find(self, low: int, high: int) -> int:
        """The terms that admit an extent."""
        return self._single.find(low) if low == high else self._low.find(low) & self._high.find(high)

    def find_all(self, lows: Array, highs: Array) -> Array:
        """The terms that admit each of many; quicker where both columns are one and the same object."""
        if lows is highs:
            return self._single.find_all(lows)
        return self._low.find_all(lows) & self._high.find_all(highs)


def _common(low: Limits, high: Limits) -> Limits:
    return high if low is None else low if high is None else common(low, high)


def words(sets: Sequence[int], bits: int) -> Array:
    """Sets as 64-bit words: one row each, flat where one word is enough."""
    count = max(1, -(-bits // WORD))
    data = b"".join(one.to_bytes(8 * count, "little") for one in sets)
    table = np.frombuffer(data, "<u8")
    return table if count == 1 else table.reshape(-1, count)


def sets_of(rows: Array) -> list[int]:
    """The opposite of `words`."""
    if rows.ndim == 1:
        return rows.tolist()
    width = 8 * rows.shape[1]
    data = rows.tobytes()
    return [int.from_bytes(data[start : start + width], "little") for start in range(0, len(data), width)]
