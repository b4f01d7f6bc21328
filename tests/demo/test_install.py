"""Installing the plant: a device per station, certificates, credentials and guard, whatever was there before."""

import socket
import stat

import msgspec
import pytest

from lineshaft.access import AccessSettings, bootstrap, principals
from lineshaft.bus import BusSettings, Subjects
from lineshaft.bus.claims import read_claims
from lineshaft.core.errors import Conflict, NotFound
from lineshaft.core.home import Home
from lineshaft.core.ids import HandleMinter
from lineshaft.core.settings import Settings
from lineshaft.demo import installation
from lineshaft.demo.install import install, with_mqtt
from lineshaft.demo.settings import DemoSettings
from lineshaft.demo.signals import PATH, SIGNALS
from lineshaft.edge import ApplicationCertificates, Device, Devices, PartDocuments, Point
from lineshaft.edge.driver import Tools, find_driver
from lineshaft.edge.guard import defaults
from lineshaft.edge.store import Change
from lineshaft.edge.units import shown
from lineshaft.history import Tags


class Site:
    """A home with records, ready for the plant."""

    def __init__(self, folder, database):
        self.home = Home(folder / "home")
        self.identity = self.home.prepare()
        self.database = database
        bootstrap(self.home, self.identity, database, ["plant", "gateway"], AccessSettings())
        minter = HandleMinter(self.identity.prefix)
        self.tags = Tags(database, minter)
        subjects = Subjects(self.identity.tenant, self.identity.site)
        self.devices = Devices(database, self.tags, subjects, minter)
        self.parts = PartDocuments(database, subjects)

    async def install(self, bus=None, **settings):
        sections = [DemoSettings(**{"port": 4841, "modbus_port": 0} | settings), bus or BusSettings()]
        self.installed = await install(self.home, self.identity, Settings(sections), self.database)
        return await self.devices.get("plant")

    async def all(self):
        return {stored.device.name: stored.device for stored in await self.devices.list()}

    async def versions(self):
        return [version.version for version in await self.devices.versions("gateway")]


@pytest.fixture
def site(tmp_path, database):
    return Site(tmp_path, database)


async def test_every_station_becomes_a_device_and_every_signal_a_tag(site):
    stored = await site.install()
    assert (stored.device.path, stored.device.driver, stored.gateway) == (PATH, "opcua", "gateway")
    assert stored.device.endpoint == "opc.tcp://127.0.0.1:4841/plant"
    found = await site.all()
    assert {name: (device.driver, len(device.points)) for name, device in found.items()} == {
        "plant": ("opcua", 39), "utilities": ("modbus", 7), "stripper": ("sparkplug", 5), "compressor": ("sparkplug", 2),
    }  # fmt: skip
    points = [point for device in found.values() for point in device.points]
    assert sorted((point.name, shown(point.unit, point.unit_text), point.description) for point in points) == sorted(
        (signal.name, signal.unit.symbol, signal.description) for signal in SIGNALS
    )
    assert len({point.tag for point in points} - {0}) == 53
    assert stored.device.points[0].address == "nsu=urn:lineshaft:demo:tennessee-eastman;s=XMEAS_01"
    for version in await site.devices.versions("gateway"):
        assert version.author.startswith(f"{site.identity.prefix}/")


async def test_the_drivers_take_every_device_as_it_is_installed(site):
    await site.install()
    for device in (await site.all()).values():
        assert len(find_driver(device.driver).plan(device).points) == len(device.points)


async def test_every_valve_can_be_written_within_its_rules_and_nothing_else_can(site):
    await site.install()
    points = {point.name: point for device in (await site.all()).values() for point in device.points}
    writable = {name for name, point in points.items() if point.access != "read"}
    assert writable == {f"XMV_{number:02d}" for number in range(1, 13)}
    assert all((points[name].write.maximum, points[name].write.rate) == (100.0, 10.0) for name in writable)
    assert [name for name in sorted(writable) if points[name].write.classification == "A"] == ["XMV_04"]
    assert [name for name in sorted(writable) if points[name].write.interlock] == ["XMV_10"]


