"""One box, one browser for the whole folder; a window of one's own for each test."""

import contextlib
import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

from lineshaft.bus.server import free_port
from lineshaft.cli.testing import running_box
from lineshaft.web.console import FOLDER, built

from .house import House, seat

BUILT = built(FOLDER)
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="package")
def needs_console():
    """Skips, or fails where everything must be there, while nobody has built the console."""
    if not BUILT:
        reason = "needs the built console: `make console`"
        if os.environ.get("LINESHAFT_REQUIRE_PEERS") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="package")
def house(tmp_path_factory, needs_console):
    # The port is the same after a restart, and a session's cookie stays good however long the tests take.
    settings = [f"web.port={free_port('127.0.0.1')}", "access.session_rotation_minutes=1440"]
    with running_box(tmp_path_factory.mktemp("console") / "home", settings=settings) as box:
        house = House(box)
        with contextlib.closing(house):
            house.furnish()
            box.until(lambda: box.good_values() >= 53, "the plant's values are live and good")
            yield house


@pytest.fixture(scope="package")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        with contextlib.closing(browser):
            yield browser


@pytest.fixture
def sit_down(browser, house):
    """`sit_down("olga", "zh")`: a `Desk` until the test's end."""
    with contextlib.ExitStack() as seats:
        yield lambda *who, **options: seats.enter_context(seat(browser, house, *who, **options))
