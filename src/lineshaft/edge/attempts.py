"""Looking at devices that are not, or not yet, configured: connect, look, hang up."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import msgspec

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput
from lineshaft.edge import units
from lineshaft.edge.address_space import BrowsePage, BrowseRequest, BrowseState, Found
from lineshaft.edge.driver import Browser, Source, Tools, find_driver
from lineshaft.edge.messages import TestReport
from lineshaft.edge.model import Device, Point

MOST_INSPECTED = 1000
MOST_SHOWN = 100
_SESSION_OPTIONS = frozenset(("client_id", "clean"))
"""What names a session that the other side keeps (MQTT): an attempt with it would take over that of the running device,
and with it the values that wait there."""


class Attempts:
    """Opens a connection of its own for each call, so that running devices are left alone."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def browse(self, device: Device, request: BrowseRequest) -> AsyncIterator[BrowsePage]:
        """Walk a device's address space; see `BrowseRequest`. Ends early where it is closed."""
        bare = msgspec.structs.replace(device, points=())
        async with self._open(bare) as browser, aclosing(browser.browse(request, BrowseState())) as pages:  # type: ignore[type-var]
            async for page in pages:
                yield msgspec.structs.replace(page, found=[settled(found) for found in page.found])

    async def inspect(self, device: Device, addresses: Sequence[str]) -> list[Found]:
        """Look up addresses of a device.

        Raises:
            InvalidInput: more at once than `MOST_INSPECTED`.
        """
        if len(addresses) > MOST_INSPECTED:
            raise InvalidInput(
                "edge.too_many_addresses", f"{len(addresses)} addresses were asked for at once, more than {MOST_INSPECTED}",
                "Ask in several portions.", field="addresses", value=len(addresses), maximum=MOST_INSPECTED,
            )  # fmt: skip
        async with self._open(device) as browser:
            return [settled(found) for found in await browser.inspect(addresses)]

    async def test(self, device: Device) -> TestReport:
        """Connect once and look up the device's points."""
        started = clock.monotonic()
        async with self._open(device) as browser:
            connected = clock.monotonic()
            about = await browser.about()
            refused: list[Found] = []
            first: list[Found] = []
            addresses = [point.address for point in device.points]
            for start in range(0, len(addresses), MOST_INSPECTED):
                part = addresses[start : start + MOST_INSPECTED]
                looked_up = [settled(found) for found in await browser.inspect(part)]
                refused += [found for found in looked_up if found.refused]
                first = first or looked_up[:MOST_SHOWN]
        connect_ms = round((connected - started) * 1000, 1)
        return TestReport(about=about, connect_ms=connect_ms, refused=refused, looked_up=first)

    @asynccontextmanager
    async def _open(self, device: Device) -> AsyncIterator[Browser]:
        """A connected source that can be browsed.

        Raises:
            InvalidInput: the device cannot be planned, or its driver cannot list what a device has.
        """
        driver = find_driver(device.driver)
        driver.plan(device)
        options = {name: value for name, value in device.options.items() if name not in _SESSION_OPTIONS}
        plan = driver.plan(msgspec.structs.replace(device, options=options))
        source: Source = driver.source(plan, self._tools)
        if not driver.manifest.browses or not isinstance(source, Browser):
            raise InvalidInput(
                "edge.driver_cannot_browse", f"the driver {device.driver!r} cannot list what a device has",
                "Give the points' addresses yourself.", field="driver", value=device.driver,
            )  # fmt: skip
        await self._tools.admission.check(device)
        try:
            await source.open()
            yield source
        finally:
            await source.close()


def settled(found: Found) -> Found:
    """What a driver found, with its unit as a code, or as text with a note where it is not known."""
    point, note = units.as_said(Point(name="", address="", unit=found.unit, unit_text=found.unit_text))
    return msgspec.structs.replace(found, unit=point.unit, unit_text=point.unit_text, note=found.note or note)
