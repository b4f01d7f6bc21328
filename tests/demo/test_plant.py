"""The running plant: scans at a steady pace, trips and restarts, commands that are clear about what they refuse."""

import asyncio
import contextlib
import math

import pytest

from lineshaft.core import clock
from lineshaft.core.errors import Conflict, InvalidInput
from lineshaft.demo import pace
from lineshaft.demo.model import Scan
from lineshaft.demo.plant import BAD_OUT_OF_SERVICE, GOOD, Plant
from lineshaft.demo.process import Eastman
from lineshaft.demo.settings import DemoSettings
from lineshaft.demo.stations import INDEX


class Running:
    """A plant that runs in the background, and what it published."""

    def __init__(self, publishing_seconds=0.0, **settings):
        self.scans: list[Scan] = []
        self.steps: list[int] = []
        """The process had taken when each scan was made: steps of the next may have begun meanwhile."""
        self._publishing_seconds = publishing_seconds
        self.plant = Plant(DemoSettings(publish_interval_seconds=0.05, **settings), self._take)

    async def _take(self, scan):
        self.scans.append(scan)
        self.steps.append(self.process.steps)
        await asyncio.sleep(self._publishing_seconds)

    async def __aenter__(self):
        self.task = asyncio.create_task(self.plant.run())
        async with asyncio.timeout(30):
            while not self.scans:
                assert not self.task.done(), self.task.exception()
                await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    @property
    def process(self) -> Eastman:
        return self.plant._process


async def test_every_scan_is_what_the_model_has(until):
    async with Running(speed=100.0) as running:
        await until(lambda: len(running.scans) > 5)
        running.task.cancel()
        await asyncio.gather(running.task, return_exceptions=True)
        seen = running.scans[-1]
        twin = Eastman()
        while twin.steps < running.steps[-1]:
            twin.step()
    assert seen.quality == GOOD
    assert seen.values == twin.values().tolist()


async def test_the_plant_keeps_its_multiple_of_real_time(until, monkeypatch):
    monkeypatch.setattr(pace, "CATCH_UP_SECONDS", 60.0)  # longer than this machine may stand still
    async with Running(speed=100.0) as running:
        began, steps = clock.monotonic(), running.process.steps
        await until(lambda: clock.monotonic() - began > 1.5)
        # A stall of the machine is made up for; another pace would lead away further and further.
        await until(lambda: abs(running.process.steps - steps - 100 * (clock.monotonic() - began)) <= 30)
        assert running.plant.status().left_out_seconds == 0


async def test_scans_stand_on_a_grid_however_long_publishing_takes(until):
    def on_the_grid():
        """Whether the last 30 scans are: on a busy machine those before may be late, off the grid they would all drift."""
        times = [scan.source_us for scan in running.scans[-30:]]

        def on_the_grid_of(first):  # any of them may be late itself
            return sum(1 for moment in times if abs((moment - first + 25_000) % 50_000 - 25_000) < 12_000)

        return len(times) == 30 and max(map(on_the_grid_of, times)) > 21

    async with Running(publishing_seconds=0.017) as running:
        await until(on_the_grid, 120)
        assert abs(running.scans[-1].source_us - clock.now_us()) < 10_000_000


async def test_others_on_the_loop_get_their_turn_even_while_the_plant_catches_up():
    async with Running(speed=100.0) as running:
        target = running.process.steps + 400
        running.plant._pace._anchor -= 4.0  # as after a stall: 400 steps are due at once
        most = 0
        while running.process.steps < target:
            before = running.process.steps
            await asyncio.sleep(0)
            most = max(most, running.process.steps - before)
    assert 0 < most <= 16  # about a millisecond


async def test_a_trip_is_bad_on_all_tags_says_why_and_heals_by_itself(until, trip):
    async with Running(speed=100.0, restart_after_seconds=3600) as running:
        trip.bring_near(running.process)
        await until(lambda: running.plant.status().state == "tripped")
        status = running.plant.status()
        assert status.reason == "Low stripper liquid level"
        assert 3000 < status.restart_in_seconds <= 3600
        assert status.disturbances == ["idv_06"]
        assert (running.scans[-1].quality, running.scans[-1].values) == (BAD_OUT_OF_SERVICE, None)
        count = len(running.scans)
        running.plant._tripped_at -= 3600  # the pause is over
        await until(lambda: running.plant.status().state == "running" and len(running.scans) > count)
        status = running.plant.status()
        assert (status.run, status.reason, status.disturbances, status.restart_in_seconds) == (2, "", [], None)
        assert status.simulated_hours < 1
        assert running.scans[-1].quality == GOOD


