"""The forwarder: sends the store's batches to the hub, new ones before what is behind.

The line reads the store in order and keeps some batches on their way. When it is behind, the live lane begins at the
store's end and sends what comes from then on; the line, now the back-fill, goes on with fewer batches at a time, and
takes over again where the live lane began. Each batch says which is the oldest that may still come, so the history
knows a hole from what is only late. A boot's first batch in the line leaves only when everything before has arrived.

What the hub has is kept in memory only: a forwarder that starts again begins with what the history does not have.
"""

import asyncio
import contextlib
from typing import Any

import msgspec

from lineshaft.bus import EVENTS, BatchHeader, Bus, Gap, LiveMessage, StoredMessage, read_batch_header
from lineshaft.bus.envelopes import decode_body, forwarding_headers
from lineshaft.core.errors import DeadlineExceeded, InvalidInput, LineshaftError, TooLarge, Unavailable
from lineshaft.edge.forward.drops import Drops, source_times
from lineshaft.edge.forward.index import Index, holds
from lineshaft.edge.forward.rates import Rate
from lineshaft.edge.forward.store import Store
from lineshaft.edge.settings import EdgeSettings
from lineshaft.edge.tasks import end
from lineshaft.history.model import Held

BEHIND = 64
"""So many batches the line may be behind before the live lane begins."""
_LOOK_SECONDS = 0.5
_RETRY_SECONDS = 1.0
_MOST_AHEAD = 256
"""Stretches sent ahead at a time; with so many the live lane stays behind until the line has passed some."""


class Ahead(msgspec.Struct):
    """A stretch of the store that the live lane has sent: from `first` to before `end`."""

    first: int
    end: int


class Sent(msgspec.Struct, frozen=True):
    """A batch on its way."""

    boot: str
    seq: int
    dropped: list[Any]


