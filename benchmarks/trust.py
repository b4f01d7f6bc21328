"""The cost of trust: the same application with and without policy, audit and labels, on one GET and one write route.

Two server processes in turn, each over real sockets with its own records:
    bare   authentication as ever; every decision is "yes", nothing is recorded, no label is looked at
    full   the gate with its Cedar policies (no cache is warm at first), the recorder with its audit entries, the ledger
           that they end in, and the label of the object that is read
Their routes are the same: the GET reads one row of the records and answers JSON; the PUT replaces it in one transaction
that the disk has before the answer goes out. CPU is user + system time of the server's process, of all its threads, in
rounds that alternate between the two, so that the machine's noise shows. Last line: one JSON object.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, select, update

from lineshaft.access import Access, AccessSettings, principals, tokens
from lineshaft.access.audit import Act
from lineshaft.access.labels import Egress, Labels, LabelSettings, Subject
from lineshaft.access.trail.keys import ledger_signer
from lineshaft.access.trail.sequencer import Sequencer
from lineshaft.access.vault import Vault
from lineshaft.core import clock
from lineshaft.core.home import Home
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Decision, Principal
from lineshaft.ledger.log import Log
from lineshaft.records import Database, Idempotency, RecordsSettings, upgrade
from lineshaft.web.app import PARTS, assemble
from lineshaft.web.callers import Callers
from lineshaft.web.server import HttpServer
from lineshaft.web.settings import WebSettings

PACKAGES = ("records", "ledger", "access", "history", "edge")
CONNECTIONS = 8
GET_LIMIT, WRITE_LIMIT = 1.5, 2.0
MACHINE = Table("benchmark_machine", MetaData(), Column("name", String(20), primary_key=True), Column("speed", Integer))
PATH = "eastman/tennessee/process/te/main/plant/M1"
_TICKS = os.sysconf("SC_CLK_TCK")


class Machine(msgspec.Struct):
    name: str
    speed: int


def read(connection: Connection, name: str) -> Machine:
    row = connection.execute(select(MACHINE).where(MACHINE.c.name == name)).one()
    return Machine(name=row.name, speed=row.speed)


def replace(connection: Connection, name: str, speed: int) -> None:
    connection.execute(update(MACHINE).where(MACHINE.c.name == name).values(speed=speed))


@get("/machines/{name:str}", opt={"action": "history:read"})
async def get_machine(
    database: NamedDependency[Database], egress: NamedDependency[Any], principal: NamedDependency[Principal],
    name: FromPath[str],
) -> Machine:  # fmt: skip
    if egress is not None:
        release = await egress.admit(principal, "history:read", [Subject("tag", PATH, "99.1/tag.M1")])
        await release.page(1)
    return await database.query(read, name)


@put("/machines/{name:str}", opt={"action": "edge:configure"})
async def put_machine(
    database: NamedDependency[Database], name: FromPath[str], data: JSONBody[Annotated[Machine, None]]
) -> Machine:
    await database.write(replace, name, data.speed)
    return data


class Trusting(Access):
    """Everybody known may do everything, and nobody takes notes."""

    def authorize(self, principal: Principal, action: str, resource: Any = "*", context: Any = None) -> Decision:
        return Decision(id="0", allowed=True, action=action, resource=str(resource), reason="")

    async def require(
        self, principal: Principal, action: str, resource: Any = "*", context: Any = None, **_: Any
    ) -> Decision:
        return self.authorize(principal, action)

    async def check_recording(self) -> None:
        return

    async def note(self, act: Act) -> None:
        return


# -- the server: a process of its own ---------------------------------------------------------------------------------


async def serve(kind: str, folder: Path) -> None:
    home = Home(folder)
    identity = home.prepare()
    database = Database.open(RecordsSettings(), home)
    upgrade(database, PACKAGES)
    token = database.transact(set_up, identity)
    access = (Access if kind == "full" else Trusting)(database, identity, AccessSettings())
    egress = None
    if kind == "full":
        labels = LabelSettings()
        egress = Egress(database, identity, labels, access, Labels(database, identity.tenant), _no_keys)
    app = assemble(
        dict.fromkeys(PARTS) | {"database": database, "egress": egress}, [get_machine, put_machine], callers=Callers(access), access=access,
        idempotency=Idempotency(database), live=None, settings=WebSettings(), tls=False,
    )  # fmt: skip
    bound = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(app, [bound], WebSettings(), None)
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with ledger(home, identity, database) if kind == "full" else contextlib.nullcontext():
        sys.stdout.write(json.dumps({"port": bound.getsockname()[1], "token": token}) + "\n")
        sys.stdout.flush()
        await stop.wait()
    await server.stop()
    if egress is not None:
        await egress.close()
    database.close()


def set_up(connection: Connection, identity: Any) -> str:
    MACHINE.create(connection)
    connection.execute(insert(MACHINE).values(name="M1", speed=1))
    owner = principals.create(
        connection, HandleMinter(identity.prefix), identity.tenant, "ada", roles=frozenset({"engineer"})
    )
    return tokens.create(connection, owner.id, "bench", ["*"], clock.now_us() + 10**12).text


async def _no_keys(*_: Any) -> bytes:
    raise AssertionError("no rule of this benchmark needs a pseudonym")


@contextlib.asynccontextmanager
async def ledger(home: Home, identity: Any, database: Database) -> AsyncIterator[None]:
    """The audit trail's ledger, kept as the access service keeps it."""
    signer = ledger_signer(home, identity, "audit")
    log = Log.open(home.folder("ledger") / "audit", signer.name, signer)
    sequencer = Sequencer(database, identity.tenant, log, Vault(home, database))

    def step() -> int:
        given = sequencer.step(1000)
        if given:
            log.checkpoint()
        return given

    async def keep() -> None:
        while True:
            if await asyncio.to_thread(step) < 1000:
                await asyncio.sleep(1)

    task = asyncio.create_task(keep())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        log.close()


