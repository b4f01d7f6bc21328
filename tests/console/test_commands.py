"""Writing to machines: tried first, confirmed, followed to the end; refused with a reason; by two people where it must be."""

import re

import pytest
from playwright.sync_api import expect

from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")


def begin(desk, device, point):
    """The dialogue for writing to a point."""
    desk.go(f"/devices/{device}")
    desk.page.get_by_label(desk.t("device.filter")).fill(point)
    row = desk.table("device.points").get_by_role("row").filter(has_text=point)
    row.get_by_role("button", name=desk.t("device.write")).click()
    dialogue = desk.page.get_by_role("dialog", name=desk.t("command.title", point=f"{device}/{point}"))
    expect(dialogue.get_by_text(re.compile(r"^[\d,.]+ %$")).first).to_be_visible()
    return dialogue


def present(dialogue):
    """The point's value, as the dialogue shows it."""
    return float(dialogue.get_by_text(re.compile(r"^[\d,.]+ %$")).first.inner_text().split()[0])


def try_it(desk, dialogue, value, reason):
    dialogue.get_by_label(desk.t("command.value"), exact=True).fill(f"{value:.1f}")
    dialogue.get_by_label(desk.t("command.reason"), exact=True).fill(reason)
    dialogue.get_by_role("button", name=desk.t("command.try")).click()


def confirm(desk, dialogue, point):
    """Press Write and say yes."""
    dialogue.get_by_role("button", name=desk.t("command.write"), exact=True).click()
    say_yes(desk, desk.t("command.sure", point=point))


def say_yes(desk, question):
    """The last button of a question confirms it."""
    desk.page.get_by_role("tooltip").filter(has_text=question).get_by_role("button").last.click()


@pytest.fixture
def given_back(house):
    """The controllers have their valves again afterwards."""
    yield
    house.call("POST", "demo/auto", {})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.usefixtures("given_back")
def test_a_write_is_tried_confirmed_and_verified(sit_down, language):
    desk = sit_down("olga", language)
    t = desk.t
    dialogue = begin(desk, "compressor", "XMV_05")
    write = dialogue.get_by_role("button", name=t("command.write"), exact=True)
    expect(write).to_be_disabled()
    try_it(desk, dialogue, present(dialogue) + 1, "recycle a little more")
    expect(dialogue.get_by_text(t("command.would_write"))).to_be_visible()
    confirm(desk, dialogue, "compressor/XMV_05")
    expect(dialogue.get_by_text(t("command_state.verified")).first).to_be_visible()
    desk.page.keyboard.press("Escape")
    expect(dialogue).to_be_hidden()
    desk.tab("device.commands").click()
    row = desk.table("device.commands").get_by_role("row").filter(has_text="recycle a little more").first
    expect(row).to_contain_text(t("command_state.verified"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_step_that_is_too_large_is_refused_with_its_reason(sit_down, language):
    desk = sit_down("olga", language)
    dialogue = begin(desk, "plant", "XMV_12")
    far = present(dialogue) + (40 if present(dialogue) < 50 else -40)
    try_it(desk, dialogue, far, "too fast")
    alert = dialogue.get_by_role("alert")
    expect(alert).to_contain_text("XMV_12")
    expect(alert).to_contain_text({"en": "now 10 is allowed", "zh": "现在允许 10"}[language])
    expect(dialogue.get_by_role("button", name=desk.t("command.write"), exact=True)).to_be_disabled()
    try_it(desk, dialogue, 150, "beyond the limits")
    expect(alert).to_contain_text("150")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.usefixtures("given_back")
def test_a_point_of_class_a_moves_when_a_second_person_approves(sit_down, language):
    first, second = sit_down("olga", language), sit_down("otto", language)
    t = first.t
    reason = f"more feed, as agreed ({language})"
    dialogue = begin(first, "plant", "XMV_04")
    try_it(first, dialogue, present(dialogue) + 1, reason)
    expect(dialogue.get_by_text(t("command.would_wait"))).to_be_visible()
    confirm(first, dialogue, "plant/XMV_04")
    expect(dialogue.get_by_text(t("command.second_person"))).to_be_visible()

    second.go("/devices/plant")
    second.tab("device.commands").click()
    row = second.table("device.commands").get_by_role("row").filter(has_text=reason)
    expect(row).to_contain_text(t("command_state.requested"))
    row.get_by_role("button", name=t("command.approve")).click()
    say_yes(second, "XMV_04")
    expect(row).to_contain_text(t("command_state.verified"))
    # Who asked sees it without asking again, and was never offered to approve it.
    expect(dialogue.get_by_text(t("command_state.verified")).first).to_be_visible()


def test_nobody_approves_their_own_command_and_it_can_be_withdrawn(sit_down):
    desk = sit_down("olga")
    t = desk.t
    dialogue = begin(desk, "plant", "XMV_04")
    try_it(desk, dialogue, present(dialogue) + 1, "withdrawn again")
    confirm(desk, dialogue, "plant/XMV_04")
    expect(dialogue.get_by_text(t("command.second_person"))).to_be_visible()
    desk.page.keyboard.press("Escape")
    expect(dialogue).to_be_hidden()
    desk.tab("device.commands").click()
    row = desk.table("device.commands").get_by_role("row").filter(has_text="withdrawn again")
    expect(row.get_by_role("button", name=t("command.cancel"))).to_be_visible()
    expect(row.get_by_role("button", name=t("command.approve"))).to_have_count(0)
    row.get_by_role("button", name=t("command.cancel")).click()
    expect(row).to_contain_text(t("command_state.cancelled"))
