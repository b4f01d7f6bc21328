"""Maintenance: the merge changes no bit, rollups never give a stale answer, retention removes what it may and no more.

Tables are made of small files as a writer makes them; the maintainer runs in this process, or is killed in its own.
"""

import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.core.errors import Conflict, InvalidInput, Unavailable
from lineshaft.history.commits import Commit, Fence, Segment
from lineshaft.history.gaps import read_gaps
from lineshaft.history.maintenance import lease
from lineshaft.history.maintenance.owned import OwnedTable
from lineshaft.history.maintenance.plan import OWNERS
from lineshaft.history.maintenance.quarantine import quarantined
from lineshaft.history.maintenance.retention import Expired, Kept, Rule, expired
from lineshaft.history.maintenance.sources import Sources, interleaved
from lineshaft.history.maintenance.work import Options, Outcome, run
from lineshaft.history.rollup import DAY_US, DENSE_ROWS, HOUR_US, LEVELS, roll
from lineshaft.history.rollup_state import stale
from lineshaft.history.rollup_table import RolledTables
from lineshaft.history.sealed import SealedTable
from lineshaft.history.segment import read_segment, write_segment
from lineshaft.history.sorting import ordered
from lineshaft.history.storage import LocalFolder
from lineshaft.history.table import Table
from lineshaft.history.testing import BAD, START_US, Sample, listed, rows_of

DAY = START_US // DAY_US * DAY_US
QUIET = Options(retired_seconds=0, settle_us=0)


class Box:
    """A table of samples, and a writer that puts files into it."""

    def __init__(self, folder: Path) -> None:
        self.storage = LocalFolder(folder)
        self.samples = self.storage.child("samples")
        self.table = Table(self.samples, "samples")
        self._fence: Fence = self.table.claim("stream@now/0")
        self.rows: dict[tuple[int, int], Sample] = {}

    def write(self, rows: list[Sample], **how: Any) -> list[Segment]:
        """One more file; what is in the table already must not be in it again."""
        added = write_segment(self.samples, "writer-0", ordered([rows_of(rows)]), **how)
        self.commit(added, [])
        self.rows |= {row[:2]: row for row in rows}
        return added

    def commit(self, add: list[Segment], remove: list[str]) -> None:
        sequence = (self._fence.sequence or 0) + 1
        self.table.commit(Commit(fence=self._fence, sequence=sequence, add=add, remove=remove))
        self._fence = msgspec.structs.replace(self._fence, sequence=sequence)

    def maintain(self, **options: Any) -> Outcome:
        return run(self.storage, msgspec.structs.replace(QUIET, **options), lambda *_: None)

    def segments(self) -> list[Segment]:
        self.table.refresh()
        return self.table.segments()

    def stored(self) -> list[Sample]:
        """Every row of the newest version, by (tag, time); one that is there twice comes twice."""
        found = listed(read_segment(self.samples, segment.path) for segment in self.segments())
        return sorted(found, key=lambda row: row[:2])

    def expected(self) -> list[Sample]:
        return [(*row[:3], row[3] if len(row) > 3 else 0) for _, row in sorted(self.rows.items())]

    def answered(self, level: Any) -> dict[tuple[int, int], dict[str, Any]]:
        """Buckets of a level that may be used, by (tag, beginning)."""
        tables = RolledTables(self.storage)
        state = tables.state()
        if state is None:
            return {}
        self.table.refresh()
        changed = stale(SealedTable(self.storage, "samples").files(self.table.version), state)
        found = {}
        for row in plain(tables.rows(level, None, -(2**62), 2**62, state)):
            end = row["ts"] + LEVELS[level]
            if not any(low < end and high >= row["ts"] for low, high in changed.ranges(row["tag"])):
                found[row["tag"], row["ts"]] = row
        return found

    def oracle(self, level: Any) -> dict[tuple[int, int], dict[str, Any]]:
        rows = ordered([rows_of(self.expected())])
        return {(row["tag"], row["ts"]): row for row in plain(roll(rows, LEVELS[level]))}


