"""A service in its own process: health socket, readiness, signals."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lineshaft.core import health
from lineshaft.core.home import Home

SERVICE = Path(__file__).with_name("sample_service.py")


@pytest.fixture
def running(tmp_path):
    home = Home(tmp_path / "home")
    home.prepare()
    argv = [sys.executable, str(SERVICE), str(home.path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"started\n"
        yield home, process
        process.kill()


async def answer(ask):
    """What a service says, once it does: a busy machine may take longer than whoever asks waits."""
    async with asyncio.timeout(60):
        while (found := await asyncio.to_thread(ask)) is None:
            pass
    return found


async def test_health_says_alive_started_and_what_is_wrong(running):
    home, _ = running
    socket = home.socket("sample")
    assert socket.stat().st_mode & 0o077 == 0
    async with asyncio.timeout(60):
        while not await health.started(socket):  # noqa: ASYNC110  # another process says it
            await asyncio.sleep(0.05)
    assert (await answer(lambda: health.readiness(socket)))["ok"] is True
    (home.path / "trouble").touch()
    document = await answer(lambda: health.readiness(socket))
    assert document["ok"] is False
    (check,) = document["checks"]
    assert {"name": "mood", "ok": False, "detail": "troubled", "hint": "Cheer it up."}.items() <= check.items()
    assert b"process_cpu_seconds_total" in await answer(lambda: health.ask(socket, "/metrics"))
    assert await answer(lambda: health.ask(socket, "/elsewhere")) == b"not found\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(running, number):
    home, process = running
    process.send_signal(number)
    assert process.wait(60) == 0
    assert (home.path / "stopped").exists()
    assert not home.socket("sample").exists()
    lines = [json.loads(line) for line in process.stderr.read().splitlines()]
    assert [line["event"] for line in lines] == ["service_started", "service_stopped"]
    assert all(line["service"] == "sample" for line in lines)


def test_nobody_answers_where_nothing_runs(tmp_path):
    assert health.readiness(tmp_path / "none.sock") is None
