"""What our host and our edge node put on the wire, as a third party at the broker sees it: topics, QoS, retain, CONNECT.

The recorder subscribes with MQTT 5, QoS 2 and retain-as-published, so that it sees what was published, not what is left
of it. CONNECT packets are read from the TCP connection itself.
"""

import asyncio
import contextlib
import json

import pytest

from lineshaft.core import clock
from lineshaft.edge.driver import Write
from lineshaft.edge.drivers.mqtt.mosquitto import mosquitto
from lineshaft.edge.drivers.sparkplug.datatypes import BY_NAME
from lineshaft.edge.drivers.sparkplug.edge_node import EdgeNode, NodeMetric, NodeOptions
from lineshaft.edge.drivers.sparkplug.payloads import find_bd_seq
from lineshaft.edge.drivers.sparkplug.schema import read_payload
from lineshaft.edge.model import Device, Point

pytestmark = pytest.mark.peer("mosquitto")


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with mosquitto(tmp_path_factory.mktemp("broker"), user="operator", password="right") as port:
        yield port


class Recorder:
    """Everything below spBv1.0, as (topic, payload, qos, retain)."""

    def __init__(self, client):
        self.client = client
        self.seen = []

    async def run(self):
        async for message in self.client.messages:
            self.seen.append((message.topic.value, bytes(message.payload), message.qos, bool(message.retain)))

    def of(self, kind):
        return [each for each in self.seen if each[0].split("/")[2] == kind or each[0].split("/")[1] == kind]

    def payloads(self, kind):
        return [read_payload(payload) for _, payload, _, _ in self.of(kind)]


@pytest.fixture
async def recorder(broker):
    import aiomqtt
    from paho.mqtt.subscribeoptions import SubscribeOptions

    options = {"username": "operator", "password": "right", "protocol": aiomqtt.ProtocolVersion.V5}
    async with aiomqtt.Client("127.0.0.1", broker, **options) as client:
        await client.subscribe("spBv1.0/#", options=SubscribeOptions(qos=2, retainAsPublished=True, retainHandling=2))
        recorder = Recorder(client)
        task = asyncio.create_task(recorder.run())
        yield recorder
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Connects:
    """A wire that reads the CONNECT packets on it."""

    def __init__(self, target):
        self.target, self.packets, self.tasks, self.writers = target, [], set(), []
        self.closed = False

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.connect, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()
        self.closed = True
        self.cut()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def cut(self):
        for writer in self.writers:
            writer.transport.abort()

    async def connect(self, reader, writer):
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self.writers += [writer, other_writer]
        if self.closed:  # meanwhile
            self.cut()
            return
        first = await reader.readexactly(2)
        packet = await reader.readexactly(first[1] if first[1] < 128 else await self.longer(reader, first))
        self.packets.append(read_connect(packet))
        length = bytes([first[1]]) if first[1] < 128 else bytes([first[1], self.second])
        other_writer.write(first[:1] + length + packet)
        for source, sink in ((reader, other_writer), (other_reader, writer)):
            self.tasks.add(asyncio.create_task(self.pump(source, sink)))

    async def longer(self, reader, first):
        self.second = (await reader.readexactly(1))[0]
        return (first[1] & 127) + (self.second << 7)

    async def pump(self, source, sink):
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()


def read_connect(packet):
    """Variable header and will of an MQTT 3.1.1 CONNECT (3.1)."""
    level, flags = packet[6], packet[7]
    fields, at = [], 10
    while at < len(packet):
        size = int.from_bytes(packet[at : at + 2], "big")
        fields.append(packet[at + 2 : at + 2 + size])
        at += 2 + size
    return {
        "level": level, "clean": bool(flags & 2), "will": bool(flags & 4), "qos": flags >> 3 & 3, "retain": bool(flags & 32),
        "topic": fields[1].decode(), "payload": fields[2],
    }  # fmt: skip


@pytest.fixture
async def connects(broker):
    async with Connects(broker) as watched:
        yield watched


