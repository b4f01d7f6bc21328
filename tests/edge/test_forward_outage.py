"""Store and forward with real servers and processes: outages, bounds, kills. The truth is the feeding gateway's journal."""

import asyncio
import contextlib
import math
import os
import random
import resource
import signal
import sys
from collections import Counter
from functools import partial
from statistics import quantiles

import nats.errors
import pytest
from nats.aio.client import Client

from lineshaft.bus import Bus, BusSettings, telemetry
from lineshaft.bus.address import find_address
from lineshaft.bus.client import credentials_file
from lineshaft.bus.settings import MIB
from lineshaft.bus.streams import API_SECONDS
from lineshaft.bus.testing import TestBus, embedded_bus
from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.core.home import Home, write_file
from lineshaft.edge.forward.local import LocalBus, settings_of
from lineshaft.edge.forward.testing import Link, Machine
from lineshaft.history.model import Gap
from lineshaft.history.reader import HistoryReader
from lineshaft.history.settings import HistorySettings
from lineshaft.history.testing import listed

EAST = "gateway-east"
pytestmark = pytest.mark.timeout(300)
DEADLINE_SECONDS = 60
CLOCK_US = 5_000_000
"""Room for batches that a killed process had under way."""


async def until(condition, seconds=DEADLINE_SECONDS):
    async with asyncio.timeout(seconds):
        while True:
            held = condition()
            if asyncio.iscoroutine(held):
                held = await held
            if held:
                return
            await asyncio.sleep(0.05)


def caught_up(machine):
    """The hub has what was behind; some batches of a gateway that goes on feeding are always on their way."""
    return machine.status().get("waiting_batches", math.inf) < 25


def said(machine, event):
    """How often its gateways have logged an event: states that come and go are over before anybody looks."""
    return (machine.home.logs / "gateway.log").read_text().count(event)


class Rig:
    """A hub with its history, a machine with its gateway, and a wire between them."""

    def __init__(self, bus: TestBus, machine: Machine, link: Link) -> None:
        self.bus = bus
        self.machine = machine
        self.link = link
        self.asker: Bus
        self.reader: HistoryReader
        self.history: asyncio.subprocess.Process | None = None
        self.seal_seconds = 0.5

    async def ask(self) -> None:
        """Connect whoever asks the history; after the kills, for it is not under test."""
        self.asker = await self.bus.connect("web")
        settings = HistorySettings(hot_timeout_seconds=DEADLINE_SECONDS)
        self.reader = HistoryReader(settings, self.bus.home, self.asker)

    async def start_history(self) -> None:
        with (self.bus.home.logs / "history.log").open("ab") as log:
            self.history = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "lineshaft.cli.serve", "history", "--home", str(self.bus.home.path),
                "--set", f"history.seal_seconds={self.seal_seconds}",
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    async def kill_history(self) -> None:
        if self.history is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.history.pid, signal.SIGKILL)
            await self.history.wait()

    async def rows(self) -> list[int]:
        """Source times of all samples a query finds, ascending; a doubled one comes twice."""
        return sorted(ts for _, ts, *_ in listed([batch async for batch in self.reader.raw(None, 0, 2**60)]))

    async def gaps(self) -> list[Gap]:
        return await self.reader.gaps(0, 2**60)

    async def drained(self) -> None:
        """Wait until the store is empty, which the history's word alone makes it."""
        if not hasattr(self, "asker"):
            await self.ask()

        async def done() -> bool:
            status = self.machine.status()
            with contextlib.suppress(LineshaftError):
                read = await self.reader.status()
                return status.get("kept_batches") == 0 and read.read_sequence == read.last_sequence
            return False

        await until(done)

    def truth(self) -> set[int]:
        return {number for entry in self.machine.journal() for number in range(entry.first, entry.first + entry.rows)}


@contextlib.asynccontextmanager
async def rig_on(folder, **settings):
    settings_of_hub = BusSettings(port=0, store_max_bytes=256 * MIB)
    async with embedded_bus(folder / "hub", settings_of_hub) as bus, Link(bus.server.address.port) as link:
        bus.issue("history")
        bus.issue(EAST)
        home = Home(folder / "machine")
        home.folder("keys")
        write_file(home.path / "identity.json", (bus.home.path / "identity.json").read_bytes())
        write_file(credentials_file(home, EAST), credentials_file(bus.home, EAST).read_bytes())
        flags = {"bus.url": f"nats://127.0.0.1:{link.port}", "edge.gateway": EAST, "edge.store": "true"}
        machine = Machine(home, flags | {f"edge.{name}": str(value) for name, value in settings.items()})
        machine.prepare()
        rig = Rig(bus, machine, link)
        try:
            await rig.start_history()
            await machine.start_bus()
            yield rig
        finally:
            await machine.close()
            await rig.kill_history()


