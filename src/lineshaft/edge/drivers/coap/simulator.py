"""A CoAP server to try the driver with: a room with a temperature, a pack of measurements, and a lamp."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiocoap import BAD_REQUEST, CHANGED, CONTENT, METHOD_NOT_ALLOWED, Context, Message, resource

from lineshaft.core import clock
from lineshaft.edge.driver import Simulated
from lineshaft.edge.drivers.coap import documents
from lineshaft.edge.drivers.coap.options import Format
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.tasks import end

_STEP_SECONDS: Final = 1.0
_MAX_AGE: Final = 30


class Variable(resource.ObservableResource):
    """A resource that holds a document.

    Args:
        writable: clients may put it.
    """

    def __init__(self, document: Any, kind: Format, *, writable: bool = False) -> None:
        super().__init__()
        self.document = document
        self._kind = kind
        self._writable = writable

    def become(self, document: Any) -> None:
        """Take a new value and tell whoever observes it."""
        self.document = document
        self.updated_state()

    async def render_get(self, request: Message) -> Message:
        payload, number = documents.write(self.document, self._kind), documents.number_of(self._kind)
        return Message(code=CONTENT, payload=payload, content_format=number, max_age=_MAX_AGE)

    async def render_put(self, request: Message) -> Message:
        if not self._writable:
            return Message(code=METHOD_NOT_ALLOWED)
        try:
            self.become(documents.read(request.payload, self._kind))
        except documents.Undecodable:
            return Message(code=BAD_REQUEST)
        return Message(code=CHANGED)


@asynccontextmanager
async def simulate(host: str, port: int) -> AsyncIterator[Simulated]:
    """The server runs while the block lasts; port 0: any free one. One second is one step."""
    chosen = port or _free_port(host)
    temperature, lamp = Variable({"v": 20.0, "unit": "Cel"}, "json"), Variable({"on": False}, "json", writable=True)
    setpoint, pack = Variable("21.5", "text", writable=True), Variable([{"n": "room:humidity", "v": 45}], "senml+json")
    site = resource.Site()
    site.add_resource([".well-known", "core"], resource.WKCResource(site.get_resources_as_linkheader))
    for path, variable in (("temperature", temperature), ("lamp", lamp), ("setpoint", setpoint), ("pack", pack)):
        site.add_resource(["room", path], variable)
    context = await Context.create_server_context(site, bind=(host, chosen), transports=["udp6"])
    stepping = asyncio.create_task(_step(temperature, pack))
    endpoint = f"coap://{host}:{chosen}"
    try:
        yield Simulated(endpoint=endpoint, device=_device(endpoint))
    finally:
        await end(stepping)
        await context.shutdown()


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


async def _step(temperature: Variable, pack: Variable) -> None:
    count = 0
    while True:
        await asyncio.sleep(_STEP_SECONDS)
        count += 1
        temperature.become({"v": 20 + count % 50 / 10, "unit": "Cel"})
        pack.become(
            [
                {
                    "bn": "room:",
                    "bt": clock.now_us() / clock.MICROSECONDS,
                    "n": "humidity",
                    "u": "%RH",
                    "v": 45 + count % 5,
                },
                {"n": "co2", "u": "ppm", "v": 400 + count % 100},
            ]
        )


def _device(endpoint: str) -> Device:
    return Device(
        name="room", path="acme/north/hall/line/cell/room", driver="coap", endpoint=endpoint,
        groups=(ScanGroup(period_ms=1000),),
        points=(
            Point(name="temperature", address="room/temperature#/v", unit="Cel"),
            Point(name="humidity", address="room/pack#room:humidity", unit="%"),
            Point(name="setpoint", address="room/setpoint", access="read-write", unit="Cel"),
            Point(name="lamp", address="room/lamp#/on", kind="boolean", access="read-write"),
        ),
    )  # fmt: skip