@pytest.fixture
async def node(tools, tmp_path, connects, request, until):
    """Our edge node, born; by a connection whose CONNECT is read."""
    made = []

    async def make(*, born=True, **options):
        options = NodeOptions(secret="plant", group_id=request.node.name[:50], edge_node_id="ours", **options)
        offered = {
            "": [NodeMetric(name="Uptime", datatype=BY_NAME["Int64"])],
            "press": [NodeMetric(name="Temperature", datatype=BY_NAME["Double"]), NodeMetric(name="None", datatype=BY_NAME["Int32"])],
        }  # fmt: skip
        ours = EdgeNode(
            f"mqtt://127.0.0.1:{connects.port}", options, offered, secrets=tools.secrets, state_file=tmp_path / "bdseq"
        )
        made.append(ours)
        ours.update("press", "Temperature", 21.5, clock.now_us())
        ours.start()
        if born:
            await until(lambda: ours.born)
        return ours

    yield make
    for each in made:
        await each.close()


@pytest.fixture
def device(connects, request):
    """A device that reads our own edge node."""

    def make(device_id="press", **options):
        ids = {
            "group_id": request.node.name[:50],
            "edge_node_id": "ours",
            "device_id": device_id,
            "host_id": request.node.name[:50],
        }
        points = (("Temperature", "number"), ("None", "integer")) if device_id else (("Uptime", "integer"),)
        return Device(
            name=device_id or "node", path=f"acme/north/hall/line/cell/{device_id or 'node'}", driver="sparkplug",
            endpoint=f"mqtt://127.0.0.1:{connects.port}", options={"secret": "plant", **ids, **options},
            points=tuple(Point(name=name, address=name, kind=kind, tag=tag) for tag, (name, kind) in enumerate(points, 1)),
        )  # fmt: skip

    return make


# -- the edge node ----------------------------------------------------------------------------------------------------


async def test_node_connect_is_clean_with_a_death_as_will(node, connects):
    await node()
    [connect] = connects.packets
    group = connect["topic"].split("/")[1]
    assert connect["topic"] == f"spBv1.0/{group}/NDEATH/ours"
    assert (connect["level"], connect["clean"], connect["will"], connect["qos"], connect["retain"]) == (
        4,
        True,
        True,
        1,
        False,
    )
    will = read_payload(connect["payload"])
    assert [(metric.name, metric.long_value) for metric in will.metrics] == [("bdSeq", 0)]
    assert not will.HasField("seq")


async def test_node_births_have_their_topics_qos_0_and_are_not_retained(node, recorder, until, request):
    await node()
    await until(lambda: recorder.of("DBIRTH"))
    group = request.node.name[:50]
    assert [each[0] for each in recorder.seen] == [f"spBv1.0/{group}/NBIRTH/ours", f"spBv1.0/{group}/DBIRTH/ours/press"]
    assert [each[2:] for each in recorder.seen] == [(0, False)] * 2


async def test_node_births_say_everything_of_every_metric(node, recorder, until, connects):
    before = clock.now_us() // 1000
    await node()
    await until(lambda: recorder.of("DBIRTH"))
    [nbirth], [dbirth] = recorder.payloads("NBIRTH"), recorder.payloads("DBIRTH")
    assert (nbirth.seq, dbirth.seq) == (0, 1)
    assert before <= nbirth.timestamp <= dbirth.timestamp <= clock.now_us() // 1000
    metrics = {metric.name: metric for each in (nbirth, dbirth) for metric in each.metrics}
    assert set(metrics) == {"bdSeq", "Node Control/Rebirth", "Uptime", "Temperature", "None"}
    assert all(metric.HasField("timestamp") and metric.HasField("datatype") for metric in metrics.values())
    assert find_bd_seq(nbirth) == find_bd_seq(read_payload(connects.packets[0]["payload"])) == 0
    rebirth = metrics["Node Control/Rebirth"]
    assert (rebirth.datatype, rebirth.boolean_value, rebirth.HasField("alias")) == (11, False, False)
    assert (metrics["Temperature"].double_value, metrics["Temperature"].is_null) == (21.5, False)
    assert (metrics["None"].WhichOneof("value"), metrics["None"].is_null) == (None, True)
    aliases = [metric.alias for metric in metrics.values() if metric.HasField("alias")]
    assert len(set(aliases)) == len(aliases) == 3


