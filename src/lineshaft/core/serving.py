"""uvicorn as a part of a service: in the service's own loop, with no word in its signals, and with bounds of its own."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_FRAMING_BYTES: Final = 64 * 1024


class EmbeddedServer(uvicorn.Server):
    """Serves until told to stop; `accepting` is set once it takes connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections."""
        await super().startup(sockets)
        self.accepting.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever runs the service."""
        yield


class TrailersRefused(Exception):
    """Ends the parsing of a request with trailers; httptools turns it into its own error."""


class UntrailedHttp(HttpToolsProtocol):
    """HTTP/1.1 that takes no fields behind a body (trailers; RFC 9112, 7.1.2): uvicorn gathers any number of them.

    What surrounds the data of a chunk (its size, extensions, a trailer that never ends) is bounded as well: who sends
    more than `_FRAMING_BYTES` of it, in pieces with neither data nor the next chunk's size, is hung up on.
    """

    _in_body = _watching = False
    _framing_bytes = _data_bytes = 0

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():  # TLS hands on what it still has
            return
        self._data_bytes = 0
        super().data_received(data)
        if not self._in_body:
            return
        if self._watching:  # else this piece began before the body, or has the next chunk's size
            self._framing_bytes += len(data) - self._data_bytes
        self._watching = True
        if self._framing_bytes > _FRAMING_BYTES and not self.transport.is_closing():
            self.send_400_response("Invalid HTTP request received.")

    def on_message_begin(self) -> None:
        self._in_body = False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body:
            raise TrailersRefused
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_body = True
        self.on_chunk_header()
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """Called by the parser behind the size of each chunk."""
        self._watching = False
        self._framing_bytes = 0

    def on_body(self, body: bytes) -> None:
        self._data_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if not self.transport.is_closing():  # else the request was refused with its own answer
            super().send_400_response(msg)
