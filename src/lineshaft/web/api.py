"""Routes of the server itself: is it alive, is the system well, its settings, its jobs, what a quality code means."""

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import FromPath, PathParameter, QueryParameter

from lineshaft import __version__
from lineshaft.access import Access
from lineshaft.bus import Bus
from lineshaft.core import clock, health, quality, texts
from lineshaft.core.errors import NotFound
from lineshaft.core.home import Home, Identity, read_json
from lineshaft.core.http import check_limit, decode_cursor, encode_cursor
from lineshaft.core.jobs import Job, JobRunner
from lineshaft.core.principals import MAIN_PROJECT, Principal, Resource
from lineshaft.core.settings import Settings
from lineshaft.history import Transfers
from lineshaft.records import Database
from lineshaft.web import metrics
from lineshaft.web.licences import LicenceList, installed

_SYSTEM = ["system"]


class Alive(msgspec.Struct, frozen=True):
    """Whether the server answers, or can do its work."""

    ok: bool


class ServiceState(msgspec.Struct, frozen=True, kw_only=True):
    """One process of this installation."""

    name: str
    ok: bool
    """It answers and all its checks hold."""
    state: str
    """As its supervisor sees it; empty where it has none."""
    pid: int | None
    restarts: int
    checks: list[health.Check]


class SystemStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the whole installation is."""

    ok: bool
    version: str
    tenant: str
    site: str
    prefix: str
    time: str
    """RFC 3339."""
    services: list[ServiceState]


class SettingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One setting."""

    name: str
    value: Any
    """Stars where it is secret and set."""
    origin: str
    """`default`, or the file, variable or flag that set it."""
    description: str


class SettingList(msgspec.Struct, frozen=True, kw_only=True):
    """All settings, by name."""

    items: list[SettingRow]


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of long work."""

    id: str
    kind: str
    title: str
    owner: str
    state: str
    """`queued`, `running`, `done`, `failed` or `cancelled`."""
    done: int
    total: int | None
    message: str
    result: Any
    error: dict[str, Any] | None
    created: str
    updated: str


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs, newest first."""

    items: list[JobView]
    next: str | None
    """Cursor of the next page; null at the end."""


class QualityWords(msgspec.Struct, frozen=True, kw_only=True):
    """What an OPC UA StatusCode says of a value."""

    code: int
    name: str
    severity: str
    en: str
    zh: str


@get("/healthz", opt={"public": "load balancers ask it; it tells nothing"}, tags=_SYSTEM)
async def healthz() -> Alive:
    """Whether the server answers."""
    return Alive(ok=True)


@get("/readyz", opt={"public": "load balancers ask it; it tells one bit"}, tags=_SYSTEM)
async def readyz(bus: NamedDependency[Bus], database: NamedDependency[Database]) -> Response[Alive]:
    """Whether the server can do its work: 200, or 503."""
    ok = bus.connected and await _answers(database)
    return Response(Alive(ok=ok), status_code=200 if ok else 503)


@get("/metrics", opt={"action": "system:read", "project": MAIN_PROJECT}, tags=_SYSTEM)
async def all_metrics(home: NamedDependency[Home]) -> Response[bytes]:
    """Metrics of every service in Prometheus' text format, each with its `service` label."""
    return Response(await asyncio.to_thread(metrics.gather, home), media_type=metrics.CONTENT_TYPE)


@get("/api/v1/system/status", opt={"action": "system:read"}, tags=_SYSTEM)
async def system_status(
    home: NamedDependency[Home], identity: NamedDependency[Identity], principal: NamedDependency[Principal],
    language: NamedDependency[str],
) -> SystemStatus:  # fmt: skip
    """How every process of the installation is, with each check that does not hold and what to do about it.

    What checks say of single objects is for members of the project `main`, whose the installation is.
    """
    services = await asyncio.to_thread(_services, home, language)
    if not principal.sees(MAIN_PROJECT):
        services = [_without_details(service) for service in services]
    return SystemStatus(
        ok=all(service.ok for service in services), version=__version__, tenant=identity.tenant, site=identity.site,
        prefix=identity.prefix, time=clock.rfc3339(clock.now_us()), services=services,
    )  # fmt: skip


@get("/api/v1/system/settings", opt={"action": "system:manage"}, tags=_SYSTEM)
async def system_settings(settings: NamedDependency[Settings], language: NamedDependency[str]) -> SettingList:
    """Every setting with its value, where that comes from, and its meaning."""
    rows = [
        SettingRow(
            name=row.name, value=row.shown, origin=row.origin,
            description=texts.setting(language, row.name, row.description),
        )
        for row in settings.rows()
    ]  # fmt: skip
    return SettingList(items=rows)


@get("/api/v1/system/licences", opt={"action": "system:read"}, tags=_SYSTEM)
async def system_licences() -> LicenceList:
    """The Python packages that this installation is made of, with the licence that each one's own metadata names."""
    return LicenceList(items=await asyncio.to_thread(installed))


@get("/api/v1/system/quality/{code:int}", opt={"action": "history:read"}, tags=_SYSTEM)
async def quality_words(
    code: Annotated[int, PathParameter(description="OPC UA StatusCode", ge=0, lt=1 << 32, examples=[Example(value=0)])],
) -> Response[QualityWords]:
    """The words for a value's quality."""
    found = QualityWords(
        code=code, name=quality.name(code), severity=quality.severity(code),
        en=quality.words(code, "en"), zh=quality.words(code, "zh"),
    )  # fmt: skip
    return Response(found, headers={"cache-control": "private, max-age=86400"})


