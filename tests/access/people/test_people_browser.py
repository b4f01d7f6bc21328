"""The sign-in page in a real browser: passkeys with its virtual authenticator, and the emergency code."""

import pytest

from lineshaft.web.testing_browser import browser

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.timeout(120)]
PASSWORD = "rivers run under nine bridges"
SIGNED_IN = "!document.getElementById('account').hidden && document.getElementById('name').textContent"
SIGNED_OUT = "!document.getElementById('sign-in').hidden"
NOTICE = "document.getElementById('notice').textContent"


async def add_authenticator(page, **options):
    await page.call("WebAuthn.enable")
    chosen = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True, **options,
    }  # fmt: skip
    return (await page.call("WebAuthn.addVirtualAuthenticator", options=chosen))["authenticatorId"]


async def test_a_passkey_is_added_and_signs_in_without_a_name(site, tmp_path):
    await site.office.first_administrator()
    url = site.url.replace("127.0.0.1", "localhost")
    async with browser(tmp_path / "browser", url) as page:
        authenticator = await add_authenticator(page)
        await page.call("Page.navigate", url=url)
        await page.sees(f"{SIGNED_OUT} && !document.getElementById('passkey').hidden")
        await page.fill(sign_in_name="ada", sign_in_password=PASSWORD)
        await page.js("document.querySelector('#sign-in button[type=submit]').click()")
        await page.sees(f"{SIGNED_IN} === 'ada'")
        # There is no history here: that the page has said so, too, is known by the button.
        await page.sees("!document.querySelector('#sign-in button[type=submit]').disabled")
        await page.click("add-passkey")
        await page.sees(f"{NOTICE}.includes('passkey was added')")
        await page.click("sign-out")
        await page.sees(SIGNED_OUT)
        await page.click("passkey")
        await page.sees(f"{SIGNED_IN} === 'ada'")

        await page.click("sign-out")
        await page.sees(SIGNED_OUT)
        await page.call("WebAuthn.setUserVerified", authenticatorId=authenticator, isUserVerified=False)
        await page.click("passkey")
        await page.sees(f"{NOTICE}.includes('No passkey was used')")
        assert not [each for each in page.complaints if "Content Security" in each]
    outcomes = [entry.outcome for entry in await site.office.audit("access:passkey_sign_in")]
    assert outcomes == ["done"]


async def test_the_emergency_code_is_typed_in_on_the_page(site, tmp_path):
    await site.office.first_administrator()
    async with site.local() as local:
        code = (await local.post("/api/v1/access/break-glass")).json()["code"]
    async with browser(tmp_path / "browser", site.url) as page:
        await page.call("Page.navigate", url=f"{site.url}/#refused=access.oidc_no_role")
        await page.sees(f"{SIGNED_OUT} && {NOTICE}.includes('access.oidc_no_role')")
        assert await page.js("location.hash") == ""
        assert await page.js("document.getElementById('passkey').hidden")  # not at a bare address
        await page.click("language")
        await page.click("show-break-glass")
        await page.sees("document.querySelector('#break-glass h2').textContent === '应急码'")
        await page.fill(break_glass_code=code.lower())
        await page.js("document.querySelector('#break-glass button[type=submit]').click()")
        await page.sees(f"{SIGNED_IN} === 'break-glass'")
