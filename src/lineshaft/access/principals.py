"""Principals in the records: found, made, given roles, revoked, brought back. Every function works in the caller's
transaction; database transactions are serialisable, so what is checked here still holds when it commits.
"""

from collections.abc import Collection
from typing import Any, Final, cast

from sqlalchemy import Connection, Row, Select, delete, exists, insert, select, update

from lineshaft.access.model import TEMPLATE, Member
from lineshaft.access.names import check_name, normal_name
from lineshaft.access.store import ADDRESS, CREDENTIAL, INVITATION, PASSWORD, PRINCIPAL, SESSION, TOKEN
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, NotFound
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import MAIN_PROJECT, Principal, PrincipalKind, Role

_HAS_PASSWORD: Final = exists().where(PASSWORD.c.principal == PRINCIPAL.c.id)


def create(
    connection: Connection,
    minter: HandleMinter,
    tenant: str,
    name: str,
    *,
    kind: PrincipalKind = "person",
    roles: frozenset[Role] = frozenset(),
    attributes: dict[str, str] | None = None,
) -> Principal:
    """A new principal.

    Raises:
        InvalidInput: the name cannot be one.
        Conflict: the name is taken.
    """
    name = check_name(name, reserved=kind != "person")
    if find_row(connection, tenant, name) is not None:
        raise Conflict(
            "access.name_taken", f"there is already a principal named {name!r}", "Choose another name.",
            field="name", value=name,
        )  # fmt: skip
    principal = Principal(
        id=minter.mint(kind), name=name, kind=kind, tenant=tenant, roles=roles, attributes=attributes or {},
        projects=projects_of(kind, roles, None),
    )  # fmt: skip
    connection.execute(
        insert(PRINCIPAL).values(
            id=principal.id, tenant=tenant, name=name, kind=kind, roles=sorted(roles),
            attributes=dict(principal.attributes), created=clock.now_us(), revoked=None,
        )
    )  # fmt: skip
    return principal


def from_row(row: Row[Any], **attributes: str) -> Principal:
    """A principal from a row that holds the columns of its table, with attributes of this occasion added."""
    return Principal(
        id=row.id, name=row.name, kind=row.kind, tenant=row.tenant, roles=frozenset(row.roles),
        attributes={**row.attributes, **attributes}, zone=row.zone, clearance=row.clearance,
        projects=projects_of(row.kind, row.roles, row.projects),
    )  # fmt: skip


def projects_of(kind: str, roles: Collection[str], stored: Collection[str] | None) -> tuple[str, ...] | None:
    """Whose objects are there for a principal: all for administrators and services; else its memberships, or `main`."""
    if kind == "service" or "administrator" in roles:
        return None
    return (MAIN_PROJECT,) if stored is None else tuple(sorted(stored))


def find_row(connection: Connection, tenant: str, name_or_id: str) -> Row[Any] | None:
    """The row of a principal by name or handle; None where there is none. Revoked ones are found too."""
    # A handle has a slash, a name never.
    key = PRINCIPAL.c.id == name_or_id if "/" in name_or_id else PRINCIPAL.c.name == normal_name(name_or_id)
    return connection.execute(select(PRINCIPAL).where(PRINCIPAL.c.tenant == tenant, key)).one_or_none()


def get_row(connection: Connection, tenant: str, name_or_id: str) -> Row[Any]:
    """The row of a principal by name or handle.

    Raises:
        NotFound: there is none.
    """
    row = find_row(connection, tenant, name_or_id)
    if row is None:
        raise NotFound(
            "access.principal_unknown", f"there is no principal {name_or_id[:80]!r}",
            "`lineshaft access list` shows all.", value=name_or_id[:80],
        )  # fmt: skip
    return row


def list_members(connection: Connection, tenant: str, *, after: str = "", limit: int = 1000) -> list[Member]:
    """Principals by name, revoked ones included."""
    query = _members(tenant).where(PRINCIPAL.c.name > after).order_by(PRINCIPAL.c.name).limit(limit)
    return [_member(row) for row in connection.execute(query)]


