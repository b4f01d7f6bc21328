"""Lanes: the batches of one boot of one gateway, numbered from 1. Repeats are skipped, holes are gaps.

Everything here follows from the messages and their order alone, so a writer that starts again from the committed
sequence derives the same gaps anew.

A gateway with a bus of its own sends what it has just made before what it could not send earlier. Each of its batches
names the oldest one that may still come: a hole before that is certain, and so is the end of the boots before it; what
lies beyond waits as runs of batches that came ahead.
"""

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

import msgspec

from lineshaft.bus.envelopes import BatchHeader, Dropped
from lineshaft.bus.envelopes import Gap as ToldGap
from lineshaft.history.intake import IMPORTS
from lineshaft.history.model import Cause, Gap, Held, HeldBoot

BOOTS_KEPT = 8
"""Boots remembered per gateway; of older ones the table still knows the last batch."""
RUNS_KEPT = 1024
"""Runs remembered per boot that came ahead of older batches; beyond it the oldest hole is taken for certain."""
PENDING_KEPT = 64
"""Boots per gateway that came ahead of older ones; beyond it the oldest is taken to be the next."""


class Run(msgspec.Struct, kw_only=True):
    """Batches of a boot, one after the other, that came before an older one."""

    first: int
    last: int
    begun_us: int
    """When the first of them was stored."""
    time_us: int
    complete_us: int
    closed: bool = False


class Hole(msgspec.Struct, frozen=True):
    """Batches that never came and never will."""

    first: int
    last: int
    from_us: int
    to_us: int | None
    """When the batch after it was stored; None where there is none yet."""


class Boot(msgspec.Struct, kw_only=True):
    """One boot: everything up to its batch `seq` has come or is known to be missing."""

    name: str
    seq: int
    time_us: int
    """When a bus first took that batch in."""
    complete_us: int = 0
    """Source time before which the gateway had sent everything, as far as that batch says."""
    closed: bool = False
    """The gateway said that this was its last."""
    ahead: list[Run] = []
    """What came beyond `seq` before older batches; ascending, with holes between."""
    pending: bool = False
    """Batches of boots before this one may still come."""
    forwarded: bool = False
    """Its batches come from a bus of the gateway's own, which waits to hear what is durable here."""

    def has(self, seq: int) -> bool:
        """Whether a batch has come, or is known to be missing."""
        if seq <= self.seq:
            return True
        index = bisect_right(self.ahead, seq, key=_first)
        return index > 0 and seq <= self.ahead[index - 1].last

    def lacking(self, first: int, last: int) -> list[tuple[int, int]]:
        """The parts of a range that have not come."""
        parts, at = [], max(first, self.seq + 1)
        for run in self.ahead:
            if run.last < at:
                continue
            if run.first > last:
                break
            if run.first > at:
                parts.append((at, run.first - 1))
            at = run.last + 1
        return [*parts, (at, last)] if at <= last else parts

    def take(self, run: Run) -> None:
        """Take in batches, none of which has come before."""
        index = bisect_right(self.ahead, run.first, key=_first)
        if index < len(self.ahead) and self.ahead[index].first == run.last + 1:
            after = self.ahead.pop(index)
            run = msgspec.structs.replace(after, first=run.first, begun_us=run.begun_us)
        if index > 0 and self.ahead[index - 1].last == run.first - 1:
            before = self.ahead.pop(index - 1)
            run = msgspec.structs.replace(run, first=before.first, begun_us=before.begun_us)
            index -= 1
        self.ahead.insert(index, run)
        self._absorb()

    def settle(self, seq: int) -> list[Hole]:
        """Nothing up to `seq` will come any more: the holes that this makes certain."""
        holes = []
        while self.seq < seq:
            run = self.ahead[0] if self.ahead else None
            last = seq if run is None else min(seq, run.first - 1)
            holes.append(Hole(self.seq + 1, last, self.time_us, None if run is None else run.begun_us))
            self.seq = last
            self._absorb()
        return holes

    def enter(self, time_us: int) -> None:
        """All boots before it are over; the last of them ended at `time_us`."""
        self.pending = False
        self.time_us = self.complete_us = time_us
        self._absorb()

    def held(self) -> HeldBoot:
        """What has come of it."""
        return HeldBoot(
            boot=self.name, seq=self.seq, pending=self.pending, ahead=[(run.first, run.last) for run in self.ahead]
        )

    def _absorb(self) -> None:
        while not self.pending and self.ahead and self.ahead[0].first == self.seq + 1:
            run = self.ahead.pop(0)
            self.seq, self.time_us, self.complete_us, self.closed = run.last, run.time_us, run.complete_us, run.closed


