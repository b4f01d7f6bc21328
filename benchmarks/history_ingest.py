"""Samples per CPU-second from the bus to committed, sorted segments, against the time-series stores of Debian.

    lineshaft   the history service in a process of its own, with the process that commits for it: messages of 1,000 and
                of 10,000 rows are published to a real bus, read by sequence, sealed, committed and trimmed from the stream
    peers       VictoriaMetrics and InfluxDB: their server's CPU for the same samples as line protocol over HTTP, value
                and time only, no quality; what makes the lines is not counted
CPU is user + system time of the processes named. Ours counts from the first committed segment (of 100 scans: imports,
the tables' creation and the first look at every tag are before it) to the last commit, every stored batch read, checked,
sorted, encoded, compared bit for bit, made durable, committed and trimmed in between. The peers' counts from a server
that is up. Last line: one JSON object.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa

from lineshaft.bus import TELEMETRY, Bus, BusSettings
from lineshaft.bus.telemetry import SCHEMA, encode
from lineshaft.bus.testing import TestBus, embedded_bus
from lineshaft.core.home import Home
from lineshaft.core.service import Context
from lineshaft.core.settings import Settings
from lineshaft.history.model import HistoryStatus
from lineshaft.history.service import HistoryService
from lineshaft.history.settings import HistorySettings
from lineshaft.history.testing import LaneMessages
from lineshaft.history.testing_peers import lines_of, peer
from lineshaft.history.testing_signals import Scans, mixed

MUST = {"rows_10000": 6e6, "rows_1000": 3.5e6, "victoria-metrics": 3.0, "influxdb": 5.0}
_PENDING = 64
_SEAL_SCANS = 600
_WARM_SCANS = 100
_ROW_BYTES = 45
_BUS_BYTES = 2 << 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=int, default=1000)
    parser.add_argument("--scans", type=int, default=6000, help="one a second; 600 make a segment")
    parser.add_argument("--peer-scans", type=int, default=1200, help="of those, what the peers get")
    parser.add_argument("--serve", nargs=3, metavar=("HOME", "PORT", "BYTES"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(*arguments.serve))
        return
    scans = mixed(arguments.tags, arguments.scans)
    figures: dict[str, Any] = {"benchmark": "history_ingest", "tags": arguments.tags, "scans": arguments.scans}
    for each in (10, 1):
        name = f"rows_{each * arguments.tags}"
        figures[name] = asyncio.run(ours(scans, each))
        print(f"{name:16}", figures[name])
    for name in ("victoria-metrics", "influxdb"):
        if shutil.which("influxd" if name == "influxdb" else name) is None:
            print(f"{name}: not installed, skipped")
            continue
        figures[name] = theirs(name, scans, arguments.peer_scans)
        ratio = figures[f"rows_{10 * arguments.tags}"]["per_cpu_s"] / figures[name]["per_cpu_s"]
        figures[name]["ratio"] = round(ratio, 2)
        print(f"{name:16}", figures[name])
    rates = {key: figures.get(key, {}).get("per_cpu_s" if key.startswith("rows") else "ratio") for key in MUST}
    figures["must"], figures["met_target"] = MUST, all(rate is None or rate >= MUST[key] for key, rate in rates.items())
    print(json.dumps(figures))


async def ours(scans: Scans, each: int) -> dict[str, Any]:
    """Publish all messages while the service reads; CPU of its processes and of the bus's server."""
    lane = LaneMessages()
    batches = [pa.RecordBatch.from_arrays(batch.columns, schema=SCHEMA) for batch in scans.batches(each)]
    messages = [lane.next(data=encode(batch)) for batch in batches]
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_bus(Path(folder), BusSettings(port=0, store_max_bytes=_BUS_BYTES)) as bus:
            bus.issue("history")
            asker, gateway = await bus.connect("web"), await bus.connect("gateway")
            seal_bytes = _SEAL_SCANS * scans.values.shape[1] * _ROW_BYTES
            async with served(bus, seal_bytes) as process:
                await until(asker, 0)
                warm = max(_WARM_SCANS // each, 1)
                await publish(gateway, lane, messages[:warm])
                await until(asker, warm)
                await asker.request("history", "seal", None, dict[str, int], timeout=60)
                before, server = cpu_seconds(process), cpu_seconds(psutil.Process(bus.pid))
                began = time.monotonic()
                await publish(gateway, lane, messages[warm:])
                await until(asker, len(messages))
                await asker.request("history", "seal", None, dict[str, int], timeout=60)
                spent = cpu_seconds(process) - before
                figures = {
                    "per_cpu_s": round((len(scans.ts) - warm * each) * scans.values.shape[1] / spent),
                    "cpu_s": round(spent, 2),
                    "wall_s": round(time.monotonic() - began, 2),
                    "server_cpu_s": round(cpu_seconds(psutil.Process(bus.pid)) - server, 2),
                    "rss_mb": process.memory_info().rss >> 20,
                }  # fmt: skip
            size = sum(path.stat().st_size for path in (bus.home.path / "history" / "samples").glob("*.parquet"))
    return {**figures, "bytes_per_sample": round(size / scans.values.size, 3)}


@contextlib.asynccontextmanager
async def served(bus: TestBus, seal_bytes: int) -> AsyncIterator[psutil.Process]:
    """The history service in a process of its own."""
    command = [sys.executable, __file__, "--serve", str(bus.home.path), str(bus.settings.port), str(seal_bytes)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def serve(home: str, port: str, seal_bytes: str) -> None:
    """The other process: the service until it is told to stop."""
    settings = Settings([HistorySettings(seal_bytes=int(seal_bytes)), BusSettings(port=int(port))])
    service = HistoryService(Context(Home(Path(home)), settings))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await service.start()
    await stop.wait()
    await service.stop()


async def publish(gateway: Bus, lane: LaneMessages, messages: list[Any]) -> None:
    subject = gateway.subjects.data(lane.gateway, "live")
    for start in range(0, len(messages), _PENDING):
        part = messages[start : start + _PENDING]
        await asyncio.gather(*(gateway.publish_stored(subject, each.data, each.headers, timeout=60) for each in part))


async def until(asker: Bus, sequence: int) -> None:
    """Wait until the service has read so far."""
    while True:
        with contextlib.suppress(Exception):  # it is starting
            state = await asker.request("history", "status", None, HistoryStatus)
            if state.stream == TELEMETRY and state.read_sequence >= sequence:
                return
        await asyncio.sleep(0.1)


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of a process and all that it started, ended ones too."""
    times = process.cpu_times()
    spent = times.user + times.system + times.children_user + times.children_system
    return float(spent + sum(cpu_seconds(child) for child in process.children()))


def theirs(name: str, scans: Scans, count: int) -> dict[str, Any]:
    """A peer's server for the same samples, 10,000 in a request."""
    tags = scans.values.shape[1]
    each = max(1, 10_000 // tags)
    bodies = [
        lines_of(tags, scans.ts[start : start + each].tolist(), scans.values[start : start + each])
        for start in range(0, min(count, len(scans.ts)), each)
    ]
    with tempfile.TemporaryDirectory() as folder, peer(name, Path(folder) / name) as store:
        before = store.cpu_seconds()
        for body in bodies:
            store.write(body)
        store.flush()
        spent = store.cpu_seconds() - before
    points = sum(body.count(b"\n") for body in bodies)
    return {"per_cpu_s": round(points / spent), "cpu_s": round(spent, 2), "samples": points}


if __name__ == "__main__":
    main()
