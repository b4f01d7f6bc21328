"""The two wire protocols as we run them: uvicorn's, with limits that a hostile client cannot pass.

HTTP: a request head has a largest size and a longest time, from the connection's first moment on.
WebSocket: one complete text message can be written at once, and what the peer has not taken yet can be seen.
"""

import asyncio
import socket
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

MAXIMUM_HEADERS = 100
LIVE_SOCKET = "lineshaft.live_socket"
"""Key of the scope's extensions under which the WebSocket's `LiveSocket` is found."""

_NOT_SENT_BYTES = 65536
_NOT_SENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", 25)  # Linux's number; Python names it from 3.12 on


class HeadRefused(Exception):
    """Ends the parsing of a head over the limit; httptools turns it into its own error."""


class LimitedHttp(HttpToolsProtocol):
    """HTTP/1.1 with a bounded request head."""

    head_bytes_maximum = 32768
    head_seconds = 10.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        super().connection_made(transport)
        self._head_bytes = 0
        self._in_head = True
        self._deadline: asyncio.TimerHandle | None = None
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        # A head that never ends reaches no callback: the parser gathers it. It is cut off here.
        if self._in_head and self._head_bytes > self.head_bytes_maximum and not self.transport.is_closing():
            self._refuse(431, "Request head too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        if self._deadline is None:
            self._watch_head()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._unwatch_head()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.head_bytes_maximum or len(self.headers) > MAXIMUM_HEADERS:
            self._refuse(431, "Request head too large.")
            raise HeadRefused
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch_head()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        if not self.transport.is_closing():  # else the head was refused with its own answer
            super().send_400_response(msg)

    def _watch_head(self) -> None:
        self._deadline = self.loop.call_later(self.head_seconds, self._head_late)

    def _unwatch_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _head_late(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self._refuse(408, "Request head too slow.")

    def _refuse(self, status: int, text: str) -> None:
        """Answer without any of the machinery above and hang up."""
        body = text.encode()
        self.transport.write(
            b"HTTP/1.1 %d \r\ncontent-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (status, len(body), body)
        )
        self.transport.close()


class LiveSocket(WebSocketsSansIOProtocol):
    """A WebSocket whose owner can write a whole text message in one call and see what is still unsent.

    The ASGI `send` costs an event dictionary, a coroutine and a frame object for each message; with a hundred
    listeners that is most of the price of a live value. No extension is negotiated, so a text frame is its head and
    the payload (RFC 6455, 5.2; a server's frames are not masked).
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Let unsent data wait where we see it, not in the kernel, where up to megabytes of stale values would queue.
        raw = transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.IPPROTO_TCP, _NOT_SENT_LOWAT, _NOT_SENT_BYTES)

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            cast("dict[str, Any]", self.scope["extensions"])[LIVE_SOCKET] = self

    def write_text(self, payload: bytes) -> bool:
        """Write one text message; False where the connection is closed or closing."""
        if self.conn.state is not State.OPEN or not self.handshake_complete or self.transport.is_closing():
            return False
        size = len(payload)
        if size < 126:
            head = bytes((0x81, size))
        elif size < 65536:
            head = b"\x81\x7e" + size.to_bytes(2, "big")
        else:
            head = b"\x81\x7f" + size.to_bytes(8, "big")
        self.transport.write(head + payload)
        return True

    @property
    def unsent(self) -> int:
        """Bytes that wait in this process for the peer."""
        return self.transport.get_write_buffer_size()


def limited_http(head_bytes: int, head_seconds: float) -> type[LimitedHttp]:
    """The HTTP protocol with the limits of one installation."""
    return type("ConfiguredHttp", (LimitedHttp,), {"head_bytes_maximum": head_bytes, "head_seconds": head_seconds})


__all__ = ["LIVE_SOCKET", "LimitedHttp", "LiveSocket", "limited_http"]
