"""Coming in, by every way that needs no other party, and going out."""

import re

import pytest
from playwright.sync_api import expect

from .house import PASSWORD
from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")


def fill_in(desk, name, password):
    desk.page.get_by_label(desk.t("signin.name"), exact=True).fill(name)
    desk.page.get_by_label(desk.t("signin.password"), exact=True).fill(password)
    desk.button("signin.title").click()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_password_opens_the_page_that_was_asked_for(sit_down, language):
    desk = sit_down(language=language)
    desk.go("/devices?driver=modbus")
    fill_in(desk, "olga", PASSWORD)
    expect(desk.heading("devices.title")).to_be_visible()
    expect(desk.page).to_have_url(re.compile(r"/devices\?driver=modbus$"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wrong_password_is_refused_in_the_readers_language(sit_down, language):
    desk = sit_down(language=language)
    desk.go("/")
    fill_in(desk, "olga", "a wrong guess")
    alert = desk.page.get_by_role("alert")
    expect(alert).to_be_visible()
    expect(alert).to_have_text(re.compile({"en": "password", "zh": "密码"}[language]))
    fill_in(desk, "olga", PASSWORD)
    expect(desk.heading("overview.title")).to_be_visible()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_one_time_link_is_good_once_and_leaves_the_address(sit_down, house, language):
    name = f"new-{language}"
    link = house.invite(name, "viewer")
    desk = sit_down(language=language)
    desk.go(f"/#invite={link}")
    expect(desk.page.get_by_role("heading", name=desk.t("signin.welcome"))).to_be_visible()
    assert "invite" not in desk.page.url
    expect(desk.page.get_by_label(desk.t("signin.name"), exact=True)).to_have_value(name)
    desk.page.get_by_label(desk.t("signin.new_password"), exact=True).fill(PASSWORD)
    desk.page.get_by_label(desk.t("signin.again"), exact=True).fill("something else entirely")
    desk.button("signin.begin").click()
    expect(desk.page.get_by_text(desk.t("signin.not_same"))).to_be_visible()
    desk.page.get_by_label(desk.t("signin.again"), exact=True).fill(PASSWORD)
    desk.button("signin.begin").click()
    expect(desk.heading("overview.title")).to_be_visible()
    other = sit_down(language=language)
    other.go(f"/#invite={link}")
    expect(other.page.get_by_role("alert")).to_be_visible()
    expect(other.button("signin.title")).to_be_visible()


@pytest.mark.parametrize("language", LANGUAGES)
def test_signing_out_leaves_nothing_behind(sit_down, language):
    desk = sit_down("olga", language)
    desk.go("/devices/plant")
    expect(desk.table("device.points")).to_be_visible()
    desk.page.get_by_role("button", name="olga").click()
    desk.page.get_by_role("menuitem", name=desk.t("person.out")).click()
    expect(desk.button("signin.title")).to_be_visible()
    assert desk.context.request.get(f"{desk.house.address}/api/v1/edge/devices").status == 401
    desk.page.reload()
    expect(desk.button("signin.title")).to_be_visible()


def test_a_session_that_was_ended_elsewhere_asks_to_sign_in_again(sit_down, house):
    desk = sit_down("otto")
    desk.go("/devices")
    expect(desk.heading("devices.title")).to_be_visible()
    with_cookie = desk.context.request
    session = with_cookie.get(f"{house.address}/api/v1/access/session").json()
    ended = with_cookie.delete(f"{house.address}/api/v1/access/session", headers={"X-CSRF-Token": session["csrf"]})
    assert ended.ok
    expect(desk.page.get_by_text(desk.t("signin.over"))).to_be_visible()


def test_language_and_theme_are_remembered(sit_down):
    desk = sit_down(language="en")
    desk.go("/")
    desk.page.get_by_role("button", name="中文").click()
    desk.page.get_by_role("button", name="主题").click()
    desk.page.get_by_role("menuitem", name="深色").click()
    desk.page.reload()
    expect(desk.page.get_by_role("button", name="English")).to_be_visible()
    expect(desk.page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(desk.page.locator("html")).to_have_attribute("lang", "zh-CN")
