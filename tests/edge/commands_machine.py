"""A machine in memory for tests of commands: what it is told it remembers, and shows on the gateway's board."""

import asyncio

from lineshaft.core import clock, quality
from lineshaft.edge.board import Board
from lineshaft.edge.columns import Columns
from lineshaft.edge.driver import Written
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.model import Device, Point, WriteRules


def point(name, kind="number", **rules):
    """A writable point."""
    more = {
        key: rules.pop(key)
        for key in ("low", "high", "minimum", "maximum", "access", "scale", "length")
        if key in rules
    }
    return Point(
        name=name, address=f"ns=1;s={name}", kind=kind, access=more.pop("access", "read-write"),
        write=WriteRules(**{"verify_seconds": 0.3, "expiry_seconds": 60, **rules}), **more,
    )  # fmt: skip


def device(*points, name="press"):
    return Device(
        name=name, path=f"acme/north/hall/line/cell/{name}", driver="opcua", endpoint="opc.tcp://127.0.0.1:4840",
        points=points,
    )  # fmt: skip


class Machine:
    """Its own writer."""

    def __init__(self, of, board=None):
        self.device = of
        self.board = board or Board()
        self.told = []
        self.trouble = ""
        self.answer = Written()
        self.takes = True
        self.pause = None
        self.fails = None

    @property
    def writer(self):
        return self

    def show(self, name, value, q=quality.GOOD):
        """The point has this value now."""
        rows = Columns(1)
        kind = {bool: 2, int: 1, float: 0, str: 3}[type(value)]
        now = clock.now_us()
        rows.add(0, now, now, q, kind, value)
        self.board.take(self.board.slots([f"{self.device.name}/{name}"]), rows)

    def stale(self, _point):
        return self.trouble

    def operations(self, writes):
        return [
            Operation.of(
                [write.value] if not isinstance(write.value, str) else [], protocol="test", device=self.device.name,
                function="write", node=self.device.points[write.point].address,
            )
            for write in writes
        ]  # fmt: skip

    async def write(self, writes):
        self.told += [(self.device.points[write.point].name, write.value) for write in writes]
        if self.pause is not None:
            await self.pause.wait()
        if self.fails is not None:
            raise self.fails
        if self.takes and self.answer == Written():
            for write in writes:
                self.show(self.device.points[write.point].name, write.value)
        return [self.answer for _ in writes]

    async def read_back(self, _point):
        await asyncio.sleep(0)
        return False
