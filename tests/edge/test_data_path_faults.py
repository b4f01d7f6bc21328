"""What must not be lost, doubled or silent when something in the middle of the data path fails."""

import asyncio
import socket

import pytest

from lineshaft.bus import Gap
from lineshaft.core import clock, quality
from lineshaft.core.errors import Unavailable
from lineshaft.edge.attempts import Attempts
from lineshaft.edge.driver import find_driver
from lineshaft.edge.drivers.http import listener
from lineshaft.edge.drivers.mqtt.broker import Broker
from lineshaft.edge.drivers.sparkplug.datatypes import BY_NAME
from lineshaft.edge.drivers.sparkplug.edge_node import EdgeNode, NodeMetric, NodeOptions
from lineshaft.edge.drivers.sparkplug.host import Host
from lineshaft.edge.drivers.sparkplug.options import SparkplugOptions
from lineshaft.edge.model import Device, Point
from lineshaft.edge.parts.keeper import PartsKeeper

SECOND = 1_000_000
SPARKPLUG = SparkplugOptions(secret="plant", group_id="g", edge_node_id="n", device_id="press")


class FailingBroker:
    """A broker that takes connections, and refuses so many subscriptions."""

    def __init__(self, refusals):
        self.refusals, self.connected, self.subscribed = refusals, False, []

    async def connect(self, _will=None):
        self.connected = True

    async def subscribe(self, topics):
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("edge.device_lost", "no", device="press", reason="no")
        self.subscribed += [topic for topic, _ in topics]

    async def publish(self, *_, **__):
        pass

    async def lost(self):
        return await asyncio.Event().wait()

    async def close(self):
        self.connected = False


class Listening:
    def __init__(self):
        self.values = []

    def born(self, _table, columns):
        self.values += [row[-1] for row in columns]

    def died(self, reason):
        pass

    def gap(self, gap):
        pass


@pytest.fixture
async def host(tools):
    made = Host("press", "mqtt://127.0.0.1:1", SPARKPLUG, tools)
    yield made
    if made._watcher is not None:
        made._watcher.cancel()
        await asyncio.wait([made._watcher])
        made._watcher = None
    await made.close()


async def test_a_connection_without_its_subscriptions_is_none(host):
    host._broker = broker = FailingBroker(refusals=1)
    with pytest.raises(Unavailable):
        await host.connect()
    assert not broker.connected
    await host.connect()
    assert broker.subscribed[0].startswith("spBv1.0/STATE/")


async def test_a_node_that_could_not_be_subscribed_to_is_joined_anew_and_once(host):
    host._broker = broker = FailingBroker(refusals=0)
    await host.connect()
    broker.refusals, press = 1, Listening()
    with pytest.raises(Unavailable):
        await host.join("g", "n", "press", press)
    assert host.sessions == {}
    session = await host.join("g", "n", "press", press)
    assert any("g/" in topic for topic in broker.subscribed)
    assert session._listeners == {"press": [press]}


async def test_gaps_told_while_nobody_listens_do_not_grow(tools):
    device = Device(
        name="press", path="a/b/c/d/e/f", driver="sparkplug", endpoint="mqtt://127.0.0.1:1",
        options={"secret": "plant", "group_id": "g", "edge_node_id": "n"}, points=(Point(name="p", address="v", tag=1),),
    )  # fmt: skip
    driver = find_driver("sparkplug")
    source = driver.source(driver.plan(device), tools)
    for number in range(1000):
        source.gap(Gap(cause="undecodable", from_ts=number, to_ts=number + 1, detail="no payload"))
    assert [(gap.from_ts, gap.to_ts) for gap in source._gaps] == [(0, 1000)]


async def test_an_edge_node_that_cannot_write_its_number_says_so_and_goes_on(tools, tmp_path, until):
    (tmp_path / "file").write_text("")
    node = EdgeNode(
        "mqtt://127.0.0.1:1", NodeOptions(secret="plant", group_id="g", edge_node_id="n"),
        {"": [NodeMetric(name="v", datatype=BY_NAME["Double"])]}, secrets=tools.secrets,
        state_file=tmp_path / "file" / "bdseq",
    )  # fmt: skip
    node.start()
    try:
        await until(lambda: node.trouble is not None)
        assert "NotADirectoryError" in node.trouble.message
        assert not node._task.done()
    finally:
        await node.close()


async def test_no_second_device_believes_in_a_listener_that_cannot_listen():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        calls = [listener.register("127.0.0.1", port, f"/hooks/{name}", object(), None) for name in ("a", "b")]
        found = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(each, OSError) for each in found] == [True, True]


async def test_a_part_that_cannot_stop_does_not_keep_the_others_running(monkeypatch):
    closed = []

    class Part:
        def __init__(self, name):
            self.name = name

        async def close(self):
            closed.append(self.name)
            raise RuntimeError(self.name)

    keeper = PartsKeeper()
    keeper._parts = {name: Part(name) for name in ("guard", "commands")}
    await keeper.close()
    assert closed == ["commands", "guard"]


async def test_an_attempt_never_takes_over_the_session_of_the_running_device(tools, monkeypatch):
    opened = []
    device = Device(
        name="press", path="a/b/c/d/e/f", driver="mqtt", endpoint="mqtt://127.0.0.1:1",
        options={"secret": "plant", "client_id": "press", "clean": False}, points=(Point(name="p", address="t", tag=1),),
    )  # fmt: skip

    async def connect(broker, _will=None):
        opened.append((broker._client_id, broker._clean))

    monkeypatch.setattr(Broker, "connect", connect)
    async with Attempts(tools)._open(device):
        pass
    assert opened == [("", True)]


# -- clocks ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def calculated():
    def make(*points):
        return Device(name="sums", path="a/b/c/d/e/sums", driver="calculated", endpoint="calculated:", points=points)

    return make


async def test_a_clock_set_back_leaves_no_claim_of_completeness_behind(run, calculated, until, monkeypatch):
    runner = await run(calculated(Point(name="p", address='tag("press/x") + 1', tag=1)))
    runner._became -= 3600
    now = clock.now_us()
    with clock.fixed(lambda: now):
        before = runner.complete_us()
    with clock.fixed(lambda: now - 3600 * SECOND):
        assert runner.complete_us() == before - 3600 * SECOND


async def test_a_calculated_device_without_points_is_connected(run, calculated):
    runner = await run(calculated())
    await asyncio.sleep(0)
    assert runner.status().state == "connected"
    assert runner.status().code == ""


async def test_a_result_of_a_device_that_is_gone_is_bad(run, calculated, lane, tools, rows_of, until):
    (slot,) = tools.board.slots(["press/x"]).tolist()
    tools.board.take([slot], rows_of((slot, clock.now_us(), clock.now_us(), 0, 0, 2.0)))
    await run(calculated(Point(name="p", address='tag("press/x") * 2', tag=1)))
    await until(lambda: lane.of(1))
    assert lane.of(1)[-1][1:] == (0, 4.0)
    tools.board.forget([slot])
    await until(lambda: lane.of(1)[-1][1] == quality.BAD_NO_DATA)
