"""Many open segments: what a commit costs the writer's committing process, and how long a start takes, at 2,000 files.

Segments of 1,000 rows each are committed one by one through the process that commits for the writer, as a seal does it;
the last 100 commits count. Then the table is claimed and the writer is opened anew, as after a restart. The peer is the
Delta library itself: the same commits with `write_deltalake`, which neither fences nor syncs.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import msgspec
import pyarrow as pa

from lineshaft.bus import StoredMessage
from lineshaft.history import memory
from lineshaft.history.commits import Commit, Segment
from lineshaft.history.committer import Committer
from lineshaft.history.segment import write_segment
from lineshaft.history.settings import HistorySettings
from lineshaft.history.storage import LocalFolder
from lineshaft.history.testing import START_US, LaneMessages, rows_of
from lineshaft.history.writer import Writer

COMMIT_MUST_MS, START_MUST_S = 40.0, 2.0
CREATED = "2026-01-01T00:00:00Z"
ROWS, COUNTED = 1000, 100
STEP_US = 600_000_000


def segments(folder: Path, count: int) -> list[Segment]:
    """Files of ten minutes each; all of one content but their times, which is what a log knows of them."""
    samples = LocalFolder(folder).child("samples")
    samples.prepare()
    rows = rows_of([(1 + index % 100, START_US + index // 100 * 1_000_000, index / 4) for index in range(ROWS)])
    rows = rows.take(pa.array(sorted(range(ROWS), key=lambda index: (index % 100, index))))
    (first,) = write_segment(samples, "writer-0", rows)
    data = samples.read(first.path)
    found = [first]
    for number in range(1, count):
        name = first.path.replace(".parquet", f"{number:06}.parquet")
        (folder / "samples" / name).write_bytes(data)
        shift = number * STEP_US
        found.append(
            msgspec.structs.replace(first, path=name, min_us=first.min_us + shift, max_us=first.max_us + shift)
        )
    return found


async def commits(folder: Path, files: list[Segment]) -> tuple[list[float], list[float]]:
    """Wall and CPU milliseconds of the last commits, each of one file."""
    committer = Committer(LocalFolder(folder))
    answer = await committer.claim("samples", f"TELEMETRY@{CREATED}/0")
    fence = answer.fence
    assert fence is not None
    wall, cpu = [], []
    for number, segment in enumerate(files, 1):
        assert committer.pid is not None
        began, spent = time.perf_counter(), cpu_of(committer.pid)
        await committer.commit("samples", Commit(fence=fence, sequence=number, add=[segment]))
        wall.append((time.perf_counter() - began) * 1000)
        cpu.append((cpu_of(committer.pid) - spent) * 1000)
        fence = msgspec.structs.replace(fence, sequence=number)
    await committer.close()
    return wall[-COUNTED:], cpu[-COUNTED:]


def cpu_of(pid: int) -> float:
    """CPU seconds of a process, to the nanosecond: /proc/PID/stat counts in hundredths."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


async def start(folder: Path, committed: int) -> tuple[float, float]:
    """Wall seconds until a writer has the tables: where the snapshot was lost, and as after an ordinary restart."""

    async def bury(message: StoredMessage, reason: str) -> None:
        raise AssertionError(f"{message.sequence}: {reason}")

    storage, took = LocalFolder(folder), []
    for _ in range(2):
        began = time.perf_counter()
        writer = Writer(HistorySettings(), storage, Committer(storage), bury)
        await writer.open("TELEMETRY", CREATED)
        took.append(time.perf_counter() - began)
        if len(took) == 1:  # a seal leaves the snapshot that an ordinary restart finds
            lane = LaneMessages(position=lambda: committed + 1)
            await writer.take(lane.next([(1, START_US - STEP_US, 1.0)]))
            await writer.seal()
        await writer.close()
    return took[0], took[1]


def peer(folder: Path, count: int) -> float:
    """Median milliseconds of the library's own appends to a table with so many files."""
    from deltalake import write_deltalake

    table = pa.table({"tag": pa.array([1], pa.int32()), "v": [1.5]})
    took = []
    for _ in range(count):
        began = time.perf_counter()
        write_deltalake(str(folder), table, mode="append")
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took[-COUNTED:])


async def measure(count: int, *, with_peer: bool) -> None:
    """Print the figures; the last line is JSON."""
    memory.economise()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "history"
        files = segments(folder, count)
        wall, cpu = await commits(folder, files)
        rebuilt, started = await start(folder, count)
        other = peer(Path(place) / "peer", count) if with_peer else None
    commit = statistics.median(wall)
    print(f"{count:,} segments; last {len(wall)} commits; load {os.getloadavg()[0]:.1f}")
    print(f"commit {commit:.1f} ms median, {max(wall):.1f} ms slowest; {statistics.median(cpu):.1f} ms CPU median")
    print(f"start {started:.2f} s; {rebuilt:.2f} s where the snapshot is lost and every file is read")
    if other is not None:
        print(f"write_deltalake {other:.1f} ms median, without fence or sync")
    print(json.dumps({
        "benchmark": "history_segments", "segments": count, "commit_ms": round(commit, 2),
        "commit_must_ms": COMMIT_MUST_MS, "commit_slowest_ms": round(max(wall), 2),
        "commit_cpu_ms": round(statistics.median(cpu), 2), "start_s": round(started, 3), "start_must_s": START_MUST_S,
        "start_without_snapshot_s": round(rebuilt, 3),
        "library_commit_ms": None if other is None else round(other, 2),
        "ok": commit <= COMMIT_MUST_MS and started <= START_MUST_S,
    }))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=2000)
    parser.add_argument("--no-peer", action="store_true")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.segments, with_peer=not arguments.no_peer))


if __name__ == "__main__":
    main()
