"""The change log on the bus, and mirrors that follow it: in order, once, to equal digests, whatever is killed between."""

import asyncio
import contextlib

import pytest

from lineshaft.bus.testing import embedded_bus
from lineshaft.resolution import changes
from lineshaft.resolution.changes import Change, PrefixDigest
from lineshaft.resolution.homes import HOME, add_home, drop_home
from lineshaft.resolution.mirror import Mirror, Publisher, serve_snapshots
from lineshaft.resolution.mirror.batch import decode_batch, stream_of
from lineshaft.resolution.mirror.lease import Lease
from lineshaft.resolution.mirror.place import read_place
from lineshaft.resolution.record import pack_record
from lineshaft.resolution.store.memory import MemoryStore
from lineshaft.resolution.testing import value

SECONDS = 60
NODE = "enterprise"


@pytest.fixture
async def bus(tmp_path):
    async with embedded_bus(tmp_path) as box:
        yield box


class Site:
    """A primary with its publisher, and mirrors, all on one bus."""

    def __init__(self, bus, stack, store=None, **options):
        self.bus, self.stack = bus, stack
        self.store = store or MemoryStore()
        self.publisher = Publisher(bus, NODE, self.store, lease_seconds=1.0, **options)

    async def start(self):
        for listener in await serve_snapshots(self.bus, NODE, self.store):
            self.stack.push_async_callback(listener.stop)
        await self.publish()

    async def publish(self):
        await self.publisher.start()
        self.stack.push_async_callback(self.publisher.stop)

    async def mirror(self, store=None, **options):
        mirror = Mirror(self.bus, NODE, store or MemoryStore(), **options)
        await mirror.start()
        self.stack.push_async_callback(mirror.stop)
        return mirror

    def put(self, *names, data=b"x"):
        with self.store.write() as transaction:
            return changes.apply(transaction, [change(transaction, name, data) for name in names])

    async def level(self, mirror):
        """Wait until the mirror has what the primary has now."""
        async with asyncio.timeout(SECONDS):
            await mirror.caught_up(changes.newest(self.store))


def change(transaction, name, data):
    after = None if data is None else pack_record([value(1, data)])
    return Change(name, transaction.get(name), after)


def contents(store):
    return list(store.scan()), dict(changes.digests(store)), list(store.scan(HOME, space="meta"))


@contextlib.asynccontextmanager
async def site(box, store=None, **options):
    async with contextlib.AsyncExitStack() as stack:
        made = Site(await box.connect("resolution"), stack, store, **options)
        await made.start()
        yield made


async def until(condition):
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110  # what is waited for sets no event
            await asyncio.sleep(0.01)


async def test_a_mirror_follows_from_a_snapshot_on(bus):
    async with site(bus) as primary:
        primary.put(b"88.1/A", b"88.1/B", b"88.2/C")
        told = []
        mirror = await primary.mirror(on_change=told.extend)
        await primary.level(mirror)
        primary.put(b"88.1/A", b"88.1/D", data=b"second")
        primary.put(b"88.1/B", data=None)
        with primary.store.write() as transaction:
            assert add_home(transaction, b"88.1")
            assert add_home(transaction, b"88.2")
            assert drop_home(transaction, b"88.2")
        await primary.level(mirror)
        assert contents(mirror._store) == contents(primary.store)
        assert contents(mirror._store)[2] == [(b"home/88.1", b"88.1")]
        assert mirror._store.get(b"88.1/B") is None
        assert {b"88.1/A", b"88.1/B", b"88.1/D"} <= set(told)
        assert mirror.mismatches == 0
        assert changes.entries(mirror._store, 0, 10) == []


async def test_a_mirror_goes_on_where_it_was_without_a_snapshot(bus):
    async with site(bus) as primary:
        primary.put(b"88.1/A")
        first = await primary.mirror()
        await primary.level(first)
        await first.stop()
        for number in range(3000):
            primary.put(b"88.1/%d" % number)
        second = await primary.mirror(first._store)
        await primary.level(second)
        assert second.snapshots == 0
        assert contents(second._store) == contents(primary.store)


async def test_a_record_that_differs_is_noticed_and_taken_anew(bus):
    async with site(bus) as primary:
        primary.put(b"88.1/A", b"88.1/B", b"88.2/C")
        mirror = await primary.mirror()
        await primary.level(mirror)
        with mirror._store.write() as transaction:
            changes.apply(transaction, [Change(b"88.1/B", transaction.get(b"88.1/B"), b"forged")], logged=False)
            changes.apply(transaction, [Change(b"88.1/FOREIGN", None, b"forged")], logged=False)
        primary.put(b"88.1/D")
        await until(lambda: mirror.mismatches == 1)
        await until(lambda: contents(mirror._store) == contents(primary.store))
        primary.put(b"88.1/E")
        await primary.level(mirror)
        assert (mirror.mismatches, mirror.snapshots) == (1, 1)