class Latencies:
    """How late each live batch reached the hub, by the newest sample in it."""

    def __init__(self) -> None:
        self.since = 2**62
        self.seconds: list[float] = []
        self.until_live: list[float] = []
        """Those of the time in which the gateway was behind."""
        self.overtook = False
        """Whether one that was behind came after a live one."""

    async def take(self, message) -> None:
        times = telemetry.decode(message.data).column("ts").cast("int64")
        if len(times):
            made = times[-1].as_py()
            if made >= self.since:
                self.seconds.append((clock.now_us() - made) / 1e6)
            else:
                self.overtook = self.overtook or bool(self.seconds)


async def test_an_outage_drains_beside_live_values_and_nothing_is_lost_doubled_or_a_false_gap(tmp_path):
    latencies = await outage(tmp_path, batches=1200, rate=150)
    assert latencies.overtook, "live values waited for those that were behind"


async def outage(folder, batches: int, rate: int) -> Latencies:
    async with rig_on(folder) as rig:
        latencies = Latencies()
        await rig.ask()
        await rig.asker.subscribe(rig.bus.subjects.data_of(EAST), latencies.take)
        await rig.machine.start_gateway(rate)
        await until(lambda: len(rig.machine.journal()) > 100)
        rig.link.cut()
        behind = len(rig.machine.journal()) + batches
        await until(lambda: len(rig.machine.journal()) > behind, 600)
        begun, done = said(rig.machine, "edge_back_fill"), said(rig.machine, "edge_caught_up")
        latencies.since = clock.now_us()
        rig.link.mend()
        await until(lambda: said(rig.machine, "edge_back_fill") > begun)
        latencies.since = clock.now_us()
        started = clock.monotonic()
        await until(lambda: said(rig.machine, "edge_caught_up") > done, 600)
        took = clock.monotonic() - started
        latencies.until_live = latencies.seconds[:]
        await rig.machine.stop_gateway()
        await rig.machine.start_gateway(0)
        await rig.drained()
        rows = await rig.rows()
        assert len(rows) == len(set(rows)), "rows are doubled"
        assert not rig.truth() - set(rows), "acknowledged rows are lost"
        assert await rig.gaps() == [], "a gap that is none"
        print(f"{batches} batches behind drained in {took:.1f} s")
        return latencies


async def test_a_store_over_its_bound_lets_the_oldest_go_and_tells_it_in_one_gap_record(tmp_path):
    async with rig_on(tmp_path, store_bytes=MIB) as rig:
        await rig.machine.start_gateway(200)
        await until(lambda: len(rig.machine.journal()) > 100)
        await rig.machine.stop_gateway()
        await rig.machine.start_gateway(0)
        await rig.drained()  # of a range that had partly arrived nobody could say how many rows are missing
        await rig.machine.stop_gateway()
        rig.link.cut()
        await rig.machine.start_gateway(200)
        await until(lambda: rig.machine.status().get("dropped_rows", 0) > 1500)
        await rig.machine.stop_gateway()
        rig.link.mend()
        await rig.machine.start_gateway(0)
        await rig.drained()
        rows, truth = await rig.rows(), rig.truth()
        assert len(rows) == len(set(rows))
        assert set(rows) <= truth
        missing = sorted(truth - set(rows))
        gaps = await rig.gaps()
        assert len(gaps) == 1, gaps
        (gap,) = gaps
        lost = [entry for entry in rig.machine.journal() if entry.rows and entry.first in set(missing)]
        assert (gap.cause, gap.rows) == ("dropped", len(missing))
        assert (gap.from_us, gap.to_us) == (missing[0], missing[-1])
        assert (gap.boot, gap.from_seq, gap.to_seq) == (lost[0].boot, lost[0].seq, lost[-1].seq)


async def test_batches_older_than_the_bound_go_and_the_newest_stays(tmp_path):
    async with rig_on(tmp_path, store_seconds=2) as rig:
        rig.link.cut()
        await rig.machine.start_gateway(50)
        await until(lambda: rig.machine.status().get("dropped_rows", 0) > 0)
        await until(lambda: rig.machine.status()["oldest_seconds"] < 10)  # it would only grow
        rig.link.mend()
        await until(lambda: caught_up(rig.machine))
        await rig.machine.stop_gateway()
        # Of its last batches it cannot know yet which the hub has: none of them may be too old for the next life.
        rig.machine.set("edge.store_seconds", 3600)
        await rig.machine.start_gateway(0)
        await rig.drained()
        missing = rig.truth() - set(await rig.rows())
        gaps = await rig.gaps()
        assert {gap.cause for gap in gaps} == {"dropped"}
        assert sum(gap.rows for gap in gaps) == len(missing) > 0


