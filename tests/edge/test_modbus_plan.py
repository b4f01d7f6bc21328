"""Planning a Modbus device: addresses, endpoints, options, and how reads are merged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.driver import Write, find_driver
from lineshaft.edge.drivers.modbus.address import Address, read_address
from lineshaft.edge.drivers.modbus.endpoint import read_endpoint
from lineshaft.edge.drivers.modbus.options import ModbusOptions
from lineshaft.edge.drivers.modbus.requests import Member, merge
from lineshaft.edge.drivers.modbus.writing import orders
from lineshaft.edge.model import Device, Point, ScanGroup

URL = "modbus-tcp://meter:502"
POLL = (ScanGroup(mode="poll"),)


def point(address, type_="uint16", **more):
    kind = {"bool": "boolean", "text": "text"}.get(type_, "number")
    return Point(**{"name": "p", "address": address, "type": type_, "kind": kind, **more})


def plan(*points, **changes):
    device = Device(**{
        "name": "meter", "path": "a/b/c/d/e/f", "driver": "modbus", "endpoint": URL, "groups": POLL, "points": points, **changes
    })  # fmt: skip
    return find_driver("modbus").plan(device)


def refusal(*points, **changes):
    with pytest.raises(InvalidInput) as refused:
        plan(*points, **changes)
    assert refused.value.code == "edge.device_invalid"
    return refused.value.message


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("holding:107", Address("holding", 107)),
        ("holding:0x6B", Address("holding", 107)),
        ("40108", Address("holding", 107)),
        ("400108", Address("holding", 107)),
        ("465536", Address("holding", 65535)),
        ("30001", Address("input", 0)),
        ("10012", Address("discrete", 11)),
        ("00005", Address("coil", 4)),
        ("000005", Address("coil", 4)),
        ("coil:5", Address("coil", 5)),
        ("discrete:3", Address("discrete", 3)),
        ("holding:107.15", Address("holding", 107, 15)),
        ("40108.4", Address("holding", 107, 4)),
        ("2/holding:107", Address("holding", 107, None, 2)),
        (" input:12 ", Address("input", 12)),
    ],
)
def test_an_address_says_where_a_value_is(text, address):
    found = read_address(text)
    assert found == address
    assert read_address(str(found)) == found


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("107", "could be counted from 0 or from 1"),
        ("4107", "could be counted from 0 or from 1"),
        ("40000", "counts from 1: the first is 40001"),
        ("20001", "begins with 0"),
        ("500001", "begins with 0"),
        ("465537", "0 to 65535"),
        ("holding:65536", "0 to 65535"),
        ("register:5", "the spaces are"),
        ("holding:-1", "an address is such as"),
        ("holding:1.16", "bits are 0 to 15"),
        ("coil:1.0", "bits are 0 to 15 of a holding or input register"),
        ("300/coil:1", "units are 0 to 255"),
        ("holding:1e3", "an address is such as"),
        ("", "an address is such as"),
    ],
)
def test_what_is_no_address_or_two_is_refused(text, rule):
    with pytest.raises(ValueError, match=rule):
        read_address(text)


def test_endpoints():
    assert read_endpoint("modbus-tcp://10.0.0.7").port == 502
    assert read_endpoint("modbus-tcp://[fe80::1]:1502").host == "fe80::1"
    serial = read_endpoint("modbus-rtu:///dev/ttyS0?baud=19200&parity=N")
    assert (serial.path, serial.baud, serial.parity, serial.stop) == ("/dev/ttyS0", 19200, "N", 2)
    assert serial.framing_silence == pytest.approx(3.5 * 11 / 19200)
    assert read_endpoint("modbus-rtu:///dev/ttyS0").parity == "E"


@pytest.mark.parametrize(
    ("endpoint", "rule"),
    [
        ("opc.tcp://meter", "an endpoint is modbus-tcp"),
        ("modbus-tcp://", "names no host"),
        ("modbus-tcp://meter:99999", "out of range"),
        ("modbus-tcp://meter/1", "nothing comes after the port"),
        ("modbus-rtu-tcp://meter", "no port of its own"),
        ("modbus-rtu://ttyS0", "three slashes"),
        ("modbus-rtu:///dev/ttyS0?baud=fast", "baud is 300"),
        ("modbus-rtu:///etc/passwd", "below /dev"),
        ("modbus-rtu:///dev/../etc/passwd", "below /dev"),
        ("modbus-rtu:///dev/ttyS0?parity=M", "parity is N, E or O"),
        ("modbus-rtu:///dev/ttyS0?bauds=9600", "bauds is not one of"),
        ("modbus-tcp://user:hunter2@meter", "no user or password"),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused_by_its_rule(endpoint, rule):
    message = refusal(endpoint=endpoint)
    assert rule in message.lower() or rule in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("points", "changes", "named"),
    [
        ((point("107"),), {}, "points.p.address is '107'"),
        ((point("holding:1", ""),), {}, "points.p.type is ''"),
        ((point("coil:1"),), {}, "one bit has the type bool"),
        ((point("holding:1", "bool"),), {}, "say which bit of the register"),
        ((point("holding:1.2"),), {}, "one bit has the type bool"),
        ((point("input:1", access="read-write"),), {}, "space input can only be read"),
        ((point("holding:1", "uint8", access="read-write"),), {}, "half a register"),
        ((point("holding:65535", "float32"),), {}, "end beyond 65535"),
        ((point("holding:0", "text", length=300),), {}, "150 registers are over max_registers, 125"),
        ((point("holding:0", "text", length=248, access="read-write"),), {}, "over max_write_registers, 123"),
        ((point("holding:0", scale="0"),), {}, "every value the same"),
        ((), {"options": {"max_registers": 126}}, "max_registers"),
        ((), {"options": {"max_bits": 2001}}, "max_bits"),
        ((), {"options": {"max_write_registers": 124}}, "max_write_registers"),
        ((), {"options": {"slave": 1}}, "slave"),
        ((), {"groups": (ScanGroup(mode="subscribe"),)}, "Modbus can only poll"),
        ((point("0/holding:1"),), {"endpoint": "modbus-rtu:///dev/ttyS0"}, "a serial line has the units 1 to 247"),
        ((point("holding:1"), point("holding:2")), {}, "two points have this name"),
    ],
)
def test_each_fault_names_field_value_and_rule(points, changes, named):
    assert named in refusal(*points, **changes)


def test_every_fault_is_told_at_once():
    message = refusal(point("107", name="a"), point("holding:1", "", name="b"), endpoint="meter", options={"unit": 999})
    assert all(part in message for part in ("endpoint is", "unit", "points.a.address"))


def test_one_block_per_group_with_all_its_reads():
    points = [point(f"holding:{n}", name=f"r{n}", group="fast" if n < 300 else "slow") for n in range(0, 600, 2)]
    groups = (
        ScanGroup(name="fast", mode="poll"),
        ScanGroup(name="slow", mode="poll"),
        ScanGroup(name="none", mode="poll"),
    )
    blocks = plan(*points, groups=groups).blocks
    assert [(block.group.name, len(block.points)) for block in blocks] == [("fast", 150), ("slow", 150)]
    assert [(one.start, one.count) for one in blocks[0].detail] == [(0, 125), (126, 125), (252, 47)]


def test_gaps_and_limits_decide_what_is_merged():
    def starts(*addresses, **options):
        return [
            (one.unit, one.space, one.start, one.count)
            for one in plan(*[point(a, t, name=f"p{n}") for n, (a, t) in enumerate(addresses)], options=options).blocks[0].detail
        ]  # fmt: skip

    assert starts(("holding:0", "int16"), ("holding:17", "int16")) == [(1, "holding", 0, 18)]
    assert starts(("holding:0", "int16"), ("holding:18", "int16")) == [(1, "holding", 0, 1), (1, "holding", 18, 1)]
    assert starts(("holding:0", "int16"), ("holding:2", "int16"), gap=0) == [(1, "holding", 0, 1), (1, "holding", 2, 1)]
    assert starts(("holding:0", "int16"), ("input:1", "int16"), ("3/holding:1", "int16")) == [
        (1, "holding", 0, 1), (1, "input", 1, 1), (3, "holding", 1, 1),
    ]  # fmt: skip
    assert starts(("holding:3", "float32"), ("holding:5", "float32"), max_registers=3) == [
        (1, "holding", 3, 2), (1, "holding", 5, 2),
    ]  # fmt: skip
    assert starts(("coil:0", "bool"), ("coil:250", "bool")) == [(1, "coil", 0, 251)]


members = st.lists(
    st.tuples(
        st.sampled_from([1, 2]),
        st.sampled_from(["holding", "coil"]),
        st.builds(Member, point=st.integers(0, 999), start=st.integers(0, 400), count=st.sampled_from([1, 2, 4])),
    ),
    max_size=60,
)


@given(members, st.integers(4, 125), st.integers(0, 20))
def test_merged_reads_hold_every_value_whole_once_and_within_the_limits(given_members, most, gap):
    requests = merge(given_members, ModbusOptions(max_registers=most, max_bits=most, gap=gap))
    held = [(one.unit, one.space, member) for one in requests for member in one.members]
    order = lambda item: (item[0], item[1], item[2].start, item[2].count, item[2].point)  # noqa: E731
    assert sorted(held, key=order) == sorted(given_members, key=order)
    for one in requests:
        assert one.count <= most
        assert all(one.start <= member.start and member.end <= one.start + one.count for member in one.members)
        for smaller in one.parts():
            assert smaller.count <= one.count
        again = sorted((m for part in one.parts() for m in part.members), key=lambda m: (m.start, m.count, m.point))
        assert again == sorted(one.members, key=lambda m: (m.start, m.count, m.point))


def test_a_refused_read_is_cut_at_what_nobody_asked_for_then_in_halves():
    def parts(*places):
        (request,) = merge(
            [(1, "holding", Member(n, start, count)) for n, (start, count) in enumerate(places)], ModbusOptions()
        )
        return [(one.start, one.count) for one in request.parts()]

    assert parts((0, 2), (2, 1), (5, 1), (6, 4), (20, 1)) == [(0, 3), (5, 5), (20, 1)]
    assert parts((0, 1), (1, 2), (3, 1), (4, 1)) == [(0, 3), (3, 2)]
    assert parts((7, 2), (7, 2)) == [(7, 2)], "one value cannot be cut"


def test_an_operation_is_what_goes_over_the_wire_in_the_words_of_the_guard():
    planned = plan(
        point("holding:100", "int16", scale="0.1", access="read-write", name="setpoint"),
        point("40201", "float32", access="read-write", name="wide"),
        point("coil:7", "bool", access="read-write", name="valve"),
        point("holding:3.1", "bool", access="read-write", name="bit"),
        point("holding:9", "text", length=4, access="read-write", name="label"),
        point("holding:0", name="fixed"),
    )
    found = [
        order.operation
        for order in orders(planned, [Write(0, 12.3), Write(1, 2), Write(2, True), Write(3, False), Write(4, "A")])
    ]
    assert [(one.function, one.space, one.start, one.count, one.values, one.points) for one in found] == [
        ("write_single_register", "holding", 100, 1, (12_300_000,), ("setpoint",)),
        ("write_multiple_registers", "holding", 200, 2, (2_000_000,), ("wide",)),
        ("write_single_coil", "coil", 7, 1, (1_000_000,), ("valve",)),
        ("mask_write_register", "holding", 3, 1, (0,), ("bit",)),
        ("write_multiple_registers", "holding", 9, 2, (0x4100 * 1_000_000, 0), ("label",)),
    ]  # fmt: skip
    assert {(one.protocol, one.device) for one in found} == {("modbus", "meter")}
    with pytest.raises(InvalidInput, match="can only be read"):
        orders(planned, [Write(5, 1)])
    with pytest.raises(InvalidInput, match=r"holds -3276\.8"):
        orders(planned, [Write(0, 4000)])
