"""Retention: which tags' samples are kept for how long, and what is never touched.

Rules are `PATTERN=DAYS`; the first that fits a tag's path counts. Where none does, its label's days count, and without
those everything is kept. A legal hold on a tag or above it beats both.
"""

import fnmatch
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput
from lineshaft.history.rollup import DAY_US
from lineshaft.history.sorting import keys


class Rule(msgspec.Struct, frozen=True):
    """How long the samples of tags are kept; `*` in the pattern stands for anything, slashes too."""

    pattern: str
    days: int

    @classmethod
    def parse(cls, text: str) -> "Rule":
        """A rule as settings have it.

        Raises:
            InvalidInput: it is none.
        """
        pattern, mark, days = text.rpartition("=")
        if not mark or not pattern or not days.isdigit() or int(days) < 1:
            raise InvalidInput(
                "history.retention_invalid", f"retention rule {text!r} is not PATTERN=DAYS",
                "For instance acme/berlin/*=400; days are whole and at least 1.", field="maintenance.retention",
                value=text,
            )  # fmt: skip
        return cls(pattern, int(days))


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What counts for one tag."""

    tag: int
    path: str
    label_days: int | None = None
    is_held: bool = False


class Expired(msgspec.Struct, frozen=True):
    """Tags whose samples before a day are no longer kept."""

    tags: np.ndarray
    """Ascending."""
    before_us: int


def expired(tags: Sequence[Kept], rules: Sequence[Rule], now_us: int) -> list[Expired]:
    """What may be removed now, by days; the beginning of a UTC day is the border."""
    by_days: dict[int, list[int]] = {}
    for one in tags:
        days = days_of(one, rules)
        if days is not None:
            by_days.setdefault(days, []).append(one.tag)
    return [
        Expired(np.array(sorted(numbers), np.int32), (now_us - days * DAY_US) // DAY_US * DAY_US)
        for days, numbers in sorted(by_days.items())
    ]


def days_of(tag: Kept, rules: Sequence[Rule]) -> int | None:
    """For how many days a tag's samples are kept; None for ever."""
    if tag.is_held:
        return None
    fitting = next((rule.days for rule in rules if fnmatch.fnmatchcase(tag.path, rule.pattern)), None)
    return tag.label_days if fitting is None else fitting


def still_kept(expiry: Sequence[Expired]) -> Callable[[pa.RecordBatch], np.ndarray]:
    """Tells of rows which are to be kept."""

    def keep(rows: pa.RecordBatch) -> np.ndarray:
        tag, ts = keys(rows)
        gone = np.zeros(len(rows), bool)
        for one in expiry:
            gone |= (ts < one.before_us) & np.isin(tag, one.tags)
        return ~gone

    return keep


def describe(before_us: int) -> str:
    """A border as people read it."""
    return clock.rfc3339(before_us)[:10]
