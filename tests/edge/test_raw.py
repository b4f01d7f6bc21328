"""Raw values: vectorised decoding against struct one by one, and encoding as its opposite."""

import math
import struct
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput
from lineshaft.edge import raw
from lineshaft.edge.columns import BOOLEAN, INTEGER, NUMBER, TEXT, Columns
from lineshaft.edge.driver import Faults
from lineshaft.edge.model import Point

FORMATS = {
    "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q",
    "float32": "f", "float64": "d",
}  # fmt: skip
ORDERS = ("", "ABCD", "DCBA", "BADC", "CDAB")
SCALES = ("", "1", "0.1", "1/3", "-2", "0.001", "10", "7/1000")
OFFSETS = ("", "0", "-40", "0.5", "100000")


def point(**changes):
    return Point(**{"name": "p", "address": "x", **changes})


def faults_of(checked):
    faults = Faults("meter")
    raw.check(checked, faults)
    with pytest.raises(InvalidInput) as refused:
        faults.refuse()
    return refused.value.message


def in_order(data, order):
    """Bytes, most significant first, as they lie on the wire."""
    registers = [data[start : start + 2] for start in range(0, len(data), 2)]
    if order in ("DCBA", "CDAB"):
        registers.reverse()
    if order in ("DCBA", "BADC"):
        registers = [register[::-1] for register in registers]
    return b"".join(registers)


class Bad(NamedTuple):
    q: int


def oracle(one, data):
    """Value of a point by struct and exact arithmetic, or its status."""
    data = in_order(data, one.order)
    if one.type in ("bcd16", "bcd32"):
        if not data.hex().isdigit():
            return Bad(quality.BAD_DECODING)
        stored = int(data.hex())
    else:
        (stored,) = struct.unpack(f">{FORMATS[one.type]}", data)
    if isinstance(stored, float) and not math.isfinite(stored):
        return Bad(quality.BAD_NO_DATA if math.isnan(stored) else quality.BAD_OUT_OF_RANGE)
    if stored in one.sentinels:
        return Bad(quality.BAD_NO_DATA)
    value = Fraction(stored) * Fraction(one.scale or "1") + Fraction(one.offset or "0")
    if one.kind == "integer":
        return int(value) if value < 2**63 else Bad(quality.BAD_OUT_OF_RANGE)
    return value


@st.composite
def stored_values(draw):
    """A point that `check` passes, and bytes for it."""
    kind = draw(st.sampled_from([*FORMATS, "bcd16", "bcd32"]))
    one = point(
        type=kind, order=draw(st.sampled_from(ORDERS)) if kind not in ("int8", "uint8") else "",
        scale=draw(st.sampled_from(SCALES)), offset=draw(st.sampled_from(OFFSETS)),
        kind="number" if kind.startswith("float") else draw(st.sampled_from(["number", "integer"])),
    )  # fmt: skip
    if one.kind == "integer":
        one = point(type=kind, order=one.order, kind="integer", scale=draw(st.sampled_from(["", "1"])))
    data = draw(st.binary(min_size=raw.size(one), max_size=raw.size(one)))
    if kind in FORMATS and not kind.startswith("float") and draw(st.booleans()):
        (stored,) = struct.unpack(f">{FORMATS[kind]}", in_order(data, one.order))
        one = point(
            type=kind, order=one.order, kind=one.kind, scale=one.scale, offset=one.offset,
            sentinels=draw(st.sampled_from([(stored,), (0, stored), (1,)])),
        )  # fmt: skip
    return one, data


def decode(points, pieces, **more):
    columns = Columns(1)
    offsets = np.cumsum([0] + [len(data) for data in pieces[:-1]]).tolist()
    layout = raw.Layout.of(points, offsets, more.pop("bits", None))
    layout.decode(b"".join(pieces), columns, list(range(len(points))), 5, 6, **more)
    return columns, sorted(columns)


