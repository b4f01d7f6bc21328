"""The writer: every row once, whatever is sent twice; the same rows and gaps however often it is started again."""

import asyncio
import contextlib
import os
import random
import re
import shutil
import signal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineshaft.bus.envelopes import Gap as ToldGap
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Unavailable
from lineshaft.history import committer as committing
from lineshaft.history import draft as drafting
from lineshaft.history.gaps import read_gaps
from lineshaft.history.storage import LocalFolder
from lineshaft.history.table import Table
from lineshaft.history.testing import START_US, LaneMessages, listed, table_rows

SECOND = 1_000_000


@pytest.fixture
def lane() -> LaneMessages:
    return LaneMessages("press")


def series(tag: int, *values, start: int = 0) -> list[tuple]:
    return [(tag, START_US + (start + n) * SECOND, value) for n, value in enumerate(values)]


def stored_gaps(folder) -> list[tuple]:
    place = LocalFolder(folder / "gaps")
    found = read_gaps(place, [each.path for each in Table(place, "gaps").segments()])
    return sorted((gap.cause, gap.boot, gap.from_seq, gap.to_seq, gap.rows, gap.sequence) for gap in found)


def segment_names(folder) -> set[str]:
    return {each.path for each in Table(LocalFolder(folder / "samples"), "samples").segments()}


async def test_rows_are_hot_until_they_are_sealed_and_never_both(writers, lane):
    writer = await writers.open()
    await writer.take(lane.next(series(1, 1.0, 2.0)))
    assert listed(writer.hot.select(None, 0, 2**60)) == [(*row, 0) for row in series(1, 1.0, 2.0)]
    assert await writer.seal() == 2
    assert len(writer.hot.select(None, 0, 2**60)) == 0
    assert table_rows(writers.folder) == [(*row, 0) for row in series(1, 1.0, 2.0)]
    assert (writer.committed, writer.hot.bytes, writer.waiting_since) == (1, 0, None)


async def test_a_seal_of_nothing_makes_no_version(writers):
    writer = await writers.open()
    version = writer.version
    assert await writer.seal() == 0
    assert writer.version == version


async def test_rows_taken_in_during_a_seal_are_hot_after_it(writers, lane, monkeypatch):
    writer = await writers.open()
    await writer.take(lane.next(series(1, 1.0)))
    began, go_on = asyncio.Event(), asyncio.Event()
    commit = writer._committer.commit

    async def slow(*arguments):
        began.set()
        await go_on.wait()
        return await commit(*arguments)

    monkeypatch.setattr(writer._committer, "commit", slow)
    sealing = asyncio.create_task(writer.seal())
    await began.wait()
    await writer.take(lane.next(series(1, 2.0, start=1)))
    assert len(writer.hot.select(None, 0, 2**60)) == 2, "rows under seal still answer"
    go_on.set()
    await sealing
    assert listed(writer.hot.select(None, 0, 2**60)) == [(*series(1, 2.0, start=1)[0], 0)]
    assert writer.waiting_since is not None
    await writer.seal()
    assert table_rows(writers.folder) == [(*row, 0) for row in series(1, 1.0, 2.0)]


async def test_a_batch_sent_twice_is_taken_in_once(writers, lane):
    writer = await writers.open()
    await writer.take(lane.next(series(1, 1.0)))
    await writer.take(lane.next(series(1, 7.0), seq=1))
    await writer.seal()
    await writer.take(lane.next(series(1, 8.0), seq=1))
    assert writer.counts.repeated_batches == 2
    assert table_rows(writers.folder) == [(*series(1, 1.0)[0], 0)]


async def test_a_batch_sent_twice_is_known_after_a_restart_with_or_without_snapshot(writers, lane):
    writer = await writers.open()
    await writer.take(lane.next(series(1, 1.0)))
    await writer.seal()
    for lost in (False, True):
        if lost:
            shutil.rmtree(writers.folder / "snapshots")
        writer = await writers.open()
        await writer.take(lane.next(series(1, 9.0), seq=1))
        assert writer.counts.repeated_batches == 1
    assert len(writer.hot.select(None, 0, 2**60)) == 0


