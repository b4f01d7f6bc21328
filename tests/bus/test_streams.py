"""Stored messages: acknowledged means on disk, once; a full stream refuses and never forgets."""

import asyncio
import json
import random

import pytest

from lineshaft.bus import CONFIG, DEADLETTER, EVENTS, TELEMETRY, ensure_streams, read_event
from lineshaft.bus.settings import MIB
from lineshaft.bus.streams import parse_server_time
from lineshaft.bus.testing import BusSettings, embedded_bus
from lineshaft.core import clock
from lineshaft.core.errors import NotFound, Unavailable


async def stored_ids(bus, stream: str, count: int) -> list[str]:
    """Message ids of a stream, by sequence, as a reader sees them."""
    reader = bus.read_stream(stream, 1)
    ids: list[str] = []
    async with asyncio.timeout(60):
        while len(ids) < count:
            ids += [message.headers["Nats-Msg-Id"] for message in await anext(reader)]
    await reader.aclose()
    return ids


async def publish_until_stored(bus, subject: str, payload: bytes, message_id: str) -> int:
    """What every publisher does: again and again with the same id, until it is stored. Returns how often it failed."""
    failures = 0
    while True:
        try:
            await bus.publish_stored(subject, payload, {}, message_id, timeout=2)
        except Unavailable:
            failures += 1
            await asyncio.sleep(0.02)
        else:
            return failures


async def kill_under_load(box, *, kills: int, seed: int) -> None:
    """Two publishers, a server killed at random moments: every message once, in each publisher's order."""
    randomly = random.Random(seed)
    reader, publishers = await box.connect("history"), [await box.connect(f"gateway{n}") for n in range(2)]
    stop = asyncio.Event()
    sent: dict[str, list[str]] = {bus.name: [] for bus in publishers}

    async def publish(bus) -> int:
        failures = 0
        while not stop.is_set():
            message_id = f"{bus.name}:{len(sent[bus.name]) + 1}"
            subject = bus.subjects.data(bus.name, "g")
            failures += await publish_until_stored(bus, subject, randomly.randbytes(3000), message_id)
            sent[bus.name].append(message_id)
        return failures

    tasks = [asyncio.create_task(publish(bus)) for bus in publishers]
    source = reader.read_stream(TELEMETRY, 1)
    seen: list[tuple[int, str]] = []

    async def read() -> None:
        async for batch in source:
            seen.extend((message.sequence, message.headers["Nats-Msg-Id"]) for message in batch)

    reading = asyncio.create_task(read())
    for _ in range(kills):
        await asyncio.sleep(randomly.uniform(0.05, 0.6))
        await box.kill()
        await asyncio.sleep(randomly.uniform(0, 0.3))
        await box.start()
    await asyncio.sleep(0.3)
    stop.set()
    failures = await asyncio.gather(*tasks)
    expected = sum(map(len, sent.values()))
    async with asyncio.timeout(60):
        while len(seen) < expected and not reading.done():  # noqa: ASYNC110  # the reader sets no event
            await asyncio.sleep(0.01)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await source.aclose()
    assert [sequence for sequence, _ in seen] == list(range(1, expected + 1))
    for bus in publishers:
        assert [message_id for _, message_id in seen if message_id.startswith(f"{bus.name}:")] == sent[bus.name]
    assert sum(failures) > 0  # the kills were felt
    assert (await reader.stream_info(TELEMETRY)).last == expected


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_killed_server_loses_no_acknowledged_message_and_doubles_none(box, seed):
    await kill_under_load(box, kills=3, seed=seed)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(20))
async def test_a_server_killed_hundreds_of_times_loses_and_doubles_nothing(box, seed):
    await kill_under_load(box, kills=15, seed=1000 + seed)


