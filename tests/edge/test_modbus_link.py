"""Framing and scans against a device of the test's own that answers whatever it is told to: bad input, and random damage."""

import asyncio
import contextlib
import random
import struct
from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from lineshaft.core import quality
from lineshaft.core.errors import Unavailable
from lineshaft.edge.driver import Write, find_driver
from lineshaft.edge.drivers.modbus import faults, pdu
from lineshaft.edge.drivers.modbus.rtu import answer_length, crc16, frame
from lineshaft.edge.drivers.modbus.simulator import TankStation
from lineshaft.edge.model import Device, Point, ScanGroup

HEADER = struct.Struct(">HHHB")
COUNT = 40


def adu(number, unit, data, *, protocol=0, length=None):
    return HEADER.pack(number, protocol, len(data) + 1 if length is None else length, unit) + data


class Asked(NamedTuple):
    """A request, and ways to answer it."""

    number: int
    unit: int
    request: bytes

    @property
    def honest(self):
        """Register n holds 1000 + n."""
        function, start, count = struct.unpack(">BHH", self.request[:5])
        return bytes((function, 2 * count)) + struct.pack(f">{count}H", *range(1000 + start, 1000 + start + count))

    @property
    def disturbed(self):
        """Whether it is about the registers that the tests disturb."""
        return 10 <= int.from_bytes(self.request[1:3], "big") < 20

    def tcp(self, data, **wrong):
        return adu(self.number, self.unit, data, **wrong)

    def rtu(self, data):
        return frame(self.unit, data)


class Scripted:
    """A device that answers each request with the bytes that `reply` gives for it."""

    def __init__(self):
        self.reply = lambda asked: asked.tcp(asked.honest)
        self.requests = []
        self.chunks = 0
        self.writers = []
        self.tasks = []

    async def serve(self, reader, writer):
        self.writers.append(writer)
        self.tasks.append(asyncio.current_task())
        rest = b""
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                self.chunks += 1
                rest += data
                while len(rest) >= 7 and len(rest) >= 6 + HEADER.unpack_from(rest)[2]:
                    number, _, length, unit = HEADER.unpack_from(rest)
                    request, rest = rest[7 : 6 + length], rest[6 + length :]
                    self.requests.append(request)
                    writer.write(self.reply(Asked(number, unit, request)))
        writer.close()


@pytest.fixture
async def scripted():
    peer = Scripted()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.url = f"modbus-tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield peer
    server.close()
    for writer in peer.writers:
        writer.transport.abort()
    await asyncio.gather(*peer.tasks, return_exceptions=True)
    await server.wait_closed()


