"""The writer: takes stored messages in their order, answers for what is hot, seals into the table.

It follows from the table's committed sequence and the stream alone: killed at any moment, the next one reads the same
messages again and comes to the same rows and the same gaps. Nothing upstream may be trimmed above `committed`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from lineshaft.bus import BatchHeader, StoredMessage
from lineshaft.core import clock, logs
from lineshaft.core.errors import Conflict
from lineshaft.history import lanes as lane_rules
from lineshaft.history import memory
from lineshaft.history.commits import Commit, Fence, TableName, application_of, lane_transaction
from lineshaft.history.committer import Committer
from lineshaft.history.draft import Draft, Frozen, discard, sort_frozen, write_draft
from lineshaft.history.faults import os_error, stream_replaced
from lineshaft.history.hot import HotRows
from lineshaft.history.intake import Intake, take_in, without
from lineshaft.history.lanes import Boot, Lanes
from lineshaft.history.latest import LatestTable
from lineshaft.history.model import Gap
from lineshaft.history.owners import Owners
from lineshaft.history.recovery import Found, drop_orphans, find_snapshot, rebuild
from lineshaft.history.segment import keys
from lineshaft.history.settings import HistorySettings
from lineshaft.history.snapshot import FOLDER as SNAPSHOTS
from lineshaft.history.snapshot import Retired, State, drop_old_snapshots, newest_number

T = TypeVar("T")
_QUIET_SECONDS = 60.0
DeadLetter = Callable[[StoredMessage, str], Awaitable[None]]
"""Keeps a message that cannot be taken, with the reason; returns once that is durable."""


class Counts(msgspec.Struct):
    """What a writer did since it was opened."""

    rows: int = 0
    repeated_batches: int = 0
    undecodable: int = 0
    gaps: int = 0
    seals: int = 0
    sealed_rows: int = 0
    dropped_rows: int = 0
    """Rows that the table held already."""
    replaced_segments: int = 0


class Writer:
    """The one writer of a folder's tables for one stream. Make it with `Writer.open`."""

    def __init__(
        self, settings: HistorySettings, folder: Path, committer: Committer, dead_letter: DeadLetter, shard: int = 0,
        owners: Owners | None = None,
    ) -> None:  # fmt: skip
        self.counts = Counts()
        self.hot = HotRows()
        self.lanes = Lanes()
        self.latest = LatestTable(maximum=settings.maximum_tag)
        self.sequence = 0
        """Newest message taken in."""
        self.committed = 0
        """Everything up to this message is durable in the table."""
        self.version = -1
        """The table's version that holds just what is not hot; `gaps_version` the same of the gaps table."""
        self.gaps_version = -1
        self.last_seal_us = 0
        self.sealed_gateways: dict[str, list[Boot]] = {}
        """The lanes as of the last commit."""
        self.waiting_since: float | None = None
        """Monotonic time since when there has been something to seal."""
        self._settings = settings
        self._folder = folder
        self._owner = f"writer-{shard}"
        self._committer = committer
        self._dead_letter = dead_letter
        self._owners = owners
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="seal")
        self._seal_lock = asyncio.Lock()
        self._sealed = LatestTable(believe_any_time=True, maximum=settings.maximum_tag)
        self._gaps: list[Gap] = []
        self._marks: dict[str, int] = {}
        self._retired: list[Retired] = []
        self._number = 0
        self._time_us = 0
        self._window_us: int | None = None
        self._draft: Draft | None = None
        self._fences: dict[TableName, Fence] = {}
        self._identity = ""
        self._next_word: dict[str, float] = {}
        self._log = logs.get("history")

    # -- opening ------------------------------------------------------------------------------------------------------

    async def open(self, stream: str, created: str, *, first: int = 1, anew: bool = False) -> None:
        """Take over the tables and come to the state of their last commit.

        Args:
            stream: name of the stream whose messages will be given.
            created: its creation time, as the bus says it.
            first: the stream's first message.
            anew: the stream has lost messages that the table holds, and gives their sequence numbers again.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = await find_snapshot(self._folder, self._committer, self._settings.maximum_tag)
        application = self._application(stream, created, found, anew=anew)
        for table in ("samples", "gaps"):
            answer = await self._committer.claim(table, application)
            assert answer.fence is not None
            self._fences[table] = answer.fence
            if table == "samples":
                self.version, self._identity = answer.version, answer.identity
            else:
                self.gaps_version = answer.version
        self.sequence = self.committed = self._fences["samples"].sequence or (first - 1 if anew else 0)
        await self._restore(found)
        await drop_orphans(self._folder, self._owner, self._committer, {retired.path for retired in self._retired})
        self._log.info(
            "history_opened", application=application, committed=self.committed, version=self.version,
            tags=len(self.latest), snapshot=self._number,
        )  # fmt: skip

    def _application(self, stream: str, created: str, found: Found | None, *, anew: bool) -> str:
        """The stream's writer; one whose stream lost its end goes on under another name, and so do its successors."""
        base = application_of(stream, created)
        known = found.state if found is not None and found.state.application.startswith(base) else None
        if not anew:
            return base if known is None else known.application
        return f"{base}+{clock.now_us()}"

    async def _restore(self, found: Found | None) -> None:
        if found is not None and found.state.table == self._identity:
            state = found.state
            self.latest, self._sealed, self.lanes = found.latest, found.sealed, Lanes(state.gateways)
            self._number, self._retired = state.number, list(state.retired)
            if state.application == self._fences["samples"].application:
                self._time_us = state.time_us
            self.sealed_gateways = state.gateways
            return
        self._number = newest_number(self._folder / SNAPSHOTS)
        segments = await self._committer.segments("samples")
        if segments:
            self._log.warning("history_snapshot_missing", segments=len(segments))
            maximum = self._settings.maximum_tag
            self.latest, self._sealed = await self._in_thread(rebuild, self._folder / "samples", segments, maximum)

    # -- taking in ----------------------------------------------------------------------------------------------------

    async def take(self, message: StoredMessage) -> None:
        """Take in the next message of the stream; one that was taken in before is passed over.

        Raises:
            Unavailable: the table cannot be asked; nothing was taken in, give the message again.
            Conflict: the last message taken in is another one now: the stream lost its end and gives numbers again.
        """
        if message.sequence == self.sequence and self._time_us not in (0, message.time_us):
            raise stream_replaced(message.sequence)
        if message.sequence <= self.sequence:
            return
        intake = take_in(message, self._settings.maximum_tag)
        header = intake.header
        repeat = header is not None and await self._is_repeat(header, message.time_us)
        if not repeat:
            intake = await self._owned(intake)
        if intake.fault and not repeat:
            await self._bury(message, intake)
        # From here on nothing waits: a seal that begins meanwhile has all of this message or nothing.
        if message.sequence > self.sequence + 1:
            since_us = self._time_us or message.time_us
            self._note(lane_rules.trimmed(self.sequence + 1, message.sequence - 1, since_us, message.time_us))
        if repeat:
            assert header is not None
            self.counts.repeated_batches += 1
            for gap in self.lanes.settle(header, message.time_us, message.sequence):
                self._note(gap)
        else:
            self._accept(message, intake)
        self.sequence, self._time_us = message.sequence, message.time_us
        if self.waiting_since is None:
            self.waiting_since = clock.monotonic()

    def _accept(self, message: StoredMessage, intake: Intake) -> None:
        header, time_us, sequence = intake.header, message.time_us, message.sequence
        if intake.fault:
            self.counts.undecodable += 1
            gateway = _gateway_of(message, intake)
            self._note(lane_rules.undecodable(gateway, header, intake.fault, intake.refused, time_us, sequence))
        if header is not None:
            for gap in self.lanes.accept(header, time_us, sequence):
                self._note(gap)
        if len(intake.rows):
            self.counts.rows += len(intake.rows)
            self.latest.update(intake.rows, time_us)
            self.hot.append(intake.rows)
            if self._window_us is None:
                self._window_us = time_us

    async def _owned(self, intake: Intake) -> Intake:
        """Without the rows of tags that are other gateways'."""
        if self._owners is None or intake.header is None or not len(intake.rows):
            return intake
        wrong = await self._owners.foreign(intake.header.gateway, keys(intake.rows)[0])
        return without(intake, wrong) if wrong.any() else intake

    async def _is_repeat(self, header: BatchHeader, time_us: int) -> bool:
        if not self.lanes.knows(header.gateway, header.boot):
            # A boot older than those remembered, or the snapshot was lost: the table knows its last batch.
            mark = await self._committer.transaction("samples", lane_transaction(header.gateway, header.boot))
            if mark is not None:
                self.lanes.restore(header.gateway, header.boot, mark, time_us)
        return self.lanes.is_repeat(header)

    async def _bury(self, message: StoredMessage, intake: Intake) -> None:
        """Keep what cannot be taken where people find it; unless an earlier life did and recorded the gap."""
        gateway, now = _gateway_of(message, intake), clock.monotonic()
        if now >= self._next_word.get(gateway, now):  # one that sends rubbish sends much of it
            self._next_word[gateway] = now + _QUIET_SECONDS
            self._log.warning(
                "history_message_refused", gateway=gateway, sequence=message.sequence, reason=intake.fault
            )
        if message.sequence > (self._fences["gaps"].sequence or 0):
            await self._dead_letter(message, intake.fault)

    def _note(self, gap: Gap) -> None:
        """Record a gap, unless the table of gaps has it from a life that ended before its samples were committed."""
        if gap.sequence > (self._fences["gaps"].sequence or 0):
            self._gaps.append(gap)
            self.counts.gaps += 1

    def pending_gaps(self) -> list[Gap]:
        """Gaps that the version `gaps_version` of their table does not hold."""
        return list(self._gaps)

    # -- sealing ------------------------------------------------------------------------------------------------------

    async def seal(self) -> int:
        """Commit everything taken in so far; returns how many rows went into the table.

        Raises:
            Conflict: `history.writer_superseded`: another writer has the table, this one must end.
            Unavailable: `history.disk_full` and others: nothing is lost, try again later.
        """
        async with self._seal_lock:
            if self._draft is None:
                if self.sequence == self.committed:
                    return 0
                self._draft = await self._prepare()
            draft = self._draft
            try:
                await self._commit(draft)
            except Conflict as error:
                if error.code == "history.commit_conflict":
                    # Somebody moved files meanwhile: what was looked up may be elsewhere now. Begin again.
                    self._draft = None
                    gaps_committed = self._fences["gaps"].sequence == draft.frozen.state.sequence
                    discard(self._folder, draft.added, [] if gaps_committed else draft.gap_files)
                raise
            self._draft = None
            self._adopt(draft)
            await self._in_thread(self._tidy)
            return draft.rows

    async def _prepare(self) -> Draft:
        frozen = self._freeze()
        with os_error(self._folder):
            given = await self._in_thread(sort_frozen, frozen)
            segments = await self._committer.segments("samples") if given.needs_lookup else []
            return await self._in_thread(write_draft, self._folder, self._owner, frozen, given, segments)

    def _freeze(self) -> Frozen:
        self._marks |= {lane_transaction(*lane): seq for lane, seq in self.lanes.take_marks().items()}
        window_us = self._time_us if self._window_us is None else self._window_us
        state = State(
            number=self._number + 1, application=self._fences["samples"].application, sequence=self.sequence,
            time_us=self._time_us, sealed_us=clock.now_us(), table=self._identity, gateways=self.lanes.state(),
            retired=list(self._retired),
        )  # fmt: skip
        return Frozen(
            state=state, rows=self.hot.freeze(), gaps=list(self._gaps), marks=dict(self._marks),
            latest=self.latest.copy(), sealed=self._sealed,
            late_before_us=window_us - round(self._settings.seal_seconds * clock.MICROSECONDS),
        )  # fmt: skip

    async def _commit(self, draft: Draft) -> None:
        """Gaps first: a gap that is in its table before its samples are in theirs is not recorded again."""
        sequence = draft.frozen.state.sequence
        if draft.gap_files and self._fences["gaps"].sequence != sequence:
            commit = Commit(fence=self._fences["gaps"], sequence=sequence, add=draft.gap_files)
            version = await self._committer.commit("gaps", commit)
            self._fences["gaps"] = msgspec.structs.replace(self._fences["gaps"], sequence=sequence)
            self.gaps_version = version
            self._gaps = self._gaps[len(draft.frozen.gaps) :]
        commit = Commit(
            fence=self._fences["samples"], sequence=sequence, transactions=draft.frozen.marks,
            add=draft.added, remove=draft.removed,
        )  # fmt: skip
        self.version = await self._committer.commit("samples", commit)

    def _adopt(self, draft: Draft) -> None:
        """The draft is in the table: what was hot is sealed now."""
        state = draft.frozen.state
        self.hot.settle()
        self._window_us = state.time_us if self.hot.rows else None
        self.committed = state.sequence
        self._fences["samples"] = msgspec.structs.replace(self._fences["samples"], sequence=state.sequence)
        self._sealed = draft.sealed
        self._number = state.number
        self.sealed_gateways = state.gateways
        self._retired = [*state.retired, *(Retired(path, state.sealed_us) for path in draft.removed)]
        for name, mark in draft.frozen.marks.items():
            if self._marks.get(name) == mark:
                del self._marks[name]
        self.waiting_since = None if self.sequence == self.committed else clock.monotonic()
        self.last_seal_us = state.sealed_us
        self.counts.seals += 1
        self.counts.sealed_rows += draft.rows
        self.counts.dropped_rows += draft.dropped
        self.counts.replaced_segments += len(draft.removed)

    def _tidy(self) -> None:
        """Remove what nobody needs any more; a failure costs space only."""
        drop_old_snapshots(self._folder / SNAPSHOTS, self._number)
        limit_us = clock.now_us() - round(self._settings.retired_seconds * clock.MICROSECONDS)
        for retired in [entry for entry in self._retired if entry.time_us <= limit_us]:
            with contextlib.suppress(OSError):
                (self._folder / "samples" / retired.path).unlink(missing_ok=True)
                self._retired.remove(retired)
        memory.release()

    async def close(self) -> None:
        """Stop; what is hot comes from the stream again."""
        await self._committer.close()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)


def _gateway_of(message: StoredMessage, intake: Intake) -> str:
    """The gateway that a message came from: by its header, else by its subject, which only that gateway may use."""
    return message.subject.split(".")[4] if intake.header is None else intake.header.gateway
