"""The driver's face: expressions are parsed and checked when a device is planned."""

from typing import Final

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.driver import (
    Block,
    Faults,
    Manifest,
    Plan,
    Source,
    Tools,
    check_points,
    convert_options,
    plan_blocks,
)
from lineshaft.edge.formula import Formula
from lineshaft.edge.model import Device

ENDPOINT: Final = "calculated:"


class CalculatedOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """There are none."""


class CalculatedDriver:
    """Expressions over points."""

    manifest = Manifest(
        name="calculated", title="Calculated tags", tier="built-in", options=CalculatedOptions,
        modes=frozenset({"subscribe"}), quality="silver",
        address='an expression over points: tag("press/torque") * tag("press/speed") / 9.55',
        endpoint=f"always {ENDPOINT}",
    )  # fmt: skip

    def plan(self, device: Device) -> Plan:
        """One block per group; its detail are the formulas of its points.

        Raises:
            InvalidInput: every expression that cannot be, and points that need their own result.
        """
        faults = Faults(device.name)
        options = convert_options(self.manifest, device, faults)
        if device.endpoint != ENDPOINT:
            faults.add("endpoint", device.endpoint, f"calculated tags have the endpoint {ENDPOINT}")
        check_points(self.manifest, device, faults)
        formulas = {}
        for point in device.points:
            try:
                formulas[point.name] = Formula.parse(point.address)
            except InvalidInput as error:
                faults.add(f"points.{point.name}.address", point.address, str(error.facts["reason"]))
        for name, formula in formulas.items():
            if not formula.inputs:
                rule = 'it reads no point, so nothing would ever have it computed: name one as tag("device/point")'
                faults.add(f"points.{name}.address", formula.text, rule)
        for name in _circular(device.name, formulas):
            faults.add(f"points.{name}.address", formulas[name].text, "it needs its own result")
        faults.refuse()
        blocks: tuple[Block, ...] = plan_blocks(device, max(len(device.points), 1), [*formulas.values()])
        return Plan(device=device, options=options, points=device.points, blocks=blocks)

    def source(self, plan: Plan, tools: Tools) -> Source:
        """The points of the plan, computed from the gateway's board."""
        from lineshaft.edge.drivers.calculated.source import CalculatedSource

        return CalculatedSource(plan, tools)


def _circular(device: str, formulas: dict[str, Formula]) -> list[str]:
    """Points that depend on themselves through points of the same device."""
    needs = {
        name: {given.removeprefix(f"{device}/") for given in formula.inputs if given.startswith(f"{device}/")}
        for name, formula in formulas.items()
    }
    free: set[str] = set()
    while fresh := {name for name, needed in needs.items() if name not in free and (needed & needs.keys()) <= free}:
        free |= fresh
    return sorted(needs.keys() - free)


DRIVER = CalculatedDriver()
