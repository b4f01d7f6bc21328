"""A member of one project walks every operation of the interface and finds nothing of another project's.

Every operation is in exactly one of the groups below; a new one that is in none fails the walk.
"""

import asyncio
import json

import httpx
import msgspec
import pytest
import websockets
from sqlalchemy import insert

from lineshaft.access.labels import datasets
from lineshaft.access.labels.book import LabelBook
from lineshaft.access.labels.model import Label, Subject
from lineshaft.access.policy import approvals
from lineshaft.access.vault import Vault
from lineshaft.bus.telemetry import encode
from lineshaft.core import clock
from lineshaft.core.ids import HandleMinter
from lineshaft.core.jobs import Job
from lineshaft.edge.commands.store import COMMAND
from lineshaft.history.testing import samples
from lineshaft.records import JobRecords
from lineshaft.web.dashboards.model import SCHEMA, Dashboard
from lineshaft.web.dashboards.store import Dashboards
from lineshaft.web.testing_installation import AREA, running_installation

PATH = f"{AREA}/north-press/p"
LABEL = {"domain": "production", "grade_2020": 2, "grade_2022": "general", "purpose": "test", "owner": "us",
         "retention_days": None, "export": "allowed"}  # fmt: skip
DEVICE = {"path": f"{AREA}/north-press", "driver": "opcua", "endpoint": "opc.tcp://127.0.0.1:1", "options": {"secret": "north-key"},
          "points": [{"name": "p", "address": "ns=2;s=P"}]}  # fmt: skip
HELD = {"kind": "tag", "object": PATH, "reason": "test"}
FILE_KEY = {"key": "k", "wrapped": "AAAA"}

OBJECTS = {
    ("get", "/api/v1/edge/devices/{name}"): {},
    ("get", "/api/v1/edge/devices/{name}/points"): {},
    ("put", "/api/v1/edge/devices/{name}"): {"json": DEVICE},
    ("post", "/api/v1/edge/browse"): {"json": {"name": "north-press"}},
    ("post", "/api/v1/edge/test"): {"json": {"name": "north-press"}},
    ("get", "/api/v1/edge/browse/{job_id}"): {},
    ("get", "/api/v1/system/jobs/{job_id}"): {},
    ("post", "/api/v1/system/jobs/{job_id}/cancel"): {},
    ("get", "/api/v1/history/latest"): {"params": {"tag": PATH}},
    ("get", "/api/v1/history/raw"): {"params": {"tag": PATH, "from": "-1h"}},
    ("get", "/api/v1/history/processed"): {"params": {"tag": PATH, "from": "-1h"}},
    ("get", "/api/v1/history/at"): {"params": {"tag": PATH, "time": "-1m"}},
    ("get", "/api/v1/history/windows"): {"params": {"tag": PATH, "event": "-1m"}},
    ("get", "/api/v1/history/corrections"): {"params": {"tag": PATH}},
    ("post", "/api/v1/history/corrections"): {"json": {"reason": "test", "items": [{"path": PATH, "time": "-1h", "value": 1.0}]}},
    ("post", "/api/v1/history/sql"): {"json": {"sql": "select 1", "from": "-1h", "tags": [PATH]}},
    ("post", "/api/v1/history/import"): {"params": {"file": "0" * 32, "seq": 1}, "content": encode(samples([(1, 1, 0.5)]))},
    ("post", "/api/v1/history/exports"): {"json": {"tags": [PATH], "from": "-1h"}},
    ("get", "/api/v1/history/imports/{import_job}/faults"): {},
    ("get", "/api/v1/history/exports/{export}"): {},
    ("get", "/api/v1/history/exports/{export}/state"): {},
    ("delete", "/api/v1/history/exports/{export}"): {},
    ("get", "/api/v1/access/labels/show"): {"params": {"object": PATH}},
    ("put", "/api/v1/access/labels"): {"json": {"kind": "tag", "object": PATH, "reason": "test", **LABEL}},
    ("post", "/api/v1/access/labels/withdraw"): {"json": HELD},
    ("post", "/api/v1/access/labels/propose"): {"json": {"objects": [{"path": PATH}], "owner": "us"}},
    ("post", "/api/v1/access/labels/decide"): {"json": {"kind": "tag", "objects": [PATH], "confirm": False}},
    ("post", "/api/v1/access/labels/lineage"): {"json": {"kind": "tag", "object": PATH, "source_kind": "tag",
                                                         "sources": [PATH], "rule": None}},
    ("post", "/api/v1/access/datasets/{name}/file-keys"): {"name": "north-set"},
    ("post", "/api/v1/access/datasets/{name}/file-keys/open"): {"name": "north-set", "json": FILE_KEY},
    ("get", "/api/v1/access/approvals/{approval}"): {},
    ("post", "/api/v1/access/approvals/{approval}/refuse"): {},
    ("post", "/api/v1/access/approvals/{approval}/approve"): {},
    ("post", "/api/v1/edge/devices/{name}/lease"): {"json": {"seconds": 60}},
    ("delete", "/api/v1/edge/devices/{name}/lease"): {},
    ("post", "/api/v1/edge/commands"): {"json": {"tag": PATH, "value": 1.0, "reason": "test"}},
    ("get", "/api/v1/edge/commands/{command}"): {},
    ("post", "/api/v1/edge/commands/{command}/approve"): {},
    ("post", "/api/v1/edge/commands/{command}/refuse"): {"json": {"reason": "test"}},
    ("post", "/api/v1/edge/commands/{command}/cancel"): {},
    ("delete", "/api/v1/edge/devices/{name}"): {},
    ("get", "/api/v1/dashboards/{dashboard}"): {},
    ("put", "/api/v1/dashboards/{dashboard}"): {"json": {"text": "{}"}},
    ("get", "/api/v1/dashboards/{dashboard}/versions"): {},
    ("get", "/api/v1/dashboards/{dashboard}/versions/{version}"): {},
    ("get", "/api/v1/dashboards/{dashboard}/versions/{version}/diff"): {"params": {"against": 0}},
    ("post", "/api/v1/dashboards/{dashboard}/versions/{version}/restore"): {},
    ("delete", "/api/v1/dashboards/{dashboard}"): {},
}  # fmt: skip
"""Operations that name an object of a project, with what makes them name north's. The last ones end it."""

