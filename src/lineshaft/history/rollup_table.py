"""The rollups as queries read them: the newest state, and buckets of exactly the versions that belong to it."""

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.core import clock
from lineshaft.history.rollup import LEVELS, ROLLUP, Level, empty_rollup
from lineshaft.history.rollup_state import MAINTAINER, RollupState, state_name
from lineshaft.history.schema import microseconds
from lineshaft.history.sealed import SealedTable
from lineshaft.history.storage import Storage

_KEPT_STATES = 8
_BELIEVED_SECONDS = 5.0
"""An older state is as right as a new one, only shorter."""


class RolledTables:
    """The rollups of one history. Blocking; `state` is for one thread at a time, `rows` for any."""

    def __init__(self, storage: Storage) -> None:
        self._tables = {level: SealedTable(storage, level) for level in LEVELS}
        self._hours = storage.child("rollup_1h")
        self._state: RollupState | None = None
        self._versions: dict[int, int] = {}
        """Of `rollup_1h`, by the number of the state that belongs to it; the newest few."""
        self._looked: float | None = None

    def state(self, *, now: bool = False) -> RollupState | None:
        """How far the rollups are; None where there are none yet.

        Args:
            now: look however fresh it is, as after a FileNotFoundError.

        Raises:
            Unavailable: the table cannot be read.
        """
        if now or self._looked is None or clock.monotonic() - self._looked > _BELIEVED_SECONDS:
            version, number = self._tables["rollup_1h"].newest(MAINTAINER)
            if number is None:
                self._state = None
            elif self._state is None or self._state.number != number:
                self._state = msgspec.json.decode(self._hours.read(state_name(number)), type=RollupState)
            if number is not None:
                self._versions = {**dict(list(self._versions.items())[-_KEPT_STATES:]), number: version}
            self._looked = clock.monotonic()
        return self._state

    def rows(
        self, level: Level, tags: np.ndarray | None, start_us: int, end_us: int, state: RollupState
    ) -> pa.RecordBatch:
        """Buckets of `tags` (sorted; None for all) that begin in start ≤ ts < end, by (tag, ts).

        Raises:
            FileNotFoundError: the state was replaced too long ago: ask for a new one.
            Unavailable: the table cannot be read.
        """
        version = self._versions.get(state.number, -1) if level == "rollup_1h" else state.tables.get(level, -1)
        if version < 0:
            return empty_rollup()
        table = self._tables[level]
        files = table.files(version)
        parts = [
            read_buckets(table.storage, files.paths[index], tags, start_us, end_us)
            for index in files.overlapping(tags, start_us, end_us)
        ]
        return sorted_buckets([part for part in parts if len(part)])


def read_buckets(
    storage: Storage, path: str, tags: np.ndarray | None, start_us: int, end_us: int
) -> pa.RecordBatch:  # fmt: skip
    """The buckets of one file that begin in start ≤ ts < end, of `tags` (sorted; None for all), in the file's order.

    Raises:
        OSError: the file is gone or cannot be read.
    """
    import pyarrow.parquet as pq

    with storage.open(path) as source, pq.ParquetFile(source, pre_buffer=False) as file:
        groups = [
            number
            for number in range(file.num_row_groups)
            if _may_hold(file.metadata.row_group(number).column(0), tags)
        ]
        if not groups:
            return empty_rollup()
        stored = file.read_row_groups(groups, use_threads=False).combine_chunks().to_batches()
    if not stored:
        return empty_rollup()
    buckets = pa.RecordBatch.from_arrays(stored[0].columns, schema=ROLLUP)
    ts = microseconds(buckets.column("ts"))
    wanted = (ts >= start_us) & (ts < end_us)
    if tags is not None:
        wanted &= np.isin(buckets.column("tag").to_numpy(), tags)
    return buckets if wanted.all() else buckets.take(pa.array(np.flatnonzero(wanted)))


def sorted_buckets(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Buckets of several batches as one, by (tag, ts)."""
    if not parts:
        return empty_rollup()
    if len(parts) == 1:
        return parts[0]
    (whole,) = pa.Table.from_batches(parts).combine_chunks().to_batches()
    tag, ts = whole.column("tag").to_numpy(), microseconds(whole.column("ts"))
    return whole.take(pa.array(np.lexsort((ts, tag))))


def _may_hold(column: object, tags: np.ndarray | None) -> bool:
    statistics = column.statistics  # type: ignore[attr-defined]  # untyped library
    if tags is None or statistics is None or not statistics.has_min_max:
        return True
    first = int(np.searchsorted(tags, statistics.min))
    return first < len(tags) and int(tags[first]) <= statistics.max
