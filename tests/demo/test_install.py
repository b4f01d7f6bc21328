"""Installing the plant: one device with all its points, certificates and password, whatever was there before."""

import socket
import stat

import msgspec
import pytest

from lineshaft.access import AccessSettings, bootstrap
from lineshaft.bus import Subjects
from lineshaft.core.errors import Conflict, NotFound
from lineshaft.core.home import Home
from lineshaft.core.ids import HandleMinter
from lineshaft.core.settings import Settings
from lineshaft.demo import installation
from lineshaft.demo.install import install
from lineshaft.demo.settings import DemoSettings
from lineshaft.demo.signals import PATH, SIGNALS
from lineshaft.edge import ApplicationCertificates, Device, Devices
from lineshaft.edge.driver import Tools, find_driver
from lineshaft.edge.store import Change
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

    async def install(self, **settings):
        await install(self.home, self.identity, Settings([DemoSettings(**settings)]), self.database)
        return await self.devices.get("plant")

    async def versions(self):
        return [version.version for version in await self.devices.versions("gateway")]


@pytest.fixture
def site(tmp_path, database):
    return Site(tmp_path, database)


async def test_the_plant_becomes_a_device_with_all_its_signals_as_tags(site):
    stored = await site.install()
    device = stored.device
    assert (device.path, device.driver, stored.gateway) == (PATH, "opcua", "gateway")
    assert device.endpoint == "opc.tcp://127.0.0.1:4841/plant"
    assert [(point.name, point.unit, point.description) for point in device.points] == [
        (signal.name, signal.unit.symbol, signal.description) for signal in SIGNALS
    ]
    assert len({point.tag for point in device.points} - {0}) == 53
    assert device.points[0].address == "nsu=urn:lineshaft:demo:tennessee-eastman;s=XMEAS_01"
    assert await site.versions() == [1]
    (version,) = await site.devices.versions("gateway")
    assert version.author.startswith(f"{site.identity.prefix}/")


async def test_installing_again_changes_nothing(site):
    first = await site.install()
    files = {
        path: path.read_bytes() for path in site.home.path.rglob("*") if path.is_file() and "records" not in path.name
    }
    second = await site.install()
    assert second == first
    assert await site.versions() == [1]
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
    own = installation.plant_certificates(site.home).own()
    own.certificate.unlink()
    own.private_key.unlink()
    after = await site.install()
    assert after.device.options["server_fingerprint"] != before.device.options["server_fingerprint"]
    assert await site.versions() == [2, 1]


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
    assert await site.versions() == [1]


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
        await until(lambda: plant.status().state == "running", 20)
        driver = find_driver("opcua")
        plan = driver.plan(stored.device)
        certificates = ApplicationCertificates(site.home.path / "edge/certificates", "gateway")
        tools = Tools(certificates=certificates, secrets=installation.secrets_of(site.home), log=plant.log)
        source = driver.source(plan, tools)
        await source.open()
        try:
            columns = await source.read(plan.blocks[0])
            assert len(columns) == 53
        finally:
            await source.close()
