"""The result of a statement as JSON, NDJSON, CSV, Arrow stream or Parquet, piece by piece. Runs in its process.

Times are RFC 3339 with six decimals; numbers that JSON cannot say are null there and empty in CSV.
"""

import base64
import csv
import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lineshaft.history.sql.frames import SqlFormat

_PIECE_BYTES = 256 * 1024
_WHOLE = 2**63


def encoded(reader: Any, kind: SqlFormat, json_rows: int) -> Iterator[bytes]:
    """The pieces of an answer.

    Args:
        reader: a `RecordBatchReader`.
        json_rows: rows after which JSON stops and says so.
    """
    schema = _plain_schema(reader.schema)
    batches = (_plain(batch, schema) for batch in reader)
    match kind:
        case "json":
            yield from _json(schema, batches, json_rows)
        case "ndjson":
            names = schema.names
            for batch in batches:
                yield b"".join(
                    msgspec.json.encode(dict(zip(names, row, strict=True)), enc_hook=str) + b"\n"
                    for row in _rows(batch)
                )
        case "csv":
            yield from _csv(schema, batches)
        case "arrow":
            sink = Pieces()
            with pa.ipc.new_stream(sink, schema) as stream:
                yield from _written(sink, stream.write_batch, batches)
            yield sink.taken()
        case "parquet":
            sink = Pieces()
            with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as file:
                yield from _written(sink, file.write_batch, batches)
            yield sink.taken()


class Pieces(io.RawIOBase):
    """A file that gives what was written since the last look."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self._position += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._position

    def taken(self) -> bytes:
        """What was written since."""
        data, self._parts = b"".join(self._parts), []
        return data


def _written(sink: Pieces, write: Callable[[Any], None], batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
    for batch in batches:
        write(batch)
        if data := sink.taken():
            yield data


def _plain_schema(schema: pa.Schema) -> pa.Schema:
    """Names each once; texts instead of the database's enumeration of tags."""
    names: list[str] = []
    for name in schema.names:
        count, given = 1, name
        while given in names:
            count, given = count + 1, f"{name}_{count}"
        names.append(given)
    types = [field.type.value_type if pa.types.is_dictionary(field.type) else field.type for field in schema]
    return pa.schema([pa.field(*pair) for pair in zip(names, types, strict=True)])


def _plain(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _json(schema: pa.Schema, batches: Iterator[pa.RecordBatch], most: int) -> Iterator[bytes]:
    columns = [{"name": field.name, "type": str(field.type)} for field in schema]
    yield b'{"columns":' + msgspec.json.encode(columns) + b',"rows":['
    left, between = most, b""
    for batch in batches:
        lines = [msgspec.json.encode(row, enc_hook=str) for row in _rows(batch.slice(0, left))]
        if lines:
            yield between + b",".join(lines)
            between = b","
        left -= len(batch)
        if left < 0:
            break
    yield b'],"truncated":' + (b"true}" if left < 0 else b"false}")


def _csv(schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(schema.names)
    for batch in batches:
        writer.writerows([[_cell(value) for value in row] for row in _rows(batch)])
        if text.tell() >= _PIECE_BYTES:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        return msgspec.json.encode(value, enc_hook=str).decode()
    return value


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    if not batch.num_columns:
        return iter(())
    return zip(*map(_values, batch.columns), strict=True)


def _values(column: pa.Array) -> list[Any]:
    """Values that JSON can say."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        unit = np.dtype(f"M8[{kind.unit}]")
        zone = "Z" if kind.tz else ""
        bits = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False).view(unit)
        texts: list[Any] = [f"{text}{zone}" for text in np.datetime_as_string(bits, unit="us").tolist()]
        if column.null_count:
            texts = [text if there else None for text, there in zip(texts, column.is_valid().to_pylist(), strict=True)]
        return texts
    values: list[Any] = column.to_pylist()
    if pa.types.is_floating(kind):
        return [None if value is not None and (value - value) != 0 else value for value in values]
    if pa.types.is_decimal(kind):
        return [_number(value) for value in values]
    if pa.types.is_binary(kind):
        return [None if value is None else base64.b64encode(value).decode() for value in values]
    return values


def _number(value: Decimal | None) -> int | str | None:
    if value is None or (value == value.to_integral_value() and abs(value) < _WHOLE):
        return None if value is None else int(value)
    return str(value)
