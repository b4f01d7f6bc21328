"""A plain value (of JSON, CBOR or a text) as a sample of its point: kind, scale, sentinels, and the quality it deserves.

A value that does not fit its point's kind has no sample: Bad, type mismatch. Nothing is guessed: a text is no number.
"""

import math
from typing import Any, Final, NamedTuple

from lineshaft.core import quality
from lineshaft.edge import raw
from lineshaft.edge.columns import BOOLEAN, INTEGER, MISSING, NUMBER, TEXT, Columns
from lineshaft.edge.driver import Faults
from lineshaft.edge.model import Point

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_NOT_A_NUMBER: Final = float("nan")
_TRUTHS: Final = {
    "true": True, "false": False, "1": True, "0": False, "on": True, "off": False, "yes": True, "no": False,
    "active": True, "inactive": False,
}  # fmt: skip


class Sample(NamedTuple):
    """What a value became."""

    kind: int
    value: Any
    q: int
    problem: str = ""
    """Why it has no good value, for whoever sent it."""


def check(point: Point, faults: Faults) -> None:
    """Note what of a point makes no sense where values come with their own types."""
    field = f"points.{point.name}"
    for name in ("type", "order", "length"):
        if value := getattr(point, name):
            faults.add(f"{field}.{name}", value, "values have a type of their own here; leave it out")
    if point.kind not in ("number", "integer"):
        for name in ("scale", "offset", "sentinels"):
            if value := getattr(point, name):
                faults.add(f"{field}.{name}", value, f"a {point.kind} has none")
        return
    try:
        scale = raw.scaling(point.scale, point.offset)
    except ValueError as error:
        faults.add(f"{field}.scale", f"{point.scale or 1} + {point.offset or 0}", str(error))
        return
    if point.kind == "integer" and not scale.integral:
        faults.add(
            f"{field}.scale", point.scale or point.offset, "a point of kind integer needs integral scale and offset"
        )


def fit(point: Point, value: Any) -> Sample:  # noqa: PLR0911  # one line per way not to fit
    """A value as a sample of its point."""
    if value is None:
        return _bad(quality.BAD_NO_DATA, "there is no value")
    if point.kind == "text":
        return Sample(TEXT, value, quality.GOOD) if isinstance(value, str) else _mismatch(point, value)
    if point.kind == "boolean":
        if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
            return Sample(BOOLEAN, bool(value), quality.GOOD)
        return _mismatch(point, value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _mismatch(point, value)
    if not _is_finite(value):
        return _bad(quality.BAD_OUT_OF_RANGE, f"{value} is no number that can be kept")
    if value in point.sentinels:
        return _bad(quality.BAD_NO_DATA, "the device says by this value that it has none")
    scale = raw.scaling(point.scale, point.offset)
    return _integer(point, value, scale) if point.kind == "integer" else _number(value, scale)


def read_text(point: Point, text: str) -> Sample:
    """A value that comes as text, such as `1.5`, `ON` or `READY`."""
    if point.kind == "text":
        return Sample(TEXT, text, quality.GOOD)
    if point.kind == "boolean":
        truth = _TRUTHS.get(text.strip().lower())
        return _undecodable(point, text) if truth is None else Sample(BOOLEAN, truth, quality.GOOD)
    try:
        plain = text.strip()
        value = int(plain) if plain.lstrip("+-").isdigit() and len(plain) <= 20 else float(plain)
    except ValueError:
        return _undecodable(point, text)
    if "_" in text:  # Python's own, and nobody else's
        return _undecodable(point, text)
    return fit(point, value)


def add(columns: Columns, key: int, ts: int, sample: Sample) -> None:
    """Append a sample."""
    columns.add(key, ts, MISSING, sample.q, sample.kind, sample.value)


def unscale(point: Point, value: float | str) -> float | int | bool | str:
    """The value to send to a device for a value in the point's unit.

    Raises:
        ValueError: the point's kind cannot hold it.
    """
    fits = {"text": str, "boolean": bool}.get(point.kind)
    if fits is not None:
        if not isinstance(value, fits):
            raise ValueError(f"{value!r} is no {point.kind}")
        return value
    if isinstance(value, bool | str) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no {point.kind}")
    exact = raw.scaling(point.scale, point.offset).raw(value)
    if point.kind == "integer":
        if exact.denominator != 1:
            raise ValueError(f"{value!r} is not a whole number of the device's steps")
        return int(exact)
    return float(exact)


def _integer(point: Point, value: float, scale: raw.Scaling) -> Sample:
    if isinstance(value, float) and not value.is_integer():
        return _mismatch(point, value)
    whole = int(value) * scale.a + scale.b
    if not _SMALLEST <= whole <= _LARGEST:
        return _bad(quality.BAD_OUT_OF_RANGE, f"{whole} is beyond 64 bits")
    return Sample(INTEGER, whole, quality.GOOD)


def _number(value: float, scale: raw.Scaling) -> Sample:
    number = float(value)
    if (scale.a, scale.b, scale.d) != (1, 0, 1):
        number = (number * scale.a + scale.b) / scale.d
    return (
        Sample(NUMBER, number, quality.GOOD) if math.isfinite(number) else _bad(quality.BAD_OUT_OF_RANGE, "too large")
    )


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond double precision
        return False


def _bad(q: int, problem: str) -> Sample:
    return Sample(NUMBER, _NOT_A_NUMBER, q, problem)


def _mismatch(point: Point, value: Any) -> Sample:
    return _bad(quality.BAD_TYPE_MISMATCH, f"{_brief(value)} is a {type(value).__name__} and no {point.kind}")


def _undecodable(point: Point, text: str) -> Sample:
    return _bad(quality.BAD_DECODING, f"{_brief(text)} is no {point.kind}")


def _brief(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:59] + "…"
