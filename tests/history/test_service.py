"""The service on a real bus: publishes and trims what is durable, lives through full disks, lost streams and clock steps."""

import json
import random
import shutil

import pytest

from lineshaft.bus import DEADLETTER, EVENTS, TELEMETRY, BusSettings
from lineshaft.bus.settings import MIB
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Unavailable
from lineshaft.history.model import Committed
from lineshaft.history.testing import START_US, LaneMessages, listed, table_rows

SECOND = 1_000_000


def series(tag: int, *values, start: int = 0) -> list[tuple]:
    return [(tag, START_US + (start + n) * SECOND, value) for n, value in enumerate(values)]


async def test_what_is_committed_is_published_and_trimmed_and_nothing_above_it(plants, monkeypatch):
    async with plants() as plant:
        for n in range(3):
            await plant.publish(series(1, float(n), start=n))
        await plant.taken()
        commit = plant.service.writer._committer.commit

        async def while_another_message_comes(*arguments):
            await plant.publish(series(1, 3.0, start=3))
            await plant.taken()
            assert (await plant.asker.stream_info(TELEMETRY)).first == 1, "trimmed before it was committed"
            return await commit(*arguments)

        monkeypatch.setattr(plant.service.writer._committer, "commit", while_another_message_comes)
        answer = await plant.reader.seal()
        state = await plant.asker.stream_info(TELEMETRY)
        assert (state.first, state.last, answer.committed_sequence) == (4, 4, 3)
        event = await plant.asker.last_message(EVENTS, plant.bus.subjects.event("history", "committed"))
        body = json.loads(event.data)
        assert set(body) == set(Committed.__struct_fields__)
        assert (body["stream"], body["sequence"], body["version"], body["rows"]) == (TELEMETRY, 3, answer.version, 3)
        assert body["stream_created"] == state.created


async def test_rows_are_sealed_when_they_are_old_enough(plants, until):
    async with plants(seal_seconds=0.2) as plant:
        await plant.publish(series(1, 1.0))
        await until(lambda: plant.service.writer is not None and plant.service.writer.committed == 1)
        assert len(table_rows(plant.folder)) == 1


