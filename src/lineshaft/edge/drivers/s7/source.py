"""One controller as a source: what the gateway opens, polls, writes to, browses and closes."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec
import numpy as np

from lineshaft.core import clock, quality
from lineshaft.core.errors import LineshaftError
from lineshaft.edge import raw
from lineshaft.edge.address_space import BrowsePage, BrowseRequest, BrowseState, Found
from lineshaft.edge.columns import Columns
from lineshaft.edge.driver import Block, Sink, Tools, Write, Written
from lineshaft.edge.drivers.s7 import browse, faults
from lineshaft.edge.drivers.s7.address import Place
from lineshaft.edge.drivers.s7.answers import BEYOND, Answer, Malformed, Refused
from lineshaft.edge.drivers.s7.decoding import Decoder, write_string
from lineshaft.edge.drivers.s7.driver import S7Plan
from lineshaft.edge.drivers.s7.link import Failure, Link
from lineshaft.edge.drivers.s7.packing import Packing, pack
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.tasks import end

_NAMED_POINTS: Final = 5


class _Reading(msgspec.Struct, kw_only=True):
    """How one group is read on this connection."""

    packing: Packing
    decoder: Decoder
    alone: set[int]
    """Places that are not read together with others, because together they reached beyond their area."""


class S7Source:
    """Implements `Source`, `Writer` and `Browser`. What blocks runs in one thread, which only this device uses."""

    def __init__(self, plan: S7Plan, tools: Tools) -> None:
        self._plan = plan
        self._device = plan.device
        self._options = plan.options
        self._tools = tools
        self._thread: ThreadPoolExecutor | None = None
        self._link: Link | None = None
        self._readings: dict[str, _Reading] = {}
        self._lost: asyncio.Future[LineshaftError] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._state = ""
        self._complained: set[int] = set()
        self.counts: Counter[str] = Counter()
        """Since the gateway started: requests, frames dropped, malformed answers, refused items."""

    # -- connecting -----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect. What is read together is planned anew for the PDU size that the controller grants.

        Raises:
            Unavailable: nobody answers. InvalidInput: the password is refused. NotFound: there is no such secret.
        """
        await self._hang_up()
        password = self._tools.secrets.get(self._options.secret).password if self._options.secret else ""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"s7 {self._device.name}")
        self._lost = asyncio.get_running_loop().create_future()
        link = self._link = Link(self._plan.address, self._options, self.counts)
        try:
            await self._in_thread(link.connect, password)
            self._state = await self._in_thread(link.state)
        except Refused as error:
            raise faults.password_refused(self._device, self._options.secret) from error
        except Failure as error:
            raise faults.unreachable(self._device, _reason(error)) from error
        self._readings = {block.group.name: self._reading(block, set()) for block in self._plan.blocks}
        self._watcher = asyncio.create_task(self._watch(), name=f"s7 {self._device.name}")

    async def subscribe(self, sink: Sink) -> None:
        """Nothing: S7 controllers are asked."""

    async def lost(self) -> LineshaftError:
        assert self._lost is not None
        return await asyncio.shield(self._lost)

    async def close(self) -> None:
        await self._hang_up()

    async def _hang_up(self) -> None:
        await end(self._watcher)
        thread, link = self._thread, self._link
        self._thread = self._link = self._watcher = None
        if thread is None or link is None:
            return
        link.break_off()
        try:
            with contextlib.suppress(*Failure):
                await asyncio.get_running_loop().run_in_executor(thread, link.disconnect)
        finally:  # also where the gateway does not wait any longer: what is under way ends, and the thread with it
            thread.shutdown(wait=False)

    async def _watch(self) -> None:
        """Ask again and again whether the program runs; a connection that is gone shows by that as well."""
        while True:
            await asyncio.sleep(self._options.state_seconds)
            try:
                state = await self._call(lambda link: link.state())
            except LineshaftError:
                return
            if state != self._state:
                self._tools.log.warning(
                    "edge_controller_state", device=self._device.name, state=state, before=self._state
                )
                self._state = state

    async def _call(self, ask: "Callable[[Link], Any]") -> Any:
        """Something that blocks, in the device's thread; whatever breaks there means that the connection is gone."""
        if self._link is None:
            raise faults.lost(self._device, "it is not open")
        try:
            return await self._in_thread(ask, self._link)
        except Failure as error:
            raise self._lose(_reason(error)) from error

    async def _in_thread(self, ask: "Callable[..., Any]", *arguments: Any) -> Any:
        assert self._thread is not None
        return await asyncio.get_running_loop().run_in_executor(self._thread, ask, *arguments)

    def _lose(self, reason: str) -> LineshaftError:
        error = faults.lost(self._device, reason)
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(error)
        return error

    # -- reading --------------------------------------------------------------------------------------------------------

    def _reading(self, block: Block, alone: set[int]) -> _Reading:
        assert self._link is not None
        packing = pack(block.detail, self._link.pdu, self._options.gap, alone)
        points = [self._plan.points[index] for index in block.points]
        return _Reading(
            packing=packing, decoder=Decoder(points, block.points, block.detail, packing.offsets), alone=alone
        )

    async def read(self, block: Block) -> Columns:
        """The present values of a group; what the controller refuses of it is Bad with the refusal's meaning.

        Raises:
            Unavailable: the connection broke.
        """
        reading = self._readings[block.group.name]
        columns: Columns = await self._call(lambda link: self._scan(link, block, reading))
        return columns

    def _scan(self, link: Link, block: Block, reading: _Reading) -> Columns:
        """In the thread: ask, once more in smaller pieces where a piece reached beyond its area, and decode."""
        buffer, status, beyond = self._fetch(link, block, reading)
        if beyond:
            reading = self._readings[block.group.name] = self._reading(block, reading.alone | beyond)
            buffer, status, _ = self._fetch(link, block, reading)
        columns = Columns(len(block.points))
        if self._state == "stop":
            status[status == quality.GOOD] = quality.UNCERTAIN_LAST_USABLE
        reading.decoder.decode(buffer, columns, clock.now_us(), status)
        return columns

    def _fetch(self, link: Link, block: Block, reading: _Reading) -> tuple[bytearray, Any, set[int]]:
        """The group's bytes, a status for each of its places, and the places to ask for alone."""
        buffer = bytearray(reading.packing.size)
        status = np.zeros(len(block.points), np.uint32)
        beyond: set[int] = set()
        exchanges = reading.packing.exchanges
        self.counts["requests"] += len(exchanges)
        for items, answered in zip(exchanges, link.read_all(exchanges), strict=True):
            if isinstance(answered, Exception):
                wrong = answered.status if isinstance(answered, Refused) else quality.BAD_DECODING
                self.counts["answers_malformed"] += isinstance(answered, Malformed)
                places = [index for item in items for index in item.places]
                status[places] = wrong
                self._complain(wrong, places, block, str(answered))
                continue
            for item, answer in zip(items, answered, strict=True):
                if answer.status == quality.GOOD and len(answer.data) == item.length:
                    buffer[item.offset : item.offset + item.length] = answer.data
                    continue
                wrong = answer.status or quality.BAD_DECODING
                status[list(item.places)] = wrong
                if answer.code == BEYOND and len(item.places) > 1:
                    beyond |= item.places
                else:
                    self.counts["items_refused"] += 1
                    words = answer.words or f"{len(answer.data)} bytes where {item.length} were asked for"
                    self._complain(wrong, list(item.places), block, words)
        return buffer, status, beyond - reading.alone

    def _complain(self, status: int, places: list[int], block: Block, words: str) -> None:
        """Log the first time that a status comes; the rows say it each time."""
        if status not in self._complained:
            self._complained.add(status)
            names = [self._plan.points[block.points[index]].name for index in sorted(places)[:_NAMED_POINTS]]
            self._tools.log.warning(
                "edge_points_refused", device=self._device.name, count=len(places), points=names,
                status=quality.name(status), words=words,
            )  # fmt: skip

    # -- writing --------------------------------------------------------------------------------------------------------

    def operations(self, writes: Sequence[Write]) -> list[Operation]:
        """One write of bytes each: function `write`, space `db5`, `m` or `q`, first byte and number of bytes."""
        return [self._operation(write) for write in writes]

    def _operation(self, write: Write) -> Operation:
        point, place = self._plan.points[write.point], self._plan.places[write.point]
        self._encode(write)
        judged = () if isinstance(write.value, str) else (write.value,)
        return Operation.of(
            judged, protocol="s7", device=self._device.name, function="write", space=place.space, start=place.byte,
            count=place.size, points=(point.name,),
        )  # fmt: skip

    def _encode(self, write: Write) -> tuple[Place, bytes]:
        """Where a value goes, and its bytes. Of a STRING, the first byte stays what it is."""
        point, place = self._plan.points[write.point], self._plan.places[write.point]
        if place.type == "string":
            data = write_string(point, write.value)
            return msgspec.structs.replace(place, byte=place.byte + 1, size=len(data)), data
        return place, raw.encode(point, write.value)

    async def write(self, writes: Sequence[Write]) -> list[Written]:
        """Write one after another. Where an answer does not come, that write is `lost`, and those behind it are not sent.

        Raises:
            Unavailable: not connected; nothing was sent.
        """
        encoded = [self._encode(write) for write in writes]
        if self._link is None or (self._lost is not None and self._lost.done()):
            raise faults.lost(self._device, "it is not connected")
        written: list[Written] = []
        for place, data in encoded:
            if written and written[-1].lost:
                written += [Written(q=quality.BAD_NOT_CONNECTED, detail="not sent")] * (len(encoded) - len(written))
                break
            written.append(await self._write_one(place, data))
        return written

    async def _write_one(self, place: Place, data: bytes) -> Written:
        try:
            answer: Answer = await self._call(lambda link: link.write(place, data))
        except Refused as error:
            return Written(q=error.status, detail=str(error))
        except Malformed as error:
            return Written(q=quality.BAD_DECODING, detail=str(error), lost=True)
        except LineshaftError as error:
            return Written(q=quality.BAD_NOT_CONNECTED, detail=error.message, lost=True)
        return Written(q=answer.status, detail=answer.words)

    # -- looking around ---------------------------------------------------------------------------------------------------

    async def browse(self, request: BrowseRequest, state: BrowseState) -> AsyncIterator[BrowsePage]:
        """The data blocks. What is in them no controller tells this protocol, so that each can only be named."""
        blocks = await self._call(lambda link: link.blocks())
        yield browse.page(blocks, request, state)

    async def inspect(self, addresses: Sequence[str]) -> list[Found]:
        """Try to read what lies at addresses."""
        found: list[Found] = await self._call(lambda link: [browse.inspect(link, address) for address in addresses])
        return found

    async def about(self) -> Mapping[str, str]:
        """Module, serial number, order number, state, granted PDU size, and what was counted."""
        said: dict[str, str] = await self._call(lambda link: {**link.about(), "state": link.state() or "not said"})
        return {**said, **{name: str(count) for name, count in self.counts.items()}}


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
