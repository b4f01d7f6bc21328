"""What the console asks when somebody adds a device: drivers, points out of files, and a rehearsal that changes nothing."""

import asyncio

import httpx
import msgspec
import pytest

from lineshaft.access.est import invitations
from lineshaft.access.principals import create
from lineshaft.edge import store
from lineshaft.edge.imports.api import LARGEST_BYTES
from lineshaft.web.testing_installation import AREA, running_installation

PRESS = {"name": "press", "path": f"{AREA}/press", "driver": "modbus", "endpoint": "modbus-tcp://10.0.0.5:502",
         "groups": [{"name": "main", "mode": "poll"}],
         "points": [{"name": "speed", "address": "holding:0", "type": "int16", "unit": "kW"}]}  # fmt: skip
TABLE = "name,address,type,unit\nspeed,holding:0,int16,kW\nlevel,holding:1,int16,flops\n"


@pytest.fixture
async def plant(tmp_path):
    async with running_installation(tmp_path) as running:
        for role in ("viewer", "engineer", "administrator"):
            token = running.token(running.person(f"mara-{role}", role))
            headers = {"authorization": f"Bearer {token}"}
            setattr(running, role, httpx.AsyncClient(base_url=f"{running.url}/api/v1", headers=headers, timeout=60))
        yield running
        await asyncio.gather(*(getattr(running, role).aclose() for role in ("viewer", "engineer", "administrator")))


async def rehearse(plant, **changed):
    answer = await plant.engineer.post("/edge/rehearse", json={**PRESS, **changed})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_rehearsal_says_which_tags_there_would_be_and_changes_nothing(plant):
    said = await rehearse(plant)
    assert said == {
        "tags": [{"path": f"{AREA}/press/speed", "unit": "kW", "known": False}],
        "refusals": [],
        "second_person": [],
    }
    assert (await plant.engineer.get("/edge/devices")).json()["total"] == 0
    assert (await plant.engineer.get("/history/tags")).json()["items"] == []
    assert (await plant.engineer.get("/edge/gateways/gateway/configurations")).json()["items"] == []
    assert (await plant.engineer.post("/edge/devices", json=PRESS)).status_code == 201


async def test_a_tag_that_was_there_before_goes_on(plant):
    assert (await plant.engineer.post("/edge/devices", json=PRESS)).status_code == 201
    assert (await plant.engineer.delete("/edge/devices/press")).status_code == 204
    assert [tag["known"] for tag in (await rehearse(plant))["tags"]] == [True]


async def test_every_refusal_is_named_with_its_field(plant):
    points = [
        {"name": "speed", "address": "foo:1", "type": "int16"},
        {"name": "level", "address": "holding:0", "type": "int16", "unit": "flops"},
    ]
    said = await rehearse(plant, points=points, options={"unit": 4711})
    assert {(each["field"], each["value"]) for each in said["refusals"]} == {
        ("points.speed.address", "foo:1"), ("points.level.unit", "flops"), ("options.unit", "4711"),
    }  # fmt: skip
    assert all(each["rule"] and each["code"] == "edge.device_invalid" for each in said["refusals"])
    assert said["tags"] == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"name": "No"}, "edge.device_name_invalid"), ({"path": "a/b"}, "core.path_depth_invalid"), ({"driver": "telepathy"}, "edge.driver_unknown"),
     ({"gateway": "nowhere"}, "access.principal_unknown"), ({"profile": "none"}, "edge.profile_unknown")],
)  # fmt: skip
async def test_what_adding_would_refuse_the_rehearsal_refuses(plant, changed, code):
    (refusal,) = (await rehearse(plant, **changed))["refusals"]
    refused = await plant.engineer.post("/edge/devices", json={**PRESS, **changed})
    assert refused.status_code >= 400
    assert refusal["code"] == refused.json()["code"] == code


async def test_a_configuration_that_would_not_fit_is_a_refusal_that_holds_up_nobody_who_writes(plant, monkeypatch):
    monkeypatch.setattr(store, "MAXIMUM_CONFIG_BYTES", 10)
    encoded, turns = store.encode_config, []

    def encode(config):
        turns.append(plant.database._turn.locked())
        return encoded(config)

    monkeypatch.setattr(store, "encode_config", encode)
    (refusal,) = (await rehearse(plant))["refusals"]
    assert (refusal["code"], turns) == ("edge.configuration_too_large", [False])
    assert (await plant.engineer.post("/edge/devices", json=PRESS)).json()["code"] == refusal["code"]


async def test_a_name_that_is_taken_is_a_refusal_in_the_callers_language(plant):
    assert (await plant.engineer.post("/edge/devices", json=PRESS)).status_code == 201
    answer = await plant.engineer.post("/edge/rehearse", json=PRESS, headers={"accept-language": "zh"})
    (refusal,) = answer.json()["refusals"]
    assert refusal["code"] == "edge.device_exists"
    assert not refusal["title"].isascii()


async def test_who_may_not_configure_rehearses_and_imports_nothing(plant):
    body = {"files": [{"name": "points.csv", "text": TABLE}]}
    for path, asked in (("rehearse", PRESS), ("imports", body)):
        assert (await plant.viewer.post(f"/edge/{path}", json=asked)).status_code == 403


