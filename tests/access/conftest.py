"""An office to test in: a home, a database with the tables, and everything of access on it, without a bus."""

import asyncio
import contextlib
import inspect
import os
import socket
from pathlib import Path

import httpx
import msgspec
import pytest

from lineshaft.access import Access, AccessSettings, Actor, bootstrap
from lineshaft.access.administration import Administration
from lineshaft.access.authority import Authority
from lineshaft.access.labels import LabelSettings
from lineshaft.access.labels.administration import LabelAdministration
from lineshaft.access.labels.testing import open_egress
from lineshaft.access.messages import CreatePrincipal, Redeem, SignIn
from lineshaft.access.model import AuditEntry, SignedIn
from lineshaft.access.passwords import PasswordHasher
from lineshaft.access.principals import find_row
from lineshaft.access.service import AccessService
from lineshaft.access.sign_in import SignInDesk
from lineshaft.bus import Bus, BusServer, BusSettings
from lineshaft.bus.settings import MIB
from lineshaft.core.home import Home, write_file
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Principal
from lineshaft.core.service import Context
from lineshaft.core.settings import Settings
from lineshaft.core.supervisor import die_with_parent
from lineshaft.history import Tags
from lineshaft.records import Database, RecordsSettings

SERVICES = ["access", "history", "gateway", "web", "plant"]
PASSWORD = "rivers run under nine bridges"
HERE, ELSEWHERE = "192.0.2.10", "198.51.100.7"


class Office:
    """All parts, with a hasher that is quick enough for tests."""

    def __init__(self, home: Home, database: Database, settings: AccessSettings) -> None:
        self.home = home
        self.identity = home.prepare()
        self.database = database
        self.settings = settings
        self.started = bootstrap(home, self.identity, database, SERVICES, settings)
        self.hasher = PasswordHasher(time_cost=1, memory_kib=64)
        self.desk = SignInDesk(database, self.identity, settings, self.hasher)
        self.authority = Authority(home, self.identity)
        self.administration = Administration(database, self.identity, settings, self.authority)
        self.access = Access(database, self.identity, settings)

    async def first_administrator(self, name: str = "ada") -> SignedIn:
        assert self.started.invitation is not None
        return await self.redeem(self.started.invitation, name)

    async def redeem(self, invitation: str, name: str = "", address: str = HERE) -> SignedIn:
        return await self.desk.redeem(Redeem(invitation=invitation, name=name, password=PASSWORD, address=address))

    async def person(self, name: str, *roles: str, by: Principal | None = None) -> SignedIn:
        """Somebody made by an administrator, who has used the one-time link."""
        actor = Actor.of(by or self.principal("local"))
        made = await self.administration.create_principal(
            CreatePrincipal(actor=actor, name=name, kind="person", roles=list(roles))
        )
        assert made.invitation is not None
        return await self.redeem(made.invitation.text)

    async def sign_in(self, name: str, password: str = PASSWORD, address: str = HERE) -> SignedIn:
        return await self.desk.sign_in(SignIn(name=name, password=password, address=address))

    def principal(self, name: str) -> Principal:
        """A principal as the records hold it."""
        with self.database.read() as connection:
            row = find_row(connection, self.identity.tenant, name)
        assert row is not None
        return Principal(
            id=row.id, name=row.name, kind=row.kind, tenant=row.tenant, roles=frozenset(row.roles),
            attributes=row.attributes,
        )  # fmt: skip

    async def audit(self, action: str) -> list[AuditEntry]:
        """Entries of one action, newest first."""
        return [entry for entry in await self.access.entries(limit=1000) if entry.action == action]

    async def everything_recorded(self) -> str:
        """The whole audit trail as one text."""
        return repr(await self.access.entries(limit=1000))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def settings() -> AccessSettings:
    return AccessSettings()


@pytest.fixture
def office(home: Home, database: Database, settings: AccessSettings):
    office = Office(home, database, settings)
    yield office
    office.hasher.close()


