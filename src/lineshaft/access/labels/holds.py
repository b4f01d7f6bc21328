"""Legal holds: while one lies on an object or above it, nothing of it is erased, by nobody and by no retention."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from lineshaft.access.labels.book import covers
from lineshaft.access.labels.model import Kind, Subject
from lineshaft.access.labels.store import HOLD
from lineshaft.core import clock, ids
from lineshaft.core.errors import Conflict, NotFound


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """One hold, open until it is released."""

    id: str
    kind: Kind
    object: str
    reason: str
    author: str
    created: int
    released: int | None = None
    released_by: str | None = None
    release_reason: str | None = None


def place(connection: Connection, tenant: str, subject: Subject, *, reason: str, author: str) -> Hold:
    """Put a hold on an object and what lies below it, in the caller's write transaction."""
    hold = Hold(
        id=ids.new_id(), kind=subject.kind, object=subject.path, reason=reason, author=author, created=clock.now_us()
    )
    connection.execute(insert(HOLD).values(tenant=tenant, **msgspec.structs.asdict(hold)))
    return hold


def release(connection: Connection, tenant: str, hold_id: str, *, reason: str, by: str) -> Hold:
    """End a hold.

    Raises:
        NotFound: there is none of this id. Conflict: it is released already.
    """
    found = next((hold for hold in every(connection, tenant) if hold.id == hold_id), None)
    if found is None:
        raise NotFound(
            "access.hold_unknown", f"there is no hold {hold_id[:26]!r}", "`lineshaft labels holds` lists them.",
            id=hold_id[:26],
        )  # fmt: skip
    if found.released is not None:
        raise Conflict(
            "access.hold_released", f"the hold {hold_id} was released at {clock.rfc3339(found.released)}",
            "Nothing is left to do.", id=hold_id, when=clock.rfc3339(found.released),
        )  # fmt: skip
    values: dict[str, Any] = {"released": clock.now_us(), "released_by": by, "release_reason": reason}
    connection.execute(update(HOLD).where(HOLD.c.id == hold_id).values(values))
    return msgspec.structs.replace(found, **values)


def every(connection: Connection, tenant: str) -> list[Hold]:
    """All holds, newest first."""
    query = select(HOLD).where(HOLD.c.tenant == tenant).order_by(HOLD.c.created.desc(), HOLD.c.id)
    names = Hold.__struct_fields__
    return [Hold(**{name: row[name] for name in names}) for row in connection.execute(query).mappings()]


def on(connection: Connection, tenant: str, subject: Subject) -> Hold | None:
    """An open hold that covers an object."""
    holds = every(connection, tenant)
    return next((hold for hold in holds if hold.released is None and covers(hold.kind, hold.object, subject)), None)


def held(connection: Connection, tenant: str, subjects: Iterable[Subject]) -> set[Subject]:
    """Those of some objects that an open hold covers."""
    holds = [hold for hold in every(connection, tenant) if hold.released is None]
    return {one for one in subjects if any(covers(hold.kind, hold.object, one) for hold in holds)}


def refuse_held(connection: Connection, tenant: str, subject: Subject) -> None:
    """Let nobody erase what is held.

    Raises:
        Conflict: a hold is open.
    """
    hold = on(connection, tenant, subject)
    if hold is not None:
        raise Conflict(
            "access.held", f"{subject.path!r} is under a legal hold since {clock.rfc3339(hold.created)}: {hold.reason}",
            "It can be erased once an administrator has released the hold.", object=subject.path, id=hold.id,
            when=clock.rfc3339(hold.created), reason=hold.reason,
        )  # fmt: skip
