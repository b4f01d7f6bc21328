"""Backups of the running installation, and long work that somebody stops."""

import re
import socket

import pytest
from playwright.sync_api import expect

from .house import PLANT, SECONDS
from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_backup_is_made_listed_and_removed(sit_down, house, language):
    desk = sit_down("ada", language)
    page, t = desk.page, desk.t
    desk.go("/system?tab=backups")
    rows = desk.table("system.backups").get_by_role("row").filter(has_text=t("system.by_hand"))
    expect(page.get_by_text(t("system.no_backups"))).to_be_visible()
    desk.button("system.back_up").click()
    expect(rows).to_have_count(1)
    name = rows.get_by_role("code").inner_text()
    folder = house.call("GET", "system/backups")["folder"]
    # The command for another machine names the file that is there now.
    expect(page.get_by_text(f"lineshaft restore {folder}/{name} --home")).to_be_visible()
    expect(page.get_by_text(t("job.done"), exact=True)).to_be_visible()
    page.get_by_role("link", name=t("system.to_job")).click()
    # The job says what came of it.
    expect(page.get_by_role("dialog").get_by_text(name, exact=True)).to_be_visible()
    page.go_back()
    rows.get_by_role("button", name=t("system.remove")).click()
    sure = page.get_by_role("tooltip").filter(has_text=t("system.remove_sure", name=name))
    sure.get_by_role("button").last.click()
    expect(page.get_by_text(t("system.no_backups"))).to_be_visible()
    assert house.call("GET", "system/backups")["items"] == []


@pytest.fixture
def silence():
    """An address where somebody takes calls and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"opc.tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_long_work_is_stopped(sit_down, house, silence, language):
    desk = sit_down("ada", language)
    page, t = desk.page, desk.t
    device = {
        "name": f"mute-{language}", "path": f"{PLANT}/mute-{language}", "driver": "opcua", "endpoint": silence,
        "options": {"secret": "plant", "timeout_seconds": 2 * SECONDS},
    }  # fmt: skip
    house.call("POST", "edge/browse", {"device": device})
    desk.go("/system?tab=jobs")
    row = desk.table("system.jobs").get_by_role("row").filter(has_text=f"mute-{language}")
    row.get_by_role("button", name=t("job.cancel"), exact=True).click()
    page.get_by_role("tooltip").filter(has_text=t("job.cancel_sure")).get_by_role("button").last.click()
    expect(row).to_contain_text(t("job.cancelled"))
    expect(row.get_by_role("button", name=t("job.cancel"), exact=True)).to_have_count(0)


@pytest.mark.parametrize(("language", "title"), [("en", "browse gone-en"), ("zh", "浏览设备 gone-zh")])
def test_a_job_that_fails_says_why_and_what_to_do(sit_down, house, language, title):
    desk = sit_down("ada", language)
    page, t = desk.page, desk.t
    device = {
        "name": f"gone-{language}", "path": f"{PLANT}/gone-{language}", "driver": "opcua",
        "endpoint": "opc.tcp://127.0.0.1:1", "options": {"secret": "plant", "timeout_seconds": 2},
    }  # fmt: skip
    house.call("POST", "edge/browse", {"device": device})
    desk.go("/system?tab=jobs")
    row = desk.table("system.jobs").get_by_role("row").filter(has_text=title)
    expect(row).to_contain_text(t("job.failed"))
    job = next(one for one in house.call("GET", "system/jobs")["items"] if one["title"] == f"browse gone-{language}")
    own = {"Accept-Language": language}
    told = desk.context.request.get(f"{house.address}/api/v1/system/jobs/{job['id']}", headers=own).json()["error"]
    expect(row).to_contain_text(told["message"])
    row.get_by_role("button", name=title).click()
    alert = page.get_by_role("dialog", name=title).get_by_role("alert")
    expect(alert).to_contain_text(told["message"])
    expect(alert).to_contain_text(told["hint"])
    expect(page).to_have_url(re.compile(f"job={job['id']}"))
