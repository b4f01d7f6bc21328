"""Routes under /api/v1/edge/gateways/{gateway}/parts."""

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody

from lineshaft.access import Access
from lineshaft.core import clock
from lineshaft.core.principals import MAIN_PROJECT, Principal
from lineshaft.edge import weakening
from lineshaft.edge.parts.model import Document, check_document
from lineshaft.edge.parts.store import PartDocuments, StoredPart
from lineshaft.edge.parts.views import reduced
from lineshaft.edge.store import Change, Devices

_ROOT = "/api/v1/edge/gateways/{gateway:str}/parts"
_TAGS = ["edge"]
GUARD = "guard"
_READ = {"action": "edge:read", "project": MAIN_PROJECT}
_CONFIGURE = {"action": "edge:configure", "project": MAIN_PROJECT}
IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="ETag of the document as you read it")]


class PartView(msgspec.Struct, frozen=True, kw_only=True):
    """A part's document."""

    name: str
    document: dict[str, Any]
    changed: str


class PartList(msgspec.Struct, frozen=True, kw_only=True):
    """Parts of a gateway that are configured; the others do their default."""

    items: list[PartView]


def _view(stored: StoredPart, *, whole: bool = True) -> PartView:
    document = dict(stored.document) if whole else reduced(stored.name, stored.document)
    return PartView(name=stored.name, document=document, changed=clock.rfc3339(stored.changed))


def _whole(stored: StoredPart) -> Response[PartView]:
    return Response(_view(stored), headers={"etag": stored.etag})


async def _admit(access: Access, devices: Devices, principal: Principal, gateway: str) -> None:
    """Refuse to configure a gateway that stands in a zone that nothing leads to from the principal's."""
    await access.require(principal, _CONFIGURE["action"], await devices.gateway_resource(gateway))


async def _configures(access: Access, devices: Devices, principal: Principal, gateway: str) -> bool:
    """Whether somebody may configure a gateway, and so see all of it."""
    return access.authorize(principal, _CONFIGURE["action"], await devices.gateway_resource(gateway)).allowed


async def _weigh(
    access: Access, devices: Devices, parts: PartDocuments, principal: Principal, gateway: str,
    after: Document | None, if_match: str | None,
) -> str | None:  # fmt: skip
    """Have a second person approve another document of the guard that lets more through.

    Returns: the ETag that the document must still have.
    """
    now = await parts.find(gateway, GUARD)
    if after is not None:
        check_document(GUARD, after)
    first = now is None and not await parts.ever(gateway, GUARD)
    lost = await asyncio.to_thread(weakening.of_guard, now.document if now else None, after, first=first)
    await weakening.require_second_person(access, principal, await devices.gateway_resource(gateway), lost)
    return if_match or (now.etag if now is not None and lost else None)


@get(_ROOT, opt=_READ, tags=_TAGS)
async def list_parts(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    parts: NamedDependency[PartDocuments],
    principal: NamedDependency[Principal],
    gateway: FromPath[str],
) -> PartList:
    """Parts of a gateway that are configured; who may not configure it sees where they are, not who gets in and how."""
    whole = await _configures(access, devices, principal, gateway)
    return PartList(items=[_view(stored, whole=whole) for stored in await parts.list(gateway)])


@get(f"{_ROOT}/{{part:str}}", opt=_READ, tags=_TAGS)
async def get_part(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    parts: NamedDependency[PartDocuments],
    principal: NamedDependency[Principal],
    gateway: FromPath[str],
    part: FromPath[str],
) -> Response[PartView]:
    """A part's document, and its ETag; reduced as in the list."""
    stored = await parts.get(gateway, part)
    whole = await _configures(access, devices, principal, gateway)
    return Response(_view(stored, whole=whole), headers={"etag": stored.etag})


@put(f"{_ROOT}/{{part:str}}", opt=_CONFIGURE, tags=_TAGS)
async def put_part(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    parts: NamedDependency[PartDocuments],
    principal: NamedDependency[Principal],
    gateway: FromPath[str],
    part: FromPath[str],
    data: JSONBody[dict[str, Any]],
    if_match: IfMatch = None,
) -> Response[PartView]:
    """Configure a part of a gateway; it gets a new configuration."""
    await _admit(access, devices, principal, gateway)
    if part == GUARD:
        if_match = await _weigh(access, devices, parts, principal, gateway, data, if_match)
    change = Change(author=principal.id, comment=f"part {part}")
    return _whole(await parts.put(gateway, part, data, change, if_match=if_match))


@delete(f"{_ROOT}/{{part:str}}", opt=_CONFIGURE, tags=_TAGS, status_code=204)
async def remove_part(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    parts: NamedDependency[PartDocuments],
    principal: NamedDependency[Principal],
    gateway: FromPath[str],
    part: FromPath[str],
    if_match: IfMatch = None,
) -> None:
    """Have a part do its default again."""
    await _admit(access, devices, principal, gateway)
    if part == GUARD:
        if_match = await _weigh(access, devices, parts, principal, gateway, None, if_match)
    await parts.remove(gateway, part, Change(author=principal.id, comment=f"part {part} removed"), if_match=if_match)


ROUTES = [list_parts, get_part, put_part, remove_part]
