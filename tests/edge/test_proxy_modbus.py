"""The Modbus proxy between clients and a device that we did not write: modbus-serial, mbpoll, pymodbus and libmodbus."""

import asyncio
import contextlib
import json
import os
import random
import ssl
import struct
import subprocess
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pymodbus.client import AsyncModbusTcpClient, AsyncModbusTlsClient

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput, Unavailable, Unprocessable
from lineshaft.core.home import Home
from lineshaft.edge.certificates import fingerprint
from lineshaft.edge.columns import NUMBER, Columns
from lineshaft.edge.commands import conditions
from lineshaft.edge.commands.messages import Standing
from lineshaft.edge.commands.model import Lease
from lineshaft.edge.commands.part import CommandsPart
from lineshaft.edge.guard.part import GuardPart
from lineshaft.edge.model import Device, GatewayConfig, Point, ScanGroup, WriteRules
from lineshaft.edge.parts import Surroundings
from lineshaft.edge.proxies.modbus.certificates import ROLE
from lineshaft.edge.proxies.modbus.part import ModbusProxyPart
from lineshaft.web.testing import everything

PEERS = Path(__file__).parents[1] / "peers"
HEADER = struct.Struct(">HHHB")
POLICY = """
@id("panel")
permit (principal == Principal::"127.0.0.1", action in Action::"write", resource == Device::"meter")
when { context.space == "holding" && context.start >= 40 && context.end <= 49 &&
       context.minimum >= 0 && context.maximum <= 80000000 };
@id("engineers")
permit (principal in Role::"engineer", action in Action::"write", resource == Device::"meter")
when { principal.foreign && context.start >= 100 && context.end <= 199 };
"""
POINTS = (
    Point(name="speed", address="holding:40", type="uint16", scale="0.1", access="read-write"),
    Point(name="flow", address="holding:44", type="float32", access="read-write"),
)


class CountingDevice:
    """A Modbus/TCP device that keeps every request it got; it answers with zeros and echoes, unless it is to be silent."""

    def __init__(self):
        self.requests = []
        self.connections = 0
        self.silent = False
        self._writers = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"modbus-tcp://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        self.drop()

    def drop(self):
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    @property
    def writes(self):
        return [pdu for _, pdu in self.requests if pdu[0] not in (1, 2, 3, 4)]

    async def _serve(self, reader, writer):
        self.connections += 1
        self._writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                number, _, length, unit = HEADER.unpack(await reader.readexactly(7))
                pdu = await reader.readexactly(length - 1)
                self.requests.append((unit, pdu))
                if self.silent:
                    continue
                answer = self._answer(pdu)
                writer.write(HEADER.pack(number, 0, len(answer) + 1, unit) + answer)

    @staticmethod
    def _answer(pdu):
        if pdu[0] in (3, 4, 23):
            count = int.from_bytes(pdu[3:5], "big")
            return bytes((pdu[0], 2 * count)) + bytes(2 * count)
        if pdu[0] in (1, 2):
            count = (int.from_bytes(pdu[3:5], "big") + 7) // 8
            return bytes((pdu[0], count)) + bytes(count)
        return pdu[:5] if pdu[0] in (15, 16) else pdu


class Recorder:
    def __init__(self):
        self.noted = []

    async def note(self, facts):
        json.dumps(facts)
        self.noted.append(facts)

    def of(self, action):
        return [facts for facts in self.noted if facts["action"] == action]


