"""The server's side of imports: batches of a file become messages of the lane `import`, one file at a time."""

import asyncio
import hashlib
import re
from typing import Final

import numpy as np
import pyarrow as pa

from lineshaft.access import Act
from lineshaft.access.labels import Egress
from lineshaft.access.model import Outcome
from lineshaft.bus import BatchHeader, Bus
from lineshaft.bus.telemetry import decode
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, InvalidInput, NotFound
from lineshaft.core.principals import Principal
from lineshaft.history.asking import subjects
from lineshaft.history.intake import IMPORTS
from lineshaft.history.model import Tag, TagKind
from lineshaft.history.store import Tags

GROUP: Final = "file"
_FILE = re.compile(r"[0-9a-f]{32}")
_ABANDONED_SECONDS: Final = 60.0
_REMEMBERED: Final = 16
"""Imports whose batches are known; one of more must begin again, which stores nothing twice."""
_COLUMNS: Final[dict[TagKind, tuple[str, ...]]] = {
    "number": ("v", "vi"), "integer": ("vi", "v"), "boolean": ("vb",), "text": ("vs",),
}  # fmt: skip


class Imports:
    """Takes batches of files. Two files at once would look like one lane that lost its place.

    A boot of the lane is one principal's import of one file: nobody can put batches into another's.
    """

    def __init__(self, tags: Tags, bus: Bus, egress: Egress) -> None:
        self._tags = tags
        self._bus = bus
        self._egress = egress
        self._given: dict[str, dict[int, bytes]] = {}
        """By boot the digests of the batches that came, by number; the boot that came last is the last."""
        self._lock = asyncio.Lock()
        self._active = ""
        self._touched = 0.0

    async def take(self, principal: Principal, file: str, seq: int, data: bytes, *, last: bool) -> int:
        """Store one batch on the bus; returns its rows. Given again, it is stored once.

        Args:
            file: 32 hexadecimal digits that name the file's content and mapping.
            seq: the batch's number in it, from 1; the caller records that the first was asked for.
            data: an Arrow stream of the telemetry batch's form; empty for one that only says that it was the last.

        Raises:
            InvalidInput: the batch. NotFound: a tag. Forbidden: the policies do not let the caller write one.
            Conflict: another file is under way; the principal's first batch has not come; another content came before.
            Unavailable: the bus does not take it.
        """
        if not _FILE.fullmatch(file):
            raise InvalidInput(
                "history.import_name_invalid", f"file is {file[:40]!r}, which is not 32 hexadecimal digits",
                "`lineshaft history import` makes it from the file.", field="file", value=file[:40],
            )  # fmt: skip
        batch = await asyncio.to_thread(decode, data) if data else None
        if batch is not None:
            await self._check(principal, batch)
        boot = hashlib.sha256(f"{principal.id}\n{file}".encode()).hexdigest()[:32]
        async with self._lock:
            self._begin(boot)
            self._expect(boot, seq, hashlib.sha256(b"%d" % last + data).digest())
            header = BatchHeader(
                gateway=IMPORTS, boot=boot, seq=seq, rows=0 if batch is None else len(batch), group=GROUP,
                first=seq == 1, last=last,
            )  # fmt: skip
            subject = self._bus.subjects.data(IMPORTS, GROUP)
            await self._bus.publish_stored(subject, data, header.to_headers(), f"{IMPORTS}:{boot}:{seq}")
            if last:
                self._active = ""
        return header.rows

    def _begin(self, boot: str) -> None:
        now = clock.monotonic()
        if self._active not in ("", boot) and now - self._touched < _ABANDONED_SECONDS:
            raise Conflict(
                "history.import_running",
                "another file is being imported",
                "Try again when it is done.",
            )
        self._active, self._touched = boot, now

    def _expect(self, boot: str, seq: int, digest: bytes) -> None:
        """Remember a batch; refuse one before the first, and one that came with another content."""
        given = self._given.pop(boot, {})
        if seq == 1 or given:
            self._given[boot] = given
        else:
            self._active = ""
            raise Conflict(
                "history.import_not_begun", f"batch {seq} came, and the first one of this import has not",
                "Send the file again from its first batch; what is stored is not stored twice.",
                field="seq", value=seq,
            )  # fmt: skip
        if len(self._given) > _REMEMBERED:
            del self._given[next(iter(self._given))]
        if given.setdefault(seq, digest) != digest:
            raise Conflict(
                "history.import_batch_differs", f"batch {seq} of this import came before with another content",
                "Another content needs another file name: `lineshaft history import` makes it.",
                field="seq", value=seq,
            )  # fmt: skip

    async def _check(self, principal: Principal, batch: pa.RecordBatch) -> None:
        """Every tag is one that the caller may write, and every value of its tag's kind."""
        numbers = batch.column("tag").to_numpy()
        wanted = np.unique(numbers).tolist()
        known = await self._tags.by_number(principal.tenant, wanted)
        for number in wanted:
            tag = known.get(number)
            if tag is None or not principal.sees(tag.project):
                raise NotFound(
                    "history.tag_number_unknown", f"there is no tag {number}", "GET /api/v1/history/tags lists them.",
                    field="tag", value=number,
                )  # fmt: skip
        await self._egress.admit(principal, "history:write", subjects(known))
        for kind, columns in _COLUMNS.items():
            of_kind = [number for number, tag in known.items() if tag.kind == kind]
            given = np.zeros(len(batch), bool)
            for name in columns:
                given |= batch.column(name).is_valid().to_numpy(zero_copy_only=False)
            wrong = np.isin(numbers, of_kind) & ~given
            if wrong.any():
                raise _wrong_kind(known[int(numbers[wrong][0])])


def act_of(principal: Principal, file: str, name: str, outcome: Outcome, facts: dict[str, str | int]) -> Act:
    """What the audit trail keeps of an import: the provenance of its rows."""
    return Act(
        principal=principal.id, action="history:write", resource=f"import {file}", outcome=outcome, kind="change",
        facts={"file": name, **facts},
    )  # fmt: skip


def _wrong_kind(tag: Tag) -> InvalidInput:
    return InvalidInput(
        "history.import_kind_wrong", f"a value of {tag.path!r} is no {tag.kind}", "Map the column to another tag.",
        field="value", path=tag.path, kind=tag.kind,
    )  # fmt: skip
