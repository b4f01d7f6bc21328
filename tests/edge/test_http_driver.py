"""HTTP polled: a foreign server (Python's own http.server), bodies, entity tags, limits, writes."""

import asyncio
import datetime as dt
import http.server
import json
import random
import threading

import cbor2
import pytest

from lineshaft.core import clock, quality
from lineshaft.core.errors import InvalidInput, LineshaftError, Unavailable
from lineshaft.edge.driver import Write, find_driver
from lineshaft.edge.drivers.http import bodies
from lineshaft.edge.drivers.http.pointer import ABSENT, read_address, read_pointer
from lineshaft.edge.drivers.http.simulator import simulate
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.secrets import Secret

MOMENT = clock.parse_time("2026-03-04T12:00:00Z")


class ForeignServer:
    """`http.server` in a thread: serves `answers` by path, remembers what it was asked."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                length = int(self.headers.get("Content-Length") or 0)
                outer.asked.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
                status, headers, body = outer.answers.get(self.path, (404, {}, b""))
                if headers.get("ETag") and self.headers.get("If-None-Match") == headers["ETag"]:
                    status, body = 304, b""
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_POST = handle_any  # noqa: N815  # as http.server names them

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def say(self, path, document, content_type="application/json", status=200, **headers):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.answers[path] = (status, {"Content-Type": content_type, **headers}, body)

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server():
    server = ForeignServer()
    yield server
    server.stop()


def device_of(endpoint, *points, **options):
    return Device(
        name="meter", path="a/b/c/d/e/meter", driver="http", endpoint=endpoint, options=options,
        groups=(ScanGroup(mode="poll", period_ms=20),), points=points,
    )  # fmt: skip


@pytest.fixture
async def opened(tools):
    sources = []

    async def open_(device):
        driver = find_driver("http")
        plan = driver.plan(device)
        source = driver.source(plan, tools)
        sources.append(source)
        await source.open()
        return source, plan

    yield open_
    for source in sources:
        await source.close()


async def read_all(source, plan):
    rows = {}
    for block in plan.blocks:
        for key, ts, _, q, value in await source.read(block):
            rows[plan.points[key].name] = (ts, q, value)
    return rows


async def test_values_are_found_by_pointers_with_their_own_time(server, opened):
    server.say(
        "/v", {"at": "2026-03-04T12:00:00.5Z", "a~b/c": [{"x": 1.5}, {"x": 2}], "on": True, "n": 2**53 + 1, "s": "RUN"}
    )
    points = (
        Point(name="x", address="/a~0b~1c/1/x", scale="0.5", offset="1"), Point(name="on", address="/on", kind="boolean"),
        Point(name="n", address="/n", kind="integer"), Point(name="s", address="/s", kind="text"),
        Point(name="gone", address="/a~0b~1c/2/x"), Point(name="wrong", address="/s"),
        Point(name="none", address="/n", kind="integer", sentinels=(2**53 + 1,)),
    )  # fmt: skip
    rows = await read_all(*await opened(device_of(server.url + "/v", *points, time="/at")))
    ts = MOMENT + 500_000
    assert rows["x"] == (ts, 0, 2.0)
    assert rows["on"] == (ts, 0, True)
    assert rows["n"] == (ts, 0, 2**53 + 1)
    assert rows["s"] == (ts, 0, "RUN")
    assert rows["gone"][1] == rows["none"][1] == quality.BAD_NO_DATA
    assert rows["wrong"][1] == quality.BAD_TYPE_MISMATCH


async def test_points_can_lie_in_other_paths_of_the_server(server, opened):
    server.say("/v/a", {"x": 1})
    server.say("/v/b.cbor", cbor2.dumps({"y": [2.5]}), "application/cbor")
    points = (
        Point(name="x", address="/x"), Point(name="y", address="b.cbor#/y/0"), Point(name="z", address="/nothere#/z"),
    )  # fmt: skip
    rows = await read_all(*await opened(device_of(server.url + "/v/a", *points)))
    assert (rows["x"][1:], rows["y"][1:]) == ((0, 1.0), (0, 2.5))
    assert rows["z"][1] == quality.BAD_NOT_FOUND


async def test_records_become_one_row_each(server, opened):
    server.say("/v", {"rows": [{"t": 1000, "x": 1}, {"t": 2000, "x": 2}]})
    source, plan = await opened(
        device_of(
            server.url + "/v", Point(name="x", address="/x"), records="/rows", time="/t", time_unit="milliseconds"
        )
    )
    assert [(ts, value) for _, ts, _, _, value in await source.read(plan.blocks[0])] == [
        (1_000_000, 1.0),
        (2_000_000, 2.0),
    ]


async def test_an_unchanged_answer_is_not_sent_twice(server, opened):
    server.say("/v", {"x": 1}, ETag='"abc"')
    source, plan = await opened(device_of(server.url + "/v", Point(name="x", address="/x")))
    first = await read_all(source, plan)
    second = await read_all(source, plan)
    assert server.asked[-1][2]["If-None-Match"] == '"abc"'
    assert second["x"][1:] == (0, 1.0)
    assert second["x"][0] > first["x"][0]


@pytest.mark.parametrize(
    ("options", "header", "value"),
    [
        ({"authentication": "basic"}, "Authorization", "Basic b3BlcmF0b3I6cmlnaHQ="),
        ({"authentication": "bearer"}, "Authorization", "Bearer right"),
        ({"authentication": "header", "header": "X-Api-Key"}, "X-Api-Key", "right"),
    ],
)
async def test_credentials_come_from_the_secret(server, opened, options, header, value):
    server.say("/v", {"x": 1})
    await opened(device_of(server.url + "/v", Point(name="x", address="/x"), secret="plant", **options))
    assert server.asked[0][2][header] == value


@pytest.mark.parametrize("password", ["two\nlines", "schlüssel", "\x00"])
async def test_a_password_that_no_header_can_carry_is_refused_and_not_shown(server, opened, tools, password):
    tools.secrets.keep("odd", Secret(user="u", password=password))
    device = device_of(server.url + "/v", secret="odd", authentication="bearer")
    with pytest.raises(LineshaftError) as caught:
        await opened(device)
    assert password not in repr(caught.value.facts)
    assert caught.value.code == "edge.answer_unusable"
    assert not server.asked


async def test_refused_credentials_are_something_for_a_person(server, opened):
    server.say("/v", {}, status=401)
    with pytest.raises(InvalidInput) as caught:
        await opened(device_of(server.url + "/v", secret="plant", authentication="basic"))
    assert caught.value.code == "edge.user_refused"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "q"),
    [
        (b"{", "application/json", 200, quality.BAD_DECODING),
        (b"<html/>", "text/html", 200, quality.BAD_DECODING),
        (b"[" * 20_000, "application/json", 200, quality.BAD_DECODING),
        (b"\x9f" * 20_000, "application/cbor", 200, quality.BAD_DECODING),
        (b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", "application/cbor", 200, quality.BAD_DECODING),
        (b'{"x": "1"}', "application/json", 200, quality.BAD_TYPE_MISMATCH),
        (b'{"x": true}', "application/json", 200, quality.BAD_TYPE_MISMATCH),
        (b'{"x": [1]}', "application/json", 200, quality.BAD_TYPE_MISMATCH),
        (b'{"x": null}', "application/json", 200, quality.BAD_NO_DATA),
        (b'{"x": 1e999}', "application/json", 200, None),
        (b'{"x": 1' + b"0" * 400 + b"}", "application/json", 200, None),
        (b'"x"', "application/json", 200, quality.BAD_NO_DATA),
        (b"", "application/json", 500, quality.BAD_DEVICE_FAILURE),
        (b"", "application/json", 503, quality.BAD_DEVICE_FAILURE),
        (b"", "application/json", 429, quality.BAD_RESOURCE_UNAVAILABLE),
        (b"", "application/json", 410, quality.BAD_NOT_FOUND),
    ],
)
async def test_what_cannot_be_used_is_bad_with_its_reason_and_the_device_stays(
    server, opened, body, content_type, status, q
):
    server.say("/v", body, content_type, status)
    rows = await read_all(*await opened(device_of(server.url + "/v", Point(name="x", address="/x"))))
    assert rows["x"][1] == q if q is not None else rows["x"][1] >= quality.BAD


async def test_a_server_can_lead_us_nowhere_else_and_not_drown_us(server, opened):
    point = Point(name="x", address="/x")
    server.say("/there", {"x": 3})
    server.say("/same", {}, status=302, Location="/there")
    rows = await read_all(*await opened(device_of(server.url + "/same", point)))
    assert rows["x"][1:] == (0, 3.0)
    server.say("/other", {}, status=307, Location="http://127.0.0.1:1/x")
    server.say("/loop", {}, status=302, Location="/loop")
    server.say("/large", b" " * 5000)
    server.say("/gzip", b"x", **{"Content-Encoding": "gzip"})
    for path, reason in (("other", "another host"), ("loop", "redirects"), ("large", "larger"), ("gzip", "compressed")):
        with pytest.raises(LineshaftError, match=reason):
            await opened(device_of(f"{server.url}/{path}", point, largest_bytes=4000))


async def test_a_server_that_does_not_answer_is_lost_and_found_again(server, run, lane, until):
    server.say("/v", {"x": 1})
    runner = await run(device_of(server.url + "/v", Point(name="x", address="/x", tag=1)))
    await until(lambda: lane.of(1))
    server.say("/v", b" " * 5000, status=401)
    await until(lambda: runner.status().state == "refused")
    assert lane.of(1)[-1][1] == quality.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE
    server.say("/v", {"x": 2})
    await until(lambda: lane.of(1)[-1][1:] == (0, 2.0))


async def test_a_drip_is_a_timeout(opened):
    ended = asyncio.Event()

    async def drip(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            writer.close()
            ended.set()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    with pytest.raises(Unavailable, match="no answer in time"):
        await opened(device_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v", timeout_seconds=0.2))
    server.close()
    await asyncio.wait_for(ended.wait(), 30)


async def test_a_point_is_written_as_its_options_say(server, opened):
    server.say("/v", {"x": 1})
    server.say("/set", {})
    point = Point(name="x", address="/x", access="read-write", scale="0.1")
    server.say("/no", b"out of range", status=422)
    other = Point(name="y", address="/y", kind="integer", access="write")
    source, _ = await opened(
        device_of(server.url + "/v", point, other,
                  writes={"x": {"path": "set", "pointer": "/a/b"}, "y": {"path": "/no", "method": "post"}})
    )  # fmt: skip
    writes = [Write(0, 2.5), Write(1, 7)]
    [one, two] = source.operations(writes)
    assert (one.function, one.node, one.values, one.points) == ("put", "/x", (2_500_000,), ("x",))
    assert two.function == "post"
    done = await source.write(writes)
    assert done[0].q == 0
    assert server.asked[-2][:2] == ("PUT", "/set")
    assert json.loads(server.asked[-2][3]) == {"a": {"b": 25.0}}
    assert server.asked[-1][3] == b"7"
    assert (done[1].q, done[1].lost) == (quality.BAD_NOT_FOUND, False)
    assert "out of range" in done[1].detail
    for value in ("text", float("nan"), True):
        with pytest.raises(InvalidInput):
            source.operations([Write(0, value)])
    with pytest.raises(InvalidInput):
        source.operations([Write(1, 1.5)])


async def test_a_write_whose_answer_never_came_is_lost_and_one_never_sent_is_not(opened):
    async def once(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET"):
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    point = Point(name="x", address="/x", access="write")
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v"
    source, _ = await opened(device_of(url, point, writes={"x": {"path": "/set"}}))
    [done] = await source.write([Write(0, 1.0)])
    assert done.lost
    server.close()
    await server.wait_closed()
    with pytest.raises(Unavailable):
        await source.write([Write(0, 1.0)])


@pytest.mark.parametrize(
    ("text", "document", "found"),
    [
        ("", {"a": 1}, {"a": 1}), ("/a/0", {"a": [5]}, 5), ("/", {"": 7}, 7), ("/m~0n", {"m~n": 8}, 8),
        ("/a~1b", {"a/b": 1}, 1), ("/a/00", {"a": [5]}, ABSENT), ("/a/-", {"a": [5]}, ABSENT), ("/a/-1", {"a": [5]}, ABSENT),
        ("/a/b", {"a": 5}, ABSENT), ("/a/٣", {"a": [1, 2, 3, 4]}, ABSENT),
    ],
)  # fmt: skip
def test_pointers_follow_rfc_6901(text, document, found):
    pointer = read_pointer(text)
    assert pointer.find(document) is found or pointer.find(document) == found
    assert str(pointer) == text


@pytest.mark.parametrize("text", ["a", "/a~", "/a~2", "x/y", "p#q", "p q#/a"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match=r"pointer|blanks"):
        read_address(text)


def test_a_configuration_that_cannot_be_is_refused_with_every_fault():
    device = device_of(
        "http://meter.example/v", Point(name="x", address="//evil.example/p#/x"), Point(name="y", address="y", access="write"),
        Point(name="z", address="/z", kind="text", scale="2"), secret="plant", header="Host", time="at",
        writes={"x": {"path": "http://evil.example/"}}, signature_header="X-S",
    )  # fmt: skip
    with pytest.raises(InvalidInput) as caught:
        find_driver("http").plan(device)
    for word in ("plaintext", "authentication", "options.header", "options.time", "points.x.address", "points.y.address",
                 "points.y.access", "points.z.scale", "options.writes.x", "options.signature_header"):  # fmt: skip
        assert word in caught.value.message, word


def test_changed_bodies_never_raise_anything_else():
    source = random.Random(5)
    value = {"t": 5, "rows": [{"x": 1.5, "d": None}, {"x": "s"}]}
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for body, kind in (
        (json.dumps(value).encode(), "application/json"),
        (cbor2.dumps({**value, "m": moment}), "application/cbor"),
    ):
        for _ in range(400):
            changed = bytearray(body)
            for _ in range(source.randint(1, 4)):
                place = source.randrange(len(changed))
                changed[place : place + source.randint(0, 3)] = source.randbytes(source.randint(0, 3))
            try:
                bodies.decode(bytes(changed), kind, "auto")
            except ValueError:
                continue


async def test_the_simulator_fits_its_device(run, lane, until, tools):
    async with simulate("127.0.0.1", 0) as simulated:
        runner = await run(simulated.device)
        await until(lambda: {row[0] for row in lane.rows if row[3] == 0} == {1, 2, 3, 4, 5, 6})
        await runner.stop()
        driver = find_driver("http")
        source = driver.source(driver.plan(simulated.device), tools)
        await source.open()
        assert [each.q for each in await source.write([Write(5, 42.0)])] == [0]
        assert [row[4] for row in await source.read(driver.plan(simulated.device).blocks[0]) if row[0] == 5] == [42.0]
        await source.close()


def test_a_secret_never_stands_in_the_options():
    with pytest.raises(InvalidInput, match="password"):
        find_driver("http").plan(device_of("http://127.0.0.1/v", password="x"))
    assert Secret(user="a", password="b").user == "a"
