"""Routes under /api/v1/dashboards. A dashboard travels as its text, so that it is kept as its author wrote it."""

from typing import Annotated, Any, Final

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from msgspec import Meta

from lineshaft.access import Access
from lineshaft.access.projects.store import chosen
from lineshaft.core import clock
from lineshaft.core.differences import Difference
from lineshaft.core.errors import Forbidden, InvalidInput, NotFound
from lineshaft.core.http import DEFAULT_PAGE, check_limit, decode_cursor, encode_cursor
from lineshaft.core.principals import Principal, Resource
from lineshaft.web.dashboards.check import MAXIMUM_TEXT, read
from lineshaft.web.dashboards.model import Dashboard
from lineshaft.web.dashboards.store import Dashboards, StoredDashboard, Version, restored

_ROOT: Final = "/api/v1/dashboards"
_TAGS = ["dashboards"]
_READ = {"action": "dashboards:read"}
_WRITE = {"action": "dashboards:write"}
_MANAGE: Final = "dashboards:manage"
"""Change what others share."""
_ADMINISTER: Final = "system:manage"
"""List and delete what others share with nobody, without reading it."""
_NEWEST: Final = 2**31
IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="ETag of the dashboard as you read it")]


class DashboardBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dashboard as its author wrote it."""

    text: Annotated[str, Meta(max_length=MAXIMUM_TEXT)]
    """JSON, see `lineshaft.dashboard/1`."""
    comment: Annotated[str, Meta(max_length=500)] = ""
    """Why, for those who look at the versions later."""


class DashboardRow(msgspec.Struct, frozen=True, kw_only=True):
    """A dashboard in a list."""

    name: str
    title: str
    handle: str
    project: str
    owner: str
    """Name of the principal."""
    mine: bool
    shared: bool
    widgets: int
    version: int
    changed: str


class DashboardPage(msgspec.Struct, frozen=True, kw_only=True):
    """Dashboards by name."""

    items: list[DashboardRow]
    next: str | None


class DashboardView(DashboardRow, frozen=True, kw_only=True):
    """A dashboard, whole."""

    text: str
    may_edit: bool
    """Whether the caller may change it."""
    may_share: bool
    """Whether the caller may say who sees it, and in which project it is."""
    etag: str


class DashboardVersionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A version in a list."""

    version: int
    author: str
    """Name of the principal."""
    created: str
    comment: str


class DashboardVersionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Versions, newest first."""

    items: list[DashboardVersionRow]
    next: str | None


class DashboardVersionView(DashboardVersionRow, frozen=True, kw_only=True):
    """A version, whole."""

    text: str


class DashboardDifferences(msgspec.Struct, frozen=True, kw_only=True):
    """What differs from `before` to `after`; 0 stands for nothing at all."""

    before: int
    after: int
    items: list[Difference]


@get(_ROOT, opt=_READ, tags=_TAGS)
async def list_dashboards(
    access: NamedDependency[Access],
    dashboards: NamedDependency[Dashboards],
    principal: NamedDependency[Principal],
    everybodys: Annotated[  # noqa: FBT002  # a query parameter
        bool, QueryParameter(description="Also what others share with nobody; for administrators")
    ] = False,
    cursor: Annotated[str | None, QueryParameter(description="`next` of the page before")] = None,
    limit: Annotated[int, QueryParameter(description="Items on one page")] = DEFAULT_PAGE,
) -> DashboardPage:
    """The caller's own dashboards and those shared in the caller's projects, by name."""
    after = decode_cursor(cursor, str)[0] if cursor is not None else ""
    if everybodys:
        await access.require(principal, _ADMINISTER)
    found = await dashboards.list(principal, after=after, limit=check_limit(limit), everybodys=everybodys)
    more = encode_cursor(found[-1].name) if len(found) == limit else None
    return DashboardPage(items=[_row(stored, principal) for stored in found], next=more)


@post(_ROOT, opt=_WRITE, tags=_TAGS)
async def create_dashboard(
    access: NamedDependency[Access],
    dashboards: NamedDependency[Dashboards],
    principal: NamedDependency[Principal],
    data: JSONBody[DashboardBody],
) -> Response[DashboardView]:
    """A new dashboard of the caller's."""
    board = read(data.text)
    board = msgspec.structs.replace(board, project=chosen(principal, board.project))
    await access.require(principal, _WRITE["action"], _resource(board.name, board.project))
    await dashboards.create(principal, board, _comment(data))
    return await _whole(access, dashboards, principal, board.name)


