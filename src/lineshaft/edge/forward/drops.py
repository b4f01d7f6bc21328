"""Drops: what left the store before the history had it, kept on disk until the hub has been told.

The record is written before the batches go, with the position up to which they do; a start after a kill between the
two finishes the removal. The history passes over what it has: a record told twice, or of batches that did arrive, is no
second gap.
"""

from pathlib import Path

import msgspec

from lineshaft.bus import Dropped, StoredMessage, read_batch_header
from lineshaft.core.errors import InvalidInput
from lineshaft.core.home import write_file
from lineshaft.edge import gaps

_DETAIL = "the gateway's store was full or its batches too old before the hub took them"
_TOLD_BYTES = 8000
"""Room for records in one message's headers."""


class _Kept(msgspec.Struct):
    created: str = ""
    up_to: int = 0
    entries: list[Dropped] = []


class Drops:
    """The records of one store.

    Args:
        file: where they are kept.
        created: the store's creation time: positions of another one mean nothing.
    """

    def __init__(self, file: Path, created: str) -> None:
        self._file = file
        self._kept = _Kept(created=created)
        self._staged: list[Dropped] = []
        self._grows = True
        self._apart = False
        self.rows = 0
        """Rows dropped since the start."""
        try:
            kept = msgspec.json.decode(file.read_bytes(), type=_Kept)
        except (OSError, msgspec.MsgspecError):
            return
        self._kept = msgspec.structs.replace(kept, created=created, up_to=kept.up_to if kept.created == created else 0)

    @property
    def up_to(self) -> int:
        """Position up to which batches are to go."""
        return self._kept.up_to

    @property
    def waiting(self) -> bool:
        """Whether the hub must still be told of some."""
        return bool(self._kept.entries)

    def add(self, message: StoredMessage, *, apart: bool = False) -> None:
        """A batch is to go; `keep` makes it durable. `apart` from those before: in a record of its own."""
        try:
            header = read_batch_header(message.subject, message.headers)
        except InvalidInput:
            return
        from_ts, to_ts = source_times(message)
        one = Dropped(
            boot=header.boot, from_seq=header.seq, to_seq=header.seq, rows=header.rows, from_ts=from_ts, to_ts=to_ts,
            stored_us=message.time_us, last=header.last, gaps=[header.gap] if header.gap else [], detail=_DETAIL,
        )  # fmt: skip
        self.rows += header.rows
        self._apart = apart if not self._staged else self._apart
        if self._staged and not apart and _joins(self._staged[-1], one):
            self._staged[-1] = _join(self._staged[-1], one)
        else:
            self._staged.append(one)

    def keep(self, up_to: int) -> None:
        """Make the records durable, and the position up to which batches go.

        Raises:
            OSError: the disk refuses; nothing may go.
        """
        staged, self._staged = self._staged, []
        entries = list(self._kept.entries)
        if staged and entries and self._grows and not self._apart and _joins(entries[-1], staged[0]):
            entries[-1] = _join(entries[-1], staged.pop(0))
        kept = _Kept(created=self._kept.created, up_to=max(self._kept.up_to, up_to), entries=entries + staged)
        write_file(self._file, msgspec.json.encode(kept))
        self._kept = kept

    def to_tell(self) -> list[Dropped]:
        """The oldest records, as many as fit in a message's headers."""
        self._grows = self._grows and not self.waiting
        told: list[Dropped] = []
        for entry in self._kept.entries:
            if told and len(msgspec.json.encode([*told, entry])) > _TOLD_BYTES:
                break
            told.append(entry)
        return told

    def untold(self, beside: list[Dropped]) -> Dropped | None:
        """The oldest record that the hub has not heard of, nor hears of from a message that tells those `beside`."""
        return next((entry for entry in self._kept.entries if entry not in beside), None)

    def told(self, entries: list[Dropped]) -> None:
        """The hub has these."""
        self._grows = True
        self._kept.entries = [entry for entry in self._kept.entries if entry not in entries]
        write_file(self._file, msgspec.json.encode(self._kept))


def _joins(before: Dropped, after: Dropped) -> bool:
    return before.boot == after.boot and before.to_seq + 1 == after.from_seq


def _join(before: Dropped, after: Dropped) -> Dropped:
    return msgspec.structs.replace(
        after, from_seq=before.from_seq, rows=before.rows + after.rows, gaps=gaps.merge([*before.gaps, *after.gaps]),
        from_ts=min(before.from_ts, after.from_ts), to_ts=max(before.to_ts, after.to_ts),
    )  # fmt: skip


def source_times(message: StoredMessage) -> tuple[int, int]:
    """Source times of a batch's first and last sample; when it was stored where it has none."""
    import pyarrow as pa

    from lineshaft.bus import telemetry

    try:
        times = telemetry.decode(message.data).column("ts").cast(pa.int64())
        values = times.to_numpy(zero_copy_only=False)
        if len(values):
            return int(values.min()), int(values.max())
    except InvalidInput:
        pass
    return message.time_us, message.time_us