async def test_a_repeated_message_is_stored_once_and_the_repetition_is_told(box):
    bus = await box.connect("gateway")
    subject = bus.subjects.data("gateway", "g")
    first = await bus.publish_stored(subject, b"x", {}, "a:1")
    again = await bus.publish_stored(subject, b"x", {}, "a:1")
    other = await bus.publish_stored(subject, b"x", {}, "a:2")
    assert (first.sequence, first.duplicate) == (1, False)
    assert (again.sequence, again.duplicate) == (1, True)
    assert (other.sequence, other.duplicate) == (2, False)
    await box.kill()
    await box.start()
    await bus.wait_connected(30)
    assert (await bus.publish_stored(subject, b"x", {}, "a:2")).duplicate


async def test_headers_payload_and_time_come_back_as_they_were(box):
    bus = await box.connect("gateway")
    before = clock.now_us()
    payload = bytes(range(256)) * 10
    await bus.publish_stored(bus.subjects.data("gateway", "g"), payload, {"Ls-Detail": "天轴 ✓", "A": "1"}, "a:1")
    reader = bus.read_stream(TELEMETRY, 1)
    (message,) = await anext(reader)
    await reader.aclose()
    assert message.data == payload
    assert message.headers == {"Ls-Detail": "天轴 ✓", "A": "1", "Nats-Msg-Id": "a:1"}
    assert message.subject == "ls.main.box.data.gateway.g"
    assert before <= message.time_us <= clock.now_us()


async def test_a_full_telemetry_stream_refuses_and_forgets_nothing(tmp_path):
    async with embedded_bus(tmp_path, BusSettings(port=0, store_max_bytes=4 * MIB)) as box:
        bus = await box.connect("gateway")
        subject = bus.subjects.data("gateway", "g")
        stored = 0

        async def fill() -> None:
            nonlocal stored
            while stored < 100:
                await bus.publish_stored(subject, b"x" * 300_000, {}, f"a:{stored}")
                stored += 1

        with pytest.raises(Unavailable) as refused:
            await fill()
        assert refused.value.code == "bus.full"
        assert "bus.store_max_bytes" in refused.value.hint
        assert 10 <= stored <= 14
        assert (await bus.stream_info(TELEMETRY)).first == 1
        assert await bus.trim(TELEMETRY, 2) == 2
        assert (await bus.publish_stored(subject, b"x" * 300_000, {}, f"a:{stored}")).sequence == stored + 1
        assert await stored_ids(bus, TELEMETRY, stored - 1) == [f"a:{n}" for n in range(2, stored + 1)]


async def test_trimming_removes_up_to_and_including_the_sequence(box):
    bus = await box.connect("history")
    for number in range(10):
        await bus.publish_stored(bus.subjects.data("gateway", "g"), b"%d" % number)
    assert await bus.trim(TELEMETRY, 4) == 4
    state = await bus.stream_info(TELEMETRY)
    assert (state.first, state.last, state.messages) == (5, 10, 6)
    assert await bus.trim(TELEMETRY, 10) == 6
    state = await bus.stream_info(TELEMETRY)
    assert (state.first, state.last, state.messages, state.bytes) == (11, 10, 0, 0)
    assert await bus.trim(TELEMETRY, 3) == 0
    assert (await bus.publish_stored(bus.subjects.data("gateway", "g"), b"x")).sequence == 11


async def test_trimming_to_before_the_first_message_removes_nothing(box):
    bus = await box.connect("history")
    await bus.publish_stored(bus.subjects.data("gateway", "g"), b"x")
    assert await bus.trim(TELEMETRY, 0) == 0
    assert (await bus.stream_info(TELEMETRY)).messages == 1


async def test_a_gateway_finds_its_last_configuration(box):
    bus = await box.connect("gateway")
    subject = bus.subjects.config("gateway")
    assert await bus.last_message(CONFIG, subject) is None
    for version in (b"1", b"2"):
        await bus.publish_stored(subject, version, {"Ls-Config": version.decode()})
    await bus.publish_stored(bus.subjects.config("other"), b"9")
    found = await bus.last_message(CONFIG, subject)
    assert found is not None
    assert (found.sequence, found.subject, found.data, found.headers) == (2, subject, b"2", {"Ls-Config": "2"})
    assert abs(found.time_us - clock.now_us()) < 60_000_000
    assert (await bus.stream_info(CONFIG)).messages == 2  # one of each gateway


