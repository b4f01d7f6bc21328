"""The process: stable in closed loop, repeatable, moved by disturbances, tripped by the worst of them."""

import subprocess
import sys

import numpy as np
import pytest

from lineshaft.core.errors import InvalidInput, Unavailable
from lineshaft.demo.disturbances import DISTURBANCES, name_of, number_of
from lineshaft.demo.process import Eastman
from lineshaft.demo.signals import SIGNALS

NAMES = [signal.name for signal in SIGNALS]
HOUR = 3600
A_FEED, PRESSURE, REACTOR_LEVEL, REACTOR_TEMPERATURE, STRIPPER_LEVEL, A_FEED_VALVE = (
    NAMES.index(name) for name in ("XMEAS_01", "XMEAS_07", "XMEAS_08", "XMEAS_09", "XMEAS_15", "XMV_03")
)


def run(process, seconds):
    """Values after each of so many steps."""
    rows = []
    for _ in range(seconds):
        assert process.step(), process.trip
        rows.append(process.values())
    return np.array(rows)


def test_the_closed_loop_holds_the_base_case_for_hours():
    process = Eastman()
    rows = run(process, 4 * HOUR)
    last = rows[-HOUR:].mean(axis=0)
    assert last[PRESSURE] == pytest.approx(2705, abs=15)
    assert last[REACTOR_LEVEL] == pytest.approx(75, abs=1.5)
    assert last[REACTOR_TEMPERATURE] == pytest.approx(120.4, abs=0.1)
    assert process.hours == pytest.approx(4)


def test_noise_is_on_every_instrument_but_not_on_the_valves_that_are_fixed():
    spread = run(Eastman(), 600).std(axis=0)
    assert (spread[:22] > 0).all()
    assert spread[NAMES.index("XMV_05")] < 1e-9


def test_one_seed_gives_one_run_to_the_last_bit():
    first, second = Eastman(seed=11), Eastman(seed=11)
    for process in (first, second):
        process.switch(8, on=True)
    assert np.array_equal(run(first, 1800), run(second, 1800))


def test_another_seed_gives_another_run():
    assert not np.array_equal(run(Eastman(seed=1), 60), run(Eastman(seed=2), 60))


def test_a_reset_repeats_the_run_and_leaves_no_disturbance():
    process = Eastman(seed=5)
    first = run(process, 300)
    process.switch(1, on=True)
    run(process, 300)
    process.reset()
    assert process.disturbances == []
    assert np.array_equal(first, run(process, 300))


def test_idv_01_and_idv_06_move_the_plant():
    calm, other_ratio, no_a_feed = (run(process, 2 * HOUR)[-600:].mean(axis=0) for process in disturbed(0, 1, 6))
    assert calm[A_FEED] == pytest.approx(0.256, abs=0.01)
    assert other_ratio[A_FEED] > 0.5
    assert no_a_feed[A_FEED] == pytest.approx(0, abs=0.001)
    assert calm[STRIPPER_LEVEL] == pytest.approx(50, abs=2)
    assert no_a_feed[STRIPPER_LEVEL] < 42


def disturbed(*numbers):
    """Processes with one disturbance each, 0 for none."""
    for number in numbers:
        process = Eastman()
        if number:
            process.switch(number, on=True)
        yield process


def test_the_loss_of_the_a_feed_opens_its_valve_and_trips_the_plant(trip):
    process = trip.process
    assert abs(trip.after_half_an_hour[A_FEED]) < 0.02
    assert trip.after_half_an_hour[A_FEED_VALVE] == 100
    assert process.trip == "Low stripper liquid level"
    assert process.hours == pytest.approx(7.4, abs=1)
    steps = process.steps
    assert process.step() is False
    assert process.steps == steps


def test_a_reset_makes_a_tripped_plant_run(trip):
    process = Eastman()
    trip.bring_near(process)
    while process.step():
        pass
    assert process.trip
    process.reset()
    assert process.trip == ""
    run(process, 10)


def test_switching_off_ends_the_disturbance():
    process = Eastman()
    process.switch(6, on=True)
    run(process, 300)
    process.switch(6, on=False)
    assert run(process, HOUR)[-600:, A_FEED].mean() > 0.2


def test_every_disturbance_can_be_on():
    process = Eastman()
    for number in range(1, len(DISTURBANCES) + 1):
        process.switch(number, on=True)
    assert process.disturbances == list(range(1, 29))
    run(process, 60)


