"""Columns of samples out of segments: only the row groups and the columns that a query needs, cut by (tag, ts).

Segments are sorted by (tag, ts) and their row groups carry the least and greatest of both.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.history.faults import reading
from lineshaft.history.rollup import numbers
from lineshaft.history.schema import ROWS, SEGMENT, empty_rows, from_segment, microseconds
from lineshaft.history.sorting import joined
from lineshaft.history.storage import Storage

EVER_US = 2**62
_KEPT_GROUPS = 2000
"""Row groups whose places are remembered: about 10 kB each with all columns."""
_VALUES = ("v", "vi", "vs", "vb")


class Columns(msgspec.Struct, frozen=True):
    """Samples, column by column; `rows` holds the same as ROWS where a query gives values as they were stored."""

    tag: npt.NDArray[np.int32]
    ts: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    """NaN where there is no number."""
    q: npt.NDArray[np.uint32]
    rows: pa.RecordBatch | None = None

    def __len__(self) -> int:
        return len(self.tag)

    def take(self, index: np.ndarray) -> "Columns":
        """Some of them."""
        rows = None if self.rows is None else self.rows.take(pa.array(index))
        return Columns(self.tag[index], self.ts[index], self.value[index], self.q[index], rows)

    def between(self, start_us: int, end_us: int) -> "Columns":
        """Those with start ≤ ts < end."""
        wanted = (self.ts >= start_us) & (self.ts < end_us)
        return self if wanted.all() else self.take(np.flatnonzero(wanted))

    def of(self, tags: np.ndarray) -> "Columns":
        """Those of `tags`."""
        wanted = np.isin(self.tag, tags)
        return self if wanted.all() else self.take(np.flatnonzero(wanted))

    def without(self, other: "Columns") -> "Columns":
        """Those whose (tag, ts) is not among the others'."""
        if not len(other) or not len(self):
            return self
        replaced = np.isin(_keys(self), _keys(other))
        return self.take(np.flatnonzero(~replaced)) if replaced.any() else self

    def cut(self) -> dict[int, slice]:
        """Where the samples of each tag stand; they are sorted by (tag, ts)."""
        tags, first = np.unique(self.tag, return_index=True)
        edges = [*first.tolist(), len(self)]
        return {tag: slice(*edges[at : at + 2]) for at, tag in enumerate(tags.tolist())}


def of_rows(rows: pa.RecordBatch, *, whole: bool) -> Columns:
    """Columns of rows of the form ROWS."""
    return Columns(
        rows.column("tag").to_numpy(), microseconds(rows.column("ts")), numbers(rows), rows.column("q").to_numpy(),
        rows if whole else None,
    )  # fmt: skip


def merged(parts: Sequence[Columns], *, whole: bool) -> Columns:
    """All of them by (tag, ts); of several with one (tag, ts) the last given."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return of_rows(empty_rows(), whole=whole)
    if len(parts) == 1:
        together = parts[0]
    else:
        rows = joined([part.rows for part in parts if part.rows is not None]) if whole else None
        together = Columns(
            np.concatenate([part.tag for part in parts]), np.concatenate([part.ts for part in parts]),
            np.concatenate([part.value for part in parts]), np.concatenate([part.q for part in parts]), rows,
        )  # fmt: skip
    tag, ts = together.tag, together.ts
    if ((tag[1:] > tag[:-1]) | ((tag[1:] == tag[:-1]) & (ts[1:] > ts[:-1]))).all():
        return together
    order = np.lexsort((ts, tag))
    tag, ts = tag[order], ts[order]
    last = np.append((tag[1:] != tag[:-1]) | (ts[1:] != ts[:-1]), True)  # a value, not a flag
    return together.take(order[last])


class Footer(msgspec.Struct, frozen=True):
    """What a segment's end says of its row groups."""

    metadata: Any
    min_tag: np.ndarray
    max_tag: np.ndarray
    min_us: np.ndarray
    max_us: np.ndarray
    runs: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
    """Per row group that was read its tags, and where the rows of each begin and stop."""

    def groups(self, tags: np.ndarray, start_us: int, end_us: int) -> list[int]:
        """Row groups that may hold samples of `tags` (sorted) with start ≤ ts < end."""
        hit = (self.min_us < end_us) & (self.max_us >= start_us)
        hit &= np.searchsorted(tags, self.min_tag) < np.searchsorted(tags, self.max_tag, side="right")
        return [int(number) for number in np.flatnonzero(hit)]


