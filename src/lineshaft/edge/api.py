"""Routes under /api/v1/edge: devices, their points, browsing what a device offers, configurations, gateways."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from lineshaft.access import Access
from lineshaft.bus import Bus
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, InvalidInput
from lineshaft.core.http import check_limit, decode_cursor, encode_cursor
from lineshaft.core.jobs import Job, JobRunner
from lineshaft.core.principals import Principal
from lineshaft.edge.address_space import BrowseRequest, Found
from lineshaft.edge.browses import KIND, Browses
from lineshaft.edge.messages import CertificateList, GatewayStatus, NamedSecret, TestReport, Trust, Trusted, Try
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.secrets import Secret
from lineshaft.edge.store import DEFAULT_GATEWAY, Change, Devices, StoredDevice, check_device

_ROOT = "/api/v1/edge"
_TAGS = ["edge"]
_READ = {"action": "edge:read"}
_CONFIGURE = {"action": "edge:configure"}
TEST_SECONDS = 60.0

Cursor = Annotated[str | None, QueryParameter(description="`next` of the page before")]
Limit = Annotated[int, QueryParameter(description="Items on one page")]
IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="ETag of the device as you read it")]


class DeviceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device as an engineer describes it."""

    path: str
    driver: str
    endpoint: str
    options: Mapping[str, Any] = {}
    groups: tuple[ScanGroup, ...] = (ScanGroup(),)
    points: tuple[Point, ...] = ()
    description: str = ""
    comment: str = ""
    """Why, for the list of configurations."""

    def device(self, name: str) -> Device:
        """The device of that name."""
        try:
            return msgspec.convert(
                {
                    **{field: getattr(self, field) for field in DeviceBody.__struct_fields__ if field != "comment"},
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
    description: str
    handle: str
    changed: str


class DevicePage(msgspec.Struct, frozen=True, kw_only=True):
    """Devices by name."""

    items: list[DeviceView]
    next: str | None


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


class JobStarted(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was started; follow it at /api/v1/system/jobs/{job}."""

    job: str


class FoundPage(msgspec.Struct, frozen=True, kw_only=True):
    """Variables that a browse has found so far."""

    items: list[Found]
    next: str | None
    state: str
    """The job's."""


def _summary(stored: StoredDevice) -> DeviceView:
    device = stored.device
    return DeviceView(
        name=device.name, path=device.path, driver=device.driver, endpoint=device.endpoint, points=len(device.points),
        gateway=stored.gateway, description=device.description, handle=device.handle,
        changed=clock.rfc3339(stored.changed),
    )  # fmt: skip


def _whole(stored: StoredDevice) -> Response[Device]:
    return Response(stored.device, headers={"etag": stored.etag})


def _number(cursor: str | None) -> int:
    """The position in a cursor of ours."""
    position = decode_cursor(cursor)[0] if cursor else 0
    if not isinstance(position, int):
        decode_cursor("?")  # refuses it as a foreign one
    return int(position)


async def _check_zone(
    access: Access, devices: Devices, principal: Principal, name: str, gateway: str = DEFAULT_GATEWAY
) -> None:
    """Refuse to configure what stands in a zone that nothing leads to from the principal's.

    Raises:
        Forbidden: says why.
    """
    await access.require(principal, _CONFIGURE["action"], await devices.resource(name, gateway))


async def _check_gateway(access: Access, gateway: str) -> None:
    """Refuse a gateway that is none: its devices would never run.

    Raises:
        NotFound, Conflict: says why.
    """
    if gateway == DEFAULT_GATEWAY:
        return
    member = await access.member(gateway)
    if member.kind != "service" or member.revoked is not None:
        raise Conflict(
            "edge.gateway_unknown", f"{gateway!r} is no gateway that could run a device",
            "`lineshaft edge invite NAME` lets one enrol; `lineshaft access list` shows them.", field="gateway", value=gateway,
        )  # fmt: skip


# -- devices ------------------------------------------------------------------------------------------------------------


@get(f"{_ROOT}/devices", opt=_READ, tags=_TAGS)
async def list_devices(devices: NamedDependency[Devices], cursor: Cursor = None, limit: Limit = 100) -> DevicePage:
    """Devices by name."""
    after = str(decode_cursor(cursor)[0]) if cursor else ""
    found = await devices.list(after=after, limit=check_limit(limit))
    more = encode_cursor(found[-1].device.name) if len(found) == limit else None
    return DevicePage(items=[_summary(stored) for stored in found], next=more)


@post(f"{_ROOT}/devices", opt=_CONFIGURE, tags=_TAGS)
async def add_device(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    principal: NamedDependency[Principal],
    data: JSONBody[NewDeviceBody],
) -> Response[Device]:
    """Add a device; its gateway gets a new configuration."""
    await _check_gateway(access, data.gateway)
    await _check_zone(access, devices, principal, data.name, data.gateway)
    change = Change(author=principal.id, comment=data.comment or f"add {data.name}")
    stored = await devices.put(data.device(data.name), change, gateway=data.gateway, new=True)
    return Response(stored.device, headers={"etag": stored.etag}, status_code=201)


@get(f"{_ROOT}/devices/{{name:str}}", opt=_READ, tags=_TAGS)
async def get_device(devices: NamedDependency[Devices], name: FromPath[str]) -> Response[Device]:
    """One device with its points, and its ETag."""
    return _whole(await devices.get(name))


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
    gateway = (await devices.get(name)).gateway
    await _check_zone(access, devices, principal, name, gateway)
    change = Change(author=principal.id, comment=data.comment or f"change {name}")
    return _whole(await devices.put(data.device(name), change, gateway=gateway, if_match=if_match))


@delete(f"{_ROOT}/devices/{{name:str}}", opt=_CONFIGURE, tags=_TAGS, status_code=204)
async def remove_device(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    principal: NamedDependency[Principal],
    name: FromPath[str],
    if_match: IfMatch = None,
) -> None:
    """Take a device out; its history stays."""
    await _check_zone(access, devices, principal, name, (await devices.get(name)).gateway)
    await devices.remove(name, Change(author=principal.id, comment=f"remove {name}"), if_match=if_match)


@get(f"{_ROOT}/devices/{{name:str}}/points", opt=_READ, tags=_TAGS)
async def list_points(
    devices: NamedDependency[Devices], name: FromPath[str], cursor: Cursor = None, limit: Limit = 100
) -> PointPage:
    """Points of a device."""
    start = _number(cursor)
    points = (await devices.get(name)).device.points
    end = start + check_limit(limit)
    return PointPage(items=list(points[start:end]), next=encode_cursor(end) if end < len(points) else None)


# -- what a device offers -----------------------------------------------------------------------------------------------


async def _described(devices: Devices, name: str, given: NewDeviceBody | None) -> Device:
    """The device that a body names or describes."""
    if bool(name) == (given is not None):
        raise InvalidInput(
            "edge.device_unclear", "give either name or device", "Name a configured device, or describe one.",
            field="device", value=name,
        )  # fmt: skip
    if given is None:
        stored = await devices.get(name)
        _check_askable(name, stored.gateway)
        return stored.device
    _check_askable(given.name, given.gateway)
    device = given.device(given.name)
    check_device(device)
    return device


def _check_askable(name: str, gateway: str) -> None:
    """Requests name no gateway: the box's own would answer for what another one reaches.

    Raises:
        Conflict: another gateway runs the device.
    """
    if gateway != DEFAULT_GATEWAY:
        raise Conflict(
            "edge.gateway_not_askable", f"device {name!r} is run by {gateway!r}, which cannot be asked from here",
            "Test and browse it with a gateway on the box, or give its points by hand.", device=name, gateway=gateway,
        )  # fmt: skip


@post(f"{_ROOT}/browse", opt=_CONFIGURE, tags=_TAGS, status_code=202)
async def browse(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    jobs: NamedDependency[JobRunner],
    principal: NamedDependency[Principal],
    data: JSONBody[BrowseBody],
) -> JobStarted:
    """Walk a device's address space; a job with progress and cancel. What it finds is at /browse/{job}."""
    device = await _described(devices, data.name, data.device)
    await _check_zone(access, devices, principal, device.name)
    arguments = msgspec.to_builtins({"device": msgspec.structs.replace(device, points=()), "request": data.request})
    job = await jobs.submit(KIND, f"browse {device.name}", principal.id, arguments)
    return JobStarted(job=job.id)


@get(f"{_ROOT}/browse/{{job_id:str}}", opt=_CONFIGURE, tags=_TAGS)
async def list_found(
    browses: NamedDependency[Browses],
    jobs: NamedDependency[JobRunner],
    job_id: FromPath[str],
    cursor: Cursor = None,
    limit: Limit = 1000,
) -> FoundPage:
    """What a browse has found so far, in the order of finding."""
    job: Job = await jobs.get(job_id)
    start = _number(cursor)
    found = await browses.found(job_id, after=start, limit=check_limit(limit))
    more = encode_cursor(start + len(found)) if len(found) == limit else None
    return FoundPage(items=list(found), next=more, state=job.state)


@post(f"{_ROOT}/test", opt=_CONFIGURE, tags=_TAGS, status_code=200)
async def test_device(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    bus: NamedDependency[Bus],
    principal: NamedDependency[Principal],
    data: JSONBody[TestBody],
) -> TestReport:
    """Connect to a device, sign in, look at its points, hang up."""
    device = await _described(devices, data.name, data.device)
    await _check_zone(access, devices, principal, device.name)
    return await bus.request("edge", "test", Try(device=device), TestReport, timeout=TEST_SECONDS)


# -- trust and credentials ----------------------------------------------------------------------------------------------


@get(f"{_ROOT}/certificates", opt=_CONFIGURE, tags=_TAGS)
async def list_certificates(bus: NamedDependency[Bus]) -> CertificateList:
    """Certificates of servers that the gateway trusts, and those it refused."""
    return await bus.request("edge", "certificates", None, CertificateList)


@put(f"{_ROOT}/certificates/{{fingerprint:str}}/trust", opt=_CONFIGURE, tags=_TAGS)
async def trust_certificate(bus: NamedDependency[Bus], fingerprint: FromPath[str]) -> Trusted:
    """Trust a certificate that was refused; devices that wait for it connect at once."""
    return await bus.request("edge", "trust", Trust(fingerprint=fingerprint), Trusted)


@delete(f"{_ROOT}/certificates/{{fingerprint:str}}/trust", opt=_CONFIGURE, tags=_TAGS, status_code=200)
async def distrust_certificate(bus: NamedDependency[Bus], fingerprint: FromPath[str]) -> Trusted:
    """No longer trust a certificate."""
    return await bus.request("edge", "trust", Trust(fingerprint=fingerprint, trusted=False), Trusted)


@put(f"{_ROOT}/secrets/{{name:str}}", opt=_CONFIGURE, tags=_TAGS, status_code=204)
async def keep_secret(bus: NamedDependency[Bus], name: FromPath[str], data: JSONBody[Secret]) -> None:
    """Give the gateway a device's credentials; they lie on the gateway's disk only and are never shown again."""
    data.check()
    await bus.request("edge", "secret", NamedSecret(name=name, secret=data), None)


@delete(f"{_ROOT}/secrets/{{name:str}}", opt=_CONFIGURE, tags=_TAGS, status_code=204)
async def forget_secret(bus: NamedDependency[Bus], name: FromPath[str]) -> None:
    """Have the gateway forget credentials."""
    await bus.request("edge", "secret", NamedSecret(name=name), None)


# -- gateways -----------------------------------------------------------------------------------------------------------


@get(f"{_ROOT}/status", opt=_READ, tags=_TAGS)
async def gateway_status(bus: NamedDependency[Bus]) -> GatewayStatus:
    """How the gateway and its devices do."""
    return await bus.request("edge", "status", None, GatewayStatus)


@get(f"{_ROOT}/gateways/{{gateway:str}}/configurations", opt=_READ, tags=_TAGS)
async def list_versions(
    devices: NamedDependency[Devices], gateway: FromPath[str], cursor: Cursor = None, limit: Limit = 100
) -> VersionPage:
    """A gateway's configurations, newest first."""
    before = _number(cursor) if cursor else 2**31 - 1
    versions = await devices.versions(gateway, before=before, limit=check_limit(limit))
    more = encode_cursor(versions[-1].version) if len(versions) == limit else None
    items = [
        VersionView(
            version=entry.version, created=clock.rfc3339(entry.created), author=entry.author, comment=entry.comment
        )
        for entry in versions
    ]
    return VersionPage(items=items, next=more)


ROUTES = [
    list_certificates, trust_certificate, distrust_certificate, keep_secret, forget_secret,
    list_devices, add_device, get_device, replace_device, remove_device, list_points, browse, list_found, test_device,
    gateway_status, list_versions,
]  # fmt: skip
