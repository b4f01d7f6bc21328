"""The Delta table: one writer at a time, whole commits, a log that survives being cut, no file removed twice."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import polars as pl
import pytest
from deltalake import DeltaTable

from lineshaft.core.errors import Conflict, Corrupt
from lineshaft.history.commits import Commit, Fence, Segment
from lineshaft.history.segment import write_segment
from lineshaft.history.sorting import ordered
from lineshaft.history.storage import LocalFolder
from lineshaft.history.table import MAINTENANCE, Table
from lineshaft.history.testing import START_US, rows_of

APPLICATION = "TELEMETRY@2026-01-01T00:00:00Z/0"


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(LocalFolder(tmp_path / "samples"), "samples")


def segment(folder: Path, *tags: int) -> Segment:
    rows = rows_of([(tag, START_US + 123_456, float(tag)) for tag in tags or (1,)])
    return write_segment(LocalFolder(folder / "samples"), "writer-0", ordered([rows]))[0]


def moved(fence: Fence, sequence: int) -> Fence:
    return Fence(application=fence.application, sequence=sequence, epoch=fence.epoch)


def test_a_commit_carries_its_sequence_and_its_lanes(tmp_path, table):
    fence = table.claim(APPLICATION)
    assert fence.sequence is None
    version = table.commit(Commit(fence=fence, sequence=7, transactions={"gw:press:1": 3}, add=[segment(tmp_path)]))
    other = Table(LocalFolder(tmp_path / "samples"), "samples")
    assert (other.version, other.transaction(APPLICATION), other.transaction("gw:press:1")) == (version, 7, 3)
    assert [each.rows for each in other.segments()] == [1]


def test_a_commit_without_rows_moves_the_sequence(tmp_path, table):
    fence = table.claim(APPLICATION)
    table.commit(Commit(fence=fence, sequence=7))
    table.commit(Commit(fence=moved(fence, 7), sequence=9))
    assert Table(LocalFolder(tmp_path / "samples"), "samples").transaction(APPLICATION) == 9


def test_of_two_writers_from_one_version_exactly_one_wins(tmp_path, table):
    fence = table.claim(APPLICATION)
    other = Table(LocalFolder(tmp_path / "samples"), "samples")
    table.commit(Commit(fence=fence, sequence=5, add=[segment(tmp_path)]))
    with pytest.raises(Conflict) as refused:
        other.commit(Commit(fence=fence, sequence=6, add=[segment(tmp_path)]))
    assert refused.value.code == "history.writer_superseded"
    assert "sequence 5" in refused.value.message
    assert len(table.segments()) == 1


def test_a_writer_that_was_taken_over_from_cannot_commit_even_before_the_new_one_has(tmp_path, table):
    old = table.claim(APPLICATION)
    table.commit(Commit(fence=old, sequence=5, add=[segment(tmp_path)]))
    new = Table(LocalFolder(tmp_path / "samples"), "samples").claim(APPLICATION)
    assert (new.sequence, new.epoch) == (5, old.epoch + 1)
    with pytest.raises(Conflict, match="another history writer"):
        table.commit(Commit(fence=moved(old, 5), sequence=6, add=[segment(tmp_path)]))
    table.commit(Commit(fence=new, sequence=6, add=[segment(tmp_path)]))


def test_a_commit_under_way_loses_against_a_takeover(tmp_path, table):
    """The zombie has refreshed and checked; the new writer claims; the zombie's write must fail."""
    fence = table.claim(APPLICATION)
    table.commit(Commit(fence=fence, sequence=5))
    taken_over = []
    write = table._write

    def late(actions, transactions):
        if not taken_over:
            taken_over.append(Table(LocalFolder(tmp_path / "samples"), "samples").claim(APPLICATION))
        write(actions, transactions)

    table._write = late
    with pytest.raises(Conflict) as refused:
        table.commit(Commit(fence=moved(fence, 5), sequence=6, add=[segment(tmp_path)]))
    assert refused.value.code == "history.writer_superseded"
    assert Table(LocalFolder(tmp_path / "samples"), "samples").segments() == []


def test_repeating_a_commit_that_went_through_changes_nothing(tmp_path, table):
    fence = table.claim(APPLICATION)
    commit = Commit(fence=fence, sequence=5, add=[segment(tmp_path)])
    version = table.commit(commit)
    assert table.commit(commit) == version
    assert Table(LocalFolder(tmp_path / "samples"), "samples").commit(commit) == version
    assert len(table.segments()) == 1


