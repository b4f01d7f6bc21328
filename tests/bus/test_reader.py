"""Reading by sequence: nothing skipped, nothing twice; what changed about the stream is said."""

import asyncio
import contextlib
import itertools
import json

import pytest

from lineshaft.bus import TELEMETRY, Bus, reader
from lineshaft.core.errors import Conflict, NotFound


async def fill(bus, count: int, *, start: int = 0, size: int = 10) -> None:
    subject = bus.subjects.data("gateway", "g")
    for first in range(start, start + count, 100):
        block = range(first, min(first + 100, start + count))
        for number in block:
            await bus.connection.publish(subject, b"%d" % number + b" " * size, headers={"N": str(number)})
    await bus.publish_stored(subject, b"the last", timeout=60)


async def take(source, count: int) -> list[int]:
    """Sequences of the next `count` messages."""
    sequences: list[int] = []
    async with asyncio.timeout(60):
        while len(sequences) < count:
            sequences += [message.sequence for message in await anext(source)]
    return sequences


async def test_batches_hold_one_to_the_asked_number_of_messages_in_order(box):
    bus = await box.connect("history")
    await fill(bus, 999)
    source = bus.read_stream(TELEMETRY, 1, 64)
    sizes, sequences = [], []
    while len(sequences) < 1000:
        batch = await anext(source)
        sizes.append(len(batch))
        sequences += [message.sequence for message in batch]
    assert sequences == list(range(1, 1001))
    assert 1 <= min(sizes) <= max(sizes) <= 64
    assert source.waiting == 0
    await source.aclose()


async def test_reading_starts_where_it_is_told_and_goes_on_with_what_comes(box):
    bus = await box.connect("history")
    await fill(bus, 9)
    source = bus.read_stream(TELEMETRY, 8)
    assert await take(source, 3) == [8, 9, 10]
    waiting = asyncio.ensure_future(anext(source))
    await asyncio.sleep(0)
    await bus.publish_stored(bus.subjects.data("gateway", "g"), b"new")
    assert [message.data for message in await waiting] == [b"new"]
    await source.aclose()


async def test_a_cancelled_wait_loses_no_message(box):
    bus = await box.connect("history")
    source = bus.read_stream(TELEMETRY, 1)
    await fill(bus, 99)
    sequences: list[int] = []
    async with asyncio.timeout(60):
        while len(sequences) < 100:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.0005):
                    sequences += [message.sequence for message in await anext(source)]
    assert sequences == list(range(1, 101))
    await source.aclose()


async def test_a_trimmed_range_is_a_jump_and_no_error(box):
    bus = await box.connect("history")
    await fill(bus, 999)
    source = bus.read_stream(TELEMETRY, 1, 10)
    first = await take(source, 10)
    await bus.trim(TELEMETRY, 500)
    sequences = first
    while sequences[-1] < 1000:
        sequences = sequences + await take(source, 1)
    assert sequences == sorted(set(sequences))
    jumps = [(a, b) for a, b in itertools.pairwise(sequences) if b != a + 1]
    assert len(jumps) == 1
    assert jumps[0][0] < 100
    assert jumps[0][1] == 501
    await source.aclose()


async def test_reading_from_before_the_first_kept_message_starts_with_that(box):
    bus = await box.connect("history")
    await fill(bus, 19)
    await bus.trim(TELEMETRY, 15)
    source = bus.read_stream(TELEMETRY, 3)
    assert await take(source, 5) == [16, 17, 18, 19, 20]
    await source.aclose()


async def test_a_restarted_server_is_read_on_without_loss_or_repetition(box):
    bus = await box.connect("history")
    await fill(bus, 499)
    source = bus.read_stream(TELEMETRY, 1, 50)
    sequences = await take(source, 100)
    await box.kill()
    await box.start()
    await bus.wait_connected(30)
    await fill(bus, 99)
    sequences += await take(source, 600 - len(sequences))
    assert sequences == list(range(1, 601))
    await source.aclose()


async def test_a_connection_that_breaks_again_and_again_costs_nothing(box):
    writer, bus = await box.connect("gateway"), await box.connect("history")
    await fill(writer, 999, size=2000)
    source = bus.read_stream(TELEMETRY, 1, 50)
    sequences: list[int] = []
    while len(sequences) < 1000:
        sequences += [message.sequence for message in await anext(source)]
        if len(sequences) % 3 == 0 and bus.connected:
            bus.connection._client._transport._io_writer.transport.abort()
    assert sequences == list(range(1, 1001))
    await source.aclose()


