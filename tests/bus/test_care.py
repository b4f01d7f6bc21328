"""A disk that fails the server: said clearly, nothing acknowledged is lost, and it goes on by itself afterwards."""

import asyncio
import contextlib
import os
import resource
import sys

import pytest
import structlog.testing

from lineshaft.bus import TELEMETRY, ServerCare, care
from lineshaft.bus.care import server_pid
from lineshaft.core.errors import Unavailable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits another process's files")
STUCK_SECONDS = 10
"""What takes longer is stuck, and not only slow."""


def limit_files(pid: int, limit: int) -> None:
    """Let the server's writes beyond `limit` bytes of a file fail, as they do on a full disk."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


async def fill_until_stuck(box, bus) -> int:
    """Publish until the stream cannot write any more; returns how many messages were acknowledged."""
    subject, stored = bus.subjects.data("gateway", "g"), 0
    limit_files(box.pid, 500_000)
    with contextlib.suppress(Unavailable):
        while True:
            await bus.publish_stored(subject, os.urandom(50_000), {}, f"a:{stored}", timeout=STUCK_SECONDS)
            stored += 1
    return stored


@pytest.fixture
async def careful(box):
    administration = await box.administer()
    yield ServerCare(administration, box.home)
    await administration.close()


async def test_a_stream_that_cannot_write_is_told_and_the_server_restarted_when_it_can_again(box, careful):
    bus = await box.connect("gateway")
    await careful.look()
    assert careful.check().ok
    with structlog.testing.capture_logs() as lines:
        stored = await fill_until_stuck(box, bus)
        assert stored > 3
        limit_files(box.pid, resource.RLIM_INFINITY)
        with pytest.raises(Unavailable) as refused:  # it stays stuck although it could write again
            await bus.publish_stored(bus.subjects.data("gateway", "g"), b"x", {}, f"a:{stored}", timeout=STUCK_SECONDS)
        assert refused.value.code == "bus.unacknowledged"
        await careful.look()
        assert not careful.check().ok
        assert TELEMETRY in careful.check().detail
        assert "goes on by itself" in careful.check().hint
        async with asyncio.timeout(30):
            await box.ended()
        await box.start()
        await bus.wait_connected(30)
        again = await bus.publish_stored(bus.subjects.data("gateway", "g"), b"x", {}, f"a:{stored}")
        await careful.look()
    assert again.sequence == stored + 1
    assert not again.duplicate
    assert careful.check().ok
    events = [line["event"] for line in lines if line["event"].startswith("bus_s")]
    assert events == ["bus_stream_cannot_write", "bus_server_restarts", "bus_streams_write_again"]


async def test_a_server_on_a_disk_that_is_still_full_is_left_alone(box, careful, monkeypatch):
    monkeypatch.setattr(care, "ROOM_BYTES", 1 << 60)
    bus = await box.connect("gateway")
    with structlog.testing.capture_logs() as lines:
        await fill_until_stuck(box, bus)
        for _ in range(3):
            await careful.look()
    assert await box.server.probe()
    assert [line["event"] for line in lines] == ["bus_stream_cannot_write"]


async def test_a_server_that_stays_broken_is_not_restarted_again_and_again(box, careful, monkeypatch):
    bus = await box.connect("gateway")
    ended = []
    await fill_until_stuck(box, bus)
    with monkeypatch.context() as patch:
        patch.setattr(care.os, "kill", lambda pid, _signal: ended.append(pid))
        for _ in range(3):
            await careful.look()
    assert ended == [box.pid]


async def test_the_watch_goes_on_through_outages(box, careful, monkeypatch, eventually):
    monkeypatch.setattr(care, "PERIOD_SECONDS", 0.05)
    bus = await box.connect("gateway")
    watching = asyncio.create_task(careful.run())
    await box.kill()
    await eventually(lambda: not bus.connected)
    await asyncio.sleep(0.2)
    await box.start()
    await bus.wait_connected(30)
    await fill_until_stuck(box, bus)
    async with asyncio.timeout(30):
        await box.ended()
    await box.start()
    await eventually(lambda: careful.check().ok)
    assert not watching.done()
    watching.cancel()


async def test_only_the_homes_own_server_is_taken_for_it(box):
    assert server_pid(box.home) == box.pid
    file = box.home.run / "nats.pid"
    for text in (str(os.getpid()), "x", "", "999999999"):
        file.write_text(text)
        assert server_pid(box.home) is None
    file.unlink()
    assert server_pid(box.home) is None


async def test_a_full_disk_is_named_when_the_server_names_it():
    from lineshaft.bus import faults

    reason = {"description": "write /x/1.blk: no space left on device"}
    for error in (faults.api_error("$JS.API.STREAM.PURGE.TELEMETRY", reason), faults.not_stored("a.b", reason)):
        assert isinstance(error, Unavailable)
        assert error.code == "bus.disk_full"
