"""What the Modbus proxy makes of a request: operations in the points' units, or the standard's exception."""

import math
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput
from lineshaft.edge import raw
from lineshaft.edge.drivers.modbus import pdu
from lineshaft.edge.drivers.modbus.options import ModbusOptions
from lineshaft.edge.model import Device, Point
from lineshaft.edge.parts import check_document
from lineshaft.edge.proxies.modbus.points import Places, decoder
from lineshaft.edge.proxies.modbus.requests import Requests, Wrong

DEVICE = Device(
    name="meter", path="a/meter", driver="modbus", endpoint="modbus-tcp://h",
    points=(
        Point(name="speed", address="holding:40", type="int16", scale="0.1"),
        Point(name="flow", address="holding:50", type="float32", order="CDAB"),
        Point(name="valve", address="coil:7", type="bool", kind="boolean"),
        Point(name="flag", address="holding:60.9", type="bool", kind="boolean"),
        Point(name="half", address="holding:70", type="uint8"),
        Point(name="recipe", address="holding:80", type="text", kind="text", length=4),
        Point(name="elsewhere", address="9/holding:40", type="uint16"),
    ),
)  # fmt: skip


@pytest.fixture
def requests():
    return Requests("meter", Places(DEVICE, ModbusOptions()))


def judged(requests, data, unit=1):
    """(function, space, first, last, values, points) of every operation."""
    return [
        (one.function, one.space, one.start, one.start + one.count - 1, one.values, one.points)
        for one in requests.operations(unit, data)
    ]


def test_a_register_that_is_a_point_is_judged_in_its_unit(requests):
    data = pdu.write_register(40, struct.pack(">h", -125))
    assert judged(requests, data) == [("write_single_register", "holding", 40, 40, (-12_500_000,), ("speed",))]


def test_the_point_of_another_unit_is_another_point(requests):
    data = pdu.write_register(40, struct.pack(">h", 125))
    assert judged(requests, data, 9) == [("write_single_register", "holding", 40, 40, (125_000_000,), ("elsewhere",))]


def test_registers_of_no_point_are_judged_by_their_words(requests):
    data = pdu.write_registers(10, struct.pack(">HH", 1, 65535))
    function = "write_multiple_registers"
    assert judged(requests, data) == [(function, "holding", 10, 11, (1_000_000, 65_535_000_000), ())]


def test_a_write_across_a_point_and_other_registers_is_judged_in_parts(requests):
    data = pdu.write_registers(39, struct.pack(">HhH", 7, 125, 9))
    function = "write_multiple_registers"
    assert judged(requests, data) == [
        (function, "holding", 40, 40, (12_500_000,), ("speed",)),
        (function, "holding", 39, 39, (7_000_000,), ()),
        (function, "holding", 41, 41, (9_000_000,), ()),
    ]


def test_half_of_a_point_may_become_any_value(requests):
    data = pdu.write_register(51, b"\x42\x00")
    assert judged(requests, data) == [
        ("write_single_register", "holding", 50, 51, (), ("flow",)),
        ("write_single_register", "holding", 51, 51, (0x4200 * 1_000_000,), ()),
    ]
    half = judged(requests, pdu.write_register(70, b"\x01\x02"))
    assert half == [
        ("write_single_register", "holding", 70, 70, (), ("half",)),
        ("write_single_register", "holding", 70, 70, (0x102 * 1_000_000,), ()),
    ]


def test_a_float_that_is_no_number_cannot_be_judged(requests):
    words = raw.encode(DEVICE.points[1], 1.5)
    assert judged(requests, pdu.write_registers(50, words))[0][4] == (1_500_000,)
    nan = struct.pack(">f", math.nan)
    (operation,) = requests.operations(1, pdu.write_registers(50, nan[2:] + nan[:2]))
    assert operation.unjudgeable


def test_bits_are_judged_as_bits_and_a_whole_register_also_by_its_word(requests):
    assert judged(requests, pdu.mask_write(60, 0xFDFF, 0x0200)) == [
        ("mask_write_register", "holding", 60, 60, (1_000_000,), ("flag",))
    ]
    assert judged(requests, pdu.mask_write(60, 0xFCFF, 0x0200))[1] == ("mask_write_register", "holding", 60, 60, (), ())
    assert judged(requests, pdu.mask_write(40, 0xFFFE, 1)) == [
        ("mask_write_register", "holding", 40, 40, (), ("speed",)), ("mask_write_register", "holding", 40, 40, (), ())
    ]  # fmt: skip
    assert judged(requests, pdu.mask_write(60, 0xFFFF, 0)) == [("mask_write_register", "holding", 60, 60, (), ())]
    assert judged(requests, pdu.write_register(60, b"\x02\x00")) == [
        ("write_single_register", "holding", 60, 60, (1_000_000,), ("flag",)),
        ("write_single_register", "holding", 60, 60, (512_000_000,), ()),
    ]


def test_coils_are_judged_one_by_one_where_they_are_points(requests):
    assert judged(requests, pdu.write_coil(7, value=True)) == [
        ("write_single_coil", "coil", 7, 7, (1_000_000,), ("valve",))
    ]
    several = judged(requests, pdu.write_coils(6, [True, False, True]))
    assert [(one[2], one[3], one[4], one[5]) for one in several] == [
        (6, 6, (1_000_000,), ()), (7, 7, (0,), ("valve",)), (8, 8, (1_000_000,), ())
    ]  # fmt: skip


