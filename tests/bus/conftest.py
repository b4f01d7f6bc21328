"""What the bus's tests share: a real server per test, and waiting on conditions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from lineshaft.bus import Bus, services, streams
from lineshaft.bus.testing import TestBus, embedded_bus

DEADLINE_SECONDS = 60


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that never end do not hold up the end of their test."""
    monkeypatch.setattr(services, "_CLOSE_SECONDS", 0.3)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that says no time of its own waits as long as a loaded machine may need for the answer."""
    for call in (Bus.request, Bus.request_stream, Bus.publish_stored):
        monkeypatch.setitem(call.__kwdefaults__, "timeout", 60.0)
    monkeypatch.setattr(streams, "API_SECONDS", 60.0)


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[TestBus]:
    """A running server with the site's streams."""
    async with embedded_bus(tmp_path) as running:
        yield running


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Waits until a condition holds; fails after a deadline."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition():  # noqa: ASYNC110  # what is waited for sets no event
                await asyncio.sleep(0.01)

    return wait
