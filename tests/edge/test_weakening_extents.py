"""A register under another name, in another notation, on another device or for the second time is the same register."""

import pytest
from msgspec.structs import replace

from lineshaft.edge.extent import extent_of, host_of
from lineshaft.edge.model import Device, Point, WriteRules
from lineshaft.edge.weakening import Change, left_unguarded, of_devices

CLASS_A = WriteRules(classification="A")
_ENDPOINTS = {
    "modbus": "modbus-tcp://10.0.0.7", "s7": "s7://10.0.0.7", "opcua": "opc.tcp://10.0.0.7:4840", "mqtt": "mqtts://10.0.0.7",
    "sparkplug": "mqtts://10.0.0.7", "http": "https://10.0.0.7/api/", "coap": "coap://10.0.0.7", "snmp": "snmp://10.0.0.7",
    "lorawan": "lorawan-udp://127.0.0.1:1700",
}  # fmt: skip
_NODE = {"group_id": "G", "edge_node_id": "N", "device_id": "D"}
_SET = {"command_topic": "{topic}/set"}


def device(driver, *points, name="press", endpoint="", **options):
    return Device(
        name=name, path=f"a/b/{name}", driver=driver, endpoint=endpoint or _ENDPOINTS[driver], options=options, points=points,
    )  # fmt: skip


def point(address, name="valve", **more):
    return Point(name=name, address=address, access="read-write", **more)


def located(driver, address, options=None, endpoint="", **more):
    return extent_of(device(driver, endpoint=endpoint, **(options or {})), point(address, **more))


def words(address, **more):
    return ("modbus", address, {}, "", {"type": "uint16", **more})


def bit(address):
    return ("modbus", address, {}, "", {"type": "bool"})


def plain(driver, address, endpoint="", **options):
    return (driver, address, options, endpoint, {})


def line(path, **options):
    return plain("modbus", "coil:3", f"modbus-rtu://{path}", **options)


def set_at(path, endpoint=""):
    return plain("http", "/a", endpoint, writes={"valve": {"path": path}})


def s7(address, kind=""):
    return ("s7", address, {}, "", {"type": kind, "kind": "boolean" if kind == "bool" else "number"})


