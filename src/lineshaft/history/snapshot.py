"""The writer's state at one commit, in a file written just before it: what a start needs without reading the table.

A file counts only when the table holds the very sequence that is in it, so one of a commit that never happened is
passed over, and the one before it is still there. Files are numbered. The last two committed ones stay: whoever copies
the table's log first and this folder next has the one that belongs to the log.
"""

import contextlib
import re
from typing import Any

import msgspec
import pyarrow as pa

from lineshaft.history.lanes import Boot
from lineshaft.history.latest import LatestTable
from lineshaft.history.schema import ROWS
from lineshaft.history.storage import Storage

_RANKED = ROWS.append(pa.field("rank", pa.int64(), nullable=False))
_KEY = b"lineshaft"
_NAME = re.compile(r"^snapshot-[0-9]{12}\.arrow$")
FOLDER = "snapshots"


class Retired(msgspec.Struct, frozen=True):
    """A file that left the table and stays on disk for queries that began before."""

    path: str
    time_us: int


class State(msgspec.Struct, kw_only=True):
    """What a snapshot holds beside values."""

    number: int
    application: str
    sequence: int
    time_us: int
    """Bus time of the newest message."""
    sealed_us: int
    """When the seal began."""
    table: str
    """The table's own id."""
    gateways: dict[str, list[Boot]]
    retired: list[Retired]


def write_snapshot(storage: Storage, state: State, sealed: pa.RecordBatch, latest: pa.RecordBatch, rank: Any) -> None:
    """Write state, newest sealed samples, and those latest samples that differ from them (with their ranks).

    Raises:
        OSError: the disk is full or refuses; nothing is left behind.
    """
    schema = _RANKED.with_metadata({_KEY: msgspec.json.encode(state)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        stream.write_batch(_ranked(sealed, sealed.column("ts").cast(pa.int64())))
        stream.write_batch(_ranked(latest, pa.array(rank, pa.int64())))
    storage.replace(_name(state.number), sink.getvalue().to_pybytes())


def read_snapshot(storage: Storage, name: str, maximum_tag: int) -> tuple[State, LatestTable, LatestTable]:
    """State, sealed and latest of one file.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    with pa.ipc.open_stream(storage.read(name)) as stream:
        metadata = stream.schema.metadata or {}
        state = msgspec.json.decode(metadata.get(_KEY, b""), type=State)
        sealed_rows, differing = list(stream)
    sealed, latest = LatestTable(believe_any_time=True, maximum=maximum_tag), LatestTable(maximum=maximum_tag)
    sealed.load(sealed_rows.select(ROWS.names), sealed_rows.column("rank").to_numpy())
    for rows in (sealed_rows, differing):
        latest.load(rows.select(ROWS.names), rows.column("rank").to_numpy())
    return state, sealed, latest


def snapshots(storage: Storage) -> list[str]:
    """All snapshot files, newest first."""
    return sorted((stored.name for stored in storage.names() if _NAME.match(stored.name)), reverse=True)


def newest_number(storage: Storage) -> int:
    """The highest number given to a file here; 0 where there is none."""
    return max((int(name[9:-6]) for name in snapshots(storage)), default=0)


def drop_old_snapshots(storage: Storage, number: int) -> None:
    """Remove the files before the last commit but one; `number` is the last commit's."""
    for name in snapshots(storage):
        if name < _name(number - 1):
            with contextlib.suppress(OSError):
                storage.delete(name)


def _name(number: int) -> str:
    return f"snapshot-{number:012}.arrow"


def _ranked(rows: pa.RecordBatch, rank: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([*rows.columns, rank], schema=_RANKED)
