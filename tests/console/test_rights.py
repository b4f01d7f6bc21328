"""Who may only look at one project sees that one: in the navigation, behind addresses, from the interface."""

import pytest
from playwright.sync_api import expect

from .house import PRESSURE
from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")
METER = "eastman/tennessee/north/hall/main/meter"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_viewer_sees_the_devices_of_their_project_and_nothing_to_change_them(sit_down, language):
    desk = sit_down("vera", language)
    page, t = desk.page, desk.t
    desk.go("/devices")
    table = desk.table("devices.title")
    expect(table.get_by_role("link")).to_have_text(["meter"])
    table.get_by_role("link", name="meter").click()
    expect(desk.table("device.points").get_by_role("row").nth(1)).to_be_visible()
    expect(page.get_by_role("button", name=t("device.write"))).to_have_count(0)
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name=t("search.prompt")).fill("e")
    hits = page.get_by_role("listbox", name=t("search.hits"))
    expect(hits.get_by_role("option").filter(has_text="meter").first).to_be_visible()
    expect(hits.get_by_role("option").filter(has_text="XMEAS_07")).to_have_count(0)
    expect(hits.get_by_role("option").filter(has_text="compressor")).to_have_count(0)


def test_addresses_of_others_things_show_nothing_of_them(sit_down):
    desk = sit_down("vera")
    page = desk.page
    desk.go("/devices/plant")
    expect(page.get_by_role("alert")).to_contain_text("there is no device")
    expect(page.get_by_text("Reactor")).to_have_count(0)
    desk.go(f"/trends?tag={PRESSURE}&from=-5m")
    expect(page.get_by_role("alert").first).to_be_visible()
    expect(page.get_by_text("Reactor pressure")).to_have_count(0)
    desk.go(f"/identifiers?id={PRESSURE}")
    expect(desk.heading("identifiers.title")).to_be_visible()
    expect(page.get_by_text("Reactor pressure")).to_have_count(0)
    for tab in ("principals", "policies", "audit", "exports"):
        desk.go(f"/security?tab={tab}")
        expect(desk.tab("security.approvals")).to_be_visible()
        expect(desk.tab(f"security.{tab}")).to_have_count(0)
        expect(page.get_by_text("olga")).to_have_count(0)
    desk.go("/system?tab=settings")
    expect(desk.tab("system.tokens")).to_be_visible()
    for tab in ("users", "settings", "backups"):
        expect(desk.tab(f"system.{tab}")).to_have_count(0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_that_one_may_not_use_is_neither_offered_nor_opened(sit_down, language):
    desk = sit_down("vera", language)

    def without_sql(route):
        session = route.fetch().json()
        session["actions"] = [action for action in session["actions"] if action != "history:read"]
        route.fulfill(json=session)

    desk.page.route("**/api/v1/access/session", without_sql)
    desk.go("/sql")
    expect(desk.page.get_by_role("alert")).to_contain_text(desk.t("frame.not_yours"))
    expect(desk.navigation().get_by_role("link", name=desk.t("devices.title"))).to_be_visible()
    expect(desk.navigation().get_by_role("link", name=desk.t("sql.title"))).to_have_count(0)
    desk.page.unroute_all(behavior="wait")


def test_the_interface_itself_gives_none_of_it(sit_down, house):
    desk = sit_down("vera")

    def status(route):
        return desk.context.request.get(f"{house.address}/api/v1/{route}").status

    assert status(f"history/raw?tag={METER}/XMEAS_19&from=-5m") == 200
    assert status("edge/devices/plant") == 404
    assert status(f"history/raw?tag={PRESSURE}&from=-5m") in (403, 404)
    for route in ("access/principals", "access/audit", "access/policies", "access/zones", "system/settings"):
        assert status(route) == 403, route
    listed = desk.context.request.get(f"{house.address}/api/v1/edge/devices").json()
    assert [device["name"] for device in listed["items"]] == ["meter"]
    assert listed["total"] == 1
