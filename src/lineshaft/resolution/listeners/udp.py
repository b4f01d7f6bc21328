"""Requests by UDP: the socket is emptied in one go, the common request answered on the spot."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from lineshaft.core import clock, logs
from lineshaft.resolution import codes, hot
from lineshaft.resolution.fields import Malformed
from lineshaft.resolution.listeners.budget import AMPLIFICATION, Guard
from lineshaft.resolution.node import Node
from lineshaft.resolution.node.server import EXPIRATION_SECONDS
from lineshaft.resolution.packets import Reassembly, first_packet, split

try:
    from lineshaft.resolution.datagrams import Datagrams
except ImportError:  # it is there only compiled
    Datagrams = None  # type: ignore[assignment,misc]

_AT_ONCE: Final = 64
"""Datagrams taken before other work gets its turn."""
_LARGEST: Final = 4096
"""Bytes of a datagram that are read: the longest handle fits; what is longer is cut, and dropped for it."""
_UNDER_WAY: Final = 1000
"""Requests on the long way at a time."""
_FLAGS: Final = 2
_BUFFER_BYTES: Final = 4 * 1024 * 1024

Peer = tuple[Any, ...]


class UdpListener:
    """One socket. Several processes may each have one on the same port.

    Args:
        node: who answers.
        guard: budgets of the sources, and what is counted.
        seconds: the time, in seconds since 1970.
    """

    def __init__(self, node: Node, guard: Guard, seconds: Callable[[], float]) -> None:
        self._node = node
        self.guard = guard
        self.counts = guard.counts
        self._seconds = seconds
        self._parts = Reassembly()
        self._socket: socket.socket | None = None
        self._datagrams: Datagrams | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = logs.get("resolution")

    def start(self, host: str, port: int) -> int:
        """Listen; returns the port.

        Raises:
            OSError: the address cannot be had.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)  # noqa: FBT003  # its one argument
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind((host, port))
        except OSError:
            opened.close()
            raise
        self._socket = opened
        asyncio.get_running_loop().add_reader(opened.fileno(), self._drain)
        if Datagrams is not None:
            self._datagrams = Datagrams(opened.fileno(), self, family == socket.AF_INET6)
        return int(opened.getsockname()[1])

    async def stop(self) -> None:
        """Take no more requests; those under way are given up."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _drain(self) -> None:
        """Answer what has come. Time, store and names are looked up once for all of it."""
        assert self._socket is not None
        node = self._node
        node.store.renew()
        lookup, standing = node.quick()
        now = int(self._seconds())
        expiration, serial, instant = now + EXPIRATION_SECONDS, node.site.serial, clock.monotonic()
        if self._datagrams is not None:
            self._datagrams.drain(lookup, now, expiration, serial, standing, instant)
            return
        receive, send, counts, answer = self._socket.recvfrom, self._send, self.counts, hot.answer
        for _ in range(_AT_ONCE):
            try:
                packet, peer = receive(_LARGEST)
            except BlockingIOError:
                return
            except OSError as error:  # an earlier answer came back as unreachable
                self._log.debug("udp_receive_failed", reason=str(error))
                continue
            counts.udp += 1
            found = answer(packet, lookup, now, expiration, serial, standing)
            if found.__class__ is bytes:
                counts.answered += 1
                send(found, packet, peer, instant)
            else:
                self.uncommon(found, packet, peer, now)

    def uncommon(self, found: int | bytes, packet: bytes, peer: Peer, now: int) -> None:
        """Treat a request that `hot.answer` handed back."""
        if found == hot.DROP:
            self.counts.malformed += 1
        elif found == hot.SLOW:
            self._take_long_way(packet, peer)
        else:
            self._miss(packet, peer, now)

    def _miss(self, packet: bytes, peer: Peer, now: int) -> None:
        """Answer a resolution of what is not in the store."""
        node = self._node
        answer = node.learned(packet, now)
        if answer is not None:
            self.counts.answered += 1
            self._send(answer, packet, peer, clock.monotonic())
            return
        if not self.guard.misses(peer[0]):
            self._refuse(packet, peer)
            return
        answer = node.missing(packet, now + EXPIRATION_SECONDS)
        if answer is None:
            self._take_long_way(packet, peer)
        else:
            self.counts.missing += 1
            self._send(answer, packet, peer, clock.monotonic())

    def _refuse(self, packet: bytes, peer: Peer) -> None:
        """Say that there is too much to do."""
        answer = hot.refuse(packet, codes.RC_SERVER_BUSY, 0, self._node.site.serial)
        self._send(answer, packet, peer, clock.monotonic())

    def _send(self, message: bytes, request: bytes, peer: Peer, now: float) -> None:
        """Send an answer as far as the source's budget goes at `now`."""
        if not self.guard.sends(peer[0], len(message), now):
            message = cut(message, request)
        assert self._socket is not None
        try:
            if len(message) <= codes.MAX_PACKET_BYTES:
                self._socket.sendto(message, peer)
            else:
                for packet in split(message):
                    self._socket.sendto(packet, peer)
        except OSError:  # no room in the socket, or no way back: the asker asks again
            self.counts.dropped += 1

    def _take_long_way(self, packet: bytes, peer: Peer) -> None:
        """Have the node answer, beside other requests."""
        if len(self._tasks) >= _UNDER_WAY:
            self.counts.dropped += 1
            return
        if len(packet) > _FLAGS and packet[_FLAGS] & codes.TRUNCATED_ENVELOPE:
            try:
                whole = self._parts.add(peer, packet, clock.monotonic())
            except Malformed:
                self.counts.malformed += 1
                return
            if whole is None:
                return
            packet = whole
        self.counts.slow += 1
        if not self.guard.works(peer[0], packet):
            self._refuse(packet, peer)
            return
        signed = self._node.signed(packet, int(self._seconds()))
        if signed is not None:
            self._send(signed, packet, peer, clock.monotonic())
            return
        task = asyncio.get_running_loop().create_task(self._answer(packet, peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, packet: bytes, peer: Peer) -> None:
        try:
            works = partial(self.guard.does, peer[0])
            messages = await self._node.answer(packet, peer[0], administration=False, works=works)
        except Malformed:
            self.counts.malformed += 1
            return
        except Exception:  # noqa: BLE001  # one request must not end the server
            self._log.exception("resolution_request_failed", source=peer[0])
            return
        for message in messages:
            if self._socket is not None:
                self._send(message, packet, peer, clock.monotonic())


def cut(message: bytes, request: bytes) -> bytes:
    """What a source gets beyond its budget: no more than three times its request, as one packet of a longer message, from
    which it learns to use TCP.
    """
    size = AMPLIFICATION * len(request)
    if len(message) <= size:
        return message
    part = first_packet(message)[:size]
    return part[:_FLAGS] + bytes((part[_FLAGS] | codes.TRUNCATED_ENVELOPE,)) + part[_FLAGS + 1 :]
