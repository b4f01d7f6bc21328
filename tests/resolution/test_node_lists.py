"""Lists of handles: in pages, no faster than they are fetched; and homing, which is on the disk before it is answered."""

import asyncio
import contextlib
import socket
import threading

from lineshaft.resolution import codes, dialect_cn, wire
from lineshaft.resolution.auth.challenges import answer_with_secret
from lineshaft.resolution.listeners import Limits
from lineshaft.resolution.messages import OfHandle, Resolve
from lineshaft.resolution.model import Reference
from lineshaft.resolution.testing import ADMIN, RECORDS, SECRET, Tcp, connected, request, serving, until, value

SECONDS = 60
OK = codes.RC_SUCCESS
LISTING = request(codes.OC_LIST_HANDLES, OfHandle(b"0.NA/88.1"))


def administrator():
    """A connection on which the administrator has logged in."""
    found = dialect_cn.Connection()
    found.logged_in(Reference(ADMIN, 300))
    return found


def long_handles(count):
    return {b"88.1/" + b"%05d" % number + b"N" * 1900: [value(1)] for number in range(count)}


def counted(store):
    """A list with one entry for each record of the prefix that is read from the store from now on."""
    scan, read = store.scan, []

    def noting(prefix=b"", *arguments, **options):
        for pair in scan(prefix, *arguments, **options):
            if prefix == b"88.1/":
                read.append(pair[0])
            yield pair

    store.scan = noting
    return read


async def test_a_list_is_read_no_faster_than_it_is_fetched():
    many = {b"88.1/N%05d" % number: [value(1)] for number in range(10_000)}
    async with serving({**RECORDS, **many}) as server:
        read, pages, room = counted(server.store), [], asyncio.Semaphore(0)

        async def stream(message):
            pages.append(message)
            await room.acquire()

        asked = server.node.answer(LISTING, "127.0.0.1", connection=administrator(), stream=stream)
        answering = asyncio.create_task(asked)
        for expected in range(1, 6):
            await until(lambda expected=expected: len(pages) == expected)  # it waits there
            assert len(read) == (expected + 1) * 1000
            room.release()
        for _ in range(20):
            room.release()
        async with asyncio.timeout(SECONDS):
            (last,) = await answering
        found = [wire.decode(page) for page in [*pages, last]]
        assert [bool(page.header.flags & codes.CONTINUED) for page in found] == [True] * (len(found) - 1) + [False]
        handles = [handle for page in found for handle in page.body.handles]
        assert handles == sorted({*many, *(one for one in RECORDS if one.startswith(b"88.1/"))})


async def test_pages_of_long_handles_are_messages_that_anybody_takes():
    many = long_handles(500)
    async with serving({**RECORDS, **many}) as server, connected(server.port) as client:
        page = await client.prove(LISTING)
        handles = list(page.body.handles)
        while page.header.flags & codes.CONTINUED:
            data = await client.receive_bytes()
            assert len(data) <= codes.MAX_MESSAGE_BYTES
            page = wire.decode(data)
            handles += page.body.handles
        assert set(many) < set(handles)
        assert len(handles) == len(set(handles))


async def test_nobody_is_given_a_list_that_nothing_takes():
    async with serving() as server:
        (refused,) = await server.node.answer(LISTING, "127.0.0.1", connection=administrator())
        assert wire.decode(refused).header.response_code == codes.RC_PROTOCOL_ERROR


async def test_who_does_not_fetch_a_list_is_cut_off():
    limits = Limits(unread_seconds=1.0, message_seconds=1.0)
    async with serving({**RECORDS, **long_handles(8000)}, limits=limits) as server:
        read = counted(server.store)
        opened = socket.socket()
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        opened.setblocking(False)
        await asyncio.get_running_loop().sock_connect(opened, ("127.0.0.1", server.port))
        reader, writer = await asyncio.open_connection(sock=opened, limit=4096)
        challenge = await Tcp(reader, writer).ask(LISTING)
        challenged = challenge.body.nonce + challenge.digest.value
        made = answer_with_secret(ADMIN, 300, SECRET, challenged, codes.HMAC_SHA256)
        writer.write(request(codes.OC_CHALLENGE_ANSWER, made, session=challenge.envelope.session))
        writer.transport.pause_reading()
        await until(lambda: read and server.counts.connections == 0)
        assert len(read) < 8000
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        async with connected(server.port) as client:
            found = await client.ask(request(codes.OC_RESOLUTION, Resolve(b"88.1/ITEM"), flags=codes.PUBLIC_ONLY))
            assert found.header.response_code == OK


async def test_homing_is_written_beside_the_loop_and_holds_when_it_is_answered():
    records = {**RECORDS, b"88.1/NEW": [value(1)]}
    async with serving(records, operators=["300:88.1/ADMIN"]) as server, connected(server.port) as client:
        write, threads = server.store.write, set()

        def noting():
            threads.add(threading.get_ident())
            return write()

        server.store.write = noting
        homed = await client.prove(request(codes.OC_HOME_PREFIX, OfHandle(b"0.NA/88.7")))
        assert homed.header.response_code == OK
        assert b"88.7" in server.homes
        assert server.store.get(b"home/88.7", "meta") == b"88.7"
        gone = await client.prove(request(codes.OC_UNHOME_PREFIX, OfHandle(b"0.NA/88.7")))
        assert gone.header.response_code == OK
        assert b"88.7" not in server.homes
        assert threads
        assert threading.get_ident() not in threads


async def test_a_mirror_makes_nothing_at_home():
    async with (
        serving(primary=False, operators=["300:88.1/ADMIN"]) as server,
        connected(server.port) as client,
    ):
        refused = await client.prove(request(codes.OC_HOME_PREFIX, OfHandle(b"0.NA/88.7")))
        assert refused.header.response_code == codes.RC_NOT_RESPONSIBLE
        assert b"88.7" not in server.homes