def plain(buckets: pa.RecordBatch) -> list[dict[str, Any]]:
    table = {
        name: (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
        for name, column in zip(buckets.schema.names, buckets.columns, strict=True)
    }
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def same_buckets(found: dict[Any, dict[str, Any]], wanted: dict[Any, dict[str, Any]]) -> None:
    for key, row in found.items():
        for name, value in row.items():
            other = wanted[key][name]
            assert value == other or value == pytest.approx(other, rel=1e-9, abs=1e-6), (key, name)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path / "history")


def minutes(tags: range, start_us: int, count: int, *, step_us: int = 60_000_000) -> list[Sample]:
    return [
        (tag, start_us + number * step_us, tag * 10 + number % 7 + 0.25, BAD if number % 11 == 0 else 0)
        for tag in tags
        for number in range(count)
    ]


def test_small_files_become_one_of_their_day_with_every_bit_as_it_was(box: Box) -> None:
    odd = [-0.0, 5e-324, 2.0**53 + 1, 1e308, -1.5, 3, True, "open", float("inf")]
    for number in range(12):
        box.write([
            *minutes(range(1, 9), DAY + number * 600_000_000, 10),
            *((20, DAY + number * 600_000_000 + index, value) for index, value in enumerate(odd)),
        ])  # fmt: skip
    before = [row.hex() if isinstance(row, float) else row for _, _, row, _ in box.stored()]
    outcome = box.maintain()
    assert (outcome.merges, outcome.repeated_rows, outcome.merged_rows) == (1, 0, len(box.rows))
    assert [row.hex() if isinstance(row, float) else row for _, _, row, _ in box.stored()] == before
    assert all(segment.path.startswith(OWNERS["day"]) for segment in box.segments())
    rows = listed(read_segment(box.samples, box.segments()[0].path))
    assert rows == sorted(rows, key=lambda row: row[:2])
    assert box.maintain().merges == 0


def test_no_new_file_crosses_midnight_or_holds_more_rows_than_memory_allows(box: Box) -> None:
    for number in range(6):
        box.write(minutes(range(1, 30), DAY + DAY_US - 2 * HOUR_US + number * HOUR_US, 60))
    segments = box.segments()
    with Sources(box.samples, segments) as sources:
        slabs = sources.slabs(300)
        parts = [sources.read(slab) for slab in slabs]
        sources.check_all_given()
    assert max(len(part) for part in parts) <= 450
    assert sorted((row for part in parts for row in listed(part)), key=lambda row: row[:2]) == box.expected()
    box.maintain()
    assert all(segment.min_us // DAY_US == segment.max_us // DAY_US for segment in box.segments())
    assert box.stored() == box.expected()


def test_one_dense_tag_is_cut_in_time_between_minutes(box: Box) -> None:
    box.write([(1, DAY + number * 500_000, float(number)) for number in range(2000)])
    with Sources(box.samples, box.segments()) as sources:
        slabs = sources.slabs(200)
        assert len(slabs) > 5
        assert all(slab.start_us % 60_000_000 == 0 for slab in slabs[1:])
        assert [row for slab in slabs for row in listed(sources.read(slab))] == box.expected()


_FILES = st.lists(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 200), st.floats(width=32, allow_nan=False)), max_size=30),
    max_size=5,
)


@settings(max_examples=50, deadline=None)
@given(_FILES)
def test_interleaving_is_sorting_and_the_last_given_of_one_time_stays(
    files: list[list[tuple[int, int, float]]],
) -> None:
    batches = [ordered([rows_of([(tag, ts, value) for tag, ts, value in rows])]) for rows in files]
    assert listed(interleaved(batches)) == listed(ordered(batches))


