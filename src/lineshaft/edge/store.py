"""Devices and gateway configurations in the records. Used by `web` and at installation; a gateway needs no database.

Every change of a device commits a new version of its gateway's whole configuration in one transaction: the device's
document, the tags' numbers, the configuration, and the message that carries it to the gateway.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from lineshaft.access.projects.store import among
from lineshaft.access.projects.store import require as require_project
from lineshaft.access.zones import current, endpoint_rules
from lineshaft.bus.subjects import Subjects
from lineshaft.core import clock, ids
from lineshaft.core.errors import Conflict, InvalidInput, NotFound, TooLarge
from lineshaft.core.http import check_match, etag
from lineshaft.core.principals import MAIN_PROJECT, HandleMinterLike, Resource
from lineshaft.edge import levels, listing, remembered, units, weakening
from lineshaft.edge.driver import Faults, find_driver
from lineshaft.edge.model import Device, GatewayConfig, encode_config
from lineshaft.edge.tables import CONFIG, DEVICE
from lineshaft.history import Tags, TagSpec
from lineshaft.history.store import own
from lineshaft.records import Database, outbox

DEFAULT_GATEWAY = "gateway"
DEVICE_LEVELS = len(ids.PATH_LEVELS) - 1
MAXIMUM_CONFIG_BYTES = 900_000
"""Deflated; it travels as one message of the bus."""


class StoredDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device as it is configured."""

    device: Device
    gateway: str
    created: int
    changed: int
    """Microseconds UTC."""
    project: str = MAIN_PROJECT

    @property
    def etag(self) -> str:
        """Changes with every change of the device, its gateway or its project."""
        return etag([self.gateway, self.project, self.device])


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a gateway's configuration."""

    gateway: str
    version: int
    digest: str
    created: int
    author: str
    comment: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Who changes a configuration, and why."""

    author: str
    """Handle of a principal."""
    comment: str = ""


class _Rehearsed(Exception):
    """Undoes the transaction of a rehearsal."""


class Devices:
    """The devices of a tenant and the configurations made of them."""

    def __init__(self, db: Database, tags: Tags, subjects: Subjects, minter: HandleMinterLike) -> None:
        self._db = db
        self._tags = tags
        self._subjects = subjects
        self._minter = minter

    @property
    def _tenant(self) -> str:
        return self._subjects.tenant

    async def list(
        self, *, after: str = "", limit: int = 100, projects: Collection[str] | None = None
    ) -> Sequence[StoredDevice]:
        """Devices by name, behind `after`; of `projects` only where that is not None."""
        mine = (DEVICE.c.tenant == self._tenant, among(DEVICE.c.project, projects))
        query = select(DEVICE).where(*mine, DEVICE.c.name > after)
        return await self._db.query(_devices, query.order_by(DEVICE.c.name).limit(limit))

    async def page(
        self, wanted: listing.Wanted, *, after: tuple[str | int, str] | None = None, limit: int = 100,
        projects: Collection[str] | None = None,
    ) -> listing.Listing:  # fmt: skip
        """Devices as a list shows them, behind `after`; of `projects` only where that is not None."""
        return await self._db.query(listing.page, self._tenant, wanted, after, limit, projects)

    async def gateways(self) -> Mapping[str, int]:
        """Every gateway that has devices, and how many."""
        return await self._db.query(listing.gateways, self._tenant)

    async def page_by_state(
        self, wanted: listing.Wanted, states: Mapping[str, str], *, after: tuple[str | int, str] | None = None,
        limit: int = 100, projects: Collection[str] | None = None,
    ) -> listing.Listing:  # fmt: skip
        """As `page`, with the devices' states by their names, which only gateways know."""
        return await self._db.query(listing.page_by_state, self._tenant, wanted, after, limit, projects, states)

    async def below(
        self, path: str, states: Mapping[str, str], *, limit: int = 100, projects: Collection[str] | None = None
    ) -> levels.PlantLevels:
        """What lies right below a path of the plant, with how many devices and how they stand."""
        return await self._db.query(levels.levels, self._tenant, path, states, limit, projects)

    async def get(self, name: str, projects: Collection[str] | None = None) -> StoredDevice:
        """One device.

        Args:
            projects: whose devices there are for whoever asks; None: every project's.

        Raises:
            NotFound: none has that name, or it is in another project.
        """
        return await self._db.query(self._get, name, projects)

    async def check_described(self, device: Device, project: str) -> None:
        """Refuse to connect to a device that nobody has configured, with credentials of another project.

        Raises:
            Conflict: names the secret.
        """
        await self._db.query(self.check_secrets, device, project)

    async def names(self, projects: Collection[str]) -> set[str]:
        """Names of all devices of some projects."""
        query = select(DEVICE.c.name).where(DEVICE.c.tenant == self._tenant, among(DEVICE.c.project, projects))
        return await self._db.query(lambda connection: {*connection.scalars(query)})

    async def resource(self, name: str, gateway: str, project: str = "") -> Resource:
        """A device, there already or not, as decisions see it: it stands in the zone of its gateway.

        Args:
            project: empty: the one that it has, `main` where it is not there.
        """
        plan = await self._db.query(current, self._tenant)
        project = project or await self._db.query(project_of, self._tenant, name)
        return Resource(id=name, kind="device", zone=plan.zone_of(gateway), project=project)

    async def gateway_resource(self, gateway: str) -> Resource:
        """A gateway as decisions see it."""
        plan = await self._db.query(current, self._tenant)
        return Resource(id=gateway, kind="gateway", zone=plan.zone_of(gateway))

    async def put(
        self, device: Device, change: Change, *, gateway: str = DEFAULT_GATEWAY, if_match: str | None = None,
        new: bool = False, project: str = "",
    ) -> StoredDevice:  # fmt: skip
        """Add a device or replace the one of its name; the gateway gets a new configuration.

        Args:
            device: with the points wanted; tag numbers and handle in it are ignored.
            if_match: ETag of the device as the caller read it.
            new: refuse to replace.
            project: its project, and its tags'; empty: the one it has, `main` for a new one.

        Raises:
            InvalidInput: the driver refuses the device, or a path is wrong; all faults in one error.
            Conflict: `new` and there is one, another device has its path, or a tag at its paths is of a third project.
            NotFound: there is no such project.
            PreconditionFailed: it changed since the caller read it.
            TooLarge: the gateway's configuration would not fit into one message.
        """
        return await self._db.write(self._put, check_device(device), change, gateway, if_match, new, project)

    async def rehearse(self, device: Device, *, gateway: str = DEFAULT_GATEWAY, project: str = "") -> Sequence[str]:
        """What adding a device would do, by the very transaction that adds it, which is then undone.

        Whether the gateway's configuration would still fit is looked at afterwards, of what there is then: that is the
        long part of adding, and nobody else who writes shall wait for it.

        Returns: the paths of its points that have a tag already, whose history would go on.

        Raises: as `put` of a new device.
        """
        there, device = list[str](), check_device(device)
        added: list[Device] = []

        def add(connection: Connection) -> None:
            paths = [f"{device.path}/{each.name}" for each in device.points]
            there[:] = self._tags.taken(connection, self._tenant, paths)
            self._check_new(connection, device)
            added[:] = [self.save(connection, device, gateway, project).device]
            raise _Rehearsed

        try:
            await self._db.write(add)
        except _Rehearsed:
            await self._db.query(self._check_fits, gateway, added[0])
            return there
        raise AssertionError("a rehearsal was not undone")

    def _check_fits(self, connection: Connection, gateway: str, device: Device) -> None:
        others = [stored.device for stored in self.of_gateway(connection, gateway) if stored.device.name != device.name]
        _encoded(_configuration(connection, self._subjects, gateway, [*others, device], version=0))

    async def remove(self, name: str, change: Change, *, if_match: str | None = None) -> None:
        """Take a device out of its gateway's configuration; its tags keep their numbers and their history.

        Raises:
            NotFound: none has that name. PreconditionFailed: it changed since the caller read it.
        """
        await self._db.write(self._remove, name, change, if_match)

    async def lost(
        self, changes: Mapping[str, Device | None], projects: Collection[str] | None = None
    ) -> Sequence[str]:  # fmt: skip
        """What a change of devices takes away from the safety of writing, in words (`weakening`).

        Args:
            changes: devices by name as they are to be; None: taken out.
            projects: whose devices may be named to whoever asks; None: every project's.
        """
        return await self._db.query(self.lost_by, changes, projects)

    async def versions(self, gateway: str, *, before: int = 2**31 - 1, limit: int = 100) -> Sequence[Version]:
        """A gateway's configurations, newest first."""
        query = (
            select(*[column for column in CONFIG.c if column.name not in ("document", "tenant")])
            .where(CONFIG.c.tenant == self._tenant, CONFIG.c.gateway == gateway, CONFIG.c.version < before)
            .order_by(CONFIG.c.version.desc())
            .limit(limit)
        )
        return await self._db.query(lambda connection: [Version(**row) for row in connection.execute(query).mappings()])

    # -- in a transaction ---------------------------------------------------------------------------------------------

    def lost_by(
        self, connection: Connection, changes: Mapping[str, Device | None], projects: Collection[str] | None
    ) -> Sequence[str]:  # fmt: skip
        """See `lost`."""
        from lineshaft.edge.parts.store import of_name  # which needs our tables

        stored = self.all(connection)
        change = weakening.Change(
            [each.device for each in stored], changes, remembered.remembered(connection, self._tenant),
            of_name(connection, self._tenant, "guard"),
        )  # fmt: skip
        visible = None if projects is None else {each.device.name for each in stored if each.project in projects}
        return weakening.of_devices(change, visible)

    def _get(self, connection: Connection, name: str, projects: Collection[str] | None = None) -> StoredDevice:
        found = self._find(connection, name)
        if found is None or (projects is not None and found.project not in projects):
            raise NotFound(
                "edge.device_unknown", f"there is no device {name[:64]!r}",
                "`lineshaft device list` and GET /api/v1/edge/devices list them.", device=name[:64],
            )  # fmt: skip
        return found

    def _find(self, connection: Connection, name: str) -> StoredDevice | None:
        query = select(DEVICE).where(DEVICE.c.tenant == self._tenant, DEVICE.c.name == name)
        return next(iter(_devices(connection, query)), None)

    def _put(
        self, connection: Connection, device: Device, change: Change, gateway: str, if_match: str | None,
        new: bool, project: str,  # noqa: FBT001
    ) -> StoredDevice:  # fmt: skip
        if new:
            self._check_new(connection, device)
        before = self._find(connection, device.name)
        if before is not None:
            check_match(if_match, before.etag)
        stored = self.save(connection, device, gateway, project)
        for name in {gateway, before.gateway if before else gateway}:
            commit(connection, self._subjects, name, change)
        return stored

    def _check_new(self, connection: Connection, device: Device) -> None:
        if self._find(connection, device.name) is not None:
            raise Conflict(
                "edge.device_exists", f"there is a device {device.name!r} already",
                "Choose another name, or replace that device.", device=device.name,
            )  # fmt: skip

    def save(self, connection: Connection, device: Device, gateway: str, project: str = "") -> StoredDevice:
        """Add or replace a device in the caller's transaction, who commits the gateway's configuration then.

        Args:
            project: empty: the one it has; for a device that was removed, the one its tags are still of.
        """
        before = self._find(connection, device.name)
        self._check_path_is_free(connection, device)
        project = project or self.project_of_device(connection, device)
        require_project(connection, self._tenant, project)
        self.check_secrets(connection, device, project, moves=before is not None)
        check_inputs(connection, self._tenant, device, project, arrives=before is None or before.project != project)
        tagged = self._allocate(connection, device, before, project)
        now = clock.now_us()
        created = before.created if before else now
        stored = StoredDevice(device=tagged, gateway=gateway, created=created, changed=now, project=project)
        if before is None or before.etag != stored.etag:
            self._write(connection, stored, fresh=before is None)
            remembered.note(connection, self._tenant, before.device if before else None, tagged)
        return stored

    def _check_path_is_free(self, connection: Connection, device: Device) -> None:
        query = select(DEVICE.c.name).where(
            DEVICE.c.tenant == self._tenant, DEVICE.c.path == device.path, DEVICE.c.name != device.name
        )
        other = connection.scalar(query)
        if other is not None:
            raise Conflict(
                "edge.path_taken", f"the path {device.path!r} is that of the device {other!r}",
                "Give each device a path of its own.", path=device.path, device=other,
            )  # fmt: skip

    def project_of_device(self, connection: Connection, device: Device) -> str:
        """Its project; where it was removed, that of the tags that it left behind; `main` where there are none."""
        before = self._find(connection, device.name)
        if before is not None:
            return before.project
        return self._tags.project_of(
            connection, self._tenant, [f"{device.path}/{point.name}" for point in device.points]
        )

    def check_secrets(self, connection: Connection, device: Device, project: str, *, moves: bool = False) -> None:
        """Credentials serve devices of one project: in another one they could be sent to an endpoint of its own.

        Those that a gateway's parts use are the project `main`'s.

        Args:
            moves: the device of this name is the same one, of another project until now.

        Raises:
            Conflict: names the secret.
        """
        from lineshaft.edge.parts.store import mentioned  # which needs our tables
        from lineshaft.edge.secret_records import foreign

        wanted = secrets_of(device)
        others = select(DEVICE).where(DEVICE.c.tenant == self._tenant, DEVICE.c.project != project)
        if moves:
            others = others.where(DEVICE.c.name != device.name)
        found = _devices(connection, others) if wanted else []
        taken = {secret for stored in found for secret in secrets_of(stored.device).values()}
        taken |= foreign(connection, self._tenant, wanted.values(), project)
        if wanted and project != MAIN_PROJECT:
            taken |= mentioned(connection, self._tenant)
        for option, secret in wanted.items():
            if secret in taken:
                raise Conflict(
                    "edge.secret_of_another_project", f"the secret {secret!r} is that of a device of another project",
                    "Keep the credentials under a name of their own for this project.", field=f"options.{option}",
                    value=secret,
                )  # fmt: skip

    def _allocate(self, connection: Connection, device: Device, before: StoredDevice | None, project: str) -> Device:
        """The device with its handle and its points' tag numbers; tags of points that are gone are removed."""
        specs = [
            TagSpec(
                path=f"{device.path}/{point.name}", unit=units.shown(point.unit, point.unit_text), description=point.description, kind=point.kind,
                device=device.name, project=project,
            )
            for point in device.points
        ]  # fmt: skip
        if before is not None:
            gone = {f"{before.device.path}/{point.name}" for point in before.device.points}
            self._tags.remove(connection, self._tenant, sorted(gone - {spec.path for spec in specs}))
        tags = self._tags.allocate(connection, self._tenant, specs, moved_from=before.project if before else "")
        points = tuple(
            msgspec.structs.replace(point, tag=tag.number) for point, tag in zip(device.points, tags, strict=True)
        )
        handle = before.device.handle if before else self._minter.mint("device")
        return msgspec.structs.replace(device, points=points, handle=handle)

    def _write(self, connection: Connection, stored: StoredDevice, *, fresh: bool) -> None:
        device = stored.device
        values: dict[str, Any] = {
            "gateway": stored.gateway, "project": stored.project, "path": device.path, "handle": device.handle,
            "document": msgspec.json.encode(device), "created": stored.created, "changed": stored.changed,
            "driver": device.driver, "endpoint": device.endpoint, "description": device.description,
            "points": len(device.points),
        }  # fmt: skip
        if fresh:
            connection.execute(insert(DEVICE).values(tenant=self._tenant, name=device.name, **values))
        else:
            chosen = (DEVICE.c.tenant == self._tenant) & (DEVICE.c.name == device.name)
            connection.execute(update(DEVICE).where(chosen).values(**values))

    def _remove(self, connection: Connection, name: str, change: Change, if_match: str | None) -> None:
        stored = self._get(connection, name)
        check_match(if_match, stored.etag)
        self.drop(connection, stored)
        commit(connection, self._subjects, stored.gateway, change)

    def drop(self, connection: Connection, stored: StoredDevice) -> None:
        """Take a device out in the caller's transaction, who commits the gateway's configuration then."""
        name = stored.device.name
        paths = [f"{stored.device.path}/{point.name}" for point in stored.device.points]
        self._tags.remove(connection, self._tenant, paths)
        connection.execute(delete(DEVICE).where(DEVICE.c.tenant == self._tenant, DEVICE.c.name == name))
        remembered.note(connection, self._tenant, stored.device, None)

    def all(self, connection: Connection) -> Sequence[StoredDevice]:
        """Every device, by name."""
        return all_devices(connection, self._tenant)

    def of_gateway(self, connection: Connection, gateway: str) -> Sequence[StoredDevice]:
        """Every device of a gateway, by name."""
        query = select(DEVICE).where(DEVICE.c.tenant == self._tenant, DEVICE.c.gateway == gateway)
        return _devices(connection, query.order_by(DEVICE.c.name))


