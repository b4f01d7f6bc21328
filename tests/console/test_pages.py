"""Every page in both languages: readable for everybody, in every theme, on a desk, a tablet and a phone; and its picture."""

import contextlib
import os
import time
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from .house import SECONDS, seat
from .views import VIEWS
from .words import LANGUAGES, SOURCES

pytestmark = pytest.mark.peer("chromium")
AXE = SOURCES.parent / "node_modules" / "axe-core" / "axe.min.js"
DESK, TABLET, PHONE = (1440, 900), (820, 1180), (390, 844)
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def windows(browser, house):
    """A window for each language, kept from page to page."""
    with contextlib.ExitStack() as seats:
        yield {language: seats.enter_context(audited(seat(browser, house, "ada", language))) for language in LANGUAGES}


@contextlib.contextmanager
def audited(seat):
    with seat as desk:
        desk.page.add_init_script(path=AXE)
        yield desk


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """Where pictures go."""
    folder = os.environ.get("LINESHAFT_PICTURES")
    return Path(folder) if folder else tmp_path_factory.mktemp("pictures")


def audit(desk, rules=None):
    """Nothing on the page is serious or critical to axe-core. What is just being drawn gets time to settle."""
    deadline = time.monotonic() + SECONDS
    while (found := findings(desk, rules)) and time.monotonic() < deadline:
        desk.page.wait_for_timeout(200)
    assert found == []


def findings(desk, rules):
    """What axe-core finds serious or critical, one line for each place."""
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    found = desk.page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{each['id']}: {' '.join(map(str, node['target']))} {node['failureSummary']}"
        for each in found["violations"]
        if each["impact"] in GRAVE
        for node in each["nodes"]
    ]


def choose_theme(desk, theme):
    """By the menu, but without a mouse: what is under test here is what comes of it."""
    if desk.page.locator("html").get_attribute("data-theme") == theme:
        return
    desk.button("theme.choose").dispatch_event("click")
    desk.page.get_by_role("menuitem", name=desk.t(f"theme.{theme}")).dispatch_event("click")
    expect(desk.page.locator("html")).to_have_attribute("data-theme", theme)
    expect(desk.page.get_by_role("menu")).to_have_count(0)


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_page_in_every_theme_and_size(windows, gallery, view):
    desk = shown(windows["en"], view, "light")
    take_picture(desk.page, gallery, view, "en")
    audit(desk)
    for theme in ("dark", "contrast"):
        choose_theme(desk, theme)
        audit(desk, ["color-contrast"])
    for width, height in (TABLET, PHONE):
        fit(desk, view, width, height)
    assert desk.faults == []


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_page_in_chinese_and_dark(windows, gallery, view):
    desk = shown(windows["zh"], view, "light" if view.picture else "dark")
    take_picture(desk.page, gallery, view, "zh")
    choose_theme(desk, "dark")
    audit(desk)
    fit(desk, view, *PHONE)
    assert desk.faults == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_sign_in_in_every_theme_and_size(browser, house, language):
    with audited(seat(browser, house, language=language)) as desk:
        desk.go("/")
        for theme in ("light", "dark", "contrast"):
            choose_theme(desk, theme)
            expect(desk.button("signin.title")).to_be_visible()
            audit(desk)
        for width, height in (TABLET, PHONE):
            desk.page.set_viewport_size({"width": width, "height": height})
            desk.page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
            expect(desk.button("signin.title")).to_be_visible()


def shown(desk, view, theme):
    desk.page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    desk.go(view.address)
    view.ready(desk)
    choose_theme(desk, theme)
    return desk


def fit(desk, view, width, height):
    """Nothing has to be scrolled sideways, and every page can be reached."""
    desk.page.set_viewport_size({"width": width, "height": height})
    view.ready(desk)
    # A drawing takes its new size a moment after its frame.
    desk.page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
    reach_navigation(desk)


def reach_navigation(desk):
    """By the menu's button where there is no room for it at the side."""
    menu = desk.button("frame.menu")
    if menu.is_visible():
        menu.click()
    expect(desk.navigation().get_by_role("link", name=desk.t("devices.title"))).to_be_visible()
    if menu.is_visible():
        desk.page.keyboard.press("Escape")
        expect(desk.navigation()).to_be_hidden()


def take_picture(page, folder, view, language):
    if not view.picture:
        return
    file = folder / f"{view.picture}.{language}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=file, animations="disabled", caret="hide")
    # With a palette it is a third as large, and looks the same.
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