async def test_a_message_lost_on_the_way_is_fetched_again(box, monkeypatch):
    bus = await box.connect("history")
    await fill(bus, 499)
    source = bus.read_stream(TELEMETRY, 1, 100)
    receive, count = reader.StreamReader._receive, 0

    def lossy(self, message):
        nonlocal count
        count += 1
        if count not in (50, 333):
            receive(self, message)

    monkeypatch.setattr(reader.StreamReader, "_receive", lossy)
    assert await take(source, 500) == list(range(1, 501))
    assert count > 501
    await source.aclose()


async def test_what_the_old_consumer_still_delivers_while_it_is_replaced_does_not_come_twice(
    box, eventually, monkeypatch
):
    bus = await box.connect("history")
    source = bus.read_stream(TELEMETRY, 1)
    await fill(bus, 9)
    assert await take(source, 10) == list(range(1, 11))
    detach = source._detach

    async def late_detach():
        if not source._messages:
            await fill(bus, 4)
            await eventually(lambda: len(source._messages) == 5)
        await detach()

    waiting = asyncio.ensure_future(take(source, 5))
    await asyncio.sleep(0.05)
    monkeypatch.setattr(source, "_detach", late_detach)
    source._break("test")
    assert await waiting == list(range(11, 16))
    monkeypatch.undo()
    await fill(bus, 0)
    assert await take(source, 1) == [16]
    await source.aclose()


async def test_a_consumer_that_somebody_deletes_is_made_anew(box):
    bus = await box.connect("history")
    source = bus.read_stream(TELEMETRY, 1)
    await fill(bus, 9)
    assert await take(source, 10) == list(range(1, 11))
    waiting = asyncio.ensure_future(take(source, 10))
    await asyncio.sleep(0.05)
    await bus.connection.ask(f"$JS.API.CONSUMER.DELETE.{TELEMETRY}.history", b"", timeout=30)
    await fill(bus, 9)
    assert await waiting == list(range(11, 21))
    await source.aclose()


async def remake_stream(bus) -> None:
    """Delete the stream and make it again, as a wiped disk would."""
    info = await bus.connection.ask(f"$JS.API.STREAM.INFO.{TELEMETRY}", b"", timeout=30)
    await bus.connection.ask(f"$JS.API.STREAM.DELETE.{TELEMETRY}", b"", timeout=30)
    config = json.dumps(json.loads(info.data)["config"]).encode()
    await bus.connection.ask(f"$JS.API.STREAM.CREATE.{TELEMETRY}", config, timeout=30)


async def test_a_stream_made_anew_under_a_reader_is_told(box):
    bus = await box.connect("history")
    await fill(bus, 9)
    source = bus.read_stream(TELEMETRY, 1)
    await take(source, 10)
    before = source.created
    waiting = asyncio.ensure_future(take(source, 1))
    await asyncio.sleep(0.05)
    await remake_stream(bus)
    await fill(bus, 19)
    with pytest.raises((Conflict, NotFound)) as told:  # NotFound where it looked between the two
        await waiting
    assert told.value.code in ("bus.stream_recreated", "bus.stream_missing")
    if told.value.code == "bus.stream_recreated":
        assert told.value.facts["before"] == before
    await source.aclose()


async def test_a_stream_made_anew_while_nobody_read_is_told_by_its_creation_time(box):
    bus = await box.connect("history")
    await fill(bus, 9)
    created = (await bus.stream_info(TELEMETRY)).created
    source = bus.read_stream(TELEMETRY, 5, created=created)
    assert await take(source, 6) == [5, 6, 7, 8, 9, 10]
    await source.aclose()
    await remake_stream(bus)
    await fill(bus, 19)
    source = bus.read_stream(TELEMETRY, 11, created=created)
    with pytest.raises(Conflict) as told:
        await anext(source)
    assert told.value.code == "bus.stream_recreated"
    assert told.value.facts["created"] == (await bus.stream_info(TELEMETRY)).created
    await source.aclose()


async def test_a_stream_that_lost_its_end_is_told_instead_of_skipping_what_comes(box):
    bus = await box.connect("history")
    await fill(bus, 9)
    source = bus.read_stream(TELEMETRY, 15)
    with pytest.raises(Conflict) as told:
        await anext(source)
    assert told.value.code == "bus.stream_behind"
    assert (told.value.facts["wanted"], told.value.facts["last"]) == (15, 10)
    await source.aclose()
    source = bus.read_stream(TELEMETRY, 11)
    await fill(bus, 0)
    assert await take(source, 1) == [11]
    await source.aclose()


