"""Steps follow real time times speed, without drift, whatever the ticks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.demo.pace import CATCH_UP_SECONDS, Pace


@given(
    speed=st.sampled_from([0.1, 0.7, 1.0, 3.3, 10.0, 100.0]),
    ticks=st.lists(st.floats(0.001, 4.0), min_size=1, max_size=200),
)
def test_steps_never_drift_from_the_clock(speed, ticks):
    pace, now, taken = Pace(speed, 1000.0), 1000.0, 0
    for tick in ticks:
        now += tick
        taken += pace.due(now)
        assert -1e-6 <= (now - 1000.0) * speed - taken < 1 + 1e-6
    assert pace.left_out_seconds == 0


def test_a_stall_is_made_up_for_a_little_and_the_rest_is_counted():
    pace = Pace(10.0, 0.0)
    steps = pace.due(3600.0)
    assert steps == pytest.approx(10 * CATCH_UP_SECONDS, abs=1)
    assert pace.left_out_seconds == pytest.approx(3600 - CATCH_UP_SECONDS, abs=0.2)
    assert pace.due(3601.0) == pytest.approx(10, abs=1)


def test_a_change_of_speed_neither_skips_nor_repeats():
    pace = Pace(1.0, 0.0)
    assert pace.due(4.5) == 4
    pace.change(100.0, 4.5)
    assert pace.due(4.5) == 0  # half a step was begun
    assert pace.due(4.506) == 1
    assert pace.due(5.5) == pytest.approx(99, abs=1)


def test_slow_speeds_step_rarely():
    pace = Pace(0.1, 0.0)
    assert [pace.due(float(second)) for second in range(1, 22)].count(1) == 2
