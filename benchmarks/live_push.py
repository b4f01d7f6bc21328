"""Live push: what one delivered message costs the server, at 100 clients × 50 tags.

Three loads on one server process, over a real bus and real sockets, clients and data source in processes of their own:
    dashboard  every client shows the same 50 tags, all changing 10 times a second
    spread     every client shows its own 50 of 10,000 tags, each changing once a second
    hidden     as dashboard, and 10,000 tags that nobody shows change once a second
beside it, in the same run:
    peer       the dashboard's messages pushed the ordinary way: encoded for each client, sent by ASGI on uvicorn's
               default WebSocket; no bus, nothing read
    floor      the same bytes, made beforehand, written to plain TCP connections: what the machine takes for sending
CPU is user + system time of the server's process, the kernel's part of the sending included, in slices of a second, so
that the machine's noise shows. `intake` is the part for reading the bus's batches into the table, paid once however
many clients there are. Last line: one JSON object.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import uvicorn
import uvloop

from lineshaft.access import Access, AccessSettings, principals, tokens
from lineshaft.bus.telemetry import SCHEMA, BatchHeader, encode
from lineshaft.bus.testing import TestBus, embedded_bus
from lineshaft.core import clock
from lineshaft.core.ids import HandleMinter
from lineshaft.history import LatestTable
from lineshaft.history.schema import empty_rows
from lineshaft.records import Database, RecordsSettings, upgrade
from lineshaft.web.callers import Callers
from lineshaft.web.live.board import Board
from lineshaft.web.live.endpoint import LiveEndpoint, prover
from lineshaft.web.live.feed import Feed
from lineshaft.web.live.hub import MESSAGES, LiveHub
from lineshaft.web.server import HttpServer
from lineshaft.web.settings import WebSettings

CLIENTS = 100
TAGS = 50
PLANT = 10_000
TARGET_US = 25.0
PREFIX = "eastman/tennessee/process/te/main/plant/"


def path_of(number: int) -> str:
    return f"{PREFIX}TAG_{number:05d}"


# -- the data source and the clients: processes of their own ---------------------------------------------------------


def batch(numbers: np.ndarray) -> bytes:
    now = np.full(len(numbers), clock.now_us())
    none = pa.nulls(len(numbers))
    columns = [
        pa.array(numbers, pa.int32()), pa.array(now).cast(SCHEMA.field("ts").type),
        pa.array(now).cast(SCHEMA.field("ts").type), pa.array(np.random.default_rng().normal(50, 10, len(numbers))),
        none.cast(pa.int64()), none.cast(pa.string()), none.cast(pa.bool_()), pa.array(np.zeros(len(numbers)), pa.uint32()),
    ]  # fmt: skip
    return encode(pa.RecordBatch.from_arrays(columns, schema=SCHEMA))


async def produce(bus: Any, load: str) -> None:
    """Publish until cancelled: 10 batches a second."""
    subject = bus.subjects.data("gateway", "fast")
    shown, rest = np.arange(1, TAGS + 1), np.arange(TAGS + 1, PLANT + TAGS + 1)
    slices = np.array_split(np.concatenate([shown, rest]) if load == "spread" else rest, 10)
    due, seq = clock.monotonic(), 0
    while True:
        for part in slices:
            seq += 1
            parts = {"dashboard": [shown], "spread": [part], "hidden": [np.concatenate([shown, part])]}[load]
            for numbers in parts:
                header = BatchHeader(
                    gateway="gateway", boot="b", seq=seq, config=1, clock_offset_us=0, rows=len(numbers), group="fast"
                )
                await bus.publish(subject, batch(numbers), header.to_headers())
            due += 0.1
            await asyncio.sleep(max(0.0, due - clock.monotonic()))


def frame(text: bytes) -> bytes:
    """One masked text frame, as a client must send it; the mask is zero."""
    head = bytes((0x81, 0x80 | 126)) + len(text).to_bytes(2, "big")
    return head + bytes(4) + text


async def client(port: int, token: str, paths: list[str], counted: dict[str, int]) -> None:
    """The cheapest honest client: reads and counts bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer {token}\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    writer.write(frame(json.dumps({"subscribe": paths}).encode()))
    while data := await reader.read(1 << 16):
        counted["bytes"] += len(data)


