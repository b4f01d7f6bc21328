"""The driver's face: what it is, and how it plans a device. Opens nothing."""

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.driver import Faults, Manifest, Plan, Source, Tools, check_points, convert_options, plan_blocks
from lineshaft.edge.drivers.http import scalars
from lineshaft.edge.drivers.lorawan.options import LorawanOptions
from lineshaft.edge.drivers.lorawan.payload import Decoder
from lineshaft.edge.model import Device

_POINTS_PER_BLOCK = 1000


class LorawanDriver:
    """LoRaWAN 1.0.x behind Semtech UDP packet forwarders."""

    manifest = Manifest(
        name="lorawan", title="LoRaWAN", tier="built-in", options=LorawanOptions, modes=frozenset({"subscribe"}),
        quality="bronze", simulator="lineshaft.edge.drivers.lorawan.simulator:simulate",
        address="expression over a message's bytes, after its port and a colon where it is on one only: `2: i16(0) / 10`",
        endpoint="where to listen for packet forwarders: lorawan-udp://127.0.0.1:1700",
    )  # fmt: skip

    def plan(self, device: Device) -> Plan:
        """Every point's address is a decoder.

        Raises:
            InvalidInput: every fault of endpoint, options, groups and addresses at once.
        """
        faults = Faults(device.name)
        options: LorawanOptions | None = convert_options(self.manifest, device, faults)
        if options is not None:
            options.judge(device.endpoint, faults)
        check_points(self.manifest, device, faults)
        for point in device.points:
            scalars.check(point, faults)
            try:
                Decoder(point.address)
            except InvalidInput as error:
                faults.add(f"points.{point.name}.address", point.address, error.message)
        faults.refuse()
        assert options is not None
        blocks = plan_blocks(device, _POINTS_PER_BLOCK, [point.address for point in device.points])
        return Plan(device=device, options=options, points=device.points, blocks=blocks)

    def source(self, plan: Plan, tools: Tools) -> Source:
        """One end device. Nothing is listened to yet."""
        from lineshaft.edge.drivers.lorawan.source import LorawanSource

        return LorawanSource(plan, tools)


DRIVER = LorawanDriver()
