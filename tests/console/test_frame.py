"""The frame: what holds for every page, wherever one is."""

import re

import pytest
from playwright.sync_api import expect

from .house import PASSWORD, PRESSURE

pytestmark = pytest.mark.peer("chromium")
CLOCK = re.compile(r"(\d\d):\d\d:\d\d")


def hour_of(text):
    return int(CLOCK.search(text)[1])


def shown_in_utc(desk, shown):
    """Switch the zone, eight hours to the west of it; what stood there follows, and comes back."""
    before = shown.inner_text()
    clock = desk.page.locator("button.clock")
    clock.click()
    expect(shown).not_to_have_text(before)
    assert hour_of(shown.inner_text()) == (hour_of(before) - 8) % 24
    clock.click()
    expect(shown).to_have_text(before)


def test_the_zone_holds_for_what_stands_on_the_page_already(sit_down):
    desk = sit_down("ada")
    desk.go("/security?tab=audit&action=access:create_principal")
    rows = desk.table("security.audit").get_by_role("row").filter(has_text="access:create_principal")
    shown_in_utc(desk, rows.last.get_by_role("button"))
    desk.go(f"/trends?tag={PRESSURE}&from=2026-01-05T12:00:00Z&to=2026-01-05T13:00:00Z")
    shown_in_utc(desk, desk.page.get_by_text(re.compile(r"^\d\d/\d\d/\d{4}.* … ")).first)


def test_what_was_typed_outlives_the_session(sit_down):
    desk = sit_down("ada", "zh")
    page, t = desk.page, desk.t
    desk.go("/devices/@add")
    name = page.get_by_label(t("devices.name"))
    name.fill("press-9")
    desk.leave()
    # As when one comes back to the window.
    page.evaluate("dispatchEvent(new Event('focus'))")
    again = page.get_by_role("dialog").filter(has_text=t("signin.over"))
    again.get_by_label(t("signin.password"), exact=True).fill(PASSWORD)
    again.get_by_role("button", name=t("signin.title")).click()
    expect(again).to_have_count(0)
    expect(name).to_have_value("press-9")