async def test_two_tokens_for_the_edge_node_and_its_host_open_their_own_topics_only(site):
    await site.install()
    node = read_claims(installation.own_secrets(site.home).get("plant-node").password)["nats"]
    host = read_claims(installation.secrets_of(site.home).get("plant-host").password)["nats"]
    assert node["allowed_connection_types"] == host["allowed_connection_types"] == ["MQTT"]
    assert "spBv1//0.demo.NBIRTH.plant" in node["pub"]["allow"]
    assert "spBv1//0.demo.NBIRTH.*" in host["sub"]["allow"]
    assert "spBv1//0.demo.DCMD.*.*" in host["pub"]["allow"]
    everything = [*node["pub"]["allow"], *node["sub"]["allow"], *host["pub"]["allow"], *host["sub"]["allow"]]
    assert not [subject for subject in everything if subject.startswith((">", "*", "ls.main.box.data", "$"))]


async def test_a_token_that_is_not_good_any_more_is_replaced_and_one_of_somebody_revoked_is_not(site):
    await site.install()
    secrets = installation.own_secrets(site.home)
    first = secrets.get("plant-node")
    secrets.keep("plant-node", msgspec.structs.replace(first, password="forged"))
    await site.install()
    second = secrets.get("plant-node")
    assert read_claims(second.password)["sub"] != read_claims(first.password)["sub"]

    def revoke(connection):
        row = principals.get_row(connection, site.identity.tenant, "plant-node")
        principals.revoke(connection, site.identity.tenant, row.id)

    await site.database.write(revoke)
    await site.install()
    assert secrets.get("plant-node") == second


async def test_a_principal_of_somebody_else_is_left_alone(site):
    def take(connection):
        principals.create(connection, HandleMinter(site.identity.prefix), site.identity.tenant, "plant-host")

    await site.database.write(take)
    with pytest.raises(Conflict) as caught:
        await site.install()
    assert caught.value.code == "demo.principal_name_taken"


@pytest.mark.parametrize("bus", [{"url": "nats://127.0.0.1:4222"}, {"mqtt": True, "mqtt_host": "0.0.0.0"}])
async def test_without_a_broker_on_this_machine_opcua_keeps_stripper_and_compressor(site, bus):
    settings = BusSettings(**bus)
    await site.install(bus=settings)
    assert {name: len(device.points) for name, device in (await site.all()).items()} == {"plant": 46, "utilities": 7}
    assert with_mqtt(settings, site.installed) == settings
    assert installation.own_secrets(site.home).names() == []


async def test_the_bus_gets_mqtt_on_this_machine_for_the_plant(site):
    await site.install()
    found = with_mqtt(BusSettings(), site.installed)
    assert (found.mqtt, found.mqtt_host, found.mqtt_port) == (True, "127.0.0.1", site.installed.mqtt_port)
    own = BusSettings(mqtt=True, mqtt_host="127.0.0.1", mqtt_port=18830)
    await site.install(bus=own)
    assert with_mqtt(own, site.installed) == own


async def test_signals_of_an_older_plant_move_to_their_stations(site):
    await site.install()
    stored = await site.devices.get("plant")
    all_ = tuple(
        Point(name=signal.name, address=f"nsu=urn:lineshaft:demo:tennessee-eastman;s={signal.name}")
        for signal in SIGNALS
    )
    await site.devices.put(msgspec.structs.replace(stored.device, points=all_), Change(author="x"))
    assert len((await site.install()).device.points) == 39


async def test_guard_and_proxy_admit_a_foreign_client_to_the_steam_valve_alone(site):
    await site.install()
    guard = (await site.parts.get("gateway", "guard")).document
    assert guard["policy"].startswith(defaults.text())
    assert 'resource == Device::"utilities"' in guard["policy"]
    proxy = (await site.parts.get("gateway", "modbus_proxy")).document
    assert proxy == {"listeners": [{"host": "127.0.0.1", "port": site.installed.proxy_port, "device": "utilities"}]}


async def test_what_people_made_of_guard_and_proxy_stays(site):
    await site.install()
    change = Change(author="x")
    await site.parts.put("gateway", "guard", {"mode": "shadow"}, change)
    theirs = {"host": "127.0.0.1", "port": 5502, "device": "other"}
    ours = (await site.parts.get("gateway", "modbus_proxy")).document["listeners"][0]
    await site.parts.put("gateway", "modbus_proxy", {"listeners": [theirs, ours]}, change)
    await site.install(modbus_port=5999)
    assert (await site.parts.get("gateway", "guard")).document == {"mode": "shadow"}
    ports = [each["port"] for each in (await site.parts.get("gateway", "modbus_proxy")).document["listeners"]]
    assert ports == [5502, 5999]


