"""The one source of time, so that tests can set it.

Wall time is UTC in whole microseconds since 1970 (`int`), the unit of every timestamp column. Durations are measured
with `monotonic()`, which no clock step disturbs.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from lineshaft.core.errors import InvalidInput

MICROSECONDS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _system_now_us() -> int:
    return time.time_ns() // 1000


_now_us: Callable[[], int] = _system_now_us


def now_us() -> int:
    """Wall time, microseconds since 1970-01-01 UTC."""
    return _now_us()


def now() -> datetime:
    """Wall time as an aware UTC datetime."""
    return to_datetime(_now_us())


def monotonic() -> float:
    """Seconds on a clock that never steps; only differences mean anything."""
    return time.monotonic()


def to_datetime(microseconds: int) -> datetime:
    """Aware UTC datetime of a microsecond count, exact."""
    return _EPOCH + timedelta(microseconds=microseconds)


def to_us(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime, exact."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def rfc3339(microseconds: int) -> str:
    """RFC 3339 text with six decimals and `Z`."""
    return to_datetime(microseconds).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_time(text: str, *, field: str = "time", now: int | None = None) -> int:
    """Read an RFC 3339 time, or an offset from now such as `-15m`, `-2h`, `-7d`, `now`; microseconds since 1970.

    Raises:
        InvalidInput: neither form, or a time without a zone.
    """
    text = text.strip()
    if text == "now":
        return now_us() if now is None else now
    try:
        if text[:1] in "+-" and text[-1:] in _UNITS and text[1:-1].replace(".", "", 1).isdecimal():
            offset = float(text[:-1]) * _UNITS[text[-1]]
            moment = to_datetime((now_us() if now is None else now) + round(offset * MICROSECONDS))
        else:
            moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput(
            "core.time_unreadable",
            f"{field} is {text!r}, which is not a time with a zone",
            "Give RFC 3339 such as 2026-01-31T08:00:00Z, or an offset such as -15m, -2h, -7d or now.",
            field=field, value=text,
        )  # fmt: skip
    return to_us(moment)


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@contextmanager
def fixed(source: Callable[[], int]) -> Iterator[None]:
    """Take wall time from `source` while the block runs. For tests only: it is global to the process."""
    global _now_us
    before, _now_us = _now_us, source
    try:
        yield
    finally:
        _now_us = before