def test_late_rows_are_never_hidden_from_the_rollups(box: Box) -> None:
    """Whatever order late files, rolls and merges come in: a bucket that may be used is what its rows give."""
    chance = random.Random(5)
    late = DAY + DAY_US
    for step in range(14):
        if chance.random() < 0.6:
            start = late + step * HOUR_US // 2 if chance.random() < 0.5 else DAY + chance.randrange(30) * HOUR_US
            rows = minutes(range(1 + chance.randrange(3), 4), start + chance.randrange(600) * 100_000 + step, 20)
            box.write([row for row in rows if row[:2] not in box.rows])
        else:
            box.maintain(merge=chance.random() < 0.5, roll=chance.random() < 0.7)
        for level in LEVELS:
            same_buckets(box.answered(level), box.oracle(level))
    box.maintain()
    for level in ("rollup_1min", "rollup_1h"):
        assert box.answered(level).keys() == box.oracle(level).keys()
        same_buckets(box.answered(level), box.oracle(level))
    assert box.stored() == box.expected()


def test_seconds_are_rolled_up_where_there_are_many_rows(box: Box) -> None:
    box.write([(1, DAY + number * 250_000, float(number % 50)) for number in range(DENSE_ROWS)])
    box.write([(2, DAY + number * 1_000_000, 1.0) for number in range(1000)])
    box.maintain()
    seconds = box.answered("rollup_1s")
    assert {tag for tag, _ in seconds} == {1}
    same_buckets(seconds, box.oracle("rollup_1s"))
    assert len(seconds) == DENSE_ROWS // 4


def test_days_of_hours_become_a_month_when_it_is_over(box: Box) -> None:
    first = int(np.datetime64("2025-03-01", "us").astype(np.int64))
    for day in (0, 1, 14, 31, 32):
        box.write(minutes(range(1, 3), first + day * DAY_US, 100))
    box.maintain()
    table = Table(box.storage.child("rollup_1h"), "rollup_1h")
    assert sorted(segment.rows for segment in table.segments()) == [4, 4, 12]
    same_buckets(box.answered("rollup_1h"), box.oracle("rollup_1h"))
    assert len(box.answered("rollup_1h")) == 20


def test_of_two_maintainers_the_later_wins_and_the_earlier_changes_nothing(box: Box) -> None:
    for number in range(4):
        box.write(minutes(range(1, 3), DAY + number * HOUR_US, 30))
    names = [segment.path for segment in box.segments()]
    first, second = OwnedTable(box.storage, "samples"), OwnedTable(box.storage, "samples")
    whole = [read_segment(box.samples, name) for name in names]
    merged = [write_segment(box.samples, OWNERS["day"], interleaved(whole)) for _ in range(2)]
    second.commit(merged[1], names)
    with pytest.raises(Conflict) as caught:
        first.commit(merged[0], names)
    assert caught.value.code == "history.writer_superseded"
    assert box.stored() == box.expected()


