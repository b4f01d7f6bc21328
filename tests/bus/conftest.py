"""What the bus's tests share: a real server per test, and waiting on conditions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from lineshaft.bus import services
from lineshaft.bus.testing import TestBus, embedded_bus, wait_patiently

DEADLINE_SECONDS = 60


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that never end do not hold up the end of their test."""
    monkeypatch.setattr(services, "_CLOSE_SECONDS", 0.3)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_patiently(monkeypatch)


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
