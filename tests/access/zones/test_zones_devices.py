"""A device that speaks MQTT: access gives it its password, zones limit it, revocation cuts it off."""

import asyncio
import contextlib

import msgspec
import pytest

from lineshaft.access.messages import CreatePrincipal, Credentials, OfPrincipal
from lineshaft.access.model import Actor, Member
from lineshaft.access.zones.messages import SetZones, ZonesSet
from lineshaft.access.zones.model import Conduit, Flow, Zone, ZonePlan
from lineshaft.bus.claims import read_claims
from lineshaft.bus.server import BusServer

pytestmark = [pytest.mark.peer("mosquitto_pub"), pytest.mark.peer("mosquitto_sub")]
SECONDS = 60


@pytest.fixture
async def yard(plant):
    """A plant whose bus devices can reach, with the access service and a device."""
    await plant.stop_server()
    settings = msgspec.structs.replace(plant.bus_settings, mqtt=True, mqtt_port=0)
    plant.server = BusServer(settings, plant.home, plant.office.started.bus_auth)
    plant.server.prepare()
    await plant.start_server()
    await plant.start_access()
    actor = Actor.of(plant.office.principal("local"))
    await plant.office.administration.create_principal(
        CreatePrincipal(actor=actor, name="press1", kind="device", roles=[])
    )
    return Yard(plant, await plant.connect("web"), actor)


class Yard:
    def __init__(self, plant, web, actor: Actor) -> None:
        self.plant = plant
        self.web = web
        self.actor = actor

    async def ask(self, verb: str, reply, name: str = "press1"):
        return await self.web.request("access", verb, OfPrincipal(actor=self.actor, name=name), reply, timeout=SECONDS)

    async def password(self) -> str:
        return (await self.ask("issue_credentials", Credentials)).text

    def topic(self, subject: str) -> str:
        return subject.removesuffix(">").replace(".", "/")

    async def start(self, program: str, token: str, *words: str) -> asyncio.subprocess.Process:
        port = str(self.plant.server.address.mqtt_port)
        return await asyncio.create_subprocess_exec(
            "stdbuf", "-oL", program, "-d", "-h", "127.0.0.1", "-p", port, "-V", "mqttv311", "-u", "press1", "-P", token,
            "-q", "1", *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip

    async def publish(self, token: str) -> bool:
        """Whether what the device sends under its own name arrives."""
        subject = self.web.subjects.raws_of("press1")
        process = await self.start("mosquitto_pub", token, "-t", self.topic(subject) + "x", "-m", "1")
        output, _ = await asyncio.wait_for(process.communicate(), SECONDS)
        return b"PUBACK" in output


async def until_line(process: asyncio.subprocess.Process, part: str) -> None:
    while line := (await process.stdout.readline()).decode():
        if part in line:
            return
    raise AssertionError(f"it ended without {part!r}")


async def test_the_password_that_access_gives_opens_the_devices_own_topics(yard):
    assert await yard.publish(await yard.password())


async def test_a_new_password_voids_the_one_before(yard):
    old = await yard.password()
    new = await yard.password()
    assert await yard.publish(new)
    assert not await yard.publish(old)


async def test_a_revoked_device_is_cut_off_within_five_seconds(yard):
    token = await yard.password()
    where = yard.topic(yard.web.subjects.command("press1"))
    process = await yard.start("mosquitto_sub", token, "-t", where)
    try:
        await asyncio.wait_for(until_line(process, "Subscribed"), SECONDS)
        async with asyncio.timeout(SECONDS):
            await yard.ask("revoke", Member)
            await until_line(process, "CONNACK (5)")  # cut off, it came back and was refused
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_a_device_in_a_zone_without_a_conduit_sends_nothing(yard):
    old = await yard.password()

    async def apply(*flows: Flow) -> ZonesSet:
        zones = (Zone(name="control"), Zone(name="yard", members=("press1",)))
        conduits = (Conduit(name="up", source="yard", target="control", flows=flows),) if flows else ()
        plan = ZonePlan(zones=zones, conduits=conduits)
        return await yard.web.request(
            "access", "set_zones", SetZones(actor=yard.actor, plan=plan), ZonesSet, timeout=SECONDS
        )

    assert (await apply()).renew == ["press1"]
    assert not await yard.publish(old)
    assert read_claims(await yard.password())["nats"]["pub"] == {"deny": [">"]}
    assert (await apply(Flow(kind="telemetry"))).renew == ["press1"]
    token = await yard.password()
    assert read_claims(token)["nats"]["pub"] == {"allow": [yard.web.subjects.raws_of("press1")]}
    assert await yard.publish(token)
