"""Obligations that `require` sees to: a record of the allowance, and a second person's approval."""

import asyncio

import pytest

from lineshaft.access.policy import approvals, shelf
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Forbidden, NotFound, TooMany

TWO = '@obligation("approve:engineer record") permit (principal in Role::"operator", action == Action::"demo:control", resource);'


@pytest.fixture
async def bound(office):
    """An office where whoever controls the plant needs an engineer."""
    office.database.transact(shelf.put, office.identity.tenant, "two", TWO, "99.1/author", None)
    yield office
    approvals.present("")


def digest(text):
    async def sent():
        return text

    return sent


async def ask(office, who, sent="a", resource="reactor"):
    with pytest.raises(Forbidden) as refusal:
        await office.access.require(who, "demo:control", resource, sent=digest(sent))
    return refusal.value


def verdict(office, approval, judge, *, approve=True):
    return office.database.transact(approvals.decide, office.identity.tenant, approval, judge, approve=approve)


async def test_an_approved_request_goes_through_once_and_all_of_it_is_recorded(bound):
    ada = (await bound.first_administrator()).principal
    bob = (await bound.person("bob", "operator")).principal
    error = await ask(bound, bob)
    assert (error.code, error.facts["role"]) == ("access.approval_required", "engineer")
    approval = error.facts["approval"]
    assert (await ask(bound, bob)).facts["approval"] == approval, "asked again, one request waits"
    approvals.present(approval)
    assert (await ask(bound, bob)).code == "access.approval_pending"
    assert verdict(bound, approval, ada).state == "approved"
    decision = await bound.access.require(bob, "demo:control", "reactor", sent=digest("a"))
    assert decision.allowed
    approvals.present(approval)
    assert (await ask(bound, bob)).code == "access.approval_void"
    entries = await bound.audit("demo:control")
    assert {entry.facts.get("approved_by") for entry in entries} == {ada.id, None}
    assert {entry.decision for entry in entries} == {decision.id}
    assert [entry.facts["approval"] for entry in await bound.audit("access:ask_approval")] == [approval]


@pytest.mark.parametrize("changed", ["sent", "resource", "who", "action"])
async def test_an_approval_is_for_exactly_what_was_asked(bound, changed):
    ada = (await bound.first_administrator()).principal
    bob, eve = [(await bound.person(name, "operator")).principal for name in ("bob", "eve")]
    approval = (await ask(bound, bob)).facts["approval"]
    verdict(bound, approval, ada)
    approvals.present(approval)
    who, sent, resource = bob, "a", "reactor"
    if changed == "sent":
        sent = "b"
    elif changed == "resource":
        resource = "stripper"
    elif changed == "who":
        who = eve
    else:
        text = TWO.replace("demo:control", "jobs:run")
        bound.database.transact(shelf.put, bound.identity.tenant, "more", text, "99.1/author", None)
        await bound.access.refresh_policies(now=True)
        with pytest.raises(Forbidden) as refusal:
            await bound.access.require(bob, "jobs:run", resource, sent=digest(sent))
        assert refusal.value.code == "access.approval_void"
        return
    assert (await ask(bound, who, sent, resource)).code == "access.approval_void"


async def test_an_approval_by_too_low_a_role_counts_no_more_when_a_higher_one_is_demanded(bound):
    ada = (await bound.first_administrator()).principal
    bob = (await bound.person("bob", "operator")).principal
    approval = (await ask(bound, bob)).facts["approval"]
    verdict(bound, approval, ada)
    text = TWO.replace("approve:engineer", "approve:administrator")
    bound.database.transact(shelf.put, bound.identity.tenant, "two", text, "99.1/author", None)
    await bound.access.refresh_policies(now=True)
    approvals.present(approval)
    assert (await ask(bound, bob)).code == "access.approval_void"