async def test_what_the_stream_holds_is_forgotten_locally_and_a_hole_means_a_snapshot(bus, monkeypatch):
    monkeypatch.setattr("lineshaft.resolution.mirror.publisher._TRIM_SECONDS", 0.1)
    async with site(bus) as primary:
        primary.put(b"88.1/A", b"88.1/B")
        mirror = await primary.mirror()
        await primary.level(mirror)
        await until(lambda: changes.entries(primary.store, 0, 10) == [])
        await mirror.stop()
        primary.put(b"88.1/C")
        await until(lambda: primary.publisher.published == 3)
        await until(lambda: changes.entries(primary.store, 0, 10) == [])  # else it would be said again
        state = await primary.bus.stream_info(stream_of(NODE))
        await primary.bus.trim(stream_of(NODE), state.last)
        primary.put(b"88.1/D")
        again = await primary.mirror(mirror._store)
        await primary.level(again)
        assert again.snapshots == 1
        assert contents(again._store) == contents(primary.store)


async def test_a_full_stream_loses_its_older_half_and_nothing_else(bus, monkeypatch):
    monkeypatch.setattr("lineshaft.resolution.mirror.publisher._TRIM_SECONDS", 0.05)
    async with site(bus, stream_bytes=100_000) as primary:
        mirror = await primary.mirror()
        await primary.level(mirror)
        for number in range(40):
            primary.put(b"88.1/%d" % number, data=b"x" * 10_000)
        primary.put(b"88.1/LARGE", data=b"x" * 60_000)
        primary.put(b"88.1/LAST")
        await until(lambda: primary.publisher.published == 42)
        await primary.level(mirror)
        assert contents(mirror._store) == contents(primary.store)
        assert (await primary.bus.stream_info(stream_of(NODE))).bytes < 100_000


async def test_two_publishers_of_one_store_publish_each_change_once(bus):
    async with site(bus) as primary:
        both = [primary.publisher, Publisher(primary.bus, NODE, primary.store, lease_seconds=1.0)]
        await both[1].start()
        primary.stack.push_async_callback(both[1].stop)
        primary.put(b"88.1/A")
        await until(lambda: any(one.published == 1 for one in both))
        first, other = both if both[0].published else reversed(both)  # the lease is whose thread came first
        await first.stop()
        primary.put(b"88.1/B")
        await until(lambda: other.published == 2)
        assert (await primary.bus.stream_info(stream_of(NODE))).messages == 2


async def test_a_publisher_that_lost_its_lease_cannot_write_between(bus, monkeypatch):
    monkeypatch.setattr(Lease, "hold", lambda *_: True)
    async with site(bus) as primary:
        other = Publisher(primary.bus, NODE, primary.store)
        await other.start()
        primary.stack.push_async_callback(other.stop)
        mirror = await primary.mirror()
        for number in range(60):
            primary.put(b"88.1/%d" % number)
            await asyncio.sleep(0)
        await primary.level(mirror)
        reader = primary.bus.read_stream(stream_of(NODE), 1)
        async with contextlib.aclosing(reader):
            numbers = []
            while not numbers or numbers[-1] < 60:
                for message in await anext(reader):
                    batch = decode_batch(message.data)
                    numbers += range(batch.first, batch.last + 1)
        assert numbers == list(range(1, 61))
        assert contents(mirror._store) == contents(primary.store)
        assert mirror.snapshots == 1


def test_the_lease_is_one_process_s_until_it_ends_or_is_given_back():
    store = MemoryStore()
    first, second = Lease(30), Lease(30)
    with store.write() as transaction:
        assert first.hold(transaction)
    with store.write() as transaction:
        assert not second.hold(transaction)
        first.release(transaction)
        assert second.hold(transaction)
    with store.write() as transaction:
        assert not first.hold(transaction)
        transaction.put(b"publisher", b"gone 999999999999.0", "meta")  # of a machine that was started anew
        assert first.hold(transaction)


async def test_mirror_and_bus_come_back_after_kills_to_equal_digests(bus):
    async with site(bus) as primary:
        mirror = await primary.mirror()
        await primary.level(mirror)
        for number in range(5):
            primary.put(*(b"88.%d/%d" % (number % 3, each) for each in range(number * 20, number * 20 + 40)))
            if number == 2:
                await bus.kill()
                primary.put(b"88.1/WHILE-AWAY")
                await bus.start()
        await primary.level(mirror)
        assert contents(mirror._store) == contents(primary.store)
        assert read_place(mirror._store, NODE).sequence == changes.newest(primary.store)
        assert changes.computed_digest(mirror._store.scan(b"88.1/")) == changes.digest_of(primary.store, b"88.1")
        assert changes.digest_of(mirror._store, b"88.1") != PrefixDigest(0, 0)
