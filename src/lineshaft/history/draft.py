"""A seal being prepared: what was frozen, the files written for it, the state that holds once it is committed.

Preparing runs in a worker thread and touches nothing that the writer goes on using.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.core.home import sync_folder
from lineshaft.history.collision import resolve, suspects
from lineshaft.history.commits import Segment
from lineshaft.history.gaps import write_gaps
from lineshaft.history.latest import LatestTable
from lineshaft.history.model import Gap
from lineshaft.history.segment import keys, ordered, write_segment
from lineshaft.history.snapshot import FOLDER as SNAPSHOTS
from lineshaft.history.snapshot import Retired, State, write_snapshot


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """The writer's state at the moment a seal began."""

    state: State
    rows: Sequence[pa.RecordBatch]
    gaps: list[Gap]
    marks: dict[str, int]
    """Lanes' high-water marks that changed since the last commit."""
    latest: LatestTable
    sealed: LatestTable
    late_before_us: int
    """Rows older than this go to a segment of their own, so that the others' time ranges stay narrow."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A seal with all its files on the disk, waiting for its commit."""

    frozen: Frozen
    sealed: LatestTable
    """Newest sealed samples once the commit is there."""
    added: list[Segment]
    removed: list[str]
    gap_files: list[Segment]
    rows: int
    dropped: int


class Sorted(msgspec.Struct, frozen=True):
    """Frozen rows in order, and which of them may be in the table already."""

    rows: pa.RecordBatch
    repeated: np.ndarray
    unsure: np.ndarray

    @property
    def needs_lookup(self) -> bool:
        return bool(self.unsure.any())


def sort_frozen(frozen: Frozen) -> Sorted:
    """First step: order the rows and find those to look up."""
    rows = ordered(frozen.rows)
    return Sorted(rows, *suspects(rows, frozen.sealed))


def write_draft(folder: Path, owner: str, frozen: Frozen, given: Sorted, segments: Sequence[Segment]) -> Draft:
    """Second step: write segments, gap records and snapshot, all durable.

    Raises:
        OSError: the disk is full or refuses; files written are removed again.
    """
    resolution = resolve(given.rows, given.repeated, given.unsure, segments, folder / "samples")
    late, timely = _part(resolution.new, frozen.late_before_us)
    written = [rows for rows in (late, timely, *resolution.replaced.values()) if len(rows)]
    added: list[Segment] = []
    gap_files: list[Segment] = []
    try:
        added.extend(write_segment(folder / "samples", owner, rows) for rows in written)
        sync_folder(folder / "samples")
        if frozen.gaps:
            gap_files.append(write_gaps(folder / "gaps", owner, frozen.gaps))
            sync_folder(folder / "gaps")
        sealed = frozen.sealed.copy()
        for rows in written:
            sealed.update(rows)
        removed = sorted(resolution.replaced)
        _write_snapshot(folder, frozen, sealed, removed)
    except BaseException:
        discard(folder, added, gap_files)
        raise
    return Draft(
        frozen=frozen, sealed=sealed, added=added, removed=removed, gap_files=gap_files,
        rows=len(resolution.new), dropped=resolution.dropped,
    )  # fmt: skip


def discard(folder: Path, added: Sequence[Segment], gap_files: Sequence[Segment]) -> None:
    """Remove files that no commit will name."""
    for name, files in (("samples", added), ("gaps", gap_files)):
        for file in files:
            (folder / name / file.path).unlink(missing_ok=True)


def _part(rows: pa.RecordBatch, before_us: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    _, ts = keys(rows)
    late = ts < before_us
    if not late.any() or late.all():
        return rows.slice(0, 0), rows
    return rows.take(pa.array(np.flatnonzero(late))), rows.take(pa.array(np.flatnonzero(~late)))


def _write_snapshot(folder: Path, frozen: Frozen, sealed: LatestTable, removed: Sequence[str]) -> None:
    state = msgspec.structs.replace(
        frozen.state, retired=[*frozen.state.retired, *(Retired(path, frozen.state.sealed_us) for path in removed)]
    )
    differing = frozen.latest.differing(sealed)
    write_snapshot(
        folder / SNAPSHOTS, state, sealed.rows(), frozen.latest.rows(differing), frozen.latest.rank[differing]
    )
