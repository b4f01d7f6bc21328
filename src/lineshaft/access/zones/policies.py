"""Policies that follow from conduits: who may control or configure what stands in a zone, by where they are."""

import json
from collections.abc import Callable

from sqlalchemy import Connection

from lineshaft.access.zones.model import Zone, ZonePlan
from lineshaft.access.zones.store import current

SOURCE = "zones"
"""Name under which the policies are shown."""


def cedar(plan: ZonePlan) -> str:
    """One policy for each zone that something could reach from outside; empty where nothing is kept apart."""
    if len(plan.zones) == 1:
        return ""
    return "\n".join(_policy(plan, zone) for zone in plan.zones)


def cedar_source(tenant: str) -> Callable[[Connection], list[tuple[str, str]]]:
    """A source of policies, as `access.policy` takes them: what the plan in force says, read in its transaction."""

    def texts(connection: Connection) -> list[tuple[str, str]]:
        text = cedar(current(connection, tenant))
        return [(SOURCE, text)] if text else []

    return texts


def _policy(plan: ZonePlan, zone: Zone) -> str:
    admitted = {zone.name}
    for source, target, conduit in plan.passages():
        if target == zone.name and any(flow.kind in ("command", "api") for flow in conduit.flows):
            admitted.add(source)
    if plan.hub_zone in admitted:
        admitted.add("")  # whom no zone names
    names = ", ".join(json.dumps(name) for name in sorted(admitted))
    return f"""\
@id("zone-{zone.name}")
@reason("no conduit with commands or requests leads to the zone {zone.name} from the principal's")
forbid (principal, action in [Action::"control", Action::"configure"], resource in Zone::"{zone.name}")
unless {{ [{names}].contains(principal.zone) }};
"""
