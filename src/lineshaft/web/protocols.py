"""The two wire protocols as we run them: uvicorn's, with limits that a hostile client cannot pass.

HTTP: a request head has a largest size and a longest time, from the connection's first moment on; trailers are refused.
WebSocket: one complete text message can be written at once, and what the peer has not taken yet can be seen.
"""

import asyncio
import re
import socket
from collections.abc import Sequence
from typing import Any, ClassVar, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from lineshaft.access.est.endpoint import PEER
from lineshaft.core.serving import UntrailedHttp
from lineshaft.web.peers import Peers

MAXIMUM_HEADERS = 100
LIVE_SOCKET = "lineshaft.live_socket"
"""Key of the scope's extensions under which the WebSocket's `LiveSocket` is found."""

_NOT_SENT_BYTES = 65536
_NOT_SENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", 25)  # Linux's number; Python names it from 3.12 on


_HOST = re.compile(rb"(?:[A-Za-z0-9._~%-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")


class HeadRefused(Exception):
    """Ends the parsing of a head over the limit; httptools turns it into its own error."""


class LimitedHttp(UntrailedHttp):
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
        ambiguity = ambiguity_of(self.parser.get_http_version(), self.url, self.headers)
        if ambiguity:
            self._refuse(400, ambiguity)
            raise HeadRefused
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch_head()
        super().connection_lost(exc)

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


def ambiguity_of(version: str, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> str:
    """Why a proxy before us could read this head otherwise than we do; empty where all read it alike.

    RFC 9112: one `Host` (3.2) of the form host[:port], the same as in a target that names one (3.2.2); a body whose end
    is told by `chunked` alone (6.1).
    """
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1 or (version == "1.1" and not hosts):
        return "Not exactly one Host header."
    if hosts and not _HOST.fullmatch(hosts[0]):
        return "Host is not host[:port]."
    if not target.startswith(b"/") and target != b"*":
        scheme, separator, rest = target.partition(b"://")
        authority = rest.partition(b"/")[0].partition(b"?")[0]
        if (
            not separator
            or scheme.lower() not in (b"http", b"https")
            or [authority.lower()] != [h.lower() for h in hosts]
        ):
            return "The request's target is at another host."
    encodings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if encodings not in ([], [b"chunked"]):
        return "Transfer-Encoding is not chunked."
    return ""


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


class MutualHttp(LimitedHttp):
    """HTTP of the device listener: each scope holds the certificate that the client has shown."""

    peers: ClassVar[Peers]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        self._peer = self.peers.add(transport)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.peers.remove(self.transport)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)[PEER] = self._peer


class MutualSocket(LiveSocket):
    """The WebSocket of the device listener; the connection was HTTP before and is noted already."""

    peers: ClassVar[Peers]

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            cast("dict[str, Any]", self.scope)[PEER] = self.peers.add(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.peers.remove(self.transport)
        super().connection_lost(exc)


def limited_http(head_bytes: int, head_seconds: float, peers: Peers | None = None) -> type[LimitedHttp]:
    """The HTTP protocol with the limits of one installation; with `peers`, of the device listener."""
    fields = {"head_bytes_maximum": head_bytes, "head_seconds": head_seconds}
    if peers is None:
        return type("ConfiguredHttp", (LimitedHttp,), fields)
    return type("ConfiguredMutualHttp", (MutualHttp,), {**fields, "peers": peers})


def live_socket(peers: Peers | None = None) -> type[LiveSocket]:
    """The WebSocket protocol; with `peers`, of the device listener."""
    return LiveSocket if peers is None else type("ConfiguredMutualSocket", (MutualSocket,), {"peers": peers})


__all__ = ["LIVE_SOCKET", "LimitedHttp", "LiveSocket", "limited_http", "live_socket"]