@given(st.lists(stored_values(), min_size=1, max_size=40))
def test_decoding_many_at_once_is_decoding_each_by_hand(given_values):
    points, pieces = [each[0] for each in given_values], [each[1] for each in given_values]
    columns, rows = decode(points, pieces)
    assert [row[0] for row in rows] == list(range(len(points)))
    for (_, ts, arrival, q, value), one, data in zip(rows, points, pieces, strict=True):
        assert (ts, arrival) == (5, 6)
        expected = oracle(one, data)
        if isinstance(expected, Bad):
            assert (q, math.isnan(value)) == (expected.q, True)
        elif one.kind == "integer":
            assert (q, value, type(value)) == (quality.GOOD, expected, int)
        elif raw.size(one) <= 4 and not one.type.startswith("float"):
            assert (q, value) == (quality.GOOD, float(expected)), "one correct rounding"
        elif math.isfinite(value):
            assert q == quality.GOOD
            largest = abs(Fraction(expected)) + abs(Fraction(one.offset or "0"))
            assert abs(Fraction(value) - expected) <= largest * 3 / 2**52 + Fraction(5, 10**324)
        else:
            assert q == quality.BAD_OUT_OF_RANGE, "scaled beyond what a float64 holds"
    assert columns.rows == len(points)


@given(stored_values())
def test_what_was_decoded_is_encoded_as_it_was(given_value):
    one, data = given_value
    q, value = raw.decode_one(one, data)
    if q == quality.GOOD and (raw.size(one) <= 4 or not (one.scale or one.offset)):
        again = raw.encode(one, value) if abs(value) < 2**53 or one.kind == "integer" else data
        q2, value2 = raw.decode_one(one, again)
        if raw.size(one) == 8 or one.type == "float32":  # rounding may choose a neighbour that reads the same
            assert math.isclose(value2, value, rel_tol=1e-6, abs_tol=1e-30)
        else:
            assert (q2, value2, again) == (q, value, data)


@given(st.floats(-3000, 3000), st.sampled_from(["0.1", "1/3", "-2", "0.25"]), st.sampled_from(OFFSETS[:4]))
def test_a_written_value_is_read_back_within_half_a_step(value, scale, offset):
    one = point(type="int32", scale=scale, offset=offset, order="CDAB")
    _, back = raw.decode_one(one, raw.encode(one, value))
    assert abs(Fraction(back) - Fraction(value)) <= abs(Fraction(scale)) / 2 + Fraction(1, 10**9)


@pytest.mark.parametrize(
    ("order", "two", "four"),
    [
        ("ABCD", "1234", "12345678"), ("DCBA", "3412", "78563412"), ("BADC", "3412", "34127856"),
        ("CDAB", "1234", "56781234"), ("", "1234", "12345678"),
    ],
)  # fmt: skip
def test_the_four_orders_are_what_their_letters_say(order, two, four):
    assert raw.encode(point(type="uint16", kind="integer", order=order), 0x1234).hex() == two
    assert raw.encode(point(type="uint32", kind="integer", order=order), 0x12345678).hex() == four


def test_bits_text_and_bcd():
    points = [
        point(type="bool", kind="boolean"), point(type="bool", kind="boolean"),
        point(type="text", kind="text", length=6), point(type="text", kind="text", length=4, order="BADC"),
        point(type="text", kind="text", length=2), point(type="bcd16", kind="integer"), point(type="bcd16", kind="integer"),
    ]  # fmt: skip
    pieces = [b"\x10", b"\xef", b"M\xc3\xbch\0x", b"BADC", b"\xff\xfe", b"\x12\x34", b"\x1a\x34"]
    columns, rows = decode(points, pieces, bits=[4, 4, 0, 0, 0, 0, 0])
    assert [row[4] for row in rows[:4]] == [True, False, "Müh", "ABCD"]
    assert [row[3] for row in rows] == [0, 0, 0, 0, quality.BAD_DECODING, 0, quality.BAD_DECODING]
    assert rows[5][4] == 1234
    assert sorted(columns.kind[:7].tolist()) == sorted([BOOLEAN, BOOLEAN, TEXT, TEXT, NUMBER, INTEGER, NUMBER])


