"""Calculated answers as they leave over HTTP: like samples, without arrival, with what the aggregate bits say."""

import csv
import io
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from lineshaft.core import quality
from lineshaft.history.formats import Format, files, texts_of, values_of
from lineshaft.history.model import Tag
from lineshaft.history.query.model import (
    CALCULATED,
    EXTRA_DATA,
    INFO_DATA_VALUE,
    INTERPOLATED,
    MULTIPLE_VALUES,
    PARTIAL,
)

_LINES = 4096
_BITS = (
    ("Calculated", CALCULATED), ("Interpolated", INTERPOLATED), ("Partial", PARTIAL), ("ExtraData", EXTRA_DATA),
    ("MultipleValues", MULTIPLE_VALUES),
)  # fmt: skip


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value."""

    path: str
    time: str
    """RFC 3339: start of the interval, or the time that the aggregate, the sample or the question gives."""
    value: float | int | bool | str | None
    unit: str
    quality: int
    """OPC UA StatusCode with its aggregate bits."""
    words: str
    bits: list[str]
    """Calculated, Interpolated, Partial, ExtraData, MultipleValues."""
    sample: str | None = None
    """Time of the stored sample that is the value; only with values at a time."""
    event: int | None = None
    """Which of the events, from 0; only with windows."""
    offset: float | None = None
    """Seconds from the event; only with windows."""


def bits_of(q: int) -> list[str]:
    """Names of the aggregate bits that are set."""
    if not q & INFO_DATA_VALUE:
        return []
    return [name for name, bit in _BITS if q & bit == bit]


def values(rows: pa.RecordBatch, tags: Mapping[int, Tag], language: str) -> Iterator[Value]:
    """Values one by one."""
    known: dict[int, tuple[str, list[str]]] = {}
    nothing: Sequence[Any] = [None] * len(rows)
    names = rows.schema.names
    sampled = nothing
    if "sample_ts" in names:
        column = rows.column("sample_ts")
        there = column.is_valid().to_pylist()
        texts = texts_of(column.fill_null(0))
        sampled = [text if is_there else None for text, is_there in zip(texts, there, strict=True)]
    events = rows.column("event").to_pylist() if "event" in names else nothing
    offsets = rows.column("offset").to_pylist() if "offset" in names else nothing
    columns = zip(
        rows.column("tag").to_pylist(), texts_of(rows.column("ts")), values_of(rows), rows.column("q").to_pylist(),
        sampled, events, offsets, strict=True,
    )  # fmt: skip
    for number, time, value, q, sample, event, offset in columns:
        if q not in known:
            known[q] = quality.words(q, language), bits_of(q)
        tag, (words, bits) = tags[number], known[q]
        yield Value(
            path=tag.path, time=time, value=value, unit=tag.unit, quality=q, words=words, bits=bits, sample=sample,
            event=event, offset=None if offset is None else offset / 1e6,
        )  # fmt: skip


async def encoded(
    batches: AsyncIterator[pa.RecordBatch], kind: Format, tags: Mapping[int, Tag], language: str, schema: pa.Schema
) -> AsyncIterator[bytes]:  # fmt: skip
    """The pieces of an answer in one of the streamed formats."""
    if kind in ("arrow", "parquet"):
        async for piece in files(batches, kind, tags, schema):
            yield piece
        return
    names = _names(schema)
    if kind == "csv":
        yield _csv([names])
    async for rows in batches:
        for start in range(0, len(rows), _LINES):
            found = values(rows.slice(start, _LINES), tags, language)
            if kind == "csv":
                yield _csv([[_shown(getattr(value, name)) for name in names] for value in found])
            else:
                yield b"".join(msgspec.json.encode(value) + b"\n" for value in found)


def _names(schema: pa.Schema) -> list[str]:
    extra = [name for name, column in (("event", "event"), ("offset", "offset")) if column in schema.names]
    extra += ["sample"] if "sample_ts" in schema.names else []
    return [*extra, "path", "time", "value", "unit", "quality", "words", "bits"]


def _shown(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(value) if isinstance(value, list) else value


def _csv(lines: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode()
