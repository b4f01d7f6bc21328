"""The recursive role: lifetimes, what is kept and what is not, when others do not answer, and who is believed."""

import asyncio
import contextlib

import msgspec
import pytest

from lineshaft.core import suites
from lineshaft.resolution import codes
from lineshaft.resolution.client import Client, Patience, Roots, lifetime, site_at
from lineshaft.resolution.model import TTL_ABSOLUTE, HandleValue
from lineshaft.resolution.record import pack_record, unpack_record
from lineshaft.resolution.recursive import Cache, Caching, RecursiveResolver
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.serving import NodeConfig, NodeServer
from lineshaft.resolution.site import encode_site
from lineshaft.resolution.store.memory import MemoryStore

QUICK = Patience(udp=(0.2, 0.2), connecting=20, tcp=20)
PUMP = b"88.100/PUMP-7"
NOW = 1_800_000_000


class Time:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


def value(index=1, data=b"x", ttl=100, ttl_type=0, permissions=0b1110, kind=b"URL"):
    return HandleValue(index=index, type=kind, data=data, ttl=ttl, ttl_type=ttl_type, permissions=permissions)


# -- lifetimes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([value(ttl=100), value(ttl=50)], 50),
        ([value(ttl=0), value(ttl=50)], 0),
        ([value(ttl=0xFFFFFFFF)], 172_800),
        ([value(ttl=NOW + 70, ttl_type=TTL_ABSOLUTE)], 70),
        ([value(ttl=NOW - 1, ttl_type=TTL_ABSOLUTE)], 0),
        ([value(ttl=0xFFFFFFFF, ttl_type=TTL_ABSOLUTE)], 172_800),
        ([], 0),
    ],
)
def test_a_record_is_kept_as_long_as_its_shortest_value_says(values, seconds):
    assert lifetime(values, NOW) == seconds


class FakeClient:
    """Answers from a dictionary, and counts."""

    def __init__(self, records):
        self.records = records
        self.asked = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def resolve(self, handle, **options):
        self.asked.append((handle, options["authoritative"]))
        await self.gate.wait()
        found = self.records.get(handle.upper())
        if found is None or isinstance(found, int):
            raise Refused(found or 100)
        return msgspec.defstruct("Answer", [("values", tuple)])(tuple(found))


@pytest.fixture
async def made(time):
    """A resolver over a fake client, under a clock of the test's."""
    client = FakeClient({b"88.1/A": [value()], b"88.1/ZERO": [value(ttl=0)], b"88.1/BAD": 2, b"88.1/NOWHERE": 301})
    resolver = RecursiveResolver(client, Caching(stale_seconds=1000), seconds=time, now=time)
    yield resolver, client
    await resolver.close()


def pass_time(resolver, time, seconds):
    for _ in range(int(seconds)):
        time.now += 1
        resolver._cache.step()


async def test_a_record_is_fetched_once_while_it_lasts(made, time):
    resolver, client = made
    for _ in range(3):
        assert (await resolver.find(b"88.1/a")).values == (value(),)
    assert unpack_record(resolver.lookup(b"88.1/A")) == [value()]
    pass_time(resolver, time, 100)
    assert resolver.lookup(b"88.1/A") is None
    await resolver.find(b"88.1/A")
    assert len(client.asked) == 2


async def test_time_to_live_zero_is_never_kept(made):
    resolver, client = made
    for _ in range(2):
        assert await resolver.values(b"88.1/ZERO")
    assert len(client.asked) == 2
    assert not resolver.kept


async def test_that_there_is_nothing_is_kept_for_a_minute_and_failure_for_seconds(made, time):
    resolver, client = made
    for handle, code, seconds in ((b"88.1/NONE", 100, 60), (b"88.1/BAD", 2, 5)):
        client.asked.clear()
        for _ in range(3):
            with pytest.raises(Refused) as refused:
                await resolver.find(handle)
            assert refused.value.code == code
        assert len(client.asked) == 1
        time.now += seconds + 1
        with pytest.raises(Refused):
            await resolver.find(handle)
        assert len(client.asked) == 2
    client.asked.clear()
    for _ in range(2):
        with pytest.raises(Refused):
            await resolver.find(b"88.1/NOWHERE")
    assert len(client.asked) == 2, "other refusals are not kept"


async def test_a_popular_record_is_fetched_before_its_end_and_another_is_not(made, time):
    resolver, client = made
    client.records[b"88.1/B"] = [value()]
    await resolver.find(b"88.1/A")
    await resolver.find(b"88.1/B")
    pass_time(resolver, time, 95)
    client.records[b"88.1/A"] = [value(data=b"newer")]
    assert unpack_record(resolver.lookup(b"88.1/A")) == [value()]
    assert resolver.prefetched == 1
    await asyncio.gather(*resolver._under_way.values())
    assert unpack_record(resolver.lookup(b"88.1/A")) == [value(data=b"newer")]
    pass_time(resolver, time, 10)
    assert resolver.lookup(b"88.1/A") is not None
    assert resolver.lookup(b"88.1/B") is None
    assert len(client.asked) == 3