class Proxy:
    """The guard and the proxy of a gateway, and what they told the audit trail."""

    def __init__(self, home, tools):
        self.runners = {}
        here = Surroundings(
            context=SimpleNamespace(home=home), gateway="gateway", bus=None, tools=tools, runner=self.runners.get,
            part=lambda name: {"guard": self.guard, "commands": self.commands}[name],
        )  # fmt: skip
        self.home, self.tools, self.stale = home, tools, ""
        self.guard, self.commands = GuardPart(here), CommandsPart(here)
        self.guard.recorder = self.audit = Recorder()
        self.part = ModbusProxyPart(here)

    async def open(self, url, *, points=POINTS, guard=None, options=None, **listener):
        await self.apply(url, points=points, guard=guard, options=options, **listener)
        return self.part.status()["listeners"][0]["port"]

    async def apply(self, url, *, points=POINTS, guard=None, options=None, **listener):
        meter = Device(
            name="meter", path="a/b/meter", driver="modbus", endpoint=url, points=points,
            options={"timeout_seconds": 30, **(options or {})}, groups=(ScanGroup(mode="poll"),),
        )  # fmt: skip
        config = GatewayConfig(gateway="gateway", version=1, created="", devices=(meter,))
        self.runners["meter"] = SimpleNamespace(device=meter, stale=lambda _: self.stale)
        await self.guard.apply({"policy": POLICY, **(guard or {})}, config)
        await self.part.apply({"listeners": [{"port": 0, "device": "meter", **listener}]}, config)

    @property
    def counts(self):
        return self.part.status()["listeners"][0]

    async def close(self):
        await self.part.close()
        await self.guard.close()


@pytest.fixture
async def proxy(tmp_path, tools):
    made = Proxy(Home(tmp_path / "home"), tools)
    yield made
    await made.close()


@pytest.fixture
async def device():
    async with CountingDevice() as made:
        yield made


@pytest.fixture(scope="session")
def libmodbus_port(tmp_path_factory):
    """Starts a libmodbus server for the session; compiled here."""
    program = tmp_path_factory.mktemp("libmodbus") / "modbus_server"
    done = subprocess.run(
        ["cc", "-O2", "-o", program, PEERS / "modbus_server.c", "-I/usr/include/modbus", "-lmodbus"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        reason = f"libmodbus cannot be compiled against: {done.stderr.splitlines()[0]}"
        if os.environ.get("LINESHAFT_REQUIRE_PEERS") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with subprocess.Popen([program, "0", "1000"], stdout=subprocess.PIPE, text=True) as process:
        yield int(process.stdout.readline().split()[1])
        process.kill()


class Wire:
    """A client that sends just what it is told."""

    def __init__(self, port):
        self._port = port

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_):
        self.writer.transport.abort()

    async def ask(self, pdu, *, transaction=1, unit=1):
        self.writer.write(frame(pdu, transaction=transaction, unit=unit))
        return await self.answer()

    async def value(self, pdu):
        """What a device says that is there, but may be too slow for a short timeout: then it is asked again."""
        async with asyncio.timeout(60):
            while (answer := (await self.ask(pdu))[2]) == bytes((pdu[0] | 0x80, 0x0B)):
                pass
        return answer

    async def answer(self):
        """(transaction, unit, pdu)"""
        number, _, length, unit = HEADER.unpack(await asyncio.wait_for(self.reader.readexactly(7), 30))
        return number, unit, await self.reader.readexactly(length - 1)

    async def is_hung_up(self):
        try:
            return await asyncio.wait_for(self.reader.read(), 30) == b""
        except ConnectionError:
            return True


def frame(pdu, *, transaction=1, unit=1):
    return HEADER.pack(transaction, 0, len(pdu) + 1, unit) + pdu


def write_register(start, value):
    return struct.pack(">BHH", 6, start, value)


# -- foreign clients ------------------------------------------------------------------------------------------------------


@pytest.mark.peer("cc")
@pytest.mark.peer("node", "npm")
async def test_modbus_serial_reads_writes_what_it_may_and_is_refused_the_rest(proxy, libmodbus_port, node_modules):
    port = await proxy.open(f"modbus-tcp://127.0.0.1:{libmodbus_port}")
    calls = [
        ["readHoldingRegisters", 10, 3], ["writeRegister", 40, 800], ["readHoldingRegisters", 40, 1],
        ["writeRegister", 40, 801], ["writeRegisters", 41, [1, 2]], ["writeRegister", 50, 1], ["writeCoil", 3, False],
        ["writeRegisters", 39, [1, 800]], ["readHoldingRegisters", 39, 4], ["readCoils", 3, 1],
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        "node", str(PEERS / "modbus_serial_client.js"), json.dumps({"port": port, "calls": calls}),
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "NODE_PATH": str(node_modules)},
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert json.loads(output)["results"] == [
        {"data": [10, 11, 12]}, {"data": 800}, {"data": [800]}, {"exception": 1}, {"data": None}, {"exception": 1},
        {"exception": 1}, {"exception": 1}, {"data": [39, 800, 1, 2]},
        {"data": [True, False, False, False, False, False, False, False]},
    ]  # fmt: skip
    await proxy.close()
    passed = proxy.audit.of("guard.passed")
    assert [(one["start"], one["values"], one["points"], one["rules"]) for one in passed] == [
        (40, [80_000_000], ["speed"], ["panel"]), (41, [1_000_000, 2_000_000], [], ["panel"]),
    ]  # fmt: skip
    assert {(one["principal"], one["address"]) for one in passed} == {("127.0.0.1", "127.0.0.1")}
    denied = proxy.audit.of("guard.denied")
    assert {(one["principal"], one["device"], one["foreign"]) for one in denied} == {("127.0.0.1", "meter", True)}
    assert {one["function"] for one in denied} == {
        "write_single_register", "write_multiple_registers", "write_single_coil"
    }  # fmt: skip
    assert {one["reason"] for one in denied} == {"no rule permits it"}


@pytest.mark.peer("cc")
@pytest.mark.peer("mbpoll")
async def test_mbpoll_reads_through_the_proxy_and_hears_why_it_may_not_write(proxy, libmodbus_port):
    port = await proxy.open(f"modbus-tcp://127.0.0.1:{libmodbus_port}")

    async def mbpoll(*more):
        process = await asyncio.create_subprocess_exec(
            "mbpoll", "-m", "tcp", "-o", "10", "-p", str(port), "-a", "1", "-0", "-1", *more,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), 60)
        return output.decode()

    assert "[200]: \t200" in await mbpoll("-r", "200", "-c", "2", "127.0.0.1")
    assert "Illegal function" in await mbpoll("-r", "60", "127.0.0.1", "7")
    assert "Written 1" in await mbpoll("-r", "43", "127.0.0.1", "7")