async def clients(port: int, token: str, load: str) -> None:
    """All clients; prints the bytes received at each line read from standard input."""
    counted = {"bytes": 0}
    seeded = random.Random(1)
    numbers = range(1, PLANT + TAGS + 1) if load == "spread" else range(1, TAGS + 1)
    tasks = [
        asyncio.create_task(client(port, token, [path_of(n) for n in seeded.sample(numbers, TAGS)], counted))
        for _ in range(CLIENTS)
    ]
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        failed = [task for task in tasks if task.done()]
        print(json.dumps({"bytes": counted["bytes"], "failed": len(failed)}), flush=True)
    for task in tasks:
        task.cancel()


async def source(home: str, load: str) -> None:
    """The producer's process, on credentials that the parent made."""
    from lineshaft.bus import Bus, BusSettings
    from lineshaft.core.home import Home

    bus = await Bus.connect(BusSettings(port=0), Home(Path(home)), "gateway")
    producing = asyncio.create_task(produce(bus, load))
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    producing.cancel()
    await bus.close()


# -- the server: this process ----------------------------------------------------------------------------------------


def spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def child(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, __file__, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )


async def received(process: asyncio.subprocess.Process) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n")
    answer = json.loads(await process.stdout.readline())
    assert answer["failed"] == 0, "a client lost its connection"
    return int(answer["bytes"])


async def measure(
    seconds: float, readers: asyncio.subprocess.Process, delivered: Any, intake: Any = lambda: 0.0
) -> dict[str, float]:
    """CPU per message in one-second slices, once every client has been served for a while."""
    begins = delivered()
    async with asyncio.timeout(30):
        while delivered() < begins + 3 * CLIENTS:  # noqa: ASYNC110 (a counter has no event)
            await asyncio.sleep(0.1)
    costs, bytes_before, first = [], await received(readers), delivered()
    started, intake_before = clock.monotonic(), intake()
    for _ in range(round(seconds)):
        cpu, count = spent(), delivered()
        await asyncio.sleep(1.0)
        costs.append((spent() - cpu) / max(1, delivered() - count) * 1e6)
    took, messages = clock.monotonic() - started, delivered() - first
    return {
        "us_per_message": round(statistics.median(costs), 1),
        "us_lowest": round(min(costs), 1),
        "us_highest": round(max(costs), 1),
        "us_intake": round((intake() - intake_before) / max(1, messages) * 1e6, 1),
        "messages_per_second": round(messages / took),
        "bytes_per_client_second": round((await received(readers) - bytes_before) / took / CLIENTS),
    }


class MeasuredFeed(Feed):
    """The feed, with the CPU time that it takes."""

    seconds = 0.0

    async def _take(self, message: Any) -> None:
        before = time.thread_time()
        await super()._take(message)
        self.seconds += time.thread_time() - before


class House:
    """Access, records and a bus, as the web service has them."""

    def __init__(self, box: TestBus, bus: Any) -> None:
        self.box = box
        self.bus = bus
        self.identity = box.home.identity()
        self.database = Database.open(RecordsSettings(), box.home)
        upgrade(self.database, ["records", "access", "history", "edge"])
        self.access = Access(self.database, self.identity, AccessSettings())
        minter = HandleMinter(self.identity.prefix)
        viewer = self.database.transact(
            principals.create, minter, self.identity.tenant, "anna", roles=frozenset({"viewer"})
        )
        expires = clock.now_us() + 3600 * clock.MICROSECONDS
        self.token = self.database.transact(tokens.create, viewer.id, "bench", ["history:read"], expires).text


async def push(house: House, load: str, seconds: float) -> dict[str, float]:
    """One load on the live push."""
    table = LatestTable()
    board = Board(table)
    callers = Callers(house.access)
    hub = LiveHub(
        board, hertz=10.0, clients=CLIENTS, prove=prover(callers, house.access), fail=lambda error: print(repr(error))
    )

    async def snapshot() -> Any:
        return empty_rows()

    async def find(_principal: Any, paths: Any) -> dict[str, int]:
        return {path: int(path.rsplit("_", 1)[1]) for path in paths}

    feed = MeasuredFeed(house.bus, table, board, snapshot, hub.set_stale)
    endpoint = LiveEndpoint(callers, house.access, find, hub, tags=5000)
    bound = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(endpoint, [bound], WebSettings(), None)
    await server.start()
    await feed.start()
    hub.start()
    readers = await child("clients", str(bound.getsockname()[1]), house.token, load)
    producer = await child("source", str(house.box.home.path), load)
    try:
        delivered = lambda: int(MESSAGES._value.get())  # noqa: E731, SLF001 (a counter's own way out is text)
        return await measure(seconds, readers, delivered, lambda: feed.seconds)
    finally:
        for process in (readers, producer):
            process.stdin.close()
            await process.wait()
        await hub.stop()
        await feed.stop()
        await server.stop()


