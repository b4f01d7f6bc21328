"""The driver's face: what it is, and how it plans a device. Opens nothing."""

from lineshaft.core.errors import InvalidInput
from lineshaft.edge import raw
from lineshaft.edge.driver import Faults, Manifest, Plan, Source, Tools, check_points, convert_options, plan_blocks
from lineshaft.edge.drivers.http import scalars
from lineshaft.edge.drivers.lorawan import downlinks
from lineshaft.edge.drivers.lorawan.options import LorawanOptions
from lineshaft.edge.drivers.lorawan.payload import Decoder
from lineshaft.edge.model import Device, Point

_POINTS_PER_BLOCK = 1000


class LorawanDriver:
    """LoRaWAN 1.0.x behind Semtech UDP packet forwarders."""

    manifest = Manifest(
        name="lorawan", title="LoRaWAN", tier="built-in", options=LorawanOptions, modes=frozenset({"subscribe"}), writes=True,
        quality="silver", simulator="lineshaft.edge.drivers.lorawan.simulator:simulate",
        extent="lineshaft.edge.drivers.lorawan.extent:extent",
        address="expression over a message's bytes, after its port and a colon where it is on one only: `2: i16(0) / 10`; or to write `downlink:10`",
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
            if point.address.startswith(downlinks.PREFIX):
                _check_written(point, faults)
            else:
                _check_read(point, faults)
        faults.refuse()
        assert options is not None
        blocks = plan_blocks(device, _POINTS_PER_BLOCK, [point.address for point in device.points])
        return Plan(device=device, options=options, points=device.points, blocks=blocks)

    def source(self, plan: Plan, tools: Tools) -> Source:
        """One end device. Nothing is listened to yet."""
        from lineshaft.edge.drivers.lorawan.source import LorawanSource

        return LorawanSource(plan, tools)


def _check_read(point: Point, faults: Faults) -> None:
    scalars.check(point, faults)
    if point.access != "read":
        faults.add(f"points.{point.name}.access", point.access, "what is written has a point of its own: downlink:PORT")
    try:
        Decoder(point.address)
    except InvalidInput as error:
        faults.add(f"points.{point.name}.address", point.address, error.message)


def _check_written(point: Point, faults: Faults) -> None:
    field = f"points.{point.name}"
    if point.access != "write":
        faults.add(f"{field}.access", point.access, "a downlink is written and never read: say access = write")
    try:
        target = downlinks.read_target(point.address)
    except ValueError as error:
        faults.add(f"{field}.address", point.address, str(error))
        return
    raw.check(point, faults)
    size = len(target.head) + (point.length if point.type == "text" else raw.size(point) if point.type else 0)
    if size > downlinks.LONGEST:
        faults.add(f"{field}.length", point.length, f"a downlink carries {downlinks.LONGEST} bytes, and it has {size}")


DRIVER = LorawanDriver()
