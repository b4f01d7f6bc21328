"""Routes under /api/v1/access/projects: projects and their members."""

from typing import Annotated, Any

import msgspec
from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlalchemy import Connection

from lineshaft.access.messages import Done
from lineshaft.access.model import Actor, Member
from lineshaft.access.projects import store, tenants
from lineshaft.access.projects.messages import CreateProject, CreateTenant, OfMember, OfProject
from lineshaft.access.projects.part import not_empty
from lineshaft.access.projects.store import Project
from lineshaft.access.projects.tenants import NewTenant, Tenant
from lineshaft.access.requests import ask_to_change
from lineshaft.access.views import NewInvitationView, PrincipalView, new_invitation_view, principal_view
from lineshaft.bus.client import Bus
from lineshaft.core import clock
from lineshaft.core.http import check_limit, decode_cursor, encode_cursor
from lineshaft.core.principals import Principal
from lineshaft.records import Database

_ROOT = "/api/v1/access/projects"
_TAGS = ["access"]
_SELF = {"action": "access:self"}
_MANAGE = {"action": "access:manage"}

Cursor = Annotated[str | None, QueryParameter(description="`next` of the page before")]
Limit = Annotated[int, QueryParameter(description="Items on one page")]


class ProjectBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new project, or tenant."""

    name: Annotated[str, msgspec.Meta(max_length=200)]
    title: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class ProjectView(msgspec.Struct, frozen=True, kw_only=True):
    """A project."""

    name: str
    title: str
    handle: str
    created: str


class ProjectPage(msgspec.Struct, frozen=True, kw_only=True):
    """Projects by name."""

    items: list[ProjectView]
    next: str | None


class MemberList(msgspec.Struct, frozen=True, kw_only=True):
    """Names of who was made a member; administrators are in every project besides."""

    items: list[str]


class TenantView(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant beside the installation's own."""

    name: str
    title: str
    handle: str
    created: str


class TenantList(msgspec.Struct, frozen=True, kw_only=True):
    """Tenants by name."""

    items: list[TenantView]


class NewTenantView(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant just made."""

    tenant: TenantView
    invitation: NewInvitationView
    """For its first administrator, who chooses a name."""


@get(_ROOT, opt=_SELF, tags=_TAGS)
async def list_projects(
    database: NamedDependency[Database],
    principal: NamedDependency[Principal],
    cursor: Cursor = None,
    limit: Limit = 100,
) -> ProjectPage:
    """The projects that the caller is a member of; all of them for an administrator."""
    after = "" if cursor is None else decode_cursor(cursor, str)[0]
    size = check_limit(limit)
    found = await database.query(store.every, principal.tenant, principal.projects, after=after, limit=size)
    more = encode_cursor(found[-1].name) if len(found) == size else None
    return ProjectPage(items=[_view(one) for one in found], next=more)


@post(_ROOT, opt=_MANAGE, tags=_TAGS)
async def create_project(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], data: JSONBody[ProjectBody]
) -> ProjectView:
    """Make a project."""
    asked = CreateProject(actor=Actor.of(principal), name=data.name, title=data.title)
    return _view(await ask_to_change(bus, "create_project", asked, Project))


@delete(f"{_ROOT}/{{project:str}}", opt=_MANAGE, tags=_TAGS, status_code=204)
async def delete_project(
    bus: NamedDependency[Bus],
    database: NamedDependency[Database],
    devices: NamedDependency[Any],
    tags: NamedDependency[Any],
    principal: NamedDependency[Principal],
    project: FromPath[str],
) -> None:
    """Delete a project that has no members, devices, tags and datasets; its name is not used again."""
    await database.query(_require, principal, project)
    if await devices.list(projects=(project,), limit=1):
        raise not_empty(project, "devices")
    if await tags.list(principal.tenant, projects=(project,), limit=1):
        raise not_empty(project, "tags")
    await ask_to_change(bus, "delete_project", OfProject(actor=Actor.of(principal), name=project), Done)


@get(f"{_ROOT}/{{project:str}}/members", opt=_MANAGE, tags=_TAGS)
async def list_members(
    database: NamedDependency[Database], principal: NamedDependency[Principal], project: FromPath[str]
) -> MemberList:
    """Who was made a member of a project."""
    return MemberList(items=await database.query(_members, principal, project))


@put(f"{_ROOT}/{{project:str}}/members/{{name:str}}", opt=_MANAGE, tags=_TAGS)
async def add_member(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], project: FromPath[str], name: FromPath[str]
) -> PrincipalView:
    """Make somebody a member; who was in none but `main` by default is then in this one only."""
    asked = OfMember(actor=Actor.of(principal), project=project, name=name)
    return principal_view(await ask_to_change(bus, "add_member", asked, Member))


@delete(f"{_ROOT}/{{project:str}}/members/{{name:str}}", opt=_MANAGE, tags=_TAGS, status_code=200)
async def remove_member(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], project: FromPath[str], name: FromPath[str]
) -> PrincipalView:
    """End a membership; felt within seconds, on open connections too."""
    asked = OfMember(actor=Actor.of(principal), project=project, name=name)
    return principal_view(await ask_to_change(bus, "remove_member", asked, Member))


# -- tenants ------------------------------------------------------------------------------------------------------------


@get("/api/v1/access/tenants", opt=_MANAGE, tags=_TAGS)
async def list_tenants(database: NamedDependency[Database]) -> TenantList:
    """Tenants beside the installation's own, by name."""
    return TenantList(items=[_tenant(one) for one in await database.query(tenants.every)])


@post("/api/v1/access/tenants", opt=_MANAGE, tags=_TAGS)
async def create_tenant(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], data: JSONBody[ProjectBody]
) -> NewTenantView:
    """Make a tenant; the answer holds the one-time link of its first administrator."""
    asked = CreateTenant(actor=Actor.of(principal), name=data.name, title=data.title)
    made = await ask_to_change(bus, "create_tenant", asked, NewTenant)
    return NewTenantView(tenant=_tenant(made.tenant), invitation=new_invitation_view(made.invitation))


ROUTES = [
    list_projects, create_project, delete_project, list_members, add_member, remove_member, list_tenants, create_tenant,
]  # fmt: skip


def _require(connection: Connection, principal: Principal, project: str) -> None:
    store.require(connection, principal.tenant, project)


def _members(connection: Connection, principal: Principal, project: str) -> list[str]:
    _require(connection, principal, project)
    return store.members(connection, principal.tenant, project)


def _tenant(tenant: Tenant) -> TenantView:
    return TenantView(
        name=tenant.name, title=tenant.title, handle=tenant.handle, created=clock.rfc3339(tenant.created)
    )  # fmt: skip


def _view(project: Project) -> ProjectView:
    return ProjectView(
        name=project.name, title=project.title, handle=project.handle, created=clock.rfc3339(project.created)
    )
