"""The telemetry batch: one message, one Arrow record batch. The only module of the bus that imports pyarrow.

Rows are judged with numpy: pyarrow's own functions take 14 MB, which a gateway has no use for otherwise.

Each row is one sample: the tag's number, the source's time, the time it reached the first system of ours, the value
in exactly one of four columns, and the exact OPC UA StatusCode. A bad sample without a value carries `v = NaN`.
"""

import mmap
import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from lineshaft.bus.envelopes import BatchHeader, Gap, GapCause, read_batch_header
from lineshaft.core.errors import InvalidInput

__all__ = [
    "SCHEMA", "BatchHeader", "Gap", "GapCause", "decode", "decode_alike", "encode", "nulls", "read_batch_header",
]  # fmt: skip

SCHEMA = pa.schema(
    [
        pa.field("tag", pa.int32(), nullable=False),
        pa.field("ts", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("arrival", pa.timestamp("us", tz="UTC")),
        pa.field("v", pa.float64()),
        pa.field("vi", pa.int64()),
        pa.field("vs", pa.string()),
        pa.field("vb", pa.bool_()),
        pa.field("q", pa.uint32(), nullable=False),
    ]
)
COMPRESS_FROM_ROWS = 4000
"""Smaller batches cost more CPU to compress than their bytes are worth."""
MAXIMUM_ROWS = 1_000_000
MAXIMUM_BYTES = 64 << 20
"""Of a batch once uncompressed."""

_VALUES = ("v", "vi", "vs", "vb")
_NOT_GOOD = 1 << 30  # severity is the top two bits; 00 is Good
_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999  # the years 1 to 9999
_TYPES = {field.name: field.type for field in SCHEMA}
_REQUIRED = {"tag", "ts", "q"}
# One thread: a batch is small, and handing its columns to a pool costs more than it gains.
_LZ4 = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_PLAIN = pa.ipc.IpcWriteOptions(use_threads=False)
_READ = pa.ipc.IpcReadOptions(use_threads=False)
_NOT_FIXED = (pa.string(), pa.bool_())
_SMALL_ROWS = 16_384
_SHORTEST, _LONGEST_PREFIX = 16, 4096
_LAYOUTS_KEPT = 64


def encode(batch: pa.RecordBatch) -> bytes:
    """The message of a batch: an Arrow IPC stream without the value columns that are all null, lz4 from 4,000 rows on.

    Raises:
        InvalidInput: not of `SCHEMA`, or a row breaks a rule; what `decode` would refuse is never sent.
    """
    _check_schema(batch.schema)
    _check_rows(batch)
    empty = [name for name in _VALUES if name in batch.schema.names and _is_null(batch.column(name))]
    if empty:
        batch = batch.drop_columns(empty)
    sink = pa.BufferOutputStream()
    options = _LZ4 if batch.num_rows >= COMPRESS_FROM_ROWS else _PLAIN
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def decode(data: bytes) -> pa.RecordBatch:
    """The batch in a message, always with all columns of `SCHEMA`; those left out by the sender are null.

    Raises:
        InvalidInput: not an Arrow stream of one batch whose columns are of `SCHEMA`; a null tag, time or quality; a row
            with no value or several; NaN with Good quality. The bytes may come from anybody.
    """
    alike = _read_alike(data)
    if alike is not None:
        return alike
    try:
        batch = _read(data)
    except (
        pa.ArrowException,
        OSError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        MemoryError,
        struct.error,
    ) as error:
        raise _undecodable(f"{type(error).__name__}: {error}") from error
    _check_rows(batch)
    return batch


def decode_alike(messages: Sequence[bytes]) -> tuple[pa.RecordBatch, list[int]] | None:
    """The batches of the first few messages in one, and how many rows each gave; None where they are fewer than two.

    As many as begin like messages that `decode` has taken, and hold the same columns; a message that breaks a rule
    shows by None, and `decode` says which and why.
    """
    layouts = list(_alike(messages))
    if len(layouts) <= 1:
        return None
    rows = [layout.rows for layout in layouts]
    columns = [_absent(sum(rows), type_) for type_ in _TYPES.values()]
    views = [memoryview(data) for data in messages[: len(layouts)]]
    for number, (index, _, _) in enumerate(layouts[0].places):
        type_ = columns[index].type
        width = type_.bit_width // 8
        starts = [layout.places[number][1] for layout in layouts]
        parts = [view[at : at + width * count] for view, at, count in zip(views, starts, rows, strict=True)]
        columns[index] = pa.Array.from_buffers(type_, sum(rows), [None, pa.py_buffer(b"".join(parts))], 0)
    try:
        _check_content(dict(zip(_TYPES, columns, strict=True)))
    except InvalidInput:
        return None
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA), rows