def commit(connection: Connection, subjects: Subjects, gateway: str, change: Change) -> None:
    """Write a gateway's next configuration and send it, unless it says what the last one said."""
    query = select(DEVICE).where(DEVICE.c.tenant == subjects.tenant, DEVICE.c.gateway == gateway)
    devices = tuple(stored.device for stored in _devices(connection, query.order_by(DEVICE.c.name)))
    last = connection.execute(
        _newest(subjects.tenant, gateway).with_only_columns(CONFIG.c.version, CONFIG.c.digest)
    ).first()
    config = _configuration(connection, subjects, gateway, devices, version=(last.version if last else 0) + 1)
    if last is not None and last.digest == config.digest():
        return
    document = _encoded(config)
    connection.execute(
        insert(CONFIG).values(
            tenant=subjects.tenant, gateway=gateway, version=config.version, digest=config.digest(),
            document=document, created=clock.now_us(), author=change.author, comment=change.comment,
        )
    )  # fmt: skip
    own(connection, subjects, gateway, (point.tag for device in devices for point in device.points))
    outbox.add(connection, subjects.config(gateway), document)


def _configuration(
    connection: Connection, subjects: Subjects, gateway: str, devices: Sequence[Device], *, version: int
) -> GatewayConfig:  # fmt: skip
    """What a gateway with these devices is told."""
    from lineshaft.edge.parts.store import documents  # which needs our tables

    return GatewayConfig(
        gateway=gateway, version=version, created=clock.rfc3339(clock.now_us()), devices=tuple(devices),
        rules=endpoint_rules(current(connection, subjects.tenant), gateway),
        parts=documents(connection, subjects.tenant, gateway),
    )  # fmt: skip


