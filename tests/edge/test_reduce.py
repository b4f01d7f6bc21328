"""Report by exception: what leaves, in which order, and that the bounds hold whatever the values do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.columns import INTEGER, NUMBER, TEXT, Columns
from lineshaft.edge.driver import Faults, Manifest, check_points
from lineshaft.edge.model import Device, Point, Report
from lineshaft.edge.reduce import Reducer

SECOND = 1_000_000


def reducer(*reports, **fields):
    return Reducer([Point(name=f"p{n}", address="a", report=report, **fields) for n, report in enumerate(reports)])


def block(*rows):
    """Columns of (point, seconds, value[, q])."""
    columns = Columns(max(len(rows), 1))
    for point, seconds, value, *rest in rows:
        kind = TEXT if isinstance(value, str) else INTEGER if isinstance(value, int) else NUMBER
        columns.add(point, round(seconds * SECOND), 0, rest[0] if rest else 0, kind, value)
    return columns


def sent(columns):
    return [(key, ts / SECOND, value) for key, ts, _, _, value in columns]


def test_a_deadband_sends_what_exceeds_it():
    one = reducer(Report(deadband=1.0))
    assert sent(one.take(block((0, 1, 10.0)))) == [(0, 1, 10.0)]
    assert sent(one.take(block((0, 2, 11.0), (0, 3, 9.0)))) == []
    assert sent(one.take(block((0, 4, 11.5)))) == [(0, 4, 11.5)]


def test_percent_is_of_the_engineering_range():
    one = reducer(Report(percent=10), low=100.0, high=200.0)
    assert sent(one.take(block((0, 1, 150.0), (0, 2, 160.0), (0, 3, 160.5)))) == [(0, 1, 150.0), (0, 3, 160.5)]


def test_points_do_not_disturb_each_other():
    pair = reducer(Report(deadband=1.0), None)
    rows = block((0, 1, 1.0), (1, 1, 1.0), (0, 2, 1.5), (1, 2, 1.0))
    assert sorted(sent(pair.take(rows))) == [(0, 1, 1.0), (1, 1, 1.0), (1, 2, 1.0)]


def test_quality_and_type_pass_whatever_the_value_does():
    one = reducer(Report(deadband=5.0))
    one.take(block((0, 1, 1.0)))
    assert sent(one.take(block((0, 2, 1.0, quality.BAD_OUT_OF_RANGE)))) == [(0, 2, 1.0)]
    assert sent(one.take(block((0, 3, 1.0, quality.BAD_OUT_OF_RANGE)))) == [(0, 3, 1.0)]
    assert sent(one.take(block((0, 4, 1.0)))) == [(0, 4, 1.0)]
    assert sent(one.take(block((0, 5, 1)))) == [(0, 5, 1)]
    assert sent(one.take(block((0, 6, "stopped")))) == [(0, 6, "stopped")]


def test_the_last_change_within_the_pause_is_sent_after_it():
    one = reducer(Report(deadband=0.1, min_ms=10_000))
    one.take(block((0, 1, 1.0)))
    assert sent(one.take(block((0, 2, 2.0), (0, 3, 3.0)))) == []
    assert sent(one.due(10 * SECOND)) == []
    assert sent(one.due(11 * SECOND)) == [(0, 3, 3.0)]
    assert sent(one.due(40 * SECOND)) == []


def test_a_change_that_went_back_within_the_pause_is_none():
    one = reducer(Report(deadband=0.1, min_ms=10_000))
    one.take(block((0, 1, 1.0)))
    one.take(block((0, 2, 2.0), (0, 3, 1.0)))
    assert sent(one.due(20 * SECOND)) == []


def test_the_heartbeat_has_its_own_time():
    one = reducer(Report(deadband=5.0, max_ms=10_000))
    one.take(block((0, 1, 1.0)))
    one.take(block((0, 2, 1.5)))
    assert sent(one.due(10 * SECOND)) == []
    assert sent(one.due(12 * SECOND)) == [(0, 2, 1.5)]
    assert sent(one.due(30 * SECOND)) == []  # there is nothing newer: the same sample is not sent twice


def test_a_late_sample_passes_and_changes_nothing():
    one = reducer(Report(deadband=5.0))
    one.take(block((0, 10, 1.0)))
    assert sent(one.take(block((0, 5, 1.0)))) == [(0, 5, 1.0)]
    assert sent(one.take(block((0, 11, 2.0)))) == []


def test_a_straight_line_is_two_samples():
    one = reducer(Report(swing=0.5))
    out = sent(one.take(block(*[(0, t, 2.0 * t) for t in range(100)])))
    assert out == [(0, 0, 0.0)]
    assert sent(one.flush()) == [(0, 99, 198.0)]


def test_what_was_held_goes_before_a_change_of_quality():
    one = reducer(Report(swing=0.5))
    one.take(block((0, 1, 1.0), (0, 2, 2.0), (0, 3, 3.0)))
    out = one.take(block((0, 4, 3.0, quality.UNCERTAIN)))
    assert sent(out) == [(0, 3, 3.0), (0, 4, 3.0)]
    assert one.held_since_us is None


def test_what_is_held_is_known():
    one = reducer(Report(swing=0.5), Report(swing=0.5))
    assert one.held_since_us is None
    one.take(block((0, 1, 1.0), (1, 1, 1.0), (0, 5, 1.0), (1, 4, 1.0)))
    assert one.held_since_us == 4 * SECOND


@settings(max_examples=300, deadline=None)
@given(
    values=st.lists(st.floats(-1e6, 1e6) | st.integers(-3, 3).map(float), min_size=2, max_size=200),
    steps=st.lists(st.integers(1, 5_000_000), min_size=200, max_size=200),
    swing=st.floats(1e-3, 1e5),
    most=st.sampled_from([0, 7000]),
    cuts=st.lists(st.integers(1, 40), min_size=1, max_size=20),
)
def test_the_lines_between_what_was_sent_keep_the_bound(values, steps, swing, most, cuts):
    times = np.cumsum(steps[: len(values)])
    one = reducer(Report(swing=swing, max_ms=most))
    out, start = [], 0
    for cut in [*cuts, len(values)]:
        out += list(
            one.take(block(*[(0, times[i] / SECOND, values[i]) for i in range(start, min(start + cut, len(values)))]))
        )
        start += cut
    out += list(one.flush())
    ts, kept = np.array([row[1] for row in out]), np.array([row[4] for row in out])
    assert (np.diff(ts) > 0).all()
    assert set(zip(ts.tolist(), kept.tolist(), strict=True)) <= set(zip(times.tolist(), values, strict=True))
    error = np.abs(np.interp(times, ts, kept) - np.array(values))
    assert error.max() <= swing * (1 + 1e-9) + 1e-8


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=100), band=st.floats(1e-3, 1e5))
def test_nothing_is_ever_further_from_the_last_sent_than_the_band(values, band):
    one = reducer(Report(deadband=band))
    last = None
    for t, value in enumerate(values):
        out = sent(one.take(block((0, t, value))))
        last = out[-1][2] if out else last
        assert abs(value - last) <= band


def test_several_points_in_one_block_are_as_each_alone():
    random = np.random.default_rng(7)
    walks = np.cumsum(random.normal(size=(5, 300)), axis=1)
    together = reducer(*[Report(swing=1.0)] * 5)
    rows = [(p, t, float(walks[p, t])) for t in range(300) for p in range(5)]
    out = sent(together.take(block(*rows[:700]))) + sent(together.take(block(*rows[700:]))) + sent(together.flush())
    for p in range(5):
        alone = reducer(Report(swing=1.0))
        expected = sent(alone.take(block(*[(0, t, float(walks[p, t])) for t in range(300)]))) + sent(alone.flush())
        assert [row[1:] for row in out if row[0] == p] == [row[1:] for row in expected]


@pytest.mark.parametrize(
    ("report", "fields", "named"),
    [
        (Report(swing=1.0, deadband=1.0), {}, "report.swing"),
        (Report(percent=5.0), {"low": 1.0}, "report.percent"),
        (Report(deadband=1.0), {"kind": "text"}, "report"),
        (Report(min_ms=10, max_ms=5), {}, "report.max_ms"),
        (None, {"access": "read-write"}, "access"),
        (None, {"low": 2.0, "high": 1.0}, "low"),
    ],
)
def test_what_cannot_be_is_refused(report, fields, named):
    manifest = Manifest(name="x", title="X", tier="built-in", options=Point, modes=frozenset({"subscribe"}))
    device = Device(
        name="d", path="e/s/a/l/c/d", driver="x", endpoint="x",
        points=(Point(name="p", address="a", report=report, **fields),),
    )  # fmt: skip
    faults = Faults("d")
    check_points(manifest, device, faults)
    with pytest.raises(InvalidInput, match=named):
        faults.refuse()


def test_a_value_that_came_to_rest_leaves_a_swinging_door_by_itself():
    one = reducer(Report(swing=1.0))
    rows = block((0, 1, 0.0), (0, 2, 7.0))
    rows.arrival[:2] = rows.ts[:2]
    assert sent(one.take(rows)) == [(0, 1, 0.0)]
    assert sent(one.due(round(61.9 * SECOND))) == []
    assert sent(one.due(62 * SECOND)) == [(0, 2, 7.0)]
    assert one.held_since_us is None


def test_what_a_deadband_keeps_is_not_missing():
    one = reducer(Report(deadband=1.0), Report(swing=1.0))
    one.take(block((0, 1, 0.0), (0, 2, 0.5)))
    assert one.held_since_us is None
    one.take(block((1, 1, 0.0), (1, 3, 0.5)))
    assert one.held_since_us == 3 * SECOND


def test_bands_of_large_integers_are_exact():
    """Neighbours above 2**53 are one float64: compared as such, a change of one would never go."""
    big = 2**53
    one = reducer(Report(deadband=1.0))
    one.take(block((0, 1, big)))
    assert sent(one.take(block((0, 2, big + 1), (0, 3, big + 2)))) == [(0, 3, big + 2)]
    assert sent(one.take(block((0, 4, big + 3), (0, 5, -(2**63)), (0, 6, 2**63 - 1)))) == [
        (0, 5, -(2**63)), (0, 6, 2**63 - 1),
    ]  # fmt: skip
    half = reducer(Report(deadband=0.5))
    half.take(block((0, 1, big)))
    assert sent(half.take(block((0, 2, big), (0, 3, big + 1)))) == [(0, 3, big + 1)]


def test_doors_of_large_integers_are_exact():
    big = 2**60
    one = reducer(Report(swing=1.0))
    one.take(block((0, 1, big)))
    # A line from the first to the third passes 4 from the second: in float64 all of them would be one value.
    assert sent(one.take(block((0, 2, big + 5), (0, 3, big + 2)))) == [(0, 2, big + 5)]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=40), st.integers(1, 2**62))
@settings(max_examples=100, deadline=None)
def test_what_a_deadband_holds_back_of_any_integers_is_within_it(values, band):
    one, last = reducer(Report(deadband=float(band))), None
    for second, value in enumerate(values):
        gone = [each[2] for each in sent(one.take(block((0, second, value))))]
        assert gone == ([value] if last is None or abs(value - last) > int(float(band)) else [])
        last = value if gone else last