async def test_installing_again_changes_nothing(site):
    first = await site.install()
    files = {
        path: path.read_bytes() for path in site.home.path.rglob("*") if path.is_file() and "records" not in path.name
    }
    count = len(await site.versions())
    second = await site.install()
    assert second == first
    assert len(await site.versions()) == count
    assert {path: path.read_bytes() for path in files} == files


async def test_the_password_is_random_private_and_in_no_configuration(site, tmp_path):
    stored = await site.install()
    secret = installation.secrets_of(site.home).get("plant")
    assert len(secret.password) > 40
    file = site.home.path / "edge/secrets/plant.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret.password not in msgspec.json.encode(stored.device).decode()
    other = Site(tmp_path / "other", site.database).home
    installed = installation.secrets_of(other)
    assert "plant" not in installed.names()


async def test_each_side_knows_the_other(site):
    stored = await site.install()
    gateway = ApplicationCertificates(site.home.path / "edge/certificates", "gateway").own()
    plant = installation.plant_certificates(site.home)
    assert plant.is_trusted(gateway.certificate.read_bytes())
    assert stored.device.options["server_fingerprint"] == plant.own().fingerprint


async def test_a_new_certificate_of_the_plant_is_made_known_to_the_gateway(site):
    before = await site.install()
    count = len(await site.versions())
    own = installation.plant_certificates(site.home).own()
    own.certificate.unlink()
    own.private_key.unlink()
    after = await site.install()
    assert after.device.options["server_fingerprint"] != before.device.options["server_fingerprint"]
    assert len(await site.versions()) == count + 1


async def test_another_port_moves_the_device_and_keeps_its_tags(site):
    before = await site.install()
    after = await site.install(port=4990)
    assert after.device.endpoint == "opc.tcp://127.0.0.1:4990/plant"
    assert after.device.points == before.device.points
    assert installation.read(site.home).port == 4990


async def test_port_zero_keeps_a_free_port_and_leaves_a_taken_one(site):
    first = (await site.install(port=0)).device.endpoint
    assert (await site.install(port=0)).device.endpoint == first
    port = installation.read(site.home).port
    with socket.create_server(("127.0.0.1", port)):
        second = (await site.install(port=0)).device.endpoint
    assert second != first
    assert second == installation.url_of(installation.read(site.home).port)


async def test_what_people_changed_about_the_device_stays(site):
    stored = await site.install()
    fewer = msgspec.structs.replace(stored.device, points=stored.device.points[:3], description="ours")
    await site.devices.put(fewer, Change(author="x"))
    after = await site.install(port=4991)
    assert (len(after.device.points), after.device.description) == (3, "ours")
    assert after.device.endpoint.endswith(":4991/plant")


async def test_a_device_of_another_kind_with_that_name_is_left_alone(site):
    other = Device(
        name="plant", path="a/b/c/d/e/f", driver="opcua", endpoint="opc.tcp://192.0.2.1:4840",
        options={"identity": "anonymous"},
    )  # fmt: skip
    await site.devices.put(other, Change(author="x"))
    with pytest.raises(Conflict) as caught:
        await site.install()
    assert caught.value.code == "demo.device_name_taken"
    assert (await site.devices.get("plant")).device.endpoint == other.endpoint


async def test_an_installation_killed_half_way_is_completed(site, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(installation, "write", die)
        with pytest.raises(KeyboardInterrupt):
            await site.install()
    assert installation.find(site.home) is None
    await site.install()
    assert installation.read(site.home).port == 4841
    assert len(await site.all()) == 4


async def test_without_the_services_principal_nothing_is_half_done(tmp_path, database):
    site = Site.__new__(Site)
    site.home = Home(tmp_path / "home")
    site.identity, site.database = site.home.prepare(), database
    with pytest.raises(NotFound):
        await install(site.home, site.identity, Settings([]), database)
    assert installation.find(site.home) is None


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_the_gateways_own_driver_reads_the_installed_plant(site, running_service, until):
    """The device as it is configured, read by the driver that the gateway uses, with what lies in the home."""
    stored = await site.install(port=0)
    service = running_service(site.home, fresh=False)
    async with service as plant:
        await until(lambda: plant.status().state == "running", 60)
        driver = find_driver("opcua")
        plan = driver.plan(stored.device)
        certificates = ApplicationCertificates(site.home.path / "edge/certificates", "gateway")
        tools = Tools(certificates=certificates, secrets=installation.secrets_of(site.home), log=plant.log)
        source = driver.source(plan, tools)
        await source.open()
        try:
            columns = await source.read(plan.blocks[0])
            assert len(columns) == 39
        finally:
            await source.close()
