"""A controller to try the driver with: python-snap7's server, with the few things that real ones do and it does not.

DB1 is a small press: byte 0 bit 0 runs, 2 INT speed, 4 REAL pressure (counts up once a second), 8 DINT parts,
12 STRING[20] product, 40 REAL setpoint. The markers from MB0 are free.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from snap7.datatypes import S7WordLen
from snap7.server import CPUState, Server
from snap7.type import SrvArea

from lineshaft.edge.driver import Simulated
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.tasks import end

_CPU_STATE: Final = 0x0424
_STATE_RECORD: Final = 20
_AREA_BYTES: Final = 128
_STEP_SECONDS: Final = 1.0
_AT_ONCE: Final = 3


class Controller(Server):
    """python-snap7's server that also tells its state and writes single bits without their neighbours."""

    def __init__(self) -> None:
        super().__init__(log=False)
        self.data = bytearray(_AREA_BYTES)
        self.markers = bytearray(_AREA_BYTES)

    @property
    def bound(self) -> int:
        """The port it listens at."""
        assert self.server_socket is not None
        return int(self.server_socket.getsockname()[1])

    def _get_szl_data(self, szl_id: int, szl_index: int) -> bytes | None:
        if szl_id != _CPU_STATE:
            return super()._get_szl_data(szl_id, szl_index)
        state = 0x08 if self.cpu_state == CPUState.RUN else 0x04
        return struct.pack(">HHHBB", _STATE_RECORD, 1, 0, 0xFF, state).ljust(4 + _STATE_RECORD, b"\0")

    def _handle_setup_communication(self, request: dict[str, Any]) -> bytes:
        """Grants several requests on the way, as real controllers do; the library's server grants one."""
        answer = bytearray(super()._handle_setup_communication(request))
        granted = min(int(request["parameters"].get("max_amq_caller", 1)), _AT_ONCE)
        struct.pack_into(">HH", answer, len(answer) - 6, granted, granted)
        return bytes(answer)

    def _parse_address_specification(self, addr_spec: bytes) -> dict[str, Any]:
        return {**super()._parse_address_specification(addr_spec), "bit": addr_spec[-1] & 7 if addr_spec else 0}

    def _parse_write_address(self, request: dict[str, Any]) -> tuple[Any, int, int, int, bytearray] | None:
        found = super()._parse_write_address(request)
        asked = request.get("parameters", {}).get("address_spec", {})
        if found is None or asked.get("word_len") != S7WordLen.BIT:
            return found
        area, db, start, count, data = found
        memory = self.memory_areas.get((area, db), bytearray())
        if start < len(memory):
            mask = 1 << asked["bit"]
            data = bytearray([memory[start] | mask if data[0] & 1 else memory[start] & ~mask])
        return area, db, start, count, data


@asynccontextmanager
async def simulate(host: str, port: int) -> AsyncIterator[Simulated]:
    """The press serves while the block lasts; port 0: any free one. One second is one step."""
    controller = Controller()
    for area, number, memory in (
        (SrvArea.DB, 1, controller.data), (SrvArea.MK, 0, controller.markers),
        (SrvArea.PE, 0, bytearray(16)), (SrvArea.PA, 0, bytearray(16)),
    ):  # fmt: skip
        controller.register_area(area, number, memory)
    struct.pack_into(">hfi", controller.data, 2, 1450, 3.5, 0)
    controller.data[0] = 1
    controller.data[12:20] = bytes((20, 6)) + b"gear-7"
    await asyncio.to_thread(controller.start_to, host, port)
    stepping = asyncio.create_task(_step(controller))
    try:
        yield Simulated(endpoint=f"s7://{host}:{controller.bound}", device=_device(f"s7://{host}:{controller.bound}"))
    finally:
        await end(stepping)
        await asyncio.to_thread(controller.stop)


async def _step(controller: Controller) -> None:
    """Pressure climbs and begins again; a part is made with every step."""
    parts = 0
    while True:
        await asyncio.sleep(_STEP_SECONDS)
        parts += 1
        struct.pack_into(">fi", controller.data, 4, 3.5 + parts % 20 / 10, parts)


def _device(endpoint: str) -> Device:
    points = (
        Point(name="running", address="DB1.DBX0.0", kind="boolean"),
        Point(name="speed", address="DB1.DBW2", type="int16", kind="integer", unit="/min"),
        Point(name="pressure", address="DB1.DBD4", type="float32", unit="bar"),
        Point(name="parts", address="DB1.DBD8", type="int32", kind="integer"),
        Point(name="product", address="DB1:12:string", kind="text", length=20),
        Point(name="setpoint", address="DB1.DBD40", type="float32", unit="bar", access="read-write"),
        Point(name="horn", address="M10.2", kind="boolean", access="read-write"),
    )
    return Device(
        name="s7-press", path="acme/north/hall/line/cell/s7-press", driver="s7", endpoint=endpoint,
        groups=(ScanGroup(mode="poll", period_ms=500),), points=points,
    )  # fmt: skip
