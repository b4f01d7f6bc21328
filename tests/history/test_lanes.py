"""Lanes: what was taken in before is a repeat; what is missing between two batches is a gap, said exactly."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.bus.envelopes import Dropped, forwarding_headers, read_batch_header
from lineshaft.bus.envelopes import Gap as ToldGap
from lineshaft.history.lanes import BOOTS_KEPT, Boot, Lanes, held
from lineshaft.history.model import Held, HeldBoot
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


def second(time_us):
    """Seconds since the beginning of the test's times."""
    return (time_us - START_US) // 1_000_000


class Forwarded:
    """A gateway with a bus of its own: each message says which is the oldest that may still come."""

    def __init__(self):
        self.lanes = Lanes()
        self.messages = LaneMessages("press")

    def send(self, boot, seq, oldest=None, *, last=False, dropped=()):
        """Give one message to the lanes; the gaps it makes certain."""
        self.messages.boot = boot
        message = self.messages.next(seq=seq, last=last)
        stored_us = START_US + 1_000_000 * (1000 * (ord(boot) - ord("a")) + seq)  # one boot after the other
        headers = message.headers | forwarding_headers(oldest or (boot, seq), stored_us, list(dropped))
        header = read_batch_header(message.subject, headers)
        take = self.lanes.settle if self.lanes.is_repeat(header) else self.lanes.accept
        gaps = take(header, message.time_us, message.sequence)
        restarts = [gap for gap in gaps if gap.cause == "restart"]
        self.begun = [gap.to_us for gap in restarts]
        self.restarts = [(gap.boot, second(gap.from_us), second(gap.to_us)) for gap in restarts]
        return [(gap.cause, gap.boot, gap.from_seq, gap.to_seq, gap.rows) for gap in gaps]

    def held(self):
        return held("press", self.lanes.state()["press"])


@pytest.fixture
def forwarded():
    return Forwarded()


def drop(boot, from_seq, to_seq, rows=10, **more):
    return Dropped(
        boot=boot, from_seq=from_seq, to_seq=to_seq, rows=rows, from_ts=1, to_ts=9, stored_us=START_US, **more
    )


def test_what_comes_ahead_leaves_no_gap_while_the_older_ones_may_still_come(forwarded):
    assert forwarded.send("a", 1) == []
    assert forwarded.send("a", 100, ("a", 2)) == []
    assert [forwarded.send("a", seq, ("a", 2)) for seq in (2, 101, 3)] == [[], [], []]
    assert forwarded.held() == Held(gateway="press", boots=[HeldBoot(boot="a", seq=3, ahead=[(100, 101)])])
    assert [forwarded.send("a", seq) for seq in range(4, 100)] == [[]] * 96
    assert forwarded.send("a", 102) == []
    assert forwarded.held().boots == [HeldBoot(boot="a", seq=102)]


def test_a_hole_is_a_gap_once_nothing_older_can_come(forwarded):
    forwarded.send("a", 1)
    forwarded.send("a", 100, ("a", 2))
    assert forwarded.send("a", 50, ("a", 50)) == [("sequence", "a", 2, 49, None)]
    assert forwarded.send("a", 101, ("a", 101)) == [("sequence", "a", 51, 99, None)]


def test_repeats_are_known_ahead_of_a_hole_too_and_what_fills_it_is_none(forwarded):
    forwarded.send("a", 1)
    forwarded.send("a", 100, ("a", 2))
    header = forwarded.messages.header(0, seq=100)
    assert forwarded.lanes.is_repeat(header)
    assert not forwarded.lanes.is_repeat(forwarded.messages.header(0, seq=99))


def test_a_restart_is_told_when_the_boot_before_has_come_whole(forwarded):
    forwarded.send("a", 1)
    assert forwarded.send("b", 1, ("a", 2)) == []
    assert forwarded.send("a", 2) == []
    assert forwarded.send("b", 2) == [("restart", "a", 3, None, None)]


