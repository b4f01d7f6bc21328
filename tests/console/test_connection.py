"""When the connection is lost: everybody sees it, nothing old looks new, and it comes back by itself."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.peer("chromium")
PRESSURE = re.compile(r"^[\d,.]+ kPa$")
NOTE_WHAT_IS_SHOWN = """([link, value]) => {
  window.shown = [];
  const note = () => window.shown.push([link.innerText, value.title]);
  new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
}"""


def watch_pressure(desk):
    desk.go("/devices/plant")
    desk.page.get_by_label(desk.t("device.filter")).fill("XMEAS_07")
    row = desk.table("device.points").get_by_role("row").filter(has_text="XMEAS_07")
    value = row.get_by_text(PRESSURE)
    expect(value).to_be_visible()
    expect(value).not_to_have_attribute("title", desk.t("value.old"))
    return value


def expect_lost(desk, value):
    """The time of the data is told, and the value says that it is old."""
    expect(desk.link_state()).to_have_text(re.compile(desk.t.like("link.lost").pattern + "$"))
    expect(desk.link_state()).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    expect(value).to_have_attribute("title", desk.t("value.old"))
    expect(value).to_be_visible()


def expect_back(desk, value):
    expect(desk.link_state()).to_have_text(desk.t.like("link.live"))
    expect(value).not_to_have_attribute("title", desk.t("value.old"))
    before = value.inner_text()
    expect(value).not_to_have_text(before)


def test_without_a_network_values_are_marked_old_and_come_back(sit_down):
    desk = sit_down("olga", "zh")
    value = watch_pressure(desk)
    desk.context.set_offline(True)
    expect_lost(desk, value)
    desk.context.set_offline(False)
    expect_back(desk, value)


def test_a_restart_of_the_server_under_an_open_page_is_survived(sit_down, house):
    desk = sit_down("olga")
    value = watch_pressure(desk)
    # The server may be back before one has looked: the page itself notes what it shows meanwhile.
    desk.page.evaluate(NOTE_WHAT_IS_SHOWN, [desk.link_state().element_handle(), value.element_handle()])
    house.box.kill("web")
    expect_back(desk, value)
    lost = re.compile(desk.t.like("link.lost").pattern + "$")
    shown = desk.page.evaluate("shown")
    assert any(lost.search(link) and old == desk.t("value.old") for link, old in shown), shown
    # Still signed in, and the page works.
    desk.tab("device.groups").click()
    desk.navigation().get_by_role("link", name=desk.t("devices.title")).click()
    expect(desk.table("devices.title").get_by_role("link", name="plant")).to_be_visible()
