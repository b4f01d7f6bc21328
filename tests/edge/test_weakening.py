"""What takes safety away, and so needs a second person: told in words; what does not, passes."""

import pytest
from msgspec.structs import replace

from lineshaft.edge.model import Device, Point, WriteRules
from lineshaft.edge.weakening import of_device, of_guard

SPEED = Point(
    name="speed", address="holding:40", type="uint16", scale="0.1", access="read-write",
    write=WriteRules(minimum=0.0, maximum=10.0, rate=2.0, interlock='tag("press/open")'),
)  # fmt: skip
VALVE = Point(
    name="valve",
    address="coil:3",
    type="bool",
    kind="boolean",
    access="read-write",
    write=WriteRules(classification="A"),
)


def device(*points):
    return Device(name="press", path="a/b/press", driver="modbus", endpoint="modbus-tcp://127.0.0.1:1", points=points)


def lost(*points):
    return of_device(device(SPEED, VALVE), device(*points))


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"maximum": 11.0}, "write.maximum 10 → 11"), ({"minimum": -1.0}, "write.minimum 0 → -1"),
        ({"maximum": None}, "write.maximum 10 → none"), ({"rate": 3.0}, "rate 2 → 3"), ({"rate": None}, "rate 2 → none"),
        ({"interlock": ""}, "interlock"),
    ],
)  # fmt: skip
def test_wider_rules_take_safety_away(rules, words):
    (reason,) = lost(replace(SPEED, write=replace(SPEED.write, **rules)), VALVE)
    assert words in reason


def test_narrower_rules_and_new_points_do_not():
    narrower = replace(SPEED, write=replace(SPEED.write, maximum=5.0, rate=1.0, classification="A"))
    more = Point(name="level", address="holding:9", type="uint16", access="read-write")
    assert lost(narrower, replace(VALVE, description="of the cellar"), more) == []
    assert of_device(None, device(SPEED)) == []


def test_a_lower_class_is_seen_under_another_name_and_at_another_address():
    lower = replace(VALVE, write=WriteRules())
    assert lost(SPEED, lower) == ["valve: class A → B"]
    assert lost(SPEED, replace(lower, name="tap")) == ["valve: class A → B"]
    assert len(lost(SPEED, replace(VALVE, address="coil:4"))) == 1, "nothing holds for coil:3 any more"
    assert lost(SPEED, VALVE, replace(lower, name="tap")) == ["valve: class A → B"], "one register under two names"


def test_taking_a_class_a_point_or_its_device_out_is_one_too():
    assert len(lost(SPEED)) == 1
    assert len(of_device(device(SPEED, VALVE), None)) == 1
    assert of_device(device(SPEED), None) == []


def test_another_meaning_of_a_limited_value_is_one_too():
    assert lost(replace(SPEED, scale="1"), VALVE) == ["speed: what its value means: scale"]


def test_a_guard_that_no_longer_enforces():
    assert of_guard(None, {"mode": "shadow"}) == ["the guard: enforce → shadow"]
    assert of_guard({"mode": "enforce"}, {"mode": "learn"}) != []
    assert of_guard({"mode": "shadow"}, {"mode": "learn"}) == []
    assert of_guard({"mode": "learn"}, None) == of_guard(None, None) == []
    assert of_guard({"reads": "closed"}, None) == ["the guard: reads closed → open"]
    assert of_guard(None, {"reads": "closed"}) == []


STEAM = (
    '@id("steam") permit (principal in Role::"operator", action == Action::"modbus.write_single_register", '
    'resource == Device::"press") when {{ context.start >= 40 && context.end <= {end} && '
    '["a", "b"].contains(context.node) && {more} }};'
)
NO_PROGRAMS = (
    '@id("programs") forbid (principal, action in Action::"program", resource) when { context.presence == false };'
)


def policy(*rules, end=49, more="context.maximum <= 80", **document):
    return {"policy": "\n".join((STEAM.format(end=end, more=more), *rules)), **document}


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (policy(NO_PROGRAMS, end=50), "'steam' permits more"),
        (policy(NO_PROGRAMS, more="context.maximum <= 81"), "'steam' permits more"),
        (policy(NO_PROGRAMS, more="context.minimum >= 0"), "'steam' permits more"),
        (policy(NO_PROGRAMS, more="(context.maximum <= 80 || context.presence)"), "'steam' permits more"),
        (policy(NO_PROGRAMS, "permit (principal, action, resource);"), "a new rule permits: 'permit-"),
        (policy(), "a rule that forbids is gone: 'programs'"),
        (policy(NO_PROGRAMS.replace("resource)", 'resource == Device::"press")')), "'programs' forbids less"),
        (policy(NO_PROGRAMS.replace("== false }", "== false && context.start >= 1 }")), "'programs' forbids less"),
        (None, "a new rule permits: 'commands'"),
    ],
)  # fmt: skip
def test_a_policy_that_lets_more_through(after, words):
    reasons = of_guard(policy(NO_PROGRAMS), after)
    assert any(words in reason for reason in reasons), reasons


@pytest.mark.parametrize(
    "after",
    [
        policy(NO_PROGRAMS), policy(NO_PROGRAMS, end=44), policy(NO_PROGRAMS, more="context.maximum <= 80 && context.presence"),
        policy(NO_PROGRAMS.replace('action in Action::"program"', "action")),
        policy(NO_PROGRAMS, "forbid (principal, action, resource) when { context.start == 41 };"), policy(NO_PROGRAMS, time_zone="Asia/Shanghai"),
        {"policy": NO_PROGRAMS},
    ],
)  # fmt: skip
def test_a_policy_that_lets_less_through_needs_nobody(after):
    assert of_guard(policy(NO_PROGRAMS), after) == []


def test_what_rules_ask_of_clock_and_mode_is_part_of_them():
    timed = policy(more="context.minute_of_day < 60")
    assert of_guard(timed, {**timed, "time_zone": "Asia/Shanghai"}) != []
    moded = policy(more='context.mode == "maintenance"')
    assert of_guard({**moded, "plant_mode": "run"}, {**moded, "plant_mode": "maintenance"}) != []
