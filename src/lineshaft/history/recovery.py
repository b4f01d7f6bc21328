"""Coming back to the state of the last commit: the snapshot that belongs to it, or the table itself."""

import asyncio
from collections.abc import Sequence

import msgspec
import pyarrow as pa

from lineshaft.core import logs
from lineshaft.history.commits import Segment, TableName
from lineshaft.history.committer import Committer
from lineshaft.history.latest import LatestTable
from lineshaft.history.segment import read_segment
from lineshaft.history.snapshot import FOLDER as SNAPSHOTS
from lineshaft.history.snapshot import State, read_snapshot, snapshots
from lineshaft.history.storage import Storage


class Found(msgspec.Struct, frozen=True):
    """A snapshot that the table vouches for."""

    state: State
    sealed: LatestTable
    latest: LatestTable


async def find_snapshot(
    storage: Storage, committer: Committer, maximum_tag: int, folder: str = SNAPSHOTS
) -> Found | None:  # fmt: skip
    """The newest snapshot whose commit is in the table."""
    place = storage.child(folder)
    for name in await asyncio.to_thread(snapshots, place):
        try:
            found = Found(*await asyncio.to_thread(read_snapshot, place, name, maximum_tag))
        except (OSError, ValueError, pa.ArrowException) as error:
            logs.get("history").warning("history_snapshot_unreadable", path=f"{place}/{name}", reason=str(error))
            continue
        if await committer.transaction("samples", found.state.application) == found.state.sequence:
            return found
    return None


def rebuild(storage: Storage, segments: Sequence[Segment], maximum_tag: int) -> tuple[LatestTable, LatestTable]:
    """Latest and newest sealed samples from the table's files alone; reads all of them."""
    latest, sealed = LatestTable(maximum=maximum_tag), LatestTable(believe_any_time=True, maximum=maximum_tag)
    for segment in segments:
        rows = read_segment(storage, segment.path)
        latest.update(rows)
        sealed.update(rows)
    return latest, sealed


async def drop_orphans(storage: Storage, owner: str, committer: Committer, keep: set[str]) -> None:
    """Remove the files of earlier writers of this name that no commit names. Nobody can commit them any more."""
    names: tuple[TableName, ...] = ("samples", "gaps", "corrections")
    for name in names:
        known = {segment.path for segment in await committer.segments(name)} | keep
        place = storage.child(name)
        for stored in await asyncio.to_thread(place.names):
            mine = stored.name.startswith(f"{owner}-") and stored.name.endswith(".parquet")
            if mine and stored.name not in known:
                await asyncio.to_thread(place.delete, stored.name)
                logs.get("history").info("history_orphan_removed", path=f"{place}/{stored.name}")
