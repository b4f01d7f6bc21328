"""The plant at a glance."""

import re

import pytest
from playwright.sync_api import expect

from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_plant_is_live_and_leads_to_its_devices(sit_down, language):
    desk = sit_down("olga", language)
    desk.go("/")
    page, t = desk.page, desk.t
    expect(page.get_by_text(t("overview.well"), exact=True)).to_be_visible()
    expect(page.get_by_text(t("overview.services", well=6, total=6))).to_be_visible()
    expect(page.get_by_text(t("attention.none"))).to_be_visible()
    expect(desk.link_state()).to_have_text(t.like("link.live"))
    pressure = page.get_by_text(re.compile(r"^[\d,.]+ kPa$")).first
    expect(pressure).to_be_visible()
    before = pressure.inner_text()
    expect(pressure).not_to_have_text(before)
    tree = page.get_by_role("tree", name=t("overview.plant"))
    tree.get_by_role("link", name="utilities").click()
    expect(page).to_have_url(re.compile("/devices/utilities$"))
    expect(page.get_by_role("heading", level=1, name="utilities")).to_be_visible()


def test_a_part_of_the_plant_is_shown_alone(sit_down):
    desk = sit_down("ada")
    desk.go("/")
    flow = desk.page.get_by_role("application").or_(desk.page.get_by_label(desk.t("overview.flow"))).first
    expect(flow.get_by_role("link", name="plant", exact=True)).to_be_visible()
    desk.page.get_by_role("tree", name=desk.t("overview.plant")).get_by_text("north / hall / main").click()
    expect(flow.get_by_role("link", name="meter")).to_be_visible()
    expect(flow.get_by_role("link", name="plant", exact=True)).to_have_count(0)
