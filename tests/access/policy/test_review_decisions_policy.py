"""What a set of policies must not take away, and what one approval must not give."""

import pytest
from msgspec.structs import replace

from lineshaft.access.labels import Subject
from lineshaft.access.labels.testing import open_egress
from lineshaft.access.policy import approvals, shelf
from lineshaft.core.errors import Conflict, Forbidden

AUTHOR = "99.1/author"
FOUR_EYES = """
@id("two")
@obligation("approve:administrator")
permit (principal in Role::"administrator", action == Action::"access:policy", resource);
"""


def put(office, name, text):
    return office.database.transact(shelf.put, office.identity.tenant, name, text, AUTHOR, None)


@pytest.fixture
async def manned(office):
    office.ada = (await office.first_administrator()).principal
    office.eve = (await office.person("eve", "administrator")).principal
    yield office
    approvals.present("")


@pytest.mark.parametrize(
    "condition",
    [
        'resource.kind == "route"',
        'context has method && context.method == "PUT"',
        'context.now > datetime("2090-01-01T00:00:00Z")',
        'context.now.toTime() > duration("1h") && context.now.toTime() < duration("4h")',
    ],
)
async def test_no_condition_hides_that_nobody_could_change_policies(manned, condition):
    with pytest.raises(Conflict) as refusal:
        put(manned, "dark", f"forbid (principal, action, resource) when {{ {condition} }};")
    assert refusal.value.code == "access.policy_lockout"


async def test_a_condition_on_the_time_that_leaves_policies_alone_is_taken(manned):
    text = 'forbid (principal, action in Action::"control", resource) when { context.now > datetime("2090-01-01") };'
    assert put(manned, "closing", text).version == 1


async def test_four_eyes_on_policies_need_somebody_who_may_approve(manned):
    put(manned, "two", FOUR_EYES)
    for text in (
        'forbid (principal, action == Action::"access:approve", resource);',
        'forbid (principal, action == Action::"access:approve", resource) when { principal.name != "web" };',
    ):
        with pytest.raises(Conflict):
            put(manned, "mute", text)


# -- one request, several demands ---------------------------------------------------------------------------------------

TAGS = """
@id("recorded")
@obligation("record")
permit (principal in Role::"viewer", action == Action::"history:read", resource == Object::"p/recorded");
@id("second")
@obligation("approve:administrator")
permit (principal in Role::"viewer", action == Action::"history:read", resource)
when { ["p/one", "p/two"].contains(resource.id) };
"""


def sent(text):
    async def digest():
        return text

    return digest


@pytest.fixture
async def reading(manned):
    put(manned, "tags", TAGS)
    await manned.access.refresh_policies(now=True)
    manned.gate = open_egress(manned.database, manned.identity, access=manned.access)
    yield manned
    await manned.gate.close()


async def admit(office, *paths):
    return await office.gate.admit(office.ada, "history:read", [Subject("tag", path) for path in paths])


def approve(office, approval):
    office.database.transact(approvals.decide, office.identity.tenant, approval, office.eve, approve=True)


@pytest.mark.parametrize("paths", [("p/recorded", "p/one"), ("p/one", "p/recorded"), ("p/free", "p/recorded", "p/one")])
async def test_a_tag_that_is_only_recorded_does_not_hide_one_that_needs_a_second_person(reading, paths):
    approvals.present("", sent("one request"))
    with pytest.raises(Forbidden) as refusal:
        await admit(reading, *paths)
    assert refusal.value.code == "access.approval_required"


async def test_an_approval_for_one_tag_admits_no_other_with_it(reading):
    approvals.present("", sent("only one"))
    with pytest.raises(Forbidden) as refusal:
        await admit(reading, "p/one")
    approval = refusal.value.facts["approval"]
    approve(reading, approval)
    approvals.present(approval, sent("one and two"))
    with pytest.raises(Forbidden) as refusal:
        await admit(reading, "p/one", "p/two")
    assert refusal.value.code == "access.approval_void"


async def test_an_approval_for_a_tag_is_for_the_request_as_it_was_sent(reading):
    approvals.present("", sent("a minute"))
    with pytest.raises(Forbidden) as refusal:
        await admit(reading, "p/one")
    approval = refusal.value.facts["approval"]
    approve(reading, approval)
    approvals.present(approval, sent("ten years"))
    with pytest.raises(Forbidden) as refusal:
        await admit(reading, "p/one")
    assert refusal.value.code == "access.approval_void"
    approvals.present(approval, sent("a minute"))
    assert (await admit(reading, "p/one")).decision.allowed


async def test_one_approval_is_for_all_that_is_decided_about_one_request(reading):
    put(reading, "two", FOUR_EYES)
    await reading.access.refresh_policies(now=True)
    approvals.present("", sent("both"))
    with pytest.raises(Forbidden) as refusal:
        await reading.access.require(reading.ada, "access:policy", "route")
    approval = refusal.value.facts["approval"]
    approve(reading, approval)
    approvals.present(approval, sent("both"))
    assert (await reading.access.require(reading.ada, "access:policy", "route")).allowed
    assert (await reading.access.require(reading.ada, "access:policy", "inside")).allowed
    approvals.present(approval, sent("both"))
    with pytest.raises(Forbidden) as refusal:
        await reading.access.require(reading.ada, "access:policy", "inside")
    assert refusal.value.code == "access.approval_void"
    with pytest.raises(Forbidden):
        await reading.access.require(replace(reading.eve), "access:policy", "inside")
