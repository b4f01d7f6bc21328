"""What must hold at the gateway at the moment of writing: fresh values, an interlock, no faster change than allowed."""

from collections.abc import Callable
from typing import Final, Protocol

from lineshaft.core import clock, quality
from lineshaft.core.errors import Conflict, InvalidInput, Unavailable, Unprocessable
from lineshaft.edge.board import Board, Sample
from lineshaft.edge.commands.checks import rules_of
from lineshaft.edge.commands.model import Value
from lineshaft.edge.formula import Formula
from lineshaft.edge.model import Device, Point

_LONGEST_SECONDS: Final = 1.0
"""What a rate adds up to at most: a long rest does not allow a large step."""
_MOST_FORMULAS: Final = 1000


class Fresh(Protocol):
    """As much of a running device as tells whether its values are those of now."""

    @property
    def device(self) -> Device: ...

    def stale(self, point: int) -> str:
        """Why the point's newest value may not be the present one; empty where it is."""


class Conditions:
    """Asks the board.

    Args:
        machine: the running device of a name.
    """

    def __init__(self, board: Board, machine: Callable[[str], Fresh | None]) -> None:
        self._board = board
        self._machine = machine
        self._formulas: dict[str, Formula] = {}
        self._written: dict[str, float] = {}

    def check_fresh(self, machine: Fresh, index: int) -> None:
        """Refuse a device whose values are not those of now.

        Raises:
            Unavailable: says why they are not.
        """
        reason = machine.stale(index)
        if reason:
            name = machine.device.name
            raise Unavailable(
                "edge.command_device_stale", f"device {name!r} is stale, so nothing is written to it: {reason}",
                "`lineshaft device status` shows how it stands; command again when it is back.", device=name, reason=reason,
            )  # fmt: skip

    def check_rate(self, device: str, point: Point, value: Value, before: Sample | None) -> None:
        """Refuse a faster change than the point's rules allow, from the value that is there.

        A second's worth of change may be made at once; the next one has to wait until the rate allows it again.

        Raises:
            Unavailable: what is there is not known to be good. Unprocessable: too large a change.
        """
        rate = rules_of(point).rate
        if rate is None or isinstance(value, bool | str):
            return
        name = f"{device}/{point.name}"
        if before is None or not quality.is_good(before.q) or isinstance(before.value, bool | str):
            raise Unavailable(
                "edge.command_value_unknown", f"the present value of {name} is not good, so its change cannot be limited",
                "Wait for a good value, or have an engineer take the rate out of its rules.", device=device, point=point.name,
            )  # fmt: skip
        since = clock.monotonic() - self._written.get(name, -_LONGEST_SECONDS)
        allowed = rate * min(max(since, 0.0), _LONGEST_SECONDS)
        change = abs(value - before.value)
        if change > allowed:
            raise Unprocessable(
                "edge.command_too_fast",
                f"from {before.value} to {value} is a change of {change:g} for {name}; now {allowed:g} is allowed",
                f"It may change by {rate:g} per second: go in smaller steps.", field="value", value=value, device=device,
                point=point.name, limit=allowed, rate=rate, rule="write.rate",
            )  # fmt: skip

    def note_written(self, device: str, point: Point) -> None:
        """A value goes to the point now."""
        self._written[f"{device}/{point.name}"] = clock.monotonic()

    def check_interlock(self, device: str, point: Point) -> None:
        """Refuse where the point's interlock is not true on fresh good values.

        Raises:
            Conflict: it is false, or an input is not fresh and good, or it cannot be evaluated.
        """
        text = rules_of(point).interlock
        if not text:
            return
        values = {}
        try:
            formula = self._formula(text)
            for name in formula.inputs:
                values[name] = self._input(name)
            passed = formula.evaluate(values)
        except (InvalidInput, Unavailable) as error:
            raise self._interlocked(device, point, error.message) from error
        if passed is not True:
            shown = ", ".join(f"{name} = {value}" for name, value in values.items())
            raise self._interlocked(device, point, f"{text} is not true with {shown or 'these values'}")

    def _formula(self, text: str) -> Formula:
        if text not in self._formulas:
            if len(self._formulas) >= _MOST_FORMULAS:
                self._formulas.clear()
            self._formulas[text] = Formula.parse(text)
        return self._formulas[text]

    def _input(self, name: str) -> Value:
        """The fresh good value of `device/point`."""
        device, _, wanted = name.partition("/")
        machine = self._machine(device)
        if machine is None:
            raise self._unusable(name, "this gateway runs no such device")
        index = next((index for index, point in enumerate(machine.device.points) if point.name == wanted), None)
        if index is None:
            raise self._unusable(name, "the device has no such point")
        reason = machine.stale(index)
        if reason:
            raise self._unusable(name, reason)
        sample = self._board.get(name)
        if sample is None or not quality.is_good(sample.q):
            raise self._unusable(name, "it has no value" if sample is None else f"it is {quality.name(sample.q)}")
        return sample.value

    @staticmethod
    def _unusable(name: str, reason: str) -> Unavailable:
        return Unavailable(
            "edge.command_input_unusable", f"{name} is not fresh and good: {reason}", "Wait for it.", input=name,
            reason=reason,
        )  # fmt: skip

    @staticmethod
    def _interlocked(device: str, point: Point, reason: str) -> Conflict:
        return Conflict(
            "edge.command_interlocked", f"the interlock of {device}/{point.name} does not admit it: {reason}",
            "Bring the plant into the state that the interlock asks for.", device=device, point=point.name, reason=reason,
        )  # fmt: skip
