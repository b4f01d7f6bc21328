"""Jobs in the records: the durable side of `lineshaft.core.jobs`."""

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from lineshaft.core.jobs import UNFINISHED, Job
from lineshaft.records.database import Database
from lineshaft.records.store import JOB

_WRITTEN = ("state", "done", "total", "message", "cursor", "result", "error", "updated")


class JobRecords:
    """A `core.jobs.JobStore`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, job: Job) -> None:
        await self._db.write(_add, job)

    async def get(self, job_id: str) -> Job | None:
        return await self._db.query(_get, job_id)

    async def page(
        self, *, owner: str | None = None, projects: Collection[str] | None = None, before: str | None = None,
        limit: int = 100,
    ) -> list[Job]:  # fmt: skip
        return await self._db.query(_page, owner, projects, before, limit)

    async def unfinished(self, runner: str) -> list[Job]:
        return await self._db.query(_unfinished, runner)

    async def update(self, job: Job) -> bool:
        return await self._db.write(_update, job)

    async def ask_to_cancel(self, job_id: str) -> Job | None:
        return await self._db.write(_ask_to_cancel, job_id)

    async def forget_before(self, moment: int) -> int:
        return await self._db.write(_forget_before, moment)


def _add(connection: Connection, job: Job) -> None:
    connection.execute(insert(JOB).values(**msgspec.structs.asdict(job)))


def _get(connection: Connection, job_id: str) -> Job | None:
    row = connection.execute(select(JOB).where(JOB.c.id == job_id)).one_or_none()
    return None if row is None else _job(row)


def _page(
    connection: Connection, owner: str | None, projects: Collection[str] | None, before: str | None, limit: int
) -> list[Job]:
    wanted = select(JOB).order_by(JOB.c.id.desc()).limit(limit)
    if owner is not None:
        wanted = wanted.where(JOB.c.owner == owner)
    if projects is not None:
        wanted = wanted.where(JOB.c.project.in_([*projects]))
    if before is not None:
        wanted = wanted.where(JOB.c.id < before)
    return [_job(row) for row in connection.execute(wanted)]


def _unfinished(connection: Connection, runner: str) -> list[Job]:
    mine = select(JOB).where(JOB.c.runner == runner, JOB.c.state.in_(UNFINISHED))
    return [_job(row) for row in connection.execute(mine.order_by(JOB.c.created, JOB.c.id))]


def _update(connection: Connection, job: Job) -> bool:
    # A job that has ended stays as it ended: a late write of progress must not wake it.
    changed = connection.execute(
        update(JOB)
        .where(JOB.c.id == job.id, JOB.c.state.in_(UNFINISHED))
        .values({name: getattr(job, name) for name in _WRITTEN})
        .returning(JOB.c.cancelling)
    ).scalar_one_or_none()
    return True if changed is None else changed


def _ask_to_cancel(connection: Connection, job_id: str) -> Job | None:
    unfinished = JOB.c.state.in_(UNFINISHED)
    connection.execute(update(JOB).where(JOB.c.id == job_id, unfinished).values(cancelling=True))
    return _get(connection, job_id)


def _forget_before(connection: Connection, moment: int) -> int:
    old = delete(JOB).where(JOB.c.updated < moment, JOB.c.state.not_in(UNFINISHED))
    return connection.execute(old).rowcount


def _job(row: Row[Any]) -> Job:
    return Job(**row._mapping)  # noqa: SLF001  # the public accessor, in spite of its name
