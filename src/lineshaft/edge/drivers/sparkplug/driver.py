"""The driver's face: what it is, and how it plans a device. Loads no library."""

from lineshaft.edge.driver import Faults, Manifest, Plan, Source, Tools, check_points, convert_options, plan_blocks
from lineshaft.edge.drivers.mqtt.writing import refuse_raw
from lineshaft.edge.drivers.sparkplug.options import SparkplugOptions
from lineshaft.edge.model import Device

_MOST: int = 1_000_000


class SparkplugDriver:
    """Sparkplug B 3.0 host application over MQTT 3.1.1."""

    manifest = Manifest(
        name="sparkplug", title="Sparkplug B", tier="built-in", options=SparkplugOptions,
        modes=frozenset({"subscribe"}), browses=True, writes=True, quality="platinum",
        simulator="lineshaft.edge.drivers.sparkplug.simulator:simulate",
        extent="lineshaft.edge.drivers.sparkplug.extent:extent",
        address="the metric's name in the birth certificate, such as `Inputs/Temperature`",
        endpoint="the broker: `mqtts://broker:8883`, or `mqtt://127.0.0.1:1883` on this machine",
    )  # fmt: skip

    def plan(self, device: Device) -> Plan:
        """A point's address is its metric's name.

        Raises:
            InvalidInput: every fault of endpoint, options, groups and addresses at once.
        """
        faults = Faults(device.name)
        options: SparkplugOptions | None = convert_options(self.manifest, device, faults)
        if options is not None:
            options.judge(device.endpoint, faults)
        check_points(self.manifest, device, faults)
        seen: dict[str, str] = {}
        for point in device.points:
            if not point.address:
                faults.add(f"points.{point.name}.address", point.address, "it is the name of a metric")
            elif point.address in seen:
                faults.add(
                    f"points.{point.name}.address", point.address, f"it is the metric of {seen[point.address]} too"
                )
            seen[point.address] = point.name
            refuse_raw(point, faults)
        faults.refuse()
        assert options is not None
        blocks = plan_blocks(device, _MOST, [point.address for point in device.points])
        return Plan(device=device, options=options, points=device.points, blocks=blocks)

    def source(self, plan: Plan, tools: Tools) -> Source:
        """One edge node, or one device of it. Nothing is connected yet."""
        from lineshaft.edge.drivers.sparkplug.source import SparkplugSource

        return SparkplugSource(plan, tools)


DRIVER = SparkplugDriver()
