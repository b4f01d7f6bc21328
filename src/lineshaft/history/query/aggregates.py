"""The aggregates of Part 13 5.4.3, each over all intervals of one tag at once."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal

import msgspec
import numpy as np

from lineshaft.core import quality
from lineshaft.history.query.bounds import Points, interpolated_bounds, simple_bounds
from lineshaft.history.query.intervals import Intervals
from lineshaft.history.query.model import (
    AGGREGATE_BITS,
    AGGREGATES,
    BAD_NO_DATA,
    CALCULATED,
    GOOD,
    INFO_DATA_VALUE,
    INTERPOLATED,
    MULTIPLE_VALUES,
    PARTIAL,
    RESOLUTION_US,
    UNCERTAIN_DATA_SUB_NORMAL,
    Configuration,
)
from lineshaft.history.query.regions import (
    Cut,
    Regions,
    cut_interpolated,
    cut_simple,
    regions_interpolated,
    regions_simple,
    status_of,
)
from lineshaft.history.query.series import Codes, Flags, Floats, Integers, Series


class Results(msgspec.Struct, frozen=True):
    """One value per interval."""

    ts: Integers
    value: Floats
    """NaN where there is none."""
    q: Codes
    source: Integers
    """Index of the sample that is the value; -1 where it was calculated."""


class Read:
    """One tag's samples and the intervals asked for; what several aggregates need is worked out once."""

    def __init__(self, series: Series, intervals: Intervals, configuration: Configuration, *, stepped: bool) -> None:
        self.series = series
        self.intervals = intervals
        self.configuration = configuration
        self.stepped = stepped
        side: Literal["left", "right"] = "right" if intervals.backward else "left"
        self.begin = np.searchsorted(series.ts, intervals.low, side=side)
        self.stop = np.searchsorted(series.ts, intervals.high, side=side)

    def __len__(self) -> int:
        return len(self.intervals)

    @cached_property
    def outside(self) -> Flags:
        """Intervals before the oldest or behind the newest sample."""
        oldest, newest = self._reach
        low, high = self.intervals.low, self.intervals.high
        if self.intervals.backward:
            return np.asarray((oldest > high) | (newest <= low))
        return np.asarray((oldest >= high) | (newest < low))

    @cached_property
    def partial(self) -> Flags:
        """Intervals in which the samples begin or end (5.3.3.2)."""
        return self.begun_late | self.ended_early

    @cached_property
    def begun_late(self) -> Flags:
        return (self._reach[0] > self.intervals.low) & ~self.outside

    @cached_property
    def ended_early(self) -> Flags:
        return (self._reach[1] < self.intervals.high) & ~self.outside

    @property
    def _reach(self) -> tuple[int, int]:
        """Times of the oldest and the newest sample, of which there is one."""
        return int(self.series.ts[0]), int(self.series.ts[-1])

    @cached_property
    def cut(self) -> Cut:
        """Between simple bounding values."""
        return cut_simple(self.series, self.intervals, self.configuration, stepped=self.stepped)

    def bounds(self, times: Integers) -> Points:
        """Simple bounding values."""
        return simple_bounds(
            self.series, times, stepped=self.stepped,
            treat_uncertain_as_bad=self.configuration.treat_uncertain_as_bad,
        )  # fmt: skip

    def regions(self) -> Regions:
        """Between simple bounding values, as the tag is interpolated."""
        return regions_simple(self.cut, stepped=self.stepped)

    def held(self) -> Regions:
        """The same where only the state at the start of each counts."""
        return regions_simple(self.cut, stepped=True)

    def count(self, chosen: Flags) -> Integers:
        """Samples inside each interval that are chosen."""
        total = np.concatenate([[0], np.cumsum(chosen)])
        return np.asarray(total[self.stop] - total[self.begin])

    def value_status(self) -> Codes:
        """The code that follows from the shares of good and bad samples in each interval."""
        total = self.stop - self.begin
        good, bad = self.count(quality.is_good(self.series.q)), self.count(quality.is_bad(self.series.q))
        return status_of(good, bad, total, self.configuration)

    def none(self) -> Results:
        """No data at all."""
        return Results(
            self.intervals.stamp, np.full(len(self), np.nan), np.full(len(self), BAD_NO_DATA, np.uint32),
            np.full(len(self), -1, np.int64),
        )  # fmt: skip


