"""Queries over files and hot rows: neighbours however far, hot over sealed, rollups only where they say the same."""

import random

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.history.query import engine as engines
from lineshaft.history.query.answer import Question
from lineshaft.history.query.engine import Engine
from lineshaft.history.query.gather import Need, Source, gather
from lineshaft.history.query.intervals import intervals_between
from lineshaft.history.query.model import AGGREGATES, Configuration, aggregate_named
from lineshaft.history.query.rolled import Rolled
from lineshaft.history.query.scan import Scanner, of_rows
from lineshaft.history.rollup import LEVELS, roll
from lineshaft.history.rollup_state import RollupState, Stale
from lineshaft.history.schema import TIME, microseconds
from lineshaft.history.sealed import Files
from lineshaft.history.segment import chosen, write_segment
from lineshaft.history.sorting import joined, ordered
from lineshaft.history.storage import LocalFolder
from lineshaft.history.testing import rows_of

SECOND = 1_000_000
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
START = 1_760_000_400 * SECOND
START -= START % (24 * HOUR)
FOREVER = 2**61


class Rollups:
    """Rollups made on demand from rows."""

    def __init__(self, rows: pa.RecordBatch) -> None:
        self.rows_of = {level: roll(rows, bucket_us) for level, bucket_us in LEVELS.items()}
        self.asked: list[str] = []

    def rows(self, level, tags, start_us, end_us, state):
        self.asked.append(level)
        buckets = self.rows_of[level]
        ts = microseconds(buckets.column("ts"))
        wanted = (ts >= start_us) & (ts < end_us) & np.isin(buckets.column("tag").to_numpy(), tags)
        return buckets.take(pa.array(np.flatnonzero(wanted)))


def history(tmp_path, batches, hot=(), **how) -> Engine:
    """Each batch as a file, the newest as hot rows."""
    storage = LocalFolder(tmp_path / "samples")
    storage.prepare()
    segments = [s for rows in batches if rows for s in write_segment(storage, "w", ordered([rows_of(rows)]))]
    columns = {name: np.array([getattr(segment, name) for segment in segments], np.int64)
               for name in ("size", "rows", "min_tag", "max_tag", "min_us", "max_us")}  # fmt: skip
    columns["sizes"] = columns.pop("size")
    files = Files(paths=[segment.path for segment in segments], **columns)
    hot = ordered([rows_of(list(hot))] if hot else [])
    return Engine(Source(Scanner(storage), files, of_rows(hot, whole=True)), **how)


def rolled(engine: Engine, batches, until: int, ranges=()) -> Engine:
    rows = ordered([rows_of([row for batch in batches for row in batch])])
    state = RollupState(number=1, until_us=until, version=1, seen=[], tables={})
    low, high = (np.array([one[at] for one in ranges], np.int64) for at in (0, 1))
    count = len(ranges)
    stale = Stale(low, high, np.zeros(count, np.int64), np.full(count, 2**31 - 1))
    return Engine(engine.source, None, Rolled(Rollups(rows), state, stale))


def asked(engine: Engine, name: str, start: int, end: int, interval: int, tags=(1,), stepped=(), **configured):
    question = Question(
        aggregate=aggregate_named(name), configuration=Configuration(**configured), stepped=frozenset(stepped)
    )  # fmt: skip
    numbers = np.array(tags, np.int32)
    return engine.processed(numbers, intervals_between(start, end, interval, len(tags)), question)


def series(tag: int, seed: int, count: int, step: int = 10 * SECOND, *, clean: bool = False):
    seeded = random.Random(seed)
    rows, ts = [], START
    for _ in range(count):
        ts += seeded.randrange(1, 2 * step)
        q = 0 if clean else seeded.choice((0,) * 30 + (0x40000000, 0x80310000))
        rows.append((tag, ts, round(seeded.uniform(-5, 5), 2), q))
    return rows


