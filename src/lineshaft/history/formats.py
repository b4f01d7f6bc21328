"""Samples as they leave over HTTP: JSON, NDJSON, CSV, Arrow IPC stream, Parquet; each row with its tag's path and unit.

Times are RFC 3339 with six decimals. A number that JSON cannot say (NaN of a bad sample, infinity) is null there and
empty in CSV; Arrow has every bit. Parquet is for other engines: every number is a plain `v`. Quality is the exact StatusCode and its words.
"""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput
from lineshaft.history.model import Tag
from lineshaft.history.schema import ROWS, microseconds

Format = Literal["json", "ndjson", "csv", "arrow", "parquet"]
MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
_COLUMNS = ("path", "time", "arrival", "value", "unit", "quality", "words")
_EXACT = 2**53
"""Up to here every integer is a double."""
_LINES = 4096
"""Rows in one piece of text, so that a large answer never stands in memory whole."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One sample."""

    path: str
    time: str
    """The source's time, RFC 3339."""
    arrival: str
    """When the first system that took it in had it."""
    value: float | int | bool | str | None
    """Null where a bad sample has none."""
    unit: str
    quality: int
    """OPC UA StatusCode."""
    words: str
    """The quality in words, in the caller's language."""


def chosen_format(asked: str | None, accept: str) -> Format:
    """The format that `format=` names, else the first that `Accept` names, else JSON.

    Raises:
        InvalidInput: `format` names none.
    """
    if asked is not None:
        if asked not in MEDIA_TYPES:
            raise InvalidInput(
                "history.format_unknown", f"format is {asked[:40]!r}, which is none of {', '.join(MEDIA_TYPES)}",
                "Leave it out for JSON.", field="format", value=asked[:40],
            )  # fmt: skip
        return asked
    kinds = [part.split(";")[0].strip().lower() for part in accept.split(",")]
    for kind in kinds:
        for name, media_type in MEDIA_TYPES.items():
            if kind == media_type:
                return name
    return "json"


def items(rows: pa.RecordBatch, tags: Mapping[int, Tag], language: str) -> Iterator[Item]:
    """Samples one by one."""
    words: dict[int, str] = {}
    columns = zip(
        rows.column("tag").to_pylist(), texts_of(rows.column("ts")), texts_of(rows.column("arrival")), values_of(rows),
        rows.column("q").to_pylist(), strict=True,
    )  # fmt: skip
    for number, time, arrival, value, q in columns:
        if q not in words:
            words[q] = quality.words(q, language)
        tag = tags[number]
        yield Item(path=tag.path, time=time, arrival=arrival, value=value, unit=tag.unit, quality=q, words=words[q])


async def encoded(
    batches: AsyncIterator[pa.RecordBatch], kind: Format, tags: Mapping[int, Tag], language: str
) -> AsyncIterator[bytes]:
    """The pieces of an answer in one of the streamed formats, as its rows come."""
    if kind in ("arrow", "parquet"):
        async for piece in files(batches, kind, tags, ROWS):
            yield piece
        return
    head, line = _TEXT[kind]
    if head:
        yield head
    async for rows in batches:
        for start in range(0, len(rows), _LINES):
            yield b"".join(line(item) for item in items(rows.slice(start, _LINES), tags, language))


async def files(
    batches: AsyncIterator[pa.RecordBatch], kind: Format, tags: Mapping[int, Tag], schema: pa.Schema
) -> AsyncIterator[bytes]:  # fmt: skip
    """The pieces of an Arrow stream or a Parquet file of rows of the form `schema`, which has tag, v and vi."""
    numbers = np.array(sorted(tags), np.int32)
    paths = pa.array([tags[number].path for number in numbers.tolist()], pa.string())
    units = pa.array([tags[number].unit for number in numbers.tolist()], pa.string())

    def named(rows: pa.RecordBatch) -> pa.RecordBatch:
        index = pa.array(np.searchsorted(numbers, rows.column("tag").to_numpy()).astype(np.int32))
        path, unit = (pa.DictionaryArray.from_arrays(index, texts) for texts in (paths, units))
        columns = [path if name == "tag" else rows.column(name) for name in schema.names]
        names = ["path" if name == "tag" else name for name in schema.names]
        made = pa.RecordBatch.from_arrays([*columns, unit], [*names, "unit"])
        return made if kind == "arrow" else plain(made)

    sink = _Pieces()
    first = named(pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema))
    with _writer(sink, first.schema, kind) as stream:
        async for rows in batches:
            stream.write_batch(named(rows))
            yield sink.taken()
    yield sink.taken()


def _writer(sink: "_Pieces", schema: pa.Schema, kind: Format) -> Any:
    if kind == "arrow":
        return pa.ipc.new_stream(sink, schema)
    import pyarrow.parquet as pq

    return pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd")


def plain(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Every number in `v`; one that a double cannot hold stays in `vi` alone."""
    integers = rows.column("vi")
    if integers.null_count == len(integers):
        return rows
    import pyarrow.compute as pc

    fits = pc.and_(pc.less_equal(integers, _EXACT), pc.greater_equal(integers, -_EXACT))
    number = pc.if_else(fits, integers.cast(pa.float64(), safe=False), pa.scalar(None, pa.float64()))
    columns = dict(zip(rows.schema.names, rows.columns, strict=True))
    columns["v"] = pc.coalesce(rows.column("v"), number)
    columns["vi"] = pc.if_else(fits, pa.scalar(None, pa.int64()), integers)
    return pa.RecordBatch.from_arrays([columns[name] for name in rows.schema.names], schema=rows.schema)


class _Pieces(io.RawIOBase):
    """A file that gives what was written since the last look."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def tell(self) -> int:
        return self._written

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self._written += len(self._parts[-1])
        return len(self._parts[-1])

    def taken(self) -> bytes:
        data, self._parts = b"".join(self._parts), []
        return data


def _csv_line(item: Item) -> bytes:
    text = io.StringIO()
    value = item.value
    shown = "" if value is None else str(value).lower() if isinstance(value, bool) else value
    fields = (item.path, item.time, item.arrival, shown, item.unit, item.quality, item.words)
    csv.writer(text, lineterminator="\r\n").writerow(fields)
    return text.getvalue().encode()


_TEXT: dict[str, tuple[bytes, Callable[[Item], bytes]]] = {
    "ndjson": (b"", lambda item: msgspec.json.encode(item) + b"\n"),
    "csv": (",".join(_COLUMNS).encode() + b"\r\n", _csv_line),
}


def texts_of(times: pa.Array) -> list[str]:
    """RFC 3339 of a time column, without a Python call per row."""
    return [f"{text}Z" for text in np.datetime_as_string(microseconds(times).view("M8[us]"), unit="us").tolist()]


def values_of(rows: pa.RecordBatch) -> list[Any]:
    """The one value of each row; None for a number that is none."""
    numbers = rows.column("v")
    values = numbers.to_pylist()
    if numbers.null_count < len(values):
        bits = numbers.fill_null(0.0).to_numpy(zero_copy_only=False)
        for index in np.flatnonzero(~np.isfinite(bits)).tolist():
            values[index] = None
    for name in ("vi", "vs", "vb"):
        column = rows.column(name)
        if column.null_count < len(values):
            values = [
                value if other is None else other for value, other in zip(values, column.to_pylist(), strict=True)
            ]
    return values
