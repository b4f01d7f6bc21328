"""A second tenant's administrator walks every operation of the interface and finds nothing of the first tenant's."""

import httpx
import msgspec
import pytest

from lineshaft.access import tokens
from lineshaft.bus.telemetry import encode
from lineshaft.core import clock
from lineshaft.history.testing import samples
from lineshaft.web.testing_installation import AREA, running_installation

PASSWORD = "rivers run under nine bridges"
OWN = {
    "/api/v1/history/tags", "/api/v1/history/latest", "/api/v1/history/raw", "/api/v1/history/processed",
    "/api/v1/history/at", "/api/v1/history/windows", "/api/v1/history/corrections", "/api/v1/history/sql",
    "/api/v1/history/import", "/api/v1/access/session",
}  # fmt: skip
"""What answers for the caller's own tenant: there the first tenant's objects are as if they were not there."""
NOBODY_ASKS = {"/healthz", "/readyz", "/api/openapi.json"}


@pytest.fixture
async def house(tmp_path):
    async with running_installation(tmp_path) as running:
        running.ada = running.person("ada", "administrator")
        async with httpx.AsyncClient(
            base_url=running.url, headers=bearer(running.token(running.ada)), timeout=60
        ) as client:
            running.first = client
            yield running


def bearer(token):
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
async def first(house):
    """What the first tenant has, by the name of a path's parameter."""
    token = house.database.transact(tokens.create, house.ada.id, "hers", ["*"], clock.now_us() + 10**9)
    await house.device("press")
    return {
        "name": "ada", "token": token.token.id, "tag": f"{AREA}/press/p", "gateway": "gateway", "code": "0",
        "project": "main",
    }  # fmt: skip


@pytest.fixture
async def stranger(house):
    """The browser of the administrator of a tenant that was made by the first one's, signed in as `mallory@other`."""
    made = await house.first.post("/api/v1/access/tenants", json={"name": "other", "title": "The others"})
    assert made.status_code == 201, made.text
    link = made.json()["invitation"]["path"].partition("=")[2]
    async with httpx.AsyncClient(base_url=house.url, timeout=60) as browser:
        body = {"invitation": link, "name": "mallory", "password": PASSWORD}
        assert (await browser.post("/api/v1/access/invitations/redeem", json=body)).status_code == 201
        assert (await browser.delete("/api/v1/access/session", headers=await csrf(browser))).status_code == 204
        browser.cookies.clear()
        answer = await browser.post("/api/v1/access/session", json={"name": "mallory@other", "password": PASSWORD})
        assert (answer.status_code, answer.json()["tenant"]) == (201, "other"), answer.text
        browser.headers.update(await csrf(browser))
        yield browser


async def csrf(browser):
    token = (await browser.get("/api/v1/access/session")).json()["csrf"]
    return {"x-csrf-token": token, "origin": str(browser.base_url).rstrip("/")}


def operations(description):
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def filled(path, first):
    for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        path = path.replace(f"{{{name}}}", first.get(name, "anything"))
    return path


async def test_nothing_is_there_for_another_tenant(first, stranger):
    walked = 0
    description = (await stranger.get("/api/openapi.json")).json()
    for path, method, operation in operations(description):
        if path in OWN or path in NOBODY_ASKS or operation.get("security") == []:
            continue
        answer = await stranger.request(method, filled(path, first), json={} if method != "get" else None)
        assert answer.status_code == 404, (method, path, answer.status_code, answer.text)
        assert answer.json()["code"] == "web.route_unknown", (method, path)
        assert "press" not in answer.text.replace(filled(path, first), "")
        walked += 1
    assert walked > 40


async def test_where_a_tenant_has_objects_of_its_own_it_sees_only_those(first, stranger):
    assert (await stranger.get("/api/v1/history/tags")).json()["items"] == []
    asked = {"latest": {}, "raw": {"from": "-1h"}, "processed": {"from": "-1h"}, "at": {"time": "-1m"}, "corrections": {},
             "windows": {"event": "-1m"}}  # fmt: skip
    for path, params in asked.items():
        answer = await stranger.get(f"/api/v1/history/{path}", params={"tag": first["tag"], **params})
        assert (answer.status_code, answer.json()["code"]) == (404, "history.tag_unknown"), path
    correction = {"reason": "test", "items": [{"path": first["tag"], "time": "-1h", "value": 1.0}]}
    question = {"sql": "select 1", "from": "-1h", "tags": [first["tag"]]}
    for path, how in {
        "corrections": {"json": correction}, "sql": {"json": question},
        "import": {"params": {"file": "0" * 32, "seq": 1}, "content": encode(samples([(1, 1, 0.5)]))},
    }.items():  # fmt: skip
        answer = await stranger.post(f"/api/v1/history/{path}", **how)
        assert answer.status_code == 404, (path, answer.text)


async def test_the_first_tenant_finds_all_of_it(house, first):
    assert (await house.first.get(f"/api/v1/access/principals/{first['name']}")).status_code == 200
    found = msgspec.json.decode((await house.first.get("/api/v1/history/tags")).content)
    assert first["tag"] in {tag["path"] for tag in found["items"]}


async def test_a_name_is_of_one_tenant(house, stranger):
    """The same name in two tenants is two people; the first tenant's lists hold its own only."""
    house.person("mallory", "viewer")
    async with httpx.AsyncClient(base_url=house.url, timeout=60) as browser:
        for name in ("mallory", "mallory@nowhere", "ada@other", "mallory@other@other"):
            answer = await browser.post("/api/v1/access/session", json={"name": name, "password": PASSWORD})
            assert (answer.status_code, answer.json()["code"]) == (401, "access.sign_in_refused"), name
    tenants = (await house.first.get("/api/v1/access/tenants")).json()["items"]
    assert [tenant["name"] for tenant in tenants] == ["other"]
    assert (await stranger.get("/api/v1/access/session")).json()["name"] == "mallory"
    listed = (await house.first.get("/api/v1/access/principals", params={"limit": 1000})).json()["items"]
    assert [one["roles"] for one in listed if one["name"] == "mallory"] == [["viewer"]]


async def test_a_tenant_is_made_once(house):
    assert (await house.first.post("/api/v1/access/tenants", json={"name": "other"})).status_code == 201
    for name in ("other", "main"):
        answer = await house.first.post("/api/v1/access/tenants", json={"name": name})
        assert (answer.status_code, answer.json()["code"]) == (409, "access.tenant_exists"), name
    wrong = await house.first.post("/api/v1/access/tenants", json={"name": "no such@name"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "access.name_invalid")