@get(f"{_ROOT}/{{dashboard:str}}", opt=_READ, tags=_TAGS)
async def get_dashboard(
    access: NamedDependency[Access],
    dashboards: NamedDependency[Dashboards],
    principal: NamedDependency[Principal],
    dashboard: FromPath[str],
) -> Response[DashboardView]:
    """One dashboard, its text, and its ETag."""
    return await _whole(access, dashboards, principal, dashboard)


@put(f"{_ROOT}/{{dashboard:str}}", opt=_WRITE, tags=_TAGS)
async def put_dashboard(
    access: NamedDependency[Access],
    dashboards: NamedDependency[Dashboards],
    principal: NamedDependency[Principal],
    dashboard: FromPath[str],
    data: JSONBody[DashboardBody],
    if_match: IfMatch = None,
) -> Response[DashboardView]:
    """Save a dashboard as its next version."""
    stored, _ = await dashboards.get(principal, dashboard)
    await _admit(access, principal, stored)
    board = read(data.text)
    if board.name != dashboard:
        raise InvalidInput(
            "web.dashboard_renamed", f"the text is of the dashboard {board.name!r}, the address of {dashboard[:64]!r}",
            "A dashboard keeps its name: make another one, and delete this.", field="name", value=board.name,
            name=dashboard[:64],
        )  # fmt: skip
    board = msgspec.structs.replace(board, project=chosen(principal, board.project or stored.project))
    if (board.shared, board.project) != (stored.shared, stored.project):
        await _admit_sharing(access, principal, stored, board)
    await dashboards.save(principal, board, _comment(data), if_match, judged=stored.etag)
    return await _whole(access, dashboards, principal, dashboard)


@delete(f"{_ROOT}/{{dashboard:str}}", opt=_WRITE, tags=_TAGS, status_code=204)
async def delete_dashboard(
    access: NamedDependency[Access],
    dashboards: NamedDependency[Dashboards],
    principal: NamedDependency[Principal],
    dashboard: FromPath[str],
) -> None:
    """Delete a dashboard with all its versions: one's own, a shared one, or anybody's for an administrator."""
    try:
        stored, _ = await dashboards.get(principal, dashboard)
    except NotFound:
        if not access.authorize(principal, _ADMINISTER).allowed:
            raise
        stored = await dashboards.of_anybody(principal, dashboard)
        await access.require(principal, _ADMINISTER, _resource(stored.name, stored.project))
        await dashboards.remove(principal, dashboard, judged=stored.etag, everybodys=True)
        return
    await _admit(access, principal, stored)
    await dashboards.remove(principal, dashboard, judged=stored.etag)


@get(f"{_ROOT}/{{dashboard:str}}/versions", opt=_READ, tags=_TAGS)
async def list_dashboard_versions(
    dashboards: NamedDependency[Dashboards],
    principal: NamedDependency[Principal],
    dashboard: FromPath[str],
    cursor: Annotated[str | None, QueryParameter(description="`next` of the page before")] = None,
    limit: Annotated[int, QueryParameter(description="Items on one page")] = DEFAULT_PAGE,
) -> DashboardVersionPage:
    """Versions of a dashboard, newest first."""
    before = decode_cursor(cursor, int)[0] if cursor is not None else _NEWEST
    found = await dashboards.versions(principal, dashboard, before=before, limit=check_limit(limit))
    more = encode_cursor(found[-1].version) if len(found) == limit else None
    return DashboardVersionPage(items=[DashboardVersionRow(**_of_version(one)) for one in found], next=more)


@get(f"{_ROOT}/{{dashboard:str}}/versions/{{version:int}}", opt=_READ, tags=_TAGS)
async def get_dashboard_version(
    dashboards: NamedDependency[Dashboards],
    principal: NamedDependency[Principal],
    dashboard: FromPath[str],
    version: FromPath[int],
) -> DashboardVersionView:
    """A dashboard as it was saved."""
    found = await dashboards.version(principal, dashboard, version)
    return DashboardVersionView(**_of_version(found), text=found.text)


