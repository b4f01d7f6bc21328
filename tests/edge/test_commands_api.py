"""Commands over HTTP: the real server and the real bus, a gateway's executor on it, a machine in memory behind."""

import asyncio
import sys
from pathlib import Path
from typing import ClassVar

import httpx
import msgspec
import pytest
from sqlalchemy import select, text, update

from lineshaft.access.audit import read
from lineshaft.access.policy import approvals
from lineshaft.access.store import PRINCIPAL
from lineshaft.bus import decode_body
from lineshaft.core.principals import Principal
from lineshaft.core.service import Context
from lineshaft.edge.commands import service
from lineshaft.edge.commands.executor import Executor
from lineshaft.edge.commands.journal import Journal
from lineshaft.edge.commands.messages import Cancel, Execute, Standing
from lineshaft.edge.commands.store import COMMAND
from lineshaft.edge.guard.model import Verdict
from lineshaft.edge.model import Device
from lineshaft.history.store import TAG
from lineshaft.web.service import WebService
from lineshaft.web.testing import running_house

sys.path.insert(0, str(Path(__file__).parent))
from commands_machine import Machine, device, point

PRESS = device(
    point("speed", minimum=0.0, maximum=10.0),
    point("valve", "boolean", classification="A"),
    point("level", access="read"),
    msgspec.structs.replace(point("feed", classification="A", minimum=0.0, high=80.0), unit_text="kscmh"),
)


class Admitting:
    def check(self, operations, _principal, _state):
        return [Verdict(allowed=True) for _ in operations]


@pytest.fixture
async def plant(tmp_path):
    """The house with the machine `press` behind its gateway."""
    async with running_house(tmp_path) as house:
        bus = await house.box.connect("gateway")
        journal = Journal(tmp_path / "commands", "gateway")

        class Plant:
            machine = Machine(PRESS)
            executor = Executor({"press": machine}.get, machine.board, journal, Admitting, "gateway")
            clients: ClassVar = []

            def client(self, *roles):
                made = httpx.AsyncClient(
                    base_url=f"{house.url}/api/v1/edge", trust_env=False, timeout=30,
                    headers={"authorization": f"Bearer {house.token(*roles)}"},
                )  # fmt: skip
                self.clients.append(made)
                return made

            async def serve(self):
                async def execute(_caller, body):
                    return await self.executor.execute(decode_body(body, Execute))

                async def cancel(_caller, body):
                    return await self.executor.cancel(decode_body(body, Cancel))

                async def lease(_caller, body):
                    return await self.executor.learn_lease(decode_body(body, Standing))

                for verb, answer in (("command", execute), ("cancel", cancel), ("lease", lease)):
                    await bus.serve("edge", verb, answer, gateway="gateway")

        made = Plant()
        made.house = house
        engineer = made.client("engineer")
        body = msgspec.to_builtins(PRESS)
        added = await engineer.post("/devices", json={
            **{key: body[key] for key in ("name", "path", "driver", "endpoint", "points")},
            "options": {"secret": "plant"},
        })  # fmt: skip
        assert added.status_code == 201, added.text
        made.machine.device = msgspec.convert((await engineer.get("/devices/press")).json(), Device)
        yield made
        for client in made.clients:
            await client.aclose()
        await made.executor.close(1)
        journal.close()


def speed(value, **more):
    return {"device": "press", "point": "speed", "value": value, "reason": "trial", **more}


async def test_a_command_is_executed_and_every_step_and_its_audit_entry_is_there(plant):
    await plant.serve()
    operator = plant.client("operator")
    answer = await operator.post("/commands", json=speed(2.5))
    assert answer.status_code == 201, answer.text
    command = answer.json()
    assert [step["state"] for step in command["steps"]] == ["requested", "authorised", "armed", "executed", "verified"]
    assert (command["state"], command["settled"], command["read"]) == ("verified", True, 2.5)
    assert plant.machine.told == [("speed", 2.5)]
    assert (await operator.get(f"/commands/{command['id']}")).json() == command
    listed = (await operator.get("/commands", params={"device": "press"})).json()["items"]
    assert [one["id"] for one in listed] == [command["id"]]
    entries = plant.house.database.transact(read, plant.house.identity.tenant, before=None, limit=50)
    mine = [entry for entry in entries if entry.resource == "press/speed"]
    assert [(entry.outcome, entry.facts["state"]) for entry in reversed(mine)] == [
        ("asked", "authorised"),
        ("done", "verified"),
    ]
    assert {entry.decision for entry in mine} == {command["decision"]}


