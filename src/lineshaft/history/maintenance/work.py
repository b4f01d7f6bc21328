"""One run of maintenance, from beginning to end: what is due is found in the tables alone, so any run can be killed.

Order matters. First the rollups see what is new, then files they have seen are merged: a merged file never hides a
change. Rollups lose what has expired before the samples do.
"""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import numpy as np

from lineshaft.core import clock, logs
from lineshaft.core.errors import Conflict
from lineshaft.history.commits import Segment
from lineshaft.history.maintenance import lease
from lineshaft.history.maintenance.merge import merge
from lineshaft.history.maintenance.owned import OwnedTable
from lineshaft.history.maintenance.plan import OWNERS, Group, groups, is_own, mergeable
from lineshaft.history.maintenance.quarantine import SALVAGER, Owners, Quarantined, set_aside
from lineshaft.history.maintenance.retention import Expired, still_kept
from lineshaft.history.maintenance.rolling import Rolled, is_behind, unseen
from lineshaft.history.maintenance.sources import Damaged
from lineshaft.history.rollup import HOUR_US
from lineshaft.history.rollup_table import RolledTables
from lineshaft.history.storage import Storage
from lineshaft.history.table import Table

_BASE_MB = 300
"""Libraries and what they keep."""
_ROW_BYTES = 320
"""Of one row of a slab, with everything that merging it needs beside it."""
_ROLLED_ROW_BYTES = 400


