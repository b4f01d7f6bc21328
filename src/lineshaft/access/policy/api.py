"""Routes of policies and approvals under /api/v1/access."""

import asyncio
from typing import Annotated

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody
from sqlalchemy import Connection

from lineshaft.access import principals
from lineshaft.access.access import Access
from lineshaft.access.messages import Done
from lineshaft.access.model import Actor
from lineshaft.access.policy import approvals, shelf, trials
from lineshaft.access.policy.comparison import Change, compare
from lineshaft.access.policy.engine import Engine
from lineshaft.access.policy.explanation import explain
from lineshaft.access.policy.messages import Approval, Approve, PolicyText, SetPolicy, WithdrawPolicy
from lineshaft.access.policy.policies import compile_text
from lineshaft.access.policy.views import (
    ApprovalList,
    ApprovalView,
    CheckBody,
    CheckedView,
    CompareBody,
    ComparisonView,
    ExplainBody,
    ExplanationView,
    PolicyBody,
    PolicyList,
    PolicyView,
    TrialBody,
    TrialView,
    approval_view,
    policy_view,
)
from lineshaft.access.requests import ask_to_change
from lineshaft.bus.client import Bus
from lineshaft.core.home import Identity
from lineshaft.core.http import check_match, etag
from lineshaft.core.principals import Principal
from lineshaft.records import Database

_ROOT = "/api/v1/access"
_TAGS = ["access"]
_POLICY = {"action": "access:policy"}
_APPROVE = {"action": "access:approve"}

IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="ETag of the policy as you read it")]
IfNoneMatch = Annotated[
    str | None, HeaderParameter(name="If-None-Match", description="`*`: only where there is no policy of this name")
]


# -- policies -----------------------------------------------------------------------------------------------------------


@get(f"{_ROOT}/policies", opt=_POLICY, tags=_TAGS)
async def list_policies(
    access: NamedDependency[Access], database: NamedDependency[Database], identity: NamedDependency[Identity]
) -> PolicyList:
    """Every text in force: the defaults, those generated from zones, the uploaded ones."""
    items, number = await database.query(_everything, identity.tenant)
    await access.refresh_policies(now=True)
    return PolicyList(items=items, number=number, policy_version=access.policies.version)


@get(f"{_ROOT}/policies/{{name:str}}", opt=_POLICY, tags=_TAGS)
async def get_policy(
    database: NamedDependency[Database], identity: NamedDependency[Identity], name: FromPath[str]
) -> Response[PolicyView]:
    """One text in force, with its ETag."""
    return _tagged(await database.query(shelf.get, identity.tenant, name))


@put(f"{_ROOT}/policies/{{name:str}}", opt=_POLICY, tags=_TAGS)
async def set_policy(
    access: NamedDependency[Access],
    bus: NamedDependency[Bus],
    database: NamedDependency[Database],
    identity: NamedDependency[Identity],
    principal: NamedDependency[Principal],
    name: FromPath[str],
    data: JSONBody[PolicyBody],
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> Response[PolicyView]:
    """Put a text into force; one that does not validate is refused with its line, and what was in force stays."""
    expected = await _expected(database, identity, name, if_match, if_none_match)
    asked = SetPolicy(
        actor=Actor.of(principal), name=name, text=data.text, expected=expected, reason=data.reason.strip()
    )
    made = await ask_to_change(bus, "set_policy", asked, PolicyText)
    await access.refresh_policies(now=True)  # whoever changed it sees it with their next request
    return _tagged(made)


@delete(f"{_ROOT}/policies/{{name:str}}", opt=_POLICY, tags=_TAGS, status_code=204)
async def withdraw_policy(
    access: NamedDependency[Access],
    bus: NamedDependency[Bus],
    database: NamedDependency[Database],
    identity: NamedDependency[Identity],
    principal: NamedDependency[Principal],
    name: FromPath[str],
    if_match: IfMatch = None,
) -> None:
    """Take an uploaded text out of force."""
    expected = await _expected(database, identity, name, if_match, None)
    await ask_to_change(
        bus, "withdraw_policy", WithdrawPolicy(actor=Actor.of(principal), name=name, expected=expected), Done
    )
    await access.refresh_policies(now=True)


@post(f"{_ROOT}/policies:check", opt=_POLICY, tags=_TAGS, status_code=200)
async def check_policy(data: JSONBody[CheckBody]) -> CheckedView:
    """Validate a text without putting it into force."""
    return CheckedView(policies=[policy.id for policy in compile_text(data.name, data.text)])


@post(f"{_ROOT}/policies:compare", opt=_POLICY, tags=_TAGS, status_code=200)
async def compare_policy(
    database: NamedDependency[Database], identity: NamedDependency[Identity], data: JSONBody[CompareBody]
) -> ComparisonView:
    """Which decisions a text would change if it were put into force, without doing so."""
    present = await database.query(shelf.texts, identity.tenant)
    return ComparisonView(items=await asyncio.to_thread(_compared, present, data, identity.tenant))


@post(f"{_ROOT}/policies:test", opt=_POLICY, tags=_TAGS, status_code=200)
async def try_policy(
    database: NamedDependency[Database], identity: NamedDependency[Identity], data: JSONBody[TrialBody]
) -> TrialView:
    """Try cases on what is in force, or on a text before it is: who does what on which object, and what must be the answer."""
    present = await database.query(shelf.texts, identity.tenant)
    results = await asyncio.to_thread(_tried, present, data, identity.tenant)
    return TrialView(passed=all(result.passed for result in results), items=results)


@post(f"{_ROOT}/policies:explain", opt=_POLICY, tags=_TAGS, status_code=200)
async def explain_decision(
    access: NamedDependency[Access],
    database: NamedDependency[Database],
    identity: NamedDependency[Identity],
    data: JSONBody[ExplainBody],
) -> ExplanationView:
    """What the policies in force say of somebody's request, and why the others do not decide it."""
    who = await database.query(_principal, identity.tenant, data.principal)
    await access.refresh_policies(now=True)
    told = explain(access.policies, who, data.action, data.object(), data.context)
    return ExplanationView(**msgspec.structs.asdict(told))


# -- approvals ----------------------------------------------------------------------------------------------------------


@get(f"{_ROOT}/approvals", opt=_APPROVE, tags=_TAGS)
async def list_approvals(
    access: NamedDependency[Access],
    database: NamedDependency[Database],
    identity: NamedDependency[Identity],
    principal: NamedDependency[Principal],
) -> ApprovalList:
    """What waits for a second person, oldest first: one's own, and what one may decide."""
    every = access.authorize(principal, "access:policy").allowed
    found = await database.query(approvals.waiting, identity.tenant, principal, every=every)
    return ApprovalList(items=[approval_view(approval) for approval in found])


@get(f"{_ROOT}/approvals/{{approval:str}}", opt=_APPROVE, tags=_TAGS)
async def get_approval(
    access: NamedDependency[Access],
    database: NamedDependency[Database],
    identity: NamedDependency[Identity],
    principal: NamedDependency[Principal],
    approval: FromPath[str],
) -> ApprovalView:
    """How one stands: open, approved, refused, used or expired. It is kept for a day."""
    every = access.authorize(principal, "access:policy").allowed
    return approval_view(await database.query(approvals.find, identity.tenant, approval, principal, every=every))


@post(f"{_ROOT}/approvals/{{approval:str}}/approve", opt=_APPROVE, tags=_TAGS, status_code=200)
async def approve(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], approval: FromPath[str]
) -> ApprovalView:
    """Approve somebody else's request; it may then be sent once more, with the header X-Approval."""
    return await _decide(bus, principal, approval, approve=True)


