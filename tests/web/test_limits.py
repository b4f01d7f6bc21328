"""A request's body: bounded in size and time, whatever it announces."""

import asyncio

import pytest
from litestar import Request, post

from lineshaft.web.testing import everything, talk

PUBLIC = {"public": "a test"}


@post("/size", opt=PUBLIC)
async def size(request: Request) -> int:
    return len(await request.body())


HEAD = b"POST /size HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\n"


async def test_a_body_up_to_the_limit_is_taken(serve):
    async with serve(size, body_bytes=2048) as server, server.client() as client:
        assert (await client.post("/size", content=b"x" * 2048)).json() == 2048


async def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(serve):
    async with serve(size, body_bytes=2048) as server:
        answer = await talk(server.port, HEAD + b"Content-Length: 2049\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"maximum":2048' in answer


async def test_a_chunked_body_is_cut_off_at_the_limit(serve):
    chunk = b"400\r\n" + b"y" * 1024 + b"\r\n"
    async with serve(size, body_bytes=2048) as server:
        answer = await talk(server.port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunk, chunk, chunk)
    assert answer.startswith(b"HTTP/1.1 413")


async def test_what_is_left_of_a_refused_body_is_not_the_next_request(serve):
    follow = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    async with serve(size, body_bytes=2048) as server:
        answer = await talk(server.port, HEAD + b"Content-Length: 4096\r\n\r\n" + follow)
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_a_body_that_dawdles_is_cut_off(serve):
    async with serve(size, body_seconds=0.2) as server:
        answer = await talk(server.port, HEAD + b"Content-Length: 10\r\n\r\nhalf")
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"web.body_too_slow" in answer


async def test_a_body_that_trickles_gets_no_more_time_than_one_that_stands_still(serve):
    async with serve(size, body_seconds=0.3) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(HEAD + b"Content-Length: 1000\r\n\r\n")
        answer = asyncio.ensure_future(everything(reader))
        sent = 0
        while not answer.done() and sent < 200:
            writer.write(b"z")
            sent += 1
            await asyncio.wait([answer], timeout=0.02)
        assert answer.done(), "it trickled for 4 s"
        assert (await answer).startswith(b"HTTP/1.1 408")
        writer.close()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
async def test_a_compressed_body_is_refused(serve, encoding):
    async with serve(size) as server, server.client() as client:
        answer = await client.post("/size", content=b"x", headers={"content-encoding": encoding})
        assert (answer.status_code, answer.json()["code"]) == (400, "web.encoding_unsupported")
