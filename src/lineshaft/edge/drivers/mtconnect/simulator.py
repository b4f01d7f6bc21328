"""An MTConnect agent for trial and tests: a milling machine whose values move, with a buffer of its own and a stream."""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape, quoteattr

from lineshaft.core import clock
from lineshaft.edge.driver import Simulated
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.tasks import end

ITEMS: Final = (
    ("avail", "EVENT", "AVAILABILITY", ""), ("mode", "EVENT", "CONTROLLER_MODE", ""), ("parts", "EVENT", "PART_COUNT", ""),
    ("Xact", "SAMPLE", "POSITION", "MILLIMETER"), ("speed", "SAMPLE", "ROTARY_VELOCITY", "REVOLUTION/MINUTE"),
    ("work", "SAMPLE", "PATH_POSITION", "MILLIMETER_3D"), ("system", "CONDITION", "SYSTEM", ""),
)  # fmt: skip
"""Id, category, type and units."""
_VERSION: Final = "1.8"
_BOUNDARY: Final = "f1b2c3d4"
_TICK_SECONDS: Final = 0.2
_LARGEST_REQUEST: Final = 8192


class Agent:
    """Holds observations and serves them.

    Args:
        buffer: how many observations it keeps.
        version: of the documents' namespace.
    """

    def __init__(self, buffer: int = 1000, version: str = _VERSION) -> None:
        self.instance = 1
        self.version = version
        self.requests: list[str] = []
        """Targets of the requests so far, for tests."""
        self._kept: deque[tuple[int, str, str]] = deque(maxlen=buffer)
        self._next = 1
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        for item, category, _, _ in ITEMS:
            self.put(item, "Unavailable" if category == "CONDITION" else "UNAVAILABLE")

    @property
    def first(self) -> int:
        """Oldest sequence number kept."""
        return self._kept[0][0]

    def put(self, item: str, value: str, ts: int | None = None, attributes: str = "") -> int:
        """A new observation; its sequence number. Of a condition the value is `Fault|message`."""
        number = self._next
        self._next += 1
        time = clock.rfc3339(clock.now_us() if ts is None else ts)
        self._kept.append((number, item, self._element(item, value, number, time, attributes)))
        self._changed.set()
        self._changed = asyncio.Event()
        return number

    def restart(self) -> None:
        """Begin anew, as an agent does that was switched off: another instance, sequence numbers from 1."""
        self.instance += 1
        self._next = 1
        self._kept.clear()
        for item, category, _, _ in ITEMS:
            self.put(item, "Unavailable" if category == "CONDITION" else "UNAVAILABLE")

    def cut(self) -> None:
        """Break every connection."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    @contextlib.asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve while the block lasts; its address."""
        self._server = await asyncio.start_server(self._connection, host, port, limit=_LARGEST_REQUEST)
        try:
            yield f"http://{host}:{self._server.sockets[0].getsockname()[1]}"
        finally:
            self._server.close()
            self.cut()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await self._answer(head.split(b" ", 2)[1].decode("latin-1"), writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, IndexError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, target: str, writer: asyncio.StreamWriter) -> None:
        self.requests.append(target)
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        what = parts.path.rpartition("/")[2]
        if what == "probe":
            await _send(writer, self._devices())
        elif what == "current":
            newest = {item: text for _, item, text in self._kept}
            await _send(writer, self._streams(list(newest.values()), self._next))
        elif what == "sample":
            await self._sample(query, writer)
        else:
            await _send(writer, self._error("UNSUPPORTED", f"{what} is not served"), status="404 Not Found")

    async def _sample(self, query: dict[str, str], writer: asyncio.StreamWriter) -> None:
        start = int(query.get("from", self.first))
        if not self.first <= start <= self._next:
            text = f"'from' must be between {self.first} and {self._next}"
            await _send(writer, self._error("OUT_OF_RANGE", text), status="404 Not Found")
            return
        writer.write(
            b"HTTP/1.1 200 OK\r\nServer: simulator\r\nConnection: close\r\n"
            b"Content-Type: multipart/x-mixed-replace;boundary=%s\r\n\r\n" % _BOUNDARY.encode()
        )
        await self._push(start, query, writer)

    async def _push(self, start: int, query: dict[str, str], writer: asyncio.StreamWriter) -> None:
        """Parts until the connection or the instance ends."""
        instance, count = self.instance, int(query.get("count", 100))
        beat = int(query.get("heartbeat", 10_000)) / 1000
        while self.instance == instance and self.first <= start and not writer.is_closing():
            changed = self._changed
            due = [(number, text) for number, _, text in self._kept if number >= start][:count]
            start = due[-1][0] + 1 if due else start
            body = self._streams([text for _, text in due], start)
            writer.write(
                b"--%s\r\nContent-type: text/xml\r\nContent-length: %d\r\n\r\n" % (_BOUNDARY.encode(), len(body))
                + body
                + b"\r\n"
            )
            await writer.drain()
            await asyncio.sleep(int(query.get("interval", 0)) / 1000)
            if start == self._next:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(beat):
                        await changed.wait()
        raise ConnectionError("the stream ends")

    # -- documents ------------------------------------------------------------------------------------------------------

    def _element(self, item: str, value: str, number: int, time: str, attributes: str) -> str:
        category, kind = next((category, kind) for each, category, kind, _ in ITEMS if each == item)
        state, _, text = value.partition("|") if category == "CONDITION" else ("", "", value)
        name = state or "".join(word.capitalize() for word in kind.split("_"))
        more = f' type="{kind}"' if state else ""
        element = f'<{name} dataItemId="{item}" timestamp="{time}" sequence="{number}"{more} {attributes}>{escape(text)}</{name}>'
        wrapper = {"SAMPLE": "Samples", "EVENT": "Events", "CONDITION": "Condition"}[category]
        return f"<{wrapper}>{element}</{wrapper}>"

    def _head(self, kind: str) -> str:
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><MTConnect{kind} xmlns="urn:mtconnect.org:MTConnect{kind}:{self.version}">'
            f'<Header creationTime="{clock.rfc3339(clock.now_us())}" sender="simulator" instanceId="{self.instance}"'
            f' version="{self.version}.0.0" bufferSize="{self._kept.maxlen}"'
        )

    def _streams(self, elements: list[str], following: int) -> bytes:
        return (
            f'{self._head("Streams")} firstSequence="{self.first}" lastSequence="{self._next - 1}"'
            f' nextSequence="{following}"/><Streams><DeviceStream name="mill" uuid="mill-1">'
            f'<ComponentStream component="Controller" name="cnc" componentId="c1">{"".join(elements)}</ComponentStream>'
            "</DeviceStream></Streams></MTConnectStreams>"
        ).encode()

    def _devices(self) -> bytes:
        found = "".join(
            f'<DataItem id="{item}" category="{category}" type="{kind}"{f" units={quoteattr(unit)}" if unit else ""}/>'
            for item, category, kind, unit in ITEMS
        )
        return (
            f'{self._head("Devices")}/><Devices><Device id="d1" name="mill" uuid="mill-1"><Components>'
            f'<Controller id="c1" name="cnc"><DataItems>{found}</DataItems></Controller></Components></Device></Devices>'
            "</MTConnectDevices>"
        ).encode()

    def _error(self, code: str, text: str) -> bytes:
        return (
            f'{self._head("Error")}/><Errors><Error errorCode="{code}">{escape(text)}</Error></Errors></MTConnectError>'
        ).encode()