LISTS = {
    "/api/v1/edge/devices", "/api/v1/edge/commands", "/api/v1/history/tags", "/api/v1/system/jobs", "/api/v1/access/labels",
    "/api/v1/access/labels/proposals", "/api/v1/access/labels/catalogue", "/api/v1/access/labels/declassifications",
    "/api/v1/access/labels/approvals", "/api/v1/access/datasets", "/api/v1/access/holds", "/api/v1/access/leaks",
    "/api/v1/access/approvals", "/api/v1/access/projects", "/api/v1/history/gaps", "/api/v1/history/status",
    "/api/v1/edge/status", "/api/v1/edge/levels", "/api/v1/system/status", "/api/v1/edge/secrets", "/api/v1/dashboards",
}  # fmt: skip
"""What is read as a whole: nothing of another project is in it."""

MAIN = {"/metrics", "/api/v1/history/seal", "/api/v1/history/verify", "/api/v1/history/stats"}
MAIN |= {"/api/v1/resolution/nodes"}
MAIN |= {"/api/v1/history/compact", "/api/v1/history/rollup", "/api/v1/edge/gateways"}
MAIN_BELOW = (
    "/api/v1/edge/certificates",
    "/api/v1/edge/profiles/",
    "/api/v1/edge/gateways/",
    "/api/v1/demo/",
)
"""What is the installation's: it is there for members of `main`."""

OWN = {
    "/api/v1/access/session", "/api/v1/access/password", "/api/v1/access/roles", "/api/v1/access/tokens",
    "/api/v1/access/tokens/{token}", "/api/v1/access/passkeys:options", "/api/v1/access/passkeys",
    "/api/v1/access/passkeys/{passkey}", "/api/v1/access/oidc/link", "/api/v1/access/identities",
    "/api/v1/access/identities/{identity_id}", "/api/v1/access/sessions", "/api/v1/access/sessions/{session}",
    "/api/v1/edge/drivers", "/api/v1/edge/imports", "/api/v1/system/quality/{code}", "/api/v1/resolution/resolve",
    "/api/v1/system/licences",
}  # fmt: skip
"""What is about the caller, or about nobody's object."""

