"""S7 without a controller: addresses, packing under the PDU size, answers that are none."""

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.driver import find_driver
from lineshaft.edge.drivers.s7.address import Place, read_place
from lineshaft.edge.drivers.s7.answers import Answer, Malformed, Refused, read_acknowledgement, read_items
from lineshaft.edge.drivers.s7.decoding import read_string, write_string
from lineshaft.edge.drivers.s7.packing import MOST_ITEMS, pack
from lineshaft.edge.model import Device, Point, ScanGroup


def device(*points, endpoint="s7://plc", **options):
    return Device(
        name="plc", path="acme/north/hall/line/cell/plc", driver="s7", endpoint=endpoint, options=options,
        groups=(ScanGroup(mode="poll"),), points=points,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("address", "kind", "type_", "place"),
    [
        ("DB5.DBD12", "number", "float32", Place("DB", 5, 12, 4, 0, "float32")),
        ("DB5.DBX0.3", "boolean", "", Place("DB", 5, 0, 1, 3, "bool")),
        ("DB5.DBW4", "integer", "int16", Place("DB", 5, 4, 2, 0, "int16")),
        ("DB5.DBB4", "number", "", Place("DB", 5, 4, 1, 0, "uint8")),
        ("M10.2", "boolean", "", Place("M", 0, 10, 1, 2, "bool")),
        ("MB4", "number", "", Place("M", 0, 4, 1, 0, "uint8")),
        ("IW0", "number", "uint16", Place("I", 0, 0, 2, 0, "uint16")),
        ("EW0", "number", "uint16", Place("I", 0, 0, 2, 0, "uint16")),
        ("QD8", "number", "int32", Place("Q", 0, 8, 4, 0, "int32")),
        ("DB5:12:float64", "number", "", Place("DB", 5, 12, 8, 0, "float64")),
        ("DB5:12", "number", "int64", Place("DB", 5, 12, 8, 0, "int64")),
        ("M:3.7:bool", "boolean", "", Place("M", 0, 3, 1, 7, "bool")),
    ],
)
def test_an_address_says_where_a_value_lies(address, kind, type_, place):
    assert read_place(Point(name="p", address=address, kind=kind, type=type_)) == place


@pytest.mark.parametrize(
    ("address", "type_", "rule"),
    [
        ("DB5.DBD12", "", "does not say what is in it"),
        ("DB5.DBD12", "int16", "does not fit"),
        ("DB0.DBB1", "", "numbered from 1"),
        ("DB5.DBX0.8", "", "bits 0 to 7"),
        ("DB5.DBX0", "", "a byte and a bit"),
        ("DB5:0", "", "does not say what is there"),
        ("DB5:0:real", "", "no type"),
        ("DB5:0:int16", "uint16", "but the point's type"),
        ("DB5:2097151:int16", "", "last byte"),
        ("T5", "", "no S7 address"),
        ("DB٣.DBB1", "", "no S7 address"),
    ],
)
def test_an_address_that_cannot_be_says_why(address, type_, rule):
    with pytest.raises(ValueError, match=rule):
        read_place(Point(name="p", address=address, type=type_))


def test_a_configuration_is_refused_with_every_fault_at_once():
    wrong = device(
        Point(name="a", address="DB5.DBD12"),
        Point(name="b", address="IW0", type="int16", access="read-write"),
        Point(name="c", address="DB5.DBW0", type="int16", scale="0"),
        Point(name="d", address="DB5:0:string", kind="text"),
        endpoint="s7://user:geheim@plc:102/x?rack=9&slot=1&tsap=3", slot=2, color="red",
    )  # fmt: skip
    with pytest.raises(InvalidInput) as error:
        find_driver("s7").plan(wrong)
    text = error.value.message
    assert "geheim" not in text
    for part in ("points.a.address", "points.b.access", "points.c.scale", "points.d.address", "color", "endpoint is"):
        assert part in text
    with pytest.raises(InvalidInput) as error:
        find_driver("s7").plan(device(endpoint="s7://plc?rack=9&slot=1&tsap=3", slot=2))
    assert all(part in error.value.message for part in ("0 to 7", "tsap", "the endpoint says 1"))


def test_a_plan_can_only_poll_and_carries_the_types_of_addresses():
    with pytest.raises(InvalidInput, match="can only poll"):
        find_driver("s7").plan(Device(name="plc", path="a/b/c/d/e/f", driver="s7", endpoint="s7://plc"))
    plan = find_driver("s7").plan(device(Point(name="a", address="MB4"), endpoint="s7://plc?rack=0&slot=2"))
    assert plan.points[0].type == "uint8"
    assert (plan.address.port, plan.address.rack, plan.address.slot) == (102, 0, 2)


places = st.builds(
    Place, area=st.just("DB"), db=st.integers(1, 3), byte=st.integers(0, 2000), size=st.sampled_from((1, 2, 4, 8, 30, 256, 700)),
)  # fmt: skip


