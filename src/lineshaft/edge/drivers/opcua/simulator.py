"""A simulated press that speaks OPC UA, for trial: encrypted, with a user and a password that are no secret."""

import asyncio
import contextlib
import math
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from lineshaft.core import clock
from lineshaft.edge.board import Board
from lineshaft.edge.certificates import ApplicationCertificates
from lineshaft.edge.columns import BOOLEAN, INTEGER, NUMBER, Columns
from lineshaft.edge.driver import Simulated
from lineshaft.edge.model import Device, Point
from lineshaft.edge.tasks import end

USER: Final = "trial"
_PATH: Final = "example/east/hall/line/cell/press"
_POINTS: Final = (
    Point(name="torque", address="", unit="N·m", low=0.0, high=50.0),
    Point(name="count", address="", kind="integer"),
    Point(name="running", address="", kind="boolean"),
)
_SECONDS: Final = 0.5


@contextlib.asynccontextmanager
async def simulate(host: str, port: int) -> AsyncIterator[Simulated]:
    """See `driver.Simulate`. Its certificate is made anew each time, so it has to be trusted each time."""
    from lineshaft.edge.opcua_server.guarded import NamedUsers
    from lineshaft.edge.opcua_server.server import TagServer

    board = Board()
    server = TagServer(
        board, host=host, port=port, users=NamedUsers({USER: USER}), trusted=lambda _der: True, samples=10_000
    )
    press = Device(name="press", path=_PATH, driver="opcua", endpoint="", points=_POINTS)
    with tempfile.TemporaryDirectory() as folder:
        own = await asyncio.to_thread(ApplicationCertificates(Path(folder), "press", (host,)).own)
        await server.start(own)
        task = asyncio.create_task(_run(board))
        try:
            await server.offer((press, point) for point in _POINTS)
            device = Device(
                name="press", path=_PATH, driver="opcua", endpoint=f"opc.tcp://{host}:{server.port}",
                options={"secret": "press", "server_fingerprint": own.fingerprint},
                points=tuple(_addressed(point) for point in _POINTS),
            )  # fmt: skip
            yield Simulated(endpoint=device.endpoint, device=device, user=USER, password=USER)
        finally:
            await end(task)
            await server.stop()


def _addressed(point: Point) -> Point:
    import msgspec

    return msgspec.structs.replace(point, address=f"ns=2;s={_PATH}/{point.name}")


async def _run(board: Board) -> None:
    """A press that turns: torque in a slow wave, a piece every two seconds."""
    slots = board.slots([f"press/{point.name}" for point in _POINTS])
    started = clock.monotonic()
    while True:
        seconds, now = clock.monotonic() - started, clock.now_us()
        columns = Columns(len(_POINTS))
        columns.add(0, now, now, 0, NUMBER, 25 + 20 * math.sin(seconds / 5))
        columns.add(1, now, now, 0, INTEGER, int(seconds / 2))
        columns.add(2, now, now, 0, BOOLEAN, int(seconds % 60 < 50))
        board.take(slots, columns)
        await asyncio.sleep(_SECONDS)
