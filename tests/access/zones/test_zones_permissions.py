"""What conduits leave of a principal's permissions on the bus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.access.grants import bus_permissions
from lineshaft.access.zones.model import DEFAULT, Conduit, Flow, Zone, ZonePlan
from lineshaft.access.zones.permissions import common
from lineshaft.bus.subjects import Subjects
from lineshaft.core.principals import Principal

SUBJECTS = Subjects("acme", "north")
ROOT = "ls.acme.north."


def service(name: str) -> Principal:
    return Principal(id=f"99.1/{name}", name=name, kind="service", tenant="acme")


def plan(*conduits: Conduit) -> ZonePlan:
    zones = (Zone(name="control"), Zone(name="press", members=("gateway",)), Zone(name="records", members=("history",)))
    return ZonePlan(zones=zones, conduits=conduits, hub="control")


def up(*flows: Flow) -> Conduit:
    return Conduit(name="up", source="press", target="control", flows=flows)


def down(*flows: Flow) -> Conduit:
    return Conduit(name="down", source="control", target="press", flows=flows)


def allowed(name: str, *conduits: Conduit):
    return bus_permissions(service(name), SUBJECTS, plan(*conduits))


@pytest.mark.parametrize("name", ["access", "gateway", "history", "plant", "web"])
def test_a_plan_of_one_zone_takes_nothing_away(name):
    full = bus_permissions(service(name), SUBJECTS, DEFAULT)
    everything = Flow(kind="telemetry"), Flow(kind="command"), Flow(kind="api")
    both = Conduit(name="b", source="control", target="records", flows=everything, both_ways=True)
    widest = allowed(name, up(*everything), down(*everything), both)
    assert widest == full


def test_without_a_conduit_a_gateway_keeps_its_inbox_its_configuration_and_what_the_history_holds_of_it_only():
    left = allowed("gateway")
    own = [("CONFIG", f"{ROOT}config.gateway"), ("EVENTS", f"{ROOT}event.history.held.gateway")]
    assert left.publish == [f"$JS.API.DIRECT.GET.{stream}.{subject}" for stream, subject in own]
    assert left.subscribe == ["_INBOX_gateway.>", *(subject for _, subject in own)]
    assert not left.respond


def test_telemetry_passes_upwards_only_where_a_telemetry_conduit_leads_up():
    assert f"{ROOT}data.gateway.>" in allowed("gateway", up(Flow(kind="telemetry"))).publish
    assert f"{ROOT}data.gateway.>" not in allowed("gateway", down(Flow(kind="telemetry"))).publish
    assert f"{ROOT}data.gateway.>" not in allowed("gateway", up(Flow(kind="api"))).publish


def test_commands_pass_downwards_only_where_a_command_conduit_leads_down():
    assert f"{ROOT}cmd.gateway" in allowed("gateway", down(Flow(kind="command"))).subscribe
    assert f"{ROOT}cmd.gateway" not in allowed("gateway", up(Flow(kind="command"))).subscribe
    assert f"{ROOT}cmd.gateway" not in allowed("gateway", down(Flow(kind="api"))).subscribe


def test_requests_reach_a_gateway_through_a_conduit_with_requests_or_commands_and_are_answered():
    for kind in ("api", "command"):
        left = allowed("gateway", down(Flow(kind=kind)))
        assert f"{ROOT}gw.gateway.browse.*" in left.subscribe
        assert f"{ROOT}gw.gateway.flow.*.*" in left.subscribe
        assert left.respond
    assert not any(".gw." in subject for subject in allowed("gateway", up(Flow(kind="telemetry"))).subscribe)


def test_what_moves_the_plant_reaches_a_gateway_only_through_a_conduit_with_commands():
    assert f"{ROOT}gw.gateway.command.*" in allowed("gateway", down(Flow(kind="command"))).subscribe
    assert f"{ROOT}gw.gateway.command.*" not in allowed("gateway", down(Flow(kind="api"))).subscribe


def test_what_moves_the_plant_leaves_a_zone_only_through_a_conduit_with_commands():
    zones = (Zone(name="control"), Zone(name="office", members=("web",)))
    for kind in ("api", "command"):
        conduit = Conduit(name="up", source="office", target="control", flows=(Flow(kind=kind),))
        left = bus_permissions(service("web"), SUBJECTS, ZonePlan(zones=zones, conduits=(conduit,), hub="control"))
        assert (f"{ROOT}gw.*.command.web" in left.publish) == (kind == "command")
        assert (f"{ROOT}gw.*.status.web" in left.publish) == (kind == "api")


def test_subjects_narrow_what_passes():
    left = allowed("gateway", up(Flow(kind="telemetry", subjects=("data.*.furnace", "event.edge.>"))))
    assert left.publish == sorted(
        [
            f"$JS.API.DIRECT.GET.CONFIG.{ROOT}config.gateway",
            f"$JS.API.DIRECT.GET.EVENTS.{ROOT}event.history.held.gateway",
            f"{ROOT}data.gateway.furnace",
            f"{ROOT}event.edge.guard.gateway",
        ]
    )


def test_a_flow_never_gives_what_the_grants_do_not():
    left = allowed("gateway", up(Flow(kind="telemetry", subjects=("data.>", "dead.history"))))
    assert f"{ROOT}data.gateway.>" in left.publish
    assert f"{ROOT}data.>" not in left.publish
    assert f"{ROOT}dead.history" not in left.publish


def test_history_in_another_zone_reads_the_stream_only_where_telemetry_leads_to_it():
    flows = (Flow(kind="telemetry"),)
    towards = Conduit(name="c", source="control", target="records", flows=flows)
    away = Conduit(name="c", source="records", target="control", flows=flows)
    assert any("CONSUMER" in subject for subject in allowed("history", towards).publish)
    assert not any("CONSUMER" in subject for subject in allowed("history", away).publish)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("a.b", "a.b", "a.b"),
        ("a.b", "a.c", None),
        ("a.*", "a.b", "a.b"),
        ("*.b", "a.*", "a.b"),
        ("a.>", "a.b.c", "a.b.c"),
        ("a.>", "a.*.c", "a.*.c"),
        ("a.*.>", "a.b.>", "a.b.>"),
        ("a.>", "a", None),
        ("a.b", "a.b.c", None),
        (">", "a.>", "a.>"),
        ("*.>", "a", None),
    ],
)
def test_what_two_patterns_have_in_common(one, other, both):
    assert common(one, other) == both
    assert common(other, one) == both


_TOKENS = st.sampled_from(["a", "b", "*"])
_PATTERNS = st.builds(
    lambda tokens, tail: ".".join([*tokens, *tail]),
    st.lists(_TOKENS, min_size=1, max_size=3),
    st.sampled_from([[], [">"]]),
)
_SUBJECTS = st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=4).map(".".join)


def admits(pattern: str | None, subject: str) -> bool:
    """As the NATS documentation defines wildcards, token by token."""
    if pattern is None:
        return False
    wanted, given_ = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        return len(given_) >= len(wanted) and all(w in ("*", g) for w, g in zip(wanted[:-1], given_, strict=False))
    return len(given_) == len(wanted) and all(w in ("*", g) for w, g in zip(wanted, given_, strict=True))


@given(_PATTERNS, _PATTERNS, _SUBJECTS)
def test_the_common_pattern_admits_exactly_what_both_admit(one, other, subject):
    assert admits(common(one, other), subject) == (admits(one, subject) and admits(other, subject))