async def test_the_path_and_the_handle_of_a_tag_name_the_point_too(plant):
    await plant.serve()
    operator = plant.client("operator")
    path = f"{PRESS.path}/speed"
    handle = plant.house.database.transact(_handle_of, path)
    for value, tag in ((1.0, path), (2.0, handle)):
        answer = await operator.post("/commands", json={"tag": tag, "value": value})
        assert answer.json()["state"] == "verified", answer.text
    assert plant.machine.told == [("speed", 1.0), ("speed", 2.0)]
    for wrong in ({"tag": path, "device": "press", "point": "speed"}, {}, {"device": "press"}):
        assert (await operator.post("/commands", json={"value": 1.0, **wrong})).status_code == 400


def _handle_of(connection, path):
    return connection.scalar(select(TAG.c.handle).where(TAG.c.path == path))


async def test_beyond_a_limit_is_422_and_names_it(plant):
    answer = await plant.client("operator").post("/commands", json=speed(10.5))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "edge.command_out_of_range")
    assert "maximum, 10" in problem["title"]
    assert plant.machine.told == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"device": "press", "point": "level", "value": 1.0}, 409), ({"device": "press", "point": "gone", "value": 1.0}, 404),
        ({"device": "mill", "point": "speed", "value": 1.0}, 404), (speed("fast"), 400), (speed(True), 400),
        (speed(10**400), 400), (speed(1.0, expiry_seconds=0), 400), (speed(1.0, expiry_seconds=3601), 400), (speed(None), 400), (speed([1]), 400),
    ],
)  # fmt: skip
async def test_what_cannot_be_written_is_refused_and_nothing_is_recorded(plant, body, status):
    operator = plant.client("operator")
    answer = await operator.post("/commands", json=body)
    assert answer.status_code == status, answer.text
    assert (await operator.get("/commands")).json()["items"] == []


async def test_viewers_may_look_and_not_command(plant):
    viewer = plant.client("viewer")
    assert (await viewer.post("/commands", json=speed(1.0))).status_code == 403
    assert (await viewer.post("/devices/press/lease", json={})).status_code == 403
    assert (await viewer.get("/commands")).status_code == 200


async def test_the_same_key_gives_the_same_command_and_writes_once(plant):
    await plant.serve()
    operator = plant.client("operator")
    headers = {"Idempotency-Key": "k1"}
    first = await operator.post("/commands", json=speed(1.0), headers=headers)
    plant.house.database.transact(_forget_answers)  # as after a crash before the answer was kept
    second = await operator.post("/commands", json=speed(1.0), headers=headers)
    assert first.json()["id"] == second.json()["id"]
    assert plant.machine.told == [("speed", 1.0)]
    plant.house.database.transact(_forget_answers)
    other = await operator.post("/commands", json=speed(2.0), headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "edge.command_key_reused")


def _forget_answers(connection):
    connection.execute(text("delete from records_idempotency"))


async def test_class_a_waits_for_another_person(plant):
    await plant.serve()
    olga, pavel = plant.client("operator"), plant.client("operator")
    asked = (await olga.post("/commands", json={"device": "press", "point": "valve", "value": True})).json()
    assert (asked["state"], asked["settled"], plant.machine.told) == ("requested", False, [])
    own = await olga.post(f"/commands/{asked['id']}/approve")
    assert (own.status_code, own.json()["code"]) == (403, "edge.command_own_approval")
    assert (await plant.client("viewer").post(f"/commands/{asked['id']}/approve")).status_code == 403
    done = (await pavel.post(f"/commands/{asked['id']}/approve")).json()
    assert [step["state"] for step in done["steps"]] == ["requested", "authorised", "armed", "executed", "verified"]
    assert done["approver"] not in ("", done["by"])
    again = await pavel.post(f"/commands/{asked['id']}/approve")
    assert (again.status_code, plant.machine.told) == (409, [("valve", True)])


async def test_who_decides_sees_what_the_value_means_and_what_bounds_it(plant):
    await plant.serve()
    olga, pavel = plant.client("operator"), plant.client("operator")
    asked = (await olga.post("/commands", json={"device": "press", "point": "feed", "value": 12.0})).json()
    (listed,) = (await pavel.get("/commands", params={"state": "requested"})).json()["items"]
    one = (await pavel.get(f"/commands/{asked['id']}")).json()
    for seen in (listed, one):
        assert (seen["path"], seen["unit"]) == ("acme/north/hall/line/cell/press/feed", "kscmh")
        assert (seen["minimum"], seen["maximum"]) == (0.0, 80.0)
    settled = (await pavel.post(f"/commands/{asked['id']}/refuse", json={"reason": "not now"})).json()
    assert (settled["path"], settled["maximum"]) == ("", None)