def test_reading_while_writing_is_both(requests):
    data = struct.pack(">BHHHHB", 23, 0, 10, 40, 1, 2) + struct.pack(">h", 10)
    assert judged(requests, data) == [
        ("read_write_multiple_registers", "holding", 40, 40, (1_000_000,), ("speed",)),
        ("read_holding_registers", "holding", 0, 9, (), ()),
    ]


@pytest.mark.parametrize(
    ("data", "function"),
    [
        (b"\x07", "read_exception_status"), (b"\x0b", "get_comm_event_counter"), (b"\x0c", "get_comm_event_log"),
        (b"\x11", "report_server_id"), (b"\x08\x00\x04\x00\x00", "diagnostics"),
        (b"\x14\x07\x06\x00\x04\x00\x01\x00\x02", "read_file_record"),
        (b"\x15\x09\x06\x00\x04\x00\x07\x00\x01\x12\x34", "write_file_record"), (b"\x18\x04\xde", "read_fifo_queue"),
        (b"\x2b\x0e\x01\x00", "read_device_identification"), (b"\x2b\x0d\x00\x00", "encapsulated_interface"),
        (b"\x5a\x01\x02", "function_90"),
    ],
)  # fmt: skip
def test_every_other_function_has_its_name(requests, data, function):
    assert [one.function for one in requests.operations(1, data)] == [function]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (pdu.read_request("holding", 0, 126), 3), (pdu.read_request("coil", 0, 0), 3),
        (pdu.read_request("holding", 65_535, 2), 2), (pdu.read_request("holding", 0, 1) + b"\0", 3),
        (b"\x05\x00\x00\x12\x34", 3), (b"\x06\x00\x00\x00", 3), (b"\x10\x00\x00\x00\x02\x02\x00\x00", 3),
        (b"\x10\x00\x00\x00\x01\x02\x00\x00\x00", 3), (b"\x0f\x00\x00\x00\x09\x01\x00", 3), (b"\x16\x00\x00\x00", 3),
        (b"\x17\x00\x00\x00\x01\x00\x00\x00\x01\x02\x00", 3), (b"\x15\x03\x06\x00\x04", 3), (b"\x08\x00", 3),
        (b"\x14\x07\x05\x00\x04\x00\x01\x00\x02", 3), (b"\x2b", 3), (b"\x00", 1), (b"\x83\x01", 1),
    ],
)  # fmt: skip
def test_what_is_not_the_standards_gets_its_exception(requests, data, code):
    with pytest.raises(Wrong) as wrong:
        requests.operations(1, data)
    assert wrong.value.code == code


def test_any_bytes_are_operations_or_wrong(requests):
    seeded = random.Random(20_261)
    for _ in range(20_000):
        data = bytes((seeded.choice((5, 6, 8, 15, 16, 20, 21, 22, 23, 24, 43, seeded.randrange(256))),))
        data += seeded.randbytes(seeded.choice((0, 1, 2, 4, 4, 6, 9, 11, seeded.randrange(252))))
        try:
            found = requests.operations(1, data)
        except Wrong as wrong:
            assert wrong.code in (1, 2, 3)  # noqa: PT017  # many other inputs raise nothing
        else:
            assert found
            assert all(
                one.count > 0 and one.start + one.count <= 65_536 for one in found if one.space in ("holding", "coil")
            )


@given(
    st.sampled_from(["int16", "uint16", "int32", "uint32", "int64", "float32", "float64", "bcd16", "bcd32"]),
    st.sampled_from(["", "ABCD", "DCBA", "BADC", "CDAB"]),
    st.sampled_from([("", ""), ("0.1", "-40"), ("1/3", ""), ("10", "5")]),
    st.binary(min_size=8, max_size=8),
)
def test_values_are_those_that_a_scan_would_read(kind, order, scale, data):
    point = Point(name="p", address="holding:0", type=kind, order=order, scale=scale[0], offset=scale[1])
    data = data[: raw.size(point)]
    status, expected = raw.decode_one(point, data)
    (value,) = decoder(point)(data)
    if status != quality.GOOD:
        assert not math.isfinite(value)
    else:
        assert value == pytest.approx(expected, rel=1e-15)


def test_a_sentinel_is_no_value_that_could_be_judged():
    point = Point(name="p", address="holding:0", type="uint16", sentinels=(65535,))
    assert math.isnan(decoder(point)(b"\xff\xff")[0])


@pytest.mark.parametrize(
    ("listener", "names"),
    [
        ({"host": "0.0.0.0"}, "clients is empty"),  # that it is refused is what this is about
        ({"host": "0.0.0.0", "clients": ["0.0.0.0/0"]}, "whole world"),
        ({"host": "plant.local"}, "host"), ({"clients": ["10.0.0.7/24"]}, "host bits"), ({"clients": ["nobody"]}, "nobody"),
        ({"port": 70_000}, "port"), ({"tls": {"identity": "../key.pem"}}, "identity"), ({"guard": False}, "guard"),
        ({"in_flight": 0}, "in_flight"), ({"device": "No Such"}, "device"),
    ],
)  # fmt: skip
def test_a_document_that_would_be_unsafe_is_refused(listener, names):
    with pytest.raises(InvalidInput, match=names):
        check_document("modbus_proxy", {"listeners": [{"port": 5020, "device": "meter", **listener}]})


def test_two_listeners_cannot_have_one_port():
    one = {"port": 5020, "device": "meter"}
    with pytest.raises(InvalidInput, match="another listener"):
        check_document("modbus_proxy", {"listeners": [one, one]})
    check_document("modbus_proxy", {"listeners": [one, {**one, "port": 5021, "clients": ["10.0.0.0/24", "::1"]}]})
