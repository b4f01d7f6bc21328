"""A Sparkplug edge node (specification 3.0, 5.4): offers metrics of its own and of devices to somebody else's host.

What is offered is fixed when the node is made; `update` gives new values at any time. While there is no session, or the
primary host is away, they are kept, and sent as historical once it is there. Data go with QoS 0, as the specification
says: what was sent shortly before a connection was found broken is therefore sent once more, with its own times.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from lineshaft.core import clock, logs
from lineshaft.core.errors import LineshaftError, Unavailable
from lineshaft.core.home import write_file
from lineshaft.edge.admission import Admission
from lineshaft.edge.driver import Faults
from lineshaft.edge.drivers.mqtt.broker import Broker, BrokerOptions, Will
from lineshaft.edge.drivers.sparkplug.datatypes import DataType, scalar
from lineshaft.edge.drivers.sparkplug.payloads import REBIRTH, SEQUENCE, OutMetric, control_metrics, death, encode
from lineshaft.edge.drivers.sparkplug.schema import read_payload
from lineshaft.edge.drivers.sparkplug.state import HostState
from lineshaft.edge.drivers.sparkplug.topics import MessageType, Topic, id_fault, read_topic, state_topic
from lineshaft.edge.secrets import Secrets
from lineshaft.edge.tasks import end

_METRICS_PER_MESSAGE: Final = 1000
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 30.0
_SENT_AGAIN_KEEP_ALIVES: Final = 2.0

OnCommand = Callable[[str, str, Any], None]
"""Called with device (empty: the node), metric and value of each command that can be read; short, and never waits."""


class NodeOptions(BrokerOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who an edge node is, and which host it waits for."""

    group_id: str
    edge_node_id: str
    primary_host_id: str = ""
    """Births and data wait until this host says that it is online; empty: for nobody."""
    store_values: Annotated[int, Meta(ge=0, le=10_000_000)] = 100_000
    """Values kept while there is no session; the oldest go first, and are counted."""

    def judge(self, endpoint: str, faults: Faults) -> None:
        """Note what cannot be."""
        super().judge(endpoint, faults)
        for name in ("group_id", "edge_node_id", "primary_host_id"):
            text = getattr(self, name)
            fault = id_fault(text)
            if fault and (text or name != "primary_host_id"):
                faults.add(f"options.{name}", text, fault)


class NodeMetric(msgspec.Struct, frozen=True, kw_only=True):
    """A metric that the node will offer."""

    name: str
    datatype: DataType
    unit: str = ""


class _Sample(msgspec.Struct, frozen=True):
    device: str
    name: str
    value: Any
    ts_us: int
    quality: int | None


