"""Imports as jobs: a file is uploaded in pieces, then a process reads it and its rows go the way of every import.

After a restart an import begins anew with the same batches, and the history keeps what it has: nothing is doubled. So
does one that is asked for again after it failed or was cancelled.
"""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from lineshaft.access import Access
from lineshaft.core import clock, ids
from lineshaft.core.errors import (
    Conflict,
    InvalidInput,
    LineshaftError,
    NotFound,
    TooLarge,
    Unavailable,
    from_wire,
)
from lineshaft.core.home import Home, Identity
from lineshaft.core.jobs import Job, JobHandle, JobRunner
from lineshaft.core.principals import Principal
from lineshaft.history.children import lines_of
from lineshaft.history.transfer.lane import Imports, act_of
from lineshaft.history.transfer.model import (
    IMPORT,
    Batch,
    Checked,
    Failed,
    ImportAsked,
    ImportLine,
    ImportOrder,
    ImportResult,
    Reading,
)
from lineshaft.history.transfer.owner import present
from lineshaft.history.transfer.settings import TransferSettings
from lineshaft.history.transfer.spool import Spool
from lineshaft.records import RecordsSettings

_UPLOAD: Final = re.compile(r"[0-9a-f]{32}")
_WORKER: Final = "lineshaft.history.transfer.worker"
_PAUSE_SECONDS: Final = 1.0
_BELIEVED_SECONDS: Final = 5.0
"""How long between two batches whoever asked is taken for what they were."""

T = TypeVar("T")


