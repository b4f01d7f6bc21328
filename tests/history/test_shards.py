"""Several writers on one history: each takes its tags, they commit at once, nothing is trimmed that one still needs."""

import asyncio
import random

import numpy as np
import pytest

from lineshaft.core.errors import InvalidInput
from lineshaft.history.settings import HistorySettings
from lineshaft.history.shards import check_shard, shard_of
from lineshaft.history.testing import START_US, LaneMessages, table_rows
from lineshaft.history.writer import Writer


async def sharded(writers, shard, shards=2):
    """A writer for one of several shards of the folder."""
    settings = HistorySettings(shards=shards, shard=shard)
    storage = writers.storage
    writer = Writer(settings, storage, writers.committer(storage), writers._bury, shard)
    writers._open.append(writer)
    await writer.open("TELEMETRY", "2026-01-01T00:00:00.000000001Z")
    return writer


def batches(count, tags=range(1, 41)):
    lane = LaneMessages()
    return [lane.next([(tag, START_US + n * 1000, float(n * tag)) for tag in tags]) for n in range(count)]


def test_every_tag_has_one_shard_and_neighbours_come_apart():
    tags = np.arange(1, 100_001, dtype=np.int32)
    counts = np.bincount(shard_of(tags, 4))
    assert counts.sum() == len(tags)
    assert counts.max() < 1.05 * len(tags) / 4
    assert all(len(set(shard_of(tags[step::10][:1000], 2).tolist())) == 2 for step in range(10))


def test_a_shard_that_is_none_is_refused():
    check_shard(1, 2)
    with pytest.raises(InvalidInput, match="there are 2 shards"):
        check_shard(2, 2)


async def test_two_shards_that_commit_at_once_hold_every_row_once(real_writers):
    one, two = await sharded(real_writers, 0), await sharded(real_writers, 1)
    messages = batches(12)
    for start in range(0, 12, 3):
        for message in messages[start : start + 3]:
            await one.take(message)
            await two.take(message)
        await asyncio.gather(one.seal(), two.seal())
    expected = [(tag, START_US + n * 1000, float(n * tag), 0) for tag in range(1, 41) for n in range(12)]
    assert table_rows(real_writers.folder) == expected
    assert one.counts.sealed_rows
    assert two.counts.sealed_rows
    assert one.counts.sealed_rows + two.counts.sealed_rows == len(expected)


async def test_replacements_of_both_at_once_are_tried_again_and_end_right(writers):
    one, two = await sharded(writers, 0), await sharded(writers, 1)
    first, lane = batches(1), LaneMessages("other", position=iter(range(2, 9)).__next__)
    changed = lane.next([(tag, START_US, -1.0) for tag in range(1, 41)])
    for writer in (one, two):
        await writer.take(first[0])
        await writer.seal()
    for writer in (one, two):
        await writer.take(changed)
    await asyncio.gather(one.seal(), two.seal(), return_exceptions=True)
    for writer in (one, two):
        await writer.seal()  # what another overtook is prepared anew
    assert table_rows(writers.folder) == [(tag, START_US, -1.0, 0) for tag in range(1, 41)]


async def test_the_stream_is_cut_below_what_the_slowest_has(writers):
    one, two = await sharded(writers, 0), await sharded(writers, 1)
    messages = batches(6)
    for message in messages[:4]:
        await one.take(message)
    await one.seal()
    assert (one.committed, await one.held_by_all()) == (4, 0)
    for message in messages[:2]:
        await two.take(message)
    await two.seal()
    assert (await one.held_by_all(), await two.held_by_all()) == (2, 2)


async def test_any_course_of_kills_of_two_shards_ends_with_each_row_once(writers):
    chance = random.Random(5)
    messages = batches(30)
    live = [await sharded(writers, 0), await sharded(writers, 1)]
    while any(writer.committed < len(messages) for writer in live):
        shard = chance.randrange(2)
        writer = live[shard]
        floor = await writer.held_by_all()
        for message in messages[writer.sequence : writer.sequence + chance.randrange(6)]:
            assert message.sequence > floor
            await writer.take(message)
        if chance.random() < 0.4:
            await writer.seal()
        if chance.random() < 0.2:
            live[shard] = await sharded(writers, shard)
    expected = [(tag, START_US + n * 1000, float(n * tag), 0) for tag in range(1, 41) for n in range(30)]
    assert table_rows(writers.folder) == expected


async def test_one_writer_goes_on_for_two_and_two_for_one_and_nothing_is_stored_twice(writers):
    one, two = await sharded(writers, 0), await sharded(writers, 1)
    messages = batches(8)
    for writer, until in ((one, 4), (two, 6)):
        for message in messages[:until]:
            await writer.take(message)
        await writer.seal()
    alone = await sharded(writers, 0, shards=1)
    assert alone.committed == 4
    for message in messages[4:7]:
        await alone.take(message)
    await alone.seal()
    alone = await sharded(writers, 0, shards=1)  # and once more, as after any stop
    one, two = await sharded(writers, 0), await sharded(writers, 1)
    assert (one.committed, two.committed) == (7, 6)
    for writer in (one, two):
        for message in messages[writer.committed :]:
            await writer.take(message)
        await writer.seal()
    expected = [(tag, START_US + n * 1000, float(n * tag), 0) for tag in range(1, 41) for n in range(8)]
    assert table_rows(writers.folder) == expected


async def test_fewer_shards_are_refused_while_one_that_goes_has_rows_to_seal(writers):
    one, two = await sharded(writers, 0), await sharded(writers, 1)
    messages = batches(3)
    for writer, until in ((one, 3), (two, 2)):
        for message in messages[:until]:
            await writer.take(message)
        await writer.seal()
    with pytest.raises(InvalidInput, match="shard 1 has rows to seal of the messages 3 to 3"):
        await sharded(writers, 0, shards=1)
