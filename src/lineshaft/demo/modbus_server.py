"""The utilities' Modbus/TCP server: measurements as 32-bit floats, valves as registers in hundredths of a per cent.

    input:0-1, 2-3, …   measurements in the station's order, float32, high word first
    holding:0, 1, …     valves in the station's order, uint16; a write holds the valve by hand

Modbus knows no users. The server listens on this machine only and takes writes from the gateway's process alone;
everybody else writes through the gateway's proxy, and its guard.
"""

import struct
from collections.abc import Callable
from typing import Final

from lineshaft.core import logs
from lineshaft.core.errors import InvalidInput, LineshaftError, Unavailable
from lineshaft.demo.installation import HOST
from lineshaft.demo.model import Hold, Scan
from lineshaft.demo.stations import INDEX, Station
from lineshaft.edge.drivers.modbus import pdu
from lineshaft.edge.drivers.modbus.serving import Listener, Peer

COUNTS_PER_PERCENT: Final = 100
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _ILLEGAL_VALUE, _FAILURE = 1, 2, 3, 4
_MOST_REGISTERS: Final = 125

Admit = Callable[[Peer], bool]
"""Whether a client may write."""


class ModbusServer:
    """Serves one station.

    Args:
        port: on 127.0.0.1; 0 takes a free one.
        hold: puts a valve by hand.
        admit: asked for every write.
    """

    def __init__(self, station: Station, *, port: int, hold: Hold, admit: Admit) -> None:
        self.port = port
        self._measurements = [INDEX[signal.name] for signal in station.measurements]
        self._valves = [signal.name for signal in station.valves]
        self._hold, self._admit = hold, admit
        self._input = self._holding = b""
        self._running = False
        self._listener = Listener(self.answer)
        self._log = logs.get("plant")

    async def start(self) -> None:
        """Listen.

        Raises:
            Unavailable: the port is taken.
        """
        try:
            self.port = await self._listener.start(HOST, self.port)
        except OSError as error:
            raise Unavailable(
                "demo.modbus_port_taken", f"the plant's Modbus server cannot listen on {HOST} port {self.port}: {error}",
                "Start again: `lineshaft up` then chooses another one.", port=self.port, reason=str(error),
            ) from error  # fmt: skip

    async def stop(self) -> None:
        """Hang up and stop listening."""
        await self._listener.close()

    async def publish(self, scan: Scan) -> None:
        """Take one scan; without values every read is answered with a failure of the device."""
        self._running = scan.values is not None
        if scan.values is None:
            return
        values = scan.values
        self._input = struct.pack(f">{len(self._measurements)}f", *(values[index] for index in self._measurements))
        counts = [round(values[INDEX[name]] * COUNTS_PER_PERCENT) for name in self._valves]
        self._holding = struct.pack(f">{len(counts)}H", *counts)

    def answer(self, request: bytes, peer: Peer) -> bytes:
        """The answer to a PDU."""
        try:
            return self._serve(request, peer)
        except pdu.Refused as refused:
            return bytes((request[0] | pdu.EXCEPTION, refused.code))
        except struct.error:  # shorter than its function demands
            return bytes((request[0] | pdu.EXCEPTION, _ILLEGAL_VALUE))

    def _serve(self, request: bytes, peer: Peer) -> bytes:
        function = request[0]
        if function not in (pdu.READ["holding"], pdu.READ["input"], pdu.WRITE_REGISTER, pdu.WRITE_REGISTERS):
            raise pdu.Refused(_ILLEGAL_FUNCTION)
        start, value = struct.unpack_from(">HH", request, 1)
        if function == pdu.WRITE_REGISTER:
            self._write(start, request[3:5], peer)
            return request
        if function == pdu.WRITE_REGISTERS:
            if len(request) != 6 + 2 * value or request[5] != 2 * value:
                raise pdu.Refused(_ILLEGAL_VALUE)
            self._write(start, request[6:], peer)
            return request[:5]
        data = self._read(self._holding if function == pdu.READ["holding"] else self._input, start, value)
        return bytes((function, len(data))) + data

    def _read(self, registers: bytes, start: int, count: int) -> bytes:
        if not self._running:
            raise pdu.Refused(_FAILURE)
        if not 1 <= count <= _MOST_REGISTERS:
            raise pdu.Refused(_ILLEGAL_VALUE)
        if 2 * (start + count) > len(registers):
            raise pdu.Refused(_ILLEGAL_ADDRESS)
        return registers[2 * start : 2 * (start + count)]

    def _write(self, start: int, data: bytes, peer: Peer) -> None:
        """All of it or, where one value cannot be, nothing."""
        if not self._admit(peer):
            self._log.warning("modbus_write_refused", peer=f"{peer[0]}:{peer[1]}", reason="it is not the gateway")
            raise pdu.Refused(_ILLEGAL_FUNCTION)
        counts = struct.unpack(f">{len(data) // 2}H", data)
        if not counts or start + len(counts) > len(self._valves):
            raise pdu.Refused(_ILLEGAL_ADDRESS)
        if max(counts) > 100 * COUNTS_PER_PERCENT:
            raise pdu.Refused(_ILLEGAL_VALUE)
        try:
            for name, count in zip(self._valves[start:], counts, strict=False):
                self._hold(name, count / COUNTS_PER_PERCENT)
        except InvalidInput as error:
            raise pdu.Refused(_ILLEGAL_VALUE) from error
        except LineshaftError as error:
            raise pdu.Refused(_FAILURE) from error
        self._holding = self._holding[: 2 * start] + data + self._holding[2 * start + len(data) :]
