"""The socket that packet forwarders send to: one per address and process, shared by all devices heard there."""

import asyncio
import contextlib
from collections import Counter
from typing import Any, Final, Protocol, cast
from weakref import WeakKeyDictionary

from lineshaft.edge.drivers.lorawan import frames, gwmp
from lineshaft.edge.drivers.lorawan.frames import JoinRequest
from lineshaft.edge.drivers.lorawan.gwmp import Received
from lineshaft.edge.drivers.lorawan.node import Message, Node, Outcome

_TOKENS: Final = 2**16


class Listener(Protocol):
    """A device, and who wants its messages."""

    @property
    def node(self) -> Node: ...

    def hear(self, message: Message, heard: Received) -> None:
        """A message that was proven; short, and never waits."""


class Forwarder(asyncio.DatagramProtocol):
    """Takes datagrams of the gateways that some device names; all others are dropped and counted."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.counts: Counter[str] = Counter()
        self._transport: asyncio.DatagramTransport | None = None
        self._ways: dict[str, tuple[Any, ...]] = {}
        """Where each gateway asked for downlinks from last."""
        self._token = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # until Python 3.12 it is none by its type

    def error_received(self, exc: Exception) -> None:  # as asyncio names it
        self.counts["socket_errors"] += 1

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        try:
            datagram = gwmp.read(data)
            if not any(datagram.gateway in each.node.options.gateways for each in self.listeners):
                self.counts["foreign_gateways"] += 1
                return
            packets = gwmp.received(datagram.body) if datagram.kind == gwmp.PUSH_DATA else []
        except ValueError:
            self.counts["undecodable_datagrams"] += 1
            return
        answer = gwmp.answer(datagram)
        if answer is not None:
            self._send(answer, addr)
        if datagram.kind == gwmp.PULL_DATA:
            self._ways[datagram.gateway] = addr
        elif datagram.kind == gwmp.TX_ACK and gwmp.refusal(datagram.body):
            self.counts["downlinks_refused"] += 1
        for packet in packets:
            self._packet(packet, datagram.gateway)

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()

    def _packet(self, heard: Received, gateway: str) -> None:
        if not heard.usable:
            self.counts["damaged_packets"] += 1
            return
        try:
            data = heard.payload()
            frame = frames.read(data)
        except ValueError:
            self.counts["undecodable_frames"] += 1
            return
        listeners = [each for each in self.listeners if gateway in each.node.options.gateways]
        if isinstance(frame, JoinRequest):
            self._join(frame, data, heard, gateway, listeners)
            return
        named = [each for each in listeners if frame.address in each.node.addresses]
        for listener in named:
            outcome = listener.node.uplink(frame, data, heard)
            if outcome is not None:
                self._reply(outcome, gateway)
                if outcome.message is not None:
                    listener.hear(outcome.message, heard)
                return
        if not named:
            self.counts["foreign_frames"] += 1
        for listener in named:
            listener.node.counts["wrong_mic"] += 1

    def _join(
        self, request: JoinRequest, data: bytes, heard: Received, gateway: str, listeners: list[Listener]
    ) -> None:
        for listener in listeners:
            if listener.node.options.dev_eui == request.dev_eui:
                taken = {address for each in self.listeners for address in each.node.addresses}
                self._reply(listener.node.join(request, data, heard, taken), gateway)
                return
        self.counts["foreign_joins"] += 1

    def _reply(self, outcome: Outcome, gateway: str) -> None:
        """Have the gateway that heard a frame send the answer; without a way to it, the device will ask again."""
        if outcome.reply is None:
            return
        way = self._ways.get(gateway)
        if way is None:
            self.counts["downlinks_without_way"] += 1
            return
        self._token = (self._token + 1) % _TOKENS
        self._send(gwmp.response(self._token, outcome.reply), way)

    def _send(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if self._transport is not None:
            self._transport.sendto(data, addr)


_SHARED: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, int], Forwarder]]] = WeakKeyDictionary()


async def register(host: str, port: int, listener: Listener) -> Forwarder:
    """Listen for a device; the first of an address opens the socket.

    Raises:
        OSError: the address is taken or not ours. ValueError: another device has this DevEUI or this address.
    """
    shared = _SHARED.setdefault(asyncio.get_running_loop(), {})
    forwarder = shared.get((host, port))
    if forwarder is None:
        _, forwarder = await asyncio.get_running_loop().create_datagram_endpoint(Forwarder, local_addr=(host, port))
        shared[(host, port)] = forwarder
    for other in forwarder.listeners:
        if other.node.options.dev_eui == listener.node.options.dev_eui:
            raise ValueError(f"another device has the DevEUI {other.node.options.dev_eui}")
    forwarder.listeners.append(listener)
    return forwarder


def withdraw(host: str, port: int, listener: Listener) -> None:
    """The opposite; with the last device of an address the socket closes."""
    shared = _SHARED.get(asyncio.get_running_loop(), {})
    forwarder = shared.get((host, port))
    if forwarder is None:
        return
    with contextlib.suppress(ValueError):
        forwarder.listeners.remove(listener)
    if not forwarder.listeners:
        del shared[(host, port)]
        forwarder.close()
