"""Sparkplug on the bus's MQTT: what an edge node and a host may do, and what zones leave of it."""

import pytest

from lineshaft.access import sparkplug
from lineshaft.access.grants import bus_permissions
from lineshaft.access.zones.model import DEFAULT, Conduit, Flow, Zone, ZonePlan
from lineshaft.bus.subjects import Subjects
from lineshaft.core.errors import InvalidInput
from lineshaft.core.principals import Principal

SUBJECTS = Subjects("main", "box")


def allowed(attribute, *, kind="device", plan=DEFAULT):
    who = Principal(id="1/press", name="press", kind=kind, tenant="main", attributes={sparkplug.ATTRIBUTE: attribute})
    found = bus_permissions(who, SUBJECTS, plan)
    ours = [[each for each in side if each.startswith("spBv1")] for side in (found.publish, found.subscribe)]
    return tuple(map(sorted, ours))


def test_an_edge_node_speaks_in_its_own_name_and_hears_its_own_commands():
    publish, subscribe = allowed(sparkplug.node("north", "line-1"))
    assert publish == sorted(
        f"spBv1//0.north.{topic}"
        for topic in ("NBIRTH.line-1", "NDEATH.line-1", "NDATA.line-1", "DBIRTH.line-1.*", "DDEATH.line-1.*", "DDATA.line-1.*")
    )  # fmt: skip
    assert subscribe == ["spBv1//0.north.DCMD.line-1.*", "spBv1//0.north.NCMD.line-1"]


def test_a_host_commands_and_hears_one_group_and_says_its_own_state():
    publish, subscribe = allowed(sparkplug.host("north", "scada"))
    assert publish == ["spBv1//0.STATE.scada", "spBv1//0.north.DCMD.*.*", "spBv1//0.north.NCMD.*"]
    assert "spBv1//0.north.DDATA.*.*" in subscribe
    assert all(each.startswith(("spBv1//0.north.", "spBv1//0.STATE.scada")) for each in subscribe)


@pytest.mark.parametrize("attribute", ["", "node", "node/north", "node/a/b/c", "host/a", "everything/a/b", "*"])
def test_an_attribute_that_is_none_gives_nothing(attribute):
    assert allowed(attribute) == ([], [])


@pytest.mark.parametrize("kind", ["service", "person", "app"])
def test_only_devices_get_it(kind):
    assert allowed(sparkplug.node("north", "line-1"), kind=kind) == ([], [])


@pytest.mark.parametrize("part", ["", "a.b", "a/b", "*", ">", "a b"])
def test_ids_that_would_be_more_than_one_subject_are_refused(part):
    for make in (
        lambda: sparkplug.node("north", part),
        lambda: sparkplug.node(part, "x"),
        lambda: sparkplug.host(part, "x"),
    ):
        with pytest.raises(InvalidInput):
            make()


@pytest.mark.parametrize(
    ("up", "down", "publishes", "hears"),
    [((), (), 0, 0), (("telemetry",), (), 6, 0), (("telemetry",), ("command",), 6, 2), (("command",), ("api",), 0, 0)],
)
def test_a_zone_without_the_conduit_closes_values_and_commands(up, down, publishes, hears):
    ways = [("up", "cell", "hub", up), ("down", "hub", "cell", down)]
    conduits = tuple(
        Conduit(name=name, source=source, target=target, flows=tuple(Flow(kind=kind) for kind in kinds))
        for name, source, target, kinds in ways
        if kinds
    )
    plan = ZonePlan(zones=(Zone(name="hub"), Zone(name="cell", members=("press",))), conduits=conduits)
    for group, node in (("north", "line-1"), ("DCMD", "NCMD")):  # names that look like types of messages
        publish, subscribe = allowed(sparkplug.node(group, node), plan=plan)
        assert (len(publish), len(subscribe)) == (publishes, hears)
