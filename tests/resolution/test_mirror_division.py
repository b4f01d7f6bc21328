"""A site divided anew over real sockets, while clients register and resolve: nothing acknowledged is lost or answered wrongly."""

import asyncio
import contextlib

import msgspec
import pytest

from lineshaft.bus.server import free_port
from lineshaft.bus.testing import embedded_bus
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput
from lineshaft.resolution import changes, codes
from lineshaft.resolution import site as sites
from lineshaft.resolution.auth.challenges import answer_with_secret
from lineshaft.resolution.client import Client, Patience, SecretIdentity
from lineshaft.resolution.messages import ChangeValues, OfHandle, Raw, Resolve, Resolved
from lineshaft.resolution.mirror import Member, Mirror, Publisher, divide, serve_snapshots
from lineshaft.resolution.mirror.division import PRINCIPAL, Order
from lineshaft.resolution.model import Reference
from lineshaft.resolution.serving import NodeConfig, NodeServer
from lineshaft.resolution.site import Interface, Server, Site, decode_site, encode_site, shard_of
from lineshaft.resolution.store.memory import MemoryStore
from lineshaft.resolution.testing import ADMIN, SECRET, connected, request, value

SECONDS = 60
PATIENT = Patience(connecting=60, tcp=60, moving=60)
OPERATOR = "300:88.1/ADMIN"


class Believing:
    """Another server that finds every answer to a challenge right."""

    async def values(self, handle, types=()):
        return ()

    async def verify(self, question):
        return True


def described(ports, serial, *, primary=True):
    servers = tuple(
        Server(number=number, address="127.0.0.1", interfaces=(Interface(sites.BOTH, sites.TCP, port),))
        for number, port in enumerate(ports, 1)
    )
    return Site(serial=serial, servers=servers, primary=primary)


class Running:
    """One server of a site with all that makes it part of a division."""

    def __init__(self, bus, number, site, settle=0.1):
        self.name, self.store = f"server-{number}", MemoryStore()
        config = NodeConfig(
            hosts=["127.0.0.1"], port=site.servers[min(number, len(site.servers)) - 1].interfaces[0].port,
            prefixes=["88.1"], operators=[OPERATOR], site=encode_site(site), server_number=number,
        )  # fmt: skip
        self.config, self.bus, self.number, self.settle = config, bus, number, settle

    async def start(self, stack, port):
        config = msgspec.structs.replace(self.config, port=port)
        self.server = NodeServer(config, store=self.store, elsewhere=Believing())
        await self.server.start()
        stack.push_async_callback(self.server.stop)
        for listener in await serve_snapshots(self.bus, self.name, self.store):
            stack.push_async_callback(listener.stop)
        for part in (
            Publisher(self.bus, self.name, self.store),
            Member(self.bus, self.name, self.store, self.server.homes, self.number, self.settle),
        ):
            await part.start()
            stack.push_async_callback(part.stop)


class Careful:
    """A client that goes by the site's description, and asks for it anew when it is told to."""

    def __init__(self, site):
        self.site, self.anew, self.busy = site, 0, 0

    async def ask(self, handle, operation, body, flags=0):
        while True:
            server = self.site.server_for(handle)
            async with connected(server.interfaces[0].port) as tcp:
                answer = await tcp.ask(request(operation, body, serial=self.site.serial, flags=flags))
                if answer.header.response_code == codes.RC_AUTHENTICATION_NEEDED:
                    challenged = answer.body.nonce + answer.digest.value
                    made = answer_with_secret(ADMIN, 300, SECRET, challenged, codes.HMAC_SHA256)
                    answer = await tcp.ask(
                        request(codes.OC_CHALLENGE_ANSWER, made, session=answer.envelope.session, number=7)
                    )
                code = answer.header.response_code
                if code == codes.RC_OUT_OF_DATE_SITE:
                    self.anew += 1
                    told = await tcp.ask(request(codes.OC_GET_SITE_INFO, OfHandle(b"0.NA/88.1")))
                    assert isinstance(told.body, Raw)
                    self.site = decode_site(told.body.data)
                    continue
            if code == codes.RC_SERVER_BUSY:
                self.busy += 1
                await asyncio.sleep(0.02)
                continue
            return answer

    async def register(self, handle, data):
        answer = await self.ask(handle, codes.OC_CREATE_HANDLE, ChangeValues(handle, (value(1, data),)))
        assert answer.header.response_code == codes.RC_SUCCESS, answer
        return handle

    async def change(self, handle, data):
        answer = await self.ask(handle, codes.OC_MODIFY_VALUE, ChangeValues(handle, (value(1, data),)))
        assert answer.header.response_code == codes.RC_SUCCESS, answer

    async def resolve(self, handle):
        answer = await self.ask(handle, codes.OC_RESOLUTION, Resolve(handle, (), ()), codes.PUBLIC_ONLY)
        assert isinstance(answer.body, Resolved), answer
        return answer.body.values[0].data


