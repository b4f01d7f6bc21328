"""One edge node as a host sees it: the sequence, the reorder window, births, deaths, and asking for births."""

import pytest

from lineshaft.edge.drivers.sparkplug import session as module
from lineshaft.edge.drivers.sparkplug.datatypes import BY_NAME
from lineshaft.edge.drivers.sparkplug.payloads import OutMetric, control_metrics, death, encode
from lineshaft.edge.drivers.sparkplug.session import NodeSession
from lineshaft.edge.drivers.sparkplug.topics import Topic, filters, id_fault, read_topic

DOUBLE = BY_NAME["Double"]
BIRTH = [OutMetric(name="v", alias=1, datatype=DOUBLE, value=0.0, says_type=True)]


class Listening:
    def __init__(self):
        self.values, self.events = [], []

    def born(self, _table, columns):
        self.events.append("born")
        self.values += [row[-1] for row in columns]

    def data(self, _table, columns):
        self.values += [row[-1] for row in columns]

    def died(self, reason):
        self.events.append("died")

    def gap(self, gap):
        self.events.append(gap.cause)


class Node:
    """A session and what its node says."""

    def __init__(self, reorder=0.2):
        self.asked = 0
        self.session = NodeSession("g", "n", reorder, self.ask)
        self.own, self.press = Listening(), Listening()
        self.session.add("", self.own)
        self.session.add("press", self.press)

    def ask(self):
        self.asked += 1

    def nbirth(self, bd_seq=0, seq=0):
        self.say("NBIRTH", "", encode([*control_metrics(bd_seq), *BIRTH], seq=seq))

    def dbirth(self, seq=1):
        self.say("DBIRTH", "press", encode([msg(2, 0.0, name="w")], seq=seq))

    def data(self, seq, value, alias=2):
        self.say("DDATA", "press", encode([OutMetric(alias=alias, datatype=DOUBLE, value=value)], seq=seq))

    def say(self, kind, device, payload):
        self.session.take(Topic("g", kind, "n", device), payload)


def msg(alias, value, name=""):
    return OutMetric(name=name, alias=alias, datatype=DOUBLE, value=value, says_type=bool(name))


@pytest.fixture
async def node():
    made = Node()
    made.nbirth()
    made.dbirth()
    yield made
    made.session.close()


async def test_a_message_that_comes_early_waits_for_those_before_it(node):
    node.data(3, 3.0)
    node.data(4, 4.0)
    assert node.press.values == [0.0]
    node.data(2, 2.0)
    assert node.press.values == [0.0, 2.0, 3.0, 4.0]
    assert (node.press.events, node.asked) == (["born"], 0)
    node.data(5, 5.0)
    assert node.press.values[-1] == 5.0


async def test_after_the_reorder_window_what_waited_is_taken_and_births_are_asked_for(node, until):
    node.data(4, 4.0)
    node.data(3, 3.0)
    await until(lambda: node.asked)
    assert node.press.values == [0.0, 3.0, 4.0]
    assert (node.press.events, node.own.events) == (["born", "sequence"], ["born", "sequence"])
    node.data(5, 5.0)
    assert node.press.values[-1] == 5.0


async def test_a_rebirth_within_the_window_is_not_mistaken_for_a_gap_of_the_new_sequence(node):
    node.data(5, 5.0)
    node.nbirth(seq=0)
    node.dbirth(1)
    node.data(2, 7.0)
    assert node.press.values == [0.0, 5.0, 0.0, 7.0]
    assert node.press.events == ["born", "sequence", "born"]


async def test_the_sequence_wraps_and_a_birth_may_begin_anywhere():
    node = Node()
    node.nbirth(seq=254)
    node.dbirth(255)
    for seq in (0, 1, 2):
        node.data(seq, float(seq))
    assert node.press.values == [0.0, 0.0, 1.0, 2.0]
    assert node.asked == 0
    node.session.close()


