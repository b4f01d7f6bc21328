"""Policies: written, tried, compared, put into force and withdrawn; what takes two; why a decision is as it is."""

import re

import pytest
from playwright.sync_api import expect

from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")
WRONG = '@id("quiet")\nforbid (\n  principle,\n  action == Action::"demo:control",\n  resource\n);\n'
RIGHT = WRONG.replace("principle", 'principal in Role::"operator"')
CASE = (
    '[[case]]\nname = "{name}"\nprincipal = {{ roles = ["operator"] }}\naction = "demo:control"\nexpect = "{expect}"\n'
)
TWO = """@id("two")
@obligation("approve:operator")
permit (principal in Role::"operator", action == Action::"demo:control", resource);
"""


def is_kept(house, name):
    return name in [policy["name"] for policy in house.call("GET", "access/policies")["items"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_policy_is_corrected_tried_compared_put_into_force_and_withdrawn(sit_down, house, language):
    desk = sit_down("ada", language)
    page, t, name = desk.page, desk.t, f"quiet-{language}"
    desk.go("/security?tab=policies")
    desk.button("policy.make").click()
    page.get_by_label(t("policy.name"), exact=True).fill(name)
    page.get_by_role("button", name=t("policy.begin"), exact=True).click()
    text = page.get_by_role("textbox", name=t("security.policy_text"))
    text.fill(WRONG)
    desk.button("security.policy_check").click()
    expect(page.locator(".editor .fault")).to_have_text("3")
    expect(page.get_by_role("alert").first).to_contain_text("principle")
    text.fill(RIGHT)
    desk.button("security.policy_check").click()
    expect(page.get_by_text(t("policy.ids", ids=f"{name}/quiet"))).to_be_visible()
    expect(page.locator(".editor .fault")).to_have_count(0)

    page.get_by_role("radio", name=t("policy.tests")).click()
    cases = [CASE.format(name="denied now", expect="deny"), CASE.format(name="still allowed", expect="allow")]
    page.get_by_role("textbox", name=t("trial.cases")).fill("\n".join(cases))
    desk.button("trial.run").click()
    expect(page.get_by_text(t("trial.some_failed", failed=1, count=2))).to_be_visible()
    failed = page.get_by_role("row").filter(has_text="still allowed")
    expect(failed).to_contain_text(t("trial.expected", expected="allow", got="deny"))
    page.get_by_role("radio", name=t("policy.difference")).click()
    expect(page.get_by_label(t("policy.difference"), exact=True).locator(".added").first).to_be_visible()
    changed = page.get_by_role("row").filter(has_text="demo:control").filter(has_text="operator").first
    expect(changed).to_contain_text(t("ruling.deny"))
    assert not is_kept(house, name)

    desk.button("policy.force").click()
    dialogue = page.get_by_role("dialog", name=t("policy.force_title", name=name))
    force = dialogue.get_by_role("button", name=t("policy.force"))
    force.click()
    expect(dialogue.get_by_text(t("signin.required"))).to_be_visible()
    dialogue.get_by_label(t("security.reason"), exact=True).fill("the plant is being inspected")
    force.click()
    expect(dialogue).to_be_hidden()
    assert is_kept(house, name)

    desk.go("/security?tab=decision&who=olga&action=demo:control")
    expect(page.get_by_text(t.like("decision.denied", who="olga", action="demo:control"))).to_be_visible()
    expect(page.get_by_text(t("decision.by", policies=f"{name}/quiet"))).to_be_visible()

    desk.go(f"/security?tab=policies&policy={name}")
    desk.button("policy.withdraw").click()
    sure = page.get_by_role("tooltip").filter(has_text=t("policy.withdraw_sure", name=name))
    sure.get_by_role("button").last.click()
    expect(page).not_to_have_url(re.compile(f"policy={name}"))
    expect(desk.button("policy.withdraw")).to_have_count(0)
    assert not is_kept(house, name)


@pytest.fixture
def shared(house):
    """A policy that two people change."""
    house.call("PUT", "access/policies/shared", {"text": RIGHT, "reason": "for a trial"})
    yield "shared"
    house.call("DELETE", "access/policies/shared")


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_is_overtaken_is_told_and_keeps_the_text(sit_down, house, shared, language):
    desk = sit_down("ada", language)
    page, t, mine = desk.page, desk.t, RIGHT.replace("operator", "viewer")
    desk.go(f"/security?tab=policies&policy={shared}")
    text = page.get_by_role("textbox", name=t("security.policy_text"))
    text.fill(mine)
    # Leaving asks first.
    desk.tab("security.zones").click()
    leave = page.get_by_role("dialog").filter(has_text=t("unsaved.text"))
    leave.get_by_role("button", name=t("unsaved.stay")).click()
    expect(leave).to_be_hidden()

    theirs = RIGHT.replace("operator", "engineer")
    house.call("PUT", f"access/policies/{shared}", {"text": theirs, "reason": "was quicker"})
    desk.button("policy.force").click()
    dialogue = page.get_by_role("dialog", name=t("policy.force_title", name=shared))
    dialogue.get_by_label(t("security.reason"), exact=True).fill("mine")
    dialogue.get_by_role("button", name=t("policy.force")).click()
    expect(dialogue.get_by_role("alert")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text(t("policy.overtaken", name=shared))).to_be_visible()
    expect(text).to_have_value(mine)
    desk.button("policy.keep").click()
    expect(page.get_by_text(t("policy.overtaken", name=shared))).to_have_count(0)
    # The view is in the address: what differs now is theirs from mine.
    page.get_by_role("radio", name=t("policy.difference")).click()
    expect(page).to_have_url(re.compile("view=difference"))
    expect(page.get_by_label(t("policy.difference"), exact=True).locator(".gone")).to_contain_text("engineer")


def test_why_somebody_may_is_asked_for_and_answered(sit_down):
    desk = sit_down("ada", "zh")
    page, t = desk.page, desk.t
    desk.go("/security?tab=decision")
    page.get_by_label(t("decision.who"), exact=True).fill("vera")
    action = page.get_by_label(t("decision.action"), exact=True)
    action.fill("edge:read")
    page.get_by_title("edge:read", exact=True).click()
    desk.button("decision.ask").click()
    expect(page.get_by_text(t("decision.by", policies="roles/viewer"))).to_be_visible()
    expect(page.get_by_text(t.like("decision.allowed", who="vera", action="edge:read"))).to_be_visible()


@pytest.fixture
def two_control(house):
    """While it is in force, an operator controls the demonstration only with another one."""
    house.call("PUT", "access/policies/two-control", {"text": TWO, "reason": "for a trial"})
    yield
    house.call("DELETE", "access/policies/two-control")


@pytest.mark.usefixtures("two_control")
def test_what_takes_two_waits_is_approved_and_counts_once(sit_down, house):
    olga, otto = sit_down("olga"), sit_down("otto", "zh")
    session = olga.context.request.get(f"{house.address}/api/v1/access/session").json()

    def calm(approval=""):
        headers = {"X-CSRF-Token": session["csrf"], **({"X-Approval": approval} if approval else {})}
        return olga.context.request.post(f"{house.address}/api/v1/demo/calm", data={}, headers=headers)

    # The server goes by a new policy within seconds; until then it asks nobody.
    house.box.until(lambda: "approval" in calm().json().get("facts", {}), "the policy is in force")
    approval = calm().json()["facts"]["approval"]
    olga.go("/security?tab=approvals")
    own = olga.table("security.approvals").get_by_role("row").filter(has_text="demo:control")
    expect(own).to_contain_text(olga.t("approval.yours"))
    expect(own.get_by_role("button")).to_have_count(0)
    otto.go("/security?tab=approvals")
    row = otto.table("security.approvals").get_by_role("row").filter(has_text="demo:control")
    expect(row).to_contain_text("olga")
    row.get_by_role("button", name=otto.t("approval.approve")).click()
    sure = otto.page.get_by_role("tooltip").filter(has_text="demo:control")
    sure.get_by_role("button").last.click()
    expect(row).to_have_count(0)
    assert calm(approval).ok
    assert not calm(approval).ok
