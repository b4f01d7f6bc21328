"""For tests: bus, records, the access service and the web service in one process, with projects and their objects.

async with running_installation(tmp_path) as installation:
    made = await installation.device("press", project="north")
    token = installation.token(installation.person("mara", "engineer", projects=["north"]))
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from lineshaft.access import AccessSettings, bootstrap, principals, tokens
from lineshaft.access.projects import store as projects
from lineshaft.access.service import AccessService
from lineshaft.bus import BusServer, BusSettings
from lineshaft.bus.subjects import Subjects
from lineshaft.bus.testing import START_SECONDS
from lineshaft.core import clock
from lineshaft.core.home import Home
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import MAIN_PROJECT, Principal, Role
from lineshaft.core.service import Context, Service
from lineshaft.core.settings import Settings
from lineshaft.core.supervisor import die_with_parent
from lineshaft.edge import Devices
from lineshaft.edge.model import Device, Point
from lineshaft.edge.store import Change, StoredDevice
from lineshaft.history import Tags
from lineshaft.records import Database, RecordsSettings, upgrade
from lineshaft.web.service import WebService
from lineshaft.web.settings import WebSettings

PACKAGES = ("records", "access", "ledger", "history", "edge", "web")
SERVICES = ["access", "history", "gateway", "web", "plant"]
AREA = "eastman/tennessee/process/te/main"


class Installation:
    """What runs, and the hand that makes objects straight in the records; made by `running_installation`."""

    def __init__(self, home: Home, database: Database, settings: Settings) -> None:
        self.home = home
        self.database = database
        self.identity = home.identity()
        self.minter = HandleMinter(self.identity.prefix)
        self.tags = Tags(database, self.minter)
        subjects = Subjects(self.identity.tenant, self.identity.site)
        self.devices = Devices(database, self.tags, subjects, self.minter)
        self.access = AccessService(Context(home, settings))
        self.web = WebService(Context(home, settings))

    @property
    def url(self) -> str:
        """Address of the web service."""
        return str(msgspec.json.decode((self.home.run / "web.json").read_bytes())["url"])

    def project(self, name: str) -> None:
        """Make a project."""
        self.database.transact(projects.create, self.minter, self.identity.tenant, name, "")

    def person(
        self, name: str, *roles: Role, projects: Sequence[str] | None = None, tenant: str | None = None
    ) -> Principal:
        """A new person, member of these projects; of `main` where not given."""
        tenant = tenant or self.identity.tenant
        made = self.database.transact(principals.create, self.minter, tenant, name, roles=frozenset(roles))
        if projects is not None:
            self.database.transact(principals.set_projects, made.id, projects)
        with self.database.read() as connection:
            return principals.from_row(principals.get_row(connection, tenant, made.id))

    def token(self, owner: Principal) -> str:
        """A new API token with all that its owner may do."""
        expires = clock.now_us() + 3600 * clock.MICROSECONDS
        return self.database.transact(tokens.create, owner.id, "test", [tokens.EVERYTHING], expires).text

    async def device(self, name: str, *, project: str = MAIN_PROJECT) -> StoredDevice:
        """A device with the tag `<AREA>/<name>/p`."""
        points = (Point(name="p", address="ns=2;s=P"),)
        device = Device(
            name=name, path=f"{AREA}/{name}", driver="opcua", endpoint="opc.tcp://127.0.0.1:1", points=points,
            options={"secret": f"{project}-key"},
        )  # fmt: skip
        return await self.devices.put(device, Change(author="test"), project=project)


@contextlib.asynccontextmanager
async def running_installation(folder: Path, **web: Any) -> AsyncIterator[Installation]:
    """All of it running; `web` are fields of `WebSettings`."""
    bus, access = BusSettings(port=0, store_max_bytes=256 << 20), AccessSettings()
    settings = Settings([bus, access, RecordsSettings(), WebSettings(**{"port": 0, "device_port": 0, **web})])
    home = Home(folder / "home")
    identity = home.prepare()
    database = Database.open(settings.of(RecordsSettings), home)
    upgrade(database, PACKAGES)
    started = bootstrap(home, identity, database, SERVICES, access)
    server = BusServer(bus, home, started.bus_auth)
    server.prepare()
    with (home.logs / "nats.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *die_with_parent(server.argv), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
        )
    installation = Installation(home, database, settings)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(database.close)
        stack.push_async_callback(process.wait)
        stack.callback(process.kill)
        await _until(server.probe)
        for service in (installation.access, installation.web):
            stack.push_async_callback(service.stop)
            await service.start()
            await _until(partial(_on_the_bus, service))
        yield installation


async def _on_the_bus(service: Service) -> bool:
    """Whether it answers there: a start does not wait for ever for a slow bus."""
    return all(check.ok for check in await service.checks() if check.name in {"bus", "revocations"})


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.01)