def test_a_file_that_left_the_table_cannot_be_replaced(tmp_path, table):
    fence = table.claim(APPLICATION)
    first, second = segment(tmp_path), segment(tmp_path)
    table.commit(Commit(fence=fence, sequence=1, add=[first]))
    table.commit(Commit(fence=moved(fence, 1), sequence=2, add=[second], remove=[first.path]))
    with pytest.raises(Conflict) as refused:
        table.commit(Commit(fence=moved(fence, 2), sequence=3, add=[segment(tmp_path)], remove=[first.path]))
    assert refused.value.code == "history.commit_conflict"
    assert [each.path for each in table.segments()] == [second.path]
    assert table.transaction(MAINTENANCE) == 1, "every commit that removes files carries the shared mark"


def test_a_log_entry_cut_short_is_set_aside(tmp_path, table):
    fence = table.claim(APPLICATION)
    table.commit(Commit(fence=fence, sequence=5, add=[segment(tmp_path)]))
    log = tmp_path / "samples" / "_delta_log"
    torn = log / f"{table.version + 1:020}.json"
    torn.write_text('{"commitInfo":{"timest')
    again = Table(LocalFolder(tmp_path / "samples"), "samples")
    assert again.transaction(APPLICATION) == 5
    assert torn.with_suffix(".torn").exists()
    again.commit(Commit(fence=moved(again.claim(APPLICATION), 5), sequence=6, add=[segment(tmp_path)]))
    assert pl.scan_delta(str(tmp_path / "samples")).collect().height == 2


def test_a_table_of_somebody_else_is_refused(tmp_path):
    pl.DataFrame({"tag": [1], "value": [2.0]}).write_delta(str(tmp_path / "samples"))
    with pytest.raises(Corrupt) as refused:
        Table(LocalFolder(tmp_path / "samples"), "samples")
    assert refused.value.code == "history.table_foreign"
    assert "column tag of type integer" in refused.value.message


def test_a_checkpoint_that_fails_after_the_commit_does_not_undo_it(tmp_path, table):
    fence = table.claim(APPLICATION)
    write = table._write

    def fails_afterwards(actions, transactions):
        write(actions, transactions)
        raise OSError(28, "No space left on device")

    table._write = fails_afterwards
    version = table.commit(Commit(fence=fence, sequence=5, add=[segment(tmp_path)]))
    assert Table(LocalFolder(tmp_path / "samples"), "samples").version == version


def test_many_commits_pass_checkpoints_and_keep_sequence_and_fence(tmp_path, table):
    fence = table.claim(APPLICATION)
    for sequence in range(1, 105):
        table.commit(Commit(fence=fence, sequence=sequence))
        fence = moved(fence, sequence)
    assert list((tmp_path / "samples" / "_delta_log").glob("*.checkpoint.parquet"))
    again = Table(LocalFolder(tmp_path / "samples"), "samples")
    assert again.transaction(APPLICATION) == 104
    assert again.claim(APPLICATION).epoch == fence.epoch + 1


def test_statistics_never_exclude_a_row_for_a_reader_that_cuts_to_milliseconds(tmp_path, table):
    table.commit(Commit(fence=table.claim(APPLICATION), sequence=1, add=[segment(tmp_path, 3, 9)]))
    (found,) = table.segments()
    assert (found.min_tag, found.max_tag) == (3, 9)
    assert found.min_us == START_US + 123_000
    assert found.max_us == START_US + 124_000
    ts = pl.lit(START_US + 123_456).cast(pl.Datetime("us", "UTC"))
    rows = pl.scan_delta(str(tmp_path / "samples")).filter((pl.col("ts") >= ts) & (pl.col("ts") <= ts)).collect()
    assert rows.get_column("tag").to_list() == [3, 9]


def test_the_table_says_how_to_read_it(tmp_path, table):
    assert table.version == 0
    metadata = DeltaTable(tmp_path / "samples").metadata()
    assert "coalesce(v, vi * mul / div)" in metadata.description
    assert [field["name"] for field in json.loads(DeltaTable(tmp_path / "samples").schema().to_json())["fields"]] == [
        "tag", "ts", "arrival", "v", "vi", "mul", "div", "vs", "vb", "q",
    ]  # fmt: skip


def test_shards_that_begin_at_the_same_moment_make_one_table(tmp_path):
    for number in range(25):
        place, start, found = LocalFolder(tmp_path / str(number)), Barrier(3), []

        def begin(shard, place=place, start=start, found=found):
            start.wait(60)
            made = Table(place, "corrections")
            made.claim(f"TELEMETRY@2026-01-01T00:00:00Z/{shard}")
            found.append(made.identity)

        with ThreadPoolExecutor(3) as threads:
            for done in [threads.submit(begin, shard) for shard in range(3)]:
                done.result(60)
        assert found == [Table(place, "corrections").identity] * 3
