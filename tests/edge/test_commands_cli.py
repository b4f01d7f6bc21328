"""`lineshaft command` on a real box."""

import json

import pytest

from lineshaft.cli.testing import running_box
from lineshaft.client import connect

pytestmark = pytest.mark.timeout(300)  # a whole box starts within a test's time


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with running_box(tmp_path_factory.mktemp("commands") / "home", demo=False) as box:
        box.lineshaft(
            "device",
            "add",
            "press",
            "--endpoint",
            "opc.tcp://127.0.0.1:1",
            "--path",
            "a/b/c/d/e/press",
            "--secret",
            "p",
        )
        with connect(home=box.home.path) as client:
            device = client.devices.get("press")
            body = {key: device[key] for key in ("path", "driver", "endpoint", "options", "groups")}
            points = [
                {"name": "speed", "address": "ns=2;s=speed", "access": "read-write", "write": {"maximum": 5.0}},
                {"name": "valve", "address": "ns=2;s=v", "kind": "boolean", "access": "read-write", "write": {"classification": "A"}},
            ]  # fmt: skip
            client.request("PUT", "/api/v1/edge/devices/press", json={**body, "points": points})
        yield box


def test_a_device_that_is_away_is_told_nothing_and_the_command_says_so(box):
    words = ("command", "write", "press/speed", "2.5", "--reason", "trial", "--expiry", "60", "--yes", "--json")
    done = box.lineshaft(*words, check=False)
    command = json.loads(done.stdout)
    assert (done.returncode, command["state"]) == (1, "denied")
    assert command["steps"][-1]["code"] in (
        "edge.command_device_stale", "edge.command_device_not_run",
        "edge.point_unknown", "edge.command_point_changed",  # where the gateway has not its newest configuration yet
    )  # fmt: skip
    assert box.json("command", "show", command["id"])["reason"] == "trial"
    assert command["id"] in [one["id"] for one in box.json("command", "list", "--device", "press")]


def test_beyond_a_limit_is_refused_with_the_limit(box):
    done = box.lineshaft("command", "write", "press/speed", "6", "--yes", check=False)
    assert done.returncode == 2
    assert "write.maximum, 5" in done.stderr


def test_class_a_waits_and_can_be_cancelled(box):
    asked = box.json("command", "write", "press/valve", "true", "--yes")
    assert asked["state"] == "requested"
    own = box.lineshaft("command", "approve", asked["id"], "--yes", check=False)
    assert (own.returncode, "edge.command_own_approval" in own.stderr) == (3, True)
    assert box.json("command", "cancel", asked["id"])["state"] == "cancelled"


def test_a_lease_is_taken_and_given_back(box):
    assert box.json("command", "lease", "press", "--seconds", "60")["device"] == "press"
    box.lineshaft("command", "lease", "press", "--release")


def test_a_gateway_that_nobody_runs_is_named(box):
    known = box.json("device", "status", "--gateway", "gateway")
    assert known["gateway"] == "gateway"
    token = box.lineshaft("edge", "invite", "gateway-east").stdout.strip()
    box.lineshaft("edge", "enrol", token, "--home", str(box.home.path.parent / "east"))
    away = box.lineshaft("device", "status", "--gateway", "gateway-east", check=False)
    assert away.returncode == 6
    assert "bus.gateway_away" in away.stderr
