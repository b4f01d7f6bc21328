"""The driver's face: what it is, and how it plans a device. Loads no library."""

from lineshaft.edge.driver import Faults, Manifest, Plan, Source, Tools, check_points, convert_options, plan_blocks
from lineshaft.edge.drivers.mqtt.address import ValueAddress, read_address
from lineshaft.edge.drivers.mqtt.options import MqttOptions
from lineshaft.edge.drivers.mqtt.writing import refuse_raw
from lineshaft.edge.model import Device, Point

_MOST = 1_000_000


class MqttDriver:
    """MQTT 3.1.1 and 5."""

    manifest = Manifest(
        name="mqtt", title="MQTT", tier="built-in", options=MqttOptions, modes=frozenset({"subscribe"}),
        browses=True, writes=True, quality="gold", simulator="lineshaft.edge.drivers.mqtt.simulator:simulate",
        extent="lineshaft.edge.drivers.mqtt.extent:extent",
        address="topic and JSON pointer, such as `plant/oven/1#/temp/value`",
        endpoint="the broker: `mqtts://broker:8883`, or `mqtt://127.0.0.1:1883` on this machine",
    )  # fmt: skip

    def plan(self, device: Device) -> Plan:
        """A block's detail is its points' addresses.

        Raises:
            InvalidInput: every fault of endpoint, options, groups and addresses at once.
        """
        faults = Faults(device.name)
        options: MqttOptions | None = convert_options(self.manifest, device, faults)
        if options is not None:
            options.judge(device.endpoint, faults)
        check_points(self.manifest, device, faults)
        addresses: list[ValueAddress] = []
        for point in device.points:
            try:
                address = read_address(point.address)
            except ValueError as error:
                faults.add(f"points.{point.name}.address", point.address, str(error))
                continue
            addresses.append(address)
            refuse_raw(point, faults)
            if options is not None:
                _judge_point(point, address, options, faults)
        faults.refuse()
        assert options is not None
        return Plan(device=device, options=options, points=device.points, blocks=plan_blocks(device, _MOST, addresses))

    def source(self, plan: Plan, tools: Tools) -> Source:
        """One broker's topics. Nothing is connected yet."""
        from lineshaft.edge.drivers.mqtt.source import MqttSource

        return MqttSource(plan, tools)


def _judge_point(point: Point, address: ValueAddress, options: MqttOptions, faults: Faults) -> None:
    if options.format == "text" and address.path:
        faults.add(f"points.{point.name}.address", point.address, "a text has no members to point at")
    if point.access == "read":
        return
    command = options.command_of(point.name, address.topic)
    if not command:
        faults.add(
            f"points.{point.name}.access",
            point.access,
            "options.command_topic or options.commands must say where commands go",
        )
    elif "+" in command:
        faults.add(
            f"points.{point.name}.address",
            point.address,
            "its commands go to no single topic; name one in options.commands",
        )


DRIVER = MqttDriver()
