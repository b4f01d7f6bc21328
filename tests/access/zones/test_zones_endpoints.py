"""What a gateway may connect to, by the zone it is in."""

import pytest

from lineshaft.access.zones.endpoints import address_of, endpoint_rules
from lineshaft.access.zones.model import DEFAULT, Conduit, Flow, Zone, ZonePlan
from lineshaft.core.errors import Forbidden, InvalidInput, Unavailable

CONTROL = Zone(name="control", networks=("10.20.0.0/24", "fd00:20::/64"))
PRESS = Zone(name="press", networks=("10.30.1.0/24", "fd00:30::/64"), members=("gateway",))
OFFICE = Zone(name="office", networks=("10.40.0.0/16",))


def rules(*conduits: Conduit, press: Zone = PRESS, others=(CONTROL, OFFICE)):
    made = endpoint_rules(ZonePlan(zones=(*others, press), conduits=conduits, hub=others[0].name), "gateway")
    assert made is not None
    return made


def to_control(*flows: Flow) -> Conduit:
    return Conduit(name="c", source="press", target="control", flows=flows)


def test_a_plan_without_networks_forbids_nothing():
    assert endpoint_rules(DEFAULT, "gateway") is None


def test_its_own_zone_is_open_and_every_other_address_shut():
    made = rules()
    assert made.allows("10.30.1.7", 4840)
    assert made.allows("fd00:30::7", 502)
    for address in ("10.20.0.7", "10.40.9.9", "192.0.2.1", "fd00:20::1", "2001:db8::1"):
        assert not made.allows(address, 4840), address


def test_a_conduit_opens_its_ports_and_no_others_and_not_backwards():
    made = rules(to_control(Flow(kind="tcp", ports=(4840,))))
    assert made.allows("10.20.0.7", 4840)
    assert made.allows("fd00:20::7", 4840)
    assert not made.allows("10.20.0.7", 4841)
    assert not rules(
        Conduit(name="c", source="control", target="press", flows=(Flow(kind="tcp", ports=(4840,)),))
    ).allows("10.20.0.7", 4840)


def test_an_ipv4_address_in_the_clothes_of_an_ipv6_one_is_the_same_address():
    assert not rules().allows("::ffff:10.20.0.7", 4840)
    assert rules().allows("::ffff:10.30.1.7", 4840)


def test_a_zone_without_networks_holds_what_no_other_zone_names():
    made = rules(press=Zone(name="press", members=("gateway",)))
    assert made.allows("192.0.2.1", 4840)
    assert not made.allows("10.20.0.7", 4840)


def test_the_gateways_own_machine_is_in_its_own_zone_unless_another_names_it():
    assert rules().allows("127.0.0.1", 4840)
    assert rules().allows("::1", 4840)
    assert not rules(others=(Zone(name="control", networks=("127.0.0.0/8",)),)).allows("127.0.0.1", 4840)


async def test_a_refusal_says_which_zone_and_why():
    with pytest.raises(Forbidden) as caught:
        await rules().check("opc.tcp://10.40.1.2:4841/server")
    assert caught.value.code == "access.endpoint_outside_zone"
    assert (caught.value.facts["address"], caught.value.facts["port"]) == ("10.40.1.2", 4841)
    assert "the zone office" in caught.value.message


@pytest.mark.parametrize("endpoint", ["modbus-rtu:///dev/ttyS0", "calculated:", "lorawan-udp://127.0.0.1:1700"])
async def test_what_is_on_the_gateway_itself_lies_in_no_other_zone(endpoint):
    await rules().check(endpoint)


async def test_a_name_is_judged_by_every_address_behind_it():
    await rules().check("opc.tcp://localhost:4840")
    with pytest.raises(Forbidden):
        await rules(others=(Zone(name="control", networks=("127.0.0.0/8", "::1/128")),)).check(
            "opc.tcp://localhost:4840"
        )


async def test_a_name_without_an_address_is_not_tried():
    with pytest.raises(Unavailable, match="endpoint_unresolved"):
        await rules().check("opc.tcp://nowhere.invalid:4840")


@pytest.mark.parametrize(
    ("endpoint", "found"),
    [
        ("opc.tcp://press1:48010/a/b", ("press1", 48010)),
        ("opc.tcp://[fd00:30::7]", ("fd00:30::7", 4840)),
        ("10.30.1.7:102", ("10.30.1.7", 102)),
        ("modbus-tcp://10.30.1.7", ("10.30.1.7", 502)),
    ],
)
def test_host_and_port_are_read_from_an_endpoint(endpoint, found):
    assert address_of(endpoint) == found


@pytest.mark.parametrize("endpoint", ["", "opc.tcp://", "opc.tcp://host:port", "opc.tcp:///x"])
def test_an_endpoint_without_a_host_is_refused(endpoint):
    with pytest.raises(InvalidInput, match="endpoint_unreadable"):
        address_of(endpoint)
