"""The plant at a glance."""

import re

import pytest
from playwright.sync_api import expect

from .house import MANY
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


@pytest.mark.usefixtures("many")
def test_ten_thousand_devices_are_counted_and_shown_level_by_level(sit_down):
    desk = sit_down("ada")
    page, t = desk.page, desk.t
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    desk.go("/")
    tree = page.get_by_role("tree", name=t("overview.plant"))
    flow = page.get_by_label(t("overview.flow"))
    hall = tree.get_by_role("treeitem").filter(has_text="acme / east / hall")
    expect(hall).to_contain_text("0/10,000")
    expect(page.get_by_text(t("attention.more", count=f"{MANY - 6:,}"))).to_be_visible()
    expect(flow.get_by_role("link", name=t("flow.more", count=f"{MANY + 5 - 8:,}"))).to_be_visible()
    hall.locator(".ant-tree-switcher").click()
    line = tree.get_by_role("treeitem").filter(has_text=re.compile(r"line-1 / cell"))
    line.locator(".ant-tree-switcher").click()
    expect(tree.get_by_role("link", name="press-00100")).to_be_visible()
    line.get_by_text("line-1 / cell").click()
    expect(page).to_have_url(re.compile(r"below=acme%2Feast%2Fhall%2Fline-1%2Fcell$"))
    expect(flow.get_by_role("link", name="press-00107", exact=True)).to_be_visible()
    flow.get_by_role("link", name=t("flow.more", count="92")).click()
    expect(page.get_by_text(t("devices.count", count="100"))).to_be_visible()
    # What a gateway says is asked of the few in view: of all of them it would be too much for one message.
    assert all("device=" in url for url in asked if "/edge/status" in url)