NEW = {
    ("post", "/api/v1/edge/devices"), ("post", "/api/v1/edge/rehearse"), ("post", "/api/v1/access/datasets"), ("post", "/api/v1/access/leaks"),
    ("post", "/api/v1/access/leaks/{leak}/steps"), ("post", "/api/v1/history/imports"),
    ("delete", "/api/v1/history/uploads/{upload}"), ("post", "/api/v1/dashboards"),
    ("put", "/api/v1/edge/secrets/{name}"), ("delete", "/api/v1/edge/secrets/{name}"),
}  # fmt: skip
"""What makes an object, in a project of the caller's; and leak notices, which are the whole tenant's."""

SHARED = {("get", "/api/v1/edge/profiles"), ("get", "/api/v1/edge/profiles/{profile}")}
"""What everybody of the tenant reads and members of `main` change."""

PUBLIC = {"/healthz", "/readyz", "/api/openapi.json"}


@pytest.fixture
async def plant(tmp_path):
    """Two projects with a device, a dataset, a label, a job and an approval each; and a member of each."""
    async with running_installation(tmp_path) as running:
        running.vault = Vault(running.home, running.database)
        running.ids = {}
        for name in ("north", "south"):
            running.project(name)
            person = running.person(f"{name}-mara", "engineer", projects=[name])
            running.ids[name] = await furnish(running, name, person)
            setattr(running, name, client(running, person))
        yield running
        await asyncio.gather(running.north.aclose(), running.south.aclose())


def client(running, person):
    return httpx.AsyncClient(
        base_url=running.url, timeout=30, headers={"authorization": f"Bearer {running.token(person)}"}
    )


async def furnish(running, project, person):
    """One object of each kind; their ids by the name of a path's parameter."""
    device = f"{project}-press"
    await running.device(device, project=project)
    tenant, book = running.identity.tenant, LabelBook(running.identity.tenant)
    made = running.database.transact(
        datasets.create, tenant, running.vault, f"{project}-set", place=f"{project} shelf", author=person.id,
        project=project,
    )  # fmt: skip
    for kind, path in (("tag", f"{AREA}/{device}/p"), ("dataset", made.name)):
        running.database.transact(
            book.put, Subject(kind, path), Label(**LABEL), author=person.id, state="confirmed",
            reason=f"{project} label",
        )  # fmt: skip
    now = clock.now_us()
    job = Job(id=f"JOB{project}", kind="edge.browse", title=f"browse {device}", owner=person.id, project=project,
              runner="nobody", created=now, updated=now)  # fmt: skip
    await JobRecords(running.database).add(job)
    export = msgspec.structs.replace(job, id=f"EXPORT{project}", kind="history.export", title=f"export {device}")
    await JobRecords(running.database).add(export)
    taken = msgspec.structs.replace(job, id=f"IMPORT{project}", kind="history.import", title=f"import {device}")
    await JobRecords(running.database).add(taken)
    asker = running.person(f"{project}-asker", "engineer", projects=[project])
    wish = approvals.Wish(principal=asker, action="edge:configure", resource=device, input="", role="engineer")
    approval, _ = running.database.transact(approvals.ask, tenant, wish)
    command = {
        "id": f"COMMAND{project}", "tenant": tenant, "device": device, "point": "p", "gateway": "gateway", "value": b"1.0",
        "reason": project, "principal": person.id, "name": person.name, "asker": b"{}", "decision": "",
        "classification": "", "approver": "", "approver_name": "", "state": "requested", "settled": True,
        "created": now, "expires": now, "expiry_seconds": 1.0, "result": b"{}", "project": project,
    }  # fmt: skip
    running.database.transact(lambda connection: connection.execute(insert(COMMAND).values(command)))
    board = Dashboard(schema=SCHEMA, name=f"{project}-board", title=project, project=project, shared=True)
    await Dashboards(running.database, tenant, HandleMinter("99.1")).create(person, board, "")
    return {
        "dashboard": board.name, "version": "1", "name": device, "job_id": job.id, "export": export.id, "import_job": taken.id, "approval": approval.id,
        "command": command["id"],
    }  # fmt: skip


def operations(description):
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            if path not in PUBLIC and operation.get("security") != []:
                yield method, path, operation


def filled(path, parameters):
    for part in path.split("/"):
        if part.startswith("{"):
            path = path.replace(part, parameters.get(part[1:-1], "anything"))
    return path


async def ask_for_object(whose, ids, method, path):
    how = dict(OBJECTS[method, path])
    url = filled(path, {**ids, **{key: how.pop(key) for key in ("name",) if key in how}})
    return await whose.request(method, url, **how)


