"""Policies and approvals over HTTP: read, validate, change under an ETag, explain; the second person's whole way."""

import asyncio

import pytest

from lineshaft.access.messages import CreateToken
from lineshaft.access.model import Actor

ROOT = "/api/v1/access"
FORBID = 'forbid (principal in Role::"viewer", action == Action::"demo:read", resource);'


async def token(site, name, *scopes):
    actor = Actor(id=site.office.principal(name).id)
    made = await site.office.administration.create_token(
        CreateToken(actor=actor, name="", label="t", scopes=list(scopes), days=1)
    )
    return made.text


async def test_policies_are_listed_changed_under_their_etag_and_withdrawn(site):
    await site.office.first_administrator()
    async with site.local() as local:
        names = {item["name"]: item["origin"] for item in (await local.get(f"{ROOT}/policies")).json()["items"]}
        assert {"roles": "default", "limits": "default", "services": "default"}.items() <= names.items()
        made = await local.put(f"{ROOT}/policies/dark", json={"text": FORBID}, headers={"if-none-match": "*"})
        assert (made.status_code, made.json()["version"]) == (200, 1)
        again = await local.put(f"{ROOT}/policies/dark", json={"text": FORBID}, headers={"if-none-match": "*"})
        assert again.status_code == 412
        read = await local.get(f"{ROOT}/policies/dark")
        assert read.json()["text"] == FORBID
        uploads = [
            local.put(f"{ROOT}/policies/dark", json={"text": f"{FORBID} // {n}"}, headers={"if-match": read.headers["etag"]})
            for n in range(2)
        ]  # fmt: skip
        assert sorted(answer.status_code for answer in await asyncio.gather(*uploads)) == [200, 412]
        stale = await local.delete(f"{ROOT}/policies/dark", headers={"if-match": read.headers["etag"]})
        assert stale.status_code == 412
        assert (await local.delete(f"{ROOT}/policies/dark")).status_code == 204
        assert (await local.get(f"{ROOT}/policies/dark")).status_code == 404
        assert (await local.delete(f"{ROOT}/policies/roles")).status_code == 409
    assert [entry.facts["name"] for entry in await site.office.audit("access:set_policy")] == ["dark", "dark"]


async def test_a_text_that_does_not_validate_is_refused_with_its_line(site):
    await site.office.first_administrator()
    async with site.local() as local:
        wrong = {"text": FORBID + "\npermit (principal, action, resource) when { principal.size > 1 };"}
        for answer in (
            await local.put(f"{ROOT}/policies/dark", json=wrong),
            await local.post(f"{ROOT}/policies:check", json=wrong),
        ):
            assert (answer.status_code, answer.json()["code"]) == (400, "access.policy_invalid")
            assert answer.json()["facts"]["line"] == 2
        assert (await local.get(f"{ROOT}/policies/dark")).status_code == 404
        fine = await local.post(f"{ROOT}/policies:check", json={"name": "dark", "text": FORBID})
        assert fine.json() == {"policies": ["dark/1"]}


async def test_only_administrators_see_and_change_policies(site):
    await site.office.first_administrator()
    await site.office.person("bob", "engineer")
    async with site.program(await token(site, "bob", "access:self", "access:approve")) as bob:
        for answer in (
            await bob.get(f"{ROOT}/policies"),
            await bob.get(f"{ROOT}/policies/roles"),
            await bob.put(f"{ROOT}/policies/dark", json={"text": FORBID}),
            await bob.delete(f"{ROOT}/policies/dark"),
            await bob.post(f"{ROOT}/policies:check", json={"text": FORBID}),
            await bob.post(f"{ROOT}/policies:explain", json={"principal": "bob", "action": "demo:read"}),
        ):
            assert answer.status_code == 403
        assert (await bob.get(f"{ROOT}/approvals")).json() == {"items": []}


async def test_a_decision_is_explained(site):
    await site.office.first_administrator()
    async with site.local() as local:
        await local.put(f"{ROOT}/policies/dark", json={"text": '@reason("dark") ' + FORBID})
        told = (await local.post(f"{ROOT}/policies:explain", json={"principal": "ada", "action": "demo:read"})).json()
    fits = {one["policy"]: (one["fit"], one["decided"]) for one in told["policies"]}
    assert (told["allowed"], told["reason"]) == (False, "dark")
    assert fits["dark/1"] == ("holds", True)
    assert fits["roles/viewer"] == ("holds", False)
    assert fits["roles/engineer"] == ("action", False)
    assert fits["limits/tenant"] == ("condition", False)
    assert told["policies"][0]["text"].endswith(FORBID)


