"""`lineshaft id mirror`: a copy made, told of and compared by command; a server's part that publishes or follows."""

import asyncio
import contextlib
import json

import msgspec
import pytest
from typer.testing import CliRunner

from lineshaft.bus import Bus, BusSettings
from lineshaft.bus.subjects import Subjects
from lineshaft.bus.testing import embedded_bus
from lineshaft.core.errors import NotFound
from lineshaft.resolution import changes
from lineshaft.resolution.changes import Change
from lineshaft.resolution.cli import app
from lineshaft.resolution.mirror import divide
from lineshaft.resolution.mirror.part import PRINCIPAL, Replication
from lineshaft.resolution.site import Server, Site
from lineshaft.resolution.store import open_store
from lineshaft.resolution.store.memory import MemoryStore

SITE = Site(serial=1, servers=(Server(number=1, address="127.0.0.1"),))
SECONDS = 60
pytestmark = pytest.mark.usefixtures("logs_elsewhere")


def put(store, *keys):
    with store.write() as transaction:
        changes.apply(transaction, [Change(key, transaction.get(key), b"record") for key in keys])


@contextlib.asynccontextmanager
async def box(tmp_path):
    """A bus with the principals of two servers, whose permissions are those of the box."""
    from lineshaft.access.grants import _resolution, permissions

    async with embedded_bus(tmp_path) as running:
        verbs = ("identifiers-snapshot", "identifiers-standing", "identifiers-divide")
        for name in (PRINCIPAL, f"{PRINCIPAL}-2"):
            may = _resolution(running.subjects, name)
            running.issue(name, permissions.join(may, permissions.serve_as_gateway(running.subjects, name, *verbs)))
        settings = running.settings
        (running.home.path / "lineshaft.toml").write_text(
            f'[bus]\nurl = "nats://127.0.0.1:{settings.port}"\n' if settings.port else ""
        )
        yield running


def run(*arguments):
    found = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    return found.exit_code, json.loads(found.stdout)


async def test_a_copy_is_made_told_of_and_compared(tmp_path):
    folder, home = str(tmp_path / "copy"), str(tmp_path / "home")
    async with box(tmp_path) as running:
        bus = await Bus.connect(running.settings, running.home, PRINCIPAL)
        store = MemoryStore()
        put(store, b"88.1/A", b"88.1/B", b"88.2/A")
        part = Replication(bus, store, SITE, 1)
        await part.start()
        try:
            where = (PRINCIPAL, "--folder", folder, "--home", home)
            code, told = await asyncio.to_thread(run, "mirror", "add", *where, "--once")
            assert (code, told["records"], told["trouble"]) == (0, 3, "")
            code, told = await asyncio.to_thread(run, "mirror", "status", *where)
            assert (told["behind"], told["records"], told["records_of_source"]) == (0, 3, 3)
            code, told = await asyncio.to_thread(run, "mirror", "verify", *where)
            assert (code, told["differing"], told["prefixes"]) == (0, [], 2)
            copy = open_store("lmdb", tmp_path / "copy")
            put(copy, b"88.2/FORGED")
            copy.close()
            code, told = await asyncio.to_thread(run, "mirror", "verify", *where)
            assert (code, told["differing"]) == (1, ["88.2"])
            with pytest.raises(NotFound, match="no copy"):
                await asyncio.to_thread(run, "mirror", "verify", "other", *where[1:])
        finally:
            await part.stop()
            await bus.close()


async def test_parts_of_two_servers_follow_and_divide_with_the_permissions_of_a_box(tmp_path):
    async with box(tmp_path) as running, contextlib.AsyncExitStack() as stack:
        stores, buses = [MemoryStore(), MemoryStore()], []
        put(stores[0], *(b"88.1/%d" % number for number in range(30)))
        for name in (PRINCIPAL, f"{PRINCIPAL}-2"):
            buses.append(await Bus.connect(running.settings, running.home, name))
            stack.push_async_callback(buses[-1].close)
        first = Replication(buses[0], stores[0], SITE, 1)
        copy = Replication(buses[1], stores[1], SITE, 2, mirror_of=PRINCIPAL)
        await first.start()
        stack.push_async_callback(first.stop)
        await copy.start()
        async with asyncio.timeout(SECONDS):
            while not all(check.ok for check in [*await first.checks(), *await copy.checks()]):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            assert copy._mirror is not None
            await copy._mirror.caught_up(30)
        assert list(stores[1].scan()) == list(stores[0].scan())
        await copy.stop()
        store = MemoryStore()
        second = Replication(buses[1], store, SITE, 2)
        await second.start()
        stack.push_async_callback(second.stop)
        after = msgspec.structs.replace(SITE, serial=2, servers=(*SITE.servers, Server(number=2, address="127.0.0.1")))
        await divide(buses[0], [PRINCIPAL], [PRINCIPAL, f"{PRINCIPAL}-2"], SITE, after)
        halves = [{key for key, _ in each.scan()} for each in (stores[0], store)]
        assert sum(map(len, halves)) == 30
        assert all(halves)
        assert not halves[0] & halves[1]


def test_settings_of_the_bus_have_room_for_the_logs():
    assert BusSettings().identifier_max_bytes >= 64 << 20


def test_one_service_alone_may_divide_a_site():
    from lineshaft.access.grants import _resolution

    subjects = Subjects("tenant", "site")
    for name, may in ((PRINCIPAL, True), (f"{PRINCIPAL}-2", False)):
        found = _resolution(subjects, name).publish
        assert (subjects.every_gateway("identifiers-divide", name) in found) is may
        assert subjects.every_gateway("identifiers-snapshot", name) in found