class ImportJobs:
    """Takes uploads and runs imports.

    Args:
        runner: runs one at a time, since the lane takes one.
    """

    def __init__(
        self, imports: Imports, access: Access, runner: JobRunner, spool: Spool, *, home: Home, identity: Identity,
        records: RecordsSettings, settings: TransferSettings,
    ) -> None:  # fmt: skip
        self._imports = imports
        self._access = access
        self._runner = runner
        self._spool = spool
        self._home = home
        self._identity = identity
        self._records = records
        self._settings = settings
        self._receiving: set[str] = set()
        runner.register(IMPORT, self._run)

    async def receive(
        self, principal: Principal, upload: str, offset: int, pieces: AsyncIterator[bytes], whole: int = 0
    ) -> tuple[str, int, int]:
        """Add a piece to an upload, a new one at offset 0; returns its name here, and its bytes before and now.

        A piece that is there already is not read.

        Args:
            upload: 32 hexadecimal digits that the caller chose for it.
            whole: bytes of the whole file; 0 where that is not known.

        Raises:
            InvalidInput: `upload`. Conflict: a piece before this one is missing, or another comes in at this moment.
            TooLarge: beyond what files may take; what is there of a file that may never be sent whole is removed.
            Unavailable: the disk refuses.
        """
        with self._reserved(principal, upload) as name:
            try:
                return name, *await self._add(name, offset, pieces, whole)
            except OSError as error:
                raise _refused(error) from error

    async def drop(self, principal: Principal, upload: str) -> None:
        """Remove what is there of the caller's upload; nothing may be.

        Raises:
            InvalidInput: `upload`. Conflict: a piece of it comes in at this moment.
        """
        with self._reserved(principal, upload) as name:
            await asyncio.to_thread(self._spool.remove, name)

    @contextlib.contextmanager
    def _reserved(self, principal: Principal, upload: str) -> Iterator[str]:
        """The name here of an upload that nobody else touches meanwhile."""
        if not _UPLOAD.fullmatch(upload):
            raise InvalidInput(
                "history.upload_name_invalid", f"upload is {upload[:40]!r}, which is not 32 hexadecimal digits",
                "Choose them at random, the same ones for every piece of a file.", field="upload", value=upload[:40],
            )  # fmt: skip
        name = hashlib.sha256(f"{principal.id}\n{upload}".encode()).hexdigest()[:32] + ".part"
        if name in self._receiving:
            raise Conflict(
                "history.upload_busy", "another piece of this upload is on its way", "Send one after the other.",
                field="upload", value=upload,
            )  # fmt: skip
        self._receiving.add(name)
        self._spool.hold(name)
        try:
            yield name
        finally:
            self._spool.free(name)
            self._receiving.discard(name)

    async def submit(
        self, principal: Principal, part: str, asked: ImportAsked, project: str
    ) -> Job:  # fmt: skip
        """Begin to import a file that is there whole, under the name `asked.stored` from now on.

        Raises:
            Unavailable: the disk or the records refuse; then the file has to be sent again.
        """
        self._spool.hold(asked.stored)
        try:
            await asyncio.to_thread(self._spool.settle, part, asked.stored)
            arguments = msgspec.to_builtins(asked)
            return await self._runner.submit(IMPORT, f"Import {asked.name}", principal.id, arguments, project=project)
        except OSError as error:
            await asyncio.to_thread(self.forget, asked.stored)
            raise _refused(error) from error
        except BaseException:
            await asyncio.shield(asyncio.to_thread(self.forget, asked.stored))
            raise

    async def cancel(self, job: Job) -> Job:
        """Ask for an import's end, its turn come or not, and remove its file; returns it as it stands now.

        Raises:
            Conflict: it has ended already.
        """
        ending = await self._runner.cancel(job.id)
        await asyncio.to_thread(self.forget, stored_name(job))
        return ending

    async def faulty(self, principal: Principal, job_id: str) -> list[dict[str, Any]]:
        """The first rows of the caller's import that are wrong, with what they say.

        Raises:
            NotFound: no import of the caller.
        """
        job = await self._runner.get(job_id, reader=principal)
        if job.kind != IMPORT or job.owner != principal.id:
            raise NotFound(
                "history.import_unknown", f"{principal.name} has no import {job_id[:40]!r}",
                "GET /api/v1/system/jobs lists jobs; what is wrong with a file is for whoever sent it.",
                field="import", value=job_id[:40], name=principal.name,
            )  # fmt: skip
        return list(job.cursor or [])

    def forget(self, name: str) -> None:
        """Remove the file of an import (blocking)."""
        self._spool.remove(name)
        self._spool.free(name)

    async def _add(self, name: str, offset: int, pieces: AsyncIterator[bytes], whole: int) -> tuple[int, int]:
        path = self._spool.path(name)
        size = await asyncio.to_thread(self._spool.size, name)
        if offset > size:
            raise Conflict(
                "history.upload_piece_missing", f"the piece begins at byte {offset}, and only {size} bytes are there",
                "Go on at that byte; an upload that does not go on expires.", field="offset", value=offset,
                received=size,
            )  # fmt: skip
        if offset < size:
            return size, size
        try:
            if whole > size:
                await asyncio.to_thread(self._spool.check, name, whole - size)
            return size, await self._write(name, size, pieces)
        except BaseException as error:  # a piece is there whole or not at all: then it can be sent again
            if (
                isinstance(error, TooLarge) and error.code == "history.transfer_file_too_large"
            ):  # and this one never can
                await asyncio.to_thread(self._spool.remove, name)
            elif path.exists():
                await asyncio.shield(asyncio.to_thread(_shorten, path, size))
            raise

    async def _write(self, name: str, end: int, pieces: AsyncIterator[bytes]) -> int:
        if not end:  # a file without a byte is one too
            await asyncio.to_thread(self._append, name, b"")
        async for piece in pieces:
            if piece:
                await asyncio.to_thread(self._append, name, piece)
                end += len(piece)
        return end

    def _append(self, name: str, piece: bytes) -> None:
        self._spool.check(name, len(piece))
        with self._spool.path(name).open("ab") as file:
            file.write(piece)

    # -- the job --------------------------------------------------------------------------------------------------

    async def _run(self, handle: JobHandle, arguments: dict[str, Any]) -> ImportResult:
        asked = msgspec.convert(arguments, ImportAsked)
        self._spool.hold(asked.stored)
        try:
            while True:
                try:
                    result = await self._import(handle, asked)
                    break
                except _Waiting as waiting:  # the process that reads could not ask; what is stored is not stored twice
                    await _wait(handle, waiting.error)
        except asyncio.CancelledError:
            if handle.cancelled:
                await asyncio.to_thread(self.forget, asked.stored)
            raise
        except BaseException:
            await asyncio.to_thread(self.forget, asked.stored)
            raise
        await asyncio.to_thread(self.forget, asked.stored)
        return result

    async def _import(self, handle: JobHandle, asked: ImportAsked) -> ImportResult:
        principal = await _patiently(handle, lambda: present(self._access, asked.principal))
        if not await asyncio.to_thread(self._spool.path(asked.stored).exists):
            raise NotFound(
                "history.import_file_gone", f"the uploaded file {asked.name} is no longer there",
                "Send it again; what of it is in the history is not doubled.", name=asked.name,
            )  # fmt: skip
        order = ImportOrder(
            asked=msgspec.structs.replace(asked, principal=principal), file=str(self._spool.path(asked.stored)),
            home=str(self._home.path), records=self._records, prefix=self._identity.prefix,
            memory_mb=self._settings.memory_mb,
        )  # fmt: skip
        run = _Run(handle, asked, principal, self._imports, self._access)
        decode = msgspec.json.Decoder(ImportLine).decode
        async with contextlib.aclosing(lines_of(_WORKER, order)) as lines:
            async for line in lines:
                await run.take(decode(line))
        return run.result()


