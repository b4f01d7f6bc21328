"""Trends: choosing tags, moving in time, cursors, figures, and taking the data away."""

import re

import pytest
from playwright.sync_api import expect

from .house import PRESSURE
from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_trend_from_choosing_a_tag_to_the_file(sit_down, language):
    desk = sit_down("olga", language)
    page, t = desk.page, desk.t
    desk.go("/trends")
    expect(page.get_by_text(t("trends.none"))).to_be_visible()
    picker = page.get_by_role("combobox", name=t("trends.pick"))
    picker.fill("reactor pressure")
    page.get_by_title("plant/XMEAS_07").click()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("tag=.*XMEAS_07"))
    legend = page.get_by_role("row").filter(has_text="XMEAS_07")
    expect(legend.get_by_role("cell").nth(1)).to_have_text(re.compile(r"^[\d,.]+$"))
    page.get_by_role("radio", name=t("trends.last_5m"), exact=True).click()
    expect(page).to_have_url(re.compile("from=-5m"))
    expect(page.get_by_text(t("trends.raw"))).to_be_visible()
    # Mean and good share of the window are worked out by the server.
    expect(legend.get_by_role("cell").nth(10)).to_have_text(re.compile(r"^[\d.]+ %$"))

    chart = page.get_by_role("group", name=t("trends.chart"))
    chart.click(position={"x": 500, "y": 150})
    expect(page).to_have_url(re.compile(r"[?&]a=\d+"))
    chart.click(position={"x": 700, "y": 150}, modifiers=["Shift"])
    expect(page).to_have_url(re.compile(r"[?&]b=\d+"))
    expect(page.get_by_role("columnheader", name=re.compile(r"B − A \("))).to_be_visible()
    desk.button("trends.clear_cursors").click()
    expect(page).not_to_have_url(re.compile(r"[?&]a=\d+"))

    expect(page.get_by_text(t("trends.live"), exact=True)).to_be_visible()
    desk.button("trends.in").click()
    expect(page.get_by_text(t("trends.fixed"), exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"from=\d{4}-.*to=\d{4}-"))
    inside = page.url
    chart.focus()
    page.keyboard.press("-")
    expect(page).not_to_have_url(inside)

    page.get_by_role("button", name=t("trends.export")).click()
    with page.expect_download() as coming:
        page.get_by_role("link", name=t("trends.export_csv")).click()
    lines = coming.value.path().read_text().splitlines()
    assert lines[0].startswith("path,time")
    assert all(line.startswith(PRESSURE) for line in lines[1:])