async def test_without_a_pause_a_tripped_plant_waits_for_the_command(until, trip):
    async with Running(speed=100.0, restart_after_seconds=0) as running:
        trip.bring_near(running.process)
        await until(lambda: running.plant.status().state == "tripped")
        assert running.plant.status().restart_in_seconds is None
        for refused in (lambda: running.plant.disturb(["idv_01"]), running.plant.calm):
            with pytest.raises(Conflict) as caught:
                refused()
            assert caught.value.code == "demo.plant_not_running"
        running.plant.set_speed(5.0)
        running.plant.restart()
        await until(lambda: running.scans[-1].quality == GOOD)
        assert (running.plant.status().run, running.plant.status().speed) == (2, 5.0)


async def test_disturbances_switch_while_the_plant_runs():
    async with Running() as running:
        running.plant.disturb(["idv_01", "IDV 6", "idv_28"])
        assert running.plant.status().disturbances == ["idv_01", "idv_06", "idv_28"]
        running.plant.calm(["idv_06"])
        assert running.plant.status().disturbances == ["idv_01", "idv_28"]
        running.plant.calm()
        assert running.plant.status().disturbances == []


@pytest.mark.parametrize(
    ("names", "code"),
    [(["idv_01", "idv_99"], "demo.disturbance_unknown"), ([], "demo.disturbance_missing")],
)
async def test_a_wrong_disturbance_changes_nothing(names, code):
    async with Running() as running:
        with pytest.raises(InvalidInput) as caught:
            running.plant.disturb(names)
        assert caught.value.code == code
        assert running.plant.status().disturbances == []


@pytest.mark.parametrize("speed", [0.0, 0.09, 100.1, -1.0, math.nan, math.inf])
async def test_a_speed_out_of_range_is_refused(speed):
    plant = Plant(DemoSettings(), lambda _: asyncio.sleep(0))
    with pytest.raises(InvalidInput) as caught:
        plant.set_speed(speed)
    assert caught.value.code == "demo.speed_out_of_range"
    assert plant.status().speed == 1.0


async def test_before_the_model_is_loaded_the_plant_is_starting_and_says_so():
    plant = Plant(DemoSettings(), lambda _: asyncio.sleep(0))
    assert plant.status().state == "starting"
    for command in (plant.restart, plant.calm, lambda: plant.disturb(["idv_01"])):
        with pytest.raises(Conflict):
            command()


async def test_a_restart_on_command_repeats_the_run():
    async with Running(seed=3) as running:
        running.plant.restart()
        for _ in range(100):
            running.process.step()
        first = running.process.values().tolist()
        running.plant.restart()
        for _ in range(100):
            running.process.step()
        assert running.process.values().tolist() == first
        assert running.plant.status().run == 3


async def test_a_valve_is_held_until_it_is_given_back(until):
    async with Running() as running:
        running.plant.hold("XMV_09", 55.0)
        running.plant.hold("xmv_12", 0.0)
        assert running.plant.status().manual == ["XMV_09", "XMV_12"]
        count = len(running.scans)
        await until(lambda: len(running.scans) > count + 1)
        assert running.scans[-1].values[INDEX["XMV_09"]] == 55.0
        running.plant.automatic(["XMV_12"])
        assert running.plant.status().manual == ["XMV_09"]
        running.plant.automatic()
        assert running.plant.status().manual == []


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("XMV_01", 100.1, "demo.valve_out_of_range"), ("XMV_01", -0.1, "demo.valve_out_of_range"),
        ("XMV_01", math.nan, "demo.valve_out_of_range"), ("XMV_01", math.inf, "demo.valve_out_of_range"),
        ("XMV_13", 1.0, "demo.valve_unknown"), ("XMEAS_01", 1.0, "demo.valve_unknown"), ("", 1.0, "demo.valve_unknown"),
    ],
)  # fmt: skip
async def test_a_valve_that_is_none_or_a_position_that_cannot_be_is_refused(name, value, code):
    async with Running() as running:
        with pytest.raises(InvalidInput) as caught:
            running.plant.hold(name, value)
        assert caught.value.code == code
        assert running.plant.status().manual == []


async def test_giving_back_an_unknown_valve_changes_nothing():
    async with Running() as running:
        running.plant.hold("XMV_09", 55.0)
        with pytest.raises(InvalidInput):
            running.plant.automatic(["XMV_09", "XMV_77"])
        assert running.plant.status().manual == ["XMV_09"]


async def test_nobody_holds_a_valve_of_a_plant_that_stands():
    plant = Plant(DemoSettings(), lambda _: asyncio.sleep(0))
    with pytest.raises(Conflict):
        plant.hold("XMV_01", 50.0)
