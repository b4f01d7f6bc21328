"""The driver's face: what it is, and how it plans a server. Loads no library."""

from typing import Any

from lineshaft.edge.driver import Block, Faults, Manifest, Plan, Source, Tools, check_points, convert_options
from lineshaft.edge.drivers.coap.address import EXAMPLES, PointAddress, Resource, read_address
from lineshaft.edge.drivers.coap.options import Address, CoapOptions, read_endpoint
from lineshaft.edge.drivers.http.scalars import check
from lineshaft.edge.model import Device


class CoapPlan(Plan, frozen=True, kw_only=True):
    """How a server is read. The detail of a block is a dictionary of its resources and the points that each feeds."""

    address: Address
    addresses: tuple[PointAddress, ...]
    """Of all points."""


class CoapDriver:
    """CoAP servers: sensors and actuators on small machines."""

    manifest = Manifest(
        name="coap", title="CoAP", tier="built-in", options=CoapOptions, modes=frozenset({"subscribe", "poll"}),
        browses=True, writes=True, quality="silver", simulator="lineshaft.edge.drivers.coap.simulator:simulate",
        extent="lineshaft.edge.drivers.coap.extent:extent",
        address=EXAMPLES, endpoint="coap://host:5683",
    )  # fmt: skip

    def plan(self, device: Device) -> CoapPlan:
        """One block per group; a resource that feeds several points of it is asked or observed once.

        Raises:
            InvalidInput: every fault of endpoint, options, groups and points at once.
        """
        faults = Faults(device.name)
        options: CoapOptions | None = convert_options(self.manifest, device, faults)
        address = read_endpoint(device.endpoint, options or CoapOptions(security="none"), faults)
        check_points(self.manifest, device, faults)
        addresses: list[PointAddress] = []
        for point in device.points:
            check(point, faults)
            try:
                addresses.append(read_address(point.address))
            except ValueError as error:
                faults.add(f"points.{point.name}.address", point.address, str(error))
        faults.refuse()
        assert address is not None
        return CoapPlan(
            device=device, options=options, points=device.points, blocks=_blocks(device, addresses), address=address,
            addresses=tuple(addresses),
        )  # fmt: skip

    def source(self, plan: Any, tools: Tools) -> Source:
        """One server. Nothing is asked yet."""
        from lineshaft.edge.drivers.coap.source import CoapSource

        return CoapSource(plan, tools)


def _blocks(device: Device, addresses: list[PointAddress]) -> tuple[Block, ...]:
    blocks = []
    for group in device.groups:
        members = tuple(index for index, point in enumerate(device.points) if point.group == group.name)
        resources: dict[Resource, tuple[int, ...]] = {}
        for index in members:
            resources[addresses[index].resource] = (*resources.get(addresses[index].resource, ()), index)
        if members:
            blocks.append(Block(group=group, points=members, detail=resources))
    return tuple(blocks)


DRIVER = CoapDriver()
