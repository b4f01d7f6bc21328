"""`/api/v1/demo`: routes that ask the running plant and pass its refusals on."""

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
from litestar.di import Provide

from lineshaft.access.roles import ACTIONS
from lineshaft.bus.testing import embedded_bus
from lineshaft.core.principals import Principal
from lineshaft.demo import api
from lineshaft.demo.disturbances import DISTURBANCES
from lineshaft.web import problems
from lineshaft.web.app import package_routes

ADA = Principal(id="1/ada", name="ada", kind="person", tenant="main", roles=frozenset({"operator"}))
on_the_sites_loop = pytest.mark.asyncio(loop_scope="module")


def client_of_routes(bus):
    """An HTTP client of the routes alone, in this event loop; `ada` calls."""
    app = Litestar(
        api.ROUTES,
        dependencies={
            "bus": Provide(lambda: bus, sync_to_thread=False),
            "principal": Provide(lambda: ADA, sync_to_thread=False),
        },
        exception_handlers={Exception: problems.handle},
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://plant.test")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory, running_service, permissions_of, until):
    """An HTTP client of the routes, the bus box, and the running service behind them."""
    async with embedded_bus(tmp_path_factory.mktemp("site"), streams=False) as box:
        box.issue("plant", permissions_of("plant", box.subjects))
        web = await box.connect("web", permissions_of("web", box.subjects))
        client = client_of_routes(web)
        async with running_service(box.home, box.settings) as service, client:
            await until(lambda: service.status().state == "running" and service._bus and service._bus.connected, 60)
            yield client


@on_the_sites_loop
async def test_status_tells_what_the_plant_does(site):
    answer = await site.get("/api/v1/demo/status")
    assert answer.status_code == 200
    status = answer.json()
    assert status["state"] == "running"
    assert status["endpoint"].startswith("opc.tcp://127.0.0.1:")


@on_the_sites_loop
async def test_disturb_and_calm_switch_and_the_list_shows_it(site):
    answer = await site.post("/api/v1/demo/disturb", json={"disturbances": ["IDV 6", "1"]})
    assert answer.json()["disturbances"] == ["idv_01", "idv_06"]
    items = (await site.get("/api/v1/demo/disturbances")).json()["items"]
    assert [item["description"] for item in items] == list(DISTURBANCES)
    assert {item["name"] for item in items if item["on"]} == {"idv_01", "idv_06"}
    assert (await site.post("/api/v1/demo/calm", json={"disturbances": ["idv_01"]})).json()["disturbances"] == [
        "idv_06"
    ]
    assert (await site.post("/api/v1/demo/calm", json={})).json()["disturbances"] == []


@on_the_sites_loop
async def test_speed_and_restart(site):
    assert (await site.post("/api/v1/demo/speed", json={"speed": 20})).json()["speed"] == 20.0
    run = (await site.get("/api/v1/demo/status")).json()["run"]
    again = (await site.post("/api/v1/demo/restart")).json()
    assert (again["run"], again["speed"]) == (run + 1, 20.0)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("disturb", {"disturbances": ["idv_29"]}, "demo.disturbance_unknown"),
        ("disturb", {}, "demo.disturbance_missing"),
        ("speed", {"speed": 0}, "demo.speed_out_of_range"),
    ],
)
@on_the_sites_loop
async def test_a_refusal_of_the_plant_reaches_the_caller(site, path, body, code):
    answer = await site.post(f"/api/v1/demo/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert answer.json()["hint"]


@pytest.mark.parametrize("body", [{"disturbance": "idv_01"}, {"disturbances": "idv_01"}, {"disturbances": [6]}])
@on_the_sites_loop
async def test_an_unknown_or_mistyped_field_is_refused(site, body):
    before = (await site.get("/api/v1/demo/status")).json()["disturbances"]
    assert (await site.post("/api/v1/demo/disturb", json=body)).status_code == 400
    assert (await site.get("/api/v1/demo/status")).json()["disturbances"] == before


async def test_without_a_plant_the_answer_says_how_to_get_one(tmp_path, permissions_of):
    async with embedded_bus(tmp_path, streams=False) as box:
        web = await box.connect("web", permissions_of("web", box.subjects))
        async with client_of_routes(web) as client:
            answer = await client.get("/api/v1/demo/status")
    assert answer.status_code == 503
    assert answer.json()["code"] == "demo.plant_absent"
    assert "lineshaft up --demo" in answer.json()["hint"]


def test_every_route_declares_an_action_that_a_role_has():
    actions = {handler.handler_name: handler.opt["action"] for handler in api.ROUTES}
    assert set(actions.values()) == {"demo:read", "demo:control"} <= set(ACTIONS)
    assert {name for name, action in actions.items() if action == "demo:read"} == {"plant_status", "list_disturbances"}


def test_the_web_service_serves_these_routes():
    assert set(api.ROUTES) <= set(package_routes(["demo"]))


@on_the_sites_loop
async def test_auto_gives_valves_back_and_refuses_what_is_none(site):
    assert (await site.post("/api/v1/demo/auto", json={})).json()["manual"] == []
    refused = await site.post("/api/v1/demo/auto", json={"valves": ["XMEAS_01"]})
    assert (refused.status_code, refused.json()["code"]) == (400, "demo.valve_unknown")
