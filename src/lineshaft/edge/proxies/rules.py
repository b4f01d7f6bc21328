"""What a device and its points say of writes holds for foreign clients too, whatever their protocol.

A lease of somebody refuses them all. A point with rules for commands is written only within them, on a device whose
values are those of now: limits, rate (together with what commands write), interlock; and never where it is of class A,
which takes a second person: a foreign client can bring none.
"""

from collections.abc import Callable
from typing import Any, Protocol

from lineshaft.core.errors import Conflict, Forbidden
from lineshaft.edge.board import Board
from lineshaft.edge.commands.checks import check_value, rules_of
from lineshaft.edge.commands.conditions import Conditions
from lineshaft.edge.commands.leases import Leases
from lineshaft.edge.commands.model import Value
from lineshaft.edge.commands.overlaid import OverlaidPoints
from lineshaft.edge.model import Device, Point


class Writing(Protocol):
    """The part `commands`."""

    leases: Leases
    conditions: Conditions
    overlaid: OverlaidPoints


class ForeignRules:
    """Of one device, as one proxy has it configured.

    Args:
        machine: the running device of a name.
    """

    def __init__(self, device: Device, board: Board, writing: Writing, machine: Callable[[str], Any]) -> None:
        self._device = device
        self._indexes = {point.name: index for index, point in enumerate(device.points)}
        self._board = board
        self._writing = writing
        self._machine = machine
        self._known: Any = None
        """The running device that was seen to be configured as ours is."""

    def check_lease(self) -> None:
        """Refuse where anybody has the device to themselves.

        Raises:
            Conflict: names who.
        """
        self._writing.leases.check(self._device.name, "")

    def check_point(self, point: Point, value: Value) -> None:
        """Refuse what the point's own rules do not admit.

        Raises:
            LineshaftError: names the rule, and what is wrong.
        """
        name = self._device.name
        if rules_of(point).classification == "A":
            raise Forbidden(
                "edge.command_unapproved", f"{name}/{point.name} is of class A, and no second person has approved",
                "Write it by a command, which another person approves.", device=name, point=point.name,
            )  # fmt: skip
        check_value(name, point, value)
        conditions = self._writing.conditions
        conditions.check_fresh(self.running(), self._indexes[point.name])
        conditions.check_rate(name, point, value, self._board.get(f"{name}/{point.name}"))
        conditions.check_interlock(name, point)

    def check_overlaid(self, point: Point, value: Value) -> None:
        """Refuse what the rules of another point that it touches do not admit, of whichever device.

        Raises:
            LineshaftError: names the point and its rule.
        """
        self._writing.overlaid.check(self._device, point, value, "", approved=False)

    def note_written(self, point: Point) -> None:
        """A value goes to the point now."""
        self._writing.conditions.note_written(self._device.name, point)
        self._writing.overlaid.note_written(self._device, point)

    def running(self) -> Any:
        """The running device, which is configured as this proxy has it: one name may come to mean another register.

        Raises:
            Conflict: it is not, or does not run.
        """
        machine = self._machine(self._device.name)
        if machine is None or (machine is not self._known and machine.device != self._device):
            raise Conflict(
                "edge.proxy_device_changed", f"the device {self._device.name!r} does not run as the proxy knows it",
                "Its configuration is being changed, or was refused: `lineshaft device status` shows it.",
                device=self._device.name,
            )  # fmt: skip
        self._known = machine
        return machine
