"""The server's side of imports: batches of a file become messages of the lane `import`, one file at a time."""

import asyncio
import re
from typing import Final

import numpy as np
import pyarrow as pa

from lineshaft.access import Act
from lineshaft.access.model import Outcome
from lineshaft.bus import BatchHeader, Bus
from lineshaft.bus.telemetry import decode
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, InvalidInput, NotFound
from lineshaft.core.principals import Principal
from lineshaft.history.intake import IMPORTS
from lineshaft.history.model import Tag, TagKind
from lineshaft.history.store import Tags

GROUP: Final = "file"
_FILE = re.compile(r"[0-9a-f]{32}")
_ABANDONED_SECONDS: Final = 60.0
_COLUMNS: Final[dict[TagKind, tuple[str, ...]]] = {
    "number": ("v", "vi"), "integer": ("vi", "v"), "boolean": ("vb",), "text": ("vs",),
}  # fmt: skip


class Imports:
    """Takes batches of files. Two files at once would look like one lane that lost its place."""

    def __init__(self, tags: Tags, bus: Bus) -> None:
        self._tags = tags
        self._bus = bus
        self._lock = asyncio.Lock()
        self._active = ""
        self._touched = 0.0

    async def take(self, principal: Principal, file: str, seq: int, data: bytes, *, last: bool) -> int:
        """Store one batch on the bus; returns its rows. Given again, it is stored once.

        Args:
            file: 32 hexadecimal digits that name the file's content and mapping.
            seq: the batch's number in it, from 1.
            data: an Arrow stream of the telemetry batch's form; empty for one that only says that it was the last.

        Raises:
            InvalidInput: the batch. NotFound: a tag. Conflict: another file is under way.
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
        async with self._lock:
            self._begin(file)
            header = BatchHeader(
                gateway=IMPORTS, boot=file, seq=seq, rows=0 if batch is None else len(batch), group=GROUP,
                first=seq == 1, last=last,
            )  # fmt: skip
            subject = self._bus.subjects.data(IMPORTS, GROUP)
            await self._bus.publish_stored(subject, data, header.to_headers(), f"{IMPORTS}:{file}:{seq}")
            if last:
                self._active = ""
        return header.rows

    def _begin(self, file: str) -> None:
        now = clock.monotonic()
        if self._active not in ("", file) and now - self._touched < _ABANDONED_SECONDS:
            raise Conflict(
                "history.import_running",
                "another file is being imported",
                "Try again when it is done.",
                file=self._active,
            )
        self._active, self._touched = file, now

    async def _check(self, principal: Principal, batch: pa.RecordBatch) -> None:
        """Every tag is one of the caller's, and every value of its tag's kind."""
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
