"""Machines that may enrol, in the records. Every function works in the caller's transaction."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, or_, select, update

from lineshaft.access.est.store import ENROLMENT
from lineshaft.access.lockout import Limit, Lockout
from lineshaft.access.pki import certificates
from lineshaft.access.pki.store import CERTIFICATE
from lineshaft.access.secret_texts import digest, new_secret
from lineshaft.access.sessions import AHEAD_US
from lineshaft.access.store import ATTEMPT, PRINCIPAL
from lineshaft.core import clock, ids
from lineshaft.core.errors import TooMany, Unauthenticated
from lineshaft.core.principals import Principal

WRONG_TOKENS: Final = 20
"""Wrong tokens from one address before nobody there is listened to for a while."""
_KEPT_US: Final = 30 * 24 * 3600 * clock.MICROSECONDS

# Built once: for each of hundreds of enrolments a second, building them would cost more than running them.
_RIGHT: Final = (
    select(
        ENROLMENT.c.id.label("right"), ENROLMENT.c.created.label("made"), ENROLMENT.c.expires, ENROLMENT.c.used,
        ENROLMENT.c.key, PRINCIPAL,
    )
    .join(PRINCIPAL, PRINCIPAL.c.id == ENROLMENT.c.principal)
    .where(ENROLMENT.c.tenant == bindparam("of_tenant"))
    .order_by(ENROLMENT.c.created.desc())
    .limit(1)
)  # fmt: skip
_BY_SECRET: Final = _RIGHT.where(ENROLMENT.c.digest == bindparam("proof"))
_BY_SERIAL: Final = _RIGHT.where(ENROLMENT.c.serial == bindparam("proof"))
_USE: Final = update(ENROLMENT).where(ENROLMENT.c.id == bindparam("right")).values(
    used=bindparam("now"), key=bindparam("public"))  # fmt: skip
_LOCK: Final = select(ATTEMPT.c.locked_until).where(ATTEMPT.c.subject == bindparam("from_where"))


def create(connection: Connection, principal: Principal, minutes: int, serial: str) -> tuple[str, int]:
    """(secret, expiry) of a new right to enrol; earlier ones of the same principal that were not used end.

    Args:
        serial: in the maker's certificate, which is then the proof; the secret is empty.
    """
    connection.execute(
        delete(ENROLMENT).where(ENROLMENT.c.principal == principal.id, ENROLMENT.c.used.is_(None))
    )  # fmt: skip
    now, secret = clock.now_us(), "" if serial else new_secret()
    expires = now + minutes * 60 * clock.MICROSECONDS
    connection.execute(
        insert(ENROLMENT).values(
            id=ids.new_id(), tenant=principal.tenant, principal=principal.id, digest=digest(secret) if secret else None,
            serial=serial, created=now, expires=expires, used=None, key="",
        )
    )  # fmt: skip
    return secret, expires


def find_by_secret(connection: Connection, tenant: str, name: str, secret: str, key: str) -> Row[Any]:
    """The right to enrol behind a one-time token; `right` is its id, the rest are the principal's columns.

    Args:
        key: digest of the public key that is to be certified: a used token is good again for the same key, so that a
            machine whose answer was lost can repeat its request.

    Raises:
        Unauthenticated: no such token, of another name, used with another key, used for a certificate that was revoked,
            expired, or its principal is revoked.
    """
    row = connection.execute(_BY_SECRET, {"of_tenant": tenant, "proof": digest(secret)}).one_or_none()
    if row is not None and row.name != name:
        raise refused("the token is another principal's")
    return _usable(connection, row, key)


def find_by_serial(connection: Connection, tenant: str, serial: str, key: str) -> Row[Any]:
    """The right to enrol of the machine with that serial number in its maker's certificate; as `find_by_secret`."""
    row = connection.execute(_BY_SERIAL, {"of_tenant": tenant, "proof": serial}).one_or_none()
    return _usable(connection, row, key)


def use(connection: Connection, right: str, key: str) -> None:
    """Use a right up; from now on it is good for the same key only."""
    connection.execute(_USE, {"right": right, "now": clock.now_us(), "public": key})


