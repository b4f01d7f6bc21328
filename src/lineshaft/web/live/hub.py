"""All live connections: at most ten ticks a second while values change and somebody listens, else none."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

from prometheus_client import Counter, Gauge

from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError, TooMany
from lineshaft.web.callers import Caller
from lineshaft.web.live import messages
from lineshaft.web.live.board import Board
from lineshaft.web.live.listener import Listener, TextSocket, Tick

GATHER_SECONDS = 0.02
"""One scan comes in several batches, from several gateways: this long they are waited for, to go out together."""
STATE_SECONDS = 5.0
VERIFY_SECONDS = 1.0
"""With the two seconds for which access believes what it verified, a revocation is felt within five."""

CLIENTS = Gauge("lineshaft_live_clients", "Live connections open.")
MESSAGES = Counter("lineshaft_live_messages_total", "Messages with values delivered to live clients.")


class Connection(Protocol):
    """What the hub must be able to do to a connection."""

    listener: Listener
    caller: Caller

    async def end(self, error: LineshaftError) -> None:
        """Close the connection: its caller may no longer have it."""
        ...

    async def review(self) -> None:
        """Give up the tags that the caller may no longer have."""
        ...


Prove = Callable[[Caller], Awaitable[LineshaftError | None]]
"""Whether a caller may still listen: None, or why not."""


class LiveHub:
    """Gives every listener its tick, the state of the feed, and has its right to listen verified."""

    def __init__(
        self,
        board: Board,
        *,
        hertz: float,
        clients: int,
        prove: Prove,
        fail: Callable[[BaseException], None],
        verify_seconds: float = VERIFY_SECONDS,
    ) -> None:
        self._board = board
        self._tick_seconds = 1.0 / hertz
        self._maximum = clients
        self._prove = prove
        self._fail = fail
        self._verify_seconds = verify_seconds
        self._connections: set[Connection] = set()
        self._wanted = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.stale = True
        """True while no values can come: the bus is not connected."""

    def start(self) -> None:
        """Begin to tick."""
        self._tasks = [
            asyncio.create_task(self._tick_on_change(), name="live-ticks"),
            asyncio.create_task(self._every(STATE_SECONDS, self._tell_state), name="live-state"),
            asyncio.create_task(self._every(self._verify_seconds, self.verify), name="live-verify"),
        ]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Stop ticking; connections are closed by the server that holds them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def listener(self, socket: TextSocket) -> Listener:
        """A listener for a new connection.

        Raises:
            TooMany: as many are open as the settings allow.
        """
        if len(self._connections) >= self._maximum:
            raise TooMany(
                "web.live_clients_exceeded", f"{self._maximum} live connections are open, which is the limit",
                "Close one, or raise the setting web.live_clients.", maximum=self._maximum, retry_seconds=30,
            )  # fmt: skip
        return Listener(socket, self._board, self._tick_seconds)

    def add(self, connection: Connection) -> None:
        """Serve a connection from the next tick on."""
        self._connections.add(connection)
        CLIENTS.set(len(self._connections))
        self._wanted.set()
        connection.listener.tell(messages.state(stale=self.stale, now_us=clock.now_us()))

    def remove(self, connection: Connection) -> None:
        """Forget a connection."""
        connection.listener.close()
        self._connections.discard(connection)
        CLIENTS.set(len(self._connections))
        if not self._connections:
            self._wanted.clear()

    def set_stale(self, stale: bool) -> None:  # noqa: FBT001 (the state itself)
        """Say, and tell everybody at once, whether values can come."""
        if stale != self.stale:
            self.stale = stale
            self._tell()

    async def verify(self) -> None:
        """End the connections whose callers may no longer listen; each credential is proved once for all it opened."""
        by_credential = defaultdict(list)
        for connection in self._connections:
            caller = connection.caller
            # Certificates too: whoever has nothing else has an empty credential.
            by_credential[caller.credential, caller.certificate].append(connection)
        for connections in by_credential.values():
            error = await self._prove(connections[0].caller)
            if error is not None:
                await asyncio.gather(*(connection.end(error) for connection in connections))
            else:
                await asyncio.gather(*(connection.review() for connection in connections))

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """Without its ticks the hub is worth nothing: say so instead of falling silent."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._wanted.wait()
            await asyncio.sleep(seconds)
            await work()

    async def _tick_on_change(self) -> None:
        """A tick as soon as something changed, the next one not before its time; while a client is behind, every time."""
        while True:
            await self._wanted.wait()
            if not any(listener.behind for listener in self._listeners()):
                await self._board.changed.wait()
                await asyncio.sleep(GATHER_SECONDS)
            self._tick()
            await asyncio.sleep(self._tick_seconds - GATHER_SECONDS)

    def _tick(self) -> None:
        tick = Tick(self._board.close_tick())
        now = clock.monotonic()
        MESSAGES.inc(sum(listener.offer(tick, now) for listener in self._listeners()))

    async def _tell_state(self) -> None:
        self._tell()

    def _tell(self) -> None:
        message = messages.state(stale=self.stale, now_us=clock.now_us())
        for listener in self._listeners():
            listener.tell(message)

    def _listeners(self) -> Iterator[Listener]:
        return (connection.listener for connection in self._connections)
