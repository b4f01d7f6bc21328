"""Decisions: the defaults, zones and grades, obligations, expiry, errors, what is remembered, how many are met."""

import random

import cedarpy
import msgspec
import pytest

from lineshaft.access.grants import GRANTS
from lineshaft.access.model import SCOPES, TEMPLATE
from lineshaft.access.policy import engine as engines
from lineshaft.access.policy import entities, schema
from lineshaft.access.policy.engine import Engine
from lineshaft.access.roles import ACTIONS, LADDER, actions_of
from lineshaft.core import clock
from lineshaft.core.principals import Principal, Resource

ANY = Resource(id="*")


def somebody(*roles, kind="person", name="ada", tenant="main", zone="", clearance=3, **attributes):
    return Principal(
        id=f"99.1/{name}", name=name, kind=kind, tenant=tenant, roles=frozenset(roles), zone=zone, clearance=clearance,
        attributes=attributes,
    )  # fmt: skip


def made(text="", **options):
    return Engine([("mine", text)] if text else [], tenant="main", **options)


def ruling(text, who, action="history:read", resource=ANY, context=None):
    return made(text).decide(who, action, resource, context or {})


def test_the_default_policies_are_the_table_of_roles_and_the_grants():
    engine = made()
    for role in LADDER:
        for kind in ("person", "app", "device", "node", "service"):
            who = somebody(role, kind=kind)
            allowed = {action for action in schema.groups_of_actions() if engine.decide(who, action, ANY, {}).allowed}
            assert allowed == actions_of(frozenset({role}))
    for name, grant in GRANTS.items():
        for who in (somebody(kind="service", name=name), somebody(kind="service", name="x", **{TEMPLATE: name})):
            allowed = {action for action in schema.groups_of_actions() if engine.decide(who, action, ANY, {}).allowed}
            assert allowed == set(grant.asks)


def test_a_forbid_wins_and_says_why():
    text = '@id("dark") @reason("the lights are out") forbid (principal, action == Action::"demo:control", resource);'
    denied = ruling(text, somebody("administrator"), "demo:control")
    assert (denied.allowed, denied.policies, denied.reason) == (False, ("mine/dark",), "the lights are out")
    assert ruling(text, somebody("administrator"), "demo:read").policies == ("roles/viewer",)
    assert ruling("forbid (principal, action, resource);", somebody("viewer")).reason == "forbidden by mine/1"


def test_data_above_the_clearance_is_denied_and_an_unknown_grade_is_the_highest():
    for clearance in (1, 2, 3):
        for grade, counts_as in ((None, 0), (1, 1), (2, 2), (3, 3), (0, 3), (7, 3)):
            got = ruling(
                "", somebody("viewer", clearance=clearance), resource=Resource(id="t", kind="tag", grade=grade)
            )
            assert got.allowed is (counts_as <= clearance), (clearance, grade)


def test_another_tenants_object_is_out_of_reach_whatever_the_role():
    who = somebody("administrator", tenant="other")
    assert not ruling("permit (principal, action, resource);", who).allowed
    assert ruling("", who, resource=Resource(id="t", tenant="other")).allowed
    assert (
        ruling("", somebody("viewer"), resource=Resource(id="t", tenant="other")).reason == "another tenant's principal"
    )


def test_scopes_narrow_what_uploaded_policies_permit_too():
    token = somebody("viewer", **{SCOPES: "history:read"})
    text = "permit (principal, action, resource);"
    assert ruling(text, token, "history:read").allowed
    assert ruling(text, token, "demo:control").reason == "outside the token's scopes"


def test_zones_of_principals_and_objects_decide():
    text = """
    forbid (principal, action in [Action::"control", Action::"configure"], resource in Zone::"reaction")
    unless { principal in Zone::"reaction" };
    """
    reactor, there, elsewhere = Resource(id="r", zone="reaction"), "reaction", "packing"
    assert ruling(text, somebody("operator", zone=there), "demo:control", reactor).allowed
    assert not ruling(text, somebody("operator", zone=elsewhere), "demo:control", reactor).allowed
    assert not ruling(text, somebody("operator"), "demo:control", reactor).allowed
    assert ruling(text, somebody("operator", zone=elsewhere), "demo:read", reactor).allowed
    assert ruling(text, somebody("operator", zone=elsewhere), "demo:control", Resource(id="p")).allowed


def test_attributes_are_tags_and_groups_of_actions_can_be_asked_for():
    text = """
    forbid (principal, action, resource)
    when { action in Action::"control" && resource.hasTag("safety") && resource.getTag("safety") == "SIL2" };
    """
    guarded = Resource(id="v", attributes={"safety": "SIL2"})
    assert not ruling(text, somebody("operator"), "demo:control", guarded).allowed
    assert ruling(text, somebody("operator"), "demo:read", guarded).allowed
    assert ruling(text, somebody("operator"), "demo:control", Resource(id="v", attributes={"safety": "1"})).allowed