async def test_a_machine_starts_and_stores_alone_while_the_hub_is_away(tmp_path):
    async with rig_on(tmp_path) as rig:
        rig.link.cut()
        await rig.machine.start_gateway(20)
        await until(lambda: len(rig.machine.journal()) > 20)
        await until(lambda: rig.machine.status().get("state") == "hub away")
        rig.link.mend()
        await rig.machine.stop_gateway()
        await rig.machine.start_gateway(0)
        await rig.drained()
        assert not rig.truth() - set(await rig.rows())
        assert await rig.gaps() == []


async def test_nothing_leaves_the_store_before_the_history_has_it(tmp_path):
    async with rig_on(tmp_path) as rig:
        await rig.kill_history()
        await rig.machine.start_gateway(50)
        await until(lambda: len(rig.machine.journal()) > 50 and caught_up(rig.machine))
        kept = len(rig.machine.journal())
        await until(lambda: len(rig.machine.journal()) > kept + 50)
        await until(lambda: rig.machine.status()["kept_batches"] > kept)
        await rig.machine.stop_gateway()
        await rig.machine.start_gateway(0)  # the history may be slower than a gateway that feeds
        await until(lambda: rig.machine.status().get("kept_batches", 0) > kept)
        await rig.start_history()
        await until(lambda: rig.machine.status()["kept_batches"] < kept)


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process's files")
async def test_a_full_disk_stops_the_store_says_so_and_ends_without_a_loss(tmp_path):
    async with rig_on(tmp_path) as rig:
        machine = rig.machine
        await machine.start_gateway(50)
        await until(lambda: len(machine.journal()) > 20)
        resource.prlimit(machine.bus.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        async with asyncio.timeout(DEADLINE_SECONDS):  # its care ends it where there is room, as on this disk
            await machine.bus.wait()
        stored = len(machine.journal())
        await until(lambda: machine.status().get("trouble"))
        assert "bus_stream_cannot_write" in (machine.home.logs / "gateway.log").read_text()
        await machine.start_bus()  # a supervisor does
        await until(lambda: len(machine.journal()) > stored + 20)
        await machine.stop_gateway()
        await machine.start_gateway(0)
        await rig.drained()
        assert set(await rig.rows()) >= rig.truth()
        assert await rig.gaps() == [], "what waited in memory was stored"


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="stops a process for a while")
async def test_an_own_bus_that_hangs_does_not_end_the_gateway_whose_devices_are_read_on(tmp_path):
    async with rig_on(tmp_path) as rig:
        machine = rig.machine
        await machine.start_gateway(20)
        await until(lambda: len(machine.journal()) > 20)
        stored = len(machine.journal())
        machine.bus.send_signal(signal.SIGSTOP)
        await asyncio.sleep(API_SECONDS + 2)  # longer than anybody waits for its answer
        machine.bus.send_signal(signal.SIGCONT)
        await until(lambda: len(machine.journal()) > stored + 100)
        assert await machine.stop_gateway() == 0
        await machine.start_gateway(0)
        await rig.drained()
        assert not rig.truth() - set(await rig.rows())
        assert await rig.gaps() == []


async def test_the_own_bus_admits_nobody_without_its_credentials(tmp_path):
    async with rig_on(tmp_path) as rig:
        server = (rig.machine.home.path / "run" / "bus.json").read_text()
        port = int(server.partition('"port":')[2].partition(",")[0])
        await until(lambda: _answers(port))
        client = Client()
        errors = []

        async def note(error):
            errors.append(error)

        with pytest.raises((nats.errors.Error, OSError)):
            await client.connect(
                f"nats://127.0.0.1:{port}", allow_reconnect=False, error_cb=note, connect_timeout=DEADLINE_SECONDS
            )
        client._transport.close()  # a client that is refused leaves its socket open
        assert "authorization" in str(errors).lower()
        keys = rig.machine.home.path / "edge/forward/keys"
        assert {file.stat().st_mode & 0o777 for file in keys.iterdir()} == {0o600}


async def test_a_copy_of_the_gateways_key_is_void_after_the_next_start_and_after_a_rotation(tmp_path):
    async with rig_on(tmp_path) as rig:
        machine = rig.machine
        local = LocalBus(machine.home, machine.settings)
        copy = tmp_path / "copy.creds"
        await machine.start_gateway(50)
        await until(lambda: machine.journal())
        for change in ("rotation", "start"):
            copy.write_bytes(local.credentials.read_bytes())
            if change == "rotation":
                await asyncio.sleep(1.1)  # tokens are dated by the second
                administration = await local.administer()
                await local.rotate(administration)
                await administration.close()
            else:
                await asyncio.sleep(1.1)
                await machine.kill(machine.bus)
                machine.prepare()
                await machine.start_bus()
            found = partial(find_address, settings_of(machine.settings), machine.home)
            await until(lambda found=found: _answers(found().port))
            assert await refusal(found().port, copy), change
            count = len(machine.journal())
            await until(lambda count=count: len(machine.journal()) > count)


