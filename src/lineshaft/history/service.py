"""The history service: reads the telemetry stream, seals, trims, answers for what is hot.

Two tasks share one writer: `_read` takes messages in and stops while memory is full; `_keep_sealing` puts them into the
table when they are old or many enough, then publishes how far the table is and trims the stream up to there.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from copy import copy

import msgspec

from lineshaft.bus import (
    TELEMETRY,
    BatchHeader,
    Bus,
    BusSettings,
    StoredMessage,
    StreamReader,
    StreamState,
    decode_body,
)
from lineshaft.bus.telemetry import decode
from lineshaft.core import clock, ids
from lineshaft.core.errors import Conflict, Forbidden, LineshaftError, NotFound, TooLarge, Unavailable
from lineshaft.core.health import Check
from lineshaft.core.service import Context, Service
from lineshaft.history import memory, metrics
from lineshaft.history.answers import (
    CorrectAnswer,
    CorrectRequest,
    HotRequest,
    LatestRequest,
    Position,
    SealAnswer,
    SealRequest,
    latest_head,
    sorted_tags,
    stream_rows,
)
from lineshaft.history.committer import Committer
from lineshaft.history.corrections.record import GROUP, LANE, note_header
from lineshaft.history.faults import not_ready
from lineshaft.history.hot import select
from lineshaft.history.lanes import held
from lineshaft.history.maintenance.keeper import Keeper
from lineshaft.history.model import Committed, Held, HistoryStatus
from lineshaft.history.owners import Owners
from lineshaft.history.resharding import ChangeOver
from lineshaft.history.settings import HistorySettings
from lineshaft.history.shards import check_shard, verb_of
from lineshaft.history.writer import Counts, Writer

_LONGEST_PAUSE_SECONDS = 60.0
_BUS_PAUSE_SECONDS = 1.0
_LOOK_SECONDS = 1.0
_CORRECTION_SECONDS = 30.0
_YIELD_EVERY = 16
FOLLOW_SECONDS = 10.0
"""How often a writer looks for what others committed: a few file names."""
_SHARDS_DIFFER = "history.shards_differ"
_OVERTAKEN = ("history.commit_conflict", "history.writer_superseded")
_STREAM_CHANGED = ("bus.stream_recreated", "bus.stream_behind", "history.stream_replaced")


class HistoryService(Service):
    """Writer and hot values of one installation."""

    NAME = "history"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._settings = context.settings.of(HistorySettings)
        check_shard(self._settings.shard, self._settings.shards)
        self._reader = f"shard-{self._settings.shard}" if self._settings.shard else ""
        self._storage = self._settings.storage(context.home)
        self._bus: Bus | None = None
        self._owners: Owners | None = None
        self._writer: Writer | None = None
        self._stream: StreamState | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._wanted = asyncio.Event()
        self._room = asyncio.Event()
        self._took = asyncio.Event()
        self._trouble: LineshaftError | None = None
        self._waiting_for = "the bus"
        self._counted = Counts()
        self._follow_at = 0.0
        self._told: dict[str, Held] = {}
        self._keeper = Keeper(context, lambda: None if self._writer is None else self._writer.version)

    async def start(self) -> None:
        memory.economise()
        self._bus = await Bus.connect(self.context.settings.of(BusSettings), self.context.home, self.NAME, wait=0)
        self._owners = Owners(self._bus)
        await self._owners.follow()
        shard = self._settings.shard
        await self._bus.serve_stream("history", verb_of("latest", shard), self._answer_latest)
        await self._bus.serve_stream("history", verb_of("hot", shard), self._answer_hot)
        await self._bus.serve("history", verb_of("seal", shard), self._answer_seal)
        await self._bus.serve("history", verb_of("status", shard), self._answer_status)
        if shard == 0:
            await self._serve_all()
        self._tasks = [
            asyncio.create_task(self._guarded(self._read), name="history reads"),
            asyncio.create_task(self._guarded(self._keep_sealing), name="history seals"),
        ]

    async def _serve_all(self) -> None:
        """What the first shard does for all."""
        await self.bus.serve("history", "gaps", self._answer_gaps)
        await self.bus.serve("history", "correct", self._answer_correct)
        await self.bus.serve("history", "maintain", self._answer_maintain)
        self._keeper.start()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._keeper.stop()
        if self._writer is not None:
            await self._writer.close()
        if self._bus is not None:
            await self._bus.close()

    async def checks(self) -> list[Check]:
        if self._bus is None:
            return [Check(name="bus", ok=False, detail="starting", hint="It goes on by itself.")]
        waiting = "" if self._writer is not None else f"waiting for {self._waiting_for}"
        return [
            self._bus.check(),
            Check(name="reading", ok=not waiting, detail=waiting, hint="It goes on by itself." if waiting else ""),
            Check.of("sealing", self._trouble),
            self._keeper.check(),
        ]  # fmt: skip

    @property
    def writer(self) -> Writer | None:
        """The writer, once it has opened the tables."""
        return self._writer

    @property
    def stream(self) -> StreamState | None:
        """The stream that is being read, as it was when the writer opened the tables."""
        return self._stream

    @property
    def bus(self) -> Bus:
        assert self._bus is not None
        return self._bus

    async def _guarded(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """A task that cannot go on ends the process; the supervisor starts it anew from the table and the stream."""
        try:
            await work()
        except Exception as error:  # the boundary of the service
            if not isinstance(error, LineshaftError):
                self.log.exception("history_task_failed")
            self.fail(error)

    # -- reading ------------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        anew = False
        while True:
            state = await self._stream_state()
            writer = await self._open(state, anew=anew)
            anew = False
            try:
                # The last message taken in once more, where the stream has it: the writer sees whether it is the same.
                first = writer.sequence + (writer.sequence < state.first)
                async with contextlib.aclosing(
                    self.bus.read_stream(TELEMETRY, first, reader=self._reader, created=state.created)
                ) as batches:
                    async for messages in batches:
                        await self._take(writer, messages)
            except Conflict as error:
                if error.code not in _STREAM_CHANGED:
                    raise
                self.log.warning("history_stream_changed", code=error.code, message=error.message)
                anew = error.code != "bus.stream_recreated"
            except NotFound as error:
                self.log.warning("history_stream_missing", code=error.code, message=error.message)
            await self._drain(writer)

    async def _stream_state(self) -> StreamState:
        """The stream as it is now; waits until the bus has it."""
        said = ""
        while True:
            try:
                return await self.bus.stream_info(TELEMETRY)
            except Forbidden:
                raise
            except LineshaftError as error:
                self._waiting_for = error.message
                if error.code != said:
                    said = error.code
                    self.log.info("history_waits_for_stream", code=error.code, message=error.message)
                await asyncio.sleep(_BUS_PAUSE_SECONDS)

    async def _open(self, state: StreamState, *, anew: bool) -> Writer:
        pause = self._settings.retry_seconds
        while True:
            committer = Committer(self._storage)
            writer = Writer(
                self._settings, self._storage, committer, self._keep_dead_letter, self._settings.shard,
                owners=self._owners,
            )  # fmt: skip
            try:
                await writer.open(TELEMETRY, state.created, first=state.first, anew=anew)
            except asyncio.CancelledError:
                await writer.close()
                raise
            except LineshaftError as error:
                await writer.close()
                trouble = await self._overcome(state, error)
                if trouble is None:
                    continue
                self._trouble_with(trouble)
                self._waiting_for = trouble.message
                await asyncio.sleep(pause)
                if trouble.code != _SHARDS_DIFFER:
                    pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                continue
            self._writer, self._stream, self._counted = writer, state, Counts()
            self._trouble_with(None)
            self._told.clear()
            with contextlib.suppress(LineshaftError):  # the next seal makes it good
                await self._tell_gateways(writer)
            return writer

    async def _overcome(self, state: StreamState, error: LineshaftError) -> LineshaftError | None:
        """What keeps the tables from being opened and may pass; None where it has been put right.

        Raises:
            LineshaftError: what does not pass.
        """
        if error.code == _SHARDS_DIFFER and self._settings.shard == 0:
            try:
                await self._change_shards(state, int(error.facts["found"]))
            except LineshaftError as failure:
                if failure.code in _OVERTAKEN:  # an old shard is at work again
                    return failure
                error = failure
            else:
                return None
        if error.status != 503:  # unavailable: a full disk, a folder that is not mounted yet
            raise error
        return error

    async def _change_shards(self, state: StreamState, found: int) -> None:
        """Take the table over from another number of shards."""

        def make(settings: HistorySettings, committer: Committer) -> Writer:
            return Writer(
                settings, self._storage, committer, self._keep_dead_letter, settings.shard, owners=self._owners
            )

        def read(first: int) -> contextlib.aclosing[StreamReader]:
            return contextlib.aclosing(
                self.bus.read_stream(TELEMETRY, first, reader=self._reader, created=state.created)
            )

        stream = (TELEMETRY, state.created)
        await ChangeOver(self._settings, self._storage, found, stream, state.first, make, read).run()

    async def _take(self, writer: Writer, messages: list[StoredMessage]) -> None:
        taken = 0
        while taken < len(messages):
            if writer.hot.bytes >= 2 * self._settings.seal_bytes:
                await self._wait_for_room(writer)
            before = taken
            taken += await self._take_some(writer, messages[taken : taken + _YIELD_EVERY])
            if taken // _YIELD_EVERY != before // _YIELD_EVERY:
                await asyncio.sleep(0)
        self._took.set()
        if writer.hot.open_bytes >= self._settings.seal_bytes:
            self._wanted.set()
        self._measure(writer)

    async def _take_some(self, writer: Writer, messages: list[StoredMessage]) -> int:
        while True:
            try:
                return await writer.take_some(messages)
            except Unavailable as error:
                self.log.warning("history_message_waits", code=error.code, message=error.message)
                await asyncio.sleep(self._settings.retry_seconds)

    async def _wait_for_room(self, writer: Writer) -> None:
        """Take in no more while memory is full: the stream keeps what is not read."""
        while writer.hot.bytes >= 2 * self._settings.seal_bytes:
            self._room.clear()
            self._wanted.set()
            await self._room.wait()

    async def _drain(self, writer: Writer) -> None:
        """Put what an old stream gave into the table before a new one is read."""
        while writer.sequence > writer.committed:
            await self._seal_once(writer)
            if self._trouble is not None:
                await asyncio.sleep(self._settings.retry_seconds)
        self._writer = None
        await writer.close()

    async def _keep_dead_letter(self, message: StoredMessage, reason: str) -> None:
        """Store a message that cannot be read beside the stream; returns once it is on disk."""
        state = self._stream
        headers = {
            **{key: value for key, value in message.headers.items() if not key.startswith("Nats-")},
            "Ls-Reason": reason, "Ls-Subject": message.subject, "Ls-Sequence": str(message.sequence),
            "Ls-Time": clock.rfc3339(message.time_us),
        }  # fmt: skip
        message_id = f"dead:{state.created if state else ''}:{message.sequence}"
        data = message.data
        while True:
            try:
                await self.bus.publish_stored(self.bus.subjects.dead("history"), data, headers, message_id)
            except TooLarge:
                data, headers["Ls-Cut"] = data[: len(data) // 2], str(len(message.data))
            except Forbidden:
                raise
            except LineshaftError as error:
                self.log.warning("history_dead_letter_waits", code=error.code, message=error.message)
                await asyncio.sleep(_BUS_PAUSE_SECONDS)
            else:
                return

    # -- sealing ------------------------------------------------------------------------------------------------------

    async def _keep_sealing(self) -> None:
        pause = self._settings.retry_seconds
        while True:
            await self._wait_until_due()
            writer = self._writer
            if writer is None:
                continue
            await self._seal_once(writer)
            if self._trouble is None:
                pause = self._settings.retry_seconds
            else:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                self._wanted.set()

    async def _wait_until_due(self) -> None:
        """Return when a seal is asked for, or when something has waited long enough."""
        while True:
            await self._follow_others()
            since = self._writer.waiting_since if self._writer is not None else None
            left = _LOOK_SECONDS if since is None else since + self._settings.seal_seconds - clock.monotonic()
            if left <= 0:
                return
            with contextlib.suppress(TimeoutError):
                # No `wait_for`: before Python 3.12 it swallows a cancellation that comes together with the event.
                async with asyncio.timeout(min(left, _LOOK_SECONDS, self._settings.seal_seconds)):
                    await self._wanted.wait()
                self._wanted.clear()
                return

    async def _follow_others(self) -> None:
        """Now and then see what others committed, whether or not there is anything to seal here."""
        if self._writer is None or clock.monotonic() < self._follow_at:
            return
        self._follow_at = clock.monotonic() + FOLLOW_SECONDS
        with contextlib.suppress(OSError):  # a seal says what is wrong with the storage
            await self._writer.follow()

    async def _seal_once(self, writer: Writer) -> int:
        """One try; a failure that may pass is kept as trouble, one that may not ends the service."""
        started = clock.monotonic()
        before = writer.committed
        try:
            rows = await writer.seal()
        except LineshaftError as error:
            if error.code == "history.writer_superseded":
                self.fail(error)
                raise
            metrics.SEAL_FAILURES.inc()
            self._trouble_with(error)
            return 0
        self._trouble_with(None)
        self._room.set()
        if writer.committed != before:
            metrics.SEAL_SECONDS.observe(clock.monotonic() - started)
            self._measure(writer)
            await self._publish(writer, rows)
        return rows

    async def _publish(self, writer: Writer, rows: int = 0) -> None:
        """Say how far the table is, and remove from the stream what it holds. The next seal makes either good."""
        state = self._stream
        assert state is not None
        committed = Committed(
            stream=TELEMETRY, stream_created=state.created, sequence=writer.committed, version=writer.version, rows=rows
        )
        try:
            now = await self.bus.stream_info(TELEMETRY)
            held = await writer.held_by_all()
            # A stream made anew, or one that lost its end, holds other messages under these numbers.
            if now.created == state.created and now.last >= writer.committed:
                await self.bus.trim(TELEMETRY, held)
            await self.bus.publish_event("history", "committed", committed)
            if held == writer.committed:
                await self._tell_gateways(writer)
        except LineshaftError as error:
            self.log.warning("history_publish_failed", code=error.code, message=error.message)

    async def _tell_gateways(self, writer: Writer) -> None:
        """Tell each gateway with a bus of its own what it may remove from it, where that has changed."""
        for gateway, boots in writer.sealed_gateways.items():
            found = held(gateway, boots)
            if found is not None and found != self._told.get(gateway):
                await self.bus.publish_event("history", "held", found, about=gateway)
                self._told[gateway] = found

    def _trouble_with(self, error: LineshaftError | None) -> None:
        """Remember what keeps the table from being written; log it once on loss and once on recovery."""
        before, self._trouble = self._trouble, error
        if error is not None and (before is None or before.code != error.code):
            self.log.error("history_sealing_stopped", code=error.code, message=error.message, hint=error.hint)
        if error is None and before is not None:
            self.log.info("history_sealing_recovered")

    def _measure(self, writer: Writer) -> None:
        """Bring the metrics up to the writer's own counts."""
        counts, before = writer.counts, self._counted
        metrics.ROWS.inc(counts.rows - before.rows)
        metrics.REPEATED.inc(counts.repeated_batches - before.repeated_batches)
        metrics.REFUSED.inc(counts.undecodable - before.undecodable)
        metrics.GAPS.inc(counts.gaps - before.gaps)
        metrics.SEALS.inc(counts.seals - before.seals)
        self._counted = copy(counts)
        metrics.HOT_BYTES.set(writer.hot.bytes)
        metrics.COMMITTED.set(writer.committed)
        metrics.READ.set(writer.sequence)

    # -- answering ----------------------------------------------------------------------------------------------------

    def _ready(self) -> Writer:
        if self._writer is None:
            raise not_ready(self._waiting_for)
        return self._writer

    async def _answer_latest(self, caller: str, body: bytes) -> AsyncIterator[tuple[dict[str, str], bytes]]:
        request = decode_body(body or b"{}", LatestRequest)
        rows = self._ready().latest.rows(sorted_tags(request.tags))
        yield latest_head(self._settings.shards)
        async for chunk in stream_rows(rows, self.bus.max_payload):
            yield chunk

    async def _answer_hot(self, caller: str, body: bytes) -> AsyncIterator[tuple[dict[str, str], bytes]]:
        request = decode_body(body or b"{}", HotRequest)
        writer = self._ready()
        # No await between the two: version and rows are of one moment.
        position, batches = self._position(writer), writer.hot.batches()
        yield {}, msgspec.json.encode(position)
        tags = sorted_tags(request.tags)
        # In another thread: while the stream is caught up with, there may be millions of rows to look through.
        rows = await asyncio.to_thread(select, batches, tags, request.start_us, request.end_us)
        async for chunk in stream_rows(rows, self.bus.max_payload):
            yield chunk

    async def _answer_gaps(self, caller: str, body: bytes) -> Position:
        writer = self._ready()
        return self._position(writer, gaps=True)

    def _position(self, writer: Writer, *, gaps: bool = False) -> Position:
        return Position(
            version=writer.version, gaps_version=writer.gaps_version, committed_sequence=writer.committed,
            gaps=writer.pending_gaps() if gaps else [], corrections_version=writer.corrections_version,
            shards=self._settings.shards,
        )  # fmt: skip

    async def _answer_seal(self, caller: str, body: bytes) -> SealAnswer:
        request = decode_body(body or b"{}", SealRequest)
        writer = self._ready()
        await self._until_taken(writer, request.sequence)
        rows = await self._seal_once(writer)
        if self._trouble is not None:
            raise self._trouble
        return SealAnswer(
            rows=rows, committed_sequence=writer.committed, version=writer.version,
            corrections_version=writer.corrections_version,
        )  # fmt: skip

    async def _until_taken(self, writer: Writer, sequence: int) -> None:
        """Wait until a message has been taken in."""
        async with asyncio.timeout(_CORRECTION_SECONDS):
            while writer.sequence < sequence:
                self._took.clear()
                await self._took.wait()

    async def _answer_maintain(self, caller: str, body: bytes) -> dict[str, bool]:
        self._keeper.ask()
        return {"asked": True}

    async def _answer_correct(self, caller: str, body: bytes) -> CorrectAnswer:
        """Corrections go the way of every batch: durable in the stream, taken in, sealed; killed at any moment, again."""
        request = decode_body(body, CorrectRequest)
        writer = self._ready()
        rows = len(decode(request.rows))
        header = BatchHeader(
            gateway=LANE, boot=ids.new_id(), seq=1, rows=rows, group=GROUP, first=True, last=True
        )  # fmt: skip
        stored = await self.bus.publish_stored(
            self.bus.subjects.data(LANE, GROUP), request.rows,
            {**header.to_headers(), **note_header(request.who, request.reason)}, header.message_id,
        )  # fmt: skip
        await self._until_taken(writer, stored.sequence)
        await self._seal_once(writer)
        if self._trouble is not None:
            raise self._trouble
        return CorrectAnswer(sequence=stored.sequence, corrections_version=writer.corrections_version)

    async def _answer_status(self, caller: str, body: bytes) -> HistoryStatus:
        writer = self._ready()
        stream = await self.bus.stream_info(TELEMETRY)
        counts = writer.counts
        return HistoryStatus(
            stream=TELEMETRY, stream_created=stream.created, read_sequence=writer.sequence,
            committed_sequence=writer.committed, last_sequence=stream.last, table_version=writer.version,
            hot_rows=writer.hot.rows, hot_bytes=writer.hot.bytes, tags=len(writer.latest), rows_total=counts.rows,
            repeated_batches=counts.repeated_batches, undecodable_batches=counts.undecodable, gaps=counts.gaps,
            seals=counts.seals, last_seal_us=writer.last_seal_us,
            trouble=self._trouble.message if self._trouble else "",
        )  # fmt: skip