def extent(form):
    driver, address, options, endpoint, more = form
    return located(driver, address, options, endpoint, **more)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (words("holding:40"), words("40041")), (words("holding:40"), words("holding:0x28")),
        (words("holding:40"), words("1/holding:40")), (words("holding:40"), words("400041")),
        (words("holding:40", type="float32"), words("holding:41")), (words("holding:40"), bit("holding:40.7")),
        (words("holding:40"), words("0/holding:40")), (words("9/holding:40"), words("255/holding:40")),
        (bit("coil:3"), bit("00004")),
        (plain("modbus", "coil:3"), plain("modbus", "coil:3", "modbus-rtu-tcp://10.0.0.7:502")),
        (plain("modbus", "coil:3"), plain("modbus", "coil:3", "modbus-tcp://[::ffff:10.0.0.7]:502")),
        (plain("modbus", "coil:3", "modbus-tcp://localhost"), plain("modbus", "coil:3", "modbus-tcp://127.1:502")),
        (plain("modbus", "coil:3", "modbus-tcp://PLC.Plant"), plain("modbus", "coil:3", "modbus-tcp://plc.plant.:502")),
        (plain("modbus", "7/coil:3"), plain("modbus", "coil:3", unit=7)),
        (s7("DB5.DBD12", "float32"), s7("DB5:12:float32")), (s7("DB5.DBD12", "float32"), s7("DB5.DBX15.0", "bool")),
        (s7("MW10", "int16"), s7("M:11:uint8")), (s7("QB1"), s7("A1.7", "bool")),
        (s7("DB5.DBB1"), ("s7", "DB5.DBB1", {}, "s7://10.0.0.7:102?rack=0&slot=2", {})),
        (plain("opcua", "i=2258"), plain("opcua", "ns=0;i=02258")),
        (plain("opcua", "ns=2;s=Valve"), plain("opcua", "nsu=urn:plant;s=Valve")),
        (plain("opcua", "nsu=urn:a b;s=V"), plain("opcua", "nsu=urn:a%20b;s=V", "opc.tcp://10.0.0.7/other")),
        (plain("opcua", "ns=1;g=09087E75-8E5E-499B-954F-F2A9603DB28A"),
         plain("opcua", "ns=1;g=09087e75-8e5e-499b-954f-f2a9603db28a")),
        (plain("mqtt", "oven#/temp", **_SET), plain("mqtt", "oven", **_SET)),
        (plain("mqtt", "oven", **_SET), plain("mqtt", "kiln", commands={"valve": "oven/set"})),
        (plain("sparkplug", "Valve", **_NODE), plain("mqtt", "x", commands={"valve": "spBv1.0/G/DCMD/N/D"})),
        (plain("http", "/a", writes={"valve": {"path": "set"}}), plain("http", "/b", writes={"valve": {"path": "/api/x/../set"}})),
        (plain("http", "/a", writes={"valve": {"path": "set"}}),
         plain("http", "/b", writes={"valve": {"path": "s%65t", "method": "post", "pointer": "/v"}})),
        (plain("coap", "/act/valve"), plain("coap", "act/%76alve#/v")),
        (plain("coap", "act/valve"), plain("coap", "act/valve?y=1", "coap://10.0.0.7:5683")),
        (set_at("set"), set_at("set?y=1")), (set_at("set"), set_at("set;a=1")), (set_at("x;a/set"), set_at("x;b/set")),
        (set_at("set"), set_at("set", "http://10.0.0.7/api/")), (set_at("set"), set_at("set", "https://10.0.0.7:443/api/")),
        (plain("mqtt", "oven", **_SET), plain("mqtt", "oven", "mqtt://10.0.0.7", **_SET)),
        (line("/dev/ttyUSB0"), line("/dev//ttyUSB0")), (line("/dev/ttyUSB0"), line("/dev/./ttyUSB0?baud=19200")),
        (plain("modbus", "coil:3"), plain("modbus", "coil:3", "modbus-tcp://１0.0.0.7")),
        (plain("modbus", "coil:3"), plain("modbus", "coil:3", unit=1.0)),
        (plain("snmp", "sysName.0"), plain("snmp", ".1.3.6.1.2.1.1.5.0#hex")),
        (plain("lorawan", "downlink:10", dev_eui="aa"), plain("lorawan", "downlink:10:01", "lorawan-udp://127.0.0.1:1701", dev_eui="aa")),
        (plain("no-such-driver", "x", "here"), plain("another", " x", "here ")),
    ],
)  # fmt: skip
def test_names_of_one_place_overlap(one, other):
    assert extent(one).overlaps(extent(other))
    assert extent(other).overlaps(extent(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (words("holding:40"), words("holding:41")), (words("holding:40"), words("2/holding:40")),
        (line("/dev/ttyUSB0"), line("/dev/ttyUSB1")), (line("/dev/ttyUSB0"), line("/dev/ttyUSB0", unit=2)),
        (set_at("set"), set_at("set/more")), (set_at("set?y=1"), set_at("set?y=2")), (set_at("set"), set_at("set", "http://10.0.0.7:81/api/")),
        (bit("holding:40.7"), bit("holding:40.6")), (bit("coil:3"), bit("discrete:3")),
        (plain("modbus", "coil:3"), plain("modbus", "coil:3", "modbus-tcp://10.0.0.7:503")),
        (s7("DB5.DBX12.0", "bool"), s7("DB5.DBX12.1", "bool")), (s7("DB5.DBB1"), s7("DB6.DBB1")), (s7("MB1"), s7("QB1")),
        (plain("opcua", "ns=2;s=Valve"), plain("opcua", "ns=3;s=Valve")), (plain("opcua", "ns=2;s=1"), plain("opcua", "ns=2;i=1")),
        (plain("mqtt", "oven#/a", command_shape="object", **_SET), plain("mqtt", "oven#/b", command_shape="object", **_SET)),
        (plain("sparkplug", "Valve", **_NODE), plain("sparkplug", "Speed", **_NODE)),
        (plain("http", "/a", writes={"valve": {"path": "set", "pointer": "/a"}}),
         plain("http", "/a", writes={"valve": {"path": "set", "pointer": "/b"}})),
        (plain("coap", "act/valve"), plain("coap", "act/valve/more")),
        (plain("snmp", "sysName.0"), plain("snmp", "sysName.1")),
        (plain("lorawan", "downlink:10:01", dev_eui="aa"), plain("lorawan", "downlink:10:02", dev_eui="aa")),
        (plain("lorawan", "downlink:10", dev_eui="aa"), plain("lorawan", "downlink:10", dev_eui="ab")),
    ],
)  # fmt: skip
def test_places_that_have_nothing_in_common_do_not(one, other):
    assert not extent(one).overlaps(extent(other))


def test_a_host_has_one_form():
    assert {host_of(each) for each in ("LOCALHOST", "127.0.0.1", "127.1", "[::1]", "0x7f000001", "0.0.0.0")} == {
        "loopback"
    }
    assert host_of("::FFFF:10.0.0.1") == host_of("10.0.0.1") == "10.0.0.1"
    assert host_of("Plc.Plant.") == host_of("ｐlc。Pla\xadnt") == "plc.plant"
    assert host_of("１0.0.0．1") == "10.0.0.1"
    assert host_of("Bücher.plant") == host_of("xn--BCHER-kva.plant")


