"""The socket that packet forwarders send to: one per address and process, shared by all devices heard there."""

import asyncio
import contextlib
from collections import Counter, deque
from typing import Any, Final, NamedTuple, Protocol, cast
from weakref import WeakKeyDictionary

from lineshaft.core import logs
from lineshaft.edge.drivers.lorawan import frames, gwmp
from lineshaft.edge.drivers.lorawan.downlinks import Downlink
from lineshaft.edge.drivers.lorawan.frames import JoinRequest
from lineshaft.edge.drivers.lorawan.gwmp import Received
from lineshaft.edge.drivers.lorawan.node import Message, Node, Outcome

_TOKENS: Final = 2**16
_MOST_HEARD: Final = 10_000
"""Packets that wait to be worked off."""
_LOG: Final = logs.get("edge")


class Listener(Protocol):
    """A device, and who wants its messages."""

    @property
    def node(self) -> Node: ...

    def hear(self, message: Message, heard: Received) -> None:
        """A message that was proven; short, and never waits."""

    def miss(self, heard: Received, reason: str) -> None:
        """A message that was proven and could not be taken."""


class _Settled(NamedTuple):
    """A packet that some device's keys proved."""

    listener: Listener
    outcome: Outcome
    heard: Received
    gateway: str


class Forwarder(asyncio.DatagramProtocol):
    """Takes datagrams of the gateways that some device names; all others are dropped and counted.

    Datagrams are read as they come. Their packets are worked off by a task of its own, as many at a time as there are: the
    counters that they change are on disk, written in a thread, before a value is handed on or an answer leaves.
    """

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.counts: Counter[str] = Counter()
        self._transport: asyncio.DatagramTransport | None = None
        self._ways: dict[str, tuple[Any, ...]] = {}
        """Where each gateway asked for downlinks from last."""
        self._token = 0
        self._heard: deque[tuple[Received, str]] = deque()
        self._arrived = asyncio.Event()
        self._worker = asyncio.create_task(self._work(), name="lorawan forwarder")
        self._transmitting: dict[int, Downlink] = {}
        """Writes that a gateway was asked to transmit, by token."""

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
        elif datagram.kind == gwmp.TX_ACK:
            self._transmitted(datagram)
        for packet in packets:
            if len(self._heard) >= _MOST_HEARD:
                self.counts["packets_beyond"] += 1
                continue
            self._heard.append((packet, datagram.gateway))
            self._arrived.set()

    def close(self) -> None:
        """Close the socket."""
        self._worker.cancel()
        if self._transport is not None:
            self._transport.close()

    def _transmitted(self, datagram: gwmp.Datagram) -> None:
        """A gateway says what became of an answer of ours."""
        refusal = gwmp.refusal(datagram.body)
        self.counts["downlinks_refused"] += bool(refusal)
        downlink = self._transmitting.pop(int.from_bytes(datagram.token, "big"), None)
        if downlink is not None and refusal:
            downlink.refuse(f"not sent: the gateway says {refusal}")
        elif downlink is not None:
            downlink.transmitted()

    # -- packets --------------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            settled: list[_Settled] = []
            while self._heard:
                settled += self._settle(*self._heard.popleft())
            reason = await self._save({each.listener.node for each in settled})
            for each in settled:
                if each.listener in self.listeners:
                    self._hand_on(each, reason)

    async def _save(self, nodes: set[Node]) -> str:
        """Have the disk keep what changed; why it could not, empty where it has it."""
        work = {node: save for node in nodes if (save := node.unsaved()) is not None}
        try:
            await asyncio.to_thread(lambda: [save() for save in work.values()])
        except OSError as error:
            self.counts["unsaved_sessions"] += 1
            _LOG.error("edge_lorawan_session_not_saved", reason=str(error))
            return str(error)
        for node in work:
            node.saved()
        return ""

    def _hand_on(self, settled: _Settled, reason: str) -> None:
        """A value to its device and an answer to its gateway; neither, where the counters could not be kept."""
        outcome = settled.outcome
        if not reason:
            self._reply(outcome, settled.gateway)
            if outcome.message is not None:
                settled.listener.hear(outcome.message, settled.heard)
            return
        if outcome.downlink is not None:
            outcome.downlink.refuse(f"not sent: {reason}")
        if outcome.message is not None:
            settled.listener.miss(settled.heard, f"the session could not be saved: {reason}")

    def _settle(self, heard: Received, gateway: str) -> list[_Settled]:
        """Whose packet it is; nobody's where nobody's keys prove it."""
        if not heard.usable:
            self.counts["damaged_packets"] += 1
            return []
        try:
            data = heard.payload()
            frame = frames.read(data)
        except ValueError:
            self.counts["undecodable_frames"] += 1
            return []
        listeners = [each for each in self.listeners if gateway in each.node.options.gateways]
        if isinstance(frame, JoinRequest):
            return self._join(frame, data, heard, gateway, listeners)
        named = [each for each in listeners if frame.address in each.node.addresses]
        for listener in named:
            outcome = listener.node.uplink(frame, data, heard)
            if outcome is not None:
                return [_Settled(listener, outcome, heard, gateway)]
        if not named:
            self.counts["foreign_frames"] += 1
        for listener in named:
            listener.node.counts["wrong_mic"] += 1
        return []

    def _join(
        self, request: JoinRequest, data: bytes, heard: Received, gateway: str, listeners: list[Listener]
    ) -> list[_Settled]:
        for listener in listeners:
            if listener.node.options.dev_eui == request.dev_eui:
                taken = {address for each in self.listeners for address in each.node.addresses}
                return [_Settled(listener, listener.node.join(request, data, heard, taken), heard, gateway)]
        self.counts["foreign_joins"] += 1
        return []

    def _reply(self, outcome: Outcome, gateway: str) -> None:
        """Have the gateway that heard a frame send the answer; without a way to it, the device will ask again."""
        if outcome.reply is None:
            return
        way = self._ways.get(gateway)
        if way is None:
            self.counts["downlinks_without_way"] += 1
            if outcome.downlink is not None:
                outcome.downlink.refuse("not sent: the gateway that heard the device asks for no downlinks")
            return
        self._token = (self._token + 1) % _TOKENS
        self._transmitting.pop(self._token, None)
        if outcome.downlink is not None:
            outcome.downlink.sent = True
            self._transmitting[self._token] = outcome.downlink
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
