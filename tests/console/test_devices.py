"""Devices: four or ten thousand; one of them with its live points."""

import re

import pytest
from playwright.sync_api import expect

from .house import MANY
from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")
DEEP = 500
"""Rows that are far below what is loaded at first."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_devices_are_searched_filtered_sorted_and_opened(sit_down, language):
    desk = sit_down("olga", language)
    page, t = desk.page, desk.t
    desk.go("/devices")
    table = desk.table("devices.title")
    for name in ("compressor", "plant", "stripper", "utilities"):
        row = table.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
        expect(row.get_by_text(t("state.connected"))).to_be_visible()
    heading = table.get_by_role("columnheader", name=t("devices.points"))
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    expect(table.get_by_role("link").first).to_have_text("compressor")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(table.get_by_role("link").first).to_have_text("plant")
    expect(page).to_have_url(re.compile(r"sort=points&descending=true"))
    page.get_by_role("combobox", name=t("devices.driver")).click()
    page.get_by_title("modbus", exact=True).click()
    expect(table.get_by_role("link")).to_have_text(["utilities"])
    page.get_by_role("searchbox", name=t("devices.search")).fill("no such thing")
    expect(page.get_by_text(t("devices.none_found"))).to_be_visible()
    page.get_by_role("searchbox", name=t("devices.search")).fill("util")
    expect(table.get_by_role("link")).to_have_text(["utilities"])
    table.get_by_role("link", name="utilities").click()
    expect(page.get_by_role("heading", level=1, name="utilities")).to_be_visible()
    page.go_back()
    expect(table.get_by_role("link")).to_have_text(["utilities"])
    # Who chooses the page anew wants all devices: the field's words are gone, and do not come back by themselves.
    desk.navigation().get_by_role("link", name=t("devices.title")).click()
    expect(table.get_by_role("link", name="compressor", exact=True)).to_be_visible()
    page.wait_for_timeout(500)
    expect(page.get_by_role("searchbox", name=t("devices.search"))).to_have_value("")
    expect(page).to_have_url(re.compile(r"/devices$"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_device_shows_its_points_live_with_quality_and_age(sit_down, language):
    desk = sit_down("olga", language)
    page, t = desk.page, desk.t
    desk.go("/devices/plant")
    page.get_by_label(t("device.filter")).fill("reactor pressure")
    row = desk.table("device.points").get_by_role("row").filter(has_text="XMEAS_07")
    value = row.get_by_text(re.compile(r"^[\d,.]+ kPa$"))
    expect(value).to_be_visible()
    expect(row.get_by_text({"en": "good", "zh": "良好"}[language])).to_be_visible()
    expect(row.get_by_text(re.compile(r"^\d+(\.\d)? s$"))).to_be_visible()
    before = value.inner_text()
    expect(value).not_to_have_text(before)
    desk.tab("device.groups").click()
    expect(page.get_by_role("cell", name="main")).to_be_visible()
    desk.tab("device.gaps").click()
    expect(page.get_by_role("tabpanel").get_by_text(re.compile(".+")).first).to_be_visible()


@pytest.mark.usefixtures("many")
def test_ten_thousand_devices_scroll_search_and_sort_without_being_on_the_page(sit_down, house):
    desk = sit_down("ada")
    page = desk.page
    desk.go("/devices?sort=path")
    table = desk.table("devices.title")
    expect(page.get_by_text(desk.t("devices.count", count="10,005"))).to_be_visible()
    expect(table).to_have_attribute("aria-rowcount", str(MANY + 5 + 1))
    expect(table.get_by_role("link", name="press-00000")).to_be_visible()
    assert table.get_by_role("row").count() < 100
    last = table.get_by_role("row").last
    # Each time the end is reached more is asked for, which may take a while to come.
    house.box.until(
        lambda: table.press("End") or int(last.get_attribute("aria-rowindex")) > DEEP, "the table goes on and on"
    )
    assert table.get_by_role("row").count() < 100
    heading = table.get_by_role("columnheader", name=desk.t("devices.name"))
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(table.get_by_role("link").first).to_have_text("utilities")
    page.get_by_role("searchbox", name=desk.t("devices.search")).fill("press-0999")
    expect(table.get_by_role("link")).to_have_text([f"press-0999{number}" for number in range(9, -1, -1)])
