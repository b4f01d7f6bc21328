"""The Tennessee Eastman process in closed loop: the published C model with Ricker's decentralised controllers.

The model comes from the `tep-studio` library, imported only when a process is made. One step is always one simulated
second, so a run depends on its seed and on when disturbances were switched, never on the speed it was run at.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from lineshaft.core.errors import Unavailable
from lineshaft.demo.disturbances import DISTURBANCES
from lineshaft.demo.pace import STEP_SECONDS

_STEP_HOURS = STEP_SECONDS / 3600.0
_PUBLISHED_SEED = 1431655765
_SEEDS = 2**32
_VALVES_IN_STATE = slice(38, 50)


class Eastman:
    """One plant and its controllers. Not safe for several threads; several instances are independent.

    Args:
        seed: chooses the measurement noise and the random disturbances; 0 is the model's published one.

    Raises:
        Unavailable: the library is not installed or does not load.
    """

    def __init__(self, seed: int = 0) -> None:
        core, control, modes = _library()
        # The model's generator is multiplicative modulo 2**32: only odd seeds have its full period.
        self._seed = float((_PUBLISHED_SEED + 2 * seed) % _SEEDS)
        self._plant = core.TennesseeEastmanProcess()
        self._controller = control.RickerMultiLoopController()
        self._setpoints = modes.mode_setpoints("mode1")
        self._idv = np.zeros(len(DISTURBANCES))
        self._held: dict[int, float] = {}
        self.reset()

    def reset(self) -> None:
        """Start anew at the base case (50/50 product, mode 1), without disturbances or hands on valves, with the same seed."""
        self.steps = 0
        self.trip = ""
        self._idv[:] = 0.0
        self._held.clear()
        measurements, _ = self._plant.reset(mode="mode1", seed=self._seed)
        self._controller.setpoints = dataclasses.replace(self._setpoints)
        self._controller.reset(measurements, time=0.0)
        self._measurements = measurements
        self._action = self._plant.state[_VALVES_IN_STATE].copy()

    @property
    def hours(self) -> float:
        """Simulated hours since the start of this run."""
        return self.steps * _STEP_HOURS

    @property
    def disturbances(self) -> list[int]:
        """Numbers of the disturbances that are on."""
        return [int(index) + 1 for index in np.flatnonzero(self._idv)]

    def switch(self, number: int, *, on: bool) -> None:
        """Switch disturbance 1 … 28; it acts from the next step on."""
        self._idv[number - 1] = float(on)

    @property
    def held(self) -> list[int]:
        """Numbers of the valves that are held by hand."""
        return sorted(self._held)

    def hold(self, number: int, value: float) -> None:
        """Put valve 1 … 12 to a position in per cent and keep it there, whatever its controller wants."""
        self._held[number] = value

    def release(self, number: int) -> None:
        """Give valve 1 … 12 back to its controller, which goes on from where the valve is."""
        if number in self._held:
            self._take_over(number, self._held.pop(number))

    def step(self) -> bool:
        """Advance by one simulated second; False, with `trip` set, once the plant has shut itself down."""
        if self.trip:
            return False
        action, _ = self._controller.compute_action(self._measurements, time=self.hours)
        for number, value in self._held.items():
            action[number - 1] = value
        try:
            result = self._plant.advance(action, control_interval=_STEP_HOURS, disturbances=self._idv)
        except RuntimeError as error:  # the integration diverged: no plant state to go on from
            self.trip = str(error)
            return False
        self.steps += 1
        self._measurements, self._action = result.measurements, result.implemented_action
        if result.shutdown_status["terminated"]:
            self.trip = _sentence(result.shutdown_status["message"])
        return not self.trip

    def values(self) -> npt.NDArray[np.float64]:
        """Present values of all signals, in the order of `signals.SIGNALS`."""
        action = self._action.copy()
        for number, value in self._held.items():
            action[number - 1] = value
        return np.concatenate([self._measurements, action])

    def _take_over(self, number: int, value: float) -> None:
        """Let the controller's integral begin at the valve's position: no bump. Static valves have no controller."""
        name = self._controller.schema.names("manipulated_variables")[number - 1]
        registry = self._controller.registry
        loops = [loop for loop in registry.feed_loops if loop.mv == name]
        loops += [
            loop for loop in (registry.reactor_temperature, registry.separator_temperature) if loop.drives == name
        ]
        states = self._controller._state  # noqa: SLF001  # the library gives no other way to it
        for loop in loops:
            states[loop.name] = dataclasses.replace(states[loop.name], output=min(max(value, loop.lo), loop.hi))


def _sentence(message: str) -> str:
    """The model shouts; keep what it says."""
    return message.split("!!", maxsplit=1)[0].strip().capitalize() or "shut down"


def _library() -> tuple[Any, Any, Any]:
    try:
        from tep_studio.control import controller
        from tep_studio.simulation import core, modes
    except ImportError as error:
        raise Unavailable(
            "demo.extra_missing", f"the plant's model cannot be loaded: {error}",
            "Install the demo extra: pip install 'lineshaft[demo]' (it compiles C code: a C compiler is needed).",
            extra="demo", reason=str(error),
        ) from error  # fmt: skip
    return core, controller, modes
