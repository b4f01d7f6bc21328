"""A zone plan that cannot be is refused with every fault named; the default one keeps nothing apart."""

import msgspec
import pytest

from lineshaft.access.zones.model import DEFAULT, ZonePlan, check_plan, decode_plan
from lineshaft.core.errors import InvalidInput


def plan(**changes) -> bytes:
    document = {
        "hub": "control",
        "zones": [
            {"name": "control", "networks": ["10.20.0.0/24", "fd00:20::/64"]},
            {"name": "press", "security_level": 3, "networks": ["10.30.1.0/24"], "members": ["gateway"]},
            {"name": "office"},
        ],
        "conduits": [{"name": "up", "from": "press", "to": "control", "flows": [{"kind": "telemetry"}]}],
    }
    return msgspec.json.encode(document | changes)


def zones(*given) -> list[dict]:
    return [{"name": "control"}, *given]


def conduit(**changes) -> list[dict]:
    flows = [{"kind": "tcp", "ports": [4840]}]
    return [{"name": "c", "from": "control", "to": "press", "flows": flows} | changes]


def test_the_plan_of_a_new_box_is_one_zone_that_holds_everything():
    check_plan(DEFAULT)
    assert DEFAULT.hub_zone == "site"
    assert DEFAULT.zone_of("gateway") == "site"


def test_a_plan_survives_being_written_and_read():
    read = decode_plan(plan())
    assert decode_plan(msgspec.json.encode(read)) == read
    assert msgspec.json.decode(msgspec.json.encode(read))["conduits"][0]["from"] == "press"


def test_who_is_in_no_zone_is_in_the_hub():
    read = decode_plan(plan())
    assert (read.zone_of("gateway"), read.zone_of("ada")) == ("press", "control")


def test_a_conduit_of_both_ways_leads_both_ways():
    read = decode_plan(plan(conduits=conduit(both_ways=True)))
    assert read.flows("press", "control") == read.flows("control", "press") != []
    assert read.flows("office", "control") == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"zones": []}, ["zones is 0"]),
        ({"hub": "nowhere"}, ["hub is 'nowhere': there is no such zone"]),
        ({"zones": zones({"name": "press"}, {"name": "press"})}, ["zones.name is 'press': it is there twice"]),
        ({"conduits": conduit() + conduit()}, ["conduits.name is 'c': it is there twice"]),
        ({"conduits": conduit(to="nowhere")}, ["conduits.c.to is 'nowhere': there is no such zone"]),
        ({"conduits": conduit(to="control")}, ["conduits.c.to is 'control': a conduit joins two zones"]),
        ({"conduits": conduit(flows=[])}, ["conduits.c.flows is []"]),
        ({"conduits": conduit(flows=[{"kind": "udp"}])}, ["conduits.c.flows.ports is []: a udp flow names its ports"]),
        ({"conduits": conduit(flows=[{"kind": "icmp", "ports": [1]}])}, ["an icmp flow has none"]),
        ({"conduits": conduit(to="office")}, ["the zone office has no networks"]),
        ({"conduits": conduit(to="office", flows=[{"kind": "telemetry"}])}, ["the zone office has no members"]),
        (
            {"conduits": conduit(**{"from": "press", "to": "office"}, flows=[{"kind": "telemetry"}])},
            ["telemetry begins or ends at the bus, in the zone control"],
        ),
        ({"conduits": conduit(flows=[{"kind": "command", "subjects": ["cmd..x"]}])}, ["no pattern of bus subjects"]),
        ({"conduits": conduit(flows=[{"kind": "command", "subjects": ["svc.>"]}])}, ["it begins with data"]),
        ({"conduits": conduit(flows=[{"kind": "api", "subjects": ["data.>"]}])}, ["only telemetry and command"]),
        (
            {"zones": zones({"name": "a", "members": ["gateway"]}, {"name": "b", "members": ["gateway"]})},
            ["zones.b.members is 'gateway': it is a member of a already"],
        ),
        ({"zones": zones({"name": "a", "members": ["web"]})}, ["zones.a.members is 'web': it gives out the plan"]),
        ({"zones": zones({"name": "a", "interface": 'e"h0'})}, ["zones.interface is 'e\"h0'"]),
        ({"zones": zones({"name": "a", "networks": ["10.0.0.1/8"]})}, ["zones.a.networks is '10.0.0.1/8'", "host bits"]),
        ({"zones": zones({"name": "a", "networks": ["mars"]})}, ["zones.a.networks is 'mars': no network"]),
        (
            {"zones": zones({"name": "a", "networks": ["10.0.0.0/8"]}, {"name": "b", "networks": ["10.1.0.0/16"]})},
            ["zones.b.networks is '10.1.0.0/16': it overlaps 10.0.0.0/8 of a"],
        ),
        (
            {"zones": zones({"name": "a", "networks": ["fd00::/8"]}, {"name": "b", "networks": ["fd00:1::/32"]})},
            ["it overlaps fd00::/8 of a"],
        ),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_refused_by_field_value_and_rule(changes, named):
    with pytest.raises(InvalidInput) as caught:
        decode_plan(plan(**({"conduits": []} | changes)))
    assert caught.value.code == "access.zone_plan_invalid"
    for part in named:
        assert part in caught.value.message


def test_all_faults_are_told_at_once():
    with pytest.raises(InvalidInput) as caught:
        decode_plan(plan(hub="nowhere", conduits=conduit(to="elsewhere")))
    assert caught.value.facts["count"] == 2


@pytest.mark.parametrize(
    "document",
    [b"{", b"[]", b'{"zones": [{"name": "No Name"}]}', b'{"zones": [{"name": "a", "security_level": 5}]}',
     b'{"zones": [{"name": "a"}], "walls": []}', plan(conduits=[{"name": "c", "from": "press", "to": "control", "flows": [{"kind": "tcp", "ports": [70000]}]}])],
)  # fmt: skip
def test_what_is_no_plan_is_refused(document):
    with pytest.raises(InvalidInput, match="zone_plan_unreadable"):
        decode_plan(document)


def test_a_plan_has_no_end_of_zones():
    with pytest.raises(InvalidInput, match="1 to 500 zones"):
        check_plan(
            ZonePlan(
                zones=tuple(msgspec.convert([{"name": f"z{n}"} for n in range(501)], list[type(DEFAULT.zones[0])]))
            )
        )