@pytest.mark.peer("cc")
async def test_pymodbus_pipelines_over_a_device_that_answers_one_by_one(proxy, libmodbus_port):
    port = await proxy.open(f"modbus-tcp://127.0.0.1:{libmodbus_port}", in_flight=4)
    async with Wire(port) as client:
        client.writer.write(b"".join(frame(struct.pack(">BHH", 3, 200 + n, 1), transaction=7 * n) for n in range(200)))
        answers = [await client.answer() for _ in range(200)]
    assert [(number, int.from_bytes(pdu[2:], "big")) for number, _, pdu in answers] == [
        (7 * n, 200 + n) for n in range(200)
    ]
    foreign = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=30, retries=0)
    assert await foreign.connect()
    assert (await foreign.read_holding_registers(300, count=2)).registers == [300, 301]
    written = await foreign.write_registers(44, [0x4248, 0])
    assert not written.isError()
    assert (await foreign.write_registers(44, [0x42C8, 0])).exception_code == 1, "100 is over 80"
    assert (await foreign.write_registers(44, [0x7FC0, 0])).exception_code == 3, "not a number"
    assert (await foreign.read_holding_registers(44, count=2)).registers == [0x4248, 0]
    foreign.close()


# -- what reaches the device ----------------------------------------------------------------------------------------------


