"""The web console in headless Chromium before a real box with the demonstration plant: what people wait for.

    table       10,000 devices in the records: scrolling a screen, scrolling to the end of what is loaded until there is
                more, sorting, searching; until the new rows are painted. Searching counts from the moment the question
                is asked: the console waits 200 ms for the next letter first
    trend       10 tags over 30 days of samples every 10 s: the address opened in a browser that has never seen the
                console, the page opened from another one of the console, the window chosen on an open trend; until the
                lines are painted
    memory      10 tags live: the heap of the page's scripts after a forced collection, at minute 2 and at the end;
                beside it the lows of the first and the last five minutes
    lighthouse  the desktop preset on overview, devices and trends, signed in; needs `npx`, which fetches the program

`asking` is the time until the server is asked, `server` until its last answer is there, `drawing` until it is painted.
Each figure is the lowest of the runs, with the median beside it: other programs on the machine only ever add. Needs
`make console` and Chromium. Last line: one JSON object.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from lineshaft.bus.server import free_port
from lineshaft.cli.testing import Box, running_box
from lineshaft.edge.testing import absent_devices
from lineshaft.web.console import FOLDER, built

DEVICES = 10_000
TAGS = 10
DAYS = 30
EVERY_SECONDS = 10
TABLE_MS, TREND_MS, GROWTH, PERFORMANCE, ACCESSIBILITY = 100, 1000, 0.10, 90, 95
"""What must be reached."""
FIRST_MINUTE = 2
"""The heap is compared with that of this minute: by then everything is loaded."""
CYCLE_MINUTES = 5
"""The page asks for its samples anew this often and the heap breathes with it: lows of whole cycles are given too."""
WINDOW_SECONDS = 900
"""Shown while the heap is watched; full of samples from the beginning."""
LIGHTHOUSE = "lighthouse@12"
METRICS = {
    "first_paint_ms": "first-contentful-paint", "largest_paint_ms": "largest-contentful-paint",
    "blocked_ms": "total-blocking-time", "shift": "cumulative-layout-shift", "speed_index_ms": "speed-index",
}  # fmt: skip
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SCREEN = {"width": 1440, "height": 900}
PATIENCE_MS = 120_000
IN_PAGE = """
window.bench = {
  painted: () => new Promise((done) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => done(performance.now());
    port2.postMessage(0);
  })),
  // The frame in which it is there is the one that paints it.
  timed: (act, ready) => new Promise((done) => {
    const begin = performance.now();
    const look = () => {
      if (!ready()) return requestAnimationFrame(look);
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => done({ begin, end: performance.now() });
      port2.postMessage(0);
    };
    act();
    requestAnimationFrame(look);
  }),
  asked: (part, since) => performance.getEntriesByType("resource")
    .filter((each) => each.name.includes(part) && each.startTime >= since && each.responseEnd > 0)
    .map((each) => ({ begin: each.startTime, end: each.responseEnd })),
  segments: 0, drawnAt: 0,
};
// A chart is drawn when its page says what it shows, and pieces of lines have come since: axes have a few dozen.
{
  const lineTo = CanvasRenderingContext2D.prototype.lineTo;
  const says = () => document.querySelector(".trend-head .quiet")?.textContent.startsWith("mean of");
  CanvasRenderingContext2D.prototype.lineTo = function (x, y) {
    if (++bench.segments % 300 === 0 && !bench.drawnAt && says()) {
      bench.drawnAt = -1;
      void bench.painted().then((at) => { bench.drawnAt = at; });
    }
    return lineTo.call(this, x, y);
  };
}
"""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class House:
    """A box with somebody signed in, and the browser before it."""

    def __init__(self, box: Box, playwright: Playwright, browser: Browser) -> None:
        self.box = box
        self.playwright = playwright
        self.browser = browser
        self.address = json.loads((box.home.run / "web.json").read_text())["url"]
        said = Path(f"{box.home.path}.out").read_text()
        (link,) = re.findall(r"#invite=(\S+)", said)
        with httpx.Client(base_url=self.address, timeout=60) as client:
            body = {"invitation": link, "name": "ada", "password": "a long sentence nobody guesses"}
            client.post("/api/v1/access/invitations/redeem", json=body).raise_for_status()
            tags = client.get("/api/v1/history/tags", params={"limit": 100}).raise_for_status().json()["items"]
            self.cookies = [
                {"name": name, "value": value, "url": self.address} for name, value in client.cookies.items()
            ]
        self.tags = [tag["path"] for tag in tags if "XMEAS" in tag["path"]][:TAGS]

    @contextlib.contextmanager
    def page(self) -> Iterator[Page]:
        """A page of a browser that has loaded nothing yet."""
        with self.browser.new_context(viewport=SCREEN, locale="en-GB", base_url=self.address) as context:
            context.add_cookies(self.cookies)
            context.set_default_timeout(PATIENCE_MS)
            context.add_init_script(IN_PAGE)
            yield context.new_page()

    def trend(self, window: str) -> str:
        return "/trends?" + urllib.parse.urlencode([*(("tag", tag) for tag in self.tags), ("from", window)])

    def remember(self, seconds: int, every: int) -> None:
        """Give the tags a past: a day's wave and some noise, up to a moment ago."""
        times = (int(time.time()) - 5 - np.arange(seconds // every)[::-1] * every).astype("int64")
        noise = np.random.default_rng(1)
        waves = [
            20 + 5 * number + 5 * np.sin(times / 86_400 * 2 * np.pi) + noise.normal(0, 0.3, len(times))
            for number in range(len(self.tags))
        ]
        columns = {
            "tag": pa.array(np.tile(self.tags, len(times))),
            "time": pa.array(np.repeat(times * 1_000_000, len(self.tags))).cast(pa.timestamp("us", "UTC")),
            "value": pa.array(np.column_stack(waves).ravel()),
        }
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "past.parquet"
            pq.write_table(pa.table(columns), file)
            self.box.lineshaft("history", "import", str(file), "--quiet", timeout=3600)


# -- the table of devices --------------------------------------------------------------------------------------------


TABLE = """
window.table = {
  scroll: () => document.querySelector("[role=table]"),
  first: () => table.scroll().querySelector("[aria-rowindex='2'] a")?.textContent,
  rows: () => table.scroll().getAttribute("aria-rowcount") - 1,
  // Rows stand at both ends of the view that begins at `top`.
  shows: (top) => {
    const scroll = table.scroll(), box = scroll.getBoundingClientRect();
    if (Math.abs(scroll.scrollTop - top) > 2) return false;
    const at = (y) => document.elementFromPoint(box.x + 40, y)?.closest("[role=row]");
    return Boolean(at(box.y + 70) && at(box.bottom - 30));
  },
};
"""
SCREENFUL = """() => {
  const scroll = table.scroll(), top = scroll.scrollTop + scroll.clientHeight;
  return bench.timed(() => { scroll.scrollTop = top; }, () => table.shows(top));
}"""
TO_END = """() => {
  const scroll = table.scroll(), before = scroll.scrollHeight;
  return bench.timed(() => { scroll.scrollTop = before; }, () => scroll.scrollHeight > before);
}"""
SORTED = (("Points", "press-00000"), ("Points", "press-00039"))
"""Headings pressed one after the other, and what then comes first."""
SORT = """([heading, first]) => bench.timed(
  () => [...document.querySelectorAll("[role=columnheader] button")]
    .find((each) => each.textContent.startsWith(heading)).click(),
  () => table.first() === first,
)"""


def table(house: House, runs: int) -> dict[str, Any]:
    found: dict[str, list[dict[str, float]]] = {"screen": [], "end": [], "sort": [], "search": []}
    with absent_devices(house.box.home.path / "records.db", DEVICES), house.page() as page:
        page.add_init_script(TABLE)
        for _ in range(runs):
            page.goto("/devices")
            page.get_by_role("link", name="press-00000", exact=True).wait_for()
            for _ in range(5):
                page.wait_for_timeout(400)
                found["screen"].append(split(page, page.evaluate(SCREENFUL), ""))
            page.wait_for_timeout(400)
            found["end"].append(split(page, page.evaluate(TO_END), "/edge/devices?"))
            for sorting in SORTED:
                page.wait_for_timeout(400)
                found["sort"].append(split(page, page.evaluate(SORT, list(sorting)), "/edge/devices?"))
            page.wait_for_timeout(400)
            found["search"].append(typed(page))
    return {act: summary(act, each) for act, each in found.items()}


def typed(page: Page) -> dict[str, float]:
    """A letter that leaves ten rows; counted from the question, which waits for further letters."""
    box = page.get_by_role("searchbox")
    box.fill("press-099")
    page.wait_for_function("() => table.rows() === 100")
    page.wait_for_timeout(800)
    box.press("End")
    whole = page.evaluate_handle("() => ({ it: bench.timed(() => {}, () => table.rows() === 10) })")
    page.keyboard.type("9")
    return split(page, whole.evaluate("held => held.it"), "search=press-0999", from_question=True)


def split(page: Page, run: dict[str, float], route: str, *, from_question: bool = False) -> dict[str, float]:
    """Milliseconds in all: until the server was asked, until its last answer was there, until it was drawn."""
    asked = page.evaluate("([part, since]) => bench.asked(part, since)", [route, run["begin"]]) if route else []
    asked = [each for each in asked if each["end"] <= run["end"]]
    begin = min((each["begin"] for each in asked), default=run["begin"]) if from_question else run["begin"]
    sent = min((each["begin"] for each in asked), default=begin)
    answered = max((each["end"] for each in asked), default=begin)
    return {
        "ms": run["end"] - begin, "asking": sent - begin, "server": answered - sent, "drawing": run["end"] - answered,
    }  # fmt: skip


def summary(name: str, runs: list[dict[str, float]]) -> dict[str, float]:
    best = min(runs, key=lambda run: run["ms"])
    result = {key: round(value, 1) for key, value in best.items()}
    result["median"] = round(statistics.median(run["ms"] for run in runs), 1)
    parts = ", ".join(f"{part} {result[part]:.0f}" for part in ("asking", "server", "drawing"))
    say(f"{name:8} {result['ms']:8.1f} ms ({parts}; median {result['median']:.1f})")
    return result


# -- the trend -------------------------------------------------------------------------------------------------------

PROCESSED = "/history/processed?"


def trend(house: House, runs: int) -> dict[str, Any]:
    say(f"importing {TAGS} tags × {DAYS} days, every {EVERY_SECONDS} s")
    house.remember(DAYS * 86_400, EVERY_SECONDS)
    house.box.lineshaft("history", "compact", timeout=3600)
    found: dict[str, list[dict[str, float]]] = {"cold": [], "opened": [], "window": []}
    for _ in range(runs):
        with house.page() as page:
            page.goto(house.trend("-30d"), wait_until="commit")
            found["cold"].append(split(page, {"begin": 0.0, "end": drawn(page)}, PROCESSED))
        with house.page() as page:
            page.goto("/devices")
            page.get_by_role("link", name="compressor", exact=True).wait_for()
            page.wait_for_timeout(3000)
            begin = page.evaluate(
                "address => { const now = performance.now(); history.pushState(null, '', address);"
                " dispatchEvent(new PopStateEvent('popstate')); return now; }",
                house.trend("-30d"),
            )
            found["opened"].append(split(page, {"begin": begin, "end": drawn(page)}, PROCESSED))
        with house.page() as page:
            page.goto(house.trend("-15m"))
            page.get_by_text("every sample", exact=True).wait_for()
            page.wait_for_timeout(4000)
            begin = page.get_by_role("radio", name="30 d", exact=True).evaluate(
                "button => { const now = performance.now(); button.click(); return now; }"
            )
            found["window"].append(split(page, {"begin": begin, "end": drawn(page)}, PROCESSED))
    return {way: summary(way, each) for way, each in found.items()}


def drawn(page: Page) -> float:
    page.wait_for_function("() => bench.drawnAt > 0", timeout=PATIENCE_MS)
    return float(page.evaluate("() => bench.drawnAt"))


# -- memory ----------------------------------------------------------------------------------------------------------


def memory(house: House, minutes: float) -> dict[str, Any]:
    house.remember(WINDOW_SECONDS + 300, 1)
    heap: list[float] = []
    with house.page() as page:
        page.goto(house.trend("-15m"))
        debugger = page.context.new_cdp_session(page)
        debugger.send("HeapProfiler.enable")
        page.get_by_text("every sample", exact=True).wait_for()
        begin = time.monotonic()
        while len(heap) < minutes:
            page.wait_for_timeout(max(0.0, begin + 60 * (len(heap) + 1) - time.monotonic()) * 1000)
            heap.append(used(page, debugger))
            say(f"minute {len(heap):2}: {heap[-1]:.2f} MB")
        shown = page.locator("#content").get_by_text("Live", exact=True).is_visible()
    watched = heap[FIRST_MINUTE - 1 :]
    lows = min(watched[-CYCLE_MINUTES:]) / min(watched[:CYCLE_MINUTES])
    return {
        "minutes": len(heap), "heap_mb": round(watched[0], 2), "heap_end_mb": round(heap[-1], 2),
        "growth": round(heap[-1] / watched[0] - 1, 4), "growth_of_lows": round(lows - 1, 4), "live": shown,
        "by_minute_mb": [round(each, 2) for each in heap],
    }  # fmt: skip


def used(page: Page, debugger: Any) -> float:
    """Megabytes that are still held after collections; what has just come in is gone by one of them."""
    found = []
    for _ in range(3):
        debugger.send("HeapProfiler.collectGarbage")
        found.append(debugger.send("Runtime.getHeapUsage")["usedSize"] / 1e6)
        page.wait_for_timeout(300)
    return min(found)


# -- lighthouse ------------------------------------------------------------------------------------------------------


def lighthouse(house: House, runs: int) -> dict[str, Any] | None:
    if not shutil.which("npx"):
        say("lighthouse: not measured, there is no npx")
        return None
    pages = {"overview": "/", "devices": "/devices", "trends": house.trend("-15m")}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, debugged(house, Path(folder)) as port:
        for name, route in pages.items():
            scores = [audit(f"{house.address}{route}", port, Path(folder) / "report.json") for _ in range(runs)]
            found[name] = max(scores, key=lambda each: each["performance"])
            say(f"{name:8} {', '.join(f'{key} {value:g}' for key, value in found[name].items())}")
    return found


@contextlib.contextmanager
def debugged(house: House, folder: Path) -> Iterator[int]:
    """A browser of its own, signed in, that another program drives through a port."""
    port = free_port("127.0.0.1")
    argv = [chromium(), *ARGUMENTS, "--headless=new", f"--remote-debugging-port={port}", f"--user-data-dir={folder}"]
    process = subprocess.Popen([*argv, "about:blank"], stderr=subprocess.DEVNULL)
    try:
        browser = connected(house.playwright, f"http://127.0.0.1:{port}")
        browser.contexts[0].add_cookies(house.cookies)
        browser.close()  # which leaves it running
        yield port
    finally:
        process.terminate()
        process.wait(30)


def connected(playwright: Playwright, address: str) -> Browser:
    deadline = time.monotonic() + 60
    while True:
        try:
            return playwright.chromium.connect_over_cdp(address)
        except PlaywrightError:  # it is still starting
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def audit(address: str, port: int, report: Path) -> dict[str, float]:
    argv = [
        "npx", "--yes", LIGHTHOUSE, address, "--preset=desktop", "--only-categories=performance,accessibility",
        f"--port={port}", "--disable-storage-reset", "--output=json", f"--output-path={report}", "--quiet",
    ]  # fmt: skip
    subprocess.run(argv, check=True, timeout=600, stdout=subprocess.DEVNULL)
    found = json.loads(report.read_text())
    assert urllib.parse.urlsplit(found["finalDisplayedUrl"]).path == urllib.parse.urlsplit(address).path, "signed out"
    scores = {name: round(100 * each["score"]) for name, each in found["categories"].items()}
    return {**scores, **{name: round(found["audits"][audit]["numericValue"], 3) for name, audit in METRICS.items()}}


# -- all of it -------------------------------------------------------------------------------------------------------

PARTS: dict[str, Callable[[House, Any], Any]] = {
    "lighthouse": lambda house, given: lighthouse(house, given.runs),
    "trend": lambda house, given: trend(house, given.runs),
    "table": lambda house, given: table(house, given.runs),
    "memory": lambda house, given: memory(house, given.minutes),
}


def reached(part: str, found: Any) -> bool:
    if part == "table":
        return all(each["ms"] <= TABLE_MS for each in found.values())
    if part == "trend":
        return all(each["ms"] <= TREND_MS for each in found.values())
    if part == "memory":
        return bool(found["live"] and found["growth"] <= GROWTH)
    return all(each["performance"] >= PERFORMANCE and each["accessibility"] >= ACCESSIBILITY for each in found.values())


def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        sys.exit("needs Chromium")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=sorted(PARTS), help="measure this alone; repeatable")
    parser.add_argument("--runs", type=int, default=5, help="how often each act is measured")
    parser.add_argument("--minutes", type=int, default=30, help="how long memory is watched")
    given = parser.parse_args()
    if given.minutes < FIRST_MINUTE + CYCLE_MINUTES:
        parser.error(f"--minutes must be at least {FIRST_MINUTE + CYCLE_MINUTES}")
    if not built(FOLDER):
        sys.exit("needs the built console: make console")
    figures: dict[str, Any] = {}
    settings = ["access.session_rotation_minutes=1440"]  # the session's cookie stays good
    with (
        tempfile.TemporaryDirectory() as folder,
        running_box(Path(folder) / "home", settings=settings) as box,
        sync_playwright() as playwright,
        contextlib.closing(playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)) as browser,
    ):
        box.until(lambda: box.good_values() >= TAGS, "live values")
        house = House(box, playwright, browser)
        for part, measure in PARTS.items():
            if part in (given.only or PARTS):
                say(f"-- {part}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")
                figures[part] = measure(house, given)
    measured = {part: found for part, found in figures.items() if found is not None}
    result = {
        "benchmark": "console",
        **figures,
        "targets": {
            "table_ms": TABLE_MS, "trend_ms": TREND_MS, "memory_growth": GROWTH, "performance": PERFORMANCE,
            "accessibility": ACCESSIBILITY,
        },
        "reached": {part: reached(part, found) for part, found in measured.items()},
        "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
