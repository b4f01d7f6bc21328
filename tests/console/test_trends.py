"""Trends: choosing tags, moving in time, cursors, figures, and taking the data away."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .house import PRESSURE
from .words import LANGUAGES

NUMBER = re.compile(r"^[\d,.]+$")
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
    expect(legend.get_by_role("cell").nth(1)).to_have_text(NUMBER)
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

    expect(page.get_by_role("main").get_by_text(t("trends.live"), exact=True)).to_be_visible()
    desk.button("trends.in").click()
    expect(page.get_by_text(t("trends.fixed"), exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"from=\d{4}-.*to=\d{4}-"))
    inside = page.url
    chart.focus()
    page.keyboard.press("-")
    expect(page).not_to_have_url(inside)

    desk.button("download.take").click()
    with page.expect_download() as coming:
        page.get_by_role("menuitem", name=t("trends.export_csv")).click()
    lines = coming.value.path().read_text().splitlines()
    assert lines[0].startswith("path,time")
    assert all(line.startswith(PRESSURE) for line in lines[1:])


def test_a_long_window_is_asked_for_by_intervals_and_taken_away_as_drawn(sit_down):
    desk = sit_down("olga", "zh")
    page, t = desk.page, desk.t
    with page.expect_request(lambda request: "/history/processed" in request.url) as asked:
        desk.go(f"/trends?tag={PRESSURE}&from=-30d")
    assert "interval=7200s" in asked.value.url
    expect(page.get_by_text(t.like("trends.step", step="2 h"))).to_be_visible()
    expect(page.get_by_text(t("trends.key_band"))).to_be_visible()
    desk.button("download.take").click()
    with page.expect_download() as coming:
        page.get_by_role("menuitem", name=t("trends.export_drawn_parquet")).click()
    assert Path(coming.value.path()).read_bytes()[:4] == b"PAR1"


def test_keys_and_touch_set_the_cursors(sit_down):
    desk = sit_down("olga", has_touch=True)
    page, t = desk.page, desk.t
    desk.go(f"/trends?tag={PRESSURE}&from=-5m")
    chart = page.get_by_role("group", name=t("trends.chart"))
    chart.focus()
    page.keyboard.press("a")
    expect(page).to_have_url(re.compile(r"[?&]a=\d+"))
    page.get_by_role("radio", name="B", exact=True).click()
    chart.tap(position={"x": 700, "y": 150})
    expect(page).to_have_url(re.compile(r"[?&]b=\d+"))
    expect(page.get_by_role("columnheader", name=re.compile(r"B − A \("))).to_be_visible()


def test_a_refused_export_says_why_in_the_readers_language(sit_down):
    desk = sit_down("olga", "zh")
    page, t = desk.page, desk.t
    desk.go(f"/trends?tag={PRESSURE}&from=-5m")
    refusal = {"title": "现在不行", "hint": "请稍后再试。", "status": 429, "code": "history.busy"}
    page.route("**/api/v1/history/raw?*format=csv*", lambda route: route.fulfill(status=429, json=refusal))
    desk.button("download.take").click()
    with page.expect_request(lambda request: "format=csv" in request.url) as asked:
        page.get_by_role("menuitem", name=t("trends.export_csv")).click()
    assert asked.value.header_value("accept-language") == "zh"
    expect(page.get_by_text("请稍后再试。")).to_be_visible()


def test_what_a_lost_connection_missed_is_asked_for(sit_down):
    desk = sit_down("olga")
    page, t = desk.page, desk.t
    connections = []

    def connect(route):
        route.connect_to_server()
        connections.append(route)

    page.route_web_socket(re.compile("/api/v1/live"), connect)
    desk.go(f"/trends?tag={PRESSURE}&from=-5m")
    expect(page.get_by_text(t("trends.raw"))).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="XMEAS_07").get_by_role("cell").nth(1)).to_have_text(NUMBER)
    with page.expect_request(lambda request: "/history/raw" in request.url):
        connections[-1].close()
    expect(page.get_by_text(t("trends.raw"))).to_be_visible()
