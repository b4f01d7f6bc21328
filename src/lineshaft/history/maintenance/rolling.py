"""Rolling: the buckets of new hours and of hours that changed, day by day, each day's commit complete in itself.

The finer tables are committed first; the commit of `rollup_1h` names the state, which names their versions. Killed in
between, the old state still holds, and what was rolled for nothing is rolled again.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.core import clock
from lineshaft.history.commits import Segment
from lineshaft.history.maintenance.buckets import BLOCK_TAGS, Change
from lineshaft.history.maintenance.owned import OwnedTable
from lineshaft.history.maintenance.plan import is_own
from lineshaft.history.maintenance.sources import Slab, Sources, taken
from lineshaft.history.rollup import (
    DAY_US,
    DENSE_ROWS,
    HOUR_US,
    LEVELS,
    MINUTE_US,
    SECOND_US,
    Level,
    combine,
    roll,
)
from lineshaft.history.rollup_state import RollupState, state_name
from lineshaft.history.rollup_table import sorted_buckets
from lineshaft.history.schema import microseconds
from lineshaft.history.segment import read_segment
from lineshaft.history.sorting import keys
from lineshaft.history.storage import Storage

Report = Callable[[int], None]
_STATES_KEPT_US = DAY_US
_LOOKED_AT_ROWS = 1_000_000


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """Whole hours of one day, and the tags to roll in them."""

    start_us: int
    end_us: int
    first_tag: int
    last_tag: int
    segments: list[Segment]

    @property
    def rows(self) -> int:
        return sum(segment.rows for segment in self.segments)


class Rolled:
    """The rollups of one history, for its one maintainer."""

    def __init__(self, storage: Storage) -> None:
        self._tables: dict[Level, OwnedTable] = {level: OwnedTable(storage, level) for level in LEVELS}
        self._hours = self._tables["rollup_1h"]
        number = self._hours.number
        self.state: RollupState | None = None
        if number is not None:
            self.state = msgspec.json.decode(self._hours.storage.read(state_name(number)), type=RollupState)

    @property
    def tables(self) -> list[OwnedTable]:
        return list(self._tables.values())

    def roll(self, samples: OwnedTable, horizon_us: int, slab_rows: int, report: Report) -> int:
        """Bring the rollups up to a whole hour; returns how many rows were rolled.

        Raises:
            Damaged: a file of samples cannot be read; the days before it are done.
        """
        segments = samples.segments()
        version, done = samples.version, 0
        seen = [segment.path for segment in segments if not is_own(segment.path)]
        if self.state is not None and (new := unseen(segments, self.state)):
            for stretch in changed(samples.storage, segments, new, self.state.until_us):
                done += self._roll(samples.storage, stretch, self.state, slab_rows, report)
            self._finish(self._changes(), msgspec.structs.replace(self.state, seen=seen, version=version))
        for stretch in fresh(samples.storage, segments, self.state, horizon_us):
            state = RollupState(number=0, until_us=stretch.end_us, version=version, seen=seen, tables={})
            done += self._roll(samples.storage, stretch, state, slab_rows, report)
        return done

    def forget(self, tags: np.ndarray, before_us: int) -> None:
        """Remove the buckets of some tags that begin before a whole hour."""
        if self.state is not None:
            changes = self._changes()
            for change in changes.values():
                change.drop(tags, before_us)
            self._finish(changes, self.state)

    def tidy(self) -> None:
        """Make months of days, and remove states that nobody can be reading any more."""
        if self.state is None:
            return
        changes = self._changes()
        changes["rollup_1h"].join(self.state.until_us)
        if changes["rollup_1h"].is_something:
            self._finish(changes, self.state)
        limit = min(self.state.number, clock.now_us() - _STATES_KEPT_US)
        for stored in self._hours.storage.names():
            number = stored.name.removeprefix("rolled-").removesuffix(".json")
            if number.isdigit() and int(number) < limit:
                self._hours.storage.delete(stored.name)

    def _changes(self) -> dict[Level, Change]:
        return {level: Change(level, table) for level, table in self._tables.items()}

    def _roll(self, storage: Storage, stretch: Stretch, state: RollupState, slab_rows: int, report: Report) -> int:
        """Roll one stretch and commit it with the state that holds then."""
        changes, done = self._changes(), 0
        try:
            with Sources(storage, stretch.segments) as sources:
                for first, last in _blocks(stretch):
                    slabs = sources.slabs(slab_rows, first, last)
                    if slabs:
                        rows, buckets = _block(sources, stretch, slabs)
                        done += rows
                        for level, change in changes.items():
                            change.put(buckets[level], (first, last), stretch.start_us, stretch.end_us)
                        report(rows)
        except BaseException:
            for change in changes.values():
                change.discard()
            raise
        self._finish(changes, state)
        return done

    def _finish(self, changes: dict[Level, Change], state: RollupState) -> None:
        versions = {level: changes[level].commit() for level in LEVELS if level != "rollup_1h"}
        number = self._hours.next_number()
        state = msgspec.structs.replace(state, number=number, tables=versions)
        self._hours.storage.replace(state_name(number), msgspec.json.encode(state))
        changes["rollup_1h"].commit(number)
        self.state = state


def unseen(segments: Sequence[Segment], state: RollupState) -> list[Segment]:
    """Files with rows below the watermark that were not rolled."""
    seen = set(state.seen)
    return [
        segment for segment in segments
        if not is_own(segment.path) and segment.path not in seen and segment.min_us < state.until_us
    ]  # fmt: skip


def changed(storage: Storage, segments: Sequence[Segment], new: Sequence[Segment], until_us: int) -> Iterator[Stretch]:
    """What to roll again because of new files below the watermark: per day the hours and tags that they touch."""
    touched: dict[int, list[Segment]] = {}
    for segment in new:
        for day in _days(storage, segment):
            touched.setdefault(day, []).append(segment)
    for day, files in sorted(touched.items()):
        start = max(min(segment.min_us for segment in files) // HOUR_US * HOUR_US, day * DAY_US)
        end = min(-(-(max(segment.max_us for segment in files) + 1) // HOUR_US) * HOUR_US, (day + 1) * DAY_US, until_us)
        if start < end:
            low, high = min(segment.min_tag for segment in files), max(segment.max_tag for segment in files)
            yield _stretch(segments, start, end, low, high)


def fresh(
    storage: Storage, segments: Sequence[Segment], state: RollupState | None, horizon_us: int
) -> Iterator[Stretch]:  # fmt: skip
    """What lies between the watermark and a whole hour, day by day."""
    low = -(2**62) if state is None else state.until_us
    ahead = [segment for segment in segments if _is_ahead(segment, low, horizon_us)]
    for day in sorted({day for segment in ahead for day in _days(storage, segment)}):
        start, end = max(day * DAY_US, low), min((day + 1) * DAY_US, horizon_us)
        if start < end:
            stretch = _stretch(segments, start, end, 0, 2**31 - 1)
            if stretch.segments:
                yield stretch


def is_behind(segments: Sequence[Segment], state: RollupState | None, horizon_us: int) -> bool:
    """Whether `fresh` may find something."""
    low = -(2**62) if state is None else state.until_us
    return any(_is_ahead(segment, low, horizon_us) for segment in segments)


def _is_ahead(segment: Segment, low_us: int, horizon_us: int) -> bool:
    return segment.max_us >= low_us and segment.min_us < horizon_us and low_us < horizon_us


def _stretch(segments: Sequence[Segment], start_us: int, end_us: int, first_tag: int, last_tag: int) -> Stretch:
    files = [
        segment for segment in segments
        if segment.min_us < end_us and segment.max_us >= start_us
        and segment.min_tag <= last_tag and segment.max_tag >= first_tag
    ]  # fmt: skip
    low, high = min((one.min_tag for one in files), default=0), max((one.max_tag for one in files), default=0)
    return Stretch(
        start_us=start_us, end_us=end_us, first_tag=max(first_tag, low), last_tag=min(last_tag, high), segments=files
    )


def _days(storage: Storage, segment: Segment) -> list[int]:
    """Days that a file has rows of; looks into one that seems to have many: one wrong clock makes a range of years."""
    first, last = segment.min_us // DAY_US, segment.max_us // DAY_US
    if last - first <= 1 or segment.rows > _LOOKED_AT_ROWS:
        return list(range(first, last + 1))
    _, ts = keys(read_segment(storage, segment.path))
    return [int(day) for day in np.unique(ts // DAY_US)]


def _blocks(stretch: Stretch) -> Iterator[tuple[int, int]]:
    """First and last tag of each block that a stretch touches."""
    for block in range(stretch.first_tag // BLOCK_TAGS, stretch.last_tag // BLOCK_TAGS + 1):
        low, high = block * BLOCK_TAGS, (block + 1) * BLOCK_TAGS - 1
        yield max(low, stretch.first_tag), min(high, stretch.last_tag)


def _block(
    sources: Sources, stretch: Stretch, slabs: Sequence[Slab]
) -> tuple[int, dict[Level, pa.RecordBatch]]:  # fmt: skip
    """The buckets of one block's rows, and how many those were."""
    seconds, minutes, count = [], [], 0
    for slab in slabs:
        rows = _inside(sources.read(slab), stretch)
        count += len(rows)
        minutes.append(roll(rows, MINUTE_US))
        dense = taken(rows, np.flatnonzero(_is_dense(rows))) if slab.has_whole_hours else rows
        seconds.append(roll(dense, SECOND_US))
    whole = sorted_buckets([part for part in minutes if len(part)])
    hours = combine(whole, HOUR_US)
    fine = sorted_buckets([part for part in seconds if len(part)])
    return count, {"rollup_1s": _of_dense(fine, hours), "rollup_1min": whole, "rollup_1h": hours}


