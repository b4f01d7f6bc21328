"""Exports as jobs: rows leave through the egress gate into a file here, which is fetched and expires.

The gate decides when the export is asked for, and its record says what left, as with every answer. Whoever fetches the
file is the one who asked, and may still read all of it under the same conditions.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from lineshaft.access import Access
from lineshaft.access.labels import Egress, Release, Subject
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from lineshaft.core.jobs import UNFINISHED, Job, JobHandle, JobRunner
from lineshaft.core.principals import MAIN_PROJECT, Principal, Resource
from lineshaft.history.answers import encode_rows
from lineshaft.history.asking import subjects
from lineshaft.history.children import pieces_of
from lineshaft.history.model import Tag
from lineshaft.history.reader import HistoryReader
from lineshaft.history.store import Tags
from lineshaft.history.transfer.model import EXPORT, ExportAsked, ExportOrder, ExportResult
from lineshaft.history.transfer.owner import present
from lineshaft.history.transfer.settings import TransferSettings
from lineshaft.history.transfer.spool import Spool

_ENCODER: Final = "lineshaft.history.transfer.encoder"
_FRAME_ROWS: Final = 65_536
_PIECE_BYTES: Final = 1 << 20
_REMEMBERED: Final = 64
"""Exports that wait with the leave they were given; one of more asks the gate again."""


class ExportJobs:
    """Runs exports and gives their files out."""

    def __init__(
        self, history: HistoryReader, tags: Tags, egress: Egress, access: Access, runner: JobRunner, spool: Spool,
        settings: TransferSettings,
    ) -> None:  # fmt: skip
        self._history = history
        self._tags = tags
        self._egress = egress
        self._access = access
        self._runner = runner
        self._spool = spool
        self._settings = settings
        self._releases: dict[str, Release] = {}
        runner.register(EXPORT, self._run)

    async def submit(self, asked: ExportAsked, known: Mapping[int, Tag]) -> Job:
        """Ask the gate, and begin.

        Raises:
            InvalidInput, Forbidden, TooMany, Unavailable: as `Egress.admit`. TooLarge: there is no room for files.
        """
        if asked.end_us < asked.start_us:
            raise InvalidInput(
                "history.range_reversed", f"to ({clock.rfc3339(asked.end_us)}) lies before from", "Exchange the two.",
                field="to", value=clock.rfc3339(asked.end_us), start=clock.rfc3339(asked.start_us),
            )  # fmt: skip
        await asyncio.to_thread(self._spool.check, _name("new"), 1)
        release = await self._admit(asked, known)
        title = f"Export {len(known)} tags" if len(known) != 1 else f"Export {next(iter(known.values())).path}"
        job = await self._runner.submit(
            EXPORT, title, asked.principal.id, msgspec.to_builtins(asked), project=_project(known)
        )
        self._releases[job.id] = release
        if len(self._releases) > _REMEMBERED:
            del self._releases[next(iter(self._releases))]
        return job

    async def open(self, principal: Principal, job_id: str) -> tuple[ExportResult, AsyncGenerator[bytes, None]]:
        """The result of the caller's export, and its file piece by piece.

        Raises:
            NotFound: no export of the caller. Conflict: it is not done, failed, expired, or left under other
            conditions than hold now. Forbidden: the caller may no longer read all of it.
        """
        job = await self.own(principal, job_id)
        if job.state != "done":
            raise Conflict(
                "history.export_not_done", f"export {job_id} is {job.state}", "GET /api/v1/system/jobs shows how far it is.",
                field="export", value=job_id, state=job.state,
            )  # fmt: skip
        result = msgspec.convert(job.result, ExportResult)
        await self._check_still(principal, msgspec.convert(job.arguments, ExportAsked), result)
        path = self._spool.path(_name(job_id))
        if not await asyncio.to_thread(path.exists):
            raise Conflict(
                "history.export_expired", f"the file of export {job_id} was deleted or has expired", "Export it again.",
                field="export", value=job_id,
            )  # fmt: skip
        return result, _read(path)

    async def delete(self, principal: Principal, job_id: str) -> None:
        """End the caller's export where it is not done, and remove its file.

        Raises:
            NotFound: no export of the caller.
        """
        job = await self.own(principal, job_id)
        if job.state in UNFINISHED:
            with contextlib.suppress(Conflict):  # it has just ended
                await self.cancel(job)
        await asyncio.to_thread(self._spool.remove, _name(job_id))

    async def cancel(self, job: Job) -> Job:
        """Ask for an export's end, its turn come or not; returns it as it stands now.

        Raises:
            Conflict: it has ended already.
        """
        return await self._runner.cancel(job.id)

    async def own(self, principal: Principal, job_id: str) -> Job:
        """The caller's export as it stands now.

        Raises:
            NotFound: no export of the caller.
        """
        job = await self._runner.get(job_id, reader=principal)
        if job.kind != EXPORT or job.owner != principal.id:
            raise NotFound(
                "history.export_unknown", f"{principal.name} has no export {job_id[:40]!r}",
                "GET /api/v1/system/jobs lists jobs; an export is there for whoever asked for it.",
                field="export", value=job_id[:40], name=principal.name,
            )  # fmt: skip
        return job

    async def _admit(self, asked: ExportAsked, known: Mapping[int, Tag]) -> Release:
        return await self._egress.admit(
            asked.principal, "history:read", subjects(known), purpose=asked.purpose, recipient=asked.recipient,
            carried=True, start_us=asked.start_us,
        )  # fmt: skip

    async def _check_still(self, principal: Principal, asked: ExportAsked, result: ExportResult) -> None:
        """Refuse a file that its owner could not have for its recipient now: it would show what has been closed since."""
        known = await self._visible(principal, asked.tags)
        await self._egress.labels.refresh()
        await self._access.refresh_policies()
        obligations: set[str] = set()
        for subject, grades in self._egress.labels.each(subjects(known)):
            decision = self._access.authorize(
                principal, "history:read", _resource(principal, subject, grades.grade_2020)
            )
            if not decision.allowed or grades.grade_2020 > principal.clearance or grades.export == "forbidden":
                raise _closed(subject, principal.name)
            obligations |= {f"{one.kind} {one.argument}" for one in decision.obligations}
        open_one = await self._egress.unapproved(
            principal, subjects(known), recipient=asked.recipient, purpose=asked.purpose
        )
        if open_one is not None:
            raise _closed(open_one, asked.recipient)
        if sorted(obligations) != result.obligations:
            raise Conflict(
                "history.export_outdated", "other conditions hold for these values now than when they were exported",
                "Export them again.", field="export",
            )  # fmt: skip

    async def _visible(self, principal: Principal, numbers: list[int]) -> dict[int, Tag]:
        known = await self._tags.by_number(principal.tenant, numbers)
        for number in numbers:
            if number not in known or not principal.sees(known[number].project):
                raise NotFound(
                    "history.tag_number_unknown", f"there is no tag {number}", "GET /api/v1/history/tags lists them.",
                    field="tag", value=number,
                )  # fmt: skip
        return known

    # -- the job --------------------------------------------------------------------------------------------------

    async def _run(self, handle: JobHandle, arguments: dict[str, Any]) -> ExportResult:
        """The job. After a restart it begins anew: what the file held so far cannot be trusted."""
        asked = msgspec.convert(arguments, ExportAsked)
        principal = await present(self._access, asked.principal)
        known = await self._visible(principal, asked.tags)
        release = self._releases.pop(handle.job.id, None)
        if release is None:
            release = await self._admit(msgspec.structs.replace(asked, principal=principal), known)
        final = _name(handle.job.id)
        part = f"{final}.part"
        self._spool.hold(part)
        try:
            written = await self._write(handle, asked, known, release, part)
            await asyncio.to_thread(self._spool.settle, part, final)
        except OSError as error:
            raise Unavailable(
                "history.transfer_disk_refused", f"the file cannot be kept here: {error.strerror or error}",
                "Make room on the disk of the server, or have an administrator look.", reason=str(error)[:300],
            ) from error  # fmt: skip
        finally:
            await asyncio.shield(asyncio.to_thread(self._spool.remove, part))
            self._spool.free(part)
        return ExportResult(
            file=f"/api/v1/history/exports/{handle.job.id}", format=asked.format, rows=written.rows,
            bytes=written.size, sha256=written.digest.hexdigest(), obligations=_obligations(release),
            expires=clock.rfc3339(await asyncio.to_thread(self._spool.expires_us, final)),
        )  # fmt: skip

    async def _write(
        self, handle: JobHandle, asked: ExportAsked, known: Mapping[int, Tag], release: Release, part: str
    ) -> "_Written":
        await asyncio.to_thread(self._spool.remove, part)
        order = ExportOrder(
            format=asked.format, tags=[*known.values()], language=asked.language, memory_mb=self._settings.memory_mb
        )
        written = _Written(handle, asked)
        frames = self._frames(asked, known, release, written)
        made = pieces_of(_ENCODER, order, frames)
        pieces = release.pieces(made)
        async with contextlib.aclosing(frames), contextlib.aclosing(made), contextlib.aclosing(pieces):  # type: ignore[type-var]  # a generator too
            async for piece in pieces:
                await asyncio.to_thread(self._append, part, piece)
                written.digest.update(piece)
                written.size += len(piece)
        return written

    async def _frames(
        self, asked: ExportAsked, known: Mapping[int, Tag], release: Release, written: "_Written"
    ) -> AsyncGenerator[bytes, None]:
        named = {number: tag.path for number, tag in known.items()}
        stored = self._history.raw(known, asked.start_us, asked.end_us)
        async with contextlib.aclosing(stored):
            async for rows in release.rows(stored, named):
                for first in range(0, len(rows), _FRAME_ROWS):
                    piece = rows.slice(first, _FRAME_ROWS)
                    yield await asyncio.to_thread(encode_rows, piece)
                    written.told(len(piece), int(piece.column("ts").cast("int64")[-1].as_py()))

    def _append(self, part: str, piece: bytes) -> None:
        self._spool.check(part, len(piece))
        with self._spool.path(part).open("ab") as file:
            file.write(piece)


class _Written:
    """How far a file is."""

    def __init__(self, handle: JobHandle, asked: ExportAsked) -> None:
        self._handle = handle
        self._asked = asked
        self.rows = 0
        self.size = 0
        self.digest = hashlib.sha256()

    def told(self, rows: int, until_us: int) -> None:
        """Count rows; progress is the part of the time asked for that they have reached."""
        self.rows += rows
        done, total = (
            (us - self._asked.start_us) // clock.MICROSECONDS for us in (until_us, self._asked.end_us)
        )  # fmt: skip
        self._handle.progress(max(0, done), total, f"{self.rows:,} rows up to {clock.rfc3339(until_us)}")


def _name(job_id: str) -> str:
    return f"{job_id}.export"


def _closed(subject: Subject, name: str) -> Forbidden:
    return Forbidden(
        "history.export_closed", f"{subject.path} may no longer leave to {name}", "Export anew what may.",
        object=subject.path, name=name,
    )  # fmt: skip


def _project(known: Mapping[int, Tag]) -> str:
    """That of the tags where all are of one: who is in none but another learns nothing of them."""
    projects = {tag.project for tag in known.values()}
    return projects.pop() if len(projects) == 1 else MAIN_PROJECT


def _obligations(release: Release) -> list[str]:
    return sorted({f"{one.kind} {one.argument}" for one in release.decision.obligations})


def _resource(principal: Principal, subject: Subject, grade: int) -> Resource:
    return Resource(
        id=subject.path, kind=subject.kind, tenant=principal.tenant, project=subject.project, grade=grade
    )  # fmt: skip


async def _read(path: Path) -> AsyncGenerator[bytes, None]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            yield piece
    finally:
        file.close()
