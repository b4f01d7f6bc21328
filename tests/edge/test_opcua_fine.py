"""The fine cases, against asyncua's own server in this process, whose every value and status a test can set."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest
from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager

from lineshaft.bus.server import free_port
from lineshaft.core import clock, quality
from lineshaft.edge.certificates import ApplicationCertificates
from lineshaft.edge.driver import Block
from lineshaft.edge.drivers.opcua.options import OpcUaOptions
from lineshaft.edge.drivers.opcua.subscription import Subscription
from lineshaft.edge.model import ScanGroup

NS = "ns=2"
POINTS = [("Level", f"{NS};s=Level", "number"), ("Batch", f"{NS};s=Batch", "text"), ("Open", f"{NS};s=Open", "boolean"),
          ("Count", f"{NS};s=Count", "integer")]  # fmt: skip
_Type = ua.VariantType


class OneUser(UserManager):
    def get_user(self, iserver, username=None, password=None, certificate=None):
        return User(role=UserRole.User) if (username, password) == ("operator", "right") else None


START = {
    "Level": (1.5, _Type.Double),
    "Batch": ("A-1", _Type.String),
    "Open": (True, _Type.Boolean),
    "Count": (7, _Type.Int32),
}


class Plant:
    """An OPC UA server on asyncua with four variables, in a thread of its own."""

    def __init__(self, folder, port):
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.url = f"opc.tcp://127.0.0.1:{port}/plant"

    def start(self):
        self._call(self._start())

    def stop(self):
        self._call(self._server.stop())

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def write(self, name, value, kind=_Type.Double, status=0, source=None, server=None):
        """Put a whole data value under a variable, as a device's firmware would."""
        data = ua.DataValue(ua.Variant(value, kind), ua.StatusCode(status), source, server)
        space = self._server.iserver.aspace
        done = self._call(space.write_attribute_value(self._nodes[name].nodeid, ua.AttributeIds.Value, data))
        assert done.is_good()

    def reset(self):
        """The values it started with, as of now."""
        for name, (value, kind) in START.items():
            self.write(name, value, kind, source=clock.now(), server=clock.now())

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _start(self):
        own = ApplicationCertificates(self._folder, "plant", ["127.0.0.1"]).own()
        self._server = Server(user_manager=OneUser())
        await self._server.init()
        self._server.set_endpoint(self.url)
        self._server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        await self._server.set_application_uri(own.application_uri)
        await self._server.load_certificate(own.certificate)
        await self._server.load_private_key(own.private_key)
        await self._server.register_namespace("urn:plant")
        objects = self._server.nodes.objects
        self._nodes = {
            name: await objects.add_variable(ua.NodeId(name, 2), name, value, kind)
            for name, (value, kind) in START.items()
        }
        await self._server.start()


@pytest.fixture(scope="session")
def lasting_plant(tmp_path_factory):
    plant = Plant(tmp_path_factory.mktemp("plant"), free_port("127.0.0.1"))  # which nobody is given while it is stopped
    plant.start()
    yield plant
    plant.stop()
    plant.close()


@pytest.fixture
def plant(lasting_plant):
    lasting_plant.reset()
    return lasting_plant


@pytest.fixture
async def device(plant, trust, make_device):
    await trust(plant.url)
    return make_device(plant.url, POINTS)


@pytest.fixture
async def running(device, run, lane, until):
    runner = await run(device)
    await until(lambda: len(lane.rows) >= len(POINTS))
    return runner


def moment(seconds=0.0):
    return clock.now().replace(microsecond=123456) + timedelta(seconds=seconds)


async def test_texts_booleans_and_integers_arrive_in_their_own_columns(running, lane):
    assert [lane.of(tag)[0][1:] for tag in (1, 2, 3, 4)] == [(0, 1.5), (0, "A-1"), (0, True), (0, 7)]


@pytest.mark.parametrize("status", [0x00000000, 0x40930000, 0x409304C0, 0x808C0000, 0x80000400, 0xBFFF0000, 0x00000480])
async def test_every_bit_of_a_status_is_kept(plant, running, lane, until, status):
    plant.write("Level", 2.5, status=status, source=moment(), server=moment())
    await until(lambda: len(lane.of(1)) == 2)
    assert lane.of(1)[1][1] == status
    assert [gap.cause for gap in lane.gaps] == (["overflow"] if status & 0x480 == 0x480 else [])


async def test_source_and_server_time_are_both_kept(plant, running, lane, until):
    source, server = moment(-3), moment(-1)
    plant.write("Level", 2.5, source=source, server=server)
    await until(lambda: len(lane.of(1)) == 2)
    row = [row for row in lane.rows if row[0] == 1][1]
    assert row == (1, clock.to_us(source), clock.to_us(server), 0, 2.5)


async def test_a_missing_source_time_is_the_servers_and_uncertain(plant, running, lane, until):
    server = moment(-1)
    plant.write("Level", 2.5, source=None, server=server)
    await until(lambda: len(lane.of(1)) == 2)
    assert lane.of(1)[1] == (clock.to_us(server), quality.UNCERTAIN, 2.5)
    assert running.status().counts["source_time_missing"] == 1


