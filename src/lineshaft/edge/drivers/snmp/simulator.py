"""An agent to try the driver with: version 3, one user, a small power supply below 1.3.6.1.4.1.99999."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import cmdrsp, context
from pysnmp.proto.rfc1902 import Counter32, Gauge32, Integer32, ObjectName, OctetString, TimeTicks
from pysnmp.proto.rfc1905 import endOfMibView, noSuchInstance
from pysnmp.smi.error import NotWritableError

from lineshaft.core import clock
from lineshaft.edge.driver import Simulated
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.tasks import end

USER: Final = "operator"
PASSWORD: Final = "trial-and-error"  # noqa: S105  # a simulator's, told to everybody
_V3: Final = 3
_OURS: Final = (1, 3, 6, 1, 4, 1, 99999, 1)
_SETPOINT: Final = (*_OURS, 4, 0)
_STEP_SECONDS: Final = 1.0


class _Objects:
    """The agent's objects in their order."""

    def __init__(self) -> None:
        self._started = clock.monotonic()
        self.values: dict[tuple[int, ...], Any] = {
            (1, 3, 6, 1, 2, 1, 1, 1, 0): OctetString("a power supply that is none"),
            (1, 3, 6, 1, 2, 1, 1, 3, 0): TimeTicks(0),
            (1, 3, 6, 1, 2, 1, 1, 5, 0): OctetString("supply"),
            (*_OURS, 1, 0): Integer32(231),
            (*_OURS, 2, 0): Gauge32(42),
            (*_OURS, 3, 0): Counter32(0),
            _SETPOINT: Integer32(240),
        }

    def step(self) -> None:
        """Energy is counted, the load moves, time passes."""
        energy = int(self.values[(*_OURS, 3, 0)]) + 1
        self.values[(*_OURS, 3, 0)] = Counter32(energy % 2**32)
        self.values[(*_OURS, 2, 0)] = Gauge32(40 + energy % 10)
        self.values[1, 3, 6, 1, 2, 1, 1, 3, 0] = TimeTicks(int((clock.monotonic() - self._started) * 100))

    def read_variables(self, *bindings: Any, **_context: Any) -> list[tuple[Any, Any]]:
        """GET."""
        return [(name, self.values.get(tuple(name), noSuchInstance)) for name, _ in bindings]

    def read_next_variables(self, *bindings: Any, **_context: Any) -> list[tuple[Any, Any]]:
        """GETNEXT and GETBULK."""
        order = sorted(self.values)
        found = []
        for name, _ in bindings:
            place = bisect_right(order, tuple(name))
            found.append(
                (ObjectName(order[place]), self.values[order[place]]) if place < len(order) else (name, endOfMibView)
            )
        return found

    def write_variables(self, *bindings: Any, **_context: Any) -> list[tuple[Any, Any]]:
        """SET: the setpoint alone."""
        for index, (name, _) in enumerate(bindings):
            if tuple(name) != _SETPOINT:
                raise NotWritableError(name=name, idx=index)
        for name, value in bindings:
            self.values[tuple(name)] = value
        return list(bindings)


@asynccontextmanager
async def simulate(host: str, port: int) -> AsyncIterator[Simulated]:
    """The agent serves while the block lasts; port 0: any free one."""
    engine, objects = SnmpEngine(), _Objects()
    transport = udp.UdpAsyncioTransport().open_server_mode((host, port))
    config.add_transport(engine, udp.DOMAIN_NAME, transport)
    config.add_v3_user(
        engine, USER, config.USM_AUTH_HMAC192_SHA256, PASSWORD, config.USM_PRIV_CFB128_AES, PASSWORD
    )  # fmt: skip
    config.add_vacm_user(engine, _V3, USER, "authPriv", (1, 3, 6), _OURS)
    where = context.SnmpContext(engine)
    where.unregister_context_name(b"")
    where.register_context_name(b"", objects)
    for responder in (cmdrsp.GetCommandResponder, cmdrsp.BulkCommandResponder, cmdrsp.SetCommandResponder):
        responder(engine, where)
    stepping = asyncio.create_task(_step(objects))
    try:
        while transport.transport is None:  # noqa: ASYNC110  # the library tells nobody when its socket is bound
            await asyncio.sleep(0)
        bound = transport.transport.get_extra_info("sockname")[1]
        endpoint = f"snmp://{host}:{bound}"
        yield Simulated(endpoint=endpoint, device=_device(endpoint), user=USER, password=PASSWORD)
    finally:
        await end(stepping)
        engine.close_dispatcher()


async def _step(objects: _Objects) -> None:
    while True:
        objects.step()
        await asyncio.sleep(_STEP_SECONDS)


def _device(endpoint: str) -> Device:
    ours = ".".join(map(str, _OURS))
    return Device(
        name="supply", path="acme/north/hall/line/cell/supply", driver="snmp", endpoint=endpoint,
        options={"secret": "supply"}, groups=(ScanGroup(mode="poll", period_ms=1000),),
        points=(
            Point(name="uptime", address="sysUpTime.0", scale="0.01", unit="s"),
            Point(name="voltage", address=f"{ours}.1.0", unit="V"),
            Point(name="load", address=f"{ours}.2.0", kind="integer", unit="%"),
            Point(name="energy", address=f"{ours}.3.0", kind="integer", unit="Wh"),
            Point(name="setpoint", address=f"{ours}.4.0", scale="0.1", unit="V", access="read-write"),
            Point(name="name", address="sysName.0", kind="text"),
        ),
    )  # fmt: skip
