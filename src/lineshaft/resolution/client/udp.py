"""Questions by UDP: a socket that the system connects to one server, so that nothing from elsewhere is delivered.

Against forged answers stand a port and a request number that nobody can guess, and what `Question.accept` checks. A socket
is given up for a new one, on another port, after some time.
"""

import asyncio
from typing import Final, cast

from lineshaft.core import clock
from lineshaft.resolution import codes
from lineshaft.resolution.client.waiting import Question, Truncated, Waiting
from lineshaft.resolution.fields import Malformed
from lineshaft.resolution.packets import Reassembly
from lineshaft.resolution.wire import Message

WAITS: Final = (0.5, 1.0, 1.5)
"""Seconds to wait for an answer after each sending (RFC 3652 3.1)."""
_FLAGS: Final = 2
_REQUEST: Final = slice(8, 12)
_OLD_SECONDS: Final = 60.0
_WHOLE_SECONDS: Final = 0.25
"""For the rest of an answer of which some packets came."""


class UdpChannel(asyncio.DatagramProtocol):
    """One server's port."""

    def __init__(self) -> None:
        self._waiting: dict[int, Waiting] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self._parts = Reassembly(messages=256, most_bytes=8 * codes.MAX_MESSAGE_BYTES)
        self._made = clock.monotonic()
        self._retired = False

    @classmethod
    async def open(cls, address: str, port: int) -> "UdpChannel":
        """Raises:
        OSError: there is no way to the address.
        """
        loop = asyncio.get_running_loop()
        _, channel = await loop.create_datagram_endpoint(cls, remote_addr=(address, port))
        return channel

    @property
    def old(self) -> bool:
        """Another socket should take its place."""
        return clock.monotonic() - self._made > _OLD_SECONDS or self._transport is None

    def retire(self) -> None:
        """Close as soon as nothing is awaited."""
        self._retired = True
        if not self._waiting:
            self.close()

    async def ask(self, question: Question, waits: tuple[float, ...] = WAITS) -> list[Message]:
        """Send, and send again, until an answer comes.

        Raises:
            TimeoutError: none came. Truncated: the server answers only by TCP. OSError: it cannot be reached.
        """
        waiting = self._waiting[question.number] = Waiting(question)
        try:
            for seconds in waits:
                if self._transport is None:
                    raise ConnectionError("the socket is closed")
                self._transport.sendto(question.data)
                await asyncio.wait((waiting.done,), timeout=seconds)
                if waiting.begun and not waiting.done.done():
                    await asyncio.wait((waiting.done,), timeout=_WHOLE_SECONDS)
                    waiting.fail(Truncated())
                if waiting.done.done():
                    return waiting.done.result()
            raise TimeoutError
        finally:
            self._waiting.pop(question.number, None)
            waiting.done.cancel()
            if self._retired:
                self.retire()

    def close(self) -> None:
        for waiting in self._waiting.values():
            waiting.fail(ConnectionError("the socket is closed"))
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        if len(data) < codes.ENVELOPE_BYTES:
            return
        waiting = self._waiting.get(int.from_bytes(data[_REQUEST]))
        if waiting is None:
            return
        if not data[_FLAGS] & codes.TRUNCATED_ENVELOPE:
            waiting.deliver(data)
            return
        waiting.begun = True
        try:
            whole = self._parts.add(addr, data, clock.monotonic())
        except Malformed:  # a packet cut to the budget of our address
            waiting.fail(Truncated())
            return
        if whole is not None:
            waiting.deliver(whole)

    def error_received(self, exc: Exception) -> None:
        """The system says that nobody listens there."""
        for waiting in self._waiting.values():
            waiting.fail(ConnectionError(str(exc)))
