"""One box, one browser for the whole folder; a window of one's own for each test."""

import contextlib
import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from lineshaft.bus.server import free_port
from lineshaft.cli.testing import running_box
from lineshaft.edge.testing import absent_devices
from lineshaft.web.console import FOLDER, built

from .house import MANY, House, seat

BUILT = built(FOLDER)
TAGS = 54
"""The plant's, and the one of the device that `House.furnish` adds."""
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    """The first test waits for a box and a browser as well, and each of its looks may take a minute."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(900))


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
            box.until(lambda: box.good_values() >= TAGS, "the plant's values and the meter's are live and good")
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


@pytest.fixture
def many(house):
    """Ten thousand devices in the records, of a gateway that is not there; gone afterwards."""
    with absent_devices(house.box.home.path / "records.db", MANY):
        yield
