"""Route of verification."""

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from lineshaft.core.jobs import JobRunner
from lineshaft.core.principals import MAIN_PROJECT, Principal
from lineshaft.history.verify.job import KIND


class VerifyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do with what is damaged."""

    quarantine: bool = False
    """Take it out of the table; the files are kept beside it."""


class StartedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was started; follow it at /api/v1/system/jobs/{job}."""

    job: str


@post(
    "/api/v1/history/verify", opt={"action": "history:manage", "project": MAIN_PROJECT}, tags=["history"],
    status_code=202,
)  # fmt: skip
async def verify(
    jobs: NamedDependency[JobRunner], principal: NamedDependency[Principal], data: JSONBody[VerifyRequest]
) -> StartedJob:
    """Read every stored file and hold it against what the table says; the job's result is the report."""
    job = await jobs.submit(KIND, "verify the history", principal.id, {"quarantine": data.quarantine})
    return StartedJob(job=job.id)


ROUTES = [verify]
