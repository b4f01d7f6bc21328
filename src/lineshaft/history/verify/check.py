"""One file held against what the table says of it; two files against each other. Reads row group by row group."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lineshaft.core import quality
from lineshaft.history.commits import Segment, TableName
from lineshaft.history.schema import SEGMENT
from lineshaft.history.storage import Storage
from lineshaft.history.verify.report import Damage, Kind

_MILLISECOND = 1000
_WINDOW_ROWS = 4_000_000
_VALUES = ("v", "vi", "vs", "vb")


class Unsound(Exception):
    """What is wrong with a file."""

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


def check_file(storage: Storage, segment: Segment) -> int:
    """Read a whole file of samples; returns its rows.

    Raises:
        Unsound: it is not what the table says.
    """
    try:
        with storage.open(segment.path) as source:
            _check_size(source.size(), segment)
            with pq.ParquetFile(source, page_checksum_verification=True) as file:
                _check_columns(file.schema_arrow)
                return _check_rows(file, segment)
    except FileNotFoundError as error:
        raise Unsound("missing", "there is no such file") from error
    except (OSError, pa.ArrowException) as error:
        raise Unsound("unreadable", " ".join(str(error).split())[:300]) from error


def check_plain(storage: Storage, segment: Segment) -> int:
    """Read a whole file of another table, whose pages say themselves whether they are sound; returns its rows.

    Raises:
        Unsound: it is not what the table says.
    """
    try:
        with storage.open(segment.path) as source:
            _check_size(source.size(), segment)
            with pq.ParquetFile(source, page_checksum_verification=True) as file:
                count = 0
                for number in range(file.num_row_groups):
                    rows = file.read_row_group(number, use_threads=False)
                    rows.validate(full=True)
                    count += len(rows)
    except FileNotFoundError as error:
        raise Unsound("missing", "there is no such file") from error
    except (OSError, pa.ArrowException) as error:
        raise Unsound("unreadable", " ".join(str(error).split())[:300]) from error
    if count != segment.rows:
        raise Unsound("rows", f"it has {count} rows, the table says {segment.rows}")
    return count


def check_against(storage: Storage, one: Segment, other: Segment) -> None:
    """Raise Unsound where two files have a (tag, ts) in common."""
    low_us, high_us = max(one.min_us, other.min_us), min(one.max_us, other.max_us)
    low, high = max(one.min_tag, other.min_tag), min(one.max_tag, other.max_tag)
    if low_us > high_us or low > high:
        return
    span = max(one.max_tag, other.max_tag) - min(one.min_tag, other.min_tag) + 1
    step = max(1, span * _WINDOW_ROWS // max(1, one.rows + other.rows))
    for first in range(low, high + 1, step):
        window = (first, min(first + step - 1, high), low_us, high_us)
        keys = np.intersect1d(_keys(storage, one, *window), _keys(storage, other, *window))
        if len(keys):
            tag, ts = (int(part) for part in keys[0].tolist())
            raise Unsound("repeated", f"{len(keys)} rows are in {other.path} too, the first of tag {tag} at {ts} µs")


def damage(table: TableName, segment: Segment, error: Unsound) -> Damage:
    """What is reported of a file."""
    return Damage(
        table=table, path=segment.path, kind=error.kind, reason=error.reason, rows=segment.rows,
        min_tag=segment.min_tag, max_tag=segment.max_tag, min_us=segment.min_us, max_us=segment.max_us,
    )  # fmt: skip


def _check_size(size: int, segment: Segment) -> None:
    if size != segment.size:
        raise Unsound("size", f"it has {size} bytes, the table says {segment.size}")


def _check_columns(schema: pa.Schema) -> None:
    for field in SEGMENT:
        place = schema.get_field_index(field.name)
        if place < 0:
            raise Unsound("columns", f"it has no column {field.name}")
        if schema.field(place).type != field.type:
            raise Unsound("columns", f"its column {field.name} is {schema.field(place).type}, not {field.type}")


def _check_rows(file: Any, segment: Segment) -> int:
    count, last = 0, None
    for batch in _groups(file):
        tag, ts = batch.column("tag").to_numpy(), batch.column("ts").cast(pa.int64()).to_numpy()
        last = _check_order(tag, ts, last)
        _check_bounds(tag, ts, segment)
        _check_values(batch)
        count += len(batch)
    if count != segment.rows:
        raise Unsound("rows", f"it has {count} rows, the table says {segment.rows}")
    return count


def _groups(file: Any) -> Iterator[pa.RecordBatch]:
    for number in range(file.num_row_groups):
        group = file.read_row_group(number, columns=SEGMENT.names, use_threads=False).combine_chunks()
        for batch in group.to_batches():
            batch.validate(full=True)
            if any(batch.column(name).null_count for name in ("tag", "ts", "arrival", "q")):
                raise Unsound("values", "a row has no tag, time or quality")
            _check_group(file.metadata.row_group(number), batch)
            yield batch


def _check_group(group: Any, batch: pa.RecordBatch) -> None:
    """A reader skips groups by these."""
    statistics = group.column(0).statistics
    if statistics is None or not statistics.has_min_max:
        return
    tag = batch.column("tag").to_numpy()
    if int(tag.min()) < statistics.min or int(tag.max()) > statistics.max:
        raise Unsound("statistics", f"a row group says tags {statistics.min} to {statistics.max}, which is not so")


def _check_order(tag: np.ndarray, ts: np.ndarray, last: tuple[int, int] | None) -> tuple[int, int]:
    rising = (tag[1:] > tag[:-1]) | ((tag[1:] == tag[:-1]) & (ts[1:] > ts[:-1]))
    if not rising.all() or (last is not None and (int(tag[0]), int(ts[0])) <= last):
        raise Unsound("order", "its rows are not sorted by (tag, ts), each once")
    return int(tag[-1]), int(ts[-1])


def _check_bounds(tag: np.ndarray, ts: np.ndarray, segment: Segment) -> None:
    """The table's times are rounded outwards to milliseconds."""
    if int(tag.min()) < segment.min_tag or int(tag.max()) > segment.max_tag:
        raise Unsound("statistics", f"the table says tags {segment.min_tag} to {segment.max_tag}, which is not so")
    if int(ts.min()) < segment.min_us or int(ts.max()) > segment.max_us + _MILLISECOND:
        raise Unsound("statistics", "it has rows outside the time that the table says")