def same(one: pa.Table, other: pa.Table) -> None:
    assert one.column("tag").to_pylist() == other.column("tag").to_pylist()
    assert one.column("ts").to_pylist() == other.column("ts").to_pylist()
    assert codes(one) == codes(other)
    for name in ("v", "vi", "vs", "vb"):
        for got, wanted in zip(one.column(name).to_pylist(), other.column(name).to_pylist(), strict=True):
            assert got == wanted or got == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def codes(table: pa.Table) -> list[int]:
    """Without the bit MultipleValues, which rollups cannot know."""
    found = table.column("q").to_numpy()
    return np.where(found & 0x1F == 0x10, found & ~np.uint32(0x410), found & ~np.uint32(0x10)).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_rows_and_their_neighbours_are_the_same_however_they_lie_in_files_and_hot(tmp_path, seed):
    seeded = random.Random(seed)
    rows = [row for tag in (1, 2, 5) for row in series(tag, seed * 10 + tag, 60)]
    seeded.shuffle(rows)
    batches = [rows[at : at + 25] for at in range(0, 150, 25)]
    hot = [*rows[150:], *((tag, ts, -1.0, 0) for tag, ts, _, _ in rows[:10])]
    engine = history(tmp_path, batches, hot)
    whole = ordered([rows_of(rows), rows_of(hot)])
    tags = np.array([1, 2, 5], np.int32)
    for _ in range(12):
        start = START + seeded.randrange(0, 600) * SECOND
        end = start + seeded.randrange(0, 300) * SECOND
        need = Need(before=seeded.randrange(3), after=seeded.randrange(2), uncertain=seeded.random() < 0.5, whole=True)
        found = gather(engine.source, tags, start, end, need)
        assert found.rows is not None
        assert found.rows.equals(expected(whole, tags, start, end, need))


def expected(whole: pa.RecordBatch, tags, start: int, end: int, need: Need) -> pa.RecordBatch:
    """The same by looking at every row."""
    parts = []
    for tag in tags:
        mine = chosen(whole, np.array([tag]), -FOREVER, FOREVER)
        ts, usable = microseconds(mine.column("ts")), need.usable(of_rows(mine, whole=False))
        before, after = np.flatnonzero(ts < start), np.flatnonzero(ts >= end)
        keep = set(np.flatnonzero((ts >= start) & (ts < end)).tolist())
        if need.before:
            keep |= set(before[-1:].tolist()) | set([at for at in before if usable[at]][-need.before :])
        if need.after:
            keep |= set(after[:1].tolist()) | set([at for at in after if usable[at]][: need.after])
        parts.append(mine.take(pa.array(sorted(keep), pa.int64())))
    return joined(parts)


