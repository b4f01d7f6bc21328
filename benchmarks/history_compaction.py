"""Compaction: a day of 10-minute segments merged to day files and rolled up; DuckDB's sort and COPY in the same run.

Mixed data: 40 % analog with two decimals, 20 % 16-bit converters scaled to 100, 10 % each of set-point, counter, boolean
and full-mantissa noise; 0.1 % of the samples are Bad. The whole day is 1,000 tags at 1 Hz for 24 h, 86.4 M points; give
fewer tags or hours for a quick look. Each step runs in a process of its own; CPU is that process's user and system time,
memory its highest resident set. DuckDB gets the same segments, with one thread, and writes plain doubles.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CPU_MUST, RSS_MUST_MB, BYTES_MUST = 15.0, 1024, 1.3
DAY_POINTS = 86_400_000
SEGMENT_SECONDS = 600
START_US = 1_759_968_000_000_000
FAR_SECONDS = 10 * 365 * 86_400


KINDS = ("analog",) * 4 + ("adc",) * 2 + ("setpoint", "counter", "boolean", "noise")


def make(folder: Path, tags: int, hours: float) -> None:
    """Write the segments as a writer does, and name them in a table."""
    import numpy as np
    import pyarrow as pa

    from lineshaft.history.commits import Commit
    from lineshaft.history.encodings.hints import Hints
    from lineshaft.history.schema import ROWS, TIME
    from lineshaft.history.segment import write_segment
    from lineshaft.history.storage import LocalFolder
    from lineshaft.history.table import Table

    storage = LocalFolder(folder)
    samples = storage.child("samples")
    table = Table(samples, "samples")
    fence = table.claim("bench@now/0")
    random, hints, added = np.random.default_rng(7), Hints(), []
    seconds = np.arange(SEGMENT_SECONDS)
    level = random.normal(20, 5, tags)
    for number in range(round(hours * 3600 / SEGMENT_SECONDS)):
        start = START_US + number * SEGMENT_SECONDS * 1_000_000
        columns: dict[str, list[Any]] = {"v": [], "vb": []}
        for tag in range(tags):
            walk = level[tag] + np.cumsum(random.normal(0, 0.02, SEGMENT_SECONDS))
            level[tag] = walk[-1]
            kind = KINDS[tag % 10]
            values = {
                "analog": lambda walk=walk: np.round(walk, 2),
                "adc": lambda walk=walk: np.round(walk * 655.35) * 100 / 65535,
                "setpoint": lambda walk=walk: np.full(SEGMENT_SECONDS, np.round(walk[0])),
                "counter": lambda number=number: (number * SEGMENT_SECONDS + seconds).astype(float),
                "boolean": lambda: (seconds // 60 % 2).astype(float),
                "noise": lambda: random.normal(0, 1, SEGMENT_SECONDS),
            }[kind]()
            is_boolean = kind == "boolean"
            columns["v"].append(pa.nulls(SEGMENT_SECONDS, pa.float64()) if is_boolean else pa.array(values))
            columns["vb"].append(
                pa.array(values != 0) if is_boolean else pa.nulls(SEGMENT_SECONDS, pa.bool_())
            )  # fmt: skip
        count = tags * SEGMENT_SECONDS
        ts = np.tile(start + seconds * 1_000_000, tags)
        quality = np.where(random.random(count) < 0.001, 0x80310000, 0).astype(np.uint32)
        rows = pa.RecordBatch.from_arrays(
            [
                pa.array(np.repeat(np.arange(1, tags + 1, dtype=np.int32), SEGMENT_SECONDS)),
                pa.array(ts).cast(TIME), pa.array(ts + 40_000).cast(TIME), pa.concat_arrays(columns["v"]),
                pa.nulls(count, pa.int64()), pa.nulls(count, pa.string()), pa.concat_arrays(columns["vb"]),
                pa.array(quality),
            ],
            schema=ROWS,
        )  # fmt: skip
        added += write_segment(samples, "writer-0", rows, hints=hints)
    samples.sync()
    table.commit(Commit(fence=fence, sequence=1, add=added))


def maintain(folder: Path, work: str, memory_mb: int) -> None:
    """One run of maintenance, merging or rolling."""
    from lineshaft.history.maintenance import heap
    from lineshaft.history.maintenance.work import Options, run
    from lineshaft.history.storage import LocalFolder

    heap.keep_freed()
    options = Options(merge=work == "merge", roll=work == "roll", memory_mb=memory_mb, retired_seconds=FAR_SECONDS)
    outcome = run(LocalFolder(folder), options, lambda *_: None)
    assert not outcome.quarantined
    assert not outcome.repeated_rows
    print(json.dumps({"rows": outcome.merged_rows or outcome.rolled_rows}))


def peer(folder: Path) -> None:
    """DuckDB sorts the same rows and writes them to one file."""
    import duckdb

    files = [str(path) for path in sorted((folder / "samples").glob("writer-*.parquet"))]
    target = folder / "duckdb.parquet"
    with duckdb.connect() as connection:
        connection.execute("set threads=1; set memory_limit='4GB'; set preserve_insertion_order=false")
        connection.execute(
            "copy (select tag, ts, coalesce(v, vi * mul / div) as v, vb, q, arrival from read_parquet(?) order by tag, ts) "
            f"to '{target}' (format parquet, parquet_version v2, compression zstd, row_group_size 345600)",
            [files],
        )
    print(json.dumps({"bytes": target.stat().st_size}))


def size_of(folder: Path) -> tuple[int, int]:
    """Bytes and rows of the table's present files."""
    from lineshaft.history.storage import LocalFolder
    from lineshaft.history.table import Table

    segments = Table(LocalFolder(folder).child("samples"), "samples").segments()
    return sum(segment.size for segment in segments), sum(segment.rows for segment in segments)