async def _send(writer: asyncio.StreamWriter, body: bytes, status: str = "200 OK") -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


@contextlib.asynccontextmanager
async def simulate(host: str, port: int) -> AsyncIterator[Simulated]:
    """A milling machine that moves."""
    agent = Agent()
    async with agent.serve(host, port) as endpoint:
        machine = asyncio.create_task(_machine(agent))
        try:
            yield Simulated(endpoint=endpoint, device=sample_device(endpoint), note="A milling machine that moves.")
        finally:
            await end(machine)


def sample_device(endpoint: str) -> Device:
    """A device with a point for everything that the agent has."""
    points = (
        ("available", "avail", "text", ""), ("mode", "mode", "text", ""), ("part_count", "parts", "integer", ""),
        ("x_position", "Xact", "number", "mm"), ("spindle_speed", "speed", "number", "r/min"),
        ("work_y", "work#y", "number", "mm"), ("system", "system", "text", ""),
    )  # fmt: skip
    return Device(
        name="mill", path="acme/north/hall/line/cell/mill", driver="mtconnect", endpoint=endpoint,
        groups=(ScanGroup(period_ms=100),),
        points=tuple(
            Point(name=name, address=address, kind=kind, unit=unit, tag=number)  # type: ignore[arg-type]
            for number, (name, address, kind, unit) in enumerate(points, start=1)
        ),
    )  # fmt: skip


async def _machine(agent: Agent) -> None:
    agent.put("avail", "AVAILABLE")
    agent.put("mode", "AUTOMATIC")
    agent.put("system", "Normal|")
    step = 0
    while True:
        angle = step / 20
        agent.put("Xact", f"{100 * math.sin(angle):.4f}")
        agent.put("speed", f"{3000 + 50 * math.cos(angle):.1f}")
        agent.put("work", f"{angle:.3f} {10 * math.sin(angle):.3f} 0.0")
        if step % 50 == 0:
            agent.put("parts", str(step // 50))
        step += 1
        await asyncio.sleep(_TICK_SECONDS)
