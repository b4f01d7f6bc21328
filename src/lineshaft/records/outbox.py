"""The outbox: messages that leave the house exactly when the transaction that caused them commits.

`add` puts a message into the caller's own transaction; `records.relay` hands it to the bus, at least once, under an
id by which the bus recognises a repetition. Order: a message never overtakes one whose commit its own transaction
could see.
"""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, func, insert, select

from lineshaft.core import clock, ids
from lineshaft.records.database import announce
from lineshaft.records.store import OUTBOX

TOPIC = "outbox"


class OutboxMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message on its way out."""

    number: int
    id: str
    """The message id by which a receiver recognises a repetition."""
    subject: str
    payload: bytes
    headers: Mapping[str, str]
    created: int
    """Microseconds UTC."""


class OutboxState(msgspec.Struct, frozen=True, kw_only=True):
    """How the outbox stands, for status and metrics."""

    waiting: int
    oldest: int | None
    """When the oldest waiting message was added, microseconds UTC."""
    refused: int
    """Messages set aside because the bus refused them for good."""


def add(connection: Connection, subject: str, payload: bytes, headers: Mapping[str, str] | None = None) -> str:
    """Send `payload` to `subject` once this transaction has committed; returns the message id."""
    message_id = ids.new_id()
    connection.execute(
        insert(OUTBOX).values(
            id=message_id, subject=subject, payload=payload, headers=dict(headers or {}), created=clock.now_us()
        )
    )
    announce(connection, TOPIC)
    return message_id


def state(connection: Connection) -> OutboxState:
    """How many messages wait and since when, and how many were refused."""
    waiting, oldest = connection.execute(
        select(func.count(), func.min(OUTBOX.c.created)).where(OUTBOX.c.refused.is_(None))
    ).one()
    refused = connection.scalar(select(func.count()).where(OUTBOX.c.refused.is_not(None)))
    return OutboxState(waiting=waiting, oldest=oldest, refused=refused or 0)
