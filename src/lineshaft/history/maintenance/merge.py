"""The sorted merge: many small files to few large ones, by (tag, ts), encodings chosen anew, in bounded memory."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.history.commits import Segment
from lineshaft.history.maintenance.sources import Slab, Sources, taken
from lineshaft.history.rollup import DAY_US
from lineshaft.history.segment import ROW_GROUP, write_segment
from lineshaft.history.sorting import keys
from lineshaft.history.storage import Storage

TAGS_PER_GROUP = 4
"""In one row group of a merged file, at least: a query of one tag reads little, one of many opens few."""

Report = Callable[[int], None]
"""Is told how many rows more are done; may raise to end the work."""
Chosen = Callable[[pa.RecordBatch], np.ndarray]
"""Which rows to keep."""


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What a merge wrote; nothing of it is in the table yet."""

    added: list[Segment]
    rows: int
    dropped: int = 0
    """Rows that `keep` left out, and older ones of a (tag, ts) that was there twice."""


def merge(
    storage: Storage, owner: str, segments: Sequence[Segment], *, slab_rows: int, report: Report,
    keep: Chosen | None = None, cut_us: int = DAY_US,
) -> Merged:  # fmt: skip
    """Write the rows of some files into new ones of `owner`.

    Args:
        slab_rows: most rows in memory, and in one new file.
        keep: rows to take; all where None.
        cut_us: no new file crosses a multiple of this.

    Raises:
        Damaged: a file cannot be read. OSError: the storage refuses. Files written are removed again.
    """
    added: list[Segment] = []
    total = sum(segment.rows for segment in segments)
    try:
        with Sources(storage, segments) as sources:
            for slab in sources.slabs(slab_rows):
                added += _write(storage, owner, sources, slab, keep, cut_us)
                report(sum(segment.rows for segment in added))
            sources.check_all_given()
        storage.sync()
    except BaseException:
        for segment in added:
            storage.delete(segment.path)
        raise
    rows = sum(segment.rows for segment in added)
    return Merged(added=added, rows=rows, dropped=total - rows)


def _write(
    storage: Storage, owner: str, sources: Sources, slab: Slab, keep: Chosen | None, cut_us: int
) -> list[Segment]:  # fmt: skip
    rows = sources.read(slab)
    if keep is not None and len(rows):
        wanted = keep(rows)
        rows = rows if wanted.all() else taken(rows, np.flatnonzero(wanted))
    return [
        segment
        for part in _cut(rows, cut_us)
        for segment in write_segment(storage, owner, part, tags_per_group=_tags_per_group(part))
    ]


def _tags_per_group(rows: pa.RecordBatch) -> int:
    """More than of a day where each has few rows, as in an hour's file."""
    tag, _ = keys(rows)
    count = 1 + int(np.count_nonzero(np.diff(tag)))
    return max(TAGS_PER_GROUP, ROW_GROUP * count // len(rows))


def _cut(rows: pa.RecordBatch, cut_us: int) -> list[pa.RecordBatch]:
    """Rows of each stretch of time."""
    if not len(rows):
        return []
    _, ts = keys(rows)
    first, last = int(ts.min()) // cut_us, int(ts.max()) // cut_us
    if first == last:
        return [rows]
    stretch = ts // cut_us
    return [taken(rows, np.flatnonzero(stretch == number)) for number in np.unique(stretch).tolist()]