Function = Callable[[Read], Results]


def processed(name: str, read: Read) -> Results:
    """The aggregate of this name, as `AGGREGATES` knows it, for every interval."""
    if not len(read.series):
        return read.none()
    return _FUNCTIONS[name](read)


def _result(
    read: Read, value: Floats, q: Codes, *, data: Flags, bits: Any = CALCULATED, partial: Flags | None = None,
    ts: Integers | None = None, source: Integers | None = None, selection: bool = False,
) -> Results:  # fmt: skip
    """Values with their bits: where there are no data BadNoData, of a bad one none.

    Args:
        data: intervals that have a result.
        selection: the value and code of one sample is the result, bad or not.
    """
    partial = read.partial if partial is None else partial
    bits = np.asarray(bits, np.uint32)
    q = np.where(data, q, BAD_NO_DATA).astype(np.uint32)
    is_bad = quality.is_bad(q)
    q |= np.where(data & ~is_bad, bits, 0).astype(np.uint32) | np.where(partial, PARTIAL, 0).astype(np.uint32)
    no_value = ~data if selection else is_bad
    source = np.full(len(read), -1, np.int64) if source is None else source
    stamp = read.intervals.stamp
    return Results(
        stamp if ts is None else np.where(data, ts, stamp), np.where(no_value, np.nan, value), q,
        np.where(no_value, -1, source),
    )  # fmt: skip


# -- values at the start of the intervals -----------------------------------------------------------------------------


def _interpolative(read: Read) -> Results:
    points = interpolated_bounds(
        read.series, read.intervals.stamp, stepped=read.stepped,
        sloped_extrapolation=read.configuration.use_sloped_extrapolation,
    )  # fmt: skip
    return Results(points.ts, points.value, points.q, points.source)


# -- averages and totals ----------------------------------------------------------------------------------------------


