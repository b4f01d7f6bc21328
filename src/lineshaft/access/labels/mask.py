"""What obligations of a decision do to rows of samples: mask and sample, column by column.

Rows are the history's: `tag, ts, arrival, v, vi, vs, vb, q`. An argument that is not understood hides everything.

    mask     rules separated by commas, for numbers `null` or `round:N` (N digits behind the point; negative: before
             it), for texts `null` or `pseudonym`; what no rule names becomes null
    sample   seconds: of each tag at most one row in each such interval of the clock, the same one whatever is asked
             for, and never two closer than that in one answer
"""

import base64
import hmac
import math
from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lineshaft.core import clock
from lineshaft.core.principals import Obligation

_NUMBERS: Final = ("v", "vi")
_PSEUDONYM_BYTES: Final = 15
_LONGEST_SECONDS: Final = 366 * 86_400
_HIDE_ALL: Final = "null"

Change = Callable[[pa.RecordBatch], pa.RecordBatch]


def pseudonym(key: bytes, text: str) -> str:
    """The same text under the same key has the same pseudonym; under another key an unlinkable one (HMAC-SHA-256)."""
    digest = hmac.digest(key, text.encode(), "sha256")[:_PSEUDONYM_BYTES]
    return "p_" + base64.b32encode(digest).decode().lower()


def needs_key(obligations: Iterable[Obligation]) -> bool:
    """Whether a pseudonym has to be made."""
    return any(one.kind == "mask" and "pseudonym" in one.argument for one in obligations)


def changes(obligations: Iterable[Obligation], *, start_us: int | None, key: bytes | None) -> list[Change]:
    """What to do to each batch of an answer, in this order; keeps its state between the batches of one answer.

    Args:
        start_us: where the answer's time range begins; None where it has none (latest values).
        key: for pseudonyms.
    """
    found = list(obligations)
    samples = [_seconds(one.argument) for one in found if one.kind == "sample"]
    masks = [one.argument for one in found if one.kind == "mask"]
    thinning: list[Change] = [Thinning(max(samples), start_us)] if samples else []
    return [*thinning, *(_masking(argument, key) for argument in masks)]


class Thinning:
    """Lets at most one row of each tag through in each interval of the clock."""

    def __init__(self, seconds: float, start_us: int | None) -> None:
        self.seconds = seconds
        self._step = max(1, round(seconds * clock.MICROSECONDS))
        # An interval that began before the range: its first row is not known, and another one would tell too much.
        self._from = None if start_us is None else -(-start_us // self._step)
        self._last: dict[int, int] = {}

    def __call__(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        tags = rows.column("tag").to_numpy()
        times = rows.column("ts").cast("int64").to_numpy()
        intervals = times // self._step
        order = np.lexsort((times, tags))
        first = np.ones(len(order), bool)
        first[1:] = (np.diff(tags[order]) != 0) | (np.diff(intervals[order]) != 0)
        if self._from is not None:
            first &= intervals[order] >= self._from
        kept = [place for place in order[first].tolist() if self._keep(int(tags[place]), int(times[place]))]
        return rows.take(pa.array(sorted(kept), pa.int64()))

    def _keep(self, tag: int, time: int) -> bool:
        last = self._last.get(tag)
        if last is not None and last != time and abs(time - last) < self._step:
            return False
        self._last[tag] = time
        return True


def _masking(argument: str, key: bytes | None) -> Change:
    rules = {rule.strip() for rule in argument.split(",") if rule.strip()}
    digits = _digits(rules)
    known = all(rule in ("null", "value", "pseudonym") or rule.startswith("round:") for rule in rules)
    hide = not known or _HIDE_ALL in rules or "value" in rules
    number: Callable[[pa.Array], pa.Array] = _null
    text: Callable[[pa.Array], pa.Array] = _null
    if not hide and digits is not None:
        number = lambda column: _rounded(column, digits)  # noqa: E731  # one of two ways, chosen once
    if not hide and "pseudonym" in rules and key is not None:
        text = lambda column: _pseudonyms(column, key)  # noqa: E731

    def masked(rows: pa.RecordBatch) -> pa.RecordBatch:
        columns: dict[str, Any] = dict(zip(rows.schema.names, rows.columns, strict=True))
        for name in _NUMBERS:
            columns[name] = number(columns[name])
        columns["vs"], columns["vb"] = text(columns["vs"]), _null(columns["vb"])
        return pa.RecordBatch.from_arrays([columns[name] for name in rows.schema.names], schema=rows.schema)

    return masked


def _null(column: pa.Array) -> pa.Array:
    return pa.nulls(len(column), column.type)


def _rounded(column: pa.Array, digits: int) -> pa.Array:
    return pc.round(column, ndigits=digits).cast(column.type, safe=False)


def _pseudonyms(column: pa.Array, key: bytes) -> pa.Array:
    encoded = column.dictionary_encode()
    names = pa.array([pseudonym(key, text) for text in encoded.dictionary.to_pylist()], pa.string())
    return names.take(encoded.indices)


def _digits(rules: set[str]) -> int | None:
    """The coarsest rounding asked for; None where none is, or it makes no sense."""
    try:
        digits = [int(rule.removeprefix("round:")) for rule in rules if rule.startswith("round:")]
    except ValueError:
        return None
    return min(digits) if digits and min(digits) >= -300 else None


def _seconds(argument: str) -> float:
    try:
        seconds = float(argument)
    except ValueError:
        return _LONGEST_SECONDS
    return seconds if math.isfinite(seconds) and 0 < seconds <= _LONGEST_SECONDS else _LONGEST_SECONDS
