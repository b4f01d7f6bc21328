"""One device of an edge node, or the node itself, as a source: its births, its data, its death, and commands to it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from lineshaft.bus import Gap
from lineshaft.core import clock, quality
from lineshaft.core.errors import InvalidInput, LineshaftError, Unavailable
from lineshaft.edge.address_space import BrowsePage, BrowseRequest, BrowseState, Found
from lineshaft.edge.columns import Columns
from lineshaft.edge.driver import Block, Plan, Sink, Tools, Write, Written
from lineshaft.edge.drivers.mqtt.writing import cannot_hold, named_operation
from lineshaft.edge.drivers.sparkplug.datatypes import BY_CODE, DataType
from lineshaft.edge.drivers.sparkplug.host import HOSTS, Host
from lineshaft.edge.drivers.sparkplug.options import SparkplugOptions
from lineshaft.edge.drivers.sparkplug.payloads import BD_SEQ, OutMetric, encode
from lineshaft.edge.drivers.sparkplug.session import NodeSession
from lineshaft.edge.drivers.sparkplug.table import Facts, MetricTable
from lineshaft.edge.drivers.sparkplug.topics import Topic
from lineshaft.edge.gaps import merge
from lineshaft.edge.guard.operation import Operation

MOST_WAITING: Final = 100_000
"""Rows kept while nobody takes them: between a birth and the subscription that follows it."""
_LONG_WAIT_SECONDS: Final = 600.0
_BROWSE_PAGE: Final = 500
_NAMED_POINTS: Final = 5
_NO_POINT: Final = -1


class SparkplugSource:
    """Implements `Source`, `Browser`, `Writer` and the session's `Listener`."""

    def __init__(self, plan: Plan, tools: Tools) -> None:
        self._plan, self._tools = plan, tools
        self._options: SparkplugOptions = plan.options
        self._points = {point.address: index for index, point in enumerate(plan.points)}
        self._host: Host | None = None
        self._session: NodeSession | None = None
        self._table: MetricTable | None = None
        self._point_of_slot: Any = np.empty(0, np.int32)
        self._alive = asyncio.Event()
        self._death: asyncio.Future[str] | None = None
        self._sink: Sink | None = None
        self._waiting = Columns(256)
        self._gaps: list[Gap] = []
        self._was_offline = False

    # -- connecting -----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Be connected to the broker and have the device's birth.

        Raises:
            Unavailable: no broker, or no birth. It is waited for longer where it did not come the last time either.
        """
        options = self._options
        if self._host is None:
            self._host = HOSTS.take(self._plan.device.name, self._plan.device.endpoint, options, self._tools)
        await self._host.connect()
        if self._session is None:
            self._session = await self._host.join(options.group_id, options.edge_node_id, options.device_id, self)
        if self._death is None or self._death.done():
            self._death = asyncio.get_running_loop().create_future()
        wait = _LONG_WAIT_SECONDS if self._was_offline else options.birth_seconds
        await self._wait_for_birth(wait)

    async def subscribe(self, sink: Sink) -> None:
        """Give what came since the birth, and from now on everything at once."""
        waiting, self._waiting = self._waiting, Columns(256)
        gaps, self._gaps = self._gaps, []
        for gap in gaps:
            sink.gap(gap)
        if sink.doubtful:
            sink.confirm(waiting)
        else:
            sink.take(waiting)
        self._sink = sink

    async def read(self, block: Block) -> Columns:
        """Edge nodes are not polled; the plan refuses such groups."""
        raise Unavailable(
            "edge.device_lost", f"{block.group.name} cannot be polled", device=self._plan.device.name, reason=""
        )

    async def lost(self) -> LineshaftError:
        assert self._host is not None
        assert self._death is not None
        broker = asyncio.ensure_future(self._host.lost())
        try:
            await asyncio.wait((broker, self._death), return_when=asyncio.FIRST_COMPLETED)
            return self._offline(self._death.result()) if self._death.done() else broker.result()
        finally:
            self._sink = None
            broker.cancel()

    async def close(self) -> None:
        host, session = self._host, self._session
        self._host = self._session = self._sink = None
        if host is not None:
            if session is not None:
                host.leave(session, self._options.device_id, self)
            await HOSTS.leave(host)

    async def _wait_for_birth(self, seconds: float) -> None:
        assert self._host is not None
        born = asyncio.ensure_future(self._alive.wait())
        broker = asyncio.ensure_future(self._host.lost())
        try:
            await asyncio.wait((born, broker), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if broker.done():
                raise broker.result()
        finally:
            born.cancel()
            broker.cancel()
        self._was_offline = not self._alive.is_set()
        if self._was_offline:
            raise self._offline(f"no birth certificate came within {seconds:g} s")

    def _offline(self, reason: str) -> Unavailable:
        return Unavailable(
            "edge.sparkplug_offline", f"{self._place} is offline: {reason}",
            "Check that the edge node runs, is connected to this broker, and has these ids.",
            device=self._plan.device.name, place=self._place, reason=reason,
        )  # fmt: skip

    @property
    def _place(self) -> str:
        options = self._options
        return "/".join(each for each in (options.group_id, options.edge_node_id, options.device_id) if each)

    # -- what the session tells -------------------------------------------------------------------------------------------

    def born(self, table: MetricTable, columns: Columns) -> None:
        self._know(table)
        absent = [index for index, point in enumerate(self._plan.points) if point.address not in table.by_name]
        self.data(table, columns)
        if absent:
            self._refuse(absent)
        self._alive.set()

    def data(self, table: MetricTable, columns: Columns) -> None:
        if table is not self._table:
            self._know(table)
        keys = self._point_of_slot[columns.key[: columns.rows]]
        columns.key[: columns.rows] = keys
        wanted = keys != _NO_POINT
        if not wanted.all():
            columns.keep(wanted)
        self._give(columns)

    def died(self, reason: str) -> None:
        self._alive.clear()
        if self._death is not None and not self._death.done():
            self._death.set_result(reason)
        self._sink = None

    def gap(self, gap: Gap) -> None:
        if self._sink is not None:
            self._sink.gap(gap)
        else:
            self._gaps = merge([*self._gaps, gap])

    def _know(self, table: MetricTable) -> None:
        self._table = table
        self._point_of_slot = np.array([self._points.get(name, _NO_POINT) for name in table.names], np.int32)

    def _give(self, columns: Columns) -> None:
        if columns.rows == 0:
            return
        if self._sink is not None:
            self._sink.take(columns)
            return
        if self._waiting.rows + columns.rows > MOST_WAITING:
            times = self._waiting.ts[: self._waiting.rows]
            detail = f"{self._plan.device.name}: nobody took the values"
            self.gap(
                Gap(
                    cause="dropped",
                    from_ts=int(times.min()),
                    to_ts=int(times.max()),
                    rows=self._waiting.rows,
                    detail=detail,
                )
            )
            self._waiting.clear()
        self._waiting.extend(columns)

    def _refuse(self, absent: Sequence[int]) -> None:
        """A bad row for points whose metric the birth has not."""
        now = clock.now_us()
        rows = Columns(len(absent))
        for point in absent:
            rows.add(point, now, now, quality.BAD_NODE_ID_UNKNOWN)
        self._give(rows)
        names = [self._plan.points[point].address for point in absent[:_NAMED_POINTS]]
        self._tools.log.warning(
            "edge_points_refused",
            device=self._plan.device.name,
            count=len(absent),
            points=names,
            status="BadNodeIdUnknown",
        )

    # -- writing ----------------------------------------------------------------------------------------------------------

    def operations(self, writes: Sequence[Write]) -> list[Operation]:
        """An NCMD or DCMD each.

        Raises:
            InvalidInput: the metric's datatype cannot hold the value.
        """
        function = "dcmd" if self._options.device_id else "ncmd"
        found = [named_operation(self._plan, write, function) for write in writes]
        for write in writes:
            self._encode([write])
        return found

    async def write(self, writes: Sequence[Write]) -> list[Written]:
        """One command with all values. The protocol has no answer: only the metrics' next values tell what became of it."""
        if self._host is None:
            raise self._offline("it is not connected")
        options = self._options
        kind: Any = "DCMD" if options.device_id else "NCMD"
        topic = Topic(options.group_id, kind, options.edge_node_id, options.device_id)
        await self._host.command(topic, self._encode(writes))
        return [Written(detail="sent; Sparkplug commands are not answered") for _ in writes]

    def _encode(self, writes: Sequence[Write]) -> bytes:
        return encode([self._command(write) for write in writes])

    def _command(self, write: Write) -> OutMetric:
        """The metric by the alias and with the datatype of the birth."""
        table = self._table
        name = self._plan.points[write.point].address
        slot = table.by_name.get(name) if table is not None else None
        if table is None or slot is None:
            raise cannot_hold(self._plan, write, "the birth certificate has no such metric")
        alias, datatype = table.aliases[slot], table.datatypes[slot]
        metric = OutMetric(
            name="" if alias is not None else name, alias=alias, datatype=datatype, value=write.value, says_type=True
        )
        try:
            encode([metric])
        except (ValueError, TypeError, InvalidInput) as error:
            raise cannot_hold(self._plan, write, str(error)) from error
        return metric

    # -- looking around ---------------------------------------------------------------------------------------------------

    async def browse(self, request: BrowseRequest, state: BrowseState) -> AsyncIterator[BrowsePage]:
        """The metrics of the last birth, in pages; names are paths of levels between slashes."""
        found = [each for each in self._found() if _within(each, request)]
        beyond = len([each for each in self._found() if each.address.startswith(request.root)]) - len(found)
        state.begun, state.beyond = True, beyond
        if len(found) > request.nodes:
            found, state.stopped = found[: request.nodes], "nodes"
        for start in range(state.found, max(len(found), 1), _BROWSE_PAGE):
            page = found[start : start + _BROWSE_PAGE]
            state.found += len(page)
            yield BrowsePage(
                found=page, seen=len(found), pending=len(found) - state.found, beyond=beyond, stopped=state.stopped
            )

    async def inspect(self, addresses: Sequence[str]) -> list[Found]:
        known = {each.address: each for each in self._found()}
        refused = "the birth certificate has no metric of this name"
        return [known.get(address) or Found(address=address, name="", refused=refused) for address in addresses]

    async def about(self) -> Mapping[str, str]:
        session = self._session
        assert session is not None
        devices = ", ".join(sorted(device for device in session.births if device))
        return {
            "edge node": f"{session.group}/{session.node}", "device": self._options.device_id,
            "metrics": str(len(self._table.names) if self._table else 0), "bdSeq": str(session.bd_seq),
            "born": clock.rfc3339(session.born_us), "devices": devices,
        }  # fmt: skip

    def _found(self) -> list[Found]:
        table = self._table
        if table is None:
            return []
        described = zip(table.names, table.datatypes, table.facts(), strict=True)
        return [_describe(name, datatype, facts) for name, datatype, facts in described if name != BD_SEQ]


def _within(found: Found, request: BrowseRequest) -> bool:
    return found.address.startswith(request.root) and len(found.path) <= request.depth


def _describe(name: str, datatype: DataType, facts: Facts) -> Found:
    *path, last = name.split("/")
    refused = "" if datatype.field else f"its datatype {datatype.name} is no single value"
    if datatype.code not in BY_CODE:
        refused = "its datatype is none of Sparkplug B"
    return Found(
        address=name, name=last, path=tuple(path), kind=datatype.kind, data_type=datatype.name, unit=facts.unit,
        description=facts.description, low=facts.low, high=facts.high, refused=refused,
    )  # fmt: skip
