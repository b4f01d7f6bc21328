"""Modbus/TCP: frames with a transaction number, many under way at once, as many as may be in one write."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, cast

from lineshaft.edge.drivers.modbus.link import Call, Drops, Ending

HEADER: Final = struct.Struct(">HHHB")
"""Transaction, protocol, length of what follows, unit."""
LONGEST: Final = 254
"""Unit and PDU together."""


class _Exchange:
    """Calls that are awaited together."""

    __slots__ = ("answers", "calls", "done", "left", "moved")

    def __init__(self, calls: Sequence[Call], done: "asyncio.Future[None]", now: float) -> None:
        self.calls = calls
        self.answers: list[bytes | None] = [None] * len(calls)
        self.left = len(calls)
        self.done = done
        self.moved = now

    def finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class TcpLink(asyncio.Protocol):
    """One connection.

    Args:
        in_flight: requests under way at once.
        timeout: seconds without any answer after which the rest of an exchange is given up.
    """

    def __init__(self, in_flight: int, timeout: float, drops: Drops) -> None:
        self.in_flight = in_flight
        self._timeout = timeout
        self._drops = drops
        self._loop = asyncio.get_running_loop()
        self._ending = Ending()
        self._transport: asyncio.Transport | None = None
        self._socket: Any = None
        self._rest = b""
        self._number = 0
        self._pending: dict[int, tuple[_Exchange, int]] = {}
        self._waiting: deque[tuple[_Exchange, int]] = deque()

    # -- asking ---------------------------------------------------------------------------------------------------------

    async def ask(self, calls: Sequence[Call]) -> list[bytes | None]:
        if self._ending.over():
            raise self._ending.error()
        exchange = _Exchange(calls, self._loop.create_future(), self._loop.time())
        self._waiting.extend((exchange, index) for index in range(len(calls)))
        self._send()
        timer = self._loop.call_later(self._timeout, self._check, exchange)
        try:
            await exchange.done
        finally:
            timer.cancel()
            if exchange.left:
                self._forget(exchange)
        if self._ending.over() and exchange.left:
            raise self._ending.error()
        return exchange.answers

    def _send(self) -> None:
        """Fill the window, in one write."""
        frames = []
        while self._waiting and len(self._pending) < self.in_flight:
            exchange, index = self._waiting.popleft()
            call = exchange.calls[index]
            number = self._free_number()
            self._pending[number] = (exchange, index)
            frames.append(HEADER.pack(number, 0, len(call.pdu) + 1, call.unit) + call.pdu)
        if frames and self._transport is not None:
            self._transport.write(b"".join(frames))
            self._acknowledge_at_once()

    def _acknowledge_at_once(self) -> None:
        """Have our system acknowledge answers without delay.

        A device with Nagle's algorithm sends the second answer only when the first is acknowledged; put off as usual,
        that takes 40 ms. The system forgets this setting, so it is made anew for each scan.
        """
        if self._socket is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _free_number(self) -> int:
        self._number = (self._number + 1) & 0xFFFF
        while self._number in self._pending:
            self._number = (self._number + 1) & 0xFFFF
        return self._number

    def _check(self, exchange: _Exchange) -> None:
        """Give an exchange up in which nothing has moved for the whole timeout."""
        if exchange.done.done():
            return
        idle = self._loop.time() - exchange.moved
        if idle >= self._timeout:
            exchange.finish()
        else:
            self._loop.call_later(self._timeout - idle, self._check, exchange)

    def _forget(self, exchange: _Exchange) -> None:
        """What still comes for it is an answer to nothing."""
        self._pending = {number: entry for number, entry in self._pending.items() if entry[0] is not exchange}
        self._waiting = deque(entry for entry in self._waiting if entry[0] is not exchange)
        self._send()

    # -- answers ----------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        place, size = 0, len(data)
        while size - place >= HEADER.size:
            number, protocol, length, unit = HEADER.unpack_from(data, place)
            if not 2 <= length <= LONGEST:
                self._drops.count("length", length=length)
                self.lose(f"it sent a frame with the length {length}, so where the next begins is unknown")
                return
            end = place + 6 + length
            if end > size:
                break
            if protocol != 0:
                self._drops.count("foreign_protocol", protocol=protocol)
            else:
                self._answer(number, unit, data[place + HEADER.size : end])
            place = end
        self._rest = data[place:]
        if self._waiting:
            self._send()

    def _answer(self, number: int, unit: int, pdu: bytes) -> None:
        entry = self._pending.get(number)
        if entry is None:
            self._drops.count("foreign_transaction", transaction=number)
            return
        exchange, index = entry
        if exchange.calls[index].unit != unit:
            self._drops.count("foreign_unit", unit=unit)
            return
        del self._pending[number]
        exchange.answers[index] = pdu
        exchange.left -= 1
        exchange.moved = self._loop.time()
        if exchange.left == 0:
            exchange.finish()

    # -- the connection ---------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not of asyncio's class
        self._socket = transport.get_extra_info("socket") if hasattr(socket, "TCP_QUICKACK") else None

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(str(exc) if exc else "the device closed it")

    async def lost(self) -> str:
        return await self._ending.wait()

    def lose(self, reason: str) -> None:
        self._end(reason)
        if self._transport is not None:
            self._transport.abort()

    def _end(self, reason: str) -> None:
        self._ending.say(reason)
        self._rest = b""
        for exchange, _ in [*self._pending.values(), *self._waiting]:
            exchange.finish()