@pytest.fixture
async def servers(tmp_path):
    """Starts servers of a site."""
    async with embedded_bus(tmp_path) as box, contextlib.AsyncExitStack() as stack:
        bus = await box.connect("resolution")

        async def start(count, ports, site):
            made = []
            for number in range(1, count + 1):
                one = Running(bus, number, site)
                await one.start(stack, ports[number - 1])
                made.append(one)
            return bus, made

        yield start


class Writer:
    """The product's client, which registers and changes as its administrator."""

    def __init__(self, site, stack):
        who = SecretIdentity(who=Reference(ADMIN, 300), secret=SECRET, form=codes.HMAC_SHA256)
        self.client = Client(at=site, identity=who, patience=PATIENT)
        stack.push_async_callback(self.client.close)

    async def register(self, handle, data):
        await self.client.create(handle, [value(1, data)])

    async def change(self, handle, data):
        await self.client.modify(handle, [value(1, data)])

    async def resolve(self, handle):
        return (await self.client.resolve(handle)).values[0].data


async def _writing(writer, acknowledged, until):
    number = 0
    while not until.is_set():
        handle = b"88.1/NEW-%d" % number
        await writer.register(handle, b"first")
        await writer.change(handle, b"second")
        acknowledged[handle] = b"second"
        number += 1


async def _reading(reader, acknowledged, until):
    while not until.is_set():
        for handle, data in list(acknowledged.items())[-5:]:
            assert await reader.resolve(handle) == data
        await asyncio.sleep(0)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("first", "then"), [(1, 3), (3, 2)], ids=["grows", "shrinks"])
async def test_a_site_is_divided_anew_with_reads_and_writes_going_on(servers, first, then):
    """Servers switch one after the other: whoever asks meanwhile is sent on, or waits for the one that is late."""
    ports = [free_port("127.0.0.1") for _ in range(3)]
    before, after = described(ports[:first], 1), described(ports[:then], 2)
    bus, running = await servers(3, ports, before)
    acknowledged, until, steps = {}, asyncio.Event(), []
    names = [one.name for one in running]
    async with contextlib.AsyncExitStack() as stack:
        writer, reader = Writer(before, stack), Writer(before, stack)
        for number in range(20):
            await writer.register(handle := b"88.1/OLD-%d" % number, b"old")
            acknowledged[handle] = b"old"
        async with asyncio.timeout(3 * SECONDS), asyncio.TaskGroup() as tasks:
            tasks.create_task(_writing(writer, acknowledged, until))
            tasks.create_task(_reading(reader, acknowledged, until))
            await divide(bus, names[:first], names[:then], before, after, lambda what, *_: steps.append(what))
            seen = len(acknowledged)
            while len(acknowledged) < seen + 5:  # noqa: ASYNC110  # what is waited for sets no event
                await asyncio.sleep(0.01)
            until.set()
        assert steps[-1] == "done"
        for handle, data in acknowledged.items():
            assert await reader.resolve(handle) == data
    for place, one in enumerate(running):
        keys = {key for key, _ in one.store.scan(b"88.1/")}
        mine = {key for key in acknowledged if place < then and shard_of(key, sites.BY_HANDLE, then) == place}
        assert keys == mine
        assert changes.digest_of(one.store, b"88.1") == changes.computed_digest(one.store.scan(b"88.1/"))


