"""Requests between services: one answer or a stream of chunks, errors of the same class, no one left waiting."""

import asyncio
import contextlib

import msgspec
import pytest
import structlog.testing

from lineshaft.bus import Bus, permissions, services
from lineshaft.bus.services import MAXIMUM_REQUESTS, WINDOW
from lineshaft.core import errors
from lineshaft.core.errors import (
    Corrupt,
    DeadlineExceeded,
    Forbidden,
    LineshaftError,
    NotFound,
    TooLarge,
    TooMany,
    Unavailable,
)


class Question(msgspec.Struct):
    tags: list[int]


class Answer(msgspec.Struct):
    caller: str
    total: int


@pytest.fixture
async def pair(box) -> tuple[Bus, Bus]:
    """A service and a caller with no more permissions than they need."""
    verbs = ("echo", "sum", "fail", "wait", "many", "hot")
    service = await box.connect("history", permissions.serve(box.subjects, "history", *verbs))
    caller = await box.connect("web", permissions.request(box.subjects, "web", "history", *verbs))
    return service, caller


# -- one answer -------------------------------------------------------------------------------------------------------


async def test_a_typed_question_gets_a_typed_answer_and_the_service_knows_who_asked(pair):
    service, caller = pair

    async def add(who: str, body: bytes) -> Answer:
        return Answer(who, sum(msgspec.json.decode(body, type=Question).tags))

    await service.serve("history", "sum", add)
    assert await caller.request("history", "sum", Question([1, 2, 3]), Answer) == Answer("web", 6)


@pytest.mark.parametrize("result", [b"", b"\x00\xff" * 1000, None])
async def test_bytes_and_nothing_travel_as_they_are(pair, result):
    service, caller = pair

    async def give(_who, _body):
        return result

    await service.serve("history", "echo", give)
    assert await caller.request("history", "echo") == (result or b"")