async def test_memory_is_bounded_while_the_disk_is_full_and_nothing_is_lost(plants, small_disk, until):
    """Reading stops, the stream keeps the rest, the checks say why; when there is space again all of it arrives."""
    bound, block, chance = 2 * 2**20, 4000, random.Random(1)
    values = [chance.random() for _ in range(20 * block)]
    async with plants(url=str(small_disk.folder / "history"), seal_bytes=bound // 2, retry_seconds=0.05) as plant:
        await plant.publish(series(1, 0.0))
        await plant.taken()
        small_disk.fill()
        for first in range(0, len(values), block):
            await plant.publish([(2, START_US + n, values[n]) for n in range(first, first + block)])
        await until(lambda: plant.service.writer.hot.bytes >= bound)

        async def troubled() -> bool:
            return not (await plant.check("sealing")).ok

        await until(troubled)
        check = await plant.check("sealing")
        assert "no space" in check.detail
        assert "Free space" in check.hint
        assert plant.service.writer.sequence < plant.last, "reading stopped"
        assert plant.service.writer.hot.bytes < bound + 64 * block
        assert (await plant.asker.stream_info(TELEMETRY)).first == 1, "nothing was trimmed"
        assert listed(await plant.reader.latest([1])) == [(1, START_US, 0.0, 0)], "latest values still answer"
        with pytest.raises(Unavailable, match="no space"):
            await plant.reader.seal()
        small_disk.free()
        await plant.taken()
        await plant.reader.seal()
        assert (await plant.check("sealing")).ok
        rows = [(2, START_US + n, value) for n, value in enumerate(values)]
        assert [row[:3] for row in table_rows(plant.folder)] == [(1, START_US, 0.0), *rows]

        async def trimmed() -> bool:  # by the seal that was asked for, or by one of its own just before
            return (await plant.asker.stream_info(TELEMETRY)).messages == 0

        await until(trimmed)


async def test_a_disk_that_is_full_at_the_start_is_waited_for(plants, small_disk, until):
    if not small_disk.real:
        pytest.skip("needs the right to mount a tmpfs")
    async with plants(started=False, url=str(small_disk.folder / "history"), retry_seconds=0.05) as plant:
        await plant.publish(series(1, 1.0))
        small_disk.fill()
        await plant.start()

        async def troubled() -> bool:
            return not (await plant.check("sealing")).ok

        await until(troubled)
        assert not (await plant.check("reading")).ok
        small_disk.free()
        await plant.taken()
        assert await plant.raw() == [(*series(1, 1.0)[0], 0)]


async def test_a_service_started_again_has_every_row_once(plants):
    async with plants() as plant:
        await plant.publish(series(1, 1.0, 2.0))
        await plant.taken()
        await plant.reader.seal()
        await plant.publish(series(1, 3.0, start=2))
        await plant.taken()
        await plant.stop()
        await plant.publish(series(1, 4.0, start=3))
        await plant.start()
        await plant.taken()
        assert await plant.raw() == [(*row, 0) for row in series(1, 1.0, 2.0, 3.0, 4.0)]
        assert listed(await plant.reader.latest()) == [(*series(1, 4.0, start=3)[0], 0)]


async def test_a_bus_that_stops_and_comes_back_is_waited_for(plants, until):
    async with plants() as plant:
        await plant.publish(series(1, 1.0))
        await plant.taken()
        await plant.bus.kill()

        async def noticed() -> bool:
            return not (await plant.check("bus")).ok

        await until(noticed)
        await plant.bus.start()
        await plant.gateway.wait_connected(60)
        await plant.publish(series(1, 2.0, start=1))
        await plant.taken()
        await plant.asker.wait_connected(60)
        assert await plant.raw() == [(*row, 0) for row in series(1, 1.0, 2.0)]
        assert plant.service.failure is None


async def test_the_service_starts_before_the_bus_and_says_what_it_waits_for(plants, until):
    async with plants(started=False) as plant:
        await plant.bus.stop()
        await plant.start()
        check = await plant.check("reading")
        assert not check.ok
        assert "waiting for" in check.detail
        await plant.bus.start()
        await plant.gateway.wait_connected(60)
        await plant.publish(series(1, 1.0))
        await plant.taken()


async def test_a_stream_made_anew_is_read_from_its_beginning(plants, until):
    async with plants() as plant:
        await plant.publish(series(1, 1.0))
        await plant.publish(series(1, 2.0, start=1))
        await plant.taken()
        await plant.asker.connection.ask(f"$JS.API.STREAM.DELETE.{TELEMETRY}", b"", timeout=30)
        await plant.bus.make_streams()
        await plant.publish(series(1, 3.0, start=2))
        created = (await plant.asker.stream_info(TELEMETRY)).created

        async def moved() -> bool:
            writer = plant.service.writer
            return writer is not None and plant.service.stream.created == created and writer.sequence == 1

        await until(moved)
        assert await plant.raw() == [(*row, 0) for row in series(1, 1.0, 2.0, 3.0)]
        await plant.reader.seal()
        assert len(table_rows(plant.folder)) == 3
        assert await plant.reader.gaps(0, 2**60) == []


async def test_a_stream_that_came_back_without_its_end_goes_on_from_where_it_is(plants, until):
    """An older copy of the bus's folder was put back: what the table holds and the stream lost is not asked for."""
    async with plants() as plant:
        await plant.publish(series(1, 0.0))
        await plant.taken()
        await plant.bus.stop()
        shutil.copytree(plant.bus.home.path / "bus", plant.bus.home.path / "bus-before")
        await plant.bus.start()
        await plant.gateway.wait_connected(60)
        for n in (1, 2, 3):
            await plant.publish(series(1, float(n), start=n))
        await plant.taken()
        await plant.asker.wait_connected(60)
        await plant.reader.seal()
        await plant.bus.stop()
        shutil.rmtree(plant.bus.home.path / "bus")
        shutil.move(plant.bus.home.path / "bus-before", plant.bus.home.path / "bus")
        await plant.bus.start()
        await plant.gateway.wait_connected(60)
        await plant.publish(series(1, 4.0, start=4))
        assert plant.last == 2, "the stream gives its numbers again"
        await plant.asker.wait_connected(60)

        async def there() -> bool:
            return plant.service.writer is not None and len(await plant.raw()) == 5

        await until(there)
        assert await plant.raw() == [(*row, 0) for row in series(1, 0.0, 1.0, 2.0, 3.0, 4.0)]
        assert await plant.reader.gaps(0, 2**60) == []
        assert plant.service.failure is None


@pytest.mark.parametrize("more", [2, 12], ids=["fewer than were lost", "more than were lost"])
async def test_a_stream_that_lost_its_end_while_the_writer_was_away_loses_nothing_new(plants, until, more):
    """What came under numbers that the table has committed already must be read, and not trimmed as if it were old."""
    async with plants() as plant:
        await plant.publish(series(1, 0.0))
        await plant.taken()
        await plant.bus.stop()
        shutil.copytree(plant.bus.home.path / "bus", plant.bus.home.path / "bus-before")
        await plant.bus.start()
        await plant.gateway.wait_connected(60)
        for n in range(1, 9):
            await plant.publish(series(1, float(n), start=n))
        await plant.taken()
        await plant.asker.wait_connected(60)
        await plant.reader.seal()
        await plant.stop()
        await plant.bus.stop()
        shutil.rmtree(plant.bus.home.path / "bus")
        shutil.move(plant.bus.home.path / "bus-before", plant.bus.home.path / "bus")
        await plant.bus.start()
        await plant.gateway.wait_connected(60)
        for n in range(9, 9 + more):
            await plant.publish(series(1, float(n), start=n))
        assert plant.last == 1 + more
        await plant.asker.wait_connected(60)
        await plant.start()

        async def there() -> bool:
            return plant.service.writer is not None and len(await plant.raw()) == 9 + more

        await until(there)
        assert [value for _, _, value, _ in await plant.raw()] == [float(n) for n in range(9 + more)]


async def test_messages_trimmed_by_somebody_else_before_they_were_read_are_a_gap(plants):
    async with plants(started=False) as plant:
        for n in range(4):
            await plant.publish(series(1, float(n), start=n))
        await plant.asker.trim(TELEMETRY, 2)
        await plant.start()
        await plant.taken()
        gaps = [(gap.cause, gap.gateway, gap.from_seq, gap.to_seq) for gap in await plant.reader.gaps(0, 2**60)]
        assert sorted(gaps) == [("dropped", "", 1, 2), ("sequence", "gateway", 1, 2)]


async def test_a_message_that_cannot_be_read_is_kept_with_its_reason(plants):
    async with plants() as plant:
        await plant.publish([], data=b"rubbish")
        await plant.publish(series(1, 1.0))
        await plant.taken()
        dead = await plant.asker.last_message(DEADLETTER, plant.bus.subjects.dead("history"))
        assert dead.data == b"rubbish"
        assert dead.headers["Ls-Sequence"] == "1"
        assert dead.headers["Ls-Boot"] == plant.lane.boot
        assert "cannot be decoded" in dead.headers["Ls-Reason"]
        status = await plant.reader.status()
        assert (status.undecodable_batches, status.gaps, status.rows_total) == (1, 1, 1)


async def test_a_dead_letter_too_large_with_its_reason_is_cut_and_says_so(plants):
    async with plants(bus_settings=BusSettings(port=0, max_payload=65_536, store_max_bytes=16 * MIB)) as plant:
        await plant.publish([], data=b"x" * 65_300)
        await plant.taken()
        dead = await plant.asker.last_message(DEADLETTER, plant.bus.subjects.dead("history"))
        assert dead.headers["Ls-Cut"] == "65300"
        assert dead.data == b"x" * len(dead.data)


async def test_a_second_writer_takes_over_and_the_first_ends_with_a_clear_error(plants, until):
    async with plants() as plant:
        await plant.publish(series(1, 1.0))
        await plant.taken()
        first = plant.service
        try:
            await plant.start()
            await plant.publish(series(1, 2.0, start=1))
            await plant.taken()
            with pytest.raises(Conflict):
                await first._seal_once(first.writer)
            assert first.stopping.is_set()
            assert first.failure.code == "history.writer_superseded"
            await plant.service._seal_once(plant.service.writer)
            assert len(table_rows(plant.folder)) == 2
        finally:
            await first.stop()


async def test_a_wall_clock_that_steps_neither_stops_sealing_nor_moves_a_value(plants, until):
    async with plants(seal_seconds=0.1) as plant:
        for step, offset in enumerate((0, -(10**14), 10**14)):
            now = clock.now_us() + offset
            with clock.fixed(lambda now=now: now):
                sequence = await plant.publish(series(1, float(step), start=step))
                await plant.taken()
                await until(lambda sequence=sequence: plant.service.writer.committed == sequence)
        assert [row[:3] for row in table_rows(plant.folder)] == series(1, 0.0, 1.0, 2.0)


async def test_two_gateways_share_the_stream_without_touching_each_other(plants):
    async with plants() as plant:
        oven = LaneMessages("oven")
        for n in range(3):
            await plant.publish(series(1, float(n), start=n))
            message = oven.next(series(2, float(n), start=n))
            await plant.gateway.publish_stored(plant.bus.subjects.data("oven", "live"), message.data, message.headers)
        await plant.taken(6)
        assert len(await plant.raw()) == 6
        assert await plant.reader.gaps(0, 2**60) == []


async def test_status_and_checks_say_how_it_stands(plants):
    async with plants() as plant:
        await plant.publish([*series(1, 1.0), *series(2, 1.0)])
        await plant.taken()
        status = await plant.reader.status()
        assert (status.stream, status.read_sequence, status.committed_sequence, status.last_sequence) == (
            TELEMETRY,
            1,
            0,
            1,
        )
        assert (status.hot_rows, status.tags, status.trouble) == (2, 2, "")
        await plant.reader.seal()
        status = await plant.reader.status()
        assert (status.committed_sequence, status.hot_rows, status.seals) == (1, 0, 1)
        assert all(check.ok for check in await plant.service.checks())