def services_of(connection: Connection, tenant: str, template: str) -> list[str]:
    """Names of services with the grants of a template, revoked ones left out."""
    query = select(PRINCIPAL.c.name, PRINCIPAL.c.attributes).where(
        PRINCIPAL.c.tenant == tenant, PRINCIPAL.c.kind == "service", PRINCIPAL.c.revoked.is_(None)
    )
    return sorted(row.name for row in connection.execute(query) if row.attributes.get(TEMPLATE) == template)


def get_member(connection: Connection, tenant: str, name_or_id: str) -> Member:
    """One principal as lists show it.

    Raises:
        NotFound: there is none.
    """
    handle = get_row(connection, tenant, name_or_id).id
    return _member(connection.execute(_members(tenant).where(PRINCIPAL.c.id == handle)).one())


def set_roles(connection: Connection, tenant: str, handle: str, roles: frozenset[Role]) -> None:
    """Replace a person's roles.

    Raises:
        Conflict: nobody could administer afterwards.
    """
    if "administrator" not in roles:
        _keep_an_administrator(connection, tenant, handle)
    connection.execute(update(PRINCIPAL).where(PRINCIPAL.c.id == handle).values(roles=sorted(roles)))


def set_clearance(connection: Connection, handle: str, clearance: int) -> None:
    """Replace the highest grade of data that a principal may see."""
    connection.execute(update(PRINCIPAL).where(PRINCIPAL.c.id == handle).values(clearance=clearance))


def set_projects(connection: Connection, handle: str, projects: Collection[str]) -> None:
    """Replace the projects that a principal is a member of."""
    connection.execute(update(PRINCIPAL).where(PRINCIPAL.c.id == handle).values(projects=sorted(projects)))


def revoke(connection: Connection, tenant: str, handle: str) -> list[str]:
    """End everything a principal can prove itself with; returns its bus keys, now void.

    Raises:
        Conflict: nobody could administer afterwards.
    """
    _keep_an_administrator(connection, tenant, handle)
    connection.execute(update(PRINCIPAL).where(PRINCIPAL.c.id == handle).values(revoked=clock.now_us()))
    for table in (SESSION, TOKEN, INVITATION, ADDRESS):
        connection.execute(delete(table).where(table.c.principal == handle))
    return revoke_credentials(connection, handle)


def reinstate(connection: Connection, handle: str) -> None:
    """Let a revoked principal back in: with its old password, with new tokens and credentials."""
    connection.execute(update(PRINCIPAL).where(PRINCIPAL.c.id == handle).values(revoked=None))


def revoke_credentials(connection: Connection, handle: str) -> list[str]:
    """Mark a principal's bus keys as void; returns those that were not."""
    valid = (CREDENTIAL.c.principal == handle, CREDENTIAL.c.revoked.is_(None))
    keys = list(connection.scalars(select(CREDENTIAL.c.key).where(*valid)))
    connection.execute(update(CREDENTIAL).where(*valid).values(revoked=clock.now_us()))
    return keys


def administrators(connection: Connection, tenant: str) -> list[str]:
    """Handles of the people who can sign in and administer."""
    query = select(PRINCIPAL.c.id, PRINCIPAL.c.roles).where(
        PRINCIPAL.c.tenant == tenant, PRINCIPAL.c.kind == "person", PRINCIPAL.c.revoked.is_(None), _HAS_PASSWORD
    )
    return [row.id for row in connection.execute(query) if "administrator" in row.roles]


def _keep_an_administrator(connection: Connection, tenant: str, handle: str) -> None:
    if administrators(connection, tenant) == [handle]:
        raise Conflict(
            "access.last_administrator", "nobody could administer this installation any more",
            "Make somebody else administrator first, and let them sign in once.", principal=handle,
        )  # fmt: skip


def _members(tenant: str) -> Select[Any]:
    return select(PRINCIPAL, _HAS_PASSWORD.label("can_sign_in")).where(PRINCIPAL.c.tenant == tenant)


def _member(row: Row[Any]) -> Member:
    projects = projects_of(row.kind, row.roles, row.projects)
    return Member(
        id=row.id, name=row.name, kind=row.kind, roles=cast("list[Role]", row.roles), created=row.created,
        revoked=row.revoked, can_sign_in=row.can_sign_in, zone=row.zone, clearance=row.clearance,
        projects=None if projects is None else list(projects),
    )  # fmt: skip
