"""A small HTTP server for calls of machines: one per address and process, shared by all devices that are called there.

It reads POST and PUT with a bounded body into the hook registered for the path, and answers at once. Parsing is
httptools'; everything has a limit: connections, head, body, and the time that a call may take.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

import httptools
import msgspec

from lineshaft.core import logs
from lineshaft.edge.drivers.http.options import HOOKS

_MOST_CONNECTIONS: Final = 256
_MOST_HELD: Final = 128 << 20
"""Bytes of bodies that are being received: who signs a call is known only once all of it is there."""
_LARGEST_HEAD: Final = 16_384
_CALL_SECONDS: Final = 10.0
"""For a whole call; also how long a connection may stay silent."""
_REASONS: Final = {
    204: "No Content", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed",
    408: "Request Timeout", 409: "Conflict", 413: "Content Too Large", 415: "Unsupported Media Type",
    422: "Unprocessable Content", 431: "Request Header Fields Too Large", 503: "Service Unavailable",
}  # fmt: skip
_DONE: Final = 204


class Reply(msgspec.Struct, frozen=True):
    """What a call is answered."""

    status: int = _DONE
    title: str = ""
    facts: Mapping[str, Any] = {}

    def encode(self, *, keep: bool) -> bytes:
        """As it goes out; a problem in the form of RFC 9457."""
        body = b""
        if self.status != _DONE:
            body = msgspec.json.encode(
                {"type": "about:blank", "title": self.title, "status": self.status, **self.facts}
            )
        head = [f"HTTP/1.1 {self.status} {_REASONS[self.status]}"]
        if body:
            head += ["Content-Type: application/problem+json", f"Content-Length: {len(body)}"]
        if self.status == 401:
            head.append("WWW-Authenticate: Bearer")
        head.append(f"Connection: {'keep-alive' if keep else 'close'}")
        return "\r\n".join(head).encode() + b"\r\n\r\n" + body


REFUSED: Final = Reply(401, "the call does not prove who it is from")
"""The same for a device that is not there: nobody learns which there are."""


class Hook(Protocol):
    """Takes the calls of one device. Neither method waits."""

    @property
    def largest(self) -> int:
        """Bytes of a body, at most."""

    def admit(self, headers: Mapping[str, str]) -> Reply | None:
        """Judge a call by its head; None where the body may follow."""

    def take(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """Take a whole call."""


class Listener:
    """One listening socket and the hooks behind it."""

    def __init__(self) -> None:
        self.hooks: dict[str, Hook] = {}
        self.begun = asyncio.get_running_loop().create_future()
        """Done when it listens; cancelled where it cannot."""
        self.connections: set[_Connection] = set()
        self.held = 0
        """Bytes of bodies that are being received."""
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        """Listen.

        Raises:
            OSError: the address is taken or not ours.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), host, port, ssl=context, backlog=128)

    async def stop(self) -> None:
        """End, and break what is open."""
        if self._server is not None:
            self._server.close()
            for connection in list(self.connections):
                connection.abort()
            await self._server.wait_closed()


_SHARED: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, int], Listener]]] = WeakKeyDictionary()


async def register(host: str, port: int, path: str, hook: Hook, context: ssl.SSLContext | None) -> None:
    """Have calls to a path taken by a hook; the first of an address begins to listen there.

    Raises:
        OSError: the address is taken or not ours. ValueError: the path is taken.
    """
    listeners = _SHARED.setdefault(asyncio.get_running_loop(), {})
    listener = listeners.get((host, port))
    if listener is None:
        listener = listeners[(host, port)] = Listener()
        listener.hooks[path] = hook
        try:
            await listener.start(host, port, context)
        except BaseException:
            del listeners[(host, port)]
            listener.begun.cancel()
            raise
        listener.begun.set_result(None)
        return
    await asyncio.wait([listener.begun])
    if listener.begun.cancelled():
        raise OSError(f"another device could not listen on {host} port {port} either")
    if listener.hooks.get(path, hook) is not hook:
        raise ValueError(f"another device is called at {path} already")
    listener.hooks[path] = hook


