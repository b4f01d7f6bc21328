"""The Modbus proxy before a libmodbus server: what a request takes through it and without it, one after the other.

Client, proxy and device are processes of their own, as in a plant; the proxy is the gateway's part with the guard and a
policy of eight rules about addresses, values and roles, on the event loop that the gateway has. The same requests go
directly and through the proxy in alternating blocks, so that noise of the machine meets both: reads of one register, then
writes of one register that is a point with a scale, which a rule permits. Two clients ask: pymodbus, as one that a plant
may have, and a bare socket, whose direct round trip is nothing but two messages on loopback. Any proxy in a process of its
own adds two more: a relay that passes bytes on without looking at them is measured beside it, on the same event loop, as
the least that any proxy can take. Times are quantiles over all requests; processor time is that of the proxy's process,
per request.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
from pymodbus.client import ModbusTcpClient

Ask = Callable[[], None]
PEERS = Path(__file__).parents[1] / "tests" / "peers"
MUST = 1.5
BLOCK = 200
POLICY = (
    "".join(
        f'@id("line-{n}") permit (principal in Role::"operator", action in Action::"write", resource == Device::"line{n}")'
        f" when {{ context.start >= {10 * n} && context.end <= {10 * n + 9} }};"
        for n in range(6)
    )
    + """
    @id("panel") permit (principal == Principal::"127.0.0.1", action in Action::"write", resource == Device::"meter")
    when { context.space == "holding" && context.start >= 40 && context.end <= 49 && context.minimum >= 0 &&
           context.maximum <= 80000000 };
    @id("night") forbid (principal, action in Action::"write", resource == Device::"press")
    when { context.minute_of_day < 300 };"""
)
READ = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 10, 1)
WRITE = struct.pack(">HHHBBHH", 1, 0, 6, 1, 6, 40, 125)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="of each sort and way")
    parser.add_argument("--proxy", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--relay", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.proxy or arguments.relay:
        serve(arguments.proxy or arguments.relay, guarded=bool(arguments.proxy))
        return
    with tempfile.TemporaryDirectory() as folder, libmodbus(Path(folder)) as device, ExitStack() as stack:
        process, port = stack.enter_context(between("--proxy", device))
        _, relay = stack.enter_context(between("--relay", device))
        found = {}
        for client, make, share in (("pymodbus", pymodbus_asker, 5), ("socket", socket_asker, 1)):
            for sort in ("read", "write"):
                ways = {"direct": make(device, sort), "relay": make(relay, sort), "proxy": make(port, sort)}
                found[f"{client}_{sort}"] = measure(ways, arguments.requests // share, process)
    result = {
        "benchmark": "proxy", "requests": arguments.requests, **found, "must_ratio_p50": MUST,
        "met": all(found[f"pymodbus_{sort}"]["ratio_p50"] <= MUST for sort in ("read", "write")),
    }  # fmt: skip
    print(json.dumps(result))


def measure(ways: dict[str, Ask], count: int, process: psutil.Process) -> dict[str, float]:
    """Microseconds of requests by both ways."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for ask in ways.values():
        time.sleep(0.05)  # the relay connects onwards only when it is connected to
        block(ask)  # until everything is warm
    before = cpu(process)
    for _ in range(max(1, count // BLOCK)):
        for name, ask in ways.items():
            times[name] += block(ask)
    used = cpu(process) - before
    figures: dict[str, float] = {}
    for name, taken in times.items():
        cuts = statistics.quantiles(taken, n=100)
        figures |= {f"{name}_p50_us": round(cuts[49] * 1e6, 1), f"{name}_p99_us": round(cuts[98] * 1e6, 1)}
    figures["ratio_p50_to_relay"] = round(figures["proxy_p50_us"] / figures["relay_p50_us"], 2)
    figures["added_p50_us"] = round(figures["proxy_p50_us"] - figures["direct_p50_us"], 1)
    figures["ratio_p50"] = round(figures["proxy_p50_us"] / figures["direct_p50_us"], 2)
    figures["gateway_cpu_us"] = round(used / len(times["proxy"]) * 1e6, 1)
    return figures


def block(ask: Ask) -> list[float]:
    found = []
    for _ in range(BLOCK):
        started = time.perf_counter()
        ask()
        found.append(time.perf_counter() - started)
    return found


def socket_asker(port: int, sort: str) -> Ask:
    """A client that does nothing but send and receive."""
    way, frame = connect(port), {"read": READ, "write": WRITE}[sort]

    def ask() -> None:
        way.sendall(frame)
        answer = way.recv(300)
        if answer[7] != frame[7]:
            raise SystemExit(f"refused: {answer.hex()}")

    return ask


def pymodbus_asker(port: int, sort: str) -> Ask:
    """A client as programs have it."""
    client = ModbusTcpClient("127.0.0.1", port=port)
    client.connect()

    def ask() -> None:
        answer = client.read_holding_registers(10) if sort == "read" else client.write_register(40, 125)
        if answer.isError():
            raise SystemExit(f"refused: {answer}")

    return ask


def connect(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def libmodbus(place: Path) -> Iterator[int]:
    """Libmodbus with a thousand registers; its port."""
    program = place / "modbus_server"
    subprocess.run(
        ["cc", "-O2", "-o", program, PEERS / "modbus_server.c", "-I/usr/include/modbus", "-lmodbus"], check=True
    )
    with subprocess.Popen([program, "0", "1000"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline().split()[1])
        finally:
            process.kill()


@contextmanager
def between(what: str, device: int) -> Iterator[tuple[psutil.Process, int]]:
    """The proxy or the relay in a process of its own, and its port."""
    command = [sys.executable, __file__, what, str(device)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield psutil.Process(process.pid), int(process.stdout.readline())
        finally:
            process.kill()


def serve(device: int, *, guarded: bool) -> None:
    """Be the gateway, or the relay."""
    import uvloop

    if not guarded:
        uvloop.run(_relay(device))
        return
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(Path(folder), device))


class Relay(asyncio.Protocol):
    """Passes bytes on to its other end."""

    def __init__(self, device: int | None) -> None:
        self.device = device
        self.other: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self.device is not None:
            self.task = asyncio.create_task(self._connect(self.device))

    async def _connect(self, device: int) -> None:
        loop = asyncio.get_running_loop()
        self.other, onward = await loop.create_connection(lambda: Relay(None), "127.0.0.1", device)
        onward.other = self.transport

    def data_received(self, data: bytes) -> None:
        self.other.write(data)


async def _relay(device: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Relay(device), "127.0.0.1", 0)
    tell(server.sockets[0].getsockname()[1])
    await asyncio.Event().wait()


def tell(port: int) -> None:
    """Say the port; what is printed after that is nobody's."""
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    os.closerange(1, 2)


async def _serve(folder: Path, device: int) -> None:
    from lineshaft.core import logs
    from lineshaft.core.home import Home
    from lineshaft.edge.certificates import ApplicationCertificates
    from lineshaft.edge.commands.part import CommandsPart
    from lineshaft.edge.driver import Tools
    from lineshaft.edge.guard.part import GuardPart
    from lineshaft.edge.model import Device, GatewayConfig, Point, ScanGroup
    from lineshaft.edge.parts import Surroundings
    from lineshaft.edge.proxies.modbus.part import ModbusProxyPart
    from lineshaft.edge.secrets import Secrets

    class Audit:
        async def note(self, facts: dict[str, Any]) -> None:
            """Take it: durable keeping is not what is measured here."""

    tools = Tools(
        certificates=ApplicationCertificates(folder / "certificates", "gateway"), secrets=Secrets(folder / "secrets"),
        log=logs.get("edge"),
    )  # fmt: skip
    parts: dict[str, Any] = {}
    context: Any = SimpleNamespace(home=Home(folder))
    here = Surroundings(
        context=context, gateway="gateway", bus=None, tools=tools, runner=lambda _: None, part=parts.__getitem__  # type: ignore[arg-type]
    )  # fmt: skip
    parts["guard"], parts["commands"] = GuardPart(here), CommandsPart(here)
    guard = parts["guard"]
    guard.recorder = Audit()
    meter = Device(
        name="meter", path="a/b/meter", driver="modbus", endpoint=f"modbus-tcp://127.0.0.1:{device}",
        groups=(ScanGroup(mode="poll"),),
        points=tuple(Point(name=f"r{n}", address=f"holding:{n}", type="uint16", scale="0.1") for n in range(100)),
    )  # fmt: skip
    config = GatewayConfig(gateway="gateway", version=1, created="", devices=(meter,))
    await guard.apply({"policy": POLICY}, config)
    part = ModbusProxyPart(here)
    await part.apply({"listeners": [{"port": 0, "device": "meter"}]}, config)
    tell(part.status()["listeners"][0]["port"])
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