def _encoded(config: GatewayConfig) -> bytes:
    """A configuration as it travels.

    Raises:
        TooLarge: it does not fit into one message.
    """
    document = encode_config(config)
    if len(document) > MAXIMUM_CONFIG_BYTES:
        raise TooLarge(
            "edge.configuration_too_large",
            f"the configuration of {config.gateway!r} would take {len(document)} bytes, more than {MAXIMUM_CONFIG_BYTES}",
            "Spread the devices over several gateways.",
            gateway=config.gateway, value=len(document), maximum=MAXIMUM_CONFIG_BYTES,
        )  # fmt: skip
    return document


def project_of(connection: Connection, tenant: str, name: str) -> str:
    """The project of a device; `main` where there is none of that name."""
    found = connection.scalar(select(DEVICE.c.project).where(DEVICE.c.tenant == tenant, DEVICE.c.name == name))
    return MAIN_PROJECT if found is None else str(found)


def all_devices(connection: Connection, tenant: str) -> Sequence[StoredDevice]:
    """Every device of a tenant, by name."""
    return _devices(connection, select(DEVICE).where(DEVICE.c.tenant == tenant).order_by(DEVICE.c.name))


def secrets_of(device: Device) -> dict[str, str]:
    """The names of the secrets that a device uses, by the options that name them."""
    return {
        option: secret
        for option, secret in device.options.items()
        if (option == "secret" or option.endswith("_secret")) and isinstance(secret, str) and secret
    }


