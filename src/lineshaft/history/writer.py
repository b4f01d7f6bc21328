"""The writer: takes stored messages in their order, answers for what is hot, seals into the table.

It follows from the table's committed sequence and the stream alone: killed at any moment, the next one reads the same
messages again and comes to the same rows and the same gaps. Nothing upstream may be trimmed above `committed`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any, TypeVar

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.bus import BatchHeader, StoredMessage
from lineshaft.core import clock, logs
from lineshaft.core.errors import Conflict
from lineshaft.history import lanes as lane_rules
from lineshaft.history import memory
from lineshaft.history.batches import LEFT_OUT, UNKNOWN, Batches, Beginning, Known, accounted_transaction, has_accounts
from lineshaft.history.commits import Commit, Fence, TableName, application_of, lane_transaction
from lineshaft.history.committer import Committer
from lineshaft.history.corrections.record import Key, Note, read_corrections, read_note
from lineshaft.history.draft import Draft, Frozen, discard, sort_frozen, write_draft
from lineshaft.history.encodings.hints import Hints
from lineshaft.history.faults import os_error, stream_replaced
from lineshaft.history.hot import HotRows
from lineshaft.history.intake import Intake, Together, take_in, take_in_together, without
from lineshaft.history.lanes import Boot, Lanes
from lineshaft.history.latest import LatestTable
from lineshaft.history.model import Correction, Gap
from lineshaft.history.owners import Owners
from lineshaft.history.recovery import Found, drop_orphans, find_snapshot, rebuild
from lineshaft.history.rollup_state import MAINTAINER
from lineshaft.history.settings import HistorySettings
from lineshaft.history.shards import (
    COUNT,
    MAXIMUM,
    count_of,
    reached_transaction,
    shard_of,
    shards_differ,
    since_transaction,
    snapshots_of,
)
from lineshaft.history.snapshot import Retired, State, drop_old_snapshots, newest_number
from lineshaft.history.sorting import keys, taken
from lineshaft.history.storage import Storage
from lineshaft.history.versions import newest_version

T = TypeVar("T")
_QUIET_SECONDS = 60.0
_BUSY = 8
"""While a seal ran, one part in so many of the next one's rows came: the stream is being caught up with."""
_TABLES: tuple[TableName, ...] = ("samples", "gaps", "corrections")
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
        self, settings: HistorySettings, storage: Storage, committer: Committer, dead_letter: DeadLetter, shard: int = 0,
        owners: Owners | None = None,
    ) -> None:  # fmt: skip
        self.counts = Counts()
        self.hot = HotRows()
        self.lanes = Lanes()
        self.batches = Batches()
        self._latest = LatestTable(maximum=settings.maximum_tag)
        self.sequence = 0
        """Newest message taken in."""
        self.committed = 0
        """Everything up to this message is durable in the table."""
        self.version = -1
        """The table's version that holds just what is not hot; `gaps_version` the same of the gaps table."""
        self.gaps_version = -1
        self.corrections_version = -1
        self.last_seal_us = 0
        self.sealed_gateways: dict[str, list[Boot]] = {}
        """The lanes as of the last commit."""
        self.waiting_since: float | None = None
        """Monotonic time since when there has been something to seal."""
        self._settings = settings
        self._shard, self._shards = shard, settings.shards
        self._snapshots = snapshots_of(shard)
        self._stream = ""
        self._storage = storage
        self._owner = f"writer-{shard}"
        self._committer = committer
        self._dead_letter = dead_letter
        self._owners = owners
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="seal")
        self._seal_lock = asyncio.Lock()
        self._following = asyncio.Lock()
        self._closed = False
        self._sealed = LatestTable(believe_any_time=True, maximum=settings.maximum_tag)
        self._gaps: list[Gap] = []
        self._hints = Hints()
        self._notes: dict[Key, Note] = {}
        self._recorded: set[Correction] = set()
        self._marks: dict[str, int] = {}
        self._retired: list[Retired] = []
        self._number = 0
        self._time_us = 0
        self._window_us: int | None = None
        self._draft: Draft | None = None
        self._fences: dict[TableName, Fence] = {}
        self._identity = ""
        self._left: list[int] = []
        self._since: int | None = None
        self._next_word: dict[str, float] = {}
        self._log = logs.get("history")

    @property
    def latest(self) -> LatestTable:
        """Newest samples, of everything taken in."""
        self._latest.settle()
        return self._latest

    @property
    def fence(self) -> Fence:
        """Its right to write samples, as of the last commit."""
        return self._fences["samples"]

    def standing(self) -> tuple[State, LatestTable, LatestTable]:
        """What a snapshot of this moment would hold: state, newest sealed and latest samples."""
        state = State(
            number=self._number, application=self.fence.application, sequence=self.sequence, time_us=self._time_us,
            sealed_us=clock.now_us(), table=self._identity, gateways=self.lanes.state(), retired=list(self._retired),
        )  # fmt: skip
        return state, self._sealed, self.latest

    # -- opening ------------------------------------------------------------------------------------------------------

    async def open(self, stream: str, created: str, *, first: int = 1, anew: bool = False) -> None:
        """Take over the tables and come to the state of their last commit.

        Args:
            stream: name of the stream whose messages will be given.
            created: its creation time, as the bus says it.
            first: the stream's first message.
            anew: the stream has lost messages that the table holds, and gives their sequence numbers again.
        """
        await self._in_thread(self._storage.prepare)
        self._stream = f"{stream}@{created}"
        await self._check_shards(stream, created)  # first: with a change-over come the snapshots that belong to it
        found = await find_snapshot(self._storage, self._committer, self._settings.maximum_tag, self._snapshots)
        application = self._application(stream, created, found, anew=anew)
        for table in _TABLES:
            answer = await self._committer.claim(table, application)
            assert answer.fence is not None
            self._fences[table] = answer.fence
            if table == "samples":
                self.version, self._identity = answer.version, answer.identity
            elif table == "gaps":
                self.gaps_version = answer.version
            else:
                self.corrections_version = answer.version
        self.sequence = self.committed = self._fences["samples"].sequence or (first - 1 if anew else 0)
        await self._check_shards(stream, created)  # once more: nobody can change it any more
        await self._look_back()
        own = await self._reached(self._shard)
        await self._restore(found, others_sealed=(own or 0) > self.committed)
        self.batches.begin(await self._beginning())
        if (self._fences["corrections"].sequence or 0) > self.committed:
            await self._remember_corrections()
        await drop_orphans(self._storage, self._owner, self._committer, {retired.path for retired in self._retired})
        self._log.info(
            "history_opened", application=application, committed=self.committed, version=self.version,
            tags=len(self.latest), snapshot=self._number,
        )  # fmt: skip

    def _application(self, stream: str, created: str, found: Found | None, *, anew: bool) -> str:
        """The stream's writer; one whose stream lost its end goes on under another name, and so do its successors."""
        base = application_of(stream, created, self._shard)
        known = found.state if found is not None and found.state.application.startswith(base) else None
        if not anew:
            return base if known is None else known.application
        return f"{base}+{clock.now_us()}"

    async def _reached(self, shard: int) -> int | None:
        """How far a shard of several is; None where it never wrote."""
        return await self._committer.transaction("samples", reached_transaction(self._stream, shard))

    async def _check_shards(self, stream: str, created: str) -> None:
        """Whether the table is written by just so many shards.

        Raises:
            Unavailable: `history.shards_differ`.
        """
        found = await self._committer.transaction("samples", COUNT)
        if found is None:  # an older release does not say
            reached = [await self._reached(shard) for shard in range(MAXIMUM)]
            names = [application_of(stream, created, shard) for shard in range(MAXIMUM)]
            fences = [await self._committer.transaction("samples", f"fence:{name}") for name in names]
            opened = [shard for shard, fence in enumerate(fences) if fence is not None]
            first = await self._committer.transaction("samples", names[0])
            found = count_of(reached, opened, is_begun=first is not None)
        if found not in (None, self._shards):
            raise shards_differ(self._shards, found or 0)

    async def _look_back(self) -> None:
        """Since when there are so many shards, and which there were before: an older release wants to see them along."""
        self._since = await self._committer.transaction("samples", since_transaction(self._stream))
        if self._since is not None:
            reached = {shard: await self._reached(shard) for shard in range(self._shards, MAXIMUM)}
            self._left = [shard for shard, sequence in reached.items() if sequence is not None]

    async def _restore(self, found: Found | None, *, others_sealed: bool) -> None:
        await self._recall(found, others_sealed=others_sealed)
        if self._shards > 1:
            for table in (self._latest, self._sealed):
                table.keep(lambda tags: shard_of(tags, self._shards) == self._shard)

    async def _recall(self, found: Found | None, *, others_sealed: bool) -> None:
        if found is not None and found.state.table == self._identity:
            state = found.state
            self._latest, self._sealed, self.lanes = found.latest, found.sealed, Lanes(state.gateways)
            self._number, self._retired = state.number, list(state.retired)
            if state.application == self._fences["samples"].application:
                self._time_us = state.time_us
            self.sealed_gateways = state.gateways
            if not others_sealed:
                return
        else:
            self._number = await self._in_thread(newest_number, self._storage.child(self._snapshots))
        segments = await self._committer.segments("samples")
        if segments:
            if not others_sealed:
                self._log.warning("history_snapshot_missing", segments=len(segments))
            maximum = self._settings.maximum_tag
            self._latest, self._sealed = await self._in_thread(
                rebuild, self._storage.child("samples"), segments, maximum
            )

    async def _beginning(self) -> Beginning | None:
        """What the account of batches begins with; None where it goes on."""
        fence = self._fences["samples"]
        previous = await self._committer.transaction("samples", accounted_transaction(fence.application))
        if previous is not None and previous == fence.sequence:
            return None
        known = [Known(gateway, boot.held()) for gateway, boots in self.lanes.state().items() for boot in boots]
        # Then nobody wrote under this name without an account.
        new = fence.sequence is None or fence.sequence == self._since
        if new and (previous is not None or await self._in_thread(has_accounts, self._storage)):
            return Beginning(known=known, previous=previous)
        rows = sum(segment.rows for segment in await self._committer.segments("samples"))
        return Beginning(
            known=known, previous=previous, rows=rows if self._shards == 1 or not rows else UNKNOWN,
            left_out=await self._committer.transaction("samples", LEFT_OUT) or 0,
            maintained=await self._committer.transaction("samples", MAINTAINER),
        )  # fmt: skip

    async def _remember_corrections(self) -> None:
        """A seal recorded what it was going to replace and did not come to its end: do not record that again."""
        files = [segment.path for segment in await self._committer.segments("corrections")]
        found = await self._in_thread(read_corrections, self._storage.child("corrections"), files)
        self._recorded = {record for record in found if record.sequence > self.committed}

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
            intake = self._of_shard(await self._owned(intake))
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
        self.batches.note(header, None if repeat else len(intake.rows), message.time_us)
        self._reach(message)

    async def take_some(self, messages: Sequence[StoredMessage]) -> int:
        """Take in the next message as `take` does, with it those after it that are alike; returns how many.

        Raises:
            Unavailable, Conflict: as `take` does.
        """
        together = await self._take_together(messages)
        if not together:
            await self.take(messages[0])
        return together or 1

    async def _take_together(self, messages: Sequence[StoredMessage]) -> int:
        """Take in the first few at once; returns how many, 0 where the first must be looked at by itself."""
        first, last = messages[0].sequence, messages[-1].sequence
        if first != self.sequence + 1 or last - first != len(messages) - 1:
            return 0
        found = take_in_together(messages, self._settings.maximum_tag)
        if found is None or await self._any_foreign(found):
            return 0
        # From here on nothing waits, as in `take`.
        rows, ends, times = self._together_of_shard(found)
        count = start = 0
        for header, message, end in zip(found.headers, messages, ends, strict=False):
            if not self.lanes.knows(header.gateway, header.boot) or self.lanes.is_repeat(header):
                break
            for gap in self.lanes.accept(header, message.time_us, message.sequence):
                self._note(gap)
            self.batches.note(header, end - start, message.time_us)
            count, start = count + 1, end
        if count:
            self._hold(rows.slice(0, start), times[:start], messages[0].time_us)
            self._reach(messages[count - 1])
        return count

    async def _any_foreign(self, found: Together) -> bool:
        """Whether any row is of a tag of another gateway than it came from."""
        if self._owners is None:
            return False
        tag, _ = keys(found.rows)
        start = 0
        for gateway, messages in groupby(zip(found.headers, found.ends, strict=True), lambda each: each[0].gateway):
            *_, (_, end) = messages
            if (await self._owners.foreign(gateway, tag[start:end])).any():
                return True
            start = end
        return False

    def _together_of_shard(self, found: Together) -> tuple[pa.RecordBatch, list[int], np.ndarray]:
        """Rows of this shard's tags, where those of each message end, and when the bus took each in."""
        if self._shards == 1:
            return found.rows, found.ends.tolist(), found.times
        mine = shard_of(keys(found.rows)[0], self._shards) == self._shard
        ends = np.append(0, np.cumsum(mine))[found.ends]
        return taken(found.rows, np.flatnonzero(mine)), ends.tolist(), found.times[mine]

    def _hold(self, rows: pa.RecordBatch, time_us: int | np.ndarray, first_us: int) -> None:
        """Keep rows until they are sealed."""
        if not len(rows):
            return
        self.counts.rows += len(rows)
        self._latest.note(rows, time_us)
        self.hot.append(rows)
        if self._window_us is None:
            self._window_us = first_us

    def _reach(self, message: StoredMessage) -> None:
        """A message and all before it are taken in."""
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
        self._hold(intake.rows, time_us, time_us)
        if intake.is_correction and len(intake.rows):
            self._note_correction(message, intake)

    def _of_shard(self, intake: Intake) -> Intake:
        """Only the rows of this shard's tags."""
        if self._shards == 1 or not len(intake.rows):
            return intake
        mine = np.flatnonzero(shard_of(keys(intake.rows)[0], self._shards) == self._shard)
        return msgspec.structs.replace(intake, rows=taken(intake.rows, mine))

    def _note_correction(self, message: StoredMessage, intake: Intake) -> None:
        tag, ts = keys(intake.rows)
        note = read_note(message.headers, message.time_us)
        self._notes.update(dict.fromkeys(zip(tag.tolist(), ts.tolist(), strict=True), note))

    async def _owned(self, intake: Intake) -> Intake:
        """Without the rows of tags that are other gateways'."""
        if self._owners is None or intake.header is None or intake.is_ours or not len(intake.rows):
            return intake
        wrong = await self._owners.foreign(intake.header.gateway, keys(intake.rows)[0])
        return without(intake, wrong) if wrong.any() else intake

    async def _is_repeat(self, header: BatchHeader, time_us: int) -> bool:
        if not self.lanes.knows(header.gateway, header.boot):
            # A boot older than those remembered, or the snapshot was lost: the table knows its last batch.
            name = lane_transaction(header.gateway, header.boot, self._shard)
            mark = await self._committer.transaction("samples", name)
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
        if message.sequence > (self._fences["gaps"].sequence or 0) and self._shard == 0:
            await self._dead_letter(message, intake.fault)

    def _note(self, gap: Gap) -> None:
        """Record a gap, unless the table of gaps has it from a life that ended before its samples were committed."""
        if gap.sequence > (self._fences["gaps"].sequence or 0) and self._shard == 0:
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
                    with os_error(self._storage):
                        await self._follow()
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
                    noted = draft.corrections and self._recorded.issuperset(draft.corrections)
                    discard(
                        self._storage, samples=draft.added, gaps=[] if gaps_committed else draft.gap_files,
                        corrections=[] if noted else draft.correction_files,
                    )  # fmt: skip
                raise
            self._draft = None
            self._adopt(draft)
            await self._in_thread(self._tidy)
            return draft.rows

    async def follow(self) -> None:
        """Go on from the newest versions of the tables, which hold nothing of what is hot here: others write them too.

        Raises:
            OSError: the storage cannot be asked; the versions stay.
        """
        async with self._seal_lock, self._following:
            if self._draft is None and not self._closed:  # a draft's commit may have gone through: its rows are hot
                await self._follow()

    async def _follow(self) -> None:
        known = {"samples": self.version, "gaps": self.gaps_version, "corrections": self.corrections_version}
        found = [
            await self._in_thread(newest_version, self._storage.child(table), version)
            for table, version in known.items()
        ]  # fmt: skip
        self.version, self.gaps_version, self.corrections_version = found

    async def _prepare(self) -> Draft:
        frozen = self._freeze()
        memory.keep()
        with os_error(self._storage):
            given = await self._in_thread(sort_frozen, frozen)
            segments = await self._committer.segments("samples") if given.needs_lookup else []
            return await self._in_thread(write_draft, self._storage, self._owner, frozen, given, segments)

    def _freeze(self) -> Frozen:
        self._marks |= {lane_transaction(*lane, self._shard): seq for lane, seq in self.lanes.take_marks().items()}
        window_us = self._time_us if self._window_us is None else self._window_us
        state = State(
            number=self._number + 1, application=self._fences["samples"].application, sequence=self.sequence,
            time_us=self._time_us, sealed_us=clock.now_us(), table=self._identity, gateways=self.lanes.state(),
            retired=list(self._retired),
        )  # fmt: skip
        return Frozen(
            state=state, rows=self.hot.freeze(), gaps=list(self._gaps), marks=dict(self._marks),
            latest=self.latest.copy(), sealed=self._sealed, snapshots=self._snapshots, hints=self._hints, notes=dict(self._notes),
            recorded=set(self._recorded),
            batches=self.batches.freeze(state.application, self._fences["samples"].epoch, self._shard, self._shards,
                                        self.committed, self.sequence),
            late_before_us=window_us - round(self._settings.seal_seconds * clock.MICROSECONDS),
        )  # fmt: skip

    async def _commit(self, draft: Draft) -> None:
        """Samples last: what is in its table before they are in theirs is not recorded again."""
        sequence = draft.frozen.state.sequence
        if draft.gap_files and self._fences["gaps"].sequence != sequence:
            commit = Commit(fence=self._fences["gaps"], sequence=sequence, add=draft.gap_files)
            version = await self._committer.commit("gaps", commit)
            self._fences["gaps"] = msgspec.structs.replace(self._fences["gaps"], sequence=sequence)
            self.gaps_version = version
            self._gaps = self._gaps[len(draft.frozen.gaps) :]
        if draft.corrections and not self._recorded.issuperset(draft.corrections):
            commit = Commit(fence=self._fences["corrections"], sequence=sequence, add=draft.correction_files)
            self.corrections_version = await self._committer.commit("corrections", commit)
            self._fences["corrections"] = msgspec.structs.replace(self._fences["corrections"], sequence=sequence)
            self._recorded.update(draft.corrections)
        marks = {**draft.frozen.marks, accounted_transaction(draft.frozen.state.application): sequence}
        if self._shards > 1 or self._left:
            marks |= {reached_transaction(self._stream, shard): sequence for shard in (self._shard, *self._left)}
        commit = Commit(
            fence=self._fences["samples"], sequence=sequence, agreed={COUNT: self._shards}, transactions=marks,
            add=draft.added, remove=draft.removed,
        )  # fmt: skip
        self.version = await self._committer.commit("samples", commit)

    async def held_by_all(self) -> int:
        """Everything up to this message is durable in the table whichever shard's it is: so far the stream may be cut."""
        if self._shards == 1:
            return self.committed
        others = [shard for shard in range(self._shards) if shard != self._shard]
        names = [reached_transaction(self._stream, shard) for shard in others]
        reached = [await self._committer.transaction("samples", name) or 0 for name in names]
        return min(self.committed, *reached)

    def _adopt(self, draft: Draft) -> None:
        """The draft is in the table: what was hot is sealed now."""
        state = draft.frozen.state
        self.hot.settle()
        self.batches.settle()
        self._window_us = state.time_us if self.hot.rows else None
        self._notes = {key: note for key, note in self._notes.items() if draft.frozen.notes.get(key) != note}
        self._recorded = {record for record in self._recorded if record.sequence > state.sequence}
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
        with contextlib.suppress(OSError):
            drop_old_snapshots(self._storage.child(self._snapshots), self._number)
            self.batches.tidy(self._storage, self._fences["samples"].application, self.committed)
        limit_us = clock.now_us() - round(self._settings.retired_seconds * clock.MICROSECONDS)
        for retired in [entry for entry in self._retired if entry.time_us <= limit_us]:
            with contextlib.suppress(OSError):
                self._storage.child("samples").delete(retired.path)
                self._retired.remove(retired)
        if self.hot.open_bytes * _BUSY < self._settings.seal_bytes:
            memory.release()  # else the next seal is near, which would ask for the same memory anew

    async def close(self) -> None:
        """Stop; what is hot comes from the stream again."""
        await self._committer.close()
        async with self._following:
            self._closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)


def _gateway_of(message: StoredMessage, intake: Intake) -> str:
    """The gateway that a message came from: by its header, else by its subject, which only that gateway may use."""
    return message.subject.split(".")[4] if intake.header is None else intake.header.gateway
