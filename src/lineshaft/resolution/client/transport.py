"""Ways to servers: by UDP first, then by TCP, then by HTTP, each socket kept for the next question.

Of the sites that hold the same handles the one that answers soonest is asked first; one that does not answer goes to the
end of the row.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from lineshaft.core import clock
from lineshaft.resolution import codes
from lineshaft.resolution.client.http import HttpChannel
from lineshaft.resolution.client.tcp import TcpChannel
from lineshaft.resolution.client.udp import WAITS, UdpChannel
from lineshaft.resolution.client.waiting import Question, Truncated
from lineshaft.resolution.site import ADMINISTRATION, HTTP, HTTPS, RESOLUTION, TCP, UDP, Server, Site
from lineshaft.resolution.wire import Message

Way = tuple[str, int]
_KEPT: Final = 256
"""Sockets of each kind."""
_UNKNOWN_SECONDS: Final = 0.01
_FAILED_SECONDS: Final = 30.0
_OLD_SHARE: Final = 0.7


class Unreachable(Exception):
    """No way to a server led to an answer."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait; seconds."""

    udp: tuple[float, ...] = WAITS
    """After each sending of a datagram."""
    connecting: float = 3.0
    tcp: float = 10.0
    """For an answer by TCP."""
    moving: float = 15.0
    """For a site that is being divided anew: its servers take no changes for some seconds, and switch one by one."""