@get(f"{_ROOT}/{{dashboard:str}}/versions/{{version:int}}/diff", opt=_READ, tags=_TAGS)
async def diff_dashboard_versions(
    dashboards: NamedDependency[Dashboards],
    principal: NamedDependency[Principal],
    dashboard: FromPath[str],
    version: FromPath[int],
    against: Annotated[
        int | None, QueryParameter(description="The other version; the one before, if not given", ge=0)
    ] = None,
) -> DashboardDifferences:
    """What a version changed, against the one before it or any other."""
    before, found = await dashboards.diff(principal, dashboard, against, version)
    return DashboardDifferences(before=before, after=version, items=[*found])


@post(f"{_ROOT}/{{dashboard:str}}/versions/{{version:int}}/restore", opt=_WRITE, tags=_TAGS, status_code=200)
async def restore_dashboard(
    access: NamedDependency[Access],
    dashboards: NamedDependency[Dashboards],
    principal: NamedDependency[Principal],
    dashboard: FromPath[str],
    version: FromPath[int],
    if_match: IfMatch = None,
) -> Response[DashboardView]:
    """Make a dashboard as it was in this version: that is a new version. Whose it is and who sees it stays."""
    stored, _ = await dashboards.get(principal, dashboard)
    await _admit(access, principal, stored)
    then = await dashboards.version(principal, dashboard, version)
    board = restored(then.text, stored)
    await dashboards.save(principal, board, f"back to version {version}", if_match, judged=stored.etag)
    return await _whole(access, dashboards, principal, dashboard)


ROUTES = [
    list_dashboards, create_dashboard, get_dashboard, put_dashboard, delete_dashboard, list_dashboard_versions,
    get_dashboard_version, diff_dashboard_versions, restore_dashboard,
]  # fmt: skip


def _resource(name: str, project: str) -> Resource:
    return Resource(id=name, kind="dashboard", project=project)


def _may(access: Access, principal: Principal, stored: StoredDashboard) -> bool:
    action = _WRITE["action"] if stored.owner == principal.id else _MANAGE
    return access.authorize(principal, action, _resource(stored.name, stored.project)).allowed


async def _admit(access: Access, principal: Principal, stored: StoredDashboard) -> None:
    """Refuse to change a dashboard: its owner may, and engineers where it is shared.

    Raises:
        Forbidden: says why.
    """
    action = _WRITE["action"] if stored.owner == principal.id else _MANAGE
    await access.require(principal, action, _resource(stored.name, stored.project))


async def _admit_sharing(access: Access, principal: Principal, stored: StoredDashboard, board: Dashboard) -> None:
    if stored.owner != principal.id:
        raise Forbidden(
            "web.dashboard_foreign", f"the dashboard {stored.name!r} belongs to {stored.owner_name}",
            "Its owner alone says who sees it and in which project it is.", field="shared", name=stored.name,
            owner=stored.owner_name,
        )  # fmt: skip
    await access.require(principal, _WRITE["action"], _resource(board.name, board.project))


async def _whole(
    access: Access, dashboards: Dashboards, principal: Principal, name: str
) -> Response[DashboardView]:  # fmt: skip
    stored, newest = await dashboards.get(principal, name)
    may_edit = _may(access, principal, stored)
    view = DashboardView(
        **msgspec.structs.asdict(_row(stored, principal)), text=newest.text, may_edit=may_edit,
        may_share=may_edit and stored.owner == principal.id, etag=stored.etag,
    )  # fmt: skip
    return Response(view, headers={"etag": stored.etag})


def _row(stored: StoredDashboard, principal: Principal) -> DashboardRow:
    return DashboardRow(
        name=stored.name, title=stored.title, handle=stored.handle, project=stored.project, owner=stored.owner_name,
        mine=stored.owner == principal.id, shared=stored.shared, widgets=stored.widgets, version=stored.version,
        changed=clock.rfc3339(stored.changed),
    )  # fmt: skip


def _of_version(version: Version) -> dict[str, Any]:
    return {
        "version": version.version, "author": version.author_name, "created": clock.rfc3339(version.created),
        "comment": version.comment,
    }  # fmt: skip


def _comment(data: DashboardBody) -> str:
    if not data.comment.replace("\n", " ").isprintable():
        raise InvalidInput(
            "web.dashboard_comment_invalid", "comment has characters that cannot be printed", "Leave them out.",
            field="comment",
        )  # fmt: skip
    return data.comment
