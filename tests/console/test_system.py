"""The installation itself: its services, its settings with their origin, one's sessions, what it is made of."""

import pytest
from playwright.sync_api import expect

from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")


@pytest.mark.parametrize("language", LANGUAGES)
def test_services_settings_sessions_and_licences_are_there(sit_down, language):
    desk = sit_down("ada", language)
    page, t = desk.page, desk.t
    desk.go("/system")
    for service in ("bus", "access", "history", "gateway", "web", "plant"):
        expect(page.get_by_role("row").filter(has_text=service).first).to_be_visible()
    desk.tab("system.settings").click()
    page.get_by_label(t("system.filter")).fill("session_rotation")
    row = desk.table("system.settings").get_by_role("row").filter(has_text="access.session_rotation_minutes")
    expect(row).to_contain_text("1440")
    # What is filtered for stands in the address.
    page.reload()
    expect(row).to_contain_text("1440")
    meaning = {"en": "cookie is replaced", "zh": "更换为新的"}[language]
    expect(row).to_contain_text(meaning)
    desk.tab("system.tokens").click()
    expect(page.get_by_text(t("system.this_session"))).to_be_visible()
    desk.tab("system.about").click()
    packages = desk.table("system.licence").get_by_role("row")
    expect(packages.filter(has_text="aiocoap")).to_contain_text("MIT")
    page.get_by_role("radio", name=t("system.part_console")).click()
    expect(packages.filter(has_text="@ant-design/icons").first).to_contain_text("MIT")


def test_an_operator_is_not_shown_the_settings(sit_down):
    desk = sit_down("olga")
    desk.go("/system?tab=settings")
    expect(desk.heading("system.title")).to_be_visible()
    expect(desk.tab("system.tokens")).to_be_visible()
    expect(desk.tab("system.settings")).to_have_count(0)
