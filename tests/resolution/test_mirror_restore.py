"""Mirrors of a source that comes back from a backup, and so is behind them; and proofs of registration, which they give too."""

import asyncio
import contextlib

import msgspec
import pytest

from lineshaft.bus.testing import embedded_bus
from lineshaft.core import suites
from lineshaft.resolution import changes
from lineshaft.resolution.administration import Registrar
from lineshaft.resolution.auth import keys
from lineshaft.resolution.changes import Change
from lineshaft.resolution.homes import HOME, Homes, add_home
from lineshaft.resolution.mirror import Mirror, Publisher, read_place, serve_snapshots
from lineshaft.resolution.mirror.batch import stream_of
from lineshaft.resolution.mirror.place import put_place
from lineshaft.resolution.model import Reference
from lineshaft.resolution.proofs import Proofs, verify_proof
from lineshaft.resolution.record import pack_record
from lineshaft.resolution.site import Server, Site
from lineshaft.resolution.store import SPACES
from lineshaft.resolution.store.memory import MemoryStore
from lineshaft.resolution.testing import value

pytestmark = pytest.mark.timeout(300)
SECONDS = 120
NODE = "enterprise"
OPERATOR = Reference(b"88.1/ADMIN", 300)


@pytest.fixture
async def bus(tmp_path):
    async with embedded_bus(tmp_path) as box:
        yield await box.connect("resolution")


def put(store, *names, data=b"x"):
    with store.write() as transaction:
        after = pack_record([value(1, data)])
        changes.apply(transaction, [Change(name, transaction.get(name), after) for name in names])


def copied(store):
    """A backup: everything as it is now."""
    made = MemoryStore()
    with made.write() as transaction:
        for space in SPACES:
            for key, data in store.scan(space=space):
                transaction.put(key, data, space)
    return made


def contents(store):
    return list(store.scan()), dict(changes.digests(store)), list(store.scan(HOME, space="meta"))


@contextlib.asynccontextmanager
async def publishing(bus, store):
    """A source; returns when its stream is there."""
    async with contextlib.AsyncExitStack() as stack:
        for listener in await serve_snapshots(bus, NODE, store):
            stack.push_async_callback(listener.stop)
        publisher = Publisher(bus, NODE, store, lease_seconds=1.0)
        await publisher.start()
        stack.push_async_callback(publisher.stop)
        await until(lambda: publisher.published >= changes.newest(store))
        yield publisher


@contextlib.asynccontextmanager
async def mirroring(bus, store):
    mirror = Mirror(bus, NODE, store)
    await mirror.start()
    try:
        yield mirror
    finally:
        await mirror.stop()


async def until(condition):
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110  # what is waited for sets no event
            await asyncio.sleep(0.01)


def equal(one, other):
    return contents(one) == contents(other)


@pytest.mark.parametrize(("written", "connected"), [(0, True), (3, False), (9, True)])
async def test_a_mirror_that_is_ahead_of_a_restored_source_follows_it(bus, written, connected):
    """Whether it is written to before it publishes, as much as was lost or more, and whether the mirror went on meanwhile."""
    source, copy = MemoryStore(), MemoryStore()
    put(source, b"88.1/A", b"88.1/B")
    async with contextlib.AsyncExitStack() as stack:
        async with publishing(bus, source):
            mirror = await stack.enter_async_context(mirroring(bus, copy))
            await until(lambda: equal(copy, source))
            backup = copied(source)
            for number in range(3):  # after the backup: lost at the source, and known to the mirror
                put(source, b"88.%d/LOST" % number)
                await until(lambda: equal(copy, source))
        if not connected:
            await stack.aclose()
        for number in range(written):
            put(backup, b"88.9/%d" % number, data=b"another history")
        async with publishing(bus, backup):
            if not connected:
                mirror = await stack.enter_async_context(mirroring(bus, copy))
            await until(lambda: equal(copy, backup))
            put(backup, b"88.1/A", data=b"later")
            await until(lambda: equal(copy, backup))
            await until(lambda: mirror.snapshots >= 1)  # what it holds is equal a moment before the snapshot has ended


