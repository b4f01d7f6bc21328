"""A recursive node beside a change log: what changed is asked for anew, in every process, and nothing old comes back."""

import asyncio
import contextlib
import json

import pytest

from lineshaft.bus.testing import embedded_bus
from lineshaft.resolution.changes import Change, apply
from lineshaft.resolution.client import Client, Patience, parse_address
from lineshaft.resolution.mirror import Mirror, Publisher, serve_snapshots
from lineshaft.resolution.record import pack_record
from lineshaft.resolution.recursive import Caching, Listening, Noting, RecursiveResolver
from lineshaft.resolution.recursive.following import Follower
from lineshaft.resolution.recursive.forgetting import note
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.serving import NodeConfig, NodeServer
from lineshaft.resolution.store.memory import MemoryStore
from lineshaft.resolution.testing import until, value
from lineshaft.resolution.values.site_json import site_to_json

A, B = b"88.1/A", b"88.1/B"


class Found:
    def __init__(self, values):
        self.values = values


class Elsewhere:
    """Answers what it holds at the time of the question; `gate` keeps the answer back."""

    def __init__(self, **records):
        self.records = {key.encode(): data for key, data in records.items()}
        self.asked, self.forgotten = 0, []
        self.mirror = {}
        """What a mirror that is behind answers."""
        self.primary_answers = True
        self.gate = asyncio.Event()
        self.gate.set()

    async def resolve(self, handle, *, authoritative=False, **_):
        self.asked += 1
        if authoritative and not self.primary_answers:
            raise Refused(2)
        data, gate = self.records.get(handle), self.gate
        if not authoritative:
            data = self.mirror.get(handle, data)
        await gate.wait()
        if data is None:
            raise Refused(100)
        return Found((value(1, data),))

    def forget(self, handle=None):
        self.forgotten.append(handle)


@pytest.fixture
async def resolver():
    client = Elsewhere(**{"88.1/A": b"old", "88.1/B": b"old"})
    made = RecursiveResolver(client, Caching())
    yield made, client
    await made.close()


async def _data(resolver, handle):
    return (await resolver.values(handle))[0].data


async def test_what_changed_is_asked_for_anew_and_nothing_else(resolver):
    made, client = resolver
    assert [await _data(made, one) for one in (A, B)] == [b"old", b"old"]
    client.records |= {A: b"new", B: b"new"}
    made.forget([A])
    assert [await _data(made, one) for one in (A, B)] == [b"new", b"old"]
    made.forget([])
    assert await _data(made, B) == b"new"
    assert made.kept == 1


async def test_that_there_is_no_such_handle_is_forgotten_too(resolver):
    made, client = resolver
    with pytest.raises(Refused):
        await made.values(b"88.1/C")
    client.records[b"88.1/C"] = b"made"
    made.forget([b"88.1/C"])
    assert await _data(made, b"88.1/C") == b"made"


async def test_an_answer_from_before_the_change_is_not_kept(resolver):
    made, client = resolver
    held = client.gate = asyncio.Event()
    early = asyncio.create_task(made.values(A))
    await until(lambda: client.asked == 1)
    client.records[A] = b"new"
    made.forget([A])
    client.gate = asyncio.Event()
    client.gate.set()
    assert await _data(made, A) == b"new"
    held.set()
    assert (await early)[0].data == b"old"
    assert await _data(made, A) == b"new"
    assert client.asked == 2


async def test_what_changed_is_asked_of_a_primary_site_first_since_mirrors_may_be_behind(resolver):
    made, client = resolver
    assert await _data(made, A) == b"old"
    client.mirror[A], client.records[A] = b"old", b"new"
    made.forget([A])
    assert await _data(made, A) == b"new"
    client.primary_answers = False
    made.forget([A])
    assert await _data(made, A) == b"old"