@pytest.mark.parametrize(
    "name", ["Average", "TimeAverage", "Minimum2", "Count", "End", "DurationGood", "Interpolative"]
)
def test_an_answer_does_not_depend_on_where_rows_lie_nor_on_how_much_is_read_at_once(tmp_path, monkeypatch, name):
    rows = [row for tag in (1, 2, 7) for row in series(tag, tag, 200)]
    split = [[row for row in rows if row[1] // (7 * MINUTE) % 4 == part] for part in range(3)]
    hot = [row for row in rows if row[1] // (7 * MINUTE) % 4 == 3]
    one = history(tmp_path / "one", [rows])
    other = history(tmp_path / "other", split, hot)
    between = START + 90 * SECOND, START + 31 * MINUTE
    wanted = asked(one, name, *between, 45 * SECOND, tags=(1, 2, 7), stepped=(2,))
    same(asked(other, name, *between, 45 * SECOND, tags=(1, 2, 7), stepped=(2,)), wanted)
    monkeypatch.setattr(engines, "_ROWS", 50)
    same(asked(other, name, *between, 45 * SECOND, tags=(1, 2, 7), stepped=(2,)), wanted)
    backward = asked(other, name, *between[::-1], 45 * SECOND, tags=(1, 2, 7), stepped=(2,))
    monkeypatch.setattr(engines, "_ROWS", 10**6)
    same(backward, asked(one, name, *between[::-1], 45 * SECOND, tags=(1, 2, 7), stepped=(2,)))


ROLLED = [
    "Average", "Count", "Minimum", "Maximum", "MinimumActualTime", "MaximumActualTime", "Range", "Delta",
    "StandardDeviationSample", "StandardDeviationPopulation", "VarianceSample", "VariancePopulation", "TimeAverage",
    "Total", "TimeAverage2", "Total2", "DurationGood", "DurationBad", "PercentGood", "PercentBad",
]  # fmt: skip


@pytest.mark.parametrize("name", ROLLED)
def test_an_answer_out_of_rollups_is_that_of_the_samples_and_says_so(tmp_path, name):
    rows = [*series(1, 5, 700, clean=True), *series(2, 6, 700)]
    engine = history(tmp_path, [rows])
    lasting = rolled(engine, [rows], START + 48 * HOUR)
    for interval, level in ((5 * MINUTE, "rollup_1min"), (HOUR, "rollup_1h")):
        between = START, START + (3 * HOUR if level == "rollup_1h" else 2 * HOUR)
        for configured in ({}, {"treat_uncertain_as_bad": False}):
            wanted = asked(engine, name, *between, interval, tags=(1, 2), stepped=(2,), **configured)
            found = asked(lasting, name, *between, interval, tags=(1, 2), stepped=(2,), **configured)
            same(found, wanted)
            said = found.schema.metadata[b"source"].decode().split("+")
            assert set(said) <= {"raw", level}
            if level == "rollup_1min":
                assert level in said
            assert wanted.schema.metadata[b"source"] == b"raw"


@pytest.mark.parametrize("name", AGGREGATES)
def test_no_aggregate_is_different_with_rollups(tmp_path, name):
    rows = series(1, 9, 400)
    engine = history(tmp_path, [rows])
    between = START + MINUTE, START + 91 * MINUTE
    same(
        asked(rolled(engine, [rows], START + HOUR), name, *between, 10 * MINUTE),
        asked(engine, name, *between, 10 * MINUTE),
    )


def test_buckets_that_are_stale_or_touched_by_hot_rows_or_not_rolled_yet_are_left_to_the_samples(tmp_path):
    old = series(1, 3, 2000, clean=True)
    late = [(1, START + 35 * MINUTE + 3, 99.0, 0)]
    hot = [(1, START + 95 * MINUTE + 3, -99.0, 0)]
    engine = history(tmp_path, [old, late], hot)
    lasting = rolled(engine, [old], START + 2 * HOUR, ranges=[(late[0][1], late[0][1])])
    between = START, START + 3 * HOUR
    for name in ("Maximum", "Minimum", "Average", "Count"):
        found = asked(lasting, name, *between, 10 * MINUTE)
        same(found, asked(engine, name, *between, 10 * MINUTE))
        assert found.schema.metadata[b"source"] == b"raw+rollup_1min"
    assert 99.0 in asked(lasting, "Maximum", *between, 10 * MINUTE).column("v").to_pylist()
    assert -99.0 in asked(lasting, "Minimum", *between, 10 * MINUTE).column("v").to_pylist()


def test_samples_that_are_changed_before_anybody_sees_them_are_never_taken_from_rollups(tmp_path):
    rows = series(1, 3, 2000, clean=True)
    engine = history(tmp_path, [rows], (), change=lambda rows: rows.take(pa.array(range(0, len(rows), 2))))
    found = asked(engine, "Count", START, START + 3 * HOUR, 10 * MINUTE)
    full = asked(history(tmp_path / "full", [rows]), "Count", START, START + 3 * HOUR, 10 * MINUTE)
    assert sum(found.column("v").to_pylist()) < 0.6 * sum(full.column("v").to_pylist())


def test_values_of_samples_keep_their_kind(tmp_path):
    rows = [(1, START, 2**60 + 1), (2, START, True), (3, START, "open"), (4, START, 0.5)]
    rows += [(tag, ts + 10 * SECOND, {1: 7, 2: False, 3: "shut", 4: 1.5}[tag]) for tag, ts, _ in rows]
    engine = history(tmp_path, [rows])
    found = asked(engine, "End", START, START + 20 * SECOND, 10 * SECOND, tags=(1, 2, 3, 4), stepped=(1, 2, 3))
    cells = found.select(["v", "vi", "vs", "vb"]).to_pylist()
    assert [next(value for value in cell.values() if value is not None) for cell in cells] == [
        2**60 + 1, 7, True, False, "open", "shut", 0.5, 1.5,
    ]  # fmt: skip
    tags = np.array([1, 2, 3, 4], np.int32)
    times = np.array([START + 15 * SECOND, START + 5 * SECOND, START - 1])
    at = engine.at(tags, times, "interpolated", Configuration(), frozenset((1, 2, 3)))
    assert at.column("vs").to_pylist()[6:9] == ["shut", "open", None]
    assert at.column("v").to_pylist()[9:] == [1.5, 1.0, None]
    assert at.column("q").to_pylist()[8] == 0x809B0000
    previous = engine.at(tags, times, "previous", Configuration(), frozenset())
    assert previous.column("v").to_pylist()[9:] == [1.5, 0.5, None]
    shown = previous.column("sample_ts").cast(pa.int64()).to_pylist()
    assert shown[:3] == [START + 10 * SECOND, START, None]


def test_windows_hold_the_rows_around_each_event_and_may_overlap(tmp_path):
    rows = [(tag, START + second * SECOND, float(second)) for tag in (1, 2) for second in range(0, 100, 10)]
    engine = history(tmp_path, [rows])
    events = np.array([START + 50 * SECOND, START + 45 * SECOND, START + 10**6 * SECOND])
    found = engine.windows(np.array([1, 2], np.int32), events, 10 * SECOND, 10 * SECOND)
    assert found.select(["event", "tag", "offset", "v"]).to_pylist() == [
        {"event": event, "tag": tag, "offset": offset * SECOND, "v": value}
        for event, offsets in ((0, ((-10, 40.0), (0, 50.0))), (1, ((-5, 40.0), (5, 50.0))))
        for tag in (1, 2)
        for offset, value in offsets
    ]
    assert found.schema.field("ts").type == TIME
