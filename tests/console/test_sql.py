"""SQL: a statement over chosen tags, its result as a table, and what is wrong where something is."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_statement_is_written_run_and_answered(sit_down, language):
    desk = sit_down("olga", language)
    page, t = desk.page, desk.t
    desk.go("/sql?tag=*/XMEAS_07&from=-1h")
    statement = page.get_by_role("textbox", name=t("sql.statement"))
    statement.fill("SELECT count(*) AS many, max(value) AS highest FROM samples")
    statement.press("Control+Enter")
    expect(page.get_by_text(t.like("sql.answered"))).to_be_visible()
    result = page.get_by_role("table", name=t("sql.result"))
    expect(result.get_by_role("columnheader", name="highest")).to_be_visible()
    expect(result.get_by_role("cell").last).to_have_text(re.compile(r"^2,\d\d\d"))
    expect(page).to_have_url(re.compile("sql=SELECT"))
    statement.fill("SELECT nothing FROM samples")
    page.get_by_role("button", name=t("sql.run")).click()
    expect(page.get_by_role("alert")).to_contain_text("nothing")


def test_a_refusal_says_what_to_do_in_the_readers_language(sit_down):
    desk = sit_down("olga", "zh")
    desk.go(f"/sql?tag=*/XMEAS_07&from=-1h&sql={quote('DROP TABLE samples')}")
    desk.button("sql.run").click()
    alert = desk.page.get_by_role("alert")
    expect(alert).to_contain_text("history.sql_refused")
    expect(alert).to_contain_text("只能是对视图 samples、tags、rollup_1h 的一条 SELECT")


def test_a_link_is_read_then_run_drawn_sorted_and_taken_away(sit_down):
    desk = sit_down("otto", "zh")
    page, t = desk.page, desk.t
    asked = quote("SELECT tag, ts, value FROM samples WHERE good")
    desk.go(f"/sql?tag=*/XMEAS_07&tag=*/XMEAS_09&from=-15m&view=chart&sql={asked}")
    expect(page.get_by_text(t("sql.sent_hint"))).to_be_visible()
    expect(page.get_by_text(t.like("sql.answered"))).to_have_count(0)
    desk.button("sql.run").click()
    expect(page.get_by_role("img", name=t("sql.chart_label", name="ts")).locator("canvas")).to_be_visible()
    page.get_by_role("radio", name=t("sql.table")).click()
    page.get_by_role("columnheader", name="value").get_by_role("button").click()
    expect(page).to_have_url(re.compile("sort=value"))
    # What one has run oneself runs at once when its link is opened again, and is shown as it was left.
    page.reload()
    heading = page.get_by_role("columnheader", name="value")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    desk.button("download.take").click()
    with page.expect_download() as coming:
        page.get_by_role("menuitem", name=t("sql.export_parquet")).click()
    assert Path(coming.value.path()).read_bytes()[:4] == b"PAR1"
