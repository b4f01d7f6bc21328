"""What the framings have in common: calls, their answers, frames that are dropped and counted, the end of a connection."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from lineshaft.edge import metrics


class Call(NamedTuple):
    """A request without its frame."""

    unit: int
    pdu: bytes


DAMAGED = b""
"""In place of an answer that came, but not as it was sent."""


class Link(Protocol):
    """An open connection."""

    in_flight: int
    """Requests under way at once, at most."""

    async def ask(self, calls: Sequence[Call]) -> list[bytes | None]:
        """Answers in the order of the calls; None where none came in time, DAMAGED where it was unreadable.

        Raises:
            ConnectionError: the connection is gone; nobody knows which calls arrived.
        """

    async def lost(self) -> str:
        """Wait until the connection is gone; why."""

    def lose(self, reason: str) -> None:
        """Give the connection up."""


class Drops:
    """Counts frames that answer nothing, and logs the first of each sort since the connection was opened."""

    def __init__(self, device: str, log: Any) -> None:
        self._device = device
        self._log = log
        self._logged: set[str] = set()

    def forget(self) -> None:
        """A new connection: log anew."""
        self._logged.clear()

    def count(self, reason: str, **facts: Any) -> None:
        """One more of the sort `reason`."""
        metrics.DROPPED_FRAMES.labels(self._device, reason).inc()
        if reason not in self._logged:
            self._logged.add(reason)
            self._log.warning("edge_frame_dropped", device=self._device, reason=reason, **facts)


class Ending:
    """Why a connection ended, for everybody who waits for that."""

    def __init__(self) -> None:
        self._reason: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def over(self) -> bool:
        """Whether it has ended."""
        return self._reason.done()

    def say(self, reason: str) -> None:
        """The first reason counts."""
        if not self._reason.done():
            self._reason.set_result(reason)

    def error(self) -> ConnectionError:
        return ConnectionError(self._reason.result())

    async def wait(self) -> str:
        return await asyncio.shield(self._reason)
