"""For benchmarks: other time-series stores of this machine, on loopback ports with their data in a folder."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from math import isfinite
from pathlib import Path

import httpx
import numpy as np

_START_SECONDS = 90.0
_INFLUX = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
"""


class Peer:
    """A running store that takes InfluxDB's line protocol."""

    def __init__(self, name: str, folder: Path, port: int, process: subprocess.Popen[bytes]) -> None:
        self.name = name
        self.folder = folder
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120)
        self._status = Path(f"/proc/{process.pid}/stat")

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = self._status.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def write(self, lines: bytes) -> None:
        """Store points; microseconds."""
        unit = "u" if self.name == "influxdb" else "us"
        self.client.post("/write", params={"db": "bench", "precision": unit}, content=lines).raise_for_status()

    def flush(self) -> None:
        """Bring what is in memory to files, where the store can be told to."""
        if self.name == "victoria-metrics":
            self.client.get("/internal/force_flush").raise_for_status()

    def merge(self) -> None:
        """Have it make its files as small as it makes them; returns when they no longer change."""
        if self.name == "victoria-metrics":
            self.client.get("/internal/force_merge").raise_for_status()
        last = -1
        while (size := self.size()) != last:
            last = size
            time.sleep(2)

    def size(self) -> int:
        """Bytes of all its data files."""
        found = 0
        for path in (self.folder / "data").rglob("*"):
            with contextlib.suppress(OSError):
                found += path.stat().st_size if path.is_file() and path.name != "flock.lock" else 0
        return found


@contextlib.contextmanager
def peer(name: str, folder: Path) -> Iterator[Peer]:
    """A store of this machine, `victoria-metrics` or `influxdb`, until the block ends."""
    folder.mkdir(parents=True)
    port, rpc = _free_port(), _free_port()
    if name == "influxdb":
        (folder / "influxdb.conf").write_text(_INFLUX.format(folder=folder, port=port, rpc=rpc))
        command = ["influxd", "run", "-config", str(folder / "influxdb.conf")]
    else:
        command = [
            "victoria-metrics", f"-storageDataPath={folder}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y",
        ]  # fmt: skip
    environment = {**os.environ, "GOMAXPROCS": "1", "HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    made = Peer(name, folder, port, process)
    try:
        _await(made)
        if name == "influxdb":
            made.client.post("/query", params={"q": "CREATE DATABASE bench"}).raise_for_status()
        yield made
    finally:
        made.client.close()
        process.terminate()
        process.wait(_START_SECONDS)


def lines_of(tags: int, ts: Iterable[int], values: np.ndarray) -> bytes:
    """Rows of one value per tag in the line protocol, one series per tag; what is not finite is left out."""
    heads = [f"plant,tag={number} v=" for number in range(1, tags + 1)]
    found: list[str] = []
    for time_us, row in zip(ts, values.tolist(), strict=True):
        end = f" {time_us}\n"
        found.extend(f"{head}{value!r}{end}" for head, value in zip(heads, row, strict=True) if isfinite(value))
    return "".join(found).encode()


def _await(made: Peer) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            made.client.get("/ping" if made.name == "influxdb" else "/health").raise_for_status()
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