def test_a_boot_that_only_the_back_fill_brings_comes_in_its_turn(forwarded):
    forwarded.send("a", 1, last=True)
    assert forwarded.send("c", 5, ("b", 1)) == []
    assert forwarded.send("b", 1) == []
    assert [forwarded.send("c", seq) for seq in (1, 2, 3, 4)] == [[("restart", "b", 2, None, None)], [], [], []]
    assert [boot.boot for boot in forwarded.held().boots] == ["a", "b", "c"]


def test_a_boot_that_came_whole_ahead_of_its_turn_has_its_restart_told(forwarded):
    """Killed while older batches were on their way, with nothing of its own left behind: the next word is of the boot after."""
    forwarded.send("a", 1)
    forwarded.send("b", 1, ("a", 2))
    forwarded.send("b", 2, ("a", 2))
    forwarded.send("c", 9, ("a", 2))
    assert forwarded.send("a", 2) == []
    assert forwarded.send("c", 1) == [("restart", "a", 3, None, None), ("restart", "b", 3, None, None)]
    assert [boot.boot for boot in forwarded.held().boots] == ["a", "b", "c"]


def test_a_restart_ends_with_the_first_batch_of_the_next_boot_and_not_with_its_newest(forwarded):
    forwarded.send("a", 1)
    assert forwarded.send("b", 500, ("a", 2)) == []
    assert forwarded.send("b", 501, ("b", 1)) == [], "when it began is not known yet"
    assert forwarded.send("b", 1) == [("restart", "a", 2, None, None)]
    assert forwarded.begun == [START_US + 1_001_000_000]


def test_a_repeat_still_tells_that_the_boots_before_are_over(forwarded):
    forwarded.send("a", 1)
    forwarded.send("b", 1, ("a", 2))
    assert forwarded.send("b", 1) == [("restart", "a", 2, None, None)]


def test_what_the_gateways_store_dropped_is_one_gap_with_its_rows(forwarded):
    forwarded.send("a", 1)
    told = drop("a", 2, 9, rows=80)
    assert forwarded.send("a", 10, dropped=[told]) == [("dropped", "a", 2, 9, 80)]
    assert forwarded.send("a", 11, dropped=[told]) == [], "told once more it is no second gap"


def test_a_farewell_without_rows_that_was_dropped_is_no_gap_and_its_boot_has_ended_cleanly(forwarded):
    forwarded.send("a", 1)
    farewell = drop("a", 2, 2, rows=0, last=True)
    assert forwarded.send("b", 1, dropped=[farewell]) == [], "no value was lost"
    assert forwarded.send("b", 2, dropped=[farewell]) == []


def test_what_arrived_before_it_was_dropped_is_not_missing(forwarded):
    for seq in (1, 2, 3):
        forwarded.send("a", seq)
    assert forwarded.send("a", 10, dropped=[drop("a", 2, 9)]) == [("dropped", "a", 4, 9, None)]
    assert forwarded.send("a", 11, dropped=[drop("a", 1, 3)]) == []


def test_a_whole_boot_that_was_dropped_keeps_its_place(forwarded):
    forwarded.send("a", 1, last=True)
    assert forwarded.send("c", 1, dropped=[drop("b", 1, 5, rows=50)]) == [
        ("dropped", "b", 1, 5, 50), ("restart", "b", 6, None, None)
    ]  # fmt: skip
    assert forwarded.send("d", 1, dropped=[drop("c", 2, 3, last=True)]) == [("dropped", "c", 2, 3, 10)]


