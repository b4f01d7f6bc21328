"""Which decisions change from one set of policies to another: every role and service, action and pair of zones."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from lineshaft.access.grants import GRANTS
from lineshaft.access.policy import schema
from lineshaft.access.policy.engine import Engine, Ruling
from lineshaft.access.policy.policies import walk
from lineshaft.access.policy.slices import Node
from lineshaft.access.roles import LADDER
from lineshaft.core.principals import Principal, Resource

MOST_ZONES: Final = 12
"""Zones that are gone through; there are as many decisions as pairs of them."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that is another one afterwards."""

    who: str
    """Role or service."""
    action: str
    from_zone: str
    """Where the principal is; empty: in none."""
    to_zone: str
    """Where the object is."""
    before: str
    after: str


def compare(before: Engine, after: Engine, tenant: str) -> list[Change]:
    """The decisions that change; asked at this moment, with nothing else known of the request."""
    names = sorted(_zones(before) | _zones(after))[:MOST_ZONES]
    zones = ["", *names]
    return [
        change
        for who, action, pair in itertools.product(
            _principals(tenant), schema.groups_of_actions(), itertools.product(zones, zones)
        )
        if (change := _change(before, after, who, action, *pair)) is not None
    ]


def _change(
    before: Engine, after: Engine, who: Principal, action: str, from_zone: str, to_zone: str
) -> Change | None:  # fmt: skip
    principal = msgspec.structs.replace(who, zone=from_zone)
    resource = Resource(id="*", zone=to_zone)
    first, then = (_answer(engine.decide(principal, action, resource, {})) for engine in (before, after))
    if first == then:
        return None
    return Change(who=who.name, action=action, from_zone=from_zone, to_zone=to_zone, before=first, after=then)


def _answer(ruling: Ruling) -> str:
    duties = sorted({f"{duty.kind}:{duty.argument}".rstrip(":") for duty in ruling.obligations})
    return " ".join(["allow" if ruling.allowed else "deny", *duties])


def _principals(tenant: str) -> Iterator[Principal]:
    for role in LADDER:
        yield Principal(id=f"99.1/{role}", name=role, kind="person", tenant=tenant, roles=frozenset({role}))
    for name in GRANTS:
        yield Principal(id=f"99.1/{name}", name=name, kind="service", tenant=tenant)


def _zones(engine: Engine) -> set[str]:
    """Every zone that a policy names."""
    return {name for policy in engine.policies.values() for name in _named(policy.node)}


def _named(node: Node) -> Iterator[str]:
    for part in walk(dict(node)):
        entity: Mapping[str, Any] = part.get("__entity", part)
        if entity.get("type") == "Zone":
            yield str(entity["id"])
