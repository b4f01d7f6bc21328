"""Questions by TCP: one connection for many, which do not wait for each other's answers."""

import asyncio
from typing import Final, cast

from lineshaft.resolution import codes
from lineshaft.resolution.client.waiting import Question, Waiting
from lineshaft.resolution.wire import Message

_REQUEST: Final = slice(8, 12)
_LENGTH: Final = slice(16, 20)


class TcpChannel(asyncio.Protocol):
    """A connection to one server's port."""

    def __init__(self) -> None:
        self._waiting: dict[int, Waiting] = {}
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self.closed = False

    @classmethod
    async def open(cls, address: str, port: int, seconds: float) -> "TcpChannel":
        """Connect.

        Raises:
            OSError: it cannot be reached. TimeoutError: not within that time.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds):
            _, channel = await loop.create_connection(cls, address, port)
        return channel

    async def ask(self, question: Question, seconds: float) -> list[Message]:
        """Send a question and wait for its answer.

        Raises:
            TimeoutError: none came. OSError: the connection ended before.
        """
        if self._transport is None or self.closed:
            raise ConnectionError("the connection is closed")
        waiting = self._waiting[question.number] = Waiting(question)
        try:
            self._transport.write(question.data)
            async with asyncio.timeout(seconds):
                return await waiting.done
        finally:
            self._waiting.pop(question.number, None)

    def close(self) -> None:
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        start, size = 0, len(buffer)
        while size - start >= codes.ENVELOPE_BYTES:
            length = int.from_bytes(buffer[start:][_LENGTH])
            end = start + codes.ENVELOPE_BYTES + length
            if length > codes.MAX_MESSAGE_BYTES:
                self.close()
                return
            if end > size:
                break
            self._deliver(bytes(buffer[start:end]))
            start = end
        del buffer[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        for waiting in list(self._waiting.values()):
            waiting.fail(ConnectionError(str(exc) if exc else "the server closed the connection"))

    def _deliver(self, message: bytes) -> None:
        waiting = self._waiting.get(int.from_bytes(message[_REQUEST]))
        if waiting is None:
            return
        waiting.deliver(message)
        if waiting.refused:  # nothing else will come on this connection: do not let the asker wait for it
            waiting.fail(ConnectionError("the server's answer is not one to the question"))
