"""The service: commands over the bus with the permissions it really has, and a plant that runs on without the bus."""

import asyncio
import sys

import msgspec
import pytest

from lineshaft.bus.testing import embedded_bus
from lineshaft.core.errors import Conflict, Corrupt, Forbidden, InvalidInput, NotFound, Unavailable
from lineshaft.core.home import Home
from lineshaft.core.service import Context
from lineshaft.core.settings import Settings
from lineshaft.demo import installation
from lineshaft.demo.model import Command, PlantStatus
from lineshaft.demo.server import NAMESPACE_INDEX
from lineshaft.demo.service import PlantService
from lineshaft.demo.settings import DemoSettings
from lineshaft.edge import Secret


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    home.prepare()
    return home


async def test_every_verb_works_over_the_bus_with_the_permissions_of_plant_and_web(
    tmp_path, until, running_service, permissions_of
):
    async with embedded_bus(tmp_path, streams=False) as box:
        box.issue("plant", permissions_of("plant", box.subjects))
        web = await box.connect("web", permissions_of("web", box.subjects))

        async def ask(verb, **fields):
            return await web.request("demo", verb, Command(by="ada", **fields) if fields else None, PlantStatus)

        async with running_service(box.home, box.settings, speed=10.0) as service:
            await until(lambda: service.status().state == "running" and service._bus and service._bus.connected, 60)
            assert (await ask("status")).state == "running"
            assert (await ask("disturb", disturbances=["idv_06"])).disturbances == ["idv_06"]
            assert (await ask("calm", disturbances=[])).disturbances == []
            assert (await ask("speed", speed=0.5)).speed == 0.5
            assert (await web.request("demo", "restart", Command(by="ada"), PlantStatus)).run == 2
            assert (await ask("status")).endpoint == service.status().endpoint != ""
            with pytest.raises(InvalidInput) as caught:
                await ask("disturb", disturbances=["idv_77"])
            assert caught.value.code == "demo.disturbance_unknown"
            with pytest.raises(InvalidInput) as caught:
                await ask("speed", speed=1000.0)
            assert caught.value.code == "demo.speed_out_of_range"
            with pytest.raises(InvalidInput) as caught:
                await web.request("demo", "speed", Command(by="ada"), PlantStatus)
            assert caught.value.code == "demo.speed_missing"
            with pytest.raises(InvalidInput):
                await web.request("demo", "disturb", b'{"by": "ada", "disturbance": "idv_01"}', PlantStatus)
            assert all(check.ok for check in await service.checks())
            stranger = await box.connect("history", permissions_of("history", box.subjects))
            with pytest.raises(Forbidden):
                await stranger.request("demo", "disturb", Command(by="eve", disturbances=["idv_06"]), PlantStatus)
            await box.kill()
            await until(lambda: not service._bus.connected)
            steps = service.status().simulated_hours
            await until(lambda: service.status().simulated_hours > steps)
            assert [(check.name, check.ok) for check in await service.checks()] == [("plant", True), ("bus", False)]
            await box.start()
            await until(lambda: web.connected and service._bus.connected)
            assert (await ask("status")).run == 2


async def test_without_any_bus_the_plant_runs_and_serves_opcua(home, until, certificates, client_of, running_service):
    trusted = installation.plant_certificates(home)
    trusted.trust(certificates["gateway"].der)
    async with running_service(home) as service:
        plant = trusted.own().certificate
        await until(lambda: service.status().state == "running", 60)
        async with client_of(service._server, server_certificate=plant) as client:
            assert 2500 < await client.get_node(f"ns={NAMESPACE_INDEX};s=XMEAS_07").read_value() < 2900
            assert await client.get_node(f"ns={NAMESPACE_INDEX};s=State").read_value() == "running"
            assert service.status().sessions == 1
        with pytest.raises(Exception, match="BadSecurityChecksFailed"):
            async with client_of(service._server, who="stranger", server_certificate=plant):
                pass
        assert [each.application_uri for each in trusted.known() if not each.trusted] == ["urn:test:stranger"]


async def test_health_is_answered_while_the_server_is_being_built(home):
    installation.write(home, installation.Installation(port=4999))
    installation.secrets_of(home).keep(installation.DEVICE, Secret(user="gateway", password="a password"))
    service = PlantService(Context(home, Settings([])))
    service._server = service._make_server()
    plant, _ = await service.checks()
    assert (plant.name, plant.ok, plant.detail) == ("plant", False, "starting")
    assert service.status().endpoint == "opc.tcp://127.0.0.1:4999/plant"


async def test_a_home_without_a_plant_says_how_to_get_one(home):
    with pytest.raises(Unavailable) as caught:
        await PlantService(Context(home, Settings([]))).start()
    assert caught.value.code == "demo.not_installed"
    assert "lineshaft up --demo" in caught.value.hint


async def test_a_lost_password_is_said(home):
    installation.write(home, installation.Installation(port=0))
    with pytest.raises(NotFound) as caught:
        await PlantService(Context(home, Settings([]))).start()
    assert caught.value.code == "edge.secret_missing"


def test_an_unreadable_installation_is_said(home):
    home.folder("demo").joinpath("plant.json").write_text("{")
    with pytest.raises(Corrupt) as caught:
        installation.read(home)
    assert caught.value.code == "demo.installation_unreadable"


async def test_a_missing_extra_ends_the_service_with_its_name(home, monkeypatch, running_service):
    monkeypatch.setitem(sys.modules, "tep_studio.control", None)
    async with running_service(home) as service:
        await asyncio.wait_for(service.stopping.wait(), 60)
    assert service.failure.code == "demo.extra_missing"


def test_statuses_survive_json():
    status = PlantStatus(
        state="running", since="x", run=1, simulated_hours=0.5, speed=1.0, left_out_seconds=0.0, disturbances=[], seed=0
    )
    assert msgspec.json.decode(msgspec.json.encode(status), type=PlantStatus) == status


def test_commands_are_refused_before_the_model_is_loaded(home):
    plant = PlantService(Context(home, Settings([DemoSettings()])))
    with pytest.raises(Conflict):
        plant._carry_out("restart", Command(by="ada"))
