"""Dashboards: made of a few tags, shared, and seen by others as they are."""

import json
import re

import pytest
from playwright.sync_api import expect

from .board import NAME, reactor
from .house import PLANT
from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_dashboard_is_made_of_tags_and_lives(sit_down, language):
    desk = sit_down("otto", language)
    page, t = desk.page, desk.t
    desk.go("/dashboards")
    page.get_by_role("button", name=t("dashboards.new")).click()
    dialogue = page.get_by_role("dialog", name=t("dashboards.new"))
    title = dialogue.get_by_role("textbox", name=t("dashboards.field.title"))
    title.fill(f"Pressure {language}")
    dialogue.get_by_role("combobox", name=t("trends.pick")).fill("reactor pressure")
    page.get_by_title("plant/XMEAS_07").click()
    title.click()
    dialogue.get_by_role("button", name=t("dashboards.make")).click()
    expect(page).to_have_url(re.compile(f"/dashboards/pressure-{language}"))
    expect(page.get_by_text(re.compile(r"^[\d,.]+ kPa$")).first).to_be_visible()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_shared_dashboard_is_there_for_others_with_live_values(sit_down, language):
    desk = sit_down("olga", language)
    desk.go("/dashboards")
    desk.table("dashboards.title").get_by_role("link", name="Reactor").click()
    expect(desk.page).to_have_url(re.compile(f"/dashboards/{NAME}$"))
    value = desk.page.get_by_text(re.compile(r"^[\d,.]+ kPa$")).first
    expect(value).to_be_visible()
    before = value.inner_text()
    expect(value).not_to_have_text(before)


TITLE = '"title": "to share"'


def owned(house, name, title="to share"):
    """A dashboard of Ada's: what the server answers."""
    text = json.dumps({**json.loads(reactor(PLANT)), "name": name, "title": title})
    return house.call("POST", "dashboards", {"text": text, "comment": ""})


def test_a_widget_is_placed_saved_and_put_back_by_its_versions(sit_down, house):
    owned(house, "arranged")
    desk = sit_down("ada", "zh")
    page, t = desk.page, desk.t
    desk.go("/dashboards/arranged?mode=edit")
    move = page.get_by_role("button", name=t.like("dashboards.move")).first
    move.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text(t("dashboards.placed", x=1, y=2, w=5, h=3))).to_be_visible()
    desk.button("dashboards.save").click()
    page.get_by_role("textbox", name=t("dashboards.comment")).press("Enter")
    expect(page.get_by_text(t("dashboards.saved_as", version=2))).to_be_visible()
    page.get_by_role("radio", name=t("dashboards.mode_versions")).click()
    first = (
        desk.table("dashboards.versions").get_by_role("row").filter(has=page.get_by_role("cell", name="1", exact=True))
    )
    first.get_by_role("button", name=t("dashboards.compare")).click()
    desk.button("dashboards.restore").click()
    page.get_by_role("dialog").get_by_role("button", name=t("dashboards.restore")).click()
    expect(page.get_by_text(t("dashboards.restored", version=3))).to_be_visible()
    place = json.loads(house.call("GET", "dashboards/arranged")["text"])["widgets"][0]["place"]
    assert place["y"] == 0


def test_the_text_is_changed_and_two_who_save_do_not_lose_each_others_work(sit_down, house):
    made = owned(house, "shared-work")
    desk = sit_down("ada")
    page, t = desk.page, desk.t
    desk.go("/dashboards/shared-work?mode=text")
    text = page.get_by_role("textbox", name=t("dashboards.document"))
    text.fill(made["text"].replace(TITLE, '"title": "Mine"'))
    expect(page.get_by_role("heading", level=1, name="Mine")).to_be_visible()
    theirs = made["text"].replace(TITLE, '"title": "Theirs"')
    change = {"text": theirs, "comment": "quicker"}
    house.call("PUT", "dashboards/shared-work", change, {"If-Match": made["etag"]})
    desk.button("dashboards.save").click()
    page.get_by_role("textbox", name=t("dashboards.comment")).press("Enter")
    expect(page.get_by_text(t("dashboards.changed_meanwhile"))).to_be_visible()
    desk.button("dashboards.load_newest").click()
    page.get_by_role("dialog").get_by_role("button", name=t("dashboards.discard")).click()
    expect(page.get_by_role("heading", level=1, name="Theirs")).to_be_visible()
    text.fill(theirs.replace("Theirs", "Both"))
    desk.button("dashboards.save").click()
    page.get_by_role("textbox", name=t("dashboards.comment")).press("Enter")
    expect(page.get_by_text(t("dashboards.saved_as", version=3))).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", level=1, name="Both")).to_be_visible()
