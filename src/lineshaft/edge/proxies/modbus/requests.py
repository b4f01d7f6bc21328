"""Requests of clients: taken apart strictly, and what each would do to the device, for the guard.

A request whose lengths or counts are not exactly the standard's (application protocol V1.1b3) is answered with an
exception here, so that the device sees what the guard saw. A write becomes one operation for every point whose registers
it covers whole, in the point's unit, and one of raw words for registers that are no point's. Of a point that is covered
in part nobody knows the value that comes out: beside the raw words it is an operation with every value there could be.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

from lineshaft.edge.drivers.modbus.address import LAST, Space
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.proxies.modbus.beside import Beside
from lineshaft.edge.proxies.modbus.points import Place, Places

ILLEGAL_FUNCTION: Final = 0x01
ILLEGAL_ADDRESS: Final = 0x02
ILLEGAL_VALUE: Final = 0x03
SERVER_FAILURE: Final = 0x04
BUSY: Final = 0x06
NO_PATH: Final = 0x0A
NO_ANSWER: Final = 0x0B

_THREE: Final = struct.Struct(">BHH")
_READS: Final[dict[int, tuple[str, Space, int]]] = {
    1: ("read_coils", "coil", 2000), 2: ("read_discrete_inputs", "discrete", 2000),
    3: ("read_holding_registers", "holding", 125), 4: ("read_input_registers", "input", 125),
}  # fmt: skip
_BARE: Final = {
    7: "read_exception_status", 11: "get_comm_event_counter", 12: "get_comm_event_log", 17: "report_server_id",
}  # fmt: skip
_COIL_VALUES: Final = {b"\xff\x00": 1, b"\x00\x00": 0}
_MOST_COILS: Final = 1968
_MOST_REGISTERS: Final = 123
_MOST_WITH_READ: Final = 121
_FIFO: Final = 32
"""Registers that a read of a queue may touch: its count and 31 entries."""
_FILE_REFERENCE: Final = 6
_IDENTIFICATION: Final = 14


class Wrong(Exception):
    """A request that is not answered by the device, and the exception code that it gets."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Requests:
    """Takes requests to one device apart.

    Args:
        device: its name, for the operations.
        beside: knows points of other devices at the same machine; None: there are none.
    """

    def __init__(self, device: str, places: Places, beside: Beside | None = None) -> None:
        self._device = device
        self._places = places
        self._beside = beside
        self._takers: dict[int, Callable[[int, bytes], list[Operation]]] = {
            5: self._write_coil, 6: self._write_register, 8: self._diagnostics, 15: self._write_coils,
            16: self._write_registers, 20: self._read_file, 21: self._write_file, 22: self._mask_write,
            23: self._read_write, 24: self._read_fifo, 43: self._encapsulated,
        }  # fmt: skip

    def operations(self, unit: int, pdu: bytes) -> list[Operation]:
        """What a request would do, at least one operation.

        Raises:
            Wrong: it is no request of the standard.
        """
        code = pdu[0]
        if code in _READS:
            return [self._read(pdu)]
        if code in _BARE:
            _require(len(pdu) == 1, ILLEGAL_VALUE)
            return [self._one(_BARE[code])]
        taker = self._takers.get(code)
        if taker is None:
            _require(0 < code < 0x80, ILLEGAL_FUNCTION)
            return [self._one(f"function_{code}", start=0, count=LAST + 1)]
        return taker(unit, pdu)

    def _one(self, function: str, **rest: Any) -> Operation:
        return Operation(protocol="modbus", device=self._device, function=function, **rest)

    # -- reads --------------------------------------------------------------------------------------------------------

    def _read(self, pdu: bytes) -> Operation:
        _require(len(pdu) == _THREE.size, ILLEGAL_VALUE)
        code, start, count = _THREE.unpack(pdu)
        function, space, most = _READS[code]
        _check_extent(start, count, most)
        return self._one(function, space=space, start=start, count=count)

    def _read_file(self, _unit: int, pdu: bytes) -> list[Operation]:
        _require(len(pdu) > 2 and pdu[1] == len(pdu) - 2 and pdu[1] % 7 == 0, ILLEGAL_VALUE)
        return [self._record("read_file_record", pdu[place : place + 7])[0] for place in range(2, len(pdu), 7)]

    def _read_fifo(self, _unit: int, pdu: bytes) -> list[Operation]:
        _require(len(pdu) == 3, ILLEGAL_VALUE)
        start = int.from_bytes(pdu[1:3], "big")
        return [self._one("read_fifo_queue", space="holding", start=start, count=min(_FIFO, LAST + 1 - start))]

    # -- writes -------------------------------------------------------------------------------------------------------

    def _write_coil(self, unit: int, pdu: bytes) -> list[Operation]:
        _require(len(pdu) == 5, ILLEGAL_VALUE)
        value = _COIL_VALUES.get(pdu[3:])
        if value is None:
            raise Wrong(ILLEGAL_VALUE)
        return self._coils(unit, "write_single_coil", int.from_bytes(pdu[1:3], "big"), [value])

    def _write_coils(self, unit: int, pdu: bytes) -> list[Operation]:
        _require(len(pdu) > 6, ILLEGAL_VALUE)
        _, start, count = _THREE.unpack_from(pdu)
        _check_extent(start, count, _MOST_COILS)
        _require(pdu[5] == (count + 7) // 8 == len(pdu) - 6, ILLEGAL_VALUE)
        bits = int.from_bytes(pdu[6:], "little")
        return self._coils(unit, "write_multiple_coils", start, [bits >> place & 1 for place in range(count)])

    def _write_register(self, unit: int, pdu: bytes) -> list[Operation]:
        _require(len(pdu) == 5, ILLEGAL_VALUE)
        return self._registers(unit, "write_single_register", int.from_bytes(pdu[1:3], "big"), pdu[3:])

    def _write_registers(self, unit: int, pdu: bytes) -> list[Operation]:
        _require(len(pdu) > 6, ILLEGAL_VALUE)
        _, start, count = _THREE.unpack_from(pdu)
        _check_extent(start, count, _MOST_REGISTERS)
        _require(pdu[5] == 2 * count == len(pdu) - 6, ILLEGAL_VALUE)
        return self._registers(unit, "write_multiple_registers", start, pdu[6:])

    def _read_write(self, unit: int, pdu: bytes) -> list[Operation]:
        _require(len(pdu) > 10, ILLEGAL_VALUE)
        read_start, read_count, start, count = struct.unpack_from(">HHHH", pdu, 1)
        _check_extent(read_start, read_count, _READS[3][2])
        _check_extent(start, count, _MOST_WITH_READ)
        _require(pdu[9] == 2 * count == len(pdu) - 10, ILLEGAL_VALUE)
        read = self._one("read_holding_registers", space="holding", start=read_start, count=read_count)
        return [*self._registers(unit, "read_write_multiple_registers", start, pdu[10:]), read]

    def _mask_write(self, unit: int, pdu: bytes) -> list[Operation]:
        _require(len(pdu) == 7, ILLEGAL_VALUE)
        start, kept, given = struct.unpack_from(">HHH", pdu, 1)
        others = self._of_others("mask_write_register", unit, "holding", start, 1)
        if others:
            return others
        if kept == 0:
            return self._registers(unit, "mask_write_register", start, pdu[5:7])
        changed = 0xFFFF ^ kept
        touched = self._places.touched(unit, "holding", start, 1)
        words = [place for place in touched if place.bit is None]
        bits = {place.bit: place for place in touched if place.bit is not None and changed >> place.bit & 1}
        found = [self._value("mask_write_register", place, (given >> bit & 1,)) for bit, place in bits.items()]
        found += [self._unknown("mask_write_register", place) for place in words]
        if words or not bits or changed != sum(1 << bit for bit in bits):
            found.append(self._one("mask_write_register", space="holding", start=start))
        return found

    def _write_file(self, _unit: int, pdu: bytes) -> list[Operation]:
        _require(len(pdu) > 2 and pdu[1] == len(pdu) - 2, ILLEGAL_VALUE)
        found, place = [], 2
        while place < len(pdu):
            operation, size = self._record("write_file_record", pdu[place:])
            found.append(operation)
            place += 7 + size
        _require(place == len(pdu), ILLEGAL_VALUE)
        return found

    def _record(self, function: str, data: bytes) -> tuple[Operation, int]:
        """A part of a request about files, and the bytes of its data."""
        _require(len(data) >= 7 and data[0] == _FILE_REFERENCE, ILLEGAL_VALUE)
        file, start, count = struct.unpack_from(">HHH", data, 1)
        _require(count > 0, ILLEGAL_VALUE)
        size = 2 * count if function == "write_file_record" else 0
        _require(len(data) >= 7 + size, ILLEGAL_VALUE)
        values = _words(data[7 : 7 + size])
        return Operation.of(
            values, protocol="modbus", device=self._device, function=function, space=f"file{file}", start=start,
            count=count,
        ), size  # fmt: skip

    # -- others -------------------------------------------------------------------------------------------------------

    def _diagnostics(self, _unit: int, pdu: bytes) -> list[Operation]:
        _require(len(pdu) >= 5 and len(pdu) % 2 == 1, ILLEGAL_VALUE)
        return [
            Operation.of(
                _words(pdu[3:]), protocol="modbus", device=self._device, function="diagnostics", space="diagnostics",
                start=int.from_bytes(pdu[1:3], "big"),
            )
        ]  # fmt: skip

    def _encapsulated(self, _unit: int, pdu: bytes) -> list[Operation]:
        _require(len(pdu) >= 2, ILLEGAL_VALUE)
        if pdu[1] == _IDENTIFICATION:
            _require(len(pdu) == 4, ILLEGAL_VALUE)
            return [self._one("read_device_identification", start=pdu[3])]
        return [self._one("encapsulated_interface", start=0, count=LAST + 1)]

    # -- values -------------------------------------------------------------------------------------------------------

    def _coils(self, unit: int, function: str, start: int, bits: list[int]) -> list[Operation]:
        others = self._of_others(function, unit, "coil", start, len(bits))
        if others:
            return others
        touched = {place.start: place for place in self._places.touched(unit, "coil", start, len(bits))}
        if not touched:
            return [self._raw(function, "coil", start, bits)]
        found, run = [], 0
        for at, bit in enumerate(bits):
            place = touched.get(start + at)
            if place is None:
                continue
            if run < at:
                found.append(self._raw(function, "coil", start + run, bits[run:at]))
            found.append(self._value(function, place, (bit,), "coil"))
            run = at + 1
        if run < len(bits):
            found.append(self._raw(function, "coil", start + run, bits[run:]))
        return found

    def _registers(self, unit: int, function: str, start: int, data: bytes) -> list[Operation]:
        count = len(data) // 2
        others = self._of_others(function, unit, "holding", start, count)
        if others:
            return others
        touched = self._places.touched(unit, "holding", start, count)
        if len(touched) == 1 and touched[0].whole and touched[0].bit is None:
            place = touched[0]
            if place.start == start and place.count == count:  # what clients do most
                return [self._value(function, place, place.decode(data))]
        covered, found = bytearray(count), []
        for place in touched:
            offset = place.start - start
            if place.bit is not None:
                word = int.from_bytes(data[2 * offset : 2 * offset + 2], "big")
                found.append(self._value(function, place, (word >> place.bit & 1,)))
            elif place.whole and offset >= 0 and offset + place.count <= count:
                found.append(self._value(function, place, place.decode(data[2 * offset : 2 * (offset + place.count)])))
                covered[offset : offset + place.count] = b"\1" * place.count
            else:
                found.append(self._unknown(function, place))
        return found + [
            self._raw(function, "holding", start + first, _words(data[2 * first : 2 * last]))
            for first, last in _runs(covered)
        ]

    def _of_others(self, function: str, unit: int, space: Space, start: int, count: int) -> list[Operation]:
        """One operation where points of other devices lie there: it names them as `device/point`."""
        if self._beside is None:
            return []
        touched = self._beside.touched(unit, space, start, count)
        return [self._one(function, space=space, start=start, count=count, points=tuple(touched))] if touched else []

    def _raw(self, function: str, space: Space, start: int, values: Sequence[int]) -> Operation:
        return Operation.of(
            values, protocol="modbus", device=self._device, function=function, space=space, start=start,
            count=len(values),
        )  # fmt: skip

    def _value(self, function: str, place: Place, values: Sequence[float], space: Space = "holding") -> Operation:
        return Operation.of(
            values, protocol="modbus", device=self._device, function=function, space=space, start=place.start,
            count=place.count, points=(place.name,),
        )  # fmt: skip

    def _unknown(self, function: str, place: Place) -> Operation:
        """A point that will hold nobody knows what."""
        return self._one(function, space="holding", start=place.start, count=place.count, points=(place.name,))


def _require(right: bool, code: int) -> None:  # noqa: FBT001  # a condition, not a flag
    if not right:
        raise Wrong(code)


def _check_extent(start: int, count: int, most: int) -> None:
    _require(1 <= count <= most, ILLEGAL_VALUE)
    _require(start + count <= LAST + 1, ILLEGAL_ADDRESS)


def _words(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(data) // 2}H", data)


def _runs(covered: bytearray) -> list[tuple[int, int]]:
    """Stretches of registers that no point covers whole."""
    found, place = [], 0
    while (first := covered.find(0, place)) >= 0:
        last = covered.find(1, first)
        place = len(covered) if last < 0 else last
        found.append((first, place))
    return found
