"""MTConnect: documents of several versions, the stream and what breaks it, and what an agent may not do to us."""

import math
import random

import msgspec
import pytest

from lineshaft.core import clock, quality
from lineshaft.core.errors import InvalidInput, LineshaftError
from lineshaft.edge.address_space import BrowseRequest, BrowseState
from lineshaft.edge.driver import find_driver
from lineshaft.edge.drivers.mtconnect import documents
from lineshaft.edge.drivers.mtconnect.multipart import Parts, boundary_of
from lineshaft.edge.drivers.mtconnect.simulator import Agent, sample_device, simulate
from lineshaft.edge.model import Device, Point, ScanGroup

RECORDED = b"""<?xml version="1.0" encoding="UTF-8"?>
<m:MTConnectStreams xmlns:m="urn:mtconnect.org:MTConnectStreams:%s" xmlns="urn:mtconnect.org:MTConnectStreams:%s"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="urn:mtconnect.org:MTConnectStreams:1.2 http://www.mtconnect.org/schemas/MTConnectStreams_1.2.xsd">
 <m:Header creationTime="2026-03-04T12:00:01Z" sender="agent" instanceId="1267746762" version="1.2.0.3"
  bufferSize="131072" nextSequence="30" firstSequence="1" lastSequence="29"/>
 <m:Streams><m:DeviceStream name="VMC-3Axis" uuid="000">
  <m:ComponentStream component="Linear" name="X" componentId="x1">
   <m:Samples>
    <m:Position dataItemId="x2" timestamp="2026-03-04T12:00:00.123456Z" name="Xact" sequence="23"
     subType="ACTUAL">-12.5</m:Position>
    <m:Load dataItemId="x3" timestamp="2026-03-04T12:00:00" sequence="24">UNAVAILABLE</m:Load>
    <m:VelocityTimeSeries dataItemId="ts" timestamp="2026-03-04T12:00:01Z" sequence="25" sampleCount="4"
     sampleRate="4">1 2 3 4</m:VelocityTimeSeries>
    <m:PathPosition dataItemId="work" timestamp="2026-03-04T12:00:00.5Z" sequence="26">1.5 2.5 -3</m:PathPosition>
   </m:Samples>
   <m:Events>
    <m:PartCount dataItemId="pc" timestamp="2026-03-04T12:00:00Z" sequence="27">17</m:PartCount>
    <m:VariableDataSet dataItemId="vars" timestamp="2026-03-04T12:00:00Z" sequence="28" count="2"><m:Entry
     key="a">1.25</m:Entry><m:Entry key="b">UP</m:Entry></m:VariableDataSet>
   </m:Events>
   <m:Condition><m:Fault dataItemId="tc" timestamp="2026-03-04T12:00:00Z" sequence="29" nativeCode="404"
     qualifier="HIGH" type="TEMPERATURE">too hot</m:Fault></m:Condition>
  </m:ComponentStream></m:DeviceStream></m:Streams>
</m:MTConnectStreams>"""
MOMENT = clock.parse_time("2026-03-04T12:00:00Z")


@pytest.fixture
async def agent():
    agent = Agent(buffer=50)
    async with agent.serve() as agent.endpoint:
        yield agent


def point(name, address, kind="number", **more):
    return Point(name=name, address=address, kind=kind, tag=abs(hash(name)) % 1000 + 1, **more)


def device_of(endpoint, *points, mode="subscribe", **options):
    return Device(
        name="mill", path="a/b/c/d/e/mill", driver="mtconnect", endpoint=endpoint, options=options,
        groups=(ScanGroup(mode=mode, period_ms=20),), points=points,
    )  # fmt: skip


def rows_of(data, *points):
    from lineshaft.edge.drivers.mtconnect.observations import Table

    plan = find_driver("mtconnect").plan(device_of("http://127.0.0.1:1", *points))
    table = Table(plan.points, plan.blocks[0].points, plan.blocks[0].detail)
    return [(row[0], row[1], row[3], row[4]) for row in table.rows(documents.streams(data)[1])]


