"""Points with rules of other devices that lead to the same machine: what a foreign client writes may lie on theirs."""

from collections.abc import Sequence
from typing import Protocol

from lineshaft.edge.commands.overlaid import Ruled
from lineshaft.edge.drivers.modbus.address import Space
from lineshaft.edge.drivers.modbus.extent import extent_at, machine_of
from lineshaft.edge.extent import on_this_machine
from lineshaft.edge.model import Device


class Others(Protocol):
    """See `OverlaidPoints`."""

    @property
    def revision(self) -> int:
        """Another one whenever they may be others, or lie elsewhere."""

    def others(self, device: Device) -> Sequence[Ruled]:
        """Points with rules of all other devices."""


class Beside:
    """Of one device, as its proxy has it."""

    def __init__(self, device: Device, others: Others) -> None:
        self._device = device
        self._others = others
        self._named = machine_of(device)
        self._machine = self._named
        self._revision = -1
        self._ruled: list[Ruled] = []

    def touched(self, unit: int, space: Space, start: int, count: int) -> list[str]:
        """`device/point` of those that have at least one of these addresses."""
        revision, machine = self._others.revision, on_this_machine(self._named)
        if (revision, machine) != (self._revision, self._machine):
            self._revision, self._machine = revision, machine
            self._ruled = [
                each for each in self._others.others(self._device) if each.extent.place[: len(machine)] == machine
            ]
        if not self._ruled:
            return []
        extent = extent_at(machine, unit, space, start, count)
        return [f"{each.device}/{each.point.name}" for each in self._ruled if each.extent.overlaps(extent)]