async def withdraw(host: str, port: int, path: str, hook: Hook) -> None:
    """The opposite; with the last hook of an address the listener ends."""
    listeners = _SHARED.get(asyncio.get_running_loop(), {})
    listener = listeners.get((host, port))
    if listener is None or listener.hooks.get(path) is not hook:
        return
    del listener.hooks[path]
    if not listener.hooks:
        del listeners[(host, port)]
        await listener.stop()


class _Connection(asyncio.Protocol):
    """One caller. The parser calls the `on_…` methods."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._body = bytearray()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._begin()
        self._parser = httptools.HttpRequestParser(self)

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._head = 0
        self._let_go()
        self._hook: Hook | None = None
        self._reply: Reply | None = None
        """Settled before the body was read: it is dropped then."""

    def _let_go(self) -> None:
        """Of the body."""
        self._listener.held -= len(self._body)
        self._body = bytearray()

    # -- asyncio --------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if len(self._listener.connections) >= _MOST_CONNECTIONS:
            transport.abort()
            return
        self._listener.connections.add(self)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:  # as asyncio names it
        self._listener.connections.discard(self)
        self._let_go()
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._answer(Reply(400, "the call asks for another protocol"), keep=False)
        except httptools.HttpParserCallbackError as error:
            self._answer(self._explain(error.__context__), keep=False)
        except httptools.HttpParserError as error:
            self._answer(Reply(400, f"the call is no HTTP: {error}"), keep=False)

    def _explain(self, cause: BaseException | None) -> Reply:
        """What a call that could not be taken is answered; a fault of ours is logged."""
        if isinstance(cause, _TooLarge):
            return cause.reply
        logs.get("edge").error("edge_call_failed", path=self._url.decode("latin-1"), reason=repr(cause), exc_info=cause)
        return Reply(503, "the gateway could not take the call")

    def abort(self) -> None:
        """Break the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _largest(self) -> int:
        return self._hook.largest if self._hook is not None else 0

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_CALL_SECONDS, self._expire)

    def _expire(self) -> None:
        if self._url:
            self._answer(Reply(408, f"the call took longer than {_CALL_SECONDS:g} s"), keep=False)
        else:
            self.abort()

    def _answer(self, reply: Reply, *, keep: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(reply.encode(keep=keep))
        if not keep:
            self._transport.close()

    # -- the parser -----------------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._begin()
        self._wait()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1").strip()

    def _count(self, length: int) -> None:
        self._head += length
        if self._head > _LARGEST_HEAD:
            raise _TooLarge(431, "the head of the call is too large")

    def on_headers_complete(self) -> None:
        path = self._url.partition(b"?")[0].decode("latin-1")
        self._hook = self._listener.hooks.get(path)
        if not path.startswith(HOOKS):
            self._reply = Reply(404, "there is nothing here", {"instance": path})
        elif self._parser.get_method() not in (b"POST", b"PUT"):
            self._reply = Reply(405, "a call is a POST or a PUT")
        elif self._hook is None:
            self._reply = REFUSED
        else:
            self._reply = self._hook.admit(self._headers)
        if self._reply is not None:  # its body is not waited for
            self._answer(self._reply, keep=False)
        elif self._headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if self._reply is not None or self._transport is None or self._transport.is_closing():
            return
        self._body += body
        self._listener.held += len(body)
        if self._listener.held > _MOST_HELD:
            raise _TooLarge(503, "too many calls at once; call again")
        if len(self._body) > self._largest():
            raise _TooLarge(413, f"the body is larger than {self._largest()} bytes")

    def on_message_complete(self) -> None:
        if self._reply is not None or self._hook is None or self._transport is None or self._transport.is_closing():
            return
        reply = self._hook.take(self._headers, bytes(self._body))
        self._answer(reply, keep=self._parser.should_keep_alive())
        self._begin()
        self._wait()


class _TooLarge(Exception):
    """A call is over a limit."""

    def __init__(self, status: int, title: str) -> None:
        super().__init__(title)
        self.reply = Reply(status, title)
