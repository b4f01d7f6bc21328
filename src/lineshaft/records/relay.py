"""The relay: takes messages from the outbox to the bus, in order, and deletes what the bus has acknowledged.

One relay works at a time, however many processes have one: it holds a lease while there is something to send. Nobody's
clock matters to the lease: a holder whose beat has not moved while another relay watched for long enough is gone. Even
two relays at once would only repeat ids, in order.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from prometheus_client import Counter
from sqlalchemy import Connection, Row, delete, insert, select, update

from lineshaft.core import clock, ids, logs
from lineshaft.core.errors import InvalidInput, LineshaftError, TooLarge
from lineshaft.records.database import Database
from lineshaft.records.outbox import TOPIC, OutboxMessage
from lineshaft.records.store import LEASE, OUTBOX

LEASE_NAME = "outbox"
LEASE_SECONDS = 10.0
BATCH = 100
POLL_SECONDS = 1.0
FIRST_BACKOFF_SECONDS = 0.1
MAXIMUM_BACKOFF_SECONDS = 5.0
_NOBODY = ""

PUBLISHED = Counter("lineshaft_records_outbox_published", "Messages that the bus acknowledged")
REFUSED = Counter("lineshaft_records_outbox_refused", "Messages that the bus refused for good, now set aside")

Publish = Callable[[OutboxMessage], Awaitable[None]]
"""Hands one message over; returns once the receiver has it durably. Raises InvalidInput or TooLarge where it never
will take it, any other LineshaftError where it may later."""


class Hold(msgspec.Struct, frozen=True):
    """Who holds the lease, and its beat."""

    holder: str
    beat: int


class OutboxRelay:
    """Hands messages to `publish`, each at least once and always under the same id."""

    def __init__(self, db: Database, publish: Publish, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._db = db
        self._publish = publish
        self._lease_seconds = lease_seconds
        self._name = ids.new_id()
        self._rival: tuple[Hold, float] | None = None
        self._unsettled: dict[int, str | None] = {}  # number of a message handed over: None, or why it was refused
        self._log = logs.get("outbox")

    async def run(self) -> None:
        """Relay until cancelled: at once after a commit of this process, within a second after another's."""
        added = asyncio.Event()
        loop = asyncio.get_running_loop()
        forget = self._db.listen(TOPIC, lambda: loop.call_soon_threadsafe(added.set))
        poll = min(POLL_SECONDS, self._lease_seconds / 4)
        backoff, failing = FIRST_BACKOFF_SECONDS, ""
        try:
            while True:
                added.clear()
                try:
                    await self.drain()
                except LineshaftError as error:
                    if error.code != failing:
                        self._log.warning("outbox_stuck", code=error.code, message=error.message)
                    failing = error.code
                    await asyncio.sleep(backoff)
                    backoff = min(backoff * 2, MAXIMUM_BACKOFF_SECONDS)
                    continue
                if failing:
                    self._log.info("outbox_flows")
                backoff, failing = FIRST_BACKOFF_SECONDS, ""
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(poll):
                        await added.wait()
        finally:
            forget()

    async def drain(self) -> None:
        """Send all that waits now, unless another relay is at it.

        Raises:
            LineshaftError: what `publish` or the database raised; what was handed over before is settled.
        """
        while await self._db.query(_anything):
            batch = await self._take()
            if batch is None:
                return
            await self._send(batch)

    async def _take(self) -> list[OutboxMessage] | None:
        """The next messages and the lease to send them; None while another relay holds it."""
        gone = None
        if self._rival is not None and clock.monotonic() - self._rival[1] >= self._lease_seconds:
            gone = self._rival[0]
        taken = await self._db.write(_take, self._name, gone)
        if isinstance(taken, Hold):
            if self._rival is None or self._rival[0] != taken:
                self._rival = taken, clock.monotonic()
            return None
        self._rival = None
        return taken

    async def _send(self, batch: list[OutboxMessage]) -> None:
        """Hand a batch over, or as much of it as a third of the lease allows, and settle it whatever happens."""
        until = clock.monotonic() + self._lease_seconds / 3
        try:
            for message in batch:
                if message.number not in self._unsettled:
                    await self._hand_over(message)
                if clock.monotonic() > until:
                    break
        finally:
            await self._db.write(_settle, self._name, dict(self._unsettled))
            self._unsettled.clear()

    async def _hand_over(self, message: OutboxMessage) -> None:
        try:
            await self._publish(message)
        except (InvalidInput, TooLarge) as error:
            # It would be refused for ever, and everything behind it would wait.
            self._log.error("outbox_refused", message=message.id, subject=message.subject, reason=str(error))
            REFUSED.inc()
            self._unsettled[message.number] = str(error)
        else:
            PUBLISHED.inc()
            self._unsettled[message.number] = None


def _anything(connection: Connection) -> bool:
    return connection.scalar(select(OUTBOX.c.number).where(OUTBOX.c.refused.is_(None)).limit(1)) is not None


def _take(connection: Connection, name: str, gone: Hold | None) -> list[OutboxMessage] | Hold:
    """The first messages, after making the lease ours; or who holds it. A holder that is `gone` loses it."""
    row = connection.execute(select(LEASE.c.holder, LEASE.c.beat).where(LEASE.c.name == LEASE_NAME)).one_or_none()
    if row is None:
        connection.execute(insert(LEASE).values(name=LEASE_NAME, holder=name, beat=1))
    else:
        hold = Hold(row.holder, row.beat)
        if hold.holder not in (_NOBODY, name) and hold != gone:
            return hold
        connection.execute(update(LEASE).where(LEASE.c.name == LEASE_NAME).values(holder=name, beat=hold.beat + 1))
    waiting = select(OUTBOX).where(OUTBOX.c.refused.is_(None)).order_by(OUTBOX.c.number).limit(BATCH)
    return [_message(row) for row in connection.execute(waiting)]


def _settle(connection: Connection, name: str, handed_over: Mapping[int, str | None]) -> None:
    """Delete what was acknowledged, mark what was refused, give the lease back."""
    acknowledged = [number for number, reason in handed_over.items() if reason is None]
    connection.execute(delete(OUTBOX).where(OUTBOX.c.number.in_(acknowledged)))
    for number, reason in handed_over.items():
        if reason is not None:
            connection.execute(update(OUTBOX).where(OUTBOX.c.number == number).values(refused=reason))
    mine = (LEASE.c.name == LEASE_NAME) & (LEASE.c.holder == name)
    connection.execute(update(LEASE).where(mine).values(holder=_NOBODY))


def _message(row: Row[tuple[object, ...]]) -> OutboxMessage:
    return OutboxMessage(
        number=row.number, id=row.id, subject=row.subject, payload=bytes(row.payload),
        headers=row.headers, created=row.created,
    )  # fmt: skip
