"""Zone plans in the records: each version is kept, the newest is in force."""

from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Integer, LargeBinary, String, Table, insert, select, update

from lineshaft.access.store import METADATA, PRINCIPAL
from lineshaft.access.zones.model import DEFAULT, ZonePlan
from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput
from lineshaft.core.http import etag

PLAN = Table(
    "access_zone_plan",
    METADATA,
    Column("tenant", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("document", LargeBinary, nullable=False),
    Column("author", String(255), nullable=False),
    Column("created", BigInteger, nullable=False),
)


class StoredPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan with its place in history."""

    plan: ZonePlan
    version: int = 0
    """0: nobody has made one yet."""
    author: str = ""
    """Handle of a principal."""
    created: int = 0
    """Microseconds UTC."""

    @property
    def etag(self) -> str:
        """Changes with every version."""
        return etag([self.version, self.plan])


def current(connection: Connection, tenant: str) -> ZonePlan:
    """The plan in force."""
    return newest(connection, tenant).plan


def newest(connection: Connection, tenant: str) -> StoredPlan:
    """The plan in force, with its version."""
    query = select(PLAN).where(PLAN.c.tenant == tenant).order_by(PLAN.c.version.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    if row is None:
        return StoredPlan(plan=DEFAULT)
    plan = msgspec.json.decode(row.document, type=ZonePlan)
    return StoredPlan(plan=plan, version=row.version, author=row.author, created=row.created)


def put(connection: Connection, tenant: str, plan: ZonePlan, author: str) -> StoredPlan:
    """Put the next version in force, the zones of all principals with it, in the caller's transaction.

    Raises:
        InvalidInput: a member that is no principal.
    """
    check_members(connection, tenant, plan)
    stored = StoredPlan(
        plan=plan, version=newest(connection, tenant).version + 1, author=author, created=clock.now_us()
    )
    connection.execute(
        insert(PLAN).values(
            tenant=tenant, version=stored.version, document=msgspec.json.encode(plan), author=author,
            created=stored.created,
        )
    )  # fmt: skip
    _assign(connection, tenant, plan)
    return stored


def check_members(connection: Connection, tenant: str, plan: ZonePlan) -> None:
    """Refuse a plan that names principals who do not exist.

    Raises:
        InvalidInput: names the first of them.
    """
    members = sorted(plan.memberships())
    known = set(connection.scalars(select(PRINCIPAL.c.name).where(PRINCIPAL.c.tenant == tenant)))
    unknown = [member for member in members if member not in known]
    if unknown:
        zone = plan.zone_of(unknown[0])
        raise InvalidInput(
            "access.zone_member_unknown", f"zones.{zone}.members is {unknown[0]!r}: there is no such principal",
            "`lineshaft access list` shows all; make a gateway's principal before it joins a zone.",
            field=f"zones.{zone}.members", value=unknown[0], unknown=unknown[:20],
        )  # fmt: skip


def _assign(connection: Connection, tenant: str, plan: ZonePlan) -> None:
    zones = plan.memberships()
    rows: list[Any] = list(
        connection.execute(
            select(PRINCIPAL.c.id, PRINCIPAL.c.name, PRINCIPAL.c.zone).where(PRINCIPAL.c.tenant == tenant)
        )
    )
    for row in rows:
        zone = zones.get(row.name, "")
        if zone != row.zone:
            connection.execute(update(PRINCIPAL).where(PRINCIPAL.c.id == row.id).values(zone=zone))