async def peer(house: House, seconds: float) -> dict[str, float]:
    """The ordinary way: each client's message encoded for it and sent by ASGI, ten times a second."""
    sends: list[Any] = []
    delivered = 0

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        sends.append(send)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        sends.remove(send)

    async def run() -> None:
        nonlocal delivered
        paths = [path_of(number) for number in range(1, TAGS + 1)]
        while True:
            values = np.random.default_rng().normal(50, 10, TAGS).tolist()
            for send in sends:
                rows = [(path, clock.now_us(), value, 0) for path, value in zip(paths, values, strict=True)]
                await send({"type": "websocket.send", "text": msgspec.json.encode({"values": rows}).decode()})
                delivered += 1
            await asyncio.sleep(0.1)

    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws_per_message_deflate=False)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server.serve([bound]))
    running = asyncio.create_task(run())
    readers = await child("clients", str(bound.getsockname()[1]), house.token, "dashboard")
    try:
        return await measure(seconds, readers, lambda: delivered)
    finally:
        readers.stdin.close()
        await readers.wait()
        running.cancel()
        server.should_exit = True
        await serving


async def floor(house: House, seconds: float) -> dict[str, float]:
    """The dashboard's bytes to plain connections."""
    payload = b"x" * 4400
    transports: list[Any] = []
    delivered = 0

    class Plain(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            transport.write(b"HTTP/1.1 101 \r\n\r\n")
            transports.append(transport)

        def connection_lost(self, _error: Exception | None) -> None:
            transports.clear()

    async def run() -> None:
        nonlocal delivered
        while True:
            for transport in transports:
                transport.write(payload)
                delivered += 1
            await asyncio.sleep(0.1)

    server = await asyncio.get_running_loop().create_server(Plain, "127.0.0.1", 0)
    running = asyncio.create_task(run())
    readers = await child("clients", str(server.sockets[0].getsockname()[1]), house.token, "dashboard")
    try:
        return await measure(seconds, readers, lambda: delivered)
    finally:
        running.cancel()
        readers.stdin.close()
        await readers.wait()
        server.close()


async def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_bus(Path(folder)) as box:
            house = House(box, await box.connect("web"))
            box.issue("gateway")
            figures = {load: await push(house, load, seconds) for load in ("dashboard", "spread", "hidden")}
            figures["peer"] = await peer(house, seconds)
            figures["floor"] = await floor(house, seconds)
            house.database.close()
    print(f"{CLIENTS} clients × {TAGS} tags; CPU of the server's process, {os.cpu_count()} CPUs, {seconds:g} s each")
    print(f"{'load':10} {'µs/message':>10} {'(range)':>15} {'intake':>7} {'messages/s':>11} {'bytes/client·s':>15}")
    for name, found in figures.items():
        spread = f"{found['us_lowest']:g}–{found['us_highest']:g}"
        print(
            f"{name:10} {found['us_per_message']:>10} {spread:>15} {found['us_intake']:>7} {found['messages_per_second']:>11} "
            f"{found['bytes_per_client_second']:>15}"
        )
    cost = figures["dashboard"]["us_per_message"]
    hidden = figures["hidden"]["bytes_per_client_second"] / figures["dashboard"]["bytes_per_client_second"]
    result = {
        "benchmark": "live_push",
        "us_per_message": cost,
        "target_us": TARGET_US,
        "ok": cost <= TARGET_US,
        "us_without_intake": round(cost - figures["dashboard"]["us_intake"], 1),
        "ratio_to_peer": round(cost / figures["peer"]["us_per_message"], 2),
        "ratio_to_floor": round(cost / figures["floor"]["us_per_message"], 2),
        "bytes_with_hidden_tags": round(hidden, 3),
        "loads": figures,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    if sys.argv[1:2] == ["clients"]:
        uvloop.run(clients(int(sys.argv[2]), sys.argv[3], sys.argv[4]))
    elif sys.argv[1:2] == ["source"]:
        uvloop.run(source(sys.argv[2], sys.argv[3]))
    else:
        parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
        parser.add_argument("--seconds", type=float, default=8.0)
        uvloop.run(main(parser.parse_args().seconds))
