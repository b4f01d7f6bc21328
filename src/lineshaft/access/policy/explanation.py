"""Why a decision is as it is: every policy in force, and what of it does not fit the request."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from lineshaft.access.policy import entities, schema
from lineshaft.access.policy.engine import Engine
from lineshaft.access.policy.policies import Policy
from lineshaft.access.policy.slices import Node, acts_on, entity_of
from lineshaft.core import clock
from lineshaft.core.principals import Obligation, Principal, Resource

Fit = Literal["holds", "action", "principal", "resource", "condition", "expired", "error"]
"""`holds`, or the first part of the policy that does not fit."""


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """One policy as the request meets it."""

    policy: str
    effect: Literal["permit", "forbid"]
    fit: Fit
    decided: bool
    text: str
    detail: str = ""
    """What went wrong, where it could not be evaluated."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    allowed: bool
    reason: str
    policy_version: str
    met: int
    """How many policies the request met after partitioning."""
    obligations: list[Obligation]
    policies: list[Weighed]
    """Those that decided first, then in the order of how much of them fits."""


_ORDER: tuple[Fit, ...] = ("error", "holds", "condition", "resource", "principal", "expired", "action")


def explain(
    engine: Engine, principal: Principal, action: str, resource: Resource, context: Mapping[str, Any]
) -> Explanation:
    """The decision on a request, and how each policy stands to it."""
    ruling = engine.decide(principal, action, resource, context)
    weighed = [_weigh(engine, policy, principal, action, resource, context, ruling.policies)
               for policy in engine.policies.values()]  # fmt: skip
    weighed.sort(key=lambda one: (not one.decided, _ORDER.index(one.fit), one.policy))
    known = action in schema.groups_of_actions()
    return Explanation(
        allowed=ruling.allowed, reason=ruling.reason, policy_version=engine.version,
        met=len(engine.slice_of(principal, action, resource).policies) if known else 0,
        obligations=list(ruling.obligations), policies=weighed,
    )  # fmt: skip


def _weigh(
    engine: Engine, policy: Policy, principal: Principal, action: str, resource: Resource, context: Mapping[str, Any],
    decided: tuple[str, ...],
) -> Weighed:  # fmt: skip
    fit, detail = _scope_fit(policy, principal, action, resource), ""
    if fit == "holds":
        holds, detail = engine.alone(policy, principal, action, resource, context)
        fit = "error" if detail else "holds" if holds else "condition"
    return Weighed(
        policy=policy.id, effect="permit" if policy.permits else "forbid", fit=fit, decided=policy.id in decided,
        text=policy.text, detail=detail,
    )  # fmt: skip


def _scope_fit(policy: Policy, principal: Principal, action: str, resource: Resource) -> Fit:
    groups = schema.groups_of_actions().get(action, frozenset()) | {action}
    if policy.expires is not None and policy.expires <= clock.now_us():
        return "expired"
    if not acts_on(policy.node["action"], {f'Action::"{group}"' for group in groups}):
        return "action"
    if not _fits(policy.node["principal"], entities.principal_entity(principal)):
        return "principal"
    return "holds" if _fits(policy.node["resource"], entities.resource_entity(resource, "")) else "resource"


def _fits(scope: Node, entity: Mapping[str, Any]) -> bool:
    """Whether the principal or resource part of a scope admits an entity."""
    if scope["op"] == "is" and scope["entity_type"] != entity["uid"]["type"]:
        return False
    named = entity_of(scope)
    if named is None:
        return True
    own = [entity["uid"]] if scope["op"] == "==" else [entity["uid"], *entity["parents"]]
    return {"type": named["type"], "id": named["id"]} in own