async def test_a_refused_write_never_reaches_the_device(proxy, device):
    port = await proxy.open(device.url)
    refused = [
        write_register(39, 1), write_register(40, 801), write_register(50, 1), b"\x05\0\0\xff\0", b"\x0f\0\0\0\1\1\1",
        struct.pack(">BHHB", 16, 39, 2, 4) + bytes(4), struct.pack(">BHHH", 22, 40, 0xFFFE, 1),
        struct.pack(">BHHHHB", 23, 0, 1, 50, 1, 2) + b"\0\1", b"\x08\0\1\0\0", b"\x15\x09\x06\0\4\0\7\0\1\0\1",
        b"\x2b\x0d\0\0", b"\x5a\1\2",
    ]  # fmt: skip
    async with Wire(port) as client:
        for number, pdu in enumerate(refused):
            assert await client.ask(pdu, transaction=number) == (number, 1, bytes((pdu[0] | 0x80, 1)))
        assert (await client.ask(write_register(45, 1)))[2] == b"\x86\1", "half of a float may become anything"
        assert device.requests == []
        assert (await client.ask(write_register(40, 800)))[2] == write_register(40, 800)
        assert (await client.ask(struct.pack(">BHH", 4, 9, 2)))[2] == b"\x04\4\0\0\0\0"
    assert [pdu for _, pdu in device.requests] == [write_register(40, 800), struct.pack(">BHH", 4, 9, 2)]
    assert (proxy.counts["refused"], proxy.counts["passed"], proxy.counts["reads"]) == (13, 1, 1)
    assert device.connections == 1


async def test_the_rules_of_a_point_hold_whatever_the_guard_permits(proxy, device):
    limited = Point(
        name="speed", address="holding:40", type="uint16", scale="0.1", access="read-write",
        write=WriteRules(minimum=10.0, maximum=20.0),
    )  # fmt: skip
    two = Point(name="valve", address="coil:3", type="bool", kind="boolean", access="read-write",
                write=WriteRules(classification="A"))  # fmt: skip
    pair = Point(name="flow", address="holding:44", type="float32", access="read-write", write=WriteRules(maximum=1.0))
    everything = 'permit (principal, action in Action::"write", resource);'
    port = await proxy.open(device.url, points=(limited, two, pair), guard={"policy": everything})
    async with Wire(port) as client:
        for pdu in (write_register(40, 99), write_register(40, 201), write_register(45, 0), b"\x05\0\3\xff\0"):
            assert (await client.ask(pdu))[2] == bytes((pdu[0] | 0x80, 1))
        assert device.requests == []
        assert (await client.ask(write_register(40, 150)))[2] == write_register(40, 150)
        assert (await client.ask(write_register(60, 1)))[2] == write_register(60, 1), (
            "what is no point, the guard decides"
        )
    await proxy.guard.close()
    denied = {rule for one in proxy.audit.of("guard.denied") for rule in one["rules"]}
    assert denied == {"edge.command_unapproved", "whole", "edge.command_out_of_range"}


def told(proxy, at, value, speed="speed"):
    """The device showed this value, as the gateway knows."""
    rows = Columns(1)
    rows.add(0, at, at, 0, NUMBER, value)
    proxy.tools.board.take(proxy.tools.board.slots([f"meter/{speed}"]), rows)


RATED = Point(
    name="speed", address="holding:40", type="uint16", scale="0.1", access="read-write", write=WriteRules(rate=5.0)
)
EVERYTHING = 'permit (principal, action in Action::"write", resource);'


async def test_a_points_rate_holds_over_time_and_together_with_commands(proxy, device, monkeypatch):
    now = clock.monotonic()  # a second later the rate allows a second's worth again, and that may be the next line
    monkeypatch.setattr(conditions, "clock", SimpleNamespace(monotonic=lambda: now))
    port = await proxy.open(device.url, points=(RATED,), guard={"policy": EVERYTHING})
    async with Wire(port) as client:
        assert (await client.ask(write_register(40, 10)))[2] == b"\x86\1", "what is there is not known"
        told(proxy, clock.now_us(), 1.0)
        assert (await client.ask(write_register(40, 61)))[2] == b"\x86\1"
        assert (await client.ask(write_register(40, 60)))[2] == write_register(40, 60)
        told(proxy, clock.now_us(), 6.0)
        assert (await client.ask(write_register(40, 105)))[2] == b"\x86\1", "too soon after the last one"
        proxy.commands.conditions.check_rate("meter", RATED, 6.0, proxy.tools.board.get("meter/speed"))
        with pytest.raises(Unprocessable):
            proxy.commands.conditions.check_rate("meter", RATED, 10.5, proxy.tools.board.get("meter/speed"))
    assert device.writes == [write_register(40, 60)]


