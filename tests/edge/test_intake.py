"""What the intake does to rows between driver and lane."""

import math

import msgspec
import pytest

from lineshaft.bus import Gap
from lineshaft.core import clock, quality
from lineshaft.edge.board import Board
from lineshaft.edge.columns import BOOLEAN, INTEGER, MISSING, NUMBER, TEXT
from lineshaft.edge.driver import Plan
from lineshaft.edge.intake import LONGEST_TEXT, Intake
from lineshaft.edge.model import Device, Point

NOW = 1_760_000_000_000_000
SECOND = 1_000_000
AHEAD = 60 * SECOND
TAGS = {"number": 11, "integer": 12, "boolean": 13, "text": 14}


@pytest.fixture(autouse=True)
def now():
    """A clock that stands still until told."""
    moment = [NOW]
    with clock.fixed(lambda: moment[0]):
        yield moment


@pytest.fixture
def intake(lane):
    points = tuple(Point(name=kind, address="i=1", kind=kind, tag=tag) for kind, tag in TAGS.items())
    device = Device(name="press", path="a/b/c/d/e/f", driver="opcua", endpoint="opc.tcp://h:1", points=points)
    return Intake(Plan(device=device, options=None, points=points, blocks=()), lane, AHEAD)


def test_rows_enter_the_lane_under_their_tags_numbers(intake, lane, rows_of):
    intake.take(rows_of((0, NOW, NOW + 1, 0, NUMBER, 1.5), (3, NOW, NOW, 0x80310000, TEXT, "x")))
    assert lane.rows == [(11, NOW, NOW + 1, 0, 1.5), (14, NOW, NOW, 0x80310000, "x")]
    assert intake.counts == {"rows": 2}


# -- times ------------------------------------------------------------------------------------------------------------


def test_a_missing_arrival_time_becomes_the_time_of_receiving(intake, lane, rows_of):
    intake.take(rows_of((0, NOW - 5, MISSING, 0, NUMBER, 1.0)))
    assert lane.rows == [(11, NOW - 5, NOW, 0, 1.0)]


@pytest.mark.parametrize(
    ("ts", "reason"),
    [
        (MISSING, "source_time_missing"),
        (0, "source_time_before_1990"),
        (631_151_999_999_999, "source_time_before_1990"),
        (NOW + AHEAD + 1, "source_time_ahead"),
    ],
)
def test_a_source_time_that_cannot_be_is_replaced_and_the_value_is_uncertain(intake, lane, rows_of, ts, reason):
    intake.take(rows_of((0, ts, NOW - 7, 0, NUMBER, 1.0)))
    assert lane.rows == [(11, NOW - 7, NOW - 7, quality.UNCERTAIN, 1.0)]
    assert intake.counts[reason] == 1


def test_without_a_believable_server_time_the_gateways_own_is_taken(intake, lane, rows_of):
    intake.take(rows_of((0, MISSING, NOW + 2 * AHEAD, 0, NUMBER, 1.0)))
    assert lane.rows == [(11, NOW, NOW, quality.UNCERTAIN, 1.0)]


@pytest.mark.parametrize("ts", [631_152_000_000_000, NOW - 10 * 365 * 86400 * SECOND, NOW + AHEAD])
def test_an_old_source_time_and_one_a_little_ahead_are_believed(intake, lane, rows_of, ts):
    intake.take(rows_of((0, ts, NOW, 0, NUMBER, 1.0)))
    assert lane.rows == [(11, ts, NOW, 0, 1.0)]


@pytest.mark.parametrize("q", [0x40930000, 0x80310000, 0x00000480])
def test_a_replaced_time_never_makes_a_quality_better_nor_loses_its_remarks(intake, lane, rows_of, q):
    intake.take(rows_of((0, MISSING, NOW, q, NUMBER, 1.0)))
    assert lane.rows[0][3] == (q | quality.UNCERTAIN if q < quality.UNCERTAIN else q)


# -- values -----------------------------------------------------------------------------------------------------------


def test_good_and_not_a_number_is_bad_out_of_range(intake, lane, rows_of):
    intake.take(rows_of((0, NOW, NOW, 0, NUMBER, math.nan), (0, NOW + 1, NOW, 0x80310000, NUMBER, math.nan)))
    assert [row[3] for row in lane.rows] == [quality.BAD_OUT_OF_RANGE, 0x80310000]


@pytest.mark.parametrize(
    ("key", "kind", "value"),
    [(0, TEXT, "12"), (0, BOOLEAN, True), (1, TEXT, "12"), (2, INTEGER, 1), (2, NUMBER, 1.0), (3, NUMBER, 1.0)],
)
def test_a_value_of_another_kind_than_its_tags_is_bad_type_mismatch(intake, lane, rows_of, key, kind, value):
    intake.take(rows_of((key, NOW, NOW, 0, kind, value)))
    ((_, ts, arrival, q, kept),) = lane.rows
    assert (ts, arrival, q) == (NOW, NOW, quality.BAD_TYPE_MISMATCH)
    assert math.isnan(kept)
    assert intake.counts["value_type_mismatch"] == 1


