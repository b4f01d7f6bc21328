"""One client: gets only what it shows, the last value wins, and a slow one is sent less, never more."""

import json

import pytest

from lineshaft.history import LatestTable
from lineshaft.history.testing import rows_of
from lineshaft.web.live.board import Board
from lineshaft.web.live.listener import SLOWEST_SECONDS, Listener, Tick

TICK = 0.1


class Wire:
    """A socket that takes everything, or holds it back."""

    def __init__(self):
        self.sent = []
        self.unsent = 0
        self.open = True

    def write_text(self, payload):
        if self.open:
            self.sent.append(payload)
        return self.open

    @property
    def values(self):
        return [[row[:3:2] for row in json.loads(text)["values"]] for text in self.sent]


class Stage:
    """A board, listeners on it, and a clock that ticks."""

    def __init__(self):
        self.table = LatestTable()
        self.board = Board(self.table)
        self.now = 100.0
        self.time = 0
        self.listeners = []

    def listener(self, **tags):
        wire = Wire()
        listener = Listener(wire, self.board, TICK)
        listener.subscribe({int(name[1:]): name for name in tags})
        self.listeners.append(listener)
        return listener, wire

    def value(self, number, value):
        self.time += 1
        self.board.mark(self.table.update(rows_of([(number, self.time, float(value), 0)])))

    def tick(self, times=1):
        for _ in range(times):
            tick = Tick(self.board.close_tick())
            self.now += TICK
            for listener in self.listeners:
                listener.offer(tick, self.now)


@pytest.fixture
def stage():
    return Stage()


def test_a_client_gets_the_present_values_at_once_and_then_the_changes(stage):
    stage.value(1, 10)
    stage.tick()
    _, wire = stage.listener(t1=0, t2=0)
    assert wire.values == [[["t1", 10.0]]]
    stage.tick()
    assert wire.values[1:] == []
    stage.value(2, 20)
    stage.tick()
    assert wire.values[1:] == [[["t2", 20.0]]]


def test_each_client_gets_only_its_own_tags(stage):
    _, first = stage.listener(t1=0)
    _, second = stage.listener(t2=0)
    stage.value(1, 10)
    stage.value(2, 20)
    stage.tick()
    assert (first.values, second.values) == ([[["t1", 10.0]]], [[["t2", 20.0]]])


def test_many_changes_between_two_ticks_are_one_value(stage):
    _, wire = stage.listener(t1=0)
    for value in range(50):
        stage.value(1, value)
    stage.tick()
    assert wire.values == [[["t1", 49.0]]]


def test_a_tick_without_changes_sends_nothing(stage):
    _, wire = stage.listener(t1=0)
    stage.value(2, 1)
    stage.tick(5)
    assert wire.sent == []


def test_unsubscribed_tags_are_sent_no_more_and_may_come_back(stage):
    listener, wire = stage.listener(t1=0, t2=0)
    listener.unsubscribe({"t1", "never"})
    stage.value(1, 1)
    stage.tick()
    assert wire.sent == []
    listener.subscribe({1: "t1"})
    assert wire.values == [[["t1", 1.0]]]


def test_subscribing_again_is_no_second_subscription(stage):
    listener, wire = stage.listener(t1=0)
    stage.value(1, 1)
    listener.subscribe({1: "t1"})
    assert wire.sent == []
    stage.tick()
    assert wire.values == [[["t1", 1.0]]]
    listener.unsubscribe({"t1"})
    stage.value(1, 2)
    stage.tick()
    assert len(wire.sent) == 1


def test_nothing_is_added_to_a_socket_that_is_backed_up(stage):
    _, wire = stage.listener(t1=0)
    wire.unsent = 10_000
    for value in range(40):
        stage.value(1, value)
        stage.tick()
    assert wire.sent == []


def test_what_changed_while_it_was_backed_up_comes_conflated(stage):
    _, wire = stage.listener(t1=0, t2=0, t3=0)
    wire.unsent = 1
    for value in range(10):
        stage.value(1, value)
        stage.tick()
    stage.value(2, 5)
    stage.tick()
    wire.unsent = 0
    stage.tick(30)
    assert wire.values == [[["t1", 9.0], ["t2", 5.0]]]


def test_a_slow_client_gets_fewer_messages_and_catches_up_again(stage):
    _, wire = stage.listener(t1=0)

    def messages_in(ticks, *, backed_up):
        before = len(wire.sent)
        for _ in range(ticks):
            stage.value(1, stage.time)
            wire.unsent = 1 if backed_up else 0
            stage.tick()
        return len(wire.sent) - before

    assert messages_in(20, backed_up=False) == 20
    assert messages_in(60, backed_up=True) == 0
    recovering = messages_in(20, backed_up=False)
    assert 0 <= recovering <= 2  # it waits up to the slowest interval first
    messages_in(60, backed_up=False)
    assert messages_in(20, backed_up=False) == 20


def test_the_pause_of_a_client_that_never_takes_anything_is_bounded(stage):
    _, wire = stage.listener(t1=0)
    wire.unsent = 1
    stage.value(1, 1)
    stage.tick(1000)
    wire.unsent = 0
    stage.tick(round(SLOWEST_SECONDS / TICK) + 1)
    assert wire.values == [[["t1", 1.0]]]


def test_bytes_do_not_depend_on_tags_it_does_not_show(stage):
    _, wire = stage.listener(t1=0)
    stage.value(1, 1)
    stage.tick()
    alone = len(wire.sent[0])
    _, other = stage.listener(**{f"t{number}": 0 for number in range(2, 2000)})
    for number in range(1, 2000):
        stage.value(number, 1)
    stage.tick()
    assert len(wire.sent[1]) == alone
    assert len(other.sent[0]) > 100 * alone


def test_a_message_about_the_connection_waits_for_a_socket_that_is_free(stage):
    listener, wire = stage.listener()
    wire.unsent = 1
    listener.tell(b"x")
    assert wire.sent == []
    wire.unsent = 0
    listener.tell(b"x")
    assert wire.sent == [b"x"]


def test_a_closed_listener_watches_nothing(stage):
    listener, _ = stage.listener(t1=0)
    listener.close()
    stage.value(1, 1)
    assert stage.board.close_tick() == {}


def test_clients_that_show_the_same_tags_share_one_message(stage):
    _, first = stage.listener(t1=0, t2=0)
    _, second = stage.listener(t2=0, t1=0)
    _, third = stage.listener(t1=0)
    stage.value(1, 1)
    stage.value(2, 2)
    stage.tick()
    assert first.sent[0] is second.sent[0]
    assert third.values == [[["t1", 1.0]]]
