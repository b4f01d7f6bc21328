"""Segments: rows sorted by (tag, ts), one row per (tag, ts), in one Parquet file each.

A segment's encodings are chosen by measuring it. It is durable before anybody names it in the table.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from lineshaft.core import ids
from lineshaft.history.commits import Segment
from lineshaft.history.schema import ROWS, empty_rows, from_segment, microseconds, to_segment

ROW_GROUP = 30_000
"""Small enough that a query of few tags reads little, large enough to cost 2 % in size."""
_SAMPLE = 20_000
_DISTINCT_FOR_DICTIONARY = 0.5
_DICTIONARY_BYTES = 4 * 2**20


def ordered(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """The rows of `batches` sorted by (tag, ts); of rows with one (tag, ts) only the last given stays."""
    batches = [batch for batch in batches if len(batch)]
    if not batches:
        return empty_rows()
    rows = joined(batches)
    tag, ts = keys(rows)
    same_tag = tag[1:] == tag[:-1]
    if bool(np.all((tag[1:] > tag[:-1]) | (same_tag & (ts[1:] > ts[:-1])))):
        return rows
    order = np.lexsort((ts, tag))  # stable: rows of one key stay in the order given
    tag, ts = tag[order], ts[order]
    last = np.append((tag[1:] != tag[:-1]) | (ts[1:] != ts[:-1]), True)  # a value, not a flag
    return rows.take(pa.array(order[last]))


def joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """One batch of all rows in the order given."""
    if len(batches) == 1:
        return batches[0]
    whole = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return whole[0] if whole else empty_rows()


def keys(rows: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
    """(tag, ts in microseconds) as numpy views."""
    return rows.column("tag").to_numpy(zero_copy_only=True), microseconds(rows.column("ts"))


def chosen(rows: pa.RecordBatch, tags: np.ndarray | None, start_us: int, end_us: int) -> pa.RecordBatch:
    """The rows of `tags` (sorted; None for all) with start ≤ ts < end, in the order they have."""
    tag, ts = keys(rows)
    wanted = (ts >= start_us) & (ts < end_us)
    if tags is not None:
        wanted &= np.isin(tag, tags)
    if bool(wanted.all()):
        return rows
    return rows.take(pa.array(np.flatnonzero(wanted)))


def write_segment(folder: Path, owner: str, rows: pa.RecordBatch) -> Segment:
    """Write sorted rows as a new file of `owner` and make its content durable (not yet its name: see `sync_folder`).

    Raises:
        OSError: the disk is full or refuses; nothing is left behind.
    """
    path = folder / f"{owner}-{ids.new_id()}.parquet"
    size = write_durably(path, lambda: _write(path, rows))
    tag, ts = keys(rows)
    return Segment(
        path=path.name, size=size, rows=len(rows),
        min_tag=int(tag[0]), max_tag=int(tag[-1]), min_us=int(ts.min()), max_us=int(ts.max()),
    )  # fmt: skip


def write_durably(path: Path, write: Callable[[], None]) -> int:
    """Let `write` make the file `path`, bring its content to the disk, return its size; a failure leaves no file."""
    try:
        write()
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _write(path: Path, rows: pa.RecordBatch) -> None:
    import pyarrow.parquet as pq

    stored = to_segment(rows)
    dictionary = ["mul", "div", "vs", "q"]
    encoding = {"tag": "DELTA_BINARY_PACKED", "ts": "DELTA_BINARY_PACKED", "arrival": "DELTA_BINARY_PACKED",
                "vi": "DELTA_BINARY_PACKED"}  # fmt: skip
    if _repeats(rows.column("v")):
        dictionary.append("v")
    else:
        encoding["v"] = "BYTE_STREAM_SPLIT"
    pq.write_table(
        pa.Table.from_batches([stored]), path, row_group_size=ROW_GROUP, compression="zstd",
        use_dictionary=dictionary, column_encoding=encoding, dictionary_pagesize_limit=_DICTIONARY_BYTES,
        write_page_index=True, store_schema=False,
        sorting_columns=[pq.SortingColumn(0), pq.SortingColumn(1)],
    )  # fmt: skip


def _repeats(numbers: pa.Array) -> bool:
    """Whether values come again often enough that a dictionary is the smaller form; measured on an even sample."""
    count = len(numbers) - numbers.null_count
    if count == 0:
        return True
    values = numbers.drop_null().to_numpy(zero_copy_only=True).view(np.int64)
    sample = values[:: max(1, count // _SAMPLE)]
    return len(np.unique(sample)) <= _DISTINCT_FOR_DICTIONARY * len(sample) or len(sample) < 256


def read_segment(
    path: Path, tags: np.ndarray | None = None, start_us: int | None = None, end_us: int | None = None
) -> pa.RecordBatch:
    """The rows of one file, of `tags` (sorted; None for all) and start ≤ ts < end only, in the file's order.

    Raises:
        OSError: the file is gone or cannot be read.
    """
    import pyarrow.parquet as pq

    # Buffered reads, not a memory map: a file that is cut short must raise, not kill the process.
    with pq.ParquetFile(path, memory_map=False, pre_buffer=False) as file:
        groups = [
            number
            for number in range(file.num_row_groups)
            if _may_hold(file.metadata.row_group(number), tags)
        ]  # fmt: skip
        if not groups:
            return empty_rows()
        stored = file.read_row_groups(groups, use_threads=False).combine_chunks().to_batches()
    rows = from_segment(stored[0]) if stored else empty_rows()
    if tags is None and start_us is None and end_us is None:
        return rows
    low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    return chosen(rows, tags, low if start_us is None else start_us, high if end_us is None else end_us)


def _may_hold(group: object, tags: np.ndarray | None) -> bool:
    """Whether a row group's tag range holds one of `tags`."""
    if tags is None:
        return True
    statistics = group.column(ROWS.get_field_index("tag")).statistics  # type: ignore[attr-defined]  # untyped library
    if statistics is None or not statistics.has_min_max:
        return True
    first = int(np.searchsorted(tags, statistics.min))
    return first < len(tags) and int(tags[first]) <= statistics.max