async def refusal(port, credentials):
    """What the own server says to whoever comes with these."""
    client, errors = Client(), []

    async def note(error):
        errors.append(str(error).lower())

    try:
        await client.connect(
            f"nats://127.0.0.1:{port}", allow_reconnect=False, error_cb=note, user_credentials=str(credentials),
            connect_timeout=DEADLINE_SECONDS,
        )  # fmt: skip
        await client.close()
    except (nats.errors.Error, OSError):
        client._transport.close()
        return [error for error in errors if "authorization" in error]
    return []


async def _answers(port):
    from lineshaft.bus.address import Address
    from lineshaft.bus.server import answers

    return await answers(Address(host="127.0.0.1", port=port))


class Kills:
    """Random kills and cuts, and how often the gateway's process was among them."""

    def __init__(self, rig: Rig, chance: random.Random) -> None:
        self._rig = rig
        self._chance = chance
        self.did: Counter[str] = Counter()

    async def one(self) -> None:
        what = self._chance.choice(["gateway", "own bus", "hub bus", "history", "link"])
        self.did[what] += 1
        rig, machine = self._rig, self._rig.machine
        if what == "gateway":
            await machine.kill(machine.gateway)
            await machine.start_gateway(self._chance.choice([20, 100, 300]))
        elif what == "own bus":
            await machine.kill(machine.bus)
            await machine.start_bus()
        elif what == "hub bus":
            await rig.bus.kill()
            await asyncio.sleep(self._chance.uniform(0, 1))
            await rig.bus.start()
        elif what == "history":
            await rig.kill_history()
            await rig.start_history()
        elif self._chance.random() < 0.5:
            rig.link.cut()
        else:
            rig.link.mend()


async def test_killed_anywhere_nothing_is_lost_doubled_or_untold(tmp_path):
    await kill_trial(tmp_path, seed=1, kills=8)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(100, 110))
async def test_killed_anywhere_nothing_is_lost_doubled_or_untold_in_a_long_run(tmp_path, seed):
    await kill_trial(tmp_path, seed, kills=60)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_an_outage_of_twenty_thousand_batches_drains_beside_live_values(tmp_path):
    latencies = await outage(tmp_path, batches=20_000, rate=400)
    p95 = quantiles(latencies.until_live, n=20)[-1]
    print(f"{len(latencies.until_live)} live batches meanwhile, p95 {p95:.3f} s")
    assert p95 < 2


async def kill_trial(folder, seed, kills):
    chance = random.Random(seed)
    async with rig_on(folder) as rig:
        await rig.machine.start_gateway(100)
        await until(lambda: len(rig.machine.journal()) > 20)
        schedule = Kills(rig, chance)
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0, 2))
            await schedule.one()
        rig.link.mend()
        # It has to store something before it is stopped, else its boot is not seen and cannot be told of.
        stored = len(rig.machine.journal())
        await until(lambda: len(rig.machine.journal()) > stored)
        assert await rig.machine.stop_gateway() == 0
        await rig.machine.start_gateway(0)
        await rig.drained()
        await compare(rig)
        print(f"seed {seed}: {dict(schedule.did)}, {len(rig.truth())} samples, {len(await rig.gaps())} gaps")


async def compare(rig) -> None:
    journal = rig.machine.journal()
    rows, truth = await rig.rows(), rig.truth()
    assert len(rows) == len(set(rows)), f"{len(rows) - len(set(rows))} samples are doubled"
    assert not truth - set(rows), f"{len(truth - set(rows))} acknowledged samples are lost"
    last: dict[str, int] = {}
    for entry in journal:
        last[entry.boot] = entry.seq
    *killed, _stopped = last
    *ends, stopped, running = [life.returncode for life in rig.machine.lives]
    assert (set(ends) <= {-signal.SIGKILL}, stopped, running) == (True, 0, None), "a life ended by itself"
    gaps = await rig.gaps()
    assert [gap.cause for gap in gaps] == ["restart"] * len(gaps), gaps
    assert len({gap.boot for gap in gaps}) == len(gaps)
    assert {gap.boot for gap in gaps if gap.boot in last} == set(killed)
    for gap in gaps:  # one batch may have been stored without its confirmation being written down
        assert gap.from_seq - last.get(gap.boot, 0) in ((1, 2) if gap.boot in last else (2,))
        assert not [number for number in rows if gap.from_us < number < gap.to_us - CLOCK_US]