async def test_present_values_sent_again_by_a_restarted_gateway_are_dropped(writers, lane):
    writer = await writers.open()
    rows = [(tag, START_US + tag * 1000, float(tag)) for tag in range(1, 201)]
    await writer.take(lane.next(rows))
    await writer.seal()
    before = segment_names(writers.folder)
    lane.restart()
    await writer.take(lane.next([*rows, (1, START_US + SECOND, 5.0)], arrival_us=START_US + 99 * SECOND))
    assert await writer.seal() == 1
    assert (writer.counts.dropped_rows, writer.counts.replaced_segments) == (200, 0)
    assert before < segment_names(writers.folder), "nothing was rewritten"
    assert len(table_rows(writers.folder)) == 201


async def test_present_values_sent_again_need_no_file_to_be_read(writers, lane, monkeypatch):
    writer = await writers.open()
    await writer.take(lane.next(series(1, 1.0, 2.0)))
    await writer.seal()
    writer = await writers.open()
    lane.restart()
    await writer.take(lane.next(series(1, 2.0, start=1)))

    async def never(table):
        raise AssertionError("the files were asked for")

    monkeypatch.setattr(writer._committer, "segments", never)
    assert await writer.seal() == 0
    assert writer.counts.dropped_rows == 1


async def test_an_older_sealed_row_sent_again_is_found_in_its_file_and_dropped(writers, lane):
    writer = await writers.open()
    for start in (0, 100, 200):
        await writer.take(lane.next(series(1, 1.0, 2.0, 3.0, start=start)))
        await writer.seal()
    before = segment_names(writers.folder)
    await writer.take(lane.next(series(1, 2.0, start=101)))
    await writer.seal()
    assert (writer.counts.dropped_rows, writer.counts.replaced_segments) == (1, 0)
    assert segment_names(writers.folder) == before


@pytest.mark.parametrize("again", [7.0, 1, "one", True, float("nan")])
async def test_another_content_for_a_sealed_time_replaces_it_in_the_same_commit(writers, lane, again):
    writer = await writers.open()
    for start in (0, 100):
        await writer.take(lane.next([*series(1, 1.0, 2.0, start=start), *series(2, "a", "b", start=start)]))
        await writer.seal()
    before, version = segment_names(writers.folder), writer.version
    await writer.take(lane.next(series(1, again, start=1)))
    await writer.seal()
    assert writer.version == version + 1
    assert len(segment_names(writers.folder) & before) == 1, "the other segment was not touched"
    assert writer.counts.replaced_segments == 1
    rows = table_rows(writers.folder)
    assert len(rows) == 8
    found = next(value for tag, ts, value, _ in rows if (tag, ts) == (1, START_US + SECOND))
    assert str(found) == str(again)


async def test_the_newest_sealed_row_can_be_replaced_again_and_again(writers, lane):
    writer = await writers.open()
    for value in (1.0, 2.0, 3.0, 3.0):
        await writer.take(lane.next(series(1, value)))
        await writer.seal()
    assert table_rows(writers.folder) == [(*series(1, 3.0)[0], 0)]
    assert (writer.counts.replaced_segments, writer.counts.dropped_rows) == (2, 1)


async def test_another_quality_alone_is_another_content(writers, lane):
    writer = await writers.open()
    await writer.take(lane.next([(1, START_US, 1.0, 0)]))
    await writer.seal()
    await writer.take(lane.next([(1, START_US, 1.0, 0x408F0000)]))
    await writer.seal()
    assert table_rows(writers.folder) == [(1, START_US, 1.0, 0x408F0000)]


async def test_late_rows_that_are_new_get_a_segment_of_their_own(writers, lane):
    writer = await writers.open(seal_seconds=600)
    day = 86_400
    lane.time_us = START_US + day * SECOND
    await writer.take(lane.next([*series(1, 1.0, 2.0), *series(1, 3.0, start=day)]))
    await writer.seal()
    spans = sorted(
        (each.min_us, each.max_us) for each in Table(LocalFolder(writers.folder / "samples"), "samples").segments()
    )
    assert spans == [(START_US, START_US + SECOND), (START_US + day * SECOND, START_US + day * SECOND)]


