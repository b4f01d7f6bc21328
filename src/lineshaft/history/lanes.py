"""Lanes: the batches of one boot of one gateway, numbered from 1. Repeats are skipped, holes are gaps.

Everything here follows from the messages and their order alone, so a writer that starts again from the committed
sequence derives the same gaps anew.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from lineshaft.bus.envelopes import BatchHeader
from lineshaft.bus.envelopes import Gap as ToldGap
from lineshaft.history.model import Cause, Gap

BOOTS_KEPT = 8
"""Boots remembered per gateway; of older ones the table still knows the last batch."""


class Boot(msgspec.Struct, kw_only=True):
    """One boot's last batch."""

    name: str
    seq: int
    time_us: int
    """When the bus took it in."""
    complete_us: int = 0
    """Source time before which the gateway had sent everything, as far as that batch says."""
    closed: bool = False
    """The gateway said that this was its last."""


class Lanes:
    """Last batches of every gateway, in the order their boots began."""

    def __init__(self, gateways: Mapping[str, list[Boot]] | None = None) -> None:
        self._gateways = {name: list(boots) for name, boots in (gateways or {}).items()}

    def state(self) -> dict[str, list[Boot]]:
        """Everything, for a snapshot; a copy."""
        return {name: [msgspec.structs.replace(boot) for boot in boots] for name, boots in self._gateways.items()}

    def marks(self) -> dict[tuple[str, str], int]:
        """Last batch of every lane that is remembered."""
        return {(name, boot.name): boot.seq for name, boots in self._gateways.items() for boot in boots}

    def knows(self, gateway: str, boot: str) -> bool:
        """Whether the lane has been seen, or `restore` was called for it."""
        return self._find(gateway, boot) is not None

    def restore(self, gateway: str, boot: str, seq: int, time_us: int) -> None:
        """Put back a lane that only the table remembers, behind those that are known."""
        self._gateways.setdefault(gateway, []).insert(0, Boot(name=boot, seq=seq, time_us=time_us, closed=True))

    def is_repeat(self, batch: BatchHeader) -> bool:
        """Whether the batch has been taken in before."""
        boot = self._find(batch.gateway, batch.boot)
        return boot is not None and batch.seq <= boot.seq

    def accept(self, batch: BatchHeader, time_us: int, sequence: int) -> list[Gap]:
        """Take in the next batch, which is no repeat; the gaps that it shows or tells."""
        gaps = []
        boots = self._gateways.setdefault(batch.gateway, [])
        boot = self._find(batch.gateway, batch.boot)
        note = _Note(batch, time_us, sequence)
        if boot is None:
            if boots and not boots[-1].closed:
                gaps.append(note.restart(boots[-1]))
            begun_us = boots[-1].time_us if boots else time_us
            boot = Boot(name=batch.boot, seq=0, time_us=begun_us, complete_us=begun_us)
            boots.append(boot)
            del boots[:-BOOTS_KEPT]
        if batch.seq > boot.seq + 1:
            gaps.append(note.missing(boot))
        if batch.gap is not None:
            gaps.append(note.told(batch.gap))
        boot.seq, boot.time_us, boot.closed = batch.seq, time_us, batch.last
        boot.complete_us = time_us if batch.complete_us is None else min(time_us, batch.complete_us)
        return gaps

    def _find(self, gateway: str, name: str) -> Boot | None:
        for boot in reversed(self._gateways.get(gateway, ())):
            if boot.name == name:
                return boot
        return None


class _Note:
    """Writes gap records that one message gives rise to."""

    def __init__(self, batch: BatchHeader, time_us: int, sequence: int) -> None:
        self._batch = batch
        self._time_us = time_us
        self._sequence = sequence

    def _gap(self, cause: Cause, from_us: int, to_us: int, **fields: Any) -> Gap:
        values: dict[str, Any] = {
            "gateway": self._batch.gateway, "boot": self._batch.boot, "from_seq": None, "to_seq": None, "rows": None,
            "detail": "", "noted_us": self._time_us, "sequence": self._sequence,
        }  # fmt: skip
        return Gap(cause=cause, from_us=from_us, to_us=to_us, **(values | fields))

    def restart(self, before: Boot) -> Gap:
        return self._gap(
            "restart", before.complete_us or before.time_us, self._time_us, boot=before.name, from_seq=before.seq + 1,
            detail="the gateway ended without a clean stop; what it held unsent is lost",
        )  # fmt: skip

    def missing(self, boot: Boot) -> Gap:
        return self._gap("sequence", boot.time_us, self._time_us, from_seq=boot.seq + 1, to_seq=self._batch.seq - 1)

    def told(self, gap: ToldGap) -> Gap:
        return self._gap(gap.cause, gap.from_ts, gap.to_ts, rows=gap.rows or None, detail=gap.detail)


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
