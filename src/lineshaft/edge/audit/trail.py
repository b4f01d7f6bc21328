"""Enters gateways' events into the audit trail: reads the bus's stream from where it had come to, each event once."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from lineshaft.access import audit
from lineshaft.access.audit import Act
from lineshaft.access.model import Outcome
from lineshaft.access.store import AUDIT
from lineshaft.bus import EVENTS, Bus
from lineshaft.core import clock, logs, trace
from lineshaft.core.errors import LineshaftError
from lineshaft.core.home import Home, write_file
from lineshaft.edge.audit.journal import Event
from lineshaft.edge.audit.part import TYPE
from lineshaft.records import Database

READER: Final = "audit"
_RETRY_SECONDS: Final = 1.0
_KEEP_EVERY: Final = 1000
"""Messages about other things after which the place is kept all the same."""
_REPEATED_US: Final = 24 * 3600 * clock.MICROSECONDS
"""How long after it was entered an event may come again and count once."""
_KINDS: Final = {"denied": "denial", "command_denied": "denial", "passed": "command"}


class _Place(msgspec.Struct):
    """What has been entered: up to which message, of which stream."""

    created: str = ""
    sequence: int = 0


class GuardTrail:
    """Runs for ever in one process.

    Args:
        home: keeps the place in the stream.
    """

    def __init__(self, database: Database, bus: Bus, home: Home) -> None:
        self._database = database
        self._bus = bus
        self._file: Path = home.folder("edge") / "audit_place.json"
        self._subject = bus.subjects.event("edge", TYPE)
        self._log = logs.get("edge")

    async def run(self) -> None:
        """Enter what comes; a lost bus or database is waited for."""
        said = ""
        while True:
            try:
                await self._follow()
            except LineshaftError as error:
                if error.code != said:
                    self._log.warning("audit_trail_waits", code=error.code, message=error.message)
                said = error.code
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self) -> None:
        state = await self._bus.stream_info(EVENTS)
        place = await asyncio.to_thread(self._place)
        first = place.sequence + 1 if place.created == state.created else state.first
        reader = self._bus.read_stream(EVENTS, first, reader=READER, created=state.created)
        async with contextlib.aclosing(reader):
            async for messages in reader:
                found = []
                for message in messages:
                    subject, _, gateway = message.subject.rpartition(".")
                    event = _read(message.data) if subject == self._subject else None
                    if event is not None:
                        found.append((gateway, event))
                if found:
                    await self._database.write(self._enter, found)
                reached = messages[-1].sequence
                if found or place.created != state.created or reached - place.sequence >= _KEEP_EVERY:
                    place = _Place(state.created, reached)
                    await asyncio.to_thread(write_file, self._file, msgspec.json.encode(place))

    def _place(self) -> _Place:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_Place)
        except (OSError, msgspec.MsgspecError):
            return _Place()

    def _enter(self, connection: Connection, found: Sequence[tuple[str, Event]]) -> None:
        tenant = self._bus.subjects.tenant
        for gateway, event in found:
            known = select(AUDIT.c.id).where(
                AUDIT.c.tenant == tenant, AUDIT.c.time > clock.now_us() - _REPEATED_US, AUDIT.c.trace == event.id
            )
            if connection.execute(known.limit(1)).first() is None:
                trace.resume(event.id)
                audit.write(connection, tenant, act_of(gateway, event))


def act_of(gateway: str, event: Event) -> Act:
    """An event as the audit trail has it. A foreign client is no principal of ours: it stands in the facts."""
    facts: dict[str, Any] = {**event.facts, "gateway": gateway}
    action = str(facts.pop("action", "guard.event"))
    verb = action.rpartition(".")[2]
    foreign = facts.get("foreign", True)
    outcome: Outcome = "denied" if _KINDS.get(verb) == "denial" else "done"
    places = facts.get("points") or [facts.get("node") or facts.get("space") or ""]
    device = facts.get("device", "")
    named = {"client" if key == "principal" else key: value for key, value in facts.items()}
    resource = "/".join(part for part in (str(device), str(places[0])) if part) if device else gateway
    return Act(
        principal="" if foreign else str(facts.get("principal", "")), action=f"guard:{verb}", resource=resource,
        outcome=outcome, kind=_KINDS.get(verb, "change"), facts=named,
    )  # fmt: skip


def _read(data: bytes) -> Event | None:
    try:
        return msgspec.json.decode(data, type=Event)
    except msgspec.MsgspecError:
        return None