async def test_replaced_files_stay_for_queries_that_began_and_go_when_their_time_is_up(writers, lane):
    writer = await writers.open(retired_seconds=3600)
    await writer.take(lane.next(series(1, 1.0)))
    await writer.seal()
    (old,) = segment_names(writers.folder)
    await writer.take(lane.next(series(1, 2.0)))
    await writer.seal()
    assert (writers.folder / "samples" / old).exists()
    writer = await writers.open(retired_seconds=3600)
    assert (writers.folder / "samples" / old).exists(), "a start does not take it for an orphan"
    later = clock.now_us() + 3601 * SECOND
    with clock.fixed(lambda: later):
        await writer.take(lane.next(series(1, 3.0, start=5)))
        await writer.seal()
    assert not (writers.folder / "samples" / old).exists()


async def test_a_start_comes_back_to_the_last_commit_without_reading_the_table(writers, lane, monkeypatch):
    writer = await writers.open()
    await writer.take(lane.next([*series(1, 1.0, 2.0), *series(2, "a", "b"), *series(3, 7)]))
    await writer.seal()
    monkeypatch.setattr("lineshaft.history.writer.rebuild", None)
    again = await writers.open()
    assert (again.sequence, again.committed, again.version) == (1, 1, writer.version + 1)
    assert listed(again.latest.rows()) == listed(writer.latest.rows())


async def test_a_lost_snapshot_is_made_good_from_the_table(writers, lane):
    writer = await writers.open()
    await writer.take(lane.next([*series(1, 1.0, 2.0), *series(2, "a", "b")]))
    await writer.seal()
    await writer.take(lane.next(series(1, 9.0, start=7)))
    await writer.seal()
    for path in (writers.folder / "snapshots").iterdir():
        path.write_bytes(b"rubbish")
    again = await writers.open()
    assert listed(again.latest.rows()) == listed(writer.latest.rows())
    await again.take(lane.next(series(1, 2.0, start=1)))
    assert await again.seal() == 0, "what is sealed is known again"


async def test_a_future_time_does_not_hide_later_values_after_a_restart_either(writers, lane):
    writer = await writers.open()
    await writer.take(lane.next(series(1, 1.0, start=400 * 86_400)))
    await writer.take(lane.next(series(1, 2.0, start=3)))
    await writer.seal()
    again = await writers.open()
    assert listed(again.latest.rows()) == [(*series(1, 2.0, start=3)[0], 0)]
    await again.take(lane.next(series(1, 3.0, start=4)))
    assert listed(again.latest.rows()) == [(*series(1, 3.0, start=4)[0], 0)]


async def test_the_snapshot_of_a_commit_that_never_happened_is_passed_over(writers, lane, monkeypatch):
    writer = await writers.open()
    messages = [lane.next(series(1, 1.0)), lane.next(series(1, 2.0, start=1))]
    await writer.take(messages[0])
    await writer.seal()
    await writer.take(messages[1])
    monkeypatch.setattr(writer._committer, "commit", _killed)
    with pytest.raises(Unavailable):
        await writer.seal()
    assert len(list((writers.folder / "snapshots").iterdir())) == 2
    assert len(list((writers.folder / "samples").glob("*.parquet"))) == 2
    again = await writers.open()
    assert (again.sequence, listed(again.latest.rows())) == (1, [(*series(1, 1.0)[0], 0)])
    assert len(list((writers.folder / "samples").glob("*.parquet"))) == 1, "the half-written segment is cleaned up"
    await again.take(messages[1])
    await again.seal()
    assert table_rows(writers.folder) == [(*row, 0) for row in series(1, 1.0, 2.0)]


async def _killed(*_):
    raise Unavailable("test.killed", "killed here")


async def test_files_of_others_are_not_taken_for_orphans(writers):
    await writers.open()
    others = writers.folder / "samples" / "maintain-0-01.parquet"
    others.write_bytes(b"a compaction under way")
    await writers.open()
    assert others.exists()


