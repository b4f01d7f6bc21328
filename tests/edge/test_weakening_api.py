"""One engineer alone against the rules of writing, over HTTP: by another point, another profile, another policy, or in steps."""

import contextlib

import httpx
import msgspec
import pytest

from lineshaft.access.policy import approvals
from lineshaft.core import clock
from lineshaft.core.principals import Principal
from lineshaft.edge import remembered
from lineshaft.edge.guard import defaults
from lineshaft.edge.model import Point, WriteRules
from lineshaft.web.testing import running_house

VALVE = {"name": "valve", "address": "coil:3", "type": "bool", "kind": "boolean", "access": "read-write"}
SPEED = {"name": "speed", "address": "holding:40", "type": "uint16", "access": "read-write", "write": {"maximum": 10.0}}
GUARD = "/gateways/gateway/parts/guard"
WIDE = defaults.text() + '@id("all") permit (principal, action, resource);'


@pytest.fixture
async def site(tmp_path):
    """The house, and an engineer in it."""
    async with running_house(tmp_path) as house, contextlib.AsyncExitStack() as stack:

        class Site:
            def client(self, *roles):
                made = httpx.AsyncClient(
                    base_url=f"{house.url}/api/v1/edge", trust_env=False, timeout=60,
                    headers={"authorization": f"Bearer {house.token(*roles)}"},
                )  # fmt: skip
                stack.push_async_callback(made.aclose)
                return made

            def approve(self, refused):
                """As another engineer; the header that says so, and what they were shown."""
                assert (refused.status_code, refused.json()["code"]) == (403, "access.approval_required"), refused.text
                other = Principal(
                    id="20.500.1/other", name="other", kind="person", tenant="main", roles=frozenset({"engineer"})
                )
                approval = refused.json()["facts"]["approval"]
                done = house.database.transact(
                    approvals.decide, house.identity.tenant, approval, other, approve=True
                )  # fmt: skip
                return {"X-Approval": approval}, done.reasons.splitlines()

        made = Site()
        made.house, made.engineer = house, made.client("engineer")
        yield made


def device(name, *points, **more):
    return {
        "name": name, "path": f"acme/east/hall/line/cell/{name}", "driver": "modbus", "endpoint": "modbus-tcp://127.0.0.1:5020",
        "groups": [{"mode": "poll"}], "points": list(points), **more,
    }  # fmt: skip


def needs_approval(answer):
    return (answer.status_code, answer.json().get("code")) == (403, "access.approval_required")


async def test_a_second_point_on_a_register_and_a_point_taken_out_and_added_anew(site):
    added = await site.engineer.post("/devices", json=device("press", {**VALVE, "write": {"classification": "A"}}))
    assert added.status_code == 201, added.text
    weak = device("other", {**VALVE, "address": "1/coil:3"}, endpoint="modbus-tcp://localhost:5020")
    header, reasons = site.approve(await site.engineer.post("/devices", json=weak))
    assert reasons == ["press/valve: class A → B"]
    assert (await site.engineer.post("/devices", json=weak, headers=header)).status_code == 201
    assert needs_approval(await site.engineer.delete("/devices/press"))
    await take_out_and_add_anew(site)
    await move_what_rules_read(site)


async def take_out_and_add_anew(site):
    """In two steps, a register of class B with limits."""
    ruled, weak = device("mill", SPEED), device("mill", {**SPEED, "write": {"maximum": 99.0}})
    assert (await site.engineer.post("/devices", json=ruled)).status_code == 201
    assert (await site.engineer.delete("/devices/mill")).status_code == 204, "of class B: one person may"
    for again in (weak, device("new", {**weak["points"][0], "name": "other", "address": "40041"})):
        assert needs_approval(await site.engineer.post("/devices", json=again)), again
    assert (await site.engineer.post("/devices", json=ruled)).status_code == 201, "as it was"
    body = {key: value for key, value in ruled.items() if key != "name"}
    assert (await site.engineer.put("/devices/mill", json={**body, "points": []})).status_code == 200
    later = {**body, "points": weak["points"]}
    header, reasons = site.approve(await site.engineer.put("/devices/mill", json=later))
    assert reasons == ["speed: write.maximum 10 → 99"]
    assert (await site.engineer.put("/devices/mill", json=later, headers=header)).status_code == 200
    assert (await site.engineer.put("/devices/mill", json={**later, "description": "new"})).status_code == 200


