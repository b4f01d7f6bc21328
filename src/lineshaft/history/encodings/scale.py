"""Numbers as integers times a rational: `v == vi * mul / div`, bit for bit, with IEEE 754 doubles from left to right.

A scale is looked for on a few values of each tag, for all tags at once: decimals first, then the largest step that all
values are multiples of, as the rational it is (100/65535 of a converter) or as the double it was multiplied by.
Integers that are stored as floats get 2/2, because 1/1 says that the device itself gave integers.
"""

from collections.abc import Callable

import msgspec
import numpy as np

LARGEST = 2.0**53
"""Beyond it not every integer is a double."""
_BLOCK = 16_384
"""Rows at a time: what is reckoned stays in the processor's cache."""
SAMPLES = 32
_ENOUGH = 28
"""So many of the samples must come back: zeros with a sign and the like are exceptions."""
_MANY_SAMPLES = 256
"""Of tags without a scale, to see how many values they have."""
_DIGITS = 12
_EUCLID_STEPS = 40
_FRACTION_STEPS = 12
_LARGEST_TERM = 2.0**40
_MOST_STEPS = 1e8
_SIMPLER = 0.15
"""Bytes per value that integers may cost more: a column of them serves many tags, and a changed scale is found."""


class Costs(msgspec.Struct, frozen=True):
    """Measured bytes per value of each tag in each form; `integer` without a scale is infinite."""

    integer: np.ndarray
    dictionary: np.ndarray
    split: np.ndarray


