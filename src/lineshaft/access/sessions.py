"""Sessions of signed-in browsers. Each sign-in makes a new one: a cookie that was planted beforehand is worth nothing.

A session's secret, which is its cookie, is replaced by a new one from time to time and when its person's roles change;
the one before is good for a moment more, for the requests under way. The CSRF token stays, so pages need not know.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select, update

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
OLD_SECRET_US: Final = 30 * clock.MICROSECONDS
"""How long a replaced secret still counts."""


def start(
    connection: Connection, principal: Principal, address: str, settings: AccessSettings, *, ends: int | None = None
) -> SignedIn:
    """A new session in the caller's transaction; it ends at `ends` where that is given."""
    now, cookie = clock.now_us(), new_secret()
    session = Session(
        id=ids.new_id(), created=now, csrf=csrf_of(cookie),
        expires=now + settings.session_hours * 3600 * clock.MICROSECONDS if ends is None else ends,
    )  # fmt: skip
    connection.execute(
        insert(SESSION).values(
            id=session.id, digest=digest(cookie), principal=principal.id, created=now, seen=now,
            expires=session.expires, address=address, rotated=now,
        )
    )  # fmt: skip
    own = select(SESSION.c.id).where(SESSION.c.principal == principal.id).order_by(SESSION.c.created.desc())
    oldest = list(connection.scalars(own))[PER_PRINCIPAL:]
    connection.execute(delete(SESSION).where(SESSION.c.id.in_(oldest)))
    return SignedIn(principal=principal, session=session, cookie=cookie)


def find(connection: Connection, cookie: str) -> Row[Any]:
    """The session of a cookie with its principal's columns: `session`, `session_created`, `seen`, `expires`, `rotated`,
    `csrf`, `until` (None unless the cookie has been replaced), and theirs.

    Raises:
        Unauthenticated: there is none.
    """
    row = _find(connection, _has_secret(cookie))
    if row is None:
        raise over()
    return row


def find_by_id(connection: Connection, session: str) -> Row[Any]:
    """As `find`, for a session whose secret was proved before.

    Raises:
        Unauthenticated: it has ended.
    """
    row = _find(connection, SESSION.c.id == session)
    if row is None:
        raise over()
    return row


def _find(connection: Connection, which: ColumnElement[bool]) -> Row[Any] | None:
    return connection.execute(
        select(
            SESSION.c.id.label("session"), SESSION.c.created.label("session_created"), SESSION.c.seen,
            SESSION.c.expires, SESSION.c.rotated, SESSION.c.csrf, SESSION.c.digest, SESSION.c.previous_until, PRINCIPAL,
        )
        .join(PRINCIPAL, PRINCIPAL.c.id == SESSION.c.principal)
        .where(which, PRINCIPAL.c.revoked.is_(None))
    ).one_or_none()  # fmt: skip


def _has_secret(cookie: str) -> ColumnElement[bool]:
    """The session whose secret this is, or was a moment ago."""
    key, now = digest(cookie), clock.now_us()
    lately = SESSION.c.previous_until.between(now, now + OLD_SECRET_US)  # not from a future that the clock has left
    return or_(SESSION.c.digest == key, and_(SESSION.c.previous == key, lately))


def replaced(row: Row[Any], cookie: str) -> bool:
    """Whether the cookie is the one before a session's present one."""
    return bool(row.digest != digest(cookie))


def due(row: Row[Any], every_us: int) -> bool:
    """Whether a session should get a new secret."""
    age = clock.now_us() - row.rotated
    return age >= every_us or age < -AHEAD_US


def rotate(connection: Connection, cookie: str) -> str | None:
    """Give the session of this cookie a new one, returned; None where it has been replaced or has ended meanwhile."""
    row = connection.execute(
        select(SESSION.c.id, SESSION.c.csrf).where(SESSION.c.digest == digest(cookie))
    ).one_or_none()
    if row is None:
        return None
    now, renewed = clock.now_us(), new_secret()
    connection.execute(
        update(SESSION)
        .where(SESSION.c.id == row.id)
        .values(
            digest=digest(renewed), previous=digest(cookie), previous_until=now + OLD_SECRET_US, rotated=now,
            csrf=row.csrf or csrf_of(cookie),
        )
    )  # fmt: skip
    return renewed


def make_due(connection: Connection, principal: str) -> None:
    """Let each session of a person get a new secret with its next request."""
    connection.execute(update(SESSION).where(SESSION.c.principal == principal).values(rotated=0))


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
    row = connection.execute(select(SESSION.c.id, SESSION.c.principal).where(_has_secret(cookie))).one_or_none()
    if row is None:
        return None
    connection.execute(delete(SESSION).where(SESSION.c.id == row.id))
    return str(row.principal)


def list_of(connection: Connection, principal: str) -> list[Row[Any]]:
    """A person's sessions, the newest first: `id`, `created`, `seen`, `expires`, `address`."""
    columns = (SESSION.c.id, SESSION.c.created, SESSION.c.seen, SESSION.c.expires, SESSION.c.address)
    own = select(*columns).where(SESSION.c.principal == principal)
    return list(connection.execute(own.order_by(SESSION.c.created.desc(), SESSION.c.id.desc())))


def end_one(connection: Connection, principal: str, session: str) -> bool:
    """End one session of a person; whether there was one."""
    gone = delete(SESSION).where(SESSION.c.principal == principal, SESSION.c.id == session)
    return connection.execute(gone).rowcount == 1


def end_others(connection: Connection, principal: str, keep: str) -> int:
    """End every session of a person but one; returns how many."""
    gone = delete(SESSION).where(SESSION.c.principal == principal, SESSION.c.id != keep)
    return connection.execute(gone).rowcount


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