VALVE = point("coil:3", type="bool", kind="boolean", write=CLASS_A)
TAP = replace(VALVE, name="tap", write=None)


def lost(before, after, *remembered, visible=None):
    return of_devices(Change(before, {each.name: each for each in after}, remembered), visible)


def test_a_second_device_at_the_same_endpoint_is_no_way_round():
    press = device("modbus", VALVE)
    second = device("modbus", replace(TAP, address="1/coil:3"), name="other", endpoint="modbus-rtu-tcp://10.0.0.7:502")
    assert lost([press], [second]) == ["press/valve: class A → B"]
    assert lost([press], [second], visible={"other"}) == ["a point of another project: class A → B"]
    strict = replace(second, points=(replace(second.points[0], write=CLASS_A),))
    assert lost([press], [strict]) == []
    assert lost([press], [replace(second, points=(replace(TAP, access="read"),))]) == []


def test_a_weaker_point_that_is_there_counts_once_the_stronger_goes_or_where_it_gets_weaker_still():
    limited = replace(TAP, name="strong", type="", kind="number", write=WriteRules(maximum=10.0))
    weak = replace(limited, name="weak", write=WriteRules(maximum=20.0))
    both = device("modbus", limited, weak)
    assert lost([both], [replace(both, description="as it was")]) == []
    assert lost([both], [device("modbus", weak)]) == ["strong: write.maximum 10 → 20"]
    weaker = replace(weak, write=WriteRules(maximum=30.0))
    assert lost([both], [device("modbus", limited, weaker)]) == [
        "weak: write.maximum 20 → 30",
        "strong: write.maximum 10 → 30",
    ]


def test_moving_a_device_elsewhere_leaves_its_class_a_points_places_unguarded():
    press = device("modbus", VALVE)
    moved = replace(press, endpoint="modbus-tcp://10.0.0.8")
    assert lost([press], [moved]) == ["valve: nothing holds for coil:3 any more"]
    assert lost([press], [replace(press, endpoint="modbus-tcp://10.0.0.7:502")]) == []


def test_what_was_taken_out_is_remembered_until_a_point_lies_over_it_whole():
    press = device("modbus", replace(VALVE, write=WriteRules(interlock='tag("press/open")')))
    assert lost([press], [device("modbus")]) == [], "of class B, one person may take it out"
    left = left_unguarded(press, device("modbus"))
    assert left == press
    assert lost([], [device("modbus", TAP, name="new")], left) == ["press/valve: interlock 'tag(\"press/open\")' → ''"]
    assert lost([], [replace(press, points=(replace(TAP, name="valve"),))], left) != [], "nor under its own name"
    assert lost([], [press], left) == []
    assert left_unguarded(left, press) is None
    assert left_unguarded(left, device("modbus", replace(TAP, address="coil:4"))) == left


SERVER = device("opcua", point("ns=2;s=Valve", write=CLASS_A))


def test_a_node_by_another_kind_of_name_may_be_another_node():
    here = SERVER.points[0]
    by_uri, by_other = (
        device("opcua", replace(here, address=address)) for address in ("nsu=urn:bogus;s=Valve", "ns=7;s=Valve")
    )
    for one, other in ((SERVER, by_uri), (by_uri, SERVER), (by_uri, by_other), (SERVER, by_other)):
        assert lost([one], [other]) == [f"valve: nothing holds for {one.points[0].address} any more"]
        assert left_unguarded(one, other) == one, "its place is remembered"
    late = device("opcua", replace(here, name="x", write=None), name="q")
    assert lost([by_uri], [late], SERVER) != []
    assert lost([SERVER], [late]) == ["press/valve: class A → B"]
    assert lost([SERVER], [replace(SERVER, endpoint="opc.tcp://10.0.0.7/other")]) == []


def test_a_type_in_the_address_and_a_kind_say_what_a_value_means():
    strict = WriteRules(maximum=10.0, classification="A")
    press = device("s7", point("DB5:12:uint32", write=strict))
    other = replace(press, points=(replace(press.points[0], address="DB5:12:float32"),))
    assert lost([press], [other]) == ["valve: what its value means: type"]
    assert lost([press], [replace(other, name="q")]) == ["press/valve: what its value means: type"]
    same = replace(press, points=(replace(press.points[0], address="DB5.DBD12", type="uint32"),))
    assert lost([press], [same]) == []
    oven = device("mqtt", point("oven", write=strict), **_SET)
    for kind in ("text", "boolean"):
        unlimited = replace(oven, points=(replace(oven.points[0], kind=kind),))
        assert lost([oven], [unlimited]) == ["valve: what its value means: kind"]


