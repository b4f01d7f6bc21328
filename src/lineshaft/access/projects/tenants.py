"""Tenants beside the installation's own, in the records. Every function works in the caller's transaction."""

from typing import Final

import msgspec
from sqlalchemy import BigInteger, Column, Connection, String, Table, insert, select

from lineshaft.access import invitations
from lineshaft.access.model import NewInvitation
from lineshaft.access.names import check_name
from lineshaft.access.projects.store import ensure_main
from lineshaft.access.store import METADATA, PRINCIPAL
from lineshaft.core import clock
from lineshaft.core.errors import Conflict
from lineshaft.core.principals import HandleMinterLike

AT: Final = "@"
"""Between a person's name and the tenant, where somebody of another tenant signs in."""

TENANT = Table(
    "access_tenant",
    METADATA,
    Column("name", String(63), primary_key=True),
    Column("title", String(200), nullable=False),
    Column("handle", String(255), nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
)


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant beside the installation's own."""

    name: str
    title: str
    handle: str
    created: int


class NewTenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant just made, with the one-time link of its first administrator."""

    tenant: Tenant
    invitation: NewInvitation


def create(
    connection: Connection, minter: HandleMinterLike, own: str, name: str, title: str, *, minutes: int
) -> NewTenant:
    """A new tenant with its project `main`, and the link by which its first administrator comes in.

    Raises:
        InvalidInput: the name cannot be one. Conflict: it is taken.
    """
    name = check_name(name, reserved=True)
    known = connection.scalar(select(TENANT.c.name).where(TENANT.c.name == name))
    people = connection.scalar(select(PRINCIPAL.c.id).where(PRINCIPAL.c.tenant == name).limit(1))
    if name == own or known is not None or people is not None:
        raise Conflict(
            "access.tenant_exists", f"there is already a tenant {name!r}", "Choose another name.", field="name",
            value=name,
        )  # fmt: skip
    tenant = Tenant(name=name, title=title[:200] or name, handle=minter.mint("tenant"), created=clock.now_us())
    connection.execute(insert(TENANT).values(msgspec.structs.asdict(tenant)))
    ensure_main(connection, minter, name)
    return NewTenant(tenant=tenant, invitation=invitations.create(connection, name, minutes))


def every(connection: Connection) -> list[Tenant]:
    """All of them by name."""
    rows = connection.execute(select(TENANT).order_by(TENANT.c.name)).mappings()
    return [Tenant(**row) for row in rows]


def split(name: str, own: str) -> tuple[str, str]:
    """(name, tenant) of what somebody signs in with: `name`, or `name@tenant`."""
    plain, at, tenant = name.rpartition(AT)
    return (plain, tenant.strip().lower()) if at else (name, own)
