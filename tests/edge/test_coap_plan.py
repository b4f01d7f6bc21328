"""CoAP without a server: addresses, options, SenML, payloads that are none, link format."""

import json
import math
import random

import cbor2
import pytest

from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.columns import Columns
from lineshaft.edge.driver import find_driver
from lineshaft.edge.drivers.coap.address import read_address
from lineshaft.edge.drivers.coap.discovery import describe, read_links
from lineshaft.edge.drivers.coap.documents import LONGEST, Undecodable, read
from lineshaft.edge.drivers.coap.samples import Feed, to_send
from lineshaft.edge.drivers.coap.senml import resolve
from lineshaft.edge.model import Device, Point

NOW = 1_785_000_000_000_000


def device(*points, endpoint="coap://127.0.0.1", **options):
    return Device(
        name="room", path="acme/north/hall/line/cell/room", driver="coap", endpoint=endpoint, options=options, points=points,
    )  # fmt: skip


def test_an_address_is_a_resource_and_a_place_in_what_it_answers():
    address = read_address("/sensors/temp%20out?unit=C&n=1#/a~1b/0")
    assert address.resource.path == ("sensors", "temp out")
    assert address.resource.query == ("unit=C", "n=1")
    assert address.pointer.steps == ("a/b", "0")
    assert address.text == "sensors/temp%20out?unit=C&n=1#/a~1b/0"
    assert read_address("pack#urn:dev:ow:10e2:voltage").name == "urn:dev:ow:10e2:voltage"
    assert read_address("a/b").text == read_address("/a/b").text == "a/b"


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("", "no path"), ("/", "no path"), ("coap://other/a", "without coap"), ("//other/a", "without coap"),
        ("a b", "no path"), ("x" * 256, "at most 255 bytes"), ("a#v", ""), ("a#~", "JSON pointer"), ("a#/~2", "~0"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_says_why(address, rule):
    if not rule:
        assert read_address(address).name == "v"
        return
    with pytest.raises(ValueError, match=rule):
        read_address(address)


@pytest.mark.parametrize(
    ("endpoint", "options", "rule"),
    [
        ("coap://sensor.plant", {}, "say security = none"),
        ("coap://10.1.2.3:5683", {"security": "auto"}, "say security = none"),
        ("coaps://127.0.0.1", {"security": "none"}, "DTLSSocket"),
        ("coap://user@127.0.0.1", {}, "no user and password"),
        ("coap://127.0.0.1/sensors", {}, "the path stands in the points"),
        ("http://127.0.0.1", {}, "a CoAP endpoint is"),
        ("coap://127.0.0.1:99999", {}, "a CoAP endpoint is"),
        ("coap://127.0.0.1", {"plaintext": True}, "plaintext"),
        ("coap://127.0.0.1", {"format": "xml"}, "xml"),
    ],
)
def test_what_cannot_be_is_refused(endpoint, options, rule):
    with pytest.raises(InvalidInput, match=rule):
        find_driver("coap").plan(device(endpoint=endpoint, **options))


def test_sending_in_the_clear_must_be_said_in_so_many_words():
    plan = find_driver("coap").plan(device(endpoint="coap://sensor.plant", security="none"))
    assert (plan.address.host, plan.address.port) == ("sensor.plant", 5683)
    assert find_driver("coap").plan(device(endpoint="coap://[::1]:5700")).address.authority == "[::1]:5700"


def test_all_faults_come_at_once_and_a_resource_is_asked_once():
    points = (
        Point(name="a", address="a b"), Point(name="b", address="b", type="int16"), Point(name="c", address="c", scale="x"),
        Point(name="d", address="d", kind="text", scale="2"),
    )  # fmt: skip
    with pytest.raises(InvalidInput) as error:
        find_driver("coap").plan(device(*points, endpoint="coap://far", color="red"))
    assert all(
        part in error.value.message
        for part in ("points.a", "points.b.type", "points.c.scale", "points.d.scale", "color")
    )
    plan = find_driver("coap").plan(
        device(Point(name="a", address="p#/a"), Point(name="b", address="/p#/b"), Point(name="c", address="q"))
    )
    assert [list(block.detail.values()) for block in plan.blocks] == [[(0, 1), (2,)]]


# -- SenML: examples of RFC 8428, 5.1 ------------------------------------------------------------------------------------


def test_base_name_base_time_and_base_unit_are_applied():
    pack = [
        {"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1.276020076001e09, "bu": "A", "bver": 10, "n": "voltage", "u": "V", "v": 120.1},
        {"n": "current", "t": -5, "v": 1.2},
        {"n": "current", "t": -4, "v": 1.3},
    ]  # fmt: skip
    records = resolve(pack, NOW)
    assert [(record.name.rpartition(":")[2], record.value, record.unit, record.ts) for record in records] == [
        ("voltage", 120.1, "V", 1_276_020_076_001_000),
        ("current", 1.2, "A", 1_276_020_071_001_000),
        ("current", 1.3, "A", 1_276_020_072_001_000),
    ]


def test_a_time_below_2_28_counts_from_now_and_values_add_to_the_base():
    pack = [
        {"bn": "a", "bv": 20, "v": 1.5, "t": -3},
        {"n": "b"},
        {"n": "c", "vs": "x"},
        {"n": "d", "vb": False},
        {"n": "e", "s": 7},
    ]
    assert [(record.name, record.value, record.ts) for record in resolve(pack, NOW)] == [
        ("a", 21.5, NOW - 3_000_000), ("ab", 20, NOW), ("ac", "x", NOW), ("ad", False, NOW), ("ae", None, NOW),
    ]  # fmt: skip


def test_cbor_packs_have_numbers_for_labels():
    pack = cbor2.loads(
        cbor2.dumps([{-2: "urn:dev:", -3: 1.276020076e09, -4: "A", 0: "v", 1: "V", 2: 120.1}, {0: "i", 6: -5, 2: 1.2}])
    )
    assert [(each.name, each.value, each.unit) for each in resolve(pack, NOW)] == [
        ("urn:dev:v", 120.1, "V"),
        ("urn:dev:i", 1.2, "A"),
    ]


@pytest.mark.parametrize(
    "pack",
    [
        {}, [], [1], [{"v": 1}], [{"n": "a", "v": "1"}], [{"n": "a", "v": True}], [{"n": 3, "v": 1}], [{"n": "a", "vs": 1}],
        [{"n": "a", "v": 1, "vs": "x"}], [{"bver": 11, "n": "a", "v": 1}], [{"n": "a", "v": 1, "secret_": 1}],
        [{"n": "a", "v": 1, "t": 1e300}], [{"n": "a", "v": 1, "t": 10**400}], [{"n": "a", "v": math.nan}], [{"bn": [], "v": 1}],
    ],
)  # fmt: skip
def test_a_pack_that_is_none_is_refused(pack):
    with pytest.raises(ValueError, match=r"record|pack"):
        resolve(pack, NOW)


# -- payloads ---------------------------------------------------------------------------------------------------------------


def rows(payload, kind, *points):
    columns = Columns(1)
    feed = Feed(points, [read_address(point.address) for point in points])
    problem = feed.take(range(len(points)), payload, kind, NOW, columns)
    assert columns.rows >= len(points)
    return [(key, ts, q, value) for key, ts, _, q, value in columns], problem


def test_values_are_taken_from_every_format():
    json_point, text_point = (
        Point(name="j", address="r#/a/0", scale="0.1"),
        Point(name="t", address="r", kind="integer"),
    )
    assert rows(b'{"a": [215]}', "json", json_point) == ([(0, NOW, 0, 21.5)], "")
    assert rows(cbor2.dumps({"a": [215]}), "cbor", json_point) == ([(0, NOW, 0, 21.5)], "")
    assert rows(b" 42\n", "text", text_point) == ([(0, NOW, 0, 42)], "")
    assert rows(b"true", "json", Point(name="b", address="r", kind="boolean")) == ([(0, NOW, 0, True)], "")
    history = json.dumps([{"bn": "a", "v": 1, "t": -2}, {"v": 2}]).encode()
    assert rows(history, "senml+json", Point(name="s", address="r#a")) == (
        [(0, NOW - 2_000_000, 0, 1.0), (0, NOW, 0, 2.0)],
        "",
    )
    assert rows(history, "senml+json", Point(name="s", address="r#/1/v")) == ([(0, NOW, 0, 2.0)], "")


@pytest.mark.parametrize(
    ("payload", "kind", "status"),
    [
        (b"\xff", "text", "BadDecodingError"), (b"warm", "text", "BadDecodingError"), (b"", "json", "BadDecodingError"),
        (b'{"v": 1', "json", "BadDecodingError"), (b"[" * 100_000, "json", "BadDecodingError"), (b"\x9f" * 100_000, "cbor", "BadDecodingError"),
        (b"\x01\x01", "cbor", "BadDecodingError"), (b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", "cbor", "BadDecodingError"),
        (b"1" * (LONGEST + 1), "json", "BadDecodingError"), (b"{}", "senml+json", "BadDecodingError"),
        (b'"3"', "json", "BadTypeMismatch"), (b"null", "json", "BadNoData"), (b"1e999", "text", "BadOutOfRange"),
        (b'[{"n":"a","v":1},{"n":"b","v":1}]', "senml+json", "BadNotSupported"),
    ],
)  # fmt: skip
def test_a_payload_that_is_none_makes_a_bad_row_and_says_why(payload, kind, status):
    found, problem = rows(payload, kind, Point(name="p", address="r"))
    assert [quality.name(q) for _, _, q, _ in found] == [status]
    assert problem


def test_mutated_payloads_always_make_rows_and_never_more_than_bad_ones():
    source = random.Random(20260722)
    pack = [{"bn": "room:", "bt": 1.7e9, "n": "t", "v": 20.5}, {"n": "h", "vs": "x"}, {"n": "t", "t": 1, "v": 21}]
    numbered = [{-2: "room:", -3: 1.7e9, 0: "t", 2: 20.5}, {0: "h", 3: "x"}]
    whole = {
        "json": json.dumps({"v": 1.5, "w": [1, None]}).encode(), "cbor": cbor2.dumps({"v": 1.5, "w": [1, b"x"]}),
        "senml+json": json.dumps(pack).encode(), "senml+cbor": cbor2.dumps(numbered), "text": b"20.5",
    }  # fmt: skip
    points = (
        Point(name="a", address="r#/v"),
        Point(name="b", address="r#room:t"),
        Point(name="c", address="r", kind="text"),
    )
    seen = set()
    for _ in range(6000):
        kind = source.choice(list(whole))
        payload = bytearray(
            whole[kind][: source.randint(0, len(whole[kind]))] if source.random() < 0.3 else whole[kind]
        )
        for _ in range(source.randint(0, 3)):
            if payload:
                payload[source.randrange(len(payload))] = source.randrange(256)
        found, _ = rows(bytes(payload), kind, *points)
        assert {key for key, *_ in found} == {0, 1, 2}
        seen |= {quality.name(q) for _, _, q, _ in found}
    assert seen >= {"Good", "BadDecodingError", "BadNoData"}


def test_nothing_may_follow_a_cbor_item():
    with pytest.raises(Undecodable, match="behind"):
        read(b"\x01\x02", "cbor")


def test_a_value_is_written_where_its_address_says():
    def sent(address, value, form, **point):
        return to_send(Point(name="p", address=address, **point), read_address(address), value, form)

    assert sent("r", 21.5, "text") == b"21.5"
    assert sent("r", True, "text", kind="boolean") == b"true"
    assert sent("r", 21.5, "json", scale="0.1") == b"215.0"
    assert json.loads(sent("r#/a/b", 3, "json", kind="integer")) == {"a": {"b": 3}}
    assert cbor2.loads(sent("r#x:y", 2.0, "senml+cbor")) == [{2: 2.0, 0: "x:y"}]
    assert json.loads(sent("r", "on", "senml+json", kind="text")) == [{"vs": "on"}]
    for address, value, kind in (
        ("r#/a", 1.0, "text"),
        ("r#a", 1.0, "json"),
        ("r#/a", 1.0, "senml+json"),
        ("r", math.nan, "json"),
        ("r", "x", "json"),
    ):
        with pytest.raises(ValueError, match=r"written|no number"):
            sent(address, value, kind)


def test_link_format_is_read_and_what_is_none_is_refused():
    text = '</sensors/temp>;rt="temp, outside";ct=60;obs,</a?b=c>;ct="50",<http://else/x>;rel="x",</>, </xml>;ct=41'
    found = [describe(link) for link in read_links(text)]
    assert [(each.address, each.data_type, each.description) for each in found] == [
        ("sensors/temp", "cbor", "temp, outside, observable"), ("a?b=c", "json", ""), ("xml", "41", ""),
    ]  # fmt: skip
    assert [bool(each.refused) for each in found] == [False, False, True]
    for wrong in ("nonsense", "</a>;=x", "</a> </b>", "<"):
        with pytest.raises(ValueError, match="no link format"):
            read_links(wrong)
    source = random.Random(5)
    for _ in range(2000):
        mutated = "".join(source.choice('</>;,="ab\\') if source.random() < 0.1 else letter for letter in text)
        try:
            read_links(mutated)
        except ValueError:
            continue
