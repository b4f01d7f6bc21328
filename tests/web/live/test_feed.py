"""The feed on a real bus: batches, snapshots, a bus that goes and comes back."""

import asyncio
from contextlib import asynccontextmanager

import pyarrow as pa
import pytest

from lineshaft.bus.telemetry import encode
from lineshaft.bus.testing import embedded_bus
from lineshaft.core import clock
from lineshaft.core.errors import Unavailable
from lineshaft.history import LatestTable
from lineshaft.history.schema import empty_rows
from lineshaft.history.testing import rows_of, samples
from lineshaft.web.live import feed as feeds
from lineshaft.web.live.board import Board
from lineshaft.web.live.values import rows_of as values_of

pytestmark = pytest.mark.timeout(120)


class Stage:
    """A feed on a running bus, with a snapshot that the test decides."""

    def __init__(self, box, bus, source):
        self.box = box
        self.bus = bus
        self.source = source
        self.table = LatestTable()
        self.board = Board(self.table)
        self.stale = []
        self.asked = 0
        self.answer = empty_rows()
        self.feed = feeds.Feed(bus, self.table, self.board, self.snapshot, self.stale.append)

    async def snapshot(self):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def publish(self, *rows, data=None):
        subject = self.source.subjects.data("gateway", "fast")
        await self.source.publish(subject, data if data is not None else encode(samples(rows, None)))

    def value(self, number):
        found = values_of(self.table, pa.array([number]).to_numpy())
        return found[0][2] if found else None


@pytest.fixture
async def stage(tmp_path, monkeypatch):
    monkeypatch.setattr(feeds, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(feeds, "WATCH_SECONDS", 0.05)
    async with embedded_bus(tmp_path, streams=False) as box:
        yield Stage(box, await box.connect("web"), await box.connect("gateway"))


@asynccontextmanager
async def running(stage):
    await stage.feed.start()
    try:
        yield
    finally:
        await stage.feed.stop()


async def test_what_passes_on_the_bus_is_in_the_table_and_marked(stage, eventually):
    now = clock.now_us()
    async with running(stage):
        stage.board.watch({1: "a", 2: "b"})
        await stage.publish((1, now, 1.5), (2, now, "on"))
        await eventually(lambda: stage.value(2) == "on")
        assert set(stage.board.close_tick()) == {1, 2}
    assert stage.stale == [False]


async def test_the_snapshot_gives_what_passed_before(stage, eventually):
    stage.answer = rows_of([(7, clock.now_us() - 10**7, 3.5)])
    async with running(stage):
        await eventually(lambda: stage.value(7) == 3.5)
        assert stage.feed.loaded


@pytest.mark.parametrize(("age_us", "shown"), [(10**7, 2.0), (-(10**6), 3.5)])
async def test_of_snapshot_and_stream_the_newer_value_stays(stage, eventually, age_us, shown):
    now = clock.now_us()
    stage.answer = Unavailable("bus.no_service", "not yet")
    async with running(stage):
        await stage.publish((7, now, 2.0))
        await eventually(lambda: stage.value(7) == 2.0)
        stage.answer = rows_of([(7, now - age_us, 3.5)], now)
        await eventually(lambda: stage.feed.loaded)
        assert stage.value(7) == shown


async def test_a_history_that_is_not_there_yet_is_asked_again_and_said_once(stage, eventually, capsys):
    stage.answer = Unavailable("bus.no_service", "nobody serves history.latest")
    async with running(stage):
        await eventually(lambda: stage.asked >= 3)
        assert not stage.feed.loaded
        stage.answer = rows_of([(1, 5, 1.0)])
        await eventually(lambda: stage.feed.loaded)
    said = "".join(capsys.readouterr())
    assert said.count("live_snapshot_missing") == 1
    assert said.count("live_snapshot_loaded") == 1


async def test_what_cannot_be_read_is_counted_and_the_next_is_taken(stage, eventually):
    before = feeds.UNREADABLE._value.get()
    async with running(stage):
        await stage.publish(data=b"nonsense")
        await stage.publish((1, clock.now_us(), 4.0))
        await eventually(lambda: stage.value(1) == 4.0)
    assert feeds.UNREADABLE._value.get() == before + 1


async def test_a_lost_bus_is_stale_until_it_is_back_with_a_new_snapshot(stage, eventually):
    async with running(stage):
        await eventually(lambda: stage.feed.loaded)
        asked = stage.asked
        await stage.box.kill()
        await eventually(lambda: stage.stale[:2] == [False, True])
        assert not stage.feed.loaded
        stage.answer = rows_of([(9, clock.now_us(), 9.0)])  # what passed while we did not listen
        await stage.box.start()
        await eventually(lambda: stage.stale[:3] == [False, True, False])
        await eventually(lambda: stage.value(9) == 9.0)
        assert stage.asked > asked
        await eventually(lambda: stage.source.connected and stage.bus.connected)
        await stage.publish((1, clock.now_us(), 1.0))
        await eventually(lambda: stage.value(1) == 1.0)


async def test_messages_lost_on_the_way_bring_a_new_snapshot(stage, eventually):
    async with running(stage):
        await eventually(lambda: stage.feed.loaded)
        asked = stage.asked
        stage.feed._subscription.dropped += 1
        await eventually(lambda: stage.asked == asked + 1)
        await asyncio.sleep(0)
        assert stage.asked == asked + 1