def check_inputs(connection: Connection, tenant: str, device: Device, project: str, *, arrives: bool) -> None:
    """Expressions read devices of their own project: a tag computed from another one's would tell its values.

    Args:
        arrives: the device was not in this project before, so that others' expressions may name it already.

    Raises:
        Conflict: names the device.
    """
    texts = _expressions(device)
    needed = {name.partition("/")[0] for text in texts for name in _inputs(text)} - {device.name}
    elsewhere = (DEVICE.c.tenant == tenant) & (DEVICE.c.project != project)
    query = select(DEVICE.c.name).where(elsewhere, DEVICE.c.name.in_(sorted(needed))).limit(1)
    foreign = connection.scalar(query) if needed else None
    if foreign is None and arrives:
        others = _devices(connection, select(DEVICE).where(elsewhere, DEVICE.c.name != device.name))
        if any(_mentions(text, device.name) for stored in others for text in _expressions(stored.device)):
            foreign = device.name
    if foreign is not None:
        raise Conflict(
            "edge.input_of_another_project", f"an expression reads the device {foreign!r}, and is of another project than it",
            "Expressions read devices of their own project.", field="points", value=foreign, device=foreign,
        )  # fmt: skip


def _expressions(device: Device) -> list[str]:
    """What is computed from points: addresses of calculated tags, and interlocks."""
    computed = [point.address for point in device.points] if device.driver == "calculated" else []
    return computed + [point.write.interlock for point in device.points if point.write and point.write.interlock]


