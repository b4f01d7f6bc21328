"""Lengths of time as people write them."""

import re
from typing import Final

from lineshaft.core.errors import InvalidInput

_FORM: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|min|m|h|d)?", re.ASCII)
_MICROSECONDS: Final = {
    "us": 1, "ms": 1000, "s": 1_000_000, None: 1_000_000, "m": 60_000_000, "min": 60_000_000, "h": 3_600_000_000,
    "d": 86_400_000_000,
}  # fmt: skip
_LONGEST_US: Final = 400 * 366 * 86_400_000_000


def parse_duration(text: str, *, field: str) -> int:
    """Microseconds of `60`, `60s`, `500ms`, `10m`, `1.5h`, `1d`; a bare number is seconds.

    Raises:
        InvalidInput: another form, or longer than 400 years.
    """
    form = _FORM.fullmatch(text.strip().lower())
    length = round(float(form[1]) * _MICROSECONDS[form[2]]) if form else _LONGEST_US + 1
    if length > _LONGEST_US:
        raise InvalidInput(
            "history.duration_unreadable", f"{field} is {text[:40]!r}, which is no length of time",
            "Give a number and us, ms, s, m, h or d, such as 60s or 1h.", field=field, value=text[:40],
        )  # fmt: skip
    return length