async def move_what_rules_read(site):
    """A point that an interlock reads, or that tells the plant mode, and a device from a place that rules are about."""
    door = device("door", {"name": "open", "address": "holding:2", "type": "uint16"})
    locked = {**SPEED, "address": "holding:50", "write": {"interlock": 'tag("door/open") > 0'}}
    for each in (door, device("saw", locked)):
        assert (await site.engineer.post("/devices", json=each)).status_code == 201
    policy = 'forbid (principal, action, resource in Place::"acme/east") when { context.mode == "maintenance" };'
    guard = {"policy": policy, "plant_mode_point": "door/open"}
    assert (await site.engineer.put(GUARD, json=guard)).status_code == 200
    body = {key: value for key, value in door.items() if key != "name"}
    moved = {**body, "path": "acme/west/hall/line/cell/door", "points": [{**door["points"][0], "address": "holding:9"}]}
    header, reasons = site.approve(await site.engineer.put("/devices/door", json=moved))
    assert reasons == [
        "saw/speed: its interlock reads door/open from elsewhere",
        "the guard: the plant mode is read from elsewhere, door/open",
        "the guard: door leaves acme/east, which it has rules for",
    ]
    assert (await site.engineer.put("/devices/door", json=moved, headers=header)).status_code == 200


def test_what_is_remembered_is_forgotten_in_time(database, monkeypatch):
    point = Point(**{**SPEED, "write": WriteRules(maximum=10.0)})
    press = msgspec.convert({**device("press")}, remembered.Device)
    press = msgspec.structs.replace(press, points=(point,))
    database.transact(remembered.note, "main", press, None)
    assert database.transact(remembered.remembered, "main") == [press]
    later = clock.now_us() + (remembered.KEPT_DAYS * 86_400 + 1) * clock.MICROSECONDS
    monkeypatch.setattr(clock, "now_us", lambda: later)
    assert database.transact(remembered.remembered, "main") == []


async def test_an_approval_is_for_the_profile_as_it_was_seen_and_the_guard_is_opened_by_no_one_alone(site):
    def profile(**rules):
        return {"driver": "modbus", "groups": [{"mode": "poll"}], "points": [{**VALVE, "write": rules}]}

    engineer = site.engineer
    assert (await engineer.put("/profiles/acme", json=profile(classification="A"))).status_code == 200
    assert (await engineer.post("/devices", json=device("press", profile="acme"))).status_code == 201
    lowered = profile(tolerance=1.0)
    assert (await engineer.put("/profiles/acme", json=lowered)).status_code == 200
    header, reasons = site.approve(await engineer.post("/profiles/acme/apply"))
    assert reasons == ["valve: class A → B"]
    assert (await engineer.put("/profiles/acme", json=profile(tolerance=2.0))).status_code == 200
    spent = await engineer.post("/profiles/acme/apply", headers=header)
    assert (spent.status_code, spent.json()["code"]) == (403, "access.approval_void"), (
        "it loses the same, but is another"
    )
    assert (await engineer.put("/profiles/acme", json=lowered)).status_code == 200
    assert (await engineer.post("/profiles/acme/apply", headers=header)).status_code == 200
    await open_the_guard(site, engineer)


async def open_the_guard(site, engineer):
    """By every way that there is."""
    for document in ({"mode": "shadow"}, {"mode": "learn"}):
        assert needs_approval(await engineer.put(GUARD, json=document)), document
    narrow = {"policy": '@id("none") forbid (principal, action, resource);', "reads": "closed"}
    assert (await engineer.put(GUARD, json={"policy": WIDE + "permit (fly);"})).status_code == 400
    assert (await engineer.put(GUARD, json=narrow)).status_code == 200
    for document in ({**narrow, "reads": "open"}, {**narrow, "policy": narrow["policy"] + WIDE}):
        assert needs_approval(await engineer.put(GUARD, json=document)), document
    header, reasons = site.approve(await engineer.delete(GUARD))
    assert "the guard: reads closed → open" in reasons
    assert "the guard: a rule that forbids is gone: 'none'" in reasons
    assert (await engineer.delete(GUARD, headers=header)).status_code == 204
    assert needs_approval(await engineer.put(GUARD, json={"policy": WIDE})), "it is not the first that it has"
    assert (await engineer.put(GUARD, json=narrow)).status_code == 200
    versions = (await engineer.get("/gateways/gateway/configurations")).json()["items"]
    opened = next(one["version"] for one in versions if one["comment"] == "part guard removed")
    assert needs_approval(await engineer.post(f"/gateways/gateway/configurations/{opened}/restore"))
    assert (await engineer.get(GUARD)).json()["document"] == narrow
