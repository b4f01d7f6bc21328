"""A real server for the tests of the web: real access on a real database, real sockets; routes of the test's own."""

import asyncio
import inspect
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from lineshaft.access import Access, AccessSettings, principals, sessions, tokens
from lineshaft.access.model import SignedIn
from lineshaft.bus import Bus
from lineshaft.core import clock, health
from lineshaft.core.home import Home, Identity
from lineshaft.core.ids import HandleMinter
from lineshaft.core.jobs import JobRunner
from lineshaft.core.settings import Settings
from lineshaft.records import Database, Idempotency, JobRecords
from lineshaft.records.testing import sqlite_database
from lineshaft.web.app import PARTS, assemble
from lineshaft.web.backups import Backups
from lineshaft.web.callers import Callers
from lineshaft.web.server import HttpServer
from lineshaft.web.settings import WebSettings


class People:
    """Makes principals, sessions and tokens straight in the records."""

    def __init__(self, database: Database, identity: Identity) -> None:
        self._database = database
        self._identity = identity

    def add(self, name: str, *roles: str, tenant: str | None = None) -> Any:
        minter = HandleMinter(self._identity.prefix)
        return self._database.transact(
            principals.create, minter, tenant or self._identity.tenant, name, roles=frozenset(roles)
        )

    def sign_in(self, principal: Any) -> SignedIn:
        return self._database.transact(sessions.start, principal, "127.0.0.1", AccessSettings())

    def token(self, principal: Any, *scopes: str) -> str:
        expires = clock.now_us() + 3600 * clock.MICROSECONDS
        made = self._database.transact(tokens.create, principal.id, "test", list(scopes) or ["*"], expires)
        return made.text

    def revoke(self, principal: Any) -> None:
        self._database.transact(principals.revoke, self._identity.tenant, principal.id)


class Server:
    """A served application and what stands behind it."""

    def __init__(self, url: str, people: People, access: Access, parts: dict[str, Any]) -> None:
        self.url = url
        self.people = people
        self.access = access
        self.parts = parts

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def client(self, principal: Any = None, *scopes: str, **kwargs: Any) -> httpx.AsyncClient:
        """A program's client, with a token where a principal is given."""
        headers = {"authorization": f"Bearer {self.people.token(principal, *scopes)}"} if principal else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, **{"timeout": 60, **kwargs})

    def browser(self, signed_in: SignedIn | None = None) -> httpx.AsyncClient:
        """What a browser on one of our pages sends."""
        headers = {"origin": self.url, "sec-fetch-site": "same-origin"}
        if signed_in:
            headers |= {"cookie": f"lineshaft_session={signed_in.cookie}", "x-csrf-token": signed_in.session.csrf}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=60)


async def no_live(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 1000})


@pytest.fixture
def home(tmp_path: Path) -> Home:
    place = Home(tmp_path / "home")
    place.prepare()
    return place


@pytest.fixture
def records(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Database]:
    with sqlite_database(tmp_path, sqlite_template) as database:
        yield database


@pytest.fixture
def serve(home: Home, records: Database) -> Callable[..., Any]:
    """A server of the test's own routes and settings, as an asynchronous context manager."""

    @asynccontextmanager
    async def serving(*routes: Any, live: Any = None, access: Any = None, **values: Any) -> AsyncIterator[Server]:
        settings = msgspec.structs.replace(WebSettings(), **values)
        identity = home.identity()
        known = access or Access(records, identity, AccessSettings())
        jobs = JobRunner(JobRecords(records), "web", write_seconds=0.01)
        parts = dict.fromkeys(PARTS) | {
            "access": known, "backups": Backups(home), "database": records, "home": home, "identity": identity, "jobs": jobs,
            "settings": Settings([settings]), "bus": _ConnectedBus(),
        }  # fmt: skip
        callers = Callers(known, settings.public_url)
        make_live = live or (lambda _callers, _access: no_live)
        app = assemble(
            parts, routes, callers=callers, access=known, idempotency=Idempotency(records),
            live=make_live(callers, known), settings=settings, tls=False,
        )  # fmt: skip
        bound = socket.create_server(("127.0.0.1", 0))
        server = HttpServer(app, [bound], settings, None)
        await server.start()
        try:
            url = f"http://127.0.0.1:{bound.getsockname()[1]}"
            yield Server(url, People(records, identity), known, parts)
        finally:
            await server.stop()
            await jobs.stop()

    return serving


class _ConnectedBus(Bus):
    """Stands for a bus in tests that only ask whether it is there."""

    connected = True  # type: ignore[assignment]

    def __init__(self) -> None:
        pass


async def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait until the condition, a function or a coroutine function, holds; returns what it gave."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if inspect.isawaitable(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.01)


@pytest.fixture
def patient_health(monkeypatch: pytest.MonkeyPatch) -> None:
    """Services are asked how they are for as long as a busy machine may need to answer."""
    monkeypatch.setattr(health, "ask", partial(health.ask, timeout=60))


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return until