@pytest.mark.parametrize("version", [b"1.2", b"1.8", b"2.0", b"2.5"])
def test_documents_of_every_version_become_rows_with_the_agents_own_times(version):
    rows = rows_of(
        RECORDED % (version, version),
        point("x", "x2"), point("by_name", "Xact"), point("load", "x3"), point("count", "pc", "integer"),
        point("y", "work#y"), point("a", "vars#a"), point("b", "vars#b", "text"), point("words", "tc", "text"),
        point("level", "tc", "integer"), point("fault", "tc", "boolean"),
    )  # fmt: skip
    found = {key: (ts - MOMENT, q, value) for key, ts, q, value in rows}
    assert found[0] == (123456, 0, -12.5)
    assert found[1] == found[0]
    assert found[2][:2] == (0, quality.BAD_NO_DATA)
    assert found[3] == (0, 0, 17)
    assert found[4] == (500_000, 0, 2.5)
    assert found[5] == (0, 0, 1.25)
    assert found[6] == (0, 0, "UP")
    assert found[7] == (0, 0, "Fault 404 HIGH: too hot")
    assert found[8] == (0, 0, 2)
    assert found[9] == (0, 0, True)


def test_an_item_can_be_named_by_its_name():
    assert rows_of(RECORDED % (b"1.2", b"1.2"), point("x", "Xact")) == [(0, MOMENT + 123456, 0, -12.5)]


def test_a_time_series_becomes_one_row_per_number():
    rows = rows_of(RECORDED % (b"1.2", b"1.2"), point("v", "ts"))
    assert [(ts - MOMENT, value) for _, ts, _, value in rows] == [
        (250_000, 1.0), (500_000, 2.0), (750_000, 3.0), (1_000_000, 4.0),
    ]  # fmt: skip


@pytest.mark.parametrize("text", [b"fast", b"", b"1,5", b"0x10", b"1_0"])
def test_a_text_in_a_numbers_point_is_bad_and_never_a_number(text):
    data = (RECORDED % (b"1.2", b"1.2")).replace(b"-12.5", text)
    [(_, _, q, value)] = rows_of(data, point("x", "x2"))
    assert q == quality.BAD_DECODING
    assert math.isnan(value)


def test_a_scale_holds_for_text_values_too():
    [(_, _, q, value)] = rows_of(RECORDED % (b"1.2", b"1.2"), point("x", "x2", scale="0.1", offset="1"))
    assert (q, value) == (0, -0.25)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no XML"),
        (b"<html>", "no XML"),
        (b"<html/>", "html"),
        (b"<MTConnectStreams/>", "Header"),
        (b"<MTConnectStreams><Header instanceId='x'/></MTConnectStreams>", "instanceId"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><MTConnectStreams>&b;</MTConnectStreams>', "document type"),
        (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x"><MTConnectStreams/>', "document type"),
        (b'<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><MTConnectStreams>&f;</MTConnectStreams>', "type"),
        (b"\xff\xfe<\x00", "no XML"),
    ],
)
def test_what_is_no_such_document_is_refused(data, reason):
    with pytest.raises(ValueError, match=reason):
        documents.streams(data)


@pytest.mark.parametrize(
    "errors",
    [
        b'<Errors><Error errorCode="OUT_OF_RANGE">from</Error></Errors>',
        b'<Errors><OutOfRange errorCode="OUT_OF_RANGE"><ErrorMessage>from</ErrorMessage></OutOfRange></Errors>',
        b'<Error errorCode="OUT_OF_RANGE">from</Error>',
    ],
)
def test_an_agents_errors_are_read_in_all_their_shapes(errors):
    with pytest.raises(documents.Refused, match="OUT_OF_RANGE from") as caught:
        documents.streams(b"<MTConnectError><Header/>" + errors + b"</MTConnectError>")
    assert caught.value.codes == {"OUT_OF_RANGE"}


def test_changed_documents_never_raise_anything_else():
    source = random.Random(4)
    data = RECORDED % (b"1.2", b"1.2")
    for _ in range(400):
        changed = bytearray(data)
        for _ in range(source.randint(1, 6)):
            place = source.randrange(len(changed))
            changed[place : place + source.randint(0, 5)] = source.randbytes(source.randint(0, 5))
        try:
            rows_of(bytes(changed), point("x", "x2"), point("v", "ts"), point("w", "tc", "text"))
        except (ValueError, documents.Refused):
            continue


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("line", [b"\r\n", b"\n"])
def test_parts_are_found_however_they_are_cut(size, line):
    parts = Parts(b"b", 1000)
    stream = b"".join(
        (b"--b", line, b"Content-type: text/xml", line, b"Content-length: 3", line, line, b"a--", line,
         b"--b", line, b"Content-Type: text/xml", line, line, b"<x/>", line, b"--b--", line)
    )  # fmt: skip
    found = [part for start in range(0, len(stream), size) for part in parts.feed(stream[start : start + size])]
    assert [part.strip() for part in found] == [b"a--", b"<x/>"]
    assert parts.ended