def _inside(rows: pa.RecordBatch, stretch: Stretch) -> pa.RecordBatch:
    _, ts = keys(rows)
    wanted = (ts >= stretch.start_us) & (ts < stretch.end_us)
    return rows if wanted.all() else taken(rows, np.flatnonzero(wanted))


def _is_dense(rows: pa.RecordBatch) -> np.ndarray:
    """Which rows of sorted ones lie in an hour whose seconds are rolled up."""
    if not len(rows):
        return np.zeros(0, bool)
    tag, ts = keys(rows)
    hour = ts // HOUR_US
    starts = np.flatnonzero(np.append(True, (tag[1:] != tag[:-1]) | (hour[1:] != hour[:-1])))
    lengths = np.diff(np.append(starts, len(tag)))
    return np.repeat(lengths >= DENSE_ROWS, lengths)


def _of_dense(seconds: pa.RecordBatch, hours: pa.RecordBatch) -> pa.RecordBatch:
    """The seconds of hours with many rows."""
    if not len(seconds):
        return seconds
    many = hours.column("count").to_numpy() >= DENSE_ROWS
    wanted = np.isin(_hour_keys(seconds), _hour_keys(hours)[many])
    return seconds if wanted.all() else seconds.take(pa.array(np.flatnonzero(wanted)))


def _hour_keys(buckets: pa.RecordBatch) -> np.ndarray:
    """One number per (tag, hour)."""
    hour = microseconds(buckets.column("ts")) // HOUR_US
    return np.asarray(buckets.column("tag").to_numpy().astype(np.int64) << 32 | (hour & 0xFFFFFFFF))
