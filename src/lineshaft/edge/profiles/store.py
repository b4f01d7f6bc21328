"""Profiles in the records, and what follows from changing one."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import BigInteger, Column, Connection, LargeBinary, String, Table, delete, insert, select, update

from lineshaft.bus.subjects import Subjects
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, NotFound
from lineshaft.core.http import check_match, etag
from lineshaft.edge.driver import Faults
from lineshaft.edge.profiles.model import DeviceProfile
from lineshaft.edge.store import Change, Devices, StoredDevice, check_device, commit
from lineshaft.edge.tables import METADATA
from lineshaft.edge.units import settled
from lineshaft.records import Database

PROFILE = Table(
    "edge_profile",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("changed", BigInteger, nullable=False),
)


class StoredProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A profile as it is kept."""

    profile: DeviceProfile
    changed: int
    """Microseconds UTC."""

    @property
    def etag(self) -> str:
        """Changes with the profile."""
        return etag(self.profile)


class Profiles:
    """The profiles of a tenant."""

    def __init__(self, db: Database, devices: Devices, subjects: Subjects) -> None:
        self._db = db
        self._devices = devices
        self._subjects = subjects

    async def list(self, *, after: str = "", limit: int = 100) -> Sequence[StoredProfile]:
        """Profiles by name, behind `after`."""
        return await self._db.query(self._list, after, limit)

    async def get(self, name: str) -> StoredProfile:
        """One profile.

        Raises:
            NotFound: none has that name.
        """
        return await self._db.query(self._get, name)

    async def put(self, profile: DeviceProfile, *, if_match: str | None = None) -> StoredProfile:
        """Add or replace a profile; devices made from it change when it is applied.

        Raises:
            InvalidInput: units of its points that are none.
            PreconditionFailed: it changed since the caller read it.
        """
        faults = Faults(profile.name)
        points = settled(profile.points, faults)
        faults.refuse()
        return await self._db.write(self._put, msgspec.structs.replace(profile, points=points), if_match)

    async def remove(self, name: str) -> None:
        """Forget a profile.

        Raises:
            NotFound: none has that name. Conflict: devices are made from it.
        """
        await self._db.write(self._remove, name)

    async def devices_of(self, name: str) -> Sequence[StoredDevice]:
        """Every device that is made from a profile."""
        return await self._db.query(self._devices_of, name)

    async def apply(self, given: StoredProfile, chosen: Sequence[StoredDevice], change: Change) -> None:
        """Give a profile's points to devices that are made from it, all of them or none.

        Args:
            given: the profile, as it was looked at.
            chosen: as `devices_of` gave them.

        Raises:
            InvalidInput: a device cannot have them.
            PreconditionFailed: the profile or a device changed meanwhile.
        """
        for stored in chosen:
            check_device(given.profile.applied(stored.device))
        await self._db.write(self._apply, given, chosen, change)

    # -- in a transaction -----------------------------------------------------------------------------------------------

    def _list(self, connection: Connection, after: str, limit: int) -> Sequence[StoredProfile]:
        query = select(PROFILE).where(PROFILE.c.tenant == self._subjects.tenant, PROFILE.c.name > after)
        decode = msgspec.json.Decoder(DeviceProfile).decode
        rows = connection.execute(query.order_by(PROFILE.c.name).limit(limit))
        return [StoredProfile(profile=decode(row.document), changed=row.changed) for row in rows]

    def _get(self, connection: Connection, name: str) -> StoredProfile:
        query = select(PROFILE).where(PROFILE.c.tenant == self._subjects.tenant, PROFILE.c.name == name)
        row = connection.execute(query).first()
        if row is None:
            raise NotFound(
                "edge.profile_unknown", f"there is no device profile {name[:64]!r}",
                "`lineshaft edge profile list` shows those there are.", profile=name[:64],
            )  # fmt: skip
        return StoredProfile(profile=msgspec.json.decode(row.document, type=DeviceProfile), changed=row.changed)

    def _put(self, connection: Connection, profile: DeviceProfile, if_match: str | None) -> StoredProfile:
        chosen = (PROFILE.c.tenant == self._subjects.tenant) & (PROFILE.c.name == profile.name)
        there = connection.execute(select(PROFILE.c.name).where(chosen)).first() is not None
        if if_match is not None:
            check_match(if_match, self._get(connection, profile.name).etag)
        stored = StoredProfile(profile=profile, changed=clock.now_us())
        values = {"document": msgspec.json.encode(profile), "changed": stored.changed}
        if there:
            connection.execute(update(PROFILE).where(chosen).values(**values))
        else:
            connection.execute(insert(PROFILE).values(tenant=self._subjects.tenant, name=profile.name, **values))
        return stored

    def _remove(self, connection: Connection, name: str) -> None:
        self._get(connection, name)
        used = self._devices_of(connection, name)
        if used:
            raise Conflict(
                "edge.profile_used", f"{len(used)} devices are made from the profile {name!r}, {used[0].device.name!r} among them",
                "Give them another profile first, or points of their own.", profile=name, count=len(used),
                device=used[0].device.name,
            )  # fmt: skip
        connection.execute(delete(PROFILE).where(PROFILE.c.tenant == self._subjects.tenant, PROFILE.c.name == name))

    def _devices_of(self, connection: Connection, name: str) -> Sequence[StoredDevice]:
        return [stored for stored in self._devices.all(connection) if stored.device.profile == name]

    def _apply(
        self, connection: Connection, given: StoredProfile, chosen: Sequence[StoredDevice], change: Change
    ) -> None:
        profile = given.profile
        check_match(given.etag, self._get(connection, profile.name).etag)
        present = {stored.device.name: stored for stored in self._devices_of(connection, profile.name)}
        for stored in chosen:
            now = present.get(stored.device.name)
            check_match(stored.etag, now.etag if now else "")
            self._devices.save(connection, profile.applied(stored.device), stored.gateway)
        for gateway in sorted({stored.gateway for stored in chosen}):
            commit(connection, self._subjects, gateway, change)
