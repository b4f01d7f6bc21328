"""What points say of writes to them holds for foreign clients too: their own rules, then the guard.

A point with rules for commands is written by a foreign client only within them: never one of class A, which takes a
second person, and never in part, since nobody knows then what it will hold.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from lineshaft.core.errors import LineshaftError
from lineshaft.edge.board import Board
from lineshaft.edge.commands.checks import check_value
from lineshaft.edge.commands.conditions import Conditions
from lineshaft.edge.guard.functions import reads
from lineshaft.edge.guard.model import GuardPrincipal, State, Verdict
from lineshaft.edge.guard.operation import UNITS, Operation
from lineshaft.edge.model import Device, Point


class Guarding(Protocol):
    """The part `guard`."""

    guard: Any

    def check(self, operations: list[Operation], principal: GuardPrincipal, state: State) -> list[Verdict]:
        """What it says of each operation."""


class PointRules:
    """Judges operations by the points' rules before the guard does.

    Args:
        machine: the running device of a name.
    """

    def __init__(self, device: Device, guard: Guarding, board: Board, machine: Callable[[str], Any]) -> None:
        self._device = device.name
        self._ruled = {point.name: point for point in device.points if point.write is not None}
        self._guard = guard
        self._board = board
        self._conditions = Conditions(board, machine)

    def check(self, operations: list[Operation], principal: GuardPrincipal, state: State) -> list[Verdict]:
        """See `Judge.check`; a request of which one operation breaks a rule is refused as a whole."""
        for operation in operations:
            if reads("modbus", operation.function) or operation.unjudgeable:
                continue  # what is no number, the guard denies
            broken = next(filter(None, (self._broken(name, operation.values) for name in operation.points)), None)
            if broken is not None:
                self._guard.guard.events.judged("guard.denied", operation, principal, broken)
                return [broken] * len(operations)
        return self._guard.check(operations, principal, state)

    def _broken(self, name: str, values: Sequence[int]) -> Verdict | None:
        """The refusal by a point's own rules; None where they do not object."""
        point = self._ruled.get(name)
        if point is None:
            return None
        assert point.write is not None
        if point.write.classification == "A":
            return _refused(
                "class A", f"{name} is of class A, and no second person has approved: write it by a command"
            )
        if len(values) != 1:
            return _refused("whole", f"{name} has rules, so it is written whole or not at all")
        value = _value(point, values[0])
        try:
            check_value(self._device, point, value)
            self._conditions.check_rate(self._device, point, value, self._board.get(f"{self._device}/{name}"))
            self._conditions.check_interlock(self._device, point)
        except LineshaftError as error:
            return _refused(error.code, error.message)
        return None


def _refused(rule: str, reason: str) -> Verdict:
    return Verdict(allowed=False, rules=(rule,), reason=reason)


def _value(point: Point, millionths: int) -> float | int | bool:
    if point.kind == "boolean":
        return millionths != 0
    return millionths // UNITS if point.kind == "integer" else millionths / UNITS
