"""Rows of samples as numpy columns: what drivers fill and lanes send, without a Python object per sample.

`key` is the index of the point in its plan while a row belongs to a driver, and the tag's number once it is in a lane.
`kind` says how to read the value: as `number`, as `integer` (booleans too, 0 and 1), both views of the same eight bytes,
or from `texts` by row.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

NUMBER: Final = 0
INTEGER: Final = 1
BOOLEAN: Final = 2
TEXT: Final = 3

KIND_NAMES: Final = ("number", "integer", "boolean", "text")
"""The kinds by number, as points declare them."""

MISSING: Final = -(2**63)
"""A time that the device did not give."""

_FIELDS: Final = (
    ("key", np.int32), ("ts", np.int64), ("arrival", np.int64), ("kind", np.uint8), ("integer", np.int64), ("q", np.uint32),
)  # fmt: skip


class Columns:
    """Growable block of rows. The arrays are longer than the rows: slice them with `[:columns.rows]`."""

    __slots__ = ("arrival", "integer", "key", "kind", "number", "q", "rows", "texts", "ts")

    key: np.ndarray[Any, np.dtype[np.int32]]
    ts: np.ndarray[Any, np.dtype[np.int64]]
    """Source time, microseconds UTC, or MISSING."""
    arrival: np.ndarray[Any, np.dtype[np.int64]]
    """When the value reached the device's own server, or MISSING until the intake says when it reached us."""
    kind: np.ndarray[Any, np.dtype[np.uint8]]
    integer: np.ndarray[Any, np.dtype[np.int64]]
    number: np.ndarray[Any, np.dtype[np.float64]]
    """The same memory as `integer`."""
    q: np.ndarray[Any, np.dtype[np.uint32]]

    def __init__(self, capacity: int = 1024) -> None:
        for name, kind in _FIELDS:
            setattr(self, name, np.zeros(capacity, kind))
        self.number = self.integer.view(np.float64)
        self.rows = 0
        self.texts: dict[int, str] = {}
        """Values of the rows whose kind is TEXT."""

    def __len__(self) -> int:
        return self.rows

    def clear(self) -> None:
        """Forget the rows, keep the memory."""
        self.rows = 0
        self.texts.clear()

    def reserve(self, more: int) -> int:
        """Make room for `more` rows after the present ones; the first free row. Does not count them as present."""
        needed = self.rows + more
        capacity = len(self.key)
        if needed > capacity:
            size = max(needed, 2 * capacity)
            for name, _ in _FIELDS:
                old = getattr(self, name)
                new = np.zeros(size, old.dtype)
                new[: self.rows] = old[: self.rows]
                setattr(self, name, new)
            self.number = self.integer.view(np.float64)
        return self.rows

    def add(self, key: int, ts: int, arrival: int, q: int, kind: int = NUMBER, value: Any = float("nan")) -> None:
        """Append one row; the slow way, for values that do not come in blocks."""
        row = self.reserve(1)
        self.key[row] = key
        self.ts[row] = ts
        self.arrival[row] = arrival
        self.q[row] = q
        self.kind[row] = kind
        if kind == NUMBER:
            self.number[row] = value
        elif kind == TEXT:
            self.integer[row] = 0
            self.texts[row] = value
        else:
            self.integer[row] = value
        self.rows += 1

    def extend(self, other: "Columns", keys: Any = None) -> None:
        """Append all rows of `other`, with `keys` in place of its own where given."""
        count = other.rows
        start = self.reserve(count)
        end = start + count
        for name, _ in _FIELDS[1:]:
            getattr(self, name)[start:end] = getattr(other, name)[:count]
        self.key[start:end] = other.key[:count] if keys is None else keys
        for row, text in other.texts.items():
            self.texts[start + row] = text
        self.rows = end

    def put(self, row: int, single: "Columns") -> None:
        """Write the one row of `single` into a row that is present already."""
        for name, _ in _FIELDS:
            getattr(self, name)[row] = getattr(single, name)[0]
        if single.texts:
            self.texts[row] = single.texts[0]

    def keep(self, wanted: Any) -> None:
        """Keep only the rows that a boolean array of `rows` length marks."""
        chosen = np.flatnonzero(wanted)
        for name, _ in _FIELDS:
            column = getattr(self, name)
            column[: len(chosen)] = column[chosen]
        if self.texts:
            self.texts = {new: self.texts[old] for new, old in enumerate(chosen.tolist()) if old in self.texts}
        self.rows = len(chosen)

    def part(self, start: int, end: int) -> "Columns":
        """A copy of some rows."""
        piece = Columns(max(end - start, 1))
        for name, _ in _FIELDS:
            getattr(piece, name)[: end - start] = getattr(self, name)[start:end]
        piece.texts = {row - start: text for row, text in self.texts.items() if start <= row < end}
        piece.rows = end - start
        return piece

    def value(self, row: int) -> float | int | bool | str:
        """One row's value as Python sees it; for tests and rare paths."""
        kind = self.kind[row]
        if kind == TEXT:
            return self.texts[row]
        if kind == BOOLEAN:
            return bool(self.integer[row])
        return float(self.number[row]) if kind == NUMBER else int(self.integer[row])

    def __iter__(self) -> Iterator[tuple[int, int, int, int, float | int | bool | str]]:
        """(key, ts, arrival, q, value) row by row; for tests and rare paths."""
        for row in range(self.rows):
            yield (
                int(self.key[row]), int(self.ts[row]), int(self.arrival[row]), int(self.q[row]), self.value(row),
            )  # fmt: skip
