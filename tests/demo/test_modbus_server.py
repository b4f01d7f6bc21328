"""The utilities by Modbus/TCP: exact values, whole writes or none, and nobody writes whom the plant does not admit."""

import asyncio
import contextlib
import os
import socket
import struct

import pytest

from lineshaft.core.errors import Conflict, InvalidInput, Unavailable
from lineshaft.demo import origin
from lineshaft.demo.modbus_server import ModbusServer
from lineshaft.demo.model import Scan
from lineshaft.demo.plant import BAD_OUT_OF_SERVICE, GOOD
from lineshaft.demo.signals import SIGNALS
from lineshaft.demo.stations import INDEX, UTILITIES, stations

STATION = next(station for station in stations(sparkplug=True) if station.device == UTILITIES)
VALUES = [index + 0.25 for index in range(len(SIGNALS))]
SCAN = Scan(1_800_000_000_000_000, GOOD, VALUES)
PEER = ("127.0.0.1", 1)


class Plant:
    def __init__(self):
        self.held, self.refusal = [], None

    def hold(self, name, value):
        if self.refusal is not None:
            raise self.refusal
        self.held.append((name, value))


@pytest.fixture
def plant():
    return Plant()


@pytest.fixture
async def server(plant):
    server = ModbusServer(STATION, port=0, hold=plant.hold, admit=lambda _: True)
    await server.publish(SCAN)
    return server


async def test_registers_are_the_scans_values(server):
    answer = server.answer(struct.pack(">BHH", 4, 0, 8), PEER)
    floats = struct.unpack(">4f", answer[2:])
    assert floats == tuple(VALUES[INDEX[name]] for name in ("XMEAS_19", "XMEAS_20", "XMEAS_21", "XMEAS_22"))
    answer = server.answer(struct.pack(">BHH", 3, 0, 3), PEER)
    assert struct.unpack(">3H", answer[2:]) == tuple(
        round(100 * VALUES[INDEX[name]]) for name in ("XMV_09", "XMV_10", "XMV_11")
    )


async def test_a_write_holds_the_valve_and_is_read_back_at_once(server, plant):
    request = struct.pack(">BHH", 6, 1, 4123)
    assert server.answer(request, PEER) == request
    assert server.answer(struct.pack(">BHHB2H", 16, 1, 2, 4, 5000, 6000), PEER) == struct.pack(">BHH", 16, 1, 2)
    assert plant.held == [("XMV_10", 41.23), ("XMV_10", 50.0), ("XMV_11", 60.0)]
    assert server.answer(struct.pack(">BHH", 3, 1, 2), PEER)[2:] == struct.pack(">2H", 5000, 6000)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (struct.pack(">BHH", 1, 0, 1), 1),
        (struct.pack(">BHHH", 22, 0, 0, 0), 1),
        (struct.pack(">BHH", 3, 2, 2), 2),
        (struct.pack(">BHH", 4, 0, 126), 3),
        (struct.pack(">BHH", 4, 0, 0), 3),
        (struct.pack(">BHH", 6, 3, 1), 2),
        (struct.pack(">BHH", 6, 0, 10001), 3),
        (struct.pack(">BHHB2H", 16, 0, 2, 4, 5000, 10001), 3),
        (struct.pack(">BHHB2H", 16, 2, 2, 4, 1, 1), 2),
        (struct.pack(">BHHB", 16, 0, 0, 0), 2),
        (struct.pack(">BHHBH", 16, 0, 2, 4, 1), 3),
        (b"\x03\x00", 3),
        (b"\x06", 3),
    ],
)
async def test_what_cannot_be_gets_the_protocols_own_exception_and_changes_nothing(server, plant, request_, code):
    assert server.answer(request_, PEER) == bytes((request_[0] | 0x80, code))
    assert plant.held == []


async def test_a_client_that_is_not_admitted_reads_and_does_not_write(plant):
    server = ModbusServer(STATION, port=0, hold=plant.hold, admit=lambda peer: peer != PEER)
    await server.publish(SCAN)
    assert server.answer(struct.pack(">BHH", 6, 0, 1), PEER) == b"\x86\x01"
    assert plant.held == []
    assert server.answer(struct.pack(">BHH", 3, 0, 1), PEER)[0] == 3
    assert server.answer(struct.pack(">BHH", 6, 0, 1), ("127.0.0.1", 2))[0] == 6


@pytest.mark.parametrize(
    ("refusal", "code"), [(InvalidInput("demo.valve_out_of_range", ""), 3), (Conflict("demo.plant_not_running", ""), 4)]
)
async def test_what_the_plant_refuses_is_an_exception(server, plant, refusal, code):
    plant.refusal = refusal
    assert server.answer(struct.pack(">BHH", 6, 0, 1), PEER) == bytes((0x86, code))


async def test_without_values_every_read_is_a_failure_of_the_device(server):
    fresh = ModbusServer(STATION, port=0, hold=lambda *_: None, admit=lambda _: True)
    await server.publish(Scan(0, BAD_OUT_OF_SERVICE, None))
    for each in (fresh, server):
        assert each.answer(struct.pack(">BHH", 4, 0, 8), PEER) == b"\x84\x04"
    await server.publish(SCAN)
    assert server.answer(struct.pack(">BHH", 4, 0, 8), PEER)[0] == 4


async def test_a_taken_port_is_said(plant):
    first = ModbusServer(STATION, port=0, hold=plant.hold, admit=lambda _: True)
    await first.start()
    second = ModbusServer(STATION, port=first.port, hold=plant.hold, admit=lambda _: True)
    with pytest.raises(Unavailable) as caught:
        await second.start()
    assert caught.value.code == "demo.modbus_port_taken"
    await second.stop()
    await first.stop()


async def test_a_connection_is_known_by_the_process_that_holds_it():
    """Ours is held by us, and by no other process."""
    server = socket.create_server(("127.0.0.1", 0))
    with server, socket.create_connection(server.getsockname()) as client:
        port, listener = client.getsockname()[1], server.getsockname()[1]
        assert origin.belongs_to(os.getpid(), port, listener)
        assert not origin.belongs_to(os.getppid(), port, listener)
        assert not origin.belongs_to(None, port, listener)
        assert not origin.belongs_to(2**22 + 1, port, listener)
        assert not origin.belongs_to(os.getpid(), listener, port + 1)
    assert not origin.belongs_to(os.getpid(), port, listener)


@pytest.mark.peer("mbpoll")
async def test_a_foreign_client_that_goes_past_the_gateway_reads_and_is_refused_to_write(plant):
    def admit(peer):
        return origin.belongs_to(os.getpid(), peer[1], server.port)

    server = ModbusServer(STATION, port=0, hold=plant.hold, admit=admit)
    await server.start()
    await server.publish(SCAN)
    try:
        status, said = await mbpoll(server.port, "-r", "0", "-c", "3", "127.0.0.1")
        assert status == 0
        assert f"[0]: \t{round(100 * VALUES[INDEX['XMV_09']])}" in said
        status, said = await mbpoll(server.port, "-r", "0", "127.0.0.1", "5000")
        assert status != 0
        assert "Illegal function" in said
        assert plant.held == []
    finally:
        await server.stop()


async def mbpoll(port, *options):
    words = ["mbpoll", "-m", "tcp", "-o", "10", "-p", str(port), "-0", "-1", "-a", "1", "-t", "4", *options]
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    return process.returncode, output.decode()
