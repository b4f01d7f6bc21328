"""The live page in a real browser, driven by its DevTools protocol: what a person sees, and that nothing is refused."""

import asyncio
import json
import shutil
import urllib.request
from contextlib import asynccontextmanager

import pytest
import websockets

from lineshaft.access import AccessSettings, invitations, principals, sessions
from lineshaft.core.service import Context
from lineshaft.web.service import WebService
from lineshaft.web.testing import running_house

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.timeout(120)]


class Page:
    """One tab of a headless browser."""

    def __init__(self, socket):
        self._socket = socket
        self._waiting = {}
        self._number = 0
        self.complaints = []
        """Errors in the page's console: refused by the policy, failed requests, exceptions."""
        self._pump = asyncio.create_task(self._receive())

    async def _receive(self):
        async for text in self._socket:
            message = json.loads(text)
            if "id" in message:
                self._waiting.pop(message["id"]).set_result(message)
            elif message["method"] == "Runtime.exceptionThrown":
                self.complaints.append(message["params"]["exceptionDetails"]["text"])
            elif message["method"] == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                self.complaints.append(message["params"]["entry"]["text"])

    async def call(self, method, **params):
        self._number += 1
        answer = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        return (await asyncio.wait_for(answer, 20)).get("result", {})

    async def js(self, expression):
        answer = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return answer["result"].get("value")

    async def sees(self, expression, seconds=20):
        """Wait until the expression holds in the page."""
        try:
            async with asyncio.timeout(seconds):
                while not await self.js(f"Boolean({expression})"):  # noqa: ASYNC110 (a browser sends no event)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{expression}; it shows: {await self.js('document.body.innerText')}") from None

    async def click(self, name):
        await self.js(f"document.getElementById('{name}').click()")

    async def fill(self, **fields):
        for name, value in fields.items():
            element = f"document.getElementById({json.dumps(name.replace('_', '-'))})"
            await self.js(f"{element}.value = {json.dumps(value)}; {element}.dispatchEvent(new Event('input'))")


@asynccontextmanager
async def browser(folder, url, *, session=None):
    argv = [
        shutil.which("chromium"), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--remote-debugging-port=0", f"--user-data-dir={folder}", "--lang=en-US", "about:blank",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(*argv, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(30):
            while b"DevTools listening" not in (line := await process.stderr.readline()):
                assert line, "the browser ended"
        port = line.split(b"127.0.0.1:")[1].split(b"/")[0].decode()
        tabs = json.load(await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{port}/json"))
        address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
        async with websockets.connect(address, max_size=None, proxy=None) as socket:
            page = Page(socket)
            for domain in ("Page", "Runtime", "Log", "Network"):
                await page.call(f"{domain}.enable")
            if session is not None:
                await page.call(
                    "Network.setCookie", name="lineshaft_session", value=session.cookie, url=url, httpOnly=True,
                    sameSite="Strict",
                )  # fmt: skip
            yield page
    finally:
        process.kill()
        await process.wait()


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
            await page.sees("!document.getElementById('sign-in').hidden && document.getElementById('live').hidden", 10)
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
