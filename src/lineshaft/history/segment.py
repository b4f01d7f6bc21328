"""Segments: rows sorted by (tag, ts), one row per (tag, ts), in one Parquet file each.

A segment's encodings are chosen by measuring it. It is durable before anybody names it in the table.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from lineshaft.core import ids
from lineshaft.history.commits import Segment
from lineshaft.history.encode import STORED, Encoded, encode
from lineshaft.history.encodings.hints import Hints
from lineshaft.history.encodings.times import DELTA, PAGE, SPLIT, encoding_of, is_even
from lineshaft.history.faults import reading
from lineshaft.history.schema import ROWS, SEGMENT, content, empty_rows, from_segment, microseconds
from lineshaft.history.sorting import keys, taken
from lineshaft.history.storage import Storage

ROW_GROUP = 30_000
"""Small enough that a query of few tags reads little; twice of it saves 2 % in size."""
LONE_ROWS = 20_000
"""Where groups are of some tags, one with so many rows has a group of its own: who asks for it decodes no others. Not
where arrival jitters: times that several tags share are then half of the file."""
_DICTIONARY_BYTES = 4 * 2**20
_LEVELS = {field.name: 3 if field.name == "vi" else 1 for field in SEGMENT}
"""zstd's; of a higher one only packed integers get smaller."""


def chosen(rows: pa.RecordBatch, tags: np.ndarray | None, start_us: int, end_us: int) -> pa.RecordBatch:
    """The rows of `tags` (sorted; None for all) with start ≤ ts < end, in the order they have."""
    tag, ts = keys(rows)
    wanted = (ts >= start_us) & (ts < end_us)
    if tags is not None:
        wanted &= np.isin(tag, tags)
    if bool(wanted.all()):
        return rows
    return taken(rows, np.flatnonzero(wanted))


def write_segment(
    storage: Storage,
    owner: str,
    rows: pa.RecordBatch,
    *,
    hints: Hints | None = None,
    row_group: int = ROW_GROUP,
    tags_per_group: int | None = None,
) -> list[Segment]:
    """Write sorted rows as one new file of `owner`, now and then two, with content durable but not yet their names.

    Args:
        hints: what the segments before showed of the tags; brought up to date.
        row_group: most rows of a group; a tag with fewer lies in one.
        tags_per_group: make groups of so many tags instead; one with LONE_ROWS rows has its own.

    Raises:
        OSError: the disk is full or refuses; nothing is left behind.
    """
    written: list[Segment] = []
    try:
        written.extend(
            _write_file(storage, owner, encoded, row_group, tags_per_group) for encoded in encode(rows, hints)
        )
    except BaseException:
        for segment in written:
            storage.delete(segment.path)
        raise
    return written


def _write_file(
    storage: Storage, owner: str, encoded: Encoded, row_group: int, tags_per_group: int | None
) -> Segment:  # fmt: skip
    name = f"{owner}-{ids.new_id()}.parquet"
    tag = content(encoded.columns["tag"], np.int32)
    ts, arrival = microseconds(encoded.columns["ts"]), encoded.columns["arrival"]
    even = is_even(microseconds(arrival))
    cuts = list(_cuts(tag, row_group, tags_per_group, LONE_ROWS if even else None))
    times = DELTA if even else encoding_of(arrival.slice(0, cuts[1]))
    size = storage.write(name, lambda path: _write(path, encoded, cuts, times))
    return Segment(
        path=name, size=size, rows=len(tag),
        min_tag=int(tag[0]), max_tag=int(tag[-1]), min_us=int(ts.min()), max_us=int(ts.max()),
    )  # fmt: skip


def _cuts(
    tag: np.ndarray, row_group: int, tags_per_group: int | None, lone_rows: int | None = None
) -> Iterator[int]:  # fmt: skip
    """Where row groups begin, and the end: between tags where that makes no group too large.

    Args:
        lone_rows: with groups of so many tags, one with so many rows has one of its own.
    """
    ends = np.append(np.flatnonzero(np.diff(tag)) + 1, len(tag))
    at, run = 0, 0
    while at < len(tag):
        yield at
        if tags_per_group is not None:
            run = _end_of_group(ends, run, tags_per_group, lone_rows)
            at = int(ends[run - 1])
            continue
        run = int(np.searchsorted(ends, at + row_group, side="right"))
        end = int(ends[run - 1]) if run else 0
        at = end if end > at else at + row_group
    yield len(tag)


def _end_of_group(ends: np.ndarray, run: int, tags: int, lone_rows: int | None) -> int:
    """The tag behind the group that begins with one: so many tags, or one that stands alone."""
    stop = min(run + tags, len(ends))
    if lone_rows is not None:
        large = np.flatnonzero(np.diff(ends[run:stop], prepend=ends[run - 1] if run else 0) >= lone_rows)
        if len(large):
            return run + max(int(large[0]), 1)
    return stop


def _write(path: Path, encoded: Encoded, cuts: list[int], times: str) -> None:
    import pyarrow.parquet as pq

    levels = _LEVELS if times == SPLIT else {**_LEVELS, "arrival": _LEVELS["vi"]}
    # Of nothing there is nothing to look up or to compress, and making ready for it is most of what a page costs.
    empty = {name for name, column in encoded.columns.items() if column.null_count == len(column)}
    with pq.ParquetWriter(
        path, STORED, compression={name: "none" if name in empty else "zstd" for name in STORED.names},
        compression_level={name: level for name, level in levels.items() if name not in empty},
        use_dictionary=[name for name in encoded.dictionary if name not in empty],
        column_encoding={**encoded.encoding, "arrival": times},
        dictionary_pagesize_limit=_DICTIONARY_BYTES, write_statistics=["tag", "ts"], store_schema=False,
        write_page_checksum=True, **PAGE,
        sorting_columns=[pq.SortingColumn(0), pq.SortingColumn(1)],
    ) as writer:  # fmt: skip
        for start, end in pairwise(cuts):
            writer.write_table(encoded.part(start, end), row_group_size=end - start)


def read_segment(
    storage: Storage,
    path: str,
    tags: np.ndarray | None = None,
    start_us: int | None = None,
    end_us: int | None = None,
) -> pa.RecordBatch:
    """The rows of one file, of `tags` (sorted; None for all) and start ≤ ts < end only, in the file's order.

    Raises:
        OSError: the file is gone or cannot be read.
    """
    import pyarrow.parquet as pq

    with (
        reading(storage),
        storage.open(path) as source,
        pq.ParquetFile(source, pre_buffer=storage.folder is None) as file,
    ):
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
