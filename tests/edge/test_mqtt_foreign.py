"""The MQTT driver against what we did not write: mosquitto, its command-line clients, and the npm client `mqtt`."""

import asyncio
import base64
import subprocess
from contextlib import contextmanager
from pathlib import Path

import cbor2
import msgspec
import pytest

from lineshaft.core import clock
from lineshaft.edge.address_space import BrowseRequest, BrowseState
from lineshaft.edge.driver import Write
from lineshaft.edge.drivers.mqtt.mosquitto import mosquitto
from lineshaft.edge.model import Device, Point
from lineshaft.edge.testing import foreign_server

pytestmark = pytest.mark.peer("mosquitto", "mosquitto_pub", "node", "npm")

PEERS = Path(__file__).parent.parent / "peers"
GOOD, UNCERTAIN, OFFLINE = 0, 0x40000000, 0x408F0000
BAD_DECODING, BAD_TYPE = 0x80070000, 0x80740000


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with mosquitto(
        tmp_path_factory.mktemp("broker"), user="operator", password="right", lines="max_queued_messages 0"
    ) as port:
        yield port


@pytest.fixture
def publish(broker):
    """mosquitto_pub."""

    async def send(topic, text, *more):
        command = ["mosquitto_pub", "-p", str(broker), "-u", "operator", "-P", "right", "-t", topic, "-m", text, *more]
        await asyncio.to_thread(subprocess.run, command, check=True, timeout=60)

    return send


@pytest.fixture
def client(broker, node_modules, tmp_path):
    """The npm client."""

    @contextmanager
    def start(**options):
        connection = {"url": f"mqtt://127.0.0.1:{broker}", "user": "operator", "password": "right"}
        with foreign_server(PEERS / "mqtt_client.js", node_modules, tmp_path, **connection, **options) as peer:
            yield peer

    return start


@pytest.fixture
def device(broker):
    def make(*points, port=None, **options):
        return Device(
            name="oven", path="acme/north/hall/line/cell/oven", driver="mqtt", endpoint=f"mqtt://127.0.0.1:{port or broker}",
            options={"secret": "plant", "listen_seconds": 1.0, **options},
            points=tuple(
                Point(name=f"p{tag}", address=address, kind=kind, tag=tag, access=access)
                for tag, (address, kind, access) in enumerate(((*point, "read")[:3] for point in points), start=1)
            ),
        )  # fmt: skip

    return make


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_members_of_a_json_object_become_values(device, run, lane, until, publish, version):
    topic = f"members/{version}"
    points = [(f"{topic}#/temp/value", "number"), (f"{topic}#/on", "boolean"), (f"{topic}#/name", "text"),
              (f"{topic}#/list/1", "integer"), (f"{topic}#/named/[name=b]/v", "number")]  # fmt: skip
    await run(device(*points, version=version))
    before = clock.now_us()
    named = [{"name": "a", "v": 1.5}, {"name": "b", "v": 2.5}]
    await publish(
        topic,
        msgspec.json.encode({"temp": {"value": 21.5}, "on": True, "name": "läuft", "list": [1, 2**62], "named": named}),
    )
    await until(lambda: len(lane.rows) == 5)
    assert [lane.of(tag)[0][1:] for tag in range(1, 6)] == [
        (GOOD, 21.5), (GOOD, True), (GOOD, "läuft"), (GOOD, 2**62), (GOOD, 2.5)]  # fmt: skip
    assert before <= lane.of(1)[0][0] <= clock.now_us()


