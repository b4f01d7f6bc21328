"""For tests: a real browser (headless Chromium), driven by its DevTools protocol.

async with browser(tmp_path, url) as page:
    await page.call("Page.navigate", url=url)
    await page.sees("document.title")
"""

import asyncio
import json
import shutil
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import websockets


class Page:
    """One tab of a headless browser."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self.complaints: list[str] = []
        """Errors in the page's console: refused by the policy, failed requests, exceptions."""
        self._pump = asyncio.create_task(self._receive())

    async def _receive(self) -> None:
        async for text in self._socket:
            message = json.loads(text)
            if "id" in message:
                answer = self._waiting.pop(message["id"])
                if not answer.done():  # nobody waits for it any more
                    answer.set_result(message)
            elif message["method"] == "Runtime.exceptionThrown":
                self.complaints.append(message["params"]["exceptionDetails"]["text"])
            elif message["method"] == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                self.complaints.append(message["params"]["entry"]["text"])

    async def call(self, method: str, **params: Any) -> Any:
        """One order of the DevTools protocol; its result."""
        self._number += 1
        answer = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        return (await asyncio.wait_for(answer, 40)).get("result", {})

    async def js(self, expression: str) -> Any:
        """Value of a JavaScript expression; None where the page went to another one meanwhile."""
        answer = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return answer.get("result", {}).get("value")

    async def sees(self, expression: str, seconds: float = 40) -> None:
        """Wait until the expression holds in the page."""
        try:
            async with asyncio.timeout(seconds):
                while not await self.js(f"Boolean({expression})"):  # noqa: ASYNC110 (a browser sends no event)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{expression}; it shows: {await self.js('document.body.innerText')}") from None

    async def click(self, name: str) -> None:
        """Press the element with this id, once it can be."""
        await self.sees(f"!document.getElementById('{name}').disabled")
        await self.js(f"document.getElementById('{name}').click()")

    async def fill(self, **fields: str) -> None:
        """Type into fields, by id."""
        for name, value in fields.items():
            element = f"document.getElementById({json.dumps(name.replace('_', '-'))})"
            await self.js(f"{element}.value = {json.dumps(value)}; {element}.dispatchEvent(new Event('input'))")


@asynccontextmanager
async def browser(folder: Path, url: str, *, session: Any = None) -> AsyncIterator[Page]:
    """A headless Chromium with one empty tab; signed in where a session is given."""
    argv = [
        shutil.which("chromium") or "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--remote-debugging-port=0", f"--user-data-dir={folder}", "--lang=en-US", "about:blank",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(*argv, stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while b"DevTools listening" not in (line := await process.stderr.readline()):
                assert line, "the browser ended"
        port = line.split(b"127.0.0.1:")[1].split(b"/")[0].decode()
        async with asyncio.timeout(60):
            while not (tabs := await asyncio.to_thread(_tabs, port)):  # noqa: ASYNC110 (it listens before it has one)
                await asyncio.sleep(0.05)
        async with websockets.connect(tabs[0], max_size=None, proxy=None, open_timeout=60) as socket:
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


def _tabs(port: str) -> list[str]:
    """Where the tabs are debugged."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=60) as answer:
        return [tab["webSocketDebuggerUrl"] for tab in json.load(answer) if tab["type"] == "page"]
