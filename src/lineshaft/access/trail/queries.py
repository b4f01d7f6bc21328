"""Entries found again: search by what is indexed, one by its id, bodies by place, and what may be pruned."""

import base64
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, delete, func, or_, select, update

from lineshaft.access import audit
from lineshaft.access.model import AuditEntry, Outcome
from lineshaft.access.store import AUDIT, PRINCIPAL
from lineshaft.access.trail import personal
from lineshaft.access.vault import Vault
from lineshaft.core.errors import Conflict, NotFound

ERASED = "erased"
"""What stands in the place of a personal fact whose key is destroyed."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What a search is for; None asks for everything. Times are microseconds since 1970."""

    principal: str | None = None
    action: str | None = None
    """Whole, or its beginning with a `*` at the end."""
    resource: str | None = None
    outcome: Outcome | None = None
    kind: str | None = None
    trace: str | None = None
    start: int | None = None
    end: int | None = None


def search(
    connection: Connection, vault: Vault, tenant: str, wanted: Filter, *, before: tuple[int, str] | None, limit: int
) -> list[AuditEntry]:
    """Entries, newest first, older than the (time, id) `before`, with their personal facts where they still exist."""
    query = select(AUDIT).where(AUDIT.c.tenant == tenant, *_conditions(wanted))
    if before is not None:
        time, entry = before
        query = query.where(or_(AUDIT.c.time < time, and_(AUDIT.c.time == time, AUDIT.c.id < entry)))
    rows = connection.execute(query.order_by(AUDIT.c.time.desc(), AUDIT.c.id.desc()).limit(limit)).all()
    names = _names(connection, {row.principal for row in rows})
    entries = (audit.entry_of(row, **_personal(connection, vault, row)) for row in rows)
    return [msgspec.structs.replace(entry, name=names.get(entry.principal, "")) for entry in entries]


def _names(connection: Connection, handles: Collection[str]) -> dict[str, str]:
    found = connection.execute(select(PRINCIPAL.c.id, PRINCIPAL.c.name).where(PRINCIPAL.c.id.in_(handles)))
    return {row.id: row.name for row in found}


def _conditions(wanted: Filter) -> list[Any]:
    columns = {
        "principal": AUDIT.c.principal, "resource": AUDIT.c.resource, "outcome": AUDIT.c.outcome,
        "kind": AUDIT.c["class"], "trace": AUDIT.c.trace,
    }  # fmt: skip
    given = [(column, getattr(wanted, name)) for name, column in columns.items()]
    conditions = [column == value for column, value in given if value is not None]
    if wanted.action is not None:
        start, star, _ = wanted.action.partition("*")
        conditions.append(AUDIT.c.action.startswith(start, autoescape=True) if star else AUDIT.c.action == start)
    if wanted.start is not None:
        conditions.append(AUDIT.c.time >= wanted.start)
    if wanted.end is not None:
        conditions.append(AUDIT.c.time < wanted.end)
    return conditions


def _personal(connection: Connection, vault: Vault, row: Row[Any]) -> Mapping[str, Any]:
    held = msgspec.json.decode(row.body).get("personal") if row.body is not None else None
    if held is None:
        return {}
    try:
        text = vault.open(held["key"], base64.b64decode(held["sealed"]), row.id.encode(), connection=connection)
    except (Conflict, NotFound):  # destroyed, or from a backup without the key
        return {"personal": ERASED}
    return personal.decode(text)


def get_row(connection: Connection, tenant: str, entry: str) -> Row[Any]:
    """The row of one entry, by its id or its place in the ledger.

    Raises:
        NotFound: there is none, or it is pruned.
    """
    key = AUDIT.c.leaf == int(entry) if entry.isascii() and entry.isdigit() else AUDIT.c.id == entry
    row = connection.execute(select(AUDIT).where(AUDIT.c.tenant == tenant, key)).one_or_none()
    if row is None:
        raise NotFound(
            "access.audit_entry_unknown", f"the audit trail has no entry {entry[:40]!r}",
            "`lineshaft audit search` shows ids and places; entries past their retention may have been pruned.",
            value=entry[:40],
        )  # fmt: skip
    return row


def bodies_from(connection: Connection, tenant: str, place: int, limit: int) -> list[tuple[int, bytes, bytes]]:
    """(place, salt, body) of entries from a place on, in order."""
    query = select(AUDIT.c.leaf, AUDIT.c.salt, AUDIT.c.body).where(AUDIT.c.tenant == tenant, AUDIT.c.leaf >= place)
    return [(row.leaf, row.salt, row.body) for row in connection.execute(query.order_by(AUDIT.c.leaf).limit(limit))]


def forget_waiting(connection: Connection, tenant: str, subject: str) -> None:
    """Take a person's personal facts out of entries without a place, which would be sealed under a new key."""
    waiting = select(AUDIT).where(AUDIT.c.tenant == tenant, AUDIT.c.leaf.is_(None))
    for row in connection.execute(waiting).all():
        if personal.subject_of(row.principal, row.resource) == subject:
            facts, secret = personal.split(row.facts, subject)
            if secret:
                kept = {**facts, "personal": ERASED}
                connection.execute(update(AUDIT).where(AUDIT.c.id == row.id).values(facts=kept))


def first_kept(connection: Connection, tenant: str, moment: int) -> int | None:
    """The lowest place whose entry, or any before it, is not older than `moment`; None where all are."""
    kept = select(func.min(AUDIT.c.leaf)).where(AUDIT.c.tenant == tenant, AUDIT.c.time >= moment)
    return connection.scalar(kept)


def prune(connection: Connection, tenant: str, below: int) -> int:
    """Delete every entry with a place below `below`; returns how many. Their leaves stay in the ledger."""
    old = delete(AUDIT).where(AUDIT.c.tenant == tenant, AUDIT.c.leaf.is_not(None), AUDIT.c.leaf < below)
    return connection.execute(old).rowcount
