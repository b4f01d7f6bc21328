"""Requests by TCP: connections stay, requests may follow each other without waiting for answers."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, cast

from lineshaft.core import clock, logs
from lineshaft.resolution import codes, dialect_cn, hot
from lineshaft.resolution.fields import Malformed
from lineshaft.resolution.listeners.budget import Guard
from lineshaft.resolution.listeners.connections import Entry
from lineshaft.resolution.messages import Refusal
from lineshaft.resolution.node import Node
from lineshaft.resolution.node.server import EXPIRATION_SECONDS
from lineshaft.resolution.wire import Envelope, Header, Message, decode_envelope, encode

_WAITING_BYTES: Final = 1 << 20
"""Of answers that a client does not fetch; beyond, its requests are not read."""
_UNDER_WAY: Final = 64
"""Requests of one connection on the long way at a time."""
_HEAD: Final = codes.ENVELOPE_BYTES


class TcpListener:
    """One port. Several processes may each have it.

    Args:
        node: who answers.
        guard: budgets of the sources, and what is counted.
        seconds: the time, in seconds since 1970.
    """

    def __init__(self, node: Node, guard: Guard, seconds: Callable[[], float]) -> None:
        self.node = node
        self.guard = guard
        self.counts = guard.counts
        self.limits = guard.limits
        self.seconds = seconds
        self.waiting_bytes = 0
        """Of incomplete messages."""
        self.connections: set[Connection] = set()
        self.log = logs.get("resolution")
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port.

        Raises:
            OSError: the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), host, port, reuse_port=True, backlog=1024)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Take no more connections, and hang up on those there are."""
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.close()
        tasks = [task for connection in self.connections for task in connection.tasks]
        await asyncio.gather(*tasks, return_exceptions=True)