class Lanes:
    """Every gateway's boots in the order they began; behind them those that came ahead of their turn."""

    def __init__(self, gateways: Mapping[str, list[Boot]] | None = None) -> None:
        self._gateways = {name: [_copy(boot) for boot in boots] for name, boots in (gateways or {}).items()}
        self._changed: set[tuple[str, str]] = set()

    def state(self) -> dict[str, list[Boot]]:
        """Everything, for a snapshot; a copy."""
        return {name: [_copy(boot) for boot in boots] for name, boots in self._gateways.items()}

    def take_marks(self) -> dict[tuple[str, str], int]:
        """Batch up to which each lane that has changed since the last call is complete."""
        changed, self._changed = self._changed, set()
        found = {key: self._find(*key) for key in changed}
        return {key: boot.seq for key, boot in found.items() if boot is not None and boot.seq}

    def knows(self, gateway: str, boot: str) -> bool:
        """Whether the lane has been seen, or `restore` was called for it."""
        return self._find(gateway, boot) is not None

    def restore(self, gateway: str, boot: str, seq: int, time_us: int) -> None:
        """Put back a lane that only the table remembers, behind those that are known."""
        self._gateways.setdefault(gateway, []).insert(0, Boot(name=boot, seq=seq, time_us=time_us, closed=True))

    def is_repeat(self, batch: BatchHeader) -> bool:
        """Whether the batch has been taken in before."""
        boot = self._find(batch.gateway, batch.boot)
        return boot is not None and boot.has(batch.seq)

    def accept(self, batch: BatchHeader, time_us: int, sequence: int) -> list[Gap]:
        """Take in the next batch, which is no repeat; the gaps that it shows or tells."""
        boot = self._known(batch.gateway, batch.boot)
        gaps = self.settle(batch, time_us, sequence)
        note = _Note(batch, time_us, sequence)
        if batch.gap is not None:
            gaps.append(note.told(batch.gap))
        complete_us = note.stored_us if batch.complete_us is None else min(note.stored_us, batch.complete_us)
        boot.take(Run(
            first=batch.seq, last=batch.seq, begun_us=note.stored_us, time_us=note.stored_us, complete_us=complete_us,
            closed=batch.last,
        ))  # fmt: skip
        if len(boot.ahead) > RUNS_KEPT:
            gaps += self._missing(boot, boot.ahead[0].first - 1, note)
        return gaps

    def settle(self, batch: BatchHeader, time_us: int, sequence: int) -> list[Gap]:
        """What a batch says of those before it, also one that was taken in before; the gaps that it makes certain."""
        note = _Note(batch, time_us, sequence)
        gaps = [gap for dropped in batch.dropped for gap in self._drop(dropped, note)]
        name, seq = batch.oldest or (batch.boot, batch.seq)
        self._changed.add((batch.gateway, batch.boot))
        boot = self._find(batch.gateway, name)
        if boot is None:  # everything of that boot is still to come
            return gaps
        boot.forwarded = boot.forwarded or batch.oldest is not None
        if boot.pending and not boot.has(1) and seq <= 1 and (name, seq) != (batch.boot, batch.seq):
            return gaps  # its first batch is on its way, which tells when it began
        gaps += self._reach(boot, note)
        return gaps + self._missing(boot, seq - 1, note)

    def _known(self, gateway: str, name: str) -> Boot:
        boot = self._find(gateway, name)
        if boot is None:
            boot = Boot(name=name, seq=0, time_us=0, pending=True)
            self._gateways.setdefault(gateway, []).append(boot)
        return boot

    def _drop(self, dropped: Dropped, note: "_Note") -> list[Gap]:
        """Batches that the gateway's own bus let go; what of them came earlier is not missing."""
        boot = self._known(note.gateway, dropped.boot)
        gaps = self._reach(boot, note, dropped.stored_us) + self._missing(boot, dropped.from_seq - 1, note)
        parts = boot.lacking(dropped.from_seq, dropped.to_seq)
        for first, last in parts:
            if dropped.rows:  # a boot's farewell that goes takes no value with it
                gaps.append(note.dropped(dropped, first, last))
            boot.take(Run(
                first=first, last=last, begun_us=dropped.stored_us, time_us=dropped.stored_us,
                complete_us=min(dropped.stored_us, dropped.to_ts), closed=dropped.last and last == dropped.to_seq,
            ))  # fmt: skip
        return gaps + [note.told(gap, dropped.boot) for gap in dropped.gaps if parts]

    def _reach(self, boot: Boot, note: "_Note", told_us: int | None = None) -> list[Gap]:
        """The turn has come to a boot: those before it are over, also such as came whole ahead of their turn.

        Args:
            told_us: when its bus took in batches that the message, which may be a newer boot's, tells of.
        """
        if not boot.pending:
            return []
        begun_us = note.begun_us(boot) if told_us is None else min([told_us, *(run.begun_us for run in boot.ahead[:1])])
        pending = [each for each in self._gateways[note.gateway] if each.pending and each is not boot and each.ahead]
        older = [each for each in pending if each.ahead[0].begun_us < begun_us]
        gaps = []
        for each in sorted(older, key=lambda each: each.ahead[0].begun_us):
            gaps += self._enter(each, each.ahead[0].begun_us, note)
        return gaps + self._enter(boot, begun_us, note)

    def _enter(self, boot: Boot, begun_us: int, note: "_Note") -> list[Gap]:
        """A boot is the next one: what came before it is over."""
        boots = self._gateways[note.gateway]
        turn = next(index for index, each in enumerate(boots) if each.pending)
        before, gaps = boots[turn - 1] if turn else None, []
        if before is not None:
            gaps += self._missing(before, before.ahead[-1].last if before.ahead else 0, note)
            if not before.closed and note.gateway != IMPORTS:  # a file that stopped halfway is still where it was
                gaps.append(note.restart(before, begun_us))
        boots.remove(boot)
        boots.insert(turn, boot)
        boot.enter(begun_us if before is None else before.time_us)
        self._changed.add((note.gateway, boot.name))
        del boots[: max(0, turn + 1 - BOOTS_KEPT)]
        pending = [each for each in boots if each.pending]
        return gaps + self._reach(pending[0], note) if len(pending) > PENDING_KEPT else gaps

    def _missing(self, boot: Boot, seq: int, note: "_Note") -> list[Gap]:
        if boot.seq >= seq:
            return []
        self._changed.add((note.gateway, boot.name))
        return [note.missing(boot, hole) for hole in boot.settle(seq)]

    def _find(self, gateway: str, name: str) -> Boot | None:
        for boot in reversed(self._gateways.get(gateway, ())):
            if boot.name == name:
                return boot
        return None


