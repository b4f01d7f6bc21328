"""Modbus RTU: frames with an address and a checksum, one under way at a time, over a serial line or a TCP stream.

There is no transaction number: an answer is told by unit and function, and whatever arrived before a request was sent is
thrown away. After one that was not answered in time the line waits as long again, so that a late answer cannot pass for
the next one's. Where a frame ends is told by its function, since the silence that marks it on the line does not survive
buffers and networks.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final, cast

from lineshaft.edge.drivers.modbus import pdu
from lineshaft.edge.drivers.modbus.link import DAMAGED, Call, Drops, Ending

LONGEST: Final = 256
_CRC = 2
_FIXED: Final = {
    pdu.WRITE_COIL: 8, pdu.WRITE_REGISTER: 8, pdu.WRITE_COILS: 8, pdu.WRITE_REGISTERS: 8, pdu.MASK_WRITE: 10,
}  # fmt: skip
_COUNTED: Final = frozenset((*pdu.READ.values(), pdu.REPORT_SERVER))


def _table() -> list[int]:
    found = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        found.append(crc)
    return found


_TABLE: Final = _table()


def crc16(data: bytes) -> bytes:
    """The checksum as it follows the data on the line (serial line guide V1.02, 6.2.2)."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def frame(unit: int, data: bytes) -> bytes:
    """A frame around a PDU."""
    body = bytes([unit]) + data
    return body + crc16(body)


def answer_length(data: bytes) -> int | None:
    """Length of the answer frame that `data` begins; None where that is not to be told yet.

    Raises:
        ValueError: no answer begins so.
    """
    if len(data) < 2:
        return None
    function = data[1]
    if function & pdu.EXCEPTION:
        return 5
    if function in _FIXED:
        return _FIXED[function]
    if function in _COUNTED:
        return 3 + data[2] + _CRC if len(data) > 2 else None
    if function == pdu.IDENTIFICATION:
        return _identification_length(data)
    raise ValueError(f"function {function}")


def _identification_length(data: bytes) -> int | None:
    place = 8
    if len(data) < place:
        return None
    for _ in range(data[7]):
        if len(data) < place + 2:
            return None
        place += 2 + data[place + 1]
    return place + _CRC


class RtuLink(asyncio.Protocol):
    """One line.

    Args:
        silence: seconds without a byte before a request may be sent.
        timeout: seconds to wait for an answer.
    """

    def __init__(self, silence: float, timeout: float, drops: Drops) -> None:
        self.in_flight = 1
        self._silence = silence
        self._timeout = timeout
        self._drops = drops
        self._loop = asyncio.get_running_loop()
        self._ending = Ending()
        self._transport: asyncio.WriteTransport | None = None
        self._turn = asyncio.Lock()
        self._buffer = b""
        self._call: Call | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._quiet_since = self._loop.time()
        self._owed_until = 0.0
        """Until when the answer to a request that was given up may still come."""
        self._heard = asyncio.Event()

    async def ask(self, calls: Sequence[Call]) -> list[bytes | None]:
        answers = []
        for call in calls:
            async with self._turn:
                answers.append(await self._one(call))
        return answers

    async def _one(self, call: Call) -> bytes | None:
        await self._wait_for_silence()
        if self._ending.over() or self._transport is None:
            raise self._ending.error()
        if self._buffer:
            self._drops.count("late", bytes=len(self._buffer))
            self._buffer = b""
        self._call, self._answer = call, self._loop.create_future()
        self._transport.write(frame(*call))
        try:
            async with asyncio.timeout(self._timeout):
                return await self._answer
        except TimeoutError:
            self._owed_until = self._loop.time() + self._timeout
            return None
        finally:
            self._call, self._answer = None, None
            self._quiet_since = self._loop.time()

    async def _wait_for_silence(self) -> None:
        """Until a request may be sent: nothing on the line, and no answer to come that would pass for its own."""
        while (pause := max(self._quiet_since + self._silence, self._owed_until) - self._loop.time()) > 0:
            self._heard.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._heard.wait()

    def data_received(self, data: bytes) -> None:
        self._quiet_since = self._loop.time()
        if self._answer is None:
            self._owed_until = 0.0
        self._heard.set()
        self._buffer = (self._buffer + data)[-2 * LONGEST :]
        while self._answer is not None and not self._answer.done() and self._take_frame():
            pass

    def _take_frame(self) -> bool:
        """Take one frame from the buffer; whether there may be another."""
        try:
            length = answer_length(self._buffer)
        except ValueError as error:
            return self._spoil("malformed", str(error))
        if length is None or len(self._buffer) < length:
            return False
        if length > LONGEST:
            return self._spoil("length", f"{length} bytes")
        found, self._buffer = self._buffer[:length], self._buffer[length:]
        if crc16(found[:-_CRC]) != found[-_CRC:]:
            return self._spoil("crc", found.hex())
        assert self._call is not None
        assert self._answer is not None
        if found[0] != self._call.unit:
            self._drops.count("foreign_unit", unit=found[0])
        elif found[1] & ~pdu.EXCEPTION != self._call.pdu[0]:
            self._drops.count("foreign_function", function=found[1])
        else:
            self._answer.set_result(found[1:-_CRC])
        return True

    def _spoil(self, reason: str, shown: str) -> bool:
        """What is in the buffer cannot be trusted, and where the next frame begins is unknown."""
        self._drops.count(reason, frame=shown)
        self._buffer = b""
        assert self._answer is not None
        self._answer.set_result(DAMAGED)
        return False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(
            "asyncio.WriteTransport", transport
        )  # those of uvloop and of serial lines are not of its class

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(str(exc) if exc else "the line was closed")

    async def lost(self) -> str:
        return await self._ending.wait()

    def lose(self, reason: str) -> None:
        self._end(reason)
        if self._transport is not None:
            self._transport.abort()

    def _end(self, reason: str) -> None:
        self._ending.say(reason)
        self._owed_until = 0.0
        self._heard.set()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(self._ending.error())
