"""Replication of identifiers: lag from a registration's commit to the mirror, at a steady rate, and what it costs.

    primary   this process registers records in LMDB, 10 in a transaction, at a fixed rate, and publishes its log
    bus       nats-server, each batch on disk before it is confirmed
    mirror    a process of its own that follows into another LMDB store
Lag is taken per record: commit here, then the mirror's commit there, by the steady clock that both share. CPU is user +
system time of each process while it runs, per record. The peer's figure is its default pull of 60 s. Last line: JSON.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import psutil

from lineshaft.bus import Bus, BusSettings
from lineshaft.bus.testing import embedded_bus
from lineshaft.core.home import Home
from lineshaft.resolution import changes
from lineshaft.resolution.changes import Change
from lineshaft.resolution.mirror import Mirror, Publisher, serve_snapshots
from lineshaft.resolution.record import pack_record
from lineshaft.resolution.store import open_store
from lineshaft.resolution.testing import admin, value

TARGET_SECONDS = 1.0
PEER_SECONDS = 60.0
_TOGETHER = 10
NODE = "primary"


async def follow(home: str, folder: str, settings: str) -> None:
    """The mirror's process: says each place it has come to, and when."""
    bus = await Bus.connect(msgspec.json.decode(settings, type=BusSettings), Home(Path(home)), "copy")
    mirror = Mirror(bus, NODE, open_store("lmdb", Path(folder)), on_change=lambda _: tell())

    def tell() -> None:
        place = mirror.place
        sys.stdout.write(f"{place.sequence if place else 0} {time.monotonic()}\n")
        sys.stdout.flush()

    await mirror.start()
    await mirror.caught_up(0)
    tell()
    await asyncio.Event().wait()


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


async def measure(rate: int, seconds: float, folder: Path) -> dict[str, Any]:
    async with embedded_bus(folder) as box:
        box.issue("copy")
        bus, store = await box.connect(NODE), open_store("lmdb", folder / "primary")
        listeners = await serve_snapshots(bus, NODE, store)
        publisher = Publisher(bus, NODE, store)
        await publisher.start()
        process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "--follow", str(box.home.path), str(folder / "copy"),
            msgspec.json.encode(box.settings).decode(), stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        await process.stdout.readline()
        await asyncio.sleep(1)
        arrivals: list[tuple[int, float]] = []

        async def listen() -> None:
            assert process.stdout is not None
            async for line in process.stdout:
                sequence, moment = line.split()
                arrivals.append((int(sequence), float(moment)))

        listening = asyncio.create_task(listen())
        pids = {"primary and writer": os.getpid(), "bus": box.pid, "mirror": process.pid}
        before = {name: _cpu(pid) for name, pid in pids.items()}
        commits, spent_writing = await _write(store, rate, seconds)
        async with asyncio.timeout(60):
            while not arrivals or arrivals[-1][0] < len(commits):  # noqa: ASYNC110  # lines of another process
                await asyncio.sleep(0.01)
        cpu = {name: _cpu(pid) - before[name] for name, pid in pids.items()}
        process.kill()
        await process.wait()
        await listening
        await publisher.stop()
        for listener in listeners:
            await listener.stop()
        store.close()
    lags, place = [], 0
    for sequence, moment in arrivals:
        lags += [moment - committed for committed in commits[place:sequence]]
        place = max(place, sequence)
    lags.sort()
    micro = {f"{name}_us_per_record": round(spent / len(commits) * 1e6, 1) for name, spent in cpu.items()}
    return {
        "records": len(commits), "rate": round(len(commits) / (commits[-1] - commits[0])),
        "lag_p50_ms": round(1000 * lags[len(lags) // 2], 1), "lag_p99_ms": round(1000 * lags[len(lags) * 99 // 100], 1),
        "lag_max_ms": round(1000 * lags[-1], 1), **micro, "writing_us_per_record": round(spent_writing * 1e6, 1),
        "peer_default_ms": 1000 * PEER_SECONDS, "target_met": lags[len(lags) * 99 // 100] < TARGET_SECONDS,
    }  # fmt: skip


async def _write(store: Any, rate: int, seconds: float) -> tuple[list[float], float]:
    """Times of commit of each record, and CPU seconds per record that the writing took by itself."""
    commits: list[float] = []
    began, spent = time.monotonic(), 0.0

    def write(first: int) -> float:
        own = time.thread_time()
        made = [
            Change(b"88.1/%d" % number, None, pack_record([value(1, os.urandom(16)), value(2), value(3), admin()]))
            for number in range(first, first + _TOGETHER)
        ]
        with store.write() as transaction:
            changes.apply(transaction, made)
        return time.thread_time() - own

    while time.monotonic() - began < seconds:
        behind = int((time.monotonic() - began) * rate) - len(commits)
        if behind < _TOGETHER:
            await asyncio.sleep(0.001)
            continue
        spent += await asyncio.to_thread(write, len(commits))
        commits += [time.monotonic()] * _TOGETHER
    return commits, spent / len(commits)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--follow", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.follow:
        asyncio.run(follow(*arguments.follow))
        return
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(arguments.rate, arguments.seconds, Path(folder)))
    for name, figure in found.items():
        print(f"{name:>34}  {figure}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
