"""Files being read in slabs: a range of tags and of time over many files at once, in the order of the table.

Slabs follow the borders of row groups, so that hardly one is read twice, and hold a bounded number of rows.
"""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.history.commits import Segment
from lineshaft.history.rollup import HOUR_US, MINUTE_US
from lineshaft.history.schema import ROWS, empty_rows, from_segment
from lineshaft.history.sorting import joined, keys, ordered
from lineshaft.history.storage import Storage

_FIRST, _LAST = -(2**62), 2**62


class Damaged(Exception):
    """A file of the table that cannot be read, or does not hold what the table says."""

    def __init__(self, segment: Segment, reason: str) -> None:
        super().__init__(f"{segment.path}: {reason}")
        self.segment = segment
        self.reason = reason


class Slab(msgspec.Struct, frozen=True):
    """Tags first to last and start ≤ ts < end."""

    first_tag: int
    last_tag: int
    start_us: int = _FIRST
    end_us: int = _LAST

    @property
    def is_whole(self) -> bool:
        """Whether it is not cut in time."""
        return self.start_us == _FIRST and self.end_us == _LAST

    @property
    def has_whole_hours(self) -> bool:
        """Whether no hour of its tags is partly in another slab."""
        return self.start_us in (_FIRST, _hour(self.start_us)) and self.end_us in (_LAST, _hour(self.end_us))


class Source:
    """One open file; close it."""

    def __init__(self, storage: Storage, segment: Segment) -> None:
        import pyarrow.parquet as pq

        self.segment = segment
        self.given = 0
        """Rows read so far."""
        self._input: Any = storage.open(segment.path)
        try:
            with self._told():
                self._file = pq.ParquetFile(self._input, pre_buffer=False, page_checksum_verification=True)
                self.groups = _groups(self._file.metadata, segment)
        except BaseException:
            self._input.close()
            raise
        held = int(self.groups[:, 2].sum())
        if held != segment.rows:
            self.close()
            raise Damaged(segment, f"it holds {held} rows, the table says {segment.rows}")

    def read(self, slab: Slab) -> pa.RecordBatch:
        """Its rows of a slab, in the form ROWS.

        Raises:
            Damaged: it cannot be read. FileNotFoundError: it is gone.
        """
        at = np.flatnonzero((self.groups[:, 0] <= slab.last_tag) & (self.groups[:, 1] >= slab.first_tag))
        if not len(at) or slab.start_us > self.segment.max_us or slab.end_us <= self.segment.min_us:
            return empty_rows()
        with self._told():
            stored = self._file.read_row_groups(at.tolist(), use_threads=False).combine_chunks().to_batches()
            rows = _within(from_segment(stored[0]), slab) if stored else empty_rows()
        self.given += len(rows)
        return rows

    def close(self) -> None:
        """Let the file go."""
        self._file.close()
        self._input.close()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """What a broken file raises, as `Damaged`; what the storage raises stays what it is."""
        try:
            yield
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError, IndexError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise Damaged(self.segment, str(error).splitlines()[0] if str(error) else type(error).__name__) from error