class Plant:
    """An office with a real bus server in its home."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.home = office.home
        self.bus_settings = BusSettings(port=0, store_max_bytes=256 * MIB)
        self.settings = Settings(
            [
                self.bus_settings,
                office.settings,
                RecordsSettings(url=office.database.engine.url.render_as_string(hide_password=False)),
            ]
        )
        self.server = BusServer(self.bus_settings, self.home, office.started.bus_auth)
        self.server.prepare()
        self._process: asyncio.subprocess.Process | None = None
        self._stack = contextlib.AsyncExitStack()

    async def start_server(self) -> None:
        with (self.home.logs / "nats.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *die_with_parent(self.server.argv), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        await until(self.server.probe)

    async def stop_server(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    async def start_access(self) -> AccessService:
        """The access service; where there is a bus, it answers there: its start alone does not wait for a slow one."""
        service = AccessService(Context(self.home, self.settings))
        self._stack.push_async_callback(service.stop)
        await service.start()

        async def answers() -> bool:
            return all(check.ok for check in await service.checks() if check.name in {"bus", "revocations"})

        if self._process is not None:
            await until(answers)
        return service

    async def connect(self, name: str, wait: float = 60.0) -> Bus:
        bus = await Bus.connect(self.bus_settings, self.home, name, wait=wait)
        self._stack.push_async_callback(bus.close)
        return bus

    async def close(self) -> None:
        await self._stack.aclose()
        await self.stop_server()


async def until(holds, seconds: float = 60.0) -> None:
    """Wait for a condition, a plain or a coroutine function."""
    async with asyncio.timeout(seconds):
        while True:
            result = holds()
            if await result if inspect.isawaitable(result) else result:
                return
            await asyncio.sleep(0.01)


@pytest.fixture
async def plant(office):
    plant = Plant(office)
    try:
        await plant.start_server()
        yield plant
    finally:
        await plant.close()


class Site:
    """A plant with the access service, and the web server with the routes of access on a real socket."""

    def __init__(self, plant: Plant, url: str, service: AccessService) -> None:
        self.plant = plant
        self.office = plant.office
        self.url = url
        self.service = service

    def browser(self) -> httpx.AsyncClient:
        """A browser on our page that has not signed in; it keeps cookies."""
        headers = {"origin": self.url, "sec-fetch-site": "same-origin"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=60)

    def program(self, token: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.url, headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=60
        )

    def local(self) -> httpx.AsyncClient:
        """The command line on the machine itself."""
        return self.program((self.plant.home.run / "local.token").read_text())


@pytest.fixture
async def site(plant):
    from lineshaft.access.api import ROUTES
    from lineshaft.records import Idempotency
    from lineshaft.web.app import PARTS, assemble
    from lineshaft.web.callers import Callers
    from lineshaft.web.server import HttpServer
    from lineshaft.web.settings import WebSettings

    service = await plant.start_access()
    access, settings = Access(plant.office.database, plant.office.identity, plant.office.settings), WebSettings()
    parts = dict.fromkeys(PARTS) | {
        "access": access, "bus": await plant.connect("web"), "database": plant.office.database, "home": plant.home,
        "identity": plant.office.identity, "settings": plant.settings,
        "tags": Tags(plant.office.database, HandleMinter(plant.office.identity.prefix)),
        "egress": open_egress(plant.office.database, plant.office.identity, access=access),
        "labels": LabelAdministration(plant.office.database, plant.office.identity, LabelSettings(), access),
    }  # fmt: skip
    app = assemble(
        parts, ROUTES, callers=Callers(access), access=access, idempotency=Idempotency(plant.office.database),
        live=None, settings=settings, tls=False,
    )  # fmt: skip
    bound = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(app, [bound], settings, None)
    await server.start()
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    write_file(plant.home.run / "web.json", msgspec.json.encode({"url": url, "pid": os.getpid()}))
    try:
        yield Site(plant, url, service)
    finally:
        await server.stop()


@pytest.fixture
def condition():
    return until
