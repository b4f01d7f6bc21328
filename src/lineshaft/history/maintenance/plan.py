"""Which files to merge: those of an hour that is over, and those of a day that is over.

A late file goes into its day once it is worth writing the day again; until then it stays a file of its own.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from lineshaft.history.commits import Segment
from lineshaft.history.rollup import DAY_US, HOUR_US
from lineshaft.history.rollup_state import MAINTAINER, RollupState

Level = Literal["hour", "day"]
OWNERS: dict[Level, str] = {"hour": f"{MAINTAINER}-hour", "day": f"{MAINTAINER}-day"}
_MOST_FILES = 256
_WORTH_SHARE = 8
"""Late rows that are at least one in so many of their day's are merged into it at once."""
_WORTH_FILES = 16
"""So many late files are merged however small they are."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Files that become one stretch of the table."""

    level: Level
    start_us: int
    segments: list[Segment]

    @property
    def rows(self) -> int:
        return sum(segment.rows for segment in self.segments)


def groups(segments: Sequence[Segment], before_us: int) -> list[Group]:
    """What to merge, oldest first: hours and days that end at or before a time."""
    days: dict[int, list[Segment]] = {}
    for segment in segments:
        days.setdefault(segment.min_us // DAY_US, []).append(segment)
    found: list[Group] = []
    for day, files in sorted(days.items()):
        if (day + 1) * DAY_US <= before_us:
            found += _day(day, files)
        else:
            found += _hours(files, before_us)
    return found


def mergeable(segments: Iterable[Segment], state: RollupState | None) -> list[Segment]:
    """Files whose merging hides nothing from the rollups: rolled ones, and those that begin behind the watermark."""
    if state is None:
        return list(segments)
    seen = set(state.seen)
    return [
        segment for segment in segments
        if is_own(segment.path) or segment.path in seen or segment.min_us >= state.until_us
    ]  # fmt: skip


def is_own(path: str) -> bool:
    """Whether a file was written by the maintainer."""
    return path.startswith(f"{MAINTAINER}-")


def _day(day: int, files: list[Segment]) -> list[Group]:
    settled = [segment for segment in files if segment.path.startswith(OWNERS["day"])]
    loose = [segment for segment in files if not segment.path.startswith(OWNERS["day"])][:_MOST_FILES]
    if not loose:
        return []
    touched = [segment for segment in settled if any(_meet(segment, other) for other in loose)]
    late, there = sum(segment.rows for segment in loose), sum(segment.rows for segment in touched)
    if late * _WORTH_SHARE < there and len(loose) < _WORTH_FILES:
        return []
    return [Group(level="day", start_us=day * DAY_US, segments=[*touched, *loose])]


def _hours(files: list[Segment], before_us: int) -> list[Group]:
    hours: dict[int, list[Segment]] = {}
    for segment in files:
        if segment.max_us - segment.min_us < 2 * HOUR_US:
            hours.setdefault(segment.min_us // HOUR_US, []).append(segment)
    return [
        Group(level="hour", start_us=hour * HOUR_US, segments=members[:_MOST_FILES])
        for hour, members in sorted(hours.items())
        if (hour + 1) * HOUR_US <= before_us and len(members) > 1 and not all(is_own(one.path) for one in members)
    ]


def _meet(one: Segment, other: Segment) -> bool:
    return (
        one.min_us <= other.max_us and other.min_us <= one.max_us
        and one.min_tag <= other.max_tag and other.min_tag <= one.max_tag
    )  # fmt: skip
