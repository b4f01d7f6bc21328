"""The web service: opens what the routes need, assembles the application, serves it on every address."""

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from lineshaft.access import Access, AccessSettings
from lineshaft.access.est.api import AUTHORITIES
from lineshaft.access.est.endpoint import EstEndpoint
from lineshaft.access.est.messages import Enrol, Enrolled
from lineshaft.access.est.settings import EstSettings
from lineshaft.access.labels import Egress, Labels, LabelSettings, Subject
from lineshaft.access.labels.administration import LabelAdministration
from lineshaft.access.labels.requests import pseudonym_keys
from lineshaft.access.requests import ask_to_change
from lineshaft.bus import Bus, BusSettings
from lineshaft.core import memory
from lineshaft.core.health import Check
from lineshaft.core.home import write_file
from lineshaft.core.ids import HandleMinter
from lineshaft.core.jobs import JobRunner
from lineshaft.core.principals import Principal
from lineshaft.core.service import Context, Service
from lineshaft.edge import Devices, PartDocuments, Profiles, SecretRecords, Versions
from lineshaft.edge.audit.trail import GuardTrail
from lineshaft.edge.browses import Browses
from lineshaft.edge.commands import Commands
from lineshaft.edge.states import DeviceStates
from lineshaft.history import (
    HistoryReader,
    HistorySettings,
    Imports,
    LatestTable,
    SqlQueries,
    Tags,
    Transfers,
    TransferSettings,
    Verification,
)
from lineshaft.history.memory import economise
from lineshaft.ledger.messages import asking
from lineshaft.records import Database, Idempotency, JobRecords, OutboxMessage, OutboxRelay, RecordsSettings
from lineshaft.resolution.inquiry import Inquiries
from lineshaft.resolution.settings import ResolutionSettings
from lineshaft.resolution.watch import Watch
from lineshaft.web import listeners
from lineshaft.web.app import assemble, package_routes
from lineshaft.web.backups import Backups
from lineshaft.web.callers import Callers
from lineshaft.web.dashboards.store import Dashboards
from lineshaft.web.devices import DeviceFront, DeviceListener
from lineshaft.web.live.board import Board
from lineshaft.web.live.endpoint import LiveEndpoint, prover
from lineshaft.web.live.feed import Feed
from lineshaft.web.live.hub import LiveHub
from lineshaft.web.server import HttpServer
from lineshaft.web.settings import WebSettings

JOBS = "web"


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """What `run/web.json` tells programs on this machine."""

    url: str
    """Address for programs on this machine."""
    urls: list[str]
    """Every address listened on."""
    public_url: str
    """Address for people, where a proxy stands before the server; else empty."""
    pid: int
    device_url: str = ""
    """Address for devices; empty where the device listener is closed."""
    certificate: str = ""
    """The server's own certificate, which local programs trust; empty without TLS."""
    server_name: str = ""
    """A name that the certificate is for."""