async def test_a_source_that_only_ended_and_began_again_is_followed_without_a_snapshot(bus):
    source, copy = MemoryStore(), MemoryStore()
    async with contextlib.AsyncExitStack() as stack:
        for number in range(3):
            async with publishing(bus, source):
                if not number:
                    mirror = await stack.enter_async_context(mirroring(bus, copy))
                put(source, b"88.1/%d" % number)
                await until(lambda: mirror.place is not None and equal(copy, source))  # noqa: B023  # awaited at once
        assert mirror.snapshots == 1


async def test_a_store_in_the_place_of_another_is_followed_even_when_nothing_is_written(bus):
    source, other, copy = MemoryStore(), MemoryStore(), MemoryStore()
    put(source, b"88.1/A", b"88.1/B")
    async with mirroring(bus, copy):
        async with publishing(bus, source):
            await until(lambda: equal(copy, source))
        with other.write() as transaction:
            add_home(transaction, b"88.2")
        async with publishing(bus, other):
            await until(lambda: equal(copy, other))


async def test_a_mirror_that_knows_more_of_the_stream_than_there_is_begins_anew(bus):
    """As after both source and bus came back from a backup: what the stream says under these numbers is something else."""
    source, copy = MemoryStore(), MemoryStore()
    put(source, b"88.1/A")
    async with publishing(bus, source) as publisher:
        async with mirroring(bus, copy) as mirror:
            await until(lambda: mirror.place is not None and equal(copy, source))
        state = await bus.stream_info(stream_of(NODE))
        with copy.write() as transaction:
            for name in (b"88.1/AHEAD", b"88.2/AHEAD"):
                changes.apply(transaction, [Change(name, None, pack_record([value(1)]))], logged=False)
        write_place(copy, sequence=changes.newest(source) + 2, stream=state.last + 2)
        async with mirroring(bus, copy) as mirror:
            await until(lambda: mirror.snapshots and mirror.place is not None and equal(copy, source))
        assert mirror.snapshots == 1
        write_place(copy, mark="another message's")
        put(source, b"88.1/B")
        await until(lambda: publisher.published == changes.newest(source))
        with copy.write() as transaction:
            changes.apply(transaction, [Change(b"88.3/AHEAD", None, pack_record([value(1)]))], logged=False)
        async with mirroring(bus, copy) as mirror:
            await until(lambda: mirror.snapshots and equal(copy, source))
        assert mirror.snapshots == 1


def write_place(store, **more):
    place = read_place(store, NODE)
    with store.write() as transaction:
        put_place(transaction, NODE, msgspec.structs.replace(place, **more))


async def test_a_mirror_gives_proofs_of_its_source_by_snapshot_and_by_log(bus):
    key, own = (suites.PrivateKey.generate("ecdsa-p256") for _ in range(2))
    source, copy = MemoryStore(), MemoryStore()
    with source.write() as transaction:
        add_home(transaction, b"88.1")
    homes = Homes(source, Site(serial=1, servers=(Server(number=1, address="127.0.0.1"),)), 1)
    registrar = Registrar(source, homes, [OPERATOR], proofs=Proofs("the source", key))
    registrar.create(b"88.1/SN1", [value(1, b"https://p.example/1")], OPERATOR)
    async with publishing(bus, source), mirroring(bus, copy):
        await until(lambda: equal(copy, source))
        registrar.create(b"88.1/SN2", [value(1, b"https://p.example/2")], OPERATOR)
        await until(lambda: list(copy.scan(b"proof/", space="meta")) == list(source.scan(b"proof/", space="meta")))
        await until(lambda: equal(copy, source))
    for handle in (b"88.1/SN1", b"88.1/SN2"):
        given = Proofs("the mirror", own).proof_of(copy, handle, copy.get(handle))
        found = verify_proof(given, key=keys.encode_public_key(keys.public_key_of(key)))
        assert (found.handle, found.origin, found.key_known) == (handle.decode(), "the source", True)
