"""The driver's face: what it is, and how it plans an agent. Loads no library."""

from typing import Any

from lineshaft.edge import raw
from lineshaft.edge.driver import Faults, Manifest, Plan, Source, Tools, check_points, convert_options, plan_blocks
from lineshaft.edge.drivers.snmp.address import EXAMPLES, ObjectAddress, read_address
from lineshaft.edge.drivers.snmp.options import Address, SnmpOptions, read_endpoint
from lineshaft.edge.model import Device, Point


class SnmpPlan(Plan, frozen=True, kw_only=True):
    """How an agent is read. The detail of a block are the addresses of its points."""

    address: Address
    objects: tuple[ObjectAddress, ...]
    """Of all points."""


class SnmpDriver:
    """SNMP agents: switches, supplies, printers, drives."""

    manifest = Manifest(
        name="snmp", title="SNMP", tier="built-in", options=SnmpOptions, modes=frozenset({"poll"}), browses=True,
        writes=True, quality="silver", simulator="lineshaft.edge.drivers.snmp.simulator:simulate",
        extent="lineshaft.edge.drivers.snmp.extent:extent",
        address=EXAMPLES, endpoint="snmp://host:161",
    )  # fmt: skip

    def plan(self, device: Device) -> SnmpPlan:
        """One block per group: its requests leave together.

        Raises:
            InvalidInput: every fault of endpoint, options, groups and points at once.
        """
        faults = Faults(device.name)
        options: SnmpOptions | None = convert_options(self.manifest, device, faults)
        if options is not None:
            options.judge(faults)
        address = read_endpoint(device.endpoint, faults)
        check_points(self.manifest, device, faults)
        objects: list[ObjectAddress] = []
        for point in device.points:
            _check(point, faults)
            try:
                objects.append(read_address(point.address))
            except ValueError as error:
                faults.add(f"points.{point.name}.address", point.address, str(error))
        faults.refuse()
        assert address is not None
        blocks = plan_blocks(device, max(len(device.points), 1), objects)
        return SnmpPlan(
            device=device, options=options, points=device.points, blocks=blocks, address=address, objects=tuple(objects)
        )

    def source(self, plan: Any, tools: Tools) -> Source:
        """One agent. Nothing is asked yet."""
        from lineshaft.edge.drivers.snmp.source import SnmpSource

        return SnmpSource(plan, tools)


def _check(point: Point, faults: Faults) -> None:
    """Note what a point of an agent cannot have: the agent says types itself, and numbers can be scaled only."""
    where = f"points.{point.name}"
    for name, value in (("type", point.type), ("order", point.order), ("length", point.length)):
        if value:
            faults.add(f"{where}.{name}", value, "leave it out: an agent says the type of each value")
    scaled = bool(point.scale or point.offset)
    if scaled and point.kind in ("text", "boolean"):
        faults.add(f"{where}.scale", f"{point.scale or 1} + {point.offset or 0}", f"a {point.kind} has none")
        return
    try:
        scale = raw.scaling(point.scale, point.offset)
    except ValueError as error:
        faults.add(f"{where}.scale", f"{point.scale or 1} + {point.offset or 0}", str(error))
        return
    if point.kind == "integer" and not scale.integral:
        faults.add(
            f"{where}.scale", point.scale, "a point of kind integer needs an integral scale; make its kind number"
        )


DRIVER = SnmpDriver()
