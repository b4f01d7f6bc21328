"""For tests and benchmarks: foreign servers as processes, installed once into a cache folder; a relay that holds datagrams."""

import asyncio
import contextlib
import hashlib
import os
import queue
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import msgspec

from lineshaft.core.errors import Unavailable

READY_SECONDS = 60.0
ANSWER_SECONDS = 60.0


def install_peers(folder: Path) -> Path:
    """Install what `folder/package-lock.json` names with `npm ci`, once per lock file; the `node_modules` made.

    The copy lives under `XDG_CACHE_HOME` (`~/.cache`), outside the sources, in a folder named after the lock file's
    digest.

    Raises:
        Unavailable: npm is missing or fails; carries what it said.
    """
    lock = (folder / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lineshaft"
    place = cache / f"peers-{hashlib.sha256(lock).hexdigest()[:16]}"
    if (place / "complete").exists():
        return place / "node_modules"
    making = place.with_name(f"{place.name}.{os.getpid()}")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(folder / name, making / name)
    try:
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=making, capture_output=True, text=True, timeout=600, check=False)
    except OSError as error:
        raise Unavailable("edge.peers_missing", f"npm cannot be run: {error}", "Install Node.js.") from error
    if done.returncode != 0:
        raise Unavailable(
            "edge.peers_missing", f"npm ci failed: {done.stderr.strip()[-500:]}", "Run it by hand to see why."
        )
    (making / "complete").touch()
    with contextlib.suppress(OSError):  # another process was first: its copy is as good
        making.replace(place)
    shutil.rmtree(making, ignore_errors=True)
    return place / "node_modules"


class ForeignServer:
    """A running `opcua_server.js`; made by `foreign_server`. Its calls block for a moment; see the script for orders."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        hello = self._answer(READY_SECONDS)
        self.port = int(hello["listening"])
        self.url = f"opc.tcp://127.0.0.1:{self.port}"

    def order(self, do: str, **facts: Any) -> None:
        """Send one order."""
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode({"do": do, **facts}) + b"\n")
        self.process.stdin.flush()

    def ask(self, do: str, **facts: Any) -> dict[str, Any]:
        """Send one order that answers, and give its answer."""
        self.order(do, **facts)
        return self._answer(ANSWER_SECONDS)

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it: politely, then by force."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        """Collect its JSON lines; what the library prints between them is passed over."""
        assert self.process.stdout is not None
        with contextlib.suppress(ValueError):  # closed
            for text in self.process.stdout:
                if text.startswith(b"{"):
                    self._answers.put(msgspec.json.decode(text))
        self._answers.put({"failed": "the foreign server ended"})

    def _answer(self, seconds: float) -> dict[str, Any]:
        try:
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            answer = {"failed": f"the foreign server did not answer in {seconds} s"}
        if "failed" in answer:
            raise Unavailable("edge.peer_failed", str(answer["failed"]))
        return answer


@contextlib.contextmanager
def foreign_server(script: Path, modules: Path, folder: Path, **options: Any) -> Iterator[ForeignServer]:
    """Run the foreign server with its certificates in `folder`; it has stopped when the block ends."""
    process = subprocess.Popen(
        ["node", str(script), msgspec.json.encode({"folder": str(folder), **options}).decode()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "NODE_PATH": str(modules)},
    )  # fmt: skip
    try:
        server = ForeignServer(process)
    except BaseException:
        process.kill()
        process.wait()
        raise
    try:
        yield server
    finally:
        server.stop()


class HoldingRelay:
    """A way to a UDP server that lets datagrams through only once several have come: proof that they travel together.

    `async with HoldingRelay(port) as relay:` gives `relay.port`; `relay.together = 4` begins to hold.
    """

    def __init__(self, server: int) -> None:
        self._server = ("127.0.0.1", server)
        self._held: list[tuple[bytes, Any]] = []
        self._ways: dict[Any, Any] = {}
        self._front: Any = None
        self.together = 1
        """Datagrams that go on together."""
        self.port = 0

    async def __aenter__(self) -> Self:
        self._front = await self._socket(self._arrive, local=("127.0.0.1", 0))
        self.port = int(self._front.get_extra_info("sockname")[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        for way in (self._front, *self._ways.values()):
            way.close()

    async def _socket(self, take: Callable[[bytes, Any], None], local: tuple[str, int]) -> Any:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Taking(take), local_addr=local
        )
        return transport

    def _arrive(self, data: bytes, sender: Any) -> None:
        self._held.append((data, sender))
        if len(self._held) >= self.together:
            held, self._held = self._held, []
            self._going = asyncio.ensure_future(self._pass(held))

    async def _pass(self, held: list[tuple[bytes, Any]]) -> None:
        for data, sender in held:
            if sender not in self._ways:

                def back(answer: bytes, _: Any, to: Any = sender) -> None:
                    self._front.sendto(answer, to)

                self._ways[sender] = await self._socket(back, local=("127.0.0.1", 0))
            self._ways[sender].sendto(data, self._server)


class _Taking(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes, Any], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._take(data, addr)


@contextlib.contextmanager
def absent_devices(records: Path, count: int) -> Iterator[None]:
    """Devices in the records of a running box (SQLite), of a gateway that is not there; gone afterwards.

    A hundred stand on each line of `acme/east/hall`; they are named `press-00000` and so on.
    """
    rows = [
        (f"press-{number:05}", f"acme/east/hall/line-{number // 100}/cell/press-{number:05}", f"test/{number}",
         f"10.{number // 2500}.{number // 10 % 250}.{number % 10}:502", f"Press number {number}", number % 40 + 1)
        for number in range(count)
    ]  # fmt: skip
    with contextlib.closing(sqlite3.connect(records, timeout=60)) as connection:
        (tenant,) = connection.execute("SELECT DISTINCT tenant FROM edge_device").fetchone()
        with connection:
            connection.executemany(
                "INSERT INTO edge_device (tenant, name, gateway, path, handle, document, created, changed, driver,"
                " endpoint, description, points) VALUES (?, ?, 'far', ?, ?, '{}', 1, 1, 'modbus', ?, ?, ?)",
                [(tenant, *row) for row in rows],
            )  # fmt: skip
        try:
            yield
        finally:
            with connection:
                connection.execute("DELETE FROM edge_device WHERE gateway = 'far'")
