"""A whole gateway on a machine of its own: its parts and its box's are killed at random moments, the wire between is cut.

Two truths: what the machine's own bus had on disk, as read there; and every count that a counting device handed out,
with the moment it did.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import struct
import subprocess
import sys
from collections import Counter
from functools import partial
from typing import NamedTuple

import polars as pl
import pytest

from lineshaft.bus import Bus, read_batch_header, telemetry
from lineshaft.bus.address import find_address
from lineshaft.bus.claims import Key, credentials, new_key, user_jwt
from lineshaft.bus.connection import Connection
from lineshaft.bus.server import free_port
from lineshaft.bus.testing import everything
from lineshaft.cli.testing import running_box
from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.core.home import Home, read_json, write_file
from lineshaft.edge.drivers.modbus.serving import Listener
from lineshaft.edge.forward.local import STREAM, LocalBus, settings_of
from lineshaft.edge.forward.testing import Link
from lineshaft.edge.settings import EdgeSettings

EAST = "gateway-east"
TAG = "acme/north/hall/line/cell/meter/count"
PERIOD_MS = 50
LAG_US = 2_000_000
"""A gateway vouches for what is so old; younger counts may have been on their way."""
DEADLINE_SECONDS = 120
POINTS = [{"name": "count", "address": "input:0", "type": "uint32", "kind": "integer"}]


class Meter:
    """A Modbus device whose register pair counts how often it was read."""

    def __init__(self):
        self.told = []
        """When each count was handed out; count 1 first."""
        self._listener = Listener(self._answer)

    async def start(self):
        return f"modbus-tcp://127.0.0.1:{await self._listener.start('127.0.0.1', 0)}"

    async def close(self):
        await self._listener.close()

    def _answer(self, request, _peer):
        if request[0] != 4:
            return bytes((request[0] | 0x80, 1))
        self.told.append(clock.now_us())
        count = struct.unpack_from(">H", request, 3)[0]
        return bytes((4, 2 * count)) + struct.pack(">I", len(self.told)).ljust(2 * count, b"\0")[: 2 * count]


class Batch(NamedTuple):
    boot: str
    seq: int
    stored_us: int
    counts: list[int]
    times: list[int]
    """Source time of each count."""


class Tap:
    """Reads what the machine's own bus has on disk, as fast as it comes there."""

    def __init__(self, home):
        self.batches = {}
        """By position."""
        self._position = 1
        self._home = home
        settings = EdgeSettings(gateway=EAST)
        self._local = LocalBus(home, settings)
        self._find = partial(find_address, settings_of(settings), home)

    async def run(self):
        account = Key((self._home.path / "edge/forward/keys/account.nk").read_text("ascii").strip())
        key, file = new_key("user"), self._home.path / "tap.creds"
        token = user_jwt(account, key.public, "tap", everything(self._local.subjects, "tap"))
        write_file(file, credentials(token, key.seed).encode())
        connection = Connection("tap", file, self._find)
        await connection.open(10)
        bus = Bus(connection, self._local.subjects)
        try:
            while True:
                with contextlib.suppress(LineshaftError):  # the own bus is being started anew
                    await self._read(bus)
                await asyncio.sleep(0.05)
        finally:
            await bus.close()

    async def _read(self, bus):
        async with contextlib.aclosing(bus.read_stream(STREAM, self._position, 64, reader="tap")) as pages:
            async for messages in pages:
                for message in messages:
                    header = read_batch_header(message.subject, message.headers)
                    self.batches[message.sequence] = Batch(
                        header.boot, header.seq, message.time_us, *good_counts(message.data)
                    )
                    self._position = message.sequence + 1

    def last(self):
        """Number of the last batch seen of each boot, and how many left the store unseen right behind it."""
        found, order = {}, sorted(self.batches)
        for position, after in zip(order, [*order[1:], order[-1] + 1], strict=True):
            found[self.batches[position].boot] = (self.batches[position].seq, after - position - 1)
        return found


def good_counts(payload):
    """Counts with good quality, and their source times."""
    rows = telemetry.decode(payload)
    columns = (rows.column("vi").to_pylist(), rows.column("ts").cast("int64").to_pylist(), rows.column("q").to_pylist())
    good = [(count, ts) for count, ts, q in zip(*columns, strict=True) if q == 0]
    return [count for count, _ in good], [ts for _, ts in good]


class Trial:
    """A box, a machine, the wire between, and what happens to them."""

    def __init__(self, box, east, link, chance):
        self._homes = {"gateway": east, "own bus": east, "hub bus": box.home, "history": box.home}
        self._link = link
        self._chance = chance
        self.did = Counter()

    async def one(self):
        what = self._chance.choice([*self._homes, "link"])
        patient = self._chance.random() < 0.75
        if what in self._homes and patient:  # else it is killed at its start at times, and most lives would be short
            await until(lambda: self._child(what).get("state") == "ready", f"{what} is back")
        await asyncio.sleep(self._chance.uniform(0, 3))
        if what == "link":
            what = self._chance.choice(["cut", "mend"])
            self._link.cut() if what == "cut" else self._link.mend()
            self.did[what] += 1
        elif (child := self._child(what)).get("state") in ("starting", "ready"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child["pid"], signal.SIGKILL)
                self.did[what] += 1

    def _child(self, what):
        return child_of(self._homes[what], what.split()[-1])


def child_of(home, name):
    state = read_json(home.run / "state.json") or {}
    return next((child for child in state.get("children", []) if child["name"] == name), {})


