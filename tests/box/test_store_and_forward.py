"""An enrolled gateway as people run it: `lineshaft edge run` beside a box, each of them away for a while."""

import contextlib
import signal
import subprocess
import sys
import time

import pytest

from lineshaft.bus.server import free_port
from lineshaft.cli.testing import running_box
from lineshaft.client import connect
from lineshaft.core.errors import DeadlineExceeded, Unavailable
from lineshaft.core.home import Home, read_json

EAST = "gateway-east"


@contextlib.contextmanager
def running_machine(home):
    argv = [sys.executable, "-m", "lineshaft.cli.main", "edge", "run", "--home", str(home.path)]
    with (home.path / "machine.out").open("ab") as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def states(home):
    state = read_json(home.run / "state.json") or {}
    return {child["name"]: child["state"] for child in state.get("children", [])}


def forwarding(box):
    """What the gateway says of its way to the hub; nothing while it is not there to be asked."""
    with connect(home=box.home.path) as client:
        try:
            status = client.request("GET", "/api/v1/edge/status", params={"gateway": EAST})
        except (Unavailable, DeadlineExceeded):
            return {}
    return status["parts"].get("forward", {})


@pytest.mark.timeout(300)
def test_an_enrolled_gateway_runs_beside_its_box_and_without_it(tmp_path):
    settings = [f"bus.port={free_port('127.0.0.1')}", "history.seal_seconds=1"]
    east = Home(tmp_path / "east")
    ready = {"bus": "ready", "gateway": "ready"}
    with running_box(tmp_path / "box", demo=False, settings=settings) as box:
        token = box.lineshaft("edge", "invite", EAST).stdout.strip()
        box.lineshaft("edge", "enrol", token, "--home", str(east.path))
        with running_machine(east):
            box.until(lambda: states(east) == ready, "the machine's own bus and gateway run")
            box.until(lambda: forwarding(box).get("state") == "live", "the gateway reaches its hub")
    refused = box.lineshaft("edge", "run", "--home", str(box.home.path), check=False)
    assert "edge.run_needs_hub" in refused.stderr
    with running_machine(east) as machine:
        wait_for(lambda: states(east) == ready, machine)
    with running_box(tmp_path / "box", demo=False, settings=settings) as box, running_machine(east):
        box.until(lambda: states(east) == ready, "the machine runs again")
        # Each clean stop left a last batch: those of the first two runs, the second one's made while the box was away.
        box.until(lambda: forwarding(box).get("kept_batches") == 0, "the history has what was stored while it was away")
        assert box.json("history", "status")["read_sequence"] >= 2
        assert box.json("history", "gaps") == []


def wait_for(condition, process):
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
