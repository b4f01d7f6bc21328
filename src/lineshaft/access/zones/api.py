"""Routes under /api/v1/access/zones: the plan in force, a new one, and what a new one would mean."""

from typing import Annotated

import msgspec
from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody
from sqlalchemy import Connection

from lineshaft.access.model import Actor
from lineshaft.access.requests import ask_to_change
from lineshaft.access.zones import renderers, store
from lineshaft.access.zones.messages import Effect, SetZones, ZonesSet
from lineshaft.access.zones.model import ZonePlan
from lineshaft.access.zones.packets import Ports
from lineshaft.access.zones.part import ACTION, check_whole, effect, members
from lineshaft.access.zones.renderers import Installation
from lineshaft.bus import Bus, BusSettings
from lineshaft.bus.subjects import Subjects
from lineshaft.core import clock
from lineshaft.core.home import Identity
from lineshaft.core.http import check_match
from lineshaft.core.principals import Principal
from lineshaft.core.settings import Settings
from lineshaft.records import Database

_ROOT = "/api/v1/access/zones"
_TAGS = ["access"]
_OPT = {"action": ACTION}

IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="ETag of the plan as you read it")]


class ZonePlanView(msgspec.Struct, frozen=True, kw_only=True):
    """The plan in force."""

    plan: ZonePlan
    version: int
    """0: the installation's first, nobody has changed it."""
    author: str
    changed: str | None
    """RFC 3339."""
    renew: list[str] = []
    """After a change: principals on other machines that need new bus credentials."""


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """Rules made from the plan in force."""

    name: str
    version: int
    text: str


@get(_ROOT, opt=_OPT, tags=_TAGS)
async def get_zones(database: NamedDependency[Database], identity: NamedDependency[Identity]) -> Response[ZonePlanView]:
    """The zone plan in force, with its ETag."""
    return _answer(await database.query(store.newest, identity.tenant))


@put(_ROOT, opt=_OPT, tags=_TAGS)
async def put_zones(
    bus: NamedDependency[Bus],
    database: NamedDependency[Database],
    identity: NamedDependency[Identity],
    principal: NamedDependency[Principal],
    data: JSONBody[ZonePlan],
    if_match: IfMatch = None,
) -> Response[ZonePlanView]:
    """Put a plan in force; whoever it concerns is held to it within seconds."""
    before = await database.query(store.newest, identity.tenant)
    check_match(if_match, before.etag)
    asked = SetZones(actor=Actor.of(principal), plan=data, expected=None if if_match in (None, "*") else before.version)
    done = await ask_to_change(bus, "set_zones", asked, ZonesSet)
    return _answer(done.stored, done.renew)


@post(f"{_ROOT}:check", opt=_OPT, tags=_TAGS, status_code=200)
async def check_zones(
    database: NamedDependency[Database], identity: NamedDependency[Identity], data: JSONBody[ZonePlan]
) -> Effect:
    """What a plan would change, were it put in force; refused where it cannot be."""
    check_whole(data)
    return await database.query(_effect, identity, data)


@get(f"{_ROOT}/rules/{{name:str}}", opt=_OPT, tags=_TAGS)
async def render_zones(
    database: NamedDependency[Database],
    identity: NamedDependency[Identity],
    settings: NamedDependency[Settings],
    name: FromPath[str],
) -> Rendered:
    """Rules made from the plan in force: nats, gateway, cedar or nftables."""
    ports = Ports(bus=settings.of(BusSettings).port or Ports().bus)
    return await database.query(_render, identity, name, ports)


ROUTES = [get_zones, put_zones, check_zones, render_zones]


def _effect(connection: Connection, identity: Identity, plan: ZonePlan) -> Effect:
    store.check_members(connection, identity.tenant, plan)
    return effect(
        connection, Subjects(identity.tenant, identity.site), store.current(connection, identity.tenant), plan
    )


def _render(connection: Connection, identity: Identity, name: str, ports: Ports) -> Rendered:
    stored = store.newest(connection, identity.tenant)
    installation = Installation(
        tenant=identity.tenant, site=identity.site, principals=members(connection, identity.tenant), ports=ports
    )
    return Rendered(name=name, version=stored.version, text=renderers.render(name, stored.plan, installation))


def _answer(stored: store.StoredPlan, renew: list[str] | None = None) -> Response[ZonePlanView]:
    view = ZonePlanView(
        plan=stored.plan, version=stored.version, author=stored.author,
        changed=clock.rfc3339(stored.created) if stored.version else None, renew=renew or [],
    )  # fmt: skip
    return Response(view, headers={"etag": stored.etag})