class Reporter(Protocol):
    """Is told how far a run is; may raise to end it."""

    def __call__(self, done: int, total: int, message: str) -> None: ...


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a run does."""

    settle_us: int = 1_200_000_000
    memory_mb: int = 1024
    retired_seconds: float = 3600
    merge: bool = True
    roll: bool = True
    expired: Sequence[Expired] = ()
    owners: Owners = {}
    """Whose the gaps are that broken files leave."""


class Outcome(msgspec.Struct, kw_only=True):
    """What a run did."""

    merges: int = 0
    merged_files: int = 0
    """Files that were merged away."""
    merged_rows: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    rolled_rows: int = 0
    rolled_until_us: int | None = None
    expired_rows: int = 0
    removed_files: int = 0
    """Files deleted that nobody needs any more."""
    quarantined: list[Quarantined] = []
    repeated_rows: int = 0
    """Rows dropped in merges because their (tag, ts) was there twice; there should be none."""


def run(storage: Storage, options: Options, report: Reporter) -> Outcome:
    """Roll, merge, expire and clean up what is due in the tables of one history.

    Raises:
        Conflict: `history.maintenance_busy`, `history.maintenance_lease_lost`, `history.writer_superseded`: another
            maintainer is at work.
        OSError, Unavailable: the storage refuses; what was committed stays, the rest is done by the next run.
    """
    if not _is_table(storage, "samples"):
        return Outcome()
    with lease.held(storage) as right:

        def reported(done: int, total: int, message: str) -> None:
            right.check()
            report(done, total, message)

        return Run(storage, options, reported, right).all()


def is_due(storage: Storage, options: Options) -> bool:
    """Whether a run would find something to roll or to merge; looks only, and claims nothing."""
    if not _is_table(storage, "samples"):
        return False
    segments = Table(storage.child("samples"), "samples").segments()
    horizon_us = clock.now_us() - options.settle_us
    state = RolledTables(storage).state()
    if is_behind(segments, state, horizon_us // HOUR_US * HOUR_US):
        return True
    if state is not None and unseen(segments, state):
        return True
    return bool(options.expired or groups(mergeable(segments, state), horizon_us))


def _is_table(storage: Storage, name: str) -> bool:
    return any(stored.name.endswith(".json") for stored in storage.child(name).child("_delta_log").names())


class Run:
    """A run that holds the lease."""

    def __init__(self, storage: Storage, options: Options, report: Reporter, right: lease.Right) -> None:
        self._storage = storage
        self._options = options
        self._report = report
        self._right = right
        self._samples = OwnedTable(storage, "samples")
        self._rolled = Rolled(storage)
        self._horizon_us = clock.now_us() - options.settle_us
        self._outcome = Outcome()
        self._done = self._total = 0

    def all(self) -> Outcome:
        """Do everything that is due."""
        self._clean()
        if self._options.roll:
            self._healing(self._roll)
        if self._options.merge:
            self._healing(self._merge)
        if self._options.expired:
            self._healing(self._expire)
        self._rolled.tidy()
        self._clean()
        state = self._rolled.state
        self._outcome.rolled_until_us = None if state is None else state.until_us
        return self._outcome

    def _healing(self, work: Callable[[], None]) -> None:
        """Do something; broken files that it meets are set aside, and it is done again without them."""
        while True:
            try:
                work()
            except Damaged as damage:
                record = set_aside(
                    self._storage, self._samples, damage.segment, damage.reason, self._options.owners
                )  # fmt: skip
                self._outcome.quarantined.append(record)
            else:
                return

    # -- rolling and merging ------------------------------------------------------------------------------------------

    def _roll(self) -> None:
        self._say("rolling up")
        horizon = self._horizon_us // HOUR_US * HOUR_US
        rows = self._slab_rows(_ROLLED_ROW_BYTES)
        self._outcome.rolled_rows += self._rolled.roll(self._samples, horizon, rows, self._advance)

    def _merge(self) -> None:
        planned = self._planned()
        self._total = self._done + sum(group.rows for group in planned)
        for group in planned:
            self._say(f"merging {clock.rfc3339(group.start_us)[: 10 if group.level == 'day' else 13]}")
            self._merge_group(group)

    def _planned(self) -> list[Group]:
        return groups(mergeable(self._samples.segments(), self._rolled.state), self._horizon_us)

    def _merge_group(self, group: Group) -> None:
        cut_us = HOUR_US if group.level == "hour" else 24 * HOUR_US
        self._exchange(group.segments, OWNERS[group.level], cut_us, ())
        self._outcome.merges += 1
        self._outcome.merged_files += len(group.segments)
        self._outcome.merged_rows += group.rows

    def _exchange(self, segments: Sequence[Segment], owner: str, cut_us: int, expiry: Sequence[Expired]) -> int:
        """Put new files in the place of some; returns how many rows were left out. Nothing is done where one is gone."""
        before = self._done
        merged = merge(
            self._samples.storage, owner, segments, slab_rows=self._slab_rows(_ROW_BYTES), cut_us=cut_us,
            report=lambda rows: self._at(before + rows), keep=still_kept(expiry) if expiry else None,
        )  # fmt: skip
        try:
            removed = [segment.path for segment in segments]
            self._samples.commit(merged.added, removed, left_out=merged.dropped)
        except Conflict as error:
            for segment in merged.added:
                self._samples.storage.delete(segment.path)
            if error.code != "history.commit_conflict":
                raise
            # The writer corrected one of these files meanwhile; the next run merges what it wrote.
            logs.get("history").info("history_merge_overtaken", files=len(segments), reason=error.message)
            return 0
        self._outcome.bytes_before += sum(segment.size for segment in segments)
        self._outcome.bytes_after += sum(segment.size for segment in merged.added)
        if not expiry:
            self._outcome.repeated_rows += merged.dropped
        return merged.dropped

    # -- expiry and cleaning ------------------------------------------------------------------------------------------

    def _expire(self) -> None:
        self._say("removing what has expired")
        touched = [one for one in self._options.expired if self._holds(one)]
        for one in touched:
            self._rolled.forget(one.tags, one.before_us)
        keep = mergeable(self._samples.segments(), self._rolled.state)
        for segment in keep:
            hit = [one for one in touched if _touches(segment, one)]
            if hit and (is_own(segment.path) or all(segment.max_us < one.before_us for one in hit)):
                self._outcome.expired_rows += self._exchange([segment], OWNERS["day"], 24 * HOUR_US, hit)

    def _holds(self, one: Expired) -> bool:
        """Whether samples or rollups may have something to remove."""
        files = [*self._samples.segments(), *(file for table in self._rolled.tables for file in table.segments())]
        return any(_touches(file, one) for file in files)

    def _clean(self) -> None:
        """Delete files that left the tables long enough ago, and what earlier runs left unfinished."""
        hours = math.ceil(self._options.retired_seconds / 3600)
        for table in (self._samples, *self._rolled.tables):
            there = {stored.name for stored in table.storage.names()}
            known = {segment.path for segment in table.segments()}
            gone = set(table.retired(hours)) - known
            waiting = set(table.retired(0)) - gone
            ours = {name for name in there if is_own(name) or name.startswith(f"{SALVAGER}-")}
            orphans = {name for name in ours if name.endswith(".parquet")} - known - waiting
            for name in sorted((gone | orphans) & there):
                self._right.check()  # a later maintainer's files would look like orphans to us
                table.storage.delete(name)
                self._outcome.removed_files += 1

    # -- progress -----------------------------------------------------------------------------------------------------

    def _slab_rows(self, row_bytes: int) -> int:
        return max(100_000, (self._options.memory_mb - _BASE_MB) * 2**20 // row_bytes)

    def _say(self, message: str) -> None:
        self._message = message
        self._report(self._done, max(self._total, self._done), message)

    def _advance(self, rows: int) -> None:
        self._at(self._done + rows)

    def _at(self, done: int) -> None:
        self._done = done
        self._report(done, max(self._total, done), self._message)


def _touches(segment: Segment, one: Expired) -> bool:
    """Whether a file may hold expired rows."""
    if segment.min_us >= one.before_us:
        return False
    first = int(np.searchsorted(one.tags, segment.min_tag))
    return first < len(one.tags) and int(one.tags[first]) <= segment.max_tag
