"""S7 against foreign programs: python-snap7's server in a process of its own, and nodes7 reading our simulator."""

import asyncio
import json
import math
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from snap7.type import SrvArea

from lineshaft.bus.server import free_port
from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput, Unavailable
from lineshaft.edge.address_space import BrowseRequest, BrowseState
from lineshaft.edge.driver import Write, find_driver
from lineshaft.edge.drivers.s7.simulator import Controller, simulate
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.testing import ForeignServer

PEERS = Path(__file__).parent.parent / "peers"


@pytest.fixture
def start():
    """Start foreign controllers; the port of one that was killed can be given to the next."""
    servers = []

    def begin(port=0):
        process = subprocess.Popen(
            [sys.executable, str(PEERS / "s7_server.py"), str(port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        servers.append(ForeignServer(process))
        return servers[-1]

    yield begin
    for server in servers:
        server.stop()


@pytest.fixture
def plc(start):
    return start()


def put(server, db, at, data):
    server.ask("put", db=db, at=at, hex=data.hex())


def s7(port, *points, period_ms=50, **options):
    return Device(
        name="plc", path="acme/north/hall/line/cell/plc", driver="s7", endpoint=f"s7://127.0.0.1:{port}?rack=0&slot=1",
        options={"timeout_seconds": 10.0, "state_seconds": 0.2, **options},
        groups=(ScanGroup(mode="poll", period_ms=period_ms),),
        points=tuple(Point(tag=number, **point) for number, point in enumerate(points, 1)),
    )  # fmt: skip


@pytest.fixture
async def opened(tools):
    """Open a source until the test ends."""
    sources = []

    async def start(device):
        plan = find_driver("s7").plan(device)
        source = find_driver("s7").source(plan, tools)
        sources.append(source)
        await source.open()
        return source, plan

    yield start
    for source in sources:
        await source.close()


async def values(source, plan):
    """Status and value of every point by name."""
    return {plan.points[key].name: (q, value) for key, _, _, q, value in await source.read(plan.blocks[0])}


SPEED = {"name": "speed", "address": "DB1.DBW2", "type": "int16", "kind": "integer"}
PRESSURE = {"name": "pressure", "address": "DB1.DBD4", "type": "float32", "access": "read-write"}
HEAT = {"name": "heat", "address": "DB1:8:uint16", "scale": "0.1", "offset": "-50", "access": "read-write"}
DOOR = {"name": "door", "address": "DB1.DBX10.3", "kind": "boolean"}
PRODUCT = {"name": "product", "address": "DB1:12:string", "kind": "text", "length": 20, "access": "read-write"}
INPUT = {"name": "input", "address": "IW2", "type": "uint16"}
BATCH = {"name": "batch", "address": "DB1:50:bcd16", "kind": "integer"}


async def test_values_of_every_sort_come_in_one_request(plc, opened):
    put(plc, 1, 0, struct.pack(">hhfHBB", 0, -1450, 3.25, 725, 0b1000, 0) + bytes((20, 6)) + b"gear-7")
    put(plc, 1, 50, b"\x12\x34")
    source, plan = await opened(s7(plc.port, SPEED, PRESSURE, HEAT, DOOR, PRODUCT, INPUT, BATCH))
    assert await values(source, plan) == {
        "speed": (0, -1450), "pressure": (0, 3.25), "heat": (0, 22.5), "door": (0, True), "product": (0, "gear-7"),
        "input": (0, 0x0203), "batch": (0, 1234),
    }  # fmt: skip
    assert source.counts["requests"] == 1
    said = await source.about()
    assert said["module"] == "CPU 315-2 PN/DP"
    assert said["pdu"] == "480 bytes"
    assert said["state"] == "not said"


async def test_what_the_controller_refuses_is_bad_alone(plc, opened):
    beyond = {"name": "beyond", "address": "DB2.DBW20", "type": "int16"}
    inside = {"name": "inside", "address": "DB2.DBW16", "type": "int16"}
    absent = {"name": "absent", "address": "DB99.DBW0", "type": "int16"}
    put(plc, 1, 50, b"\x1a\x34")
    put(plc, 1, 12, bytes((2, 9)))
    source, plan = await opened(s7(plc.port, SPEED, beyond, inside, absent, BATCH, PRODUCT))
    found = await values(source, plan)
    assert found["speed"] == (0, 0)
    assert found["inside"] == (0, 0)
    assert quality.name(found["beyond"][0]) == "BadNodeIdUnknown"
    assert quality.name(found["absent"][0]) == "BadNotFound"
    assert quality.name(found["batch"][0]) == quality.name(found["product"][0]) == "BadDecodingError"
    assert math.isnan(found["beyond"][1])
    before = source.counts["requests"]
    assert await values(source, plan) | {"beyond": 0, "absent": 0, "batch": 0, "product": 0} == {
        "speed": (0, 0), "inside": (0, 0), "beyond": 0, "absent": 0, "batch": 0, "product": 0,
    }  # fmt: skip
    assert source.counts["requests"] == before + 1


async def test_a_large_block_is_read_in_few_requests_and_whole(plc, opened):
    data = bytes(number * 7 % 251 for number in range(900))
    put(plc, 7, 0, data)
    points = [{"name": f"w{n}", "address": f"DB7.DBW{2 * n}", "type": "uint16", "kind": "integer"} for n in range(450)]
    source, plan = await opened(s7(plc.port, *points))
    found = await values(source, plan)
    assert [found[f"w{n}"] for n in range(450)] == [(0, word) for word in struct.unpack(">450H", data)]
    assert source.counts["requests"] == 2


async def test_a_controller_that_grants_one_request_is_asked_one_after_another(plc, opened):
    """python-snap7's server, unchanged: what can be saved is the number of requests."""
    points = [{"name": f"w{n}", "address": f"DB7.DBW{2 * n}", "type": "uint16", "kind": "integer"} for n in range(400)]
    source, plan = await opened(s7(plc.port, *points, pdu=240))
    before = source.counts["writes"]
    await values(source, plan)
    assert (await source.about())["at_once"] == "1"
    assert source.counts["requests"] == source.counts["writes"] - before == 4


async def test_requests_of_a_scan_leave_in_one_write_and_answers_are_told_by_reference(opened):
    """Behind a proxy that grants four requests and turns the order of the answers round."""
    held = []

    def grant_and_turn(pdu):
        if pdu[12:13] == b"\xf0":
            return pdu[:14] + b"\0\4\0\4" + pdu[18:]
        if pdu[12:13] != b"\x04":
            return pdu
        held.append(pdu)
        if len(held) < 4:
            return None
        turned = [*reversed(held)]
        held.clear()
        return turned

    data = bytes(number * 7 % 251 for number in range(900))
    async with tampering(grant_and_turn, large=data) as port:
        points = [
            {"name": f"w{n}", "address": f"DB7.DBW{2 * n}", "type": "uint16", "kind": "integer"} for n in range(400)
        ]
        source, plan = await opened(s7(port, *points, pdu=240))
        before = source.counts["writes"]
        found = await values(source, plan)
        assert [found[f"w{n}"] for n in range(400)] == [(0, word) for word in struct.unpack(">400H", data[:800])]
        assert (source.counts["requests"], source.counts["writes"] - before) == (4, 1)
        assert (await source.about())["at_once"] == "4"


async def test_our_simulator_grants_three_requests(opened):
    async with simulate("127.0.0.1", 0) as simulated:
        source, plan = await opened(simulated.device)
        await values(source, plan)
        assert (await source.about())["at_once"] == "3"


async def test_what_is_written_arrives_and_operations_say_it_first(plc, opened):
    door = {**DOOR, "address": "DB1.DBX10.0", "access": "read-write"}
    absent = {"name": "absent", "address": "DB99.DBW0", "type": "int16", "access": "write"}
    put(plc, 1, 12, bytes((20, 3)) + b"abc")
    source, _ = await opened(s7(plc.port, PRESSURE, HEAT, PRODUCT, door, absent))
    writes = [Write(0, 7.5), Write(1, 22.54), Write(2, "gear-9"), Write(3, True)]
    assert source.operations(writes)[:2] == [
        Operation(protocol="s7", device="plc", function="write", space="db1", start=4, count=4, values=(7_500_000,), points=("pressure",)),
        Operation(protocol="s7", device="plc", function="write", space="db1", start=8, count=2, values=(22_540_000,), points=("heat",)),
    ]  # fmt: skip
    assert [written.q for written in await source.write(writes)] == [0, 0, 0, 0]
    assert bytes.fromhex(plc.ask("get", db=1, at=4, size=16)["hex"]) == (
        struct.pack(">fHBB", 7.5, 725, 1, 0) + bytes((20, 6)) + b"gear-9"
    )
    refused = (await source.write([Write(4, 1)]))[0]
    assert refused.q >= quality.BAD
    assert not refused.lost
    for wrong in (Write(1, 1e9), Write(0, math.nan), Write(2, "x" * 21), Write(3, 7)):
        with pytest.raises(InvalidInput):
            source.operations([wrong])


async def test_a_controller_that_dies_is_lost_and_taken_up_again(start, run, lane, until):
    plc = start(free_port("127.0.0.1"))  # which nobody is given while it is down
    put(plc, 1, 2, b"\0\1")
    runner = await run(s7(plc.port, SPEED))
    await until(lambda: lane.of(1) and lane.of(1)[-1][1:] == (0, 1))
    plc.kill()
    await until(lambda: lane.of(1)[-1][1:] == (quality.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE, 1))
    again = start(plc.port)
    put(again, 1, 2, b"\0\2")
    await until(lambda: lane.of(1)[-1][1:] == (0, 2))
    assert runner.status().state == "connected"


async def test_a_dead_connection_is_noticed_between_two_polls(start, run, until):
    plc = start()
    runner = await run(s7(plc.port, SPEED, period_ms=3_600_000))
    plc.kill()
    await until(lambda: runner.status().state == "lost")


async def test_a_write_whose_answer_does_not_come_is_lost_and_those_behind_it_are_not_sent(tools, opened):
    def mute(pdu):
        return None if pdu[12:13] == b"\x05" else pdu

    async with tampering(mute) as port:
        source, _ = await opened(s7(port, PRESSURE, HEAT, timeout_seconds=2))
        first, second = await source.write([Write(0, 1.0), Write(1, 1.0)])
        assert first.lost
        assert (second.lost, second.detail) == (False, "not sent")
        assert (await source.lost()).code == "edge.device_lost"
        with pytest.raises(Unavailable):
            await source.write([Write(0, 1.0)])


async def test_answers_to_other_requests_are_dropped_and_malformed_ones_are_bad_rows(opened):
    def spoil(pdu):
        if pdu[12:13] != b"\x04":
            return pdu
        foreign = pdu[:4] + b"\xee\xee" + pdu[6:]
        return [b"\x32\x03", foreign, pdu[:14] + b"\xff\x04\xff\xff" + pdu[18:]]

    async with tampering(spoil) as port:
        source, plan = await opened(s7(port, SPEED, PRESSURE))
        found = await values(source, plan)
        assert {quality.name(q) for q, _ in found.values()} == {"BadDecodingError"}
        assert source.counts["frames_dropped"] == 2
        assert source.counts["answers_malformed"] == 1
        assert (await source.about())["frames_dropped"] == "2"


async def test_values_of_a_controller_that_stands_are_uncertain(opened, until):
    controller = Controller()
    controller.register_area(*press(controller))
    await asyncio.to_thread(controller.start_to, "127.0.0.1", 0)
    try:
        source, plan = await opened(s7(controller.bound, SPEED))
        assert (await values(source, plan))["speed"] == (0, 0)
        controller.set_cpu_status(4)
        await until(lambda: source._state == "stop")
        assert (await values(source, plan))["speed"] == (quality.UNCERTAIN_LAST_USABLE, 0)
        assert (await source.about())["state"] == "stop"
        controller.set_cpu_status(8)
        await until(lambda: source._state == "run")
        assert (await values(source, plan))["speed"] == (0, 0)
    finally:
        await asyncio.to_thread(controller.stop)


async def test_data_blocks_can_be_listed_and_addresses_looked_at(plc, opened):
    source, _ = await opened(s7(plc.port))
    pages = [page async for page in source.browse(BrowseRequest(), BrowseState())]
    assert [(found.address, found.description) for found in pages[0].found] == [
        ("DB1", "128 bytes"), ("DB2", "20 bytes"), ("DB7", "900 bytes"),
    ]  # fmt: skip
    good, absent, wrong = await source.inspect(["DB1.DBW2", "DB99:0:int16", "nonsense"])
    assert (good.refused, absent.refused) == ("", "the object does not exist")
    assert "no S7 address" in wrong.refused


async def test_nobody_there_and_somebody_who_is_no_controller(opened):
    with pytest.raises(Unavailable) as error:
        await opened(s7(1, SPEED))
    assert error.value.code == "edge.device_unreachable"

    async def chat(reader, writer):
        await reader.read(1)
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(chat, "127.0.0.1", 0)
    async with server:
        with pytest.raises(Unavailable):
            await opened(s7(server.sockets[0].getsockname()[1], SPEED))


@pytest.mark.peer("node", "npm")
async def test_nodes7_reads_and_writes_our_simulator_as_we_do(node_modules, opened):
    async with simulate("127.0.0.1", 0) as simulated:
        port = simulated.endpoint.rpartition(":")[2]
        command = [
            "node",
            str(PEERS / "s7_client.js"),
            port,
            "0",
            "1",
            "DB1,REAL40=2.5",
            "DB1,INT2",
            "DB1,S12.20",
            "DB1,X0.0",
        ]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, env={**os.environ, "NODE_PATH": str(node_modules)}
        )
        output, _ = await asyncio.wait_for(process.communicate(), 90)
        theirs = json.loads(output.splitlines()[-1])
        source, plan = await opened(simulated.device)
        ours = await values(source, plan)
    assert theirs == {
        "bad": False,
        "values": {"DB1,REAL40": 2.5, "DB1,INT2": 1450, "DB1,S12.20": "gear-7", "DB1,X0.0": True},
    }
    assert (ours["setpoint"][1], ours["speed"][1], ours["product"][1], ours["running"][1]) == (
        2.5,
        1450,
        "gear-7",
        True,
    )


def press(controller):
    return SrvArea.DB, 1, controller.data


class tampering:  # noqa: N801  # reads as a sentence at its use
    """A controller whose answers pass `change`, which gives another PDU, several, or None."""

    def __init__(self, change, large=b""):
        self._change = change
        self._controller = Controller()
        self._controller.register_area(SrvArea.DB, 7, bytearray(large))
        self._controller.register_area(*press(self._controller))
        self._tasks = []

    async def __aenter__(self):
        await asyncio.to_thread(self._controller.start_to, "127.0.0.1", 0)
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        return self._server.sockets[0].getsockname()[1]

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._controller.stop)

    async def _connect(self, reader, writer):
        self._tasks.append(asyncio.current_task())
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._controller.bound)
        forward = asyncio.create_task(self._forward(reader, ours))
        self._tasks.append(forward)
        try:
            while True:
                head = await theirs.readexactly(4)
                frame = await theirs.readexactly(int.from_bytes(head[2:], "big") - 4)
                changed = self._change(frame[3:]) if frame[1] == 0xF0 else frame[3:]
                changed = [changed] if isinstance(changed, bytes) else changed or []
                for pdu in changed:
                    body = frame[:3] + pdu
                    writer.write(b"\x03\0" + (len(body) + 4).to_bytes(2, "big") + body)
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()
            ours.close()

    @staticmethod
    async def _forward(reader, writer):
        while data := await reader.read(4096):
            writer.write(data)