@contextlib.contextmanager
def running_machine(home, hub):
    argv = [sys.executable, "-m", "lineshaft.cli.main", "edge", "run", "--home", str(home.path)]
    argv += ["--set", f"bus.url=nats://127.0.0.1:{hub}"]
    with (home.path / "machine.out").open("ab") as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


async def until(condition, what):
    """Wait until `condition`, which may block, holds."""
    deadline = clock.monotonic() + DEADLINE_SECONDS
    while not await asyncio.to_thread(condition):
        assert clock.monotonic() < deadline, what
        await asyncio.sleep(0.2)


def drained(box):
    with contextlib.suppress(AssertionError, ValueError):
        status = box.json("device", "status", "--gateway", EAST)
        read = box.json("history", "status")
        return status["parts"]["forward"].get("kept_batches") == 0 and read["read_sequence"] == read["last_sequence"]
    return False


def stored(box):
    """All counts as a foreign reader of the table sees them: (source time, count), ascending."""
    frame = pl.scan_delta(str(box.home.path / "history" / "samples")).filter(
        (pl.col("q") == 0) & pl.col("vi").is_not_null()
    )
    return frame.select("tag", pl.col("ts").dt.epoch("us"), pl.col("vi")).sort("ts", "vi").collect()


async def trial(box, folder, seed, kills):
    chance = random.Random(seed)
    east, meter = Home(folder / "east"), Meter()
    async with Link(box.bus_port) as link:
        token = (await asyncio.to_thread(box.lineshaft, "edge", "invite", EAST)).stdout.strip()
        await asyncio.to_thread(box.lineshaft, "edge", "enrol", token, "--home", str(east.path))
        points = folder / "points.json"
        points.write_text(json.dumps(POINTS))
        endpoint = await meter.start()
        with running_machine(east, link.port):
            await until(lambda: child_of(east, "gateway").get("state") == "ready", "the gateway runs")
            tap = Tap(east)
            tapping = asyncio.create_task(tap.run())
            try:
                await asyncio.to_thread(
                    box.lineshaft, "device", "add", "meter", "--endpoint", endpoint, "--path", TAG.rpartition("/")[0],
                    "--gateway", EAST, "--period", str(PERIOD_MS), "--mode", "poll", "--points", str(points),
                )  # fmt: skip
                await until(lambda: len(meter.told) > 20, "the meter is read")
                work = Trial(box, east, link, chance)
                for _ in range(kills):
                    await work.one()
                link.mend()
                told = len(meter.told)
                await until(lambda: len(meter.told) > told + 20, "the meter is read again")
                await meter.close()
                await until(lambda: drained(box), "the history has everything")
                await asyncio.to_thread(box.lineshaft, "history", "seal")
                gaps = await asyncio.to_thread(box.json, "history", "gaps")
                rows = stored(box)
                assert not tapping.done(), "the tap ended by itself"
                compare(meter, tap, rows, gaps)
            finally:
                tapping.cancel()
                await asyncio.gather(tapping, return_exceptions=True)
                await meter.close()
        missing = len(meter.told) - rows.height
        print(f"seed {seed}: {dict(work.did)}, {len(meter.told)} counts, {missing} in {len(gaps)} gaps")


def compare(meter, tap, rows, gaps):
    found = rows["vi"].to_list()
    assert rows.height == rows.select("tag", "ts").unique().height == len(set(found)), "counts are doubled"
    acknowledged = {count for batch in tap.batches.values() for count in batch.counts}
    assert acknowledged, "the tap heard nothing"
    assert not acknowledged - set(found), "counts that the own bus had are lost"
    last = tap.last()
    *killed, _running = last
    assert [gap["cause"] for gap in gaps] == ["restart"] * len(gaps), gaps
    spans = {gap["boot"]: (clock.parse_time(gap["from"]), clock.parse_time(gap["to"])) for gap in gaps}
    assert len(spans) == len(gaps), "a boot has two gaps"
    assert set(killed) <= set(spans), "a killed boot has no gap"
    for gap in gaps:
        seq, unseen = last.get(gap["boot"], (0, sum(more for _, more in last.values())))
        assert 1 <= gap["from_seq"] - seq <= 1 + unseen, gap
    untold = [  # the first answer only told the driver that there is a device
        count for count in set(range(2, len(meter.told) + 1)) - set(found)
        if not any(start <= meter.told[count - 1] <= end for start, end in spans.values())
    ]  # fmt: skip
    assert not untold, f"counts are missing in no gap: {untold}"
    newest = {batch.boot: max(batch.times) for _, batch in sorted(tap.batches.items()) if batch.times}
    begun = {batch.stored_us for batch in tap.batches.values() if batch.seq == 1}
    unseen = sum(more for _, more in last.values())
    for boot, (start, end) in spans.items():
        assert newest.get(boot, 0) < start + LAG_US, "a gap begins long before the last count of its boot"
        assert end in begun or unseen, "a gap does not end where the next boot begins"


@pytest.fixture
def box(tmp_path):
    port = free_port("127.0.0.1")
    with running_box(tmp_path / "box", demo=False, settings=[f"bus.port={port}", "history.seal_seconds=1"]) as running:
        running.bus_port = port
        yield running


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(200, 204))
def test_a_whole_gateway_killed_anywhere_loses_and_doubles_nothing_and_its_gaps_are_true(box, tmp_path, seed):
    asyncio.run(trial(box, tmp_path, seed, kills=40))