async def test_node_data_carry_aliases_times_and_numbers_that_wrap(node, recorder, until, request):
    ours = await node()
    for number in range(300):
        ours.update("press", "Temperature", float(number), clock.now_us())
        if number % 10 == 0:
            ours.update("", "Uptime", number, clock.now_us())
        await until(lambda n=number: ours.counts["DDATA"] > n)
    await until(
        lambda: len(recorder.of("DDATA")) + len(recorder.of("NDATA")) >= ours.counts["DDATA"] + ours.counts["NDATA"]
    )
    group = request.node.name[:50]
    data = [each for each in recorder.seen if each[0].split("/")[2] in ("NDATA", "DDATA")]
    assert {each[0] for each in data} == {f"spBv1.0/{group}/NDATA/ours", f"spBv1.0/{group}/DDATA/ours/press"}
    assert {each[2:] for each in data} == {(0, False)}
    numbers = [read_payload(each[1]).seq for each in recorder.seen]
    assert numbers == [number % 256 for number in range(len(numbers))]
    assert len(numbers) > 257
    for each in data:
        payload = read_payload(each[1])
        assert payload.HasField("timestamp")
        for metric in payload.metrics:
            assert (metric.HasField("name"), metric.HasField("datatype"), metric.HasField("alias")) == (
                False,
                False,
                True,
            )
            assert metric.HasField("timestamp")
        times = [metric.timestamp for metric in payload.metrics if not metric.is_historical]
        assert times == sorted(times)


async def test_node_device_death_is_numbered_and_timed(node, recorder, until, request):
    ours = await node()
    ours.leave("press")
    await until(lambda: recorder.of("DDEATH"))
    [(topic, _, qos, retain)] = recorder.of("DDEATH")
    [payload] = recorder.payloads("DDEATH")
    assert (topic, qos, retain) == (f"spBv1.0/{request.node.name[:50]}/DDEATH/ours/press", 0, False)
    assert payload.seq == recorder.payloads("DBIRTH")[0].seq + 1
    assert payload.HasField("timestamp")


async def test_node_says_its_death_before_it_disconnects(node, recorder, until, request):
    ours = await node()
    await ours.close()
    await until(lambda: recorder.of("NDEATH"))
    [(topic, _, qos, retain)] = recorder.of("NDEATH")
    [payload] = recorder.payloads("NDEATH")
    assert (topic, qos, retain) == (f"spBv1.0/{request.node.name[:50]}/NDEATH/ours", 1, False)
    assert [(metric.name, metric.long_value) for metric in payload.metrics] == [("bdSeq", 0)]
    assert not payload.HasField("seq")


async def test_node_counts_its_sessions_and_births_with_the_number_of_the_will(node, recorder, connects, until):
    await node()
    for number in range(3):
        connects.cut()
        await until(lambda n=number: len(recorder.of("NBIRTH")) == n + 2)
    wills = [find_bd_seq(read_payload(packet["payload"])) for packet in connects.packets]
    assert wills == list(range(len(wills)))
    assert [find_bd_seq(birth) for birth in recorder.payloads("NBIRTH")] == wills
    assert [find_bd_seq(death) for death in recorder.payloads("NDEATH")] == wills[:-1]


async def test_node_waits_for_its_primary_host_by_name_and_time(node, recorder, until, until_async):
    ours = await node(born=False, primary_host_id="hq-of-the-wire")
    say = recorder.client.publish
    state = "spBv1.0/STATE/hq-of-the-wire"
    await say("spBv1.0/STATE/somebody", json.dumps({"online": True, "timestamp": 5}), qos=1)
    offline = json.dumps({"online": False, "timestamp": 10})
    await until_async(lambda: say(state, offline, qos=1), lambda _: ours._host._newest_ms == 10)  # it has subscribed
    await say(state, json.dumps({"online": True, "timestamp": 9}), qos=1)
    await say(state, "ONLINE", qos=1)
    await until(lambda: b"ONLINE" in [payload for _, payload, _, _ in recorder.of("STATE")])
    assert not ours.born
    assert recorder.of("NBIRTH") == []
    await say(state, json.dumps({"online": True, "timestamp": 10}), qos=1)
    await until(lambda: ours.born)
    await say(state, json.dumps({"online": False, "timestamp": 9}), qos=1)
    ours.update("press", "Temperature", 1.0, clock.now_us())
    await until(lambda: ours.counts["DDATA"])
    assert ours.born
    await say(state, json.dumps({"online": False, "timestamp": 11}), qos=1)
    await until(lambda: recorder.of("NDEATH"))
    await until(lambda: not ours.born)


# -- the host ---------------------------------------------------------------------------------------------------------