@get("/api/v1/system/jobs", opt={"action": "jobs:read"}, tags=_SYSTEM)
async def list_jobs(
    jobs: NamedDependency[JobRunner],
    principal: NamedDependency[Principal],
    language: NamedDependency[str],
    cursor: Annotated[str | None, QueryParameter(description="`next` of the page before")] = None,
    limit: Annotated[int, QueryParameter(description="Jobs on one page")] = 100,
) -> JobPage:
    """Long work, newest first."""
    before = decode_cursor(cursor, str)[0] if cursor is not None else None
    page = await jobs.page(projects=principal.projects, before=before, limit=check_limit(limit))
    full = len(page) == limit
    return JobPage(items=[_view(job, language) for job in page], next=encode_cursor(page[-1].id) if full else None)


@get("/api/v1/system/jobs/{job_id:str}", opt={"action": "jobs:read"}, tags=_SYSTEM)
async def get_job(
    jobs: NamedDependency[JobRunner], principal: NamedDependency[Principal], language: NamedDependency[str],
    job_id: FromPath[str],
) -> JobView:  # fmt: skip
    """One job with its newest progress."""
    return _view(await jobs.get(job_id, reader=principal), language)


@post("/api/v1/system/jobs/{job_id:str}/cancel", opt={"action": "jobs:run"}, status_code=202, tags=_SYSTEM)
async def cancel_job(
    jobs: NamedDependency[JobRunner],
    access: NamedDependency[Access],
    principal: NamedDependency[Principal],
    language: NamedDependency[str],
    job_id: FromPath[str],
    transfers: NamedDependency[Transfers | None] = None,
) -> JobView:
    """Ask for a job's end; it stops at its next step. One's own, or anybody's for an administrator."""
    job = await jobs.get(job_id, reader=principal)
    if (
        job.owner != principal.id
        and not access.authorize(
            principal, "system:manage", Resource(id=job_id, kind="job", project=job.project)
        ).allowed
    ):
        raise NotFound(
            "web.job_foreign", f"there is no job {job_id} of {principal.name}",
            "Its owner or an administrator can cancel it.", field="job", value=job_id, name=principal.name,
        )  # fmt: skip
    # Imports and exports that wait for their turn are known to their own runners alone.
    ending = None if transfers is None else await transfers.cancel(job)
    return _view(ending or await jobs.cancel(job_id), language)


ROUTES = [
    healthz, readyz, all_metrics, system_status, system_settings, system_licences, quality_words, list_jobs, get_job, cancel_job,
]  # fmt: skip


def _view(job: Job, language: str) -> JobView:
    return JobView(
        id=job.id, kind=job.kind, title=texts.phrase(language, job.kind, job.title), owner=job.owner, state=job.state,
        done=job.done, total=job.total, message=texts.phrase(language, job.kind, job.message), result=job.result,
        error=_told(job.error, language),
        created=clock.rfc3339(job.created), updated=clock.rfc3339(job.updated),
    )  # fmt: skip


def _told(error: dict[str, Any] | None, language: str) -> dict[str, Any] | None:
    """What made a job fail, in the language of whoever asks."""
    if error is None:
        return None
    message, hint = texts.render(
        language, str(error.get("code", "")), str(error.get("message", "")), str(error.get("hint", "")),
        error.get("facts") or {},
    )  # fmt: skip
    return {**error, "message": message, "hint": hint}


def _without_details(service: ServiceState) -> ServiceState:
    checks = [health.Check(name=check.name, ok=check.ok, title=check.title) for check in service.checks]
    return msgspec.structs.replace(service, checks=checks)


async def _answers(database: NamedDependency[Database]) -> bool:
    from sqlalchemy import text

    from lineshaft.core.errors import LineshaftError

    try:
        await database.query(lambda connection: connection.execute(text("SELECT 1")))
    except LineshaftError:
        return False
    return True


def _services(home: Home, language: str) -> list[ServiceState]:
    """What the supervisor says of each process, and what each says of itself (blocking)."""
    state = read_json(home.run / "state.json") or {}
    children: list[dict[str, Any]] = list(state.get("children") or [])  # type: ignore[call-overload]
    supervised = {str(child["name"]): child for child in children}
    names = dict.fromkeys([*supervised, *metrics.services(home)])
    return [_service(home, name, supervised.get(name), language) for name in names]


def _service(home: Home, name: str, child: dict[str, Any] | None, language: str) -> ServiceState:
    path = home.socket(name)
    answer = health.readiness(path) if path.exists() else None
    said = msgspec.convert((answer or {}).get("checks", []), list[health.Check])
    checks = [check.told(language) for check in said]
    # The bus server is no service of ours and has no health socket: its supervisor asks it.
    ok = (
        bool(answer["ok"])
        if answer is not None
        else child is not None and not path.exists() and child["state"] == "ready"
    )
    return ServiceState(
        name=name, ok=ok, state=str(child["state"]) if child else "", pid=child["pid"] if child else None,
        restarts=int(child["restarts"]) if child else 0, checks=checks,
    )  # fmt: skip
