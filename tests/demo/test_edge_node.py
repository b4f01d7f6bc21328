"""Stripper and compressor by Sparkplug B over the bus's own MQTT, with the permissions that an installation gives."""

import asyncio
import contextlib
import subprocess

import pytest

from lineshaft.access import sparkplug
from lineshaft.access.grants import bus_permissions
from lineshaft.access.zones.model import DEFAULT
from lineshaft.bus.settings import MIB, BusSettings
from lineshaft.bus.testing import embedded_bus
from lineshaft.core import clock, logs
from lineshaft.core.errors import InvalidInput, LineshaftError, Unavailable
from lineshaft.core.principals import Principal
from lineshaft.demo import installation
from lineshaft.demo.devices import devices
from lineshaft.demo.edge_node import PlantNode
from lineshaft.demo.installation import GROUP, NODE, PLANT_HOST, PLANT_NODE, SPARKPLUG_HOST, Installation
from lineshaft.demo.model import Scan
from lineshaft.demo.plant import BAD_OUT_OF_SERVICE, GOOD
from lineshaft.demo.signals import SIGNALS
from lineshaft.demo.stations import INDEX, stations
from lineshaft.edge import Secret, Secrets
from lineshaft.edge.driver import Tools, Write, find_driver

SPARKPLUG = [station for station in stations(sparkplug=True) if station.protocol == "sparkplug"]


class Site:
    """A bus with MQTT, both principals' tokens, and what the plant was told."""

    def __init__(self, box, folder):
        self.port = box.server.address.mqtt_port
        self.secrets = Secrets(folder / "secrets")
        self.held = []
        for name, attribute in (
            (PLANT_NODE, sparkplug.node(GROUP, NODE)), (PLANT_HOST, sparkplug.host(GROUP, SPARKPLUG_HOST)),
        ):  # fmt: skip
            who = Principal(
                id=f"1/{name}", name=name, kind="device", tenant="main", attributes={sparkplug.ATTRIBUTE: attribute}
            )
            token = box.device(name, bus_permissions(who, box.subjects, DEFAULT))
            self.secrets.keep(name, Secret(user=name, password=token))
        self.node = PlantNode(
            SPARKPLUG, endpoint=installation.broker_of(self.port), secrets=self.secrets,
            state_file=folder / "bdseq", hold=self._hold,
        )  # fmt: skip

    def _hold(self, name, value):
        if value > 100:
            raise InvalidInput("demo.valve_out_of_range", "too much")
        self.held.append((name, value))

    async def scan(self, offset=0.0):
        await self.node.publish(Scan(clock.now_us(), GOOD, [offset + index for index in range(len(SIGNALS))]))

    @contextlib.asynccontextmanager
    async def reading(self, name):
        """A source of one device, as the gateway has it, and the sink it fills."""
        device = next(each for each in devices(Installation(port=1, mqtt_port=self.port), "") if each.name == name)
        driver = find_driver("sparkplug")
        tools = Tools(certificates=None, secrets=self.secrets, log=logs.get("edge"))
        source = driver.source(driver.plan(device), tools)
        sink = Sink([point.name for point in device.points])
        try:
            await opened(source)
            await source.subscribe(sink)
            yield source, sink
        finally:
            await source.close()


async def opened(source):
    """Connect as a gateway does: again, where a broker that has much to do did not answer in time."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await source.open()
            except Unavailable:
                await asyncio.sleep(0.1)


class Sink:
    doubtful = False

    def __init__(self, names):
        self.names, self.rows = names, []

    def take(self, columns):
        self.rows += [(self.names[int(key)], q, value) for key, _, _, q, value in columns]

    def gap(self, _gap):
        raise AssertionError("nothing was lost")

    def last(self, name):
        return next((row[1:] for row in reversed(self.rows) if row[0] == name), None)


@pytest.fixture
async def site(tmp_path):
    settings = BusSettings(port=0, mqtt=True, mqtt_port=0, store_max_bytes=256 * MIB)
    async with embedded_bus(tmp_path, settings, streams=False) as box:
        site = Site(box, tmp_path)
        await site.node.start()
        try:
            yield site
        finally:
            await site.node.stop()


async def test_the_gateways_host_reads_every_signal_of_both_devices_and_each_change(site, until):
    await site.scan()
    for station in SPARKPLUG:
        async with site.reading(station.device) as (_, sink):
            wanted = {signal.name: (0, float(INDEX[signal.name])) for signal in station.signals}
            await until(lambda sink=sink, wanted=wanted: {name: sink.last(name) for name in wanted} == wanted)
            await site.scan(100.0)
            await until(
                lambda sink=sink, wanted=wanted: all(
                    sink.last(name) == (0, 100 + value) for name, (_, value) in wanted.items()
                )
            )
            await site.scan()


async def test_a_command_holds_the_valve_and_what_cannot_be_is_dropped(site, until):
    await site.scan()
    async with site.reading("stripper") as (source, sink):
        names = sink.names
        await source.write([Write(names.index("XMV_08"), 150.0)])
        await source.write([Write(names.index("XMEAS_15"), 5.0)])
        await source.write([Write(names.index("XMV_08"), 47.5)])
        await until(lambda: site.held)
    assert site.held == [("XMV_08", 47.5)]


async def test_a_tripped_plants_devices_are_dead_until_it_runs_again(site, until):
    await site.scan()
    async with site.reading("compressor") as (source, sink):
        lost = asyncio.ensure_future(source.lost())
        await site.node.publish(Scan(clock.now_us(), BAD_OUT_OF_SERVICE, None))
        error = await asyncio.wait_for(lost, 30)
        assert isinstance(error, LineshaftError)
        assert error.code == "edge.sparkplug_offline"
        await site.scan(7.0)
        await opened(source)
        await source.subscribe(sink)
        await until(lambda: sink.last("XMV_05") == (0, 7.0 + INDEX["XMV_05"]))


@pytest.mark.peer("mosquitto_pub", "mosquitto_sub")
async def test_with_the_nodes_token_nobody_commands_or_speaks_for_another_node(site, until):
    """A DCMD and another node's birth by the edge node's own token reach nobody; its own topics do."""
    await site.scan()
    node, host = site.secrets.get(PLANT_NODE), site.secrets.get(PLANT_HOST)
    listener = await asyncio.create_subprocess_exec(
        "stdbuf", "-oL", "mosquitto_sub", *_as(site, host), "-d", "-v", "-t", "spBv1.0/demo/NBIRTH/+",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        lines = []

        async def follow():
            while line := await listener.stdout.readline():
                lines.append(line)

        following = asyncio.create_task(follow())
        await until(lambda: any(line.startswith(b"Subscribed") for line in lines))
        async with site.reading("stripper"):
            for topic in ("spBv1.0/demo/DCMD/plant/stripper", "spBv1.0/demo/NBIRTH/other", "spBv1.0/demo/NBIRTH/plant"):
                publish = ["mosquitto_pub", *_as(site, node), "-t", topic, "-m", "x"]
                await asyncio.to_thread(subprocess.run, publish, check=False, timeout=60)
            await until(lambda: any(line.startswith(b"spBv1.0/demo/NBIRTH/plant") for line in lines))
        assert not any(b"other" in line for line in lines)
        assert site.held == []
    finally:
        listener.kill()
        await listener.wait()
        await following


def _as(site, secret):
    return ["-h", "127.0.0.1", "-p", str(site.port), "-u", secret.user, "-P", secret.password, "-V", "mqttv311"]