async def test_host_connect_is_clean_with_its_state_as_will(device, run, connects, node, request):
    before = clock.now_us() // 1000
    await node()
    await run(device())
    connect = connects.packets[1]
    assert connect["topic"] == f"spBv1.0/STATE/{request.node.name[:50]}"
    assert (connect["level"], connect["clean"], connect["will"], connect["qos"], connect["retain"]) == (
        4,
        True,
        True,
        1,
        True,
    )
    will = json.loads(connect["payload"])
    assert will["online"] is False
    assert before <= will["timestamp"] <= clock.now_us() // 1000
    assert set(will) == {"online", "timestamp"}


async def test_host_says_first_that_it_is_online_with_the_time_of_its_will(
    device, run, connects, node, recorder, request
):
    await node()
    await run(device())
    topic, payload, qos, retain = recorder.of("STATE")[0]
    assert (topic, qos, retain) == (f"spBv1.0/STATE/{request.node.name[:50]}", 1, True)
    assert json.loads(payload) == {"online": True, "timestamp": json.loads(connects.packets[1]["payload"])["timestamp"]}
    ours = [each for each in recorder.seen if each[0].split("/")[1] == "STATE" or each[0].split("/")[2] == "NCMD"]
    assert ours[0][0] == topic


async def test_host_contradicts_whoever_says_it_is_offline(device, run, connects, node, recorder, until, request):
    await node()
    await run(device())
    topic = f"spBv1.0/STATE/{request.node.name[:50]}"
    await recorder.client.publish(topic, json.dumps({"online": False, "timestamp": 1}), qos=1, retain=True)
    await until(lambda: len(recorder.of("STATE")) >= 3)
    first, last = recorder.of("STATE")[0], recorder.of("STATE")[-1]
    assert last == first


async def test_host_says_that_it_goes(device, run, node, recorder, until):
    await node()
    runner = await run(device())
    before = clock.now_us() // 1000
    await runner.stop()
    await until(lambda: len(recorder.of("STATE")) == 2)
    _, payload, qos, retain = recorder.of("STATE")[-1]
    state = json.loads(payload)
    assert (state["online"], qos, retain) == (False, 1, True)
    assert state["timestamp"] >= before


async def test_host_asks_for_births_by_a_command_to_the_node(device, run, node, recorder, until, request):
    await node()
    await run(device())
    await until(lambda: recorder.of("NCMD"))
    topic, payload, qos, retain = recorder.of("NCMD")[0]
    assert (topic, qos, retain) == (f"spBv1.0/{request.node.name[:50]}/NCMD/ours", 0, False)
    command = read_payload(payload)
    assert [(metric.name, metric.boolean_value) for metric in command.metrics] == [("Node Control/Rebirth", True)]
    assert command.HasField("timestamp")
    assert not command.HasField("seq")


@pytest.mark.parametrize("device_id", ["press", ""])
async def test_host_commands_carry_the_alias_and_no_number(device, run, node, recorder, until, device_id):
    ours = await node()
    runner = await run(device(device_id))
    source = runner._source
    await source.write([Write(0, 5)])
    kind = "DCMD" if device_id else "NCMD"
    await until(lambda: [each for each in recorder.payloads(kind) if each.metrics[0].HasField("alias")])
    topic, payload, qos, retain = recorder.of(kind)[-1]
    command = read_payload(payload)
    assert topic.split("/")[2:] == [kind, "ours", *([device_id] if device_id else [])]
    assert (qos, retain, command.HasField("seq"), command.HasField("timestamp")) == (0, False, False, True)
    assert [metric.HasField("name") for metric in command.metrics] == [False]
    await until(lambda: ours.counts["commands_refused"])  # it reached the node, which takes none here


async def test_two_devices_of_a_node_share_one_connection(device, run, node, connects, lane, until):
    await node()
    await run(device())
    await run(device(""))
    assert len(connects.packets) == 2  # the node's and the host's
    await until(lambda: lane.of(2))
    assert lane.of(2)[-1][1] == 0x80F00000  # null


async def test_after_a_broken_connection_the_host_begins_anew(device, run, node, connects, lane, until):
    await node()
    runner = await run(device())
    await until(lambda: lane.of(1))
    connects.cut()
    await until(lambda: runner.status().state == "lost")
    assert lane.of(1)[-1][1:] == (0x408F0000, 21.5)
    await until(lambda: lane.of(1)[-1][1:] == (0, 21.5))
    times = [json.loads(packet["payload"])["timestamp"] for packet in connects.packets if "STATE" in packet["topic"]]
    assert times == sorted(set(times))