# -- the load ---------------------------------------------------------------------------------------------------------


class Server:
    def __init__(self, kind: str, folder: Path) -> None:
        argv = [sys.executable, __file__, "--serve", kind, "--folder", str(folder)]
        self.kind = kind
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        found = json.loads(self._process.stdout.readline())
        self.port: int = found["port"]
        self.token: str = found["token"]

    def cpu(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    def request(self, method: str, number: int) -> bytes:
        body = msgspec.json.encode(Machine("M1", number)) if method == "PUT" else b""
        head = (
            f"{method} /machines/M1 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


async def ask(server: Server, method: str, count: int) -> float:
    """CPU-seconds of the server for one request, over `count` of them."""
    left = iter(range(count))

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for number in left:
            writer.write(server.request(method, number))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    before = server.cpu()
    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    if method == "PUT":
        await asyncio.sleep(1.5)  # the ledger's work for these entries belongs to them
    return (server.cpu() - before) / count


async def measure(rounds: int, count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        servers = [Server(kind, Path(folder) / kind) for kind in ("bare", "full")]
        figures: dict[str, dict[str, list[float]]] = {"GET": {}, "PUT": {}}
        try:
            for server in servers:
                for method in figures:
                    await ask(server, method, 200)  # warm
            for _ in range(rounds):
                for method, kinds in figures.items():
                    for server in servers:
                        kinds.setdefault(server.kind, []).append(await ask(server, method, count))
        finally:
            for server in servers:
                server.stop()
    return {method: summary(method, kinds) for method, kinds in figures.items()}


def summary(method: str, kinds: dict[str, list[float]]) -> dict[str, Any]:
    micro = {kind: [round(value * 1e6) for value in values] for kind, values in kinds.items()}
    bare, full = (statistics.median(micro[kind]) for kind in ("bare", "full"))
    limit = GET_LIMIT if method == "GET" else WRITE_LIMIT
    sys.stdout.write(
        f"{method}: {bare:.0f} µs of CPU without, {full:.0f} µs with: {full / bare:.2f} × (at most {limit} wanted); "
        f"rounds {micro['bare']} and {micro['full']}\n"
    )
    return {"bare_us": bare, "full_us": full, "ratio": round(full / bare, 2), "limit": limit, "rounds": micro}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=3000, help="requests in a round")
    parser.add_argument("--serve", choices=("bare", "full"))
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.serve, arguments.folder))
        return
    figures = asyncio.run(measure(arguments.rounds, arguments.count))
    sys.stdout.write(json.dumps({"benchmark": "trust", **figures}) + "\n")


if __name__ == "__main__":
    main()
