"""The Modbus driver against what we did not write: libmodbus, modbus-serial, pymodbus, and mbpoll on our simulator."""

import asyncio
import contextlib
import json
import os
import shutil
import struct
import subprocess
import time
import tty
from pathlib import Path

import pytest
import uvloop
from pymodbus import FramerType, ModbusDeviceIdentification
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from lineshaft.bus.server import free_port
from lineshaft.core import quality
from lineshaft.core.errors import Unavailable
from lineshaft.edge.address_space import BrowseRequest, BrowseState
from lineshaft.edge.driver import Write, find_driver
from lineshaft.edge.drivers.modbus.simulator import simulate
from lineshaft.edge.imports import sunspec
from lineshaft.edge.model import Device, Point, ScanGroup

PEERS = Path(__file__).parent.parent / "peers"


def point(name, address, raw="uint16", **more):
    declared = {"bool": "boolean", "text": "text"}.get(raw, "number")
    return Point(**{"name": name, "address": address, "type": raw, "kind": declared, **more})


def device(endpoint, *points, period_ms=100, **options):
    numbered = tuple(
        Point(**{**{f: getattr(p, f) for f in p.__struct_fields__}, "tag": n}) for n, p in enumerate(points, 1)
    )
    return Device(
        name="meter", path="a/b/c/d/e/meter", driver="modbus", endpoint=endpoint, points=numbered,
        options={"timeout_seconds": 10, **options},  # another program on a busy machine takes its time
        groups=(ScanGroup(mode="poll", period_ms=period_ms),),
    )  # fmt: skip


