"""What a host knows of one edge node (specification 3.0, 5): its births, its place in the sequence, whether it lives.

Messages carry a sequence number over the node and all its devices. One that comes too early waits for those before it;
where they do not come within the reorder window, what waited is taken, the loss is told as a gap, and the node is asked
to give all births again. The same where something was not in a birth, or came before any.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol

from lineshaft.bus import Gap
from lineshaft.core import clock, logs
from lineshaft.edge.columns import Columns
from lineshaft.edge.drivers.sparkplug.payloads import SEQUENCE, find_bd_seq
from lineshaft.edge.drivers.sparkplug.schema import read_payload
from lineshaft.edge.drivers.sparkplug.table import MetricTable
from lineshaft.edge.drivers.sparkplug.topics import Topic

REBIRTH_SECONDS: Final = 5.0
"""A node is asked for its births at most so often."""
UNBORN_SECONDS: Final = 10.0
"""How long after a node's birth its devices may take to be born again."""


class Listener(Protocol):
    """Who wants to know of one device, or of the node itself. Calls are short; columns may be changed."""

    def born(self, table: MetricTable, columns: Columns) -> None:
        """A birth, with the values in it; keys are slots of the table."""

    def data(self, table: MetricTable, columns: Columns) -> None: ...

    def died(self, reason: str) -> None: ...

    def gap(self, gap: Gap) -> None: ...


