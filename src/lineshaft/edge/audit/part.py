"""The gateway part `audit`: records for the guard and the proxies. Has no document."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any, Final

from lineshaft.core import logs
from lineshaft.core.errors import LineshaftError
from lineshaft.core.health import Check
from lineshaft.edge.audit.journal import Event, Journal
from lineshaft.edge.model import GatewayConfig
from lineshaft.edge.parts.model import Document, Surroundings
from lineshaft.edge.tasks import end

TYPE: Final = "guard"
"""Of the bus's events: `event.edge.guard.<gateway>`."""
_RETRY_SECONDS: Final = 2.0


class AuditPart:
    """Keeps each event on disk, then sends it; a `Recorder` of the guard."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here
        self._journal: Journal | None = None
        self._disk = asyncio.Lock()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._trouble = ""
        self._log = logs.get("edge")

    async def apply(self, document: Document | None, config: GatewayConfig) -> None:
        """Begin to record.

        Raises:
            Unavailable: the disk does not take events; the guard then keeps them, as many as it can.
        """
        if self._journal is not None:
            return
        folder = self._here.context.home.folder("edge") / "audit"
        self._journal = await asyncio.to_thread(Journal, folder)
        self._here.part("guard").recorder = self
        self._task = asyncio.create_task(self._send(), name="audit")
        self._news.set()
        if self._journal.damaged:
            await self.note({"action": "guard.journal_damaged", "lines": self._journal.damaged})

    async def note(self, facts: dict[str, Any]) -> None:
        """See `Recorder`."""
        assert self._journal is not None
        async with self._disk:
            await asyncio.to_thread(self._journal.keep, Event(secrets.token_hex(16), facts))
        self._news.set()
        self._log.info("guard_event", **facts)

    def checks(self) -> list[Check]:
        """Whether events reach the bus."""
        waiting = 0 if self._journal is None else len(self._journal.waiting)
        detail = f"{waiting} events wait: {self._trouble}" if self._trouble else ""
        return [Check(name="audit events", ok=not self._trouble, detail=detail)]

    def status(self) -> Mapping[str, Any]:
        """How many wait."""
        return {} if self._journal is None else {"waiting": len(self._journal.waiting)}

    async def close(self) -> None:
        """Stop sending; what the guard still has to say is kept for the next start."""
        await end(self._task)

    async def _send(self) -> None:
        assert self._journal is not None
        while True:
            await self._news.wait()
            self._news.clear()
            while self._journal.waiting:
                event = self._journal.waiting[0]
                try:
                    await self._here.bus.publish_event("edge", TYPE, event, id_=event.id, about=self._here.gateway)
                    async with self._disk:
                        await asyncio.to_thread(self._journal.forget, 1)
                except LineshaftError as error:
                    if not self._trouble:
                        self._log.warning("audit_waits", code=error.code, message=error.message)
                    self._trouble = error.message
                    await asyncio.sleep(_RETRY_SECONDS)
                else:
                    self._trouble = ""
