"""The points of a device as a write meets them: which registers and coils, and what the words mean in their unit."""

import math
import struct
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from lineshaft.edge import raw
from lineshaft.edge.drivers.modbus.address import Space, read_address
from lineshaft.edge.drivers.modbus.options import ModbusOptions
from lineshaft.edge.model import Device, Point

Decode = Callable[[bytes], tuple[float, ...]]
"""Values of a point's bytes in its unit; NaN where the bytes are none."""
_FLOATS: Final = {"float32": struct.Struct(">f"), "float64": struct.Struct(">d")}


class Place(msgspec.Struct, frozen=True):
    """A point in its space."""

    name: str
    start: int
    count: int
    bit: int | None
    """Of a register, 0 the least significant."""
    whole: bool
    """Its registers hold it and nothing else; a point of half a register does not."""
    decode: Decode


class Places:
    """All points of a device, by unit and space."""

    def __init__(self, device: Device, options: ModbusOptions) -> None:
        self.units: set[int] = {options.unit}
        """Units that the device's configuration knows."""
        self._found: dict[tuple[int, Space], list[Place]] = {}
        for point in device.points:
            address = read_address(point.address)
            unit = options.unit if address.unit is None else address.unit
            self.units.add(unit)
            whole = point.type == "bool" or raw.size(point) % 2 == 0
            place = Place(point.name, address.number, raw.words(point), address.bit, whole, decoder(point))
            self._found.setdefault((unit, address.space), []).append(place)
        for places in self._found.values():
            places.sort(key=lambda place: place.start)
        self._longest = {key: max(place.count for place in places) for key, places in self._found.items()}

    def touched(self, unit: int, space: Space, start: int, count: int) -> list[Place]:
        """Points with at least one of these addresses, by address."""
        places = self._found.get((unit, space))
        if places is None:
            return []
        low = _first(places, start - self._longest[unit, space] + 1)
        found = []
        for index in range(low, len(places)):
            place = places[index]
            if place.start >= start + count:
                break
            if place.start + place.count > start:
                found.append(place)
        return found


def _first(places: Sequence[Place], start: int) -> int:
    low, high = 0, len(places)
    while low < high:
        middle = (low + high) // 2
        if places[middle].start < start:
            low = middle + 1
        else:
            high = middle
    return low


def decoder(point: Point) -> Decode:
    """How a point's bytes become its value, as `raw` decodes them, without a table of columns for one value."""
    if point.type == "bool":
        return lambda data: (float(data != b"\0"),)
    if point.type == "text":
        return lambda data: tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    order = raw.places(point.order, raw.size(point))
    straight = order == sorted(order)
    plain = _plain(point)
    scale = raw.scaling(point.scale, point.offset)
    sentinels = frozenset(point.sentinels)

    def decode(data: bytes) -> tuple[float, ...]:
        number = plain(data if straight else bytes(data[at] for at in order))
        if number in sentinels or not math.isfinite(number):
            return (math.nan,)
        value = number * scale.a + scale.b
        return (value if scale.d == 1 else value / scale.d,)

    return decode


def _plain(point: Point) -> Callable[[bytes], float]:
    """The raw number of bytes, the most significant first."""
    if point.type in _FLOATS:
        unpack = _FLOATS[point.type].unpack
        return lambda data: unpack(data)[0]
    if point.type.startswith("bcd"):
        return _digits
    signed = point.type.startswith("int")
    return lambda data: int.from_bytes(data, "big", signed=signed)


def _digits(data: bytes) -> float:
    text = data.hex()
    return int(text) if text.isdecimal() else math.nan