class Scanner:
    """Reads the segments of one table, for any thread; remembers the footers it saw last. Blocking."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._footers: OrderedDict[str, Footer] = OrderedDict()
        self._groups = 0
        self._lock = threading.Lock()

    def read(self, path: str, tags: np.ndarray, start_us: int, end_us: int, *, whole: bool) -> Columns:
        """Samples of `tags` (sorted) with start ≤ ts < end, in the file's order.

        Args:
            whole: with `rows`.

        Raises:
            OSError: the file is gone or cannot be read.
        """
        import pyarrow.parquet as pq

        footer = self._footers.get(path)
        if footer is not None and not footer.groups(tags, start_us, end_us):
            return of_rows(empty_rows(), whole=whole)
        with reading(self._storage), self._storage.open(path) as source:
            known = None if footer is None else footer.metadata
            with pq.ParquetFile(source, metadata=known, pre_buffer=self._storage.folder is None) as file:
                footer = footer or _footer(file.metadata)
                self._remember(path, footer)
                parts = [
                    part
                    for number in footer.groups(tags, start_us, end_us)
                    for part in Group(file, footer, number).pieces(tags, start_us, end_us, whole=whole)
                ]
        return merged(parts, whole=whole)

    def _remember(self, path: str, footer: Footer) -> None:
        with self._lock:
            before = self._footers.pop(path, None)
            self._footers[path] = footer
            self._groups += len(footer.min_us) - (0 if before is None else len(before.min_us))
            while len(self._footers) > 1 and self._groups > _KEPT_GROUPS:
                _, oldest = self._footers.popitem(last=False)
                self._groups -= len(oldest.min_us)


def _footer(metadata: Any) -> Footer:
    found = np.array(
        [_range(metadata.row_group(number)) for number in range(metadata.num_row_groups)], np.int64
    ).reshape(-1, 4)  # fmt: skip
    return Footer(metadata, found[:, 0], found[:, 1], found[:, 2], found[:, 3])


def _range(group: Any) -> tuple[int, int, int, int]:
    """(least tag, greatest tag, least time, greatest time) of a row group; without statistics anything."""
    tag = group.column(ROWS.get_field_index("tag")).statistics
    ts = group.column(ROWS.get_field_index("ts")).statistics
    low, high = (tag.min_raw, tag.max_raw) if tag is not None and tag.has_min_max else (0, 2**31 - 1)
    first, last = (ts.min_raw, ts.max_raw) if ts is not None and ts.has_min_max else (-EVER_US, EVER_US)
    return low, high, first, last


class Group:
    """One row group, read column by column: no more of them than its wanted rows have values in."""

    def __init__(self, file: Any, footer: Footer, number: int) -> None:
        self._file = file
        self._footer = footer
        self._number = number
        sizes = file.metadata.row_group(number)
        self._values = sorted(
            _VALUES,
            key=lambda name: int(sizes.column(SEGMENT.get_field_index(name)).total_compressed_size),
            reverse=True,
        )
        """A row has one value, so where the fullest column has them all, the others need no look."""

    def pieces(self, tags: np.ndarray, start_us: int, end_us: int, *, whole: bool) -> Iterator[Columns]:
        """The wanted stretches, one per tag."""
        first = self._values[0]
        scale = ("mul", "div") if first == "vi" else ()
        column = self._read("ts", "q", *(("arrival",) if whole else ()), first, *scale)
        ts = microseconds(column["ts"])
        known, begins, stops = self._runs()
        at = np.flatnonzero(np.isin(known, tags))
        stretches, numbers = [], []
        for tag, begin, stop in zip(known[at].tolist(), begins[at].tolist(), stops[at].tolist(), strict=True):
            low, high = (begin + np.searchsorted(ts[begin:stop], (start_us, end_us))).tolist()
            if low < high:
                stretches.append((low, high - low))
                numbers.append(tag)
        if not stretches:
            return
        column |= self._filled(column, stretches)
        for tag, stretch in zip(numbers, stretches, strict=True):
            piece = {name: values.slice(*stretch) for name, values in column.items()}
            piece["tag"] = pa.array(np.full(stretch[1], tag, np.int32))
            yield _whole(piece) if whole else _piece(piece)

    def _runs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The tags of the group, and where the rows of each begin and stop."""
        low, high = self._footer.min_tag[self._number], self._footer.max_tag[self._number]
        if low == high:
            count = self._file.metadata.row_group(self._number).num_rows
            return np.array([low], np.int32), np.array([0]), np.array([count])
        if self._number not in self._footer.runs:
            tag = self._read("tag")["tag"].to_numpy()
            begins = np.flatnonzero(np.append(len(tag) > 0, tag[1:] != tag[:-1]))
            self._footer.runs[self._number] = tag[begins], begins, np.append(begins[1:], len(tag))
        return self._footer.runs[self._number]

    def _filled(self, column: dict[str, pa.Array], stretches: list[tuple[int, int]]) -> dict[str, pa.Array]:
        """The columns that hold values of these stretches and were not read with the others."""
        found: dict[str, pa.Array] = {}
        missing = sum(length for _, length in stretches)
        for name in self._values:
            if not missing:
                break
            values = column[name] if name in column else self._read(name)[name]
            there = sum(length - values.slice(first, length).null_count for first, length in stretches)
            if there and name not in column:
                found |= {name: values} | (self._read("mul", "div") if name == "vi" else {})
            missing -= there
        return found

    def _read(self, *names: str) -> dict[str, pa.Array]:
        table = self._file.read_row_group(self._number, [*names], use_threads=False)
        return {name: _single(table.column(name)) for name in names}


