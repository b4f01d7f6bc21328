"""SNMP without an agent: addresses, options, and what agents send as values."""

import math
import random
import struct

import pytest
from pysnmp.proto import rfc1902, rfc1905

from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.columns import NUMBER
from lineshaft.edge.driver import find_driver
from lineshaft.edge.drivers.snmp.address import name_of, read_address
from lineshaft.edge.drivers.snmp.values import raw_of, read_value, to_send
from lineshaft.edge.model import Device, Point, ScanGroup


def device(*points, endpoint="snmp://switch", **options):
    return Device(
        name="switch", path="acme/north/hall/line/cell/switch", driver="snmp", endpoint=endpoint, options=options,
        groups=(ScanGroup(mode="poll"),), points=points,
    )  # fmt: skip


def test_an_address_is_a_number_or_a_well_known_name():
    assert read_address("1.3.6.1.2.1.1.3.0") == read_address("sysUpTime.0") == read_address(".1.3.6.1.2.1.1.3.0")
    assert read_address("ifPhysAddress.2#hex").form == "hex"
    assert read_address("ifHCInOctets.12").dotted == "1.3.6.1.2.1.31.1.1.1.6.12"
    assert name_of("1.3.6.1.2.1.31.1.1.1.6.12") == "ifHCInOctets.12"
    assert name_of("1.3.6.1.2.1.31.1.1.1.60.12") == "1.3.6.1.2.1.31.1.1.1.60.12"


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("", "no object identifier"), ("sysUpTime", "no object identifier"), ("sysNonsense.0", "not known here"),
        ("3.1", "begins with"), ("1.40", "begins with"), ("1.3.4294967296", "fits 32 bits"), ("1." * 128 + "1", "128 parts"),
        ("sysName.0#text", "no form"), ("sysName.0#", "no form"), ("١.3.6", "no object identifier"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_says_why(address, rule):
    with pytest.raises(ValueError, match=rule):
        read_address(address)


def test_a_configuration_is_refused_with_every_fault_at_once():
    points = (
        Point(name="a", address="nonsense"), Point(name="b", address="sysName.0", kind="text", scale="2"),
        Point(name="c", address="sysUpTime.0", type="uint32"), Point(name="d", address="sysUpTime.0", kind="integer", scale="0.1"),
    )  # fmt: skip
    with pytest.raises(InvalidInput) as error:
        find_driver("snmp").plan(device(*points, endpoint="snmp://public@switch/x", version="2c", context="vlan"))
    text = error.value.message
    assert "public" not in text
    for part in (
        "points.a.address",
        "points.b.scale",
        "points.c.type",
        "points.d.scale",
        "options.secret",
        "options.context",
    ):
        assert part in text
    for wrong in ({"version": "1"}, {"authentication": "MD5"}, {"community": "public"}, {"privacy": "DES"}):
        with pytest.raises(InvalidInput):
            find_driver("snmp").plan(device(secret="agent", **wrong))


def read(kind, sent, form="", **more):
    q, _, value = read_value(Point(name="p", address="", kind=kind, **more), form, sent)
    return q, value


def test_numbers_are_scaled_exactly_and_keep_their_kind():
    assert read("number", rfc1902.Integer32(-72), scale="0.1") == (0, -7.2)
    assert read("integer", rfc1902.Gauge32(7), scale="10", offset="-1") == (0, 69)
    assert read("integer", rfc1902.Counter64(2**63 - 1)) == (0, 2**63 - 1)
    assert read("integer", rfc1902.Counter64(2**63))[0] == quality.BAD_OUT_OF_RANGE
    assert read("number", rfc1902.Counter64(2**64 - 1)) == (0, float(2**64))
    assert read("number", rfc1902.Integer32(-999), sentinels=(-999,))[0] == quality.BAD_NO_DATA
    assert read("boolean", rfc1902.Integer32(1)) == (0, True)
    assert read("boolean", rfc1902.Integer32(2)) == (0, False)
    assert read("number", rfc1902.OctetString(" 3.25"), "number") == (0, 3.25)
    assert read("number", rfc1902.OctetString("nan"), "number")[0] == quality.BAD_NO_DATA


def test_octets_are_text_or_hexadecimal_as_the_address_says():
    assert read("text", rfc1902.OctetString("天轴\0".encode())) == (0, "天轴")
    assert read("text", rfc1902.OctetString(b"\x00\x1b\xff"), "hex") == (0, "00:1b:ff")
    assert read("text", rfc1902.OctetString(b"\xff\xfe"))[0] == quality.BAD_DECODING
    assert read("text", rfc1902.IpAddress("10.1.2.3")) == (0, "10.1.2.3")


def test_what_is_no_value_is_bad():
    for sent, name in (
        (rfc1905.noSuchObject, "BadNodeIdUnknown"), (rfc1905.noSuchInstance, "BadNotFound"),
        (rfc1905.endOfMibView, "BadNodeIdUnknown"), (rfc1902.Null(""), "BadNoData"), (object(), "BadNotSupported"),
    ):  # fmt: skip
        q, value = read("number", sent)
        assert quality.name(q) == name
        assert math.isnan(value)


def test_opaque_floats_are_numbers_and_mutated_ones_never_more_than_that():
    single, double = b"\x9f\x78\x04" + struct.pack(">f", 1.5), b"\x9f\x79\x08" + struct.pack(">d", -2.5)
    assert read("number", rfc1902.Opaque(single)) == (0, 1.5)
    assert read("number", rfc1902.Opaque(double)) == (0, -2.5)
    source = random.Random(20260722)
    seen = set()
    for _ in range(5000):
        data = bytearray(source.choice((single, double))[: source.randint(0, 12)])
        for _ in range(source.randint(0, 2)):
            if data:
                data[source.randrange(len(data))] = source.randrange(256)
        q, kind, value = read_value(Point(name="p", address=""), "", rfc1902.Opaque(bytes(data)))
        assert kind == NUMBER
        assert math.isfinite(value) == (q == quality.GOOD)
        seen.add(q)
    assert seen >= {quality.GOOD, quality.BAD_DECODING}


def test_a_value_is_written_in_the_type_that_the_object_has():
    point = Point(name="p", address="", scale="0.1")
    assert int(to_send(rfc1902.Integer32(0), raw_of(point, "", 23.04))) == 230
    assert (
        bytes(to_send(rfc1902.OctetString(""), raw_of(Point(name="p", address="", kind="text"), "hex", "00:1b")))
        == b"\0\x1b"
    )
    assert int(to_send(rfc1902.Integer32(0), raw_of(Point(name="p", address="", kind="boolean"), "", False))) == 2
    assert bytes(
        to_send(rfc1902.Opaque(b"\x9f\x78\x04\0\0\0\0"), raw_of(point, "", 0.15))
    ) == b"\x9f\x78\x04" + struct.pack(">f", 1.5)
    for present, stored in (
        (rfc1902.Gauge32(0), -1),
        (rfc1902.Integer32(0), 2**31),
        (rfc1902.Integer32(0), "x"),
        (rfc1905.noSuchObject, 1),
    ):
        with pytest.raises(ValueError, match="the object is a"):
            to_send(present, stored)
    for kind, form, value in (
        ("number", "", math.nan),
        ("number", "", "3"),
        ("integer", "", 1.5),
        ("boolean", "", 2),
        ("text", "hex", "zz"),
        ("text", "", 3),
    ):
        with pytest.raises(InvalidInput, match="cannot be written"):
            raw_of(Point(name="p", address="", kind=kind), form, value)