async def test_nothing_of_another_project_is_there(plant):
    description = (await plant.south.get("/api/openapi.json")).json()
    walked = set()
    for method, path, _ in operations(description):
        where = (method, path)
        if where in OBJECTS:
            answer = await ask_for_object(plant.south, plant.ids["north"], method, path)
            assert answer.status_code == 404, (*where, answer.status_code, answer.text)
        elif method == "get" and path in LISTS:
            answer = await plant.south.get(path)
            assert answer.status_code in (200, 503), (*where, answer.text)
            assert "north" not in answer.text, where
        elif where not in SHARED and (path in MAIN or path.startswith(MAIN_BELOW)):
            answer = await plant.south.request(method, filled(path, plant.ids["north"]), json={})
            assert (answer.status_code, answer.json()["code"]) == (404, "web.route_unknown"), (*where, answer.text)
        elif path not in OWN and where not in NEW | SHARED:
            # What is left is an administrator's, who is in every project: whatever it names, the role is what lacks.
            answer = await plant.south.request(method, filled(path, plant.ids["north"]), json={})
            assert (answer.status_code, answer.json()["code"]) == (403, "access.denied"), (*where, answer.text)
        walked.add(where)
    assert walked >= {*OBJECTS, *NEW}
    assert len(walked) > 80


async def test_a_member_finds_it(plant):
    for method, path in OBJECTS:
        answer = await ask_for_object(plant.north, plant.ids["north"], method, path)
        assert answer.status_code != 404, (method, path, answer.text)
    for path in LISTS - {"/api/v1/edge/status", "/api/v1/history/status", "/api/v1/history/gaps"}:
        assert (await plant.north.get(path)).status_code == 200, path


async def test_lists_hold_what_is_the_callers(plant):
    everything = client(plant, plant.person("ada", "administrator"))
    async with everything:
        for path in ("/api/v1/edge/devices", "/api/v1/history/tags", "/api/v1/system/jobs", "/api/v1/access/labels",
                     "/api/v1/access/datasets", "/api/v1/access/approvals", "/api/v1/access/projects"):  # fmt: skip
            mine, all_of_them = (await plant.south.get(path)).text, (await everything.get(path)).text
            assert ("south" in mine, "north" in mine) == (True, False), path
            assert "south" in all_of_them, path
            assert "north" in all_of_them, path


# -- members come and go ------------------------------------------------------------------------------------------------


FELT_SECONDS = 30.0


async def until(holds):
    async with asyncio.timeout(FELT_SECONDS):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)


@pytest.fixture
async def ada(plant):
    async with client(plant, plant.person("ada", "administrator")) as administrator:
        yield administrator


def token_of(whose):
    return whose.headers["authorization"]


async def test_a_membership_that_ends_is_felt_in_requests_and_on_open_sockets(plant, ada):
    url = plant.url.replace("http", "ws", 1) + "/api/v1/live"
    socket = websockets.connect(
        url, additional_headers={"Authorization": token_of(plant.north)}, proxy=None, open_timeout=60
    )
    async with socket as live:
        await live.send(json.dumps({"subscribe": [PATH, f"{AREA}/south-press/p"]}))
        told = await next_with(live, "subscribed")
        assert (told["subscribed"], [one["path"] for one in told["refused"]]) == (1, [f"{AREA}/south-press/p"])
        answer = await ada.delete("/api/v1/access/projects/north/members/north-mara")
        assert answer.json()["projects"] == []
        async with asyncio.timeout(FELT_SECONDS):
            told = await next_with(live, "subscribed")
        assert (told["subscribed"], told["refused"][0]["path"]) == (0, PATH)

    async def gone():
        return (await plant.north.get("/api/v1/edge/devices/north-press")).status_code == 404

    await until(gone)
    assert (await plant.north.get("/api/v1/history/tags")).json()["items"] == []


async def next_with(live, key):
    while key not in (message := json.loads(await live.recv())):
        pass
    return message


