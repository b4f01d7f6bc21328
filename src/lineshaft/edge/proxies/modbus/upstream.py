"""The proxy's own connection to a device: requests of all clients, pipelined, each with a number of its own.

It is opened when there is something to send, and again after each loss. Requests that wait for it, or for an answer,
longer than the device's timeout are answered with exception 0x0B; so are those under way when it is lost.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, cast

from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.edge.drivers.modbus.tcp import HEADER, LONGEST
from lineshaft.edge.proxies.modbus.requests import NO_ANSWER
from lineshaft.edge.tasks import end

_SWEEP_SECONDS: Final = 0.05
_CONNECT_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 0.5
_EXCEPTION: Final = 0x80
_SILENT_TIMEOUTS: Final = 2
"""So long without a word, and the connection is made anew."""

Answered = Callable[[int, bytes], None]
"""Called with a request's tag and the answer's PDU."""


class Waiting(NamedTuple):
    """A request without its answer."""

    answered: Answered
    tag: int
    unit: int
    pdu: bytes
    deadline: float


class Upstream(asyncio.Protocol):
    """One device.

    Args:
        in_flight: requests under way at once.
        timeout: seconds.
        admit: raises a LineshaftError where the device must not be connected to now.
        dropped: counts a frame that answers nothing, by reason.
    """

    def __init__(
        self, host: str, port: int, *, in_flight: int, timeout: float, admit: Callable[[], Awaitable[None]],
        dropped: Callable[[str], None], log: Any,
    ) -> None:  # fmt: skip
        self._host, self._port = host, port
        self._in_flight, self._timeout = in_flight, timeout
        self._admit, self._dropped, self._log = admit, dropped, log
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._number = 0
        self._rest = b""
        self._pending: dict[int, Waiting] = {}
        self._queue: deque[Waiting] = deque()
        self._closed = False
        self._moved = 0.0
        """When the device was last heard, or connected to."""
        self.trouble = ""
        """Why the device cannot be reached; empty where it can, or nobody has tried."""

    @property
    def connected(self) -> bool:
        return self._transport is not None

    def ask(self, answered: Answered, tag: int, unit: int, pdu: bytes) -> None:
        """Send a request; `answered` is called once, at the latest after the timeout. Order is kept."""
        waiting = Waiting(answered, tag, unit, pdu, clock.monotonic() + self._timeout)
        if self._transport is not None and not self._queue and len(self._pending) < self._in_flight:
            self._send(waiting)
        else:
            self._queue.append(waiting)
            if self._transport is None and self._task is None and not self._closed:
                self._task = asyncio.create_task(self._connect(), name=f"modbus proxy {self._host}")
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    async def close(self) -> None:
        """Hang up; what is under way gets exception 0x0B."""
        self._closed = True
        await end(self._task)
        if self._transport is not None:
            self._transport.abort()
        self._lose()
        if self._sweeper is not None:
            self._sweeper.cancel()

    # -- sending ------------------------------------------------------------------------------------------------------

    def _send(self, waiting: Waiting) -> None:
        assert self._transport is not None
        number = (self._number + 1) & 0xFFFF
        while number in self._pending:
            number = (number + 1) & 0xFFFF
        self._number = number
        self._pending[number] = waiting
        self._transport.write(HEADER.pack(number, 0, len(waiting.pdu) + 1, waiting.unit) + waiting.pdu)

    def _send_queued(self) -> None:
        while self._queue and self._transport is not None and len(self._pending) < self._in_flight:
            self._send(self._queue.popleft())

    def _sweep(self) -> None:
        """Give up what is overdue. A number that was given up is not used again before 65,535 others."""
        now = clock.monotonic()
        overdue = [number for number, waiting in self._pending.items() if waiting.deadline <= now]
        for number in overdue:
            _fail(self._pending.pop(number))
        while self._queue and self._queue[0].deadline <= now:
            _fail(self._queue.popleft())
        if overdue and self._transport is not None and now - self._moved >= _SILENT_TIMEOUTS * self._timeout:
            self._transport.abort()  # a device that was switched off says nothing of it
        self._send_queued()
        busy = bool(self._pending or self._queue)
        self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep) if busy else None

    # -- answers ------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        self._moved = clock.monotonic()
        place, size = 0, len(data)
        while size - place >= HEADER.size:
            number, protocol, length, unit = HEADER.unpack_from(data, place)
            if protocol != 0 or not 2 <= length <= LONGEST:
                self._dropped("device_frame")
                self._rest = b""
                if self._transport is not None:
                    self._transport.abort()
                return
            end_ = place + 6 + length
            if end_ > size:
                break
            self._answer(number, unit, data[place + HEADER.size : end_])
            place = end_
        self._rest = data[place:]
        if self._queue:
            self._send_queued()

    def _answer(self, number: int, unit: int, pdu: bytes) -> None:
        waiting = self._pending.get(number)
        if waiting is None or waiting.unit != unit or pdu[0] & ~_EXCEPTION != waiting.pdu[0]:
            self._dropped("device_answer")
            return
        del self._pending[number]
        waiting.answered(waiting.tag, pdu)

    # -- the connection -----------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        try:
            await self._connect_or_retry()
        finally:
            self._task = None

    async def _connect_or_retry(self) -> None:
        while self._queue and not self._closed:
            try:
                await self._admit()
                async with asyncio.timeout(_CONNECT_SECONDS):
                    await self._loop.create_connection(lambda: self, self._host, self._port)
            except (OSError, TimeoutError, LineshaftError) as error:
                if not self.trouble:
                    self._log.warning("modbus_proxy_device_away", host=self._host, port=self._port, reason=str(error))
                self.trouble = str(error) or "no connection in time"
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not of asyncio's class
        self._moved = clock.monotonic()
        if self.trouble:
            self._log.info("modbus_proxy_device_back", host=self._host, port=self._port)
        self.trouble = ""
        self._send_queued()

    def connection_lost(self, exc: Exception | None) -> None:
        self.trouble = str(exc) if exc else "the device closed the connection"
        self._transport, self._rest = None, b""
        pending, self._pending = self._pending, {}
        for waiting in pending.values():
            _fail(waiting)
        if self._queue and not self._closed and self._task is None:
            self._task = asyncio.create_task(self._connect(), name=f"modbus proxy {self._host}")

    def _lose(self) -> None:
        queue, self._queue = self._queue, deque()
        pending, self._pending = self._pending, {}
        for waiting in [*pending.values(), *queue]:
            _fail(waiting)


def _fail(waiting: Waiting) -> None:
    """Nobody knows whether the device took it."""
    with contextlib.suppress(ConnectionError):
        waiting.answered(waiting.tag, bytes((waiting.pdu[0] | _EXCEPTION, NO_ANSWER)))
