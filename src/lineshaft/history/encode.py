"""From sorted rows to the table's columns: each tag's numbers in the form that measuring shows to be the smallest.

A number is the integer `vi` under a scale where that gives it back bit for bit, else the double `v`; the doubles of a
file lie in a dictionary or in byte streams, and where both are wanted there are two files. Every tag is treated at
once; the tags' scales come from the last segment (`Hints`), and only those whose scale no longer holds are looked at.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.history.encodings.hints import Hints
from lineshaft.history.encodings.scale import Scales, look, scaled, scaled_by_run
from lineshaft.history.schema import SEGMENT

STORED = pa.schema(
    [field.with_nullable(nullable=False) if field.name in ("mul", "div") else field for field in SEGMENT]
)
"""The form SEGMENT as it is written: every row has a scale, 1/1 where it has no integer."""
_EXCEPTIONS = 8
"""A tag whose scale fails for more than one in so many of its values is looked at anew."""
_WORTH_A_FILE = 0.05
_SMALLEST_GAIN = 32_768


class Encoded(msgspec.Struct, frozen=True):
    """What goes into one file."""

    columns: dict[str, pa.Array]
    """Of the form STORED, but for `mul` and `div`, and `q` as it came."""
    scales: Scales
    dictionary: Sequence[str]
    """Columns that have a dictionary."""
    encoding: dict[str, str]
    """Parquet encodings of others; that of `arrival` depends on the row groups."""
    rows: np.ndarray | None
    """Which of the given rows are in it; None for all."""

    def part(self, start: int, end: int) -> pa.Table:
        """Some rows in the form STORED: wide columns are made where they are used, a whole segment's fit no cache."""
        columns = {name: column.slice(start, end - start) for name, column in self.columns.items()}
        columns["mul"], columns["div"] = (pa.array(scale) for scale in self.scales.between(start, end))
        columns["q"] = pa.array(columns["q"].to_numpy(zero_copy_only=True).astype(np.int64))
        return pa.Table.from_arrays([columns[field.name] for field in STORED], schema=STORED)

    @property
    def table(self) -> pa.Table:
        """All rows in the form STORED."""
        return self.part(0, len(self.columns["tag"]))


def encode(rows: pa.RecordBatch, hints: Hints | None = None) -> list[Encoded]:
    """One or two files' content of rows in the form ROWS, sorted by (tag, ts); every value is the given one bit by bit.

    Args:
        hints: of the segments before; brought up to date. None looks at every tag.
    """
    hints = Hints() if hints is None else hints
    tag = rows.column("tag").to_numpy(zero_copy_only=True)
    hints.reach(int(tag[-1]))
    runs = Runs(tag)
    numbers = _Numbers(rows, runs, hints)
    hints.segments += 1
    columns = _columns(rows, numbers)
    return [_encoded(columns, numbers.scales, kind, chosen) for kind, chosen in numbers.parts(hints)]


class Runs:
    """Rows of one tag each, one after the other."""

    def __init__(self, tag: np.ndarray) -> None:
        self.starts = np.concatenate(([0], np.flatnonzero(np.diff(tag)) + 1))
        self.lengths = np.diff(np.append(self.starts, len(tag)))
        self.tags = tag[self.starts]

    def rows_of(self, chosen: np.ndarray) -> np.ndarray:
        """Indexes of the rows of some runs."""
        lengths = self.lengths[chosen]
        ends = np.cumsum(lengths)
        return np.arange(ends[-1]) + np.repeat(self.starts[chosen] - (ends - lengths), lengths)


