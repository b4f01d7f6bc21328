"""Whose the credentials on gateways are: their maker's project's, whether a device uses them or not.

The credentials themselves lie on the gateway's disk only (`secrets`); here stands who may change and use them.
"""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Connection, String, Table, delete, insert, select

from lineshaft.bus.subjects import Subjects
from lineshaft.core import clock
from lineshaft.core.errors import Conflict
from lineshaft.core.principals import MAIN_PROJECT
from lineshaft.edge.parts.store import mentioned
from lineshaft.edge.store import all_devices, secrets_of
from lineshaft.edge.tables import METADATA
from lineshaft.records import Database

SECRET = Table(
    "edge_secret",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("gateway", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("author", String, nullable=False),
    Column("changed", BigInteger, nullable=False),
)


class SecretRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials by their name."""

    gateway: str
    name: str
    project: str
    author: str
    """Handle of who gave them last."""
    changed: int
    """Microseconds UTC."""
    devices: tuple[str, ...] = ()
    """Those that use them."""


class SecretRecords:
    """Of a tenant's gateways."""

    def __init__(self, db: Database, subjects: Subjects) -> None:
        self._db = db
        self._tenant = subjects.tenant

    async def list(self, gateway: str, projects: Collection[str] | None) -> Sequence[SecretRecord]:
        """A gateway's credentials by name, of these projects or of any; also such as only devices tell of."""
        return await self._db.query(self._list, gateway, projects)

    async def take(self, record: SecretRecord) -> SecretRecord | None:
        """Note that credentials are given or changed; what was noted before.

        Raises:
            Conflict: they are another project's.
        """
        return await self._db.write(self._take, record)

    async def put_back(self, record: SecretRecord, before: SecretRecord | None) -> None:
        """Undo `take`: the gateway did not take them."""
        await self._db.write(self._replace, record, before)

    async def forget(self, gateway: str, name: str, project: str) -> None:
        """Note that they are gone.

        Raises:
            Conflict: they are another project's.
        """
        await self._db.write(self._forget, gateway, name, project)

    async def check(self, gateway: str, name: str, project: str) -> None:
        """Refuse whoever is of another project than they are.

        Raises:
            Conflict: as it says.
        """
        await self._db.query(self._check, gateway, name, project)

    # -- in a transaction -----------------------------------------------------------------------------------------------

    def _list(self, connection: Connection, gateway: str, projects: Collection[str] | None) -> Sequence[SecretRecord]:
        devices = [stored for stored in all_devices(connection, self._tenant) if stored.gateway == gateway]
        rows = connection.execute(select(SECRET).where(SECRET.c.tenant == self._tenant, SECRET.c.gateway == gateway))
        found = {
            row.name: SecretRecord(
                gateway=gateway, name=row.name, project=row.project, author=row.author, changed=row.changed
            )
            for row in rows
        }
        for stored in devices:
            for name in secrets_of(stored.device).values():
                known = found.get(name) or SecretRecord(
                    gateway=gateway, name=name, project=stored.project, author="", changed=0
                )
                found[name] = msgspec.structs.replace(known, devices=(*known.devices, stored.device.name))
        return [found[name] for name in sorted(found) if projects is None or found[name].project in projects]

    def _take(self, connection: Connection, record: SecretRecord) -> SecretRecord | None:
        self._check(connection, record.gateway, record.name, record.project)
        before = self._find(connection, record.gateway, record.name)
        self._replace(connection, record, record)
        return before

    def _forget(self, connection: Connection, gateway: str, name: str, project: str) -> None:
        self._check(connection, gateway, name, project)
        connection.execute(delete(SECRET).where(*self._chosen(gateway, name)))

    def _replace(self, connection: Connection, record: SecretRecord, by: SecretRecord | None) -> None:
        connection.execute(delete(SECRET).where(*self._chosen(record.gateway, record.name)))
        if by is not None:
            values = {
                "gateway": by.gateway, "name": by.name, "project": by.project, "author": by.author,
                "changed": by.changed or clock.now_us(),
            }  # fmt: skip
            connection.execute(insert(SECRET).values(tenant=self._tenant, **values))

    def _find(self, connection: Connection, gateway: str, name: str) -> SecretRecord | None:
        row = connection.execute(select(SECRET).where(*self._chosen(gateway, name))).first()
        if row is None:
            return None
        return SecretRecord(gateway=gateway, name=name, project=row.project, author=row.author, changed=row.changed)

    def _check(self, connection: Connection, gateway: str, name: str, project: str) -> None:
        known = self._find(connection, gateway, name)
        whose = {known.project} if known is not None else self._users(connection, gateway, name)
        if whose and whose != {project}:
            raise Conflict(
                "edge.secret_of_another_project", f"the secret {name!r} is that of a device of another project",
                "Keep the credentials under a name of their own for this project.", field="name", value=name,
            )  # fmt: skip

    def _users(self, connection: Connection, gateway: str, name: str) -> set[str]:
        """Projects that use what nobody is noted for: it was given before that was noted."""
        users = {
            stored.project
            for stored in all_devices(connection, self._tenant)
            if stored.gateway == gateway and name in secrets_of(stored.device).values()
        }
        return users | ({MAIN_PROJECT} if name in mentioned(connection, self._tenant) else set())

    def _chosen(self, gateway: str, name: str) -> tuple[Any, ...]:
        return SECRET.c.tenant == self._tenant, SECRET.c.gateway == gateway, SECRET.c.name == name


def foreign(connection: Connection, tenant: str, names: Collection[str], project: str) -> set[str]:
    """Which of these names are noted as another project's, on any gateway."""
    query = select(SECRET.c.name).where(
        SECRET.c.tenant == tenant, SECRET.c.name.in_(sorted(names)), SECRET.c.project != project
    )
    return {*connection.scalars(query)} if names else set()
