"""One HTTP server as a source: polled, and written where points say so."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

import httpx
import msgspec

from lineshaft.core import clock, quality
from lineshaft.core.errors import InvalidInput, LineshaftError, Unavailable
from lineshaft.edge.columns import Columns
from lineshaft.edge.driver import Block, Plan, Sink, Tools, Write, Written
from lineshaft.edge.drivers.http import bodies, faults, scalars
from lineshaft.edge.drivers.http.client import Client
from lineshaft.edge.drivers.http.options import HttpOptions, WriteTarget
from lineshaft.edge.drivers.http.pointer import join, read_pointer
from lineshaft.edge.guard.operation import Operation, millionths

_OK, _UNCHANGED, _TOO_MANY, _SERVER_FAILS = 200, 304, 429, 500
_CREDENTIALS: Final = (401, 403)
_DONE: Final = range(200, 300)
_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class HttpSource:
    """Implements `Source` and `Writer`."""

    def __init__(self, plan: Plan, tools: Tools) -> None:
        self._plan = plan
        self._device = plan.device
        self._options: HttpOptions = plan.options
        self._tools = tools
        self._client: Client | None = None
        self._lost: asyncio.Future[LineshaftError] | None = None
        self._readers: dict[tuple[int, ...], bodies.Reader] = {}
        self._had: dict[str, tuple[str, Any]] = {}
        """Entity tag and document of the last answer by address."""
        self._complained: set[str] = set()

    async def open(self) -> None:
        """Ask once, to know that the server is there and takes our credentials.

        Raises:
            Unavailable: it does not answer. InvalidInput, NotFound: the credentials.
        """
        await self.close()
        self._client = Client(self._device, self._options, self._tools.secrets)
        self._lost = asyncio.get_running_loop().create_future()
        self._had.clear()
        url = self._plan.blocks[0].detail[0] if self._plan.blocks else self._device.endpoint
        answer = await self._client.ask("GET", url)
        if answer.status in _CREDENTIALS:
            raise faults.refused(self._device, self._options.secret, answer.status)

    async def subscribe(self, sink: Sink) -> None:
        """Nothing: a polled server sends nothing by itself."""

    async def read(self, block: Block) -> Columns:
        assert self._client is not None
        url = block.detail[0]
        tag, had = self._had.get(url, ("", None))
        try:
            answer = await self._client.ask("GET", url, headers={"If-None-Match": tag} if tag else None)
            if answer.status in _CREDENTIALS:
                raise faults.refused(self._device, self._options.secret, answer.status)
        except LineshaftError as error:
            self._lose(error)
            raise
        now = clock.now_us()
        reader = self._reader(block)
        if answer.status == _UNCHANGED and tag:
            return reader.rows(had, now, whole=True)[0]
        if answer.status != _OK:
            self._complain(url, f"status {answer.status}")
            return reader.spoil(now, _status_quality(answer.status))
        try:
            document = bodies.decode(answer.body, answer.headers.get("content-type", ""), self._options.format)
        except ValueError as error:
            self._complain(url, str(error))
            return reader.spoil(now, quality.BAD_DECODING)
        self._had[url] = (answer.headers.get("etag", ""), document)
        columns, wrong = reader.rows(document, now, whole=True)
        if wrong:
            self._complain(url, f"{wrong[0].field}: {wrong[0].reason}")
        return columns

    def _reader(self, block: Block) -> bodies.Reader:
        reader = self._readers.get(block.points)
        if reader is None:
            reader = bodies.Reader(self._plan.points, block.points, block.detail[1], self._options)
            self._readers[block.points] = reader
        return reader

    def _complain(self, url: str, reason: str) -> None:
        """Log the first time that an address gives cause; the rows' quality says it every time."""
        if url not in self._complained:
            self._complained.add(url)
            self._tools.log.warning("edge_answer_doubtful", device=self._device.name, url=url, reason=reason)

    async def lost(self) -> LineshaftError:
        assert self._lost is not None
        return await asyncio.shield(self._lost)

    def _lose(self, error: LineshaftError) -> None:
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(error)

    async def close(self) -> None:
        if self._client is not None:
            with contextlib.suppress(httpx.HTTPError, OSError):
                await self._client.close()
            self._client = None

    # -- writing ----------------------------------------------------------------------------------------------------------

    def operations(self, writes: Sequence[Write]) -> list[Operation]:
        return [self._operation(write) for write in writes]

    def _operation(self, write: Write) -> Operation:
        point = self._plan.points[write.point]
        self._body(write)
        counted = None if isinstance(write.value, str) else millionths(write.value)
        return Operation(
            protocol="http", device=self._device.name, function=self._target(write).method, node=point.address,
            values=() if counted is None else (counted,), points=(point.name,),
        )  # fmt: skip

    def _target(self, write: Write) -> WriteTarget:
        return self._options.writes[self._plan.points[write.point].name]

    def _body(self, write: Write) -> bytes:
        point = self._plan.points[write.point]
        try:
            value = scalars.unscale(point, write.value)
        except ValueError as error:
            raise InvalidInput(
                "edge.value_unfit", f"{write.value!r} cannot be written to the point {point.name!r}: {error}",
                "Give a value that the point can hold.", field="value", value=write.value, point=point.name, rule=str(error),
            ) from error  # fmt: skip
        return msgspec.json.encode(read_pointer(self._target(write).pointer).wrap(value))

    async def write(self, writes: Sequence[Write]) -> list[Written]:
        done: list[Written] = []
        for write in writes:
            try:
                done.append(await self._write(write))
            except LineshaftError as error:
                if not done and isinstance(error, Unavailable) and isinstance(error.__cause__, _UNSENT):
                    self._lose(error)
                    raise
                unsent = isinstance(error.__cause__, _UNSENT)
                done.append(Written(q=quality.BAD_NOT_CONNECTED, detail=error.message, lost=not unsent))
        return done

    async def _write(self, write: Write) -> Written:
        if self._client is None:
            raise faults.unreachable(self._device, "it is not connected")
        target = self._target(write)
        answer = await self._client.ask(
            target.method.upper(), join(self._device.endpoint, target.path),
            headers={"Content-Type": "application/json"}, body=self._body(write),
        )  # fmt: skip
        if answer.status in _DONE:
            return Written()
        words = f"{answer.status} {answer.body[:200].decode('utf-8', 'replace')}".strip()
        if answer.status in _CREDENTIALS:
            return Written(q=quality.BAD_USER_ACCESS_DENIED, detail=words)
        return Written(q=_status_quality(answer.status), detail=words)


def _status_quality(status: int) -> int:
    """What an answer that is no success says of the values behind it."""
    if status == _TOO_MANY:
        return quality.BAD_RESOURCE_UNAVAILABLE
    return quality.BAD_DEVICE_FAILURE if status >= _SERVER_FAILS else quality.BAD_NOT_FOUND