def _check_values(batch: pa.RecordBatch) -> None:
    given = np.zeros(len(batch), np.int8)
    for name in _VALUES:
        given += batch.column(name).is_valid().to_numpy(zero_copy_only=False)
    if (given != 1).any():
        raise Unsound("values", "a row has no value or several")
    scaled = batch.column("vi").is_valid()
    for name in ("mul", "div"):
        if pc.any(pc.and_(scaled, batch.column(name).is_null())).as_py():
            raise Unsound("values", f"{name} is not where vi is")
    if pc.any(pc.equal(batch.column("div"), 0.0)).as_py():
        raise Unsound("values", "div is 0")
    q = batch.column("q").to_numpy()
    if (q < 0).any() or (q > 0xFFFFFFFF).any():
        raise Unsound("values", "a quality is no StatusCode")
    missing = pc.is_nan(batch.column("v")).fill_null(False).to_numpy(zero_copy_only=False)  # noqa: FBT003
    if (missing & (q < quality.UNCERTAIN)).any():
        raise Unsound("values", "v is NaN with Good quality")


def _keys(storage: Storage, segment: Segment, first: int, last: int, low_us: int, high_us: int) -> np.ndarray:
    """(tag, ts) of the rows in a window, as one structured array."""
    form = np.dtype([("tag", "i4"), ("ts", "i8")])
    found = [np.zeros(0, form)]
    with storage.open(segment.path) as source, pq.ParquetFile(source) as file:
        for number in range(file.num_row_groups):
            statistics = file.metadata.row_group(number).column(0).statistics
            if statistics is not None and statistics.has_min_max and (statistics.min > last or statistics.max < first):
                continue
            rows = file.read_row_group(number, columns=["tag", "ts"], use_threads=False)
            tag, ts = rows.column("tag").to_numpy(), rows.column("ts").cast(pa.int64()).to_numpy()
            inside = (tag >= first) & (tag <= last) & (ts >= low_us) & (ts <= high_us)
            part = np.zeros(int(inside.sum()), form)
            part["tag"], part["ts"] = tag[inside], ts[inside]
            found.append(part)
    return np.concatenate(found)