def test_a_part_without_end_is_refused():
    parts = Parts(b"b", 1000)
    with pytest.raises(ValueError, match="larger"):
        parts.feed(b"--b\r\nContent-length: 99999999\r\n\r\n")
    with pytest.raises(ValueError, match="larger"):
        Parts(b"b", 1000).feed(b"x" * 20_000)
    with pytest.raises(ValueError, match="no multipart"):
        boundary_of("text/xml")


def test_a_configuration_that_cannot_be_is_refused_with_every_fault():
    device = device_of(
        "http://plant.example:5000", point("x", "a b"), point("y", "y", type="int16"), point("z", "z", scale="nought"),
        secret="agent", heartbeat_ms=1000,
    )  # fmt: skip
    with pytest.raises(InvalidInput) as caught:
        find_driver("mtconnect").plan(device)
    assert caught.value.facts["count"] == 5
    for word in ("plaintext", "authentication", "points.x.address", "points.y.type", "points.z.scale"):
        assert word in caught.value.message
    for endpoint in (
        "opc.tcp://x",
        "http://u:p@127.0.0.1",
        "http://127.0.0.1:99999",
        "http://",
        "http://127.0.0.1/a b",
    ):
        with pytest.raises(InvalidInput) as caught:
            find_driver("mtconnect").plan(device_of(endpoint))
        assert "p@" not in caught.value.message


async def test_the_stream_brings_every_change_once_with_its_own_time(agent, run, lane, until):
    await run(device_of(agent.endpoint, Point(name="x", address="Xact", tag=1)))
    await until(lambda: any("sample" in target for target in agent.requests))
    start = clock.now_us() - 5_000_000
    for number in range(200):
        agent.put("Xact", str(number), ts=start + number)
        if number % 10 == 0:
            await until(lambda reached=number: lane.rows and lane.rows[-1][4] >= reached - 20)
    await until(lambda: lane.rows[-1][4] == 199)
    assert [(ts, value) for ts, q, value in lane.of(1) if q == 0] == [(start + number, number) for number in range(200)]
    assert not lane.gaps


async def test_after_a_lost_connection_the_stream_goes_on_where_it_was(agent, run, lane, until):
    runner = await run(device_of(agent.endpoint, Point(name="x", address="Xact", tag=1)))
    agent.put("Xact", "1")
    await until(lambda: lane.rows and lane.rows[-1][4] == 1)
    agent.cut()
    await until(lambda: runner.status().state == "lost" or runner.intake.counts["losses"])
    for number in range(2, 12):
        agent.put("Xact", str(number))
    await until(lambda: 11 in [value for _, q, value in lane.of(1) if q == 0])
    await until(lambda: {value for _, q, value in lane.of(1) if q == 0} >= set(range(1, 12)))
    assert not lane.gaps


async def test_what_the_agent_dropped_meanwhile_is_a_gap_and_the_present_follows(agent, run, lane, until):
    runner = await run(device_of(agent.endpoint, Point(name="x", address="Xact", tag=1)))
    agent.put("Xact", "1")
    await until(lambda: lane.rows and lane.rows[-1][4] == 1)
    agent.cut()
    await until(lambda: runner.intake.counts["losses"])
    for number in range(2, 200):
        agent.put("Xact", str(number))
    await until(lambda: 199 in [value for _, q, value in lane.of(1) if q == 0])
    assert [gap.cause for gap in lane.gaps] == ["overflow"]


async def test_an_agent_that_skips_without_a_word_is_caught_by_its_first_number(lane):
    from lineshaft.edge.drivers.mtconnect.source import Place

    place = Place()
    place.meet(documents.Header(7, 1, 10), lane, "mill")
    assert place.continues(documents.Header(7, 10, 30))
    assert not place.continues(documents.Header(7, 11, 30))
    assert not place.continues(documents.Header(8, 1, 30))
    place.meet(documents.Header(7, 11, 30), lane, "mill")
    assert [gap.cause for gap in lane.gaps] == ["overflow"]
    assert "dropped 1 observations" in lane.gaps[0].detail