@pytest.fixture
async def opened(scripted, tools):
    """A source on the scripted device: 40 registers in four reads."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**options):
            points = tuple(
                Point(name=f"r{n}", address=f"holding:{n}", type="uint16", access="read-write") for n in range(COUNT)
            )
            device = Device(
                name="meter", path="a/b/c/d/e/f", driver="modbus", endpoint=scripted.url, points=points,
                options={"max_registers": 10, "timeout_seconds": 0.5, "retries": 0, **options},
                groups=(ScanGroup(mode="poll"),),
            )  # fmt: skip
            driver = find_driver("modbus")
            plan = driver.plan(device)
            source = driver.source(plan, tools)
            stack.push_async_callback(source.close)
            await open_again(source)
            return source, plan.blocks[0]

        yield start


async def scan(source, block):
    """By point: value, or status where there is none."""
    columns = await source.read(block)
    assert sorted(columns.key[: columns.rows].tolist()) == list(range(COUNT))
    return {key: value if q == quality.GOOD else q for key, _, _, q, value in columns}


EXPECTED = {n: 1000 + n for n in range(COUNT)}


def second(found):
    """What became of the second read's points, which the tests disturb; the others must be as ever."""
    assert {n: v for n, v in found.items() if n // 10 != 1} == {n: v for n, v in EXPECTED.items() if n // 10 != 1}
    (only,) = {found[n] for n in range(10, 20)}
    return only


def disturb(scripted, change):
    """Have the answer to the second read changed."""
    scripted.reply = lambda asked: change(asked) if asked.disturbed else asked.tcp(asked.honest)


async def test_all_reads_of_a_scan_leave_in_one_write(scripted, opened):
    source, block = await opened()
    scripted.chunks, scripted.requests = 0, []
    assert await scan(source, block) == EXPECTED
    assert (len(scripted.requests), scripted.chunks) == (4, 1)


async def test_no_more_requests_are_under_way_than_the_option_says(scripted, opened):
    under_way = Counter()
    source, block = await opened(in_flight=2)
    honest_reply, waiting = scripted.reply, []

    def reply(asked):
        waiting.append(honest_reply(asked))
        under_way[len(waiting)] += 1
        if len(waiting) == 2:
            both = b"".join(waiting)
            waiting.clear()
            return both
        return b""

    scripted.reply = reply
    assert await scan(source, block) == EXPECTED
    assert max(under_way) == 2


async def test_answers_may_come_in_any_order_and_in_any_pieces(scripted, opened):
    source, block = await opened()
    held = []

    def reply(asked):
        held.insert(0, asked.tcp(asked.honest))
        if len(held) < 4:
            return b""
        whole = b"".join(held)
        for byte in whole[:-1]:
            asyncio.get_running_loop().call_soon(scripted.writers[-1].write, bytes([byte]))
        asyncio.get_running_loop().call_soon(scripted.writers[-1].write, whole[-1:])
        held.clear()
        return b""

    scripted.reply = reply
    assert await scan(source, block) == EXPECTED


@pytest.mark.parametrize("code", [*faults.EXCEPTIONS, 99])
async def test_an_exception_spoils_only_its_own_points(scripted, opened, code):
    source, block = await opened()
    disturb(scripted, lambda asked: asked.tcp(bytes((0x83, code))))
    assert second(await scan(source, block)) == faults.status_of(code)
    assert quality.severity(faults.status_of(code)) == "bad"


@pytest.mark.parametrize(
    ("change", "status", "counted"),
    [
        (lambda _: b"", quality.BAD_TIMEOUT, None),
        (
            lambda asked: asked._replace(number=asked.number + 1000).tcp(asked.honest),
            quality.BAD_TIMEOUT,
            "foreign_transaction",
        ),
        (lambda asked: asked._replace(unit=asked.unit + 1).tcp(asked.honest), quality.BAD_TIMEOUT, "foreign_unit"),
        (lambda asked: asked.tcp(asked.honest, protocol=7), quality.BAD_TIMEOUT, "foreign_protocol"),
        (lambda asked: asked.tcp(asked.honest[:-1]), quality.BAD_DECODING, "malformed"),
        (lambda asked: asked.tcp(asked.honest + b"\0"), quality.BAD_DECODING, "malformed"),
        (lambda asked: asked.tcp(b"\x04" + asked.honest[1:]), quality.BAD_DECODING, "malformed"),
        (lambda asked: asked.tcp(b"\x84\x02"), quality.BAD_DECODING, "malformed"),
        (lambda asked: asked.tcp(b"\x03"), quality.BAD_DECODING, "malformed"),
    ],
)
async def test_frames_that_answer_nothing_are_dropped_and_counted(scripted, opened, change, status, counted):
    with capture_logs() as logs:
        source, block = await opened()
        disturb(scripted, change)
        assert second(await scan(source, block)) == status
    assert [log["reason"] for log in logs if log["event"] == "edge_frame_dropped"] == ([counted] if counted else [])
    scripted.reply = lambda asked: asked.tcp(asked.honest)
    assert await scan(source, block) == EXPECTED


async def test_an_answer_that_comes_too_late_is_no_answer_to_the_next_request(scripted, opened):
    source, block = await opened()
    late = []
    disturb(scripted, lambda asked: late.append(asked.tcp(b"\x03\x14" + bytes(20))) or b"")
    assert second(await scan(source, block)) == quality.BAD_TIMEOUT
    disturb(scripted, lambda asked: late.pop() + asked.tcp(asked.honest))
    assert await scan(source, block) == EXPECTED


async def test_a_length_that_cannot_be_ends_the_connection(scripted, opened):
    source, block = await opened()
    disturb(scripted, lambda asked: asked.tcp(asked.honest, length=9999))
    with pytest.raises(Unavailable, match="the length 9999"):
        await scan(source, block)
    assert (await source.lost()).code == "edge.device_lost"


async def test_a_device_that_answers_nothing_any_more_is_lost(scripted, opened):
    source, block = await opened()
    scripted.reply = lambda _: b""
    assert set((await scan(source, block)).values()) == {quality.BAD_TIMEOUT}
    with pytest.raises(Unavailable, match="no answer to anything in 2 scans"):
        await scan(source, block)
    await source.lost()


async def test_one_dead_unit_does_not_lose_the_others(scripted, opened):
    source, block = await opened()
    disturb(scripted, lambda _: b"")
    for _ in range(5):
        assert second(await scan(source, block)) == quality.BAD_TIMEOUT


async def test_a_busy_device_is_asked_again_and_a_lost_read_too(scripted, opened):
    source, block = await opened(retries=1)
    first = iter([lambda asked: asked.tcp(b"\x83\x06"), None, lambda _: b""])

    def once(asked):
        reply = next(first, None)
        return reply(asked) if reply else asked.tcp(asked.honest)

    disturb(scripted, once)
    assert await scan(source, block) == EXPECTED
    assert await scan(source, block) == EXPECTED


async def test_a_write_is_sent_once_and_an_answer_that_never_comes_is_said_so(scripted, opened):
    source, _ = await opened(retries=5)
    echoes = {0: lambda asked: asked.tcp(asked.request), 1: lambda _: b"", 2: lambda asked: asked.tcp(b"\x86\x04"),
              3: lambda asked: asked.tcp(asked.request[:-1] + b"\xff"), 4: lambda asked: asked.tcp(b"\x86\x05")}  # fmt: skip
    scripted.reply = lambda asked: echoes[asked.request[2]](asked)
    scripted.requests = []
    results = await source.write([Write(index, 7) for index in range(5)])
    assert len(scripted.requests) == 5, "a write is never tried again"
    assert [(result.q, result.lost) for result in results] == [
        (0, False), (quality.BAD_TIMEOUT, True), (quality.BAD_DEVICE_FAILURE, False), (quality.BAD_DECODING, True),
        (quality.BAD_RESOURCE_UNAVAILABLE, True),
    ]  # fmt: skip
    assert results[2].detail == "exception 04: server device failure"


async def test_a_connection_that_breaks_during_a_write_leaves_it_open_and_sends_nothing_more(scripted, opened):
    source, _ = await opened()
    scripted.reply = lambda _: scripted.writers[-1].transport.abort() or b""
    scripted.requests = []
    results = await source.write([Write(0, 1), Write(1, 2)])
    assert [(result.lost, quality.name(result.q)) for result in results] == [
        (True, "BadNoCommunication"),
        (False, "BadNoCommunication"),
    ]
    assert len(scripted.requests) == 1


def mutations(generator, good):
    """A damaged copy of a frame: bits turned, bytes cut, doubled, put in, lengths changed."""
    data = bytearray(good)
    for _ in range(generator.randint(1, 4)):
        sort = generator.randrange(6)
        place = generator.randrange(len(data)) if data else 0
        if sort == 0 and data:
            data[place] ^= 1 << generator.randrange(8)
        elif sort == 1:
            del data[place:]
        elif sort == 2:
            data[place:place] = generator.randbytes(generator.randint(1, 8))
        elif sort == 3 and len(data) > 5:
            data[4:6] = generator.choice((b"\0\0", b"\0\1", b"\xff\xff", struct.pack(">H", len(data))))
        elif sort == 4:
            data += data[:place]
        elif data:
            del data[place]
    return bytes(data)


async def open_again(source):
    """Until it is open: with others on the machine, a twentieth of a second may pass before an answer is read."""
    while True:
        with contextlib.suppress(Unavailable):
            return await source.open()


async def test_damaged_frames_never_crash_and_never_give_a_value_of_another_register(scripted, opened):
    """Over TCP nothing guards the data bytes themselves, so only what is not data is damaged here; RTU has a checksum."""
    generator = random.Random(20_480)
    source, block = await opened(timeout_seconds=0.05)
    outcomes = Counter()

    def change(asked):
        good = asked.tcp(asked.honest)
        head = mutations(generator, good[:9])
        return head + good[9:]

    for _ in range(700):
        disturb(scripted, change)
        try:
            found = await scan(source, block)
        except Unavailable:
            outcomes["lost"] += 1
            scripted.reply = lambda asked: asked.tcp(asked.honest)
            await open_again(source)
            continue
        for key, value in found.items():
            outcomes["value" if value == 1000 + key else "bad"] += 1
            assert value == 1000 + key or (isinstance(value, int) and value >= quality.BAD), (key, value)
    assert min(outcomes["lost"], outcomes["bad"], outcomes["value"]) > 20, outcomes


@given(st.binary(max_size=260), st.sampled_from([1, 3, 5, 16, 43]))
def test_any_bytes_are_an_answer_or_malformed_or_an_exception(data, function):
    for take in (
        lambda: pdu.read_answer(data, function, 20),
        lambda: pdu.identification_answer(data),
        lambda: pdu.check_echo(pdu.write_register(1, b"\0\1"), data),
    ):
        with contextlib.suppress(pdu.Malformed, pdu.Refused):
            take()
    with contextlib.suppress(ValueError):
        length = answer_length(data)
        assert length is None or length >= 5


@given(st.binary(max_size=253))
def test_the_simulator_answers_anything(data):
    if data:
        answer = TankStation().answer(data)
        assert answer[0] & 0x7F == data[0] & 0x7F


def test_the_checksum_is_the_standards():
    assert crc16(bytes.fromhex("0207")).hex() == "4112"  # the example of the serial line guide
    assert frame(1, pdu.read_request("holding", 0, 10)).hex() == "01030000000ac5cd"


# -- RTU, over TCP --------------------------------------------------------------------------------------------------------


class ScriptedLine:
    """The same for RTU frames."""

    def __init__(self):
        self.reply = lambda asked: asked.rtu(asked.honest)
        self.requests = 0
        self.writers = []
        self.tasks = []

    async def serve(self, reader, writer):
        self.writers.append(writer)
        self.tasks.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                data = await reader.readexactly(8)
                assert crc16(data) == b"\0\0"
                self.requests += 1
                writer.write(self.reply(Asked(0, data[0], data[1:-2])))
        writer.close()


@pytest.fixture
async def line(tools, request):
    """A source on it; the parameter is how long an answer may take."""
    peer = ScriptedLine()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    device = Device(
        name="meter", path="a/b/c/d/e/f", driver="modbus",
        endpoint=f"modbus-rtu-tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}",
        points=tuple(Point(name=f"r{n}", address=f"holding:{n}", type="uint16") for n in range(COUNT)),
        options={"max_registers": 10, "timeout_seconds": getattr(request, "param", 0.3), "retries": 0}, groups=(ScanGroup(mode="poll"),),
    )  # fmt: skip
    driver = find_driver("modbus")
    plan = driver.plan(device)
    peer.source, peer.block = driver.source(plan, tools), plan.blocks[0]
    await open_again(peer.source)
    yield peer
    await peer.source.close()
    server.close()
    for writer in peer.writers:
        writer.transport.abort()
    await asyncio.gather(*peer.tasks, return_exceptions=True)
    await server.wait_closed()


def disturb_line(peer, change):
    peer.reply = lambda asked: change(asked) if asked.disturbed else asked.rtu(asked.honest)


@pytest.mark.parametrize(
    ("change", "status", "counted"),
    [
        (lambda asked: asked.rtu(asked.honest)[:-1] + b"\0", quality.BAD_DECODING, ["crc"]),
        (lambda asked: asked.rtu(b"\x63\0\0\0"), quality.BAD_DECODING, ["malformed"]),
        (lambda asked: asked.rtu(asked.honest[:-2]), quality.BAD_TIMEOUT, ["late"]),
        (lambda asked: asked._replace(unit=asked.unit + 1).rtu(asked.honest), quality.BAD_TIMEOUT, ["foreign_unit"]),
        (lambda asked: asked.rtu(b"\x04" + asked.honest[1:]), quality.BAD_TIMEOUT, ["foreign_function"]),
        (lambda asked: asked.rtu(b"\x03\x02\0\7"), quality.BAD_DECODING, ["malformed"]),
        (lambda asked: asked.rtu(b"\x83\x0b"), quality.BAD_NO_COMMUNICATION, []),
        (
            lambda asked: asked._replace(unit=asked.unit + 1).rtu(asked.honest) + asked.rtu(b"\x83\x04"),
            quality.BAD_DEVICE_FAILURE,
            ["foreign_unit"],
        ),
    ],
)
async def test_a_damaged_or_foreign_frame_on_the_line_is_counted_and_no_value(line, change, status, counted):
    with capture_logs() as logs:
        disturb_line(line, change)
        assert second(await scan(line.source, line.block)) == status
    assert [log["reason"] for log in logs if log["event"] == "edge_frame_dropped"] == counted
    line.reply = lambda asked: asked.rtu(asked.honest)
    assert await scan(line.source, line.block) == EXPECTED


@pytest.mark.parametrize("line", [0.05], indirect=True)
async def test_damage_on_the_line_never_becomes_a_value(line):
    generator = random.Random(1979)
    outcomes = Counter()
    disturb_line(line, lambda asked: mutations(generator, asked.rtu(asked.honest)))
    for _ in range(250):
        found = await scan(line.source, line.block)
        for key, value in found.items():
            outcomes["value" if value == 1000 + key else "bad"] += 1
            assert value == 1000 + key or (isinstance(value, int) and value >= quality.BAD), (key, value)
    assert outcomes["bad"] > 1000


async def test_a_late_answer_on_the_line_is_no_answer_to_the_next_request(line):
    loop = asyncio.get_running_loop()

    def late(asked):
        loop.call_later(0.45, line.writers[-1].write, asked.rtu(asked.honest))  # later than the 0.3 s that it may take
        return b""

    disturb_line(line, late)
    for _ in range(3):
        found = await scan(line.source, line.block)
        assert {key: value for key, value in found.items() if value not in (1000 + key, quality.BAD_TIMEOUT)} == {}
        assert second(found) == quality.BAD_TIMEOUT