class WebService(Service):
    NAME = "web"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._settings = context.settings.of(WebSettings)
        self._stack = contextlib.AsyncExitStack()
        self._bus: Bus | None = None

    async def start(self) -> None:
        economise()
        tls = listeners.tls_context(self._settings)
        sockets = listeners.bind(self._settings)  # refused before anything else is opened
        for bound in sockets:
            self._stack.callback(bound.close)
        parts = await self._open_parts()
        access, database = parts["access"], parts["database"]
        callers = Callers(access, self._settings.public_url)
        app = assemble(
            parts, package_routes(), callers=callers, access=access, idempotency=Idempotency(database),
            live=await self._start_live(callers, parts), settings=self._settings, tls=tls is not None,
        )  # fmt: skip
        server = HttpServer(app, sockets, self._settings, tls)
        await server.start()
        self._stack.push_async_callback(server.stop)
        device_url = await self._open_device_listener(app, access)
        self._publish([listeners.url_of(bound, tls=tls is not None) for bound in sockets], device_url)
        memory.release()  # assembling leaves a quarter of the process's memory as free heap

    async def stop(self) -> None:
        await self._stack.aclose()

    async def checks(self) -> list[Check]:
        return [self._bus.check() if self._bus is not None else Check(name="bus", ok=False, detail="starting")]

    async def _open_parts(self) -> dict[str, Any]:
        """What routes may ask for, by name; all of it closed again by `stop`."""
        home, settings, identity = self.context.home, self.context.settings, self.context.identity
        database = Database.open(settings.of(RecordsSettings), home)
        self._stack.callback(database.close)
        self._bus = bus = await Bus.connect(settings.of(BusSettings), home, self.NAME)
        self._stack.push_async_callback(bus.close)
        minter = HandleMinter(identity.prefix)
        tags = Tags(database, minter)
        jobs = JobRunner(JobRecords(database), JOBS)
        browses = Browses(database, bus)
        browses.register(jobs)
        commands = Commands(database, bus)
        await commands.start()
        self._stack.push_async_callback(commands.stop)
        access, label_settings = Access(database, identity, settings.of(AccessSettings)), settings.of(LabelSettings)
        labels = Labels(database, identity.tenant)
        egress = Egress(database, identity, label_settings, access, labels, pseudonym_keys(bus))
        self._stack.push_async_callback(egress.close)
        history_settings = settings.of(HistorySettings)
        history = HistoryReader(history_settings, home, bus)
        backups = Backups(home)
        backups.register(jobs)
        Verification(history_settings, home, database, identity.tenant, history).register(jobs)
        await jobs.start()
        self._stack.push_async_callback(jobs.stop)
        imports = Imports(tags, bus, egress)
        transfers = Transfers(
            settings.of(TransferSettings), settings.of(RecordsSettings), home, identity, database=database,
            history=history, tags=tags, egress=egress, access=access, lane=imports,
        )  # fmt: skip
        self._stack.push_async_callback(transfers.stop)
        await transfers.start()
        self._run("outbox", OutboxRelay(database, self._hand_over).run())
        self._run("guard audit", GuardTrail(database, bus, home).run())
        devices = Devices(database, tags, bus.subjects, minter)
        watch = Watch(settings.of(ResolutionSettings), home)
        self._stack.push_async_callback(watch.close)
        return {
            "access": access, "backups": backups, "browses": browses, "bus": bus, "commands": commands, "database": database,
            "dashboards": Dashboards(database, identity.tenant, minter),
            "device_states": DeviceStates(bus), "devices": devices, "egress": egress, "home": home,
            "history": history, "identity": identity, "imports": imports, "jobs": jobs,
            "labels": LabelAdministration(database, identity, label_settings, access), "settings": settings,
            "secret_records": SecretRecords(database, bus.subjects),
            "parts": PartDocuments(database, bus.subjects), "profiles": Profiles(database, devices, bus.subjects),
            "sql": SqlQueries(history, tags, egress, history_settings), "subjects": bus.subjects, "tags": tags,
            "transfers": transfers,
            "versions": Versions(database, devices, bus.subjects),
            "inquiries": Inquiries(settings.of(ResolutionSettings)),
            "watch": watch, "witness": asking(bus),
        }  # fmt: skip

    async def _open_device_listener(self, app: Any, access: Access) -> str:
        """The device listener's address; empty where this home has no certificate for it."""
        certificates = self.context.home.run / "certs"
        certificate, key = certificates / "web-server.crt", certificates / "web-server.key"
        authority = self.context.home.path / AUTHORITIES
        if not all(file.exists() for file in (certificate, key, authority)):
            self.log.warning("device_listener_closed", missing=str(certificate))
            return ""
        sockets = listeners.bind_devices(self._settings)
        for bound in sockets:
            self._stack.callback(bound.close)
        listener = DeviceListener(
            DeviceFront(app, EstEndpoint(self._ask_to_enrol, authority)), sockets, self._settings, access,
            certificate=certificate, key=key, authority=authority,
            makers=self.context.settings.of(EstSettings).idevid_roots,
        )  # fmt: skip
        await listener.start()
        self._stack.push_async_callback(listener.stop)
        return self._settings.device_url.rstrip("/") or listeners.url_of(sockets[0], tls=True)

    async def _ask_to_enrol(self, asked: Enrol) -> Enrolled:
        assert self._bus is not None
        return await ask_to_change(self._bus, "enrol", asked, Enrolled)

    async def _start_live(self, callers: Callers, parts: Mapping[str, Any]) -> LiveEndpoint:
        tags: Tags = parts["tags"]
        history: HistoryReader = parts["history"]
        table = LatestTable()
        board = Board(table)
        hub = LiveHub(
            board, hertz=self._settings.live_hertz, clients=self._settings.live_clients,
            prove=prover(callers, parts["access"]), fail=self.fail,
        )  # fmt: skip
        feed = Feed(parts["bus"], table, board, history.latest, hub.set_stale)

        egress: Egress = parts["egress"]

        async def find(principal: Principal, paths: Sequence[str]) -> dict[str, int]:
            found = await tags.find(principal.tenant, paths, principal.projects)
            there = {path: tag for path, tag in found.items() if tag.removed is None}
            subjects = [Subject("tag", path, tag.handle, tag.project) for path, tag in there.items()]
            allowed = await egress.pushable(principal, "history:read", subjects)
            return {subject.path: there[subject.path].number for subject in allowed}

        await feed.start()
        self._stack.push_async_callback(feed.stop)
        hub.start()
        self._stack.push_async_callback(hub.stop)
        return LiveEndpoint(
            callers, parts["access"], find, hub, tags=self._settings.live_tags, grading=egress.labels.state
        )

    async def _hand_over(self, message: OutboxMessage) -> None:
        """What the outbox does with a message: it is done once the bus has it on disk."""
        assert self._bus is not None
        await self._bus.publish_stored(message.subject, message.payload, message.headers, message.id)

    def _run(self, name: str, work: Any) -> None:
        """A background task without which the service is worth nothing: its failure ends the process."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)

        async def cancel() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._stack.push_async_callback(cancel)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    def _publish(self, urls: list[str], device_url: str) -> None:
        listening = Listening(
            url=urls[0], urls=urls, public_url=self._settings.public_url.rstrip("/"), pid=os.getpid(),
            device_url=device_url,
        )  # fmt: skip
        if self._settings.tls_certificate:
            listening = msgspec.structs.replace(
                listening,
                certificate=str(Path(self._settings.tls_certificate).absolute()),
                server_name=listeners.certificate_name(self._settings),
            )
        file = self.context.home.folder("run") / "web.json"
        write_file(file, msgspec.json.encode(listening))
        self._stack.callback(file.unlink, missing_ok=True)
        self.log.info("web_listening", urls=urls, device_url=device_url)
