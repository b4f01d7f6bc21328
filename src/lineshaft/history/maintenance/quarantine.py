"""A file that is broken leaves the table; its bytes stay, what can still be read of it stays in the table.

Nothing is lost without a word: a record beside the bytes says which file, why, and how many rows of which tags and time
cannot be read any more; a gap record with the cause `damaged` says so to whoever asks for those gateways' gaps.
"""

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa

from lineshaft.core import clock, logs
from lineshaft.core.errors import Conflict
from lineshaft.history.commits import Segment
from lineshaft.history.gaps import write_gaps
from lineshaft.history.maintenance.owned import OwnedTable
from lineshaft.history.maintenance.sources import taken
from lineshaft.history.model import Gap
from lineshaft.history.schema import SEGMENT, empty_rows, from_segment
from lineshaft.history.segment import write_segment
from lineshaft.history.sorting import keys, ordered
from lineshaft.history.storage import Storage

FOLDER = "quarantine"
APPLICATION = "quarantine"
"""Who commits the gap records."""
Owners = Mapping[str, Sequence[tuple[int, int]]]
"""Tags that gateways have, as ranges of numbers, both ends included."""
SALVAGER = "salvage"
"""Owner of what was saved. Not the maintainer's: to the rollups these files are new, so they look again."""
_UNTIL_FOREVER = 2**61


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a broken file."""

    path: str
    reason: str
    rows: int
    """Rows the table said it had."""
    saved: int
    """Rows that were still readable; they are in the table."""
    from_us: int
    to_us: int
    min_tag: int
    max_tag: int
    noted_us: int

    @property
    def lost(self) -> int:
        return self.rows - self.saved


def set_aside(
    history: Storage, table: OwnedTable, segment: Segment, reason: str, owners: Owners, *, salvage: bool = True
) -> Quarantined:
    """Take a broken file of `samples` out of the table, and put what is readable of it in its place.

    Hold the lease of maintenance: another's cleaning would take what is saved for something left behind. The order
    bears a kill at any moment: bytes, record, gap, table. Done again, a gap may be there twice; a row is never lost.

    Args:
        owners: the gap is those gateways'.
        salvage: whether what can be read of it may be believed.

    Raises:
        Conflict: it is no longer in the table. OSError: the storage refuses; nothing was changed.
    """
    rows = _readable(table.storage, segment) if salvage else empty_rows()
    added = write_segment(table.storage, SALVAGER, rows) if len(rows) else []
    record = Quarantined(
        path=segment.path, reason=reason, rows=segment.rows, saved=min(len(rows), segment.rows),
        from_us=segment.min_us, to_us=segment.max_us, min_tag=segment.min_tag, max_tag=segment.max_tag,
        noted_us=clock.now_us(),
    )  # fmt: skip
    place = history.child(FOLDER)
    try:
        place.prepare()
        _keep_bytes(table.storage, place, segment.path)
        place.replace(f"{segment.path}.json", msgspec.json.encode(record))
        if record.lost:
            _note(history, record, owners)
        table.storage.sync()
    except BaseException:
        _discard(table, added)
        raise
    try:
        table.commit(added, [segment.path])
    except Conflict:  # after any other error the commit may be in the table, which then names the files
        _discard(table, added)
        raise
    logs.get("history").error(
        "history_segment_quarantined", path=segment.path, reason=reason, rows=record.rows, lost=record.lost
    )
    return record


def _discard(table: OwnedTable, added: Sequence[Segment]) -> None:
    for one in added:
        table.storage.delete(one.path)


def _note(history: Storage, record: Quarantined, owners: Owners) -> None:
    names = [
        gateway for gateway, ranges in owners.items()
        if any(first <= record.max_tag and last >= record.min_tag for first, last in ranges)
    ]  # fmt: skip
    bounded = abs(record.from_us) < _UNTIL_FOREVER and abs(record.to_us) < _UNTIL_FOREVER
    gaps = [
        Gap(
            gateway=gateway, boot="", cause="damaged", from_seq=None, to_seq=None,
            from_us=record.from_us if bounded else 0, to_us=record.to_us if bounded else record.noted_us,
            rows=record.lost if len(names) < 2 else None,  # of several, nobody knows whose
            detail=f"{record.path}: {record.reason}"[:500], noted_us=record.noted_us, sequence=0,
        )
        for gateway in names or [""]
    ]  # fmt: skip
    table = OwnedTable(history, "gaps", APPLICATION)
    segment = write_gaps(table.storage, APPLICATION, gaps)
    table.storage.sync()
    table.commit([segment], [])


def quarantined(history: Storage) -> list[Quarantined]:
    """Every file that was ever set aside and whose record is still there, by name."""
    place = history.child(FOLDER)
    return [
        msgspec.json.decode(place.read(stored.name), type=Quarantined)
        for stored in place.names()
        if stored.name.endswith(".json")
    ]


def _keep_bytes(source: Storage, place: Storage, name: str) -> None:
    def copy(path: Path) -> None:
        with path.open("wb") as target, source.open(name) as broken:
            shutil.copyfileobj(broken, target)

    with contextlib.suppress(FileNotFoundError):  # there may be nothing left of it
        place.write(name, copy)
        place.sync()


def _readable(storage: Storage, segment: Segment) -> pa.RecordBatch:
    """The rows of every row group that can be read and is what the table says of the file; each (tag, ts) once."""
    import pyarrow.parquet as pq

    found = []
    try:
        with (
            storage.open(segment.path) as source,
            pq.ParquetFile(source, pre_buffer=False, page_checksum_verification=True) as file,
        ):
            if file.schema_arrow.names == SEGMENT.names:
                for number in range(file.num_row_groups):
                    found += _group(file, number)
    except (pa.ArrowException, OSError) as error:
        logs.get("history").warning("history_segment_unreadable", path=segment.path, reason=str(error))
    rows = ordered(found)
    if not len(rows):
        return rows
    tag, ts = keys(rows)
    inside = (tag >= segment.min_tag) & (tag <= segment.max_tag) & (ts >= segment.min_us) & (ts <= segment.max_us)
    return rows if inside.all() else taken(rows, inside.nonzero()[0])


def _group(file: object, number: int) -> list[pa.RecordBatch]:
    try:
        stored = file.read_row_group(number, use_threads=False).combine_chunks().to_batches()  # type: ignore[attr-defined]
        return [from_segment(batch) for batch in stored]
    except (pa.ArrowException, OSError):
        return []