@post(f"{_ROOT}/approvals/{{approval:str}}/refuse", opt=_APPROVE, tags=_TAGS, status_code=200)
async def refuse(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], approval: FromPath[str]
) -> ApprovalView:
    """Refuse somebody else's request."""
    return await _decide(bus, principal, approval, approve=False)


ROUTES = [
    list_policies, get_policy, set_policy, withdraw_policy, check_policy, compare_policy, try_policy, explain_decision,
    list_approvals, get_approval, approve, refuse,
]  # fmt: skip


async def _decide(bus: Bus, principal: Principal, approval: str, *, approve: bool) -> ApprovalView:
    asked = Approve(actor=Actor.of(principal), approval=approval, approve=approve)
    return approval_view(await ask_to_change(bus, "approve", asked, Approval))


async def _expected(
    database: Database, identity: Identity, name: str, if_match: str | None, if_none_match: str | None
) -> int | None:
    """The version that the caller saw; None where they do not say."""
    if if_none_match is not None and if_none_match.strip() == "*":
        return 0
    if if_match is None:
        return None
    found = await database.query(shelf.find, identity.tenant, name)
    check_match(if_match, "" if found is None else etag(policy_view(found)))
    return 0 if found is None else found.version


def _compared(present: list[tuple[str, str]], data: CompareBody, tenant: str) -> list[Change]:
    before, after = (
        Engine(texts, tenant=tenant, remember=False) for texts in (present, _with(present, data.name, data.text))
    )
    return compare(before, after, tenant)


def _tried(present: list[tuple[str, str]], data: TrialBody, tenant: str) -> list[trials.Result]:
    """What came of cases, each in the tenant whose policies they are tried on."""
    cases = trials.parse(data.cases).case
    texts = present if data.text is None else _with(present, data.name, data.text)
    return trials.run(Engine(texts, tenant=tenant, remember=False), [trials.of_tenant(case, tenant) for case in cases])


def _with(present: list[tuple[str, str]], name: str, text: str) -> list[tuple[str, str]]:
    """What would be in force with a text; refused where it does not validate, with its line."""
    compile_text(name, text)
    return [*(entry for entry in present if entry[0] != name), (name, text)]


def _everything(connection: Connection, tenant: str) -> tuple[list[PolicyView], int]:
    items = [policy_view(policy) for policy in shelf.everything(connection, tenant)]
    return items, shelf.number_in_force(connection, tenant)


def _principal(connection: Connection, tenant: str, name: str) -> Principal:
    return principals.from_row(principals.get_row(connection, tenant, name))


def _tagged(policy: PolicyText) -> Response[PolicyView]:
    view = policy_view(policy)
    return Response(view, headers={"etag": etag(view)})
