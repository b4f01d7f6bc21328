"""Routes of maintenance, under /api/v1/history."""

from typing import Annotated

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from lineshaft.bus import Bus
from lineshaft.core.errors import LineshaftError
from lineshaft.core.principals import MAIN_PROJECT, Principal
from lineshaft.history.maintenance.order import Asked, job_of
from lineshaft.records import Database, JobRecords

_MANAGE = {"action": "history:manage", "project": MAIN_PROJECT}
_TAGS = ["history"]
_SECONDS = 5.0
Now = Annotated[bool, QueryParameter(description="Do not wait until hours and days that have just ended are settled")]


class MaintenanceStarted(msgspec.Struct, frozen=True, kw_only=True):
    """A job of maintenance; `/api/v1/system/jobs/{job}` tells how far it is."""

    job: str
    waiting: bool
    """The history service does not answer; the job begins once it does."""


@post("/api/v1/history/compact", opt=_MANAGE, tags=_TAGS, status_code=202)
async def compact(
    bus: NamedDependency[Bus], database: NamedDependency[Database], principal: NamedDependency[Principal],
    now: Now = False,  # noqa: FBT002
) -> MaintenanceStarted:  # fmt: skip
    """Merge small files, roll up, and remove what has expired."""
    return await _started(bus, database, "Compact the history", principal, Asked(settle=not now))


@post("/api/v1/history/rollup", opt=_MANAGE, tags=_TAGS, status_code=202)
async def rollup(
    bus: NamedDependency[Bus], database: NamedDependency[Database], principal: NamedDependency[Principal],
    now: Now = False,  # noqa: FBT002
) -> MaintenanceStarted:  # fmt: skip
    """Bring the rollups up to date, and nothing else."""
    asked = Asked(merge=False, expire=False, settle=not now)
    return await _started(bus, database, "Roll up the history", principal, asked)


ROUTES = [compact, rollup]


async def _started(
    bus: Bus, database: Database, title: str, principal: Principal, asked: Asked
) -> MaintenanceStarted:  # fmt: skip
    job = job_of(title, principal.id, asked)
    await JobRecords(database).add(job)
    try:
        await bus.request("history", "maintain", None, dict, timeout=_SECONDS)
    except LineshaftError:  # the job is durable; the service takes it when it starts
        return MaintenanceStarted(job=job.id, waiting=True)
    return MaintenanceStarted(job=job.id, waiting=False)