async def test_a_stale_device_is_not_written_where_points_have_rules(proxy, device):
    port = await proxy.open(device.url, points=(RATED,), guard={"policy": EVERYTHING})
    told(proxy, clock.now_us(), 1.0)
    proxy.stale = "it is lost"
    async with Wire(port) as client:
        assert (await client.ask(write_register(40, 12)))[2] == b"\x86\4"
        proxy.stale = ""
        proxy.runners["meter"] = SimpleNamespace(
            device=msgspec.structs.replace(proxy.runners["meter"].device, points=()), stale=lambda _: ""
        )
        assert (await client.ask(write_register(40, 12)))[2] == b"\x86\4", "the name means another register by now"
    assert device.writes == []


async def test_a_lease_refuses_every_foreign_write_until_it_is_over_and_the_audit_says_whose(proxy, device):
    port = await proxy.open(device.url, points=(RATED,), guard={"policy": EVERYTHING})
    now = clock.now_us()
    held = Lease(device="meter", principal="h/olga", name="olga", taken=now, until=now + 60_000_000)
    proxy.commands.leases.adopt(Standing(device="meter", known=now, lease=held))
    read = struct.pack(">BHH", 3, 0, 1)
    async with Wire(port) as client:
        assert (await client.ask(write_register(60, 1)))[2] == b"\x86\6", "of no point"
        assert (await client.ask(write_register(40, 1)))[2] == b"\x86\6", "of a point"
        assert (await client.ask(read))[2] == b"\x03\2\0\0", "who alone writes does not read alone"
        proxy.commands.leases.adopt(Standing(device="meter", known=now + 1))
        assert (await client.ask(write_register(60, 1)))[2] == write_register(60, 1)
    await proxy.guard.close()
    denied = proxy.audit.of("guard.denied")
    assert {rule for one in denied for rule in one["rules"]} == {"edge.device_leased"}
    assert "olga alone writes" in denied[0]["reason"]


async def test_reads_are_open_until_the_guard_closes_them(proxy, device):
    port = await proxy.open(device.url)
    async with Wire(port) as client:
        assert (await client.ask(struct.pack(">BHH", 3, 0, 1)))[2] == b"\x03\2\0\0"
        await proxy.apply(device.url, guard={"reads": "closed"})
        assert (await client.ask(struct.pack(">BHH", 3, 0, 1)))[2] == b"\x83\1", "the client stayed, the policy did not"


async def test_in_shadow_everything_passes_and_what_would_be_denied_is_told(proxy, device):
    port = await proxy.open(device.url, guard={"mode": "shadow"})
    async with Wire(port) as client:
        assert (await client.ask(write_register(500, 1)))[2] == write_register(500, 1)
    assert device.writes == [write_register(500, 1)]
    await proxy.close()
    assert proxy.audit.of("guard.would_deny")[0]["start"] == 500
    assert proxy.audit.of("guard.passed")[0]["start"] == 500


async def test_units_are_the_configured_ones_and_0_and_255_mean_the_device(proxy, device):
    port = await proxy.open(device.url, options={"unit": 17})
    read = struct.pack(">BHH", 3, 0, 1)
    async with Wire(port) as client:
        for unit in (17, 0, 255):
            assert await client.ask(read, unit=unit) == (1, unit, b"\x03\2\0\0")
        assert await client.ask(read, unit=1) == (1, 1, b"\x83\x0a")
        assert await client.ask(write_register(40, 801), unit=255) == (1, 255, b"\x86\1"), (
            "no way round the point's unit"
        )
    assert [unit for unit, _ in device.requests] == [17, 17, 17]


