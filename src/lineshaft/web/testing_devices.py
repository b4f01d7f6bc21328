"""For tests and benchmarks: an authority, enrolment and the device listener on a real socket, without a bus.

async with running_station(folder, database) as station:
    station.invite("press-7")            # a one-time token
    station.url                          # https://127.0.0.1:…
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from lineshaft.access import Access, AccessSettings, Actor, principals
from lineshaft.access.administration import Administration
from lineshaft.access.authority import Authority
from lineshaft.access.est.api import AUTHORITIES, ROUTES
from lineshaft.access.est.endpoint import EstEndpoint
from lineshaft.access.est.messages import Enrol, Enrolled, Invite, Invited
from lineshaft.access.est.part import EnrolmentPart
from lineshaft.access.est.settings import EstSettings
from lineshaft.access.installation import bootstrap
from lineshaft.access.parts import Surroundings
from lineshaft.access.pki import certificates
from lineshaft.access.pki.installation import install
from lineshaft.bus import Bus, BusSettings
from lineshaft.core.home import Home, write_file
from lineshaft.core.principals import Principal, PrincipalKind
from lineshaft.core.service import Context
from lineshaft.core.settings import Section, Settings
from lineshaft.records import Database, Idempotency
from lineshaft.web.app import PARTS, assemble
from lineshaft.web.callers import Callers
from lineshaft.web.devices import DeviceFront, DeviceListener
from lineshaft.web.settings import WebSettings

SERVICES = ("access", "history", "gateway", "web")


class Station:
    """Made by `running_station`."""

    def __init__(self, home: Home, database: Database, settings: Settings, stack: contextlib.AsyncExitStack) -> None:
        self.home = home
        self.identity = home.prepare()
        self.database = database
        self.settings = settings
        bootstrap(home, self.identity, database, SERVICES)
        install(home, self.identity, database)
        access_settings = settings.of(AccessSettings)
        self.access = Access(database, self.identity, access_settings)
        authority = Authority(home, self.identity)
        self.surroundings = Surroundings(
            context=Context(home, settings), database=database, access=self.access,
            administration=Administration(database, self.identity, access_settings, authority), authority=authority,
            bus=_Bus(self), stack=stack, cut_off=self._cut_off,
        )  # fmt: skip
        self.part = EnrolmentPart(self.surroundings)
        self.cut_off: list[str] = []
        self.url = ""
        self.port = 0

    @property
    def authority(self) -> Path:
        """The file that clients trust."""
        return self.home.path / AUTHORITIES

    async def invite(self, name: str, kind: PrincipalKind = "device", **fields: Any) -> str:
        """A new right to enrol; its one-time token."""
        actor = Actor(id=self.principal("local").id)
        made: Invited = await self.part.invite(Invite(actor=actor, name=name, kind=kind, **fields))
        return made.secret

    def principal(self, name: str) -> Principal:
        """As the records hold it."""
        with self.database.read() as connection:
            return principals.from_row(principals.get_row(connection, self.identity.tenant, name))

    def certificates(self, name: str) -> list[str]:
        """Fingerprints of what somebody holds that is not revoked, newest first."""
        with self.database.read() as connection:
            found = certificates.of_principal(connection, self.principal(name).id)
        return [row.fingerprint for row in found]

    def revoke(self, fingerprint: str) -> None:
        """Revoke one certificate in the records, as another process would."""
        self.database.transact(certificates.revoke, self.identity.tenant, fingerprint)

    def end(self, name: str) -> None:
        """Revoke a principal in the records."""
        self.database.transact(principals.revoke, self.identity.tenant, self.principal(name).id)

    async def recorded(self, action: str) -> list[dict[str, Any]]:
        """Facts and outcome of every entry of one action in the audit trail, newest first."""
        found = [entry for entry in await self.access.entries(limit=1000) if entry.action == action]
        return [{**entry.facts, "outcome": entry.outcome} for entry in found]

    async def start(self, stack: contextlib.AsyncExitStack, web: WebSettings, routes: list[Any], live: Any) -> None:
        await self.part.start()
        callers = Callers(self.access)
        parts = dict.fromkeys(PARTS) | {
            "access": self.access, "bus": self.surroundings.bus, "database": self.database, "home": self.home,
            "identity": self.identity, "settings": self.settings,
        }  # fmt: skip
        app = assemble(
            parts, routes, callers=callers, access=self.access, idempotency=Idempotency(self.database), live=live,
            settings=web, tls=True,
        )  # fmt: skip
        bound = socket.create_server(("127.0.0.1", 0))
        stack.callback(bound.close)
        self.port = bound.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}"
        certificates_folder = self.home.run / "certs"
        self.listener = DeviceListener(
            DeviceFront(app, EstEndpoint(self.ask, self.authority)), [bound], web, self.access,
            certificate=certificates_folder / "web-server.crt", key=certificates_folder / "web-server.key",
            authority=self.authority, makers=self.settings.of(EstSettings).idevid_roots,
        )  # fmt: skip
        await self.listener.start()
        stack.push_async_callback(self.listener.stop)
        write_file(self.home.run / "web.json", msgspec.json.encode({"device_url": self.url}))

    async def ask(self, asked: Enrol) -> Enrolled:
        """What goes over the bus elsewhere."""
        return await self.part.verbs()["enrol"].work(asked)

    async def _cut_off(self, name: str) -> None:
        self.cut_off.append(name)


class _Bus(Bus):
    """Asks the part without a bus between; bodies are encoded all the same."""

    connected = True

    def __init__(self, station: Station) -> None:
        self._station = station

    async def request(
        self, package: str, verb: str, body: Any = None, reply_type: Any = None, *, timeout: float = 0.0,
        gateway: str = "",
    ) -> Any:  # fmt: skip
        answered = self._station.part.verbs()[verb]
        asked: Any = msgspec.json.decode(msgspec.json.encode(body), type=answered.body)
        return msgspec.json.decode(msgspec.json.encode(await answered.work(asked)), type=reply_type)


@contextlib.asynccontextmanager
async def running_station(
    folder: Path, database: Database, *sections: Section, routes: list[Any] | None = None, live: Any = None
) -> AsyncIterator[Station]:
    """A station in a home of its own under `folder`; `routes` are those served beside enrolment's and the server's."""
    settings = Settings([BusSettings(), *sections])
    async with contextlib.AsyncExitStack() as stack:
        station = await asyncio.to_thread(Station, Home(folder / "home"), database, settings, stack)
        web = WebSettings(device_port=0)
        await station.start(stack, web, [*ROUTES, *(routes or ())], live)
        yield station


__all__ = ["Station", "running_station"]
