"""What tests of nodes share: a server on loopback, and a bare client that takes no care of what it sends."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Self

import msgspec

from lineshaft.resolution import codes, wire
from lineshaft.resolution.auth.challenges import answer_with_key, answer_with_secret
from lineshaft.resolution.auth.keys import PrivateKey
from lineshaft.resolution.changes import Change, apply
from lineshaft.resolution.messages import Body, Challenge, Empty, Referral, Resolved
from lineshaft.resolution.model import HandleValue
from lineshaft.resolution.packets import Reassembly
from lineshaft.resolution.record import pack_record
from lineshaft.resolution.serving import NodeConfig, NodeServer
from lineshaft.resolution.store import RecordStore
from lineshaft.resolution.store.memory import MemoryStore
from lineshaft.resolution.values import admin as bits
from lineshaft.resolution.values.admin import Admin, encode_admin

SECONDS = 60
ADMIN, SECRET = b"88.1/ADMIN", b"a secret"


def value(index: int, data: bytes = b"x", kind: bytes = b"URL", permissions: int = 0b1110) -> HandleValue:
    return HandleValue(index=index, type=kind, data=data, permissions=permissions)


def admin(
    index: int = 100, handle: bytes = ADMIN, number: int = 300, permissions: int = bits.EVERYTHING
) -> HandleValue:
    return value(index, encode_admin(Admin(permissions=permissions, handle=handle, index=number)), b"HS_ADMIN")


Records = Mapping[bytes, Sequence[HandleValue]]

RECORDS: Records = {
    b"88.1/ADMIN": [value(300, SECRET, b"HS_SECKEY", 0b1100), admin()],
    b"0.NA/88.1": [admin()],
    b"88.1/ITEM": [value(1, b"https://p.example/1"), value(2, b"private", b"NOTE", 0b1100), admin()],
    b"88.1/LONG": [value(number, b"%03d" % number * 50, b"BLOCK") for number in range(1, 21)],
}


def put(store: RecordStore, records: Records) -> None:
    """Load records with their log."""
    with store.write() as transaction:
        apply(transaction, [Change(handle.upper(), None, pack_record(values)) for handle, values in records.items()])


@contextlib.asynccontextmanager
async def answering(answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[tuple[int, list[str]]]:
    """Somebody on loopback who answers each request by HTTP as they please: the port, and the paths that were asked for."""
    asked: list[str] = []
    conversations: set[asyncio.Task[Any]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                asked.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode())
                await answer(writer)
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(converse, "127.0.0.1", 0) as listening:
        try:
            yield listening.sockets[0].getsockname()[1], asked
        finally:
            for task in conversations:
                task.cancel()
            await asyncio.gather(*conversations, return_exceptions=True)


def whole(body: bytes, *headers: bytes) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    """For `answering`: this body."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        head = [b"HTTP/1.1 200 OK", b"connection: close", b"content-length: %d" % len(body), *headers]
        writer.write(b"\r\n".join([*head, b"", b""]) + body)
        await writer.drain()

    return answer


@contextlib.asynccontextmanager
async def serving(
    records: Records = RECORDS, *, prefixes: Sequence[str] = ("88.1",), elsewhere: Any = None, recursive: Any = None,
    **config: Any,
) -> AsyncIterator[NodeServer]:  # fmt: skip
    """A server on loopback."""
    store = MemoryStore()
    put(store, records)
    config = {"hosts": ["127.0.0.1"], "prefixes": list(prefixes)} | config
    server = NodeServer(NodeConfig(**config), store=store, elsewhere=elsewhere, recursive=recursive)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


class Udp:
    """A socket that waits for so many datagrams."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # noqa: FBT003  # its one argument
        self._socket.connect((host, port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    async def send(self, *packets: bytes) -> None:
        for packet in packets:
            await asyncio.get_running_loop().sock_sendall(self._socket, packet)

    async def receive(self) -> bytes:
        async with asyncio.timeout(SECONDS):
            return await asyncio.get_running_loop().sock_recv(self._socket, 65_535)

    async def ask(self, *packets: bytes) -> wire.Message:
        """The whole message that answers, decoded."""
        await self.send(*packets)
        parts = Reassembly()
        while True:
            packet = await self.receive()
            whole = parts.add("server", packet, 0.0) if packet[2] & codes.TRUNCATED_ENVELOPE else packet
            if whole:
                return wire.decode(whole)


class Tcp:
    """A connection on which messages follow each other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._requests = 5000

    async def send(self, *data: bytes) -> None:
        self.writer.write(b"".join(data))
        await self.writer.drain()

    async def receive_bytes(self) -> bytes:
        """One message; empty when the server has hung up."""
        async with asyncio.timeout(SECONDS):
            try:
                head = await self.reader.readexactly(20)
                return head + await self.reader.readexactly(int.from_bytes(head[16:20]))
            except (asyncio.IncompleteReadError, ConnectionResetError):
                return b""

    async def ask_bytes(self, data: bytes) -> bytes:
        await self.send(data)
        return await self.receive_bytes()

    async def ask(self, data: bytes) -> wire.Message:
        return wire.decode(await self.ask_bytes(data))

    async def prove(
        self, data: bytes, who: bytes = ADMIN, index: int = 300, secret: bytes = SECRET,
        key: PrivateKey | None = None, form: int = codes.HMAC_SHA256,
    ) -> wire.Message:  # fmt: skip
        """Send a request that is challenged, and answer; the final response."""
        challenge = await self.ask(data)
        assert challenge.header.response_code == codes.RC_AUTHENTICATION_NEEDED
        assert isinstance(challenge.body, Challenge)
        assert challenge.digest is not None
        challenged = challenge.body.nonce + challenge.digest.value
        if key is not None:
            made = answer_with_key(who, index, key, challenged)
        else:
            made = answer_with_secret(who, index, secret, challenged, form)
        self._requests += 1
        return await self.ask(
            request(codes.OC_CHALLENGE_ANSWER, made, session=challenge.envelope.session, number=self._requests)
        )


@contextlib.asynccontextmanager
async def connected(port: int, host: str = "127.0.0.1") -> AsyncIterator[Tcp]:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield Tcp(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def request(
    operation: int, body: Body | None = None, *, flags: int = 0, number: int = 1000, session: int = 0, minor: int = 11,
    **header: int,
) -> bytes:  # fmt: skip
    """An encoded request."""
    return wire.encode(
        wire.Message(
            envelope=wire.Envelope(minor=minor, request=number, session=session),
            header=wire.Header(operation=operation, flags=flags, **header), body=Empty() if body is None else body,
        )
    )  # fmt: skip


async def until(condition: Callable[[], object]) -> None:
    """Return when the condition holds; fails when it does not for long."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110  # what is waited for sets no event
            await asyncio.sleep(0.01)


def without_times(message: wire.Message) -> wire.Message:
    """Without what differs from run to run."""
    body = message.body
    if isinstance(body, Resolved | Referral) and body.values:
        body = msgspec.structs.replace(
            body, values=tuple(msgspec.structs.replace(one, timestamp=0) for one in body.values)
        )
    header = msgspec.structs.replace(message.header, expiration=0)
    return msgspec.structs.replace(message, header=header, body=body, covered=b"")