async def test_who_is_given_a_project_is_in_that_one_only(plant, ada):
    await plant.device("press")
    bob = plant.person("bob", "viewer")
    async with client(plant, bob) as his:
        assert names(await his.get("/api/v1/edge/devices")) == ["press"]
        assert (await ada.put("/api/v1/access/projects/north/members/bob")).json()["projects"] == ["north"]

        async def moved():
            return names(await his.get("/api/v1/edge/devices")) == ["north-press"]

        await until(moved)
        assert (await ada.put("/api/v1/access/projects/main/members/bob")).json()["projects"] == ["main", "north"]
        assert (await ada.get("/api/v1/access/projects/north/members")).json()["items"] == [
            "bob", "north-asker", "north-mara",
        ]  # fmt: skip
    entries = (await ada.get("/api/v1/access/audit")).json()["items"]
    added = [entry["facts"]["project"] for entry in entries if entry["action"] == "access:add_member"]
    assert added == ["main", "north"]


def names(answer):
    return [item["name"] for item in answer.json()["items"]]


async def test_pages_of_a_filtered_list_are_full(plant):
    for number in range(5):
        await plant.device(f"a{number}", project="north")
        await plant.device(f"b{number}", project="south")
    seen, params = [], {"limit": 2}
    while True:
        page = (await plant.south.get("/api/v1/edge/devices", params=params)).json()
        seen.append([item["name"] for item in page["items"]])
        if page["next"] is None:
            break
        params["cursor"] = page["next"]
    assert seen == [["b0", "b1"], ["b2", "b3"], ["b4", "south-press"], []]


async def test_a_device_takes_its_tags_along_to_another_project(plant, ada):
    answer = await ada.put("/api/v1/edge/devices/north-press", json={**DEVICE, "options": {"secret": "other-key"},
                                                                     "project": "south"})  # fmt: skip
    assert answer.status_code == 200, answer.text
    assert (await plant.south.get("/api/v1/history/latest", params={"tag": PATH})).status_code != 404
    assert (await plant.north.get("/api/v1/history/latest", params={"tag": PATH})).status_code == 404
    # Somebody of one project cannot move a device to another, nor take over the tags that a removed one left.
    refused = await plant.south.put("/api/v1/edge/devices/south-press", json={**DEVICE, "project": "north"})
    assert (refused.status_code, refused.json()["code"]) == (404, "access.project_unknown")
    assert (await plant.south.delete("/api/v1/edge/devices/north-press")).status_code == 204
    taken = await plant.north.post("/api/v1/edge/devices", json={"name": "new", **DEVICE})
    assert (taken.status_code, taken.json()["code"]) == (409, "history.tag_of_another_project")


async def test_credentials_serve_one_project(plant):
    body = {**DEVICE, "path": f"{AREA}/spy", "name": "spy", "endpoint": "opc.tcp://127.0.0.1:2"}
    answer = await plant.south.post("/api/v1/edge/devices", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "edge.secret_of_another_project")


async def test_credentials_of_another_project_are_not_tried_out_either(plant):
    spy = {**DEVICE, "path": f"{AREA}/spy", "endpoint": "opc.tcp://127.0.0.1:2"}
    for name in ("spy", "north-press"):  # under the name of the device that has them as well
        for verb in ("test", "browse"):
            answer = await plant.south.post(f"/api/v1/edge/{verb}", json={"device": {**spy, "name": name}})
            assert (answer.status_code, answer.json()["code"]) == (409, "edge.secret_of_another_project"), verb
    snmp = {"name": "spy", "path": f"{AREA}/spy", "driver": "snmp", "endpoint": "snmp://127.0.0.1:2", "points": [],
            "options": {"secret": "south-key", "privacy_secret": "north-key"},
            "groups": [{"name": "main", "mode": "poll", "period_ms": 1000}]}  # fmt: skip
    answer = await plant.south.post("/api/v1/edge/devices", json=snmp)
    assert (answer.status_code, answer.json()["code"]) == (409, "edge.secret_of_another_project"), answer.text


async def test_credentials_of_the_gateways_own_parts_are_mains(plant, ada):
    document = {"endpoint": "mqtts://127.0.0.1:1", "group_id": "g", "edge_node_id": "n", "secret": "broker"}
    assert (await ada.put("/api/v1/edge/gateways/gateway/parts/sparkplug_node", json=document)).status_code == 200
    spy = {**DEVICE, "name": "spy", "path": f"{AREA}/spy", "options": {"secret": "broker"}}
    answer = await plant.south.post("/api/v1/edge/devices", json=spy)
    assert (answer.status_code, answer.json()["code"]) == (409, "edge.secret_of_another_project")