def test_what_was_taken_is_not_taken_again():
    from lineshaft.edge.drivers.mtconnect.address import ItemAddress
    from lineshaft.edge.drivers.mtconnect.observations import Table

    table = Table((point("x", "x2"),), (0,), (ItemAddress("x2"),))
    found = documents.streams(RECORDED % (b"1.2", b"1.2"))[1]
    assert (table.rows(found, since=23).rows, table.rows(found, since=24).rows) == (1, 0)


async def test_a_restarted_agent_is_met_from_its_present_with_a_gap(agent, run, lane, until):
    await run(device_of(agent.endpoint, Point(name="x", address="Xact", tag=1)))
    agent.put("Xact", "1")
    await until(lambda: lane.rows and lane.rows[-1][4] == 1)
    agent.restart()
    agent.put("Xact", "5")
    await until(lambda: 5 in [value for _, q, value in lane.of(1) if q == 0])
    assert [gap.cause for gap in lane.gaps] == ["sequence"]
    assert "anew" in lane.gaps[0].detail


async def test_a_fault_of_the_driver_ends_the_connection_and_not_the_values(agent, run, lane, until, monkeypatch):
    from lineshaft.edge.drivers.mtconnect.observations import Table

    runner = await run(device_of(agent.endpoint, Point(name="x", address="Xact", tag=1)))
    with monkeypatch.context() as broken:
        broken.setattr(Table, "rows", lambda *_, **__: 1 / 0)
        agent.put("Xact", "1")
        await until(lambda: runner.intake.counts["losses"])
    agent.put("Xact", "2")
    await until(lambda: 2 in [value for _, q, value in lane.of(1) if q == 0])


async def test_polling_gives_present_values_and_repeats_are_dropped(agent, run, lane, until):
    runner = await run(
        device_of(
            agent.endpoint, Point(name="x", address="Xact", tag=1), Point(name="n", address="no", tag=2), mode="poll"
        )
    )
    agent.put("Xact", "7")
    await until(lambda: lane.of(1) and lane.of(1)[-1][2] == 7)
    await until(lambda: runner.intake.counts["repeats"] > 3)
    assert len([row for row in lane.of(1) if row[2] == 7]) == 1
    assert lane.of(2)[0][1] == quality.BAD_NODE_ID_UNKNOWN


async def test_browse_tells_names_kinds_and_units(agent, tools):
    driver = find_driver("mtconnect")
    source = driver.source(driver.plan(device_of(agent.endpoint)), tools)
    await source.open()
    [page] = [page async for page in source.browse(BrowseRequest(), BrowseState())]
    found = {each.address: each for each in page.found}
    assert (found["Xact"].unit, found["Xact"].kind, found["Xact"].path) == ("mm", "number", ("mill", "cnc", "Xact"))
    assert found["parts"].kind == "integer"
    assert found["work#z"].unit == "mm"
    assert found["system"].kind == "text"
    none, known = await source.inspect(["nothere", "speed"])
    assert none.refused
    assert known.unit == "r/min"
    assert (await source.about())["devices"] == "mill"
    await source.close()


async def test_what_is_no_agent_says_so(tools, serve_bytes):
    driver = find_driver("mtconnect")
    for answer, code in (
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "edge.device_unreachable"),
        (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "edge.user_refused"),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "edge.answer_unusable"),
        (
            b"HTTP/1.1 302 Go\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
            "edge.answer_unusable",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", "edge.answer_unusable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000, "edge.answer_unusable"),
        (b"nonsense\r\n\r\n", "edge.device_unreachable"),
    ):
        source = driver.source(driver.plan(device_of(await serve_bytes(answer), largest_bytes=8000)), tools)
        with pytest.raises(LineshaftError) as caught:
            await source.open()
        assert caught.value.code == code
        await source.close()


async def test_the_simulator_fits_its_device(run, lane, until):
    async with simulate("127.0.0.1", 0) as simulated:
        await run(simulated.device)
        await until(lambda: {row[0] for row in lane.rows if row[3] == 0} == {1, 2, 3, 4, 5, 6, 7})
    assert msgspec.to_builtins(sample_device("http://127.0.0.1:1"))["driver"] == "mtconnect"


@pytest.fixture
async def serve_bytes():
    """Serve the same bytes to everybody who asks; gives the address."""
    import asyncio

    servers = []

    async def start(answer):
        async def connection(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(connection, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
