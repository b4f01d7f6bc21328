"""The driver's face: what it is, and how it plans a device. Loads no library."""

from typing import TYPE_CHECKING

from lineshaft.edge.driver import Faults, Manifest, Plan, Source, Tools, check_points, convert_options, plan_blocks
from lineshaft.edge.drivers.opcua.address import read_address
from lineshaft.edge.drivers.opcua.options import OpcUaOptions
from lineshaft.edge.model import Device

if TYPE_CHECKING:
    from lineshaft.edge.drivers.opcua.address import NodeAddress


class OpcUaDriver:
    """OPC UA (IEC 62541) over opc.tcp."""

    manifest = Manifest(
        name="opcua", title="OPC UA", tier="built-in", options=OpcUaOptions,
        modes=frozenset({"subscribe", "poll"}), browses=True, writes=True, quality="gold",
        simulator="lineshaft.edge.drivers.opcua.simulator:simulate",
        extent="lineshaft.edge.drivers.opcua.extent:extent",
        address="a node: ns=2;s=Pressure or nsu=urn:plant;i=4711", endpoint="opc.tcp://host:4840",
    )  # fmt: skip

    def plan(self, device: Device) -> Plan:
        """Blocks of at most `items_per_subscription` points of one group; a block's detail is its nodes' addresses.

        Raises:
            InvalidInput: every fault of endpoint, options, groups and addresses at once.
        """
        faults = Faults(device.name)
        options: OpcUaOptions | None = convert_options(self.manifest, device, faults)
        if options is not None:
            options.judge(device.endpoint, faults)
        check_points(self.manifest, device, faults)
        addresses: list[NodeAddress] = []
        for point in device.points:
            try:
                addresses.append(read_address(point.address))
            except ValueError as error:
                faults.add(f"points.{point.name}.address", point.address, str(error))
        faults.refuse()
        assert options is not None
        blocks = plan_blocks(device, options.items_per_subscription, addresses)
        return Plan(device=device, options=options, points=device.points, blocks=blocks)

    def source(self, plan: Plan, tools: Tools) -> Source:
        """One server. Nothing is connected yet."""
        from lineshaft.edge.drivers.opcua.source import OpcUaSource

        return OpcUaSource(plan, tools)


DRIVER = OpcUaDriver()