async def test_a_division_that_fails_leaves_everything_as_it_was(servers):
    ports = [free_port("127.0.0.1") for _ in range(2)]
    before, after = described(ports[:1], 1), described(ports, 2)
    bus, _ = await servers(1, ports, before)
    client = Careful(before)
    await client.register(b"88.1/A", b"1")
    with pytest.raises(Exception, match="server-2"):
        await divide(bus, ["server-1"], ["server-1", "server-2"], before, after)
    await client.register(b"88.1/B", b"1")
    assert client.site.serial == 1
    with pytest.raises(InvalidInput, match="serial"):
        await divide(bus, ["server-1"], ["server-1", "server-2"], before, msgspec.structs.replace(after, serial=1))
    with pytest.raises(InvalidInput, match="2 and 1 servers"):
        await divide(bus, ["server-1", "server-2"], ["server-1"], before, after)


async def test_a_mirror_answers_and_refuses_changes(servers):
    ports = [free_port("127.0.0.1") for _ in range(2)]
    primary = described(ports[:1], 1)
    bus, _ = await servers(1, ports, primary)
    client = Careful(primary)
    await client.register(b"88.1/A", b"1")
    store = MemoryStore()
    mirror = Mirror(bus, "server-1", store)
    await mirror.start()
    try:
        async with asyncio.timeout(SECONDS):
            await mirror.caught_up(1)
        site = described(ports[1:], 7, primary=False)
        config = NodeConfig(hosts=["127.0.0.1"], port=ports[1], operators=[OPERATOR], site=encode_site(site))
        server = NodeServer(config, store=store, elsewhere=Believing())
        await server.start()
        try:
            other = Careful(site)
            assert await other.resolve(b"88.1/A") == b"1"
            answer = await other.ask(b"88.1/B", codes.OC_CREATE_HANDLE, ChangeValues(b"88.1/B", (value(1),)))
            assert answer.header.response_code == codes.RC_NOT_RESPONSIBLE
            told = await other.ask(b"88.1/B", codes.OC_GET_SITE_INFO, OfHandle(b"0.NA/88.1"))
            assert not decode_site(told.body.data).primary
        finally:
            await server.stop()
    finally:
        await mirror.stop()


async def test_only_the_steps_of_one_division_are_taken_and_only_from_who_divides(servers):
    ports = [free_port("127.0.0.1") for _ in range(2)]
    before, other = described(ports[:1], 1), described(ports, 2)
    bus, (one,) = await servers(1, ports, before)
    await Careful(before).register(b"88.1/A", b"1")
    member = Member(bus, one.name, one.store, one.server.homes, one.number, 0)

    async def tell(step, division="first", caller=PRINCIPAL, **more):
        await member._obey(caller, msgspec.json.encode(Order(step=step, division=division, **more)))

    elsewhere = encode_site(msgspec.structs.replace(other, servers=other.servers[1:]))
    opening = {"site": encode_site(other), "servers": [one.name, "server-2"]}
    with pytest.raises(Forbidden):
        await tell("copy", caller="resolution-2", **opening)
    with pytest.raises(InvalidInput, match="another place"):  # it is named, and would drop all it has
        await tell("copy", site=elsewhere, servers=[one.name])
    for step in ("go", "clean", "hold", "abandon"):
        with pytest.raises(Conflict):
            await tell(step, site=elsewhere)
    await tell("copy", **opening)
    with pytest.raises(Conflict):
        await tell("copy", "second", **opening)
    await tell("hold")
    with pytest.raises(Conflict):
        await tell("go", site=elsewhere)
    with pytest.raises(Conflict):  # it does not yet go by the new description
        await tell("clean")
    assert one.store.get(b"88.1/A") is not None
    await tell("abandon")
    await tell("copy", "second", **opening)
