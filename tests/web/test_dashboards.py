"""Dashboards over HTTP and on the command line: who may see, change and share them, as texts in and out."""

import json

import httpx
import pytest

from lineshaft.web.dashboards import api
from lineshaft.web.dashboards.model import SCHEMA
from lineshaft.web.testing_installation import running_installation

ROOT = "/api/v1/dashboards"
WIDGET = {"id": "w1", "kind": "value", "place": {"x": 0, "y": 0, "w": 4, "h": 2}}


def body(name="line", comment="", **fields):
    return {"text": json.dumps({"schema": SCHEMA, "name": name, "title": name, **fields}), "comment": comment}


@pytest.fixture
async def house(tmp_path):
    """An installation with a client of each role."""
    async with running_installation(tmp_path) as running:
        clients = {}
        for name, role in {
            "vera": "viewer",
            "otto": "operator",
            "enno": "engineer",
            "otis": "operator",
            "ada": "administrator",
        }.items():
            token = running.token(running.person(name, role))
            clients[name] = httpx.AsyncClient(
                base_url=running.url, timeout=60, headers={"authorization": f"Bearer {token}"}
            )
        yield clients
        for client in clients.values():
            await client.aclose()


async def test_ones_own_is_there_for_nobody_else_until_it_is_shared(house):
    made = await house["otto"].post(ROOT, json=body())
    assert (made.status_code, made.json()["mine"], made.json()["may_share"]) == (201, True, True), made.text
    for name in ("vera", "enno", "otis", "ada"):
        assert (await house[name].get(f"{ROOT}/line")).json()["code"] == "web.dashboard_unknown"
        assert (await house[name].get(ROOT)).json()["items"] == []
    shared = await house["otto"].put(f"{ROOT}/line", json=body(shared=True))
    assert (shared.status_code, shared.json()["version"]) == (200, 2)
    seen = {name: (await client.get(f"{ROOT}/line")).json() for name, client in house.items()}
    may = {name: (view["may_edit"], view["may_share"]) for name, view in seen.items()}
    no, some = (False, False), (True, False)
    assert may == {"vera": no, "otto": (True, True), "enno": some, "otis": no, "ada": some}
    assert [row["name"] for row in (await house["vera"].get(ROOT)).json()["items"]] == ["line"]