def test_a_merge_that_a_correction_overtakes_is_given_up(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        box.write(minutes(range(1, 3), DAY + number * HOUR_US, 30))
    victim = box.segments()[0]
    real = OwnedTable.commit

    def overtaken(self: OwnedTable, add: Any, remove: Any, *how: Any, **more: Any) -> int:
        if victim.path in remove and victim.path in {segment.path for segment in box.segments()}:
            corrected = rows_of(
                [(*row[:2], row[2] + 1, row[3]) for row in listed(read_segment(box.samples, victim.path))]
            )
            box.commit(write_segment(box.samples, "writer-0", corrected), [victim.path])
            box.rows |= {row[:2]: row for row in listed(corrected)}
        return real(self, add, remove, *how, **more)

    monkeypatch.setattr(OwnedTable, "commit", overtaken)
    box.maintain(roll=False)
    assert box.stored() == box.expected()
    box.maintain()
    assert box.stored() == box.expected()
    assert len(box.segments()) == 1
    same_buckets(box.answered("rollup_1h"), box.oracle("rollup_1h"))


def test_somebody_else_who_maintains_is_not_disturbed(box: Box) -> None:
    box.write(minutes(range(1, 3), DAY, 30))
    with lease.held(box.storage), pytest.raises(Conflict) as caught:
        box.maintain()
    assert caught.value.code == "history.maintenance_busy"
    box.maintain()
    assert not lease.was_interrupted(box.storage)


def test_a_broken_file_is_set_aside_with_a_record_and_its_readable_rows_stay(box: Box) -> None:
    box.write(minutes(range(1, 21), DAY + 30_000_000, 400))
    box.maintain()
    rows = minutes(range(1, 21), DAY, 400)  # late: the rollups have not seen them
    victim = box.write(rows, tags_per_group=5)[0]
    box.write(minutes(range(1, 5), DAY + 8 * HOUR_US, 10))
    path = Path(str(box.samples)) / victim.path
    data = bytearray(path.read_bytes())
    data[8:200] = bytes(192)  # the first row group's pages
    path.write_bytes(data)
    outcome = box.maintain(owners={"press": [(1, 40)], "oven": [(50, 60)]})
    (record,) = outcome.quarantined
    table = Table(box.storage.child("gaps"), "gaps")
    (gap,) = read_gaps(box.storage.child("gaps"), [segment.path for segment in table.segments()])
    assert (gap.gateway, gap.cause, gap.rows) == ("press", "damaged", record.lost)
    assert record == quarantined(box.storage)[0]
    assert record.path == victim.path
    assert 0 < record.saved < record.rows == len(rows)
    assert (Path(str(box.storage)) / "quarantine" / victim.path).read_bytes() == bytes(data)
    stored = box.stored()
    assert len(stored) == len(box.rows) - record.lost
    assert set(stored) <= set(box.expected())
    box.rows = {row[:2]: row for row in stored}
    same_buckets(box.answered("rollup_1h"), box.oracle("rollup_1h"))
    assert box.maintain().quarantined == []
    assert box.answered("rollup_1h").keys() == box.oracle("rollup_1h").keys()
    same_buckets(box.answered("rollup_1h"), box.oracle("rollup_1h"))


def test_retention_removes_what_has_expired_from_samples_and_rollups_alike(box: Box) -> None:
    for day in range(3):
        for half in range(2):
            box.write(minutes(range(1, 4), DAY + day * DAY_US + half * 12 * HOUR_US, 60))
    outcome = box.maintain(expired=[Expired(np.array([1, 3], np.int32), DAY + 2 * DAY_US)])
    box.rows = {key: row for key, row in box.rows.items() if key[0] == 2 or key[1] >= DAY + 2 * DAY_US}
    assert box.stored() == box.expected()
    assert outcome.expired_rows == 2 * 2 * 120
    same_buckets(box.answered("rollup_1min"), box.oracle("rollup_1min"))
    assert box.answered("rollup_1min").keys() == box.oracle("rollup_1min").keys()
    assert box.maintain(expired=[Expired(np.array([1, 3], np.int32), DAY + 2 * DAY_US)]).expired_rows == 0


def test_the_first_rule_counts_then_the_label_and_a_hold_beats_both() -> None:
    rules = [Rule.parse("plant/press/*=10"), Rule.parse("*/pressure=400")]
    now = DAY + 1000 * DAY_US + 5
    tags = [
        Kept(tag=4, path="plant/press/pressure"), Kept(tag=2, path="plant/oven/pressure"),
        Kept(tag=3, path="plant/press/speed", is_held=True), Kept(tag=5, path="plant/oven/speed", label_days=10),
        Kept(tag=6, path="plant/oven/speed2"),
    ]  # fmt: skip
    found = {one.before_us: one.tags.tolist() for one in expired(tags, rules, now)}
    assert found == {DAY + 990 * DAY_US: [4, 5], DAY + 600 * DAY_US: [2]}


@pytest.mark.parametrize("text", ["plant", "plant=", "=3", "plant=0", "plant=x", "plant=-1"])
def test_a_rule_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"PATTERN=DAYS"):
        Rule.parse(text)


