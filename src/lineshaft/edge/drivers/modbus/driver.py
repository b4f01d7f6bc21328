"""The driver's face: what it is, and how it plans a device."""

from lineshaft.edge import raw
from lineshaft.edge.driver import (
    Block,
    Faults,
    Manifest,
    Plan,
    Source,
    Tools,
    check_points,
    convert_options,
)
from lineshaft.edge.drivers.modbus.address import LAST, REGISTERS, WRITABLE, Address, read_address
from lineshaft.edge.drivers.modbus.endpoint import Endpoint, read_endpoint
from lineshaft.edge.drivers.modbus.options import ModbusOptions
from lineshaft.edge.drivers.modbus.requests import Member, merge
from lineshaft.edge.model import Device, Point

_SERIAL_UNITS = range(1, 248)


class ModbusDriver:
    """Modbus over TCP, over a serial line (RTU), and RTU over TCP."""

    manifest = Manifest(
        name="modbus", title="Modbus", tier="built-in", options=ModbusOptions, modes=frozenset({"poll"}),
        browses=True, writes=True, quality="gold", simulator="lineshaft.edge.drivers.modbus.simulator:simulate",
        extent="lineshaft.edge.drivers.modbus.extent:extent",
        address="holding:107, input:12, coil:5, discrete:3, a bit holding:107.4, another unit 2/holding:107, or 40108",
        endpoint="modbus-tcp://host:502, modbus-rtu:///dev/ttyS0?baud=9600&parity=E or modbus-rtu-tcp://host:port",
    )  # fmt: skip

    def plan(self, device: Device) -> Plan:
        """One block per scan group; its detail is the merged reads.

        Raises:
            InvalidInput: every fault of endpoint, options, groups and points at once.
        """
        faults = Faults(device.name)
        options: ModbusOptions | None = convert_options(self.manifest, device, faults)
        endpoint = _endpoint(device, faults)
        check_points(self.manifest, device, faults)
        addresses = [_address(point, faults) for point in device.points]
        if options is not None and endpoint is not None:
            for point, address in zip(device.points, addresses, strict=True):
                if address is not None:
                    _check(point, address, options, endpoint, faults)
        faults.refuse()
        assert options is not None
        places = [address for address in addresses if address is not None]
        return Plan(
            device=device, options=options, points=device.points, blocks=_blocks(device, places, options)
        )  # fmt: skip

    def source(self, plan: Plan, tools: Tools) -> Source:
        """One device, or several units behind one connection. Nothing is connected yet."""
        from lineshaft.edge.drivers.modbus.source import ModbusSource

        return ModbusSource(plan, tools)


def _endpoint(device: Device, faults: Faults) -> Endpoint | None:
    try:
        return read_endpoint(device.endpoint)
    except ValueError as error:
        shown = device.endpoint.rpartition("@")[2]  # what stands before it may be a password
        faults.add("endpoint", shown, str(error))
        return None


def _address(point: Point, faults: Faults) -> Address | None:
    try:
        return read_address(point.address)
    except ValueError as error:
        faults.add(f"points.{point.name}.address", point.address, str(error))
        return None


def _check(point: Point, address: Address, options: ModbusOptions, endpoint: Endpoint, faults: Faults) -> None:
    """Note what of a point does not go together with its address."""
    where = f"points.{point.name}"
    unit = options.unit if address.unit is None else address.unit
    if endpoint.transport != "modbus-tcp" and unit not in _SERIAL_UNITS:
        faults.add(f"{where}.address", point.address, f"unit {unit}: a serial line has the units 1 to 247")
    is_bit = address.space not in REGISTERS or address.bit is not None
    if is_bit != (point.type == "bool"):
        rule = "one bit has the type bool" if is_bit else "say which bit of the register, as in holding:107.4"
        faults.add(f"{where}.type", point.type, rule)
        return
    raw.check(point, faults)
    if point.type == "":
        return
    _check_extent(point, address, options, faults)
    if point.access != "read":
        _check_writable(point, address, options, faults)


def _check_extent(point: Point, address: Address, options: ModbusOptions, faults: Faults) -> None:
    count = raw.words(point)
    if address.number + count - 1 > LAST:
        faults.add(f"points.{point.name}.address", point.address, f"its {count} registers end beyond {LAST}")
    if address.space in REGISTERS and count > options.max_registers:
        faults.add(
            f"points.{point.name}.length", point.length,
            f"its {count} registers are over max_registers, {options.max_registers}, and a value is never read in parts",
        )  # fmt: skip


def _check_writable(point: Point, address: Address, options: ModbusOptions, faults: Faults) -> None:
    where = f"points.{point.name}.access"
    if address.space not in WRITABLE:
        faults.add(where, point.access, f"a value in the space {address.space} can only be read")
    if raw.size(point) % 2 and point.type != "bool":
        faults.add(where, point.access, "half a register cannot be written without the other half")
    if raw.words(point) > options.max_write_registers:
        faults.add(
            where, point.access,
            f"its {raw.words(point)} registers are over max_write_registers, {options.max_write_registers}",
        )  # fmt: skip


def _blocks(device: Device, addresses: list[Address], options: ModbusOptions) -> tuple[Block, ...]:
    blocks = []
    for group in device.groups:
        members = []
        for index, (point, address) in enumerate(zip(device.points, addresses, strict=True)):
            if point.group == group.name:
                unit = options.unit if address.unit is None else address.unit
                member = Member(index, address.number, raw.words(point), address.bit or 0)
                members.append((unit, address.space, member))
        if members:
            points = tuple(member.point for _, _, member in members)
            blocks.append(Block(group=group, points=points, detail=merge(members, options)))
    return tuple(blocks)


DRIVER = ModbusDriver()
