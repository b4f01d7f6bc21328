"""Regions: each interval cut at its samples, from bounding value to bounding value (Part 13 5.4.3.2).

A region has the status of the point that it starts with; where lines are sloped a worse end makes it Uncertain. All
intervals of a tag are cut at once: a flat array of regions, and where those of each interval begin.
"""

import msgspec
import numpy as np

from lineshaft.core import quality
from lineshaft.history.query.bounds import Points, interpolated_bounds, simple_bounds
from lineshaft.history.query.intervals import Intervals
from lineshaft.history.query.model import (
    BAD,
    BAD_NO_DATA,
    GOOD,
    RESOLUTION_US,
    UNCERTAIN_DATA_SUB_NORMAL,
    Configuration,
)
from lineshaft.history.query.series import Codes, Flags, Floats, Integers, Series


class Cut(msgspec.Struct, frozen=True):
    """The points of every interval: its lower bound, the samples inside, its upper bound."""

    points: Points
    first: Integers
    """Index of each interval's lower bound."""
    last: Integers
    """Index of each interval's upper bound."""


class Regions(msgspec.Struct, frozen=True):
    """What lies between neighbouring points of one interval."""

    starts: Integers
    """Where the regions of each interval begin."""
    microseconds: Integers
    start: Floats
    """Value at the start of each; 0 where it is bad."""
    end: Floats
    good: Flags
    bad: Flags

    def seconds(self, chosen: Flags) -> Floats:
        """Per interval the length of the regions chosen."""
        return np.add.reduceat(np.where(chosen, self.microseconds, 0), self.starts) / 1e6

    def area(self) -> Floats:
        """Per interval value times seconds over the regions that are not bad."""
        with np.errstate(invalid="ignore", over="ignore"):
            each = np.where(self.bad, 0.0, (self.start + self.end) / 2 * (self.microseconds / 1e6))
            return np.asarray(np.add.reduceat(each, self.starts))

    def status(self, configuration: Configuration) -> Codes:
        """Per interval the code that follows from the shares of good and bad time."""
        total = np.add.reduceat(self.microseconds, self.starts)
        good = np.add.reduceat(np.where(self.good, self.microseconds, 0), self.starts)
        bad = np.add.reduceat(np.where(self.bad, self.microseconds, 0), self.starts)
        return status_of(good, bad, total, configuration)


def status_of(good: Integers, bad: Integers, total: Integers, configuration: Configuration) -> Codes:
    """The code of each interval by the shares that are good and bad; of nothing at all it is Good."""
    is_good = 100 * good >= configuration.percent_data_good * total
    is_bad = (100 * bad >= configuration.percent_data_bad * total) & (total > 0)
    return np.where(is_bad, BAD, np.where(is_good, GOOD, UNCERTAIN_DATA_SUB_NORMAL)).astype(np.uint32)


def cut_simple(series: Series, intervals: Intervals, configuration: Configuration, *, stepped: bool) -> Cut:
    """Cut at every sample, between simple bounding values."""
    edges = np.append(intervals.low, intervals.high[-1])
    bounds = simple_bounds(
        series, edges, stepped=stepped, treat_uncertain_as_bad=configuration.treat_uncertain_as_bad
    )  # fmt: skip
    return _cut(series, np.arange(len(series)), bounds, intervals)


def cut_interpolated(series: Series, intervals: Intervals, configuration: Configuration, *, stepped: bool) -> Cut:
    """Cut at every usable sample, between interpolated bounding values."""
    edges = np.append(intervals.low, intervals.high[-1])
    bounds = interpolated_bounds(
        series, edges, stepped=stepped, sloped_extrapolation=configuration.use_sloped_extrapolation
    )
    return _cut(series, np.flatnonzero(series.usable), bounds, intervals)