async def test_a_device_that_does_not_answer_is_exception_11_and_so_is_one_that_is_away(proxy, device, until):
    port = await proxy.open(device.url, options={"timeout_seconds": 0.6})
    read = struct.pack(">BHH", 3, 0, 1)
    async with Wire(port) as client:
        device.silent = True
        assert (await client.ask(read))[2] == b"\x83\x0b"
        client.writer.write(frame(write_register(40, 5)))
        await until(lambda: device.writes)
        device.drop()
        assert (await client.answer())[2] == b"\x86\x0b"
        device.silent = False
        assert await client.value(read) == b"\x03\2\0\0", "connected anew"
        device._server.close()
        device.drop()
        assert (await client.ask(read))[2] == b"\x83\x0b"
    assert not proxy.part.checks()[0].ok


async def test_a_device_that_was_switched_off_is_connected_to_anew(proxy, device):
    port = await proxy.open(device.url, options={"timeout_seconds": 0.6})
    read = struct.pack(">BHH", 3, 0, 1)
    async with Wire(port) as client:
        assert await client.value(read) == b"\x03\2\0\0"
        before = device.connections
        device.silent = True
        while device.connections == before:
            assert (await client.ask(read))[2] == b"\x83\x0b"
        device.silent = False
        assert await client.value(read) == b"\x03\2\0\0"


async def test_a_late_answer_is_nobodys(proxy, device):
    port = await proxy.open(device.url, options={"timeout_seconds": 0.6})
    async with Wire(port) as client:
        device.silent = True
        assert (await client.ask(struct.pack(">BHH", 3, 0, 1)))[2] == b"\x83\x0b"
        device.silent = False
        late = HEADER.pack(1, 0, 5, 1) + b"\x03\2\xff\xff"
        device._writers[-1].write(late + HEADER.pack(9, 0, 5, 1) + b"\x03\2\xff\xff")
        assert await client.value(struct.pack(">BHH", 3, 0, 1)) == b"\x03\2\0\0"


# -- frames -------------------------------------------------------------------------------------------------------------


async def test_frames_may_come_in_pieces_and_several_at_once(proxy, device):
    port = await proxy.open(device.url)
    stream = b"".join(frame(struct.pack(">BHH", 3, 0, 1), transaction=n) for n in range(20))
    async with Wire(port) as client:
        for place in range(len(stream)):
            client.writer.write(stream[place : place + 1])
            await client.writer.drain()
        assert [(await client.answer())[0] for _ in range(20)] == list(range(20))


@pytest.mark.parametrize(
    "bad", [b"\0\1\0\1\0\6\1\3\0\0\0\1", b"\0\1\0\0\0\1\1", b"\0\1\0\0\1\0\1\3", b"GET / HTTP/1.1\r\n\r\n"]
)
async def test_a_foreign_frame_ends_the_connection_and_is_counted(proxy, device, bad):
    port = await proxy.open(device.url)
    async with Wire(port) as client:
        client.writer.write(bad)
        assert await client.is_hung_up()
    assert proxy.counts["hung_up"] == 1
    assert device.requests == []


async def test_fuzzed_frames_let_nothing_past_the_guard(proxy, device, until):
    port = await proxy.open(device.url)
    seeded = random.Random(7)
    for _ in range(60):
        stream = b""
        for number in range(seeded.randrange(1, 30)):
            pdu = bytes((seeded.choice((3, 5, 6, 8, 15, 16, 21, 22, 23, 43, seeded.randrange(256))),))
            pdu += seeded.randbytes(seeded.choice((4, 4, 7, 11, seeded.randrange(252))))
            stream += frame(pdu, transaction=number, unit=seeded.choice((1, 1, 1, 0, 9)))
        if seeded.random() < 0.5:
            place = seeded.randrange(len(stream))
            stream = stream[:place] + seeded.randbytes(3) + stream[place + 3 :]
        async with Wire(port) as client:
            place = 0
            while place < len(stream):
                step = seeded.choice((1, 7, 13, 300, 5000))
                client.writer.write(stream[place : place + step])
                place += step
            client.writer.write_eof()
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(client.reader.read(), 60)
    for pdu in device.writes:
        start = int.from_bytes(pdu[7:9] if pdu[0] == 23 else pdu[1:3], "big")
        assert pdu[0] in (6, 16, 22, 23)
        assert 40 <= start <= 49
    async with Wire(port) as client:
        assert (await client.ask(struct.pack(">BHH", 3, 0, 1)))[2] == b"\x03\2\0\0", "it still serves"


