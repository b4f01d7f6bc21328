"""Two history services on one stream, each with its tags: one reader over both, and a stream that the slower one holds."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
import numpy as np
import pytest

from lineshaft.bus.testing import embedded_bus
from lineshaft.core.errors import Unavailable
from lineshaft.core.service import Context
from lineshaft.core.settings import Settings
from lineshaft.history.reader import HistoryReader
from lineshaft.history.service import HistoryService
from lineshaft.history.settings import HistorySettings
from lineshaft.history.shards import shard_of, verb_of
from lineshaft.history.testing import START_US, LaneMessages, listed, samples, table_rows
from lineshaft.history.verify.report import Asked
from lineshaft.history.verify.worker import verify

TAGS = range(1, 21)
SECOND = 1_000_000


class Pair:
    """A bus, a gateway, and the services of both shards."""

    def __init__(self, bus, gateway, asker):
        self.bus, self.gateway = bus, gateway
        self.services = {}
        self.lane = LaneMessages()
        self.reader = HistoryReader(HistorySettings(shards=2, hot_timeout_seconds=60), bus.home, asker)
        self.asker = asker
        self.last = 0

    async def start(self, shard, shards=2):
        settings = HistorySettings(shards=shards, shard=shard, retry_seconds=0.05)
        service = HistoryService(Context(self.bus.home, Settings([settings, self.bus.settings])))
        self.services[shard] = service
        await service.start()
        return service

    async def stop(self, shard):
        await self.services.pop(shard).stop()

    async def publish(self, n):
        message = self.lane.next([(tag, START_US + n * SECOND, float(tag * 100 + n)) for tag in TAGS])
        subject = self.bus.subjects.data(self.lane.gateway, "live")
        self.last = (await self.gateway.publish_stored(subject, message.data, message.headers)).sequence

    async def taken(self, until, *shards):
        """Wait until these have taken in what has been published by now; more may come meanwhile."""
        wanted = self.last

        def there():
            writers = [self.services[shard].writer for shard in shards]
            assert not any(service.failure for service in self.services.values())
            return all(writer is not None and writer.sequence >= wanted for writer in writers)

        await until(there)

    async def first(self):
        return (await self.asker.stream_info("TELEMETRY")).first


@pytest.fixture
def pair(tmp_path):
    @asynccontextmanager
    async def make():
        async with embedded_bus(tmp_path) as bus:
            bus.issue("history")
            made = Pair(bus, await bus.connect("gateway"), await bus.connect("web"))
            try:
                yield made
            finally:
                for shard in list(made.services):
                    await made.stop(shard)

    return make


def expected(count):
    return [(tag, START_US + n * SECOND, float(tag * 100 + n), 0) for n in range(count) for tag in TAGS]


async def test_two_services_share_the_tags_and_answer_as_one(pair, until):
    assert set(shard_of(np.array(TAGS), 2).tolist()) == {0, 1}
    async with pair() as both:
        await asyncio.gather(both.start(0), both.start(1))
        for n in range(3):
            await both.publish(n)
        await both.taken(until, 0, 1)
        await both.reader.seal()
        for n in range(3, 5):
            await both.publish(n)
        await both.taken(until, 0, 1)
        raw = listed([rows async for rows in both.reader.raw(None, 0, 2**60)])
        assert raw == expected(5), "sealed and hot rows of both"
        latest = await both.reader.latest()
        assert [(row[0], row[2]) for row in listed(latest)] == [(tag, tag * 100 + 4.0) for tag in TAGS]
        counts = [both.services[shard].writer.counts.rows for shard in (0, 1)]
        assert min(counts) > 0
        assert sum(counts) == 100
        answer = await both.reader.processed(TAGS, START_US, START_US + 5 * SECOND, 5 * SECOND, "Count")
        assert answer.column("v").to_pylist() == [5.0] * len(TAGS)


async def test_the_stream_keeps_what_the_slower_one_has_not_sealed(pair, until, soon_tired):
    async with pair() as both:
        await asyncio.gather(both.start(0), both.start(1))
        await both.publish(0)
        await both.taken(until, 0, 1)
        await both.reader.seal()
        await both.stop(1)
        for n in range(1, 4):
            await both.publish(n)
        await both.taken(until, 0)
        await both.asker.request("history", "seal", None, msgspec.Raw, timeout=60)
        assert await both.first() <= 2, "the other one has sealed only the first message"
        with soon_tired(), pytest.raises(Unavailable):  # half an answer is none
            await HistoryReader(HistorySettings(shards=2, hot_timeout_seconds=30), both.bus.home, both.asker).latest()
        await both.start(1)
        await both.taken(until, 1)
        await both.reader.seal()
        await both.reader.seal()

        async def trimmed():
            await both.publish(9)
            await both.taken(until, 0, 1)
            await both.reader.seal()
            return await both.first() > 4

        await until(trimmed)
        assert table_rows(both.reader._storage.folder)[:4] == [
            (1, START_US + n * SECOND, 100.0 + n, 0) for n in range(4)
        ]


@pytest.mark.soak
async def test_one_to_three_to_two_while_rows_keep_coming_loses_and_doubles_none(pair, until):
    async with pair() as both:
        coming = asyncio.Event()

        async def publish():
            n = 0
            while not coming.is_set() or n < 12:
                await both.publish(n)
                n += 1
                await asyncio.sleep(0.05)  # a pace, nothing that anybody waits for
            return n

        async def started(shards):
            await asyncio.gather(*(both.start(shard, shards) for shard in range(shards)))
            await both.taken(until, *range(shards))

        async def sealed(*shards):
            for shard in shards:
                await both.asker.request("history", verb_of("seal", shard), None, msgspec.Raw, timeout=60)

        publishing = asyncio.create_task(publish())
        try:
            await until(lambda: both.last >= 2)
            await started(1)
            await sealed(0)
            before = both.services[0].writer.committed
            await both.stop(0)
            await started(3)
            assert min(service.writer.committed for service in both.services.values()) >= before
            await sealed(2)
            await both.stop(2)
            newest = both.last
            await until(lambda: both.last > newest)
            await both.taken(until, 0, 1)
            await sealed(1)  # each of the three stands somewhere else
            await both.stop(1)
            await both.stop(0)
            await started(2)
            await sealed(0)
        finally:
            coming.set()
            count = await publishing
        await both.taken(until, 0, 1)
        reader = HistoryReader(HistorySettings(shards=2, hot_timeout_seconds=60), both.bus.home, both.asker)
        assert listed([rows async for rows in reader.raw(None, 0, 2**60)]) == expected(count)
        assert [row[2] for row in listed(await reader.latest())] == [tag * 100.0 + count - 1 for tag in TAGS]
        await reader.seal()
        assert table_rows(reader._storage.folder) == sorted(expected(count))
        found = (await asyncio.to_thread(verify, reader._storage, Asked(place={}), lambda _: None)).recount
        assert (found.expected, found.stored, found.holes) == (count * len(TAGS), count * len(TAGS), [])
        with pytest.raises(Unavailable, match="the table is written by 2 shards"):  # a web server that was not told
            await anext(HistoryReader(HistorySettings(), both.bus.home, both.asker).raw(None, 0, 2**60))


async def test_latest_by_a_web_server_with_another_number_of_shards_is_refused_and_not_half_an_answer(pair, until):
    async with pair() as both:
        await asyncio.gather(both.start(0), both.start(1))
        await both.publish(0)
        await both.taken(until, 0, 1)
        behind = HistoryReader(HistorySettings(), both.bus.home, both.asker)
        own = [next(tag for tag in TAGS if shard_of(np.array([tag]), 2)[0] == shard) for shard in (0, 1)]
        for tags in (None, own, own[:1], own[1:], [999]):
            with pytest.raises(Unavailable, match="the table is written by 2 shards") as told:
                await behind.latest(tags)
            assert told.value.code == "history.shards_differ"
        assert [row[0] for row in listed(await both.reader.latest(own))] == sorted(own)
        assert listed(await both.reader.latest([999])) == []


async def test_a_shard_that_is_set_to_another_number_waits_for_the_first_one_and_says_so(pair, until):
    async with pair() as both:
        await both.publish(0)
        alone = await both.start(0, shards=1)
        await both.taken(until, 0)
        await both.asker.request("history", "seal", None, msgspec.Raw, timeout=60)
        second = await both.start(1)

        async def told():
            checks = {check.name: check for check in await second.checks()}
            return "history.shards is 2, and the table is written by 1" in checks["sealing"].detail

        await until(told)
        assert alone.failure is None
        await both.stop(0)
        await both.start(0)  # now the first one is told as well
        await both.publish(1)
        await both.taken(until, 0, 1)
        assert listed([rows async for rows in both.reader.raw(None, 0, 2**60)]) == expected(2)


async def test_a_correction_is_seen_at_once_whichever_shard_has_its_tag(pair, until):
    async with pair() as both:
        await asyncio.gather(both.start(0), both.start(1))
        await both.publish(0)
        await both.taken(until, 0, 1)
        await both.reader.seal()
        own = [next(tag for tag in TAGS if shard_of(np.array([tag]), 2)[0] == shard) for shard in (0, 1)]
        for tag in own:
            rows = samples([(tag, START_US, -1.0)], START_US)
            answer = await both.reader.correct(rows, "eva", "wrong sensor")
            (record,) = await both.reader.corrections([tag], START_US, START_US + 1)
            assert (record.tag, record.new, record.old, record.who) == (tag, -1.0, tag * 100.0, "eva")
            assert record.sequence >= answer.sequence
        found = listed([rows async for rows in both.reader.raw(own, 0, 2**60)])
        assert [row[2] for row in found] == [-1.0, -1.0]
