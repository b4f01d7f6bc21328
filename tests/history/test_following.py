"""A writer that has nothing to commit itself goes on from what others commit to its tables."""

import asyncio
import contextlib

import pytest

from lineshaft.bus.testing import embedded_bus
from lineshaft.core.errors import Unavailable
from lineshaft.core.service import Context
from lineshaft.core.settings import Settings
from lineshaft.history import service as serving
from lineshaft.history.commits import Commit
from lineshaft.history.committer import Committer
from lineshaft.history.segment import write_segment
from lineshaft.history.service import HistoryService
from lineshaft.history.settings import HistorySettings
from lineshaft.history.testing import START_US, LaneMessages, rows_of
from lineshaft.history.versions import newest_version


def batch(lane, value):
    return lane.next([(1, START_US, value)])


async def commit_from_elsewhere(storage, tables, sequence):
    """What another program does to tables: as another application, with one file each."""
    committer = Committer(storage)
    try:
        for table in tables:
            added = []
            if table == "samples":
                rows = rows_of([(900 + sequence, START_US, 1.0)])
                added = await asyncio.to_thread(write_segment, storage.child(table), "writer-7", rows)
            fence = (await committer.claim(table, "elsewhere")).fence
            await committer.commit(table, Commit(fence=fence, sequence=sequence, add=added))
    finally:
        await committer.close()


async def test_a_writer_follows_all_three_tables(writers):
    writer = await writers.open()
    await writer.take(batch(LaneMessages(), 1.0))
    before = (writer.version, writer.gaps_version, writer.corrections_version)
    await commit_from_elsewhere(writers.storage, ("samples", "gaps", "corrections"), 5)
    assert (writer.version, writer.gaps_version, writer.corrections_version) == before
    await writer.follow()
    after = (writer.version, writer.gaps_version, writer.corrections_version)
    assert all(new > old for old, new in zip(before, after, strict=True))
    for table, version in zip(("samples", "gaps", "corrections"), after, strict=True):
        assert newest_version(writers.storage.child(table), 0) == version
    assert await writer.seal() == 1, "it is still the one writer"


async def test_a_writer_whose_commit_may_have_gone_through_does_not_follow_it(writers, monkeypatch):
    writer = await writers.open()
    await writer.take(batch(LaneMessages(), 1.0))
    before, commit = writer.version, writer._committer.commit

    async def lost(table, order):
        await commit(table, order)
        raise Unavailable("history.committer_ended", "gone", "Again.")

    with monkeypatch.context() as patch:
        patch.setattr(writer._committer, "commit", lost)
        with pytest.raises(Unavailable):
            await writer.seal()
    await writer.follow()
    assert writer.version == before, "its rows are hot still"
    await writer.seal()
    assert writer.version > before


async def test_a_closed_writer_follows_nothing(writers):
    writer = await writers.open()
    await writer.close()
    await writer.follow()


async def test_an_idle_service_follows(tmp_path, until, monkeypatch):
    monkeypatch.setattr(serving, "FOLLOW_SECONDS", 0.0)
    async with embedded_bus(tmp_path) as bus, contextlib.AsyncExitStack() as stack:
        bus.issue("history")
        settings = HistorySettings()
        service = HistoryService(Context(bus.home, Settings([settings, bus.settings])))
        stack.push_async_callback(service.stop)
        await service.start()
        await until(lambda: service.writer is not None)
        storage = settings.storage(bus.home)
        await commit_from_elsewhere(storage, ("samples", "corrections"), 1)
        newest = [newest_version(storage.child(table), 0) for table in ("samples", "corrections")]
        await until(lambda: service.writer.version >= newest[0] and service.writer.corrections_version >= newest[1])
