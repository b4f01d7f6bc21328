"""Identifiers: what is behind a handle or a path of this installation."""

import re

import pytest
from playwright.sync_api import expect

from .house import PRESSURE
from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pasted_handle_leads_to_the_thing_its_value_and_its_trend(sit_down, house, language):
    desk = sit_down("olga", language)
    page, t = desk.page, desk.t
    (tag,) = house.call("GET", f"history/tags?search={PRESSURE}")["items"]
    desk.go("/identifiers")
    field = page.get_by_role("searchbox", name=t("identifiers.placeholder"))
    field.fill(tag["handle"])
    field.press("Enter")
    expect(page.get_by_text(PRESSURE, exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile(r"^[\d,.]+ kPa$"))).to_be_visible()
    expect(page).to_have_url(re.compile(r"/identifiers\?id="))
    page.reload()
    page.get_by_role("link", name=t("identifiers.to_trend")).click()
    expect(page).to_have_url(re.compile("/trends.tag=.*XMEAS_07"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_nobody_has_is_said_to_be_nothing(sit_down, language):
    desk = sit_down("olga", language)
    desk.go("/identifiers?id=acme/nothing/of/that/name")
    expect(desk.page.get_by_text(desk.t("identifiers.unknown", identifier="acme/nothing/of/that/name"))).to_be_visible()
