"""One tag's samples in numpy columns, and what lies next to a time in them."""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from lineshaft.core import quality

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint32]


class Series:
    """Samples of one tag by ascending time, with the nearest ones outside the range asked for.

    Args:
        ts: microseconds, strictly ascending.
        value: the number of each; NaN where there is none.
        q: StatusCode of each.
        treat_uncertain_as_bad: as configured.
        numeric: whether a sample without a number is as good as a bad one.
    """

    def __init__(
        self, ts: Integers, value: Floats, q: Codes, *, treat_uncertain_as_bad: bool = True, numeric: bool = True
    ) -> None:
        self.ts, self.value, self.q = ts, value, q
        has_value = ~np.isnan(value) if numeric else np.ones(len(ts), bool)
        self.good: Flags = quality.is_good(q) & has_value
        self.bad: Flags = quality.is_bad(q) | ~has_value
        self.usable: Flags = self.good if treat_uncertain_as_bad else ~self.bad
        """Good enough to calculate with."""

    def __len__(self) -> int:
        return len(self.ts)

    @cached_property
    def usable_before(self) -> Integers:
        """Per place 0 to n the index of the last usable sample before it; -1 where there is none."""
        places = np.where(self.usable, np.arange(len(self), dtype=np.int64), -1)
        return np.concatenate([[-1], np.maximum.accumulate(places)]) if len(self) else np.array([-1], np.int64)

    @cached_property
    def usable_from(self) -> Integers:
        """Per place 0 to n the index of the first usable sample at or behind it; n where there is none."""
        count = len(self)
        places = np.where(self.usable, np.arange(count, dtype=np.int64), count)
        return np.append(np.minimum.accumulate(places[::-1])[::-1], count)