def _single(column: pa.ChunkedArray) -> pa.Array:
    """One array; the library copies even where there is only one."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _whole(piece: dict[str, pa.Array]) -> Columns:
    """With `rows`; columns that were not read have no value."""
    count = len(piece["tag"])
    arrays = [piece.get(field.name) for field in SEGMENT]
    filled = [
        pa.nulls(count, field.type) if array is None else array for field, array in zip(SEGMENT, arrays, strict=True)
    ]
    return of_rows(from_segment(pa.RecordBatch.from_arrays(filled, schema=SEGMENT)), whole=True)


def _piece(column: dict[str, pa.Array]) -> Columns:
    value = np.full(len(column["tag"]), np.nan)
    if "v" in column:
        value = _floats(column["v"])
    if "vi" in column:
        scaled = _floats(column["vi"]) * _floats(column["mul"]) / _floats(column["div"])
        value = np.where(column["vi"].is_valid().to_numpy(zero_copy_only=False), scaled, value)
    if "vb" in column:
        flags = _floats(column["vb"].cast(pa.uint8()))
        value = np.where(column["vb"].is_valid().to_numpy(zero_copy_only=False), flags, value)
    return Columns(
        column["tag"].to_numpy(), microseconds(column["ts"]), value, column["q"].to_numpy().astype(np.uint32)
    )  # fmt: skip


def _floats(column: pa.Array) -> np.ndarray:
    """As doubles, NaN where null."""
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)


def _keys(columns: Columns) -> np.ndarray:
    keys = np.empty(len(columns), [("tag", "i4"), ("ts", "i8")])
    keys["tag"], keys["ts"] = columns.tag, columns.ts
    return keys
