"""For tests and benchmarks: a gateway's machine as real processes, whose every sample is known.

`python -m lineshaft.edge.forward.testing --home FOLDER …` is a gateway process without devices: the real lane, store and
forwarder, fed with numbered samples of one tag, their source time the time they were made. What the lane was told to be
stored is written to a journal, so that a killed process leaves its truth behind.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np

from lineshaft.bus import Bus, BusSettings, read_batch_header
from lineshaft.core import clock, logs
from lineshaft.core.home import Home, write_file
from lineshaft.core.settings import Settings
from lineshaft.core.supervisor import die_with_parent
from lineshaft.edge.columns import NUMBER, Columns
from lineshaft.edge.forward.local import LocalBus
from lineshaft.edge.forward.part import StoreAndForward
from lineshaft.edge.lane import GROUP, Lane
from lineshaft.edge.settings import EdgeSettings
from lineshaft.edge.tasks import end

JOURNAL = "journal"
STATUS = "status.json"
TAG = 1
_PERIOD_SECONDS = 0.25


class Entry(msgspec.Struct, frozen=True):
    """One batch that the store confirmed."""

    boot: str
    seq: int
    first: int
    """Number of its first sample, which is its value and, in microseconds, its source time."""
    rows: int


class Machine:
    """The processes of one machine: its own bus and the feeding gateway, each to be killed and started."""

    def __init__(self, home: Home, flags: Mapping[str, str]) -> None:
        self.home = home
        self._flags = dict(flags)
        self._argv: list[str] = []
        self.bus: asyncio.subprocess.Process | None = None
        self.gateway: asyncio.subprocess.Process | None = None
        self.lives: list[asyncio.subprocess.Process] = []
        """Every gateway process so far, in order; their exit statuses say which were killed."""

    @property
    def settings(self) -> EdgeSettings:
        return Settings.load([EdgeSettings, BusSettings], file=self.home.settings_file, flags=self._flags).of(
            EdgeSettings
        )

    def set(self, name: str, value: object) -> None:
        """Change a setting for the gateway's next life."""
        self._flags[name] = str(value)

    def prepare(self) -> None:
        """What `lineshaft edge run` does before it starts anything."""
        self._argv = LocalBus(self.home, self.settings).prepare().argv

    async def start_bus(self) -> None:
        with (self.home.folder("logs") / "bus.log").open("ab") as log:
            self.bus = await asyncio.create_subprocess_exec(
                *die_with_parent(self._argv), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )

    async def start_gateway(self, batches_per_second: float, rows: int = 10) -> None:
        (self.home.path / STATUS).unlink(missing_ok=True)
        flags = [part for item in self._flags.items() for part in ("--set", "=".join(item))]
        argv = [sys.executable, "-m", __name__, "--home", str(self.home.path), "--rate", str(batches_per_second)]
        with (self.home.folder("logs") / "gateway.log").open("ab") as log:
            self.gateway = await asyncio.create_subprocess_exec(
                *die_with_parent([*argv, "--rows", str(rows), *flags]),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.lives.append(self.gateway)

    @staticmethod
    async def kill(process: asyncio.subprocess.Process | None) -> None:
        """SIGKILL; nothing where it has ended."""
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def stop_gateway(self) -> int:
        """A clean stop; its exit status."""
        assert self.gateway is not None
        self.gateway.terminate()
        return await asyncio.wait_for(self.gateway.wait(), 60)

    async def close(self) -> None:
        await self.kill(self.gateway)
        await self.kill(self.bus)

    def journal(self) -> list[Entry]:
        """Every batch confirmed so far; the half line of a killed process is no entry."""
        try:
            lines = (self.home.path / JOURNAL).read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        return [msgspec.json.decode(line, type=Entry) for line in lines]

    def status(self) -> dict[str, Any]:
        """The gateway's figures as of a moment ago; empty before it has any."""
        try:
            return msgspec.json.decode((self.home.path / STATUS).read_bytes(), type=dict[str, Any])
        except FileNotFoundError:
            return {}


class Link:
    """The way to a port of this machine, to be cut and mended."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._cut = False
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._carrying: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        if self._carrying:
            await asyncio.wait(self._carrying)

    def cut(self) -> None:
        """Break every connection, and let none through until mended."""
        self._cut = True
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def mend(self) -> None:
        self._cut = False

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:  # nobody listens there now
            writer.transport.abort()
            return
        self._writers += [writer, far_writer]
        if self._cut:
            self.cut()
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            writer.transport.abort()
            far_writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
    finally:
        writer.transport.abort()


class JournalingStore:
    """The lane's publisher: the store, with a journal of what it confirmed."""

    def __init__(self, store: Any, file: Path) -> None:
        self._store = store
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.firsts: dict[int, int] = {}
        """Number of the first sample by source time of the batch's own first."""

    @property
    def max_payload(self) -> int:
        return int(self._store.max_payload)

    async def publish_stored(
        self, subject: str, payload: bytes, headers: Mapping[str, str] | None = None,
        message_id: str | None = None, *, timeout: float = 5.0,
    ) -> Any:  # fmt: skip
        stored = await self._store.publish_stored(subject, payload, headers, message_id, timeout=timeout)
        from lineshaft.bus import telemetry

        header = read_batch_header(subject, headers or {})
        first = int(telemetry.decode(payload).column("ts").cast("int64")[0].as_py()) if header.rows else 0
        entry = Entry(header.boot, header.seq, first, header.rows)
        os.write(self._file, msgspec.json.encode(entry) + b"\n")
        return stored


async def feed(lane: Lane, batches_per_second: float, rows: int) -> None:
    """Append numbered samples for ever, none at a rate of 0; a sample's number is its source time and its value."""
    newest = 0
    if not batches_per_second:
        await asyncio.Event().wait()
    while True:
        columns = Columns(rows)
        now = max(clock.now_us(), newest + 1)
        for number in range(now, now + rows):
            columns.add(0, number, number, 0, NUMBER, float(number))
        newest = now + rows
        lane.append(columns, np.full(rows, TAG, np.int32))
        lane.flush()
        await asyncio.sleep(1 / batches_per_second)


async def _report(forward: StoreAndForward, file: Path) -> None:
    while True:
        write_file(file, msgspec.json.encode(forward.status()))
        await asyncio.sleep(_PERIOD_SECONDS)


async def _main(home: Home, flags: dict[str, str], batches_per_second: float, rows: int) -> int:
    settings = Settings.load([EdgeSettings, BusSettings], file=home.settings_file, flags=flags)
    edge, log = settings.of(EdgeSettings), logs.get("edge")
    hub = await Bus.connect(settings.of(BusSettings), home, edge.gateway, wait=0.5)
    forward = await StoreAndForward.open(home, edge, hub, log)
    lane = Lane(JournalingStore(forward.store, home.path / JOURNAL), hub.subjects.data(edge.gateway, GROUP), edge)
    lane.start()
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    feeding = asyncio.create_task(feed(lane, batches_per_second, rows))
    tasks = [asyncio.create_task(forward.run()), asyncio.create_task(_report(forward, home.path / STATUS))]
    waiting = asyncio.create_task(stopping.wait())
    done, _ = await asyncio.wait([*tasks, feeding, waiting], return_when=asyncio.FIRST_COMPLETED)
    await end(feeding)
    clean = await lane.close(8, last=waiting in done)
    await end(*tasks, waiting)
    await forward.close()
    await hub.close()
    for task in done:
        task.result()
    return 0 if clean else 1


def main() -> int:
    """The gateway process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    logs.configure("gateway")
    flags = dict(pair.split("=", 1) for pair in arguments.set)
    return asyncio.run(_main(Home(arguments.home), flags, arguments.rate, arguments.rows))


if __name__ == "__main__":
    sys.exit(main())