def test_context_is_told_and_never_remembered():
    text = 'forbid (principal, action, resource) when { context has method && context.method == "DELETE" };'
    engine = made(text)
    for _ in range(2):
        assert engine.decide(somebody("viewer"), "history:read", ANY, {"method": "GET"}).allowed
        assert not engine.decide(somebody("viewer"), "history:read", ANY, {"method": "DELETE"}).allowed


def test_time_of_day_can_decide():
    text = 'forbid (principal, action, resource) when { context.now.toTime() < duration("6h") };'
    engine = made(text)
    for hour, allowed in (("05:59:59", False), ("06:00:00", True)):
        with clock.fixed(lambda hour=hour: clock.parse_time(f"2026-03-01T{hour}Z")):
            assert engine.decide(somebody("viewer"), "history:read", ANY, {}).allowed is allowed


def test_a_policy_counts_no_more_after_its_expiry_though_the_answer_was_remembered():
    text = '@expires("2030-01-01T00:00:00Z") permit (principal, action == Action::"demo:control", resource);'
    engine, who = made(text), somebody("viewer")
    with clock.fixed(lambda: clock.parse_time("2029-12-31T23:59:59.999999Z")):
        assert engine.decide(who, "demo:control", ANY, {}).allowed
        assert engine.decide(who, "demo:control", ANY, {}).allowed
    with clock.fixed(lambda: clock.parse_time("2030-01-01T00:00:00Z")):
        assert not engine.decide(who, "demo:control", ANY, {}).allowed
        assert not engine.decide(who, "demo:control", ANY, {}).allowed


def test_obligations_of_all_permits_that_decide_are_collected():
    text = """
    @id("a") @obligation("mask:name sample:10") permit (principal in Role::"viewer", action, resource);
    @id("b") @obligation("approve:engineer") permit (principal in Role::"engineer", action, resource);
    """
    duties = [(duty.kind, duty.argument, duty.policy) for duty in ruling(text, somebody("viewer")).obligations]
    assert duties == [("mask", "name", "mine/a"), ("sample", "10", "mine/a")]
    assert len(ruling(text, somebody("engineer")).obligations) == 3
    assert ruling(text + "forbid (principal, action, resource);", somebody("engineer")).obligations == ()


def test_what_cannot_be_evaluated_denies_and_is_counted():
    before = engines.ERRORS._value.get()
    text = "permit (principal, action, resource) when { 9223372036854775807 + principal.clearance > 0 };"
    denied = ruling(text, somebody("administrator"))
    assert not denied.allowed
    assert "overflow" in denied.reason
    assert engines.ERRORS._value.get() == before + 1


def test_an_engine_that_breaks_denies(monkeypatch):
    def broken(*_):
        raise ValueError("no answer")

    monkeypatch.setattr(cedarpy, "is_authorized", broken)
    denied = ruling("", somebody("administrator"))
    assert (denied.allowed, "no answer" in denied.reason) == (False, True)


def test_names_of_any_shape_are_only_names():
    for name in ('a"b', "a\\", "a\nb", '"] , "x', 'Zone::"z"', "é中\u0000"):
        who = somebody("viewer", zone=name, **{"note": name, SCOPES: "history:read"})
        who = msgspec.structs.replace(who, projects=(name,))
        assert ruling("", who, resource=Resource(id=name, zone=name, project=name, attributes={name: name})).allowed


def test_remembered_answers_follow_the_principal_and_the_object():
    engine = made('forbid (principal, action, resource) when { principal.hasTag("barred") || resource.grade == 2 };'
                  .replace("resource.grade == 2", "(resource has grade && resource.grade == 2)"))  # fmt: skip
    assert engine.decide(somebody("viewer"), "history:read", ANY, {}).allowed
    assert not engine.decide(somebody(), "history:read", ANY, {}).allowed
    assert not engine.decide(somebody("viewer", barred="yes"), "history:read", ANY, {}).allowed
    assert not engine.decide(somebody("viewer"), "history:read", Resource(id="*", grade=2), {}).allowed
    assert engine.decide(somebody("viewer"), "history:read", ANY, {}).allowed


