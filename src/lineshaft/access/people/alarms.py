"""Alarms about sign-in: an audit entry of class `alarm` and the event `access.alarm`, in one transaction."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from lineshaft.access import audit
from lineshaft.access.audit import Act
from lineshaft.access.model import Outcome
from lineshaft.bus.envelopes import event_headers
from lineshaft.bus.subjects import Subjects
from lineshaft.records import outbox


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Event `access.alarm`."""

    what: str
    """`break_glass` or `cloned_passkey`."""
    principal: str
    name: str
    address: str


def announce(connection: Connection, subjects: Subjects, alarm: Alarm) -> None:
    """Send the event once the transaction has committed."""
    headers = event_headers(source=f"/{subjects.tenant}/{subjects.site}/access", type_="access.alarm")
    outbox.add(connection, subjects.event("access", "alarm"), msgspec.json.encode(alarm), headers)


def sound(
    connection: Connection, subjects: Subjects, alarm: Alarm, action: str, outcome: Outcome,
    facts: Mapping[str, Any],
) -> None:  # fmt: skip
    """Record an alarm and announce it."""
    act = Act(
        principal=alarm.principal, action=action, resource=alarm.principal, outcome=outcome, kind="alarm",
        facts={"address": alarm.address, "alarm": alarm.what, **facts},
    )  # fmt: skip
    audit.write(connection, subjects.tenant, act)
    announce(connection, subjects, alarm)