async def test_the_newest_reader_of_a_name_takes_over_whatever_process_it_runs_in(box):
    old = await box.connect("history")
    new = await Bus.connect(box.settings, box.home, "history")  # a second process of the same principal
    first = old.read_stream(TELEMETRY, 1)
    await fill(old, 9)
    assert await take(first, 10) == list(range(1, 11))
    waiting = asyncio.ensure_future(anext(first))
    await asyncio.sleep(0.05)
    second = new.read_stream(TELEMETRY, 1)
    assert await take(second, 10) == list(range(1, 11))
    with pytest.raises(Conflict) as told:
        async with asyncio.timeout(60):
            await waiting
    assert told.value.code == "bus.reader_replaced"
    await first.aclose()
    with pytest.raises(Conflict):
        await anext(first)
    inbox = second._inbox
    await fill(old, 0)
    assert await take(second, 1) == [11]
    assert second._inbox == inbox  # the first one's end did not disturb it
    await second.aclose()
    await new.close()


async def test_two_readers_of_different_names_read_side_by_side(box):
    bus = await box.connect("history")
    await fill(bus, 9)
    sources = [bus.read_stream(TELEMETRY, 1, reader=name) for name in ("", "audit")]
    assert [await take(source, 10) for source in sources] == [list(range(1, 11))] * 2
    for source in sources:
        await source.aclose()


async def test_a_closed_reader_leaves_no_consumer_and_no_listener_behind(box):
    bus = await box.connect("history")
    listeners = len(bus.connection._listeners)
    async with contextlib.aclosing(bus.read_stream(TELEMETRY, 1)) as source:
        await fill(bus, 0)
        await anext(source)
    answer = await bus.connection.ask(f"$JS.API.CONSUMER.INFO.{TELEMETRY}.history", b"", timeout=30)
    assert b"consumer not found" in answer.data
    assert len(bus.connection._listeners) == listeners
    await source.aclose()


async def test_a_slow_reader_holds_a_bounded_number_of_messages(box):
    bus = await box.connect("history")
    await fill(bus, 499)
    source = bus.read_stream(TELEMETRY, 1, 20)
    await anext(source)
    await asyncio.sleep(0.3)
    held = len(source._messages)
    assert held <= 60
    assert await take(source, 400)
    await source.aclose()


async def test_large_messages_are_fetched_by_bytes_and_not_only_by_number(box, monkeypatch):
    monkeypatch.setattr(reader, "_PULL_BYTES", 0)  # two of the largest messages at a time
    bus = await box.connect("history")
    await fill(bus, 30, size=900_000)
    source = bus.read_stream(TELEMETRY, 1)
    assert await take(source, 31) == list(range(1, 32))
    await source.aclose()


async def test_an_idle_reader_is_not_taken_for_dead(box, monkeypatch):
    monkeypatch.setattr(reader, "_PULL_SECONDS", 1)
    monkeypatch.setattr(reader, "_HEARTBEAT_SECONDS", 0.4)
    monkeypatch.setattr(reader, "_SILENCE_SECONDS", 8)  # a machine may stand still for some
    bus = await box.connect("history")
    source = bus.read_stream(TELEMETRY, 1)
    waiting = asyncio.ensure_future(anext(source))
    inboxes = set()
    for _ in range(90):  # past several pulls, and past the silence that would count
        await asyncio.sleep(0.1)
        inboxes.add(source._inbox)
    assert len(inboxes - {""}) == 1
    await fill(bus, 0)
    assert [message.sequence for message in await waiting] == [1]
    await source.aclose()


async def test_a_consumer_gone_without_a_word_is_noticed_by_its_silence(box, monkeypatch, eventually):
    monkeypatch.setattr(reader, "_SILENCE_SECONDS", 0.3)
    bus = await box.connect("history")
    source = bus.read_stream(TELEMETRY, 1)
    waiting = asyncio.ensure_future(anext(source))
    await eventually(lambda: source._listener is not None and not source._broken)
    await source._listener.stop()  # nothing arrives any more
    await fill(bus, 0)
    async with asyncio.timeout(60):
        assert [message.sequence for message in await waiting] == [1]
    await source.aclose()