class _Numbers:
    """The numeric columns: integers of devices and doubles under a scale in `vi`, the rest in `v`."""

    def __init__(self, rows: pa.RecordBatch, runs: Runs, hints: Hints) -> None:
        self._runs = runs
        self.values, self.floats = _content(rows.column("v"), np.dtype(np.float64))
        self.integers, self.whole = _content(rows.column("vi"), np.dtype(np.int64))
        count = len(rows)
        one = np.ones(len(runs.lengths))
        self.scales = Scales(runs.lengths, one, one)
        self._scaled = self.integers
        self.exact = np.zeros(count, bool)
        """Rows whose double is `vi` under its scale."""
        if self.floats is None or self.floats.any():
            self._scale(hints)
        if self.whole is None or self.whole.any():
            self._join_integers()
        else:
            self.integers = self._scaled

    def _scale(self, hints: Hints) -> None:
        runs, tags = self._runs, self._runs.tags
        mul, div = hints.mul[tags], hints.div[tags]
        self.scales = Scales(runs.lengths, mul, div)
        self._scaled, self.exact = scaled_by_run(self.values, self.scales)
        missed = ~self.exact & ~np.isnan(self.values)
        if self.floats is not None:
            self.exact &= self.floats
            missed &= self.floats
        misses = np.add.reduceat(missed, runs.starts, dtype=np.int64)
        failed = ~np.isnan(mul) & (misses * _EXCEPTIONS > runs.lengths)
        hints.failed(tags[failed])
        again = np.flatnonzero((failed | hints.due(tags)) & self._numeric())
        if len(again):
            self._look(again, hints)
        bare = np.isnan(mul)  # a scale of rows without an integer says nothing; without nulls a column is cheap
        mul[bare] = div[bare] = 1.0

    def _numeric(self) -> np.ndarray | bool:
        """Which runs have doubles at all."""
        if self.floats is None:
            return True
        return np.asarray(np.add.reduceat(self.floats, self._runs.starts, dtype=np.int64) > 0)

    def _look(self, again: np.ndarray, hints: Hints) -> None:
        """Find the scales of some runs and put their rows under them."""
        runs = self._runs
        at = runs.rows_of(again)
        values = self.values[at]
        if self.floats is not None:
            values = np.where(self.floats[at], values, np.nan)
        lengths = runs.lengths[again]
        mul, div, costs = look(values, np.cumsum(lengths) - lengths, lengths)
        hints.found(runs.tags[again], mul, div, costs.dictionary, costs.split)
        self.scales.mul[again], self.scales.div[again] = mul, div
        self._scaled[at], self.exact[at] = scaled(values, np.repeat(mul, lengths), np.repeat(div, lengths))

    def _join_integers(self) -> None:
        """Device's integers lie in the same column, under 1/1."""
        if not self.exact.any():
            self.scales.mul[:] = self.scales.div[:] = 1.0
        if self.whole is None:
            return
        integers = np.where(self.whole, self.integers, 0)
        if self.exact.any():
            integers = np.where(self.exact, self._scaled, integers)
            mul, div = self.scales.between(0, len(integers))
            mul[self.whole] = div[self.whole] = 1.0
            self.scales = Scales(np.ones(len(integers), np.int64), mul, div)
        self.integers = integers

    @property
    def _is_integer(self) -> np.ndarray | None:
        """Rows whose number is in `vi`; None for all."""
        if self.whole is None:
            return None
        return self.exact | self.whole

    def columns(self) -> tuple[pa.Array, pa.Array]:
        """`v` and `vi`."""
        there = self._is_integer
        doubles = ~self.exact if self.floats is None else self.floats & ~self.exact
        bits = None if there is None else _bitmap(there)
        return _array(self.values, pa.float64(), _bitmap(doubles)), _array(self.integers, pa.int64(), bits)

    def parts(self, hints: Hints) -> list[tuple[str, np.ndarray | None]]:
        """The form of `v`, or both with the rows of each where one file would be much larger."""
        runs, tags = self._runs, self._runs.tags
        unscaled = np.isnan(hints.mul[tags]) & (hints.split[tags] > 0)
        dictionary = np.where(unscaled, hints.dictionary[tags] * runs.lengths, 0.0)
        split = np.where(unscaled, hints.split[tags] * runs.lengths, 0.0)
        one_file = min(dictionary.sum(), split.sum())
        gain = one_file - np.minimum(dictionary, split).sum()
        if gain > max(_SMALLEST_GAIN, _WORTH_A_FILE * (one_file + 0.5 * len(self.exact))):
            repeats = np.repeat(unscaled & (dictionary < split), runs.lengths)
            return [("split", ~repeats), ("dictionary", repeats)]
        return [("dictionary" if dictionary.sum() < split.sum() else "split", None)]


def _columns(rows: pa.RecordBatch, numbers: _Numbers) -> dict[str, pa.Array]:
    v, vi = numbers.columns()
    same = {name: rows.column(name) for name in ("tag", "ts", "arrival", "vs", "vb", "q")}
    return {**same, "v": v, "vi": vi}


def _encoded(columns: dict[str, pa.Array], scales: Scales, kind: str, chosen: np.ndarray | None) -> Encoded:
    if chosen is not None:
        at = np.flatnonzero(chosen)
        mul, div = scales.between(0, len(chosen))
        scales = Scales(np.ones(len(at), np.int64), mul[at], div[at])
        columns = {name: column.take(pa.array(at)) for name, column in columns.items()}
    dictionary = ["vs", "q"]
    encoding = dict.fromkeys(("tag", "ts", "vi"), "DELTA_BINARY_PACKED")
    if kind == "dictionary":
        dictionary.append("v")
    else:
        encoding["v"] = "BYTE_STREAM_SPLIT"
    return Encoded(columns, scales, dictionary, encoding, chosen)


def _content(column: pa.Array, kind: np.dtype) -> tuple[np.ndarray, np.ndarray | None]:
    """A column's values as they lie in memory, anything where it is null, and where it is not; None for everywhere."""
    count = len(column)
    values = np.frombuffer(column.buffers()[1], kind, count, column.offset * kind.itemsize)
    if column.null_count == count:
        return values, np.zeros(count, bool)
    if not column.null_count:
        return values, None
    return values, np.asarray(column.is_valid().to_numpy(zero_copy_only=False))


def _bitmap(valid: np.ndarray) -> pa.Buffer:
    return pa.py_buffer(np.packbits(valid, bitorder="little"))


def _array(values: np.ndarray, kind: pa.DataType, valid: pa.Buffer | None) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(values)])
