"""What flows in: every telemetry batch of the site as it passes by, on top of a snapshot of the newest values.

A live subscription misses what passes while the bus is away or too fast, so after each reconnect and after each loss
the snapshot is fetched again; the table keeps the newest of both, whichever comes first.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pyarrow as pa
import pyarrow.compute as pc
from prometheus_client import Counter

from lineshaft.bus import Bus
from lineshaft.bus.live import LiveMessage, Subscription
from lineshaft.bus.telemetry import decode
from lineshaft.core import clock, logs
from lineshaft.core.errors import LineshaftError
from lineshaft.history import LatestTable
from lineshaft.web.live.board import Board

WATCH_SECONDS = 2.0
RETRY_SECONDS = 2.0

ROWS = Counter("lineshaft_live_rows_total", "Samples taken in for live push.")
UNREADABLE = Counter("lineshaft_live_unreadable_total", "Telemetry batches passed over because they cannot be read.")

Snapshot = Callable[[], Awaitable[pa.RecordBatch]]
"""The newest sample of every tag, as the history holds it."""


class Feed:
    """Keeps the table filled and the board marked."""

    def __init__(
        self, bus: Bus, table: LatestTable, board: Board, snapshot: Snapshot, set_stale: Callable[[bool], None]
    ) -> None:
        self._bus = bus
        self._table = table
        self._board = board
        self._snapshot = snapshot
        self._set_stale = set_stale
        self._subscription: Subscription | None = None
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unwatch: Callable[[], None] | None = None
        self._log = logs.get("web")
        self.loaded = False
        """A snapshot has been loaded since the last connection."""

    async def start(self) -> None:
        """Begin to listen; values arrive once the bus is there."""
        # First listen, then ask: what comes between the two is in both, never in neither.
        self._subscription = await self._bus.subscribe(self._bus.subjects.all_data(), self._take)
        self._unwatch = self._bus.on_connection(self._connection)
        self._connection(self._bus.connected)
        self._task = asyncio.create_task(self._keep_loaded(), name="live-snapshot")

    async def stop(self) -> None:
        if self._unwatch is not None:
            self._unwatch()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._subscription is not None:
            await self._subscription.stop()

    def _connection(self, connected: bool) -> None:  # noqa: FBT001  # a watcher's one argument
        self._set_stale(not connected)
        self.loaded = False
        if connected:
            self._wanted.set()

    async def _take(self, message: LiveMessage) -> None:
        try:
            rows = decode(message.data)
        except LineshaftError:
            UNREADABLE.inc()  # the history writer sets it aside and says so
            return
        ROWS.inc(len(rows))
        now = clock.now_us()
        self._board.mark(self._table.update(_with_arrival(rows, now), now))

    async def _keep_loaded(self) -> None:
        """Load a snapshot whenever one is wanted; say once when that fails and once when it works again."""
        failing = False
        dropped = 0
        while True:
            try:
                async with asyncio.timeout(WATCH_SECONDS):
                    await self._wanted.wait()
            except TimeoutError:
                assert self._subscription is not None
                if self._subscription.dropped > dropped:
                    dropped = self._subscription.dropped
                    self._wanted.set()
                continue
            self._wanted.clear()
            try:
                rows = await self._snapshot()
            except LineshaftError as error:
                if not failing:
                    self._log.warning("live_snapshot_missing", code=error.code, message=error.message)
                failing = True
                await asyncio.sleep(RETRY_SECONDS)
                self._wanted.set()
                continue
            if failing:
                self._log.info("live_snapshot_loaded")
            failing = False
            self._board.mark(self._table.update(rows))
            self.loaded = True


def _with_arrival(rows: pa.RecordBatch, now_us: int) -> pa.RecordBatch:
    """The rows with the time of now where a foreign gateway gave no arrival."""
    arrival = rows.column("arrival")
    if not arrival.null_count:
        return rows
    filled = pc.fill_null(arrival, pa.scalar(now_us, arrival.type))
    return rows.set_column(rows.schema.get_field_index("arrival"), rows.schema.field("arrival"), filled)