@pytest.mark.parametrize(
    "what", ["before the node's birth", "before the device's birth", "an unknown alias", "no payload"]
)
async def test_what_cannot_be_understood_has_births_asked_for(what):
    node = Node()
    if what != "before the node's birth":
        node.nbirth()
    if what not in ("before the node's birth", "before the device's birth"):
        node.dbirth()
    if what == "no payload":
        node.say("DDATA", "press", b"\xff\xff\xff")
        assert "undecodable" in node.press.events
    else:
        node.data(1 if what == "before the device's birth" else 2, 1.0, alias=77 if what == "an unknown alias" else 2)
    assert node.asked == 1
    assert 1.0 not in node.press.values
    node.session.close()


async def test_births_are_asked_for_seldom_but_not_forgotten(monkeypatch, until):
    monkeypatch.setattr(module, "REBIRTH_SECONDS", 2.0)
    node = Node()
    node.session._asked = -1.0
    for seq in range(50):
        node.data(seq, 1.0)
    assert node.asked == 1
    await until(lambda: node.asked == 2)
    node.data(0, 1.0)
    node.nbirth()  # it came: nothing more is asked
    assert "rebirth" not in node.session._timers
    node.session.close()


async def test_a_death_of_the_node_is_that_of_all_its_devices(node):
    node.say("NDEATH", "", death(0))
    assert (node.own.events[-1], node.press.events[-1]) == ("died", "died")
    assert not node.session.online
    node.data(2, 1.0)
    assert node.asked == 1


async def test_a_death_that_belongs_to_an_earlier_session_is_ignored(node):
    node.nbirth(bd_seq=1)
    node.dbirth()
    node.say("NDEATH", "", death(0))
    assert node.session.online
    assert node.session.counts["stale_deaths"] == 1
    node.say("NDEATH", "", death(1))
    assert not node.session.online


async def test_a_device_may_die_alone_and_be_born_again(node):
    node.say("DDEATH", "press", encode([], seq=2))
    assert (node.own.events, node.press.events) == (["born"], ["born", "died"])
    node.dbirth(3)
    assert node.press.events == ["born", "died", "born"]


async def test_a_new_session_without_a_death_ends_the_old_one(node):
    node.nbirth(bd_seq=1)
    assert node.own.events == ["born", "died", "born"]
    assert node.press.events == ["born", "died"]


async def test_a_device_that_is_not_born_again_is_gone(node, monkeypatch, until):
    monkeypatch.setattr(module, "UNBORN_SECONDS", 0.05)
    node.nbirth()
    await until(lambda: node.press.events == ["born", "died"])
    assert node.own.events == ["born", "born"]


async def test_a_late_message_keeps_its_values_and_does_not_turn_the_sequence_back(node):
    for seq in (2, 3):
        node.data(seq, float(seq))
    node.data(2, 2.5)
    node.data(4, 4.0)
    assert node.press.values == [0.0, 2.0, 3.0, 2.5, 4.0]
    assert node.session.counts["late"] == 1


@pytest.mark.parametrize(
    ("text", "valid"),
    [("spBv1.0/g/NDATA/n", True), ("spBv1.0/g/DDATA/n/d", True), ("spBv1.0/g/DDATA/n", False), ("spBv1.0/g/NDATA/n/d", False),
     ("spBv1.0/STATE/h", False), ("spAv1.0/g/NDATA/n", False), ("spBv1.0/g/XDATA/n", False), ("spBv1.0//NDATA/n", False)],
)  # fmt: skip
def test_topics_are_read_strictly(text, valid):
    topic = read_topic(text)
    assert (topic is not None) == valid
    assert topic is None or str(topic) == text


def test_a_host_subscribes_to_what_a_node_says_and_not_to_commands():
    assert filters("g", "n") == [
        "spBv1.0/g/NBIRTH/n", "spBv1.0/g/NDEATH/n", "spBv1.0/g/NDATA/n",
        "spBv1.0/g/DBIRTH/n/+", "spBv1.0/g/DDEATH/n/+", "spBv1.0/g/DDATA/n/+",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "a/b", "a+", "#", "a\0b", "\ud800", "x" * 256])
def test_ids_that_cannot_be_topics_are_refused(text):
    assert id_fault(text)


@pytest.mark.parametrize("text", ["line 1", "Linie-ä", "产线", "a.b"])
def test_any_utf_8_text_may_be_an_id(text):
    assert id_fault(text) == ""
