"""Processed reads out of rollups, where those say exactly the same as the samples; the rest is left to the samples.

An interval is answered here when it is made of whole buckets that are rolled, not stale and not touched by hot rows,
and the aggregate follows from what buckets keep. The first and the last interval with data are left to the samples:
only they can tell whether data begin or end there (Part 13 5.3.3.2). One bit cannot be known: MultipleValues.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.history.query.aggregates import Results
from lineshaft.history.query.answer import Question, table_of
from lineshaft.history.query.gather import Source
from lineshaft.history.query.intervals import Intervals
from lineshaft.history.query.model import BAD_NO_DATA, CALCULATED, GOOD, UNCERTAIN_DATA_SUB_NORMAL
from lineshaft.history.query.regions import status_of
from lineshaft.history.query.scan import Columns
from lineshaft.history.rollup import HOUR_US, MINUTE_US, ROLLUP, Level, combine_at, empty_rollup
from lineshaft.history.rollup_state import RollupState, Stale
from lineshaft.history.rollup_table import RolledTables
from lineshaft.history.schema import microseconds

Raw = Callable[[np.ndarray, Intervals], pa.Table]

_LEVELS: tuple[tuple[Level, int], ...] = (("rollup_1h", HOUR_US), ("rollup_1min", MINUTE_US))
_MOST_RUNS = 64
"""An answer pieced together of more stretches than this costs more than the samples."""


class Rolled(msgspec.Struct, frozen=True):
    """Rollups, and what of them may not be used."""

    tables: RolledTables
    state: RollupState
    stale: Stale


class Answered(msgspec.Struct, frozen=True):
    """Results from buckets per tag, and the intervals that they answer."""

    level: str
    intervals: Intervals
    tags: np.ndarray
    results: list[Results]
    covers: list[np.ndarray]

    def table(self, raw: Raw) -> tuple[pa.Table, set[str]]:
        """The form PROCESSED with the intervals that are missing taken from `raw`, and what it was made from."""
        parts, used = [], set()
        for places in self._alike():
            covers = self.covers[places[0]]
            cuts = [0, *(np.flatnonzero(np.diff(covers)) + 1).tolist(), len(covers)]
            if len(cuts) > _MOST_RUNS:
                used.add("raw")
                parts.append(raw(self.tags[places], self.intervals))
                continue
            runs = []
            for cut in pairwise(cuts):
                of_buckets = bool(covers[cut[0]])
                used.add(self.level if of_buckets else "raw")
                runs.append(
                    self._run(places, *cut) if of_buckets else raw(self.tags[places], self.intervals.part(*cut))
                )
            parts.append(pa.concat_tables(runs))
        whole = pa.concat_tables(parts).combine_chunks()
        return whole.take(pa.array(np.argsort(whole.column("tag").to_numpy(), kind="stable"))), used

    def _alike(self) -> list[list[int]]:
        """Places of the tags, those together that are answered for the same intervals."""
        groups: dict[bytes, list[int]] = {}
        for place, covers in enumerate(self.covers):
            groups.setdefault(covers.tobytes(), []).append(place)
        return list(groups.values())

    def _run(self, places: list[int], start: int, stop: int) -> pa.Table:
        results = [
            Results(*(getattr(self.results[place], name)[start:stop] for name in ("ts", "value", "q", "source")))
            for place in places
        ]
        return table_of(self.tags[places], results, None, [result.source for result in results])


def rolled(
    rollups: Rolled, source: Source, tags: np.ndarray, intervals: Intervals, question: Question
) -> Answered | None:  # fmt: skip
    """What rollups can say; None where that is nothing.

    Raises:
        FileNotFoundError: the rollups were replaced too long ago.
    """
    function = _FUNCTIONS.get(question.aggregate.name)
    level, bucket_us = _level(intervals)
    if function is None or level is None or intervals.low[0] >= rollups.state.until_us:
        return None
    buckets = rollups.tables.rows(level, tags, int(intervals.low[0]), int(intervals.high[-1]), rollups.state)
    place = np.searchsorted(intervals.low, microseconds(buckets.column("ts")), side="right") - 1
    tag = buckets.column("tag").to_numpy()
    if not len(tag):
        return None
    starts = np.flatnonzero(np.append(True, (tag[1:] != tag[:-1]) | (place[1:] != place[:-1])))
    whole = combine_at(buckets, starts)
    column = {field.name: _numbers(whole, field.name) for field in ROLLUP}
    column["place"] = place[starts]
    found, covers = [], []
    for number in tags.tolist():
        mine = slice(*np.searchsorted(column["tag"], (number, number + 1)).tolist())
        held = Held({name: values[mine] for name, values in column.items()}, intervals, question, number)
        result, exact = function(held)
        found.append(result)
        usable = _usable(rollups, source, number, intervals, bucket_us)
        if question.aggregate.name in _BESIDE:
            usable &= np.append(False, usable[:-1]) & np.append(usable[1:], False)
        covers.append(exact & usable & held.inner(function is _average))
    return Answered(level, intervals, tags, found, covers) if any(mask.any() for mask in covers) else None


def whole_hours(
    rollups: Rolled, hot: Columns, tags: np.ndarray, start_us: int, end_us: int
) -> tuple[pa.RecordBatch, list[tuple[int, int]]]:
    """Hours of `tags` that are rolled, not stale and not touched by hot rows, and the stretches left to the samples.

    Raises:
        FileNotFoundError: the rollups were replaced too long ago.
    """
    first, last = -(-start_us // HOUR_US), min(end_us, rollups.state.until_us) // HOUR_US
    if first >= last:
        return empty_rollup(), [(start_us, end_us)]
    usable = np.ones(last - first, bool)
    stale = rollups.stale
    touched = np.searchsorted(tags, stale.min_tag) < np.searchsorted(tags, stale.max_tag, side="right")
    for low, high in zip(stale.min_us[touched].tolist(), stale.max_us[touched].tolist(), strict=True):
        usable[max(0, low // HOUR_US - first) : max(0, high // HOUR_US - first + 1)] = False
    hours = np.unique(hot.ts // HOUR_US) - first
    usable[hours[(hours >= 0) & (hours < len(usable))]] = False
    cuts = [0, *(np.flatnonzero(np.diff(usable)) + 1).tolist(), len(usable)]
    left = [(low, high) for low, high in pairwise(cuts) if not usable[low]]
    stretches = [
        (start_us, first * HOUR_US),
        *(((first + low) * HOUR_US, (first + high) * HOUR_US) for low, high in left),
        (last * HOUR_US, end_us),
    ]
    buckets = rollups.tables.rows("rollup_1h", tags, first * HOUR_US, last * HOUR_US, rollups.state)
    wanted = usable[microseconds(buckets.column("ts")) // HOUR_US - first]
    kept = buckets.take(pa.array(np.flatnonzero(wanted)))
    return kept, [(low, high) for low, high in stretches if low < high]


def _level(intervals: Intervals) -> tuple[Level | None, int]:
    """The longest buckets of which all intervals but the last are made."""
    step = int(intervals.high[0] - intervals.low[0])
    for level, bucket_us in _LEVELS:
        if not intervals.backward and intervals.low[0] % bucket_us == 0 and step % bucket_us == 0:
            return level, bucket_us
    return None, 0


def _usable(rollups: Rolled, source: Source, tag: int, intervals: Intervals, bucket_us: int) -> np.ndarray:
    """Intervals whose buckets hold all there is."""
    low, high = intervals.low, intervals.high
    usable = (high <= rollups.state.until_us) & (high % bucket_us == 0)
    for first, last in rollups.stale.ranges(tag):
        usable &= (high <= first) | (low > last)
    hot = source.hot.ts[source.hot.tag == tag]
    if len(hot):
        usable &= np.searchsorted(hot, low) == np.searchsorted(hot, high)
    return usable


def _numbers(buckets: pa.RecordBatch, name: str) -> np.ndarray:
    column = buckets.column(name)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64()).fill_null(0)
    return np.asarray(column.to_numpy(zero_copy_only=False))


class Held:
    """The buckets of one tag, one per interval; where an interval has none its count is 0."""

    def __init__(self, column: Mapping[str, np.ndarray], intervals: Intervals, question: Question, tag: int) -> None:
        self.intervals = intervals
        self.configuration = question.configuration
        self.stepped = tag in question.stepped
        self._column = column
        self.count = self.of("count", 0)
        self.good = self.of("good", 0)
        self.uncertain = self.of("uncertain", 0)
        self.bad = self.of("bad", 0)

    def of(self, name: str, missing: float = np.nan) -> np.ndarray:
        """One column, an element per interval."""
        values = self._column[name]
        spread = np.full(len(self.intervals), missing, values.dtype if missing == 0 else np.float64)
        spread[self._column["place"]] = values
        return spread

    def inner(self, all_of_them: bool) -> np.ndarray:  # noqa: FBT001
        """Intervals between the first and the last that hold something."""
        full = np.flatnonzero(self.count > 0)
        mask = np.full(len(self.intervals), all_of_them)
        if len(full):
            mask[full[0] + 1 : full[-1]] = True
        return mask

    def status(self) -> np.ndarray:
        """By the shares of good and bad samples."""
        return status_of(self.count - self.uncertain - self.bad, self.bad, self.count, self.configuration)

    def doubtless(self) -> np.ndarray:
        """Intervals without Uncertain samples that would have to be weighed against the good ones."""
        return (self.uncertain == 0) | self.configuration.treat_uncertain_as_bad

    def results(
        self, value: np.ndarray, q: np.ndarray, data: np.ndarray, *, bits: int | np.ndarray = CALCULATED,
        ts: np.ndarray | None = None,
    ) -> Results:  # fmt: skip
        """Results of all intervals; BadNoData where there are no data."""
        q = np.where(data, q, BAD_NO_DATA).astype(np.uint32)
        sound = q < 0x80000000
        q |= np.where(sound, bits, 0).astype(np.uint32)
        stamp = self.intervals.low
        at = stamp if ts is None else np.where(data, ts, stamp)
        return Results(at, np.where(sound, value, np.nan), q, np.full(len(q), -1, np.int64))


Exact = tuple[Results, np.ndarray]


def _average(held: Held) -> Exact:
    data = held.good > 0
    value = held.of("sum") / np.maximum(held.good, 1)
    return held.results(value, held.status(), data), np.ones(len(data), bool)


def _count(held: Held) -> Exact:
    everywhere = np.ones(len(held.count), bool)
    number = (held.count - held.uncertain - held.bad).astype(np.float64)
    return held.results(number, held.status(), everywhere), everywhere


def _extreme(held: Held, *, name: str, actual: bool) -> Exact:
    ts = held.of(f"{name}_ts", 0)
    bits = np.where((ts != held.intervals.low) & (not actual), CALCULATED, 0)
    q = np.where(held.good < held.count, UNCERTAIN_DATA_SUB_NORMAL, GOOD)
    results = held.results(held.of(name), q, held.good > 0, bits=bits, ts=ts if actual else None)
    return results, held.doubtless()


def _range(held: Held) -> Exact:
    q = np.where(held.good < held.count, UNCERTAIN_DATA_SUB_NORMAL, GOOD)
    return held.results(held.of("max") - held.of("min"), q, held.good > 0), held.doubtless()


def _spread(held: Held, *, sample: bool, root: bool) -> Exact:
    value = held.of("sum_sq") / np.maximum(held.good - sample, 1)
    q = np.where(held.good < held.count, UNCERTAIN_DATA_SUB_NORMAL, GOOD)
    everywhere = np.ones(len(value), bool)
    return held.results(np.sqrt(value) if root else value, q, held.good > 0), everywhere


def _delta(held: Held) -> Exact:
    value = held.of("last") - held.of("first")
    sound = (held.of("first_q", 0) < 0x40000000) & (held.of("last_q", 0) < 0x40000000) & ~np.isnan(value)
    return held.results(value, np.zeros(len(value)), held.count > 0), sound | (held.count == 0)


def _clean(held: Held) -> np.ndarray:
    """Intervals all good, with a good neighbour in the interval before and in the one behind."""
    full = (held.good == held.count) & (held.count > 0)
    before = np.concatenate([[False], ((held.of("last_q", 0) < 0x40000000) & ~np.isnan(held.of("last")))[:-1]])
    behind = np.append(((held.of("first_q", 0) < 0x40000000) & ~np.isnan(held.of("first")))[1:], False)
    there = held.count > 0
    return full & before & behind & np.concatenate([[False], there[:-1]]) & np.append(there[1:], False)


def _time_average(held: Held, *, sloped: bool | None, total: bool) -> Exact:
    """From the area between first and last sample, and the two stretches to the interval's ends."""
    low, high = held.intervals.low, held.intervals.high
    first, last = held.of("first"), held.of("last")
    first_ts, last_ts = held.of("first_ts", 0), held.of("last_ts", 0)
    before, behind = np.roll(last, 1), np.roll(first, -1)
    is_sloped = not held.stepped if sloped is None else sloped
    lead, tail = (first_ts - low) / 1e6, (high - last_ts) / 1e6
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        if is_sloped:
            entering = before + (first - before) * ((low - np.roll(last_ts, 1)) / (first_ts - np.roll(last_ts, 1)))
            leaving = last + (behind - last) * ((high - last_ts) / (np.roll(first_ts, -1) - last_ts))
            area = held.of("sloped") + (entering + first) / 2 * lead + (last + leaving) / 2 * tail
        else:
            area = held.of("integral") + before * lead + last * tail
        value = area if total else area / ((high - low) / 1e6)
    return held.results(value, np.zeros(len(low)), held.count > 0), _clean(held)