KINDS = [
    errors.InvalidInput, errors.Unauthenticated, Forbidden, NotFound, errors.Conflict, errors.PreconditionFailed,
    TooLarge, TooMany, Unavailable, DeadlineExceeded, Corrupt, LineshaftError,
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
async def test_an_error_arrives_as_the_same_class_with_everything_in_it(pair, kind):
    service, caller = pair
    raised = kind("history.broken", "第一行\nsecond line: \u2028 'quoted'", "hint\r\n2", tags=[1, 2], name="轴", n=None)

    async def fail(_who, _body):
        raise raised

    await service.serve("history", "fail", fail)
    with pytest.raises(kind) as caught:
        await caller.request("history", "fail")
    assert type(caught.value) is kind
    for field in ("code", "message", "hint", "facts", "status"):
        assert getattr(caught.value, field) == getattr(raised, field)


async def test_facts_that_json_does_not_know_travel_as_text(pair):
    service, caller = pair

    async def fail(_who, _body):
        raise NotFound("history.missing", "x", "y", path=object, inside=[{"a": print}], when={1})

    await service.serve("history", "fail", fail)
    with pytest.raises(NotFound) as caught:
        await caller.request("history", "fail")
    facts = {"path": "<class 'object'>", "inside": [{"a": "<built-in function print>"}], "when": [1]}
    assert caught.value.facts == facts


@pytest.mark.parametrize("facts", [{"pairs": {(1, 2): 3}}, {"long": "x" * (2 << 20)}, {"long": ["x" * 1000] * 2000}])
async def test_an_error_with_facts_that_cannot_travel_arrives_without_them(pair, facts):
    service, caller = pair

    async def fail(_who, _body):
        raise NotFound("history.missing", "there is none", "y", **facts)

    await service.serve("history", "fail", fail)
    with pytest.raises(NotFound, match="there is none"):
        await caller.request("history", "fail")


async def test_one_answer_is_not_made_of_the_first_chunk_of_a_stream(pair):
    service, caller = pair

    async def hot(_who, _body):
        yield {}, b"1"

    await service.serve_stream("history", "hot", hot)
    with pytest.raises(errors.InvalidInput) as caught:
        await caller.request("history", "hot")
    assert caught.value.code == "bus.stream_expected"


async def test_a_bug_in_a_service_is_an_error_to_the_caller_and_a_traceback_in_the_log(pair):
    service, caller = pair

    async def fail(_who, _body):
        raise ZeroDivisionError("secret detail")

    await service.serve("history", "fail", fail)
    with structlog.testing.capture_logs() as lines, pytest.raises(LineshaftError) as caught:
        await caller.request("history", "fail")
    assert caught.value.code == "bus.handler_failed"
    assert "secret detail" not in str(caught.value)
    (line,) = [line for line in lines if line["event"] == "bus_handler_failed"]
    assert line["exc_info"]
    assert line["caller"] == "web"


async def test_a_service_that_does_not_run_is_said_to_be_at_once(pair):
    _, caller = pair
    with pytest.raises(Unavailable) as caught:
        async with asyncio.timeout(30):
            await caller.request("history", "echo", timeout=60)
    assert caught.value.code == "bus.no_service"
    assert "history" in str(caught.value)


async def test_a_service_that_is_too_slow_is_given_up(pair):
    service, caller = pair

    async def wait(_who, _body):
        await asyncio.Event().wait()

    await service.serve("history", "wait", wait)
    with pytest.raises(DeadlineExceeded) as caught:
        await caller.request("history", "wait", timeout=0.1)
    assert caught.value.code == "bus.unanswered"


async def test_an_answer_of_another_shape_is_corrupt(pair):
    service, caller = pair

    async def give(_who, _body):
        return b'{"caller": 1}'

    await service.serve("history", "sum", give)
    with pytest.raises(Corrupt) as caught:
        await caller.request("history", "sum", None, Answer)
    assert caught.value.code == "bus.answer_unreadable"


async def test_an_answer_over_the_limit_is_an_error_to_the_caller(pair):
    service, caller = pair

    async def give(_who, _body):
        return b"x" * (2 << 20)

    await service.serve("history", "echo", give)
    with pytest.raises(TooLarge) as caught:
        await caller.request("history", "echo")
    assert caught.value.code == "bus.message_too_large"


async def test_slow_requests_do_not_hold_up_others_and_too_many_are_refused_at_once(pair):
    service, caller = pair
    release, all_there = asyncio.Event(), asyncio.Event()
    under_way = []

    async def wait(_who, body):
        under_way.append(body)
        if len(under_way) == MAXIMUM_REQUESTS:
            all_there.set()
        await release.wait()
        return body

    async def echo(_who, body):
        return body

    await service.serve("history", "wait", wait)
    await service.serve("history", "echo", echo)
    calls = [asyncio.ensure_future(caller.request("history", "wait", b"%d" % n)) for n in range(MAXIMUM_REQUESTS)]
    async with asyncio.timeout(60):
        await all_there.wait()
    assert await caller.request("history", "echo", b"x") == b"x"
    with pytest.raises(TooMany) as caught:
        await caller.request("history", "wait")
    assert caught.value.code == "bus.service_busy"
    release.set()
    assert await asyncio.gather(*calls) == [b"%d" % n for n in range(MAXIMUM_REQUESTS)]
    assert await caller.request("history", "wait", b"again") == b"again"


async def test_a_service_that_closes_finishes_what_it_was_asked(pair):
    service, caller = pair
    asked, release = asyncio.Event(), asyncio.Event()

    async def wait(_who, _body):
        asked.set()
        await release.wait()
        return b"done"

    await service.serve("history", "wait", wait)
    call = asyncio.ensure_future(caller.request("history", "wait"))
    await asked.wait()
    closing = asyncio.ensure_future(service.close())
    await asyncio.sleep(0)
    release.set()
    assert await call == b"done"
    await closing
    with pytest.raises(Unavailable):
        await caller.request("history", "wait")


async def test_two_instances_of_a_service_share_its_requests(box, pair):
    service, caller = pair
    other = await Bus.connect(box.settings, box.home, "history")
    answers = []

    def handler(name):
        async def give(_who, _body):
            answers.append(name)
            return name

        return give

    await service.serve("history", "echo", handler(b"1"))
    await other.serve("history", "echo", handler(b"2"))
    for _ in range(40):
        await caller.request("history", "echo")
    assert len(answers) == 40
    assert set(answers) == {b"1", b"2"}
    await other.close()


async def test_a_verb_is_answered_from_the_moment_it_is_served_to_the_moment_it_is_stopped(pair):
    service, caller = pair

    async def echo(_who, body):
        return body

    for _ in range(100):
        listener = await service.serve("history", "echo", echo)
        assert await caller.request("history", "echo", b"x") == b"x"
        await listener.stop()
        with pytest.raises(Unavailable) as caught:
            await caller.request("history", "echo")
        assert caught.value.code == "bus.no_service"


# -- streams ----------------------------------------------------------------------------------------------------------


async def collect(stream) -> list[tuple[dict, bytes]]:
    return [chunk async for chunk in stream]


async def test_a_stream_arrives_whole_and_in_order_with_its_headers(pair):
    service, caller = pair

    async def hot(who, body):
        assert (who, body) == ("web", b"tags")
        for number in range(50):
            yield {"Ls-Number": str(number)}, b"%d" % number * 1000

    await service.serve_stream("history", "hot", hot)
    chunks = await collect(caller.request_stream("history", "hot", b"tags"))
    assert chunks == [({"Ls-Number": str(n)}, b"%d" % n * 1000) for n in range(50)]


async def test_an_empty_stream_and_empty_chunks_are_streams_too(pair):
    service, caller = pair

    async def none(_who, _body):
        for _ in ():
            yield {}, b""

    async def empty(_who, _body):
        yield {}, b""
        yield {"A": "1"}, b""

    await service.serve_stream("history", "many", none)
    await service.serve_stream("history", "hot", empty)
    assert await collect(caller.request_stream("history", "many")) == []
    assert await collect(caller.request_stream("history", "hot")) == [({}, b""), ({"A": "1"}, b"")]


async def test_many_streams_at_once_do_not_mix(pair):
    service, caller = pair

    async def hot(_who, body):
        for number in range(20):
            yield {}, body + b"%d" % number
            await asyncio.sleep(0)

    await service.serve_stream("history", "hot", hot)
    results = await asyncio.gather(*(collect(caller.request_stream("history", "hot", b"%d:" % n)) for n in range(20)))
    for number, chunks in enumerate(results):
        assert [data for _, data in chunks] == [b"%d:%d" % (number, n) for n in range(20)]


async def test_a_slow_caller_holds_up_the_giver_instead_of_filling_the_server(pair, eventually):
    service, caller = pair
    made = 0

    async def hot(_who, _body):
        nonlocal made
        for _ in range(200):
            made += 1
            yield {}, b"x" * 100_000

    await service.serve_stream("history", "hot", hot)
    taken, most_ahead = 0, 0
    async for _ in caller.request_stream("history", "hot"):
        taken += 1
        await asyncio.sleep(0.001)
        most_ahead = max(most_ahead, made - taken)
    assert taken == 200
    assert most_ahead <= WINDOW + WINDOW // 2


async def test_a_caller_busy_for_longer_than_the_givers_patience_is_not_given_up(pair, monkeypatch):
    monkeypatch.setattr(services, "ALIVE_SECONDS", 0.05)
    monkeypatch.setattr(services, "STALL_SECONDS", 8)  # a machine may stand still for some
    service, caller = pair

    async def hot(_who, _body):
        for number in range(20):
            yield {}, b"%d" % number

    await service.serve_stream("history", "hot", hot)
    numbers = []
    async for _, data in caller.request_stream("history", "hot"):
        numbers.append(int(data))
        if len(numbers) == 2:
            await asyncio.sleep(9)
    assert numbers == list(range(20))


async def test_a_chunk_that_takes_longer_than_the_callers_patience_is_waited_for(pair, monkeypatch):
    monkeypatch.setattr(services, "ALIVE_SECONDS", 0.05)
    service, caller = pair

    async def hot(_who, _body):
        yield {}, b"1"
        await asyncio.sleep(9)
        yield {}, b"2"

    await service.serve_stream("history", "hot", hot)
    chunks = await collect(caller.request_stream("history", "hot", timeout=8))  # a machine may stand still for some
    assert [data for _, data in chunks] == [b"1", b"2"]


async def test_an_error_in_the_middle_of_a_stream_arrives_after_the_chunks_before_it(pair):
    service, caller = pair

    async def hot(_who, _body):
        yield {}, b"1"
        raise NotFound("history.tag_unknown", "there is no tag 7", "List them.", tag=7)

    await service.serve_stream("history", "hot", hot)
    stream = caller.request_stream("history", "hot")
    assert (await anext(stream))[1] == b"1"
    with pytest.raises(NotFound) as caught:
        await anext(stream)
    assert (caught.value.code, caught.value.facts) == ("history.tag_unknown", {"tag": 7})


async def test_a_bug_in_the_middle_of_a_stream_ends_it_with_an_error(pair):
    service, caller = pair

    async def hot(_who, _body):
        yield {}, b"1"
        raise ZeroDivisionError

    await service.serve_stream("history", "hot", hot)
    with structlog.testing.capture_logs(), pytest.raises(LineshaftError) as caught:
        await collect(caller.request_stream("history", "hot"))
    assert caught.value.code == "bus.handler_failed"


async def test_a_chunk_over_the_limit_ends_the_stream_with_an_error(pair):
    service, caller = pair

    async def hot(_who, _body):
        yield {}, b"x" * (2 << 20)

    await service.serve_stream("history", "hot", hot)
    with pytest.raises(TooLarge):
        await collect(caller.request_stream("history", "hot"))


async def test_a_caller_that_leaves_early_ends_the_givers_work(pair, eventually):
    service, caller = pair
    closed = asyncio.Event()

    async def hot(_who, _body):
        try:
            while True:
                yield {}, b"x"
        finally:
            closed.set()

    await service.serve_stream("history", "hot", hot)
    listeners = len(caller.connection._listeners)
    async with contextlib.aclosing(caller.request_stream("history", "hot")) as stream:
        await anext(stream)
    async with asyncio.timeout(30):
        await closed.wait()
    assert len(caller.connection._listeners) == listeners
    await eventually(lambda: not service._services._given)


async def test_a_caller_that_dies_is_noticed_and_its_stream_ended(box, pair, monkeypatch):
    monkeypatch.setattr(services, "STALL_SECONDS", 0.3)
    service, _ = pair
    closed = asyncio.Event()

    async def hot(_who, _body):
        try:
            while True:
                yield {}, b"x"
        finally:
            closed.set()

    await service.serve_stream("history", "hot", hot)
    doomed = await Bus.connect(box.settings, box.home, "web")
    stream = doomed.request_stream("history", "hot")
    await anext(stream)
    doomed.connection._keeper.cancel()  # as if the process were gone: no goodbye, no credit
    await doomed.connection._client.close()
    async with asyncio.timeout(30):
        await closed.wait()
    await stream.aclose()
    await doomed.close()


async def test_a_giver_that_dies_in_the_middle_is_an_error_after_the_deadline(box, pair, monkeypatch):
    monkeypatch.setattr(services, "ALIVE_SECONDS", 60)  # the caller itself says nothing by which it would be told
    _, caller = pair
    doomed = await Bus.connect(box.settings, box.home, "history")

    async def hot(_who, _body):
        yield {}, b"1"
        await asyncio.Event().wait()

    await doomed.serve_stream("history", "hot", hot)
    stream = caller.request_stream("history", "hot", timeout=8)
    assert (await anext(stream))[1] == b"1"
    doomed.connection._keeper.cancel()
    await doomed.connection._client.close()
    with pytest.raises(DeadlineExceeded) as caught:
        async with asyncio.timeout(30):
            await anext(stream)
    assert caught.value.code == "bus.unanswered"
    await doomed.close()


async def test_a_caller_whose_connection_breaks_in_the_middle_is_told_at_once(box, pair):
    service, caller = pair

    async def hot(_who, _body):
        yield {}, b"1"
        await asyncio.Event().wait()

    await service.serve_stream("history", "hot", hot)
    stream = caller.request_stream("history", "hot", timeout=60)
    await anext(stream)
    await box.kill()
    with pytest.raises(Unavailable) as caught:
        async with asyncio.timeout(30):
            await anext(stream)
    assert caught.value.code == "bus.connection_lost"


async def test_a_stream_of_a_service_that_does_not_run_is_refused_at_once(pair):
    _, caller = pair
    with pytest.raises(Unavailable) as caught:
        async with asyncio.timeout(30):
            await collect(caller.request_stream("history", "hot", timeout=60))
    assert caught.value.code == "bus.no_service"


async def test_a_stream_that_one_may_not_ask_for_is_forbidden_at_once(box, pair):
    service, _ = pair

    async def hot(_who, _body):
        yield {}, b""

    await service.serve_stream("history", "hot", hot)
    stranger = await box.connect("stranger", permissions.request(box.subjects, "stranger", "edge", "browse"))
    with pytest.raises(Forbidden):
        async with asyncio.timeout(30):
            await collect(stranger.request_stream("history", "hot", timeout=60))


async def test_a_lost_chunk_is_noticed_and_not_skipped(pair, monkeypatch):
    service, caller = pair

    async def hot(_who, _body):
        for number in range(10):
            yield {}, b"%d" % number

    await service.serve_stream("history", "hot", hot)
    listen = caller.connection.listen

    async def lossy(subject, sink, **options):
        def take(message):
            if message.data != b"3":
                sink(message)

        return await listen(subject, take, **options)

    monkeypatch.setattr(caller.connection, "listen", lossy)
    with pytest.raises(Unavailable) as caught:
        await collect(caller.request_stream("history", "hot"))
    assert caught.value.code == "bus.stream_broken"


async def test_a_stream_longer_than_the_permission_to_answer_goes_on(box, monkeypatch):
    monkeypatch.setattr("lineshaft.bus.claims.RESPOND_SECONDS", 8)  # a machine may stand still for some
    monkeypatch.setattr(services, "REPLY_SECONDS", 0.25)
    monkeypatch.setattr(services, "ALIVE_SECONDS", 0.1)
    service = await box.connect("history", permissions.serve(box.subjects, "history", "hot"))
    caller = await box.connect("web", permissions.request(box.subjects, "web", "history", "hot"))

    async def hot(_who, _body):
        for number in range(8):
            yield {}, b"%d" % number
            await asyncio.sleep(1.4)  # longer in all than one may answer

    await service.serve_stream("history", "hot", hot)
    with structlog.testing.capture_logs() as lines:
        chunks = await collect(caller.request_stream("history", "hot", timeout=10))
    assert [data for _, data in chunks] == [b"%d" % n for n in range(8)]
    assert "bus_permission_missing" not in [line["event"] for line in lines]


async def test_a_closing_service_ends_its_streams_with_an_error_to_the_caller(pair):
    service, caller = pair

    async def hot(_who, _body):
        yield {}, b"1"
        await asyncio.Event().wait()

    await service.serve_stream("history", "hot", hot)
    stream = caller.request_stream("history", "hot", timeout=60)
    await anext(stream)
    await service.close()
    with pytest.raises(Unavailable) as caught:
        async with asyncio.timeout(30):
            await anext(stream)
    assert caught.value.code == "bus.service_stopped"


# -- live subscriptions -----------------------------------------------------------------------------------------------


async def test_live_messages_come_one_after_the_other_and_a_bad_one_ends_nothing(box, eventually):
    bus = await box.connect("web")
    seen, running = [], 0

    async def take(message):
        nonlocal running
        running += 1
        assert running == 1
        await asyncio.sleep(0)
        seen.append((message.subject, message.headers, message.data))
        running -= 1
        if message.data == b"1":
            raise ZeroDivisionError

    with structlog.testing.capture_logs() as lines:
        subscription = await bus.subscribe(bus.subjects.all_events(), take)
        for number in range(3):
            await bus.publish(bus.subjects.event("a", "b"), b"%d" % number, {"N": str(number)})
        await eventually(lambda: len(seen) == 3)
    assert seen == [("ls.main.box.event.a.b", {"N": str(n)}, b"%d" % n) for n in range(3)]
    assert [line["event"] for line in lines] == ["bus_callback_failed"]
    await subscription.stop()
    await bus.publish(bus.subjects.event("a", "b"), b"x")
    await bus.publish_stored(bus.subjects.event("a", "b"), b"y")
    assert len(seen) == 3


@pytest.mark.parametrize(("limit", "value"), [("MAXIMUM_WAITING", 10), ("MAXIMUM_WAITING_BYTES", 1009)])
async def test_live_messages_beyond_what_may_wait_are_dropped_counted_and_logged_once(
    box, eventually, monkeypatch, limit, value
):
    monkeypatch.setattr(f"lineshaft.bus.live.{limit}", value)
    bus = await box.connect("web")
    release = asyncio.Event()
    seen = []

    async def take(message):
        await release.wait()
        seen.append(message.data)

    with structlog.testing.capture_logs() as lines:
        subscription = await bus.subscribe(bus.subjects.all_events(), take)
        for _ in range(30):
            await bus.publish(bus.subjects.event("a", "b"), b"x" * 100)
        await eventually(lambda: subscription.dropped >= 19)
    assert [line["event"] for line in lines] == ["bus_messages_dropped"]
    release.set()
    await eventually(lambda: len(seen) == 30 - subscription.dropped)
    assert subscription.dropped <= 20