class Forwarder:
    """Sends one store's batches to the hub until `run` is cancelled."""

    def __init__(self, store: Store, hub: Bus, drops: Drops, settings: EdgeSettings, log: Any) -> None:
        self.position = 1
        """The line has everything before it behind itself."""
        self.live: Ahead | None = None
        """What the live lane is sending, while there is one."""
        self.live_rate, self.backfill_rate = Rate(), Rate()
        self.trouble: LineshaftError | None = None
        """Why the hub takes nothing."""
        self.held = Held(gateway=settings.gateway, boots=[])
        self._store = store
        self._hub = hub
        self._drops = drops
        self._settings = settings
        self._log = log
        self._index = Index()
        self._created = ""
        self._ahead: list[Ahead] = []
        self._way: dict[int, Sent] = {}
        self._deliveries: set[asyncio.Task[None]] = set()
        self._line_boot = ""
        self._line_mark: tuple[str, int] | None = None
        self._floor = 0
        self._live_task: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()
        self._news = asyncio.Event()
        self._lost_end = asyncio.Event()

    # -- for the keeper and the status ----------------------------------------------------------------------------------

    def gone(self, position: int) -> None:
        """Everything up to a position has left the store."""
        self._index.forget(position)

    def has_sent(self, position: int) -> bool | None:
        """Whether the hub has the batch at a position; None while it is on its way there, which nobody can know."""
        if position in self._way:
            return None
        return position < self.position or any(stretch.first <= position < stretch.end for stretch in self._ahead)

    def waiting(self, last: int) -> int:
        """How many batches up to the store's last the hub does not have."""
        ahead = sum(
            stretch.end - max(stretch.first, self.position) for stretch in self._ahead if stretch.end > self.position
        )
        return max(0, last + 1 - self.position - ahead) + len(self._way)

    # -- running --------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send for ever; from the beginning once more where the hub's stream has lost its end."""
        await self._hub.subscribe(self._hub.subjects.held(self._settings.gateway), self._hear)
        forget = self._hub.on_connection(lambda connected: self._news.set() if connected else None)
        listening = asyncio.create_task(self._follow_held(), name="edge hears the history")
        try:
            while True:
                try:
                    await self._send_until_lost()
                except (Unavailable, DeadlineExceeded):  # the own bus is being started anew, or hangs
                    await asyncio.sleep(_RETRY_SECONDS)
                else:
                    self._log.warning("edge_hub_lost_its_end")
        finally:
            forget()
            await end(listening)

    async def _send_until_lost(self) -> None:
        state = await self._store.state()
        self._created, self.position, self._floor = state.created, state.first, 0
        self._ahead, self._line_boot, self._line_mark, self.live = [], "", None, None
        self._lost_end.clear()
        tasks = [
            asyncio.create_task(work, name=name)
            for work, name in (
                (self._line(), "edge line"), (self._watch(), "edge lanes"), (_wait(self._lost_end), "edge hub's end"),
            )
        ]  # fmt: skip
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            live = [self._live_task] if self._live_task is not None else []
            await end(*tasks, *live, *self._deliveries)
            self._live_task = None
            self._way.clear()

    # -- the line -------------------------------------------------------------------------------------------------------

    async def _line(self) -> None:
        while True:
            await self._pass_ahead()
            reader = self._store.read(self.position, "line", created=self._created)
            async with contextlib.aclosing(reader) as batches:
                async for messages in batches:
                    for message in messages:
                        await self._in_turn(message)
                        if await self._pass_ahead():
                            break
                    else:
                        continue
                    break

    async def _pass_ahead(self) -> bool:
        """Whether the line has come to a stretch that the live lane sent: it goes on behind it, alone."""
        if not self._ahead or self.position < self._ahead[0].first:
            return False
        stretch = self._ahead[0]
        if stretch is self.live:
            await end(self._live_task)
            self.live = self._live_task = None
            self._log.info("edge_caught_up", position=stretch.end)
        self._ahead.pop(0)
        self.position = max(self.position, stretch.end)
        return True

    async def _in_turn(self, message: StoredMessage) -> None:
        """Send the line's next batch, when it may go."""
        if message.sequence < self.position:
            return
        if message.sequence > self.position:
            self._index.void(self.position, message.sequence)
        header = self._header(message)
        if header is None or message.sequence <= self._left:
            self.position = message.sequence + 1
            return
        begins = header.boot != self._line_boot
        while self._must_wait(message.sequence, alone=begins or self._drops.waiting):
            self._moved.clear()
            await self._moved.wait()
        if message.sequence > self._left:
            self._line_mark = (header.boot, header.seq)
            # A boot's first batch always goes: it tells that the boots before are over.
            if begins or self._drops.waiting or not holds(self.held, header.boot, header.seq):
                self._launch(
                    message, header, self._drops.to_tell(), self.backfill_rate if self.live else self.live_rate
                )
            self._line_boot = header.boot
        self.position = message.sequence + 1

    @property
    def _left(self) -> int:
        """Up to where the keeper has let batches go: what was read of them before must not be sent after it is told."""
        return self._drops.up_to

    def _must_wait(self, position: int, *, alone: bool) -> bool:
        older = sum(1 for each in self._way if each < position)
        if not self._hub.connected or (alone and older):
            return True
        return older >= (self._settings.backfill_in_flight if self.live else self._settings.forward_in_flight)

    # -- the live lane ----------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Begin the live lane when the line is behind, and again at the store's end where it has fallen behind itself."""
        while True:
            self._moved.set()
            if self._live_task is not None and self._live_task.done():
                self._live_task.result()
            if self._hub.connected and self._line_mark is not None:
                with contextlib.suppress(Unavailable, DeadlineExceeded):
                    await self._look_at_lanes((await self._store.state()).last)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look_at_lanes(self, last: int) -> None:
        at = self.position if self.live is None else self.live.end
        if last + 1 - at <= BEHIND or len(self._ahead) >= _MOST_AHEAD:
            return
        await end(self._live_task)
        self.live = Ahead(last + 1, last + 1)
        self._ahead.append(self.live)
        self._log.info("edge_back_fill", batches=last + 1 - self.position)
        self._live_task = asyncio.create_task(self._send_live(self.live), name="edge live lane")

    async def _send_live(self, stretch: Ahead) -> None:
        reader = self._store.read(stretch.end, "live", created=self._created)
        async with contextlib.aclosing(reader) as batches:
            async for messages in batches:
                for message in messages:
                    while self._on_the_way_from(stretch.first) >= self._settings.forward_in_flight:
                        self._moved.clear()
                        await self._moved.wait()
                    header = self._header(message)
                    if header is not None and message.sequence > self._left:
                        self._launch(message, header, [], self.live_rate)
                    stretch.end = message.sequence + 1

    def _on_the_way_from(self, position: int) -> int:
        return sum(1 for each in self._way if each >= position)

    # -- one batch --------------------------------------------------------------------------------------------------------

    def _header(self, message: StoredMessage) -> BatchHeader | None:
        try:
            header = read_batch_header(message.subject, message.headers)
        except InvalidInput as error:  # the lane alone writes here
            self._log.error("edge_store_holds_no_batch", position=message.sequence, code=error.code)
            self._index.void(message.sequence, message.sequence + 1)
            return None
        self._index.note(message.sequence, header.boot, header.seq)
        return header

    def _launch(self, message: StoredMessage, header: BatchHeader, dropped: list[Any], rate: Rate) -> None:
        oldest = self._oldest(message.sequence, header, dropped)
        self._way[message.sequence] = Sent(header.boot, header.seq, dropped)
        headers = {name: value for name, value in message.headers.items() if not name.startswith("Nats-")}
        headers |= forwarding_headers(oldest, message.time_us, dropped)
        delivery = asyncio.create_task(self._deliver(message, header.message_id, headers, rate))
        self._deliveries.add(delivery)
        delivery.add_done_callback(self._deliveries.discard)

    def _oldest(self, position: int, header: BatchHeader, told: list[Any]) -> tuple[str, int]:
        """The oldest batch that may still come, or one before it.

        One that was dropped counts as such until the hub knows: this message may be there before the one that tells it.
        """
        untold = self._drops.untold(told)
        if untold is not None:
            return untold.boot, untold.from_seq
        behind = self.live is not None and position >= self.live.first
        first = min(self._way, default=None)
        if first is not None and first < position and not (behind and first >= self._ahead[0].first):
            return self._way[first].boot, self._way[first].seq
        if behind:
            assert self._line_mark is not None
            return self._line_mark
        return header.boot, header.seq

    async def _deliver(self, message: StoredMessage, message_id: str, headers: dict[str, str], rate: Rate) -> None:
        """Publish until the hub has it on disk, or can never take it."""
        seconds = self._settings.publish_timeout_seconds
        while True:
            try:
                await self._hub.wait_connected()
                floor = self._floor
                stored = await self._hub.publish_stored(
                    message.subject, message.data, headers, message_id, timeout=seconds
                )
            except TooLarge as error:
                self._log.error("edge_batch_too_large_for_hub", message_id=message_id, message=error.message)
                message, headers = _without_rows(message, headers, error.message)
            except LineshaftError as error:
                self._in_trouble(error)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                if not stored.duplicate and stored.sequence <= floor:
                    self._lost_end.set()
                self._floor = max(self._floor, stored.sequence)
                self._in_trouble(None)
                rate.count()
                break
        sent = self._way.pop(message.sequence)
        if sent.dropped:
            with contextlib.suppress(OSError):  # told once more then, which is no second gap
                self._drops.told(sent.dropped)
        self._moved.set()

    def _in_trouble(self, error: LineshaftError | None) -> None:
        before, self.trouble = self.trouble, error
        if error is not None and before is None:
            log = self._log.warning if isinstance(error, Unavailable) else self._log.error
            log("edge_hub_refuses", code=error.code, message=error.message, hint=error.hint)
        if error is None and before is not None:
            self._log.info("edge_hub_recovered")

    # -- what the history has ---------------------------------------------------------------------------------------------

    async def _hear(self, message: LiveMessage) -> None:
        self._take(message.data)
        self._news.set()

    async def _follow_held(self) -> None:
        """After each word of the history, and each time the hub is back: let go what it has."""
        subject = self._hub.subjects.held(self._settings.gateway)
        asked = False
        while True:
            self._news.clear()
            try:
                if self._hub.connected and not asked:
                    found = await self._hub.last_message(EVENTS, subject)
                    if found is not None:
                        self._take(found.data)
                    asked = True
                await self._let_go()
            except LineshaftError as error:
                self._log.debug("edge_held_not_asked", code=error.code)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_RETRY_SECONDS):
                    await self._news.wait()
            asked = asked and self._hub.connected

    def _take(self, body: bytes) -> None:
        try:
            self.held = decode_body(body, Held)
        except InvalidInput as error:
            self._log.error("edge_held_unreadable", code=error.code, message=error.message)

    async def _let_go(self) -> None:
        position = self._index.held_up_to(self.held)
        if position:
            await self._store.trim(position)
            self.gone(position)


def _without_rows(message: StoredMessage, headers: dict[str, str], reason: str) -> tuple[StoredMessage, dict[str, str]]:
    """The batch with a gap record in place of its rows."""
    from_ts, to_ts = source_times(message)
    lost = Gap(cause="dropped", from_ts=from_ts, to_ts=to_ts, rows=int(headers["Ls-Rows"]), detail=reason)
    told = headers.get("Ls-Gap")
    if told is not None:  # a batch tells one gap
        lost = msgspec.structs.replace(lost, detail=f"{reason}; with it went: {told}"[:500])
    empty = msgspec.structs.replace(message, data=b"")
    return empty, {**headers, "Ls-Rows": "0", "Ls-Gap": msgspec.json.encode(lost).decode()}


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
