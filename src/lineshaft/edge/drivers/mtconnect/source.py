"""One MTConnect agent as a source: probe, current, and a stream of samples for every group that subscribes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from lineshaft.bus import Gap
from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.edge.address_space import BrowsePage, BrowseRequest, BrowseState, Found
from lineshaft.edge.columns import MISSING, Columns
from lineshaft.edge.driver import Block, Plan, Sink, Tools
from lineshaft.edge.drivers.http import faults
from lineshaft.edge.drivers.http.client import Client
from lineshaft.edge.drivers.mtconnect import documents, observations, probe
from lineshaft.edge.drivers.mtconnect.documents import Header, Observation, Refused
from lineshaft.edge.drivers.mtconnect.multipart import Parts, boundary_of
from lineshaft.edge.drivers.mtconnect.observations import Table
from lineshaft.edge.tasks import end

_OK = 200
_MISSES = 2
_MOST_RESTARTS = 3
_NAMED_POINTS = 5


class MTConnectSource:
    """Implements `Source` and `Browser`."""

    def __init__(self, plan: Plan, tools: Tools) -> None:
        self._plan = plan
        self._device = plan.device
        self._tools = tools
        parts = urlsplit(plan.device.endpoint)
        self._base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
        self._client: Client | None = None
        self._root: Any = None
        self._lost: asyncio.Future[LineshaftError] | None = None
        self._streams: list[asyncio.Task[None]] = []
        self._places: dict[str, Place] = {}
        """Where each group's stream has got to, by the group's name; kept over losses."""

    # -- connecting -----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Ask what the agent has.

        Raises:
            Unavailable: it does not answer. InvalidInput, NotFound: the credentials. Conflict: it is no agent.
        """
        await self.close()
        self._client = Client(self._device, self._plan.options, self._tools.secrets)
        self._lost = asyncio.get_running_loop().create_future()
        with self._explaining():
            self._root = documents.devices(await self._get("probe"))
        unknown = [index for block in self._plan.blocks for index in self._table(block).unknown(self._names())]
        if unknown:
            names = [self._plan.points[index].name for index in unknown[:_NAMED_POINTS]]
            self._tools.log.warning("edge_points_refused", device=self._device.name, count=len(unknown), points=names)

    async def lost(self) -> LineshaftError:
        assert self._lost is not None
        return await asyncio.shield(self._lost)

    async def close(self) -> None:
        await end(*self._streams)
        self._streams.clear()
        if self._client is not None:
            with contextlib.suppress(httpx.HTTPError, OSError):
                await self._client.close()
            self._client = None

    def _lose(self, error: LineshaftError) -> None:
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(error)

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """What the agent answers wrongly, as an error of ours."""
        try:
            yield
        except Refused as error:
            raise faults.unusable(self._device, str(error)) from error
        except (ValueError, httpx.HTTPError, OSError) as error:
            raise faults.unreachable(self._device, faults.describe(error)) from error

    async def _get(self, path: str) -> bytes:
        assert self._client is not None
        answer = await self._client.ask("GET", f"{self._base}/{path}")
        if answer.status != _OK:
            self._refused(answer.status, answer.body)
        return answer.body

    def _refused(self, status: int, body: bytes) -> None:
        """Raise what an answer that is no success means: the agent's own words where it has some."""
        with contextlib.suppress(ValueError):
            documents.read(body)
        raise faults.refused(self._device, self._plan.options.secret, status)

    def _table(self, block: Block) -> Table:
        return Table(self._plan.points, block.points, block.detail)

    def _names(self) -> set[str]:
        return {name for item in probe.items(self._root) for name in (item.get("id"), item.get("name")) if name}

    # -- reading --------------------------------------------------------------------------------------------------------

    async def read(self, block: Block) -> Columns:
        try:
            with self._explaining():
                found = documents.present(await self._get("current"))
        except LineshaftError as error:
            self._lose(error)
            raise
        return self._present(self._table(block), found)

    def _present(self, table: Table, found: Sequence[Observation]) -> Columns:
        columns = table.rows(found)
        observations.refuse(columns, table.unknown(self._names()))
        return columns

    # -- subscribing ------------------------------------------------------------------------------------------------------

    async def subscribe(self, sink: Sink) -> None:
        for block in self._plan.of_mode("subscribe"):
            with self._explaining():
                header, found = documents.streams(await self._get("current"))
            table = self._table(block)
            place = self._places.setdefault(block.group.name, Place())
            place.meet(header, sink, self._device.name)
            present = self._present(table, found)
            if sink.doubtful:
                sink.confirm(present)
            else:
                sink.take(present)
            stream = asyncio.create_task(self._follow(block, table, place, sink))
            stream.add_done_callback(self._ended)
            self._streams.append(stream)

    def _ended(self, stream: asyncio.Task[None]) -> None:
        """A stream that ends by a fault of ours takes the connection with it, instead of falling silent."""
        if not stream.cancelled() and (error := stream.exception()) is not None:
            self._tools.log.error("edge_driver_failed", device=self._device.name, exc_info=error)
            self._lose(faults.lost(self._device, f"its driver failed: {error!r}"))

    async def _follow(self, block: Block, table: Table, place: "Place", sink: Sink) -> None:
        """Take what the agent sends; begin from the present values where it has lost what was asked for."""
        try:
            with self._explaining():
                while True:
                    try:
                        await self._stream(block, table, place, sink)
                    except Refused as error:
                        if "OUT_OF_RANGE" not in error.codes:
                            raise
                    header, found = documents.streams(await self._get("current"))
                    place.restart(header, sink, self._device.name)
                    if place.restarts > _MOST_RESTARTS:
                        raise faults.lost(self._device, "the agent keeps dropping what it has just offered")
                    sink.take(table.rows(found))
        except LineshaftError as error:
            self._lose(error)

    async def _stream(self, block: Block, table: Table, place: "Place", sink: Sink) -> None:
        """Until the agent has started anew or dropped what comes next; raises where the connection ends."""
        assert self._client is not None
        options = self._plan.options
        url = (
            f"{self._base}/sample?from={place.next}&interval={block.group.period_ms}"
            f"&count={options.count}&heartbeat={options.heartbeat_ms}"
        )
        silence = _MISSES * options.heartbeat_ms / 1000 + block.group.period_ms / 1000
        async with self._client.stream(url, silence) as answer:
            kind = answer.headers.get("content-type", "")
            if answer.status_code != _OK or not kind.lower().startswith("multipart/"):
                self._refused(answer.status_code, await self._whole(answer))
            parts = Parts(boundary_of(kind), options.largest_bytes)
            async for data in answer.aiter_raw():
                for part in parts.feed(data):
                    header, found = documents.streams(part)
                    if not place.continues(header):
                        return
                    sink.take(table.rows(found, since=place.next))
                    place.advance(header, found)
                if parts.ended:
                    break
        raise faults.lost(self._device, "the agent ended the stream")

    async def _whole(self, answer: Any) -> bytes:
        body = bytearray()
        async for part in answer.aiter_raw():
            body += part
            if len(body) > self._plan.options.largest_bytes:
                raise ValueError("the answer is too large")
        return bytes(body)

    # -- looking around ---------------------------------------------------------------------------------------------------

    async def browse(self, request: BrowseRequest, state: BrowseState) -> AsyncIterator[BrowsePage]:
        if state.begun:
            return
        found = probe.describe(self._root, request.root, request.depth)
        state.begun, state.found = True, min(len(found), request.nodes)
        state.beyond, state.stopped = len(found) - state.found, "nodes" if len(found) > request.nodes else ""
        yield BrowsePage(
            found=found[: request.nodes], seen=len(found), pending=0, beyond=state.beyond, stopped=state.stopped
        )

    async def inspect(self, addresses: Sequence[str]) -> list[Found]:
        return probe.inspect(self._root, addresses)

    async def about(self) -> Mapping[str, str]:
        return probe.about(self._root)