class EdgeNode:
    """One edge node; `start` it, `update` it, `close` it.

    Args:
        metrics: by device; the node's own under the empty name.
        state_file: where the number of the last session is kept: it goes on over restarts.
        on_command: what to do with commands; None: they are counted and dropped.
        admission: asked before each connection whether the zones admit the broker; None: they do.

    Raises:
        ValueError: two metrics of a device have one name, or a device's id cannot be one.
    """

    def __init__(
        self, endpoint: str, options: NodeOptions, metrics: Mapping[str, Sequence[NodeMetric]], *, secrets: Secrets,
        state_file: Path, on_command: OnCommand | None = None, admission: Admission | None = None,
    ) -> None:  # fmt: skip
        self.counts: Counter[str] = Counter()
        """Since it was made: messages by type, values stored and dropped, commands taken and refused."""
        self.trouble: LineshaftError | None = None
        """Why there is no session now."""
        self._options, self._on_command = options, on_command
        self._metrics = {device: {each.name: each for each in offered} for device, offered in metrics.items()}
        self._metrics.setdefault("", {})
        _check(metrics)
        numbers = iter(range(1, 1 + sum(len(offered) for offered in self._metrics.values())))
        self._aliases = {(device, name): next(numbers) for device, offered in self._metrics.items() for name in offered}
        self._by_alias = {alias: key for key, alias in self._aliases.items()}
        self._newest: dict[tuple[str, str], _Sample] = {}
        self._absent: set[str] = set()
        self._changed: list[_Sample] = []
        self._stored: deque[_Sample] = deque()
        self._sent: deque[tuple[float, list[_Sample]]] = deque()
        self._orders: deque[tuple[MessageType, str]] = deque()
        self._news = asyncio.Event()
        self._host = HostState()
        self._state_file = state_file
        self._born = False
        self._bd_seq = self._seq = 0
        self._admission, self._endpoint = admission, endpoint
        self._broker = Broker(options.edge_node_id, endpoint, options, secrets, self._receive)
        self._task: asyncio.Task[None] | None = None
        self._log = logs.get("edge")

    @property
    def born(self) -> bool:
        """Whether there is a session, with all births sent."""
        return self._born

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.create_task(self._run(), name=f"sparkplug node {self._options.edge_node_id}")

    async def close(self) -> None:
        """End the session with a death certificate."""
        await end(self._task)
        await self._part()

    def update(self, device: str, name: str, value: Any, ts_us: int, quality: int | None = None) -> None:
        """A metric has a new value; None: null.

        Raises:
            KeyError: the node does not offer this metric. ValueError: its datatype cannot hold the value.
        """
        encode([OutMetric(datatype=self._metrics[device][name].datatype, value=value)])
        sample = _Sample(device, name, value, ts_us, quality)
        before = self._newest.get((device, name))
        if before is None or before.ts_us <= ts_us:
            self._newest[device, name] = sample
        if self._born and device not in self._absent:
            self._changed.append(sample)
            self._news.set()
        else:
            self._store(sample)

    def leave(self, device: str) -> None:
        """A device cannot be reached any more."""
        if device not in self._absent:
            self._absent.add(device)
            self._order("DDEATH", device)

    def come(self, device: str) -> None:
        """A device that had left can be reached again."""
        if device in self._absent:
            self._absent.discard(device)
            self._order("DBIRTH", device)

    # -- the session ------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._session()
                pause = _FIRST_PAUSE_SECONDS
            except Exception as error:  # noqa: BLE001  # a full disk, a fault of ours: it must not end the node
                pause = _FIRST_PAUSE_SECONDS if self._born else min(2 * pause, _LONGEST_PAUSE_SECONDS)
                self._in_trouble(error)
                self._keep_what_may_be_lost()
            self._born = False
            await asyncio.sleep(pause)

    def _in_trouble(self, error: Exception) -> None:
        node = self._options.edge_node_id
        if isinstance(error, LineshaftError):
            trouble = error
        else:
            self._log.exception("sparkplug_node_failed", node=node)
            trouble = Unavailable(
                "edge.part_failed", f"the part {node!r} of the gateway failed: {error!r}",
                "The gateway's log has the details; please report them.", part=node, reason=repr(error),
            )  # fmt: skip
        if self.trouble is None or self.trouble.code != trouble.code:
            self._log.warning("sparkplug_node_lost", node=node, code=trouble.code, message=trouble.message)
        self.trouble = trouble

    async def _session(self) -> None:
        """Connect, be born, send until the connection or the primary host is gone."""
        self._bd_seq = await asyncio.to_thread(self._next_bd_seq)
        self._orders.clear()
        self._host.online = False  # until the broker says so in this session
        if self._admission is not None:
            await self._admission.check_endpoint(self._endpoint)
        await self._broker.connect(Will(topic=str(self._topic("NDEATH")), payload=death(self._bd_seq)))
        topics = [str(self._topic("NCMD")), *(str(self._topic("DCMD", device)) for device in self._metrics if device)]
        primary = self._options.primary_host_id
        if primary:
            topics.append(state_topic(primary))
        await self._broker.subscribe([(topic, 1) for topic in topics])
        lost = asyncio.ensure_future(self._broker.lost())
        try:
            while True:
                if primary and not self._host.online:
                    if self._born:
                        self._born = False
                        await self._part()
                        return
                elif not self._born:
                    await self._births()
                    self.trouble = None
                    self._log.info("sparkplug_node_born", node=self._options.edge_node_id, bd_seq=self._bd_seq)
                else:
                    await self._send_news()
                await self._wait(lost)
        finally:
            lost.cancel()

    async def _wait(self, lost: "asyncio.Future[LineshaftError]") -> None:
        """Until there is something to do.

        Raises:
            Unavailable: the connection is gone.
        """
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait((news, lost), return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
        if lost.done():
            raise lost.result()
        self._news.clear()

    async def _part(self) -> None:
        """Say that the session ends, and hang up."""
        if self._broker.connected:
            with contextlib.suppress(LineshaftError):
                await self._broker.publish(str(self._topic("NDEATH")), death(self._bd_seq), qos=1)
        self._born = False
        await self._broker.close()

    def _next_bd_seq(self) -> int:
        """The number of the session to begin: 0 at first, then one more for each, over restarts too; on disk before it is used."""
        try:
            number = (int(self._state_file.read_text()) + 1) % SEQUENCE
        except (FileNotFoundError, ValueError):
            number = 0
        self._state_file.parent.mkdir(parents=True, exist_ok=True)
        write_file(self._state_file, str(number).encode())
        return number

    # -- what goes ----------------------------------------------------------------------------------------------------------

    async def _births(self) -> None:
        """All births, then what was kept meanwhile."""
        self._seq = 0
        own = [*control_metrics(self._bd_seq), *self._birth_metrics("")]
        await self._publish("NBIRTH", "", own)
        for device in self._metrics:
            if device and device not in self._absent:
                await self._publish("DBIRTH", device, self._birth_metrics(device))
        self._born = True
        in_births = {id(sample) for (device, _), sample in self._newest.items() if device not in self._absent}
        stored = [sample for sample in self._stored if id(sample) not in in_births]
        self._stored.clear()
        await self._send(stored, historical=True)
        self._news.set()

    def _birth_metrics(self, device: str) -> list[OutMetric]:
        return [self._birth_metric(device, each) for each in self._metrics[device].values()]

    def _birth_metric(self, device: str, metric: NodeMetric) -> OutMetric:
        sample = self._newest.get((device, metric.name))
        return OutMetric(
            name=metric.name, alias=self._aliases[device, metric.name], datatype=metric.datatype, says_type=True,
            value=sample.value if sample else None, ts_us=sample.ts_us if sample else 0,
            quality=sample.quality if sample else None, unit=metric.unit,
        )  # fmt: skip

    async def _send_news(self) -> None:
        while self._orders:
            kind, device = self._orders.popleft()
            if kind == "NBIRTH":
                changed, self._changed = self._changed, []
                self._stored.extend(changed)
                await self._births()
            else:
                await self._publish(kind, device, self._birth_metrics(device) if kind == "DBIRTH" else [])
        changed, self._changed = self._changed, []
        await self._send(changed)

    async def _send(self, samples: list[_Sample], *, historical: bool = False) -> None:
        """Data messages, in the order of time; what does not leave is kept."""
        by_device: dict[str, list[_Sample]] = {}
        for sample in sorted(samples, key=lambda each: each.ts_us):
            by_device.setdefault(sample.device, []).append(sample)
        pieces = [
            rows[start : start + _METRICS_PER_MESSAGE]
            for rows in by_device.values() for start in range(0, len(rows), _METRICS_PER_MESSAGE)
        ]  # fmt: skip
        while pieces:
            piece = pieces[0]
            device = piece[0].device
            self._remember(piece)
            try:
                metrics = [self._data_metric(sample, historical=historical) for sample in piece]
                await self._publish("DDATA" if device else "NDATA", device, metrics)
            except LineshaftError:
                for rest in pieces[1:]:
                    self._stored.extend(rest)
                raise
            pieces.pop(0)

    def _data_metric(self, sample: _Sample, *, historical: bool) -> OutMetric:
        return OutMetric(
            alias=self._aliases[sample.device, sample.name], datatype=self._metrics[sample.device][sample.name].datatype,
            value=sample.value, ts_us=sample.ts_us, historical=historical, quality=sample.quality,
        )  # fmt: skip

    async def _publish(self, kind: MessageType, device: str, metrics: list[OutMetric]) -> None:
        payload = encode(metrics, seq=self._seq)
        self._seq = (self._seq + 1) % SEQUENCE
        self.counts[kind] += 1
        await self._broker.publish(str(self._topic(kind, device)), payload)

    def _topic(self, kind: MessageType, device: str = "") -> Topic:
        return Topic(self._options.group_id, kind, self._options.edge_node_id, device)

    def _order(self, kind: MessageType, device: str = "") -> None:
        if self._born:
            self._orders.append((kind, device))
            self._news.set()

    # -- what is kept ---------------------------------------------------------------------------------------------------------

    def _store(self, sample: _Sample) -> None:
        self.counts["stored"] += 1
        self._stored.append(sample)
        while len(self._stored) > self._options.store_values:
            self._stored.popleft()
            self.counts["dropped"] += 1

    def _remember(self, samples: list[_Sample]) -> None:
        now = clock.monotonic()
        self._sent.append((now, samples))
        oldest = now - _SENT_AGAIN_KEEP_ALIVES * self._options.keep_alive_seconds
        while self._sent[0][0] < oldest:
            self._sent.popleft()

    def _keep_what_may_be_lost(self) -> None:
        """After a loss: what was sent while the connection may have been dead already."""
        again = [sample for _, samples in self._sent for sample in samples]
        self._sent.clear()
        changed, self._changed = self._changed, []
        for sample in (*again, *changed):
            self._store(sample)

    # -- what comes -----------------------------------------------------------------------------------------------------------

    def _receive(self, topic: str, payload: bytes, _retained: bool) -> None:  # noqa: FBT001  # the broker calls it so
        if topic == state_topic(self._options.primary_host_id):
            if self._host.take(payload):
                self._news.set()
            return
        read = read_topic(topic)
        if read is None or read.type not in ("NCMD", "DCMD"):
            return
        command = read_payload(payload)
        if command is None:
            self.counts["commands_refused"] += 1
            return
        for metric in command.metrics:
            self._take_command(read.device, metric)

    def _take_command(self, device: str, metric: Any) -> None:
        if device == "" and metric.name == REBIRTH:
            if metric.boolean_value:
                self._order("NBIRTH")
            return
        key = (device, metric.name) if metric.name else self._by_alias.get(metric.alias)
        offered = self._metrics.get(device, {}).get(key[1]) if key is not None and key[0] == device else None
        _, value, bad = scalar(metric, offered.datatype) if offered is not None else (0, None, 1)
        if offered is None or bad or self._on_command is None:
            self.counts["commands_refused"] += 1
            return
        self.counts["commands"] += 1
        self._on_command(device, offered.name, value)


def _check(metrics: Mapping[str, Sequence[NodeMetric]]) -> None:
    for device, offered in metrics.items():
        fault = id_fault(device) if device else ""
        if fault:
            raise ValueError(f"device {device!r}: {fault}")
        if len({each.name for each in offered}) != len(offered):
            raise ValueError(f"device {device!r}: two metrics have one name")
