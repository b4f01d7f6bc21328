"""Lanes: what was taken in before is a repeat; what is missing between two batches is a gap, said exactly."""

import pytest

from lineshaft.bus.envelopes import Gap as ToldGap
from lineshaft.bus.envelopes import read_batch_header
from lineshaft.history.lanes import BOOTS_KEPT, Lanes
from lineshaft.history.testing import START_US, LaneMessages


@pytest.fixture
def lane() -> LaneMessages:
    return LaneMessages("press")


def give(lanes: Lanes, message) -> list[tuple]:
    header = read_batch_header(message.subject, message.headers)
    assert not lanes.is_repeat(header)
    gaps = lanes.accept(header, message.time_us, message.sequence)
    assert all(gap.sequence == message.sequence and gap.noted_us == message.time_us for gap in gaps)
    return [(gap.cause, gap.from_seq, gap.to_seq, gap.rows) for gap in gaps]


def test_batches_in_order_leave_no_gap(lane):
    lanes = Lanes()
    assert [give(lanes, lane.next()) for _ in range(3)] == [[], [], []]


def test_a_missing_number_is_a_gap_of_just_those_batches(lane):
    lanes = Lanes()
    first = lane.next()
    give(lanes, first)
    lane.seq += 3
    message = lane.next()
    header = read_batch_header(message.subject, message.headers)
    (gap,) = lanes.accept(header, message.time_us, message.sequence)
    assert (gap.gateway, gap.boot, gap.cause, gap.from_seq, gap.to_seq) == ("press", lane.boot, "sequence", 2, 4)
    assert (gap.from_us, gap.to_us) == (first.time_us, message.time_us)


def test_a_boot_whose_first_batches_never_came_has_a_gap_from_one(lane):
    lane.seq = 2
    assert give(Lanes(), lane.next()) == [("sequence", 1, 2, None)]


def test_a_number_seen_before_is_a_repeat(lane):
    lanes = Lanes()
    messages = [lane.next() for _ in range(3)]
    for message in messages:
        give(lanes, message)
    assert all(lanes.is_repeat(read_batch_header(each.subject, each.headers)) for each in messages)


def test_a_boot_that_ended_without_saying_so_is_a_restart(lane):
    lanes = Lanes()
    give(lanes, lane.next())
    before = lane.next()
    give(lanes, before)
    boot = lane.boot
    lane.restart()
    message = lane.next()
    header = read_batch_header(message.subject, message.headers)
    (gap,) = lanes.accept(header, message.time_us, message.sequence)
    assert (gap.cause, gap.boot, gap.from_seq, gap.to_seq) == ("restart", boot, 3, None)
    assert (gap.from_us, gap.to_us) == (before.time_us, message.time_us)


def test_a_clean_stop_is_no_gap(lane):
    lanes = Lanes()
    give(lanes, lane.next())
    give(lanes, lane.next(last=True))
    lane.restart()
    assert give(lanes, lane.next()) == []


def test_a_boot_that_went_on_after_its_last_batch_was_not_over(lane):
    lanes = Lanes()
    give(lanes, lane.next(last=True))
    give(lanes, lane.next())
    lane.restart()
    assert give(lanes, lane.next()) == [("restart", 3, None, None)]


def test_what_a_gateway_reports_is_taken_over(lane):
    told = ToldGap(cause="overflow", from_ts=START_US, to_ts=START_US + 5, rows=17, detail="queue of press")
    header = read_batch_header(*_of(lane.next(gap=told)))
    (gap,) = Lanes().accept(header, START_US, 1)
    assert (gap.cause, gap.from_us, gap.to_us, gap.rows, gap.detail) == (
        "overflow", START_US, START_US + 5, 17, "queue of press",
    )  # fmt: skip
    unknown = ToldGap(cause="dropped", from_ts=1, to_ts=2)
    (gap,) = Lanes().accept(read_batch_header(*_of(LaneMessages().next(gap=unknown))), START_US, 1)
    assert gap.rows is None, "zero rows means that nobody knows"


def test_lanes_of_two_gateways_do_not_touch_each_other(lane):
    lanes, other = Lanes(), LaneMessages("oven")
    for message in (lane.next(), other.next(), lane.next(), other.next()):
        assert give(lanes, message) == []


def test_an_older_boot_that_speaks_again_is_no_restart(lane):
    lanes = Lanes()
    old = LaneMessages("press")
    give(lanes, old.next(last=True))
    give(lanes, lane.next())
    assert give(lanes, old.next()) == []
    assert give(lanes, lane.next()) == []


def test_state_and_back_tells_the_same_gaps(lane):
    lanes = Lanes()
    give(lanes, lane.next())
    saved = Lanes(lanes.state())
    give(lanes, lane.next())
    message = lane.next()
    header = read_batch_header(message.subject, message.headers)
    assert saved.accept(header, message.time_us, 9)[0].from_seq == 2, "the saved state does not move with the lanes"
    assert lanes.accept(header, message.time_us, 9) == []


def test_only_the_last_boots_are_remembered_and_an_older_one_can_be_put_back(lane):
    lanes = Lanes()
    first = lane.boot
    for _ in range(BOOTS_KEPT + 1):
        give(lanes, lane.next(last=True))
        lane.restart()
    assert not lanes.knows("press", first)
    lanes.restore("press", first, 1, START_US)
    assert lanes.knows("press", first)
    assert give(lanes, lane.next()) == [], "what was put back is not the boot before"


def _of(message) -> tuple:
    return message.subject, message.headers


def test_a_restart_is_told_from_the_time_up_to_which_the_gateway_had_sent_everything(lane):
    lanes = Lanes()
    before = lane.next()
    complete_us = before.time_us - 1_700_000
    header = read_batch_header(before.subject, {**before.headers, "Ls-Complete": str(complete_us)})
    assert lanes.accept(header, before.time_us, before.sequence) == []
    lane.restart()
    after = lane.next()
    (gap,) = lanes.accept(read_batch_header(after.subject, after.headers), after.time_us, after.sequence)
    assert (gap.cause, gap.from_us, gap.to_us) == ("restart", complete_us, after.time_us)
