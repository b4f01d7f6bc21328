"""Verification: what is wrong with a file is found, set aside, recorded as a gap, and said."""

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lineshaft.history.commits import Commit
from lineshaft.history.gaps import read_gaps
from lineshaft.history.maintenance.work import Options, run
from lineshaft.history.schema import SEGMENT
from lineshaft.history.segment import read_segment, write_segment
from lineshaft.history.storage import LocalFolder
from lineshaft.history.table import Table
from lineshaft.history.testing import START_US, LaneMessages, rows_of, table_rows
from lineshaft.history.verify.check import Unsound, check_against, check_file
from lineshaft.history.verify.report import Asked
from lineshaft.history.verify.worker import verify

OWNERS = {"press": [(1, 1)], "oven": [(2, 9)]}


def ignored(_):
    """Progress that nobody reads."""


@pytest.fixture
def place(tmp_path):
    folder = LocalFolder(tmp_path / "history")
    folder.child("samples").prepare()
    return folder


def segment_of(place, rows):
    place.child("samples").prepare()
    (segment,) = write_segment(place.child("samples"), "writer-0", rows_of(rows))
    return segment


def rewritten(place, segment, change):
    """The file with another content, and the segment as the table would then have it by size."""
    path = place.folder / "samples" / segment.path
    table = change(pq.read_table(path))
    pq.write_table(table, path)
    return msgspec.structs.replace(segment, size=path.stat().st_size)


def replaced(name, values):
    def change(table):
        place = table.schema.get_field_index(name)
        return table.set_column(place, SEGMENT.field(name), pa.array(values, SEGMENT.field(name).type))

    return change


ROWS = [(1, START_US + n, float(n) + 0.1) for n in range(4)] + [(2, START_US, 7)]


def test_a_sound_file_gives_its_rows(place):
    assert check_file(place.child("samples"), segment_of(place, ROWS)) == 5


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("order", lambda table: table.take([1, 0, 2, 3, 4])),
        ("order", lambda table: table.take([0, 1, 2, 3, 3])),
        ("rows", lambda table: table.slice(0, 4)),
        ("columns", lambda table: table.drop_columns("q")),
        ("columns", lambda table: replaced("vb", [None] * 5)(table).cast(
            pa.schema([field if field.name != "q" else pa.field("q", pa.int32()) for field in SEGMENT]))),
        ("statistics", replaced("tag", [1, 1, 1, 1, 3])),
        ("statistics", replaced("ts", [START_US - 1, START_US + 1, START_US + 2, START_US + 3, START_US])),
        ("values", replaced("q", [0, 0, 0, 0, -1])),
        ("values", replaced("v", [0.1, None, 2.1, 3.1, None])),
        ("values", replaced("vs", ["x", None, None, None, None])),
        ("values", replaced("div", [None, None, None, None, 0.0])),
        ("values", replaced("v", [float("nan"), 1.0, 2.1, 3.1, None])),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_named(place, kind, change):
    # Plain columns, so that each change is of one thing.
    table = pa.Table.from_batches([
        pa.RecordBatch.from_arrays([
            pa.array([1, 1, 1, 1, 2], pa.int32()),
            pa.array([*(START_US + n for n in range(4)), START_US]).cast(SEGMENT.field("ts").type),
            pa.array([START_US] * 5).cast(SEGMENT.field("ts").type), pa.array([0.1, 1.1, 2.1, 3.1, None]),
            pa.array([None] * 4 + [7], pa.int64()), pa.array([None] * 4 + [1.0]), pa.array([None] * 4 + [1.0]),
            pa.nulls(5, pa.string()), pa.nulls(5, pa.bool_()), pa.array([0] * 5, pa.int64()),
        ], schema=SEGMENT)
    ])  # fmt: skip
    segment = rewritten(place, segment_of(place, ROWS), lambda _: table)
    assert check_file(place.child("samples"), segment) == 5
    with pytest.raises(Unsound) as caught:
        check_file(place.child("samples"), rewritten(place, segment, change))
    assert caught.value.kind == kind


@pytest.mark.parametrize("at", [0.02, 0.3, 0.6, 0.95])
def test_one_flipped_bit_anywhere_is_found(place, at):
    rng = np.random.default_rng(1)
    segment = segment_of(place, [(1, START_US + n, float(value)) for n, value in enumerate(rng.normal(size=3000))])
    path = place.folder / "samples" / segment.path
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 4
    path.write_bytes(data)
    with pytest.raises(Unsound):
        check_file(place.child("samples"), segment)


def test_a_missing_and_a_cut_file_are_told_apart(place):
    segment = segment_of(place, ROWS)
    path = place.folder / "samples" / segment.path
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(Unsound) as cut:
        check_file(place.child("samples"), segment)
    path.unlink()
    with pytest.raises(Unsound) as missing:
        check_file(place.child("samples"), segment)
    assert (cut.value.kind, missing.value.kind) == ("size", "missing")