def _cut(series: Series, rows: Integers, bounds: Points, intervals: Intervals) -> Cut:
    """The points of each interval out of `rows` of the series and the bounds at all edges."""
    ts = series.ts[rows]
    begin = np.searchsorted(ts, intervals.low, side="right")
    inside = np.maximum(np.searchsorted(ts, intervals.high) - begin, 0)
    ends = np.cumsum(inside + 2)
    first, last = ends - inside - 2, ends - 1
    is_bound = np.zeros(ends[-1], bool)
    is_bound[first] = is_bound[last] = True
    picked = np.empty(ends[-1], np.int64)
    picked[first], picked[last] = np.arange(len(first)), np.arange(1, len(first) + 1)
    within = np.arange(inside.sum()) - np.repeat(np.cumsum(inside) - inside, inside) + np.repeat(begin, inside)
    picked[~is_bound] = rows[within]
    row, edge = np.where(is_bound, 0, picked), np.where(is_bound, picked, 0)

    def mixed(of_bounds: np.ndarray, of_rows: np.ndarray) -> np.ndarray:
        return np.where(is_bound, of_bounds[edge], of_rows[row] if len(of_rows) else of_bounds[edge])

    none = np.zeros(len(series), bool)
    points = Points(
        mixed(bounds.ts, series.ts), mixed(bounds.value, series.value), mixed(bounds.q, series.q),
        mixed(bounds.usable, series.usable), mixed(bounds.source, np.arange(len(series))),
        mixed(bounds.estimated, none), mixed(bounds.extrapolated, none),
    )  # fmt: skip
    return Cut(points, first, last)


def regions_simple(cut: Cut, *, stepped: bool) -> Regions:
    """Regions where bad samples make bad time. The newest sample lasts for RESOLUTION_US."""
    points = cut.points
    heads, tails, starts = _ends(cut)
    usable = points.usable[heads] | points.estimated[heads]  # an estimate may be Uncertain and is no sample to reject
    good = usable & quality.is_good(points.q[heads])
    end_usable = points.usable[tails]
    if not stepped:
        good &= end_usable & quality.is_good(points.q[tails])
    start = np.where(usable, np.nan_to_num(points.value[heads], nan=0.0, posinf=np.inf, neginf=-np.inf), 0.0)
    sloping = end_usable & (not stepped)
    end = np.where(sloping, np.nan_to_num(points.value[tails], nan=0.0, posinf=np.inf, neginf=-np.inf), start)
    length = points.ts[tails] - points.ts[heads]
    is_newest = points.usable[heads] & (points.q[tails] == BAD_NO_DATA) & np.isin(tails, cut.last)
    length = np.where(is_newest, np.minimum(length, RESOLUTION_US), length)
    return Regions(starts, length, start, end, good, ~usable)


def regions_interpolated(series: Series, cut: Cut) -> Regions:
    """Regions of straight lines from usable value to usable value; what was skipped on the way makes them Uncertain."""
    points = cut.points
    heads, tails, starts = _ends(cut)
    usable = points.usable[heads]
    rejected = np.concatenate([[0], np.cumsum(~series.usable)])
    skipped = (
        rejected[np.searchsorted(series.ts, points.ts[tails])]
        > rejected[np.searchsorted(series.ts, points.ts[heads], side="right")]
    )
    good = usable & ~skipped & quality.is_good(points.q[heads]) & quality.is_good(points.q[tails])
    start = np.where(usable, points.value[heads], 0.0)
    end = np.where(points.usable[tails], points.value[tails], start)
    return Regions(starts, points.ts[tails] - points.ts[heads], start, end, good, ~usable)


def _ends(cut: Cut) -> tuple[Integers, Integers, Integers]:
    """Index of the first and of the last point of every region, and where the regions of each interval begin."""
    is_head = np.ones(len(cut.points.ts), bool)
    is_head[cut.last] = False
    heads = np.flatnonzero(is_head)
    return heads, heads + 1, cut.first - np.arange(len(cut.first))