def test_signals_and_disturbances_agree_with_the_models_own_tables():
    import tep_studio

    units = {"kPa gauge": "kPa", "degC": "°C", "m3/h": "m³/h"}
    rows = tep_studio.list_measurements() + tep_studio.list_manipulated_variables()
    assert [signal.unit.symbol for signal in SIGNALS] == [units.get(unit, unit) for _, unit, _ in rows]
    assert NAMES[:41] == [f"XMEAS_{n:02d}" for n in range(1, 42)]
    assert NAMES[41:] == [f"XMV_{n:02d}" for n in range(1, 13)]
    for signal, (name, _, _) in zip(SIGNALS, rows, strict=True):
        stream = name.split("_")
        if stream[-1] == "concentration":
            assert signal.description.startswith(f"{stream[-2]} in ")
    assert [name_of(n) for n in range(1, 29)] == [name for name, _ in tep_studio.list_disturbances()]


def test_unit_numbers_are_those_of_the_standards_table():
    numbers = {signal.unit.symbol: signal.unit.number for signal in SIGNALS}
    assert (numbers["°C"], numbers["%"], numbers["kPa"]) == (4408652, 20529, 4935745)
    assert (numbers["m³/h"], numbers["kW"], numbers["kscmh"]) == (5067080, 4937556, -1)


@pytest.mark.parametrize(("text", "number"), [("idv_01", 1), ("IDV 6", 6), ("28", 28), ("idv-7", 7), (" IDV_28 ", 28)])
def test_a_disturbance_is_found_by_its_usual_spellings(text, number):
    assert number_of(text) == number


@pytest.mark.parametrize("text", ["idv_29", "idv_0", "0", "", "idv", "xmv_01", "idv_1.5", "idv_001"])
def test_an_unknown_disturbance_is_refused_by_name(text):
    with pytest.raises(InvalidInput) as caught:
        number_of(text)
    assert caught.value.code == "demo.disturbance_unknown"
    assert repr(text) in caught.value.message


def test_without_the_library_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tep_studio.control", None)  # the import system's way to say that there is none
    with pytest.raises(Unavailable) as caught:
        Eastman()
    assert caught.value.code == "demo.extra_missing"
    assert "lineshaft[demo]" in caught.value.hint


def test_importing_the_package_loads_neither_the_model_nor_the_opcua_library():
    code = (
        "import sys, lineshaft.demo, lineshaft.demo.settings, lineshaft.demo.signals, lineshaft.demo.process;"
        "sys.exit(bool({'tep_studio', 'scipy', 'pandas', 'asyncua'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_held_valve_stays_where_it_is_put_and_the_controllers_hold_the_plant_around_it():
    process = Eastman()
    before = run(process, 600)
    process.hold(9, 55.0)
    assert process.values()[NAMES.index("XMV_09")] == 55.0  # before the next step already
    after = run(process, 2 * HOUR)
    assert set(after[:, NAMES.index("XMV_09")]) == {55.0}
    assert process.held == [9]
    steam = NAMES.index("XMEAS_19")
    assert after[-600:, steam].mean() > before[:, steam].mean() + 10  # more steam, and the plant goes on
    assert after[-600:, PRESSURE].mean() == pytest.approx(2705, abs=15)


def test_a_hand_that_stays_on_the_reactors_cooling_trips_the_plant():
    process = Eastman()
    process.hold(10, 43.0)
    while process.step() and process.hours < 1:
        pass
    assert process.trip == "High reactor pressure"


@pytest.mark.parametrize("valve", ["XMV_03", "XMV_10", "XMV_11"])
def test_a_valve_given_back_goes_on_from_where_it_is(valve):
    process = Eastman()
    run(process, 60)
    before = process.values()[NAMES.index(valve)]
    process.hold(int(valve[-2:]), before + 4.0)
    run(process, 120)
    process.release(int(valve[-2:]))
    after = run(process, HOUR)[:, NAMES.index(valve)]
    assert after[0] == pytest.approx(before + 4.0, abs=3)
    assert after[-600:].mean() == pytest.approx(before, abs=3.8)  # and its controller brings it back
    assert process.held == []


def test_a_valve_without_a_controller_goes_back_to_its_fixed_position():
    process = Eastman()
    fixed = process.values()[NAMES.index("XMV_12")]
    process.hold(12, 60.0)
    run(process, 10)
    process.release(12)
    process.release(1)  # which nobody holds
    assert run(process, 1)[-1, NAMES.index("XMV_12")] == fixed


def test_a_new_start_takes_every_hand_off_the_valves():
    process, twin = Eastman(), Eastman()
    process.hold(3, 0.0)
    run(process, 30)
    process.reset()
    assert process.held == []
    assert np.array_equal(run(process, 60), run(twin, 60))
