"""Decisions by one set of policies: deny by default, a forbid wins, and what cannot be evaluated denies."""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import cedarpy
import msgspec
from prometheus_client import Counter

from lineshaft.access.policy import defaults, entities, schema, slices
from lineshaft.access.policy.policies import Policy, compile_text
from lineshaft.access.policy.recent import Recent
from lineshaft.access.policy.slices import Slicer
from lineshaft.core import clock
from lineshaft.core.principals import Obligation, Principal, Resource

ERRORS: Final = Counter(
    "lineshaft_access_policy_errors", "Decisions that denied because a policy could not be evaluated."
)

_SLICES: Final = 2048
_PRINCIPALS: Final = 2048
_RULINGS: Final = 16_384
_FOREVER: Final = 2**63 - 1


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """What the policies say of one request."""

    allowed: bool
    reason: str
    policies: tuple[str, ...] = ()
    """Those that decided: the permits where allowed, else the forbids."""
    obligations: tuple[Obligation, ...] = ()
    until: int = _FOREVER
    """When a policy that it rests on, or could have rested on, expires."""


class Slice(msgspec.Struct, frozen=True):
    """The policies that can matter to some requests."""

    number: int
    """Tells it from every other slice that its engine has made."""
    handle: cedarpy.PolicySet
    policies: Mapping[str, Policy]
    reads_context: bool
    reads_groups: bool
    reads_identity: bool
    wanted: frozenset[str]
    """The attributes that can matter."""
    until: int


class Engine:
    """One set of policies, ready to decide. Never changes: another set is another engine, with nothing remembered.

    Args:
        texts: name and text of the policies beside the defaults, which are always in force.
        tenant: tenant of objects that name none.
        remember: keep rulings that rest on nothing but policies, principal and resource.

    Raises:
        InvalidInput: a text that cannot be read.
    """

    def __init__(self, texts: Sequence[tuple[str, str]] = (), *, tenant: str = "", remember: bool = True) -> None:
        self.texts = [*defaults.texts(), *texts]
        compiled = [policy for name, text in self.texts for policy in compile_text(name, text, validate=False)]
        self.policies: Mapping[str, Policy] = {policy.id: policy for policy in compiled}
        self.version = _digest(self.texts)
        self._tenant = tenant
        self._slicer = Slicer(
            self.policies, {policy.id: policy.node for policy in compiled}, _groups(), entities.ANCHORS
        )
        self._slices: Recent[tuple[str, ...], Slice] = Recent(_SLICES)
        self._shared: Recent[frozenset[str], Slice] = Recent(_SLICES)
        self._numbers = itertools.count(1)
        self._principals: Recent[tuple[bytes, frozenset[str]], cedarpy.Entities] = Recent(_PRINCIPALS)
        self._rulings: Recent[tuple[Any, ...], Ruling] | None = Recent(_RULINGS) if remember else None

    def decide(self, principal: Principal, action: str, resource: Resource, context: Mapping[str, Any]) -> Ruling:
        """Rule on one request. Never raises: what goes wrong denies."""
        if action not in schema.groups_of_actions():
            return Ruling(allowed=False, reason="no such action")
        try:
            return self._decide(principal, action, resource, context)
        except Exception as error:  # noqa: BLE001  # whatever goes wrong in here must not let anybody through
            return _failed(str(error) or type(error).__name__)

    def slice_of(self, principal: Principal, action: str, resource: Resource) -> Slice:
        """The policies that a request meets."""
        key = self._slicer.key(f'Action::"{action}"', entities.anchors(principal, resource))
        found = self._slices.get(key)
        if found is None or clock.now_us() >= found.until:
            found = self._slice(key)
            self._slices.put(key, found)
        return found

    def alone(
        self, policy: Policy, principal: Principal, action: str, resource: Resource, context: Mapping[str, Any]
    ) -> tuple[bool, str]:
        """Whether one policy holds for a request whose action it is about; and what went wrong with it, or nothing."""
        handle = slices.parse({policy.id: policy.node}, any_action=True)
        met = Slice(
            number=0, handle=handle, policies={policy.id: policy}, reads_context=True, reads_groups=True,
            reads_identity=True, wanted=policy.words, until=0,
        )  # fmt: skip
        answer = self._ask(met, msgspec.json.encode(principal), principal, action, resource, context)
        return bool(answer.diagnostics.reasons), "; ".join(answer.diagnostics.errors)

    def _decide(self, principal: Principal, action: str, resource: Resource, context: Mapping[str, Any]) -> Ruling:
        met = self.slice_of(principal, action, resource)
        who = msgspec.json.encode(principal)
        if met.reads_context or self._rulings is None:
            return self._evaluate(met, who, principal, action, resource, context)
        key = (who, action, met.number, entities.told(resource, met.wanted, identity=met.reads_identity))
        known = self._rulings.get(key)
        if known is None or clock.now_us() >= known.until:
            known = self._evaluate(met, who, principal, action, resource, context)
            self._rulings.put(key, known)
        return known

    def _evaluate(
        self, met: Slice, who: bytes, principal: Principal, action: str, resource: Resource, context: Mapping[str, Any]
    ) -> Ruling:  # fmt: skip
        answer = self._ask(met, who, principal, action, resource, context)
        if answer.diagnostics.errors:
            return _failed("; ".join(answer.diagnostics.errors))
        return _ruling(met, answer.allowed, answer.diagnostics.reasons)

    def _ask(
        self, met: Slice, who: bytes, principal: Principal, action: str, resource: Resource, context: Mapping[str, Any]
    ) -> cedarpy.AuthzResult:  # fmt: skip
        request: dict[str, Any] = {
            "principal": entities.principal_uid(principal), "action": entities.uid("Action", action),
            "resource": entities.resource_uid(resource),
        }  # fmt: skip
        if met.reads_context:
            request["context"] = entities.context_text(context)
        known = self._principals.get((who, met.wanted))
        if known is None:
            known = entities.handle(entities.principal_entity(principal, met.wanted))
            self._principals.put((who, met.wanted), known)
        added = [entities.resource_entity(resource, self._tenant, met.wanted)]
        if met.reads_groups:
            added.append(entities.action_entity(action))
        return cedarpy.is_authorized(request, met.handle, known.with_added_json_str(entities.text(*added)))

    def _slice(self, key: tuple[str, ...]) -> Slice:
        now = clock.now_us()
        members = [policy for policy in self._slicer.members(key) if policy.expires is None or policy.expires > now]
        # Many actions meet the same policies; parsed once, they stay in the processor's memory.
        ids = frozenset(policy.id for policy in members)
        shared = self._shared.get(ids)
        if shared is None:
            shared = _slice(next(self._numbers), members)
            self._shared.put(ids, shared)
        return shared


