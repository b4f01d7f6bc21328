"""Reads old configurations, and goes back to one: in one transaction, as a new version."""

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import Connection, delete, insert, select

from lineshaft.bus.subjects import Subjects
from lineshaft.core import clock
from lineshaft.core.differences import Difference
from lineshaft.core.errors import NotFound
from lineshaft.edge.model import GatewayConfig, decode_config
from lineshaft.edge.parts.model import check_document
from lineshaft.edge.parts.store import PART, documents
from lineshaft.edge.parts.views import reduced_config
from lineshaft.edge.store import Change, Devices, check_device, commit
from lineshaft.edge.tables import CONFIG
from lineshaft.edge.units import kept
from lineshaft.edge.versions.diff import differences
from lineshaft.edge.weakening import of_guard
from lineshaft.records import Database


class Versions:
    """Configurations of a tenant's gateways."""

    def __init__(self, db: Database, devices: Devices, subjects: Subjects) -> None:
        self._db = db
        self._devices = devices
        self._subjects = subjects

    async def get(self, gateway: str, version: int) -> GatewayConfig:
        """One configuration, whole.

        Raises:
            NotFound: the gateway never had that version.
        """
        return await self._db.query(self._get, gateway, version)

    async def concerned(self, gateway: str, version: int) -> Sequence[tuple[str, str]]:
        """Names and projects of the devices that going back to a version would change, bring back or remove.

        Raises:
            NotFound: the gateway never had that version.
        """
        return await self._db.query(self._concerned, gateway, version)

    async def diff(self, gateway: str, before: int, after: int, *, reduced: bool = False) -> Sequence[Difference]:
        """What differs between two versions.

        Args:
            reduced: only of what those see who may not configure the gateway.

        Raises:
            NotFound: the gateway never had one of them.
        """
        return await self._db.query(self._diff, gateway, before, after, reduced)

    async def lost(self, gateway: str, version: int, projects: Collection[str] | None = None) -> Sequence[str]:
        """What going back to a version takes away from the safety of writing, in words (`weakening`).

        Args:
            projects: whose devices may be named to whoever asks; None: every project's.

        Raises:
            NotFound: the gateway never had that version.
        """
        return await self._db.query(self._lost, gateway, version, projects)

    async def restore(self, gateway: str, version: int, change: Change) -> GatewayConfig:
        """Configure a gateway as it was in a version; that is a new version. Zones stay as they are now.

        Raises:
            NotFound: the gateway never had that version.
            InvalidInput, Conflict: it cannot be so any more; nothing is changed then.
        """
        config = await self.get(gateway, version)
        settled = tuple(check_device(kept(device)) for device in config.devices)
        for name, document in config.parts.items():
            check_document(name, document)
        return await self._db.write(self._restore, msgspec.structs.replace(config, devices=settled), change)

    def _get(self, connection: Connection, gateway: str, version: int) -> GatewayConfig:
        row = connection.execute(
            select(CONFIG.c.document).where(
                CONFIG.c.tenant == self._subjects.tenant, CONFIG.c.gateway == gateway, CONFIG.c.version == version
            )
        ).first()
        if row is None:
            raise NotFound(
                "edge.version_unknown", f"the gateway {gateway[:64]!r} never had a configuration {version}",
                "`lineshaft edge config list` shows those it had.", gateway=gateway[:64], version=version,
            )  # fmt: skip
        return decode_config(row.document)

    def _concerned(self, connection: Connection, gateway: str, version: int) -> list[tuple[str, str]]:
        then = {device.name: device for device in self._get(connection, gateway, version).devices}
        now = {stored.device.name: stored.device for stored in self._devices.of_gateway(connection, gateway)}
        changed = [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]
        project_of = self._devices.project_of_device
        return [(name, project_of(connection, then.get(name) or now[name])) for name in changed]

    def _diff(
        self, connection: Connection, gateway: str, before: int, after: int, reduced: bool  # noqa: FBT001
    ) -> list[Difference]:  # fmt: skip
        configs = [self._get(connection, gateway, version) for version in (before, after)]
        if reduced:
            configs = [msgspec.structs.replace(config, parts=reduced_config(config)) for config in configs]
        return differences(*configs)

    def _lost(
        self, connection: Connection, gateway: str, version: int, projects: Collection[str] | None
    ) -> list[str]:  # fmt: skip
        then = self._get(connection, gateway, version)
        present = {stored.device.name: None for stored in self._devices.of_gateway(connection, gateway)}
        wanted = {device.name: device for device in then.devices}
        lost = self._devices.lost_by(connection, {**present, **wanted}, projects)
        now = documents(connection, self._subjects.tenant, gateway).get("guard")
        return [*lost, *of_guard(now, then.parts.get("guard"))]

    def _restore(self, connection: Connection, config: GatewayConfig, change: Change) -> GatewayConfig:
        tenant, gateway = self._subjects.tenant, config.gateway
        wanted = {device.name: device for device in config.devices}
        for stored in self._devices.of_gateway(connection, gateway):
            if stored.device.name not in wanted:
                self._devices.drop(connection, stored)
        for device in wanted.values():
            self._devices.save(connection, device, gateway)
        connection.execute(delete(PART).where(PART.c.tenant == tenant, PART.c.gateway == gateway))
        now = clock.now_us()
        for name, document in config.parts.items():
            values = {"document": msgspec.json.encode(document), "changed": now}
            connection.execute(insert(PART).values(tenant=tenant, gateway=gateway, name=name, **values))
        commit(connection, self._subjects, gateway, change)
        newest = connection.scalars(
            select(CONFIG.c.version)
            .where(CONFIG.c.tenant == tenant, CONFIG.c.gateway == gateway)
            .order_by(CONFIG.c.version.desc())
        ).first()
        assert newest is not None
        return self._get(connection, gateway, newest)
