"""A log to test with, and installations that witness one another."""

import hashlib
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from lineshaft.access import Access, AccessSettings
from lineshaft.core.home import Home
from lineshaft.ledger.api import ROUTES
from lineshaft.ledger.log import Log
from lineshaft.ledger.notes import COSIGNATURE, NoteSigner
from lineshaft.ledger.trust import TrustedLog
from lineshaft.ledger.witness import Witness
from lineshaft.records import Database, Idempotency
from lineshaft.records.testing import sqlite_database
from lineshaft.web.app import PARTS, assemble
from lineshaft.web.callers import Callers
from lineshaft.web.server import HttpServer
from lineshaft.web.settings import WebSettings

ORIGIN = "lineshaft.99.1/main/audit"


class Bench:
    """One log's folder and key; opens it as often as asked."""

    def __init__(self, folder: Path, origin: str = ORIGIN) -> None:
        self.folder = folder
        self.origin = origin
        self.signer = NoteSigner.generate(origin)

    def open(self) -> Log:
        return Log.open(self.folder, self.origin, self.signer)

    def filled(self, *batches: int) -> list[bytes]:
        """Append batches of these sizes, each followed by a checkpoint; returns the entries."""
        entries: list[bytes] = []
        with self.open() as log:
            for batch in batches:
                new = [entry(len(entries) + number) for number in range(batch)]
                assert log.append(new) == range(len(entries), len(entries) + batch)
                entries += new
                log.checkpoint()
        return entries


def entry(number: int) -> bytes:
    """A salted hash, as every entry of ours is."""
    return hashlib.sha256(b"%d" % number).digest()


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "ledger" / "audit")


@pytest.fixture
def make_entry():
    return entry


@pytest.fixture
def make_bench(tmp_path):
    return lambda name, origin=ORIGIN: Bench(tmp_path / name, origin)


class Installation:
    """One installation as others reach it: its home, its witness, and the ledger's routes on a real socket."""

    def __init__(self, home: Home, database: Database, url: str) -> None:
        self.home = home
        self.database = database
        self.url = url
        self.signer = NoteSigner.generate(f"witness.{home.path.name}", COSIGNATURE)
        self.witness = Witness(database, self.signer, [])

    def trusts(self, *benches: Bench) -> None:
        self.witness = Witness(
            self.database, self.signer, [TrustedLog(bench.origin, (bench.signer.verifier,)) for bench in benches]
        )

    @property
    def line(self) -> str:
        """What others put into `ledger.witnesses`."""
        return f"{self.url}/api/v1/ledger/witness {self.signer.vkey}"

    def bench(self, name: str) -> Bench:
        """A log of this installation."""
        return Bench(self.home.path / "ledger" / name)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"{self.url}/api/v1/ledger", trust_env=False, timeout=60)


@pytest.fixture
async def make_installation(tmp_path, sqlite_template):
    """Start installations by name; all end with the test."""
    async with AsyncExitStack() as stack:

        async def make(name: str) -> Installation:
            home = Home(tmp_path / name)
            identity = home.prepare()
            database = stack.enter_context(sqlite_database(home.path, sqlite_template))
            bound = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            made = Installation(home, database, f"http://127.0.0.1:{bound.getsockname()[1]}")

            async def cosign(body: bytes) -> bytes:
                return await made.witness.add_checkpoint(body)

            access = Access(database, identity, AccessSettings())
            app = assemble(
                dict.fromkeys(PARTS) | {"home": home, "witness": cosign}, ROUTES, callers=Callers(access), access=access,
                idempotency=Idempotency(database), live=None, settings=WebSettings(), tls=False,
            )  # fmt: skip
            server = HttpServer(app, [bound], WebSettings(), None)
            await server.start()
            stack.push_async_callback(server.stop)
            return made

        yield make
