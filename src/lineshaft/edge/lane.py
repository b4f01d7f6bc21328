"""A lane: rows of all devices in, numbered batches out, in strict order, each confirmed by the bus before the next.

Rows gather in columns until there are enough of them or the oldest has waited long enough; then they become a parcel.
The parcel at the head is sent until the bus has it on disk; its number is given at that moment, so dropping a parcel
that was never sent leaves no hole. What may wait is bounded by bytes and by age: beyond it the oldest parcels go, and a
gap record on the next batch says what was in them.

A lane is one boot: a random id and sequence numbers from 1. Killed at any moment, it leaves only a boot without a last
batch, from which history tells the restart; what the bus confirmed is on disk, and what it did not is the device's.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from lineshaft.bus import BatchHeader
from lineshaft.core import clock, ids, logs
from lineshaft.core.errors import InvalidInput, LineshaftError, TooLarge, Unavailable
from lineshaft.edge import metrics
from lineshaft.edge.columns import Columns
from lineshaft.edge.gaps import Gap, merge
from lineshaft.edge.settings import EdgeSettings
from lineshaft.edge.tasks import end

GROUP = "live"
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0
_ROOM_FOR_HEADERS = 4096


class Publisher(Protocol):
    """What a lane needs of the bus."""

    @property
    def max_payload(self) -> int: ...

    async def publish_stored(
        self, subject: str, payload: bytes, headers: Mapping[str, str] | None = None,
        message_id: str | None = None, *, timeout: float = 5.0,
    ) -> Any: ...  # fmt: skip


class Parcel(msgspec.Struct, kw_only=True):
    """One batch on its way, without its number."""

    payload: bytes
    rows: int
    from_ts: int
    to_ts: int
    config: int
    made: float
    """On the monotonic clock."""
    gap: Gap | None = None
    complete_us: int | None = None
    """Source time before which every sample has gone with this batch; None: unknown."""
    last: bool = False


class Lane:
    """Sends rows to the bus.

    Args:
        publisher: the bus.
        subject: where this lane's batches go.
    """

    def __init__(self, publisher: Publisher, subject: str, settings: EdgeSettings) -> None:
        self.boot = ids.new_id()
        self.config = 0
        """Version of the configuration that the rows' tag numbers come from; flush before it changes."""
        self.sent_seq = 0
        """Number of the newest batch that the bus has on disk."""
        self.waiting_bytes = 0
        self.complete_us: Callable[[], int | None] = lambda: None
        """Asked for each batch: the source time before which every sample has been appended; None: unknown."""
        self._publisher = publisher
        self._subject = subject
        self._settings = settings
        self._columns = Columns(2 * settings.flush_rows)
        self._gaps: list[Gap] = []
        self._timer: asyncio.TimerHandle | None = None
        self._parcels: deque[Parcel] = deque()
        self._sending: Parcel | None = None
        self._news = asyncio.Event()
        self._emptied = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._log = logs.get("edge")

    # -- rows in --------------------------------------------------------------------------------------------------------

    def append(self, columns: Columns, tags: Any) -> None:
        """Take rows whose tags' numbers are `tags`."""
        self._columns.extend(columns, tags)
        metrics.ROWS.inc(columns.rows)
        if self._columns.rows >= self._settings.flush_rows:
            self.flush()
        else:
            self._flush_later()

    def gap(self, gap: Gap) -> None:
        """Have the next batch say that samples are missing."""
        metrics.GAPS.labels(gap.cause).inc()
        self._gaps.append(gap)
        self._flush_later()

    def flush(self) -> None:
        """Make parcels of the rows and gaps gathered so far."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        gaps, self._gaps = merge(self._gaps), []
        for gap in gaps[1:]:  # a batch tells one gap; further ones go before it in batches of no rows
            self._enqueue(self._parcel(Columns(1), gap))
        if self._columns.rows or gaps:
            self._pack(self._columns, gaps[0] if gaps else None)
        self._columns.clear()
        self._shed()

    def _flush_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._settings.flush_seconds, self.flush)

    def _pack(self, columns: Columns, gap: Gap | None) -> None:
        """Enqueue rows as one parcel, or as several where one would be over the bus's limit."""
        try:
            parcel = self._parcel(columns, gap, self.complete_us())
        except (
            InvalidInput,
            ValueError,
        ) as error:  # a rule of the batch that the intake does not know: a fault of ours
            self._log.error("edge_batch_refused", error=str(error), rows=columns.rows)
            times = columns.ts[: columns.rows]
            detail = f"the rows broke a rule of the batch: {error}"
            self._lose(columns.rows, int(times.min()), int(times.max()), detail)
            if gap is not None:  # it is not of these rows: the next batch tells it
                self._gaps.append(gap)
                self._flush_later()
            return
        for piece in self._fit(parcel):
            self._enqueue(piece)

    def _fit(self, parcel: Parcel) -> list[Parcel]:
        """The parcel, or halves of it until each is within the bus's limit. A row that never is, is lost with a gap."""
        limit = self._publisher.max_payload - _ROOM_FOR_HEADERS
        if len(parcel.payload) <= limit:
            return [parcel]
        if parcel.rows <= 1:
            detail = f"one row is {len(parcel.payload)} bytes, over the bus's limit of {limit}"
            self._lose(parcel.rows, parcel.from_ts, parcel.to_ts, detail)
            return [self._without_rows(parcel)] if parcel.gap is not None or parcel.last else []
        from lineshaft.edge import batch

        pieces = []
        for number, (payload, rows) in enumerate(batch.halves(parcel.payload)):
            gap = parcel.gap if number == 0 else None
            complete_us = parcel.complete_us
            if number == 0 and complete_us is not None:  # what the second half holds is still to come
                complete_us = min(complete_us, parcel.from_ts)
            last = parcel.last and number == 1
            piece = msgspec.structs.replace(
                parcel, payload=payload, rows=rows, gap=gap, complete_us=complete_us, last=last
            )
            pieces += self._fit(piece)
        return pieces

    def _without_rows(self, parcel: Parcel) -> Parcel:
        """What a parcel says beside its rows."""
        said = self._parcel(Columns(1), parcel.gap)
        return msgspec.structs.replace(said, last=parcel.last)

    def _parcel(self, columns: Columns, gap: Gap | None, complete_us: int | None = None) -> Parcel:
        from lineshaft.edge import batch

        rows = columns.rows
        times = columns.ts[:rows]
        return Parcel(
            payload=batch.encode(columns), rows=rows, config=self.config, made=clock.monotonic(), gap=gap,
            complete_us=complete_us,
            from_ts=int(times.min()) if rows else 0, to_ts=int(times.max()) if rows else 0,
        )  # fmt: skip

    def _enqueue(self, parcel: Parcel) -> None:
        self._parcels.append(parcel)
        self.waiting_bytes += len(parcel.payload)
        metrics.WAITING_BYTES.set(self.waiting_bytes)
        self._emptied.clear()
        self._news.set()

    def _lose(self, rows: int, from_ts: int, to_ts: int, detail: str) -> None:
        metrics.DROPPED.inc(rows)
        self.gap(Gap(cause="dropped", from_ts=from_ts, to_ts=to_ts, rows=rows, detail=detail))

    # -- bounds -----------------------------------------------------------------------------------------------------------

    def _shed(self) -> None:
        """Drop the oldest parcels that were never sent while too many bytes wait, or they have waited too long."""
        dropped: list[Gap] = []
        oldest = clock.monotonic() - self._settings.buffer_seconds
        while self._parcels and (self.waiting_bytes > self._settings.buffer_bytes or self._parcels[0].made < oldest):
            parcel = self._parcels.popleft()
            self.waiting_bytes -= len(parcel.payload)
            if parcel.gap is not None:
                dropped.append(parcel.gap)
            if parcel.rows:
                metrics.DROPPED.inc(parcel.rows)
                dropped.append(
                    Gap(
                        cause="dropped", from_ts=parcel.from_ts, to_ts=parcel.to_ts, rows=parcel.rows,
                        detail="the bus did not take the batches in time and the gateway's buffer was full",
                    )
                )  # fmt: skip
        if not dropped:
            return
        metrics.WAITING_BYTES.set(self.waiting_bytes)
        gaps = merge(dropped)
        if not any(parcel.gap and parcel.gap.cause == "dropped" for parcel in self._parcels):
            self._log.warning("edge_rows_dropped", rows=sum(gap.rows for gap in gaps if gap.cause == "dropped"))
        self._tell_first(gaps)

    def _tell_first(self, gaps: list[Gap]) -> None:
        """Put gap records before what still waits, joined with those that are there already."""
        while self._parcels and self._parcels[0].rows == 0 and not self._parcels[0].last:
            parcel = self._parcels.popleft()
            self.waiting_bytes -= len(parcel.payload)
            gaps += [parcel.gap] if parcel.gap is not None else []
        for gap in reversed(merge(gaps)):
            parcel = self._parcel(Columns(1), gap)
            self._parcels.appendleft(parcel)
            self.waiting_bytes += len(parcel.payload)
        self._emptied.clear()
        self._news.set()

    # -- batches out ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._send_all(), name="edge lane")

    async def close(self, seconds: float, *, last: bool = True) -> bool:
        """Send what is left; whether the bus confirmed it within `seconds`.

        Args:
            last: say that it was the last. Where nobody asked for the stop that is not said, and history tells a restart.
        """
        if self._task is None or self._task.done():
            return self._emptied.is_set()
        self.flush()
        try:
            if last:
                if not self._parcels:  # one under way may be stored already: it must not change any more
                    self._enqueue(self._parcel(Columns(1), None))
                self._parcels[-1].last = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._emptied.wait()
            return self._emptied.is_set()
        finally:
            await end(self._task)

    async def _send_all(self) -> None:
        while True:
            while not self._parcels:
                self._emptied.set()
                self._news.clear()
                await self._news.wait()
            self._sending = self._parcels.popleft()
            await self._send(self._sending)
            self.waiting_bytes -= len(self._sending.payload)
            metrics.WAITING_BYTES.set(self.waiting_bytes)
            self._sending = None

    async def _send(self, parcel: Parcel) -> None:
        """Publish one parcel until the bus has it, or has refused it for good."""
        header = BatchHeader(
            gateway=self._settings.gateway, boot=self.boot, seq=self.sent_seq + 1, rows=parcel.rows, group=GROUP,
            config=parcel.config, first=self.sent_seq == 0, last=parcel.last, gap=parcel.gap,
            complete_us=parcel.complete_us,
        )  # fmt: skip
        headers, pause, troubled = header.to_headers(), _FIRST_PAUSE_SECONDS, False
        while True:
            try:
                await self._publisher.publish_stored(
                    self._subject, parcel.payload, headers, header.message_id,
                    timeout=self._settings.publish_timeout_seconds,
                )  # fmt: skip
            except TooLarge:  # the bus's limit is smaller than it was when the parcel was made
                self._halve(parcel)
                return
            except LineshaftError as error:
                if not troubled:
                    log = self._log.warning if isinstance(error, Unavailable) else self._log.error
                    log("edge_bus_lost", code=error.code, message=error.message, hint=error.hint, seq=header.seq)
                troubled = True
                self._shed()
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            else:
                break
        if troubled:
            self._log.info("edge_bus_recovered", seq=header.seq, waiting=len(self._parcels))
        self.sent_seq = header.seq
        metrics.BATCHES.inc()

    def _halve(self, parcel: Parcel) -> None:
        """Put the parcel back in pieces, in its place at the head."""
        for piece in reversed(self._fit(parcel)):
            self._parcels.appendleft(piece)
            self.waiting_bytes += len(piece.payload)
