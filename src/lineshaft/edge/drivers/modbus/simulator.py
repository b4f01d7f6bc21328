"""A Modbus/TCP device of our own for trial: a tank station with moving values and settings that can be written.

    input:0    level, percent in tenths          holding:0  level to hold, percent in tenths
    input:1    temperature, °C in tenths         holding:1  speed of the motor, rpm
    input:2-3  energy, Wh (uint32)               coil:0     pump on
    input:4-5  power, W (float32)                discrete:0 level over 80 %

Other addresses up to 127 read as zero; beyond them the device answers exception 02.
"""

import contextlib
import math
import struct
from collections.abc import AsyncIterator
from typing import Final

from lineshaft.core import clock
from lineshaft.edge.driver import Simulated
from lineshaft.edge.drivers.modbus import faults, pdu
from lineshaft.edge.drivers.modbus.serving import Listener
from lineshaft.edge.model import Device, Point, ScanGroup, WriteRules

SIZE: Final = 128
_HIGH_LEVEL: Final = 80.0
_IDENTIFICATION: Final = (b"Lineshaft", b"tank-station", b"1.0")


class TankStation:
    """The device's memory, and its answer to each PDU."""

    def __init__(self) -> None:
        self.holding = bytearray(2 * SIZE)
        self.coils = bytearray(SIZE)
        self._started = clock.monotonic()
        struct.pack_into(">HH", self.holding, 0, 500, 1450)
        self.coils[0] = 1

    def answer(self, request: bytes) -> bytes:
        """The answer to a request; an exception where it cannot be."""
        try:
            return self._serve(request)
        except pdu.Refused as refused:
            return bytes((request[0] | pdu.EXCEPTION, refused.code))
        except struct.error:  # shorter than its function demands
            return bytes((request[0] | pdu.EXCEPTION, 3))

    def _serve(self, request: bytes) -> bytes:
        function = request[0]
        if function in pdu.READ.values():
            return self._read(function, *struct.unpack(">HH", request[1:]))
        if function == pdu.IDENTIFICATION:
            objects = b"".join(bytes((number, len(text))) + text for number, text in enumerate(_IDENTIFICATION))
            return request[:3] + bytes((1, 0, 0, len(_IDENTIFICATION))) + objects
        self._write(function, request)
        return request[:5] if function in (pdu.WRITE_COILS, pdu.WRITE_REGISTERS) else request

    def _read(self, function: int, start: int, count: int) -> bytes:
        if function in (pdu.READ["coil"], pdu.READ["discrete"]):
            _check(start, count, 2000)
            bits = self.coils if function == pdu.READ["coil"] else self._discrete()
            chosen = bits[start : start + count]
            data = sum(bit << place for place, bit in enumerate(chosen)).to_bytes((count + 7) // 8, "little")
        else:
            _check(start, count, 125)
            registers = self.holding if function == pdu.READ["holding"] else self._inputs()
            data = bytes(registers[2 * start : 2 * (start + count)])
        return bytes((function, len(data))) + data

    def _write(self, function: int, request: bytes) -> None:
        start, value = struct.unpack_from(">HH", request, 1)
        if function == pdu.WRITE_COIL:
            _check(start, 1, 1)
            if value not in (0, 0xFF00):
                raise pdu.Refused(3)
            self.coils[start] = value != 0
        elif function == pdu.WRITE_REGISTER:
            _check(start, 1, 1)
            struct.pack_into(">H", self.holding, 2 * start, value)
        elif function == pdu.WRITE_COILS:
            data = _data(request, (value + 7) // 8)
            _check(start, value, 1968)
            packed = int.from_bytes(data, "little")
            self.coils[start : start + value] = bytes(packed >> place & 1 for place in range(value))
        elif function == pdu.WRITE_REGISTERS:
            data = _data(request, 2 * value)
            _check(start, value, 123)
            self.holding[2 * start : 2 * (start + value)] = data
        elif function == pdu.MASK_WRITE:
            _check(start, 1, 1)
            (or_mask,) = struct.unpack(">H", request[5:])
            (present,) = struct.unpack_from(">H", self.holding, 2 * start)
            struct.pack_into(">H", self.holding, 2 * start, present & value | or_mask & ~value)
        else:
            raise pdu.Refused(faults.ILLEGAL_FUNCTION)

    # -- what moves -------------------------------------------------------------------------------------------------------

    def _level(self) -> float:
        """Percent: swings about the level to hold, in a minute."""
        (wanted,) = struct.unpack_from(">H", self.holding, 0)
        swing = 40.0 * math.sin((clock.monotonic() - self._started) * math.tau / 60)
        return min(max(wanted / 10 + swing, 0.0), 100.0)

    def _inputs(self) -> bytes:
        seconds = clock.monotonic() - self._started
        (speed,) = struct.unpack_from(">H", self.holding, 2)
        power = 2.5 * speed * self.coils[0]
        temperature = 22.0 + 3.0 * math.sin(seconds * math.tau / 300)
        moving = struct.pack(
            ">HhIf", round(10 * self._level()), round(10 * temperature), int(power * seconds / 3600), power
        )
        return moving.ljust(2 * SIZE, b"\0")

    def _discrete(self) -> bytes:
        return bytes([self._level() > _HIGH_LEVEL]).ljust(SIZE, b"\0")


def _check(start: int, count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise pdu.Refused(3)
    if start + count > SIZE:
        raise pdu.Refused(faults.ILLEGAL_ADDRESS)


def _data(request: bytes, size: int) -> bytes:
    """What is written, which must be as long as the request says."""
    if len(request) != 6 + size or request[5] != size:
        raise pdu.Refused(3)
    return request[6:]


@contextlib.asynccontextmanager
async def simulate(host: str, port: int) -> AsyncIterator[Simulated]:
    """Serve a tank station while the block lasts; port 0: any free one."""
    station = TankStation()
    listener = Listener(lambda request, _: station.answer(request))
    endpoint = f"modbus-tcp://{host}:{await listener.start(host, port)}"
    try:
        yield Simulated(
            endpoint=endpoint, device=_device(endpoint), note="`level_setpoint`, `speed` and `pump` can be written."
        )
    finally:
        await listener.close()


def _device(endpoint: str) -> Device:
    setpoint = WriteRules(minimum=20, maximum=80, tolerance=0.1)
    return Device(
        name="tank-station", path="acme/north/utilities/water/tank/station", driver="modbus", endpoint=endpoint,
        groups=(ScanGroup(mode="poll", period_ms=500),),
        points=(
            Point(name="level", address="input:0", type="uint16", scale="0.1", unit="%", low=0, high=100),
            Point(name="temperature", address="input:1", type="int16", scale="0.1", unit="°C"),
            Point(name="energy", address="input:2", type="uint32", kind="integer", unit="W.h"),
            Point(name="power", address="input:4", type="float32", unit="W"),
            Point(name="level_high", address="discrete:0", type="bool", kind="boolean"),
            Point(
                name="level_setpoint", address="holding:0", type="uint16", scale="0.1", unit="%", access="read-write",
                write=setpoint,
            ),
            Point(
                name="speed", address="holding:1", type="uint16", unit="1/min", access="read-write",
                write=WriteRules(minimum=0, maximum=3000),
            ),
            Point(name="pump", address="coil:0", type="bool", kind="boolean", access="read-write", write=WriteRules()),
        ),
    )  # fmt: skip
