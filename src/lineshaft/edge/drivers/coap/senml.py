"""SenML (RFC 8428): a pack of records made whole, with base name, base time, base unit and base values applied."""

import math
from typing import Any, Final

import msgspec

from lineshaft.core import clock

_CBOR_LABELS: Final = {
    -1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs", 0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s",
    6: "t", 7: "ut", 8: "vd",
}  # fmt: skip
"""Table 4 of the RFC."""
_VALUES: Final = ("v", "vs", "vb", "vd")
_VERSION: Final = 10
_ABSOLUTE: Final = 2**28
"""Seconds from which a time is one of the calendar; below, it counts from now."""
_LATEST: Final = 253_402_300_800
"""The year 10000: no time of a plant."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A record made whole."""

    name: str
    value: Any
    """None where it has none, such as one that carries a sum only."""
    ts: int
    """Microseconds UTC."""
    unit: str = ""


def resolve(pack: Any, now_us: int) -> list[Record]:
    """The records of a pack, in its order.

    Raises:
        ValueError: it is no pack, of another version, or says something that must be understood and is not.
    """
    if not isinstance(pack, list) or not pack:
        raise ValueError("a SenML pack is a list of records")
    base: dict[str, Any] = {}
    records = []
    for number, each in enumerate(pack, 1):
        record = _labelled(each, number)
        base |= {name: record[name] for name in ("bver", "bn", "bt", "bu", "bv", "bs") if name in record}
        if _number(base, "bver", number, _VERSION) != _VERSION:
            raise ValueError(f"record {number} is of version {base['bver']}")
        if any(name in record for name in (*_VALUES, "s", "n", "t")):
            records.append(_whole(record, base, number, now_us))
    return records


def _labelled(record: Any, number: int) -> dict[str, Any]:
    """The fields of a record by their names, whichever labels it has."""
    if not isinstance(record, dict):
        raise ValueError(f"record {number} is no object")  # noqa: TRY004  # the payload's fault, not the caller's
    named: dict[str, Any] = {}
    for label, value in record.items():
        name = _CBOR_LABELS.get(label, "") if isinstance(label, int) and not isinstance(label, bool) else label
        if isinstance(name, str) and name.endswith("_"):
            raise ValueError(f"record {number} has the field {name}, which must be understood and is not")
        if isinstance(name, str) and name:
            named[name] = value
    return named


def _whole(record: dict[str, Any], base: dict[str, Any], number: int, now_us: int) -> Record:
    name = _text(base, "bn", number) + _text(record, "n", number)
    if not name:
        raise ValueError(f"record {number} has no name")
    seconds = _number(base, "bt", number, 0) + _number(record, "t", number, 0)
    if not -_ABSOLUTE < seconds < _LATEST:
        raise ValueError(f"record {number} is of no time: {seconds}")
    offset = round(seconds * clock.MICROSECONDS)
    unit = _text(record, "u", number) or _text(base, "bu", number)
    return Record(
        name=name, value=_value(record, base, number), ts=offset if seconds >= _ABSOLUTE else now_us + offset, unit=unit
    )


def _value(record: dict[str, Any], base: dict[str, Any], number: int) -> Any:
    present = [name for name in _VALUES if name in record]
    if len(present) > 1:
        raise ValueError(f"record {number} has several values")
    if present and present[0] != "v":
        expected = bool if present[0] == "vb" else str
        value = record[present[0]]
        if not isinstance(value, expected):
            raise ValueError(f"record {number} has a {present[0]} that is none")  # fmt: skip
        return value
    if not present and ("bv" not in base or "s" in record):
        return None
    value, more = _number(record, "v", number, 0), _number(base, "bv", number, 0)
    return value + more if more else value


def _number(fields: dict[str, Any], name: str, number: int, default: float) -> float:
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"record {number} has a {name} that is no number")  # fmt: skip  # noqa: TRY004
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise ValueError(f"record {number} has a {name} that is not finite")
    return value


def _text(fields: dict[str, Any], name: str, number: int) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"record {number} has a {name} that is no text")  # fmt: skip  # noqa: TRY004
    return value
