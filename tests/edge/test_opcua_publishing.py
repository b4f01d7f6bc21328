"""Publishing against a scripted server: what is acknowledged, what is asked for again, what becomes a gap, what ends it."""

import asyncio

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_to_binary

from lineshaft.edge.driver import Block
from lineshaft.edge.drivers.opcua import publishing
from lineshaft.edge.drivers.opcua.options import OpcUaOptions
from lineshaft.edge.drivers.opcua.publishing import Publishing
from lineshaft.edge.drivers.opcua.subscription import Subscription
from lineshaft.edge.model import ScanGroup

SUBSCRIPTION = 9


class Server:
    """Answers publish requests with what is put into `answers`, and republishes what is in `kept`."""

    device = "press"

    def __init__(self):
        self.answers = asyncio.Queue()
        self.kept = {}
        self.acknowledged = []
        self.republished = []
        self.waiting = 0
        self.reason = None

    async def ask(self, request, *, patient=False):
        if isinstance(request, ua.RepublishRequest):
            number = request.Parameters.RetransmitSequenceNumber
            self.republished.append(number)
            if number not in self.kept:
                raise ua.UaStatusCodeError(ua.StatusCodes.BadMessageNotAvailable)
            return Buffer(struct_to_binary(ua.RepublishResponse(NotificationMessage=self.kept[number])))
        self.acknowledged += [each.SequenceNumber for each in request.Parameters.SubscriptionAcknowledgements]
        self.waiting += 1
        answer = await self.answers.get()
        self.waiting -= 1
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, bytes):
            return Buffer(answer)
        response = ua.PublishResponse()
        response.Parameters.SubscriptionId = SUBSCRIPTION
        response.Parameters.NotificationMessage = answer
        return Buffer(struct_to_binary(response))

    def lose(self, reason):
        self.reason = reason


class Rows:
    """A sink that keeps keys and values."""

    doubtful = False

    def __init__(self):
        self.taken = []
        self.gaps = []

    def take(self, columns):
        self.taken += [(row[0], row[4]) for row in columns]

    def gap(self, gap):
        self.gaps.append(gap)


def message(sequence, *values, handle=1):
    """A notification message with values of one item; without values a keep-alive."""
    items = [
        ua.MonitoredItemNotification(
            ClientHandle=handle, Value=ua.DataValue(ua.Variant(float(value), ua.VariantType.Double))
        )
        for value in values
    ]
    data = [ua.DataChangeNotification(MonitoredItems=items)] if items else []
    return ua.NotificationMessage(SequenceNumber=sequence, NotificationData=data)


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def rows():
    return Rows()


@pytest.fixture
def subscription():
    subscription = Subscription(Block(group=ScanGroup(), points=(0, 1)), OpcUaOptions(secret="s"))
    subscription.id = SUBSCRIPTION
    subscription._silence_seconds = 60.0
    return subscription


@pytest.fixture
async def running(server, rows, subscription, monkeypatch):
    monkeypatch.setattr(publishing, "_WATCH_SECONDS", 0.02)
    running = Publishing(server, rows, points=2)
    running.add(subscription)
    running.start()
    yield running
    await running.stop()


async def test_values_arrive_in_order_and_each_message_is_acknowledged_once(running, server, rows, until):
    for sequence in (1, 2, 3):
        server.answers.put_nowait(message(sequence, sequence * 10, sequence * 10 + 1))
    server.answers.put_nowait(message(4))  # a keep-alive is not acknowledged
    await until(lambda: len(server.acknowledged) == 3)
    await until(lambda: server.answers.empty() and server.waiting == 2)
    assert rows.taken == [(0, 10), (0, 11), (0, 20), (0, 21), (0, 30), (0, 31)]
    assert sorted(server.acknowledged) == [1, 2, 3]
    assert rows.gaps == []


async def test_a_message_that_never_came_is_asked_for_again_and_taken(running, server, rows, until):
    server.kept[2] = message(2, 20)
    server.answers.put_nowait(message(1, 10))
    server.answers.put_nowait(message(3, 30))
    await until(lambda: (0, 20) in rows.taken)
    assert rows.taken == [(0, 10), (0, 30), (0, 20)]
    assert server.republished == [2]
    assert rows.gaps == []