def _read(data: bytes) -> pa.RecordBatch:
    source = pa.BufferReader(data)
    messages = pa.ipc.MessageReader.open_stream(source)
    schema = pa.ipc.read_schema(_next(messages, "schema"))
    _check_schema(schema)
    second = _next(messages, "record batch")
    compressed = _check_sizes(bytes(second.metadata), second.body)
    if _next(messages, "") is not None or source.tell() != len(data):
        raise _undecodable("bytes follow the first record batch")
    if compressed:
        batch = pa.ipc.open_stream(data, options=_READ).read_next_batch()
    else:
        batch = pa.ipc.read_record_batch(second, schema)
    batch.validate(full=True)
    completed = _completed(batch)
    if not compressed:
        _remember(data, completed, schema.names, bytes(second.metadata), second.body)
    return completed


def _completed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with the columns that the sender left out."""
    given = dict(zip(batch.schema.names, batch.columns, strict=True))
    columns = [given[name] if name in given else _absent(batch.num_rows, type_) for name, type_ in _TYPES.items()]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _absent(count: int, type_: pa.DataType) -> pa.Array:
    return _small_nulls(count, type_) if count <= _SMALL_ROWS else nulls(count, type_)


class _Layout(NamedTuple):
    """Where the columns lie in an uncompressed message without a null; all that begin with the same bytes are alike."""

    rows: int
    length: int
    tail: bytes
    """What follows the body."""
    places: tuple[tuple[int, int, int], ...]
    """(index in SCHEMA, offset, bytes) of each column that is there."""
    columns: list[pa.Array]
    """All columns of SCHEMA; those that are not there as they are to be given."""

    def is_like(self, other: "_Layout") -> bool:
        """Whether the same columns are there."""
        return self is other or [place[0] for place in self.places] == [place[0] for place in other.places]


_layouts: dict[bytes, _Layout] = {}
_shared_zeros = pa.py_buffer(b"")


def _prefix(data: bytes) -> bytes:
    """A message up to the content of its columns; empty where it has another form."""
    if len(data) < _SHORTEST:
        return b""
    second = 8 + int.from_bytes(data[4:8], "little")
    body = second + 8 + int.from_bytes(data[second + 4 : second + 8], "little")
    return data[:body] if body <= min(len(data), _LONGEST_PREFIX) else b""


def _layout_of(data: bytes) -> _Layout | None:
    layout = _layouts.get(_prefix(data))
    return None if layout is None or len(data) != layout.length or not data.endswith(layout.tail) else layout


def _alike(messages: Iterable[bytes]) -> Iterator[_Layout]:
    """The layouts of the first messages, as long as they are known and have the same columns."""
    first = None
    for data in messages:
        layout = _layout_of(data)
        if layout is None or not layout.is_like(first or layout):
            return
        first = first or layout
        yield layout


def _read_alike(data: bytes) -> pa.RecordBatch | None:
    """The batch of a message that begins as one did that kept all rules; None where there was none such.

    A gateway's scans differ in their values only: what their metadata say need not be read and judged for each.
    """
    layout = _layout_of(data)
    if layout is None:
        return None
    source, columns = pa.py_buffer(data), layout.columns.copy()
    for index, offset, size in layout.places:
        content = source.slice(offset, size)
        columns[index] = pa.Array.from_buffers(columns[index].type, layout.rows, [None, content], 0)
    _check_content(dict(zip(_TYPES, columns, strict=True)))
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _remember(data: bytes, batch: pa.RecordBatch, given: list[str], metadata: bytes, body: Any) -> None:
    """Keep the layout of an uncompressed message, where it has numbers in every row and nothing else."""
    rows, _, buffers = read_record_batch_header(metadata)
    prefix = _prefix(data)
    plain = all(batch.column(name).null_count == 0 and _TYPES[name] not in _NOT_FIXED for name in given)
    plain = plain and len({"v", "vi"}.intersection(given)) == 1
    if not plain or not prefix or len(buffers) != 2 * len(given) or rows > _SMALL_ROWS:
        return
    if not pa.py_buffer(data).slice(len(prefix), len(body)).equals(body):
        return
    places = tuple(
        (SCHEMA.get_field_index(name), len(prefix) + offset, length)
        for name, (offset, length) in zip(given, buffers[1::2], strict=True)
    )
    columns = [_absent(rows, type_) for type_ in _TYPES.values()]
    end = len(prefix) + len(body)
    if len(_layouts) >= _LAYOUTS_KEPT:
        _layouts.clear()
    _layouts[prefix] = _Layout(rows, len(data), data[end:], places, columns)


def nulls(count: int, type_: pa.DataType) -> pa.Array:
    """A column without a value in memory that is not touched: what the library makes costs more than a batch's decoding.

    Its validity, its values and its offsets are all the same zeros.
    """
    zeros = _zeros(8 * count + 8)
    buffers = [zeros, zeros, zeros] if type_ == pa.string() else [zeros, zeros]
    return pa.Array.from_buffers(type_, count, buffers, null_count=count)


def _zeros(size: int) -> pa.Buffer:
    """Zeros that all columns without a value share; from the system itself, whose untouched pages take no memory."""
    global _shared_zeros
    zeros = _shared_zeros
    if zeros.size < size:
        zeros = _shared_zeros = pa.py_buffer(mmap.mmap(-1, 2 * size))
    return zeros.slice(0, size)


@lru_cache(maxsize=16)
def _small_nulls(count: int, type_: pa.DataType) -> pa.Array:
    return nulls(count, type_)


def _next(messages: Any, kind: str) -> Any:
    """The stream's next message, of one kind; None at the end where `kind` is empty."""
    try:
        message = messages.read_next_message()
    except StopIteration:
        message = None
    if kind and (message is None or message.type != kind):
        raise _undecodable(f"it has no {kind} where one must be")
    return message