async def test_when_nobody_answers_the_last_known_record_is_given_and_marked(made, time):
    resolver, client = made
    await resolver.find(b"88.1/A")
    pass_time(resolver, time, 101)
    client.records[b"88.1/A"] = 2
    for _ in range(2):
        found = await resolver.find(b"88.1/A")
        assert found.stale
        assert resolver.stale(b"88.1/A")
    assert len(client.asked) == 2, "it is not tried for every question"
    with pytest.raises(Refused):
        await resolver.find(b"88.1/A", authoritative=True)
    time.now += 6
    client.records[b"88.1/A"] = [value(data=b"back")]
    assert (await resolver.find(b"88.1/A")).values == (value(data=b"back"),)
    assert not resolver.stale(b"88.1/A")
    client.records[b"88.1/A"] = 100
    pass_time(resolver, time, 101)
    with pytest.raises(Refused) as refused:
        await resolver.find(b"88.1/A")
    assert refused.value.code == 100, "a deleted record is not stale"


async def test_stale_records_go_after_their_second_life(made, time):
    resolver, _ = made
    await resolver.find(b"88.1/A")
    pass_time(resolver, time, 1101)
    assert not resolver.kept


async def test_one_question_is_asked_for_many_askers(made):
    resolver, client = made
    client.gate.clear()
    asking = [asyncio.create_task(resolver.find(b"88.1/A")) for _ in range(20)]
    await asyncio.sleep(0)
    asking[0].cancel()  # who gives up does not take the answer from the others
    client.gate.set()
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert all(one.values == (value(),) for one in found[1:])
    assert len(client.asked) == 1


async def test_so_many_questions_at_a_time_and_no_more(time):
    client = FakeClient({})
    client.gate.clear()
    resolver = RecursiveResolver(client, Caching(under_way=3), seconds=time, now=time)
    asking = [asyncio.create_task(resolver.find(b"88.1/%d" % number)) for number in range(4)]
    done, _ = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED, timeout=60)
    assert [one.exception().code for one in done] == [codes.RC_SERVER_BUSY]
    await resolver.close()
    await asyncio.gather(*asking, return_exceptions=True)


async def test_private_values_are_never_kept(made):
    resolver, client = made
    client.records[b"88.1/A"] = [value(), value(2, b"secret", permissions=0b1100)]
    assert (await resolver.find(b"88.1/A")).values == (value(),)
    assert b"secret" not in resolver.lookup(b"88.1/A")


def test_memory_is_bounded(time):
    async def fill():
        cache = Cache(100_000, 10, lambda _: None, time)
        for number in range(1000):
            cache.put(b"88.1/%d" % number, pack_record([value(data=b"x" * 100)]), 1000)
        assert cache.bytes <= 100_000
        assert 50 < len(cache) < 200
        assert cache.lookup(b"88.1/999") is not None
        assert cache.lookup(b"88.1/0") is None
        for _ in range(50_000):
            cache.put(b"88.1/999", pack_record([value()]), 1000)
        cache.step()
        assert cache._turns < 25_000, "the wheel does not grow with what is put again"
        cache.close()

    asyncio.run(fill())


# -- over sockets ------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def recursive_node(roots, **caching):
    async with Client(roots, patience=QUICK) as client:
        resolver = RecursiveResolver(client, Caching(**caching))
        config = NodeConfig(hosts=["127.0.0.1"], key=suites.PrivateKey.generate("ed25519").pem())
        server = NodeServer(config, store=MemoryStore(), elsewhere=client, recursive=resolver)
        await server.start()
        try:
            yield server, resolver
        finally:
            await server.stop()
            await resolver.close()


async def test_any_handle_resolves_through_a_recursive_node(hierarchy):
    async with recursive_node(hierarchy.roots) as (server, resolver), Client(at=server.homes.site) as client:
        for _ in range(3):
            answer = await client.resolve(PUMP)
            assert [one.data for one in answer.values] == [b"https://a.example/7", b"hot", hierarchy.admin_value.data]
            assert not answer.flags & codes.AUTHORITATIVE
        assert resolver.asked == 1
        assert len((await client.resolve(b"88.200/LONG")).values) == 40
        assert [one.index for one in (await client.resolve(PUMP, types=[b"NOTE"])).values] == [2]
        assert (await client.resolve(b"88.200/ALIAS")).handle == PUMP
        with pytest.raises(Refused) as refused:
            await client.resolve(b"88.100/none")
        assert refused.value.code == 100
        hierarchy.put(hierarchy.a, PUMP, [value(data=b"changed")])
        assert (await client.resolve(PUMP)).values[0].data == b"https://a.example/7"
        assert (await client.resolve(PUMP, authoritative=True)).values[0].data == b"changed"
        assert (await client.resolve(PUMP)).values[0].data == b"changed"
        signed = await client.resolve(PUMP, certified=True)
        assert signed.signed


