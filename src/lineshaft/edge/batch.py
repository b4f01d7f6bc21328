"""From columns to the message of a telemetry batch: the only module here that imports pyarrow."""

from typing import Any

import numpy as np
import pyarrow as pa

from lineshaft.bus import telemetry
from lineshaft.edge.columns import BOOLEAN, INTEGER, NUMBER, Columns

_TIME = pa.timestamp("us", tz="UTC")


def to_batch(columns: Columns) -> pa.RecordBatch:
    """The rows as Arrow; `columns.key` are tag numbers."""
    rows = columns.rows
    kind = columns.kind[:rows]
    integers = columns.integer[:rows]
    return pa.RecordBatch.from_arrays(
        [
            _column(pa.int32(), columns.key[:rows]),
            _column(_TIME, columns.ts[:rows]),
            _column(_TIME, columns.arrival[:rows]),
            _column(pa.float64(), columns.number[:rows], kind == NUMBER),
            _column(pa.int64(), integers, kind == INTEGER),
            _texts(columns, rows),
            _column(pa.bool_(), _bits(integers != 0), kind == BOOLEAN),
            _column(pa.uint32(), columns.q[:rows]),
        ],
        schema=telemetry.SCHEMA,
    )


def encode(columns: Columns) -> bytes:
    """The message's body.

    Raises:
        InvalidInput: a row breaks a rule of the batch.
    """
    return telemetry.encode(to_batch(columns))


def halves(payload: bytes) -> list[tuple[bytes, int]]:
    """A message's body as two, each with its number of rows."""
    whole = telemetry.decode(payload)
    middle = whole.num_rows // 2
    parts = (whole.slice(0, middle), whole.slice(middle))
    return [(telemetry.encode(part), part.num_rows) for part in parts]


def _column(kind: pa.DataType, content: Any, present: Any = None) -> pa.Array:
    """A column out of its memory; null where `present` says that the value is not the row's."""
    if present is None or present.all():
        valid, rows = None, len(content) if present is None else len(present)
    else:
        valid, rows = pa.py_buffer(_bits(present)), len(present)
    return pa.Array.from_buffers(kind, rows, [valid, pa.py_buffer(content)])


def _bits(flags: Any) -> Any:
    return np.packbits(flags, bitorder="little")


def _texts(columns: Columns, rows: int) -> pa.Array:
    if not columns.texts:
        return pa.nulls(rows, pa.string())
    texts: list[str | None] = [None] * rows
    for row, text in columns.texts.items():
        texts[row] = text
    return pa.array(texts, pa.string())
