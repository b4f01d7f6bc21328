"""One server as a source: what the gateway opens, observes, polls, writes to, browses and closes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from lineshaft.core import clock, quality
from lineshaft.core.errors import LineshaftError
from lineshaft.edge.address_space import BrowsePage, BrowseRequest, BrowseState, Found
from lineshaft.edge.columns import Columns
from lineshaft.edge.driver import Block, Sink, Tools, Write, Written
from lineshaft.edge.drivers.coap import discovery, documents, faults, looking, samples
from lineshaft.edge.drivers.coap.address import Resource
from lineshaft.edge.drivers.coap.client import Answer, Client, Ended, Observation, Silent
from lineshaft.edge.drivers.coap.driver import CoapPlan
from lineshaft.edge.drivers.coap.options import Format
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.tasks import end

_AGAIN_SECONDS: Final = 5.0
"""Shortest pause before a resource that does not notify, or was refused, is asked again."""


class CoapSource:
    """Implements `Source`, `Writer` and `Browser`."""

    def __init__(self, plan: CoapPlan, tools: Tools) -> None:
        self._plan = plan
        self._device = plan.device
        self._options = plan.options
        self._tools = tools
        self._client = Client(plan.address, plan.options)
        self._feed = samples.Feed(plan.points, plan.addresses)
        self._formats: dict[Resource, Format] = {}
        """What each resource sent last: a write takes the same."""
        self._lost: asyncio.Future[LineshaftError] | None = None
        self._watchers: list[asyncio.Task[None]] = []
        self._complained: set[tuple[Resource, str]] = set()
        self.counts: Counter[str] = Counter()
        """Since the gateway started: notifications, registrations anew, resources that do not notify, bad answers."""

    # -- connecting -----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Ask for what the server has: an answer of any kind shows that it is there.

        Raises:
            Unavailable: nobody answers.
        """
        await self.close()
        self._lost = asyncio.get_running_loop().create_future()
        try:
            await self._client.open()
            await self._client.get(discovery.CORE)
        except (Silent, OSError) as error:
            raise faults.unreachable(self._device, str(error)) from error

    async def subscribe(self, sink: Sink) -> None:
        """Observe the resources of all groups of mode `subscribe`.

        Raises:
            Unavailable: the server does not answer any more.
        """
        wanted = [
            (block, resource, points)
            for block in self._plan.of_mode("subscribe")
            for resource, points in block.detail.items()
        ]
        present = Columns(max(len(self._plan.points), 1))
        try:
            begun = await asyncio.gather(*(self._begin(resource, points, present) for _, resource, points in wanted))
        except Silent as error:
            raise self._lose(str(error)) from error
        if sink.doubtful:
            sink.confirm(present)
        else:
            sink.take(present)
        self._watchers = [
            asyncio.create_task(self._watch(each, first, sink), name=f"coap {self._device.name}")
            for each, first in zip(wanted, begun, strict=True)
        ]

    async def lost(self) -> LineshaftError:
        assert self._lost is not None
        return await asyncio.shield(self._lost)

    async def close(self) -> None:
        await end(*self._watchers)
        self._watchers = []
        await self._client.close()

    def _lose(self, reason: str) -> LineshaftError:
        error = faults.lost(self._device, reason)
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(error)
        return error

    # -- observing ------------------------------------------------------------------------------------------------------

    async def _begin(self, resource: Resource, points: Sequence[int], columns: Columns) -> tuple[Observation, Answer]:
        """Register with the server; its answer is the present value."""
        observation = self._client.observe(resource)
        answer = await observation.first()
        self._take(resource, points, answer, columns)
        return observation, answer

    async def _watch(
        self, wanted: tuple[Block, Resource, tuple[int, ...]], begun: tuple[Observation, Answer], sink: Sink
    ) -> None:
        """Take the notifications of one resource; register anew when it has been silent beyond its Max-Age."""
        block, resource, points = wanted
        pause = max(block.group.period_ms / 1000, _AGAIN_SECONDS)
        observation, answer = begun
        try:
            while True:
                answer = await self._follow(observation, answer, resource, points, sink, pause)
                observation.cancel()
                columns = Columns(max(len(points), 1))
                observation, answer = await self._begin(resource, points, columns)
                self.counts["registered_anew"] += 1
                sink.take(columns)
        except Silent as error:
            self._lose(str(error))
        except Exception as error:  # noqa: BLE001  # a watcher that ends otherwise would leave its points silent
            self._lose(f"a fault of the driver: {error!r}")
        finally:
            observation.cancel()

    async def _follow(
        self,
        observation: Observation,
        answer: Answer,
        resource: Resource,
        points: Sequence[int],
        sink: Sink,
        pause: float,
    ) -> Answer:
        """Take notifications until it is time to register anew; the last answer."""
        while True:
            try:
                answer = await observation.next(answer.max_age + self._options.slack_seconds)
            except TimeoutError:
                return answer
            except Ended as error:
                self.counts["not_notified"] += 1
                self._complain(resource, f"the server does not notify ({error}): it is asked every {pause:g} s")
                await asyncio.sleep(pause)
                return answer
            self.counts["notifications"] += 1
            columns = Columns(max(len(points), 1))
            self._take(resource, points, answer, columns)
            sink.take(columns)

    # -- reading --------------------------------------------------------------------------------------------------------

    async def read(self, block: Block) -> Columns:
        """The present values of a group, each resource asked once.

        Raises:
            Unavailable: the server does not answer any more.
        """
        columns = Columns(max(len(block.points), 1))
        try:
            answers = await asyncio.gather(*(self._client.get(resource) for resource in block.detail))
        except Silent as error:
            raise self._lose(str(error)) from error
        for (resource, points), answer in zip(block.detail.items(), answers, strict=True):
            self._take(resource, points, answer, columns)
        return columns

    def _take(self, resource: Resource, points: Sequence[int], answer: Answer, columns: Columns) -> None:
        """Append the rows of an answer; what it refuses or nobody can read is Bad, and said once."""
        now = clock.now_us()
        if not answer.good:
            self._feed.refuse(points, answer.status, now, columns)
            problem = answer.code
        elif answer.cut:
            self._feed.refuse(points, quality.BAD_DECODING, now, columns)
            problem = "cut short: it came in one datagram instead of blocks"
        else:
            try:
                kind = self._formats[resource] = documents.format_of(answer.format, self._options.format)
            except documents.Unsupported as error:
                self._feed.refuse(points, quality.BAD_NOT_SUPPORTED, now, columns)
                problem = str(error)
            else:
                problem = self._feed.take(points, answer.payload, kind, now, columns)
        if problem:
            self.counts["answers_bad"] += 1
            self._complain(resource, problem)

    def _complain(self, resource: Resource, problem: str) -> None:
        """Log the first time that a resource gives cause."""
        if (resource, problem[:4]) not in self._complained:
            self._complained.add((resource, problem[:4]))
            self._tools.log.warning(
                "edge_resource_bad", device=self._device.name, resource=resource.text, reason=problem
            )

    # -- writing --------------------------------------------------------------------------------------------------------

    def operations(self, writes: Sequence[Write]) -> list[Operation]:
        """One `put` each, its node the point's address in its canonical form."""
        return [self._operation(write) for write in writes]

    def _operation(self, write: Write) -> Operation:
        self._payload(write)
        judged = () if isinstance(write.value, str) else (write.value,)
        return Operation.of(
            judged, protocol="coap", device=self._device.name, function="put", node=self._plan.addresses[write.point].text,
            points=(self._plan.points[write.point].name,),
        )  # fmt: skip

    def _payload(self, write: Write) -> tuple[Resource, bytes, int]:
        point, address = self._plan.points[write.point], self._plan.addresses[write.point]
        kind = self._options.format or self._formats.get(address.resource) or _likely(address.pointer, address.name)
        try:
            return address.resource, samples.to_send(point, address, write.value, kind), documents.number_of(kind)
        except ValueError as error:
            raise faults.unfit(point.name, write.value, str(error)) from error

    async def write(self, writes: Sequence[Write]) -> list[Written]:
        """PUT one after another. Behind one whose answer does not come, none is sent.

        Raises:
            Unavailable: not connected; nothing was sent.
        """
        payloads = [self._payload(write) for write in writes]
        if self._lost is None or self._lost.done():
            raise faults.lost(self._device, "it is not connected")
        written: list[Written] = []
        for resource, payload, number in payloads:
            if written and written[-1].lost:
                written += [Written(q=quality.BAD_NOT_CONNECTED, detail="not sent")] * (len(writes) - len(written))
                break
            try:
                answer = await self._client.put(resource, payload, number)
            except Silent as error:
                self._lose(str(error))
                written.append(Written(q=quality.BAD_NOT_CONNECTED, detail=str(error), lost=True))
            else:
                written.append(Written(q=answer.status, detail="" if answer.good else answer.code))
        return written

    # -- looking around ---------------------------------------------------------------------------------------------------

    async def browse(self, request: BrowseRequest, state: BrowseState) -> AsyncIterator[BrowsePage]:
        """The resources that `.well-known/core` names, as one page."""
        try:
            answer = await self._client.get(discovery.CORE)
        except Silent as error:
            raise self._lose(str(error)) from error
        yield looking.page(answer, request, state)

    async def inspect(self, addresses: Sequence[str]) -> list[Found]:
        """Ask for single values."""
        try:
            return [await looking.inspect(self._client, address, self._options.format) for address in addresses]
        except Silent as error:
            raise self._lose(str(error)) from error

    async def about(self) -> Mapping[str, str]:
        """How the connection is secured, and what was counted: CoAP servers do not say who they are."""
        return {"security": "none", **{name: str(count) for name, count in self.counts.items()}}


def _likely(pointer: object, name: str) -> Format:
    """The format to write in where nothing was read yet."""
    return "senml+json" if name else "json" if pointer is not None else "text"