def _all_good(held: Held, *, value: Callable[[np.ndarray], np.ndarray]) -> Exact:
    """What follows from everything being good."""
    milliseconds = (held.intervals.high - held.intervals.low) / 1000
    return held.results(value(milliseconds), np.zeros(len(milliseconds)), held.count > 0), _clean(held)


_FUNCTIONS: Mapping[str, Callable[[Held], Exact]] = {
    "Average": _average,
    "Count": _count,
    "Minimum": lambda held: _extreme(held, name="min", actual=False),
    "Maximum": lambda held: _extreme(held, name="max", actual=False),
    "MinimumActualTime": lambda held: _extreme(held, name="min", actual=True),
    "MaximumActualTime": lambda held: _extreme(held, name="max", actual=True),
    "Range": _range,
    "Delta": _delta,
    "StandardDeviationSample": lambda held: _spread(held, sample=True, root=True),
    "StandardDeviationPopulation": lambda held: _spread(held, sample=False, root=True),
    "VarianceSample": lambda held: _spread(held, sample=True, root=False),
    "VariancePopulation": lambda held: _spread(held, sample=False, root=False),
    "TimeAverage": lambda held: _time_average(held, sloped=True, total=False),
    "Total": lambda held: _time_average(held, sloped=True, total=True),
    "TimeAverage2": lambda held: _time_average(held, sloped=None, total=False),
    "Total2": lambda held: _time_average(held, sloped=None, total=True),
    "DurationGood": lambda held: _all_good(held, value=lambda milliseconds: milliseconds),
    "DurationBad": lambda held: _all_good(held, value=np.zeros_like),
    "PercentGood": lambda held: _all_good(held, value=lambda milliseconds: np.full_like(milliseconds, 100)),
    "PercentBad": lambda held: _all_good(held, value=np.zeros_like),
}
_BESIDE = frozenset({
    "TimeAverage", "Total", "TimeAverage2", "Total2", "DurationGood", "DurationBad", "PercentGood", "PercentBad",
})  # fmt: skip
"""Those that look at the last sample before the interval and the first one behind it: its neighbours count as well."""