class Transport:
    """Sockets to many servers."""

    def __init__(self, patience: Patience = Patience()) -> None:  # noqa: B008
        self._patience = patience
        self._udp: dict[Way, UdpChannel] = {}
        self._tcp: dict[Way, TcpChannel] = {}
        self._http: dict[tuple[str, int, bytes], HttpChannel] = {}
        self._opening: dict[tuple[str, str, int], asyncio.Lock] = {}
        self._pace: dict[str, tuple[float, float]] = {}

    async def ask(self, server: Server, question: Question, use: int = RESOLUTION) -> tuple[list[Message], str]:
        """The messages of the answer, and by which protocol they came.

        Raises:
            Unreachable: no answer by any of the server's interfaces for this use.
        """
        reasons: list[str] = []
        udp, tcp = server.interface(UDP, use), server.interface(TCP, use)
        began = clock.monotonic()
        short = len(question.data) <= codes.MAX_PACKET_BYTES and use == RESOLUTION and not question.only_tcp
        try:
            if udp is not None and (short or tcp is None):
                messages = await self._by_udp((server.address, udp.port), question, reasons)
                if messages is not None and (tcp is None or not _busy(messages)):
                    return self._note(server, messages, began), "UDP"
            if tcp is not None:
                messages = await self._by_tcp((server.address, tcp.port), question, again=use == RESOLUTION)
                return self._note(server, messages, began), "TCP"
        except (OSError, TimeoutError) as error:
            reasons.append(f"TCP {tcp.port if tcp else ''}: {_reason(error)}")
        messages = await self._by_http(server, question, use, reasons)
        if messages is not None:
            return self._note(server, messages, began), "HTTP"
        self._pace[server.address] = (_FAILED_SECONDS, clock.monotonic())
        raise Unreachable(
            f"{server.address}: {'; '.join(reasons) or 'it has no interface for this use'}"
        )  # fmt: skip

    def in_order(self, sites: Iterable[Site], handle: bytes, *, primary: bool) -> list[tuple[Site, Server]]:
        """The server of each site that is responsible for the handle: quickest first; primaries only, where `primary`."""
        found = [(site, site.server_for(handle)) for site in sites if site.servers and (site.primary or not primary)]
        return sorted(found, key=lambda one: self._expected(one[1].address))

    async def close(self) -> None:
        for udp in self._udp.values():
            udp.close()
        for tcp in self._tcp.values():
            tcp.close()
        for http in self._http.values():
            await http.close()
        self._http.clear()
        self._udp.clear()
        self._tcp.clear()
        await asyncio.sleep(0)  # transports close in the loop's next turn

    def forget(self, server: Server) -> None:
        """Use another connection for the next question to the server."""
        interface = server.interface(TCP, ADMINISTRATION)
        if interface is not None:
            channel = self._tcp.pop((server.address, interface.port), None)
            if channel is not None:
                channel.close()

    async def _by_udp(self, way: Way, question: Question, reasons: list[str]) -> list[Message] | None:
        try:
            channel = await self._socket(way)
            return await channel.ask(question, self._patience.udp)
        except Truncated:
            return None
        except (OSError, TimeoutError) as error:
            reasons.append(f"UDP {way[1]}: {_reason(error)}")
            return None

    async def _socket(self, way: Way) -> UdpChannel:
        """The socket to a server's port: one, however many ask at once, and every minute another."""
        channel = self._udp.get(way)
        if channel is not None and not channel.old:
            return channel
        async with self._lock("UDP", way):
            channel = self._udp.get(way)
            if channel is None or channel.old:
                fresh = await UdpChannel.open(*way)
                if channel is not None:
                    channel.retire()
                channel = self._udp[way] = fresh
                _shed(self._udp)
            return channel

    def _lock(self, protocol: str, way: Way) -> asyncio.Lock:
        """Held while a socket is opened."""
        if len(self._opening) > _KEPT:
            self._opening = {key: lock for key, lock in self._opening.items() if lock.locked()}
        return self._opening.setdefault((protocol, *way), asyncio.Lock())

    async def _by_tcp(self, way: Way, question: Question, *, again: bool) -> list[Message]:
        channel, kept = await self._connected(way)
        try:
            return await channel.ask(question, self._patience.tcp)
        except ConnectionError:
            channel.close()
            if not (kept and again):  # what changes records is never sent twice
                raise
        channel, _ = await self._connected(way)
        return await channel.ask(question, self._patience.tcp)

    async def _by_http(
        self, server: Server, question: Question, use: int, reasons: list[str]
    ) -> list[Message] | None:  # fmt: skip
        interface = server.interface(HTTPS, use) or server.interface(HTTP, use)
        if interface is None or use != RESOLUTION:
            return None
        way = (server.address, interface.port, server.public_key)
        channel = self._http.get(way)
        if channel is None:
            channel = self._http[way] = HttpChannel(server, interface.port, interface.protocol, self._patience.tcp)
            while len(self._http) > _KEPT:
                await self._http.pop(next(iter(self._http))).close()
        try:
            return await channel.ask(question)
        except (OSError, TimeoutError) as error:
            reasons.append(f"HTTP {interface.port}: {_reason(error)}")
            return None

    async def _connected(self, way: Way) -> tuple[TcpChannel, bool]:
        """A connection, and whether it is one that was kept."""
        async with self._lock("TCP", way):
            channel = self._tcp.get(way)
            if channel is not None and not channel.closed:
                return channel, True
            channel = self._tcp[way] = await TcpChannel.open(*way, self._patience.connecting)
            _shed(self._tcp)
            return channel, False

    def _note(self, server: Server, messages: list[Message], began: float) -> list[Message]:
        now = clock.monotonic()
        before = self._pace.get(server.address, (now - began, now))[0]
        self._pace[server.address] = (_OLD_SHARE * before + (1 - _OLD_SHARE) * (now - began), now)
        return messages

    def _expected(self, address: str) -> float:
        """Seconds that an answer is likely to take; a failure is forgotten in the time that it counts for."""
        seconds, then = self._pace.get(address, (_UNKNOWN_SECONDS, 0.0))
        return max(seconds - (clock.monotonic() - then), 0.0) if seconds > 1 else seconds


def _busy(messages: Sequence[Message]) -> bool:
    """The server has had enough of us by UDP."""
    return messages[-1].header.response_code == codes.RC_SERVER_BUSY


def _shed(channels: dict[Way, UdpChannel] | dict[Way, TcpChannel]) -> None:
    while len(channels) > _KEPT:
        channels.pop(next(iter(channels))).close()


def _reason(error: Exception) -> str:
    return "no answer" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