async def test_times_and_qualities_come_from_the_message(device, run, lane, until, publish):
    await run(device(("timed#/v", "number"), time="/at", time_unit="ms", quality="/q"))
    sent = clock.now_us() // 1_000_000 * 1_000_000
    for quality in (192, 64, 0):
        await publish("timed", msgspec.json.encode({"v": quality / 2, "at": sent // 1000 + quality, "q": quality}))
    await until(lambda: len(lane.rows) == 3)
    assert lane.of(1) == [(sent + 192_000, GOOD, 96.0), (sent + 64_000, UNCERTAIN, 32.0), (sent, 0x80000000, 0.0)]


async def test_a_batch_of_objects_becomes_a_row_each(device, run, lane, until, client):
    await run(device(("batch#/v", "integer"), rows="/samples", time="/t", time_unit="rfc3339"))
    sent = clock.now_us() // 1_000_000 * 1_000_000 - 10_000_000
    samples = [{"t": clock.rfc3339(sent + 1000 * number), "v": number} for number in range(500)]
    with client() as peer:
        peer.order("publish", topic="batch", text=msgspec.json.encode({"samples": samples}).decode())
        await until(lambda: len(lane.rows) == 500)
    assert lane.of(1) == [(sent + 1000 * number, GOOD, number) for number in range(500)]


async def test_cbor_is_read_and_written(device, run, lane, until, client):
    runner = await run(
        device(("cbor#/v", "number", "read-write"), format="cbor", command_topic="{topic}/set", command_shape="object")
    )
    with client(subscribe=["cbor/set"]) as peer:
        payload = base64.b64encode(cbor2.dumps({"v": 2.25})).decode()
        peer.order("publish", topic="cbor", base64=payload)
        await until(lambda: lane.of(1))
        assert lane.of(1)[0][1:] == (GOOD, 2.25)
        [written] = await runner._source.write([Write(0, 7.5)])
        assert (written.q, written.lost) == (0, False)
        heard = await _until_heard(peer, until)
        assert cbor2.loads(base64.b64decode(heard[0]["base64"])) == {"v": 7.5}


async def test_what_cannot_be_read_is_bad_and_counted_as_a_gap(device, run, lane, until, publish):
    runner = await run(device(("broken#/v", "number"), ("broken#/w", "number"), ("other#/v", "number")))
    await publish("broken", "{not json")
    await until(lambda: len(lane.rows) == 2)
    assert [lane.of(tag)[0][1] for tag in (1, 2)] == [BAD_DECODING, BAD_DECODING]
    assert [gap.cause for gap in lane.gaps] == ["undecodable"]
    assert runner.intake.counts["gaps"] == 1
    await publish("broken", '{"v": "warm"}')
    await until(lambda: len(lane.of(1)) == 2)
    assert lane.of(1)[-1][1] == BAD_TYPE
    await publish("broken", '{"v": 5}')
    await until(lambda: lane.of(1)[-1][1:] == (GOOD, 5))
    assert lane.of(3) == []


async def test_a_retained_value_has_its_own_time_or_is_uncertain(device, run, lane, until, publish):
    sent = clock.now_us() // 1_000_000 * 1_000_000 - 3_600_000_000
    await publish("kept/timed", msgspec.json.encode({"v": 1.0, "at": sent // 1000}), "-r")
    await publish("kept/bare", '{"v": 2.0}', "-r")
    await run(device(("kept/timed#/v", "number"), ("kept/bare#/v", "number"), time="/at"))
    await until(lambda: len(lane.rows) == 2)
    assert lane.of(1) == [(sent, GOOD, 1.0)]
    assert lane.of(2)[0][1:] == (UNCERTAIN, 2.0)


async def test_every_topic_that_a_plus_matches_feeds_the_point(device, run, lane, until, publish):
    await run(device(("wild/+/temp", "number"), ("wild/b/temp", "number"), format="text"))
    await publish("wild/a/temp", "1.5")
    await publish("wild/b/temp", "2.5")
    await publish("wild/a/b/temp", "9")
    await publish("wild/c/temp", "3.5")
    await until(lambda: len(lane.of(1)) == 3)
    assert [value for _, _, value in lane.of(1)] == [1.5, 2.5, 3.5]
    assert [value for _, _, value in lane.of(2)] == [2.5]


async def test_a_burst_arrives_whole_and_in_order(device, run, lane, until, client):
    await run(device(("burst#/value", "integer")))
    with client() as peer:
        peer.order("burst", topic="burst", count=5000)
        await until(lambda: len(lane.rows) == 5000)
    assert [row[-1] for row in lane.rows] == list(range(5000))


async def test_what_comes_while_the_gateway_is_away_waits_in_a_session_that_the_broker_keeps(
    broker, device, run, lane, until, wire, publish
):
    line = await wire(broker)
    port = int(line.url.rpartition(":")[2])
    runner = await run(device(("session#/v", "integer"), port=port, clean=False, client_id="gateway-session"))
    await publish("session", '{"v": 1}', "-q", "1")
    await until(lambda: lane.of(1))
    line.cut()
    await until(lambda: runner.status().state == "lost")
    assert lane.of(1)[-1][1:] == (OFFLINE, 1)
    for value in (2, 3, 4):
        await publish("session", msgspec.json.encode({"v": value}), "-q", "1")
    line.mend()
    await until(lambda: lane.of(1)[-1][1:] == (GOOD, 4))
    # QoS 1 is at least once: an acknowledgement that the cut overtakes brings the first message again.
    assert [*dict.fromkeys(value for _, q, value in lane.of(1) if q == GOOD)] == [1, 2, 3, 4]


async def test_a_command_is_published_with_qos_1_and_reaches_a_foreign_device(device, run, until, client):
    points = [("cmd/a#/v", "number", "read-write"), ("cmd/b", "boolean", "read-write"), ("cmd/c", "text", "read-write")]
    runner = await run(device(*points, command_topic="{topic}/set", commands={"p2": "orders/b"}))
    source = runner._source
    with client(subscribe=["cmd/+/set", "orders/b"]) as peer:
        writes = [Write(0, 7.5), Write(1, 1), Write(2, "auf")]
        operations = source.operations(writes)
        assert [(each.function, each.node, each.values) for each in operations] == [
            ("publish", "cmd/a#/v", (7_500_000,)), ("publish", "cmd/b", (1_000_000,)), ("publish", "cmd/c", ())]  # fmt: skip
        assert [(each.q, each.lost) for each in await source.write(writes)] == [(0, False)] * 3
        heard = await _until_heard(peer, until, 3)
    assert [(each["topic"], each["text"], each["qos"]) for each in heard] == [
        ("cmd/a/set", "7.5", 1), ("orders/b", "true", 1), ("cmd/c/set", '"auf"', 1)]  # fmt: skip


async def _until_heard(peer, until, count=1):
    heard = []

    def look():
        heard[:] = peer.ask("heard")["heard"]
        return len(heard) >= count

    await until(look)
    return heard


async def test_what_the_topics_carry_can_be_browsed(device, run, publish):
    source = (await run(device(listen_seconds=3.0)))._source
    await publish("seen/one", '{"temp": {"value": 1.5}, "on": true, "none": null}', "-r")
    [page] = [page async for page in source.browse(BrowseRequest(root="seen/#"), BrowseState())]
    found = {each.address: (each.kind, bool(each.refused)) for each in page.found}
    assert found == {
        "seen/one#/temp/value": ("number", False), "seen/one#/on": ("boolean", False), "seen/one#/none": ("number", True),
    }  # fmt: skip
    seen, silent, wrong = await source.inspect(["seen/one#/on", "nobody#/x", "a+b"])
    assert (seen.kind, bool(silent.description), bool(wrong.refused)) == ("boolean", True, True)


async def test_credentials_that_the_broker_refuses_are_said_so(device, run, until, tools):
    from lineshaft.edge.secrets import Secret

    tools.secrets.keep("wrong", Secret(user="operator", password="wrong"))
    for version in ("3.1.1", "5"):
        runner = await run(device(secret="wrong", version=version), connected=False)
        await until(lambda runner=runner: runner.status().code)
        assert (runner.status().code, runner.status().state) == ("edge.user_refused", "refused")
        assert "right" not in runner.status().message


async def test_a_broker_that_is_not_there_is_said_so(device, run, until):
    runner = await run(device(port=1), connected=False)
    await until(lambda: runner.status().code)
    assert (runner.status().code, runner.status().state) == ("edge.device_unreachable", "lost")


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_a_message_that_is_too_long_is_dropped_counted_and_told(
    device, run, lane, until, publish, broker, tmp_path, version
):
    """Beyond what is kept of a packet, and within it: both pass, acknowledged, and what follows is read."""
    topic = f"long/{version}"
    runner = await run(device((f"{topic}#/v", "number"), payload_bytes=1024, version=version, qos=1))
    for number, size in enumerate((300_000, 2_000)):
        file = tmp_path / f"{number}.json"
        file.write_text('{"v": 1, "pad": "' + "x" * size + '"}')
        command = [
            "mosquitto_pub",
            "-p",
            str(broker),
            "-u",
            "operator",
            "-P",
            "right",
            "-q",
            "1",
            "-t",
            topic,
            "-f",
            str(file),
        ]
        await asyncio.to_thread(subprocess.run, command, check=True, timeout=60)
    await publish(topic, '{"v": 7}', "-q", "1")
    await until(lambda: [row[2] for row in lane.of(1) if row[1] == GOOD] == [7.0])
    assert [row[1] for row in lane.of(1)[:2]] == [BAD_DECODING, BAD_DECODING]
    assert {gap.cause for gap in lane.gaps} == {"undecodable"}
    assert "longer than 1024 bytes" in lane.gaps[0].detail
    assert (await runner._source.about())["oversized"] == "2"
    assert runner.status().state == "connected"
