"""A history of many open segments: what a commit costs, and what opening the table costs.

A table is filled to 2,000 files; then segments of 1,000 rows are committed one by one as a seal does it (refresh, fence,
commit, log durable). Counted per commit: wall and processor time. Opening is measured in processes of their own: the
committing process with its claim (`start`), and a reader that asks for the files of the newest version (`reader`).
    folder   this disk, each commit brought to it
    store    the same in an object store on this machine (with --store)
    peer     the Delta library's own append of the same rows to as many files: no fence, nothing brought to the disk
Last line: one JSON object.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from lineshaft.history.commits import Commit, Fence, Segment
from lineshaft.history.schema import to_segment
from lineshaft.history.segment import write_segment
from lineshaft.history.sorting import ordered
from lineshaft.history.storage import LocalFolder, Storage
from lineshaft.history.table import Table
from lineshaft.history.testing import START_US, rows_of
from lineshaft.history.testing_s3 import object_store, program

TARGET_COMMIT_MS = 40.0
TARGET_START_SECONDS = 2.0
ROWS = 1000
TOGETHER = 20

_OPEN = """
import sys, time, resource, msgspec
from lineshaft.history.storage import Place, open_storage
storage = open_storage(msgspec.json.decode(sys.argv[1], type=Place))
began, spent = time.monotonic(), time.process_time()
if sys.argv[2] == "start":
    from lineshaft.history.table import Table
    table = Table(storage.child("samples"), "samples")
    table.claim("STREAM@x/0")
    count = len(table.segments())
else:
    from lineshaft.history.sealed import SealedTable
    table = SealedTable(storage, "samples")
    count = len(table.files(table.newest("")[0]).paths)
rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(count, time.monotonic() - began, time.process_time() - spent, rss)
"""


def batch(number: int) -> pa.RecordBatch:
    start = START_US + number * ROWS * 1_000_000
    return ordered([rows_of([(1 + n % 10, start + n * 1000, float(n)) for n in range(ROWS)])])


def invented(number: int) -> Segment:
    """A file that the log names and nobody reads."""
    start = START_US + number * ROWS * 1_000_000
    return Segment(
        path=f"writer-0-{number:026}.parquet", size=9000, rows=ROWS, min_tag=1, max_tag=10, min_us=start,
        max_us=start + ROWS * 1000,
    )  # fmt: skip


def fill(table: Table, fence: Fence, files: int) -> Fence:
    for number in range(files // TOGETHER):
        added = [invented(number * TOGETHER + n) for n in range(TOGETHER)]
        table.commit(Commit(fence=fence, sequence=number + 1, add=added))
        fence = msgspec.structs.replace(fence, sequence=number + 1)
    return fence


def measure(storage: Storage, files: int, commits: int) -> dict[str, Any]:
    place = storage.child("samples")
    table = Table(place, "samples")
    fence = fill(table, table.claim("STREAM@x/0"), files)
    walls, spent = [], []
    for number in range(commits):
        written = write_segment(place, "writer-0", batch(files + number))
        sequence = (fence.sequence or 0) + 1
        began, used = time.monotonic(), time.process_time()
        place.sync()
        table.commit(Commit(fence=fence, sequence=sequence, add=written))
        walls.append(1000 * (time.monotonic() - began))
        spent.append(1000 * (time.process_time() - used))
        fence = msgspec.structs.replace(fence, sequence=sequence)
    opened = {kind: opening(storage, kind) for kind in ("start", "reader")}
    return {
        "files": len(table.segments()), "commit_ms_median": round(statistics.median(walls), 1),
        "commit_ms_max": round(max(walls), 1), "commit_cpu_ms_median": round(statistics.median(spent), 1),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, **opened,
    }  # fmt: skip


def opening(storage: Storage, kind: str) -> dict[str, Any]:
    command = [sys.executable, "-c", _OPEN, msgspec.json.encode(storage.place).decode(), kind]
    count, wall, spent, rss = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return {"files": int(count), "seconds": round(float(wall), 3), "cpu": round(float(spent), 3), "rss_mb": int(rss)}


def peer(folder: Path, files: int, commits: int) -> dict[str, Any]:
    """The library alone, filled by many files at once where that is possible."""
    path = str(folder)
    write_deltalake(path, pa.Table.from_batches([to_segment(batch(0))]))
    table = DeltaTable(path)
    for number in range(1, files // TOGETHER):
        actions = [_action(number * TOGETHER + n) for n in range(TOGETHER)]
        table.create_write_transaction(actions, "append", table.schema())
        table.update_incremental()
    walls = []
    for number in range(commits):
        rows = pa.Table.from_batches([to_segment(batch(files + number))])
        began = time.monotonic()
        write_deltalake(table, rows, mode="append")
        walls.append(1000 * (time.monotonic() - began))
    return {"append_ms_median": round(statistics.median(walls), 1), "append_ms_max": round(max(walls), 1)}


def _action(number: int) -> Any:
    from deltalake.transaction import AddAction

    file = invented(number)
    return AddAction(file.path, file.size, {}, START_US // 1000, True, json.dumps({"numRecords": ROWS}))  # noqa: FBT003


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--commits", type=int, default=100)
    parser.add_argument("--store", action="store_true", help="also in an object store")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="history-files-") as name:
        folder = Path(name)
        found["folder"] = measure(LocalFolder(folder / "ours"), options.files, options.commits)
        print("folder", found["folder"])
        found["peer"] = peer(folder / "peer", options.files, options.commits)
        print("peer", found["peer"])
        if options.store and program() is not None:
            with object_store(folder / "store") as store:
                found["store"] = measure(store.storage("many/history"), options.files, options.commits)
            print("store", found["store"])
    ours = found["folder"]
    met = ours["commit_cpu_ms_median"] <= TARGET_COMMIT_MS and ours["start"]["seconds"] <= TARGET_START_SECONDS
    print(
        f"bars: commit ≤ {TARGET_COMMIT_MS} ms of processor time, start ≤ {TARGET_START_SECONDS} s: {'met' if met else 'missed'}"
    )
    print(json.dumps({"benchmark": "history_files", "met": met, **found}))


if __name__ == "__main__":
    main()