async def test_a_commit_whose_answer_was_lost_is_not_made_twice(writers, lane, monkeypatch):
    writer = await writers.open()
    await writer.take(lane.next(series(1, 1.0)))
    commit = writer._committer.commit

    async def answer_lost(*arguments):
        await commit(*arguments)
        raise Unavailable("history.committer_ended", "the process ended")

    monkeypatch.setattr(writer._committer, "commit", answer_lost)
    with pytest.raises(Unavailable):
        await writer.seal()
    assert len(writer.hot.select(None, 0, 2**60)) == 1
    monkeypatch.setattr(writer._committer, "commit", commit)
    await writer.take(lane.next(series(1, 2.0, start=1)))
    assert await writer.seal() == 1
    assert await writer.seal() == 1
    assert table_rows(writers.folder) == [(*row, 0) for row in series(1, 1.0, 2.0)]


async def test_a_killed_committing_process_costs_nothing(real_writers, lane):
    writer = await real_writers.open()
    await writer.take(lane.next(series(1, 1.0)))
    assert writer._committer.pid is not None
    os.kill(writer._committer.pid, signal.SIGKILL)
    with contextlib.suppress(Unavailable):  # the first call may find the process gone, or find it going
        await writer.seal()
    await writer.seal()
    assert writer.counts.seals == 1
    assert table_rows(real_writers.folder) == [(*series(1, 1.0)[0], 0)]


async def test_the_committing_process_ends_when_there_is_nothing_to_do(real_writers, until, monkeypatch):
    monkeypatch.setattr(committing, "IDLE_SECONDS", 0.05)
    writer = await real_writers.open()
    await until(lambda: writer._committer.pid is None)
    assert await writer.seal() == 0


async def test_files_moved_by_somebody_else_are_looked_up_again(writers, lane, monkeypatch):
    writer = await writers.open()
    await writer.take(lane.next(series(1, 1.0, 2.0)))
    await writer.seal()
    segments = await writer._committer.segments("samples")
    await writer.take(lane.next(series(1, 9.0)))
    await writer.seal()

    async def stale(table):
        return segments

    await writer.take(lane.next(series(1, 7.0)))
    monkeypatch.setattr(writer, "_sealed", writer._sealed.copy())
    with monkeypatch.context() as patch:
        patch.setattr(writer._committer, "segments", stale)
        with pytest.raises(Conflict) as refused:
            await writer.seal()
    assert refused.value.code == "history.commit_conflict"
    await writer.seal()
    assert table_rows(writers.folder) == [(1, START_US, 7.0, 0), (1, START_US + SECOND, 2.0, 0)]
    assert len(list((writers.folder / "samples").glob("*.parquet"))) == 3, (
        "current, and two that queries may still read"
    )