@pytest.mark.parametrize("source", [datetime(1985, 1, 1, tzinfo=UTC), datetime(2150, 1, 1, tzinfo=UTC)])
async def test_a_source_time_that_cannot_be_is_the_servers_and_uncertain(plant, running, lane, until, source):
    server = moment(-1)
    plant.write("Level", 2.5, source=source, server=server)
    await until(lambda: len(lane.of(1)) == 2)
    assert lane.of(1)[1] == (clock.to_us(server), quality.UNCERTAIN, 2.5)


async def test_a_text_in_a_numbers_tag_is_bad_type_mismatch(plant, run, lane, trust, make_device, until):
    await trust(plant.url)
    await run(make_device(plant.url, [("Batch", f"{NS};s=Batch", "number")]))
    await until(lambda: lane.rows)
    assert lane.of(1)[0][1] == quality.BAD_TYPE_MISMATCH


async def test_silence_without_changes_is_no_loss(plant, run, lane, trust, make_device, until):
    await trust(plant.url)
    runner = await run(make_device(plant.url, POINTS, keep_alive_seconds=1.2))
    heard = runner._source._had[0].heard
    await until(lambda: runner._source._had[0].heard > heard + 5)  # past the three misses that would count as a loss
    assert runner.status().state == "connected"
    assert len(lane.rows) == len(POINTS)


async def test_a_server_that_cannot_transfer_gets_new_subscriptions_after_its_restart(plant, running, lane, until):
    plant.stop()
    await until(lambda: running.status().state == "lost")
    plant.start()
    await until(lambda: running.status().state == "connected")
    await until(lambda: all(lane.of(tag)[-1][1] == 0 for tag in (1, 2, 3, 4)))
    plant.write("Level", 2.5, source=moment())
    await until(lambda: lane.of(1)[-1][2] == 2.5)
    assert [gap.cause for gap in lane.gaps] == ["sequence"]
    for tag in (1, 2, 3, 4):
        assert [q for _, q, _ in lane.of(tag)].count(quality.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE) == 1


# -- what a subscription makes of sequence numbers and revised values ---------------------------------------------------


def subscription(**group):
    return Subscription(Block(group=ScanGroup(**group), points=(0,)), OpcUaOptions(secret="s"))


def test_messages_that_are_overtaken_are_missing_until_they_come():
    follow = subscription()
    assert follow.accept(1, keep_alive=False)
    assert follow.accept(4, keep_alive=False)
    assert follow.missing == {2, 3}
    assert follow.accept(3, keep_alive=False)
    assert follow.missing == {2}
    assert not follow.accept(3, keep_alive=False)
    assert not follow.accept(1, keep_alive=False)
    assert follow.expected == 5


def test_a_keep_alive_shows_that_the_last_message_is_missing_and_takes_no_number():
    follow = subscription()
    follow.accept(1, keep_alive=False)
    follow.accept(3, keep_alive=True)
    assert follow.missing == {2}
    assert follow.accept(3, keep_alive=False)
    assert follow.expected == 4


def test_after_the_last_sequence_number_comes_one():
    follow = subscription()
    follow.expected = 2**32 - 2
    for sequence in (2**32 - 2, 2**32 - 1, 2):
        assert follow.accept(sequence, keep_alive=False)
    assert follow.missing == {1}


def test_a_jump_beyond_what_any_server_keeps_is_counted_at_once():
    follow = subscription()
    follow.accept(1, keep_alive=False)
    follow.accept(10**6, keep_alive=False)
    assert follow.missing == set()
    assert follow.given_up == 10**6 - 2


@pytest.mark.parametrize(
    ("group", "options", "wanted"),
    [
        ({"period_ms": 1000, "sampling_ms": 100}, {}, 100),  # ten seconds at 10 Hz
        ({"period_ms": 1000, "sampling_ms": 100}, {"queue_seconds": 0}, 20),  # never less than two publishing intervals
        ({"period_ms": 1000, "sampling_ms": -1}, {}, 10),
        ({"period_ms": 60_000, "sampling_ms": 0}, {}, 1200),
        ({"period_ms": 1000, "sampling_ms": 1}, {"queue_seconds": 3600}, 10_000),
        ({"period_ms": 1000}, {"queue_size": 7}, 7),
    ],
)
def test_the_queue_bridges_the_wanted_time(group, options, wanted):
    made = Subscription(Block(group=ScanGroup(**group), points=(0,)), OpcUaOptions(secret="s", **options))
    assert made.queue_wanted == wanted


@pytest.mark.parametrize(
    ("queue", "sampling", "short"), [(5, 100.0, True), (10, 100.0, False), (1, 0.0, False), (1, 1000.0, False)]
)
def test_a_revised_queue_too_short_for_one_publishing_interval_is_noticed(queue, sampling, short):
    made = subscription(period_ms=1000)
    made.shortest_queue, made.slowest_sampling_ms = queue, sampling
    assert made.queue_too_short == short