async def test_an_approval_expires_and_does_not_come_back_with_the_clock(bound):
    ada = (await bound.first_administrator()).principal
    bob = (await bound.person("bob", "operator")).principal
    approval = (await ask(bound, bob)).facts["approval"]
    verdict(bound, approval, ada)
    approvals.present(approval)
    now = clock.now_us()
    for moved in (approvals.LIFE_US, -3600 * clock.MICROSECONDS):
        with clock.fixed(lambda moved=moved: now + moved):
            assert (await ask(bound, bob)).code == "access.approval_void"


async def test_who_may_decide(bound):
    ada = (await bound.first_administrator()).principal
    bob = (await bound.person("bob", "engineer")).principal
    eve = (await bound.person("eve", "operator")).principal
    approval = (await ask(bound, bob)).facts["approval"]
    for judge, code in (
        (bob, "access.approval_own"),
        (eve, "access.approval_role"),
        (bound.principal("local"), "access.approval_role"),
    ):
        with pytest.raises(Forbidden) as refusal:
            verdict(bound, approval, judge)
        assert refusal.value.code == code
    with pytest.raises(NotFound):
        verdict(bound, "nothing", ada)
    assert verdict(bound, approval, ada, approve=False).state == "refused"
    with pytest.raises(Conflict):
        verdict(bound, approval, ada)
    approvals.present(approval)
    assert (await ask(bound, bob)).code == "access.approval_void"


async def test_how_one_stands_is_said_to_who_asked_and_to_who_may_decide(bound):
    ada = (await bound.first_administrator()).principal
    bob, eve = [(await bound.person(name, "operator")).principal for name in ("bob", "eve")]
    approval = (await ask(bound, bob)).facts["approval"]

    def state(reader):
        return bound.database.transact(approvals.find, bound.identity.tenant, approval, reader, every=False).state

    assert (state(bob), state(ada)) == ("open", "open")
    with pytest.raises(NotFound, match="there is no approval"):
        state(eve)
    verdict(bound, approval, ada)
    assert state(bob) == "approved"
    later = clock.now_us() + approvals.LIFE_US
    with clock.fixed(lambda: later):
        assert state(bob) == "expired"
    approvals.present(approval)
    await bound.access.require(bob, "demo:control", "reactor", sent=digest("a"))
    assert state(bob) == "used"
    approvals.present("")
    other = (await ask(bound, bob, sent="b")).facts["approval"]
    verdict(bound, other, ada, approve=False)
    assert bound.database.transact(approvals.find, bound.identity.tenant, other, bob, every=False).state == "refused"


async def test_of_two_repeats_at_once_one_goes_through(bound):
    ada = (await bound.first_administrator()).principal
    bob = (await bound.person("bob", "operator")).principal
    approval = (await ask(bound, bob)).facts["approval"]
    verdict(bound, approval, ada)
    approvals.present(approval)
    repeats = [bound.access.require(bob, "demo:control", "reactor", sent=digest("a")) for _ in range(4)]
    outcomes = await asyncio.gather(*repeats, return_exceptions=True)
    assert sorted(getattr(one, "code", "through") for one in outcomes) == ["access.approval_void"] * 3 + ["through"]


async def test_nobody_fills_the_list_of_approvals(bound):
    bob = (await bound.person("bob", "operator")).principal
    for number in range(approvals.OPEN_AT_ONCE):
        await ask(bound, bob, str(number))
    with pytest.raises(TooMany):
        await bound.access.require(bob, "demo:control", "reactor", sent=digest("more"))


async def test_a_service_that_asks_on_behalf_of_somebody_need_not_ask_again(bound):
    bob = (await bound.person("bob", "operator")).principal
    assert (await bound.access.require(bob, "demo:control", "reactor", approval=False)).allowed


async def test_mask_and_sample_come_back_with_the_decision(office):
    text = '@obligation("mask:operator sample:5") permit (principal, action == Action::"history:read", resource);'
    office.database.transact(shelf.put, office.identity.tenant, "thin", text, "99.1/author", None)
    ada = (await office.first_administrator()).principal
    decision = await office.access.require(ada, "history:read", "tag")
    assert [(duty.kind, duty.argument) for duty in decision.obligations] == [("mask", "operator"), ("sample", "5")]
    assert await office.audit("history:read") == []
