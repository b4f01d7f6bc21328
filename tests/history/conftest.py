"""What the history's tests share: writers on a folder, and a running service on a real bus."""

import asyncio
import contextlib
import resource
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lineshaft.bus import Bus, StoredMessage
from lineshaft.bus.testing import TestBus, embedded_bus, wait_patiently
from lineshaft.core.service import Context
from lineshaft.core.settings import Settings
from lineshaft.history import reader
from lineshaft.history.committer import Committer, Tables
from lineshaft.history.reader import HistoryReader
from lineshaft.history.service import HistoryService
from lineshaft.history.settings import HistorySettings
from lineshaft.history.storage import LocalFolder, Storage
from lineshaft.history.testing import LaneMessages, Sample, listed
from lineshaft.history.writer import Writer

CREATED = "2026-01-01T00:00:00.000000001Z"
DEADLINE_SECONDS = 120
_FALLBACK_BYTES = 100_000  # more than a run's captured output, less than the segment of the test


class CommitsHere(Committer):
    """Commits in this process: the same tables without the time that a process takes to start."""

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage)
        self._tables = Tables(storage)

    async def _exchange(self, request: Any) -> Any:
        return self._tables.answer(request)


class Writers:
    """Writers on one folder, one after the other or at once; what they could not read is in `dead`."""

    def __init__(self, folder: Path, committer: type[Committer] = Committer) -> None:
        self.folder = folder
        self.storage: Storage = LocalFolder(folder)
        self.committer = committer
        self.dead: list[tuple[int, str]] = []
        self._open: list[Writer] = []

    async def open(self, *, created: str = CREATED, first: int = 1, anew: bool = False, **settings: Any) -> Writer:
        writer = Writer(HistorySettings(**settings), self.storage, self.committer(self.storage), self._bury)
        self._open.append(writer)
        await writer.open("TELEMETRY", created, first=first, anew=anew)
        return writer

    async def close(self) -> None:
        for writer in self._open:
            await writer.close()

    async def _bury(self, message: StoredMessage, reason: str) -> None:
        self.dead.append((message.sequence, reason))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_patiently(monkeypatch)


@pytest.fixture
def soon_tired(monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractContextManager[None]]:
    """Within its block, readers wait for a writer a hundredth of their time, and for each single answer all of it."""

    @contextlib.contextmanager
    def tired() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(reader, "clock", SimpleNamespace(monotonic=lambda: 100 * time.monotonic()))
            yield

    return tired


@pytest.fixture
async def writers(tmp_path: Path) -> AsyncIterator[Writers]:
    made = Writers(tmp_path / "history", CommitsHere)
    yield made
    await made.close()


@pytest.fixture
async def real_writers(tmp_path: Path) -> AsyncIterator[Writers]:
    """The same with the committing process."""
    made = Writers(tmp_path / "history")
    yield made
    await made.close()


@pytest.fixture
def make_writers() -> Callable[[Path], Writers]:
    return lambda folder: Writers(folder, CommitsHere)


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Return once the condition holds; fail after a deadline."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            held = condition()
            if held if isinstance(held, bool) else await held:
                return
            await asyncio.sleep(0.01)


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Awaitable[None]]:
    return until


class SmallDisk:
    """A folder on a disk of its own that `fill` fills to the last byte and `free` empties again: a tmpfs.

    Where this user may mount none, files of this process and of those it starts may only be some bytes long instead.
    """

    def __init__(self, folder: Path, kilobytes: int) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"
        folder.mkdir(parents=True, exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
        self.real = (
            shutil.which("mount") is not None
            and subprocess.run(mount, capture_output=True, check=False).returncode == 0
        )
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        if not self.real:
            resource.setrlimit(resource.RLIMIT_FSIZE, (_FALLBACK_BYTES, self._limits[1]))
            return
        with contextlib.suppress(OSError), self._ballast.open("ab", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)

    def allow_writing(self, allowed: bool) -> None:  # noqa: FBT001
        """Make the whole disk read-only, or not; only where it is `real`."""
        how = "remount,rw" if allowed else "remount,ro"
        subprocess.run(["mount", "-o", how, str(self.folder)], check=True)

    def close(self) -> None:
        if self.real:
            self.allow_writing(True)
        self.free()
        if self.real:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path / "disk", 4096)
    yield disk
    disk.close()


class Plant:
    """A real bus with a gateway that publishes and a reader that asks; the service runs in this process."""

    def __init__(self, bus: TestBus, gateway: Bus, asker: Bus, settings: HistorySettings) -> None:
        self.bus = bus
        self.settings = settings
        self.lane = LaneMessages()
        self.service: HistoryService | None = None
        self.asker = asker
        self.gateway = gateway
        self.reader = HistoryReader(settings, bus.home, asker)
        self.storage = settings.storage(bus.home)
        self.folder = self.storage.folder or Path()
        self.last = 0

    async def start(self, settings: HistorySettings | None = None) -> HistoryService:
        self.service = HistoryService(Context(self.bus.home, Settings([settings or self.settings, self.bus.settings])))
        await self.service.start()
        return self.service

    async def stop(self) -> None:
        if self.service is not None:
            await self.service.stop()
            self.service = None

    async def publish(self, rows: list[Sample], **how: Any) -> int:
        """Send a batch and wait until the bus has it; returns its sequence."""
        message = self.lane.next(rows, **how)
        subject = self.bus.subjects.data(self.lane.gateway, "live")
        self.last = (await self.gateway.publish_stored(subject, message.data, message.headers)).sequence
        return self.last

    async def taken(self, sequence: int | None = None) -> None:
        """Wait until the service has taken in everything published, or up to a message."""
        wanted = self.last if sequence is None else sequence

        async def there() -> bool:
            assert self.service is not None
            assert self.service.failure is None, self.service.failure
            writer = self.service.writer
            return writer is not None and writer.sequence >= wanted

        await until(there)

    async def raw(
        self, tags: list[int] | None = None, start_us: int = 0, end_us: int = 2**60, **how: Any
    ) -> list[Sample]:
        return listed([rows async for rows in self.reader.raw(tags, start_us, end_us, **how)])

    async def check(self, name: str) -> Any:
        assert self.service is not None
        return next(check for check in await self.service.checks() if check.name == name)


@pytest.fixture
def plants(tmp_path: Path) -> Callable[..., Any]:
    """Makes a bus, a gateway, a reader and a running service; use it with `async with`."""

    @asynccontextmanager
    async def make(*, started: bool = True, bus_settings: Any = None, **settings: Any) -> AsyncIterator[Plant]:
        async with embedded_bus(tmp_path, bus_settings) as bus:
            bus.issue("history")
            gateway, asker = await bus.connect("gateway"), await bus.connect("web")
            plant = Plant(bus, gateway, asker, HistorySettings(**{"hot_timeout_seconds": 60, **settings}))
            if started:
                await plant.start()
            try:
                yield plant
            finally:
                await plant.stop()

    return make
