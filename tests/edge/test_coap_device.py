"""CoAP against a server of another process (aiocoap's own server side, which this driver does not use)."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cbor2
import pytest
from aiocoap import Message

from lineshaft.bus.server import free_port
from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput, LineshaftError, Unavailable
from lineshaft.edge.address_space import BrowseRequest, BrowseState
from lineshaft.edge.driver import Write, find_driver
from lineshaft.edge.drivers.coap.client import Ended, Observation
from lineshaft.edge.drivers.coap.simulator import simulate
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.testing import ForeignServer, HoldingRelay

PEERS = Path(__file__).parent.parent / "peers"
TEXT, JSON, CBOR, SENML_JSON, SENML_CBOR = 0, 50, 60, 110, 112


class Peer:
    """The foreign server and orders to it."""

    def __init__(self, port):
        self._server = ForeignServer(
            subprocess.Popen(
                [sys.executable, str(PEERS / "coap_server.py"), str(port)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
        self.port = self._server.port
        self.kill, self.stop = self._server.kill, self._server.stop

    def put(self, path, payload, number=None, **more):
        self._server.ask("put", path=path, payload=payload.hex(), format=number, **more)

    def ask(self, do, **facts):
        return self._server.ask(do, **facts)


@pytest.fixture
def start():
    peers = []

    def begin(port=0):
        peers.append(Peer(port or free_port("127.0.0.1")))
        return peers[-1]

    yield begin
    for peer in peers:
        peer.stop()


@pytest.fixture
def server(start):
    return start()


def room(port, *points, mode="subscribe", period_ms=50, **options):
    return Device(
        name="room", path="acme/north/hall/line/cell/room", driver="coap", endpoint=f"coap://127.0.0.1:{port}",
        options={"timeout_seconds": 30.0, **options}, groups=(ScanGroup(mode=mode, period_ms=period_ms),),
        points=tuple(Point(tag=number, **point) for number, point in enumerate(points, 1)),
    )  # fmt: skip


@pytest.fixture
async def opened(tools):
    sources = []

    async def begin(device):
        plan = find_driver("coap").plan(device)
        source = find_driver("coap").source(plan, tools)
        sources.append(source)
        await source.open()
        return source, plan

    yield begin
    for source in sources:
        await source.close()


async def values(source, plan):
    return {plan.points[key].name: (q, value) for key, _, _, q, value in await source.read(plan.blocks[0])}


TEMPERATURE = {"name": "temperature", "address": "sensors/temp#/v"}
LEVEL = {"name": "level", "address": "level", "kind": "integer", "access": "read-write"}


async def test_values_of_every_format_come(server, opened):
    server.put("sensors/temp", b'{"v": 20.5}', JSON)
    server.put("level", b"42")
    server.put("cbor", cbor2.dumps({"a": [True]}), CBOR)
    server.put("pack", json.dumps([{"bn": "p:", "n": "x", "v": 1.5}, {"n": "y", "vs": "on"}]).encode(), SENML_JSON)
    server.put("pack2", cbor2.dumps([{-2: "p:", 0: "x", 2: 2.5}]), SENML_CBOR)
    server.put("long", json.dumps({"pad": "x" * 5000, "v": 7}).encode(), JSON)
    server.put("xml", b"<v/>", 41)
    points = (
        TEMPERATURE, LEVEL, {"name": "flag", "address": "cbor#/a/0", "kind": "boolean"}, {"name": "x", "address": "pack#p:x"},
        {"name": "y", "address": "pack#p:y", "kind": "text"}, {"name": "x2", "address": "pack2"},
        {"name": "long", "address": "long#/v"}, {"name": "xml", "address": "xml"}, {"name": "absent", "address": "absent"},
    )  # fmt: skip
    source, plan = await opened(room(server.port, *points, mode="poll"))
    found = await values(source, plan)
    assert {name: quality.name(q) for name, (q, _) in found.items() if q} == {
        "xml": "BadNotSupported",
        "absent": "BadNotFound",
    }
    assert [found[name][1] for name in ("temperature", "level", "flag", "x", "y", "x2", "long")] == [
        20.5,
        42,
        True,
        1.5,
        "on",
        2.5,
        7,
    ]


async def test_observed_values_come_by_themselves_and_bad_ones_as_bad_rows(server, run, lane, until):
    server.put("sensors/temp", b'{"v": 1}', JSON)
    runner = await run(room(server.port, TEMPERATURE))
    await until(lambda: [value for _, _, value in lane.of(1)] == [1])
    for number in range(2, 12):
        server.put("sensors/temp", b'{"v": %d}' % number, JSON)
        await until(lambda number=number: lane.of(1)[-1][2] == number)
    assert [value for _, _, value in lane.of(1)] == list(range(1, 12))
    server.put("sensors/temp", b'{"v": ', JSON)
    await until(lambda: lane.of(1)[-1][1] == quality.BAD_DECODING)
    server.put("sensors/temp", json.dumps({"pad": "x" * 5000, "v": 12}).encode(), JSON)
    await until(lambda: lane.of(1)[-1][1:] == (0, 12))
    assert runner._source.counts["notifications"] == 12


async def test_a_server_that_forgot_us_is_asked_anew_when_the_value_is_not_fresh_any_more(server, run, lane, until):
    server.put("sensors/temp", b'{"v": 1}', JSON, max_age=1)
    runner = await run(room(server.port, TEMPERATURE, slack_seconds=0.0))
    await until(lambda: lane.of(1))
    server.ask("silence", on=True)
    server.put("sensors/temp", b'{"v": 2}', JSON)
    await until(lambda: lane.of(1)[-1][1:] == (0, 2))
    assert runner._source.counts["registered_anew"] >= 1
    assert runner.status().state == "connected"


async def test_a_resource_that_does_not_notify_is_asked_again(server, run, lane, until, monkeypatch):
    monkeypatch.setattr("lineshaft.edge.drivers.coap.source._AGAIN_SECONDS", 0.05)
    server.put("plain", b"1", plain=True)
    runner = await run(room(server.port, {"name": "plain", "address": "plain"}))
    await until(lambda: lane.of(1))
    server.put("plain", b"2")
    await until(lambda: lane.of(1)[-1][1:] == (0, 2))
    assert runner._source.counts["not_notified"] >= 1


async def test_a_resource_that_goes_is_bad_and_comes_back(server, run, lane, until, monkeypatch):
    monkeypatch.setattr("lineshaft.edge.drivers.coap.source._AGAIN_SECONDS", 0.05)
    server.put("level", b"1", max_age=1)
    await run(room(server.port, LEVEL, slack_seconds=0.0))
    await until(lambda: lane.of(1))
    server.ask("remove", path="level")
    await until(lambda: lane.of(1)[-1][1] == quality.BAD_NOT_FOUND)
    server.put("level", b"3")
    await until(lambda: lane.of(1)[-1][1:] == (0, 3))


@pytest.mark.parametrize("mode", ["subscribe", "poll"])
async def test_a_server_that_dies_is_lost_and_taken_up_again(start, run, lane, until, mode):
    server = start()
    server.put("level", b"1", max_age=1)
    runner = await run(room(server.port, LEVEL, mode=mode, slack_seconds=0.0))
    await until(lambda: lane.of(1))
    server.kill()
    await until(lambda: runner.intake.counts["losses"] == 1)
    assert lane.of(1)[-1][1:] == (quality.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE, 1)
    again = start(server.port)
    again.put("level", b"2")
    await until(lambda: lane.of(1)[-1][1:] == (0, 2))
    assert runner.status().state == "connected"


async def test_what_is_put_arrives_and_operations_say_it_first(server, opened):
    server.put("level", b"1")
    server.put("locked", b"1")
    server.put("sensors/temp", cbor2.dumps({"v": 1}), CBOR)
    locked = {"name": "locked", "address": "locked", "access": "write"}
    source, plan = await opened(room(server.port, LEVEL, locked, TEMPERATURE, mode="poll"))
    await values(source, plan)
    writes = [Write(0, 43), Write(1, 2.0), Write(2, 2.5)]
    assert source.operations(writes)[2] == Operation(
        protocol="coap",
        device="room",
        function="put",
        node="sensors/temp#/v",
        values=(2_500_000,),
        points=("temperature",),
    )
    first, second, third = await source.write(writes)
    assert (first.q, third.q) == (0, 0)
    assert (quality.name(second.q), second.detail) == ("BadUserAccessDenied", "4.03 Forbidden")
    assert bytes.fromhex(server.ask("get", path="level")["payload"]) == b"43"
    assert cbor2.loads(bytes.fromhex(server.ask("get", path="sensors/temp")["payload"])) == {"v": 2.5}
    with pytest.raises(InvalidInput, match="cannot be written"):
        source.operations([Write(0, 1.5)])


async def test_a_put_whose_answer_does_not_come_is_lost_and_those_behind_it_are_not_sent(start, opened):
    server = start()
    server.put("level", b"1")
    source, _ = await opened(room(server.port, LEVEL))
    server.kill()
    first, second = await source.write([Write(0, 2), Write(0, 3)])
    assert first.lost
    assert (second.lost, second.detail) == (False, "not sent")
    with pytest.raises(Unavailable):
        await source.write([Write(0, 4)])


async def test_resources_are_discovered_and_looked_at(server, opened):
    server.put("sensors/temp", b'{"v": 20.5}', JSON)
    server.put("level", b"42")
    source, _ = await opened(room(server.port))
    pages = [page async for page in source.browse(BrowseRequest(), BrowseState())]
    assert [(found.address, found.description) for found in pages[0].found] == [
        ("sensors/temp", "observable"),
        ("level", "observable"),
    ]
    pages = [page async for page in source.browse(BrowseRequest(root="sensors", nodes=1), BrowseState())]
    assert [found.address for found in pages[0].found] == ["sensors/temp"]
    good, whole, absent, wrong = await source.inspect(["sensors/temp#/v", "sensors/temp", "absent", "a b"])
    assert (good.refused, good.kind, good.description) == ("", "number", "20.5")
    assert whole.refused == "there is no single value"
    assert absent.refused == "4.04 Not Found"
    assert "no path" in wrong.refused


async def test_nobody_there(opened):
    with pytest.raises(Unavailable) as error:
        await opened(room(1, LEVEL, timeout_seconds=0.5))
    assert error.value.code == "edge.device_unreachable"


async def test_an_answer_that_is_cut_short_is_no_value(opened):
    class Verbose(asyncio.DatagramProtocol):
        """Answers with one endless datagram whatever it is asked."""

        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, address):
            token = data[4 : 4 + (data[0] & 0x0F)]
            head = bytes([0x60 | len(token), 0x45]) + data[2:4] + token
            self.transport.sendto(head + b"\xff" + b"1" * 6000, address)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Verbose, local_addr=("127.0.0.1", 0))
    try:
        source, plan = await opened(
            room(
                transport.get_extra_info("sockname")[1],
                {"name": "text", "address": "long", "kind": "text"},
                mode="poll",
            )
        )
        assert quality.name((await values(source, plan))["text"][0]) == "BadDecodingError"
    finally:
        transport.close()


async def test_frames_that_are_none_are_dropped(opened):
    class Babbler(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, address):
            for frame in (
                b"",
                b"\x00",
                b"\xff" * 40,
                data[:3],
                bytes([data[0] | 0x0F]) + data[1:],
                b"\x60" + data[1:3] + b"\xff",
            ):
                self.transport.sendto(frame, address)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Babbler, local_addr=("127.0.0.1", 0))
    try:
        with pytest.raises(LineshaftError):
            await opened(room(transport.get_extra_info("sockname")[1], LEVEL, timeout_seconds=0.5))
    finally:
        transport.close()


async def test_the_simulator_is_what_its_device_says(run, lane, until):
    async with simulate("127.0.0.1", 0) as simulated:
        points = tuple(
            Point(name=point.name, address=point.address, kind=point.kind, tag=number)
            for number, point in enumerate(simulated.device.points, 1)
        )
        device = Device(name="room", path="a/b/c/d/e/f", driver="coap", endpoint=simulated.endpoint, points=points)
        await run(device)
        await until(lambda: len(lane.of(1)) >= 2 and len(lane.of(2)) >= 2)
        assert {q for _, q, _ in lane.of(1) + lane.of(2) + lane.of(3) + lane.of(4)} == {0}


async def test_notifications_that_nobody_can_take_so_fast_do_not_fill_memory():
    arrive = []
    observed = SimpleNamespace(
        register_callback=lambda call, **_: arrive.append(call), register_errback=lambda *_, **__: None
    )
    observation = Observation(SimpleNamespace(observation=observed), None, None)
    for _ in range(25_000):
        arrive[0](Message(payload=b"1"))
    assert observation._arrived.qsize() <= 10_000
    with pytest.raises(Ended):
        await observation.next(1)


async def test_requests_of_a_scan_are_on_the_way_together(server, opened):
    """Behind a relay that lets three go on only together: asked one after another, none would be answered."""
    points = [{"name": name, "address": name} for name in ("a", "b", "c")]
    for name in ("a", "b", "c"):
        server.put(name, b"7")
    async with HoldingRelay(server.port) as relay:
        source, plan = await opened(room(relay.port, *points, mode="poll", at_once=3))
        relay.together = 3
        assert await values(source, plan) == dict.fromkeys("abc", (0, 7.0))
