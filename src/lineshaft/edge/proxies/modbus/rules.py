"""The rules of a device and its points, asked of every request before the guard is. What is written in part is refused."""

from collections.abc import Sequence
from typing import Any, Protocol

from lineshaft.core.errors import LineshaftError
from lineshaft.edge.guard.functions import reads
from lineshaft.edge.guard.model import GuardPrincipal, State, Verdict
from lineshaft.edge.guard.operation import UNITS, Operation
from lineshaft.edge.model import Device, Point
from lineshaft.edge.proxies.rules import ForeignRules


class Guarding(Protocol):
    """The part `guard`."""

    guard: Any

    def check(self, operations: list[Operation], principal: GuardPrincipal, state: State) -> list[Verdict]:
        """What it says of each operation."""


class PointRules:
    """Judges operations by the rules of device and points before the guard does."""

    def __init__(self, device: Device, guard: Guarding, rules: ForeignRules) -> None:
        self._ruled = {point.name: point for point in device.points if point.write is not None}
        self._guard = guard
        self._rules = rules

    @property
    def epoch(self) -> object | None:
        """See `Guard.epoch`."""
        epoch: object | None = self._guard.guard.epoch
        return epoch

    def check(self, operations: list[Operation], principal: GuardPrincipal, state: State) -> list[Verdict]:
        """See `Judge.check`; a request of which one operation breaks a rule is refused as a whole."""
        written: list[Point] = []
        for operation in operations:
            if reads("modbus", operation.function) or operation.unjudgeable:
                continue  # what is no number, the guard denies
            broken = self._broken(operation, written)
            if broken is not None:
                self._guard.guard.events.judged("guard.denied", operation, principal, broken)
                return [broken] * len(operations)
        verdicts = self._guard.check(operations, principal, state)
        if written and all(verdict.allowed for verdict in verdicts):
            for point in written:
                self._rules.note_written(point)
        return verdicts

    def _broken(self, operation: Operation, written: list[Point]) -> Verdict | None:
        """The refusal by rules of the device or its points; None where they do not object. Notes points with rules."""
        try:
            self._rules.check_lease()
            for name in operation.points:
                if "/" in name:
                    return _refused("edge.command_overlaid", f"{name}, of another device, has rules there")
                point = self._ruled.get(name)
                if point is None:
                    continue
                if len(operation.values) != 1 and point.write is not None and point.write.classification != "A":
                    return _refused("whole", f"{name} has rules, so it is written whole or not at all")
                self._rules.check_point(point, _value(point, operation.values))
                written.append(point)
        except LineshaftError as error:
            return _refused(error.code, error.message)
        return None


def _refused(rule: str, reason: str) -> Verdict:
    return Verdict(allowed=False, rules=(rule,), reason=reason)


def _value(point: Point, values: Sequence[int]) -> float | int | bool:
    """A point's value; nothing is made of one in part, which is refused before it is looked at."""
    millionths = values[0] if values else 0
    if point.kind == "boolean":
        return millionths != 0
    return millionths // UNITS if point.kind == "integer" else millionths / UNITS