# -- clients --------------------------------------------------------------------------------------------------------------


async def test_only_named_addresses_and_only_so_many_clients_get_in(proxy, device, until):
    port = await proxy.open(device.url, clients=["10.9.0.0/16"])
    async with Wire(port) as client:
        assert await client.is_hung_up()
    assert proxy.counts["turned_away"] == 1
    port = await proxy.open(device.url, clients=["127.0.0.0/8"], most_clients=2)
    async with Wire(port) as one, Wire(port) as two, Wire(port) as three:
        assert await three.is_hung_up()
        for each in (one, two):
            assert (await each.ask(struct.pack(">BHH", 3, 0, 1)))[2] == b"\x03\2\0\0"


async def test_the_silent_are_hung_up(proxy, device):
    port = await proxy.open(device.url, idle_seconds=1)
    async with Wire(port) as client:
        client.writer.write(b"\0\1\0\0\0\6")
        assert await client.is_hung_up()


async def test_a_configuration_that_changes_nothing_keeps_clients_and_another_hangs_up(proxy, device):
    port = await proxy.open(device.url)
    async with Wire(port) as client:
        await proxy.apply(device.url)
        assert (await client.ask(struct.pack(">BHH", 3, 0, 1)))[2] == b"\x03\2\0\0"
        await proxy.apply(device.url, in_flight=3)
        assert await client.is_hung_up()


async def test_what_cannot_be_opened_is_said_and_nothing_is_open(proxy, device):
    with pytest.raises(InvalidInput, match="no device of this name"):
        await proxy.open(device.url, device="other")
    with pytest.raises(InvalidInput, match="modbus-tcp"):
        await proxy.open("modbus-rtu-tcp://127.0.0.1:9999")
    with pytest.raises(Unavailable, match=f"port {device.port}"):
        await proxy.open(device.url, port=device.port)
    with pytest.raises(InvalidInput, match="TLS"):
        await proxy.open(device.url, tls={})
    assert proxy.part.status() == {}


# -- TLS ------------------------------------------------------------------------------------------------------------------


class Authority:
    """Issues certificates, with roles and without."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        folder.mkdir(parents=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(self.name, self.key.public_key(), [(x509.BasicConstraints(True, None), True)])
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM)
        (folder / "ca.pem").write_bytes(self.pem)

    def issue(self, name, *roles, raw=None):
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        extensions = [(names, False), (x509.BasicConstraints(False, None), True)]
        data = [b"\x0c" + bytes((len(role),)) + role.encode() for role in roles] + ([raw] if raw is not None else [])
        extensions += [(x509.UnrecognizedExtension(ROLE, each), False) for each in data]
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        made = self._sign(subject, key.public_key(), extensions)
        file = self.folder / f"{name}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
        return SimpleNamespace(file=file, der=made.public_bytes(serialization.Encoding.DER), certificate=made)

    def revocation_list(self, *revoked):
        now = clock.now()
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name)
        builder = builder.last_update(now - timedelta(hours=1)).next_update(now + timedelta(days=1))
        for each in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now - timedelta(minutes=1)).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _sign(self, subject, key, extensions):
        now = clock.now()
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority", "plant authority")


@pytest.fixture
def secured(proxy, authority):
    """Options of a listener with TLS, its files in the gateway's home."""
    folder = proxy.home.folder("edge") / "proxies"
    folder.mkdir()
    (folder / "server.pem").write_bytes(authority.issue("gateway").file.read_bytes())
    (folder / "clients.pem").write_bytes(authority.pem)
    return {"identity": "server.pem", "authorities": "clients.pem"}


