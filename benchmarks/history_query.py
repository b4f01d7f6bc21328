"""The four queries of a historian over day files, against a DuckDB table sorted by (tag, ts) in the same run.

A day of tags at 1 Hz: 40 % analog with two decimals, 20 % ADC, 10 % each set-points, counters, booleans and noise.
Lineshaft reads Parquet as a day's merge leaves it, through the code that answers queries: a row group for each tag, or
for four where times of arrival jitter (`--jitter` microseconds). DuckDB reads its own file, without arrival. Both have one thread and warm caches. CPU seconds of this process, median of the repeats.

Run: `make bench NAME=history_query`, or python benchmarks/history_query.py --tags 100 --hours 24
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from lineshaft.history.latest import LatestTable
from lineshaft.history.query.answer import Question
from lineshaft.history.query.engine import Engine
from lineshaft.history.query.gather import Need, Source, gather
from lineshaft.history.query.intervals import intervals_between
from lineshaft.history.query.model import Configuration, aggregate_named
from lineshaft.history.query.rolled import Rolled
from lineshaft.history.query.scan import Scanner, of_rows
from lineshaft.history.rollup import HOUR_US, roll
from lineshaft.history.rollup_state import RollupState, Stale
from lineshaft.history.rollup_table import read_buckets
from lineshaft.history.schema import ROWS, TIME, empty_rows
from lineshaft.history.sealed import Files
from lineshaft.history.segment import write_segment
from lineshaft.history.storage import LocalFolder

SECOND = 1_000_000
DAY_US = 86_400 * SECOND
START = 1_759_968_000 * SECOND
TAGS_PER_FILE = 40
YEAR_HOURS = 8760


def values(kind: int, count: int, seeded: np.random.Generator) -> np.ndarray:
    """A tag's day: four analogs, two ADCs, a set-point, a counter, a switch and noise in every ten tags."""
    walk = np.cumsum(seeded.normal(0, 0.05, count))
    if kind < 4:
        return np.round(50 + walk, 2)
    if kind < 6:
        return np.clip(30_000 + 100 * walk, 0, 65_535).astype(np.int64) * (100 / 65_535)
    if kind == 6:
        return np.repeat(seeded.uniform(0, 100, count // 1800 + 1).round(1), 1800)[:count]
    if kind == 7:
        return np.cumsum(seeded.integers(0, 3, count)).astype(float)
    return (walk > 0).astype(float) if kind == 8 else 50 + walk


def rows_of(first: int, stop: int, count: int, jitter_us: int = 0) -> pa.RecordBatch:
    """Samples of tags first to stop, by (tag, ts); all of one scan arrive at one time."""
    seeded = np.random.default_rng(first)
    came = START + np.arange(count) * SECOND + np.random.default_rng(0).integers(0, jitter_us + 1, count)
    arrival = pa.array(np.tile(came, stop - first)).cast(TIME)
    ts = pa.array(np.tile(START + np.arange(count) * SECOND, stop - first)).cast(TIME)
    value = np.concatenate([values(tag % 10, count, seeded) for tag in range(first, stop)])
    q = np.where(seeded.random(len(value)) < 0.001, 0x80310000, 0).astype(np.uint32)
    nothing = [pa.nulls(len(value), ROWS.field(name).type) for name in ("vi", "vs", "vb")]
    tag = pa.array(np.repeat(np.arange(first, stop, dtype=np.int32), count))
    return pa.RecordBatch.from_arrays([tag, ts, arrival, pa.array(value), *nothing, pa.array(q)], schema=ROWS)


def build(folder: Path, tags: int, count: int, jitter_us: int = 0) -> tuple[Engine, Any]:
    """The day as files and as a table of DuckDB."""
    storage = LocalFolder(folder / "samples")
    storage.prepare()
    database = duckdb.connect(str(folder / "peer.duckdb"), config={"threads": 1})
    database.execute("create table samples (tag integer, ts timestamp, v double, q uinteger)")
    segments = []
    for first in range(1, tags + 1, TAGS_PER_FILE):
        rows = rows_of(first, min(first + TAGS_PER_FILE, tags + 1), count, jitter_us)
        segments += write_segment(storage, "day", rows, tags_per_group=4)
        given = pa.Table.from_batches([rows]).select(["tag", "ts", "v", "q"])
        database.register("given", given)
        database.execute("insert into samples select tag, ts at time zone 'UTC', v, q from given order by tag, ts")
        database.unregister("given")
    database.execute("checkpoint")
    columns = {
        name: np.array([getattr(segment, name) for segment in segments], np.int64)
        for name in ("rows", "min_tag", "max_tag", "min_us", "max_us")
    }
    sizes = np.array([segment.size for segment in segments], np.int64)
    files = Files(paths=[segment.path for segment in segments], sizes=sizes, **columns)
    return Engine(Source(Scanner(storage), files, of_rows(empty_rows(), whole=True))), database


class YearOfHours:
    """`rollup_1h` of a year in one file, as `RolledTables` reads it."""

    def __init__(self, folder: Path, tags: int) -> None:
        import pyarrow.parquet as pq

        self.storage = LocalFolder(folder)
        count = YEAR_HOURS * tags
        hour = START + np.tile(np.arange(YEAR_HOURS), tags) * HOUR_US
        tag = np.repeat(np.arange(1, tags + 1, dtype=np.int32), YEAR_HOURS)
        ts, value = pa.array(hour).cast(TIME), np.random.default_rng(0).normal(50, 5, count)
        nothing = [pa.nulls(count, ROWS.field(name).type) for name in ("vi", "vs", "vb")]
        q = pa.array(np.zeros(count, np.uint32))
        rows = pa.RecordBatch.from_arrays([pa.array(tag), ts, ts, pa.array(value), *nothing, q], schema=ROWS)
        pq.write_table(
            pa.Table.from_batches([roll(rows, HOUR_US)]), folder / "hours.parquet", row_group_size=8 * YEAR_HOURS,
            compression="zstd",
        )  # fmt: skip

    def rows(self, level: str, tags: np.ndarray, start_us: int, end_us: int, state: RollupState) -> pa.RecordBatch:
        return read_buckets(self.storage, "hours.parquet", tags, start_us, end_us)


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def timed(work: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Median (CPU ms, wall ms) of a warm call."""
    work()
    taken = []
    for _ in range(repeats):
        began, wall = cpu(), time.perf_counter()
        work()
        taken.append((cpu() - began, time.perf_counter() - wall))
    return tuple(statistics.median(one[at] for one in taken) * 1000 for at in (0, 1))  # type: ignore[return-value]


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--tags", type=int, default=1000)
    options.add_argument("--hours", type=int, default=24)
    options.add_argument("--repeats", type=int, default=9)
    options.add_argument("--jitter", type=int, default=0, help="microseconds by which scans arrive later, at random")
    chosen = options.parse_args()
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory(prefix="lineshaft-query-") as folder:
        figures = measure(Path(folder), chosen.tags, chosen.hours * 3600, chosen.repeats, chosen.jitter)
    print(json.dumps(figures))


def measure(folder: Path, tags: int, count: int, repeats: int, jitter_us: int = 0) -> dict[str, Any]:
    began = time.perf_counter()
    engine, database = build(folder, tags, count, jitter_us)
    print(f"{tags} tags, {tags * count:,} samples, built in {time.perf_counter() - began:.0f} s")
    one = np.array([tags // 2 + 1], np.int32)
    hour = START + max(0, count // 2 - 1800) * SECOND
    spread = np.unique(np.linspace(1, tags, 10).astype(np.int32))
    end = START + count * SECOND
    minutes = intervals_between(START, end, 60 * SECOND, len(spread))

    def question(name: str) -> Question:
        return Question(aggregate=aggregate_named(name), configuration=Configuration(), stepped=frozenset())

    year = Engine(engine.source, None, Rolled(
        YearOfHours(folder, min(tags, 100)),  # type: ignore[arg-type]
        RollupState(number=1, until_us=START + 400 * DAY_US, version=0, seen=[], tables={}),
        Stale(*(np.empty(0, np.int64),) * 4),
    ))  # fmt: skip
    days = intervals_between(START, START + YEAR_HOURS * HOUR_US, DAY_US)
    table = LatestTable()
    table.update(rows_of(1, tags + 1, 1))
    numbers = range(1, tags + 1)
    between = f"epoch_us(ts) >= {hour} and epoch_us(ts) < {hour + 3600 * SECOND}"
    from_ts, to_ts = (f"make_timestamp({moment})" for moment in (hour, hour + 3600 * SECOND))
    between = f"ts >= {from_ts} and ts < {to_ts}"
    listed = ", ".join(map(str, spread.tolist()))
    peer = {
        "raw_hour": f"select ts, v, q from samples where tag = {one[0]} and {between} order by ts",
        "downsample": f"select tag, time_bucket(interval 60 seconds, ts) as at, avg(v) filter (q < 1073741824) from samples "
        f"where tag in ({listed}) group by all order by all",
    }
    ours: dict[str, Callable[[], Any]] = {
        "raw_hour": lambda: gather(engine.source, one, hour, hour + 3600 * SECOND, Need(whole=True)).rows,
        "downsample": lambda: engine.processed(spread, minutes, question("Average")),
        "downsample_time_average": lambda: engine.processed(spread, minutes, question("TimeAverage2")),
        "latest": lambda: table.rows(numbers),
        "year_from_rollups": lambda: year.processed(one[:1] * 0 + 1, days, question("Average")),
        "year_maximum": lambda: year.processed(one[:1] * 0 + 1, days, question("Maximum")),
    }
    check(engine, database, spread, minutes, question("Average"), peer["downsample"])
    figures: dict[str, Any] = {"tags": tags, "samples": tags * count}
    for name, work in ours.items():
        spent, wall = timed(work, repeats)
        figures[name] = {"cpu_ms": round(spent, 2), "wall_ms": round(wall, 2)}
        line = f"{name:24} {spent:8.2f} ms CPU {wall:8.2f} ms wall"
        if name in peer:
            theirs, their_wall = timed(lambda name=name: database.execute(peer[name]).to_arrow_table(), repeats)  # type: ignore[misc]
            figures[name] |= {"peer_cpu_ms": round(theirs, 2), "ratio": round(spent / theirs, 2)}
            line += f"   DuckDB {theirs:8.2f} ms CPU {their_wall:8.2f} ms wall   ratio {spent / theirs:.2f}"
        print(line)
    database.close()
    return figures


def check(engine: Engine, database: Any, tags: np.ndarray, minutes: Any, question: Question, sql: str) -> None:
    """Both give the same averages."""
    mine = engine.processed(tags, minutes, question).column("v").to_numpy()
    theirs = database.execute(sql).to_arrow_table().column(2).to_numpy()
    assert np.allclose(mine, theirs, rtol=1e-9), "the two do not agree"


if __name__ == "__main__":
    main()