async def test_a_keep_alive_shows_that_the_last_message_is_missing(running, server, rows, until):
    server.kept[1] = message(1, 10)
    server.answers.put_nowait(message(2))
    await until(lambda: rows.taken == [(0, 10)])


async def test_a_message_that_the_server_has_no_more_is_a_gap(running, server, rows, subscription, until):
    server.answers.put_nowait(message(1, 10))
    server.answers.put_nowait(message(4, 40))
    await until(lambda: rows.gaps)
    (gap,) = rows.gaps
    assert gap.cause == "sequence"
    assert "2 notification messages never came" in gap.detail
    assert subscription.missing == set()
    server.answers.put_nowait(message(5, 50))
    await until(lambda: (0, 50) in rows.taken)
    assert len(rows.gaps) == 1


async def test_a_message_that_comes_twice_is_taken_once(running, server, rows, until):
    for sequence, value in ((1, 10), (1, 10), (2, 20)):
        server.answers.put_nowait(message(sequence, value))
    await until(lambda: (0, 20) in rows.taken)
    assert rows.taken == [(0, 10), (0, 20)]


async def test_after_a_loss_everything_kept_is_taken_before_the_rest(server, rows, subscription, until):
    running = Publishing(server, rows, points=2)
    subscription.accept(1, keep_alive=False)
    server.kept = {2: message(2, 20), 3: message(3, 30)}
    await running.take_back(subscription)
    assert rows.taken == [(0, 20), (0, 30)]
    assert subscription.expected == 4


async def test_values_of_items_that_are_not_ours_are_dropped(running, server, rows, until):
    server.answers.put_nowait(message(1, 10, handle=99))
    server.answers.put_nowait(message(2, 20, handle=2))
    await until(lambda: rows.taken)
    assert rows.taken == [(1, 20)]


async def test_an_answer_that_cannot_be_read_is_a_gap_and_publishing_goes_on(running, server, rows, until):
    server.answers.put_nowait(b"\x01\x00\x3d\x03 no publish response")
    await until(lambda: rows.gaps)
    assert rows.gaps[0].cause == "undecodable"
    server.answers.put_nowait(message(1, 10))
    await until(lambda: rows.taken)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (ua.UaStatusCodeError(ua.StatusCodes.BadSessionClosed), "publishing ended with BadSessionClosed"),
        (ConnectionError("cut"), "cut"),
        (
            ua.NotificationMessage(
                SequenceNumber=1,
                NotificationData=[ua.StatusChangeNotification(Status=ua.StatusCode(ua.StatusCodes.BadTimeout))],
            ),
            "the server ended the subscription: BadTimeout",
        ),
    ],
)
async def test_what_ends_the_connection_says_why(running, server, until, answer, reason):
    server.answers.put_nowait(answer)
    await until(lambda: server.reason)
    assert server.reason == reason


async def test_a_sink_that_fails_ends_the_connection_instead_of_leaving_it_mute(running, server, rows, until):
    def fail(_):
        raise KeyError("a fault of ours")

    rows.take = fail
    server.answers.put_nowait(message(1, 10))
    await until(lambda: server.reason)
    assert "a fault of ours" in server.reason


async def test_a_server_that_takes_fewer_requests_gets_fewer_and_at_least_one(running, server, rows, until):
    await until(lambda: server.waiting == 2)
    for _ in range(4):
        server.answers.put_nowait(ua.UaStatusCodeError(ua.StatusCodes.BadTooManyPublishRequests))
    await until(lambda: server.answers.empty() and server.waiting == 1)
    server.answers.put_nowait(message(1, 10))
    await until(lambda: rows.taken)
    assert server.reason is None


async def test_a_request_whose_time_was_up_is_sent_again(running, server, rows, until):
    server.answers.put_nowait(ua.UaStatusCodeError(ua.StatusCodes.BadTimeout))
    server.answers.put_nowait(message(1, 10))
    await until(lambda: rows.taken)
    assert server.reason is None


async def test_a_silent_subscription_ends_the_connection(running, server, subscription, until):
    subscription._silence_seconds = 0.05
    await until(lambda: server.reason)
    assert server.reason == "the server's keep-alive messages stopped"
