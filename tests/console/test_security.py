"""Security: the audit trail is searched, and the browser itself works out that an entry is in the signed log."""

import pytest
from playwright.sync_api import expect

from .words import LANGUAGES

pytestmark = pytest.mark.peer("chromium")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_entry_of_the_audit_trail_is_found_and_proven(sit_down, language):
    desk = sit_down("ada", language)
    page, t = desk.page, desk.t
    desk.go("/security?tab=audit")
    table = desk.table("security.audit")
    expect(table.get_by_role("row").nth(1)).to_be_visible()
    action = page.get_by_label(t("audit_field.action"), exact=True)
    action.fill("access:create_principal")
    action.press("Enter")
    found = table.get_by_role("row").filter(has_text="access:create_principal")
    expect(found.first).to_be_visible()
    expect(table.get_by_role("row").filter(has_text="access:redeem")).to_have_count(0)
    found.first.click()
    drawer = page.get_by_role("dialog", name=t("security.entry"))
    expect(drawer.get_by_text(t.like("security.in_log"))).to_be_visible()
    expect(drawer.get_by_text(t("security.signed")).or_(drawer.get_by_text(t("security.unchecked")))).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()


@pytest.mark.parametrize("language", LANGUAGES)
def test_everybody_with_their_roles_is_listed(sit_down, language):
    desk = sit_down("ada", language)
    t = desk.t
    desk.go("/security?tab=principals")
    row = desk.table("security.principals").get_by_role("row").filter(has_text="olga")
    expect(row).to_contain_text(t("role.operator"))
    expect(row).to_contain_text(t("kind.person"))
    expect(row).to_contain_text(t("security.active"))
    row = desk.table("security.principals").get_by_role("row").filter(has_text="vera")
    expect(row).to_contain_text("north")