async def test_a_stale_answer_is_void_in_half_a_minute(hierarchy):
    hierarchy.put(hierarchy.a, PUMP, [value(ttl=2)])
    async with recursive_node(hierarchy.roots) as (server, resolver), Client(at=server.homes.site) as client:
        fresh = await client.resolve(PUMP)
        hierarchy.servers.remove(hierarchy.a)
        await hierarchy.a.stop()
        async with asyncio.timeout(60):
            while resolver.lookup(PUMP) is not None:  # noqa: ASYNC110  # its own clock moves it on
                await asyncio.sleep(0.05)
        stale = await client.resolve(PUMP)
        assert stale.values == fresh.values
        assert stale.expiration < fresh.expiration - 3600


async def test_one_prefix_cannot_speak_for_another(hierarchy):
    """A's node, taken over, tells everybody where b's handles are, and who holds 88; nobody listens."""
    lie = encode_site(msgspec.structs.replace(hierarchy.a.homes.site, serial=9))
    lies = [HandleValue(index=2, type=b"HS_SITE", data=lie), HandleValue(index=3, type=b"HS_SITE.PREFIX", data=lie)]
    for prefix in (b"88.200", b"88", b"88.100"):
        hierarchy.put(hierarchy.a, b"0.NA/" + prefix, lies)
    hierarchy.put(hierarchy.a, b"88.200/LONG", [value(data=b"forged")])
    async with recursive_node(hierarchy.roots) as (server, _), Client(at=server.homes.site) as client:
        assert await client.resolve(PUMP)
        with contextlib.suppress(Refused):
            await client.resolve(b"88.100/none")
        assert len((await client.resolve(b"88.200/LONG")).values) == 40
        record = await client.resolve(b"0.NA/88.200")
        assert lie not in {one.data for one in record.values}


@pytest.mark.parametrize("named", [b"88.200", b"88", b"99", b"88.1000"])
async def test_a_referral_to_what_is_not_below_is_not_followed(hierarchy, named):
    """The second level answers 0.NA/88.100 with a referral elsewhere."""
    transaction = hierarchy.second.store
    with transaction.write() as changes:
        changes.delete(b"0.NA/88.100")
    site = encode_site(hierarchy.b.homes.site)
    hierarchy.second.node._referral = lambda _: _referral(b"0.NA/" + named, site)
    hierarchy.second.node._delegates = lambda _: False
    async with Client(hierarchy.roots, patience=QUICK) as client:
        with pytest.raises(Refused, match="no say"):
            await client.resolve(PUMP)


def _referral(handle, site):
    from lineshaft.resolution.messages import Referral

    return Referral(handle, (HandleValue(index=1, type=b"HS_SITE.PREFIX", data=site),))


async def test_a_referral_to_what_is_below_is_followed(hierarchy):
    """A server names the nearest prefix that it knows."""
    trail = []
    async with Client(Roots(sites=(hierarchy.root.homes.site,)), patience=QUICK) as client:
        zone = await client.walk.root()
        referral = _referral(b"0.NA/88", encode_site(hierarchy.second.homes.site))
        found = await client.walk.refer(PUMP, referral, 303, trail)
        assert found.sites == (hierarchy.a.homes.site,)
        assert zone.prefix == b""
        with pytest.raises(Refused, match="no say"):
            await client.walk.refer(PUMP, _referral(b"0.NA/88.200", b""), 303, trail)


async def test_a_prefix_that_moved_is_found_anew(hierarchy):
    async with Client(hierarchy.roots, patience=QUICK) as client:
        assert await client.resolve(PUMP)
        record = unpack_record(hierarchy.a.store.get(PUMP))
        hierarchy.put(hierarchy.second, b"0.NA/88.100", hierarchy.delegation(hierarchy.b))
        hierarchy.put(hierarchy.b, PUMP, [msgspec.structs.replace(record[0], data=b"moved")])
        with hierarchy.b.store.write() as changes:
            changes.put(b"home/88.100", b"88.100", "meta")
        hierarchy.b.homes.renew()
        with hierarchy.a.store.write() as changes:
            changes.delete(b"home/88.100", "meta")
            changes.delete(PUMP)
        hierarchy.a.homes.renew()
        assert (await client.resolve(PUMP)).values[0].data == b"moved"


async def test_roots_that_do_not_answer_are_named(hierarchy):
    async with Client(Roots(sites=(site_at("127.0.0.1", 9),)), patience=QUICK) as client:
        with pytest.raises(Refused, match=r"127\.0\.0\.1") as refused:
            await client.resolve(PUMP)
        assert refused.value.code == codes.RC_ERROR
