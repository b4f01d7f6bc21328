"""Dashboards: made of a few tags, shared, and seen by others as they are."""

import re

import pytest
from playwright.sync_api import expect

from .board import NAME
from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_dashboard_is_made_of_tags_and_lives(sit_down, language):
    desk = sit_down("otto", language)
    page, t = desk.page, desk.t
    desk.go("/dashboards")
    page.get_by_role("button", name=t("dashboards.new")).click()
    dialogue = page.get_by_role("dialog", name=t("dashboards.new"))
    title = dialogue.get_by_role("textbox", name=t("dashboards.field.title"))
    title.fill(f"Pressure {language}")
    dialogue.get_by_role("combobox", name=t("trends.pick")).fill("reactor pressure")
    page.get_by_title("plant/XMEAS_07").click()
    title.click()
    dialogue.get_by_role("button", name=t("dashboards.make")).click()
    expect(page).to_have_url(re.compile(f"/dashboards/pressure-{language}"))
    expect(page.get_by_text(re.compile(r"^[\d,.]+ kPa$")).first).to_be_visible()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_shared_dashboard_is_there_for_others_with_live_values(sit_down, language):
    desk = sit_down("olga", language)
    desk.go("/dashboards")
    desk.table("dashboards.title").get_by_role("link", name="Reactor").click()
    expect(desk.page).to_have_url(re.compile(f"/dashboards/{NAME}$"))
    value = desk.page.get_by_text(re.compile(r"^[\d,.]+ kPa$")).first
    expect(value).to_be_visible()
    before = value.inner_text()
    expect(value).not_to_have_text(before)