def _average(read: Read) -> Results:
    good = read.series.good
    count = read.count(good)
    total = _summed(read, np.where(good, read.series.value, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        value = total / count
    return _result(read, value, read.value_status(), data=count > 0, partial=np.zeros(len(read), bool))


def _time_average(read: Read, *, total: bool) -> Results:
    """5.4.3.6, 5.4.3.8: straight lines between usable values, whether the tag is stepped or not."""
    cut = cut_interpolated(read.series, read.intervals, read.configuration, stepped=False)
    regions = regions_interpolated(read.series, cut)
    seconds = regions.seconds(~regions.bad)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = regions.area() / seconds
    if total:
        value *= (read.intervals.high - read.intervals.low) / 1e6
    all_good = np.logical_and.reduceat(regions.good, regions.starts)
    q = np.where(all_good, GOOD, UNCERTAIN_DATA_SUB_NORMAL)
    partial = read.begun_late | (read.ended_early & ~cut.points.extrapolated[cut.last])
    data = (seconds > 0) & (read.series.ts[0] < read.intervals.high)
    return _result(read, value, q, data=data, partial=partial)


def _time_average_2(read: Read, *, total: bool) -> Results:
    regions = read.regions()
    seconds, area = regions.seconds(~regions.bad), regions.area()
    with np.errstate(invalid="ignore", divide="ignore"):
        value = area if total else area / seconds
    return _result(read, value, regions.status(read.configuration), data=(seconds > 0) & ~read.outside)


# -- extremes ---------------------------------------------------------------------------------------------------------


class _Extreme(msgspec.Struct, frozen=True):
    """The smallest or greatest chosen value of each run, the oldest of several."""

    value: Floats
    index: Integers
    several: Flags
    found: Flags


def _extreme(value: Floats, chosen: Flags, begin: Integers, stop: Integers, *, greatest: bool) -> _Extreme:
    """Of each run `begin:stop` of adjoining runs; runs may be empty."""
    worst, function = (-np.inf, np.maximum) if greatest else (np.inf, np.minimum)
    filled = np.where(chosen, value, worst)
    full = np.flatnonzero(stop > begin)
    best = np.full(len(begin), worst)
    index = np.zeros(len(begin), np.int64)
    several, found = np.zeros(len(begin), bool), np.zeros(len(begin), bool)
    if len(full):
        starts, end = begin[full] - begin[full[0]], stop[full[-1]]
        filled, chosen = filled[begin[full[0]] : end], chosen[begin[full[0]] : end]
        best[full] = function.reduceat(filled, starts)
        lengths = np.diff(np.append(starts, len(filled)))
        hit = chosen & (filled == np.repeat(best[full], lengths))
        places = np.where(hit, np.arange(len(hit)), len(hit))
        hits = np.add.reduceat(hit.astype(np.int64), starts)
        found[full], several[full] = hits > 0, hits > 1
        index[full] = np.where(hits > 0, np.minimum.reduceat(places, starts), 0) + begin[full[0]]
    return _Extreme(best, index, several, found)


def _extreme_raw(read: Read, *, greatest: bool, actual: bool) -> Results:
    """5.4.3.10 to 5.4.3.13: of the good samples."""
    found, q = _good_extreme(read, greatest=greatest)
    ts = read.series.ts[found.index]
    elsewhere = (ts != read.intervals.stamp) & (not actual)
    bits = np.where(elsewhere, CALCULATED, 0) | np.where(found.several, MULTIPLE_VALUES, 0)
    return _result(
        read, found.value, q, data=found.found, bits=bits, ts=ts if actual else None,
        source=found.index,
    )  # fmt: skip


def _good_extreme(read: Read, *, greatest: bool) -> tuple[_Extreme, Codes]:
    series = read.series
    found = _extreme(series.value, series.good, read.begin, read.stop, greatest=greatest)
    doubtful = series.usable & ~series.good
    other = _extreme(series.value, doubtful, read.begin, read.stop, greatest=greatest)
    beaten = other.found & (other.value > found.value if greatest else other.value < found.value)
    uncertain = (read.count(~series.usable) > 0) | beaten
    return found, np.where(uncertain, UNCERTAIN_DATA_SUB_NORMAL, GOOD).astype(np.uint32)


def _range(read: Read) -> Results:
    low, low_q = _good_extreme(read, greatest=False)
    high, high_q = _good_extreme(read, greatest=True)
    with np.errstate(invalid="ignore"):
        value = high.value - low.value
    return _result(read, value, low_q | high_q, data=low.found)


def _extreme_bounded(read: Read, *, greatest: bool, actual: bool) -> Results:
    """5.4.3.15 to 5.4.3.18: of the samples and the simple bounding values."""
    points = read.cut.points
    found = _bounded(read, greatest=greatest)
    at = found.index
    ts, low, high = points.ts[at], read.intervals.low, read.intervals.high
    interpolated = points.estimated[at]
    if actual:
        outer = ts == (low if read.intervals.backward else high)
        inward = np.minimum(RESOLUTION_US, high - low) * (1 if read.intervals.backward else -1)
        ts = np.where(outer, ts + inward, ts)
        interpolated = interpolated | outer
    elsewhere = (ts != read.intervals.stamp) & ~interpolated & (not actual)
    bits = (
        np.where(elsewhere, CALCULATED, 0)
        | np.where(interpolated, INTERPOLATED, 0)
        | np.where(found.several, MULTIPLE_VALUES, 0)
    )
    return _result(
        read, found.value, read.regions().status(read.configuration), data=found.found & ~read.outside, bits=bits,
        ts=ts if actual else None, source=points.source[at],
    )  # fmt: skip


def _bounded(read: Read, *, greatest: bool) -> _Extreme:
    cut = read.cut
    usable = cut.points.usable & ~np.isnan(cut.points.value)
    if read.stepped:
        # The end that the interval does not hold says nothing of it where values are held.
        usable = usable.copy()
        usable[cut.last] &= read.intervals.backward & ~cut.points.estimated[cut.last]
    return _extreme(cut.points.value, usable, cut.first, cut.last + 1, greatest=greatest)


def _range_bounded(read: Read) -> Results:
    low, high = _bounded(read, greatest=False), _bounded(read, greatest=True)
    with np.errstate(invalid="ignore"):
        value = high.value - low.value
    return _result(read, value, read.regions().status(read.configuration), data=low.found & ~read.outside)


# -- samples, counts, changes -----------------------------------------------------------------------------------------


def _count(read: Read) -> Results:
    count = read.count(read.series.good).astype(np.float64)
    return _result(read, count, read.value_status(), data=~read.outside)


def _transitions(read: Read) -> Results:
    """5.4.3.24: the first usable sample of all is one too."""
    series = read.series
    before = series.usable_before[:-1]
    changed = series.usable & ((before < 0) | (series.value != series.value[np.maximum(before, 0)]))
    return _result(read, read.count(changed).astype(np.float64), read.value_status(), data=~read.outside)


def _sample(read: Read, *, newest: bool) -> Results:
    index = np.clip(read.stop - 1 if newest else read.begin, 0, len(read.series) - 1)
    series = read.series
    return _result(
        read, series.value[index], _plain(series.q[index]), data=read.stop > read.begin, bits=0, ts=series.ts[index],
        source=index, selection=True,
    )  # fmt: skip


def _delta(read: Read) -> Results:
    series = read.series
    places = np.flatnonzero(series.good)
    first = np.searchsorted(places, read.begin)
    last = np.searchsorted(places, read.stop) - 1
    data = first <= last
    places = places if len(places) else np.zeros(1, np.int64)
    oldest, newest = places[np.minimum(first, len(places) - 1)], places[np.maximum(last, 0)]
    skipped = (oldest > read.begin) | (newest < read.stop - 1)
    with np.errstate(invalid="ignore", over="ignore"):
        value = series.value[newest] - series.value[oldest]
    return _result(read, value, np.where(skipped, UNCERTAIN_DATA_SUB_NORMAL, GOOD), data=data)


def _bound(read: Read, *, at_end: bool) -> Results:
    """5.4.3.28, 5.4.3.29."""
    points = read.bounds(read.intervals.end if at_end else read.intervals.stamp)
    bits = CALCULATED if at_end else np.where(points.estimated, INTERPOLATED, 0)
    q = points.q & ~np.uint32(INTERPOLATED) if at_end else _unmarked(points)
    return _result(read, points.value, q, data=points.usable & ~read.outside, bits=bits, source=points.source)


def _unmarked(points: Points) -> Codes:
    return np.where(points.estimated, points.q & ~np.uint32(INTERPOLATED), points.q).astype(np.uint32)


def _delta_bounds(read: Read) -> Results:
    start, end = read.bounds(read.intervals.low), read.bounds(read.intervals.high)
    is_good = quality.is_good(start.q) & quality.is_good(end.q)
    with np.errstate(invalid="ignore", over="ignore"):
        value = end.value - start.value
    q = np.where(is_good, GOOD, UNCERTAIN_DATA_SUB_NORMAL)
    return _result(read, value, q, data=start.usable & end.usable & ~read.outside)


# -- states and quality -----------------------------------------------------------------------------------------------


def _state(read: Read, *, zero: bool) -> Results:
    regions = read.held()
    in_state = regions.good & ((regions.start == 0) if zero else (regions.start != 0))
    milliseconds = regions.seconds(in_state) * 1000
    return _result(read, milliseconds, regions.status(read.configuration), data=~read.outside)


def _duration(read: Read, *, bad: bool, percent: bool) -> Results:
    regions = read.held()
    value = regions.seconds(regions.bad if bad else regions.good) * 1000
    if percent:
        value *= 100 / (np.add.reduceat(regions.microseconds, regions.starts) / 1000)
    return _result(read, value, np.zeros(len(read), np.uint32), data=~read.outside)


def _worst(read: Read, *, bounded: bool) -> Results:
    """5.4.3.35, 5.4.3.36: the code is the value. How Uncertain is treated does not matter here."""
    series = read.series
    if bounded:
        cut, points = read.cut, read.cut.points
        q, begin, stop = points.q, cut.first, cut.last + 1
        chosen = np.ones(len(q), bool)
        chosen[cut.last] = False
    else:
        q, begin, stop = series.q, read.begin, read.stop
        chosen = np.ones(len(q), bool)
    severity = np.minimum(q >> 30, 2).astype(np.float64)
    worst = _extreme(severity, chosen, begin, stop, greatest=True)
    code = q[worst.index]
    code = (
        np.where(code & INFO_DATA_VALUE, code & ~np.uint32(INFO_DATA_VALUE | AGGREGATE_BITS), code) if bounded else code
    )
    several = worst.several & (worst.value > 0)
    bits = CALCULATED | np.where(several, MULTIPLE_VALUES, 0)
    data = worst.found & ~read.outside
    return _result(read, code.astype(np.float64), np.zeros(len(read), np.uint32), data=data, bits=bits)


# -- spread -----------------------------------------------------------------------------------------------------------


def _spread(read: Read, *, sample: bool, root: bool) -> Results:
    """5.4.3.37 to 5.4.3.40, of the good samples; around each interval's own mean, so that large values keep digits."""
    series = read.series
    good = series.good
    count = read.count(good)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean = _summed(read, np.where(good, series.value, 0.0)) / count
        lengths = read.stop - read.begin
        inside = slice(int(read.begin[0]), int(read.stop[-1]))
        deviation = np.zeros(len(series))
        deviation[inside] = np.where(good[inside], series.value[inside] - np.repeat(mean, lengths), 0.0)
        squares = _summed(read, deviation * deviation)
        value = squares / np.maximum(count - 1 if sample else count, 1)
        value = np.sqrt(value) if root else value
    q = np.where(count < lengths, UNCERTAIN_DATA_SUB_NORMAL, GOOD)
    return _result(read, value, q, data=count > 0)


def _summed(read: Read, values: Floats) -> Floats:
    """Sum over the samples of each interval."""
    full = np.flatnonzero(read.stop > read.begin)
    total = np.zeros(len(read))
    if len(full):
        first = read.begin[full[0]]
        with np.errstate(invalid="ignore", over="ignore"):
            total[full] = np.add.reduceat(values[first : read.stop[full[-1]]], read.begin[full] - first)
    return total


def _plain(q: Codes) -> Codes:
    """A sample's code without aggregate bits that it may have come with."""
    marked = (q & INFO_DATA_VALUE).astype(bool)
    return np.where(marked, q & ~np.uint32(AGGREGATE_BITS), q).astype(np.uint32)


def _functions() -> Mapping[str, Function]:
    found: dict[str, Function] = {
        "Interpolative": _interpolative,
        "Average": _average,
        "TimeAverage": lambda read: _time_average(read, total=False),
        "Total": lambda read: _time_average(read, total=True),
        "TimeAverage2": lambda read: _time_average_2(read, total=False),
        "Total2": lambda read: _time_average_2(read, total=True),
        "Range": _range,
        "Range2": _range_bounded,
        "Count": _count,
        "NumberOfTransitions": _transitions,
        "Start": lambda read: _sample(read, newest=False),
        "End": lambda read: _sample(read, newest=True),
        "Delta": _delta,
        "StartBound": lambda read: _bound(read, at_end=False),
        "EndBound": lambda read: _bound(read, at_end=True),
        "DeltaBounds": _delta_bounds,
        "DurationInStateZero": lambda read: _state(read, zero=True),
        "DurationInStateNonZero": lambda read: _state(read, zero=False),
        "DurationGood": lambda read: _duration(read, bad=False, percent=False),
        "DurationBad": lambda read: _duration(read, bad=True, percent=False),
        "PercentGood": lambda read: _duration(read, bad=False, percent=True),
        "PercentBad": lambda read: _duration(read, bad=True, percent=True),
        "WorstQuality": lambda read: _worst(read, bounded=False),
        "WorstQuality2": lambda read: _worst(read, bounded=True),
        "StandardDeviationSample": lambda read: _spread(read, sample=True, root=True),
        "StandardDeviationPopulation": lambda read: _spread(read, sample=False, root=True),
        "VarianceSample": lambda read: _spread(read, sample=True, root=False),
        "VariancePopulation": lambda read: _spread(read, sample=False, root=False),
    }
    for name, greatest in (("Minimum", False), ("Maximum", True)):
        for actual in (False, True):
            suffix = "ActualTime" if actual else ""
            found[f"{name}{suffix}"] = _extreme_of(_extreme_raw, greatest=greatest, actual=actual)
            found[f"{name}{suffix}2"] = _extreme_of(_extreme_bounded, greatest=greatest, actual=actual)
    return found


def _extreme_of(function: Callable[..., Results], *, greatest: bool, actual: bool) -> Function:
    return lambda read: function(read, greatest=greatest, actual=actual)


_FUNCTIONS: Mapping[str, Function] = _functions()
assert set(_FUNCTIONS) == set(AGGREGATES)
