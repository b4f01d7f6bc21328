"""A server for trial and tests: an energy meter whose values move, as JSON with entity tags, and a set point to write."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec

from lineshaft.core import clock
from lineshaft.edge.driver import Simulated
from lineshaft.edge.model import Device, Point, ScanGroup

_LARGEST_REQUEST: Final = 8192
_TICK_US: Final = 200_000


class Meter:
    """What the simulated meter knows."""

    def __init__(self) -> None:
        self.limit = 50.0
        self._writers: set[asyncio.StreamWriter] = set()

    def document(self) -> dict[str, Any]:
        """Its values now; they change every 200 ms."""
        moment = clock.now_us() // _TICK_US * _TICK_US
        angle = moment / 10_000_000
        return {
            "time": clock.rfc3339(moment),
            "power": {"total": round(40 + 10 * math.sin(angle), 3), "phases": [13.1, 13.4, 13.5]},
            "energy_wh": moment // 1_000_000, "limit": self.limit, "relay": math.sin(angle) > 0, "state": "RUN",
        }  # fmt: skip

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one caller."""
        self._writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = next((line[15:] for line in head.split("\r\n") if line.startswith("content-length:")), "0")
                body = await reader.readexactly(min(int(length), _LARGEST_REQUEST))
                writer.write(self._answer(head, body))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def stop(self) -> None:
        """Break every connection."""
        for writer in self._writers:
            writer.transport.abort()

    def _answer(self, head: str, body: bytes) -> bytes:
        if head.startswith("put /limit "):
            try:
                self.limit = msgspec.json.decode(body, type=dict[str, float])["limit"]
            except (msgspec.MsgspecError, KeyError):
                return b"HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n"
            return b"HTTP/1.1 204 Done\r\n\r\n"
        if not head.startswith("get /values "):
            return b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
        document = self.document()
        tag = f'"{document["time"]}-{self.limit}"'.lower()
        if f"if-none-match: {tag}\r\n" in head:
            return f"HTTP/1.1 304 Same\r\nETag: {tag}\r\n\r\n".encode()
        content = msgspec.json.encode(document)
        return (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: {tag}\r\nContent-Length: {len(content)}\r\n\r\n"
        ).encode() + content


@contextlib.asynccontextmanager
async def simulate(host: str, port: int) -> AsyncIterator[Simulated]:
    """An energy meter."""
    meter = Meter()
    server = await asyncio.start_server(meter.connection, host, port, limit=_LARGEST_REQUEST)
    endpoint = f"http://{host}:{server.sockets[0].getsockname()[1]}/values"
    try:
        yield Simulated(
            endpoint=endpoint, device=sample_device(endpoint), note="An energy meter; `limit` can be written."
        )
    finally:
        server.close()
        meter.stop()


def sample_device(endpoint: str) -> Device:
    """A device with a point for everything that the meter has."""
    points = (
        Point(name="power", address="/power/total", unit="kW", tag=1),
        Point(name="phase_2", address="/power/phases/1", unit="kW", tag=2),
        Point(name="energy", address="/energy_wh", kind="number", scale="0.001", unit="kW·h", tag=3),
        Point(name="relay", address="/relay", kind="boolean", tag=4),
        Point(name="state", address="/state", kind="text", tag=5),
        Point(name="limit", address="/limit", unit="kW", access="read-write", tag=6),
    )
    return Device(
        name="meter", path="acme/north/hall/line/cell/meter", driver="http", endpoint=endpoint,
        options={"time": "/time", "writes": {"limit": {"path": "/limit", "pointer": "/limit"}}},
        groups=(ScanGroup(mode="poll", period_ms=500),), points=points,
    )  # fmt: skip
