"""A seal being prepared: what was frozen, the files written for it, the state that holds once it is committed.

Preparing runs in a worker thread and touches nothing that the writer goes on using.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.history.batches import Account, write_account
from lineshaft.history.collision import Resolution, resolve, same, suspects
from lineshaft.history.commits import Segment
from lineshaft.history.corrections.record import Change, Key, Note, noted_rows, records, write_corrections
from lineshaft.history.encodings.hints import Hints
from lineshaft.history.gaps import write_gaps
from lineshaft.history.latest import LatestTable
from lineshaft.history.model import Correction, Gap
from lineshaft.history.segment import write_segment
from lineshaft.history.snapshot import Retired, State, write_snapshot
from lineshaft.history.sorting import in_order, keys, taken
from lineshaft.history.storage import Storage


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """The writer's state at the moment a seal began."""

    state: State
    rows: Sequence[pa.RecordBatch]
    gaps: list[Gap]
    marks: dict[str, int]
    """Lanes' high-water marks that changed since the last commit."""
    latest: LatestTable
    sealed: LatestTable
    batches: Account
    late_before_us: int
    """Rows older than this go to a segment of their own, so that the others' time ranges stay narrow."""
    snapshots: str
    """Folder of the snapshots."""
    hints: Hints
    """What the segments before showed of the tags; the one thing that preparing changes."""
    notes: dict[Key, Note]
    """Rows that people corrected."""
    recorded: set[Correction]
    """Corrections that their table has already, from a seal that did not come to its end."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A seal with all its files on the disk, waiting for its commit."""

    frozen: Frozen
    sealed: LatestTable
    """Newest sealed samples once the commit is there."""
    added: list[Segment]
    removed: list[str]
    gap_files: list[Segment]
    correction_files: list[Segment]
    corrections: list[Correction]
    rows: int
    dropped: int


class Sorted(msgspec.Struct, frozen=True):
    """Frozen rows in order, and which of them may be in the table already."""

    rows: pa.RecordBatch
    repeated: np.ndarray
    unsure: np.ndarray
    changes: list[Change]
    """Rows that came again with another content before they were in any segment."""

    @property
    def needs_lookup(self) -> bool:
        return bool(self.unsure.any())


def sort_frozen(frozen: Frozen) -> Sorted:
    """First step: order the rows and find those to look up."""
    found = in_order(frozen.rows)
    changes = []
    if len(found.displaced):
        by = taken(found.rows, found.by)
        changed = np.flatnonzero(~same(found.displaced, by))
        changes = [Change(taken(found.displaced, changed), taken(by, changed))] if len(changed) else []
    return Sorted(found.rows, *suspects(found.rows, frozen.sealed), changes)


def write_draft(storage: Storage, owner: str, frozen: Frozen, given: Sorted, segments: Sequence[Segment]) -> Draft:
    """Second step: write segments, gap records and snapshot, all durable.

    Raises:
        OSError: the disk is full or refuses; files written are removed again.
    """
    samples, gaps = storage.child("samples"), storage.child("gaps")
    resolution = resolve(given.rows, given.repeated, given.unsure, segments, samples)
    late, timely = _part(resolution.new, frozen.late_before_us)
    written = [rows for rows in (late, timely, *resolution.replaced.values()) if len(rows)]
    corrections = _corrections(frozen, given, resolution)
    added: list[Segment] = []
    gap_files: list[Segment] = []
    correction_files: list[Segment] = []
    try:
        for rows in written:
            added.extend(write_segment(samples, owner, rows, hints=frozen.hints))
        samples.sync()
        if frozen.gaps:
            gap_files.append(write_gaps(gaps, owner, frozen.gaps))
            gaps.sync()
        if corrections:
            correction_files.append(write_corrections(storage.child("corrections"), owner, corrections))
            storage.child("corrections").sync()
        sealed = frozen.sealed.copy()
        for rows in written:
            sealed.update(rows)
        removed = sorted(resolution.replaced)
        grown = sum(one.rows for one in added) - sum(one.rows for one in segments if one.path in resolution.replaced)
        write_account(storage, msgspec.structs.replace(frozen.batches, written=grown))
        _write_snapshot(storage, frozen, sealed, removed)
    except BaseException:
        discard(storage, samples=added, gaps=gap_files, corrections=correction_files)
        raise
    return Draft(
        frozen=frozen, sealed=sealed, added=added, removed=removed, gap_files=gap_files,
        correction_files=correction_files, corrections=corrections, rows=len(resolution.new),
        dropped=resolution.dropped,
    )  # fmt: skip


def _corrections(frozen: Frozen, given: Sorted, resolution: Resolution) -> list[Correction]:
    """What is to be kept of this seal: displaced and replaced rows, and what people put in where nothing was.

    A row dropped because the table holds its like is none of them.
    """
    changes = [*given.changes, *resolution.changes]
    at = noted_rows(resolution.new, frozen.notes)
    if not changes and not len(at):
        return []
    known = {key for change in changes for key in _keys(change.new)}
    fresh = [index for index in at.tolist() if _keys(resolution.new.slice(index, 1))[0] not in known]
    if fresh:
        changes.append(Change(None, taken(resolution.new, np.array(fresh))))
    return records(changes, frozen.notes, frozen.state.time_us, frozen.state.sequence, frozen.recorded)


def _keys(rows: pa.RecordBatch) -> list[Key]:
    tag, ts = keys(rows)
    return list(zip(tag.tolist(), ts.tolist(), strict=True))


def discard(storage: Storage, **files: Sequence[Segment]) -> None:
    """Remove files that no commit will name, by their table."""
    for table, segments in files.items():
        for segment in segments:
            storage.child(table).delete(segment.path)


def _part(rows: pa.RecordBatch, before_us: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    _, ts = keys(rows)
    late = ts < before_us
    if not late.any() or late.all():
        return rows.slice(0, 0), rows
    return taken(rows, np.flatnonzero(late)), taken(rows, np.flatnonzero(~late))


def _write_snapshot(storage: Storage, frozen: Frozen, sealed: LatestTable, removed: Sequence[str]) -> None:
    state = msgspec.structs.replace(
        frozen.state, retired=[*frozen.state.retired, *(Retired(path, frozen.state.sealed_us) for path in removed)]
    )
    differing = frozen.latest.differing(sealed)
    write_snapshot(
        storage.child(frozen.snapshots),
        state,
        sealed.rows(),
        frozen.latest.rows(differing),
        frozen.latest.rank[differing],
    )
