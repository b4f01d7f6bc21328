"""The topics of one broker as a source: messages come, commands go."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from collections.abc import Mapping as AnyMapping
from typing import Any, Final

import msgspec

from lineshaft.bus import Gap
from lineshaft.core import clock, quality
from lineshaft.core.errors import LineshaftError, Unavailable
from lineshaft.edge.address_space import BrowsePage, BrowseRequest, BrowseState, Found
from lineshaft.edge.columns import Columns
from lineshaft.edge.driver import Block, Plan, Sink, Tools, Write, Written
from lineshaft.edge.drivers.mqtt.address import Path, Selector, read_address
from lineshaft.edge.drivers.mqtt.broker import Broker
from lineshaft.edge.drivers.mqtt.decoding import Decoder, Target, Undecodable
from lineshaft.edge.drivers.mqtt.looking import Looking
from lineshaft.edge.drivers.mqtt.mapping import Mapping
from lineshaft.edge.drivers.mqtt.options import MqttOptions
from lineshaft.edge.drivers.mqtt.writing import cannot_hold, named_operation
from lineshaft.edge.guard.operation import Operation

_ROWS_AT_ONCE: Final = 4000
_BAD_NOT_CONNECTED: Final = 0x808A0000


class MqttSource:
    """Implements `Source`, `Browser` and `Writer`."""

    def __init__(self, plan: Plan, tools: Tools) -> None:
        options: MqttOptions = plan.options
        self._plan, self._options, self._log = plan, options, tools.log
        self._addresses = [read_address(point.address) for point in plan.points]
        self._mapping = Mapping(plan.points, self._addresses)
        self._decoder = Decoder(options)
        self._broker = Broker(
            plan.device.name, plan.device.endpoint, options, tools.secrets, self._receive,
            version=options.version, client_id=options.client_id, clean=options.clean,
        )  # fmt: skip
        self._broker.on_oversized = self._refuse
        self._sink: Sink | None = None
        self._columns = Columns(256)
        self._scheduled = False
        self._complained: set[str] = set()
        self._looking: Looking | None = None

    # -- connecting -----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect and sign in. A session that the broker kept sends what it holds from now on: it waits in the columns."""
        await self._broker.connect()

    async def subscribe(self, sink: Sink) -> None:
        self._sink = sink
        self._deliver()
        await self._broker.subscribe([(topic, self._options.qos) for topic in self._mapping.filters()])

    async def read(self, block: Block) -> Columns:
        """Brokers are not polled; the plan refuses such groups."""
        raise Unavailable(
            "edge.device_lost", f"{block.group.name} cannot be polled", device=self._plan.device.name, reason=""
        )

    async def lost(self) -> LineshaftError:
        error = await self._broker.lost()
        self._deliver()
        self._sink = None
        return error

    async def close(self) -> None:
        await self._broker.close()
        self._deliver()
        self._sink = None

    # -- what comes -------------------------------------------------------------------------------------------------------

    def _receive(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001  # the broker calls it so
        if self._looking is not None:
            self._looking.take(topic, payload)
        targets = self._mapping.targets(topic)
        if not targets:
            return
        try:
            self._decoder.read(payload, targets, self._columns, retained=retained)
        except Undecodable as error:
            self._spoil(topic, targets, str(error))
        if self._columns.rows >= _ROWS_AT_ONCE:
            self._deliver()
        elif self._columns.rows and not self._scheduled:  # what is read from the socket at once goes on at once
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        if self._sink is not None and self._columns.rows:
            self._sink.take(self._columns)
            self._columns.clear()

    def _refuse(self, topic: str) -> None:
        targets = self._mapping.targets(topic)
        if targets:
            self._spoil(topic, targets, f"it is longer than {self._options.payload_bytes} bytes")

    def _spoil(self, topic: str, targets: list[Target], reason: str) -> None:
        """A message that cannot be read: its points are bad, and values are known to be missing."""
        now = clock.now_us()
        for target in targets:
            self._columns.add(target.point, now, now, quality.BAD_DECODING)
        if self._sink is not None:
            detail = f"{self._plan.device.name}: a message of {topic} cannot be read: {reason}"
            self._sink.gap(Gap(cause="undecodable", from_ts=now, to_ts=now, detail=detail))
        if topic not in self._complained and len(self._complained) < _ROWS_AT_ONCE:
            self._complained.add(topic)
            self._log.warning("mqtt_message_undecodable", device=self._plan.device.name, topic=topic, reason=reason)

    # -- writing ----------------------------------------------------------------------------------------------------------

    def operations(self, writes: Sequence[Write]) -> list[Operation]:
        """A `publish` each.

        Raises:
            InvalidInput: a value that the point's kind is not.
        """
        for write in writes:
            self._command(write)
        return [named_operation(self._plan, write, "publish") for write in writes]

    async def write(self, writes: Sequence[Write]) -> list[Written]:
        """Publish each with QoS 1; acknowledged by the broker counts as taken.

        Raises:
            Unavailable: there is no connection, nothing was sent.
        """
        done: list[Written] = []
        for write in writes:
            topic, payload = self._command(write)
            if not self._broker.connected and done:
                done.append(Written(q=_BAD_NOT_CONNECTED, detail="the connection broke before it was sent"))
                continue
            sent = self._broker.connected
            try:
                await self._broker.publish(topic, payload, qos=1)
            except Unavailable as error:
                if not sent:
                    raise
                done.append(Written(lost=True, detail=error.message))
            else:
                done.append(Written(detail=f"acknowledged by the broker for {topic}"))
        return done

    def _command(self, write: Write) -> tuple[str, bytes]:
        """Topic and payload of a write."""
        point, address = self._plan.points[write.point], self._addresses[write.point]
        value = write.value
        is_text = isinstance(value, str)
        if is_text != (point.kind == "text"):
            raise cannot_hold(self._plan, write, f"the point is a {point.kind}")
        if point.kind == "boolean":
            if value not in (0, 1):
                raise cannot_hold(self._plan, write, "the point is a boolean")
            value = bool(value)
        elif point.kind == "integer" and not is_text:
            if value != value // 1:  # type: ignore[operator]
                raise cannot_hold(self._plan, write, "the point is an integer")
            value = int(value)
        topic = self._options.command_of(point.name, address.topic)
        if not topic:
            raise cannot_hold(self._plan, write, "nothing says to which topic its commands go")
        shaped = _nest(value, address.path) if self._options.command_shape == "object" else value
        return topic, _encode(shaped, self._options.format)

    # -- looking around -----------------------------------------------------------------------------------------------------

    async def browse(self, request: BrowseRequest, state: BrowseState) -> AsyncIterator[BrowsePage]:
        """Listen to every topic below `root`, a topic filter, for `listen_seconds`; what was heard is one page."""
        root = request.root or "#"
        found = await self._listen([root], min(request.seconds, self._options.listen_seconds))
        if len(found) > request.nodes:
            found, state.stopped = found[: request.nodes], "nodes"
        state.begun, state.found = True, len(found)
        yield BrowsePage(found=found, seen=len(found), pending=0, beyond=0, stopped=state.stopped)

    async def inspect(self, addresses: Sequence[str]) -> list[Found]:
        """Listen to the addresses' topics; one on which nothing came is no mistake."""
        answers: dict[str, Found] = {}
        topics: list[str] = []
        for text in addresses:
            try:
                topics.append(read_address(text).topic)
            except ValueError as error:
                answers[text] = Found(address=text, name="", refused=str(error))
        seconds = self._options.listen_seconds
        heard = {each.address: each for each in await self._listen(sorted(set(topics)), seconds)} if topics else {}
        silent = f"no message with it came in {seconds:g} s"
        return [
            answers.get(text) or heard.get(text) or Found(address=text, name=text, description=silent)
            for text in addresses
        ]

    async def about(self) -> AnyMapping[str, str]:
        return {
            "broker": self._plan.device.endpoint, "MQTT": self._options.version, "format": self._options.format,
            "oversized": str(self._broker.oversized),
        }  # fmt: skip

    async def _listen(self, filters: list[str], seconds: float) -> list[Found]:
        looking = self._looking = Looking(self._options.format)
        try:
            await self._broker.subscribe([(each, 0) for each in filters])
            await asyncio.sleep(seconds)
        finally:
            self._looking = None
        return looking.found()


def _nest(value: Any, path: Path) -> Any:
    """An object, or objects in each other, with the value where the pointer leads."""
    for level in reversed(path):
        value = {level.key: level.value, "value": value} if isinstance(level, Selector) else {level: value}
    return value


def _encode(value: Any, format_name: str) -> bytes:
    if format_name == "text":
        return (str(value).lower() if isinstance(value, bool) else str(value)).encode()
    if format_name == "json":
        return msgspec.json.encode(value)
    import cbor2

    return bytes(cbor2.dumps(value))
