"""One-time sign-in links: good once, for a short time, for one person or for a new administrator."""

from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from lineshaft.access.model import NewInvitation
from lineshaft.access.secret_texts import digest, new_secret
from lineshaft.access.sessions import AHEAD_US
from lineshaft.access.store import INVITATION, PRINCIPAL
from lineshaft.core import clock, ids
from lineshaft.core.errors import Unauthenticated

_KEPT_US: Final = 30 * 24 * 3600 * clock.MICROSECONDS


def create(connection: Connection, tenant: str, minutes: int, *, person: Row[Any] | None = None) -> NewInvitation:
    """A new link in the caller's transaction; earlier ones for the same purpose end.

    Args:
        person: row of the principal it is for; None lets its holder choose the name of a new administrator.
    """
    principal = None if person is None else person.id
    connection.execute(
        delete(INVITATION).where(
            INVITATION.c.tenant == tenant, INVITATION.c.principal.is_not_distinct_from(principal),
            INVITATION.c.used.is_(None),
        )
    )  # fmt: skip
    now, text = clock.now_us(), new_secret()
    expires = now + minutes * 60 * clock.MICROSECONDS
    connection.execute(
        insert(INVITATION).values(
            id=ids.new_id(), digest=digest(text), principal=principal, tenant=tenant, created=now, expires=expires,
            used=None,
        )
    )  # fmt: skip
    return NewInvitation(name=None if person is None else person.name, text=text, expires=expires)


def find(connection: Connection, text: str) -> Row[Any]:
    """A link that can still be used, of whatever tenant: its columns, and `name` and `roles` of the person it is for (None where free).

    Raises:
        Unauthenticated: unknown, used, expired, or for somebody revoked since.
    """
    now = clock.now_us()
    row = connection.execute(
        select(INVITATION, PRINCIPAL.c.name, PRINCIPAL.c.roles)
        .outerjoin(PRINCIPAL, PRINCIPAL.c.id == INVITATION.c.principal)
        .where(
            INVITATION.c.digest == digest(text), INVITATION.c.used.is_(None),
            INVITATION.c.expires > now, INVITATION.c.created <= now + AHEAD_US, PRINCIPAL.c.revoked.is_(None),
        )
    ).one_or_none()  # fmt: skip
    if row is None:
        raise Unauthenticated(
            "access.invitation_refused", "the one-time link is not valid: used, expired, or replaced by a newer one",
            "Ask an administrator for a new one, or run `lineshaft access recover` on the machine itself.",
        )  # fmt: skip
    return row


def use(connection: Connection, text: str) -> Row[Any]:
    """Use up a link in the caller's transaction: of two at once, one succeeds.

    Raises:
        Unauthenticated: as `find`.
    """
    row = find(connection, text)
    taken = connection.execute(
        update(INVITATION).where(INVITATION.c.id == row.id, INVITATION.c.used.is_(None)).values(used=clock.now_us())
    )
    if taken.rowcount != 1:
        raise AssertionError("a serialisable transaction saw an invitation change")
    return row


def withdraw_free(connection: Connection, tenant: str) -> None:
    """End every unused link whose holder could become administrator under any name."""
    connection.execute(
        delete(INVITATION).where(
            INVITATION.c.tenant == tenant, INVITATION.c.principal.is_(None), INVITATION.c.used.is_(None)
        )
    )


def sweep(connection: Connection) -> int:
    """Drop links long used or expired; returns how many."""
    old = clock.now_us() - _KEPT_US
    return connection.execute(
        delete(INVITATION).where(or_(INVITATION.c.used < old, INVITATION.c.expires < old))
    ).rowcount
