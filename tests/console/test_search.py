"""Ctrl-K: everywhere, by a few characters and without a mouse."""

import re

import pytest
from playwright.sync_api import expect

from .board import NAME
from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_few_characters_lead_to_a_page_a_device_and_a_tag(sit_down, language):
    desk = sit_down("olga", language)
    page, t = desk.page, desk.t
    desk.go("/")
    expect(desk.heading("overview.title")).to_be_visible()

    def go(words, title):
        page.keyboard.press("Control+k")
        field = page.get_by_role("combobox", name=t("search.prompt"))
        field.fill(words)
        option = page.get_by_role("listbox", name=t("search.hits")).get_by_role("option").filter(has_text=title).first
        expect(option).to_be_visible()
        while option.get_attribute("aria-selected") != "true":
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(field).to_be_hidden()

    go(t("trends.title")[:4], t("trends.title"))
    expect(desk.heading("trends.title")).to_be_visible()
    go("utili", "utilities")
    expect(page).to_have_url(re.compile("/devices/utilities$"))
    go("reactor pressure", "plant/XMEAS_07")
    expect(page).to_have_url(re.compile("/trends.tag=.*XMEAS_07"))
    handle = desk.house.call("GET", "edge/devices/stripper")["handle"]
    field = page.get_by_role("combobox", name=t("search.prompt"))
    page.keyboard.press("Control+k")
    field.fill(handle)
    field.press("Enter")  # before anybody can have answered: what was typed counts, not what stood there
    expect(page).to_have_url(re.compile("/devices/stripper$"))
    go("reactor", f"Reactor{t('search.dashboard')}")
    expect(page).to_have_url(re.compile(f"/dashboards/{NAME}$"))
    go("99.999/nobody", t("search.resolve", words="99.999/nobody"))
    expect(page).to_have_url(re.compile("/identifiers.id=99.999%2Fnobody$"))
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name=t("search.prompt")).fill("zzzz")
    expect(page.get_by_text(t("search.none", words="zzzz"))).to_be_visible()
