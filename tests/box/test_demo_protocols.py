"""The demonstration plant on a running box: three protocols, valves written by command, a foreign client held to its policy."""

import subprocess

import pytest

from lineshaft.demo import installation

pytestmark = pytest.mark.timeout(300)  # a whole box starts within a test's time

STATIONS = {"plant": "opcua", "utilities": "modbus", "stripper": "sparkplug", "compressor": "sparkplug"}


@pytest.fixture
def valve(box):
    """Read a signal's live value."""

    def read(name):
        return next(float(row["value"]) for row in box.json("top", "--once") if row["name"] == name)

    yield read
    box.lineshaft("demo", "auto")


def test_three_protocols_are_connected(box):
    def rows():
        return {row["name"]: (row["driver"], row["state"]) for row in box.json("device", "list")}

    connected = {name: (driver, "connected") for name, driver in STATIONS.items()}
    box.until(lambda: rows() == connected, "every station is connected")


@pytest.mark.parametrize("target", ["plant/XMV_12", "utilities/XMV_09", "stripper/XMV_08", "compressor/XMV_05"])
def test_a_valve_of_each_protocol_is_written_verified_and_given_back(box, valve, target):
    name = target.split("/")[1]
    wanted = round(valve(name)) + 2
    command = box.json("command", "write", target, str(wanted), "--reason", "a trial", "--yes")
    assert (command["state"], command["read"]) == ("verified", wanted)
    assert box.json("demo", "status")["manual"] == [name]
    box.until(lambda: valve(name) == wanted, f"{name} is seen where it was put")
    box.lineshaft("demo", "auto", name)
    assert box.json("demo", "status")["manual"] == []


def test_a_valve_of_class_a_waits_for_a_second_person(box, valve):
    command = box.json("command", "write", "plant/XMV_04", "60", "--yes")
    assert (command["state"], command["classification"]) == ("requested", "A")
    assert box.json("demo", "status")["manual"] == []
    box.lineshaft("command", "cancel", command["id"], "--yes", check=False)


@pytest.mark.parametrize(("value", "said"), [("150", "100"), ("99", "a change of")])
def test_a_value_beyond_range_or_rate_is_not_written(box, valve, value, said):
    done = box.lineshaft("command", "write", "plant/XMV_12", value, "--yes", check=False)
    assert done.returncode != 0
    assert said in done.stderr + done.stdout
    assert box.json("demo", "status")["manual"] == []


@pytest.mark.peer("mbpoll")
def test_a_foreign_modbus_client_reads_and_writes_within_its_policy_only(box, valve):
    proxy = installation.read(box.home).proxy_port

    def reads_what_the_valve_is():  # the plant's own controller moves it between one look and the next
        read = mbpoll(proxy, "-r", "0", "127.0.0.1")
        return read.returncode == 0 and f"{round(100 * valve('XMV_09'))}" in read.stdout

    box.until(reads_what_the_valve_is, "the foreign client reads the valve")
    assert mbpoll(proxy, "-r", "0", "127.0.0.1", "5000").returncode == 0
    assert box.json("demo", "status")["manual"] == ["XMV_09"]
    box.until(lambda: valve("XMV_09") == 50.0, "the valve is where the foreign client put it")
    for refused in (
        ("-r", "0", "127.0.0.1", "9000"),
        ("-r", "0", "127.0.0.1", "5900"),
        ("-r", "1", "127.0.0.1", "4200"),
    ):
        answer = mbpoll(proxy, *refused)
        assert answer.returncode != 0, refused
        assert "Illegal function" in answer.stderr + answer.stdout
    assert box.json("demo", "status")["manual"] == ["XMV_09"]
    assert valve("XMV_09") == 50.0


@pytest.mark.peer("mbpoll")
def test_past_the_gateway_a_foreign_client_cannot_write_at_all(box, valve):
    port = installation.read(box.home).modbus_port
    assert mbpoll(port, "-r", "0", "127.0.0.1").returncode == 0
    answer = mbpoll(port, "-r", "0", "127.0.0.1", "5000")
    assert answer.returncode != 0
    assert "Illegal function" in answer.stderr + answer.stdout
    assert box.json("demo", "status")["manual"] == []


def test_who_may_use_the_plants_mqtt_is_listed_like_everybody_else(box):
    names = {row["name"]: row["kind"] for row in box.json("access", "list")}
    assert (names["plant-node"], names["plant-host"]) == ("device", "device")


def mbpoll(port, *options):
    # It gives up after a second by itself, which a busy machine may need for a write that the guard looks at.
    words = ["mbpoll", "-m", "tcp", "-p", str(port), "-0", "-1", "-a", "1", "-t", "4", "-o", "10", *options]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