async def test_an_expression_reads_its_own_project(plant):
    spy = {"name": "spy", "path": f"{AREA}/spy", "driver": "calculated", "endpoint": "calculated:",
           "points": [{"name": "p", "address": 'tag("north-press/p") * 2'}]}  # fmt: skip
    answer = await plant.south.post("/api/v1/edge/devices", json=spy)
    assert (answer.status_code, answer.json()["code"]) == (409, "edge.input_of_another_project"), answer.text
    interlock = {"name": "p", "address": "ns=2;s=P", "access": "read-write",
                 "write": {"interlock": 'tag("north-press/p") > 1'}}  # fmt: skip
    valve = {
        **DEVICE,
        "name": "valve",
        "path": f"{AREA}/valve",
        "options": {"secret": "south-key"},
        "points": [interlock],
    }
    answer = await plant.south.post("/api/v1/edge/devices", json=valve)
    assert (answer.status_code, answer.json()["code"]) == (409, "edge.input_of_another_project"), answer.text
    # Nor one that is named before it is there.
    spy["points"][0]["address"] = 'tag("later/p") * 2'
    assert (await plant.south.post("/api/v1/edge/devices", json=spy)).status_code == 201
    later = {**DEVICE, "name": "later", "path": f"{AREA}/later"}
    answer = await plant.north.post("/api/v1/edge/devices", json=later)
    assert (answer.status_code, answer.json()["code"]) == (409, "edge.input_of_another_project"), answer.text


async def test_going_back_takes_every_project_that_it_changes(plant, ada):
    mona = client(plant, plant.person("mona", "engineer", projects=["main"]))
    async with mona:
        assert (await plant.north.delete("/api/v1/edge/devices/north-press")).status_code == 204
        back = await mona.post("/api/v1/edge/gateways/gateway/configurations/2/restore")
        assert back.status_code in (403, 404), back.text
        assert (await plant.north.get("/api/v1/edge/devices/north-press")).status_code == 404
    assert (await ada.post("/api/v1/edge/gateways/gateway/configurations/2/restore")).status_code == 200
    assert (await plant.north.get("/api/v1/edge/devices/north-press")).status_code == 200


async def test_what_is_made_is_in_the_makers_project(plant, ada):
    body = {**DEVICE, "path": f"{AREA}/new", "name": "new", "options": {"secret": "south-key"}}
    assert (await plant.south.post("/api/v1/edge/devices", json=body)).status_code == 201
    assert (await plant.south.post("/api/v1/access/datasets", json={"name": "new-set"})).json()["project"] == "south"
    shown = {item["name"]: item["project"] for item in (await ada.get("/api/v1/edge/devices")).json()["items"]}
    assert shown == {"new": "south", "north-press": "north", "south-press": "south"}
    foreign = await plant.south.post("/api/v1/edge/devices", json={**body, "name": "x", "project": "north"})
    assert (foreign.status_code, foreign.json()["code"]) == (404, "access.project_unknown")
    elsewhere = {**body, "name": "x", "path": f"{AREA}/x", "project": "nowhere"}
    unknown = await ada.post("/api/v1/edge/devices", json=elsewhere)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "access.project_unknown")


async def test_a_project_goes_only_when_it_is_empty(plant, ada):
    for left, code in (("devices", "access.project_not_empty"), ("datasets", "access.project_not_empty"),
                       ("members", "access.project_has_members")):  # fmt: skip
        answer = await ada.delete("/api/v1/access/projects/south")
        assert (answer.status_code, answer.json()["code"]) == (409, code), left
        assert left in answer.text
        if left == "devices":
            assert (await ada.delete("/api/v1/edge/devices/south-press")).status_code == 204
        elif left == "datasets":
            assert (await ada.post("/api/v1/access/datasets/south-set/erase", json={"reason": "x"})).status_code == 200
        else:
            for name in ("south-mara", "south-asker"):
                await ada.delete(f"/api/v1/access/projects/south/members/{name}")
    assert (await ada.delete("/api/v1/access/projects/south")).status_code == 204
    again = await ada.post("/api/v1/access/projects", json={"name": "south"})
    assert (again.status_code, again.json()["code"]) == (409, "access.project_exists")
    kept = await ada.delete("/api/v1/access/projects/main")
    assert (kept.status_code, kept.json()["code"]) == (409, "access.project_main")
