"""The lane's promises: order, numbers without holes, bounds with gap records, nothing sent twice under two numbers."""

import asyncio

import numpy as np
import pytest

from lineshaft.bus import Gap, read_batch_header, telemetry
from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput, TooLarge, Unavailable
from lineshaft.edge.columns import NUMBER, TEXT, Columns
from lineshaft.edge.lane import Lane
from lineshaft.edge.settings import MIB, EdgeSettings

SUBJECT = "ls.main.box.data.gateway.live"
BASE = 1_760_000_000_000_000


class FakeBus:
    """Stores like the bus does: by message id, once. `trouble` is raised, before or after storing, while it is set."""

    def __init__(self):
        self.stored = {}
        self.attempts = []
        self.trouble = None
        self.stores_before_trouble = False
        self.max_payload = MIB

    async def publish_stored(self, subject, payload, headers=None, message_id=None, *, timeout=5.0):
        await asyncio.sleep(0)
        self.attempts.append(message_id)
        if len(payload) > self.max_payload:
            raise TooLarge("bus.too_large", "too large")
        if self.trouble is None or self.stores_before_trouble:
            self.stored.setdefault(message_id, (read_batch_header(subject, headers), telemetry.decode(payload)))
        if self.trouble is not None:
            raise self.trouble

    @property
    def headers(self):
        return [header for header, _ in self.stored.values()]

    @property
    def values(self):
        return [value for _, batch in self.stored.values() for value in batch.column("v").to_pylist()]


@pytest.fixture
def bus():
    return FakeBus()


@pytest.fixture
async def lane(bus):
    lane = Lane(bus, SUBJECT, EdgeSettings(flush_rows=100, flush_seconds=0.05, buffer_bytes=MIB))
    lane.config = 7
    lane.start()
    yield lane
    bus.trouble = None
    await lane.close(5)


def rows(*values, text=""):
    columns = Columns(max(len(values), 1))
    for value in values:
        columns.add(0, BASE + int(value), BASE, 0, NUMBER, float(value))
    return columns, np.ones(len(values), np.int32)


async def test_rows_leave_together_when_the_oldest_has_waited_long_enough(lane, bus, until):
    lane.append(*rows(1, 2))
    lane.append(*rows(3))
    await until(lambda: bus.stored)
    (header,) = bus.headers
    assert (header.gateway, header.boot, header.seq, header.rows, header.config) == ("gateway", lane.boot, 1, 3, 7)
    assert bus.values == [1, 2, 3]


async def test_enough_rows_leave_at_once(bus, until):
    lane = Lane(bus, SUBJECT, EdgeSettings(flush_rows=100, flush_seconds=60))
    lane.start()
    lane.append(*rows(*range(100)))
    await until(lambda: bus.stored)
    assert len(bus.values) == 100
    await lane.close(5)


async def test_numbers_begin_at_one_and_only_the_first_batch_says_that_it_is(lane, bus, until):
    for value in range(5):
        lane.append(*rows(value))
        lane.flush()
    await until(lambda: len(bus.stored) == 5)
    assert [header.seq for header in bus.headers] == [1, 2, 3, 4, 5]
    assert [header.first for header in bus.headers] == [True, False, False, False, False]
    assert not any(header.last for header in bus.headers)


async def test_an_unconfirmed_batch_is_sent_again_under_its_number_before_any_other(lane, bus, until):
    bus.trouble = Unavailable("bus.unacknowledged", "no answer")
    bus.stores_before_trouble = True
    lane.append(*rows(1))
    lane.flush()
    lane.append(*rows(2))
    lane.flush()
    await until(lambda: len(bus.attempts) >= 2)
    assert set(bus.attempts) == {f"gateway:{lane.boot}:1"}
    bus.trouble = None
    await until(lambda: len(bus.stored) == 2)
    assert bus.values == [1, 2]


async def test_a_clean_stop_marks_the_last_batch(bus):
    lane = Lane(bus, SUBJECT, EdgeSettings())
    lane.start()
    lane.append(*rows(1))
    assert await lane.close(5)
    assert [(header.seq, header.rows, header.first, header.last) for header in bus.headers] == [(1, 1, True, True)]


async def test_a_clean_stop_without_rows_says_so_in_a_batch_of_none(lane, bus, until):
    lane.append(*rows(1))
    await until(lambda: bus.stored)
    await lane.close(5)
    assert [(header.seq, header.rows, header.last) for header in bus.headers] == [(1, 1, False), (2, 0, True)]


