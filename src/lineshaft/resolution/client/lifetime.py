"""How long what was retrieved may be kept (RFC 3651 3.1)."""

from collections.abc import Iterable
from typing import Final

from lineshaft.resolution.model import TTL_ABSOLUTE, HandleValue

LONGEST: Final = 2 * 86_400
"""Seconds; no value is kept longer without asking again."""


def lifetime(values: Iterable[HandleValue], now: int) -> int:
    """Seconds that a record may be kept from now on: as long as its shortest-lived value, at most two days.

    Args:
        values: as just retrieved: relative times to live count from now.
        now: seconds since 1970.
    """
    return max(min((_seconds(value, now) for value in values), default=0), 0)


def _seconds(value: HandleValue, now: int) -> int:
    return min(value.ttl - now if value.ttl_type == TTL_ABSOLUTE else value.ttl, LONGEST)
