"""One end device as a source: what it says becomes rows."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from lineshaft.core import clock, quality
from lineshaft.core.errors import InvalidInput, LineshaftError
from lineshaft.edge import raw
from lineshaft.edge.columns import MISSING, Columns
from lineshaft.edge.driver import Block, Plan, Sink, Tools, Write, Written
from lineshaft.edge.drivers.http import faults, scalars
from lineshaft.edge.drivers.lorawan import downlinks, forwarder
from lineshaft.edge.drivers.lorawan.downlinks import Downlink
from lineshaft.edge.drivers.lorawan.gwmp import Received
from lineshaft.edge.drivers.lorawan.node import Message, Node
from lineshaft.edge.drivers.lorawan.payload import Decoder
from lineshaft.edge.drivers.lorawan.sessions import Sessions
from lineshaft.edge.gaps import Gap
from lineshaft.edge.guard.operation import Operation


class LorawanSource:
    """Implements `Source` and `Writer`."""

    def __init__(self, plan: Plan, tools: Tools) -> None:
        self._plan = plan
        self._device = plan.device
        self._tools = tools
        parts = urlsplit(plan.device.endpoint)
        self._place = (parts.hostname or "", parts.port or 0)
        self._decoders = [
            (index, plan.points[index], Decoder(plan.points[index].address))
            for block in plan.blocks
            for index in block.points
            if plan.points[index].access == "read"
        ]
        self._sink: Sink | None = None
        self._lost: asyncio.Future[LineshaftError] | None = None
        self._node: Node | None = None
        self._forwarder: forwarder.Forwarder | None = None
        self._complained: set[int] = set()

    @property
    def node(self) -> Node:
        assert self._node is not None
        return self._node

    @property
    def counts(self) -> Counter[str]:
        """Of the device's frames, and of what else came to the socket."""
        return self.node.counts + (self._forwarder.counts if self._forwarder is not None else Counter())

    async def open(self) -> None:
        """Listen.

        Raises:
            Unavailable: the address is taken. NotFound, Corrupt, Forbidden, InvalidInput: keys or session. Conflict: a
                device of the same DevEUI is there.
        """
        await self.close()
        if self._tools.folder is None:
            raise faults.unreachable(self._device, "there is no folder here to keep its session in")
        options = self._plan.options
        sessions = Sessions(self._tools.folder / "lorawan")
        self._lost = asyncio.get_running_loop().create_future()
        self._node = Node(options, self._tools.secrets.get(options.secret), sessions)
        try:
            self._forwarder = await forwarder.register(*self._place, self)
        except OSError as error:
            raise faults.unreachable(self._device, f"it cannot be listened there: {error}") from error
        except ValueError as error:
            raise faults.unusable(self._device, str(error)) from error

    async def subscribe(self, sink: Sink) -> None:
        self._sink = sink

    async def read(self, block: Block) -> Columns:  # nothing can be asked of a device that sleeps
        return Columns(1)

    async def lost(self) -> LineshaftError:
        assert self._lost is not None
        return await asyncio.shield(self._lost)

    async def close(self) -> None:
        self._sink = None
        if self._node is not None:
            self._node.close()
        forwarder.withdraw(*self._place, self)

    def hear(self, message: Message, heard: Received) -> None:
        """A proven message: a row for every point whose expression is for its port."""
        if self._sink is None:
            return
        ts = _source_time(heard)
        columns = Columns(max(len(self._decoders), 1))
        for index, point, decoder in self._decoders:
            if decoder.port is not None and decoder.port != message.port:
                continue
            try:
                value = decoder.decode(message.data, message.port, heard.rssi, heard.lsnr)
            except InvalidInput as error:
                self._complain(index, error.message)
                columns.add(index, ts, MISSING, quality.BAD_DECODING)
                continue
            sample = scalars.fit(point, value)
            if sample.problem:
                self._complain(index, sample.problem)
            scalars.add(columns, index, ts, sample)
        if self._sink.doubtful:
            self._sink.confirm(columns)
        else:
            self._sink.take(columns)

    def miss(self, heard: Received, reason: str) -> None:
        """A proven message that could not be taken."""
        if self._sink is not None:
            ts = _source_time(heard)
            self._sink.gap(Gap(cause="dropped", from_ts=ts, to_ts=ts, rows=0, detail=reason))

    # -- writing --------------------------------------------------------------------------------------------------------

    def operations(self, writes: Sequence[Write]) -> list[Operation]:
        """One `downlink` each, its space the port."""
        return [self._operation(write) for write in writes]

    def _operation(self, write: Write) -> Operation:
        point = self._plan.points[write.point]
        port, _ = self._payload(write)
        judged = () if isinstance(write.value, str) else (write.value,)
        return Operation.of(
            judged, protocol="lorawan", device=self._device.name, function="downlink", space=f"port{port}",
            node=point.address, points=(point.name,),
        )  # fmt: skip

    def _payload(self, write: Write) -> tuple[int, bytes]:
        point = self._plan.points[write.point]
        target = downlinks.read_target(point.address)
        return target.port, target.head + raw.encode(point, write.value)

    async def write(self, writes: Sequence[Write]) -> list[Written]:
        """Send one after another, each when the device was heard. Behind one that is lost, none is sent.

        Raises:
            Unavailable: the device is not listened to.
        """
        payloads = [self._payload(write) for write in writes]
        if self._sink is None or self._node is None:
            raise faults.unreachable(self._device, "it is not listened to")
        written: list[Written] = []
        for port, payload in payloads:
            if written and written[-1].lost:
                written += [Written(q=quality.BAD_NOT_CONNECTED, detail="not sent")] * (len(writes) - len(written))
                break
            written.append(await self._write(self._node, port, payload))
        return written

    async def _write(self, node: Node, port: int, payload: bytes) -> Written:
        options = self._plan.options
        downlink = Downlink(port, payload, confirmed=options.downlinks == "confirmed")
        node.send(downlink)
        try:
            return await asyncio.wait_for(downlink.done, options.downlink_seconds)
        except TimeoutError:
            if downlink.sent:
                return Written(q=quality.BAD_TIMEOUT, detail="the device was not heard after it", lost=True)
            words = f"not sent: the device was not heard for {options.downlink_seconds:g} s"
            return Written(q=quality.BAD_TIMEOUT, detail=words)
        finally:
            node.forget(downlink)

    def _complain(self, index: int, reason: str) -> None:
        """Log the first time that a point's expression fails; the rows' quality says it every time."""
        if index not in self._complained:
            self._complained.add(index)
            name = self._plan.points[index].name
            self._tools.log.warning("edge_payload_doubtful", device=self._device.name, point=name, reason=reason)


def _source_time(heard: Received) -> int:
    """When the gateway heard it, by its own clock where it has one, else now."""
    try:
        return clock.parse_time(heard.time) if heard.time[:1].isdigit() else clock.now_us()
    except InvalidInput:
        return clock.now_us()
