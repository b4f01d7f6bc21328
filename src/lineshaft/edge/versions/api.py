"""Routes under /api/v1/edge/gateways/{gateway}/configurations/{version}."""

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from lineshaft.access import Access
from lineshaft.core.differences import Difference
from lineshaft.core.principals import MAIN_PROJECT, Principal
from lineshaft.edge import weakening
from lineshaft.edge.model import GatewayConfig
from lineshaft.edge.parts.views import reduced_config
from lineshaft.edge.store import Change, Devices
from lineshaft.edge.versions.store import Versions

_ROOT = "/api/v1/edge/gateways/{gateway:str}/configurations/{version:int}"
_TAGS = ["edge"]
_READ = {"action": "edge:read", "project": MAIN_PROJECT}
_CONFIGURE = {"action": "edge:configure", "project": MAIN_PROJECT}


class ConfigurationView(msgspec.Struct, frozen=True, kw_only=True):
    """One version, whole."""

    gateway: str
    version: int
    created: str
    devices: list[Any]
    parts: dict[str, Any]


class DifferenceList(msgspec.Struct, frozen=True, kw_only=True):
    """What differs from `before` to `after`."""

    before: int
    after: int
    items: list[Difference]


def _view(config: GatewayConfig) -> ConfigurationView:
    return ConfigurationView(
        gateway=config.gateway, version=config.version, created=config.created,
        devices=[msgspec.to_builtins(device) for device in config.devices], parts=dict(config.parts),
    )  # fmt: skip


async def _configures(access: Access, devices: Devices, principal: Principal, gateway: str) -> bool:
    """Whether somebody may configure a gateway, and so see all of it."""
    return access.authorize(principal, _CONFIGURE["action"], await devices.gateway_resource(gateway)).allowed


@get(_ROOT, opt=_READ, tags=_TAGS)
async def get_configuration(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    versions: NamedDependency[Versions],
    principal: NamedDependency[Principal],
    gateway: FromPath[str],
    version: FromPath[int],
) -> ConfigurationView:
    """One configuration that a gateway had or has; of its parts, who may not configure it sees where they are."""
    config = await versions.get(gateway, version)
    if not await _configures(access, devices, principal, gateway):
        config = msgspec.structs.replace(config, parts=reduced_config(config))
    return _view(config)


@get(f"{_ROOT}/diff", opt=_READ, tags=_TAGS)
async def diff_configurations(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    versions: NamedDependency[Versions],
    principal: NamedDependency[Principal],
    gateway: FromPath[str],
    version: FromPath[int],
    against: Annotated[
        int | None, QueryParameter(description="The other version; the one before, if not given")
    ] = None,
) -> DifferenceList:
    """What a version changed, against the one before it or any other."""
    before = version - 1 if against is None else against
    found = await versions.diff(
        gateway, before, version, reduced=not await _configures(access, devices, principal, gateway)
    )
    return DifferenceList(before=before, after=version, items=list(found))


@post(f"{_ROOT}/restore", opt=_CONFIGURE, tags=_TAGS, status_code=200)
async def restore_configuration(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    versions: NamedDependency[Versions],
    principal: NamedDependency[Principal],
    gateway: FromPath[str],
    version: FromPath[int],
) -> ConfigurationView:
    """Configure a gateway as it was in this version; the answer is the new version."""
    await access.require(principal, _CONFIGURE["action"], await devices.gateway_resource(gateway))
    for name, project in await versions.concerned(gateway, version):
        await access.require(principal, _CONFIGURE["action"], await devices.resource(name, gateway, project))
    lost = await versions.lost(gateway, version, principal.projects)
    await weakening.require_second_person(access, principal, await devices.gateway_resource(gateway), lost)
    change = Change(author=principal.id, comment=f"back to version {version}")
    return _view(await versions.restore(gateway, version, change))


ROUTES = [get_configuration, diff_configurations, restore_configuration]
