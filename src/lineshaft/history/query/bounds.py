"""Values at given times: simple and interpolated bounding values (Part 13 3.1.8, 3.1.9)."""

import msgspec
import numpy as np

from lineshaft.history.query.model import BAD_NO_DATA, GOOD, INTERPOLATED, UNCERTAIN_DATA_SUB_NORMAL
from lineshaft.history.query.series import Codes, Flags, Floats, Integers, Series


class Points(msgspec.Struct, frozen=True):
    """A value at each of some times."""

    ts: Integers
    value: Floats
    """NaN where there is none."""
    q: Codes
    """BadNoData where no value can be said."""
    usable: Flags
    source: Integers
    """Index of the sample that is the value, at the time or held until then; -1 where it was interpolated."""
    estimated: Flags
    """A value was said and no sample lies at the time."""
    extrapolated: Flags
    """Behind the last usable sample."""


def simple_bounds(series: Series, times: Integers, *, stepped: bool, treat_uncertain_as_bad: bool) -> Points:
    """From the samples right before and right behind each time, whatever their quality."""
    count = len(series)
    if not count:
        return _nothing(times)
    behind = np.searchsorted(series.ts, times)
    at, before = np.minimum(behind, count - 1), np.maximum(behind - 1, 0)
    exact = (behind < count) & (series.ts[at] == times)
    known = ~exact & (behind > 0) & (behind < count) & series.usable[before]
    sloped = known & series.usable[at] & (not stepped)
    value = np.where(exact, series.value[at], np.where(known, series.value[before], np.nan))
    value[sloped] = _line(series, before[sloped], at[sloped], times[sloped])
    sound = series.good[before] & (stepped | series.good[at])
    q = np.where(
        exact,
        series.q[at],
        np.where(known, np.where(sound, GOOD, UNCERTAIN_DATA_SUB_NORMAL) | INTERPOLATED, BAD_NO_DATA),
    ).astype(np.uint32)
    usable = np.where(exact, series.usable[at], known & (sound | (not treat_uncertain_as_bad)))
    source = np.where(exact, at, np.where(known & ~sloped, before, -1))
    return Points(times, value, q, usable, source, known, np.zeros(len(times), bool))


def interpolated_bounds(series: Series, times: Integers, *, stepped: bool, sloped_extrapolation: bool) -> Points:
    """From the nearest usable samples on both sides of each time."""
    count = len(series)
    if not count:
        return _nothing(times)
    place = np.searchsorted(series.ts, times)
    at = np.minimum(place, count - 1)
    exact = (place < count) & (series.ts[at] == times) & series.usable[at]
    early, late = series.usable_before[place], series.usable_from[place]
    has_early, has_late = ~exact & (early >= 0), late < count
    early, late = np.maximum(early, 0), np.minimum(late, count - 1)
    following = np.minimum(early + 1, count - 1)
    adjacent = (early + 1 < count) & (series.ts[following] > times)
    value = np.where(exact, series.value[at], np.where(has_early, series.value[early], np.nan))
    source = np.where(exact, at, np.where(has_early, early, -1))
    between = has_early & has_late & (not stepped)
    value[between] = _line(series, early[between], late[between], times[between])
    source[between] = -1
    second = series.usable_before[early]
    beyond = has_early & ~has_late & (second >= 0) & (sloped_extrapolation and not stepped)
    value[beyond] = _line(series, second[beyond], early[beyond], times[beyond])
    source[beyond] = -1
    clean = series.good[early] & np.where(between, (late == early + 1) & series.good[late], stepped & adjacent)
    code = np.where(clean, GOOD, UNCERTAIN_DATA_SUB_NORMAL) | INTERPOLATED
    q = np.where(exact, series.q[at], np.where(has_early, code, BAD_NO_DATA)).astype(np.uint32)
    return Points(times, value, q, exact | has_early, source, has_early, has_early & ~has_late)


def _line(series: Series, first: Integers, second: Integers, times: Integers) -> Floats:
    """The line through two samples, at a time."""
    with np.errstate(invalid="ignore", over="ignore"):
        rise = series.value[second] - series.value[first]
        share = (times - series.ts[first]) / (series.ts[second] - series.ts[first])
        return np.asarray(series.value[first] + rise * share)


def _nothing(times: Integers) -> Points:
    no = np.zeros(len(times), bool)
    return Points(
        times, np.full(len(times), np.nan), np.full(len(times), BAD_NO_DATA, np.uint32), no,
        np.full(len(times), -1, np.int64), no, no,
    )  # fmt: skip
