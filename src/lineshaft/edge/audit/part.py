"""The gateway part `audit`: records for the guard and the proxies. Has no document."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from lineshaft.core import logs
from lineshaft.core.errors import LineshaftError
from lineshaft.core.health import Check
from lineshaft.edge.audit.journal import MOST, Event, Journal
from lineshaft.edge.guard.events import COMMAND_DENIED, DENIED
from lineshaft.edge.model import GatewayConfig
from lineshaft.edge.parts.model import Document, Surroundings
from lineshaft.edge.tasks import end

TYPE: Final = "guard"
"""Of the bus's events: `event.edge.guard.<gateway>`."""
_RETRY_SECONDS: Final = 2.0
MOST_DENIED_OF_ONE: Final = 500
MOST_DENIED: Final = MOST // 2
"""Events about denials that may wait on disk, of one principal and of all; further ones are counted, so that whoever is
denied while the bus is away does not use up the room without which nothing may be written."""
_MOST_COUNTS: Final = 1000


class AuditPart:
    """Keeps each event on disk, then sends it; a `Recorder` of the guard."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here
        self._journal: Journal | None = None
        self._disk = asyncio.Lock()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._trouble = ""
        self._denied: Counter[str] = Counter()
        """Events about denials on disk, by principal."""
        self._counts: dict[str, dict[str, Any]] = {}
        """Of further denials, by principal: one event that is kept when there is room."""
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
        self._denied = Counter(_denied_of(event.facts) for event in self._journal.waiting if _is_denial(event.facts))
        self._here.part("guard").recorder = self
        self._task = asyncio.create_task(self._send(), name="audit")
        self._news.set()
        if self._journal.damaged:
            await self.note({"action": "guard.journal_damaged", "lines": self._journal.damaged})

    async def note(self, facts: dict[str, Any]) -> None:
        """See `Recorder`."""
        if _is_denial(facts) and self._count(facts):
            return
        await self._keep(facts)
        self._log.info("guard_event", **facts)

    def checks(self) -> list[Check]:
        """Whether events reach the bus."""
        waiting = 0 if self._journal is None else len(self._journal.waiting)
        detail = f"{waiting} events wait: {self._trouble}" if self._trouble else ""
        return [Check(name="audit events", ok=not self._trouble, detail=detail)]

    def status(self) -> Mapping[str, Any]:
        """How many wait, and how many denials are only counted so far."""
        if self._journal is None:
            return {}
        counted = sum(facts["count"] for facts in self._counts.values())
        return {"waiting": len(self._journal.waiting), **({"counted": counted} if counted else {})}

    async def close(self) -> None:
        """Stop sending; what the guard still has to say, and what was counted, is kept for the next start."""
        await end(self._task)
        try:
            await self._keep_counts()
        except LineshaftError as error:
            self._log.error("audit_counts_lost", code=error.code, denials=self.status().get("counted", 0))

    def _count(self, facts: Mapping[str, Any]) -> bool:
        """Whether a denial is counted only: too many wait, of its principal or of all."""
        principal = _denied_of(facts)
        if self._denied[principal] < MOST_DENIED_OF_ONE and self._denied.total() < MOST_DENIED:
            return False
        whose = principal if principal in self._counts or len(self._counts) < _MOST_COUNTS else ""
        count = self._counts.get(whose)
        if count is None:
            count = self._counts[whose] = {
                "action": DENIED, "at": facts.get("at", ""), "count": 0, "principal": whose,
                "name": facts.get("name", "") if whose else "", "foreign": facts.get("foreign", True),
                "reason": "further denials while the bus was away, not listed",
            }  # fmt: skip
        count["count"] += facts.get("count", 1)
        count["last"] = facts.get("last", facts.get("at", ""))
        return True

    async def _keep_counts(self) -> None:
        while self._counts:
            principal = next(iter(self._counts))
            await self._keep(self._counts[principal])
            del self._counts[principal]

    async def _keep(self, facts: dict[str, Any]) -> None:
        assert self._journal is not None
        async with self._disk:
            await asyncio.to_thread(self._journal.keep, Event(secrets.token_hex(16), facts))
        if _is_denial(facts):
            self._denied[_denied_of(facts)] += 1
        self._news.set()

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
                    if _is_denial(event.facts):
                        self._denied[_denied_of(event.facts)] -= 1
                    if not self._journal.waiting:
                        self._denied.clear()
                        await self._keep_counts()
                except LineshaftError as error:
                    if not self._trouble:
                        self._log.warning("audit_waits", code=error.code, message=error.message)
                    self._trouble = error.message
                    await asyncio.sleep(_RETRY_SECONDS)
                else:
                    self._trouble = ""


def _is_denial(facts: Mapping[str, Any]) -> bool:
    return facts.get("action") in (DENIED, COMMAND_DENIED)


def _denied_of(facts: Mapping[str, Any]) -> str:
    return str(facts.get("principal", ""))