@pytest.fixture
async def opened(tools):
    """A source that is open until the test ends, and its plan."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(made):
            driver = find_driver("modbus")
            plan = driver.plan(made)
            source = driver.source(plan, tools)
            stack.push_async_callback(source.close)
            await source.open()
            return source, plan

        yield start


async def values(source, plan):
    """Name → value of a scan, the status where there is none."""
    columns = await source.read(plan.blocks[0])
    return {plan.points[key].name: value if q == quality.GOOD else q for key, _, _, q, value in columns}


class Program:
    """A foreign server in a process of its own."""

    def __init__(self, *command, **environment):
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, env={**os.environ, **environment}, text=True
        )
        line = self.process.stdout.readline()
        self.port = json.loads(line)["listening"] if line.startswith("{") else int(line.split()[1])
        self.url = f"modbus-tcp://127.0.0.1:{self.port}"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stdin.close()


@pytest.fixture(scope="session")
def libmodbus(tmp_path_factory):
    """Starts libmodbus servers; compiled here."""
    program = tmp_path_factory.mktemp("libmodbus") / "modbus_server"
    done = subprocess.run(
        ["cc", "-O2", "-Wall", "-o", program, PEERS / "modbus_server.c", "-I/usr/include/modbus", "-lmodbus"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        reason = f"libmodbus cannot be compiled against: {done.stderr.splitlines()[0]}"
        if os.environ.get("LINESHAFT_REQUIRE_PEERS") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with contextlib.ExitStack() as stack:

        def start(port=0, registers=1000, *hole):
            server = Program(str(program), str(port), str(registers), *map(str, hole))
            stack.callback(server.kill)
            return server

        yield start


@pytest.mark.peer("cc")
async def test_every_space_of_libmodbus_is_read_and_a_thousand_registers_come_whole(libmodbus, opened):
    server = libmodbus()
    points = [point(f"r{n}", f"holding:{n}") for n in range(1000)]
    points += [
        point("wide", "input:10", "uint32"), point("traditional", "30011"), point("bit", "holding:5.2", "bool"),
        point("no_bit", "holding:5.1", "bool"), point("coil", "coil:3", "bool"), point("off", "discrete:4", "bool"),
        point("high_bit", "input:0.15", "bool"), point("low_byte", "holding:513", "uint8"),
    ]  # fmt: skip
    source, plan = await opened(device(server.url, *points))
    found = await values(source, plan)
    assert [found.pop(f"r{n}") for n in range(1000)] == list(range(1000))
    assert found == {
        "wide": (65525 << 16) + 65524, "traditional": 65525, "bit": True, "no_bit": False, "coil": True, "off": False,
        "high_bit": True, "low_byte": 1,
    }  # fmt: skip


@pytest.mark.peer("cc")
async def test_registers_that_the_device_has_not_are_read_around(libmodbus, opened):
    server = libmodbus(0, 1000, 20, 5)
    points = [point(f"r{n}", f"holding:{n}") for n in (10, 19, 25, 30, 31)]
    source, plan = await opened(device(server.url, *points, point("missing", "holding:24")))
    assert len(plan.blocks[0].detail) == 1, "the plan reads through what nobody asked for"
    expected = {"r10": 10, "r19": 19, "r25": 25, "r30": 30, "r31": 31, "missing": quality.BAD_NODE_ID_UNKNOWN}
    assert await values(source, plan) == expected
    asked = len(source._scans["main"].requests)
    assert await values(source, plan) == expected
    assert len(source._scans["main"].requests) == asked, "what was learned is kept"
    assert 2 < asked <= 6


@pytest.mark.peer("cc")
async def test_what_is_written_is_read_back_in_every_type(libmodbus, opened):
    server = libmodbus()
    points = [
        point("setpoint", "holding:100", "int16", scale="0.1", access="read-write"),
        point("wide", "holding:102", "float32", order="CDAB", access="read-write"),
        point("count", "holding:104", "uint64", kind="integer", access="read-write"),
        point("valve", "coil:7", "bool", access="read-write"),
        point("bit", "holding:110.9", "bool", access="read-write"),
        point("text", "holding:120", "text", length=8, access="read-write"),
    ]  # fmt: skip
    writes = [
        Write(0, -12.3),
        Write(1, 1.5),
        Write(2, 2**60 + 1),
        Write(3, True),
        Write(4, True),
        Write(5, "Kühl"),
    ]
    for options in ({}, {"single_writes": False, "bit_writes": "read-modify-write"}):
        source, plan = await opened(device(server.url, *points, **options))
        assert [result.q for result in await source.write(writes)] == [0] * 6
        assert await values(source, plan) == {
            "setpoint": -12.3, "wide": 1.5, "count": 2**60 + 1, "valve": True, "bit": True, "text": "Kühl",
        }  # fmt: skip
        assert [result.q for result in await source.write([Write(3, False), Write(4, False), Write(0, 0)])] == [0] * 3
        found = await values(source, plan)
        assert (found["valve"], found["bit"], found["setpoint"]) == (False, False, 0)
        functions = [operation.function for operation in source.operations(writes)]
        assert functions == (
            ["write_single_register", "write_multiple_registers", "write_multiple_registers", "write_single_coil",
             "mask_write_register", "write_multiple_registers"] if not options else
            ["write_multiple_registers"] * 3 + ["write_multiple_coils"] + ["write_multiple_registers"] * 2
        )  # fmt: skip


@pytest.mark.peer("cc")
async def test_a_killed_server_is_marked_and_comes_back_by_itself(libmodbus, lane, run, until):
    server = libmodbus(free_port("127.0.0.1"))  # which nobody is given while it is down
    runner = await run(device(server.url, point("r7", "holding:7")))
    await until(lambda: lane.of(1) and lane.of(1)[-1][1:] == (quality.GOOD, 7))
    server.kill()
    await until(lambda: runner.status().state == "lost")
    assert lane.of(1)[-1][1:] == (quality.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE, 7)
    libmodbus(server.port)
    await until(lambda: runner.status().state == "connected")
    await until(lambda: lane.of(1)[-1][1:] == (quality.GOOD, 7))


@pytest.mark.peer("cc")
async def test_eight_answers_do_not_wait_for_our_acknowledgement_of_the_first(libmodbus, opened):
    """Libmodbus leaves Nagle's algorithm on: acknowledged as late as usual, each scan takes 40 ms.

    So does one on a machine that is busy with other things, and after it another 20 are timed; the system would put off
    those of all rounds alike.
    """
    source, plan = await opened(device(libmodbus().url, *[point(f"r{n}", f"holding:{n}") for n in range(1000)]))
    medians = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and min(medians, default=1.0) >= 0.02:
        took = []
        for _ in range(20):
            started = time.monotonic()
            await source.read(plan.blocks[0])
            took.append(time.monotonic() - started)
        medians.append(sorted(took)[len(took) // 2])
    assert min(medians) < 0.02, medians


@pytest.mark.peer("cc")
async def test_a_wrong_order_of_words_is_out_of_range_and_the_value_that_shows_it_is_kept(libmodbus, lane, run, until):
    wrong = point("wrong", "holding:10", "uint32", order="CDAB", minimum=0, maximum=700_000)
    right = point("right", "holding:10", "uint32", minimum=0, maximum=700_000)
    runner = await run(device(libmodbus().url, wrong, right))
    await until(lambda: lane.of(1) and lane.of(2))
    assert lane.of(1)[0][1:] == (quality.BAD_OUT_OF_RANGE, (11 << 16) + 10)
    assert lane.of(2)[0][1:] == (quality.GOOD, (10 << 16) + 11)
    assert runner.status().state == "connected"


async def test_modbus_serial_reads_writes_refuses_and_says_who_it_is(node_modules, opened):
    server = Program("node", str(PEERS / "modbus_serial_server.js"), NODE_PATH=str(node_modules))
    try:
        source, plan = await opened(
            device(
                server.url, point("a", "holding:17", access="read-write"), point("b", "40019", "int32"), point("c", "input:33"),
                point("beyond", "holding:600"), point("d", "coil:5", "bool", access="read-write"),
                point("e", "discrete:4", "bool"),
            )
        )  # fmt: skip
        expected = {
            "a": 17, "b": (18 << 16) + 19, "c": 66, "beyond": quality.BAD_NODE_ID_UNKNOWN, "d": True, "e": False,
        }  # fmt: skip
        assert await values(source, plan) == expected
        assert [result.q for result in await source.write([Write(0, 4711), Write(4, False)])] == [0, 0]
        assert await values(source, plan) == {**expected, "a": 4711, "d": False}
        about = await source.about()
        assert (about["vendor"], about["product_code"], about["model"]) == ("Foreign", "modbus-serial", "Model M")
    finally:
        server.kill()


def pymodbus_device(unit=1):
    """What pymodbus serves: registers of several types, from the SunSpec marker on a chain of two models."""
    chain = [0x5375, 0x6E53, 1, 2, 7, 8, 103, 3, 1, 2, 3, 0xFFFF, 0]
    words = [*range(100, 120), *struct.unpack(">2H", struct.pack(">f", 21.5)), 0x8000]
    return SimDevice(
        id=unit,
        simdata=(
            [SimData(0, values=[True, False] * 8, datatype=DataType.BITS)],
            [SimData(0, values=[False, True] * 8, datatype=DataType.BITS)],
            [
                SimData(0, values=words, datatype=DataType.REGISTERS),
                SimData(40_000, values=chain, datatype=DataType.REGISTERS),
            ],
            [SimData(0, values=words, datatype=DataType.REGISTERS)],
        ),
        identity=ModbusDeviceIdentification({0: "Foreign", 1: "pymodbus", 2: "3"}),
    )


POINTS = (
    point("a", "holding:0"), point("b", "holding:20", "float32"), point("sentinel", "holding:22", "int16", sentinels=(-32768,)),
    point("c", "input:3", scale="1/2"), point("d", "coil:2", "bool"), point("e", "discrete:2", "bool"),
)  # fmt: skip
EXPECTED = {"a": 100, "b": 21.5, "sentinel": quality.BAD_NO_DATA, "c": 51.5, "d": True, "e": False}


@contextlib.asynccontextmanager
async def pymodbus_tcp(framer, *devices):
    server = ModbusTcpServer(list(devices), framer=framer, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    try:
        yield server.transport.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


@pytest.mark.parametrize(("framer", "scheme"), [(FramerType.SOCKET, "modbus-tcp"), (FramerType.RTU, "modbus-rtu-tcp")])
async def test_pymodbus_over_tcp_in_both_framings(framer, scheme, opened):
    async with pymodbus_tcp(framer, pymodbus_device(), pymodbus_device(7)) as port:
        source, plan = await opened(
            device(
                f"{scheme}://127.0.0.1:{port}", *POINTS, point("of_7", "7/holding:1"),
                point("w", "holding:5", access="read-write"), timeout_seconds=3,
            )
        )  # fmt: skip
        assert await values(source, plan) == {**EXPECTED, "of_7": 101, "w": 105}
        assert source._link.in_flight == 1, "pymodbus answers one request at a time, and is asked so from then on"
        assert [result.q for result in await source.write([Write(7, 4242)])] == [0]
        assert (await values(source, plan))["w"] == 4242
        assert (await source.about()).get("product_code") in ("pymodbus", None)


@contextlib.contextmanager
def pty_pair():
    """Two ends of a serial line."""
    ends = [os.openpty(), os.openpty()]
    loop = asyncio.get_running_loop()
    for master, slave in ends:
        tty.setraw(slave)
        os.set_blocking(master, False)
    (one, _), (other, _) = ends

    def pump(source, sink):
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(sink, os.read(source, 4096))

    loop.add_reader(one, pump, one, other)
    loop.add_reader(other, pump, other, one)
    try:
        yield os.ttyname(ends[0][1]), os.ttyname(ends[1][1])
    finally:
        loop.remove_reader(one)
        loop.remove_reader(other)
        for pair in ends:
            for descriptor in pair:
                os.close(descriptor)


async def test_pymodbus_on_a_serial_line(opened):
    with pty_pair() as (ours, theirs):
        server = ModbusSerialServer(pymodbus_device(), port=theirs, baudrate=115_200)
        await server.serve_forever(background=True)
        try:
            source, plan = await opened(device(f"modbus-rtu://{ours}?baud=115200&parity=N", *POINTS))
            for _ in range(5):
                assert await values(source, plan) == EXPECTED
        finally:
            await server.shutdown()


async def test_a_silent_serial_line_is_no_device(opened):
    with pty_pair() as (ours, _), pytest.raises(Unavailable) as refused:
        await opened(device(f"modbus-rtu://{ours}?parity=N", *POINTS, timeout_seconds=0.05))
    assert refused.value.code == "edge.device_unreachable"
    assert "no request is answered" in refused.value.message


@pytest.mark.parametrize("path", ["/dev/null", "/dev/ttyNowhere9"])
async def test_what_is_no_serial_line_is_said(path, opened):
    with pytest.raises(Unavailable, match=path):
        await opened(device(f"modbus-rtu://{path}", *POINTS))


async def test_a_browse_lists_sunspec_models(opened):
    async with pymodbus_tcp(FramerType.SOCKET, pymodbus_device()) as port:
        source, _ = await opened(device(f"modbus-tcp://127.0.0.1:{port}"))
        pages = [page async for page in source.browse(BrowseRequest(), BrowseState())]
    found = [one for page in pages for one in page.found]
    assert [(one.address, one.name) for one in found] == [("holding:40002", "model 1"), ("holding:40006", "model 103")]
    assert "3 registers from holding:40008" in found[1].description
    first = sunspec.block_of(found[0].address, found[0].data)
    assert (first.model, first.start, len(first.words), first.words[1]) == (1, 40002, 4, 2)


@pytest.mark.peer("cc")
async def test_a_browse_finds_the_ranges_and_can_be_broken_off(libmodbus, opened):
    server = libmodbus(0, 300, 100, 7)
    source, _ = await opened(device(server.url))
    state = BrowseState()
    pages = [page async for page in source.browse(BrowseRequest(nodes=1000), state)]
    assert pages[-1].stopped == "nodes"
    names = [one.name for page in pages for one in page.found]
    assert names == ["holding 0-99", "holding 107-299"]
    state.stopped = ""
    pages = [page async for page in source.browse(BrowseRequest(nodes=1000), state)]
    assert pages[0].pending < 1108, "it goes on where it stopped"


async def test_inspecting_shows_a_value_in_all_four_orders(opened):
    async with pymodbus_tcp(FramerType.SOCKET, pymodbus_device()) as port:
        source, _ = await opened(device(f"modbus-tcp://127.0.0.1:{port}", *POINTS))
        typed, untyped, bit, missing, wrong = await source.inspect(
            ["holding:20", "input:20", "coil:2", "holding:9000", "pressure"]
        )
    assert (typed.name, typed.data_type, typed.kind) == ("b", "float32", "number")
    assert "ABCD 21.5" in typed.description
    assert typed.description.count(",") == 3
    assert "float32 ABCD 21.5" in untyped.description
    assert "uint16 16812" in untyped.description
    assert (bit.kind, bit.description) == ("boolean", "true")
    assert "exception 02" in missing.refused
    assert "an address is such as" in wrong.refused


@pytest.mark.peer("mbpoll")
async def test_mbpoll_reads_and_writes_our_simulator():
    async with simulate("127.0.0.1", 0) as simulated:
        host, port = simulated.endpoint.rpartition("/")[2].split(":")

        async def mbpoll(*arguments):
            process = await asyncio.create_subprocess_exec(
                shutil.which("mbpoll"),
                "-0",
                "-1",
                "-q",
                "-m",
                "tcp",
                "-o",
                "10",
                "-p",
                port,
                *arguments,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            return (await process.communicate())[0].decode()

        assert "[1]: \t1450" in await mbpoll("-t", "4", "-r", "1", "-c", "1", host)
        assert "Written 1 references" in await mbpoll("-t", "4", "-r", "0", host, "612")
        assert "[0]: \t612" in await mbpoll("-t", "4", "-r", "0", "-c", "1", host)
        assert "[0]: \t1" in await mbpoll("-t", "0", "-r", "0", "-c", "1", host)
        assert "Illegal data address" in await mbpoll("-t", "4", "-r", "200", "-c", "1", host)


@pytest.mark.parametrize("scheme", ["modbus-tcp", "modbus-rtu-tcp"])
def test_both_framings_run_on_the_loop_of_the_gateways_process(scheme, tools):
    """The gateway runs on uvloop, whose transports are not asyncio's."""

    async def scan():
        framer = FramerType.SOCKET if scheme == "modbus-tcp" else FramerType.RTU
        async with pymodbus_tcp(framer, pymodbus_device()) as port:
            plan = find_driver("modbus").plan(device(f"{scheme}://127.0.0.1:{port}", *POINTS, in_flight=1))
            source = find_driver("modbus").source(plan, tools)
            await source.open()
            try:
                return await values(source, plan)
            finally:
                await source.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(scan()) == EXPECTED


async def test_the_simulated_device_runs_and_takes_what_its_points_say(opened):
    async with simulate("127.0.0.1", 0) as simulated:
        source, plan = await opened(simulated.device)
        found = await values(source, plan)
        assert found["power"] == pytest.approx(3625)
        assert found["pump"] is True
        names = [one.name for one in plan.points]
        wanted = [Write(names.index("level_setpoint"), 61.2), Write(names.index("pump"), False)]
        assert [result.q for result in await source.write(wanted)] == [0, 0]
        found = await values(source, plan)
        assert (found["level_setpoint"], found["pump"], found["power"]) == (61.2, False, 0)
