"""Projects in the records. Every function works in the caller's transaction.

A project that is deleted keeps its row: its name is never given to another one, so nothing that was left in it comes
to light again by chance.
"""

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, ColumnElement, Connection, String, Table, false, insert, select, true, update

from lineshaft.access.names import check_name
from lineshaft.access.store import METADATA, PRINCIPAL
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, InvalidInput, NotFound
from lineshaft.core.principals import MAIN_PROJECT, HandleMinterLike, Principal

LONGEST_TITLE = 200

PROJECT = Table(
    "access_project",
    METADATA,
    Column("tenant", String(64), primary_key=True),
    Column("name", String(63), primary_key=True),
    Column("title", String(LONGEST_TITLE), nullable=False),
    Column("handle", String(255), nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("deleted", BigInteger),
)


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A project."""

    name: str
    title: str
    handle: str
    created: int


def among(column: Any, projects: Collection[str] | None) -> ColumnElement[bool]:
    """The condition that a row's project is one of these; None admits every row."""
    if projects is None:
        return true()
    return column.in_([*projects]) if projects else false()


def create(connection: Connection, minter: HandleMinterLike, tenant: str, name: str, title: str) -> Project:
    """A new project.

    Raises:
        InvalidInput: name or title. Conflict: the name is taken, by a deleted one too.
    """
    name = check_name(name, reserved=True)
    if len(title) > LONGEST_TITLE or not (title.isprintable()):
        raise InvalidInput(
            "access.project_title_invalid", f"title has {len(title)} characters, or some that cannot be printed",
            f"Give at most {LONGEST_TITLE} printable characters.", field="title", value=len(title),
            maximum=LONGEST_TITLE,
        )  # fmt: skip
    taken = (PROJECT.c.tenant == tenant) & (PROJECT.c.name == name)
    if connection.scalar(select(PROJECT.c.name).where(taken)) is not None:
        raise Conflict(
            "access.project_exists", f"there is, or was, a project {name!r}",
            "Choose another name: that of a deleted project is never used again.", field="name", value=name,
        )  # fmt: skip
    made = Project(name=name, title=title or name, handle=minter.mint("project"), created=clock.now_us())
    connection.execute(insert(PROJECT).values(tenant=tenant, deleted=None, **msgspec.structs.asdict(made)))
    return made


def ensure_main(connection: Connection, minter: HandleMinterLike, tenant: str) -> None:
    """Make the project that everything belongs to which names none, unless it is there."""
    named = (PROJECT.c.tenant == tenant) & (PROJECT.c.name == MAIN_PROJECT)
    if connection.scalar(select(PROJECT.c.name).where(named)) is None:
        create(connection, minter, tenant, MAIN_PROJECT, "")


def every(
    connection: Connection, tenant: str, projects: Collection[str] | None = None, *, after: str = "", limit: int = 1000
) -> list[Project]:
    """Projects by name, behind `after`; of `projects` only where that is not None."""
    mine = (PROJECT.c.tenant == tenant, PROJECT.c.deleted.is_(None), PROJECT.c.name > after)
    query = select(PROJECT).where(*mine, among(PROJECT.c.name, projects)).order_by(PROJECT.c.name).limit(limit)
    return [
        Project(name=row.name, title=row.title, handle=row.handle, created=row.created)
        for row in connection.execute(query)
    ]


def require(connection: Connection, tenant: str, name: str) -> None:
    """Refuse a project that is not there. `main` always is.

    Raises:
        NotFound: there is none.
    """
    there = (PROJECT.c.tenant == tenant, PROJECT.c.name == name, PROJECT.c.deleted.is_(None))
    if name != MAIN_PROJECT and connection.scalar(select(PROJECT.c.name).where(*there)) is None:
        raise unknown(name)


def delete(connection: Connection, tenant: str, name: str) -> None:
    """Delete a project that nobody is a member of.

    Raises:
        NotFound. Conflict: it is `main`, or has members.
    """
    if name == MAIN_PROJECT:
        raise Conflict(
            "access.project_main", "the project main cannot be deleted",
            "What names no project belongs to it.", field="project", value=name,
        )  # fmt: skip
    require(connection, tenant, name)
    found = members(connection, tenant, name)
    if found:
        raise Conflict(
            "access.project_has_members", f"{', '.join(found[:5])} would be members of a project that is not there",
            "Take its members out first.", field="project", value=name, members=found[:5],
        )  # fmt: skip
    named = (PROJECT.c.tenant == tenant) & (PROJECT.c.name == name)
    connection.execute(update(PROJECT).where(named).values(deleted=clock.now_us()))


def members(connection: Connection, tenant: str, name: str) -> list[str]:
    """Names of who was made member of a project, by name; administrators, who are in all, only where they were too."""
    query = select(PRINCIPAL.c.name, PRINCIPAL.c.projects).where(
        PRINCIPAL.c.tenant == tenant, PRINCIPAL.c.projects.is_not(None), PRINCIPAL.c.revoked.is_(None)
    )
    return sorted(row.name for row in connection.execute(query) if name in row.projects)


def chosen(principal: Principal, asked: str) -> str:
    """The project of a new object: the one asked for, else `main` where its maker is a member, else the maker's only one.

    Raises:
        NotFound: the maker is no member of it. InvalidInput: which one it is to be cannot be told.
    """
    if asked:
        if not principal.sees(asked):
            raise unknown(asked)
        return asked
    if principal.sees(MAIN_PROJECT):
        return MAIN_PROJECT
    projects = principal.projects or ()
    if len(projects) != 1:
        raise InvalidInput(
            "access.project_unclear", f"{principal.name} is a member of {len(projects)} projects: name the object's",
            "Give its project.", field="project", value="", count=len(projects), name=principal.name,
        )  # fmt: skip
    return projects[0]


def unknown(name: str) -> NotFound:
    """What whoever is no member of a project hears of it."""
    return NotFound(
        "access.project_unknown", f"there is no project {name[:63]!r}",
        "`lineshaft access project list` shows those you are a member of.", field="project", value=name[:63],
    )  # fmt: skip
