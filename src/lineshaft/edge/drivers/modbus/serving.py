"""The serving side of Modbus/TCP: frames in, what a device answers to each PDU out. No authentication: the protocol has none."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from lineshaft.edge.drivers.modbus.tcp import HEADER, LONGEST

Peer = tuple[str, int]
Answer = Callable[[bytes, Peer], bytes]
"""The answer to a PDU of a client; never raises, never waits."""
MOST_CLIENTS: Final = 32


class Listener:
    """A Modbus/TCP server; requests of one client are answered in their order.

    Args:
        answer: what the device says.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port, which is a free one where 0 was given.

        Raises:
            OSError: the port is taken.
        """
        self._server = await asyncio.start_server(self._serve, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and hang up on everybody."""
        if self._server is None:
            return
        self._server.close()
        tasks = [task for task in self._clients.values() if task is not None]
        for writer in self._clients:
            writer.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= MOST_CLIENTS:
            writer.transport.abort()
            return
        self._clients[writer] = asyncio.current_task()
        try:
            await self._talk(reader, writer)
        finally:
            del self._clients[writer]
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = writer.get_extra_info("peername")
        peer = (str(name[0]), int(name[1])) if name else ("", 0)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                number, protocol, length, unit = HEADER.unpack(await reader.readexactly(HEADER.size))
                if protocol != 0 or not 2 <= length <= LONGEST:
                    return
                answer = self._answer(await reader.readexactly(length - 1), peer)
                writer.write(HEADER.pack(number, 0, len(answer) + 1, unit) + answer)
                await writer.drain()
