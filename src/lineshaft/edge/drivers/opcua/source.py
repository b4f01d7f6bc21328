"""One OPC UA server as a source: what the gateway opens, subscribes to, polls, browses and closes."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from asyncua import ua

from lineshaft.bus import Gap
from lineshaft.core import clock, quality
from lineshaft.core.errors import LineshaftError
from lineshaft.edge.address_space import BrowsePage, BrowseRequest, BrowseState, Found
from lineshaft.edge.columns import Columns
from lineshaft.edge.driver import Block, Plan, Sink, Tools, Write, Written
from lineshaft.edge.drivers.opcua import answers, browse, faults
from lineshaft.edge.drivers.opcua.publishing import Publishing
from lineshaft.edge.drivers.opcua.session import Session
from lineshaft.edge.drivers.opcua.subscription import Subscription
from lineshaft.edge.drivers.opcua.writing import Writing
from lineshaft.edge.guard.operation import Operation

_NAMED_POINTS = 5


class OpcUaSource:
    """Implements `Source`, `Browser`, `Writer` and `ReadsBack`."""

    def __init__(self, plan: Plan, tools: Tools) -> None:
        self._plan = plan
        self._log = tools.log
        self._session = Session(plan, tools)
        self._writing = Writing(plan, self._session)
        self._nodes: dict[int, Any] = {}
        self._publishing: Publishing | None = None
        self._had: list[Subscription] = []

    # -- connecting -----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect; see `Session.open`."""
        await self._stop_publishing()
        await self._session.open()
        self._writing.forget()
        self._nodes = {}
        for block in self._plan.blocks:
            for point, address in zip(block.points, block.detail, strict=True):
                node = address.resolve(self._session.namespaces)
                if node is not None:
                    self._nodes[point] = node

    async def subscribe(self, sink: Sink) -> None:
        """Take back the subscriptions that the server still has, make the others, let everything come to `sink`.

        Raises:
            Unavailable: the connection broke meanwhile.
        """
        blocks = self._plan.of_mode("subscribe")
        with self._losing():
            publishing = Publishing(self._session, sink, len(self._plan.points))
            for each in await self._still_there():
                await publishing.take_back(each)
            kept = {each.block.points for each in publishing.subscriptions}
            self._tell_lost(sink, [each for each in self._had if each.block.points not in kept])
            for block in blocks:
                if block.points not in kept:
                    await self._create(block, publishing, sink)
            self._publishing, self._had = publishing, publishing.subscriptions
            if self._had:
                publishing.start()
            if sink.doubtful:
                sink.confirm(await self._present([point for block in blocks for point in block.points]))

    async def read(self, block: Block) -> Columns:
        """Poll a block.

        Raises:
            Unavailable: the connection broke.
        """
        with self._losing():
            return await self._present(block.points)

    async def lost(self) -> LineshaftError:
        return await self._session.lost()

    async def close(self) -> None:
        await self._stop_publishing()
        await self._session.close()

    async def _stop_publishing(self) -> None:
        if self._publishing is not None:
            await self._publishing.stop()
            self._publishing = None

    @contextmanager
    def _losing(self) -> Iterator[None]:
        """Whatever goes wrong with a call here means that the connection is of no more use."""
        try:
            yield
        except (ua.UaError, OSError, TimeoutError, ValueError) as error:
            reason = faults.describe(error)
            self._session.lose(reason)
            raise faults.lost(self._session.device, reason) from error

    # -- subscriptions ----------------------------------------------------------------------------------------------------

    async def _still_there(self) -> list[Subscription]:
        """The subscriptions from before that the server still has, brought over to the present session."""
        found = self._had
        if found and not self._session.resumed:
            transfer = ua.TransferSubscriptionsRequest()
            transfer.Parameters.SubscriptionIds = [each.id for each in found]
            transfer.Parameters.SendInitialValues = False
            found = await self._good_ones(found, transfer, ua.TransferSubscriptionsResponse)
        if found:
            # Asked of each, because not every server says at a republish that it has no such subscription.
            enable = ua.SetPublishingModeRequest()
            enable.Parameters.PublishingEnabled = True
            enable.Parameters.SubscriptionIds = [each.id for each in found]
            found = await self._good_ones(found, enable, ua.SetPublishingModeResponse)
        return found

    async def _good_ones(self, subscriptions: list[Subscription], request: Any, kind: Any) -> list[Subscription]:
        """Those for which the server's result is good; none where it refuses the whole call."""
        try:
            results = (await self._session.call(request, kind)).Parameters.Results or []
        except ua.UaStatusCodeError:
            return []
        status = [getattr(result, "StatusCode", result) for result in results]
        return [each for each, code in zip(subscriptions, status, strict=False) if code.is_good()]

    async def _create(self, block: Block, publishing: Publishing, sink: Sink) -> None:
        subscription = Subscription(block, self._plan.options)
        nodes = {point: self._nodes[point] for point in block.points if point in self._nodes}
        refused = [(point, quality.BAD_NODE_ID_UNKNOWN) for point in block.points if point not in self._nodes]
        refused += await subscription.create(self._session, nodes)
        publishing.add(subscription)
        if subscription.queue_too_short:
            self._log.warning(
                "edge_queue_short", device=self._session.device, group=block.group.name, queue=subscription.shortest_queue,
                sampling_ms=subscription.slowest_sampling_ms, publishing_ms=subscription.interval_ms,
            )  # fmt: skip
        if refused:
            rows = Columns(len(refused))
            self._refuse(rows, refused)
            sink.take(rows)

    def _tell_lost(self, sink: Sink, gone: Sequence[Subscription]) -> None:
        """Changes between the last message and now were seen by nobody."""
        for each in gone:
            now = clock.now_us()
            sink.gap(
                Gap(
                    cause="sequence", from_ts=min(each.newest_us or now, now), to_ts=now,
                    detail=f"{self._session.device}: the server had given up a subscription of {len(each.block.points)} points",
                )
            )  # fmt: skip

    # -- reading --------------------------------------------------------------------------------------------------------

    async def _present(self, points: Sequence[int]) -> Columns:
        """The present values of points, the keys their indexes."""
        known = [point for point in points if point in self._nodes]
        columns = Columns(max(len(points), 1))
        portion = self._session.limits.nodes_per_read
        for start in range(0, len(known), portion):
            chosen = known[start : start + portion]
            request = ua.ReadRequest()
            request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
            request.Parameters.NodesToRead = [
                ua.ReadValueId(NodeId=self._nodes[point], AttributeId=ua.AttributeIds.Value) for point in chosen
            ]
            first = columns.rows
            count = answers.read_values(await self._session.ask(request), columns)
            if count != len(chosen):
                raise ValueError(f"the server answered {count} values where {len(chosen)} were asked for")
            columns.key[first : columns.rows] = np.array(chosen, np.int32)
        self._refuse(columns, [(point, quality.BAD_NODE_ID_UNKNOWN) for point in points if point not in self._nodes])
        return columns

    def _refuse(self, columns: Columns, refused: Sequence[tuple[int, int]]) -> None:
        """A bad row with the server's own status for points that it does not give."""
        if not refused:
            return
        now = clock.now_us()
        for point, status in refused:
            columns.add(point, now, now, status)
        names = [self._plan.points[point].name for point, _ in refused[:_NAMED_POINTS]]
        self._log.warning(
            "edge_points_refused", device=self._session.device, count=len(refused), points=names,
            status=faults.status_name(refused[0][1]),
        )  # fmt: skip

    # -- writing --------------------------------------------------------------------------------------------------------

    def operations(self, writes: Sequence[Write]) -> list[Operation]:
        return self._writing.operations(writes)

    async def write(self, writes: Sequence[Write]) -> list[Written]:
        """Write; see `Writing.write`."""
        return await self._writing.write(writes, self._nodes)

    async def read_back(self, point: int) -> Columns:
        """One point's present value.

        Raises:
            Unavailable: the connection broke.
        """
        with self._losing():
            return await self._present((point,))

    # -- looking around ---------------------------------------------------------------------------------------------------

    async def browse(self, request: BrowseRequest, state: BrowseState) -> AsyncIterator[BrowsePage]:
        with self._losing():
            async for page in browse.walk(self._session, request, state):
                yield page

    async def inspect(self, addresses: Sequence[str]) -> list[Found]:
        with self._losing():
            return await browse.inspect(self._session, addresses)

    async def about(self) -> Mapping[str, str]:
        with self._losing():
            return await browse.about(self._session)
