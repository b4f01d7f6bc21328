"""The web service: opens what the routes need, assembles the application, serves it on every address."""

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from lineshaft.access import Access, AccessSettings
from lineshaft.bus import Bus, BusSettings
from lineshaft.core import memory
from lineshaft.core.health import Check
from lineshaft.core.home import write_file
from lineshaft.core.ids import HandleMinter
from lineshaft.core.jobs import JobRunner
from lineshaft.core.principals import Principal
from lineshaft.core.service import Context, Service
from lineshaft.edge import Devices
from lineshaft.edge.browses import Browses
from lineshaft.history import HistoryReader, HistorySettings, LatestTable, Tags
from lineshaft.history.memory import economise
from lineshaft.records import Database, Idempotency, JobRecords, OutboxMessage, OutboxRelay, RecordsSettings
from lineshaft.web import listeners
from lineshaft.web.app import assemble, package_routes
from lineshaft.web.callers import Callers
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
        self._publish([listeners.url_of(bound, tls=tls is not None) for bound in sockets])
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
        await jobs.start()
        self._stack.push_async_callback(jobs.stop)
        self._run("outbox", OutboxRelay(database, self._hand_over).run())
        return {
            "access": Access(database, identity, settings.of(AccessSettings)), "browses": browses, "bus": bus,
            "database": database, "devices": Devices(database, tags, bus.subjects, minter), "home": home,
            "history": HistoryReader(settings.of(HistorySettings), home, bus), "identity": identity, "jobs": jobs,
            "settings": settings, "subjects": bus.subjects, "tags": tags,
        }  # fmt: skip

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

        async def find(principal: Principal, paths: Sequence[str]) -> dict[str, int]:
            found = await tags.find(principal.tenant, paths)
            return {path: tag.number for path, tag in found.items() if tag.removed is None}

        await feed.start()
        self._stack.push_async_callback(feed.stop)
        hub.start()
        self._stack.push_async_callback(hub.stop)
        return LiveEndpoint(callers, parts["access"], find, hub, tags=self._settings.live_tags)

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

    def _publish(self, urls: list[str]) -> None:
        listening = Listening(url=urls[0], urls=urls, public_url=self._settings.public_url.rstrip("/"), pid=os.getpid())
        if self._settings.tls_certificate:
            listening = msgspec.structs.replace(
                listening,
                certificate=str(Path(self._settings.tls_certificate).absolute()),
                server_name=listeners.certificate_name(self._settings),
            )
        file = self.context.home.folder("run") / "web.json"
        write_file(file, msgspec.json.encode(listening))
        self._stack.callback(file.unlink, missing_ok=True)
        self.log.info("web_listening", urls=urls)
