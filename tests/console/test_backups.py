"""Backups of the running installation, and long work that somebody stops."""

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
    desk.page.get_by_role("link", name=t("job.done")).click()
    expect(desk.table("system.jobs").get_by_role("row").nth(1)).to_contain_text(t("job.done"))
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
    row.get_by_role("button", name=t("system.cancel"), exact=True).click()
    page.get_by_role("tooltip").filter(has_text=t("system.cancel_sure")).get_by_role("button").last.click()
    expect(row).to_contain_text(t("job.cancelled"))
    expect(row.get_by_role("button")).to_have_count(0)