def test_what_is_bad_beforehand_has_no_value_whatever_the_buffer_holds():
    points = [point(type="uint16"), point(type="uint16"), point(type="text", kind="text", length=2)]
    status = np.array([0, quality.BAD_TIMEOUT, quality.BAD_DEVICE_FAILURE], np.uint32)
    _, rows = decode(points, [b"\0\7", b"\0\7", b"ab"], q=status)
    assert rows[0][3:] == (0, 7.0)
    assert [(row[3], math.isnan(row[4])) for row in rows[1:]] == [
        (quality.BAD_TIMEOUT, True),
        (quality.BAD_DEVICE_FAILURE, True),
    ]


def test_a_buffer_that_is_too_short_is_no_value():
    with pytest.raises(ValueError, match="3 bytes where the points need 4"):
        raw.Layout.of([point(type="uint32")], [0]).decode(b"abc", Columns(1), [0], 0, 0)


@pytest.mark.parametrize(
    ("changes", "value", "named"),
    [
        ({"type": "uint16"}, 65536, "a uint16 in steps of 1 holds 0 to 65535"),
        ({"type": "int16", "scale": "0.1", "offset": "-40"}, 3237, "in steps of 0.1 holds -3316.8"),
        ({"type": "uint16"}, -1, "holds 0 to 65535"),
        ({"type": "uint16"}, float("nan"), "finite"),
        ({"type": "float32"}, float("inf"), "finite"),
        ({"type": "float32"}, 1e39, "a float32 cannot hold it"),
        ({"type": "uint16", "kind": "integer"}, 1.5, "whole number"),
        ({"type": "uint16"}, "12", "it is a number"),
        ({"type": "uint16"}, True, "it is a number"),
        ({"type": "uint16", "sentinels": (65535,)}, 65535, "no value"),
        ({"type": "bcd16"}, 10000, "holds 0 to 9999"),
        ({"type": "bool", "kind": "boolean"}, 2, "true or false"),
        ({"type": "text", "kind": "text", "length": 3}, "Mühe", "5 bytes long, over the point's 3"),
        ({"type": "text", "kind": "text", "length": 3}, "a ", "ends in blanks"),
        ({"type": "text", "kind": "text", "length": 3}, 5, "it is a text"),
    ],
)
def test_a_value_that_the_point_cannot_hold_is_refused_by_name(changes, value, named):
    with pytest.raises(InvalidInput) as refused:
        raw.encode(point(**changes), value)
    assert refused.value.code == "edge.value_unfit"
    assert named in refused.value.message
    assert "'p'" in refused.value.message


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, "points.p.type is ''"),
        ({"type": "uint16", "kind": "text"}, "points.p.kind is 'text': a uint16 can only be number or integer"),
        ({"type": "float32", "kind": "integer"}, "a float32 can only be number"),
        ({"type": "bool"}, "a bool can only be boolean"),
        ({"type": "bool", "kind": "boolean", "scale": "2"}, "a bool has none"),
        ({"type": "text", "kind": "text"}, "points.p.length is 0"),
        ({"type": "text", "kind": "text", "length": 4, "order": "CDAB"}, "points.p.order is 'CDAB'"),
        ({"type": "text", "kind": "text", "length": 3, "order": "BADC"}, "whole registers"),
        ({"type": "uint16", "length": 4}, "a uint16 has 2"),
        ({"type": "uint16", "scale": "0"}, "every value the same"),
        ({"type": "uint16", "scale": "a tenth"}, "no rational"),
        ({"type": "uint16", "scale": "1/0"}, "no rational"),
        ({"type": "uint16", "scale": "0.12345678901234567890"}, "more digits"),
        ({"type": "uint16", "kind": "integer", "scale": "0.1"}, "integral scale"),
        ({"type": "uint64", "kind": "integer", "scale": "2"}, "beyond 64 bits"),
        ({"type": "int16", "sentinels": (32768,)}, "no int16 has this one"),
        ({"type": "int16", "sentinels": (0.5,)}, "no int16 has this one"),
    ],
)
def test_each_fault_of_a_point_names_field_value_and_rule(changes, named):
    assert named in faults_of(point(**changes))


def test_words_are_registers():
    assert [raw.words(point(type=kind)) for kind in ("bool", "uint8", "int16", "float32", "uint64")] == [1, 1, 1, 2, 4]
    assert raw.words(point(type="text", kind="text", length=5)) == 3
