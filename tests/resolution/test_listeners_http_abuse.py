"""Attacks on the JSON API's ports: many connections, requests that trickle, answers that nobody reads."""

import asyncio
import contextlib
import json

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from lineshaft.resolution.listeners import Counts, Limits
from lineshaft.resolution.listeners.connections import Connections
from lineshaft.resolution.listeners.http_protocol import HttpProtocol
from lineshaft.resolution.service import make_certificate
from lineshaft.resolution.testing import connected, serving, until, value
from lineshaft.web.testing import everything

SECONDS = 60
GET = b"GET /api/handles/88.1/ITEM HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /api/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n"


@contextlib.asynccontextmanager
async def opened(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def answer_on(reader):
    """Status and body of one answer with a length."""
    async with asyncio.timeout(SECONDS):
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return int(head.split()[1]), await reader.readexactly(size)


async def ended(reader):
    """All that comes until the server has hung up."""
    async with asyncio.timeout(SECONDS):
        return await everything(reader)


async def trickle(writer, data):
    """A byte at a time, for ever so long."""
    with contextlib.suppress(ConnectionError):
        for byte in data:
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(0.05)


async def given_up(port, begin, rest):
    """What a server answers to somebody who begins a request and sends the rest bit by bit, until it hangs up."""
    async with opened(port) as (reader, writer):
        writer.write(begin)
        dripping = asyncio.create_task(trickle(writer, rest))
        try:
            return await ended(reader)
        finally:
            dripping.cancel()
            await asyncio.gather(dripping, return_exceptions=True)


async def test_one_network_has_so_many_connections_on_all_ports_together():
    async with (
        serving(http_port=0, limits=Limits(connections=6, head_seconds=60)) as server,
        contextlib.AsyncExitStack() as stack,
    ):
        async with connected(server.port):
            await until(lambda: server.counts.connections == 1)
            kept = [await stack.enter_async_context(opened(server.http_port)) for _ in range(5)]
            await until(lambda: server.counts.connections == 6)
            for _ in range(20):
                async with opened(server.http_port) as (reader, _):
                    assert await ended(reader) == b""
            assert (server.counts.connections, server.counts.refused_connections) == (6, 20)
            for reader, writer in kept:
                writer.write(GET)
                assert (await answer_on(reader))[0] == 200
        await stack.aclose()
        await until(lambda: server.counts.connections == 0)
        async with opened(server.http_port) as (reader, writer):
            writer.write(GET)
            assert (await answer_on(reader))[0] == 200


async def test_a_handshake_that_never_ends_is_counted_and_ended(tmp_path):
    make_certificate(tmp_path / "tls.crt", tmp_path / "tls.key", ["127.0.0.1"])
    files = {"tls_certificate": str(tmp_path / "tls.crt"), "tls_key": str(tmp_path / "tls.key")}
    limits = Limits(connections=3, head_seconds=1.0)
    async with serving(https_port=0, limits=limits, **files) as server, contextlib.AsyncExitStack() as stack:
        silent = [(await stack.enter_async_context(opened(server.https_port)))[0] for _ in range(3)]
        await asyncio.gather(*map(ended, silent))
        await until(lambda: server.counts.connections == 0)
        async with opened(server.https_port) as (reader, writer):
            writer.write(b"this is no handshake\r\n\r\n")
            await ended(reader)
        await until(lambda: server.counts.connections == 0)


async def test_a_head_that_trickles_ends_its_connection():
    async with serving(http_port=0, limits=Limits(head_seconds=0.5)) as server:
        assert await given_up(server.http_port, b"", GET[:-4] + b"\r\nX-Long: " + b"a" * 5000) == b""
        second = await given_up(server.http_port, GET, b"\r\n" * 5000)
        assert second.startswith(b"HTTP/1.1 200")
        await until(lambda: server.counts.connections == 0)


async def test_a_body_that_trickles_ends_its_connection():
    async with serving(http_port=0, limits=Limits(body_seconds=0.5)) as server:
        late = await given_up(server.http_port, POST, b"x" * 3000)
        assert not late or late.startswith(b"HTTP/1.1 408 ")  # what a client still sends may cost it the answer
        late = await given_up(server.http_port, POST, b"")
        assert late.startswith(b"HTTP/1.1 408 ")
        assert json.loads(late.partition(b"\r\n\r\n")[2])["responseCode"] == 4
        await until(lambda: server.counts.connections == 0)


class Timers:
    """A loop whose time stands until it is told to go on."""

    def __init__(self):
        self.now, self.waiting = 0.0, []

    def time(self):
        return self.now

    def create_task(self, coroutine, **options):
        return asyncio.get_running_loop().create_task(coroutine, **options)

    def call_later(self, seconds, callback):
        return self.call_at(self.now + seconds, callback)

    def call_at(self, when, callback):
        timer = Timer(when, callback)
        self.waiting.append(timer)
        return timer

    def go_on(self, seconds):
        end = self.now + seconds
        while due := [one for one in self.waiting if one.when <= end and not one.gone]:
            first = min(due, key=lambda one: one.when)
            first.gone, self.now = True, max(first.when, self.now)
            first.callback()
        self.now = end


class Timer:
    def __init__(self, when, callback):
        self.when, self.callback, self.gone = when, callback, False

    def cancel(self):
        self.gone = True


class Transport(asyncio.Transport):
    def __init__(self):
        super().__init__()
        self.written, self.closed = b"", False

    def write(self, data):
        self.written += data

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed

    def pause_reading(self):
        """The client has to wait."""

    def resume_reading(self):
        """It may go on."""


@contextlib.asynccontextmanager
async def protocol(app, **limits):
    """A connection without a network: what serves it, its transport and its time."""
    config = uvicorn.Config(app, http=HttpProtocol, lifespan="off", ws="none", log_config=None)
    config.load()
    counts, state = Counts(), ServerState()
    limits = Limits(**limits)
    made = HttpProtocol(config, state, {}, limits, Connections(limits, counts).enter("192.0.2.1"))
    made.loop, transport = Timers(), Transport()
    made.connection_made(transport)
    try:
        yield made, transport, made.loop
    finally:
        made.connection_lost(None)
        await asyncio.gather(*state.tasks)
        assert counts.connections == 0


async def deaf(scope, receive, send):
    """Reads nothing until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


HEAD = b"PUT /x HTTP/1.1\r\nContent-Length: 10000000\r\n\r\n"


async def test_the_deadline_of_a_body_moves_on_with_what_comes():
    async with protocol(deaf, body_seconds=20, body_bytes_per_second=500) as (served, transport, time):
        served.data_received(HEAD)
        for _ in range(20):
            time.go_on(10)
            served.data_received(b"x" * 5000)  # just as fast as it must be
            await asyncio.sleep(0)
        assert not transport.closed
        for _ in range(200):
            served.data_received(b"x" * 10_000)  # nobody is fast in store
        await asyncio.sleep(0)
        served.flow.resume_reading()
        time.go_on(19)
        assert not transport.closed
        time.go_on(1)
        assert transport.closed
        assert transport.written.startswith(b"HTTP/1.1 408 ")


async def test_time_that_the_server_takes_does_not_count():
    async with protocol(deaf, body_seconds=20) as (served, transport, time):
        served.data_received(HEAD)
        served.data_received(b"x" * 70_000)  # beyond this nothing is read before the application has taken it
        assert served.flow.read_paused
        time.go_on(1000)
        assert not transport.closed
        served.flow.resume_reading()
        time.go_on(39)
        assert transport.closed


async def reading(scope, receive, send):
    """Takes the whole body, and answers with its size."""
    size, more = 0, True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        size, more = size + len(event["body"]), event["more_body"]
    length = str(len(str(size))).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": str(size).encode()})


CHUNKED = b"PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_fields_behind_a_body_are_refused():
    async with protocol(reading) as (served, transport, _):
        served.data_received(CHUNKED + b"2\r\nab\r\n0\r\nX: y\r\n\r\n")
        assert transport.closed
        assert transport.written.startswith(b"HTTP/1.1 400 ")
        assert (b"x", b"y") not in served.headers
        served.data_received(b"more")  # as TLS may hand on
        assert transport.written.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("begun", [b"0\r\nX: ", b"1;x=", b"1\r\na\r\n2;x="])
async def test_framing_without_end_ends_its_connection(begun):
    async with protocol(deaf) as (served, transport, _):
        served.data_received(CHUNKED)
        served.data_received(begun)
        for _ in range(15):
            served.data_received(b"x" * 4096)
        assert not transport.closed
        served.data_received(b"x" * 8192)
        assert transport.closed
        assert transport.written.startswith(b"HTTP/1.1 400 ")


async def test_small_chunks_and_their_extensions_are_taken():
    async with protocol(reading) as (served, transport, _):
        for _ in range(2):
            served.data_received(CHUNKED)
            for _ in range(100):
                served.data_received(b"1;note=%b\r\nx\r\n" % (b"n" * 500) * 20)
                await asyncio.sleep(0)
            served.data_received(b"0\r\n\r\n")
            await asyncio.gather(*served.tasks)
        assert not transport.closed
        assert transport.written.count(b"\r\n\r\n2000") == 2


async def test_who_does_not_read_an_answer_is_cut_off():
    long = [value(number, b"x" * 50_000, b"BLOCK") for number in range(1, 100)]
    records = {b"88.1/LONG": long, b"88.1/ITEM": [value(1)]}
    async with serving(records, http_port=0, limits=Limits(unread_seconds=0.5)) as server:
        async with opened(server.http_port) as (reader, writer):
            writer.transport.pause_reading()
            writer.write(GET.replace(b"ITEM", b"LONG") * 5)
            await until(lambda: server.counts.http and not server.counts.connections)
            writer.transport.resume_reading()
            await ended(reader)
        async with opened(server.http_port) as (reader, writer):
            writer.write(GET)
            assert (await answer_on(reader))[0] == 200
    # Half a second is soon over on a loaded machine: who reads has the time that there is by default.
    async with serving(records, http_port=0) as server, httpx.AsyncClient(timeout=SECONDS) as client:
        found = await client.get(f"http://127.0.0.1:{server.http_port}/api/handles/88.1/LONG")
        assert len(found.json()["values"]) == 99