async def test_a_stop_nobody_asked_for_sends_what_is_left_and_does_not_say_that_it_was_the_last(bus):
    lane = Lane(bus, SUBJECT, EdgeSettings())
    lane.start()
    lane.append(*rows(1))
    assert await lane.close(5, last=False)
    assert [(header.seq, header.rows, header.last) for header in bus.headers] == [(1, 1, False)]


async def test_a_stop_that_the_bus_does_not_confirm_is_told(bus):
    lane = Lane(bus, SUBJECT, EdgeSettings())
    bus.trouble = Unavailable("bus.unreachable", "down")
    lane.start()
    lane.append(*rows(1))
    assert not await lane.close(0.2)


async def test_two_lanes_never_share_a_boot(bus):
    assert Lane(bus, SUBJECT, EdgeSettings()).boot != Lane(bus, SUBJECT, EdgeSettings()).boot


# -- gaps -------------------------------------------------------------------------------------------------------------


async def test_a_gap_travels_with_the_rows_that_follow_it(lane, bus, until):
    gap = Gap(cause="overflow", from_ts=1, to_ts=2, detail="x")
    lane.gap(gap)
    lane.append(*rows(1))
    await until(lambda: bus.stored)
    (header,) = bus.headers
    assert header.gap == gap
    assert header.rows == 1


async def test_a_gap_without_rows_is_told_all_the_same(lane, bus, until):
    lane.gap(Gap(cause="sequence", from_ts=1, to_ts=2))
    await until(lambda: bus.stored)
    assert [(header.rows, header.gap.cause) for header in bus.headers] == [(0, "sequence")]


async def test_gaps_of_several_causes_are_all_told_and_those_of_one_cause_joined(lane, bus, until):
    lane.gap(Gap(cause="overflow", from_ts=5, to_ts=6, rows=2, detail="a"))
    lane.gap(Gap(cause="sequence", from_ts=1, to_ts=2))
    lane.gap(Gap(cause="overflow", from_ts=3, to_ts=9, rows=3, detail="b"))
    lane.append(*rows(1))
    await until(lambda: sum(header.rows for header in bus.headers) == 1)
    gaps = {header.gap.cause: header.gap for header in bus.headers}
    assert gaps["overflow"] == Gap(cause="overflow", from_ts=3, to_ts=9, rows=5, detail="a; b")
    assert gaps["sequence"] == Gap(cause="sequence", from_ts=1, to_ts=2)


async def test_a_full_buffer_drops_the_oldest_and_the_gap_says_exactly_which(bus, until):
    lane = Lane(bus, SUBJECT, EdgeSettings(flush_rows=4000, buffer_bytes=MIB))
    bus.trouble = Unavailable("bus.unreachable", "down")
    lane.start()
    total, part = 100_000, 500
    for start in range(0, total, part):
        lane.append(*rows(*range(start, start + part)))
        lane.flush()
        assert lane.waiting_bytes <= 1.1 * MIB
        await asyncio.sleep(0)
    bus.trouble = None
    await until(lambda: bus.values and bus.values[-1] == total - 1)
    (gap,) = [header.gap for header in bus.headers if header.gap is not None]
    kept = {int(value) for value in bus.values}
    missing = sorted(set(range(total)) - kept)
    assert gap.cause == "dropped"
    assert (gap.rows, gap.from_ts, gap.to_ts) == (len(missing), BASE + missing[0], BASE + missing[-1])
    assert [header.seq for header in bus.headers] == list(range(1, len(bus.headers) + 1))
    assert bus.values == sorted(bus.values)
    await lane.close(5)


async def test_batches_that_waited_too_long_go_with_a_gap(bus, until, monkeypatch):
    now = [clock.monotonic()]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    lane = Lane(bus, SUBJECT, EdgeSettings(buffer_seconds=0.05))
    bus.trouble = Unavailable("bus.full", "full")
    lane.start()
    for value in (1, 2, 3):
        lane.append(*rows(value))
        lane.flush()
    await until(lambda: bus.attempts)
    now[0] += 1
    await until(lambda: len(bus.attempts) >= 3)
    bus.trouble = None
    await until(lambda: [header.gap for header in bus.headers if header.gap])
    assert bus.values == [1]  # the one under way is never dropped: it may be stored already
    assert [header.gap.rows for header in bus.headers if header.gap] == [2]
    await lane.close(5)


