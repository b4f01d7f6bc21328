"""Several writers on one history: each takes its tags, they commit at once, nothing is trimmed that one still needs."""

import asyncio
import contextlib
import random
from contextlib import asynccontextmanager

import numpy as np
import pytest

from lineshaft.core.errors import Conflict, InvalidInput, Unavailable
from lineshaft.history.resharding import ChangeOver
from lineshaft.history.settings import HistorySettings
from lineshaft.history.shards import check_shard, shard_of
from lineshaft.history.testing import START_US, LaneMessages, listed, table_rows
from lineshaft.history.verify.report import Asked
from lineshaft.history.verify.worker import verify
from lineshaft.history.writer import Writer

STREAM, CREATED = "TELEMETRY", "2026-01-01T00:00:00.000000001Z"


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


class ChangeOfShards:
    """Changes the number of shards on a folder; the stream is a list of messages."""

    def __init__(self, writers, messages):
        self.writers, self.messages = writers, messages

    async def run(self, found, shards):
        def make(settings, committer):
            return Writer(settings, self.writers.storage, committer, self.writers._bury, settings.shard)

        change = ChangeOver(
            HistorySettings(shards=shards), self.writers.storage, found, (STREAM, CREATED), 1, make, self.read
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lineshaft.history.resharding.Committer", self.writers.committer)
            return await change.run()

    @asynccontextmanager
    async def read(self, first):
        async def parts():
            for message in self.messages[first - 1 :]:
                yield [message]

        yield parts()


async def feed(writers, shards, messages, until, *, seal=True):
    """All shards' writers, each with the messages up to a number of its own."""
    live = [await sharded(writers, shard, shards) for shard in range(shards)]
    for writer, last in zip(live, until, strict=True):
        for message in messages[writer.committed : last]:
            await writer.take(message)
        if seal:
            await writer.seal()
    return live


def everything(count, tags=range(1, 41)):
    return [(tag, START_US + n * 1000, float(n * tag), 0) for tag in tags for n in range(count)]


def recounted(writers):
    return verify(writers.storage, Asked(place={}), lambda _: None).recount


async def test_another_number_of_shards_does_not_start_and_says_what_to_do(writers):
    messages = batches(4)
    await feed(writers, 2, messages, (4, 3))
    for shard, shards in ((0, 1), (0, 3), (2, 3)):
        with pytest.raises(
            Unavailable, match=rf"history.shards is {shards}, and the table is written by 2 shards"
        ) as told:
            await sharded(writers, shard, shards)
        assert (told.value.code, told.value.facts["value"]) == ("history.shards_differ", shards)
    one, two = await feed(writers, 2, messages, (4, 4))  # the number that holds goes on
    assert (one.committed, two.committed) == (4, 4)


async def test_one_to_three_to_two_holds_every_row_once_wherever_each_shard_stood(writers):
    messages = batches(18)
    change = ChangeOfShards(writers, messages)
    await feed(writers, 1, messages, (5,))
    assert await change.run(1, 3) == 5
    await feed(writers, 3, messages, (11, 5, 8))
    assert await change.run(3, 2) == 11
    await feed(writers, 2, messages, (15, 17))
    assert await change.run(2, 1) == 17
    await feed(writers, 1, messages, (18,))
    assert table_rows(writers.folder) == everything(18)
    found = recounted(writers)
    assert (found.holes, found.expected, found.stored) == ([], 18 * 40, 18 * 40)


async def test_a_gap_that_the_first_shard_has_not_recorded_yet_is_no_error_of_another(writers):
    lane = LaneMessages()
    messages = [lane.next([(tag, START_US + n, 1.0) for tag in range(1, 9)]) for n in range(2)]
    lane.seq += 3
    messages += [lane.next([(tag, START_US + n, 1.0) for tag in range(1, 9)]) for n in range(2, 4)]
    await feed(writers, 2, messages, (2, 4))
    assert recounted(writers).holes == []
    await feed(writers, 2, messages, (4, 4))
    (hole,) = recounted(writers).holes
    assert (hole.cause, hole.first, hole.last, hole.explained) == ("sequence", 3, 5, True)


async def test_after_a_change_each_shard_knows_its_own_tags_and_no_others(writers):
    messages = batches(6)
    await feed(writers, 2, messages, (6, 4))
    await ChangeOfShards(writers, messages).run(2, 3)
    live = await feed(writers, 3, messages, (6, 6, 6), seal=False)
    found = [writer.latest.known().tolist() for writer in live]
    assert sorted(tag for tags in found for tag in tags) == list(range(1, 41))
    for shard, tags in enumerate(found):
        assert set(shard_of(np.array(tags), 3).tolist()) == {shard}
        assert [row[2] for row in listed(live[shard].latest.rows())] == [5.0 * tag for tag in tags]


async def test_what_is_sent_again_after_a_change_is_known_to_every_new_shard(writers):
    lane = LaneMessages()
    messages = [lane.next([(tag, START_US, 1.0) for tag in range(1, 41)]) for _ in range(1)]
    await feed(writers, 1, messages, (1,))
    await ChangeOfShards(writers, messages).run(1, 3)
    messages.append(lane.next([(tag, START_US, -9.0) for tag in range(1, 41)], seq=1))  # of another content, to see it
    lane.restart()
    messages.append(lane.next([(tag, START_US, 1.0) for tag in range(1, 41)]))  # the present values, from a new boot
    live = await feed(writers, 3, messages, (3, 3, 3))
    assert [writer.counts.repeated_batches for writer in live] == [1, 1, 1]
    assert table_rows(writers.folder) == [(tag, START_US, 1.0, 0) for tag in range(1, 41)]


async def test_an_old_shard_that_works_on_stops_the_change_and_one_that_comes_later_is_refused(writers):
    messages = batches(8)
    await feed(writers, 2, messages, (4, 2))
    change = ChangeOfShards(writers, messages)
    original = Writer.seal

    async def seal(self):
        rows = await original(self)
        if self._shard == 1 and self.committed == 4:
            await sharded(writers, 1, 2)  # started anew by somebody in the last moment
        return rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Writer, "seal", seal)
        with pytest.raises(Conflict):
            await change.run(2, 3)
    one, two = await feed(writers, 2, messages, (6, 5))  # nothing has changed
    assert await change.run(2, 3) == 6
    for writer in (one, two):
        for message in messages[writer.sequence :]:
            await writer.take(message)
        with pytest.raises(Conflict):
            await writer.seal()
    await feed(writers, 3, messages, (8, 8, 8))
    assert table_rows(writers.folder) == everything(8)