def test_a_boot_known_only_by_what_was_dropped_of_it_does_not_end_the_newer_one_that_came_ahead(forwarded):
    forwarded.send("a", 1, last=True)
    forwarded.send("c", 3, ("b", 1))
    told = Dropped(
        boot="b", from_seq=1, to_seq=1, rows=5, from_ts=START_US + 1_000_000_000, to_ts=START_US + 1_001_000_000,
        stored_us=START_US + 1_001_000_000,
    )  # fmt: skip
    assert forwarded.send("c", 4, ("b", 2), dropped=[told]) == [("dropped", "b", 1, 1, 5)]
    forwarded.send("b", 2, last=True)
    assert forwarded.send("c", 1) == []
    assert not forwarded.lanes.is_repeat(forwarded.messages.header(0, seq=2)), "what still comes is taken in"


def dropped_with_old_samples(boot, from_seq, to_seq, stored):
    """Batches that a source's buffer filled long before the gateway's bus stored them."""
    return Dropped(
        boot=boot, from_seq=from_seq, to_seq=to_seq, rows=5, from_ts=START_US - 500_000_000,
        to_ts=START_US - 400_000_000, stored_us=START_US + stored * 1_000_000,
    )  # fmt: skip


def test_a_restart_ends_when_the_next_boots_batches_were_stored_and_not_at_their_samples_times(forwarded):
    forwarded.send("a", 100)
    told = dropped_with_old_samples("b", 1, 3, stored=1003)
    assert forwarded.send("b", 4, ("b", 4), dropped=[told]) == [
        ("restart", "a", 101, None, None),
        ("dropped", "b", 1, 3, 5),
    ]
    assert forwarded.restarts == [("a", 100, 1003)]


def test_boots_come_in_the_order_they_were_stored_however_old_the_samples_of_one(forwarded):
    forwarded.send("a", 100)
    forwarded.send("b", 1, ("a", 101))
    forwarded.send("b", 2, ("a", 101))
    assert forwarded.begun == []
    told = dropped_with_old_samples("c", 1, 3, stored=2003)
    forwarded.send("d", 1, dropped=[told])
    assert forwarded.restarts[:2] == [("a", 100, 1001), ("b", 1002, 2003)]
    assert [boot.boot for boot in forwarded.held().boots] == ["a", "b", "c", "d"]


def test_the_state_with_runs_goes_through_a_snapshot(forwarded):
    forwarded.send("a", 1)
    forwarded.send("a", 100, ("a", 2))
    state = msgspec.json.decode(msgspec.json.encode(forwarded.lanes.state()), type=dict[str, list[Boot]])
    forwarded.lanes = Lanes(state)
    assert forwarded.send("a", 101, ("a", 2)) == []
    assert forwarded.send("a", 102) == [("sequence", "a", 2, 99, None)]


def test_the_table_remembers_only_what_is_complete(forwarded):
    forwarded.send("a", 1)
    forwarded.send("a", 100, ("a", 2))
    forwarded.send("b", 7, ("a", 2))
    assert forwarded.lanes.take_marks() == {("press", "a"): 1}
    assert forwarded.lanes.take_marks() == {}


def test_a_gateway_without_a_bus_of_its_own_is_told_nothing(lane):
    lanes = Lanes()
    give(lanes, lane.next())
    assert held("press", lanes.state()["press"]) is None


@given(st.data())
def test_any_order_with_true_words_on_the_oldest_ends_without_a_gap(data):
    """Two boots, cut anywhere into what is sent in turn and what is sent ahead; repeats anywhere."""
    forwarded = Forwarded()
    batches = [("a", seq) for seq in range(1, 6)] + [("b", seq) for seq in range(1, 9)]
    left, found = list(batches), []
    while left:
        ahead = data.draw(st.booleans()) and any(boot == "b" for boot, _ in left)
        chosen = data.draw(st.sampled_from([each for each in left if each[0] == "b"])) if ahead else left[0]
        found += forwarded.send(*chosen, left[0])
        if data.draw(st.booleans()):
            found += forwarded.send(*chosen, left[0])
        left.remove(chosen)
    found += forwarded.send("b", 9)
    assert found == [("restart", "a", 6, None, None)]
    assert forwarded.held().boots == [HeldBoot(boot="a", seq=5), HeldBoot(boot="b", seq=9)]