def _check_schema(schema: pa.Schema) -> None:
    names = schema.names
    in_order = names == [name for name in _TYPES if name in names]
    if in_order and set(names) >= _REQUIRED and all(schema.field(name).type == _TYPES[name] for name in names):
        return
    shown = ", ".join(f"{field.name} {field.type}" for field in schema)[:300]
    expected = ", ".join(f"{name} {type_}" for name, type_ in _TYPES.items())
    raise InvalidInput(
        "bus.batch_schema_invalid", f"a telemetry batch has the columns ({shown})",
        f"They must be, in this order, {expected}; arrival and value columns that are all null may be absent.",
        field="batch", value=shown, expected=expected,
    )  # fmt: skip


def _check_sizes(metadata: bytes, body: Any) -> bool:
    """Refuse a batch that would be huge in memory before a byte of it is uncompressed; returns whether any is."""
    rows, compressed, buffers = read_record_batch_header(metadata)
    if not 0 <= rows <= MAXIMUM_ROWS:
        raise _too_large(f"{rows} rows", f"{MAXIMUM_ROWS} rows")
    total = 0
    for offset, length in buffers:
        if not 0 <= offset <= offset + length <= len(body):
            raise _undecodable("a buffer lies outside the message")
        if compressed and length:
            (size,) = struct.unpack_from("<q", body, offset)
            total += size if size >= 0 else length
    if total > MAXIMUM_BYTES:
        raise _too_large(f"{total} bytes", f"{MAXIMUM_BYTES} bytes")
    return compressed


def read_record_batch_header(metadata: bytes) -> tuple[int, bool, list[tuple[int, int]]]:
    """Rows, whether compressed, and (offset, length) of each buffer of an Arrow IPC record batch message.

    pyarrow uncompresses whatever a message claims; the claim stands in front of each buffer (Arrow columnar format,
    "Encapsulated message format" and "Buffer compression"), and this small flatbuffer reader finds it.
    """
    message = struct.unpack_from("<I", metadata, 0)[0]
    batch_at = _field(metadata, message, 2)
    if batch_at is None:
        raise _undecodable("its record batch has no header")
    batch = _follow(metadata, batch_at)
    rows_at, buffers_at, codec_at = (_field(metadata, batch, index) for index in (0, 2, 3))
    rows = struct.unpack_from("<q", metadata, rows_at)[0] if rows_at is not None else 0
    buffers = []
    if buffers_at is not None:
        vector = _follow(metadata, buffers_at)
        count = struct.unpack_from("<I", metadata, vector)[0]
        if count > len(metadata):
            raise _undecodable("its list of buffers is longer than itself")
        buffers = list(struct.iter_unpack("<qq", metadata[vector + 4 : vector + 4 + 16 * count]))
    return rows, codec_at is not None, buffers


