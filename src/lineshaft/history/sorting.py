"""Rows in the order of segments, (tag, ts), one row per (tag, ts); those that lost their place to a later one, too."""

from collections.abc import Callable, Sequence
from functools import partial

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.bus.telemetry import nulls
from lineshaft.history.schema import ROWS, content, empty_rows, microseconds


class Ordered(msgspec.Struct, frozen=True):
    """Rows sorted, and what they displaced."""

    rows: pa.RecordBatch
    displaced: pa.RecordBatch
    """Rows whose (tag, ts) came again later; sorted."""
    by: np.ndarray
    """For each displaced row the index in `rows` of the one that came last."""


def ordered(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """The rows of `batches` sorted by (tag, ts); of rows with one (tag, ts) only the last given stays."""
    return in_order(batches).rows


def in_order(batches: Sequence[pa.RecordBatch]) -> Ordered:
    """The same, and what was displaced."""
    batches = [batch for batch in batches if len(batch)]
    if not batches:
        rows = empty_rows()
        return Ordered(rows, rows, np.empty(0, np.int64))
    columns = dict(zip(ROWS.names, zip(*(batch.columns for batch in batches), strict=True), strict=True))
    tag = np.concatenate([content(column, np.int32) for column in columns["tag"]])
    ts = np.concatenate([microseconds(column) for column in columns["ts"]])
    none = np.empty(0, np.int64)
    if _ascending(tag, ts).all():
        rows = joined(batches)
        return Ordered(rows, rows.slice(0, 0), none)
    scan = scan_of(tag)
    if scan and (ts[scan:] > ts[:-scan]).all():
        rows = _collected(columns, partial(_transposed, scan=scan), {})
        return Ordered(rows, rows.slice(0, 0), none)
    order = order_of(tag, ts)
    tag, ts = tag[order], ts[order]
    last = np.append((tag[1:] != tag[:-1]) | (ts[1:] != ts[:-1]), True)  # a value, not a flag
    if last.all():
        rows = _collected(columns, partial(_taken, at=order), {"tag": tag, "ts": ts})
        return Ordered(rows, rows.slice(0, 0), none)
    rows = joined(batches)
    by = (np.cumsum(last) - last)[~last]
    return Ordered(taken(rows, order[last]), taken(rows, order[~last]), by)


def _collected(
    columns: dict[str, Sequence[pa.Array]], ordering: Callable[[pa.Array], pa.Array], known: dict[str, np.ndarray]
) -> pa.RecordBatch:  # fmt: skip
    """All rows in an order, column by column: one of them fits the processor's cache where all together do not."""
    found = []
    for field in ROWS:
        if field.name in known:
            values = known[field.name]
            found.append(pa.Array.from_buffers(field.type, len(values), [None, pa.py_buffer(values)]))
        else:
            found.append(ordering(_joined(columns[field.name], field.type)))
    return pa.RecordBatch.from_arrays(found, schema=ROWS)


def scan_of(tag: np.ndarray) -> int:
    """Rows of one scan where all rows are scans of the same ascending tags, one after the other; 0 where they are not.

    A gateway that polls gives nothing else. Such rows are put in order, and of each tag the last is found, without
    looking at every row's number.
    """
    falls = tag[1:] <= tag[:-1]
    scan = int(np.argmax(falls)) + 1 if len(falls) else 0
    alike = 1 < scan < len(tag) and len(tag) % scan == 0 and np.array_equal(tag[scan:], tag[:-scan])
    return scan if alike else 0


def _ascending(tag: np.ndarray, ts: np.ndarray) -> np.ndarray:
    """For each row but the first whether it stands behind the one before."""
    return (tag[1:] > tag[:-1]) | ((tag[1:] == tag[:-1]) & (ts[1:] > ts[:-1]))


def order_of(tag: np.ndarray, ts: np.ndarray) -> np.ndarray:
    """Stable order by (tag, ts): by tag alone first, which numpy does in linear time and nearly always is enough."""
    order = _by_tag(tag)
    sorted_tag, sorted_ts = tag[order], ts[order]
    wrong = np.flatnonzero((sorted_tag[1:] == sorted_tag[:-1]) & (sorted_ts[1:] < sorted_ts[:-1]))
    if len(wrong):
        at = np.flatnonzero(np.isin(sorted_tag, np.unique(sorted_tag[wrong])))
        order[at] = order[at[np.lexsort((sorted_ts[at], sorted_tag[at]))]]
    return order


def _by_tag(tag: np.ndarray) -> np.ndarray:
    number = (tag - tag.min()).astype(np.uint32)
    order = np.argsort((number & 0xFFFF).astype(np.uint16), kind="stable")  # a radix sort at 16 bits
    if number.max() > 0xFFFF:
        order = order[np.argsort((number[order] >> 16).astype(np.uint16), kind="stable")]
    return order


def taken(rows: pa.RecordBatch, at: np.ndarray) -> pa.RecordBatch:
    """The rows at some indexes, in their order."""
    return pa.RecordBatch.from_arrays([_taken(column, at) for column in rows.columns], schema=rows.schema)


def _taken(column: pa.Array, at: np.ndarray) -> pa.Array:
    if column.null_count == len(column):
        return nulls(len(at), column.type)
    values = _plain(column)
    if values is None:
        return column.take(pa.array(at))
    return pa.Array.from_buffers(column.type, len(at), [None, pa.py_buffer(values.take(at))])


def _transposed(column: pa.Array, scan: int) -> pa.Array:
    """A column of scans, one after the other, as the series of each tag, one after the other."""
    if column.null_count == len(column):
        return column
    values = _plain(column)
    if values is None:
        return column.take(pa.array(np.arange(len(column)).reshape(-1, scan).T.ravel()))
    return pa.Array.from_buffers(column.type, len(column), [None, pa.py_buffer(values.reshape(-1, scan).T.ravel())])


def _plain(column: pa.Array) -> np.ndarray | None:
    """A column's values where each has whole bytes and none is null."""
    if column.null_count or not pa.types.is_primitive(column.type) or column.type.bit_width % 8:
        return None
    width = column.type.bit_width // 8
    return np.frombuffer(column.buffers()[1], f"u{width}", len(column), column.offset * width)


def joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """One batch of all rows in the order given."""
    if len(batches) == 1:
        return batches[0]
    schema = batches[0].schema if batches else ROWS
    columns = [
        _joined([batch.column(index) for batch in batches], schema.field(index).type) for index in range(len(schema))
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _joined(columns: Sequence[pa.Array], kind: pa.DataType) -> pa.Array:
    if all(column.null_count == len(column) for column in columns):
        return nulls(sum(len(column) for column in columns), kind)
    return pa.concat_arrays(columns)


def keys(rows: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
    """(tag, ts in microseconds) as numpy views."""
    return content(rows.column("tag"), np.int32), microseconds(rows.column("ts"))
