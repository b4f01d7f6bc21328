"""What happens when parts of a running box break: a clear message, and nothing acknowledged is lost or doubled."""

import contextlib
import http.client
import itertools
import json
import os
import random
import resource
import signal
import sys
import threading
import time
import urllib.parse

import pytest

from lineshaft.cli.testing import running_box
from lineshaft.core import clock
from lineshaft.core.home import read_json

pytestmark = pytest.mark.timeout(300)  # a whole box starts within a test's time

SEEDS = [1]
SCAN_US = 200_000
PAUSE_SECONDS = 1.0 if os.environ.get("LINESHAFT_SOAK") == "1" else 3.0
"""Longer, values are missing; with others on the machine the plant itself may stand still for a moment."""
SETTINGS = ["demo.speed=10", "demo.publish_interval_seconds=0.1", "history.seal_seconds=5"]


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """Ten simulated seconds a second: 340 points/s while parts are killed."""
    folder = tmp_path_factory.mktemp("faults") / "home"
    with running_box(folder, settings=SETTINGS) as running:
        running.until(lambda: running.good_values() == 53, "all 53 values of the plant are live and good")
        yield running


class Stillness(threading.Thread):
    """How long the machine itself stood still at most, seconds: what a plant on it does not say then is not lost."""

    LOOK_SECONDS = 0.05

    def __init__(self):
        super().__init__()
        self.longest = 0.0
        self._end = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self.join()

    def run(self):
        before = time.monotonic()
        while not self._end.wait(self.LOOK_SECONDS):
            now = time.monotonic()
            self.longest = max(self.longest, now - before - self.LOOK_SECONDS)
            before = now


@pytest.fixture
def still():
    with Stillness() as watching:
        yield watching


def rows(box, tag="XMEAS_07"):
    return [row["time"] for row in box.json("history", "query", tag, "--from", "-1h", "--limit", "1000000")]


def gaps(box):
    """What is told to be missing of the plant; the bus is the broker of its Sparkplug devices, which lose what is under way."""
    told = box.json("history", "gaps", "--from", "-1h")
    return [gap for gap in told if not (gap["cause"] == "sequence" and "demo/plant" in gap["detail"])]


def has_read_all(box):
    status = box.json("history", "status")
    return status["read_sequence"] == status["last_sequence"]


def longest_pause(times):
    moments = [clock.parse_time(time) for time in times]
    return max((after - before) / 1e6 for before, after in itertools.pairwise(moments))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["bus", "history", "web", "access"])
def test_killing_a_part_that_is_not_the_gateway_loses_nothing(box, still, name, seed):
    chance = random.Random(f"{name} {seed}")
    before = rows(box)
    gaps_before = len(gaps(box))
    for _ in range(2):
        time.sleep(chance.uniform(0.2, 1.5))  # the moment of the kill is the seeded part of this test
        box.kill(name)
    box.until(lambda: box.good_values() == 53, f"values are live again after {name} was killed")
    box.until(lambda: len(rows(box)) > len(before) + 20, "stored values go on")
    after = rows(box)
    assert len(set(after)) == len(after), "a value came twice"
    assert set(before) <= set(after), "a value was lost"
    assert longest_pause(after[len(before) :]) < PAUSE_SECONDS + still.longest, (
        "values of the time of the kill are missing"
    )
    assert len(gaps(box)) == gaps_before, "a gap was reported where nothing is missing"


@pytest.mark.parametrize("seed", SEEDS)
def test_killing_the_gateway_leaves_a_gap_that_the_report_tells(box, still, seed):
    chance = random.Random(f"gateway {seed}")
    before = rows(box)
    known = len([gap for gap in gaps(box) if gap["cause"] == "restart"])
    for number in range(1, 3):
        time.sleep(chance.uniform(0.5, 1.5))  # the moment of the kill is the seeded part of this test
        box.kill("gateway")
        box.until(
            lambda number=number: len([gap for gap in gaps(box) if gap["cause"] == "restart"]) == known + number,
            "the restart is reported as a gap",
        )
    box.until(lambda: len(rows(box)) > len(before) + 20, "stored values go on")
    after = rows(box)
    assert len(set(after)) == len(after), "a value came twice"
    assert set(before) <= set(after), "a stored value was lost"
    restarts = [gap for gap in gaps(box) if gap["cause"] == "restart"]
    reported = [(clock.parse_time(gap["from"]), clock.parse_time(gap["to"])) for gap in restarts]
    for early, late in itertools.pairwise([clock.parse_time(text) for text in after[len(before) - 1 :]]):
        if late - early > (PAUSE_SECONDS + still.longest) * 1_000_000:
            assert any(start <= early + SCAN_US and late - SCAN_US <= end for start, end in reported), (early, reported)


def test_while_access_is_down_values_go_on_and_sign_in_refuses_clearly(box):
    pid = box.pid("access")
    os.kill(pid, signal.SIGSTOP)  # it hangs, which is worse than being gone
    try:
        before = len(rows(box))
        box.until(lambda: len(rows(box)) > before + 10, "values go on while access hangs")
        status, answer = post(box, "/api/v1/access/session", {"name": "somebody", "password": "a wrong password"})
        assert status == 503
        assert answer["code"] == "access.unreachable"
        assert answer["hint"]
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_revoked_service_is_cut_off_within_five_seconds_and_comes_back_when_reinstated(box):
    times = len(rows(box))
    box.lineshaft("access", "revoke", "gateway", "--yes")
    started = time.monotonic()
    box.until(lambda: box.lineshaft("status", check=False).returncode == 1, "the cut is noticed", 60)
    assert time.monotonic() - started < 60  # five seconds on a machine that nobody shares
    box.until(lambda: has_read_all(box), "the history has what came before the cut")
    settled = rows(box)
    time.sleep(2)  # nothing may arrive in this time
    assert len(rows(box)) == len(settled) >= times
    box.lineshaft("access", "reinstate", "gateway")
    box.until(lambda: len(rows(box)) > len(settled) + 5, "values go on once the gateway is reinstated", 90)


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process's files")
def test_a_disk_without_room_is_told_and_once_it_has_room_values_go_on_by_themselves(box):
    bus, before = box.pid("bus"), rows(box)
    # The limit ends with the process, as a full disk ends when somebody frees room.
    resource.prlimit(bus, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    box.until(lambda: box.pid("bus") not in (None, bus), "the bus server starts anew")
    box.until(lambda: len(rows(box)) > len(before) + 20, "stored values go on")
    after = rows(box)
    assert len(set(after)) == len(after), "a value came twice"
    assert set(before) <= set(after), "a stored value was lost"
    assert "bus_stream_cannot_write" in (box.home.logs / "access.log").read_text("utf-8")


def post(box, path, body):
    url = urllib.parse.urlsplit(str(read_json(box.home.run / "web.json")["url"]))
    headers = {"content-type": "application/json", "origin": f"{url.scheme}://{url.netloc}"}
    with contextlib.closing(http.client.HTTPConnection(url.hostname, url.port, timeout=30)) as connection:
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
