import asyncio
import contextlib
import random
import signal
import time

import pytest
from sqlalchemy import select

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput, TooLarge, Unavailable
from lineshaft.records import OutboxRelay, outbox
from lineshaft.records.store import LEASE


class Bus:
    """Takes messages as the bus does: durably, and a repeated id only once."""

    def __init__(self):
        self.taken = []
        self.repeated = 0
        self.refuses = None
        self.arrived = asyncio.Event()

    async def publish(self, message):
        if self.refuses:
            await self.refuses(message)
        if any(other.id == message.id for other in self.taken):
            self.repeated += 1
        else:
            self.taken.append(message)
        self.arrived.set()

    @property
    def payloads(self):
        return [message.payload for message in self.taken]


@pytest.fixture
def bus():
    return Bus()


def add(db, *payloads):
    with db.begin() as connection:
        return [outbox.add(connection, "ls.a.b", payload) for payload in payloads]


def state(db):
    with db.read() as connection:
        return outbox.state(connection)


@contextlib.asynccontextmanager
async def running(relay):
    task = asyncio.create_task(relay.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def drain_until_taken(relay, bus):
    async with asyncio.timeout(60):
        while not bus.taken:
            await relay.drain()
            await asyncio.sleep(0.01)


async def until(condition, seconds=60):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # the condition is the database's, which calls nobody
            await asyncio.sleep(0.01)


class TestAdding:
    def test_a_message_waits_exactly_when_its_transaction_commits(self, database):
        with contextlib.suppress(ZeroDivisionError), database.begin() as connection:
            outbox.add(connection, "ls.a.b", b"never")
            raise ZeroDivisionError
        assert state(database).waiting == 0
        with clock.fixed(lambda: 1_000_000):
            add(database, b"one", b"two")
        assert state(database) == outbox.OutboxState(waiting=2, oldest=1_000_000, refused=0)

    async def test_it_arrives_as_it_was_added(self, database, bus):
        with clock.fixed(lambda: 1_000_000), database.begin() as connection:
            message_id = outbox.add(connection, "ls.main.box.config.g", bytes(range(256)), {"Kind": "天轴"})
        await OutboxRelay(database, bus.publish).drain()
        [message] = bus.taken
        assert (message.id, message.subject, message.created) == (message_id, "ls.main.box.config.g", 1_000_000)
        assert (message.payload, message.headers) == (bytes(range(256)), {"Kind": "天轴"})


class TestRelay:
    async def test_messages_leave_in_order_and_are_deleted(self, database, bus):
        payloads = [str(number).encode() for number in range(250)]  # more than two batches
        add(database, *payloads[:120])
        add(database, *payloads[120:])
        await OutboxRelay(database, bus.publish).drain()
        assert bus.payloads == payloads
        assert state(database).waiting == 0

    async def test_a_commit_of_the_same_process_is_relayed_at_once(self, database, bus, monkeypatch):
        monkeypatch.setattr("lineshaft.records.relay.POLL_SECONDS", 1000)
        async with running(OutboxRelay(database, bus.publish, lease_seconds=10_000)):  # nor does the lease wake it
            for payload in (b"one", b"two", b"three"):
                bus.arrived.clear()
                await database.write(outbox.add, "ls.a.b", payload)
                await asyncio.wait_for(bus.arrived.wait(), timeout=60)
        assert bus.payloads == [b"one", b"two", b"three"]

    @pytest.mark.parametrize("turns", range(5))
    async def test_one_that_is_stopped_at_the_moment_of_a_commit_ends(self, database, bus, turns):
        relay = asyncio.create_task(OutboxRelay(database, bus.publish).run())
        add(database, b"one")
        await until(lambda: bus.taken and not state(database).waiting)
        await asyncio.sleep(0.05)  # now it waits
        add(database, b"two")
        for _ in range(turns):  # of the loop, until it hears of that
            await asyncio.sleep(0)
        relay.cancel()
        ended, _ = await asyncio.wait([relay], timeout=30)
        relay.cancel()
        assert ended

    async def test_a_commit_of_another_process_is_found(self, database, bus, url, probe):
        script = """
            from lineshaft.records import outbox
            from lineshaft.records.testing import open_url
            with open_url(sys.argv[1]).begin() as connection:
                outbox.add(connection, "ls.a.b", b"from afar")
        """
        async with running(OutboxRelay(database, bus.publish)):
            await asyncio.to_thread(probe.process(script, url(database)).communicate)
            await asyncio.wait_for(bus.arrived.wait(), timeout=60)
        assert bus.payloads == [b"from afar"]

    async def test_while_the_bus_is_away_messages_wait_and_then_go_in_order(self, database, bus):
        away = True

        async def refuse(_message):
            bus.arrived.set()
            if away:
                raise Unavailable("bus.unreachable", "the bus does not answer")

        bus.refuses = refuse
        add(database, b"one", b"two")
        async with running(OutboxRelay(database, bus.publish)):
            await asyncio.wait_for(bus.arrived.wait(), timeout=60)
            assert state(database).waiting == 2
            add(database, b"three")
            away = False
            await until(lambda: state(database).waiting == 0)
        assert bus.payloads == [b"one", b"two", b"three"]
        assert bus.repeated == 0

    async def test_what_was_acknowledged_before_the_bus_went_is_not_sent_again(self, database, bus):
        async def refuse(message):
            if message.payload == b"three":
                raise Unavailable("bus.unreachable", "the bus does not answer")

        bus.refuses = refuse
        add(database, b"one", b"two", b"three", b"four")
        with pytest.raises(Unavailable):
            await OutboxRelay(database, bus.publish).drain()
        assert state(database).waiting == 2
        bus.refuses = None
        await OutboxRelay(database, bus.publish).drain()
        assert bus.payloads == [b"one", b"two", b"three", b"four"]
        assert bus.repeated == 0

    async def test_what_could_not_be_settled_is_not_sent_again_by_the_same_relay(self, database, bus, monkeypatch):
        relay = OutboxRelay(database, bus.publish)
        add(database, b"one", b"two")
        with monkeypatch.context() as broken:
            broken.setattr("lineshaft.records.relay._settle", refuse_to_settle)
            with pytest.raises(Unavailable):
                await relay.drain()
        assert state(database).waiting == 2
        await relay.drain()
        assert (bus.payloads, bus.repeated, state(database).waiting) == ([b"one", b"two"], 0, 0)

    @pytest.mark.parametrize("error", [TooLarge, InvalidInput])
    async def test_a_message_that_the_bus_will_never_take_is_set_aside_and_told(self, database, bus, error):
        async def refuse(message):
            if message.payload == b"poison":
                raise error("bus.too_large", "the message is too large")

        bus.refuses = refuse
        add(database, b"one", b"poison", b"two")
        await OutboxRelay(database, bus.publish).drain()
        assert bus.payloads == [b"one", b"two"]
        assert (state(database).waiting, state(database).refused) == (0, 1)

    async def test_an_error_that_nobody_foresaw_ends_the_relay_and_loses_nothing(self, database, bus):
        async def refuse(message):
            if message.payload == b"two":
                raise ZeroDivisionError

        bus.refuses = refuse
        add(database, b"one", b"two")
        with pytest.raises(ZeroDivisionError):
            await OutboxRelay(database, bus.publish).run()
        assert state(database).waiting == 1


def refuse_to_settle(_connection, _name, _handed_over):
    raise Unavailable("records.disk_full", "the disk is full")


class TestTakingTurns:
    async def test_only_one_relay_sends_at_a_time(self, database, bus):
        inside, go_on = asyncio.Event(), asyncio.Event()

        async def hold(_message):
            inside.set()
            await go_on.wait()

        bus.refuses = hold
        add(database, b"one", b"two")
        first = asyncio.create_task(OutboxRelay(database, bus.publish).drain())
        await inside.wait()
        bus.refuses = None
        await OutboxRelay(database, bus.publish).drain()
        assert bus.taken == []
        go_on.set()
        await first
        assert (bus.payloads, bus.repeated) == ([b"one", b"two"], 0)

    async def test_a_relay_that_has_sent_all_leaves_the_lease_to_others(self, database, bus):
        for payload in (b"one", b"two", b"three"):
            add(database, payload)
            await OutboxRelay(database, bus.publish).drain()
        assert bus.payloads == [b"one", b"two", b"three"]

    async def test_one_that_was_killed_with_the_lease_is_followed_after_its_time(self, database, bus):
        add(database, b"one")
        database.transact(
            lambda connection: connection.execute(LEASE.insert().values(name="outbox", holder="x", beat=7))
        )
        relay = OutboxRelay(database, bus.publish, lease_seconds=0.3)
        begun = time.monotonic()
        await relay.drain()  # its time runs from this look
        assert bus.taken == []  # the holder may live
        await drain_until_taken(relay, bus)
        assert time.monotonic() - begun > 0.25

    async def test_one_whose_beat_goes_on_is_not_followed_before_it_stops(self, database, bus):
        add(database, b"one")
        relay = OutboxRelay(database, bus.publish, lease_seconds=0.1)
        deadline = time.monotonic() + 0.5
        beat = 0
        with database.begin() as connection:
            connection.execute(LEASE.insert().values(name="outbox", holder="x", beat=beat))
        while time.monotonic() < deadline:
            beat += 1
            with database.begin() as connection:
                connection.execute(LEASE.update().values(beat=beat))
            await relay.drain()
        assert bus.taken == []
        await drain_until_taken(relay, bus)  # once it stands still

    async def test_a_stopped_relay_leaves_no_lease_behind(self, database, bus):
        async def hang(_message):
            bus.arrived.set()
            await asyncio.Event().wait()

        bus.refuses = hang
        add(database, b"one")
        async with running(OutboxRelay(database, bus.publish)):
            await asyncio.wait_for(bus.arrived.wait(), timeout=60)
        with database.read() as connection:
            assert connection.scalar(select(LEASE.c.holder)) == ""


RELAY = """
    import asyncio, os
    from lineshaft.records import OutboxRelay
    from lineshaft.records.testing import open_url

    log = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def publish(message):
        os.write(log, f"{message.id} {message.payload.decode()}\\n".encode())
        await asyncio.sleep(0)

    async def main():
        await OutboxRelay(open_url(sys.argv[1]), publish, lease_seconds=0.2).run()

    asyncio.run(main())
"""


def kill_at_random_moments(database, url, probe, log, *, kills, messages, seed):
    """Relay `messages` messages by processes killed one after another; returns how often one was sent again."""
    rng = random.Random(seed)
    payloads = [f"{number}".encode() for number in range(messages)]
    add(database, *payloads[: messages // 2])

    def lines():
        return log.read_text().splitlines() if log.exists() else []

    for kill in range(kills):
        process = probe.process(RELAY, url(database), str(log))
        goal = len(lines()) + rng.randint(1, messages // kills)
        deadline = time.monotonic() + 60
        while len(lines()) < goal and state(database).waiting:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if kill == kills // 2:
            add(database, *payloads[messages // 2 :])
    last = probe.process(RELAY, url(database), str(log))
    deadline = time.monotonic() + 60
    while state(database).waiting:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    last.kill()
    last.communicate()
    firsts = list(dict.fromkeys(line for line in lines()))
    assert [line.split()[1].encode() for line in firsts] == payloads
    return len(lines()) - len(firsts)


class TestKilled:
    def test_a_killed_relay_loses_nothing_and_keeps_order_and_ids(self, database, url, probe, tmp_path):
        kill_at_random_moments(database, url, probe, tmp_path / "log", kills=3, messages=600, seed=1)

    @pytest.mark.soak
    @pytest.mark.timeout(3600)
    def test_so_do_a_hundred(self, database, url, probe, tmp_path):
        again = kill_at_random_moments(database, url, probe, tmp_path / "log", kills=100, messages=50_000, seed=2)
        print(f"100 relays killed, 50,000 messages, {again} sent again under the same id, 0 lost, order kept")
