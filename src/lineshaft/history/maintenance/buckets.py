"""Files of buckets: each holds the tags of one block in one stretch of time, and is written anew when one changes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from lineshaft.core import ids
from lineshaft.core.errors import Conflict
from lineshaft.history.commits import Segment
from lineshaft.history.maintenance.owned import OwnedTable
from lineshaft.history.rollup import DAY_US, HOUR_US, ROLLUP, Level
from lineshaft.history.rollup_state import MAINTAINER
from lineshaft.history.rollup_table import read_buckets, sorted_buckets
from lineshaft.history.schema import TIME, microseconds
from lineshaft.history.storage import Storage

BLOCK_TAGS = 256
_STRETCH: dict[Level, int] = {"rollup_1s": HOUR_US, "rollup_1min": DAY_US, "rollup_1h": DAY_US}
_ROW_GROUP = 8192
_FIRST, _LAST = -(2**62), 2**62
_TIMES = [field.name for field in ROLLUP if field.type == TIME]
_SPLIT = ("sum", "min", "max", "center", "sum_sq", "first", "last", "integral", "sloped")


class Change:
    """What becomes of one table of buckets; `commit` makes it so at once."""

    def __init__(self, level: Level, table: OwnedTable) -> None:
        self.level = level
        self.table = table
        self._files = {segment.path: segment for segment in table.segments()}
        self._added: list[Segment] = []
        self._removed: list[str] = []

    def put(self, buckets: pa.RecordBatch, tags: tuple[int, int], start_us: int, end_us: int) -> None:
        """Let these be all the buckets of tags first to last (of one block) that begin in start ≤ ts < end."""
        stretch = _STRETCH[self.level]
        ts = microseconds(buckets.column("ts"))
        for number in range(start_us // stretch, -(-end_us // stretch)):
            low, high = max(start_us, number * stretch), min(end_us, (number + 1) * stretch)
            part = buckets.take(pa.array(np.flatnonzero((ts >= low) & (ts < high))))
            self._exchange(part, tags, low, high, number * stretch, (number + 1) * stretch)

    def drop(self, tags: np.ndarray, before_us: int) -> None:
        """Remove the buckets of some tags that begin before a time."""
        for segment in list(self._files.values()):
            if segment.min_us < before_us and segment.min_tag <= tags.max() and segment.max_tag >= tags.min():
                held = read_buckets(self.table.storage, segment.path, None, _FIRST, _LAST)
                away = np.isin(held.column("tag").to_numpy(), tags) & (microseconds(held.column("ts")) < before_us)
                if away.any():
                    self._write([held.take(pa.array(np.flatnonzero(~away)))], [segment])

    @property
    def is_something(self) -> bool:
        return bool(self._added or self._removed)

    def join(self, until_us: int) -> None:
        """Make one file a month of the days of months that are over."""
        months: dict[tuple[int, int], list[Segment]] = {}
        for segment in self._files.values():
            month = int(np.datetime64(segment.min_us, "us").astype("datetime64[M]").astype(np.int64))
            months.setdefault((month, segment.min_tag // BLOCK_TAGS), []).append(segment)
        for (month, _), files in sorted(months.items()):
            end = np.datetime64(month + 1, "M").astype("datetime64[us]").astype(np.int64)
            if len(files) > 1 and int(end) <= until_us:
                self._write([read_buckets(self.table.storage, one.path, None, _FIRST, _LAST) for one in files], files)

    def commit(self, number: int | None = None) -> int:
        """Make it durable and then the table's newest version; returns that."""
        try:
            if self._added:
                self.table.storage.sync()
            if not self._added and not self._removed and number is None:
                return self.table.version
            return self.table.commit(self._added, self._removed, number)
        except Conflict:  # after any other error the commit may be in the table, which then names the files
            self.discard()
            raise

    def discard(self) -> None:
        """Remove what was written."""
        for segment in self._added:
            self.table.storage.delete(segment.path)

    def _exchange(
        self, new: pa.RecordBatch, tags: tuple[int, int], start_us: int, end_us: int, first_us: int, last_us: int
    ) -> None:
        """Put buckets into the file that has their stretch, from first to last; into a new one where there is none."""
        block = tags[0] // BLOCK_TAGS
        files = [
            segment for segment in self._files.values()
            if segment.min_tag // BLOCK_TAGS == block and segment.min_us < last_us and segment.max_us >= first_us
        ]  # fmt: skip
        kept = []
        for segment in files:
            held = read_buckets(self.table.storage, segment.path, None, _FIRST, _LAST)
            tag, ts = held.column("tag").to_numpy(), microseconds(held.column("ts"))
            away = (tag >= tags[0]) & (tag <= tags[1]) & (ts >= start_us) & (ts < end_us)
            kept.append(held.take(pa.array(np.flatnonzero(~away))))
        self._write([*kept, new], files)

    def _write(self, parts: Sequence[pa.RecordBatch], instead: Sequence[Segment]) -> None:
        buckets = sorted_buckets([part for part in parts if len(part)])
        if len(buckets):
            segment = write_buckets(self.table.storage, buckets)
            self._added.append(segment)
            self._files[segment.path] = segment
        for old in instead:
            del self._files[old.path]
            written = next((one for one in self._added if one.path == old.path), None)
            if written is None:
                self._removed.append(old.path)
            else:  # of this very change: nobody has seen it
                self._added.remove(written)
                self.table.storage.delete(old.path)


def write_buckets(storage: Storage, buckets: pa.RecordBatch) -> Segment:
    """Write sorted buckets as a new file; its content is durable, its name not yet."""
    name = f"{MAINTAINER}-{ids.new_id()}.parquet"
    size = storage.write(name, lambda path: _write(path, buckets))
    tag, ts = buckets.column("tag").to_numpy(), microseconds(buckets.column("ts"))
    return Segment(
        path=name, size=size, rows=len(buckets), min_tag=int(tag[0]), max_tag=int(tag[-1]),
        min_us=int(ts.min()), max_us=int(ts.max()),
    )  # fmt: skip


def _write(path: Path, buckets: pa.RecordBatch) -> None:
    import pyarrow.parquet as pq

    packed = ["tag", *_TIMES]
    encoding = dict.fromkeys(packed, "DELTA_BINARY_PACKED") | dict.fromkeys(_SPLIT, "BYTE_STREAM_SPLIT")
    pq.write_table(
        pa.Table.from_batches([buckets]), path, row_group_size=_ROW_GROUP, compression="zstd", column_encoding=encoding,
        use_dictionary=[name for name in ROLLUP.names if name not in encoding], write_page_index=True,
        store_schema=False, sorting_columns=[pq.SortingColumn(0), pq.SortingColumn(1)],
    )  # fmt: skip
