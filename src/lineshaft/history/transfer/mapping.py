"""From a file's rows to samples of tags: which column is what, and what is wrong with a row."""

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput, LineshaftError

_PATHS = ("path", "tag")
_TIMES = ("time", "ts", "timestamp")
_GOOD = 1 << 30
_WORST = 0xFFFFFFFF
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")
_KNOWN = {"arrival", "unit", "words", "quality"}


class Target(msgspec.Struct, frozen=True):
    """A tag that values go to."""

    number: int
    kind: str


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One value on its way in."""

    tag: int
    ts_us: int
    value: float | int | str | bool
    quality: int


class RowFault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a row."""

    line: int
    column: str
    value: str
    reason: str


class FileMapping(msgspec.Struct, frozen=True, kw_only=True):
    """Which column of a file is what."""

    tags: dict[str, Target]
    """By what the file calls them: content of the column `path`, or names of columns."""
    time: str = ""
    path: str = ""
    """Column with the tag of each row; empty: each tag has a column."""


def mapped(rows: Iterable[tuple[int, dict[str, Any]]], mapping: FileMapping) -> Iterator[Sample | RowFault]:
    """Samples and faults in the order of the file."""
    for line, row in rows:
        if "!" in row:
            yield RowFault(line=line, column="", value="", reason=str(row["!"]))
            continue
        try:
            time_us = _time(row.get(mapping.time))
        except (LineshaftError, ValueError, OverflowError) as error:
            yield _fault(line, mapping.time, row.get(mapping.time), getattr(error, "message", str(error)))
            continue
        if mapping.path:
            yield _one(line, row, mapping, time_us)
        else:
            yield from _each(line, row, mapping, time_us)


def _one(line: int, row: Mapping[str, Any], mapping: FileMapping, time_us: int) -> Sample | RowFault:
    name = row.get(mapping.path)
    target = mapping.tags.get(str(name))
    if target is None:
        return _fault(line, mapping.path, name, "there is no such tag; --map NAME=PATH names it")
    value = next(
        (row[key] for key in ("value", "v", "vi", "vs", "vb", "integer", "text", "boolean") if _is(row.get(key))), None
    )
    return _sample(line, "value", value, target, time_us, row.get("quality", row.get("q")))


def _each(line: int, row: Mapping[str, Any], mapping: FileMapping, time_us: int) -> Iterator[Sample | RowFault]:
    for name, target in mapping.tags.items():
        if _is(row.get(name)):
            yield _sample(line, name, row[name], target, time_us, None)


def _sample(line: int, column: str, value: Any, target: Target, time_us: int, quality: Any) -> Sample | RowFault:
    try:
        code = int(quality) if _is(quality) else 0
        given = _value(value, target.kind, code)
    except (ValueError, TypeError, OverflowError) as error:
        return _fault(line, column, value, str(error))
    if not 0 <= code <= _WORST:
        return _fault(line, "quality", quality, "it is no OPC UA StatusCode")
    return Sample(target.number, time_us, given, code)


def _value(value: Any, kind: str, code: int) -> float | int | str | bool:
    if not _is(value):
        if code >= _GOOD:
            return math.nan
        raise ValueError("it is empty, and its quality is Good")
    return _KINDS[kind](value, code)


def _boolean(value: Any, _code: int) -> bool:
    text = str(value).lower()
    if text not in _TRUE + _FALSE:
        raise ValueError("it is neither true nor false")
    return text in _TRUE


def _integer(value: Any, _code: int) -> int:
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise ValueError("it does not fit into 64 bits")
    return number


def _number(value: Any, code: int) -> float | int:
    if isinstance(value, bool):
        raise TypeError("it is a boolean, the tag is a number")
    if isinstance(value, int):  # as it is: beyond 2⁵³ a double would be another number
        return _integer(value, code)
    number = float(value)
    if math.isnan(number) and code < _GOOD:
        raise ValueError("it is NaN, and its quality is Good")
    return number


_KINDS: Mapping[str, Callable[[Any, int], float | int | str | bool]] = {
    "text": lambda value, _code: str(value), "boolean": _boolean, "integer": _integer, "number": _number,
}  # fmt: skip


def _is(value: Any) -> bool:
    return value is not None and value != ""


def _time(value: Any) -> int:
    if isinstance(value, dt.datetime):
        return clock.to_us(value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC))
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value or "")
    if not text[:1].isdigit():
        raise ValueError("it is no time such as 2026-01-31T12:00:00Z")
    return clock.parse_time(text, field="time")


def _fault(line: int, column: str, value: Any, reason: str) -> RowFault:
    return RowFault(line=line, column=column, value=str(value)[:80], reason=reason[:200])


def mapping_for(
    columns: Iterable[str], known: Mapping[str, Target], given: Mapping[str, str], time: str
) -> FileMapping:  # fmt: skip
    """How a file with these columns is to be read.

    Args:
        known: the tags there are, by path.
        given: paths by what the file calls them.
        time: the column of times; found by its name where empty.

    Raises:
        InvalidInput: no column of times, or nothing that names tags.
    """
    names = list(columns)
    lower = {name.lower(): name for name in names}
    time = time or next((lower[name] for name in _TIMES if name in lower), "")
    if time not in names:
        raise InvalidInput(
            "history.import_time_missing", f"the file has no column of times among {', '.join(names)[:300]}",
            "Name it with --time.", field="--time", columns=", ".join(names)[:300],
        )  # fmt: skip
    for path in given.values():
        if path not in known:
            raise InvalidInput(
                "history.import_tag_unknown", f"--map names {path!r}, which is no tag",
                "`lineshaft history tags` lists them.", field="--map", value=path,
            )  # fmt: skip
    tags = {**known, **{name: known[path] for name, path in given.items()}}
    path = next((lower[name] for name in _PATHS if name in lower), "")
    if path and not any(name in given for name in names):
        return FileMapping(tags=tags, time=time, path=path)
    own = {name: tags[name] for name in names if name in tags and name != time and name not in _KNOWN}
    if not own:
        raise InvalidInput(
            "history.import_tags_missing", "the file has no column path, and no column is named as a tag",
            "Map columns with --map COLUMN=PATH.", field="--map", columns=", ".join(names)[:300],
        )  # fmt: skip
    return FileMapping(tags=own, time=time)