class Sources:
    """Several files of one table, read together. Use it with `with`."""

    def __init__(self, storage: Storage, segments: Sequence[Segment]) -> None:
        self._storage = storage
        self._segments = sorted(segments, key=lambda segment: (segment.min_us, segment.path))
        self._open: list[Source] = []

    def __enter__(self) -> Self:
        try:
            for segment in self._segments:
                self._open.append(Source(self._storage, segment))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let all files go."""
        for source in self._open:
            source.close()
        self._open.clear()

    def slabs(self, rows: int, first_tag: int = 0, last_tag: int = 2**31 - 1) -> list[Slab]:
        """Slabs of about `rows` rows that together hold every row of these tags; ascending by tag, then by time."""
        groups = np.concatenate([np.zeros((0, 3), np.int64), *(source.groups for source in self._open)])
        groups = groups[(groups[:, 0] <= last_tag) & (groups[:, 1] >= first_tag)]
        if not len(groups):
            return []
        groups = groups[np.argsort(groups[:, 1], kind="stable")]
        ends, before = groups[:, 1], np.concatenate([[0], np.cumsum(groups[:, 2])])
        found: list[Slab] = []
        low, done = max(first_tag, int(groups[:, 0].min())), 0
        while done < len(groups):
            reach = int(np.searchsorted(before, before[done] + rows, side="right")) - 1
            # the last border that is within reach, but at least one further
            high = int(ends[max(reach - 1, done)])
            after = int(np.searchsorted(ends, high, side="right"))
            if before[after] - before[done] > 1.5 * rows and reach > done:
                below = int(np.searchsorted(ends, high, side="left"))
                if below > done:
                    high, after = int(ends[below - 1]), below
            found += self._in_time(low, min(high, last_tag), int(before[after] - before[done]), rows)
            low, done = high + 1, after
        return found

    def read(self, slab: Slab) -> pa.RecordBatch:
        """All rows of a slab by (tag, ts).

        Raises:
            Damaged, FileNotFoundError: see `Source.read`.
        """
        return interleaved([source.read(slab) for source in self._open])

    def check_all_given(self) -> None:
        """After all slabs were read.

        Raises:
            Damaged: a file gave another number of rows than the table says it has.
        """
        for source in self._open:
            if source.given != source.segment.rows:
                raise Damaged(source.segment, f"it gave {source.given} rows, the table says {source.segment.rows}")

    def _in_time(self, low: int, high: int, held: int, rows: int) -> list[Slab]:
        """One slab, or several one after the other where it holds far more than wanted."""
        count = -(-held // rows) if held > 2 * rows else 1
        if count == 1:
            return [Slab(low, high)]
        start = min(source.segment.min_us for source in self._open)
        end = max(source.segment.max_us for source in self._open) + 1
        # whole hours where that is near enough, else whole minutes, so that hardly a bucket of a rollup is cut
        step = HOUR_US if end - start >= count * HOUR_US else MINUTE_US
        inner = {(start + (end - start) * number // count) // step * step for number in range(1, count)}
        return [Slab(low, high, *cuts) for cuts in pairwise([_FIRST, *sorted(inner), _LAST])]


def _hour(time_us: int) -> int:
    return time_us // HOUR_US * HOUR_US


def interleaved(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Rows of batches that are sorted by (tag, ts), sorted so as a whole; of one (tag, ts) the last given stays.

    Files follow each other in time as a rule; then their runs of one tag only have to be laid one behind the other.
    """
    batches = [batch for batch in batches if len(batch)]
    if len(batches) < 2:
        return batches[0] if batches else empty_rows()
    rows = joined(batches)
    tag, ts = keys(rows)
    sizes = np.cumsum([len(batch) for batch in batches])[:-1]
    border = np.append(True, tag[1:] != tag[:-1])  # a value, not a flag
    border[sizes] = True
    starts = np.flatnonzero(border)
    lengths = np.diff(np.append(starts, len(tag)))
    sequence = np.argsort(tag[starts], kind="stable")
    starts, lengths = starts[sequence], lengths[sequence]
    ends = starts + lengths - 1
    same = tag[starts[1:]] == tag[starts[:-1]]
    if not bool(np.all(~same | (ts[starts[1:]] > ts[ends[:-1]]))):
        return ordered(batches)
    order = np.repeat(starts - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths) + np.arange(len(tag))
    return taken(rows, order)


def taken(rows: pa.RecordBatch, order: np.ndarray) -> pa.RecordBatch:
    """Rows in another order, without looking into columns that have no value."""
    index = pa.array(order)
    columns = [
        column.take(index) if column.null_count < len(column) else pa.nulls(len(order), column.type)
        for column in rows.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=ROWS)


def _within(rows: pa.RecordBatch, slab: Slab) -> pa.RecordBatch:
    """Rows sorted by tag, of a slab only."""
    tag, ts = keys(rows)
    low, high = (int(np.searchsorted(tag, slab.first_tag)), int(np.searchsorted(tag, slab.last_tag, side="right")))
    rows = rows.slice(low, high - low)
    if slab.is_whole:
        return rows
    ts = ts[low:high]
    wanted = (ts >= slab.start_us) & (ts < slab.end_us)
    return rows if wanted.all() else taken(rows, np.flatnonzero(wanted))


def _groups(metadata: Any, segment: Segment) -> np.ndarray:
    """(first tag, last tag, rows) of each row group; the file's whole range where a group does not say."""
    column = ROWS.get_field_index("tag")
    found = np.zeros((metadata.num_row_groups, 3), np.int64)
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        statistics = group.column(column).statistics
        known = statistics is not None and statistics.has_min_max
        found[number] = (
            statistics.min if known else segment.min_tag, statistics.max if known else segment.max_tag, group.num_rows
        )  # fmt: skip
    return found
