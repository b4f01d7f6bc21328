"""Backups of the whole installation: made as a job, listed, removed. Restoring makes a new installation and is done by hand.

A backup holds the keys of everything, so none leaves the machine by way of a browser: who wants to keep it elsewhere
copies the file.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from lineshaft.core import clock, logs
from lineshaft.core.errors import Conflict, NotFound, Unavailable
from lineshaft.core.home import Home
from lineshaft.core.http import MAXIMUM_PAGE
from lineshaft.core.jobs import UNFINISHED, Job, JobHandle, JobRunner
from lineshaft.core.principals import Principal

KIND: Final = "system.backup"
_SUFFIX: Final = ".tar.gz"
_MANAGE: Final[dict[str, Any]] = {"action": "system:manage"}
_SYSTEM: Final = ["system"]
_CODE: Final = re.compile(r"\[([a-z0-9_.]+)\]\s*$")
"""How the command ends what it says of an error."""


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """One file that holds the whole installation."""

    name: str
    bytes: int
    written: str
    """RFC 3339."""
    automatic: bool
    """Taken before an upgrade; a later upgrade removes it."""


class BackupList(msgspec.Struct, frozen=True, kw_only=True):
    """The backups there are, newest first."""

    items: Sequence[Backup]
    folder: str
    """Where they lie on the server's machine."""


class StartedBackup(msgspec.Struct, frozen=True, kw_only=True):
    """The job that writes a backup."""

    job: str


class Backups:
    """The backups of one home, in its `backups` folder."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._asking = asyncio.Lock()
        self._log = logs.get("backups")

    @property
    def folder(self) -> Path:
        return self._home.backups

    def newest_first(self) -> list[Backup]:
        """What there is, newest first."""
        found = []
        for file in self.folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                state = file.stat()
                written = clock.rfc3339(state.st_mtime_ns // 1000)
                automatic = file.name.startswith("before-upgrade-")
                found.append(Backup(name=file.name, bytes=state.st_size, written=written, automatic=automatic))
        return sorted(found, key=lambda backup: backup.written, reverse=True)

    def remove(self, name: str) -> None:
        """Delete one.

        Raises:
            NotFound: there is none of that name.
        """
        if name not in {backup.name for backup in self.newest_first()}:
            raise NotFound(
                "web.backup_unknown", f"there is no backup {name[:80]!r}", "GET /api/v1/system/backups lists them.",
                field="name", value=name[:80],
            )  # fmt: skip
        (self.folder / name).unlink(missing_ok=True)

    def register(self, jobs: JobRunner) -> None:
        """Make the kind of job known."""
        jobs.register(KIND, self._write)

    async def submit(self, jobs: JobRunner, owner: str) -> Job:
        """Have one written; there is one such job at a time, for it would only wait and hold a place of other jobs.

        Raises:
            Conflict: names the job there is.
        """
        async with self._asking:
            for job in await jobs.page(limit=MAXIMUM_PAGE):
                if job.kind == KIND and job.state in UNFINISHED:
                    raise Conflict(
                        "web.backup_under_way", f"a backup is being written already (job {job.id})",
                        "Wait for its end, or cancel it; one backup holds everything.", job=job.id,
                    )  # fmt: skip
            return await jobs.submit(KIND, "back up the installation", owner)

    async def _write(self, handle: JobHandle, _: dict[str, Any]) -> dict[str, Any]:
        """The command of the same name, in a process of its own: what it loads and holds goes with it.

        What it answers is for everybody who sees jobs: no places on the server's machine are in it.
        """
        file = self.folder / _file_name(handle.job)
        if file.exists():  # written, and then this process ended
            return _written(file)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lineshaft.cli.main", "backup", str(file), "--json", "--home", str(self._home.path),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "LINESHAFT_LANGUAGE": "en"},
        )  # fmt: skip
        try:
            told, complaint = await process.communicate()
        except asyncio.CancelledError:
            await asyncio.shield(_interrupt(process))
            raise
        if process.returncode and file.exists():  # one that an earlier web process began came first
            return _written(file)
        if process.returncode:
            said = complaint.decode(errors="replace").strip()
            code = _CODE.search(said)
            reason = code[1] if code else f"exit status {process.returncode}"
            self._log.error("backup_failed", job=handle.job.id, reason=reason, said=said[-4000:])
            raise Unavailable(
                "web.backup_failed", f"no backup was written: {reason}",
                "logs/web.log on the server's machine has the details; mend what it names and start another one.",
                reason=reason,
            )  # fmt: skip
        missing = [name.partition(" in ")[0] for name in json.loads(told)["not_contained"]]
        return _written(file) | {"not_contained": missing}


async def _interrupt(process: asyncio.subprocess.Process) -> None:
    """As Ctrl-C does: it lets go of the bus and takes its unfinished file away."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    await process.communicate()


def _written(file: Path) -> dict[str, Any]:
    return {"file": file.name, "bytes": file.stat().st_size, "not_contained": []}


def _file_name(job: Job) -> str:
    made = datetime.fromtimestamp(job.created / clock.MICROSECONDS, UTC)
    return f"lineshaft-{made:%Y%m%dT%H%M%S}-{job.id[-6:]}{_SUFFIX}"


@get("/api/v1/system/backups", opt=_MANAGE, tags=_SYSTEM)
async def list_backups(backups: NamedDependency[Backups]) -> BackupList:
    """The backups that lie in the home's folder for them."""
    return BackupList(items=await asyncio.to_thread(backups.newest_first), folder=str(backups.folder))


@post("/api/v1/system/backups", opt=_MANAGE, status_code=202, tags=_SYSTEM)
async def make_backup(
    backups: NamedDependency[Backups], jobs: NamedDependency[JobRunner], principal: NamedDependency[Principal]
) -> StartedBackup:
    """Write the whole installation (records, keys, history, bus) to one file while everything runs."""
    return StartedBackup(job=(await backups.submit(jobs, principal.id)).id)


@delete("/api/v1/system/backups/{name:str}", opt=_MANAGE, status_code=204, tags=_SYSTEM)
async def remove_backup(backups: NamedDependency[Backups], name: FromPath[str]) -> None:
    """Delete one backup."""
    await asyncio.to_thread(backups.remove, name)


ROUTES = [list_backups, make_backup, remove_backup]
