"""What the intake does to rows between driver and lane."""

import math

import pytest

from lineshaft.bus import Gap
from lineshaft.core import clock, quality
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