@pytest.mark.parametrize(
    ("condition", "answers"),
    [
        ("", 1),
        ('principal.name == "ada"', 1),
        ('resource.kind == "tag"', 2),
        ('resource.id == "a"', 3),
        ('resource == Object::"a"', 3),
        ('[Object::"a"].contains(resource)', 3),
        ('resource.hasTag("line")', 2),
        ('resource in Project::"p"', 3),
    ],
)
def test_one_answer_serves_the_objects_that_no_policy_tells_apart(condition, answers):
    text = f"forbid (principal, action, resource) when {{ {condition or 'false'} }};"
    remembering, forgetful = made(text), made(text, remember=False)
    objects = [
        Resource(id="a", kind="tag"), Resource(id="b", kind="tag"), Resource(id="c", kind="pump", attributes={"line": "2"}),
    ]  # fmt: skip
    for resource in objects * 2:
        asked = somebody("viewer"), "history:read", resource, {}
        assert remembering.decide(*asked) == forgetful.decide(*asked)
    assert len(remembering._rulings) == answers


def test_an_object_that_a_scope_names_has_an_answer_of_its_own():
    engine = made('forbid (principal, action, resource == Object::"a");')
    for name, allowed in (("b", True), ("a", False), ("c", True)):
        assert engine.decide(somebody("viewer"), "history:read", Resource(id=name), {}).allowed is allowed


ZONES = 50


def plant_policies(seeded, count=1000):
    """A set as a large plant has: `count` policies over 50 zones, some of them for everywhere."""
    groups = [*schema.GROUPS.values(), schema.ASK]
    whens = (
        "",
        "when { principal.clearance > 1 }",
        'when { resource.kind == "tag" }',
        'unless { principal.name == "eve" }',
    )
    for number in range(count):
        effect = "permit" if seeded.random() < 0.7 else "forbid"
        who = seeded.choice((f'principal in Role::"{seeded.choice(LADDER)}"', "principal is Device", "principal"))
        what = seeded.choice(
            (f'action in Action::"{groups[number % 4]}"', f'action == Action::"{seeded.choice(list(ACTIONS))}"')
        )
        zone = f'resource in Zone::"zone{number % ZONES}"'
        yield f'@id("{number}") {effect} ({who}, {what}, {zone}) {seeded.choice(whens)};'


def request(seeded):
    kind = seeded.choice(("person", "person", "device", "app", "service"))
    who = Principal(
        id=f"99.1/{seeded.randrange(30)}", name=seeded.choice(("ada", "eve", "web", "history")), kind=kind,
        tenant="main" if seeded.random() < 0.95 else "other", roles=frozenset(seeded.sample(LADDER, seeded.randrange(3))),
        zone=f"zone{seeded.randrange(ZONES)}", clearance=seeded.randint(1, 3),
        attributes={SCOPES: " ".join(seeded.sample(list(ACTIONS), 5))} if seeded.random() < 0.2 else {},
    )  # fmt: skip
    resource = Resource(
        id=f"o{seeded.randrange(100)}", kind=seeded.choice(("tag", "device")), zone=f"zone{seeded.randrange(ZONES + 5)}",
        grade=seeded.choice((None, 1, 2, 3)),
    )  # fmt: skip
    return who, seeded.choice(list(schema.groups_of_actions())), resource


def plain(engine):
    """The same policies as plain Cedar takes them, and the function that asks it."""
    texts = [policy for _, text in engine.texts for policy in [text]]
    whole = cedarpy.PolicySet.from_str("\n".join(texts))
    order = list(engine.policies)

    def ask(who, action, resource):
        asked = {
            "principal": entities.principal_uid(who), "action": entities.uid("Action", action),
            "resource": entities.resource_uid(resource), "context": entities.context_text({}),
        }  # fmt: skip
        known = entities.handle(
            entities.principal_entity(who), entities.resource_entity(resource, "main"), entities.action_entity(action)
        )
        answer = cedarpy.is_authorized(asked, whole, known)
        return answer.allowed, tuple(
            sorted(order[int(one.removeprefix("policy"))] for one in answer.diagnostics.reasons)
        )

    return ask


def test_a_thousand_policies_decide_as_plain_cedar_and_a_request_meets_twenty_at_most():
    seeded = random.Random(7)
    engine = made("\n".join(plant_policies(seeded)))
    ask = plain(engine)
    outcomes = set()
    for _ in range(400):
        who, action, resource = request(seeded)
        engine.decide(who, action, msgspec.structs.replace(resource, id="another"), {})
        got = engine.decide(who, action, resource, {})
        assert (got.allowed, got.policies) == ask(who, action, resource)
        assert len(engine.slice_of(who, action, resource).policies) <= 20
        outcomes.add(got.allowed)
    assert outcomes == {True, False}


@pytest.mark.parametrize("action", ["", "*", "history:drop", 'x"', "read"])
def test_what_is_no_action_is_denied_whatever_is_permitted(action):
    denied = ruling("permit (principal, action, resource);", somebody("administrator"), action)
    assert (denied.allowed, denied.reason) == (False, "no such action")
