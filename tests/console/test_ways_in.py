"""Coming in with what lies outside: a passkey in the machine, the plant's own provider, the sealed emergency code."""

import json
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from lineshaft.bus.server import free_port
from lineshaft.cli.testing import running_box
from lineshaft.web.testing_provider import CALLBACK, CLIENT, CLIENT_PASSWORD, foreign_provider

from .house import PASSWORD, first_link, seat

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.peer("node")]
AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def gate(tmp_path_factory, needs_console):
    """A box without a plant that knows a foreign provider; it calls itself `localhost`, for passkeys need a name."""
    folder = tmp_path_factory.mktemp("ways")
    secret = folder / "client-secret"
    secret.write_text(f"{CLIENT_PASSWORD}\n")
    port, web_port = free_port("127.0.0.1"), free_port("127.0.0.1")
    address = f"http://localhost:{web_port}"
    with foreign_provider(port, f"{address}{CALLBACK}") as issuer:
        settings = [
            f"oidc.issuer={issuer}", f"oidc.client_id={CLIENT}", f"oidc.client_secret_file={secret}",
            'oidc.roles=["engineers=engineer"]', "oidc.name=Plant", f"web.port={web_port}",
        ]  # fmt: skip
        with running_box(folder / "home", demo=False, settings=settings) as box:
            yield SimpleNamespace(box=box, address=address)


@pytest.fixture
def come(browser, gate):
    """A browser before the gate."""
    with seat(browser, gate) as desk:
        yield desk


def leave(desk, name):
    desk.page.get_by_role("button", name=name).click()
    desk.page.get_by_role("menuitem", name=desk.t("person.out")).click()
    expect(desk.button("signin.title")).to_be_visible()


def test_a_passkey_is_added_and_signs_in_without_a_name(come, gate):
    link = first_link(gate.box)
    devices = come.context.new_cdp_session(come.page)
    devices.send("WebAuthn.enable")
    authenticator = devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})["authenticatorId"]
    come.go(f"/#invite={link}")
    come.page.get_by_label(come.t("signin.name"), exact=True).fill("ada")
    come.page.get_by_label(come.t("signin.new_password"), exact=True).fill(PASSWORD)
    come.page.get_by_label(come.t("signin.again"), exact=True).fill(PASSWORD)
    come.button("signin.begin").click()
    expect(come.heading("overview.title")).to_be_visible()
    come.page.get_by_role("button", name="ada").click()
    come.page.get_by_role("menuitem", name=come.t("person.passkey")).click()
    expect(come.page.get_by_text(come.t("person.passkey_added"))).to_be_visible()
    leave(come, "ada")
    come.button("signin.passkey").click()
    expect(come.heading("overview.title")).to_be_visible()
    leave(come, "ada")
    devices.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    come.button("signin.passkey").click()
    expect(come.page.get_by_role("alert").filter(has_text=come.t("signin.passkey_unused"))).to_be_visible()


def at_the_provider(desk, login):
    """What a person does there: sign in, agree."""
    desk.go("/")
    desk.page.get_by_role("link", name=desk.t("signin.oidc", name="Plant")).click()
    desk.page.locator("input[name=login]").fill(login)
    desk.page.locator("input[name=password]").fill("any")
    desk.page.locator("button[type=submit]").click()
    expect(desk.page.locator("input[name=prompt][value=consent]")).to_be_attached()
    desk.page.locator("button[type=submit]").click()


def test_the_plants_own_provider_signs_in_whom_it_knows(come):
    at_the_provider(come, "alice")
    expect(come.heading("overview.title")).to_be_visible()
    expect(come.page.get_by_role("button", name="alice")).to_be_visible()


def test_whom_the_provider_gives_no_role_is_told_so(come):
    at_the_provider(come, "carol")
    expect(come.page.get_by_role("alert")).to_have_text(come.t("refused.no_role"))


def test_the_emergency_code_opens_once(come, gate):
    code = json.loads(gate.box.lineshaft("access", "break-glass", "create", "--yes", "--json").stdout)["code"]
    for good in (True, False):
        come.go("/")
        come.button("signin.emergency").click()
        come.page.get_by_label(come.t("signin.code"), exact=True).fill(code.lower())
        come.button("signin.title").click()
        if good:
            expect(come.heading("overview.title")).to_be_visible()
            leave(come, "break-glass")
        else:
            expect(come.page.get_by_role("alert")).to_be_visible()
            expect(come.button("signin.title")).to_be_visible()