@pytest.mark.parametrize(("key", "kind", "value"), [(0, INTEGER, 3), (1, NUMBER, 2.5)])
def test_numbers_and_integers_may_stand_for_each_other(intake, lane, rows_of, key, kind, value):
    intake.take(rows_of((key, NOW, NOW, 0, kind, value)))
    assert lane.rows[0][3:] == (0, value)


def test_a_value_that_cannot_be_is_bad_and_kept(lane, rows_of):
    points = (
        Point(name="pressure", address="i=1", tag=11, minimum=0.0, maximum=16.0),
        Point(name="count", address="i=2", kind="integer", tag=12, minimum=0),
        Point(name="free", address="i=3", tag=13),
    )
    device = Device(name="press", path="a/b/c/d/e/f", driver="opcua", endpoint="opc.tcp://h:1", points=points)
    limited = Intake(Plan(device=device, options=None, points=points, blocks=()), lane, AHEAD)
    limited.take(rows_of((0, NOW, NOW, 0, NUMBER, 16.0), (1, NOW, NOW, 0, INTEGER, -1), (2, NOW, NOW, 0, NUMBER, 1e9)))
    limited.take(rows_of((0, NOW + 1, NOW, 0, NUMBER, 16.5), (0, NOW + 2, NOW, 0x80310000, NUMBER, 99.0)))
    out = quality.BAD_OUT_OF_RANGE
    assert [(row[0], row[3], row[4]) for row in lane.rows] == [
        (11, 0, 16.0), (12, out, -1), (13, 0, 1e9), (11, out, 16.5), (11, 0x80310000, 99.0),
    ]  # fmt: skip
    assert limited.counts["value_out_of_range"] == 2


def test_the_board_learns_what_the_lane_gets(lane, rows_of):
    board = Board()
    points = (Point(name="pressure", address="i=1", tag=11),)
    device = Device(name="press", path="a/b/c/d/e/f", driver="opcua", endpoint="opc.tcp://h:1", points=points)
    taking = Intake(Plan(device=device, options=None, points=points, blocks=()), lane, AHEAD, board)
    assert board.get("press/pressure") is None
    taking.take(rows_of((0, NOW, NOW, 0, NUMBER, 1.5)))
    taking.take(rows_of((0, NOW - 5, NOW, 0, NUMBER, 0.5)))
    assert board.get("press/pressure").value == 1.5
    taking.lose()
    assert board.get("press/pressure").q == quality.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE


def test_an_endless_text_is_refused(intake, lane, rows_of):
    intake.take(
        rows_of((3, NOW, NOW, 0, TEXT, "x" * (LONGEST_TEXT + 1)), (3, NOW + 1, NOW, 0, TEXT, "x" * LONGEST_TEXT))
    )
    assert [row[3] for row in lane.rows] == [quality.BAD_OUT_OF_RANGE, 0]


# -- overflow ---------------------------------------------------------------------------------------------------------


def test_an_overflow_is_a_gap_from_the_points_last_sample_and_the_sample_stays(intake, lane, rows_of):
    intake.take(rows_of((0, NOW - 10 * SECOND, NOW, 0, NUMBER, 1.0)))
    intake.take(rows_of((0, NOW - 4 * SECOND, NOW, quality.GOOD_OVERFLOW, NUMBER, 2.0), (0, NOW, NOW, 0, NUMBER, 3.0)))
    assert lane.gaps == [
        Gap(cause="overflow", from_ts=NOW - 10 * SECOND, to_ts=NOW - 4 * SECOND,
            detail="press: the queue of 1 points ran over: number")
    ]  # fmt: skip
    assert lane.of(11)[1:] == [(NOW - 4 * SECOND, 0x480, 2.0), (NOW, 0, 3.0)]


# -- repeats ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "kind", "value", "other"), [(0, NUMBER, 1.5, 1.6), (3, TEXT, "a", "b"), (2, BOOLEAN, True, False)]
)
def test_an_exact_repeat_goes_and_any_difference_stays(intake, lane, rows_of, key, kind, value, other):
    same = (key, NOW, NOW, 0, kind, value)
    intake.take(rows_of(same))
    intake.take(rows_of(same))
    assert len(lane.rows) == 1
    assert intake.counts["repeats"] == 1
    for different in ((key, NOW + 1, NOW, 0, kind, value), (key, NOW + 1, NOW, 0x40000000, kind, value),
                      (key, NOW + 1, NOW, 0x40000000, kind, other)):  # fmt: skip
        intake.take(rows_of(different))
    assert len(lane.rows) == 4