@given(st.lists(places, max_size=60), st.sampled_from((240, 480, 960)), st.integers(0, 60), st.sets(st.integers(0, 59)))
def test_every_place_is_read_whole_within_the_limits_of_a_pdu(wanted, pdu, gap, alone):
    memory = {db: random.Random(db).randbytes(3000) for db in (1, 2, 3)}
    packing = pack(wanted, pdu, gap, [index for index in alone if index < len(wanted)])
    buffer = bytearray(packing.size)
    for items in packing.exchanges:
        assert 0 < len(items) <= MOST_ITEMS
        assert 14 + sum(4 + item.length + item.length % 2 for item in items) <= pdu
        assert 12 + 12 * len(items) <= pdu
        for item in items:
            buffer[item.offset : item.offset + item.length] = memory[item.db][item.start : item.start + item.length]
    for index, place in enumerate(wanted):
        offset = packing.offsets[index]
        assert buffer[offset : offset + place.size] == memory[place.db][place.byte : place.byte + place.size]
        holders = [item for items in packing.exchanges for item in items if index in item.places]
        assert len(holders) == (1 if place.size <= pdu - 18 else -(-place.size // (pdu - 18 & ~1)))


def test_a_thousand_neighbours_take_few_requests():
    packing = pack([Place("DB", 1, 4 * number, 4) for number in range(1000)], 960, 16)
    assert len(packing.exchanges) == 5
    assert all(14 + sum(4 + item.length for item in items) <= 960 for items in packing.exchanges)
    assert len(pack([Place("DB", 1, 0, 4), Place("DB", 1, 21, 4)], 240, 16).exchanges[0]) == 2
    assert len(pack([Place("DB", 1, 0, 4), Place("DB", 1, 20, 4)], 240, 16).exchanges[0]) == 1


def answer(*items, function=4, count=None, error=0, more=b""):
    data = b"".join(items) + more
    return struct.pack(">BBHHHHH", 0x32, 3, 0, 7, 2, len(data), error) + bytes((function, count or len(items))) + data


ODD, EVEN, MISSING = b"\xff\x04\x00\x08A\0", b"\xff\x04\x00\x10BC", b"\x0a\x00\x00\x00"


def test_each_item_of_an_answer_has_its_own_status():
    assert read_items(answer(ODD, MISSING, EVEN), 3) == [Answer(255, b"A"), Answer(10), Answer(255, b"BC")]
    assert read_items(answer(b"\xff\x07\x00\x04ABCD", b"\xff\x03\x00\x01\x01"), 2) == [
        Answer(255, b"ABCD"),
        Answer(255, b"\1"),
    ]
    statuses = [Answer(code).status for code in (0xFF, 1, 3, 5, 6, 7, 0x0A, 0x42)]
    assert [quality.name(status) for status in statuses] == [
        "Good", "BadDeviceFailure", "BadUserAccessDenied", "BadNodeIdUnknown", "BadNotSupported", "BadTypeMismatch",
        "BadNotFound", "BadUnexpectedError",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "pdu",
    [
        b"", answer(EVEN)[:11], answer(EVEN)[:-1], answer(EVEN, more=b"x")[:-1], answer(EVEN, function=5),
        answer(EVEN, count=2), b"\x33" + answer(EVEN)[1:], answer(b"\xff\x04\xff\xf8BC"), answer(b"\xff\x04"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused_and_says_why(pdu):
    with pytest.raises(Malformed):
        read_items(pdu, 1)


def test_an_error_of_the_header_refuses_the_request():
    with pytest.raises(Refused) as error:
        read_items(answer(EVEN, error=0xD241), 1)
    assert quality.name(error.value.status) == "BadUserAccessDenied"
    with pytest.raises(Refused):
        read_acknowledgement(answer(b"\xff", function=5, error=0x8104))


def test_mutated_answers_are_items_or_refused_and_nothing_else():
    source = random.Random(20260722)
    whole = answer(ODD, MISSING, EVEN)
    outcomes = set()
    for _ in range(20_000):
        pdu = bytearray(whole[: source.randint(0, len(whole))] if source.random() < 0.3 else whole)
        for _ in range(source.randint(0, 4)):
            if pdu:
                pdu[source.randrange(len(pdu))] = source.randrange(256)
        try:
            items = read_items(bytes(pdu), 3)
        except (Malformed, Refused) as error:
            outcomes.add(type(error))
        else:
            outcomes.add(len(items))
    assert outcomes == {Malformed, Refused, 3}


def test_a_string_has_its_greatest_and_its_present_length():
    assert read_string(b"\x14\x03abc\0\0\0") == (quality.GOOD, "abc")
    assert read_string(b"\x14\x00\0") == (quality.GOOD, "")
    assert read_string("\x14\x03grün"[:5].encode("latin-1")) == (quality.GOOD, "grü")
    assert read_string(b"\x02\x03abc")[0] == quality.BAD_DECODING
    assert read_string(b"\x14\x09abc")[0] == quality.BAD_OUT_OF_RANGE
    assert read_string(b"\x14")[0] == quality.BAD_DECODING
    point = Point(name="s", address="DB1:0:string", kind="text", length=4)
    assert write_string(point, "grün") == b"\x04gr\xfcn"
    for wrong in ("fives", "天轴", 3):
        with pytest.raises(InvalidInput, match="cannot be written"):
            write_string(point, wrong)
