"""Devices on the bus by MQTT, as foreign clients see it: their own topics with their own password, and nothing else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import nats.errors
import pytest
from nats.aio.client import Client as NatsClient

from lineshaft.bus import permissions
from lineshaft.bus.server import BusServer, render
from lineshaft.bus.settings import MIB, BusSettings
from lineshaft.bus.testing import TestBus, embedded_bus
from lineshaft.core.errors import InvalidInput
from lineshaft.core.home import Home

SECONDS = 30


@pytest.fixture
async def mqtt(tmp_path) -> AsyncIterator[TestBus]:
    """A running server that devices can reach."""
    settings = BusSettings(port=0, mqtt=True, mqtt_port=0, store_max_bytes=256 * MIB)
    async with embedded_bus(tmp_path, settings) as running:
        yield running


def password(box: TestBus, name: str) -> str:
    """A password that allows what access gives to a device."""
    return box.device(
        name,
        permissions.publish(box.subjects.raws_of(name)),
        permissions.subscribe(box.subjects.command(name), box.subjects.commands_below(name)),
    )


def topic(subject: str) -> str:
    return subject.replace(".", "/")


class Client:
    """One run of mosquitto_pub or mosquitto_sub."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def end(self) -> tuple[int, str]:
        """Exit status and everything it wrote."""
        async with asyncio.timeout(SECONDS):
            output, _ = await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode, output.decode()

    async def line_with(self, part: str) -> str:
        """The first line that holds `part`."""
        assert self._process.stdout is not None
        async with asyncio.timeout(SECONDS):
            while line := (await self._process.stdout.readline()).decode():
                if part in line:
                    return line
        raise AssertionError(f"it ended without {part!r}")

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@contextlib.asynccontextmanager
async def client(box: TestBus, program: str, *options: str, token: str | None = None, user: str = "device"):
    words = [
        "stdbuf",
        "-oL",
        program,
        "-h",
        "127.0.0.1",
        "-p",
        str(box.server.address.mqtt_port),
        "-d",
        "-V",
        "mqttv311",
        *options,
    ]
    if token is not None:
        words += ["-u", user, "-P", token]
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    running = Client(process)
    try:
        yield running
    finally:
        await running.kill()


async def run(box: TestBus, program: str, *options: str, token: str | None = None) -> tuple[int, str]:
    async with client(box, program, *options, token=token) as running:
        return await running.end()


@pytest.mark.peer("mosquitto_pub")
@pytest.mark.parametrize("quality", ["0", "1", "2"])
async def test_what_a_device_sends_under_its_own_name_arrives(mqtt, quality):
    arrived: asyncio.Queue[bytes] = asyncio.Queue()
    listener = await mqtt.connect("web", permissions.subscribe(mqtt.subjects.raws_of("press1")))

    async def take(message) -> None:
        arrived.put_nowait(message.data)

    await listener.subscribe(mqtt.subjects.raws_of("press1"), take)
    where = topic(mqtt.subjects.raws_of("press1")).removesuffix(">") + "temperature"
    status, said = await run(
        mqtt, "mosquitto_pub", "-q", quality, "-t", where, "-m", "21.5", token=password(mqtt, "press1")
    )
    assert status == 0, said
    async with asyncio.timeout(SECONDS):
        assert await arrived.get() == b"21.5"


@pytest.mark.peer("mosquitto_sub")
async def test_a_device_hears_its_own_commands(mqtt):
    sender = await mqtt.connect("web", permissions.publish(mqtt.subjects.command("press1")))
    where = topic(mqtt.subjects.command("press1"))
    options = ("-C", "1", "-q", "1", "-t", where)
    async with client(mqtt, "mosquitto_sub", *options, token=password(mqtt, "press1")) as device:
        await device.line_with("Subscribed")
        await sender.publish(mqtt.subjects.command("press1"), b"stop")
        assert "stop" in await device.line_with("stop")