async def test_a_change_that_is_killed_anywhere_leaves_the_old_shards_or_the_new_ones(writers):
    messages = batches(12)
    count = {"left": 0}

    async def failing(self, table, commit):
        count["left"] -= 1
        if count["left"] < 0:
            raise Killed
        return await original(self, table, commit)

    original = writers.committer.commit
    await feed(writers, 2, messages, (6, 2))
    for left in range(3):
        count["left"] = left
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(writers.committer, "commit", failing)
            with contextlib.suppress(Killed):
                await ChangeOfShards(writers, messages).run(2, 3)
        found = await writers.committer(writers.storage).transaction("samples", "shards")
        if found == 3:
            break
        assert table_rows(writers.folder) == sorted(set(table_rows(writers.folder)))
    assert found == 3
    await feed(writers, 3, messages, (12, 12, 12))
    assert table_rows(writers.folder) == everything(12)


async def test_a_table_of_an_older_release_says_its_shards_by_how_far_each_came(writers):
    messages = batches(6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lineshaft.history.writer.COUNT", "shards-of-nobody")
        await feed(writers, 2, messages, (4, 2))
    with pytest.raises(Unavailable, match="written by 2 shards"):
        await sharded(writers, 0, 3)
    assert await ChangeOfShards(writers, messages).run(2, 3) == 4
    await feed(writers, 3, messages, (6, 6, 6))
    assert table_rows(writers.folder) == everything(6)


@pytest.mark.parametrize("until", [(4, 3, 0), (0, 4, 0)])
async def test_shards_of_an_older_release_that_sealed_nothing_yet_count_and_lose_nothing(writers, until):
    messages = batches(6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lineshaft.history.writer.COUNT", "shards-of-nobody")
        await feed(writers, 3, messages, until)
    with pytest.raises(Unavailable, match="written by 3 shards"):
        await sharded(writers, 0, 2)
    await feed(writers, 3, messages, (6, 6, 6))
    assert table_rows(writers.folder) == everything(6)


async def test_shards_of_an_older_release_that_sealed_nothing_yet_take_part_in_a_change(writers):
    messages = batches(6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lineshaft.history.writer.COUNT", "shards-of-nobody")
        await feed(writers, 3, messages, (4, 3, 0))
    assert await ChangeOfShards(writers, messages).run(3, 2) == 4
    await feed(writers, 2, messages, (6, 6))
    assert table_rows(writers.folder) == everything(6)


@pytest.mark.parametrize("shards", [1, 2])
async def test_a_single_writer_of_an_older_release_stays_one_whoever_opened_the_table_beside_it(writers, shards):
    messages = batches(6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lineshaft.history.writer.COUNT", "shards-of-nobody")
        await sharded(writers, 1, 2)
        await feed(writers, 1, messages, (4,))
    if shards > 1:
        with pytest.raises(Unavailable, match="written by 1 shards"):
            await sharded(writers, 0, shards)
        assert await ChangeOfShards(writers, messages).run(1, shards) == 4
    await feed(writers, shards, messages, (6,) * shards)
    assert table_rows(writers.folder) == everything(6)


async def test_shards_of_a_new_table_open_it_in_any_order(writers):
    live = {shard: await sharded(writers, shard, 3) for shard in (1, 0, 2)}
    messages = batches(2)
    for writer in live.values():
        for message in messages:
            await writer.take(message)
        await writer.seal()
    assert table_rows(writers.folder) == everything(2)


class Killed(Exception):
    """The process ends here."""