async def test_what_was_learned_of_a_prefix_before_it_changed_is_not_kept(hierarchy):
    client = Client(hierarchy.roots, patience=Patience(udp=(0.5, 0.5), connecting=20, tcp=20))
    try:
        walk, gate, record = client.walk, asyncio.Event(), client.walk._record
        asked = []

        async def held(level, zone, trail):
            found = await record(level, zone, trail)
            asked.append(level)
            if level == b"88.100" and asked.count(level) == 1:
                await gate.wait()
                return ()  # as it was before
            return found

        walk._record = held
        for forgotten in (b"0.NA/88.100", None):
            asked.clear()
            gate.clear()
            walk.forget(None)
            early = asyncio.create_task(walk.zone_of(b"88.100/PUMP-7"))
            await until(lambda: b"88.100" in asked)
            walk.forget(forgotten)
            late = await asyncio.wait_for(walk.zone_of(b"88.100/PUMP-7"), 30)
            assert late.prefix == b"88.100"
            gate.set()
            with pytest.raises(Refused):  # that record named no site
                await early
            assert (await walk.zone_of(b"88.100/PUMP-7")).sites == late.sites
    finally:
        await client.close()


async def test_the_way_to_a_prefix_is_found_anew_when_its_record_changed(resolver):
    made, client = resolver
    made.forget([A, b"0.NA/88.1"])
    assert client.forgotten == [b"0.NA/88.1"]
    made.forget([])
    assert client.forgotten[-1] is None


def test_each_process_hears_of_each_change_once_and_who_missed_some_forgets_all():
    store = MemoryStore()
    note(store, [b"88.1/BEFORE"])
    first, second = Listening(store), Listening(store)
    assert first.take() is None
    note(store, [A])
    note(store, [B])
    assert first.take() == [A, B]
    assert first.take() is None
    assert second.take() == [A, B]
    note(store, [])
    note(store, [A])
    assert first.take() == []
    for _ in range(300):
        note(store, [A])
    assert second.take() == []
    assert second.take() is None
    assert first.take() == []


async def test_a_server_forgets_what_another_process_notes(hierarchy):
    config = NodeConfig(
        hosts=["127.0.0.1"], recursive=True, followed=True,
        roots=json.dumps({"sites": [site_to_json(hierarchy.root.homes.site)]}).encode(),
    )  # fmt: skip
    store = MemoryStore()
    server = NodeServer(config, store=store)
    await server.start()
    try:
        async with Client(at=parse_address(f"127.0.0.1:{server.port}")) as client:
            assert len((await client.resolve(b"88.100/PUMP-7")).values) == 3
            hierarchy.put(hierarchy.a, b"88.100/PUMP-7", [value(1, b"new")])
            assert len((await client.resolve(b"88.100/PUMP-7")).values) == 3
            note(store, [b"88.100/PUMP-7"])
            await until(lambda: server.node.cached(b"88.100/PUMP-7") is None)
            assert [one.data for one in (await client.resolve(b"88.100/PUMP-7")).values] == [b"new"]
    finally:
        await server.stop()


async def test_notes_are_written_together_and_too_many_mean_all():
    store = MemoryStore()
    listening, noting = Listening(store), Noting(store)
    await noting.start()
    noting.changed([A])
    noting.changed([B])
    await noting.stop()
    assert listening.take() == [A, B]
    noting = Noting(store)
    await noting.start()
    noting.changed([b"%d" % number for number in range(20_000)])
    await noting.stop()
    assert listening.take() == []


@pytest.mark.parametrize("way", ["follower", "mirror"])
async def test_a_change_at_a_server_reaches_the_memory_of_a_recursive_node(tmp_path, resolver, way):
    made, client = resolver
    theirs, ours = MemoryStore(), MemoryStore()
    async with embedded_bus(tmp_path) as box, contextlib.AsyncExitStack() as stack:
        bus = await box.connect("resolution")
        publisher = Publisher(bus, "resolution", theirs)
        await publisher.start()
        stack.push_async_callback(publisher.stop)
        for listener in await serve_snapshots(bus, "resolution", theirs):
            stack.push_async_callback(listener.stop)
        noting, listening = Noting(ours), Listening(ours)
        await noting.start()
        stack.push_async_callback(noting.stop)
        if way == "follower":
            following = Follower(bus, "resolution", noting.changed)
        else:
            following = Mirror(bus, "resolution", MemoryStore(), on_change=noting.changed)
        await following.start()
        stack.push_async_callback(following.stop)

        def hear():
            changed = listening.take()
            if changed is not None:
                made.forget(changed)
            return changed is not None

        await until(hear)  # it has begun: what changed before, nobody knows
        assert await _data(made, A) == b"old"
        client.records[A] = b"new"
        with theirs.write() as transaction:
            apply(transaction, [Change(A, None, pack_record([value(1, b"new")]))])
        await until(lambda: hear() or made.lookup(A) is None)
        assert await _data(made, A) == b"new"
