"""The supervisor: order, restarts with back-off, clean stops, and nothing left behind."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from lineshaft.core.home import Home, read_json
from lineshaft.core.supervisor import Child, Supervisor, die_with_parent


async def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.02)


def ended(pid: int) -> bool:
    """Whether a process is over; it may go between two looks at it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def child(tmp_path, name, code, after=()):
    """A Python program that is ready once the file `<name>.ready` exists."""

    async def probe():
        return (tmp_path / f"{name}.ready").exists()

    preamble = f"import pathlib, signal, sys, time\nhere = pathlib.Path({str(tmp_path)!r})\n"
    return Child(name=name, argv=[sys.executable, "-c", preamble + code], probe=probe, after=after)


READY = "(here / '{0}.ready').touch()\n"
NOTE_STOP = (
    "def stop(*_):\n"
    "    with (here / 'stops').open('a') as f: f.write('{0}\\n')\n"
    "    sys.exit(0)\n"
    "signal.signal(signal.SIGTERM, stop)\n"
)
WAIT = "while True: time.sleep(0.05)\n"


@contextlib.asynccontextmanager
async def supervised(home, children):
    supervisor = Supervisor(home, children)
    ready = asyncio.Event()
    task = asyncio.create_task(supervisor.run(ready.set))
    try:
        yield supervisor, ready
    finally:
        supervisor.stop()
        await asyncio.wait_for(task, 60)


def make_home(tmp_path):
    home = Home(tmp_path / "home")
    home.prepare()
    return home


def state_of(home, name):
    document = read_json(home.run / "state.json")
    return next(entry for entry in document["children"] if entry["name"] == name) if document else {}


async def test_children_start_in_order_and_stop_in_reverse(tmp_path):
    home = make_home(tmp_path)
    first = child(tmp_path, "first", NOTE_STOP.format("first") + READY.format("first") + WAIT)
    check = "assert (here / 'first.ready').exists()\n"
    second = child(tmp_path, "second", check + NOTE_STOP.format("second") + READY.format("second") + WAIT, ("first",))
    async with supervised(home, [first, second]) as (_, ready):
        await asyncio.wait_for(ready.wait(), 60)
        assert state_of(home, "second")["state"] == "ready"
    assert (tmp_path / "stops").read_text() == "second\nfirst\n"
    assert not (home.run / "state.json").exists()


async def test_a_killed_child_is_started_again_and_counted(tmp_path):
    home = make_home(tmp_path)
    async with supervised(home, [child(tmp_path, "one", READY.format("one") + WAIT)]) as (_, ready):
        await asyncio.wait_for(ready.wait(), 60)
        killed = state_of(home, "one")["pid"]
        os.kill(killed, signal.SIGKILL)
        await until(lambda: state_of(home, "one").get("state") == "ready" and state_of(home, "one")["pid"] != killed)
        assert state_of(home, "one")["restarts"] == 1
        assert state_of(home, "one")["last_exit"] == "signal SIGKILL"


async def test_a_child_that_keeps_dying_is_retried_ever_more_slowly(tmp_path):
    home = make_home(tmp_path)
    note = "with (here / 'starts').open('a') as f: f.write(f'{time.monotonic()}\\n')\nsys.exit(3)\n"
    starts = tmp_path / "starts"
    async with supervised(home, [child(tmp_path, "bad", note)]):
        await until(lambda: starts.exists() and starts.read_text().count("\n") >= 4)
    moments = [float(line) for line in starts.read_text().split()]
    assert moments[1] - moments[0] >= 0.2
    assert moments[3] - moments[2] >= 0.8


async def test_a_child_that_ignores_the_request_to_stop_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("lineshaft.core.supervisor.STOP_SECONDS", 0.3)
    home = make_home(tmp_path)
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY.format("deaf") + WAIT
    async with supervised(home, [child(tmp_path, "deaf", deaf)]) as (_, ready):
        await asyncio.wait_for(ready.wait(), 60)
        pid = state_of(home, "deaf")["pid"]
    assert not psutil.pid_exists(pid)


async def test_a_program_of_others_ends_with_a_killed_supervisor(tmp_path):
    tied = die_with_parent([sys.executable, "-c", "import time; print('up', flush=True)\nwhile True: time.sleep(0.05)"])
    code = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen({tied!r}, stdout=subprocess.PIPE, start_new_session=True)\n"
        "child.stdout.readline(); print(child.pid, flush=True); input()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        orphan = int(parent.stdout.readline())
        assert psutil.pid_exists(orphan)
        parent.kill()
        parent.wait()
    await until(lambda: ended(orphan))


SERVICE = Path(__file__).with_name("sample_service.py")


async def test_a_service_of_ours_ends_with_a_killed_supervisor(tmp_path):
    home = make_home(tmp_path)
    code = (
        "import subprocess, sys, os\n"
        f"child = subprocess.Popen([sys.executable, {str(SERVICE)!r}, {str(home.path)!r}], stdin=subprocess.PIPE,\n"
        "    stdout=subprocess.PIPE, env={**os.environ, 'LINESHAFT_SUPERVISED': '1'}, start_new_session=True)\n"
        "child.stdout.readline(); print(child.pid, flush=True); input()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        orphan = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    await until(lambda: ended(orphan))
    assert (home.path / "stopped").exists(), "the service was cut off instead of stopping"
