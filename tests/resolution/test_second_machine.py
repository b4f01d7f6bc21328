"""A second machine beside the first, as the documentation sets it up: as a mirror, and as a second shard."""

import asyncio
import contextlib
import shutil

import msgspec
import pytest

from lineshaft.access.grants import bus_permissions
from lineshaft.access.zones.model import DEFAULT
from lineshaft.bus import Bus, BusSettings
from lineshaft.bus.server import free_port
from lineshaft.bus.testing import embedded_bus
from lineshaft.core.errors import InvalidInput
from lineshaft.core.home import Home
from lineshaft.core.principals import Principal
from lineshaft.core.service import Context
from lineshaft.core.settings import Settings
from lineshaft.resolution.client import Client, Patience, SecretIdentity, parse_address
from lineshaft.resolution.mirror import divide
from lineshaft.resolution.model import Reference
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.service import ResolutionService
from lineshaft.resolution.settings import ResolutionSettings
from lineshaft.resolution.site import BOTH, TCP, Interface, Server, Site
from lineshaft.resolution.store import open_store
from lineshaft.resolution.testing import ADMIN, RECORDS, SECRET, put, value
from lineshaft.resolution.values.site_json import site_to_json

pytestmark = pytest.mark.timeout(300)
SECONDS = 120
PATIENT = Patience(udp=(2, 5, 10), connecting=30, tcp=30, moving=60)


class Machines:
    """Machines on one bus, each with a home of its own and the permissions that the first gives it."""

    def __init__(self, bus, folder, stack):
        self.bus, self.folder, self._stack = bus, folder, stack
        told = msgspec.json.decode((bus.home.run / "bus.json").read_bytes())
        self._url = f"nats://{told['host']}:{told['port']}"

    def home(self, name):
        """The home of a machine; identity and credentials come from the first one."""
        home = Home(self.folder / name)
        home.folder("keys")
        shutil.copy(self.bus.home.path / "identity.json", home.path)
        who = Principal(id=f"x/{name}", name=name, kind="service", tenant="main", attributes={"template": "resolution"})
        self.bus.issue(name, bus_permissions(who, self.bus.subjects, DEFAULT))
        shutil.copy(self.bus.home.keys / f"{name}.creds", home.keys)
        return home

    async def start(self, name, port, home, **given):
        flags = {"resolution.name": name, "resolution.port": str(port), "resolution.workers": "1", "bus.url": self._url,
                 "resolution.roles": '["enterprise"]', "resolution.prefixes": '["88.1"]',
                 "resolution.operators": '["300:88.1/ADMIN"]'}  # fmt: skip
        flags |= {f"resolution.{key}": text for key, text in given.items()}
        settings = Settings.load([ResolutionSettings, BusSettings], flags=flags, environment={})
        service = ResolutionService(Context(home, settings))
        await service.start()
        self._stack.push_async_callback(service.stop)

    def fill(self, home):
        """Put the records of tests into a machine's store."""
        store = open_store("lmdb", home.folder("resolution") / "records")
        put(store, RECORDS)
        store.close()


@pytest.fixture
async def machines(tmp_path):
    async with embedded_bus(tmp_path) as bus, contextlib.AsyncExitStack() as stack:
        yield Machines(bus, tmp_path, stack)


def administrator(**where):
    who = SecretIdentity(who=Reference(ADMIN, 300), secret=SECRET)
    return Client(identity=who, patience=PATIENT, **where)


async def _soon(client, handle):
    """The data of a handle, as soon as it is there."""
    async with asyncio.timeout(SECONDS):
        while True:
            with contextlib.suppress(Refused):
                return (await client.resolve(handle)).values[0].data
            await asyncio.sleep(0.05)


async def test_a_second_machine_mirrors_the_first(machines):
    ports = [free_port("127.0.0.1") for _ in range(2)]
    first, second = machines.home("resolution"), machines.home("resolution-2")
    machines.fill(first)
    await machines.start("resolution", ports[0], first, replicate="true")
    await machines.start("resolution-2", ports[1], second, mirror_of="resolution")
    async with (
        administrator(at=parse_address(f"127.0.0.1:{ports[0]}")) as primary,
        administrator(at=parse_address(f"127.0.0.1:{ports[1]}")) as mirror,
    ):
        assert await _soon(mirror, b"88.1/ITEM") == b"https://p.example/1"
        await primary.create(b"88.1/NEW", [value(1, b"made")])
        assert await _soon(mirror, b"88.1/NEW") == b"made"
        with pytest.raises(Refused, match="mirror") as refused:
            await mirror.create(b"88.1/OTHER", [value(1, b"made")])
        assert refused.value.code == 301


@pytest.mark.soak
async def test_a_second_machine_takes_half_of_the_site(machines, tmp_path):
    ports = [free_port("127.0.0.1") for _ in range(2)]
    servers = tuple(
        Server(number=number, address="127.0.0.1", interfaces=(Interface(BOTH, TCP, port),))
        for number, port in enumerate(ports, 1)
    )
    before, after = Site(serial=1, servers=servers[:1]), Site(serial=2, servers=servers)
    (tmp_path / "site-1.json").write_bytes(msgspec.json.encode(site_to_json(before)))
    site = {"replicate": "true", "site_file": str(tmp_path / "site-1.json")}
    first, second = machines.home("resolution"), machines.home("resolution-2")
    machines.fill(first)
    await machines.start("resolution", ports[0], first, server_number="1", **site)
    await machines.start("resolution-2", ports[1], second, server_number="2", **site)
    async with administrator(at=before) as client:
        handles = [b"88.1/N-%d" % number for number in range(20)]
        for handle in handles:
            await client.create(handle, [value(1, handle)])
        bus = await Bus.connect(BusSettings(url=machines._url), first, "resolution")
        try:
            async with asyncio.timeout(SECONDS):
                await divide(bus, ["resolution"], ["resolution", "resolution-2"], before, after)
        finally:
            await bus.close()
        answers = [await client.resolve(handle) for handle in handles]
    assert [answer.values[0].data for answer in answers] == handles
    assert {answer.server for answer in answers} == {f"127.0.0.1:{port}" for port in ports}


@pytest.mark.parametrize("name", ["", "resolution-9", "resolution-1", "Resolution", "resolution-2\n", "other"])
def test_names_are_those_that_the_bus_knows(name):
    with pytest.raises(InvalidInput):
        Settings.load([ResolutionSettings], flags={"resolution.name": name}, environment={})
