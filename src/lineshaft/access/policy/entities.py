"""Principals and resources as Cedar's entities: who is in which role, zone and grant, and the attributes of the schema."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import cedarpy
import msgspec

from lineshaft.access.grants import GRANTS
from lineshaft.access.model import SCOPES, TEMPLATE, TOKEN
from lineshaft.access.policy import schema
from lineshaft.access.policy.slices import anchor
from lineshaft.access.roles import LADDER
from lineshaft.access.tokens import EVERYTHING
from lineshaft.core import clock
from lineshaft.core.principals import Principal, Resource

HIGHEST_GRADE: Final = 3
_NOT_TAGS: Final = frozenset({SCOPES, TOKEN})
_TAGS: Final = frozenset({"hasTag", "getTag"})
ATTRIBUTES: Final = _TAGS | {
    "id",
    "name",
    "kind",
    "tenant",
    "project",
    "zone",
    "clearance",
    "projects",
    "scopes",
    "grade",
}
"""Names of attributes, and the words by which conditions ask for tags."""
_LARGEST: Final = 2**63 - 1

ANCHORS: Final = frozenset({"Zone", "Project", "Object", *schema.KINDS.values()})
"""Types of entities by which policies are partitioned."""
ANY: Final = "*"
"""Name of the project that every object is in which is in one: what has none meets no policy about projects."""


def uid(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": name}


def principal_entity(principal: Principal, wanted: frozenset[str] = ATTRIBUTES) -> dict[str, Any]:
    """Entity of whoever acts. A token's scopes are actions; no such attribute means all that the roles allow.

    Args:
        wanted: the attributes to tell; the fewer, the quicker Cedar takes it.
    """
    attributes: dict[str, Any] = {
        "name": principal.name, "tenant": principal.tenant, "zone": principal.zone, "clearance": principal.clearance,
    }  # fmt: skip
    if principal.projects is not None:
        attributes["projects"] = principal.projects
    scopes = principal.attributes.get(SCOPES)
    if "scopes" in wanted and scopes is not None and scopes != EVERYTHING:
        attributes["scopes"] = [{"__entity": uid("Action", scope)} for scope in scopes.split()]
    tags = {name: value for name, value in principal.attributes.items() if name not in _NOT_TAGS}
    return _entity(principal_uid(principal), attributes, _parents(principal), tags, wanted)


def resource_entity(resource: Resource, tenant: str, wanted: frozenset[str] = ATTRIBUTES) -> dict[str, Any]:
    """Entity of what is acted on; `tenant` is that of an object that names none."""
    attributes: dict[str, Any] = {
        "id": resource.id, "kind": resource.kind, "tenant": resource.tenant or tenant, "project": resource.project,
        "zone": resource.zone,
    }  # fmt: skip
    if resource.grade is not None:
        attributes["grade"] = resource.grade if 1 <= resource.grade <= HIGHEST_GRADE else HIGHEST_GRADE
    parents = [uid("Zone", resource.zone)] if resource.zone else []
    if resource.project:
        parents += [uid("Project", resource.project), uid("Project", ANY)]
    return _entity(resource_uid(resource), attributes, parents, resource.attributes, wanted)


def _entity(
    own: dict[str, str], attributes: dict[str, Any], parents: list[dict[str, str]], tags: Mapping[str, str],
    wanted: frozenset[str],
) -> dict[str, Any]:  # fmt: skip
    told = {name: value for name, value in attributes.items() if name in wanted}
    entity: dict[str, Any] = {"uid": own, "attrs": told, "parents": parents}
    if not wanted.isdisjoint(_TAGS):
        entity["tags"] = dict(tags)
    return entity


def told(resource: Resource, wanted: frozenset[str], *, identity: bool) -> tuple[Any, ...]:
    """What policies that want these attributes, and maybe the identity, can tell of an object: equal where they cannot
    tell two apart. Objects that a scope names are told apart by their anchor.
    """
    return (
        resource.zone, resource.project, resource.tenant, resource.grade,
        resource.kind if "kind" in wanted else "",
        resource.id if identity or "id" in wanted else "",
        () if wanted.isdisjoint(_TAGS) else tuple(sorted(resource.attributes.items())),
    )  # fmt: skip


def action_entity(action: str) -> dict[str, Any]:
    """Entity of an action with its groups."""
    groups = schema.groups_of_actions().get(action, frozenset())
    return {"uid": uid("Action", action), "attrs": {}, "parents": [uid("Action", group) for group in groups]}


def principal_uid(principal: Principal) -> dict[str, str]:
    return uid(schema.KINDS[principal.kind], principal.id)


def resource_uid(resource: Resource) -> dict[str, str]:
    return uid("Object", resource.id)


def anchors(principal: Principal, resource: Resource) -> list[str]:
    """The entities of `ANCHORS` that a request is at."""
    found = [
        anchor("principal", schema.KINDS[principal.kind], principal.id), anchor("resource", "Object", resource.id),
    ]  # fmt: skip
    if resource.zone:
        found.append(anchor("resource", "Zone", resource.zone))
    if resource.project:
        found += [anchor("resource", "Project", resource.project), anchor("resource", "Project", ANY)]
    if principal.zone:
        found.append(anchor("principal", "Zone", principal.zone))
    return found


def handle(*entities: Mapping[str, Any]) -> cedarpy.Entities:
    """Parsed entities.

    Raises:
        ValueError: Cedar cannot take them.
    """
    return cedarpy.Entities.from_json_str(text(*entities))


def text(*entities: Mapping[str, Any]) -> str:
    return msgspec.json.encode(entities).decode()


def context_text(context: Mapping[str, Any]) -> str:
    """The request's context as JSON: what the schema knows and Cedar can hold, and the time.

    The time is that of now, but where we ask ourselves about another one.
    What has another type is left out: a policy that needs it then fails, which denies.
    """
    given = context.get("now")
    now = given if isinstance(given, datetime) else clock.now()
    moment = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    known: dict[str, Any] = {"now": {"__extn": {"fn": "datetime", "arg": moment}}}
    for name, kind in schema.CONTEXT.items():
        value = context.get(name)
        if _fits(kind, value):
            known[name] = value
    return msgspec.json.encode(known).decode()


def _fits(kind: str, value: Any) -> bool:
    if kind == "String":
        return isinstance(value, str)
    return kind == "Long" and type(value) is int and abs(value) <= _LARGEST


def _parents(principal: Principal) -> list[dict[str, str]]:
    rank = max((LADDER.index(role) for role in principal.roles if role in LADDER), default=-1)
    parents = [uid("Role", role) for role in LADDER[: rank + 1]]
    grant = grant_name(principal)
    if grant:
        parents.append(uid("Grant", grant))
    if principal.zone:
        parents.append(uid("Zone", principal.zone))
    return parents


def grant_name(principal: Principal) -> str:
    """The name of a service's grant; empty where it has none."""
    if principal.kind != "service":
        return ""
    template = principal.attributes.get(TEMPLATE, "")
    return next((name for name in (principal.name, template) if name in GRANTS), "")
