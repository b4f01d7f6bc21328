"""Zones in the access service: puts a plan in force and renews what follows from it."""

import asyncio
import importlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, cast

from sqlalchemy import Connection, select

from lineshaft.access import audit, credentials, principals
from lineshaft.access.audit import Act
from lineshaft.access.grants import bus_permissions
from lineshaft.access.parts import Surroundings, Verb
from lineshaft.access.policy.policies import compile_text
from lineshaft.access.store import PRINCIPAL
from lineshaft.access.zones import policies, store
from lineshaft.access.zones.endpoints import endpoint_rules
from lineshaft.access.zones.messages import Effect, SetZones, ZonesSet
from lineshaft.access.zones.model import ZonePlan, check_plan
from lineshaft.access.zones.renderers import is_gateway
from lineshaft.bus.client import credentials_file
from lineshaft.bus.subjects import Subjects
from lineshaft.core.errors import PreconditionFailed
from lineshaft.core.health import Check
from lineshaft.core.principals import Decision, Principal

ACTION: Final = "access:zones"
FOLLOWERS: Final[tuple[str, ...]] = ("lineshaft.edge.zones:follow",)
"""`module:function` of what changes with the plan in the same transaction, called with (connection, subjects, gateways, author)."""

Follower = Callable[[Connection, Subjects, Sequence[str], str], object]


class ZonesPart:
    """See the module; a `Part` of the access service."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._database = surroundings.database
        self._home = surroundings.context.home
        self._tenant = surroundings.context.identity.tenant
        self._subjects = Subjects(self._tenant, surroundings.context.identity.site)
        self._administration = surroundings.administration
        self._authority = surroundings.authority
        self._cut_off = surroundings.cut_off
        self._changing = asyncio.Lock()

    async def start(self) -> None:
        self._authority.plan = await self._database.query(store.current, self._tenant)

    def verbs(self) -> Mapping[str, Verb]:
        return {"set_zones": Verb(SetZones, self.set_zones)}

    def tasks(self) -> Sequence[Coroutine[Any, Any, None]]:
        return ()

    def checks(self) -> list[Check]:
        return []

    async def set_zones(self, asked: SetZones) -> ZonesSet:
        """Put a plan in force: the records, then the bus credentials of whoever it concerns, then the bus.

        What is killed in between is completed at the next start: keys are void before new ones are made.

        Raises:
            Forbidden. InvalidInput: the plan cannot be. PreconditionFailed: another came before.
            Unavailable: it is in force, but the bus does not answer yet; it is told as soon as it does.
        """
        check_whole(asked.plan)
        decision = await self._administration.decide(asked.actor, ACTION, "zones")
        async with self._changing:
            stored, effect = await self._database.write(self._set, asked, decision)
            self._authority.plan = stored.plan
            here = [name for name in effect.principals if credentials_file(self._home, name).exists()]
            for name in here:
                await asyncio.to_thread(self._renew, name)
        if effect.principals:
            await self._cut_off(", ".join(effect.principals))
        renew = [name for name in effect.principals if name not in here]
        return ZonesSet(stored=stored, effect=effect, renew=renew)

    def _set(self, connection: Connection, asked: SetZones, decision: Decision) -> tuple[store.StoredPlan, Effect]:
        before = store.newest(connection, self._tenant)
        if asked.expected not in (None, before.version):
            raise PreconditionFailed(
                "access.zones_changed_meanwhile", "the zone plan changed since you read it",
                "Read it again and repeat your change.", version=before.version,
            )  # fmt: skip
        concerned = effect(connection, self._subjects, before.plan, asked.plan)
        stored = store.put(connection, self._tenant, asked.plan, asked.actor.id)
        for name in concerned.principals:
            principals.revoke_credentials(connection, principals.get_row(connection, self._tenant, name).id)
        gateways = [each.name for each in members(connection, self._tenant) if is_gateway(each)]
        for target in FOLLOWERS:
            module, _, function = target.partition(":")
            follow = cast("Follower", getattr(importlib.import_module(module), function))
            follow(connection, self._subjects, gateways, asked.actor.id)
        facts = {"version": stored.version, "zones": len(asked.plan.zones), "conduits": len(asked.plan.conduits),
                 "principals": concerned.principals, "gateways": concerned.gateways}  # fmt: skip
        act = Act(principal=asked.actor.id, action="access:set_zones", resource="zones", outcome="done",
                  decision=decision.id, facts=facts)  # fmt: skip
        audit.write(connection, self._tenant, act)
        return stored, concerned

    def _renew(self, name: str) -> None:
        with self._database.read() as connection:
            principal = principals.from_row(principals.get_row(connection, self._tenant, name))
        credentials.keep_file(self._database, self._home, self._authority, principal)


def check_whole(plan: ZonePlan) -> None:
    """Refuse a plan that cannot be, or whose policies could not be loaded.

    Raises:
        InvalidInput: says why.
    """
    check_plan(plan)
    compile_text(policies.SOURCE, policies.cedar(plan))


def effect(connection: Connection, subjects: Subjects, before: ZonePlan, after: ZonePlan) -> Effect:
    """Whom a change of plan concerns."""
    everybody = members(connection, subjects.tenant)
    return Effect(
        principals=[
            each.name for each in everybody
            if bus_permissions(each, subjects, before) != bus_permissions(each, subjects, after)
        ],
        gateways=[
            each.name for each in everybody
            if is_gateway(each) and endpoint_rules(before, each.name) != endpoint_rules(after, each.name)
        ],
    )  # fmt: skip


def members(connection: Connection, tenant: str) -> list[Principal]:
    """Everybody who is not revoked and has a connection of its own to the bus, by name."""
    query = select(PRINCIPAL).where(
        PRINCIPAL.c.tenant == tenant, PRINCIPAL.c.revoked.is_(None), PRINCIPAL.c.kind.not_in(("person", "app"))
    )
    return [principals.from_row(row) for row in connection.execute(query.order_by(PRINCIPAL.c.name))]
