"""LoRaWAN against a device that we did not write: lora-packet behind a packet forwarder, joining, sending, taking writes."""

import asyncio
import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from lineshaft.bus.server import free_port
from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.driver import Write, find_driver
from lineshaft.edge.drivers.lorawan import sessions
from lineshaft.edge.drivers.lorawan.simulator import APP_KEY, DEV_EUI, GATEWAY, JOIN_EUI
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.secrets import Secret
from lineshaft.edge.testing import ForeignServer

PEERS = Path(__file__).parents[1] / "peers"
pytestmark = pytest.mark.peer("node", "npm")

TEMPERATURE = Point(name="temperature", address="2: i16(0) / 100", tag=1)
PERIOD = Point(
    name="period", address="downlink:10:01", type="uint16", scale="0.1", kind="number", access="write", tag=2
)
NAME = Point(name="name", address="downlink:11", type="text", length=4, kind="text", access="write", tag=3)


def device_of(port, **options):
    return Device(
        name="cold", path="a/b/c/d/e/cold", driver="lorawan", endpoint=f"lorawan-udp://127.0.0.1:{port}",
        options={"dev_eui": DEV_EUI, "join_eui": JOIN_EUI, "gateways": [GATEWAY], "secret": "otaa", **options},
        groups=(ScanGroup(),), points=(TEMPERATURE, PERIOD, NAME),
    )  # fmt: skip


@pytest.fixture
def tools(tools, tmp_path):
    return msgspec.structs.replace(tools, folder=tmp_path / "drivers")


class Peer:
    """The foreign device; waiting for it leaves the loop free."""

    def __init__(self, server):
        self._server = server

    async def ask(self, do, **facts):
        return await asyncio.to_thread(self._server.ask, do, **facts)


@pytest.fixture
async def joined(node_modules, tools, run):
    """A runner, and the device that has joined it."""
    servers = []

    async def start(**options):
        port = free_port("127.0.0.1")
        tools.secrets.keep("otaa", Secret(user="sensor", password=APP_KEY))
        runner = await run(device_of(port, **options))
        process = subprocess.Popen(
            ["node", str(PEERS / "lorawan_node.js"), str(port), GATEWAY, DEV_EUI, JOIN_EUI, APP_KEY],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "NODE_PATH": str(node_modules)},
        )  # fmt: skip
        peer = Peer(await asyncio.to_thread(ForeignServer, process))
        servers.append(peer._server)
        await peer.ask("pull")
        assert (await peer.ask("join", nonce=0x1234))["joined"]
        return runner, peer

    yield start
    for server in servers:
        await asyncio.to_thread(server.stop)


async def test_a_foreign_device_joins_and_its_frames_become_rows(joined, lane, until):
    runner, peer = await joined()
    await peer.ask("up", hex="07d0", port=2)
    await until(lambda: [row[2] for row in lane.of(1) if row[1] == 0] == [20.0])
    down = await peer.ask("up", hex="07d1", port=2, confirmed=True, wait=True)
    assert down == {
        "genuine": True, "type": "Unconfirmed Data Down", "ack": True, "port": None, "counter": 0, "tmst": 2_000_000, "hex": "",
    }  # fmt: skip
    await until(lambda: [row[2] for row in lane.of(1) if row[1] == 0] == [20.0, 20.01])
    assert runner._source.counts["taken"] == 2


async def test_a_confirmed_write_goes_out_in_the_first_window_and_the_next_frame_confirms_it(joined):
    runner, peer = await joined()
    writing = asyncio.create_task(runner.write([Write(1, 60.5), Write(2, "ab")]))
    await asyncio.sleep(0)
    first = await peer.ask("up", hex="07d0", port=2, wait=True)
    assert (first["genuine"], first["type"], first["port"], first["hex"]) == (True, "Confirmed Data Down", 10, "01025d")
    assert first["tmst"] == 2_000_000
    await peer.ask("up", hex="07d0", port=2, ack=True)
    second = await peer.ask("up", hex="07d0", port=2, confirmed=True, wait=True)
    assert (second["port"], second["hex"], second["ack"], second["counter"]) == (11, "61620000", True, 1)
    await peer.ask("up", hex="07d0", port=2)
    period, name = await writing
    assert (period.q, period.lost) == (0, False)
    assert name.lost
    assert "did not confirm" in name.detail


async def test_an_unconfirmed_write_is_done_when_the_forwarder_has_sent_it_and_not_where_it_refuses(joined):
    runner, peer = await joined(downlinks="unconfirmed")
    writing = asyncio.create_task(runner.write([Write(1, 60.5)]))
    await asyncio.sleep(0)
    down = await peer.ask("up", hex="07d0", port=2, wait=True)
    assert (down["type"], down["hex"]) == ("Unconfirmed Data Down", "01025d")
    (done,) = await writing
    assert (done.q, done.lost) == (0, False)
    writing = asyncio.create_task(runner.write([Write(1, 60.5)]))
    await asyncio.sleep(0)
    await peer.ask("up", hex="07d0", port=2, wait=True, error="TOO_LATE")
    (refused,) = await writing
    assert (refused.q, refused.lost) == (quality.BAD_NOT_CONNECTED, False)
    assert "TOO_LATE" in refused.detail


async def test_a_device_that_is_not_heard_is_written_nothing(joined):
    runner, peer = await joined(downlink_seconds=1.0)
    (silent,) = await runner.write([Write(1, 60.5)])
    assert (silent.q, silent.lost) == (quality.BAD_TIMEOUT, False)
    down = await peer.ask("up", hex="07d0", port=2, confirmed=True, wait=True)
    assert down["hex"] == ""


async def test_where_the_counters_cannot_be_kept_nothing_is_handed_on_and_a_gap_says_so(
    joined, lane, until, monkeypatch
):
    runner, peer = await joined()

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(sessions, "write_file", full)
        await peer.ask("up", hex="07d0", port=2)
        await until(lambda: lane.gaps)
    assert "No space left" in lane.gaps[0].detail
    assert not [row for row in lane.of(1) if row[1] == 0]
    await peer.ask("up", hex="07d1", port=2)
    await until(lambda: [row[2] for row in lane.of(1) if row[1] == 0] == [20.01])
    assert runner._source.counts["unsaved_sessions"] == 1


def test_operations_say_what_goes_out_and_values_that_do_not_fit_are_refused(tools):
    source = find_driver("lorawan").source(find_driver("lorawan").plan(device_of(1)), tools)
    assert source.operations([Write(1, 60.5)]) == [
        Operation(
            protocol="lorawan", device="cold", function="downlink", space="port10", node="downlink:10:01",
            values=(60_500_000,), points=("period",),
        )
    ]  # fmt: skip
    for wrong in (Write(1, 1e9), Write(2, "abcde")):
        with pytest.raises(InvalidInput):
            source.operations([wrong])


@pytest.mark.parametrize(
    ("point", "word"),
    [
        (Point(name="p", address="downlink:0", type="uint8", access="write"), "ports are"),
        (Point(name="p", address="downlink:10:0", type="uint8", access="write"), "downlink:PORT"),
        (Point(name="p", address="downlink:10", access="write"), "type"),
        (Point(name="p", address="downlink:10", type="uint8", access="read-write"), "access"),
        (Point(name="p", address="2: u8(0)", access="write"), "access"),
        (Point(name="p", address="downlink:10", type="text", kind="text", length=60, access="write"), "51 bytes"),
    ],
)
def test_a_write_that_cannot_be_is_refused_before_start(point, word):
    with pytest.raises(InvalidInput, match=word):
        find_driver("lorawan").plan(msgspec.structs.replace(device_of(1), points=(point,)))
