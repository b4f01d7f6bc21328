"""Registrations and sign-ins of more than one step: begun in one browser, finished in the same, once, in time.

The browser holds a secret in a short-lived cookie; the records hold its digest. Challenge, state, nonce and verifier
are derived from the secret, so none is stored and none fits another browser.
"""

import base64
import hashlib
import hmac
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select

from lineshaft.access.people.store import CEREMONY
from lineshaft.access.secret_texts import digest, new_secret
from lineshaft.core import clock
from lineshaft.core.errors import TooMany, Unauthenticated

LIFE_SECONDS: Final = 300
PER_ADDRESS: Final = 50
"""Begun and not finished at one address; behind one router many people sign in at a change of shift."""
TOGETHER: Final = 20_000
"""When more are open, the oldest go: nobody can keep everybody else from beginning."""
_SKEW_US: Final = LIFE_SECONDS * clock.MICROSECONDS


class Ceremony(msgspec.Struct, frozen=True, kw_only=True):
    """One that has begun."""

    secret: str
    """The cookie's value."""
    kind: str
    principal: str | None
    """Who was signed in when it began."""
    target: str
    """Where to go afterwards."""

    def derive_bytes(self, purpose: str) -> bytes:
        """32 bytes that nobody knows who does not have the cookie."""
        return hmac.digest(self.secret.encode(), b"lineshaft " + purpose.encode(), hashlib.sha256)

    def derive(self, purpose: str) -> str:
        """The same as 43 characters for URLs."""
        return base64.urlsafe_b64encode(self.derive_bytes(purpose)).decode().rstrip("=")


def begin(
    connection: Connection, tenant: str, kind: str, address: str, *, principal: str | None = None, target: str = ""
) -> Ceremony:
    """A new one, in the caller's transaction.

    Raises:
        TooMany: too many are open at this address.
    """
    now = clock.now_us()
    sweep(connection)
    here, all_ = connection.execute(
        select(func.count().filter(CEREMONY.c.address == address), func.count()).select_from(CEREMONY)
    ).one()
    if all_ >= TOGETHER:
        oldest = select(CEREMONY.c.digest).order_by(CEREMONY.c.created).limit(all_ - TOGETHER + 1)
        connection.execute(delete(CEREMONY).where(CEREMONY.c.digest.in_(oldest.scalar_subquery())))
    if here >= PER_ADDRESS:
        raise TooMany(
            "access.ceremonies_too_many", "too many sign-ins have been begun here and not finished",
            "Finish one, or wait a few minutes.", retry_seconds=LIFE_SECONDS,
        )  # fmt: skip
    begun = Ceremony(secret=new_secret(), kind=kind, principal=principal, target=target)
    connection.execute(
        insert(CEREMONY).values(
            digest=digest(begun.secret), tenant=tenant, kind=kind, principal=principal, target=target,
            address=address, created=now, expires=now + LIFE_SECONDS * clock.MICROSECONDS,
        )
    )  # fmt: skip
    return begun


def take(connection: Connection, tenant: str, secret: str, *kinds: str) -> Ceremony:
    """Use up the ceremony of a cookie, whatever comes of it; of two at once one gets it.

    Raises:
        Unauthenticated: none, used, expired, or begun for something else.
    """
    now = clock.now_us()
    which = (CEREMONY.c.digest == digest(secret), CEREMONY.c.tenant == tenant)
    row: Any = connection.execute(select(CEREMONY).where(*which)).one_or_none()
    if row is not None:
        connection.execute(delete(CEREMONY).where(*which))
    if row is None or row.kind not in kinds or not row.created - _SKEW_US <= now < row.expires:
        raise over()
    return Ceremony(secret=secret, kind=row.kind, principal=row.principal, target=row.target)


def sweep(connection: Connection) -> int:
    """Drop those that have expired, or come from a future that the clock has left; returns how many."""
    return connection.execute(delete(CEREMONY).where(_is_over())).rowcount


def any_over(connection: Connection) -> bool:
    """Whether there is something to sweep."""
    return connection.scalar(select(CEREMONY.c.digest).where(_is_over()).limit(1)) is not None


def _is_over() -> ColumnElement[bool]:
    now = clock.now_us()
    return or_(CEREMONY.c.expires <= now, CEREMONY.c.created > now + _SKEW_US)


def over() -> Unauthenticated:
    return Unauthenticated(
        "access.ceremony_over", "this was not begun in this browser, took too long, or was used already", "Begin again."
    )
