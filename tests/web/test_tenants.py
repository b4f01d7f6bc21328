"""A second tenant's principal walks every operation of the interface and finds nothing of the first tenant's."""

import httpx
import msgspec
import pytest

from lineshaft.access import principals, tokens
from lineshaft.core import clock
from lineshaft.core.ids import HandleMinter
from lineshaft.web.testing import running_house

OWN = {"/api/v1/history/tags", "/api/v1/history/latest", "/api/v1/history/raw"}
"""What answers for the caller's own tenant: there the first tenant's objects are as if they were not there."""
NOBODY_ASKS = {"/healthz", "/readyz", "/api/openapi.json"}


@pytest.fixture
async def house(tmp_path):
    async with running_house(tmp_path) as running:
        yield running


@pytest.fixture
def first(house):
    """What the first tenant has, by the name of a path's parameter."""
    owner = house.principal(f"ada{clock.now_us()}", "administrator")
    token = house.database.transact(tokens.create, owner.id, "hers", ["*"], clock.now_us() + 10**9)
    (path,) = house.tags(f"T{clock.now_us()}")
    return {"name": owner.name, "token": token.token.id, "tag": path, "gateway": "gateway", "code": "0"}


@pytest.fixture
def stranger(house):
    """An API token of an administrator of another tenant in the same records."""
    minter = HandleMinter(house.identity.prefix)
    mallory = house.database.transact(
        principals.create, minter, "other", f"mallory{clock.now_us()}", roles=frozenset({"administrator"})
    )
    return house.database.transact(tokens.create, mallory.id, "theirs", ["*"], clock.now_us() + 10**9).text


def operations(description):
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def filled(path, first):
    for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        path = path.replace(f"{{{name}}}", first.get(name, "anything"))
    return path


async def test_nothing_is_there_for_another_tenant(house, first, stranger):
    headers = {"authorization": f"Bearer {stranger}"}
    walked = 0
    async with httpx.AsyncClient(base_url=house.url, headers=headers) as client:
        description = (await client.get("/api/openapi.json")).json()
        for path, method, operation in operations(description):
            if path in OWN or path in NOBODY_ASKS or operation.get("security") == []:
                continue
            answer = await client.request(method, filled(path, first), json={} if method != "get" else None)
            assert answer.status_code == 404, (method, path, answer.status_code, answer.text)
            assert answer.json()["code"] == "web.route_unknown", (method, path)
            assert first["name"] not in answer.text.replace(filled(path, first), "")
            walked += 1
    assert walked > 40


async def test_where_a_tenant_has_objects_of_its_own_it_sees_only_those(house, first, stranger):
    headers = {"authorization": f"Bearer {stranger}"}
    async with httpx.AsyncClient(base_url=house.url, headers=headers) as client:
        assert (await client.get("/api/v1/history/tags")).json()["items"] == []
        for path in ("latest", "raw"):
            answer = await client.get(f"/api/v1/history/{path}", params={"tag": first["tag"], "from": "-1h"})
            assert (answer.status_code, answer.json()["code"]) == (404, "history.tag_unknown")


async def test_the_first_tenant_finds_all_of_it(house, first):
    headers = {"authorization": f"Bearer {house.token('administrator')}"}
    async with httpx.AsyncClient(base_url=house.url, headers=headers) as client:
        assert (await client.get(f"/api/v1/access/principals/{first['name']}")).status_code == 200
        found = msgspec.json.decode((await client.get("/api/v1/history/tags")).content)
        assert first["tag"] in {tag["path"] for tag in found["items"]}
