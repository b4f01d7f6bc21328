"""The intervals of a processed read (Part 13 5.4.2.2)."""

import msgspec
import numpy as np
import numpy.typing as npt

from lineshaft.core.errors import InvalidInput
from lineshaft.history.query.model import MAXIMUM_VALUES

Array = npt.NDArray[np.int64]


class Intervals(msgspec.Struct, frozen=True):
    """Adjoining stretches of time, the earliest first, whichever way time flows in the request.

    Forward an interval holds `low` and not `high`; backward it holds `high` and not `low`. Its timestamp is the end
    that it holds.
    """

    low: Array
    high: Array
    backward: bool = False

    def __len__(self) -> int:
        return len(self.low)

    @property
    def stamp(self) -> Array:
        """Timestamp of each."""
        return self.high if self.backward else self.low

    @property
    def end(self) -> Array:
        """The end of each that it does not hold."""
        return self.low if self.backward else self.high

    def part(self, start: int, stop: int) -> "Intervals":
        """Some of them, by index."""
        return Intervals(self.low[start:stop], self.high[start:stop], self.backward)


def intervals_between(start_us: int, end_us: int, interval_us: int, tags: int = 1) -> Intervals:
    """The intervals from start to end; the last may be shorter. An interval of 0 is the whole range.

    Args:
        tags: how many tags are asked for at once; bounds the size of the answer.

    Raises:
        InvalidInput: no range, a negative interval, or more values than one answer holds.
    """
    if start_us == end_us:
        raise InvalidInput(
            "history.range_empty", "from and to are the same time, which makes no interval", "Give a range.",
            field="to", value=end_us,
        )  # fmt: skip
    if interval_us < 0:
        raise InvalidInput(
            "history.interval_negative", f"interval is {interval_us / 1e6:g} s, less than nothing",
            "For time running backward exchange from and to.", field="interval", value=interval_us / 1e6,
        )  # fmt: skip
    width = abs(end_us - start_us)
    step = min(interval_us, width) or width
    count = -(-width // step)
    if count * max(tags, 1) > MAXIMUM_VALUES:
        raise InvalidInput(
            "history.processed_too_large",
            f"{count} intervals of {tags} tags are {count * tags} values, more than {MAXIMUM_VALUES}",
            "Ask for a longer interval, a shorter range or fewer tags.", field="interval", value=interval_us / 1e6,
            intervals=count, tags=tags, values=count * tags, maximum=MAXIMUM_VALUES,
        )  # fmt: skip
    offsets = np.minimum(np.arange(count + 1, dtype=np.int64) * step, width)
    if end_us > start_us:
        return Intervals(start_us + offsets[:-1], start_us + offsets[1:])
    edges = (start_us - offsets)[::-1]
    return Intervals(edges[:-1], edges[1:], backward=True)