def test_a_weaker_point_of_another_unit_or_query_asks_but_is_not_in_the_way():
    press = device("modbus", VALVE)
    second = device("modbus", TAP, name="other", unit=2)
    assert lost([press], [second]) == ["press/valve: class A → B, if the machine ignores '2'"]
    assert lost([press], [replace(second, points=(replace(TAP, write=CLASS_A),))]) == []
    assert lost([press, second], [replace(second, description="as it was")]) == []
    assert lost([press], [replace(press, options={"unit": 2})]) == ["valve: nothing holds for coil:3 any more"]
    ahead = device("http", VALVE, writes={"valve": {"path": "set?y=1"}})
    beside = device("http", TAP, name="other", writes={"tap": {"path": "set?y=2"}})
    assert lost([ahead], [beside]) == ["press/valve: class A → B, if the machine ignores 'y=2'"]
    by_line = device("modbus", VALVE, endpoint="modbus-rtu:///dev/ttyUSB0")
    assert lost([by_line], [replace(second, endpoint=by_line.endpoint)]) == []


LOCKED = device("modbus", replace(VALVE, write=WriteRules(interlock="tag( 'calc/safe' )")))
CALC = Device(
    name="calc", path="a/b/calc", driver="calculated", endpoint="calculated:",
    points=(Point(name="safe", address='tag("door/open") > 0', kind="boolean"),),
)  # fmt: skip
DOOR = device("modbus", Point(name="open", address="holding:2", type="uint16"), name="door")
ELSEWHERE = replace(DOOR, points=(replace(DOOR.points[0], address="holding:999"),))


@pytest.mark.parametrize(
    "after",
    [
        ELSEWHERE, replace(DOOR, endpoint="modbus-tcp://10.0.0.9"), replace(DOOR, options={"unit": 9}),
        replace(DOOR, points=(replace(DOOR.points[0], scale="100"),)), replace(DOOR, driver="s7"),
    ],
)  # fmt: skip
def test_what_an_interlock_reads_is_moved_by_no_one_alone(after):
    reasons = ["press/valve: its interlock reads door/open from elsewhere"]
    assert lost([LOCKED, CALC, DOOR], [after]) == reasons
    assert lost([LOCKED, CALC], [after]) == reasons, "it was taken out before"
    assert lost([CALC, DOOR], [after], LOCKED) == reasons, "the point with the interlock was"
    assert lost([LOCKED, CALC, DOOR], [after], visible={"door"}) == [
        "a point of another project: its interlock reads door/open from elsewhere"
    ]


def test_what_computes_it_neither_and_the_rest_is_free():
    always = replace(CALC, points=(replace(CALC.points[0], address='tag("door/open") > -1'),))
    assert lost([LOCKED, CALC, DOOR], [always]) == ["press/valve: its interlock reads calc/safe from elsewhere"]
    assert lost([LOCKED, CALC, DOOR], [replace(DOOR, description="of the cellar", path="a/b/c")]) == []
    assert lost([LOCKED, CALC, DOOR], [replace(DOOR, points=())]) == [], "then nothing is written"
    assert lost([CALC, DOOR], [ELSEWHERE]) == []
    assert lost([], [LOCKED, CALC, DOOR]) == []


def guarded(policy, after, *before):
    guards = [{"plant_mode_point": "door/open", "policy": policy}, {"mode": "learn"}]
    return of_devices(Change(before, {after.name: after}, guards=guards))


def test_where_the_plant_mode_is_read_is_part_of_rules_about_it():
    asks = 'forbid (principal, action, resource) when { context.mode == "maintenance" };'
    assert guarded(asks, ELSEWHERE, DOOR) == ["the guard: the plant mode is read from elsewhere, door/open"]
    assert guarded(asks, DOOR, DOOR) == []
    assert guarded("permit (principal, action, resource);", ELSEWHERE, DOOR) == []


def test_a_device_goes_to_no_other_place_that_rules_are_about():
    rule = 'forbid (principal, action, resource in Place::"a/b");'
    assert guarded(rule, replace(DOOR, path="a/c/door"), DOOR) == ["the guard: door leaves a/b, which it has rules for"]
    assert guarded(rule, DOOR, replace(DOOR, path="a/c/door")) == [
        "the guard: door comes to a/b, which it has rules for"
    ]
    assert guarded(rule, replace(DOOR, path="a/b/c/door"), DOOR) == []
    assert guarded(rule, DOOR) == []