async def test_no_batch_says_that_it_completes_a_time_of_which_rows_are_still_to_come(bus, until):
    lane = Lane(bus, SUBJECT, EdgeSettings(flush_rows=4000, buffer_bytes=MIB))
    last = 0
    lane.complete_us = lambda: BASE + last
    bus.trouble = Unavailable("bus.unreachable", "down")
    lane.start()
    for last in range(500, 100_001, 500):  # asked for when each batch is made
        lane.gap(Gap(cause="overflow", from_ts=1, to_ts=2))
        lane.gap(Gap(cause="sequence", from_ts=1, to_ts=2))
        lane.append(*rows(*range(last - 500, last)))
        lane.flush()
    bus.trouble = None
    await until(lambda: bus.values and bus.values[-1] == last - 1)
    told = BASE
    for header, batch in bus.stored.values():
        assert all(BASE + value >= told for value in batch.column("v").to_pylist())
        told = max(told, header.complete_us or 0)
    assert told == BASE + last
    await lane.close(5)


# -- limits of the bus --------------------------------------------------------------------------------------------------


async def test_more_than_one_message_holds_is_split(bus, until):
    bus.max_payload = 16_000
    lane = Lane(bus, SUBJECT, EdgeSettings(flush_rows=1000))
    lane.start()
    lane.append(*rows(*range(1000)))
    await until(lambda: len(bus.values) == 1000)
    assert bus.values == list(range(1000))
    assert len(bus.headers) > 1
    assert sum(header.rows for header in bus.headers) == 1000
    await lane.close(5)


async def test_a_limit_that_shrank_meanwhile_splits_what_is_under_way(bus, until):
    lane = Lane(bus, SUBJECT, EdgeSettings(flush_rows=1000))
    lane.append(*rows(*range(1000)))
    bus.max_payload = 16_000
    lane.start()
    await until(lambda: len(bus.values) == 1000)
    assert bus.values == list(range(1000))
    assert [header.seq for header in bus.headers] == list(range(1, len(bus.headers) + 1))
    await lane.close(5)


async def test_what_was_missing_before_is_told_though_the_rows_beside_it_are_lost(lane, bus, until, monkeypatch):
    def refuse(_):
        raise InvalidInput("bus.batch_invalid", "a rule")

    with monkeypatch.context() as patch:
        patch.setattr("lineshaft.edge.batch.encode", refuse)
        lane.gap(Gap(cause="overflow", from_ts=BASE, to_ts=BASE + 5, rows=7, detail="a queue"))
        lane.append(*rows(1, 2))
        lane.flush()
    lane.append(*rows(3))
    await until(lambda: len([header for header in bus.headers if header.gap]) == 2)
    told = {(header.gap.cause, header.gap.rows) for header in bus.headers if header.gap}
    assert told == {("dropped", 2), ("overflow", 7)}


async def test_a_row_that_no_message_holds_takes_no_gap_along(bus, until):
    bus.max_payload = 3000
    lane = Lane(bus, SUBJECT, EdgeSettings(flush_rows=1000))
    lane.start()
    lane.gap(Gap(cause="overflow", from_ts=BASE, to_ts=BASE + 5, rows=7, detail="a queue"))
    columns = Columns(1)
    columns.add(0, BASE + 9, BASE, 0, TEXT, "x" * 20_000)
    lane.append(columns, np.ones(1, np.int32))
    await until(lambda: len([header for header in bus.headers if header.gap]) == 2)
    assert {header.gap.cause for header in bus.headers if header.gap} == {"dropped", "overflow"}
    await lane.close(5)


async def test_rows_that_break_a_rule_of_the_batch_are_lost_with_a_gap_and_the_lane_goes_on(
    lane, bus, until, monkeypatch
):
    def refuse(_):
        raise InvalidInput("bus.batch_invalid", "a rule")

    with monkeypatch.context() as patch:
        patch.setattr("lineshaft.edge.batch.encode", refuse)
        lane.append(*rows(1, 2))
        lane.flush()
    lane.append(*rows(3))
    await until(lambda: bus.values == [3])
    (gap,) = [header.gap for header in bus.headers if header.gap]
    assert (gap.cause, gap.rows, gap.from_ts, gap.to_ts) == ("dropped", 2, BASE + 1, BASE + 2)
