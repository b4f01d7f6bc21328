"""Two history services on one stream, each with its tags: one reader over both, and a stream that the slower one holds."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
import numpy as np
import pytest

from lineshaft.bus.testing import embedded_bus
from lineshaft.core.errors import InvalidInput, Unavailable
from lineshaft.core.service import Context
from lineshaft.core.settings import Settings
from lineshaft.history.reader import HistoryReader
from lineshaft.history.service import HistoryService
from lineshaft.history.settings import HistorySettings
from lineshaft.history.shards import shard_of
from lineshaft.history.testing import START_US, LaneMessages, listed, table_rows

TAGS = range(1, 21)
SECOND = 1_000_000


class Pair:
    """A bus, a gateway, and the services of both shards."""

    def __init__(self, bus, gateway, asker):
        self.bus, self.gateway = bus, gateway
        self.services = {}
        self.lane = LaneMessages()
        self.reader = HistoryReader(HistorySettings(shards=2), bus.home, asker)
        self.asker = asker
        self.last = 0

    async def start(self, shard, shards=2):
        settings = HistorySettings(shards=shards, shard=shard)
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
        def there():
            writers = [self.services[shard].writer for shard in shards]
            assert not any(service.failure for service in self.services.values())
            return all(writer is not None and writer.sequence >= self.last for writer in writers)

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


async def test_the_stream_keeps_what_the_slower_one_has_not_sealed(pair, until):
    async with pair() as both:
        await asyncio.gather(both.start(0), both.start(1))
        await both.publish(0)
        await both.taken(until, 0, 1)
        await both.reader.seal()
        await both.stop(1)
        for n in range(1, 4):
            await both.publish(n)
        await both.taken(until, 0)
        await both.asker.request("history", "seal", None, msgspec.Raw, timeout=30)
        assert await both.first() <= 2, "the other one has sealed only the first message"
        with pytest.raises(Unavailable):  # half an answer is none
            await HistoryReader(HistorySettings(shards=2, hot_timeout_seconds=0.5), both.bus.home, both.asker).latest()
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


async def test_fewer_shards_are_refused_while_the_lost_one_has_rows_to_seal(pair, until):
    async with pair() as both:
        await asyncio.gather(both.start(0), both.start(1))
        await both.publish(0)
        await both.taken(until, 0, 1)
        await both.reader.seal()
        await both.stop(1)
        await both.publish(1)
        await both.taken(until, 0)
        await both.asker.request("history", "seal", None, msgspec.Raw, timeout=30)
        await both.stop(0)
        lonely = await both.start(0, shards=1)
        await until(lambda: lonely.failure is not None)
        assert isinstance(lonely.failure, InvalidInput)
        assert lonely.failure.code == "history.shard_left_behind"
        await both.stop(0)
        await asyncio.gather(both.start(0), both.start(1))  # as it was: the other one seals what it has
        await both.taken(until, 0, 1)
        await both.reader.seal()
        await both.stop(0)
        await both.stop(1)
        alone = await both.start(0, shards=1)
        await both.taken(until, 0)
        assert alone.failure is None
        reader = HistoryReader(HistorySettings(), both.bus.home, both.asker)
        assert listed([rows async for rows in reader.raw(None, 0, 2**60)]) == expected(2)
