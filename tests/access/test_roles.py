"""Who may do what: deny by default, roles that contain one another, tokens that only narrow."""

import itertools

import pytest

from lineshaft.access.decisions import decide
from lineshaft.access.grants import GRANTS, may_ask
from lineshaft.access.model import SCOPES, TEMPLATE
from lineshaft.access.roles import ACTIONS, LADDER, ROLE_ACTIONS, check_roles, check_scopes
from lineshaft.core.errors import InvalidInput
from lineshaft.core.principals import Principal


def somebody(*roles, kind="person", name="ada", tenant="main", **attributes):
    return Principal(
        id="99.1/person.1", name=name, kind=kind, tenant=tenant, roles=frozenset(roles), attributes=attributes
    )


def allowed(principal, action, tenant="main"):
    return decide(tenant, principal, action).allowed


def test_each_role_has_all_of_the_one_below_and_more():
    for lower, higher in itertools.pairwise(LADDER):
        assert ROLE_ACTIONS[lower] < ROLE_ACTIONS[higher]
    assert ROLE_ACTIONS["administrator"] == set(ACTIONS)


@pytest.mark.parametrize(
    ("action", "lowest"),
    [
        ("access:self", "viewer"),
        ("history:read", "viewer"),
        ("edge:read", "viewer"),
        ("system:read", "viewer"),
        ("jobs:read", "viewer"),
        ("demo:control", "operator"),
        ("jobs:run", "operator"),
        ("edge:configure", "engineer"),
        ("history:write", "engineer"),
        ("records:backup", "engineer"),
        ("access:manage", "administrator"),
        ("access:audit", "administrator"),
    ],
)
def test_an_action_begins_at_its_role(action, lowest):
    for rank, role in enumerate(LADDER):
        assert allowed(somebody(role), action) is (rank >= LADDER.index(lowest))


def test_nobody_may_do_what_is_not_declared():
    for action in ("", "*", "history:*", "history:drop", "access", "ACCESS:SELF"):
        assert not allowed(somebody("administrator"), action)


def test_without_a_role_nothing_is_allowed():
    assert not any(allowed(somebody(), action) for action in ACTIONS)
    assert not any(allowed(somebody("service"), action) for action in ACTIONS)


def test_another_tenants_principal_may_do_nothing():
    assert not any(allowed(somebody("administrator", tenant="other"), action) for action in ACTIONS)


def test_scopes_only_narrow():
    token = somebody("viewer", **{SCOPES: "history:read access:manage"})
    assert allowed(token, "history:read")
    assert not allowed(token, "access:manage")
    assert not allowed(token, "edge:read")
    assert not allowed(somebody("administrator", **{SCOPES: ""}), "history:read")
    assert allowed(somebody("administrator", **{SCOPES: "*"}), "access:manage")
    assert not allowed(somebody("viewer", **{SCOPES: "*"}), "access:manage")


def test_only_services_have_grants_and_only_their_own():
    web = somebody("service", kind="service", name="web")
    assert allowed(web, "access:sign_in")
    assert not allowed(web, "access:manage")
    assert not allowed(somebody("administrator", name="web"), "access:sign_in")
    assert not may_ask(somebody("service", kind="service", name="gateway"), "access:sign_in")
    assert not may_ask(somebody("service", kind="service", name="stranger"), "access:sign_in")
    press = somebody("service", kind="service", name="press1", **{TEMPLATE: "web"})
    assert may_ask(press, "history:latest")


def test_what_is_asked_is_served_by_somebody():
    served = {action for grant in GRANTS.values() for action in (*grant.serves, *grant.answers)}
    assert {action for grant in GRANTS.values() for action in grant.asks} <= served


def test_every_decision_has_its_own_id_and_says_why():
    first, second = decide("main", somebody(), "history:read", "a"), decide("main", somebody(), "history:read", "a")
    assert first.id != second.id
    assert (first.action, first.resource, bool(first.reason)) == ("history:read", "a", True)


@pytest.mark.parametrize("roles", [[], ["service"], ["root"], ["viewer", "Viewer"]])
def test_roles_of_people_are_the_four(roles):
    with pytest.raises(InvalidInput) as refusal:
        check_roles(roles)
    assert refusal.value.code == ("access.role_unknown" if roles else "access.roles_empty")


@pytest.mark.parametrize(
    ("scopes", "code"),
    [
        ([], "access.scopes_empty"),
        (["*"], "access.scope_unknown"),
        (["history:read", "nothing"], "access.scope_unknown"),
        (["history:read", "access:manage"], "access.scope_beyond_role"),
    ],
)
def test_scopes_stay_within_the_owners_roles(scopes, code):
    with pytest.raises(InvalidInput) as refusal:
        check_scopes(scopes, ROLE_ACTIONS["viewer"])
    assert refusal.value.code == code


def test_every_route_declares_its_action_or_why_it_has_none():
    from lineshaft.access.api import ROUTES

    for handler in ROUTES:
        assert ("public" in handler.opt) != ("action" in handler.opt), handler
        assert handler.opt.get("public") or handler.opt["action"] in ACTIONS, handler
