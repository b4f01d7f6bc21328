"""People: invited by a link, given other roles, shut out and let back in; and the tokens with which programs act for them."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from .house import PASSWORD, PRESSURE, SECONDS
from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")


def choose(desk, name, entry):
    """An entry of the menu at somebody's row."""
    row = desk.table("system.users").get_by_role("row").filter(has_text=name)
    row.get_by_role("button", name=desk.t("system.change"), exact=True).click()
    desk.page.get_by_role("menuitem", name=desk.t(entry)).click()
    return row


def chosen_also(desk, dialogue, label, option):
    """One more of a list in which several may be chosen."""
    dialogue.get_by_role("combobox", name=label).fill(option)
    desk.page.get_by_title(option, exact=True).click()
    # The list lies over the button below it until one clicks beside it.
    dialogue.locator(".ant-modal-title").click()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_person_comes_by_a_link_is_given_a_role_shut_out_and_let_back_in(sit_down, house, language):
    admin, guest = sit_down("ada", language), sit_down(language=language)
    t, name = admin.t, f"nina-{language}"
    admin.go("/system?tab=users")
    admin.button("system.new_person").click()
    dialogue = admin.page.get_by_role("dialog", name=t("system.new_person"))
    dialogue.get_by_label(t("system.name"), exact=True).fill(name)
    dialogue.get_by_role("button", name=t("system.make")).click()
    once = admin.page.get_by_role("dialog", name=t("once.link"))
    link = once.get_by_role("textbox", name=t("once.link")).input_value()
    once.get_by_role("button", name=t("once.close"), exact=True).last.click()
    row = admin.table("system.users").get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text(t("system.no_password"))

    # The link is whole: nobody has to put it together.
    guest.page.goto(link)
    guest.page.get_by_label(t("signin.new_password"), exact=True).fill(PASSWORD)
    guest.page.get_by_label(t("signin.again"), exact=True).fill(PASSWORD)
    guest.button("signin.begin").click()
    expect(guest.heading("overview.title")).to_be_visible()
    guest.go("/dashboards")
    expect(guest.heading("dashboards.title")).to_be_visible()
    expect(guest.button("dashboards.new")).to_have_count(0)

    choose(admin, name, "system.change_roles")
    dialogue = admin.page.get_by_role("dialog", name=t("system.roles_of", name=name))
    chosen_also(admin, dialogue, t("system.roles"), t("role.operator"))
    dialogue.get_by_role("button", name=t("system.save")).click()
    roles = f"{t('role.viewer')}, {t('role.operator')}"
    sure = admin.page.get_by_role("dialog").filter(has_text=t("role.sure", name=name, roles=roles))
    sure.get_by_role("button", name=t("system.save")).click()
    expect(row).to_contain_text(t("role.operator"))
    # What the server remembers of somebody is asked for anew after seconds.
    me = f"{house.address}/api/v1/access/session"
    house.box.until(lambda: "operator" in guest.context.request.get(me).json()["roles"], "the role is known")
    guest.page.reload()
    expect(guest.button("dashboards.new")).to_be_visible()

    choose(admin, name, "system.revoke")
    sure = admin.page.get_by_role("dialog").filter(has_text=t("system.revoke_sure", name=name))
    sure.get_by_role("button", name=t("system.revoke")).click()
    expect(row).to_contain_text(t("system.revoked"))
    expect(guest.page.get_by_text(t("signin.over"))).to_be_visible()
    expect(guest.button("signin.title")).to_be_visible()

    choose(admin, name, "system.reinstate")
    expect(row).not_to_contain_text(t("system.revoked"))
    guest.page.get_by_label(t("signin.name"), exact=True).fill(name)
    guest.page.get_by_label(t("signin.password"), exact=True).fill(PASSWORD)
    guest.button("signin.title").click()
    expect(guest.heading("dashboards.title")).to_be_visible()


def test_a_program_acts_by_a_token_until_it_is_ended(sit_down, house):
    desk = sit_down("olga", "zh")
    page, t = desk.page, desk.t
    desk.go("/system?tab=tokens")
    desk.button("system.new_token").click()
    dialogue = page.get_by_role("dialog", name=t("system.new_token"))
    dialogue.get_by_label(t("system.purpose"), exact=True).fill("夜间报表")
    chosen_also(desk, dialogue, t("system.scopes"), "history:read")
    dialogue.get_by_role("button", name=t("system.make")).click()
    token = dialogue.get_by_role("textbox", name=t("system.new_token")).input_value()
    dialogue.get_by_role("button", name=t("once.close"), exact=True).last.click()
    with httpx.Client(
        base_url=f"{house.address}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=SECONDS
    ) as program:
        values = program.get("history/latest", params={"tag": PRESSURE}).raise_for_status().json()["items"]
        assert [value["path"] for value in values] == [PRESSURE]
        assert program.get("edge/devices").status_code == 403
        row = page.get_by_role("row").filter(has_text="夜间报表")
        expect(row).to_contain_text("history:read")
        expect(row).to_contain_text(re.compile(r"\d{4}"))
        row.get_by_role("button", name=t("system.end")).click()
        page.get_by_role("tooltip").filter(has_text=t("system.token_sure")).get_by_role("button").last.click()
        expect(row).to_have_count(0)
        # Whoever was let in a moment ago is asked again after a second or two.
        house.box.until(
            lambda: program.get("history/latest", params={"tag": PRESSURE}).status_code == 401, "the token is refused"
        )
