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
            pa.array(columns.key[:rows]),
            _times(columns.ts[:rows]),
            _times(columns.arrival[:rows]),
            _values(columns.number[:rows], kind == NUMBER),
            _values(integers, kind == INTEGER),
            _texts(columns, rows),
            _values(integers != 0, kind == BOOLEAN),
            pa.array(columns.q[:rows]),
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


def _times(column: Any) -> pa.Array:
    return pa.array(column).view(_TIME)


def _values(column: Any, present: Any) -> pa.Array:
    """A column that is null where its value is not the row's; pyarrow masks what it must not take."""
    if present.all():
        return pa.array(column)
    return pa.array(column, mask=~present)


def _texts(columns: Columns, rows: int) -> pa.Array:
    if not columns.texts:
        return pa.nulls(rows, pa.string())
    texts = np.full(rows, None, object)
    for row, text in columns.texts.items():
        texts[row] = text
    return pa.array(texts, pa.string(), from_pandas=True)
