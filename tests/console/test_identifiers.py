"""Identifiers: what is behind a handle or a path of this installation, typed or read from a picture of a code."""

import io
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from .house import PRESSURE
from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")
CODE = Path(__file__).parent / "pressure.png"
"""A QR code that says `PRESSURE`, drawn once by the library with which the console reads codes."""


def blank_picture():
    """A PNG with nothing on it."""
    picture = io.BytesIO()
    Image.new("L", (80, 80), 255).save(picture, "PNG")
    return picture.getvalue()


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_picture_of_a_code_leads_to_the_tag_it_names(sit_down, language):
    desk = sit_down("olga", language)
    page, t = desk.page, desk.t
    desk.go("/identifiers")
    desk.button("scan.button").click()
    dialogue = page.get_by_role("dialog", name=t("scan.title"))
    blank = {"name": "blank.png", "mimeType": "image/png", "buffer": blank_picture()}
    dialogue.locator("input[type=file]").set_input_files(blank)
    expect(dialogue.get_by_text(t("scan.nothing"))).to_be_visible()
    dialogue.locator("input[type=file]").set_input_files(CODE)
    expect(dialogue).to_be_hidden()
    expect(page.get_by_text(PRESSURE, exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile(r"^[\d,.]+ kPa$"))).to_be_visible()
    expect(page).to_have_url(re.compile(r"/identifiers\?id=.*XMEAS_07$"))


def test_where_no_node_is_known_the_tree_says_what_to_do(sit_down):
    desk = sit_down("olga", "zh")
    desk.go("/identifiers")
    desk.tab("identifiers.nodes").click()
    expect(desk.page.get_by_text(desk.t("nodes.none"), exact=True)).to_be_visible()
    expect(desk.page.get_by_text("lineshaft id tree")).to_be_visible()
    expect(desk.page).to_have_url(re.compile("tab=nodes"))
