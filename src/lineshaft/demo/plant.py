"""The running plant: steps the process at its pace, hands out scans, and takes the operator's commands.

Everything happens on one event loop. Steps are taken in slices of about a millisecond, so that the OPC UA server
beside it always gets its turn; ticks stand on a grid of the monotonic clock, so that nothing drifts.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from lineshaft.core import clock, logs
from lineshaft.core.errors import Conflict, InvalidInput
from lineshaft.demo.disturbances import name_of, number_of
from lineshaft.demo.metrics import TRIPS
from lineshaft.demo.model import PlantState, PlantStatus, Scan
from lineshaft.demo.pace import MAXIMUM_SPEED, MINIMUM_SPEED, Pace
from lineshaft.demo.process import Eastman
from lineshaft.demo.settings import DemoSettings
from lineshaft.demo.stations import INDEX, is_valve

GOOD: Final = 0x00000000
BAD_WAITING_FOR_INITIAL_DATA: Final = 0x80320000
BAD_OUT_OF_SERVICE: Final = 0x808D0000
"""The quality of every signal of a tripped plant: its instruments are there, what they show means nothing."""

_SLICE_STEPS = 16

Publish = Callable[[Scan], Awaitable[None]]


class Plant:
    """One plant between its model and whoever publishes its values.

    Args:
        settings: initial speed, interval, pause after a trip, seed.
        publish: takes every scan.
    """

    def __init__(self, settings: DemoSettings, publish: Publish) -> None:
        self._settings = settings
        self._publish = publish
        self._log = logs.get("plant")
        self._process: Eastman | None = None
        self._pace = Pace(settings.speed, clock.monotonic())
        self._run = 0
        self._tripped_at = 0.0
        self._enter("starting")

    async def run(self) -> None:
        """Load the model, then run it until cancelled."""
        # The library takes seconds to import; clients may connect meanwhile.
        self._process = await asyncio.to_thread(Eastman, self._settings.seed)
        self._begin()
        interval = self._settings.publish_interval_seconds
        origin, tick = clock.monotonic(), 0
        while True:
            await self._tick()
            elapsed = clock.monotonic() - origin
            tick = max(tick + 1, math.floor(elapsed / interval) + 1)  # an overrun leaves ticks out, never bunches them
            await asyncio.sleep(origin + tick * interval - clock.monotonic())

    def status(self, endpoint: str = "", sessions: int = 0) -> PlantStatus:
        """What the plant does now; `endpoint` and `sessions` are its server's."""
        process, left = self._process, None
        if self._state == "tripped" and self._settings.restart_after_seconds:
            left = max(0.0, self._tripped_at + self._settings.restart_after_seconds - clock.monotonic())
        return PlantStatus(
            state=self._state,
            reason=process.trip if process else "",
            since=clock.rfc3339(self._since),
            restart_in_seconds=None if left is None else round(left, 1),
            run=self._run,
            simulated_hours=round(process.hours, 6) if process else 0.0,
            speed=self._pace.speed,
            left_out_seconds=round(self._pace.left_out_seconds, 3),
            disturbances=[name_of(number) for number in process.disturbances] if process else [],
            manual=[f"XMV_{number:02d}" for number in process.held] if process else [],
            seed=self._settings.seed,
            endpoint=endpoint,
            sessions=sessions,
        )

    def disturb(self, names: Sequence[str]) -> None:
        """Switch disturbances on.

        Raises:
            InvalidInput: none named, or an unknown one; nothing is switched then.
            Conflict: the plant does not run.
        """
        if not names:
            raise InvalidInput(
                "demo.disturbance_missing", "no disturbance is named", "Name at least one, for example idv_01.",
                field="disturbances", value=[],
            )  # fmt: skip
        self._switch([number_of(name) for name in names], on=True)

    def calm(self, names: Sequence[str] = ()) -> None:
        """Switch disturbances off, all where none is named.

        Raises:
            InvalidInput: an unknown one; nothing is switched then.
            Conflict: the plant does not run.
        """
        process = self._running()
        self._switch([number_of(name) for name in names] or process.disturbances, on=False)

    def hold(self, name: str, value: float) -> None:
        """Put a valve by hand, until it is given back or the plant starts anew.

        Raises:
            InvalidInput: no such valve, or not 0 to 100 per cent.
            Conflict: the plant does not run.
        """
        number = _valve_number(name)
        if not 0.0 <= value <= 100.0:
            raise InvalidInput(
                "demo.valve_out_of_range", f"{name} is to be {value:g} %, outside 0 to 100", "0 is shut, 100 is open.",
                field="value", value=value, name=name,
            )  # fmt: skip
        self._running().hold(number, value)
        self._log.info("valve_held", valve=name, value=value)

    def automatic(self, names: Sequence[str] = ()) -> None:
        """Give valves back to their controllers, all where none is named.

        Raises:
            InvalidInput: an unknown one; nothing changes then.
            Conflict: the plant does not run.
        """
        process = self._running()
        for number in [_valve_number(name) for name in names] or process.held:
            process.release(number)
        self._log.info("valves_automatic", valves=list(names) or "all")

    def set_speed(self, speed: float) -> None:
        """Run at another multiple of real time from now on.

        Raises:
            InvalidInput: outside 0.1 to 100, or not a number.
        """
        if not MINIMUM_SPEED <= speed <= MAXIMUM_SPEED:
            raise InvalidInput(
                "demo.speed_out_of_range",
                f"speed is {speed:g}, outside {MINIMUM_SPEED:g} to {MAXIMUM_SPEED:g}",
                "1 is real time, 10 is ten times as fast.",
                field="speed", value=speed, minimum=MINIMUM_SPEED, maximum=MAXIMUM_SPEED,
            )  # fmt: skip
        self._pace.change(speed, clock.monotonic())
        self._log.info("speed_changed", speed=speed)

    def restart(self) -> None:
        """Start anew at the base case without disturbances, whatever the plant does now.

        Raises:
            Conflict: the model is still being loaded.
        """
        if self._process is None:
            raise _not_running("starting")
        self._process.reset()
        self._begin()

    async def _tick(self) -> None:
        process = self._loaded()
        if self._state == "running":
            await self._advance(process)
            if self._state == "running":
                await self._publish(Scan(clock.now_us(), GOOD, process.values().tolist()))
        elif self._restart_is_due():
            self.restart()

    async def _advance(self, process: Eastman) -> None:
        """Take the steps that are due; enters `tripped` where the plant shuts itself down."""
        due = self._pace.due(clock.monotonic())
        run = self._run
        for taken in range(due):
            if not process.step():
                await self._trip(process)
                return
            if taken % _SLICE_STEPS == _SLICE_STEPS - 1:
                await asyncio.sleep(0)
                if self._run != run:  # restarted meanwhile: the rest of these steps belonged to the old run
                    return

    async def _trip(self, process: Eastman) -> None:
        self._tripped_at = clock.monotonic()
        self._enter("tripped")
        TRIPS.inc()
        self._log.warning("plant_tripped", reason=process.trip, simulated_hours=process.hours)
        await self._publish(Scan(clock.now_us(), BAD_OUT_OF_SERVICE, None))

    def _restart_is_due(self) -> bool:
        pause = self._settings.restart_after_seconds
        return bool(pause) and clock.monotonic() - self._tripped_at >= pause

    def _begin(self) -> None:
        left_out = self._pace.left_out_seconds
        self._pace = Pace(self._pace.speed, clock.monotonic())
        self._pace.left_out_seconds = left_out
        self._run += 1
        self._enter("running")
        self._log.info("plant_started", run=self._run, speed=self._pace.speed)

    def _switch(self, numbers: Sequence[int], *, on: bool) -> None:
        process = self._running()
        for number in numbers:
            process.switch(number, on=on)
        self._log.info("disturbances_switched", on=on, disturbances=[name_of(number) for number in numbers])

    def _running(self) -> Eastman:
        if self._state != "running":
            raise _not_running(self._state)
        return self._loaded()

    def _loaded(self) -> Eastman:
        assert self._process is not None
        return self._process

    def _enter(self, state: PlantState) -> None:
        self._state: PlantState = state
        self._since = clock.now_us()


def _valve_number(name: str) -> int:
    """1 … 12 of `XMV_01` … `XMV_12`, however it is capitalised."""
    plain = name.strip().upper()
    if plain not in INDEX or not is_valve(plain):
        raise InvalidInput(
            "demo.valve_unknown", f"there is no valve {name[:40]!r}: the plant has XMV_01 to XMV_12",
            "`lineshaft top` lists them.", field="valve", value=name[:40],
        )  # fmt: skip
    return int(plain.removeprefix("XMV_"))


def _not_running(state: PlantState) -> Conflict:
    return Conflict(
        "demo.plant_not_running", f"the plant does not run: it is {state}",
        "`lineshaft demo status` says why; `lineshaft demo restart` starts a tripped plant anew.", state=state,
    )  # fmt: skip