def held(gateway: str, boots: list[Boot]) -> Held | None:
    """What a gateway with a bus of its own may let go; None for one without."""
    if not any(boot.forwarded for boot in boots):
        return None
    return Held(gateway=gateway, boots=[boot.held() for boot in boots])


class _Note:
    """Writes gap records that one message gives rise to."""

    def __init__(self, batch: BatchHeader, time_us: int, sequence: int) -> None:
        self.gateway = batch.gateway
        self.stored_us = time_us if batch.stored_us is None else batch.stored_us
        """When a bus first took the message in."""
        self._batch = batch
        self._time_us = time_us
        self._sequence = sequence

    def begun_us(self, boot: Boot) -> int:
        """When a boot began, as far as is known: the message itself may be its first."""
        ahead = [run.begun_us for run in boot.ahead[:1]]
        own = [self.stored_us] if boot.name == self._batch.boot or not ahead else []
        return min(ahead + own)

    def _gap(self, cause: Cause, from_us: int, to_us: int, **fields: Any) -> Gap:
        values: dict[str, Any] = {
            "gateway": self._batch.gateway, "boot": self._batch.boot, "from_seq": None, "to_seq": None, "rows": None,
            "detail": "", "noted_us": self._time_us, "sequence": self._sequence,
        }  # fmt: skip
        return Gap(cause=cause, from_us=from_us, to_us=to_us, **(values | fields))

    def restart(self, before: Boot, begun_us: int) -> Gap:
        return self._gap(
            "restart", before.complete_us or before.time_us, begun_us, boot=before.name, from_seq=before.seq + 1,
            detail="the gateway ended without a clean stop; what it held unsent is lost",
        )  # fmt: skip

    def missing(self, boot: Boot, hole: Hole) -> Gap:
        to_us = self.stored_us if hole.to_us is None else hole.to_us
        return self._gap("sequence", hole.from_us, to_us, boot=boot.name, from_seq=hole.first, to_seq=hole.last)

    def dropped(self, dropped: Dropped, first: int, last: int) -> Gap:
        whole = (first, last) == (dropped.from_seq, dropped.to_seq)
        return self._gap(
            "dropped", dropped.from_ts, dropped.to_ts, boot=dropped.boot, from_seq=first, to_seq=last,
            rows=dropped.rows if whole else None, detail=dropped.detail,
        )  # fmt: skip

    def told(self, gap: ToldGap, boot: str = "") -> Gap:
        return self._gap(
            gap.cause, gap.from_ts, gap.to_ts, boot=boot or self._batch.boot, rows=gap.rows or None, detail=gap.detail
        )


def _first(run: Run) -> int:
    return run.first


def _copy(boot: Boot) -> Boot:
    return msgspec.structs.replace(boot, ahead=[msgspec.structs.replace(run) for run in boot.ahead])


def trimmed(first: int, last: int, from_us: int, to_us: int) -> Gap:
    """Messages that left the stream before the history read them; `last + 1` is the message that showed it."""
    return Gap(
        gateway="", boot="", cause="dropped", from_seq=first, to_seq=last, from_us=from_us, to_us=to_us, rows=None,
        detail="messages left the stream before the history had read them", noted_us=to_us, sequence=last + 1,
    )  # fmt: skip


def undecodable(
    gateway: str, batch: BatchHeader | None, reason: str, rows: int | None, time_us: int, sequence: int
) -> Gap:
    """A message that cannot be read; it lies in the dead-letter stream."""
    number = None if batch is None else batch.seq
    return Gap(
        gateway=gateway, boot="" if batch is None else batch.boot, cause="undecodable", from_seq=number, to_seq=number,
        from_us=time_us, to_us=time_us, rows=rows, detail=reason, noted_us=time_us, sequence=sequence,
    )  # fmt: skip
