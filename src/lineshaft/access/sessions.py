"""Sessions of signed-in browsers. Each sign-in makes a new one: a cookie that was planted beforehand is worth nothing."""

from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from lineshaft.access.browser import csrf_of
from lineshaft.access.model import Session, SignedIn
from lineshaft.access.secret_texts import digest, new_secret
from lineshaft.access.settings import AccessSettings
from lineshaft.access.store import PRINCIPAL, SESSION
from lineshaft.core import clock, ids
from lineshaft.core.errors import Unauthenticated
from lineshaft.core.principals import Principal

SEEN_EVERY_US: Final = 60 * clock.MICROSECONDS
"""How exactly the time of the last request is kept."""
AHEAD_US: Final = 300 * clock.MICROSECONDS
"""What was made further in the future than this was made before the clock stepped back, and is not believed."""
PER_PRINCIPAL: Final = 20
"""A person's oldest sessions end when there are more."""


def start(connection: Connection, principal: Principal, address: str, settings: AccessSettings) -> SignedIn:
    """A new session in the caller's transaction."""
    now, cookie = clock.now_us(), new_secret()
    session = Session(
        id=ids.new_id(), created=now, expires=now + settings.session_hours * 3600 * clock.MICROSECONDS,
        csrf=csrf_of(cookie),
    )  # fmt: skip
    connection.execute(
        insert(SESSION).values(
            id=session.id, digest=digest(cookie), principal=principal.id, created=now, seen=now,
            expires=session.expires, address=address,
        )
    )  # fmt: skip
    own = select(SESSION.c.id).where(SESSION.c.principal == principal.id).order_by(SESSION.c.created.desc())
    oldest = list(connection.scalars(own))[PER_PRINCIPAL:]
    connection.execute(delete(SESSION).where(SESSION.c.id.in_(oldest)))
    return SignedIn(principal=principal, session=session, cookie=cookie)


def find(connection: Connection, tenant: str, cookie: str) -> Row[Any]:
    """The session of a cookie with its principal's columns: `session`, `session_created`, `seen`, `expires`, and theirs.

    Raises:
        Unauthenticated: there is none.
    """
    row = connection.execute(
        select(
            SESSION.c.id.label("session"), SESSION.c.created.label("session_created"), SESSION.c.seen,
            SESSION.c.expires, PRINCIPAL,
        )
        .join(PRINCIPAL, PRINCIPAL.c.id == SESSION.c.principal)
        .where(SESSION.c.digest == digest(cookie), PRINCIPAL.c.tenant == tenant, PRINCIPAL.c.revoked.is_(None))
    ).one_or_none()  # fmt: skip
    if row is None:
        raise over()
    return row


def check(row: Row[Any], seen: int, idle_us: int) -> None:
    """Refuse a session that has ended; `seen` may be newer than the row's.

    Raises:
        Unauthenticated: too old, idle for too long, or from a future that the clock has left.
    """
    now = clock.now_us()
    if now >= row.expires or now - seen > idle_us or row.session_created > now + AHEAD_US:
        raise over()


def touch(connection: Connection, session: str, seen: int) -> None:
    """Note when a session was last used."""
    connection.execute(update(SESSION).where(SESSION.c.id == session).values(seen=seen))


def end(connection: Connection, cookie: str) -> str | None:
    """End the session of a cookie; returns its principal, None where there was none."""
    row = connection.execute(
        select(SESSION.c.id, SESSION.c.principal).where(SESSION.c.digest == digest(cookie))
    ).one_or_none()
    if row is None:
        return None
    connection.execute(delete(SESSION).where(SESSION.c.id == row.id))
    return str(row.principal)


def end_all(connection: Connection, principal: str) -> int:
    """End every session of a person; returns how many."""
    return connection.execute(delete(SESSION).where(SESSION.c.principal == principal)).rowcount


def sweep(connection: Connection, idle_us: int) -> int:
    """Drop sessions that have ended; returns how many."""
    now = clock.now_us()
    return connection.execute(
        delete(SESSION).where(or_(SESSION.c.expires < now, SESSION.c.seen < now - idle_us))
    ).rowcount


def over() -> Unauthenticated:
    return Unauthenticated("access.session_over", "you are not signed in, or the session has ended", "Sign in again.")