def tls_context(authority, certificate=None):
    context = ssl.create_default_context(cafile=authority.folder / "ca.pem")
    if certificate is not None:
        context.load_cert_chain(certificate.file)
    return context


async def over_tls(port, context, work, *, seconds=60):
    """What `work` gives with pymodbus's client over TLS; None where it is not let in, which it takes the whole time to find."""
    client = AsyncModbusTlsClient("localhost", port=port, sslctx=context, retries=0, timeout=seconds, reconnect_delay=0)
    try:
        if not await client.connect():
            return None
        return await work(client)
    except (OSError, ssl.SSLError):
        return None
    except Exception as error:  # pymodbus's own, where the connection is gone
        if "Modbus" in type(error).__name__ or "Connection" in type(error).__name__:
            return None
        raise
    finally:
        client.close()


async def write_to(client, address=150):
    answer = await client.write_register(address, 7)
    return answer.exception_code if answer.isError() else "written"


async def test_the_role_of_a_certificate_decides(proxy, device, authority, secured):
    port = await proxy.open(device.url, tls=secured)
    engineer, viewer, nobody = (
        authority.issue("ada", "engineer"), authority.issue("vera", "viewer"), authority.issue("nobody"),
    )  # fmt: skip
    assert await over_tls(port, tls_context(authority, engineer), write_to) == "written"
    assert await over_tls(port, tls_context(authority, viewer), write_to) == 1
    assert await over_tls(port, tls_context(authority, nobody), write_to) == 1
    assert device.writes == [write_register(150, 7)]
    await proxy.close()
    (passed,) = proxy.audit.of("guard.passed")
    assert (passed["principal"], passed["name"], passed["rules"]) == ("CN=ada", "ada", ["engineers"])
    assert (passed["address"], passed["certificate"]) == ("127.0.0.1", fingerprint(engineer.der))
    denied = {(one["principal"], one["address"]) for one in proxy.audit.of("guard.denied")}
    assert denied == {("CN=vera", "127.0.0.1"), ("CN=nobody", "127.0.0.1")}


async def test_without_the_right_certificate_nobody_gets_in(proxy, device, authority, secured, tmp_path):
    port = await proxy.open(device.url, tls=secured)
    stranger = Authority(tmp_path / "strangers", "plant authority").issue("ada", "engineer")
    wrong_role = authority.issue("odd", raw=b"\x13\x08engineer")
    for certificate in (None, stranger, wrong_role):
        assert await over_tls(port, tls_context(authority, certificate), write_to, seconds=10) is None
    async with Wire(port) as plain:
        plain.writer.write(frame(write_register(150, 7)))
        assert not (await asyncio.wait_for(everything(plain.reader), 30)).startswith(b"\0\1\0\0")
    assert device.requests == []


async def test_a_revoked_certificate_is_turned_away_and_hung_up(proxy, device, authority, secured, until):
    revoked = set()
    proxy.tools.certificates.is_revoked = lambda der: der in revoked
    port = await proxy.open(device.url, tls=secured)
    engineer = authority.issue("ada", "engineer")
    reader, writer = await asyncio.open_connection(
        "localhost", port, ssl=tls_context(authority, engineer)
    )  # fmt: skip
    writer.write(frame(write_register(150, 7)))
    assert await reader.readexactly(12) == frame(write_register(150, 7))
    revoked.add(engineer.der)
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 30) == b""
    writer.transport.abort()
    assert await over_tls(port, tls_context(authority, engineer), write_to, seconds=10) is None
    assert proxy.counts["turned_away"] == 1


async def test_a_revocation_list_of_another_authority_counts(proxy, device, authority, secured):
    good, bad = authority.issue("ada", "engineer"), authority.issue("mallory", "engineer")
    file = proxy.home.folder("edge") / "proxies/revoked.pem"
    file.write_bytes(authority.revocation_list(bad))
    port = await proxy.open(device.url, tls={**secured, "revoked": "revoked.pem"})
    assert await over_tls(port, tls_context(authority, good), write_to) == "written"
    assert await over_tls(port, tls_context(authority, bad), write_to, seconds=10) is None