class _Run:
    """One run of one import."""

    def __init__(
        self, handle: JobHandle, asked: ImportAsked, principal: Principal, imports: Imports, access: Access
    ) -> None:  # fmt: skip
        self._handle = handle
        self._asked = asked
        self._principal = principal
        self._imports = imports
        self._access = access
        self._checked: Checked | None = None
        self._stored = 0
        self._seen = clock.monotonic()
        """When the principal was looked up."""

    async def take(self, line: ImportLine) -> None:
        """Do what a line says; what went in is said also where this fails."""
        try:
            await self._do(line)
        except _Waiting:
            raise
        except BaseException:
            self._handle.progress(self._stored, None, self._said())
            raise

    def result(self) -> ImportResult:
        """What came of it."""
        whole = self._whole()
        self._handle.progress(self._stored, whole.rows, self._said())
        return ImportResult(
            rows=whole.rows, faults=whole.faults, tags=whole.tags, from_=whole.first, to=whole.last,
            stored=self._stored,
        )  # fmt: skip

    async def _do(self, line: ImportLine) -> None:
        match line:
            case Reading(rows=rows):
                self._handle.progress(0, None, f"{rows:,} rows read")
            case Checked():
                self._checked = line
                if line.faulty:  # where the owner alone finds them: what is wrong may be what others shall not see
                    await self._patiently(lambda: self._handle.checkpoint(line.faulty))
                self._handle.progress(0, line.rows, f"{line.rows:,} rows in order, {line.faults:,} faults")
            case Batch():
                await self._store(line, self._whole())
            case Failed():
                error = from_wire(line.code, line.message, line.hint, line.status, line.facts)
                raise _Waiting(error) if isinstance(error, Unavailable) else error

    async def _store(self, batch: Batch, whole: Checked) -> None:
        last = not batch.rows
        if batch.seq == 1:
            await self._note(whole, "asked", {})
        while True:
            await self._look_again()
            try:
                await self._patiently(
                    lambda: self._imports.take(self._principal, whole.name, batch.seq, batch.data, last=last)
                )
            except Conflict as error:
                if error.code != "history.import_running":
                    raise
                self._handle.progress(self._stored, None, "waiting for another import")
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                break
        self._stored += batch.rows
        self._handle.progress(self._stored, whole.rows, f"{self._stored:,} of {whole.rows:,} rows")
        if last:
            await self._note(whole, "done", {"batches": batch.seq, "rows": self._stored})

    async def _look_again(self) -> None:
        """See what whoever asked may do now, where that is some time ago."""
        if clock.monotonic() - self._seen >= _BELIEVED_SECONDS:
            self._principal = await self._patiently(lambda: present(self._access, self._asked.principal))
            self._seen = clock.monotonic()

    async def _note(self, whole: Checked, outcome: Any, facts: dict[str, str | int]) -> None:
        act = act_of(self._principal, whole.name, self._asked.name[:200], outcome, facts)
        await self._patiently(lambda: self._access.note(act))

    async def _patiently(self, act: Callable[[], Awaitable[T]]) -> T:
        return await _patiently(self._handle, act)

    def _whole(self) -> Checked:
        assert self._checked is not None
        return self._checked

    def _said(self) -> str:
        """What of the file is in the history."""
        if self._checked is None:
            return "nothing of the file is in the history"
        if self._stored == self._checked.rows:
            return f"all {self._stored:,} rows are in the history"
        if not self._stored:
            return f"none of {self._checked.rows:,} rows are in the history"
        return (
            f"{self._stored:,} of {self._checked.rows:,} rows are in the history; "
            "importing the file again adds the others and doubles none"
        )


class _Waiting(Exception):
    """Bus or records do not answer for now: nothing is wrong with the file."""

    def __init__(self, error: Unavailable) -> None:
        super().__init__(error.message)
        self.error = error


async def _patiently(handle: JobHandle, act: Callable[[], Awaitable[T]]) -> T:
    """Do something that is done once however often it is asked for, when bus and records take it."""
    while True:
        try:
            return await act()
        except Unavailable as error:
            await _wait(handle, error)


async def _wait(handle: JobHandle, error: Unavailable) -> None:
    handle.progress(handle.job.done, None, f"waiting for the bus and the records: {error.message}")
    await asyncio.sleep(_PAUSE_SECONDS)


def stored_name(job: Job) -> str:
    """Name of an import's file here."""
    return msgspec.convert(job.arguments, ImportAsked).stored


def new_name() -> str:
    """A name for a file that is there whole."""
    return f"{ids.new_id()}.import"


def _shorten(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)


def _refused(error: OSError) -> LineshaftError:
    return Unavailable(
        "history.transfer_disk_refused", f"the file cannot be kept here: {error.strerror or error}",
        "Make room on the disk of the server, or have an administrator look.", reason=str(error)[:300],
    )  # fmt: skip
