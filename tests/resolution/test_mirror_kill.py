"""SIGKILL of primary, publisher, mirror and bus during writes: what was acknowledged is there, and the copies become equal."""

import asyncio
import random
import sys

import msgspec
import pytest

from lineshaft.bus import BusSettings
from lineshaft.bus.testing import embedded_bus
from lineshaft.resolution import changes
from lineshaft.resolution.mirror.place import current_place
from lineshaft.resolution.store import open_store

SECONDS = 60
NODE = "enterprise"
_COMMON = """
import asyncio, sys, msgspec
from pathlib import Path
from lineshaft.bus import Bus, BusSettings
from lineshaft.core.home import Home
from lineshaft.resolution import changes
from lineshaft.resolution.changes import Change
from lineshaft.resolution.mirror import Mirror, Publisher, serve_snapshots
from lineshaft.resolution.store import open_store

home, folder, settings, name, first = sys.argv[1:]
settings = msgspec.json.decode(settings, type=BusSettings)

async def connected():
    return await Bus.connect(settings, Home(Path(home)), name, wait=60), open_store("lmdb", Path(folder))
"""
_PRIMARY = (
    _COMMON
    + """
async def main():
    bus, store = await connected()
    await serve_snapshots(bus, "enterprise", store)
    await Publisher(bus, "enterprise", store, lease_seconds=1.0).start()
    number = int(first)
    while number == 0:
        await asyncio.sleep(60)
    while True:
        key = b"88.%d/%d" % (number % 3, number)
        def write():
            with store.write() as transaction:
                old = b"88.%d/%d" % ((number - 7) % 3, number - 7)
                made = [Change(key, transaction.get(key), b"record")]
                if number % 5 == 0:
                    made.append(Change(old, transaction.get(old), b"changed"))
                changes.apply(transaction, made)
        await asyncio.to_thread(write)
        print(number, flush=True)
        number += 1
        await asyncio.sleep(0.0005)

asyncio.run(main())
"""
)
_MIRROR = (
    _COMMON
    + """
async def main():
    bus, store = await connected()
    await Mirror(bus, "enterprise", store).start()
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
)


class Program:
    """A program that is killed and started again, and what it acknowledged."""

    def __init__(self, code, box, folder, name):
        self.code, self.box, self.folder, self.name = code, box, folder, name
        self.acknowledged, self.process, self.reading = 0, None, None

    async def start(self, *, writing=True):
        settings = msgspec.json.encode(self.box.settings).decode()
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", self.code, str(self.box.home.path), str(self.folder), settings, self.name,
            str(self.acknowledged + 1 if writing else 0), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        self.reading = asyncio.create_task(self._read())

    async def _read(self):
        async for line in self.process.stdout:
            if line.endswith(b"\n") and line.strip().isdigit():
                self.acknowledged = int(line)

    async def kill(self):
        if self.process is not None:
            if self.process.returncode is None:
                self.process.kill()
            await self.process.wait()
            await self.reading
            self.process._transport.close()
            self.process = None

    async def wrote(self, more):
        """Wait for more acknowledgements."""
        wanted = self.acknowledged + more
        async with asyncio.timeout(SECONDS):
            while self.acknowledged < wanted:  # noqa: ASYNC110  # lines of another process
                await asyncio.sleep(0.01)


async def _run(tmp_path, seed, rounds):
    chance = random.Random(seed)
    async with embedded_bus(tmp_path, BusSettings(port=0, store_max_bytes=64 << 20)) as box:
        box.issue("primary")
        box.issue("copy")
        primary = Program(_PRIMARY, box, tmp_path / "primary", "primary")
        copy = Program(_MIRROR, box, tmp_path / "copy", "copy")
        try:
            await primary.start()
            await copy.start()
            for _ in range(rounds):
                await primary.wrote(chance.randrange(10, 200))
                victim = chance.choice(["primary", "copy", "bus"])
                if victim == "bus":
                    await box.kill()
                    await primary.wrote(20)
                    await box.start()
                else:
                    one = primary if victim == "primary" else copy
                    await one.kill()
                    await one.start()
            await primary.wrote(50)
            await primary.kill()
            acknowledged = primary.acknowledged
            await primary.start(writing=False)  # its publisher sends the rest
            await _compare(tmp_path, acknowledged)
        finally:
            await primary.kill()
            await copy.kill()


async def _compare(tmp_path, acknowledged):
    original, copy = (open_store("lmdb", tmp_path / name) for name in ("primary", "copy"))
    try:
        wanted = changes.newest(original)
        async with asyncio.timeout(SECONDS):
            while (place := current_place(copy, NODE)) is None or place.sequence < wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        copy.renew()
        for number in range(1, acknowledged + 1):
            assert copy.get(b"88.%d/%d" % (number % 3, number)) is not None, number
        assert dict(changes.digests(copy)) == dict(changes.digests(original))
        for prefix in (b"88.0", b"88.1", b"88.2"):
            assert changes.digest_of(copy, prefix) == changes.computed_digest(copy.scan(prefix + b"/"))
    finally:
        original.close()
        copy.close()


async def test_kills_lose_nothing_acknowledged(tmp_path):
    await _run(tmp_path, 1, 3)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10, 30))
async def test_kills_lose_nothing_acknowledged_at_length(tmp_path, seed):
    await _run(tmp_path, seed, 12)
