"""What a point takes of a Modbus device: registers and coils, by unit.

The units 0 and 255 stand for whatever is behind an address of TCP, so that they lie over every unit. Over TCP a unit is a
selector, as many machines answer to any; on a serial line each hears its own only.
"""

import posixpath
from typing import Final

import msgspec

from lineshaft.edge import raw
from lineshaft.edge.drivers.modbus.address import REGISTERS, Space, read_address
from lineshaft.edge.drivers.modbus.endpoint import read_endpoint
from lineshaft.edge.extent import Extent, host_of
from lineshaft.edge.model import Device, Point

_WHOLE_DEVICE: Final = (0, 255)
_DEFAULT_UNIT: Final = 1
_REGISTER: Final = 16


def extent(device: Device, point: Point) -> Extent:
    """Bits of a space, the most significant of a register first, as they go over the wire."""
    address = read_address(point.address)
    unit = int(device.options.get("unit", _DEFAULT_UNIT)) if address.unit is None else address.unit
    count = raw.words(point) if point.type else 1
    whole = extent_at(machine_of(device), unit, address.space, address.number, count, point.type)
    if address.bit is None:
        return whole
    bit = whole.first + _REGISTER - 1 - address.bit
    return msgspec.structs.replace(whole, first=bit, last=bit)


def machine_of(device: Device) -> tuple[str, ...]:
    """The first two levels of every place of a device: what answers at its endpoint.

    Raises:
        ValueError: it has none.
    """
    endpoint = read_endpoint(device.endpoint)
    where = f"{host_of(endpoint.host)}:{endpoint.port}" if endpoint.host else posixpath.normpath(endpoint.path)
    return "modbus", where


def extent_at(
    machine: tuple[str, ...], unit: int, space: Space, start: int, count: int, type_: str = ""
) -> Extent:  # fmt: skip
    """The extent of registers or coils that follow each other."""
    place: tuple[str, ...] = (*machine, space)
    selector = "" if unit in _WHOLE_DEVICE else str(unit)
    if machine[1].startswith("/") and selector:
        place, selector = (*place, selector), ""
    if space not in REGISTERS:
        return Extent(place=place, first=start, last=start + count - 1, selector=selector, type="bool")
    first, last = start * _REGISTER, (start + count) * _REGISTER - 1
    return Extent(place=place, first=first, last=last, selector=selector, type=type_)