def withdraw(connection: Connection, principal: str) -> None:
    """End every right of a principal, so that who was revoked and came back enrols with a new one only."""
    connection.execute(delete(ENROLMENT).where(ENROLMENT.c.principal == principal))


def machines(connection: Connection, tenant: str) -> Sequence[Row[Any]]:
    """Machines that were ever let in, by name: since when their last right to enrol stands, and their newest certificate."""
    newest = (
        select(
            CERTIFICATE.c.principal, func.max(CERTIFICATE.c.issued).label("issued"),
            func.max(CERTIFICATE.c.not_after).label("not_after"),
        )
        .where(CERTIFICATE.c.tenant == tenant, CERTIFICATE.c.revoked.is_(None))
        .group_by(CERTIFICATE.c.principal)
        .subquery()
    )  # fmt: skip
    right = (
        select(
            ENROLMENT.c.principal, func.max(ENROLMENT.c.created).label("invited"),
            func.max(ENROLMENT.c.expires).label("expires"), func.max(ENROLMENT.c.used).label("used"),
        )
        .where(ENROLMENT.c.tenant == tenant)
        .group_by(ENROLMENT.c.principal)
        .subquery()
    )  # fmt: skip
    query = (
        select(PRINCIPAL.c.name, PRINCIPAL.c.kind, PRINCIPAL.c.attributes, PRINCIPAL.c.revoked, newest, right)
        .outerjoin(newest, newest.c.principal == PRINCIPAL.c.id)
        .outerjoin(right, right.c.principal == PRINCIPAL.c.id)
        .where(PRINCIPAL.c.tenant == tenant, or_(right.c.principal.is_not(None), newest.c.principal.is_not(None)))
        .order_by(PRINCIPAL.c.name)
    )
    return connection.execute(query).all()


def check_open(connection: Connection, address: str) -> None:
    """Refuse to listen to an address from which too many wrong tokens came.

    Raises:
        TooMany: it is locked.
    """
    until = connection.scalar(_LOCK, {"from_where": _subject(address)})
    left = (until or 0) - clock.now_us()
    if left > 0:
        minutes = -(-left // (60 * clock.MICROSECONDS))
        raise TooMany(
            "access.enrolment_locked", f"too many wrong tokens; enrolment from here is locked for {minutes} min",
            "Wait, or enrol from another address.", minutes=minutes, retry_seconds=minutes * 60,
        )  # fmt: skip


def charge(connection: Connection, lockout: Lockout, address: str) -> bool:
    """Count a wrong token; True where it is the one that locks."""
    return lockout.charge(connection, [Limit(_subject(address), WRONG_TOKENS)])


def sweep(connection: Connection) -> int:
    """Drop what was used or expired long ago; returns how many."""
    old = clock.now_us() - _KEPT_US
    return connection.execute(delete(ENROLMENT).where(or_(ENROLMENT.c.used < old, ENROLMENT.c.expires < old))).rowcount


def refused(reason: str) -> Unauthenticated:
    """The one answer to whoever may not enrol; the reason goes into the audit trail only."""
    error = Unauthenticated(
        "access.enrolment_refused", "enrolment is refused",
        "Use a token that is not used and not expired, or a certificate that is in force; `lineshaft edge invite` makes a token.",
    )  # fmt: skip
    error.__cause__ = Reason(reason)
    return error


class Reason(Exception):
    """Why enrolment was refused, for the audit trail."""


def _usable(connection: Connection, row: Row[Any] | None, key: str) -> Row[Any]:
    if row is None:
        raise refused("unknown")
    now = clock.now_us()
    if row.expires <= now or row.made > now + AHEAD_US:
        raise refused("expired")
    if row.used is not None and row.key != key:
        raise refused("used before with another key")
    if row.used is not None and certificates.any_revoked_since(connection, row.id, row.used):
        raise refused("used before, and its certificate revoked since")  # whoever has the key must not have another
    if row.revoked is not None:
        raise refused("the principal is revoked")
    return row


def _subject(address: str) -> str:
    return f"enrol:{address}"
