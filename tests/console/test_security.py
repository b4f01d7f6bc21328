"""Security: the audit trail is searched, and the browser itself works out that an entry is in the signed log."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import expect

from .house import PRESSURE
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_zones_in_force_are_drawn(sit_down, house, language):
    desk = sit_down("ada", language)
    t = desk.t
    zones = house.call("GET", "access/zones")["plan"]["zones"]
    desk.go("/security?tab=zones")
    drawing = desk.page.get_by_role("application", name=t("security.zones"))
    for zone in zones:
        expect(drawing.get_by_text(zone["name"], exact=True)).to_be_visible()
    expect(desk.page.get_by_text(t.like("security.zones_sub", zones=len(zones)))).to_be_visible()


def certified(house, name):
    """A certificate of a device's principal of this name."""
    house.call("POST", "access/principals", {"name": name, "kind": "device", "roles": []})
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    csr = request.public_bytes(serialization.Encoding.PEM).decode()
    return house.call("POST", "access/certificates", {"name": name, "csr": csr})["certificate"]["fingerprint"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_certificate_is_revoked_with_a_reason(sit_down, house, language):
    desk, name = sit_down("ada", language), f"press-{language}"
    page, t = desk.page, desk.t
    fingerprint = certified(house, name)
    desk.go(f"/security?tab=certificates&name={name}")
    row = desk.table("security.certificates").get_by_role("row").filter(has_text=fingerprint)
    row.get_by_role("button", name=name).click()
    desk.button("certificate.revoke").click()
    sure = page.get_by_role("dialog").filter(has_text=t("certificate.warning"))
    sure.get_by_role("combobox", name=t("security.reason")).press("ArrowDown")
    page.get_by_title(t("reason.superseded"), exact=True).click()
    sure.get_by_role("button", name=t("certificate.revoke")).click()
    expect(sure).to_be_hidden()
    expect(row).to_contain_text("superseded")
    assert house.call("GET", f"access/certificates/{fingerprint}")["reason"] == "superseded"


def test_an_export_to_somebody_outside_is_listed_with_its_recipient(sit_down, house):
    desk = sit_down("ada", "zh")
    asked = {"tags": [PRESSURE], "from": "-60s", "format": "csv", "purpose": "audit", "recipient": "the-inspectors"}
    job = house.call("POST", "history/exports", asked)["job"]
    house.box.until(lambda: house.call("GET", f"system/jobs/{job}")["state"] == "done", "the file is written")
    house.box.until(
        lambda: house.call("GET", "access/labels/exports?search=the-inspectors")["items"], "the export is recorded"
    )
    desk.go("/security?tab=exports&search=the-inspectors")
    row = desk.table("security.exports").get_by_role("row").filter(has_text="the-inspectors")
    expect(row).to_have_count(1)
    expect(row).to_contain_text(desk.t("security.whole"))