def measured(step: str, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run a step in a process of its own; its CPU seconds, highest memory and what it printed."""
    argv = [
        sys.executable, __file__, "--step", step, "--folder", str(folder), "--tags", str(arguments.tags),
        "--hours", str(arguments.hours), "--memory", str(arguments.memory),
    ]  # fmt: skip
    started = time.perf_counter()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    assert process.returncode == 0, f"{step} ended with {process.returncode}"
    return {
        "cpu": usage.ru_utime + usage.ru_stime, "rss_mb": usage.ru_maxrss / 1024,
        "wall": time.perf_counter() - started, **(json.loads(said.splitlines()[-1]) if said else {}),
    }  # fmt: skip


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=int, default=1000)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--memory", type=int, default=1024, help="MB that maintenance plans with")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--step", choices=["make", "merge", "roll", "peer"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Print the figures; the last line is JSON."""
    arguments = parsed()
    if arguments.step == "make":
        make(arguments.folder, arguments.tags, arguments.hours)
    elif arguments.step in ("merge", "roll"):
        maintain(arguments.folder, arguments.step, arguments.memory)
    elif arguments.step == "peer":
        peer(arguments.folder)
    else:
        compare(arguments)


def compare(arguments: argparse.Namespace) -> None:
    """All steps, one after the other."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "history"
        measured("make", folder, arguments)
        before, points = size_of(folder)
        other = None if arguments.no_peer else measured("peer", folder, arguments)
        rolling = measured("roll", folder, arguments)
        merging = measured("merge", folder, arguments)
        after, still = size_of(folder)
    assert still == points, f"{points} rows before, {still} after"
    share = DAY_POINTS / points
    print(f"{points:,} points, {share:.2f} of them make the whole day; load {os.getloadavg()[0]:.1f}")
    for name, step in (("merge", merging), ("roll up", rolling), ("DuckDB sort", other)):
        if step is not None:
            rate = points / step["cpu"] / 1e6
            print(f"{name:12} {step['cpu']:6.1f} CPU-s, {rate:5.2f} M points per CPU-s, {step['rss_mb']:,.0f} MB")
    print(f"bytes per point {before / points:.3f} in segments, {after / points:.3f} merged")
    whole = points >= DAY_POINTS
    result = {
        "benchmark": "history_compaction", "points": points, "merge_cpu_s": round(merging["cpu"], 2),
        "merge_cpu_s_per_day": round(merging["cpu"] * share, 2), "merge_cpu_must": CPU_MUST,
        "merge_rss_mb": round(merging["rss_mb"]), "rss_must_mb": RSS_MUST_MB, "roll_cpu_s": round(rolling["cpu"], 2),
        "roll_rss_mb": round(rolling["rss_mb"]), "bytes_per_point_segments": round(before / points, 3),
        "bytes_per_point_merged": round(after / points, 3), "bytes_must": BYTES_MUST,
        "duckdb_cpu_s": None if other is None else round(other["cpu"], 2),
        "duckdb_bytes_per_point": None if other is None else round(other["bytes"] / points, 3),
        "merge_to_duckdb": None if other is None else round(merging["cpu"] / other["cpu"], 2),
        "ok": after / points <= BYTES_MUST and max(merging["rss_mb"], rolling["rss_mb"]) <= RSS_MUST_MB
        and (merging["cpu"] <= CPU_MUST if whole else True),
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
