"""The wire limits, on a real server on loopback: nothing a hostile client sends costs more than it may."""

import asyncio
import contextlib
import socket
from contextlib import asynccontextmanager

import pytest
import websockets

from lineshaft.web.protocols import LIVE_SOCKET
from lineshaft.web.server import HttpServer
from lineshaft.web.settings import WebSettings
from lineshaft.web.testing import everything, talk

pytestmark = pytest.mark.timeout(120)


async def echo(scope, receive, send):
    """Answers with the size of the body; a WebSocket is given one text by the fast way."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        live = scope["extensions"][LIVE_SOCKET]
        scope["path"] != "/big" or live.write_text(b"x" * 100_000)
        live.write_text('{"grüß": "天轴"}'.encode())
        live.write_text(b"y" * 300)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        scope["state"].update(after=live.write_text(b"late"))
        return
    size = 0
    while True:
        event = await receive()
        size += len(event.get("body", b""))
        if not event.get("more_body"):
            break
    body = str(size).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]}
    )
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(app=echo, **settings):
    bound = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(app, [bound], WebSettings(**settings), None)
    await server.start()
    try:
        yield bound.getsockname()[1]
    finally:
        await server.stop()


async def test_an_ordinary_request_is_answered():
    async with serving() as port:
        answer = await talk(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n0")


async def test_a_head_over_the_limit_is_refused_although_it_arrives_whole():
    async with serving(head_bytes=4096) as port:
        head = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 5000 + b"\r\n\r\n"
        answer = await talk(port, head)
    assert answer.startswith(b"HTTP/1.1 431")


async def test_a_head_that_never_ends_is_cut_off_at_the_limit():
    sent = 0

    async def send(writer):
        nonlocal sent
        while sent < 64 << 20:
            writer.write(b"a" * 65536)
            sent += 65536
            await writer.drain()

    async with serving(head_bytes=4096) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        with pytest.raises(ConnectionError):
            await send(writer)
        writer.close()
    assert sent < 64 << 20


async def test_too_many_headers_are_refused():
    async with serving() as port:
        head = b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(200)) + b"\r\n"
        answer = await talk(port, head)
    assert answer.startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost:"])
async def test_a_head_that_is_not_complete_in_time_is_hung_up_on(begun):
    async with serving(head_seconds=0.2) as port:
        answer = await asyncio.wait_for(talk(port, begun), timeout=30)
    assert answer.startswith(b"HTTP/1.1 408")


async def test_the_time_for_a_head_starts_anew_on_a_kept_connection():
    async with serving(head_seconds=0.2) as port:
        request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        await reader.readuntil(b"\r\n\r\n0")
        writer.write(b"GET / HT")
        late = await asyncio.wait_for(everything(reader), timeout=30)
        writer.close()
    assert late.startswith(b"HTTP/1.1 408")


async def test_a_body_in_the_same_packet_as_its_head_does_not_count_as_head():
    async with serving(head_bytes=4096) as port:
        body = b"b" * 60_000
        head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        answer = await talk(port, head + body)
    assert answer.endswith(b"60000")


@pytest.mark.parametrize(
    "smuggled",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
    ],
)
async def test_requests_on_whose_end_two_servers_could_disagree_are_refused(smuggled):
    async with serving() as port:
        answer = await asyncio.wait_for(talk(port, smuggled), timeout=30)
    assert answer.startswith(b"HTTP/1.1 400"), answer
    assert answer.count(b"HTTP/1.1") == 1


async def flood(port: int, begun: bytes, piece: bytes) -> int:
    """Begin a chunked body and go on with pieces; how many bytes the server took before it hung up, 64 MiB at most."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + begun)
    sent = 0
    try:
        with contextlib.suppress(ConnectionError):
            while sent < 64 << 20:
                writer.write(piece)
                sent += len(piece)
                async with asyncio.timeout(30):
                    await writer.drain()
    finally:
        writer.transport.abort()
    return sent


@pytest.mark.parametrize(
    ("begun", "piece"), [(b"0\r\n", b"x: y\r\n" * 10_000), (b"0\r\nx: ", b"y" * 65536), (b"1;x=", b"y" * 65536)]
)
async def test_what_is_sent_behind_a_body_is_not_gathered(begun, piece):
    async with serving() as port:
        assert await flood(port, begun, piece) < 64 << 20


async def test_a_trailer_is_refused_and_chunks_with_extensions_are_not():
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with serving() as port:
        refused = await talk(port, head + b"2\r\nab\r\n0\r\nX: y\r\n\r\n")
        taken = await talk(port, head + b"2;x=y\r\nab\r\n" * 20_000 + b"0\r\n\r\n")
    assert refused.startswith(b"HTTP/1.1 400")
    assert taken.endswith(b"40000")


async def test_connections_over_the_limit_are_refused_and_served_again_later(eventually):
    async with serving(connections=10) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(10)]
        refused = await talk(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert refused.startswith(b"HTTP/1.1 503")
        for _, writer in held:
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        for reader, writer in held:
            await reader.read()
            writer.close()

        async def served():
            answer = await talk(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            return answer.startswith(b"HTTP/1.1 200")

        await eventually(served)


@pytest.mark.parametrize("path", ["/small", "/big"])
async def test_texts_written_the_fast_way_are_what_a_strict_client_reads(path):
    async with (
        serving() as port,
        websockets.connect(f"ws://127.0.0.1:{port}{path}", proxy=None, open_timeout=60) as client,
    ):
        if path == "/big":
            assert await client.recv() == "x" * 100_000
        assert await client.recv() == '{"grüß": "天轴"}'
        assert await client.recv() == "y" * 300


async def test_nothing_is_written_after_the_socket_is_closed(eventually):
    results = []

    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        live = scope["extensions"][LIVE_SOCKET]
        while (await receive())["type"] != "websocket.disconnect":
            pass
        results.append(live.write_text(b"late"))

    async with serving(app) as port:
        async with websockets.connect(f"ws://127.0.0.1:{port}/", proxy=None, open_timeout=60):
            pass
        await eventually(lambda: results)
    assert results == [False]


async def test_nothing_is_written_after_the_servers_own_close():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4401})
        results.append(scope["extensions"][LIVE_SOCKET].write_text(b"late"))

    results = []
    async with (
        serving(app) as port,
        websockets.connect(f"ws://127.0.0.1:{port}/", proxy=None, open_timeout=60) as client,
    ):
        await asyncio.wait_for(client.wait_closed(), 30)
        assert client.close_code == 4401
    assert results == [False]


async def test_what_a_client_does_not_read_is_seen_as_unsent():
    seen = asyncio.get_running_loop().create_future()

    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        live = scope["extensions"][LIVE_SOCKET]
        written = 0
        while live.unsent == 0 and written < 64 << 20:
            written += 100_000
            live.write_text(b"z" * 100_000)
            await asyncio.sleep(0)
        seen.set_result(written)
        while (await receive())["type"] != "websocket.disconnect":
            pass

    async with serving(app) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        written = await asyncio.wait_for(seen, 30)
        writer.transport.abort()
    assert written < 64 << 20


async def test_stopping_closes_live_sockets_and_says_that_it_restarts():
    async with serving() as port:
        client = await websockets.connect(f"ws://127.0.0.1:{port}/small", proxy=None, open_timeout=60)
    await asyncio.wait_for(client.wait_closed(), 30)
    assert client.close_code == 1012