# -- loss -------------------------------------------------------------------------------------------------------------


def test_a_loss_writes_one_sample_per_tag_with_the_last_good_value(intake, lane, rows_of, now):
    intake.take(
        rows_of((0, NOW, NOW, 0, NUMBER, 1.5), (3, NOW, NOW, 0, TEXT, "runs"), (1, NOW, NOW, 0x80000000, INTEGER, 3))
    )
    intake.take(rows_of((0, NOW + 1, NOW, 0x80740000, NUMBER, 9.9)))  # bad: the good value before it counts
    lane.rows.clear()
    now[0] = NOW + 5 * SECOND
    intake.lose()
    rows = {row[0]: row[1:] for row in lane.rows}
    assert len(lane.rows) == len(TAGS)
    assert rows[11] == (now[0], now[0], quality.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE, 1.5)
    assert rows[14] == (now[0], now[0], quality.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE, "runs")
    for tag in (12, 13):
        assert rows[tag][:3] == (now[0], now[0], quality.BAD_NO_COMMUNICATION)
        assert math.isnan(rows[tag][3])


def test_a_loss_is_written_once_until_the_connection_is_there_again(intake, lane):
    intake.lose()
    intake.lose()
    assert len(lane.rows) == len(TAGS)
    intake.find()
    intake.lose()
    assert len(lane.rows) == 2 * len(TAGS)


def test_the_mark_of_a_loss_is_later_than_every_sample_even_when_our_clock_is_behind(intake, lane, rows_of):
    intake.take(rows_of((0, NOW + 30 * SECOND, NOW, 0, NUMBER, 1.5)))
    intake.lose()
    assert lane.of(11)[-1][0] == NOW + 30 * SECOND + 1


def test_a_value_that_did_not_change_meanwhile_is_confirmed_at_the_present_time(intake, lane, rows_of, now):
    steady = (0, NOW - SECOND, NOW, 0, NUMBER, 1.5)
    intake.take(rows_of(steady))
    intake.lose()
    intake.find()
    assert intake.doubtful
    now[0] = NOW + 9 * SECOND
    intake.confirm(rows_of(steady))
    assert lane.of(11) == [
        (NOW - SECOND, 0, 1.5), (NOW, quality.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE, 1.5), (NOW + 9 * SECOND, 0, 1.5),
    ]  # fmt: skip
    assert not intake.doubtful


def test_a_value_that_changed_meanwhile_keeps_its_own_time_and_needs_no_confirmation(intake, lane, rows_of, now):
    intake.take(rows_of((0, NOW - SECOND, NOW, 0, NUMBER, 1.5)))
    intake.lose()
    now[0] = NOW + 9 * SECOND
    intake.confirm(rows_of((0, NOW + 3 * SECOND, now[0], 0, NUMBER, 2.5)))
    assert lane.of(11)[-1] == (NOW + 3 * SECOND, 0, 2.5)
    assert len(lane.of(11)) == 3


def test_the_change_that_a_confirmation_brought_is_not_doubled_by_its_notification(intake, lane, rows_of):
    changed = (0, NOW + SECOND, NOW, 0, NUMBER, 2.5)
    intake.lose()
    intake.confirm(rows_of(changed))
    intake.take(rows_of(changed))
    assert [row for row in lane.of(11) if row[2] == 2.5] == [(NOW + SECOND, 0, 2.5)]


def test_a_late_sample_is_kept_but_is_not_the_last_one(intake, lane, rows_of):
    intake.take(rows_of((0, NOW, NOW, 0, NUMBER, 2.0)))
    intake.take(rows_of((0, NOW - SECOND, NOW, 0, NUMBER, 1.0)))
    intake.lose()
    assert [value for _, _, value in lane.of(11)] == [2.0, 1.0, 2.0]


def test_a_point_that_was_never_heard_of_is_not_confirmed(intake, lane, rows_of):
    intake.lose()
    before = len(lane.rows)
    intake.confirm(rows_of())
    assert len(lane.rows) == before


def test_a_changed_configuration_keeps_what_is_known_of_tags_that_stay(intake, lane, rows_of):
    intake.take(rows_of((3, NOW, NOW, 0, TEXT, "runs"), (0, NOW, NOW, 0, NUMBER, 1.5)))
    points = (Point(name="t", address="i=1", kind="text", tag=14), Point(name="new", address="i=2", tag=99))
    device = Device(name="press", path="a/b/c/d/e/f", driver="opcua", endpoint="opc.tcp://h:1", points=points)
    later = Intake(Plan(device=device, options=None, points=points, blocks=()), lane, AHEAD)
    later.inherit(intake)
    lane.rows.clear()
    later.take(rows_of((0, NOW, NOW, 0, TEXT, "runs")))
    assert lane.rows == []  # the new subscription's initial value, which is known already
    later.lose()
    assert {row[0]: row[3] for row in lane.rows} == {14: 0x408F0000, 99: 0x80310000}


