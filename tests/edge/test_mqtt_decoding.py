"""Addresses, messages and devices of the MQTT driver, without any broker."""

import contextlib
import math

import cbor2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.columns import MISSING, Columns
from lineshaft.edge.driver import find_driver
from lineshaft.edge.drivers.mqtt.address import follow, read_address, read_pointer, write_pointer
from lineshaft.edge.drivers.mqtt.decoding import Decoder, Target, Undecodable
from lineshaft.edge.drivers.mqtt.mapping import Mapping
from lineshaft.edge.drivers.mqtt.options import MqttOptions
from lineshaft.edge.model import Device, Point

BAD_NO_VALUE, BAD_RANGE, BAD_TYPE, BAD_SUPPORT = 0x80F00000, 0x803C0000, 0x80740000, 0x803D0000
NOW = 1_760_000_000_000_000


def rows_of(payload, *targets, retained=False, **options):
    columns = Columns(4)
    made = [Target(index, read_pointer(path), kind) for index, (path, kind) in enumerate(targets)]
    raw = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    Decoder(MqttOptions(secret="plant", **options)).read(raw, made, columns, retained=retained)
    return list(columns)


@pytest.mark.parametrize(
    ("value", "kind", "q", "told"),
    [(21.5, "number", 0, 21.5), (5, "number", 0, 5), (True, "boolean", 0, True), (1, "boolean", 0, True), ("x", "text", 0, "x"),
     (2**63 - 1, "integer", 0, 2**63 - 1), (2**63, "integer", BAD_RANGE, None), (None, "number", BAD_NO_VALUE, None),
     ([1], "number", BAD_SUPPORT, None), ({"a": 1}, "number", BAD_SUPPORT, None)],
)  # fmt: skip
def test_what_a_member_becomes(value, kind, q, told):
    [row] = rows_of({"v": value}, ("/v", kind))
    assert row[3] == q
    assert row[4] == told or (told is None and math.isnan(row[4]))


@pytest.mark.parametrize(
    ("text", "kind", "q", "told"),
    [("21.5", "number", 0, 21.5), (" 7 ", "integer", 0, 7), ("ON", "boolean", 0, True), ("0", "boolean", 0, False),
     ("läuft", "text", 0, "läuft"), ("warm", "number", BAD_TYPE, None), ("7.5", "integer", BAD_TYPE, None),
     ("ja", "boolean", BAD_TYPE, None), ("nan", "number", 0, None)],
)  # fmt: skip
def test_what_a_bare_text_becomes(text, kind, q, told):
    [row] = rows_of(text.encode(), ("", kind), format="text")
    assert row[3] == q
    assert row[4] == told or (told is None and math.isnan(row[4]))


@pytest.mark.parametrize("format_name", ["json", "cbor", "text"])
@settings(deadline=None)
@given(data=st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(format_name, data):
    with contextlib.suppress(Undecodable):
        rows_of(data, ("/a/0", "number"), format=format_name)


def test_deep_nesting_is_refused_and_does_no_harm():
    with pytest.raises(Undecodable):
        rows_of(b"[" * 200_000, ("/a", "number"))
    with pytest.raises(Undecodable):
        rows_of(b"\x81" * 200_000, ("/a", "number"), format="cbor")


def test_a_member_that_is_not_there_gives_no_row():
    assert rows_of({"a": 1}, ("/b", "number"), ("/a/x", "number"), ("/a", "number"))[0][0] == 2


@pytest.mark.parametrize(
    ("unit", "told", "ts"),
    [("s", NOW / 1e6, NOW), ("ms", NOW // 1000, NOW), ("us", NOW, NOW), ("rfc3339", clock.rfc3339(NOW), NOW), ("ms", "soon", MISSING),
     ("rfc3339", "yesterday", MISSING), ("ms", None, MISSING), ("ms", True, MISSING), ("us", 2**70, 2**62)],
)  # fmt: skip
def test_times(unit, told, ts):
    [row] = rows_of({"v": 1.0, "t": told}, ("/v", "number"), time="/t", time_unit=unit)
    assert row[1] == ts


def test_without_a_time_a_live_message_has_its_arrivals_and_a_retained_one_none():
    before = clock.now_us()
    assert before <= rows_of({"v": 1}, ("/v", "number"))[0][1] <= clock.now_us()
    assert rows_of({"v": 1}, ("/v", "number"), retained=True)[0][1] == MISSING
    assert rows_of({"v": 1}, ("/v", "number"), time="/t")[0][1] == MISSING


@pytest.mark.parametrize(
    ("code", "told", "q"),
    [("classic", 192, 0), ("classic", 216, 0), ("classic", 64, 0x40000000), ("classic", 0, 0x80000000), ("classic", True, 0),
     ("classic", False, 0x80000000), ("classic", "good", 0x80000000), ("status", 0, 0), ("status", 0x808C0000, 0x808C0000),
     ("status", -1, 0x80000000)],
)  # fmt: skip
def test_qualities(code, told, q):
    [row] = rows_of({"v": 1.0, "q": told}, ("/v", "number"), quality="/q", quality_code=code)
    assert row[3] == q


def test_a_batch_takes_what_its_rows_lack_from_the_message():
    message = {"t": NOW // 1000, "unit": 7, "rows": [{"v": 1}, {"v": 2, "t": NOW // 1000 + 1}]}
    rows = rows_of(message, ("/v", "integer"), ("/unit", "integer"), rows="/rows", time="/t")
    assert [(row[0], row[1], row[4]) for row in rows] == [
        (0, NOW, 1),
        (1, NOW, 7),
        (0, NOW + 1000, 2),
        (1, NOW + 1000, 7),
    ]
    assert [row[4] for row in rows_of([{"v": 1}, {"v": 2}], ("/v", "integer"))] == [1, 2]
    assert [row[4] for row in rows_of([1, 2], ("/1", "integer"))] == [2]


def test_cbor_is_read():
    assert rows_of(cbor2.dumps({"v": 1.5}), ("/v", "number"), format="cbor")[0][4] == 1.5


def test_pointers_escape_and_select():
    message = {"a/b": {"~": [{"name": "x", "v": 1}, {"name": 2, "v": 3}]}}
    assert follow(message, read_pointer("/a~1b/~0/[name=2]/v")) == 3
    assert follow(message, read_pointer("/a~1b/~0/0/v")) == 1


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), min_size=1, max_size=4))
def test_a_pointer_written_is_read_back(levels):
    if not any(level.startswith("[") and "=" in level and level.endswith("]") for level in levels):
        assert read_pointer(write_pointer(levels)) == tuple(levels)


