"""Columns of samples: as rows travel and are answered, and as they lie in the table.

ROWS is the telemetry batch's form: exactly one of v, vi, vs, vb per row. SEGMENT is the table's: Delta has no unsigned
types, so `q` is 64 bits wide, and a number may be stored as the integer `vi` with the rational `mul / div`. A foreign
reader gets every number by VALUE_EXPRESSION. Integers that a device gave as integers have mul = div = 1.
"""

from typing import Any

import numpy as np
import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")

ROWS = pa.schema(
    [
        pa.field("tag", pa.int32(), nullable=False),
        pa.field("ts", TIME, nullable=False),
        pa.field("arrival", TIME, nullable=False),
        pa.field("v", pa.float64()),
        pa.field("vi", pa.int64()),
        pa.field("vs", pa.string()),
        pa.field("vb", pa.bool_()),
        pa.field("q", pa.uint32(), nullable=False),
    ]
)

SEGMENT = pa.schema(
    [
        pa.field("tag", pa.int32(), nullable=False),
        pa.field("ts", TIME, nullable=False),
        pa.field("arrival", TIME, nullable=False),
        pa.field("v", pa.float64()),
        pa.field("vi", pa.int64()),
        pa.field("mul", pa.float64()),
        pa.field("div", pa.float64()),
        pa.field("vs", pa.string()),
        pa.field("vb", pa.bool_()),
        pa.field("q", pa.int64(), nullable=False),
    ]
)

GAPS = pa.schema(
    [
        pa.field("gateway", pa.string(), nullable=False),
        pa.field("boot", pa.string(), nullable=False),
        pa.field("cause", pa.string(), nullable=False),
        pa.field("from_seq", pa.int64()),
        pa.field("to_seq", pa.int64()),
        pa.field("from_ts", TIME, nullable=False),
        pa.field("to_ts", TIME, nullable=False),
        pa.field("rows", pa.int64()),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("noted", TIME, nullable=False),
        pa.field("sequence", pa.int64(), nullable=False),
    ]
)

CORRECTIONS = pa.schema(
    [
        pa.field("tag", pa.int32(), nullable=False),
        pa.field("ts", TIME, nullable=False),
        pa.field("noted", TIME, nullable=False),
        pa.field("who", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("old_v", pa.float64()),
        pa.field("old_vi", pa.int64()),
        pa.field("old_vs", pa.string()),
        pa.field("old_vb", pa.bool_()),
        pa.field("old_q", pa.int64()),
        pa.field("old_arrival", TIME),
        pa.field("v", pa.float64()),
        pa.field("vi", pa.int64()),
        pa.field("vs", pa.string()),
        pa.field("vb", pa.bool_()),
        pa.field("q", pa.int64(), nullable=False),
        pa.field("sequence", pa.int64(), nullable=False),
    ]
)

VALUE_EXPRESSION = "coalesce(v, vi * mul / div)"


def to_segment(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Rows in the table's columns."""
    integers = rows.column("vi")
    one = pa.array([1.0]).take(_first_or_null(integers))
    return pa.RecordBatch.from_arrays(
        [
            rows.column("tag"), rows.column("ts"), rows.column("arrival"), rows.column("v"), integers,
            one, one, rows.column("vs"), rows.column("vb"), rows.column("q").cast(pa.int64()),
        ],
        schema=SEGMENT,
    )  # fmt: skip


def _first_or_null(column: pa.Array) -> pa.Array:
    """Index 0 where the column has a value, null elsewhere."""
    import pyarrow.compute as pc

    return pc.if_else(column.is_valid(), pa.scalar(0, pa.int8()), pa.scalar(None, pa.int8()))


def from_segment(stored: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of the table in the form they are answered in; the opposite of `to_segment` for every stored form."""
    import pyarrow.compute as pc

    number, integer = stored.column("v"), stored.column("vi")
    if integer.null_count < len(integer):
        mul, div = stored.column("mul"), stored.column("div")
        whole = pc.and_(pc.equal(mul, 1.0), pc.equal(div, 1.0))
        scaled = pc.divide(pc.multiply(integer.cast(pa.float64(), safe=False), mul), div)
        number = pc.coalesce(number, pc.if_else(whole, pa.scalar(None, pa.float64()), scaled))
        integer = pc.if_else(whole, integer, pa.scalar(None, pa.int64()))
    return pa.RecordBatch.from_arrays(
        [
            stored.column("tag"), stored.column("ts"), stored.column("arrival"), number, integer,
            stored.column("vs"), stored.column("vb"), stored.column("q").cast(pa.uint32()),
        ],
        schema=ROWS,
    )  # fmt: skip


def empty_rows() -> pa.RecordBatch:
    """A batch of no rows."""
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in ROWS], schema=ROWS)


def content(column: Any, kind: Any) -> Any:
    """A column's values as they lie in memory, as a numpy view of a type of their width; where it is null, anything."""
    if not len(column):
        return np.zeros(0, kind)
    return np.frombuffer(column.buffers()[1], kind, len(column), column.offset * np.dtype(kind).itemsize)


def microseconds(column: Any) -> Any:
    """A time column as a numpy view of int64 microseconds."""
    if isinstance(column, pa.ChunkedArray):
        return column.cast("int64").to_numpy()
    return content(column, np.int64)
