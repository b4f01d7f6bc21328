"""Coming back to the state of the last commit: the snapshot that belongs to it, or the table itself."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pyarrow as pa

from lineshaft.core import logs
from lineshaft.history.commits import Segment, TableName
from lineshaft.history.committer import Committer
from lineshaft.history.latest import LatestTable
from lineshaft.history.segment import read_segment
from lineshaft.history.snapshot import FOLDER as SNAPSHOTS
from lineshaft.history.snapshot import State, read_snapshot, snapshots


class Found(msgspec.Struct, frozen=True):
    """A snapshot that the table vouches for."""

    state: State
    sealed: LatestTable
    latest: LatestTable


async def find_snapshot(folder: Path, committer: Committer, maximum_tag: int) -> Found | None:
    """The newest snapshot whose commit is in the table."""
    for path in snapshots(folder / SNAPSHOTS):
        try:
            found = Found(*read_snapshot(path, maximum_tag))
        except (OSError, ValueError, pa.ArrowException) as error:
            logs.get("history").warning("history_snapshot_unreadable", path=str(path), reason=str(error))
            continue
        if await committer.transaction("samples", found.state.application) == found.state.sequence:
            return found
    return None


def rebuild(folder: Path, segments: Sequence[Segment], maximum_tag: int) -> tuple[LatestTable, LatestTable]:
    """Latest and newest sealed samples from the table's files alone; reads all of them."""
    latest, sealed = LatestTable(maximum=maximum_tag), LatestTable(believe_any_time=True, maximum=maximum_tag)
    for segment in segments:
        rows = read_segment(folder / segment.path)
        latest.update(rows)
        sealed.update(rows)
    return latest, sealed


async def drop_orphans(folder: Path, owner: str, committer: Committer, keep: set[str]) -> None:
    """Remove the files of earlier writers of this name that no commit names. Nobody can commit them any more."""
    names: tuple[TableName, ...] = ("samples", "gaps")
    for name in names:
        known = {segment.path for segment in await committer.segments(name)} | keep
        for path in sorted((folder / name).glob(f"{owner}-*.parquet")):
            if path.name not in known:
                path.unlink(missing_ok=True)
                logs.get("history").info("history_orphan_removed", path=str(path))
