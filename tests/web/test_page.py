"""The live page in a real browser, driven by its DevTools protocol: what a person sees, and that nothing is refused."""

import json

import pytest

from lineshaft.access import AccessSettings, invitations, principals, sessions
from lineshaft.core.service import Context
from lineshaft.web.service import WebService
from lineshaft.web.testing import running_house
from lineshaft.web.testing_browser import browser

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.timeout(120)]


def sign_in(house, person):
    return house.database.transact(sessions.start, person, "127.0.0.1", AccessSettings())


def row(name, column):
    """JavaScript: text of a column of the row whose tag has that name."""
    return (
        f"[...document.querySelectorAll('#rows tr')].find(r => r.cells[0].firstChild.data === {json.dumps(name)})"
        f"?.cells[{column}].textContent"
    )


STATE = "document.getElementById('state').textContent"
LOST = "document.getElementById('state').classList.contains('lost')"


async def test_values_appear_change_and_are_told_apart(tmp_path):
    async with running_house(tmp_path) as house:
        one, two, _ = house.tags("ONE", "TWO", "NEVER")
        await house.publish((one, 1.25), (two, 7.5))
        session = sign_in(house, house.principal("anna", "viewer"))
        async with browser(tmp_path / "browser", house.url, session=session) as page:
            await page.call("Page.navigate", url=house.url)
            await page.sees(f"{row('ONE', 1)} === '1.25' && {row('TWO', 1)} === '7.5'")
            await page.sees(
                f"{row('ONE', 2)} === 'kPa' && {row('ONE', 3)} === 'good' && {row('ONE', 4)}.endsWith(' s')"
            )
            assert await page.js(row("NEVER", 1)) == ""
            await page.sees(f"{STATE}.startsWith('Live. Data from ') && !{LOST}")
            await house.publish((one, 2.5))
            await page.sees(f"{row('ONE', 1)} === '2.5'")

            await page.fill(filter="tw")
            await page.sees("document.querySelectorAll('#rows tr').length === 1")
            await house.publish((one, 3.5), (two, 8.5))
            await page.sees(f"{row('TWO', 1)} === '8.5'")
            await page.fill(filter="")
            await page.sees(f"{row('ONE', 1)} === '3.5'")

            await page.click("language")
            await page.sees(f"{row('ONE', 3)} === '良好' && document.documentElement.lang === 'zh-CN'")
            assert (await page.js(STATE)).startswith("实时")
            assert page.complaints == []

            await page.call("Page.navigate", url=f"{house.url}/api/docs")
            await page.sees("document.querySelectorAll('details').length > 20")
            assert page.complaints == []


async def test_a_lost_bus_and_a_lost_server_are_shown_and_recovered_from(tmp_path):
    async with running_house(tmp_path) as house:
        (one,) = house.tags("ONE")
        await house.publish((one, 1.0))
        session = sign_in(house, house.principal("anna", "viewer"))
        port = int(house.url.rsplit(":", 1)[1])
        async with browser(tmp_path / "browser", house.url, session=session) as page:
            await page.call("Page.navigate", url=house.url)
            await page.sees(f"{row('ONE', 1)} === '1' && !{LOST}")
            await house.box.kill()
            await page.sees(f"{LOST} && {STATE}.includes('lost its bus') && {STATE}.includes('Data from ')")
            await house.box.start()
            await page.sees(f"!{LOST}", 40)

            await house.web.stop()
            await page.sees(f"{LOST} && {STATE}.startsWith('Connection lost')")
            house.web = WebService(Context(house.home, house.with_web(port=port)))
            await house.web.start()
            await house.publish((one, 2.0))
            await page.sees(f"!{LOST} && {row('ONE', 1)} === '2'", 40)


async def test_whoever_is_revoked_is_asked_to_sign_in(tmp_path):
    async with running_house(tmp_path) as house:
        anna = house.principal("anna", "viewer")
        async with browser(tmp_path / "browser", house.url, session=sign_in(house, anna)) as page:
            await page.call("Page.navigate", url=house.url)
            await page.sees(f"{STATE}.startsWith('Live')")
            house.database.transact(principals.revoke, house.identity.tenant, anna.id)
            await page.sees("!document.getElementById('sign-in').hidden && document.getElementById('live').hidden", 40)
            assert "session has ended" in await page.js("document.getElementById('notice').textContent")


async def test_a_one_time_link_leaves_no_trace_and_a_refusal_is_a_sentence(tmp_path):
    async with running_house(tmp_path) as house:
        link = house.database.transact(invitations.create, house.identity.tenant, 60)
        async with browser(tmp_path / "browser", house.url) as page:
            await page.call("Page.navigate", url=f"{house.url}/#invite={link.text}")
            await page.sees("!document.getElementById('invitation').hidden")
            assert await page.js("location.href") == f"{house.url}/"
            assert link.text not in await page.js("document.documentElement.outerHTML")

            fields = {"invitation_name": "anna", "invitation_password": "correct horse battery"}
            await page.fill(**fields, invitation_again="another")
            await page.js("document.querySelector('#invitation button').click()")
            await page.sees("document.getElementById('notice').textContent.includes('differ')")
            await page.fill(invitation_again="correct horse battery")
            await page.js("document.querySelector('#invitation button').click()")
            # There is no access service in this house: it says so, and the form stays to try again.
            await page.sees("document.getElementById('notice').textContent.includes('access service does not answer')")
            assert await page.js("document.getElementById('invitation').hidden") is False
            assert await page.js("document.querySelector('#invitation button').disabled") is False