def test_files_stay_for_queries_that_began_before_and_then_go(box: Box) -> None:
    for number in range(3):
        box.write(minutes(range(1, 3), DAY + number * HOUR_US, 30))
    names = {segment.path for segment in box.segments()}
    (Path(str(box.samples)) / f"{OWNERS['day']}-unfinished.parquet").write_bytes(b"half")
    (Path(str(box.samples)) / "writer-1-unfinished.parquet").write_bytes(b"another's")
    box.maintain(retired_seconds=3600.0)
    there = {stored.name for stored in box.samples.names()}
    assert names <= there
    assert f"{OWNERS['day']}-unfinished.parquet" not in there
    box.maintain()
    there = {stored.name for stored in box.samples.names()}
    assert not names & there
    assert "writer-1-unfinished.parquet" in there


@pytest.mark.parametrize("options", [{"merge": False}, {"roll": False}, {}])
def test_a_full_disk_stops_it_and_costs_nothing(small_disk: Any, options: dict[str, Any]) -> None:
    box = Box(small_disk.folder / "history")
    for number in range(4):
        box.write(minutes(range(1, 40), DAY + number * HOUR_US, 60))
    small_disk.fill()
    with pytest.raises((OSError, Unavailable)):
        box.maintain(**options)
    assert box.stored() == box.expected()
    same_buckets(box.answered("rollup_1h"), box.oracle("rollup_1h"))
    small_disk.free()
    outcome = box.maintain(**options)
    assert (outcome.merges, outcome.rolled_rows > 0) == (options.get("merge", True), options.get("roll", True))
    assert box.stored() == box.expected()
    same_buckets(box.answered("rollup_1h"), box.oracle("rollup_1h"))


def test_a_read_only_disk_stops_it_and_costs_nothing(small_disk: Any) -> None:
    if not small_disk.real:
        pytest.skip("needs the right to mount a tmpfs")
    box = Box(small_disk.folder / "history")
    for number in range(3):
        box.write(minutes(range(1, 4), DAY + number * HOUR_US, 60))
    small_disk.allow_writing(False)
    with pytest.raises((OSError, Unavailable)):
        box.maintain()
    assert box.stored() == box.expected()
    small_disk.allow_writing(True)
    assert box.maintain().merges == 1
    assert box.stored() == box.expected()


_RUN = """
import os, sys, signal, random
from pathlib import Path
from lineshaft.history.maintenance import owned, merge, work, buckets
from lineshaft.history.storage import LocalFolder
from lineshaft.history.maintenance.work import Options, run
left = [int(sys.argv[2])]
def dying(real):
    def call(*args, **how):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        found = real(*args, **how)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    return call
LocalFolder.write, LocalFolder.replace = dying(LocalFolder.write), dying(LocalFolder.replace)
owned.OwnedTable.commit, LocalFolder.delete = dying(owned.OwnedTable.commit), dying(LocalFolder.delete)
run(LocalFolder(Path(sys.argv[1])), Options(retired_seconds=0, settle_us=0), lambda done, total, message: None)
"""


def killed_at(box: Box, step: int) -> bool:
    """Whether a run in a process of its own was killed at its step of that number."""
    process = subprocess.run([sys.executable, "-c", _RUN, str(box.storage), str(step)], check=False)
    assert process.returncode in (0, -signal.SIGKILL)
    return process.returncode != 0


def survive(box: Box, steps: list[int]) -> None:
    for number, step in enumerate(steps):
        box.write(minutes(range(1, 4), DAY + number * 2 * HOUR_US, 40))
        box.write(minutes(range(2, 5), DAY + DAY_US + number * 2 * HOUR_US, 30))
        killed_at(box, step)
        assert box.stored() == box.expected()
        for level in LEVELS:
            same_buckets(box.answered(level), box.oracle(level))
    box.maintain()
    assert box.stored() == box.expected()
    assert box.answered("rollup_1h").keys() == box.oracle("rollup_1h").keys()
    there = {stored.name for stored in box.samples.names() if stored.name.endswith(".parquet")}
    assert there == {segment.path for segment in box.segments()}


def test_killed_at_any_step_nothing_is_lost_doubled_or_stale(box: Box) -> None:
    survive(box, [9, 14])


@pytest.mark.soak
def test_killed_at_every_step(tmp_path: Path) -> None:
    for step in range(1, 80):
        survive(Box(tmp_path / str(step)), [step, random.Random(step).randint(1, 60)])