class NodeSession:
    """One edge node as a host sees it.

    Args:
        ask: sends the node a rebirth request.
    """

    def __init__(self, group: str, node: str, reorder_seconds: float, ask: Callable[[], None]) -> None:
        self.group, self.node = group, node
        self.reorder_seconds = reorder_seconds
        self.births: dict[str, MetricTable] = {}
        """By device; the node's own under the empty name. Without that one the node is offline."""
        self.bd_seq: int | None = None
        self.born_us = 0
        self.counts: Counter[str] = Counter()
        self._ask = ask
        self._listeners: dict[str, list[Listener]] = {}
        self._expected = 0
        self._early: dict[int, tuple[Topic, Any, bytes]] = {}
        self._newest_us = 0
        self._asked = -REBIRTH_SECONDS
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._columns = Columns(256)
        self._log = logs.get("edge")

    @property
    def online(self) -> bool:
        return "" in self.births

    # -- who listens ----------------------------------------------------------------------------------------------------

    def add(self, device: str, listener: Listener) -> None:
        self._listeners.setdefault(device, []).append(listener)

    def remove(self, device: str, listener: Listener) -> bool:
        """Forget a listener; whether nobody is left."""
        listeners = self._listeners.get(device, [])
        if listener in listeners:
            listeners.remove(listener)
        return not any(self._listeners.values())

    def _tell(self, device: str, tell: Callable[[Listener, Columns], None]) -> None:
        """Hand the rows that were just read to everybody who listens to the device; each may change its own."""
        listeners = self._listeners.get(device, ())
        rows = self._columns.rows
        for number, listener in enumerate(listeners):
            alone = number == len(listeners) - 1
            tell(listener, self._columns if alone else self._columns.part(0, rows))

    # -- what comes -----------------------------------------------------------------------------------------------------

    def take(self, topic: Topic, data: bytes) -> None:
        """One message of the node or of a device of it."""
        payload = read_payload(data)
        if payload is None:
            self._undecodable(topic)
            return
        if topic.type == "NBIRTH":
            self._node_born(payload, data)
        elif topic.type == "NDEATH":
            self._node_died(payload)
        elif not self.online:
            self.counts["before_birth"] += 1
            self.ask_rebirth()
        elif not payload.HasField("seq"):
            self.counts["unnumbered"] += 1
            self._handle(topic, payload, data)
        else:
            self._order(topic, payload, data)

    def ask_rebirth(self) -> None:
        """Ask for all births: now, or as soon as it may be asked again."""
        wait = self._asked + REBIRTH_SECONDS - clock.monotonic()
        if wait > 0:
            self._later("rebirth", wait, self.ask_rebirth)
            return
        self._asked = clock.monotonic()
        self.counts["rebirths_asked"] += 1
        self._ask()

    def forget(self, reason: str) -> None:
        """Our own connection was lost: what we knew may no longer be so."""
        self._cancel(*list(self._timers))
        self._asked = -REBIRTH_SECONDS
        self._early.clear()
        self._all_died(reason)

    def close(self) -> None:
        """Stop all timers."""
        self._cancel(*list(self._timers))

    # -- births and deaths ------------------------------------------------------------------------------------------------

    def _node_born(self, payload: Any, data: bytes) -> None:
        bd_seq = find_bd_seq(payload)
        if self.online and bd_seq != self.bd_seq:
            self._all_died("the edge node began a new session")
        self._settle_early()
        before = set(self.births) - {""}
        self.births = {}
        self.bd_seq, self.born_us = bd_seq, clock.now_us()
        self._expected = (payload.seq + 1) % SEQUENCE
        self._cancel("rebirth")
        self._born("", payload, data)
        if before:
            self._later("unborn", UNBORN_SECONDS, lambda: self._not_born_again(before))

    def _born(self, device: str, payload: Any, data: bytes) -> None:
        table = MetricTable(payload, data)
        self.births[device] = table
        self._columns.clear()
        table.read(payload, data, self._columns)
        self._newest_us = clock.now_us()
        self._log.info(
            "sparkplug_born",
            group=self.group,
            node=self.node,
            device=device,
            metrics=len(table.names),
            bd_seq=self.bd_seq,
        )
        self._tell(device, lambda listener, columns: listener.born(table, columns))

    def _node_died(self, payload: Any) -> None:
        bd_seq = find_bd_seq(payload)
        if not self.online:
            return
        if bd_seq is not None and self.bd_seq is not None and bd_seq != self.bd_seq:
            self.counts["stale_deaths"] += 1  # the will of an earlier connection of the node
            return
        self._settle_early()
        self._all_died("the edge node is offline")

    def _all_died(self, reason: str) -> None:
        self._cancel("reorder", "unborn")
        self.births, self.bd_seq = {}, None
        for listeners in list(self._listeners.values()):
            for listener in list(listeners):
                listener.died(reason)

    def _device_died(self, device: str, reason: str) -> None:
        self.births.pop(device, None)
        for listener in list(self._listeners.get(device, ())):
            listener.died(reason)

    def _not_born_again(self, before: set[str]) -> None:
        for device in before - set(self.births):
            self._device_died(device, "the edge node was born again without this device")

    # -- the sequence -----------------------------------------------------------------------------------------------------

    def _order(self, topic: Topic, payload: Any, data: bytes) -> None:
        ahead = (payload.seq - self._expected) % SEQUENCE
        if ahead == 0:
            self._step(topic, payload, data)
            while (waiting := self._early.pop(self._expected, None)) is not None:
                self._step(*waiting)
            if not self._early:
                self._cancel("reorder")
        elif ahead < SEQUENCE // 2:
            self.counts["early"] += 1
            self._early[payload.seq % SEQUENCE] = (topic, payload, data)
            if "reorder" not in self._timers:
                self._later("reorder", self.reorder_seconds, self._give_up)
        else:
            self.counts["late"] += 1
            if topic.type in ("NDATA", "DDATA"):  # its values have their own times
                self._handle(topic, payload, data)
            self.ask_rebirth()

    def _step(self, topic: Topic, payload: Any, data: bytes) -> None:
        self._expected = (payload.seq + 1) % SEQUENCE
        self._handle(topic, payload, data)

    def _give_up(self) -> None:
        """The reorder window is over: take what waited, say what is missing, and have everything told again."""
        self._settle_early()
        self.ask_rebirth()

    def _settle_early(self) -> None:
        """Take the messages that waited for others which did not come."""
        if not self._early:
            return
        self._cancel("reorder")
        waiting = sorted(self._early.values(), key=lambda each: (each[1].seq - self._expected) % SEQUENCE)
        self._early = {}
        last = waiting[-1][1].seq
        missing = (last - self._expected) % SEQUENCE + 1 - len(waiting)
        self._tell_gap("sequence", f"{missing} messages of edge node {self.group}/{self.node} never came")
        for each in waiting:
            self._step(*each)

    # -- single messages --------------------------------------------------------------------------------------------------

    def _handle(self, topic: Topic, payload: Any, data: bytes) -> None:
        device = topic.device
        if topic.type == "DBIRTH":
            self._born(device, payload, data)
            return
        if topic.type == "DDEATH":
            self._device_died(device, "the device is offline, says its edge node")
            return
        table = self.births.get(device)
        if table is None:
            self.counts["before_birth"] += 1
            self.ask_rebirth()
            return
        self._columns.clear()
        unknown = table.read(payload, data, self._columns)
        self._newest_us = clock.now_us()
        self._tell(device, lambda listener, columns: listener.data(table, columns))
        if unknown:
            self.counts["unknown_metrics"] += len(unknown)
            self._log.warning(
                "sparkplug_unknown_metrics", group=self.group, node=self.node, device=device, metrics=unknown[:5]
            )
            self.ask_rebirth()

    def _undecodable(self, topic: Topic) -> None:
        self.counts["undecodable"] += 1
        self._tell_gap("undecodable", f"a {topic.type} of {self.group}/{self.node} is no Sparkplug payload")
        self.ask_rebirth()

    def _tell_gap(self, cause: Any, detail: str) -> None:
        now = clock.now_us()
        gap = Gap(cause=cause, from_ts=min(self._newest_us or now, now), to_ts=now, detail=detail)
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.gap(gap)

    # -- timers -----------------------------------------------------------------------------------------------------------

    def _later(self, name: str, seconds: float, do: Callable[[], None]) -> None:
        def run() -> None:
            self._timers.pop(name, None)
            do()

        self._cancel(name)
        self._timers[name] = asyncio.get_running_loop().call_later(seconds, run)

    def _cancel(self, *names: str) -> None:
        for name in names:
            timer = self._timers.pop(name, None)
            if timer is not None:
                timer.cancel()
