"""HTTP/1.1 of one client, with a bound and a deadline for everything that it sends and fetches."""

import asyncio
import enum
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from lineshaft.core.serving import UntrailedHttp
from lineshaft.resolution.listeners.connections import Entry
from lineshaft.resolution.listeners.limits import Limits

PEER: Final = "lineshaft.peer"
"""Key of the scope under which the client's certificate stands (DER; empty without one)."""
_HEAD_BYTES: Final = 64 * 1024
_LATE: Final = b'{"responseCode":4,"message":"The request\'s body takes too long to come."}'
_TOO_LATE: Final = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json;charset=utf-8\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_LATE), _LATE)
)


class _Coming(enum.Enum):
    """What is to come of the request."""

    HEAD = 0
    BODY = 1
    NOTHING = 2


class HttpProtocol(UntrailedHttp):
    """One connection; the application learns who TLS says the client is.

    A head has so many seconds from its first byte on. A body has to come with some speed on the average of its last
    seconds: time that the server takes before it reads on does not count. Who does not read answers is cut off.

    Args:
        config, state, app_state: of the server.
        limits: of the times.
        entry: the connection's place, which is given back at its end.
    """

    def __init__(
        self, config: Config, state: ServerState, app_state: dict[str, Any], limits: Limits, entry: Entry
    ) -> None:
        super().__init__(config, state, app_state)
        self._limits = limits
        self._entry = entry
        self._coming = self._watched = _Coming.HEAD
        self._head_bytes = 0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        super().connection_made(transport)
        self._wait(self._limits.head_seconds)
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(True) if tls is not None else None  # noqa: FBT003  # in DER
        if certificate:
            app = self.app

            async def with_peer(scope: Any, receive: Any, send: Any) -> None:
                scope[PEER] = certificate
                await app(scope, receive, send)

            self.app = with_peer

    def connection_lost(self, exc: Exception | None) -> None:
        self._entry.leave()
        for timer in (self._timer, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._coming is _Coming.HEAD:
            if self._head_bytes > _HEAD_BYTES:
                self.transport.close()
                return
            self._head_bytes += len(data)
        super().data_received(data)
        self._watch(len(data))

    def on_message_begin(self) -> None:
        self._coming = _Coming.HEAD
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._coming = _Coming.BODY
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._coming = self._watched = _Coming.NOTHING
        self._head_bytes = 0
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(self._limits.unread_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    # -- deadlines ----------------------------------------------------------------------------------------------------

    def _watch(self, size: int) -> None:
        """Set the deadline of what is still to come, after `size` bytes came. A whole request has none."""
        coming = self._coming
        if coming is _Coming.NOTHING:
            if self.timeout_keep_alive_task is not None or not self.cycle.response_complete:
                return
            coming = self._coming = _Coming.HEAD  # empty lines before a request are a part of its head
        if coming is not self._watched:
            self._watched = coming
            self._wait(self._limits.head_seconds if coming is _Coming.HEAD else self._limits.body_seconds)
        elif coming is _Coming.BODY:
            gained = size / self._limits.body_bytes_per_second
            self._due = min(self._due + gained, self.loop.time() + self._limits.body_seconds)

    def _wait(self, seconds: float) -> None:
        self._due = self.loop.time() + seconds
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(self._due, self._look)

    def _look(self) -> None:
        """Give up what is late; a deadline that was moved meanwhile is looked at again."""
        self._timer = None
        if self._coming is _Coming.NOTHING or self.transport.is_closing():
            return
        now = self.loop.time()
        if self._coming is _Coming.BODY and self.flow.read_paused:
            self._due = now + self._limits.body_seconds  # it is the server that takes its time
        if now < self._due:
            self._timer = self.loop.call_at(self._due, self._look)
        else:
            self._give_up()

    def _give_up(self) -> None:
        cycle = self.cycle
        if self._coming is _Coming.BODY and cycle is not None and not cycle.response_complete:
            if not cycle.response_started:
                self.transport.write(_TOO_LATE)
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()