def _slice(number: int, members: Sequence[Policy]) -> Slice:
    return Slice(
        number=number,
        handle=slices.parse({policy.id: policy.node for policy in members}, any_action=True),
        policies={policy.id: policy for policy in members},
        reads_context=any(policy.reads_context for policy in members),
        reads_groups=any(policy.reads_groups for policy in members),
        reads_identity=any(policy.reads_identity for policy in members),
        wanted=entities.ATTRIBUTES.intersection(word for policy in members for word in policy.words),
        until=min((policy.expires for policy in members if policy.expires is not None), default=_FOREVER),
    )


def _ruling(met: Slice, allowed: bool, reasons: Sequence[str]) -> Ruling:  # noqa: FBT001
    decided = tuple(sorted(reasons))
    if allowed:
        obligations = tuple(duty for policy in decided for duty in met.policies[policy].obligations)
        reason = f"allowed by {', '.join(decided)}"
        return Ruling(allowed=True, reason=reason, policies=decided, obligations=obligations, until=met.until)
    if not decided:
        return Ruling(allowed=False, reason="no role or grant has it", until=met.until)
    first = met.policies[decided[0]]
    return Ruling(allowed=False, reason=first.reason or f"forbidden by {first.id}", policies=decided, until=met.until)


def _failed(message: str) -> Ruling:
    """A denial because of an error; it is not remembered beyond this moment."""
    ERRORS.inc()
    return Ruling(allowed=False, reason=f"a policy could not be evaluated: {message}", until=0)


def _digest(texts: Sequence[tuple[str, str]]) -> str:
    return hashlib.sha256(msgspec.json.encode(sorted(texts))).hexdigest()


def _groups() -> dict[str, frozenset[str]]:
    return {
        f'Action::"{action}"': frozenset(f'Action::"{group}"' for group in groups)
        for action, groups in schema.groups_of_actions().items()
    }