def _field(data: bytes, table: int, index: int) -> int | None:
    """Where a flatbuffer table's field lies; None where it is absent."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    size = struct.unpack_from("<H", data, vtable)[0]
    slot = 4 + 2 * index
    offset = struct.unpack_from("<H", data, vtable + slot)[0] if slot < size else 0
    return table + offset if offset else None


def _follow(data: bytes, at: int) -> int:
    return int(at + struct.unpack_from("<I", data, at)[0])


def _check_rows(batch: pa.RecordBatch) -> None:
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    for name in ("tag", "ts", "q"):
        if columns[name].null_count:
            raise _broken_rule(f"{name} is null in a row", "every sample has a tag, a time and a quality")
    values = [columns[name] for name in _VALUES if name in columns]
    _check_one_value(batch.num_rows, [column for column in values if not _is_null(column)])
    _check_content(columns)


def _check_content(columns: dict[str, Any]) -> None:
    """The rules for what is in the columns, whose nulls keep theirs."""
    for name in ("ts", "arrival"):
        if name in columns and not _is_null(columns[name]):
            _check_times(name, columns[name])
    number = columns.get("v")
    if number is None or _is_null(number):
        return
    missing = np.isnan(_content(number, np.float64))
    # Two steps, because nearly every batch ends at the first.
    if missing.any() and (missing & _valid(number) & (_content(columns["q"], np.uint32) < _NOT_GOOD)).any():
        raise _broken_rule("v is NaN with Good quality", "NaN stands for a missing value, which is never Good")


def _check_times(name: str, column: Any) -> None:
    """Refuse what no calendar, database or JSON text downstream can hold."""
    times = _content(column, np.int64)
    if column.null_count:
        times = times[_valid(column)]
    if times.min() < _FIRST_US or times.max() > _LAST_US:
        raise _broken_rule(f"{name} lies outside the years 1 to 9999", "times are microseconds since 1970")


def _check_one_value(rows: int, columns: list[Any]) -> None:
    if len(columns) == 1 and columns[0].null_count == 0:
        return
    total = np.zeros(rows, np.int8)
    for column in columns:
        total += _valid(column)
    if (total != 1).any():
        raise _broken_rule("a row has no value or several", "exactly one of v, vi, vs and vb holds the value")


def _content(column: Any, dtype: Any) -> Any:
    """A column's values as they lie in memory; where it is null, anything."""
    if not len(column):
        return np.zeros(0, dtype)
    return np.frombuffer(column.buffers()[1], dtype, len(column), column.offset * np.dtype(dtype).itemsize)


def _valid(column: Any) -> Any:
    """Marks the rows that are not null."""
    if not column.null_count:
        return np.ones(len(column), bool)
    if _is_null(column):
        return np.zeros(len(column), bool)
    bits = np.frombuffer(column.buffers()[0], np.uint8)
    end = column.offset + len(column)
    return np.unpackbits(bits, count=end, bitorder="little")[column.offset :].astype(bool)


def _is_null(column: Any) -> bool:
    return bool(column.null_count == len(column))


def _undecodable(reason: str) -> InvalidInput:
    return InvalidInput(
        "bus.batch_undecodable", f"a telemetry message cannot be decoded: {reason[:300]}",
        "It must be an Arrow IPC stream of one record batch.", field="batch", reason=reason[:300],
    )  # fmt: skip


def _too_large(found: str, limit: str) -> InvalidInput:
    return InvalidInput(
        "bus.batch_too_large", f"a telemetry batch has {found}, over the limit of {limit}",
        "Flush smaller batches: about 4,000 rows or one second.", field="batch", found=found, limit=limit,
    )  # fmt: skip


def _broken_rule(found: str, rule: str) -> InvalidInput:
    return InvalidInput(
        "bus.batch_rule_broken", f"in a telemetry batch {found}: {rule}", "Mend the sender.",
        field="batch", found=found, rule=rule,
    )  # fmt: skip