def test_a_wild_topic_feeds_by_level():
    points = [Point(name=str(n), address=address) for n, address in enumerate(("a/+/c", "a/b/c", "+/b/c", "+/x"))]
    mapping = Mapping(points, [read_address(point.address) for point in points])
    assert [target.point for target in mapping.targets("a/b/c")] == [1, 0, 2]
    assert [target.point for target in mapping.targets("a/z/c")] == [0]
    assert mapping.targets("$SYS/x") == []
    assert set(mapping.filters()) == {"a/+/c", "a/b/c", "+/b/c", "+/x"}


def plan(*points, endpoint="mqtt://127.0.0.1:1883", **options):
    device = Device(
        name="oven", path="a/b/c/d/e/oven", driver="mqtt", endpoint=endpoint, options={"secret": "plant", **options},
        points=points,
    )  # fmt: skip
    return find_driver("mqtt").plan(device)


@pytest.mark.parametrize(
    ("point", "options", "words"),
    [
        ({"address": "#/a"}, {}, "topic is empty"),
        ({"address": "a+/b"}, {}, "whole level"),
        ({"address": "a#b"}, {}, "begins with /"),
        ({"address": "a#/b"}, {"format": "text"}, "no members"),
        ({"address": "a", "scale": "0.1"}, {}, "not raw words"),
        ({"address": "a", "access": "read-write"}, {}, "must say where commands go"),
        ({"address": "a/+", "access": "write"}, {"command_topic": "{topic}/set"}, "no single topic"),
        ({"address": "a"}, {"time": "t"}, "begins with /"),
        ({"address": "a"}, {"clean": False}, "needs a client id"),
        ({"address": "a"}, {"endpoint": "mqtt://broker.example:1883"}, "needs TLS"),
        ({"address": "a"}, {"command_topic": "a/#"}, "separates"),
        ({"address": "a"}, {"format": "xml"}, "xml"),
    ],
)
def test_what_cannot_be_is_refused_with_the_rule(point, options, words):
    with pytest.raises(InvalidInput, match=words) as refused:
        plan(Point(name="p", **point), **options)
    assert refused.value.code == "edge.device_invalid"


def test_a_write_that_the_point_cannot_hold_is_refused(tools):
    from lineshaft.edge.driver import Write

    points = [
        Point(name=kind, address=f"a/{kind}#/v", kind=kind, access="write")
        for kind in ("number", "integer", "boolean", "text")
    ]
    driver = find_driver("mqtt")
    source = driver.source(plan(*points, command_topic="{topic}/set"), tools)
    for write in (Write(0, "x"), Write(0, math.nan), Write(0, 1e300), Write(1, 1.5), Write(2, 2), Write(3, 5)):
        with pytest.raises(InvalidInput) as refused:
            source.operations([write])
        assert refused.value.code == "edge.value_unfit"