async def test_the_second_persons_way_over_http(site):
    await site.office.first_administrator()
    await site.office.person("bob", "administrator")
    text = """
    @obligation("approve:administrator")
    permit (principal in Role::"administrator", action == Action::"access:manage", resource)
    when { context has method && context.method == "PUT" };
    """
    async with site.local() as local:
        assert (await local.put(f"{ROOT}/policies/two", json={"text": text})).status_code == 200
    await site.office.person("eve", "viewer")
    ada_token = await token(site, "ada", "access:manage", "access:approve")
    async with site.program(ada_token) as ada, site.program(await token(site, "bob", "access:approve")) as bob:
        path, body = f"{ROOT}/principals/eve/roles", {"roles": ["operator"]}
        refused = await ada.put(path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "access.approval_required")
        approval = refused.json()["facts"]["approval"]
        listed = (await bob.get(f"{ROOT}/approvals")).json()["items"]
        assert [(one["id"], one["name"], one["resource"]) for one in listed] == [(approval, "ada", path)]
        assert (await ada.post(f"{ROOT}/approvals/{approval}/approve")).status_code == 403
        brought = {"x-approval": approval}
        assert (await ada.put(path, json=body, headers=brought)).json()["code"] == "access.approval_pending"
        assert (await bob.post(f"{ROOT}/approvals/{approval}/approve")).json()["state"] == "approved"
        other = await ada.put(path, json={"roles": ["administrator"]}, headers=brought)
        assert other.json()["code"] == "access.approval_void"
        done = await ada.put(path, json=body, headers=brought)
        assert (done.status_code, done.json()["roles"]) == (200, ["operator"])
        assert (await ada.put(path, json=body, headers=brought)).json()["code"] == "access.approval_void"
        assert (await bob.post(f"{ROOT}/approvals/{approval}/refuse")).status_code == 409


@pytest.mark.parametrize("method", ["get", "put", "delete"])
async def test_a_name_that_cannot_be_one_is_refused(site, method):
    await site.office.first_administrator()
    async with site.local() as local:
        body = {"json": {"text": FORBID}} if method == "put" else {}
        answer = await local.request(method, f"{ROOT}/policies/Dark!", **body)
        assert answer.status_code in (400, 404)


CASES = """
[[case]]
name = "a viewer sees the plant"
principal = { roles = ["viewer"] }
action = "demo:read"
expect = "allow"

[[case]]
name = "an operator controls it"
principal = { roles = ["operator"] }
action = "demo:control"
expect = "allow"
decided_by = ["roles/operator"]
"""


async def test_cases_are_tried_on_what_is_in_force_and_on_a_text_before_it_is(site):
    await site.office.first_administrator()
    async with site.local() as local:
        fine = (await local.post(f"{ROOT}/policies:test", json={"cases": CASES})).json()
        assert (fine["passed"], [item["passed"] for item in fine["items"]]) == (True, [True, True])
        tried = await local.post(f"{ROOT}/policies:test", json={"cases": CASES, "name": "dark", "text": FORBID})
        assert (tried.json()["passed"], [item["passed"] for item in tried.json()["items"]]) == (False, [False, True])
        assert tried.json()["items"][0]["reason"] == "forbidden by dark/1"
        assert (await local.get(f"{ROOT}/policies/dark")).status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"cases": "[[case]]\nname ="}, "access.policy_cases_text"),
        ({"cases": "case = " + "[" * 3000}, "access.policy_cases_text"),
        ({"cases": '{"case": ' + "[" * 3000}, "access.policy_cases_text"),
        ({"cases": '{"case": [{"action": "a"}]}'}, "access.policy_cases_text"),
        ({"cases": CASES, "name": "dark", "text": "permit (principal"}, "access.policy_invalid"),
    ],
)
async def test_cases_that_cannot_be_tried_are_refused(site, body, code):
    await site.office.first_administrator()
    async with site.local() as local:
        answer = await local.post(f"{ROOT}/policies:test", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text


async def test_a_text_is_compared_with_what_is_in_force_and_not_with_itself(site):
    await site.office.first_administrator()
    async with site.local() as local:
        changes = (await local.post(f"{ROOT}/policies:compare", json={"name": "dark", "text": FORBID})).json()["items"]
        assert {(item["who"], item["action"], item["before"], item["after"]) for item in changes} >= {
            ("viewer", "demo:read", "allow", "deny")
        }
        assert {item["action"] for item in changes} == {"demo:read"}
        await local.put(f"{ROOT}/policies/dark", json={"text": FORBID})
        same = await local.post(f"{ROOT}/policies:compare", json={"name": "dark", "text": FORBID})
        assert same.json() == {"items": []}
        back = (await local.post(f"{ROOT}/policies:compare", json={"name": "dark", "text": ""})).json()["items"]
        assert {(item["before"], item["after"]) for item in back} == {("deny", "allow")}


async def test_the_reason_of_a_change_stands_in_the_trail(site):
    await site.office.first_administrator()
    async with site.local() as local:
        await local.put(f"{ROOT}/policies/dark", json={"text": FORBID, "reason": " visitors today "})
        await local.put(f"{ROOT}/policies/dark", json={"text": f"{FORBID}\n"})
    with_reason, without = await site.office.audit("access:set_policy")
    reasons = {entry.facts.get("reason") for entry in (with_reason, without)}
    assert reasons == {"visitors today", None}
