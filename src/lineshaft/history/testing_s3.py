"""For tests: an S3 object store of its own (the program `weed`) on free loopback ports, with keys of its own."""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lineshaft.bus.server import free_port
from lineshaft.history.credentials import Credentials
from lineshaft.history.storage import Place
from lineshaft.history.storage_s3 import S3Prefix

BUCKET = "plant"
_START_SECONDS = 60.0
_PORTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
          "s3.port", "s3.port.grpc")  # fmt: skip


def program() -> str | None:
    """The program, beside this interpreter or on the PATH; None where it is not installed."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


class ObjectStore:
    """One store; `stop` or `kill` ends its process, `start` begins it again on the same ports and files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.credentials = Credentials(access_key=secrets.token_hex(8), secret_key=secrets.token_hex(16))
        self._ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
        self.endpoint = f"http://127.0.0.1:{self._ports['s3.port']}"
        self.keys = folder / "keys.json"
        self.keys.write_text(
            json.dumps({"access_key": self.credentials.access_key, "secret_key": self.credentials.secret_key})
        )
        self.keys.chmod(0o600)

    def start(self) -> None:
        """Start it; returns once it answers and has its bucket."""
        binary = program()
        assert binary is not None
        config = self._folder / "s3.json"
        key = {"accessKey": self.credentials.access_key, "secretKey": self.credentials.secret_key}
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        config.write_text(json.dumps({"identities": [{"name": "history", "credentials": [key], "actions": actions}]}))
        data = self._folder / "data"
        data.mkdir(exist_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    binary, "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", f"-s3.config={config}",
                    "-master.volumeSizeLimitMB=64", "-volume.max=20", "-master.telemetry=false",
                    "-master.electionTimeout=1s", "-s3.port.iceberg=0", "-s3.port.lance=0",
                    *(f"-{name}={port}" for name, port in self._ports.items()),
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder, start_new_session=True,
                env={**os.environ, "HOME": str(self._folder)},
            )  # fmt: skip
        self._wait()

    def _wait(self) -> None:
        files = self._admin()
        deadline = time.monotonic() + _START_SECONDS
        while True:
            assert self._process is not None
            assert self._process.poll() is None, (self._folder / "log").read_text()[-3000:]
            try:
                files.create_dir(BUCKET)
                with files.open_output_stream(f"{BUCKET}/ready") as probe:
                    probe.write(b"ready")
            except OSError:
                assert time.monotonic() < deadline, (self._folder / "log").read_text()[-3000:]
                time.sleep(0.05)
            else:
                return

    def _admin(self) -> Any:
        from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

        return S3FileSystem(
            access_key=self.credentials.access_key, secret_key=self.credentials.secret_key, region="us-east-1",
            scheme="http", endpoint_override=self.endpoint.removeprefix("http://"), allow_bucket_creation=True,
            retry_strategy=AwsStandardS3RetryStrategy(max_attempts=1), connect_timeout=1,
        )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it, running or not."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for name in ("filer", "s3"):  # it makes these beside its folder
            Path(f"/tmp/seaweedfs-{name}-grpc-{self._ports[f'{name}.port.grpc']}.sock").unlink(missing_ok=True)  # noqa: S108

    def place(self, prefix: str) -> Place:
        """A place in its bucket."""
        return Place(
            url=f"s3://{BUCKET}/{prefix}", endpoint=self.endpoint, region="us-east-1", credentials=str(self.keys)
        )

    def storage(self, prefix: str) -> S3Prefix:
        """The same as storage."""
        return S3Prefix.at(self.place(prefix))


@contextlib.contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """A running store that ends with the block."""
    store = ObjectStore(folder)
    try:
        store.start()
        yield store
    finally:
        store.stop()


def _free_ports(count: int) -> list[int]:
    """Below those that the kernel gives to others: nobody gets one of them before the store begins, or while it is down."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port("127.0.0.1"))
    return [*found]
