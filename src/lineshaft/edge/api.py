"""Routes under /api/v1/edge: devices, their points, browsing what a device offers, configurations, gateways."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from lineshaft.access import Access
from lineshaft.access.projects.store import chosen
from lineshaft.bus import Bus
from lineshaft.core import clock, texts
from lineshaft.core.errors import Conflict, InvalidInput, LineshaftError, NotFound, TooLarge
from lineshaft.core.http import check_limit, decode_cursor, encode_cursor
from lineshaft.core.jobs import Job, JobRunner
from lineshaft.core.principals import MAIN_PROJECT, Principal
from lineshaft.edge import catalogue, weakening
from lineshaft.edge.address_space import BrowseRequest, Found
from lineshaft.edge.browses import KIND, Browses
from lineshaft.edge.commands import api as commands
from lineshaft.edge.gateways import check_gateway
from lineshaft.edge.guard import api as guard
from lineshaft.edge.imports import api as imports
from lineshaft.edge.levels import PlantLevels
from lineshaft.edge.listing import SortKey, Summary, Wanted
from lineshaft.edge.messages import (
    AskStatus,
    CertificateList,
    GatewayStatus,
    Look,
    NamedSecret,
    TestReport,
    Trust,
    Trusted,
    Try,
)
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.parts import api as parts
from lineshaft.edge.profiles import api as profile_routes
from lineshaft.edge.profiles.store import Profiles
from lineshaft.edge.runner import DeviceStatus
from lineshaft.edge.secret_records import SecretRecord, SecretRecords
from lineshaft.edge.secrets import Secret
from lineshaft.edge.states import DeviceStates
from lineshaft.edge.store import DEFAULT_GATEWAY, Change, Devices, StoredDevice, check_device
from lineshaft.edge.units import shown, symbols
from lineshaft.edge.versions import api as versions

_ROOT = "/api/v1/edge"
_TAGS = ["edge"]
_READ = {"action": "edge:read"}
_CONFIGURE = {"action": "edge:configure"}
_GATEWAY = {"project": MAIN_PROJECT}
"""A gateway is the installation's, whatever projects its devices are of."""
_READ_GATEWAY = {**_READ, **_GATEWAY}
_CONFIGURE_GATEWAY = {**_CONFIGURE, **_GATEWAY}
TEST_SECONDS = 60.0

Cursor = Annotated[str | None, QueryParameter(description="`next` of the page before")]
Limit = Annotated[int, QueryParameter(description="Items on one page")]
Gateway = Annotated[str, QueryParameter(description="Which gateway: the box's own, or one that has enrolled")]
OfProject = Annotated[str, QueryParameter(name="project", description="Whose it is; the maker's, where empty")]
IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="ETag of the device as you read it")]


class DeviceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device as an engineer describes it."""

    path: str
    driver: str = ""
    """May be left out where a profile says it."""
    endpoint: str
    profile: str = ""
    """Device profile to take driver, groups and points from."""
    options: Mapping[str, Any] = {}
    groups: tuple[ScanGroup, ...] = (ScanGroup(),)
    points: tuple[Point, ...] = ()
    description: str = ""
    project: Annotated[
        str, msgspec.Meta(description="Whose members see it and its tags; the one it has, or the maker's, where empty")
    ] = ""
    comment: str = ""
    """Why, for the list of configurations."""

    def device(self, name: str) -> Device:
        """The device of that name."""
        try:
            return msgspec.convert(
                {
                    **{
                        field: getattr(self, field)
                        for field in DeviceBody.__struct_fields__
                        if field not in ("comment", "project")
                    },
                    "name": name,
                },
                Device,
            )
        except msgspec.ValidationError as error:
            raise InvalidInput(
                "edge.device_name_invalid", f"the device name {name[:64]!r} is not possible: {error}",
                "Use 1 to 63 lower-case letters, digits, '-' and '_', beginning with a letter or digit.",
                field="name", value=name[:64],
            ) from error  # fmt: skip


class NewDeviceBody(DeviceBody, frozen=True, kw_only=True):
    """A new device."""

    name: str
    gateway: Annotated[str, msgspec.Meta(description="Which runs it: the box's own, or one that has enrolled")] = (
        DEFAULT_GATEWAY
    )


class DeviceView(msgspec.Struct, frozen=True, kw_only=True):
    """A device in a list."""

    name: str
    path: str
    driver: str
    endpoint: str
    points: int
    gateway: str
    project: str
    description: str
    handle: str
    changed: str
    state: Annotated[str, msgspec.Meta(description="Only where the list was asked for with states")] = ""


class DevicePage(msgspec.Struct, frozen=True, kw_only=True):
    """Devices by name."""

    items: list[DeviceView]
    next: str | None
    total: int
    """How many there are on all pages."""
    states: Mapping[str, int] = {}
    """How many are in each state, whichever is asked for; only where the list was asked for with states."""


class RehearsedTag(msgspec.Struct, frozen=True, kw_only=True):
    """A tag that a point would be."""

    path: str
    unit: str
    known: bool
    """It was there before, and its history goes on."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a device cannot be added, or one of its fields."""

    code: str
    title: str
    hint: str
    field: str = ""
    value: str = ""
    rule: str = ""


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What adding a device would do; nothing was changed."""

    tags: list[RehearsedTag]
    refusals: list[Refusal]
    """Empty: it can be added."""
    second_person: list[str]
    """What would be taken away from the safety of writing; not empty: a second person has to approve."""


class PointPage(msgspec.Struct, frozen=True, kw_only=True):
    """Points of a device, in their order."""

    items: list[Point]
    next: str | None


class VersionView(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a gateway's configuration."""

    version: int
    created: str
    author: str
    comment: str


class VersionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Versions, newest first."""

    items: list[VersionView]
    next: str | None


class BrowseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to browse: a configured device by name, or one described here."""

    name: str = ""
    device: NewDeviceBody | None = None
    request: BrowseRequest = BrowseRequest()


class TestBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to test: a configured device by name, or one described here."""

    __test__ = False

    name: str = ""
    device: NewDeviceBody | None = None


class SecretView(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials by their name; what they are is never shown."""

    name: str
    project: str
    by: str
    """Handle of who gave them last; empty where nobody noted it."""
    changed: str
    devices: list[str]
    """Those that use them."""


