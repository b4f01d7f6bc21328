"""The driver's face: what it is, and how it plans a controller. Loads no library."""

from typing import Any

import msgspec

from lineshaft.edge import raw
from lineshaft.edge.driver import Block, Faults, Manifest, Plan, Source, Tools, check_points, convert_options
from lineshaft.edge.drivers.s7.address import EXAMPLES, Place, read_place
from lineshaft.edge.drivers.s7.options import Address, S7Options, read_endpoint
from lineshaft.edge.model import Device, Point


class S7Plan(Plan, frozen=True, kw_only=True):
    """How a controller is read. The detail of a block are the places of its points."""

    address: Address
    places: tuple[Place, ...]
    """Of all points."""


class S7Driver:
    """Siemens S7 (ISO on TCP): S7-300, S7-400, S7-1200, S7-1500, LOGO and compatible controllers."""

    manifest = Manifest(
        name="s7", title="Siemens S7", tier="built-in", options=S7Options, modes=frozenset({"poll"}), browses=True,
        writes=True, quality="silver", simulator="lineshaft.edge.drivers.s7.simulator:simulate",
        extent="lineshaft.edge.drivers.s7.extent:extent",
        address=EXAMPLES, endpoint="s7://host:102?rack=0&slot=1",
    )  # fmt: skip

    def plan(self, device: Device) -> S7Plan:
        """One block per group; what it takes on the wire depends on the PDU size that the controller grants.

        Raises:
            InvalidInput: every fault of endpoint, options, groups and points at once.
        """
        faults = Faults(device.name)
        options: S7Options | None = convert_options(self.manifest, device, faults)
        address = read_endpoint(device.endpoint, options or S7Options(), faults)
        check_points(self.manifest, device, faults)
        read = [_read_point(point, faults) for point in device.points]
        faults.refuse()
        assert options is not None
        assert address is not None
        points = tuple(point for point, _ in read)
        places = tuple(place for _, place in read if place is not None)
        blocks = []
        for group in device.groups:
            members = tuple(index for index, point in enumerate(points) if point.group == group.name)
            if members:
                blocks.append(Block(group=group, points=members, detail=tuple(places[index] for index in members)))
        return S7Plan(
            device=device, options=options, points=points, blocks=tuple(blocks), address=address, places=places
        )

    def source(self, plan: Any, tools: Tools) -> Source:
        """One controller. Nothing is connected yet."""
        from lineshaft.edge.drivers.s7.source import S7Source

        return S7Source(plan, tools)


def _read_point(point: Point, faults: Faults) -> tuple[Point, Place | None]:
    """The point with the type that its address says, and where it lies; faults are noted."""
    try:
        place = read_place(point)
    except ValueError as error:
        faults.add(f"points.{point.name}.address", point.address, str(error))
        return point, None
    typed: Point = msgspec.structs.replace(point, type="text" if place.type == "string" else place.type)
    raw.check(typed, faults)
    if place.type == "string" and point.order:
        faults.add(f"points.{point.name}.order", point.order, "a string has none")
    if place.area == "I" and point.access != "read":
        faults.add(f"points.{point.name}.access", point.access, "inputs are the controller's to write")
    return typed, place


DRIVER = S7Driver()
