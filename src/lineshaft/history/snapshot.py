"""The writer's state at one commit, in a file written just before it: what a start needs without reading the table.

A file counts only when the table holds the very sequence that is in it, so one of a commit that never happened is
passed over, and the one before it is still there. Files are numbered. The last two committed ones stay: whoever copies
the table's log first and this folder next has the one that belongs to the log.
"""

import contextlib
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from lineshaft.core.home import write_file
from lineshaft.history.lanes import Boot
from lineshaft.history.latest import LatestTable
from lineshaft.history.schema import ROWS

_RANKED = ROWS.append(pa.field("rank", pa.int64(), nullable=False))
_KEY = b"lineshaft"
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


def write_snapshot(folder: Path, state: State, sealed: pa.RecordBatch, latest: pa.RecordBatch, rank: Any) -> None:
    """Write state, newest sealed samples, and those latest samples that differ from them (with their ranks).

    Raises:
        OSError: the disk is full or refuses; nothing is left behind.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    schema = _RANKED.with_metadata({_KEY: msgspec.json.encode(state)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        stream.write_batch(_ranked(sealed, sealed.column("ts").cast(pa.int64())))
        stream.write_batch(_ranked(latest, pa.array(rank, pa.int64())))
    write_file(_path(folder, state.number), sink.getvalue().to_pybytes())


def read_snapshot(path: Path, maximum_tag: int) -> tuple[State, LatestTable, LatestTable]:
    """State, sealed and latest of one file.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    with pa.ipc.open_stream(path.read_bytes()) as stream:
        metadata = stream.schema.metadata or {}
        state = msgspec.json.decode(metadata.get(_KEY, b""), type=State)
        sealed_rows, differing = list(stream)
    sealed, latest = LatestTable(believe_any_time=True, maximum=maximum_tag), LatestTable(maximum=maximum_tag)
    sealed.load(sealed_rows.select(ROWS.names), sealed_rows.column("rank").to_numpy())
    for rows in (sealed_rows, differing):
        latest.load(rows.select(ROWS.names), rows.column("rank").to_numpy())
    return state, sealed, latest


def snapshots(folder: Path) -> list[Path]:
    """All snapshot files, newest first."""
    return sorted(folder.glob("snapshot-[0-9]*.arrow"), reverse=True)


def newest_number(folder: Path) -> int:
    """The highest number given to a file here; 0 where there is none."""
    return max((int(path.stem.rpartition("-")[2]) for path in snapshots(folder)), default=0)


def drop_old_snapshots(folder: Path, number: int) -> None:
    """Remove the files before the last commit but one; `number` is the last commit's."""
    for path in snapshots(folder):
        if path < _path(folder, number - 1):
            with contextlib.suppress(OSError):
                path.unlink()


def _path(folder: Path, number: int) -> Path:
    return folder / f"snapshot-{number:012}.arrow"


def _ranked(rows: pa.RecordBatch, rank: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([*rows.columns, rank], schema=_RANKED)