# -- what only a part of the device has said ------------------------------------------------------------------------------


def test_a_block_that_was_read_confirms_its_own_points_only(intake, lane, rows_of, now):
    intake.take(rows_of((0, NOW, NOW, 0, NUMBER, 1.0), (1, NOW, NOW, 0, INTEGER, 7)))
    intake.lose()
    intake.find()
    now[0] = NOW + SECOND
    intake.confirm(rows_of((0, NOW, NOW, 0, NUMBER, 1.0)))
    assert lane.of(11)[-1] == (NOW + SECOND, 0, 1.0)
    assert lane.of(12)[-1][1] == quality.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE  # nobody has said anything of it
    assert intake.doubtful
    intake.confirm(rows_of((1, NOW, NOW, 0, INTEGER, 7)))
    assert lane.of(12)[-1] == (NOW + SECOND, 0, 7)
    assert not intake.doubtful


def remade(lane, board, *points, before=None):
    device = Device(name="press", path="a/b/c/d/e/f", driver="opcua", endpoint="opc.tcp://h:1", points=points)
    made = Intake(Plan(device=device, options=None, points=points, blocks=()), lane, AHEAD, board)
    if before is not None:
        made.inherit(before)
    return made


def test_a_device_reconfigured_while_it_was_lost_confirms_when_it_is_back(lane, rows_of, now):
    board, point = Board(), Point(name="p", address="i=1", tag=11)
    before = remade(lane, board, point)
    before.take(rows_of((0, NOW, NOW, 0, NUMBER, 1.0)))
    before.lose()
    after = remade(lane, board, point, before=before)
    assert after.doubtful
    now[0] = NOW + SECOND
    after.confirm(rows_of((0, NOW, NOW, 0, NUMBER, 1.0)))  # the value has not changed, nor has its time
    assert lane.of(11)[-1] == (NOW + SECOND, 0, 1.0)
    assert quality.is_good(board.get("press/p").q)


def test_a_point_with_another_address_never_shows_the_value_of_before(lane, rows_of, now):
    board, point = Board(), Point(name="p", address="i=1", tag=11)
    before = remade(lane, board, point)
    before.take(rows_of((0, NOW, NOW, 0, NUMBER, 1.0)))
    after = remade(lane, board, msgspec.structs.replace(point, address="i=2"), before=before)
    assert board.get("press/p") is None
    after.take(rows_of((0, NOW - 3600 * SECOND, NOW, 0, NUMBER, 99.0)))  # its own source time is older
    assert board.get("press/p").value == 99.0
    after.lose()
    assert lane.of(11)[-1][2] == 99.0


def test_the_board_has_no_values_of_a_device_that_is_not_run_any_more(lane, rows_of):
    board, point = Board(), Point(name="p", address="i=1", tag=11)
    heard = []
    board.listen(lambda _slots, rows: heard.extend(row[3] for row in rows))
    intake = remade(lane, board, point)
    intake.take(rows_of((0, NOW, NOW, 0, NUMBER, 1.0)))
    intake.retire()
    assert board.get("press/p") is None
    assert heard == [0, quality.BAD_NO_DATA]


def test_a_clock_set_back_does_not_keep_the_values_of_now_out(lane, rows_of, now):
    board, point = Board(), Point(name="p", address="i=1", tag=11)
    intake = remade(lane, board, point)
    intake.take(rows_of((0, NOW, NOW, 0, NUMBER, 1.0)))
    now[0] = NOW - 3600 * SECOND
    intake.take(rows_of((0, now[0], now[0], 0, NUMBER, 2.0)))
    assert board.get("press/p").value == 2.0
    now[0] += SECOND
    intake.lose()
    assert lane.of(11)[-1][2] == 2.0


def test_a_listener_that_fails_keeps_nothing_from_the_lane(lane, rows_of):
    board, point = Board(), Point(name="p", address="i=1", tag=11)
    board.listen(lambda *_: 1 / 0)
    remade(lane, board, point).take(rows_of((0, NOW, NOW, 0, NUMBER, 1.0)))
    assert lane.of(11) == [(NOW, 0, 1.0)]


def test_an_overflow_told_by_a_late_sample_is_a_gap_that_begins_before_it_ends(intake, lane, rows_of):
    intake.take(rows_of((0, NOW, NOW, 0, NUMBER, 1.0)))
    intake.take(rows_of((0, NOW - SECOND, NOW, 0x480, NUMBER, 0.5)))
    assert [(gap.from_ts, gap.to_ts) for gap in lane.gaps] == [(NOW - SECOND, NOW - SECOND)]
