"""A gateway's guard: the policy in force, how it works, and what learning would add."""

import re

import pytest
from playwright.sync_api import expect

from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")
PAGE = "/devices/@gateways/gateway"
RULE = '@id("learned-{number}")\npermit (principal, action, resource == Device::"press-{number}");\n'


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_policy_in_force_is_shown_and_a_mode_is_not_changed_by_mistake(sit_down, house, language):
    desk = sit_down("ada", language)
    page, t = desk.page, desk.t
    before = house.call("GET", "edge/gateways/gateway/guard")
    desk.go("/devices/@gateways")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="gateway", exact=True))
    expect(row).to_contain_text(t("gateways.of_box"))
    expect(row).to_contain_text(t("gateways.running"))
    row.get_by_role("link", name=t("guard.title")).click()
    expect(page.get_by_role("heading", level=1, name=t("guard.of", gateway="gateway"))).to_be_visible()
    expect(page.get_by_role("radio", name=t("guard_mode.enforce"))).to_be_checked()
    expect(page.get_by_text(t("guard_mode_means.enforce"))).to_be_visible()
    expect(page.get_by_label(t("guard.policy"), exact=True)).to_have_text(before["policy"])
    expect(page.get_by_text(t("guard.nothing_enforced"))).to_be_visible()
    page.get_by_role("radio", name=t("guard_mode.learn")).click()
    sure = page.get_by_role("dialog").filter(has_text=t("guard.mode_sure", mode=t("guard_mode.learn")))
    expect(sure.get_by_text(t("guard_mode_means.learn"))).to_be_visible()
    sure.get_by_role("button", name=t("command.back")).click()
    expect(sure).to_have_count(0)
    expect(page.get_by_role("radio", name=t("guard_mode.enforce"))).to_be_checked()
    assert house.call("GET", "edge/gateways/gateway/guard")["mode"] == before["mode"]


def test_what_was_learned_is_shown_as_a_change_of_the_policy_and_chosen_rule_by_rule(sit_down):
    desk = sit_down("ada", "zh")
    page, t = desk.page, desk.t

    def with_rules(route):
        # The demonstration's guard never looks on: two rules as learning proposes them are put into its answer.
        answer = route.fetch()
        rules = [{"id": f"learned-{number}", "text": RULE.format(number=number)} for number in (1, 2)]
        route.fulfill(response=answer, json={**answer.json(), "mode": "learn", "proposed": rules})

    page.route("**/api/v1/edge/gateways/gateway/guard", with_rules)
    desk.go(PAGE)
    added = page.get_by_label(t("guard.diff"), exact=True).locator(".added")
    expect(added.filter(has_text="press-1")).to_have_text(re.compile(r"^\+ permit"))
    expect(added.filter(has_text="press-2")).to_be_visible()
    page.get_by_role("checkbox", name="learned-2").uncheck()
    expect(added.filter(has_text="press-2")).to_have_count(0)
    expect(added.filter(has_text="press-1")).to_be_visible()
    desk.button("guard.accept", count=1).click()
    expect(page.get_by_text(t("guard.accept_sure", count=1))).to_be_visible()
    page.keyboard.press("Escape")
    # Pages that still ask while the test ends would meet a route whose page is gone.
    page.unroute_all(behavior="wait")
