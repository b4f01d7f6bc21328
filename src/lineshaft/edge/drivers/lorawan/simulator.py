"""A packet forwarder and a sensor behind it, for trial: it joins and sends moving values every half second.

The gateway must know the sensor's key: `lineshaft device secret lorawan-trial`, user `trial`, password as `APP_KEY` says.
"""

import asyncio
import base64
import contextlib
import math
import secrets as random
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from lineshaft.core import clock
from lineshaft.edge.driver import Simulated
from lineshaft.edge.drivers.lorawan import frames, gwmp, regions
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.tasks import end

APP_KEY: Final = "000102030405060708090a0b0c0d0e0f"
"""For trial only: everybody knows it."""
GATEWAY: Final = "aa555a0000000101"
DEV_EUI: Final = "70b3d57ed0000001"
JOIN_EUI: Final = "70b3d57ed0000000"
_JOIN_SECONDS: Final = 1.0
"""How long the first request to join waits for its answer; each further one twice as long."""
_LONGEST_JOIN_SECONDS: Final = 10.0
_ACCEPT_LENGTH: Final = 17
_PERIOD_SECONDS: Final = 0.5


class Sensor:
    """A device that counts its frames."""

    def __init__(self, address: int, network_key: bytes, application_key: bytes) -> None:
        self.address, self.counter = address, 0
        self.network_key, self.application_key = network_key, application_key

    @classmethod
    def accepted(cls, key: bytes, nonce: int, data: bytes) -> "Sensor":
        """The device after a join accept to its request with that nonce."""
        body = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(data[1:])  # noqa: S305  # as the standard has it
        join_nonce, net_id = int.from_bytes(body[:3], "little"), int.from_bytes(body[3:6], "little")
        return cls(int.from_bytes(body[6:10], "little"), *frames.session_keys(key, join_nonce, net_id, nonce))

    def frame(self, payload: bytes, port: int = 2, *, confirmed: bool = False) -> bytes:
        """The next PHYPayload."""
        kind = frames.CONFIRMED_UP if confirmed else frames.UNCONFIRMED_UP
        content = frames.crypt(payload, self.application_key, frames.UP, self.address, self.counter)
        message = struct.pack("<BIBHB", kind << 5, self.address, 0, self.counter & 0xFFFF, port) + content
        whole = message + frames.mic(message, self.network_key, frames.UP, self.address, self.counter)
        self.counter += 1
        return whole


def push(payload: bytes, gateway: str = GATEWAY, **facts: Any) -> bytes:
    """A PUSH_DATA with one packet."""
    packet = {
        "tmst": clock.now_us() % 2**32, "time": clock.rfc3339(clock.now_us()), "freq": 868.1, "stat": 1, "modu": "LORA",
        "datr": "SF7BW125", "codr": "4/5", "rssi": -57, "lsnr": 7.5, "size": len(payload),
        "data": base64.b64encode(payload).decode(), **facts,
    }  # fmt: skip
    head = bytes((gwmp.VERSION, 0, 1, gwmp.PUSH_DATA)) + bytes.fromhex(gateway)
    return head + msgspec.json.encode({"rxpk": [packet]})


def pull(gateway: str = GATEWAY) -> bytes:
    """A PULL_DATA."""
    return bytes((gwmp.VERSION, 0, 2, gwmp.PULL_DATA)) + bytes.fromhex(gateway)


def join_request(nonce: int, key: str = APP_KEY) -> bytes:
    """A PHYPayload that asks to join."""
    euis = bytes.fromhex(JOIN_EUI)[::-1] + bytes.fromhex(DEV_EUI)[::-1]
    message = bytes([frames.JOIN_REQUEST << 5]) + euis + nonce.to_bytes(2, "little")
    made = CMAC(algorithms.AES(bytes.fromhex(key)))
    made.update(message)
    return message + made.finalize()[:4]


@contextlib.asynccontextmanager
async def simulate(host: str, port: int) -> AsyncIterator[Simulated]:
    """Send to a gateway that listens at `host` and `port`; port 0: one that is free now."""
    if port == 0:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind((host, 0))
            port = free.getsockname()[1]
    task = asyncio.create_task(_run(host, port))
    try:
        endpoint = f"lorawan-udp://{host}:{port}"
        yield Simulated(endpoint=endpoint, device=sample_device(endpoint), user="trial", password=APP_KEY)
    finally:
        await end(task)


def sample_device(endpoint: str) -> Device:
    """A device with a point for everything that the sensor sends."""
    points = (
        Point(name="temperature", address="2: i16(0) / 100", unit="°C", tag=1),
        Point(name="humidity", address="2: u8(2) / 2", unit="%", tag=2),
        Point(name="door_open", address="2: bit(u8(3), 0)", kind="boolean", tag=3),
        Point(name="signal", address="rssi", unit="dBm", tag=4),
    )
    options = {
        "dev_eui": DEV_EUI, "join_eui": JOIN_EUI, "gateways": [GATEWAY], "secret": "lorawan-trial",
    }  # fmt: skip
    return Device(
        name="cold-store", path="acme/north/hall/line/cell/cold-store", driver="lorawan", endpoint=endpoint, options=options,
        groups=(ScanGroup(),), points=points,
    )  # fmt: skip


class _Downlinks(asyncio.DatagramProtocol):
    """What the gateway has the forwarder send."""

    def __init__(self) -> None:
        self.payloads: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        """With the moment of the forwarder's clock at which each is to be sent."""

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:  # as asyncio names it
        if data[3:4] == bytes([gwmp.PULL_RESP]):
            packet = msgspec.json.decode(data[4:])["txpk"]
            self.payloads.put_nowait((packet["tmst"], base64.b64decode(packet["data"])))


async def _run(host: str, port: int) -> None:
    transport, downlinks = await asyncio.get_running_loop().create_datagram_endpoint(
        _Downlinks, remote_addr=(host, port)
    )
    try:
        sensor = await _join(transport, downlinks)
        while True:
            angle = sensor.counter / 20
            payload = struct.pack(
                ">hBB", round(500 + 300 * math.sin(angle)), round(120 + 20 * math.cos(angle)), int(math.sin(angle) > 0)
            )
            transport.sendto(push(sensor.frame(payload)))
            await asyncio.sleep(_PERIOD_SECONDS)
    finally:
        transport.close()


async def _join(transport: asyncio.DatagramTransport, downlinks: _Downlinks) -> Sensor:
    """Ask until the gateway is there and accepts; the session that follows.

    A late answer to an earlier request is none: the next request has ended that session, and its keys have another nonce.
    """
    patience = _JOIN_SECONDS
    while True:
        nonce, asked = random.randbelow(2**16), clock.now_us() % 2**32
        window = (asked + regions.JOIN_DELAY_US) % 2**32
        transport.sendto(pull())
        transport.sendto(push(join_request(nonce), tmst=asked))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while True:
                    sent, data = await downlinks.payloads.get()
                    if sent == window and len(data) == _ACCEPT_LENGTH:
                        return Sensor.accepted(bytes.fromhex(APP_KEY), nonce, data)
        patience = min(2 * patience, _LONGEST_JOIN_SECONDS)