def _inputs(text: str) -> tuple[str, ...]:
    """The points that an expression reads; none of one that cannot be evaluated either."""
    from lineshaft.edge.formula import Formula  # loads a library

    try:
        return Formula.parse(text).inputs
    except InvalidInput:
        return ()


def _mentions(text: str, device: str) -> bool:
    return f"{device}/" in text and any(name.partition("/")[0] == device for name in _inputs(text))


def _newest(tenant: str, gateway: str) -> Any:
    chosen = select(CONFIG).where(CONFIG.c.tenant == tenant, CONFIG.c.gateway == gateway)
    return chosen.order_by(CONFIG.c.version.desc()).limit(1)


def check_device(device: Device) -> Device:
    """Refuse a device that cannot be: its path, its units, or what its driver says of it.

    Returns: the device with the units of its points as common codes.

    Raises:
        InvalidInput, NotFound: what is wrong, all faults in one error.
    """
    ids.check_path(device.path, levels=DEVICE_LEVELS)
    for point in device.points:
        if "/" in point.name:
            raise InvalidInput(
                "edge.point_name_invalid", f"points.name is {point.name!r}: it is one level of a path and holds no '/'",
                "Give the point another name.", field="points.name", value=point.name,
            )  # fmt: skip
        ids.check_path(point.name, field="points.name")
    faults = Faults(device.name)
    settled = msgspec.structs.replace(device, points=units.settled(device.points, faults))
    try:
        find_driver(device.driver).plan(settled)
    except InvalidInput as error:
        faults.include(error)
    faults.refuse()
    return settled


def _devices(connection: Connection, query: Any) -> list[StoredDevice]:
    decode: Callable[[bytes], Device] = msgspec.json.Decoder(Device).decode
    return [
        StoredDevice(
            device=decode(row.document),
            gateway=row.gateway,
            created=row.created,
            changed=row.changed,
            project=row.project,
        )
        for row in connection.execute(query)
    ]
