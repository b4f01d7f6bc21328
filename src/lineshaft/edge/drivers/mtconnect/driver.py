"""The driver's face: what it is, and how it plans a device. Loads no library."""

from typing import TYPE_CHECKING

from lineshaft.edge.driver import Faults, Manifest, Plan, Source, Tools, check_points, convert_options, plan_blocks
from lineshaft.edge.drivers.http import scalars
from lineshaft.edge.drivers.mtconnect.address import read_address
from lineshaft.edge.drivers.mtconnect.options import MTConnectOptions
from lineshaft.edge.model import Device

if TYPE_CHECKING:
    from lineshaft.edge.drivers.mtconnect.address import ItemAddress

_POINTS_PER_BLOCK = 100_000


class MTConnectDriver:
    """MTConnect over HTTP."""

    manifest = Manifest(
        name="mtconnect", title="MTConnect", tier="built-in", options=MTConnectOptions,
        modes=frozenset({"subscribe", "poll"}), browses=True, quality="bronze",
        simulator="lineshaft.edge.drivers.mtconnect.simulator:simulate",
        address="id or name of a data item, `#` and a part of its value where it has parts: `Xpos`, `Work#x`",
        endpoint="http://host:5000 or http://host:5000/device",
    )  # fmt: skip

    def plan(self, device: Device) -> Plan:
        """One block per group; a block's detail is its points' addresses.

        Raises:
            InvalidInput: every fault of endpoint, options, groups and addresses at once.
        """
        faults = Faults(device.name)
        options: MTConnectOptions | None = convert_options(self.manifest, device, faults)
        if options is not None:
            options.judge(device.endpoint, faults)
        check_points(self.manifest, device, faults)
        addresses: list[ItemAddress] = []
        for point in device.points:
            scalars.check(point, faults)
            try:
                addresses.append(read_address(point.address))
            except ValueError as error:
                faults.add(f"points.{point.name}.address", point.address, str(error))
        faults.refuse()
        assert options is not None
        blocks = plan_blocks(device, _POINTS_PER_BLOCK, addresses)
        return Plan(device=device, options=options, points=device.points, blocks=blocks)

    def source(self, plan: Plan, tools: Tools) -> Source:
        """One agent. Nothing is connected yet."""
        from lineshaft.edge.drivers.mtconnect.source import MTConnectSource

        return MTConnectSource(plan, tools)


DRIVER = MTConnectDriver()