@pytest.mark.peer("mosquitto_sub")
@pytest.mark.parametrize("foreign", ["cmd/press2", "data/#", "raw/press2/#", "#", "event/#"])
async def test_a_device_cannot_listen_on_foreign_topics(mqtt, foreign):
    root = topic(mqtt.subjects.all_data()).removesuffix("data/>")
    where = foreign if foreign == "#" else root + foreign
    _, said = await run(
        mqtt, "mosquitto_sub", "-C", "1", "-W", "25", "-q", "1", "-t", where, token=password(mqtt, "press1")
    )
    assert "All subscription requests were denied" in said


@pytest.mark.peer("mosquitto_pub")
@pytest.mark.parametrize(
    "foreign", ["raw/press2/x", "data/gateway/main", "cmd/press1", "config/gateway", "$JS/API/INFO"]
)
async def test_what_a_device_sends_under_a_foreign_name_arrives_nowhere(mqtt, foreign):
    root = topic(mqtt.subjects.all_data()).removesuffix("data/>")
    heard: list[str] = []
    listener = await mqtt.connect("everybody")

    async def take(message) -> None:
        heard.append(message.subject)

    await listener.subscribe(mqtt.subjects.all_data().removesuffix("data.>") + ">", take)
    token = password(mqtt, "press1")
    where = foreign if foreign.startswith("$") else root + foreign
    await run(mqtt, "mosquitto_pub", "-q", "1", "-t", where, "-m", "forged", token=token)
    marker = root + "raw/press1/marker"
    assert (await run(mqtt, "mosquitto_pub", "-q", "1", "-t", marker, "-m", "x", token=token))[0] == 0
    async with asyncio.timeout(SECONDS):
        while not heard:  # noqa: ASYNC110  # what is waited for sets no event
            await asyncio.sleep(0.01)
    assert heard == [marker.replace("/", ".")]


@pytest.mark.peer("mosquitto_pub")
@pytest.mark.parametrize("wrong", ["wrong", "cut", "edited", "none", "anonymous"])
async def test_without_its_own_password_nobody_gets_in(mqtt, wrong):
    good = password(mqtt, "press1")
    head, body, signature = good.split(".")
    token = {"wrong": "secret", "cut": good[:-9], "edited": f"{head}.{body[:-4]}AAAA.{signature}", "none": ""}.get(
        wrong
    )
    status, said = await run(mqtt, "mosquitto_pub", "-q", "1", "-t", "x", "-m", "x", token=token)
    assert status != 0
    assert "CONNACK (5)" in said or "not authori" in said.lower()


@pytest.mark.peer("mosquitto_sub")
async def test_a_revoked_device_is_cut_off_at_once_and_stays_out(mqtt):
    token = password(mqtt, "press1")
    where = topic(mqtt.subjects.command("press1"))
    async with client(mqtt, "mosquitto_sub", "-q", "1", "-t", where, token=token) as device:
        await device.line_with("Subscribed")
        async with asyncio.timeout(30):
            await mqtt.revoke("press1")
            await device.line_with("CONNACK (5)")  # cut off, it came back and was refused


async def test_a_devices_password_opens_nothing_but_mqtt(mqtt):
    client = NatsClient()
    token = password(mqtt, "press1")

    async def silent(_error: Exception) -> None:
        return

    async def connect() -> None:
        try:
            await client.connect(
                mqtt.server.address.url, user_jwt_cb=token.encode, signature_cb=lambda _nonce: b"",
                allow_reconnect=False, connect_timeout=SECONDS, error_cb=silent,
            )  # fmt: skip
        finally:
            await client.close()

    with pytest.raises(nats.errors.Error, match="Authorization Violation"):
        await connect()


def test_mqtt_is_off_unless_it_is_asked_for(tmp_path):
    box = TestBus(Home(tmp_path / "home"), BusSettings(port=0))
    assert box.server.address.mqtt_port == 0
    assert "mqtt {" not in render(BusSettings(), box.auth, tmp_path, 4222, tmp_path / "pid")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "plant.example"])
def test_mqtt_beyond_loopback_without_tls_is_refused(tmp_path, host):
    box = TestBus(Home(tmp_path / "home"), BusSettings(port=0))
    with pytest.raises(InvalidInput) as caught:
        BusServer(BusSettings(mqtt=True, mqtt_host=host), box.home, box.auth)
    assert caught.value.code == "bus.mqtt_tls_required"
    assert caught.value.facts["value"] == host