class Scales:
    """The scale of each row, held run by run: rows of one tag have the same.

    Args:
        lengths: rows of each run, one after the other.
        mul, div: of each run; NaN where there is none.
    """

    def __init__(self, lengths: np.ndarray, mul: np.ndarray, div: np.ndarray) -> None:
        self.mul, self.div = mul, div
        self._ends = np.cumsum(lengths)

    def between(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """`mul` and `div` of each row of a stretch that is not empty."""
        first, last = np.searchsorted(self._ends, [start, end - 1], side="right")
        ends = np.minimum(self._ends[first : last + 1], end)
        lengths = np.diff(ends, prepend=start)
        return np.repeat(self.mul[first : last + 1], lengths), np.repeat(self.div[first : last + 1], lengths)


def scaled(values: np.ndarray, mul: np.ndarray, div: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integers for values under their scales (NaN: none), and whether each gives its value back bit for bit."""
    return _scaled(values, lambda start, end: (mul[start:end], div[start:end]))


def scaled_by_run(values: np.ndarray, scales: Scales) -> tuple[np.ndarray, np.ndarray]:
    """The same under the scales of runs."""
    return _scaled(values, scales.between)


def _scaled(
    values: np.ndarray, between: Callable[[int, int], tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    integers, exact = np.empty(values.shape, np.int64), np.empty(values.shape, bool)
    with np.errstate(all="ignore"):
        for start in range(0, len(values), _BLOCK):
            end = min(start + _BLOCK, len(values))
            value, part = values[start:end], slice(start, end)
            m, d = between(start, end)
            number = value * d
            number /= m
            np.rint(number, out=number)
            integers[part] = number
            back = integers[part] * m
            back /= d
            within = np.abs(number, out=number) <= LARGEST
            np.logical_and(back.view(np.int64) == value.view(np.int64), within, out=exact[part])
    return integers, exact


def look(values: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, Costs]:
    """Scale and costs of each run of `values`; NaN where none is worth it.

    Args:
        values: rows of all runs, one after the other; NaN is no value.
        starts, lengths: where each run lies; no run is empty.
    """
    at = starts[:, None] + (np.arange(SAMPLES) * lengths[:, None]) // SAMPLES
    sample = _filled(values[at])
    following = _filled(values[np.minimum(at + 1, (starts + lengths - 1)[:, None])], sample)
    mul, div = _decimal(sample)
    _by_step(sample, mul, div)
    costs = _costs(sample, following, lengths, mul, div)
    bare = np.isnan(mul)
    if bare.any():
        costs.dictionary[bare] = _dictionary_cost(values, starts[bare], lengths[bare])
    dear = costs.integer - _SIMPLER >= np.minimum(costs.dictionary, costs.split)
    mul[dear] = div[dear] = np.nan
    return mul, div, costs


def _filled(sample: np.ndarray, other: np.ndarray | None = None) -> np.ndarray:
    """The sample with a finite value of its row in place of each that is none; zero where there is no other."""
    fine = np.isfinite(sample)
    if fine.all():
        return sample
    stand_in = sample[np.arange(len(sample)), np.argmax(fine, axis=1)][:, None] if other is None else other
    filled = np.where(fine, sample, stand_in)
    return np.where(np.isfinite(filled), filled, 0.0)


def _exact(sample: np.ndarray, mul: np.ndarray, div: np.ndarray) -> np.ndarray:
    """How many values of each row a scale gives back."""
    _, exact = scaled(sample, mul[:, None], div[:, None])
    return np.asarray(exact.sum(axis=1))


def _decimal(sample: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The fewest decimals that hold for each row."""
    mul, div = np.full(len(sample), np.nan), np.full(len(sample), np.nan)
    open_ = np.arange(len(sample))
    for digits in range(_DIGITS + 1):
        one, ten = (2.0, 2.0) if digits == 0 else (1.0, 10.0**digits)
        count = len(open_)
        fits = _exact(sample[open_], np.full(count, one), np.full(count, ten)) >= _ENOUGH
        mul[open_[fits]], div[open_[fits]] = one, ten
        open_ = open_[~fits]
        if not len(open_):
            break
    return mul, div


def _by_step(sample: np.ndarray, mul: np.ndarray, div: np.ndarray) -> None:
    """Set the scales of rows that have none from their largest common step, where there is one."""
    open_ = np.flatnonzero(np.isnan(mul))
    if not len(open_):
        return
    with np.errstate(all="ignore"):
        step = _largest_step(np.abs(sample[open_]))
        some = np.isfinite(step) & (step > 0)
        open_, step = open_[some], step[some]
        numerator, denominator = _rational(step)
    one = np.ones_like(step)
    with np.errstate(over="ignore"):
        above = np.nextafter(step, np.inf)
    candidates = [
        (numerator, denominator), (step, one), (above, one), (np.nextafter(step, 0), one),
    ]  # fmt: skip
    best = np.full(len(open_), _ENOUGH - 1)
    for first, second in candidates:
        exact = _exact(sample[open_], first, second)
        better = exact > best
        best[better] = exact[better]
        whole = better & (first == 1) & (second == 1)
        mul[open_[better]], div[open_[better]] = first[better], second[better]
        mul[open_[whole]] = div[open_[whole]] = 2.0


def _largest_step(sample: np.ndarray) -> np.ndarray:
    """Each row's greatest common divisor within the rounding of its values; not finite where there is none."""
    largest = sample.max(axis=1)
    limit = largest * 1e-9
    step = largest.copy()
    for column in sample.T:
        first, second = step, column
        for _ in range(_EUCLID_STEPS):
            running = second > limit
            if not running.any():
                break
            rest = np.remainder(first, second)
            rest = np.where(second - rest < limit, 0.0, rest)  # a hair less than a whole multiple
            first, second = np.where(running, second, first), np.where(running, rest, second)
        step = largest / np.rint(largest / first)  # the division's rounding, not that of every step before
    return np.where(largest / step < _MOST_STEPS, step, np.nan)


def _rational(step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The simplest fraction that is the step to within rounding (continued fraction); NaN where there is none."""
    numerator, denominator = np.full_like(step, np.nan), np.full_like(step, np.nan)
    below = np.zeros_like(step), np.ones_like(step)
    last = np.ones_like(step), np.zeros_like(step)
    rest = step.copy()
    for _ in range(_FRACTION_STEPS):
        whole = np.floor(rest)
        last, below = (whole * last[0] + below[0], whole * last[1] + below[1]), last
        close = np.abs(last[0] / last[1] - step) <= 1e-15 * step
        fresh = close & np.isnan(numerator) & (last[0] < _LARGEST_TERM) & (last[1] < _LARGEST_TERM)
        numerator[fresh], denominator[fresh] = last[0][fresh], last[1][fresh]
        rest = 1 / (rest - whole)
    return numerator, denominator


def _costs(
    sample: np.ndarray, following: np.ndarray, lengths: np.ndarray, mul: np.ndarray, div: np.ndarray
) -> Costs:  # fmt: skip
    """Bytes per value, from the sample and the value after each of it."""
    with np.errstate(all="ignore"):
        scale = (div / mul)[:, None]
        steps = np.abs(np.rint(following * scale) - np.rint(sample * scale))
        integer = (np.log2(steps.mean(axis=1) + 1) + 1) / 8
    integer = np.where(np.isnan(integer), np.inf, integer)
    dictionary = _in_dictionary(sample, lengths)
    planes = np.ascontiguousarray(sample).view(np.uint8).reshape(len(sample), SAMPLES, 8)
    split = 0.05 + 0.95 * (planes != planes[:, :1]).any(axis=1).sum(axis=1)
    return Costs(integer, dictionary, split)


def _dictionary_cost(values: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The same of a dictionary, from more values."""
    at = starts[:, None] + (np.arange(_MANY_SAMPLES) * lengths[:, None]) // _MANY_SAMPLES
    return _in_dictionary(_filled(values[at]), lengths)


def _in_dictionary(sample: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Bytes per value; where more than half of the sample differs, every value is taken to."""
    bits = np.sort(sample.view(np.int64), axis=1)
    distinct = 1 + np.count_nonzero(np.diff(bits, axis=1), axis=1)
    distinct = np.where(distinct > sample.shape[1] // 2, lengths, distinct)
    return np.asarray(np.log2(distinct + 1) / 8 + 8 * distinct / lengths)