class Connection(asyncio.Protocol):
    """One client. Answers leave as they are ready; the request number tells which is which."""

    def __init__(self, listener: TcpListener) -> None:
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._source = ""
        self._entry: Entry | None = None
        self._parts: list[bytes] = []
        """Of a message that has not all come."""
        self._have = 0
        self._need = 0
        self._began = 0.0
        """When the first of them came."""
        self._speaks = dialect_cn.Connection()
        self._heard = clock.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False
        self._stopped = 0.0
        """When the client last left too much unread."""
        self._room: asyncio.Event | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_WAITING_BYTES)
        listener = self._listener
        peer: Any = transport.get_extra_info("peername") or ("",)
        self._source = peer[0]
        self._entry = listener.guard.connections.enter(self._source)
        if self._entry is None:
            self._transport.abort()
            return
        listener.connections.add(self)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        listener = self._listener
        listener.connections.discard(self)
        if self._entry is not None:
            self._entry.leave()
        if self._timer is not None:
            self._timer.cancel()
        listener.waiting_bytes -= self._have
        self._parts, self._have = [], 0
        for task in self.tasks:
            task.cancel()

    def pause_writing(self) -> None:
        assert self._transport is not None
        self._paused = True
        self._stopped = clock.monotonic()
        self._room = self._room or asyncio.Event()
        self._room.clear()
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        if self._room is not None:
            self._room.set()
        self._read_on()

    def data_received(self, data: bytes) -> None:
        self._heard = clock.monotonic()
        if self._have:
            whole = self._joined(data)
            if whole is None:
                return
            data = whole
        listener = self._listener
        node, counts, answer = listener.node, listener.counts, hot.answer
        node.store.renew()
        lookup, standing = node.quick()
        now = int(listener.seconds())
        expiration, serial = now + EXPIRATION_SECONDS, node.site.serial
        ready: list[bytes] = []
        start, size = 0, len(data)
        while size - start >= _HEAD:
            length = int.from_bytes(data[start + 16 : start + 20])
            if length > codes.MAX_MESSAGE_BYTES:
                self._write(ready)
                self._hang_up(data[start : start + _HEAD])
                return
            end = start + _HEAD + length
            if end > size:
                break
            packet = data[start:end]
            start = end
            counts.tcp += 1
            found = answer(packet, lookup, now, expiration, serial, standing)
            if found.__class__ is bytes:
                counts.answered += 1
                ready.append(found)
            elif found == hot.MISSING:
                self._miss(packet, now, ready)
            else:
                self._take_long_way(packet)
        if start < size:
            self._keep(data[start:])
        self._write(ready)

    def _keep(self, rest: bytes) -> None:
        """Keep the beginning of a message until the rest comes."""
        listener = self._listener
        self._parts, self._have = [rest], len(rest)
        self._need = _HEAD + int.from_bytes(rest[16:20]) if len(rest) >= _HEAD else _HEAD
        self._began = clock.monotonic()
        listener.waiting_bytes += len(rest)
        self._shed()

    def _joined(self, data: bytes) -> bytes | None:
        """All that has come, once it is a whole message; parts are put together only then, whatever size they come in."""
        self._parts.append(data)
        self._have += len(data)
        self._listener.waiting_bytes += len(data)
        if self._have < self._need:
            self._shed()
            return None
        whole = b"".join(self._parts)
        if self._need == _HEAD:
            length = int.from_bytes(whole[16:20])
            if length <= codes.MAX_MESSAGE_BYTES and len(whole) < _HEAD + length:
                self._parts, self._need = [whole], _HEAD + length
                self._shed()
                return None
        self._listener.waiting_bytes -= self._have
        self._parts, self._have = [], 0
        return whole

    def _shed(self) -> None:
        """End this connection where too much is incomplete in all of them."""
        if self._listener.waiting_bytes > self._listener.limits.waiting_bytes:
            self._listener.counts.dropped += 1
            self.close()

    def _miss(self, packet: bytes, now: int, ready: list[bytes]) -> None:
        """Answer a resolution of what is not in the store."""
        listener = self._listener
        node = listener.node
        answer = node.learned(packet, now)
        if answer is not None:
            listener.counts.answered += 1
            ready.append(answer)
            return
        if not listener.guard.misses(self._source):
            ready.append(hot.refuse(packet, codes.RC_SERVER_BUSY, 0, node.site.serial))
            return
        answer = node.missing(packet, now + EXPIRATION_SECONDS)
        if answer is None:
            self._take_long_way(packet)
        else:
            listener.counts.missing += 1
            ready.append(answer)

    def close(self) -> None:
        """Hang up at once."""
        for task in self.tasks:
            task.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _write(self, ready: Sequence[bytes]) -> None:
        if ready and self._transport is not None:
            self._transport.write(b"".join(ready) if len(ready) > 1 else ready[0])

    async def _stream(self, message: bytes) -> None:
        """Send one message of several, and wait until the client has fetched enough of them."""
        self._write([message])
        if self._room is not None:
            await self._room.wait()

    def _take_long_way(self, packet: bytes) -> None:
        assert self._transport is not None
        self._listener.counts.slow += 1
        if not self._listener.guard.works(self._source, packet):
            self._write([hot.refuse(packet, codes.RC_SERVER_BUSY, 0, self._listener.node.site.serial)])
            return
        signed = self._listener.node.signed(packet, int(self._listener.seconds()))
        if signed is not None:
            self._write([signed])
            return
        task = asyncio.get_running_loop().create_task(self._answer(packet))
        self.tasks.add(task)
        task.add_done_callback(self._done)
        if len(self.tasks) >= _UNDER_WAY:
            self._transport.pause_reading()

    def _done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self._read_on()

    def _read_on(self) -> None:
        if not self._paused and len(self.tasks) < _UNDER_WAY and self._transport is not None:
            self._transport.resume_reading()

    async def _answer(self, packet: bytes) -> None:
        listener = self._listener
        try:
            works = partial(listener.guard.does, self._source)
            messages = await listener.node.answer(
                packet, self._source, connection=self._speaks, works=works, stream=self._stream
            )
            self._write(messages)
        except Malformed:
            self._hang_up(packet)
        except Exception:  # one request must not end the server
            listener.log.exception("resolution_request_failed", source=self._source)
            self.close()

    def _hang_up(self, packet: bytes) -> None:
        """Say that this is not the protocol (code 4), and end the connection: what follows cannot be told apart."""
        assert self._transport is not None
        self._listener.counts.malformed += 1
        try:
            envelope = decode_envelope(packet)
        except Malformed:
            envelope = Envelope()
        refusal = Message(
            envelope=Envelope(session=envelope.session, request=envelope.request),
            header=Header(operation=0, response_code=codes.RC_PROTOCOL_ERROR), body=Refusal("Not a message"),
        )  # fmt: skip
        self._transport.write(encode(refusal))
        self._transport.close()

    def _watch(self) -> None:
        """End a connection that has said nothing for long, takes too long over one message, or reads no answers."""
        limits, now = self._listener.limits, clock.monotonic()
        left = self._heard + limits.idle_seconds - now
        if self._have:
            left = min(left, self._began + limits.message_seconds - now)
        if self._paused:
            left = min(left, self._stopped + limits.unread_seconds - now)
        if left <= 0 and (self._paused or not self.tasks):
            self.close()
            return
        again = min(max(left, limits.message_seconds / 8), limits.message_seconds)
        self._timer = asyncio.get_running_loop().call_later(again, self._watch)