async def test_segment_folder_log_entry_and_log_folder_are_on_the_disk_in_this_order(writers, lane, monkeypatch):
    writer = await writers.open()
    await writer.take(lane.next(series(1, 1.0)))
    lane.seq += 1
    await writer.take(lane.next(series(1, 2.0, start=1)))
    synced: list[str] = []
    fsync = os.fsync

    def recorded(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(writers.folder)
        synced.append(re.sub(r"[0-9A-Z]{26}", "*", str(name)))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    await writer.seal()
    assert [name for name in synced if name.startswith("samples")] == [
        "samples/writer-0-*.parquet", "samples", "samples/_delta_log/00000000000000000002.json", "samples/_delta_log",
    ]  # fmt: skip
    assert [name for name in synced if name.startswith("gaps")] == [
        "gaps/writer-0-*.parquet", "gaps", "gaps/_delta_log/00000000000000000002.json", "gaps/_delta_log",
    ]  # fmt: skip
    assert synced.index("snapshots") < synced.index("samples/_delta_log/00000000000000000002.json")


async def test_a_message_given_twice_is_taken_in_once_even_if_nobody_can_read_it(writers, lane):
    writer = await writers.open()
    rubbish = lane.next(data=b"rubbish")
    foreign = type(rubbish)(2, rubbish.subject, {}, b"", rubbish.time_us)
    for message in (rubbish, foreign, foreign, rubbish):
        await writer.take(message)
    assert writer.counts.gaps == len(writers.dead) == 2


async def test_of_two_writers_the_older_one_stops(writers, lane):
    old = await writers.open()
    message = lane.next(series(1, 1.0))
    await old.take(message)
    new = await writers.open()
    with pytest.raises(Conflict) as refused:
        await old.seal()
    assert refused.value.code == "history.writer_superseded"
    assert "Run one history writer per table" in refused.value.hint
    await new.take(message)
    assert await new.seal() == 1
    assert table_rows(writers.folder) == [(*series(1, 1.0)[0], 0)]


async def test_a_disk_that_is_full_for_a_while_loses_nothing(writers, lane, monkeypatch):
    writer = await writers.open()
    await writer.take(lane.next(series(1, 1.0)))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(drafting, "write_segment", full)
        with pytest.raises(Unavailable) as refused:
            await writer.seal()
    assert refused.value.code == "history.disk_full"
    assert "Nothing is lost" in refused.value.hint
    await writer.take(lane.next(series(1, 2.0, start=1)))
    assert len(writer.hot.select(None, 0, 2**60)) == 2
    assert await writer.seal() == 2
    assert table_rows(writers.folder) == [(*row, 0) for row in series(1, 1.0, 2.0)]


async def test_what_cannot_be_read_goes_to_the_dead_letters_and_is_a_gap(writers, lane):
    writer = await writers.open()
    await writer.take(lane.next(data=b"rubbish"))
    message = lane.next(series(1, 1.0))
    foreign = type(message)(message.sequence, message.subject, {}, message.data, message.time_us)
    await writer.take(foreign)
    assert [sequence for sequence, _ in writers.dead] == [1, 2]
    assert "cannot be decoded" in writers.dead[0][1]
    assert "Ls-Gateway" in writers.dead[1][1]
    lane.seq -= 1
    await writer.take(lane.next(series(1, 2.0)))
    await writer.seal()
    assert stored_gaps(writers.folder) == [
        ("undecodable", "", None, None, None, 2),
        ("undecodable", lane.boot, 1, 1, 0, 1),
    ]
    assert len(table_rows(writers.folder)) == 1


async def test_rows_that_no_table_can_hold_are_set_aside_and_the_others_kept(writers, lane):
    writer = await writers.open(maximum_tag=1000)
    wrong = [(0, START_US, 1.0), (1001, START_US, 1.0), (1, -1, 1.0), (1, 10**16, 1.0)]
    await writer.take(lane.next([*series(1, 1.0), *wrong]))
    await writer.seal()
    assert table_rows(writers.folder) == [(*series(1, 1.0)[0], 0)]
    assert stored_gaps(writers.folder) == [("undecodable", lane.boot, 1, 1, 4, 1)]
    assert "the first with tag 0" in writers.dead[0][1]


async def test_arrival_is_kept_and_is_the_message_time_where_it_is_missing_or_absurd(writers, lane):
    writer = await writers.open()
    times = []
    for tag, arrival in ((1, START_US + 5), (2, None), (3, -7), (4, 10**16)):
        await writer.take(lane.next(series(tag, 1.0), arrival_us=arrival))
        times.append(START_US + 5 if tag == 1 else lane.time_us)
    assert writer.latest.arrival[1:5].tolist() == times
    await writer.seal()
    stored = pl.scan_delta(str(writers.folder / "samples")).sort("tag").collect().get_column("arrival")
    assert stored.dt.epoch("us").to_list() == times


async def test_gaps_are_hot_until_sealed_and_recorded_once(writers, lane):
    writer = await writers.open()
    await writer.take(lane.next())
    lane.seq += 2
    await writer.take(lane.next(gap=ToldGap(cause="overflow", from_ts=START_US, to_ts=START_US + 9, rows=3)))
    assert [gap.cause for gap in writer.pending_gaps()] == ["sequence", "overflow"]
    await writer.seal()
    assert writer.pending_gaps() == []
    await writer.take(lane.next())
    await writer.seal()
    assert stored_gaps(writers.folder) == [
        ("overflow", lane.boot, None, None, 3, 2), ("sequence", lane.boot, 2, 3, None, 2),
    ]  # fmt: skip


async def test_killed_between_the_two_tables_a_gap_is_still_recorded_once(writers, lane, monkeypatch):
    messages = [lane.next(series(1, 1.0))]
    lane.seq += 1
    messages.append(lane.next(series(1, 2.0, start=1)))
    messages.append(lane.next(data=b"rubbish"))
    writer = await writers.open()
    for message in messages:
        await writer.take(message)
    commit = writer._committer.commit

    async def killed_before_samples(table, what):
        if table == "samples":
            raise Unavailable("test.killed", "killed here")
        return await commit(table, what)

    monkeypatch.setattr(writer._committer, "commit", killed_before_samples)
    with pytest.raises(Unavailable):
        await writer.seal()
    again = await writers.open()
    assert (again.sequence, again.pending_gaps()) == (0, [])
    for message in messages:
        await again.take(message)
    assert again.pending_gaps() == [], "their table has them already"
    assert len(writers.dead) == 1, "so have the dead letters"
    lane.seq += 1
    await again.take(lane.next(series(1, 3.0, start=2)))
    await again.seal()
    assert stored_gaps(writers.folder) == [
        ("sequence", lane.boot, 2, 2, None, 2), ("sequence", lane.boot, 5, 5, None, 4),
        ("undecodable", lane.boot, 4, 4, 0, 3),
    ]  # fmt: skip
    assert len(table_rows(writers.folder)) == 3


async def test_a_seal_that_begins_while_a_message_is_taken_in_has_all_of_it_or_nothing(writers, lane, monkeypatch):
    messages = [lane.next(series(1, 1.0))]
    lane.next()
    messages.append(lane.next(data=b"rubbish"))
    writer = await writers.open()
    await writer.take(messages[0])

    async def seal_meanwhile(message, reason):
        await writer.seal()

    monkeypatch.setattr(writer, "_dead_letter", seal_meanwhile)
    await writer.take(messages[1])
    assert writer.committed == 1
    again = await writers.open()
    await again.take(messages[1])
    await again.seal()
    assert stored_gaps(writers.folder) == [
        ("dropped", "", 2, 2, None, 3), ("sequence", lane.boot, 2, 2, None, 3), ("undecodable", lane.boot, 3, 3, 0, 3),
    ]  # fmt: skip


async def test_a_restart_of_the_gateway_is_told_across_a_restart_of_the_writer(writers, lane):
    writer = await writers.open()
    await writer.take(lane.next(series(1, 1.0)))
    await writer.seal()
    boot = lane.boot
    lane.restart()
    writer = await writers.open()
    await writer.take(lane.next(series(1, 2.0, start=1)))
    await writer.seal()
    assert stored_gaps(writers.folder) == [("restart", boot, 2, None, None, 2)]


async def test_messages_that_left_the_stream_before_they_were_read_are_a_gap(writers, lane):
    writer = await writers.open()
    await writer.take(lane.next(series(1, 1.0)))
    for _ in range(3):
        lane.next()
    await writer.take(lane.next(series(1, 2.0, start=1)))
    await writer.seal()
    assert stored_gaps(writers.folder) == [
        ("dropped", "", 2, 4, None, 5), ("sequence", lane.boot, 2, 4, None, 5),
    ]  # fmt: skip


async def test_a_stream_made_anew_counts_from_one_and_repeats_are_still_known(writers, lane):
    writer = await writers.open()
    rows = [series(1, float(n), start=n) for n in range(5)]
    for each in rows[:4]:
        await writer.take(lane.next(each))
    await writer.seal()
    anew = LaneMessages("press")
    anew.boot, anew.seq = lane.boot, 3
    writer = await writers.open(created="2026-02-02T00:00:00Z")
    assert (writer.sequence, writer.committed) == (0, 0)
    await writer.take(anew.next(rows[3]))
    await writer.take(anew.next(rows[4]))
    assert writer.counts.repeated_batches == 1
    await writer.seal()
    assert stored_gaps(writers.folder) == []
    assert [value for _, _, value, _ in table_rows(writers.folder)] == [0.0, 1.0, 2.0, 3.0, 4.0]
    again = await writers.open(created="2026-02-02T00:00:00Z")
    assert again.committed == 2
    assert listed(again.latest.rows()) == [(*rows[4][0], 0)]


async def test_a_stream_that_lost_its_end_goes_on_under_another_name(writers, lane):
    writer = await writers.open()
    for n in range(5):
        await writer.take(lane.next(series(1, float(n), start=n)))
    await writer.seal()
    count = iter(range(4, 100))
    lost = LaneMessages("press", position=lambda: next(count))  # the stream ended at 3 when the bus came back
    lost.boot, lost.seq = lane.boot, 4
    for _ in range(2):
        writer = await writers.open(first=4, anew=True)
        assert writer.sequence == 3
    await writer.take(lost.next(series(1, 4.0, start=4)))
    await writer.take(lost.next(series(1, 5.0, start=5)))
    await writer.seal()
    assert [value for _, _, value, _ in table_rows(writers.folder)] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    again = await writers.open()
    assert again.committed == 5, "the next start goes on where this one was"
    assert stored_gaps(writers.folder) == []


async def test_a_clock_that_steps_changes_nothing_of_what_is_stored(writers, lane):
    writer = await writers.open()
    for step, now in enumerate((START_US, START_US - 10**15, START_US + 10**15)):
        with clock.fixed(lambda now=now: now):
            await writer.take(lane.next(series(1, float(step), start=step)))
            assert await writer.seal() == 1
    assert [value for _, _, value, _ in table_rows(writers.folder)] == [0.0, 1.0, 2.0]
    assert listed((await writers.open()).latest.rows()) == [(*series(1, 2.0, start=2)[0], 0)]


ROW = st.tuples(st.integers(1, 4), st.integers(0, 12), st.sampled_from([0.0, -0.0, 1.5, 7, "a", True, False]))
STEP = st.one_of(
    st.lists(ROW, max_size=6).map(lambda rows: ("batch", rows)),
    st.sampled_from([("seal",), ("killed",), ("killed before the commit",), ("repeat",), ("gateway restarts",)]),
)


@settings(
    max_examples=300 if os.environ.get("LINESHAFT_SOAK") == "1" else 10, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(st.lists(STEP, min_size=3, max_size=25), st.integers(0, 2**32))
async def test_any_course_of_batches_seals_and_kills_ends_with_each_row_once(
    tmp_path_factory, make_writers, steps, seed
):
    writers = make_writers(tmp_path_factory.mktemp("course"))
    lane, stream, expected, chance = LaneMessages("press"), [], {}, random.Random(seed)
    writer = await writers.open()
    for step, *rest in steps:
        if step == "batch":
            rows = [(tag, START_US + ts * SECOND, value) for tag, ts, value in rest[0]]
            stream.append(lane.next(rows))
            expected.update(((tag, ts), value) for tag, ts, value in rows)
        elif step == "repeat" and lane.seq:
            stream.append(lane.next([(1, START_US, 99.0)], seq=chance.randint(1, lane.seq)))
        elif step == "gateway restarts":
            lane.restart()
        elif step == "seal":
            await writer.seal()
        elif step.startswith("killed"):
            if step != "killed":
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(writer._committer, "commit", _killed)
                    if writer.sequence > writer.committed:
                        with pytest.raises(Unavailable):
                            await writer.seal()
            writer = await writers.open()
        for message in stream[writer.sequence :]:
            await writer.take(message)
    hot = {(tag, ts): value for tag, ts, value, _ in listed(writer.hot.select(None, 0, 2**60))}
    sealed = [(tag, ts, value) for tag, ts, value, _ in table_rows(writers.folder)]
    assert len({row[:2] for row in sealed}) == len(sealed), "a (tag, ts) is in the table twice"
    assert _exact({(tag, ts): value for tag, ts, value in sealed} | hot) == _exact(expected)
    await writer.seal()
    assert _exact({(tag, ts): value for tag, ts, value, _ in table_rows(writers.folder)}) == _exact(expected)
    await writers.close()


def _exact(rows: dict) -> dict:
    return {key: (type(value).__name__, str(value)) for key, value in rows.items()}