def test_a_row_in_two_files_is_found_and_neighbours_are_not(place):
    one, other = segment_of(place, ROWS), segment_of(place, [(1, START_US + 9, 1.5), (2, START_US + 1, 1.5)])
    check_against(place.child("samples"), one, other)
    double = segment_of(place, [(1, START_US + 3, 9.5), (2, START_US + 2, 1.5)])
    with pytest.raises(Unsound, match=f"1 rows are in {one.path} too, the first of tag 1 at {START_US + 3}"):
        check_against(place.child("samples"), double, one)


async def test_a_corrupted_segment_is_found_set_aside_and_recorded(writers, place):
    writer = await writers.open()
    lane = LaneMessages("press")
    for first in (0, 10_000):
        await writer.take(lane.next([(1, START_US + first + n, n + 0.25) for n in range(3)]))
        await writer.seal()
    segments = Table(place.child("samples"), "samples").segments()
    damaged = min(segments, key=lambda segment: segment.min_us)
    path = place.folder / "samples" / damaged.path
    path.write_bytes(b"PAR1 nothing of what was here " + path.read_bytes()[30:])
    asked = Asked(place=msgspec.to_builtins(place.place), owners=OWNERS)

    seen = []
    report = verify(place, asked, seen.append)
    assert [(one.path, one.quarantined) for one in report.damages] == [(damaged.path, False)]
    assert (report.files, report.rows, report.rows_said) == (2, 3, 6)
    assert (seen[-1].done, seen[-1].total) == (6, 6)
    assert [(lane.gateway, lane.batches, lane.missing) for lane in report.lanes] == [("press", 2, 0)]
    assert path.exists()

    report = verify(place, msgspec.structs.replace(asked, quarantine=True), ignored)
    assert [one.quarantined for one in report.damages] == [True]
    assert [(gap.gateway, gap.cause, gap.rows) for gap in report.gaps] == [("press", "damaged", 3)]
    assert (place.folder / "quarantine" / damaged.path).read_bytes().startswith(b"PAR1 nothing")
    names = [segment.path for segment in Table(place.child("gaps"), "gaps").segments()]
    (gap,) = read_gaps(place.child("gaps"), names)
    assert (gap.from_us // 1000, gap.to_us >= START_US + 2) == (START_US // 1000, True)
    assert gap.detail.startswith(damaged.path)

    again = verify(place, asked, ignored)
    assert (again.files, again.damages, again.rows) == (1, [], 3)
    # The writer goes on, and sees the table without the file.
    before = writer.version
    assert await writer.seal() == 0
    assert writer.version > before
    await writer.take(lane.next([(1, START_US + 500, 1.5)]))
    assert await writer.seal() == 1
    assert [row[1] - START_US for row in table_rows(place.folder)] == [500, 10_000, 10_001, 10_002]


async def test_a_file_that_maintenance_replaced_meanwhile_is_not_missing(writers, place):
    writer = await writers.open()
    await writer.take(LaneMessages().next([(1, START_US, 1.5)]))
    await writer.seal()
    table = Table(place.child("samples"), "samples")
    (segment,) = table.segments()
    rows = read_segment(place.child("samples"), segment.path)
    done = []
    (merged,) = write_segment(place.child("samples"), "maintain", rows)
    fence = table.claim("maintain-test")
    original = Table.segments

    def first_the_old(self):
        """A merge between the list and the reading of it."""
        found = original(self)
        if not done and self._name == "samples":
            done.append(True)
            table.commit(Commit(fence=fence, sequence=1, add=[merged], remove=[segment.path]))
            place.child("samples").delete(segment.path)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Table, "segments", first_the_old)
        report = verify(place, Asked(place={}), ignored)
    assert report.damages == []


async def test_files_of_corrections_and_rollups_are_looked_at_too(writers, place):
    writer = await writers.open()
    lane = LaneMessages("press")
    for value in (1.5, 2.5):
        await writer.take(lane.next([(1, START_US, value)]))
        await writer.seal()
    run(place, Options(settle_us=0), lambda *_: None)
    assert verify(place, Asked(place={}), ignored).damages == []
    for table in ("corrections", "rollup_1h"):
        (path,) = (place.folder / table).glob("*.parquet")
        path.write_bytes(path.read_bytes()[:-9] + b"\0" * 9)
    report = verify(place, Asked(place={}, quarantine=True), ignored)
    assert [(one.table, one.kind, one.quarantined) for one in report.damages] == [
        ("corrections", "unreadable", False), ("rollup_1h", "unreadable", False),
    ]  # fmt: skip