async def test_a_viewer_changes_nothing_and_an_operator_only_what_is_their_own(house):
    await house["otto"].post(ROOT, json=body(shared=True))
    for name in ("vera", "otis"):
        for answer in (
            await house[name].put(f"{ROOT}/line", json=body(shared=True, title="mine")),
            await house[name].post(f"{ROOT}/line/versions/1/restore"),
            await house[name].delete(f"{ROOT}/line"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "access.denied"), name
    assert (await house["vera"].post(ROOT, json=body("hers"))).status_code == 403
    changed = await house["enno"].put(f"{ROOT}/line", json=body(shared=True, title="better", project="main"))
    assert (changed.status_code, changed.json()["title"]) == (200, "better"), changed.text
    hidden = await house["enno"].put(f"{ROOT}/line", json=body(shared=False, title="better"))
    assert (hidden.status_code, hidden.json()["code"]) == (403, "web.dashboard_foreign")


async def test_an_administrator_lists_and_deletes_what_others_keep_to_themselves_without_reading_it(house):
    await house["otto"].post(ROOT, json=body())
    everybodys = {"everybodys": "true"}
    for name in ("vera", "otis", "enno"):
        assert (await house[name].get(ROOT, params=everybodys)).json()["code"] == "access.denied"
    assert (await house["otis"].delete(f"{ROOT}/line")).status_code == 404
    (row,) = (await house["ada"].get(ROOT, params=everybodys)).json()["items"]
    assert (row["name"], row["owner"], row["mine"], "text" in row) == ("line", "otto", False, False)
    assert (await house["ada"].get(f"{ROOT}/line/versions")).status_code == 404
    assert (await house["ada"].delete(f"{ROOT}/line")).status_code == 204
    assert (await house["otto"].get(ROOT)).json()["items"] == []


async def test_who_was_judged_on_another_state_than_there_is_then_changes_nothing(house, monkeypatch):
    await house["otto"].post(ROOT, json=body(shared=True))
    admit = api._admit

    async def meanwhile(access, principal, stored):
        """The owner takes it back in the moment between the judgement and the change."""
        await admit(access, principal, stored)
        if principal.name == "enno":
            monkeypatch.setattr(api, "_admit", admit)
            saved = await house["otto"].put(f"{ROOT}/line", json=body(shared=True, title="other"))
            assert saved.status_code == 200, saved.text

    for change in (
        lambda: house["enno"].put(f"{ROOT}/line", json=body(shared=True, title="better")),
        lambda: house["enno"].post(f"{ROOT}/line/versions/1/restore"),
        lambda: house["enno"].delete(f"{ROOT}/line"),
    ):
        await house["otto"].put(f"{ROOT}/line", json=body(shared=True, title="before"))
        monkeypatch.setattr(api, "_admit", meanwhile)
        answer = await change()
        assert (answer.status_code, answer.json()["code"]) == (409, "web.dashboard_changed_meanwhile")
        assert (await house["otto"].get(f"{ROOT}/line")).json()["title"] == "other"


async def test_two_who_change_it_at_once_do_not_lose_one_anothers_change(house):
    etag = (await house["otto"].post(ROOT, json=body(shared=True))).headers["etag"]
    headers = {"if-match": etag}
    first = await house["enno"].put(f"{ROOT}/line", json=body(shared=True, title="first"), headers=headers)
    assert (first.status_code, first.headers["etag"] != etag) == (200, True)
    second = await house["otto"].put(f"{ROOT}/line", json=body(shared=True, title="second"), headers=headers)
    assert (second.status_code, second.json()["code"]) == (412, "core.changed_meanwhile")
    again = await house["otto"].post(f"{ROOT}/line/versions/1/restore", headers=headers)
    assert again.status_code == 412
    assert (await house["otto"].get(f"{ROOT}/line")).json()["title"] == "first"


async def test_versions_differences_and_the_way_back(house):
    await house["otto"].post(ROOT, json=body(comment="new"))
    await house["otto"].put(f"{ROOT}/line", json=body(comment="a value", widgets=[WIDGET]))
    listed = (await house["otto"].get(f"{ROOT}/line/versions", params={"limit": 1})).json()
    assert [(one["version"], one["author"], one["comment"]) for one in listed["items"]] == [(2, "otto", "a value")]
    rest = (await house["otto"].get(f"{ROOT}/line/versions", params={"cursor": listed["next"]})).json()
    assert ([one["version"] for one in rest["items"]], rest["next"]) == ([1], None)
    diff = (await house["otto"].get(f"{ROOT}/line/versions/2/diff")).json()
    assert [(one["change"], one["where"]) for one in diff["items"]] == [("added", "widgets")]
    back = (await house["otto"].post(f"{ROOT}/line/versions/1/restore")).json()
    assert (back["version"], "widgets" in json.loads(back["text"])) == (3, False)
    whole = (await house["otto"].get(f"{ROOT}/line/versions/3")).json()
    assert (whole["comment"], whole["text"]) == ("back to version 1", back["text"])
    assert (await house["otto"].delete(f"{ROOT}/line")).status_code == 204
    assert (await house["otto"].get(f"{ROOT}/line/versions")).status_code == 404


async def test_a_wrong_text_is_refused_with_every_fault_at_its_field(house):
    wrong = body(widgets=[WIDGET | {"kind": "clock"}, WIDGET | {"id": "B"}])
    answer = await house["otto"].post(ROOT, json=wrong, headers={"accept-language": "zh"})
    assert (answer.status_code, answer.json()["code"]) == (400, "web.dashboard_invalid")
    assert [fault["field"] for fault in answer.json()["facts"]["faults"]] == ["widgets[0].kind", "widgets[1].id"]
    assert (await house["otto"].get(ROOT)).json()["items"] == []
    await house["otto"].post(ROOT, json=body())
    other = await house["otto"].put(f"{ROOT}/line", json=body("other"))
    assert (other.status_code, other.json()["code"]) == (400, "web.dashboard_renamed")
    taken = await house["enno"].post(ROOT, json=body())
    assert (taken.status_code, taken.json()["code"]) == (409, "web.dashboard_exists")
    comment = await house["otto"].put(f"{ROOT}/line", json=body(comment="\u0007"))
    assert (comment.status_code, comment.json()["code"]) == (400, "web.dashboard_comment_invalid")