async def test_a_files_points_come_with_what_somebody_should_know_of_them(plant):
    answer = await plant.engineer.post("/edge/imports", json={"files": [{"name": "points.csv", "text": TABLE}]})
    assert answer.status_code == 200, answer.text
    read = answer.json()
    assert [(point["name"], point["address"]) for point in read["points"]] == [
        ("speed", "holding:0"),
        ("level", "holding:1"),
    ]
    assert read["symbols"] == {"KWT": "kW"}
    assert [note["name"] for note in read["notes"]] == ["level"]


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [("points.txt", "x", "edge.import_unreadable"), ("points.csv", "what,ever\n1,2\n", "edge.import_unreadable"),
     ("model.json", '{"id": 1, "group": {}}', "edge.import_needs_device"),
     ("nodes.xml", '<!DOCTYPE x [<!ENTITY e "e">]><x>&e;</x>', "edge.import_unreadable")],
)  # fmt: skip
async def test_a_file_that_cannot_be_read_is_refused_with_its_reason(plant, name, text, code):
    answer = await plant.engineer.post("/edge/imports", json={"files": [{"name": name, "text": text}]})
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_file_whose_lines_stand_for_billions_is_refused_at_once(plant):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 12)]
    files = [{"name": "bomb.yaml", "text": "\n".join(lines)}]
    answer = await plant.engineer.post("/edge/imports", json={"files": files})
    assert (answer.status_code, answer.json()["code"]) == (400, "edge.import_unreadable")


async def test_two_files_of_one_name_are_refused_and_not_one_of_them_left_out(plant):
    files = [{"name": "model.json", "text": text} for text in ('{"id": 1, "group": {}}', '{"id": 2, "group": {}}')]
    answer = await plant.engineer.post("/edge/imports", json={"files": files})
    assert (answer.status_code, answer.json()["code"]) == (400, "edge.import_file_twice")


async def test_a_job_that_is_no_browse_has_found_nothing(plant):
    assert (await plant.engineer.post("/edge/devices", json=PRESS)).status_code == 201
    asked = {"tags": [f"{AREA}/press/speed"], "from": "-1h"}
    begun = await plant.engineer.post("/history/exports", json=asked)
    assert begun.is_success, begun.text
    body = {"files": [{"name": "model.json", "text": '{"id": 1, "group": {}}'}], "browse": begun.json()["job"]}
    answer = await plant.engineer.post("/edge/imports", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "edge.import_needs_browse")


async def test_files_are_bounded(plant):
    text = "x" * (LARGEST_BYTES // 2 + 1)
    files = [{"name": name, "text": text} for name in ("one.json", "two.json")]
    answer = await plant.engineer.post("/edge/imports", json={"files": files})
    assert (answer.status_code, answer.json()["code"]) == (413, "edge.import_files_large")


async def test_drivers_say_what_their_endpoints_and_options_look_like(plant):
    drivers = {each["name"]: each for each in (await plant.viewer.get("/edge/drivers")).json()["items"]}
    assert {"opcua", "modbus", "mqtt", "s7"} <= drivers.keys()
    assert (drivers["modbus"]["usual"], drivers["opcua"]["usual"]) == ("poll", "subscribe")
    options = {each["name"]: each for each in drivers["opcua"]["options"]}
    assert (options["mode"]["kind"], options["mode"]["choices"]) == ("choice", ["Sign", "SignAndEncrypt"])
    assert (options["keep_alive_seconds"]["kind"], options["keep_alive_seconds"]["minimum"]) == ("number", 0.5)


async def test_a_gateway_that_may_enrol_is_among_the_gateways_and_the_machines(plant):
    def invite(connection):
        made = create(
            connection, plant.minter, plant.identity.tenant, "east", kind="service", attributes={"template": "gateway"}
        )
        return invitations.create(connection, made, 60, "")

    plant.database.transact(invite)
    gateways = (await plant.viewer.get("/edge/gateways")).json()["items"]
    assert gateways == [{"name": "gateway", "devices": 0}, {"name": "east", "devices": 0}]
    (machine,) = (await plant.administrator.get("/access/enrolment/machines")).json()["items"]
    assert (machine["name"], machine["template"], machine["used"], machine["certified"]) == ("east", "gateway", "", "")
    assert machine["invited"] < machine["expires"]
    assert (await plant.engineer.get("/access/enrolment/machines")).status_code == 403


async def test_the_guard_is_shown_with_its_default_and_then_as_it_was_configured(plant):
    first = await plant.viewer.get("/edge/gateways/gateway/guard")
    view = first.json()
    assert (first.status_code, view["mode"], view["changed"], view["state"], view["proposed"]) == (
        200,
        "enforce",
        "",
        None,
        [],
    )
    assert "permit" in view["policy"]
    assert view["away"].isascii()  # no gateway runs here
    assert view["away"]
    chinese = (await plant.viewer.get("/edge/gateways/gateway/guard", headers={"accept-language": "zh"})).json()
    assert not chinese["away"].isascii()
    nowhere = await plant.viewer.get("/edge/gateways/nosuch/guard")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "access.principal_unknown")
    document = {"mode": "enforce", "policy": "", "reads": "closed"}
    assert (await plant.engineer.put("/edge/gateways/gateway/parts/guard", json=document)).status_code == 200
    second = await plant.viewer.get("/edge/gateways/gateway/guard")
    assert (second.json()["reads"], second.json()["policy"]) == ("closed", "")
    assert second.headers["etag"] == (await plant.engineer.get("/edge/gateways/gateway/parts/guard")).headers["etag"]


async def test_a_list_with_states_says_that_nothing_is_known_where_no_gateway_runs(plant):
    assert (await plant.engineer.post("/edge/devices", json=PRESS)).status_code == 201
    page = msgspec.json.decode((await plant.viewer.get("/edge/devices", params={"sort": "state"})).content)
    assert ([each["state"] for each in page["items"]], page["states"]) == (["unknown"], {"unknown": 1})
    for state, total in (("unknown", 1), ("lost", 0)):
        assert (await plant.viewer.get("/edge/devices", params={"state": state})).json()["total"] == total