class SecretList(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials by name."""

    items: list[SecretView]


class GatewayView(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway; how it stands is at /api/v1/edge/status."""

    name: str
    devices: int


class GatewayList(msgspec.Struct, frozen=True, kw_only=True):
    """The box's own gateway first, then the others by name."""

    items: list[GatewayView]


class JobStarted(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was started; follow it at /api/v1/system/jobs/{job}."""

    job: str


class FoundPage(msgspec.Struct, frozen=True, kw_only=True):
    """Variables that a browse has found so far."""

    items: list[Found]
    next: str | None
    state: str
    """The job's."""
    symbols: dict[str, str]
    """How the units on this page are written, by their codes."""


def _listed(summary: Summary, *, with_states: bool) -> DeviceView:
    return DeviceView(
        name=summary.name, path=summary.path, driver=summary.driver, endpoint=summary.endpoint, points=summary.points,
        gateway=summary.gateway, project=summary.project, description=summary.description, handle=summary.handle,
        changed=clock.rfc3339(summary.changed), state=summary.state if with_states else "",
    )  # fmt: skip


def _place(cursor: str | None, sort: SortKey) -> tuple[str | int, str] | None:
    """The place in a list sorted so that a cursor of ours names."""
    if cursor is None:
        return None
    value, name = decode_cursor(cursor, int if sort in ("points", "changed", "state") else str, str)
    return value, name


def _whole(stored: StoredDevice) -> Response[Device]:
    return Response(stored.device, headers={"etag": stored.etag})


def _number(cursor: str | None) -> int:
    """The position in a cursor of ours."""
    position = decode_cursor(cursor)[0] if cursor else 0
    if not isinstance(position, int):
        decode_cursor("?")  # refuses it as a foreign one
    return int(position)


async def _check_zone(
    access: Access, devices: Devices, principal: Principal, name: str, gateway: str, project: str
) -> None:
    """Refuse to configure what stands in a zone that nothing leads to from the principal's, or in another's project.

    Raises:
        Forbidden: says why. NotFound: the principal is no member of the project.
    """
    await access.require(principal, _CONFIGURE["action"], await devices.resource(name, gateway, project))


async def _with_profile(profiles: Profiles, device: Device) -> Device:
    """The device with what its profile says, where it names one."""
    return (await profiles.get(device.profile)).profile.applied(device) if device.profile else device


# -- devices ------------------------------------------------------------------------------------------------------------


@get(f"{_ROOT}/devices", opt=_READ, tags=_TAGS)
async def list_devices(
    device_states: NamedDependency[DeviceStates],
    devices: NamedDependency[Devices],
    principal: NamedDependency[Principal],
    name: Annotated[str, QueryParameter(description="Only the one of this name")] = "",
    search: Annotated[str, QueryParameter(description="Words, each somewhere in name, path, driver, endpoint, …")] = "",
    driver: Annotated[str, QueryParameter(description="Only with this driver")] = "",
    gateway: Annotated[str, QueryParameter(description="Only of this gateway")] = "",
    below: Annotated[str, QueryParameter(description="Only at this path or below it")] = "",
    standing: Annotated[str, QueryParameter(name="state", description="Only in this state")] = "",
    with_states: Annotated[bool, QueryParameter(name="states", description="Say how devices stand")] = False,  # noqa: FBT002
    sort: Annotated[SortKey, QueryParameter(description="What they are sorted by")] = "name",
    descending: Annotated[bool, QueryParameter(description="The last first")] = False,  # noqa: FBT002
    cursor: Cursor = None,
    limit: Limit = 100,
) -> DevicePage:
    """Devices by name, or as the list is asked for."""
    wanted = Wanted(
        name=name, search=search, driver=driver, gateway=gateway, below=below, state=standing, sort=sort,
        descending=descending,
    )  # fmt: skip
    after, limit = _place(cursor, sort), check_limit(limit)
    with_states = with_states or bool(standing) or sort == "state"
    if with_states:
        states = await device_states.of(await devices.gateways())
        found = await devices.page_by_state(wanted, states, after=after, limit=limit, projects=principal.projects)
    else:
        found = await devices.page(wanted, after=after, limit=limit, projects=principal.projects)
    more = encode_cursor(*found.items[-1].key(sort)) if len(found.items) == limit else None
    items = [_listed(each, with_states=with_states) for each in found.items]
    return DevicePage(items=items, next=more, total=found.total, states=found.states)


@get(f"{_ROOT}/levels", opt=_READ, tags=_TAGS)
async def list_levels(
    device_states: NamedDependency[DeviceStates],
    devices: NamedDependency[Devices],
    principal: NamedDependency[Principal],
    below: Annotated[str, QueryParameter(description="A path; the whole plant's first levels, where empty")] = "",
    limit: Limit = 100,
) -> PlantLevels:
    """What lies right below a path of the plant, with how many devices and how they stand."""
    limit = check_limit(limit)
    states = await device_states.of(await devices.gateways())
    return await devices.below(below, states, limit=limit, projects=principal.projects)


@post(f"{_ROOT}/devices", opt=_CONFIGURE, tags=_TAGS)
async def add_device(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    profiles: NamedDependency[Profiles],
    principal: NamedDependency[Principal],
    data: JSONBody[NewDeviceBody],
) -> Response[Device]:
    """Add a device; its gateway gets a new configuration."""
    await check_gateway(access, data.gateway)
    project = chosen(principal, data.project)
    await _check_zone(access, devices, principal, data.name, data.gateway, project)
    change = Change(author=principal.id, comment=data.comment or f"add {data.name}")
    device = await _with_profile(profiles, data.device(data.name))
    lost = await devices.lost({device.name: device}, principal.projects)
    concerned = await devices.resource(device.name, data.gateway, project)
    await weakening.require_second_person(access, principal, concerned, lost)
    stored = await devices.put(device, change, gateway=data.gateway, new=True, project=project)
    return Response(stored.device, headers={"etag": stored.etag}, status_code=201)


@post(f"{_ROOT}/rehearse", opt=_CONFIGURE, tags=_TAGS, status_code=200)
async def rehearse_device(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    profiles: NamedDependency[Profiles],
    principal: NamedDependency[Principal],
    language: NamedDependency[str],
    data: JSONBody[NewDeviceBody],
) -> Rehearsal:
    """What adding a device would do, by all checks that adding it makes: its tags, or every refusal."""
    project = chosen(principal, data.project)
    await _check_zone(access, devices, principal, data.name, data.gateway, project)
    try:
        await check_gateway(access, data.gateway)
        device = await _with_profile(profiles, data.device(data.name))
        known = {*await devices.rehearse(device, gateway=data.gateway, project=project)}
    except (InvalidInput, NotFound, Conflict, TooLarge) as error:
        return Rehearsal(tags=[], refusals=_refusals(error, language), second_person=[])
    tags = [
        RehearsedTag(path=path, unit=shown(point.unit, point.unit_text), known=path in known)
        for point in device.points
        for path in [f"{device.path}/{point.name}"]
    ]
    lost = await devices.lost({device.name: device}, principal.projects)
    return Rehearsal(tags=tags, refusals=[], second_person=list(lost))


def _refusals(error: LineshaftError, language: str) -> list[Refusal]:
    """An error, field by field where it names several."""
    title, hint = error.text(language)
    listed = error.facts.get("errors") or [{"field": error.facts.get("field", "")}]
    return [
        Refusal(
            code=error.code, title=title, hint=hint, field=str(each.get("field", "")), value=str(each.get("value", "")),
            rule=str(each.get("rule", "")),
        )
        for each in listed
    ]  # fmt: skip


@get(f"{_ROOT}/devices/{{name:str}}", opt=_READ, tags=_TAGS)
async def get_device(
    devices: NamedDependency[Devices], principal: NamedDependency[Principal], name: FromPath[str]
) -> Response[Device]:
    """One device with its points, and its ETag."""
    return _whole(await devices.get(name, principal.projects))


@put(f"{_ROOT}/devices/{{name:str}}", opt=_CONFIGURE, tags=_TAGS)
async def replace_device(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    principal: NamedDependency[Principal],
    name: FromPath[str],
    data: JSONBody[DeviceBody],
    if_match: IfMatch = None,
) -> Response[Device]:
    """Replace a device; points that keep their names keep their tags."""
    before = await devices.get(name, principal.projects)
    project = chosen(principal, data.project or before.project)
    for whose in {before.project, project}:
        await _check_zone(access, devices, principal, name, before.gateway, whose)
    device = data.device(name)
    lost = await devices.lost({name: device}, principal.projects)
    concerned = await devices.resource(name, before.gateway, before.project)
    await weakening.require_second_person(access, principal, concerned, lost)
    change = Change(author=principal.id, comment=data.comment or f"change {name}")
    seen = if_match or (before.etag if lost else None)
    return _whole(await devices.put(device, change, gateway=before.gateway, if_match=seen, project=project))


@delete(f"{_ROOT}/devices/{{name:str}}", opt=_CONFIGURE, tags=_TAGS, status_code=204)
async def remove_device(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    principal: NamedDependency[Principal],
    name: FromPath[str],
    if_match: IfMatch = None,
) -> None:
    """Take a device out; its history stays."""
    before = await devices.get(name, principal.projects)
    await _check_zone(access, devices, principal, name, before.gateway, before.project)
    concerned = await devices.resource(name, before.gateway, before.project)
    lost = await devices.lost({name: None}, principal.projects)
    await weakening.require_second_person(access, principal, concerned, lost)
    seen = if_match or (before.etag if lost else None)
    await devices.remove(name, Change(author=principal.id, comment=f"remove {name}"), if_match=seen)


@get(f"{_ROOT}/devices/{{name:str}}/points", opt=_READ, tags=_TAGS)
async def list_points(
    devices: NamedDependency[Devices],
    principal: NamedDependency[Principal],
    name: FromPath[str],
    cursor: Cursor = None,
    limit: Limit = 100,
) -> PointPage:
    """Points of a device."""
    start = _number(cursor)
    points = (await devices.get(name, principal.projects)).device.points
    end = start + check_limit(limit)
    return PointPage(items=list(points[start:end]), next=encode_cursor(end) if end < len(points) else None)


# -- what a device offers -----------------------------------------------------------------------------------------------


async def _described(devices: Devices, principal: Principal, name: str, given: NewDeviceBody | None) -> StoredDevice:
    """The device that a body names or describes, with its gateway and project."""
    if bool(name) == (given is not None):
        raise InvalidInput(
            "edge.device_unclear", "give either name or device", "Name a configured device, or describe one.",
            field="device", value=name,
        )  # fmt: skip
    if given is None:
        return await devices.get(name, principal.projects)
    device = check_device(given.device(given.name))
    project = chosen(principal, given.project)
    await devices.check_described(device, project)
    return StoredDevice(device=device, gateway=given.gateway, created=0, changed=0, project=project)


@post(f"{_ROOT}/browse", opt=_CONFIGURE, tags=_TAGS, status_code=202)
async def browse(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    jobs: NamedDependency[JobRunner],
    principal: NamedDependency[Principal],
    data: JSONBody[BrowseBody],
) -> JobStarted:
    """Walk a device's address space; a job with progress and cancel. What it finds is at /browse/{job}."""
    stored = await _described(devices, principal, data.name, data.device)
    device, gateway = stored.device, stored.gateway
    await check_gateway(access, gateway)
    await _check_zone(access, devices, principal, device.name, gateway, stored.project)
    look = Look(device=msgspec.structs.replace(device, points=()), request=data.request, gateway=gateway)
    arguments = msgspec.to_builtins(look)
    job = await jobs.submit(KIND, f"browse {device.name}", principal.id, arguments, project=stored.project)
    return JobStarted(job=job.id)


@get(f"{_ROOT}/browse/{{job_id:str}}", opt=_CONFIGURE, tags=_TAGS)
async def list_found(
    browses: NamedDependency[Browses],
    jobs: NamedDependency[JobRunner],
    principal: NamedDependency[Principal],
    job_id: FromPath[str],
    cursor: Cursor = None,
    limit: Limit = 1000,
) -> FoundPage:
    """What a browse has found so far, in the order of finding."""
    job: Job = await jobs.get(job_id, reader=principal)
    start = _number(cursor)
    found = await browses.found(job_id, after=start, limit=check_limit(limit))
    more = encode_cursor(start + len(found)) if len(found) == limit else None
    written = symbols(one.unit for one in found)
    return FoundPage(items=list(found), next=more, state=job.state, symbols=written)


@post(f"{_ROOT}/test", opt=_CONFIGURE, tags=_TAGS, status_code=200)
async def test_device(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    bus: NamedDependency[Bus],
    principal: NamedDependency[Principal],
    data: JSONBody[TestBody],
) -> TestReport:
    """Connect to a device, sign in, look at its points, hang up."""
    stored = await _described(devices, principal, data.name, data.device)
    device, gateway = stored.device, stored.gateway
    await check_gateway(access, gateway)
    await _check_zone(access, devices, principal, device.name, gateway, stored.project)
    return await bus.request("edge", "test", Try(device=device), TestReport, timeout=TEST_SECONDS, gateway=gateway)


# -- trust and credentials ----------------------------------------------------------------------------------------------


@get(f"{_ROOT}/certificates", opt=_CONFIGURE_GATEWAY, tags=_TAGS)
async def list_certificates(
    access: NamedDependency[Access], bus: NamedDependency[Bus], gateway: Gateway = DEFAULT_GATEWAY
) -> CertificateList:
    """Certificates of servers that the gateway trusts, and those it refused."""
    await check_gateway(access, gateway)
    return await bus.request("edge", "certificates", None, CertificateList, gateway=gateway)


@put(f"{_ROOT}/certificates/{{fingerprint:str}}/trust", opt=_CONFIGURE_GATEWAY, tags=_TAGS)
async def trust_certificate(
    access: NamedDependency[Access],
    bus: NamedDependency[Bus],
    fingerprint: FromPath[str],
    gateway: Gateway = DEFAULT_GATEWAY,
) -> Trusted:
    """Trust a certificate that was refused; devices that wait for it connect at once."""
    await check_gateway(access, gateway)
    return await bus.request("edge", "trust", Trust(fingerprint=fingerprint), Trusted, gateway=gateway)


@delete(f"{_ROOT}/certificates/{{fingerprint:str}}/trust", opt=_CONFIGURE_GATEWAY, tags=_TAGS, status_code=200)
async def distrust_certificate(
    access: NamedDependency[Access],
    bus: NamedDependency[Bus],
    fingerprint: FromPath[str],
    gateway: Gateway = DEFAULT_GATEWAY,
) -> Trusted:
    """No longer trust a certificate."""
    await check_gateway(access, gateway)
    return await bus.request("edge", "trust", Trust(fingerprint=fingerprint, trusted=False), Trusted, gateway=gateway)


@get(f"{_ROOT}/secrets", opt=_CONFIGURE, tags=_TAGS)
async def list_secrets(
    access: NamedDependency[Access],
    secret_records: NamedDependency[SecretRecords],
    principal: NamedDependency[Principal],
    gateway: Gateway = DEFAULT_GATEWAY,
) -> SecretList:
    """Names of the credentials on a gateway that are of the caller's projects, and which devices use them."""
    await check_gateway(access, gateway)
    found = await secret_records.list(gateway, principal.projects)
    return SecretList(
        items=[
            SecretView(
                name=each.name, project=each.project, by=each.author, devices=list(each.devices),
                changed=clock.rfc3339(each.changed) if each.changed else "",
            )
            for each in found
        ]
    )  # fmt: skip


@put(f"{_ROOT}/secrets/{{name:str}}", opt=_CONFIGURE, tags=_TAGS, status_code=204)
async def keep_secret(
    access: NamedDependency[Access],
    bus: NamedDependency[Bus],
    devices: NamedDependency[Devices],
    secret_records: NamedDependency[SecretRecords],
    principal: NamedDependency[Principal],
    name: FromPath[str],
    data: JSONBody[Secret],
    gateway: Gateway = DEFAULT_GATEWAY,
    whose: OfProject = "",
) -> None:
    """Give the gateway a device's credentials; they lie on the gateway's disk only and are never shown again.

    They belong to the project named, else to their maker's, whether a device uses them or not.
    """
    data.check()
    await check_gateway(access, gateway)
    project = chosen(principal, whose)
    await _check_zone(access, devices, principal, name, gateway, project)
    record = SecretRecord(gateway=gateway, name=name, project=project, author=principal.id, changed=clock.now_us())
    before = await secret_records.take(record)
    try:
        await bus.request("edge", "secret", NamedSecret(name=name, secret=data), None, gateway=gateway)
    except LineshaftError:
        await secret_records.put_back(record, before)
        raise


@delete(f"{_ROOT}/secrets/{{name:str}}", opt=_CONFIGURE, tags=_TAGS, status_code=204)
async def forget_secret(
    access: NamedDependency[Access],
    bus: NamedDependency[Bus],
    devices: NamedDependency[Devices],
    secret_records: NamedDependency[SecretRecords],
    principal: NamedDependency[Principal],
    name: FromPath[str],
    gateway: Gateway = DEFAULT_GATEWAY,
    whose: OfProject = "",
) -> None:
    """Have the gateway forget credentials."""
    await check_gateway(access, gateway)
    project = chosen(principal, whose)
    await _check_zone(access, devices, principal, name, gateway, project)
    await secret_records.check(gateway, name, project)
    await bus.request("edge", "secret", NamedSecret(name=name), None, gateway=gateway)
    await secret_records.forget(gateway, name, project)


# -- gateways -----------------------------------------------------------------------------------------------------------


def _told(device: DeviceStatus, language: str) -> DeviceStatus:
    """How a device stands, its trouble in the language of whoever asks."""
    if not device.code:
        return device
    message, hint = texts.render(language, device.code, device.message, device.hint, dict(device.facts))
    return msgspec.structs.replace(device, message=message, hint=hint, facts={})


@get(f"{_ROOT}/status", opt=_READ, tags=_TAGS)
async def gateway_status(
    access: NamedDependency[Access],
    bus: NamedDependency[Bus],
    devices: NamedDependency[Devices],
    secret_records: NamedDependency[SecretRecords],
    principal: NamedDependency[Principal],
    language: NamedDependency[str],
    gateway: Gateway = DEFAULT_GATEWAY,
    only: Annotated[list[str] | None, QueryParameter(name="device", description="Only this device; repeat it")] = None,
) -> GatewayStatus:
    """How the gateway and its devices do: those of the caller's projects; its parts and secrets for members of `main`."""
    await check_gateway(access, gateway)
    status = await bus.request("edge", "status", AskStatus(devices=only), GatewayStatus, gateway=gateway)
    shown_devices = [_told(one, language) for one in status.devices if only is None or one.name in only]
    status = msgspec.structs.replace(status, devices=shown_devices)
    if principal.projects is None:
        return status
    names = await devices.names(principal.projects)
    status = msgspec.structs.replace(status, devices=[one for one in status.devices if one.name in names])
    if principal.sees(MAIN_PROJECT):
        return status
    theirs = {each.name for each in await secret_records.list(gateway, principal.projects)}
    secrets = [name for name in status.secrets if name in theirs]
    return msgspec.structs.replace(status, secrets=secrets, parts={})


@get(f"{_ROOT}/gateways", opt=_READ_GATEWAY, tags=_TAGS)
async def list_gateways(access: NamedDependency[Access], devices: NamedDependency[Devices]) -> GatewayList:
    """The box's own gateway, those that enrolled or may, and how many devices each runs."""
    counts = await devices.gateways()
    names = sorted({*counts, *await access.services_of("gateway")} - {DEFAULT_GATEWAY})
    return GatewayList(
        items=[GatewayView(name=name, devices=counts.get(name, 0)) for name in (DEFAULT_GATEWAY, *names)]
    )


@get(f"{_ROOT}/gateways/{{gateway:str}}/configurations", opt=_READ_GATEWAY, tags=_TAGS)
async def list_versions(
    devices: NamedDependency[Devices], gateway: FromPath[str], cursor: Cursor = None, limit: Limit = 100
) -> VersionPage:
    """A gateway's configurations, newest first."""
    before = _number(cursor) if cursor else 2**31 - 1
    listed = await devices.versions(gateway, before=before, limit=check_limit(limit))
    more = encode_cursor(listed[-1].version) if len(listed) == limit else None
    items = [
        VersionView(
            version=entry.version, created=clock.rfc3339(entry.created), author=entry.author, comment=entry.comment
        )
        for entry in listed
    ]
    return VersionPage(items=items, next=more)


ROUTES = [
    list_certificates, trust_certificate, distrust_certificate, list_secrets, keep_secret, forget_secret,
    list_devices, list_levels, add_device, rehearse_device, get_device, replace_device, remove_device, list_points, browse, list_found, test_device,
    gateway_status, list_gateways, list_versions, *catalogue.ROUTES, *commands.ROUTES, *guard.ROUTES, *imports.ROUTES, *parts.ROUTES,
    *profile_routes.ROUTES, *versions.ROUTES,
]  # fmt: skip