async def test_an_event_is_stored_once_under_its_id(box):
    bus = await box.connect("access")
    assert not (await bus.publish_event("access", "revoked", {"principal": "x"}, id_="01E")).duplicate
    assert (await bus.publish_event("access", "revoked", {"principal": "x"}, id_="01E")).duplicate
    reader = bus.read_stream(EVENTS, 1)
    (message,) = await anext(reader)
    await reader.aclose()
    event = read_event(message.headers)
    assert (event.id, event.type, event.source) == ("01E", "access.revoked", "/main/box/access")
    assert message.subject == "ls.main.box.event.access.revoked"
    assert message.data == b'{"principal":"x"}'


async def test_a_message_that_no_stream_keeps_is_not_taken_for_stored(box):
    bus = await box.connect("gateway")
    with pytest.raises(Unavailable) as refused:
        await bus.publish_stored(bus.subjects.command("gateway"), b"x")
    assert refused.value.code == "bus.not_kept"


async def test_an_unconfirmed_message_is_unavailable_and_not_lost_silently(box):
    """Somebody listens on the subject but no stream confirms."""
    bus, listener = await box.connect("gateway"), await box.connect("web")

    async def ignore(_message):
        pass

    await listener.subscribe(bus.subjects.command("gateway"), ignore)
    with pytest.raises(Unavailable) as refused:
        await bus.publish_stored(bus.subjects.command("gateway"), b"x", timeout=0.2)
    assert refused.value.code == "bus.unacknowledged"


async def test_streams_are_made_once_and_follow_their_settings(box):
    bus = await box.connect("access")
    assert await ensure_streams(bus, box.subjects, box.settings) == []
    larger = BusSettings(port=0, store_max_bytes=box.settings.store_max_bytes * 2, event_max_bytes=512 * MIB)
    await bus.publish_stored(bus.subjects.data("gateway", "g"), b"x")
    with pytest.raises(Unavailable, match="insufficient storage"):  # the server was started for the smaller ones
        await ensure_streams(bus, box.subjects, larger)
    smaller = BusSettings(port=0, store_max_bytes=64 * MIB)
    assert await ensure_streams(bus, box.subjects, smaller) == [TELEMETRY]
    assert (await bus.stream_info(TELEMETRY)).last == 1


async def test_the_telemetry_stream_never_drops_and_all_are_on_disk(box):
    bus = await box.connect("access")
    for name in (TELEMETRY, EVENTS, CONFIG, DEADLETTER):
        answer = await bus.connection.ask(f"$JS.API.STREAM.INFO.{name}", b"", timeout=30)
        config = json.loads(answer.data)["config"]
        assert config["storage"] == "file"
        assert config["retention"] == "limits"
        assert config["discard"] == ("new" if name == TELEMETRY else "old")
        assert name != TELEMETRY or config["max_age"] == 0


async def test_a_stream_that_is_not_there_is_not_found(box):
    bus = await box.connect("history")
    for call in (bus.stream_info("NONE"), bus.trim("NONE", 1), anext(bus.read_stream("NONE", 1))):
        with pytest.raises(NotFound) as refused:
            await call
        assert refused.value.code == "bus.stream_missing"


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2026-11-22T15:49:01.399046614Z", 399046), ("2026-11-22T15:49:01.5Z", 500000), ("2026-11-22T15:49:01Z", 0),
        ("2026-11-22T15:49:01.000000999Z", 0),
    ],
)  # fmt: skip
def test_the_servers_times_are_read_whatever_their_decimals(text, us):
    assert parse_server_time(text) == clock.parse_time("2026-11-22T15:49:01Z") + us