async def valve_asked(plant, *roles):
    client = plant.client(*(roles or ("operator",)))
    asked = (await client.post("/commands", json={"device": "press", "point": "valve", "value": True})).json()
    assert asked["state"] == "requested", asked
    return asked


async def test_what_is_approved_is_what_was_asked_for(plant):
    """The same names may stand for another register by the time that a second person says yes."""
    await plant.serve()
    asked = await valve_asked(plant)
    engineer = plant.client("engineer")
    shown = (await engineer.get("/devices/press")).json()
    body = {key: shown[key] for key in ("path", "driver", "endpoint", "options", "points")}
    body["points"] = [{**each, "description": "another"} for each in body["points"]]
    assert (await engineer.put("/devices/press", json=body)).status_code == 200
    refused = await plant.client("operator").post(f"/commands/{asked['id']}/approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "edge.command_outdated")
    assert plant.machine.told == []


async def test_an_approval_does_not_revive_who_may_not_command_any_more(plant):
    await plant.serve()
    asked = await valve_asked(plant)
    plant.house.database.transact(_demote, asked["by"])
    refused = await plant.client("operator").post(f"/commands/{asked['id']}/approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "edge.command_outdated")
    assert plant.machine.told == []


def _demote(connection, name):
    connection.execute(update(PRINCIPAL).where(PRINCIPAL.c.name == name).values(revoked=1))


async def test_an_approval_does_not_go_past_a_lease(plant):
    await plant.serve()
    asked = await valve_asked(plant)
    assert (await plant.client("operator").post("/devices/press/lease", json={"seconds": 60})).status_code == 200
    refused = await plant.client("operator").post(f"/commands/{asked['id']}/approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "edge.device_leased")
    assert plant.machine.told == []


async def test_a_tag_that_a_device_left_behind_does_not_command_what_the_device_is_now(plant):
    await plant.serve()
    engineer = plant.client("engineer")
    shown = (await engineer.get("/devices/press")).json()
    body = {key: shown[key] for key in ("driver", "endpoint", "options", "points")}
    handle = plant.house.database.transact(_handle_of, f"{PRESS.path}/speed")
    moved = await engineer.put("/devices/press", json={**body, "path": f"{PRESS.path}-b"})
    assert moved.status_code == 200, moved.text
    for tag in (handle, f"{PRESS.path}/speed"):
        answer = await plant.client("operator").post("/commands", json={"tag": tag, "value": 1.0})
        assert (answer.status_code, answer.json()["code"]) == (409, "edge.command_tag_gone")
    assert plant.machine.told == []


async def test_one_that_waits_can_be_cancelled_and_then_not_approved(plant):
    await plant.serve()
    olga, pavel = plant.client("operator"), plant.client("operator")
    asked = (await olga.post("/commands", json={"device": "press", "point": "valve", "value": True})).json()
    cancelled = (await olga.post(f"/commands/{asked['id']}/cancel")).json()
    assert (cancelled["state"], cancelled["settled"]) == ("cancelled", True)
    assert (await pavel.post(f"/commands/{asked['id']}/approve")).status_code == 409
    assert plant.machine.told == []


async def test_nobody_approves_what_has_waited_too_long(plant):
    await plant.serve()
    olga, pavel = plant.client("operator"), plant.client("operator")
    asked = (await olga.post("/commands", json={"device": "press", "point": "valve", "value": True})).json()
    plant.house.database.transact(_expire, asked["id"])
    assert (await pavel.post(f"/commands/{asked['id']}/approve")).status_code == 409
    assert (await olga.get(f"/commands/{asked['id']}")).json()["state"] == "expired"


async def test_what_nobody_approves_expires_by_itself(plant, until):
    """Nobody looks at it, nobody touches it: the audit trail has its end all the same."""
    asked = await valve_asked(plant)
    plant.house.database.transact(_expire, asked["id"])
    await valve_asked(plant)  # the timer hears of one more that waits, and looks

    await until(lambda: plant.house.database.transact(_state, asked["id"]) == "expired")
    entries = plant.house.database.transact(read, plant.house.identity.tenant, before=None, limit=50)
    assert [entry.facts["state"] for entry in entries if entry.facts.get("command") == asked["id"]] == [
        "expired",
        "requested",
    ]


def _state(connection, command):
    return connection.scalar(select(COMMAND.c.state).where(COMMAND.c.id == command))


async def test_a_command_on_its_way_or_in_the_queue_can_be_withdrawn_and_one_that_is_written_cannot(plant, until):
    await plant.serve()
    operator = plant.client("operator")
    plant.machine.pause = asyncio.Event()
    first = (await operator.post("/commands", json=speed(1.0), params={"wait": 0})).json()
    await until(lambda: plant.machine.told)
    second = (await operator.post("/commands", json=speed(2.0), params={"wait": 0})).json()
    refused = await operator.post(f"/commands/{first['id']}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "edge.command_gone_on")
    withdrawn = (await operator.post(f"/commands/{second['id']}/cancel")).json()
    assert (withdrawn["state"], withdrawn["settled"]) == ("cancelled", True)
    plant.machine.pause.set()
    done = (await operator.get(f"/commands/{first['id']}", params={"wait": 20})).json()
    assert done["state"] == "verified"
    assert plant.machine.told == [("speed", 1.0)]


async def test_a_command_whose_gateway_is_away_can_be_withdrawn(plant):
    operator = plant.client("operator")
    asked = (await operator.post("/commands", json=speed(1.0, expiry_seconds=60), params={"wait": 0})).json()
    withdrawn = (await operator.post(f"/commands/{asked['id']}/cancel")).json()
    assert (withdrawn["state"], withdrawn["settled"]) == ("cancelled", True)
    await plant.serve()
    assert plant.machine.told == []


async def test_a_lease_that_the_gateway_cannot_be_told_of_is_nobodys(plant):
    olga = plant.client("operator")
    refused = await olga.post("/devices/press/lease", json={"seconds": 60})
    assert (refused.status_code, refused.json()["code"]) == (503, "bus.gateway_away")
    await plant.serve()
    assert (await plant.client("operator").post("/devices/press/lease", json={})).status_code == 200


async def test_a_change_that_takes_safety_away_needs_a_second_person(plant):
    engineer = plant.client("engineer")
    shown = (await engineer.get("/devices/press")).json()
    body = {key: shown[key] for key in ("path", "driver", "endpoint", "options", "points")}
    lowered = {
        **body,
        "points": [{**each, "write": {}} if each["name"] in ("valve", "feed") else each for each in body["points"]],
    }
    refused = await engineer.put("/devices/press", json=lowered)
    assert (refused.status_code, refused.json()["code"]) == (403, "access.approval_required")
    approval = {"X-Approval": refused.json()["facts"]["approval"]}
    assert (await engineer.put("/devices/press", json=lowered, headers=approval)).status_code == 403, "nobody has yet"
    judge = Principal(id="20.500.1/other", name="other", kind="person", tenant="main", roles=frozenset({"engineer"}))
    tenant = plant.house.identity.tenant
    plant.house.database.transact(approvals.decide, tenant, approval["X-Approval"], judge, approve=True)
    more = {**lowered, "description": "and something else"}
    assert (await engineer.put("/devices/press", json=more, headers=approval)).status_code == 403, (
        "only what was approved"
    )
    assert (await engineer.put("/devices/press", json=lowered, headers=approval)).status_code == 200
    assert (await engineer.delete("/devices/press")).status_code == 204, "it has no class A any more"


async def test_who_is_denied_again_and_again_is_asked_to_wait(plant, monkeypatch):
    monkeypatch.setattr(service, "DENIED_IN_A_MINUTE", 3)
    await plant.serve()
    operator = plant.client("operator")
    plant.machine.trouble = "it is lost"
    for _ in range(3):
        assert (await operator.post("/commands", json=speed(1.0))).json()["state"] == "denied"
    refused = await operator.post("/commands", json=speed(1.0))
    assert (refused.status_code, refused.json()["code"]) == (429, "edge.commands_denied")
    plant.machine.trouble = ""
    assert (await plant.client("operator").post("/commands", json=speed(1.0))).json()["state"] == "verified"


def _expire(connection, command):
    connection.execute(update(COMMAND).where(COMMAND.c.id == command).values(expires=1))


async def test_a_lease_keeps_others_out_and_names_who_holds_it(plant):
    await plant.serve()
    olga, pavel = plant.client("operator"), plant.client("operator")
    held = (await olga.post("/devices/press/lease", json={"seconds": 60})).json()
    refused = await pavel.post("/commands", json=speed(1.0))
    assert refused.status_code == 409
    assert held["holder"] in refused.json()["title"]
    assert (await pavel.post("/devices/press/lease", json={})).status_code == 409
    assert (await pavel.delete("/devices/press/lease")).status_code == 409
    assert (await olga.post("/commands", json=speed(1.0))).json()["state"] == "verified"
    assert (await olga.delete("/devices/press/lease")).status_code == 204
    assert (await pavel.post("/commands", json=speed(2.0))).json()["state"] == "verified"


async def test_a_dry_run_says_what_would_become_of_it(plant):
    await plant.serve()
    operator = plant.client("operator")
    assert (await operator.post("/commands", json=speed(1.0, dry_run=True))).json()["state"] == "armed"
    plant.machine.trouble = "it is lost"
    answer = (await operator.post("/commands", json=speed(1.0, dry_run=True))).json()
    assert (answer["state"], answer["steps"][-1]["code"]) == ("denied", "edge.command_device_stale")
    assert (await operator.get("/commands")).json()["items"] == []
    assert plant.machine.told == []


async def test_a_gateway_that_is_away_until_the_expiry_never_gets_it(plant):
    operator = plant.client("operator")
    answer = (await operator.post("/commands", json=speed(1.0, expiry_seconds=0.5))).json()
    assert (answer["state"], answer["settled"]) == ("expired", True)
    await plant.serve()
    await asyncio.sleep(0)
    assert plant.machine.told == []


async def test_one_may_wait_for_the_end_of_a_command(plant):
    await plant.serve()
    operator = plant.client("operator")
    plant.machine.pause = asyncio.Event()
    begun = (await operator.post("/commands", json=speed(1.0), params={"wait": 0})).json()
    assert (begun["state"], begun["settled"]) == ("authorised", False)
    waiting = asyncio.create_task(operator.get(f"/commands/{begun['id']}", params={"wait": 20}))
    plant.machine.pause.set()
    assert (await waiting).json()["state"] == "verified"


async def test_after_a_restart_of_the_server_the_gateway_says_what_became_of_it(plant):
    await plant.serve()
    operator = plant.client("operator")
    plant.machine.pause = asyncio.Event()
    begun = (await operator.post("/commands", json=speed(1.0), params={"wait": 0})).json()
    await plant.house.web.stop()
    plant.machine.pause.set()
    plant.house.web = WebService(Context(plant.house.home, plant.house.settings))
    await plant.house.web.start()
    again = plant.client("operator")
    assert (await again.get(f"/commands/{begun['id']}", params={"wait": 20})).json()["state"] == "verified"
    assert plant.machine.told == [("speed", 1.0)]


async def test_a_second_person_refuses_with_a_reason_that_the_asker_reads_in_their_language(plant):
    asker, second = plant.client("operator"), plant.client("operator")
    asked = (await asker.post("/commands", json={"device": "press", "point": "valve", "value": True})).json()
    assert asked["state"] == "requested"
    own = await asker.post(f"/commands/{asked['id']}/refuse", json={"reason": "no"})
    assert (own.status_code, own.json()["code"]) == (403, "edge.command_own_approval")
    for reason, code in (
        ("", "web.input_invalid"),
        (" \t\n ", "edge.command_reason_missing"),
        ("no\x1b[2J", "edge.command_reason_invalid"),
    ):
        said = await second.post(f"/commands/{asked['id']}/refuse", json={"reason": reason})
        assert (said.status_code, said.json()["code"]) == (400, code)
    steered = await asker.post(
        "/commands", json={"device": "press", "point": "valve", "value": True, "reason": "\u202e"}
    )
    assert (steered.status_code, steered.json()["code"]) == (400, "edge.command_reason_invalid")
    refused = await second.post(f"/commands/{asked['id']}/refuse", json={"reason": "under repair"})
    assert refused.status_code == 200, refused.text
    seen = (await asker.get(f"/commands/{asked['id']}")).json()
    assert (seen["state"], seen["settled"], seen["code"]) == ("cancelled", True, "edge.command_refused")
    assert "under repair" in seen["detail"]
    again = await second.post(f"/commands/{asked['id']}/approve")
    assert (again.status_code, again.json()["code"]) == (409, "edge.command_gone_on")
    assert plant.machine.told == []


async def test_why_a_command_was_denied_is_said_in_the_language_of_whoever_asks_in_the_list_too(plant):
    await plant.serve()
    operator = plant.client("operator")
    plant.executor = Executor(
        {}.get, plant.machine.board, Journal(Path(plant.house.home.path) / "none", "gateway"), Admitting, "gateway"
    )
    denied = (await operator.post("/commands", json=speed(2.5))).json()
    assert (denied["state"], denied["code"]) == ("denied", "edge.command_device_not_run")
    assert denied["detail"].isascii()
    chinese = {"accept-language": "zh"}
    one = (await operator.get(f"/commands/{denied['id']}", headers=chinese)).json()
    (listed,) = (await operator.get("/commands", headers=chinese)).json()["items"]
    for seen in (one, listed):
        assert not seen["detail"].isascii()
        assert "press" in seen["detail"]
    assert one["steps"][-1]["detail"] == one["detail"]
    assert listed["steps"] == []