class Place:
    """Where a stream has got to."""

    def __init__(self) -> None:
        self.instance = 0
        self.next = 0
        self.newest = MISSING
        self.restarts = 0
        """Since the last message of a stream."""

    def meet(self, header: Header, sink: Sink, device: str) -> None:
        """Go on where we were if the agent still has that; else from its present values, and say what is missing."""
        if self.next == 0:
            self._begin(header)
        elif not (self.continues(header) and self.next <= header.next):
            self.restart(header, sink, device)

    def continues(self, header: Header) -> bool:
        """Whether the agent is the same, and has all that comes next."""
        return header.instance == self.instance and header.first <= self.next

    def restart(self, header: Header, sink: Sink, device: str) -> None:
        """Begin anew at the agent's present end; what lies between is missing."""
        self.restarts += 1
        anew = header.instance != self.instance
        now = clock.now_us()
        reason = (
            "the agent started anew" if anew else f"the agent dropped {max(header.first - self.next, 0)} observations"
        )
        sink.gap(
            Gap(
                cause="sequence" if anew else "overflow",
                from_ts=now if self.newest == MISSING else min(self.newest, now), to_ts=now, detail=f"{device}: {reason}",
            )
        )  # fmt: skip
        self._begin(header)

    def advance(self, header: Header, found: Sequence[Observation]) -> None:
        """A message of the stream has been taken."""
        self.restarts = 0
        self.next = max(header.next, self.next)
        self.newest = max((each.ts for each in found), default=self.newest)

    def _begin(self, header: Header) -> None:
        self.instance, self.next = header.instance, header.next
