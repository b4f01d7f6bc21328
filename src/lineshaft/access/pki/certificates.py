"""Certificates in the records. Every function works in the caller's transaction."""

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection, Row, Select, and_, delete, insert, or_, select, update

from lineshaft.access.pki.building import Revocation
from lineshaft.access.pki.store import CERTIFICATE
from lineshaft.access.store import PRINCIPAL
from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput, NotFound
from lineshaft.core.suites import Suite
from lineshaft.records.database import announce

TOPIC: Final = "certificates"
"""Told to listeners on the database when something was revoked."""

Reason = Literal["unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation"]
REASONS: Final[tuple[Reason, ...]] = (
    "unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation",
)  # fmt: skip
"""RFC 5280, 5.3.1, without those that do not fit."""

KEPT_US: Final = 366 * 86_400 * clock.MICROSECONDS
"""How long a certificate that has ended stays in the records; the audit trail keeps its issue longer."""
ISSUING: Final = "issuing"
ROOT: Final = "root"


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate as lists show it. Times are microseconds UTC."""

    fingerprint: str
    serial: str
    principal: str
    """Handle; empty for the authority's own."""
    name: str
    profile: str
    suite: str
    not_before: int
    not_after: int
    issued: int
    revoked: int | None
    reason: str
    pem: str


def fingerprint_of(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def record(
    connection: Connection, tenant: str, certificate: x509.Certificate, *, profile: str, suite: Suite,
    principal: str | None,
) -> None:  # fmt: skip
    """Note a certificate just issued."""
    connection.execute(
        insert(CERTIFICATE).values(
            fingerprint=fingerprint_of(certificate), serial=f"{certificate.serial_number:x}", tenant=tenant,
            principal=principal, profile=profile, suite=suite,
            not_before=clock.to_us(certificate.not_valid_before_utc),
            not_after=clock.to_us(certificate.not_valid_after_utc), issued=clock.now_us(), revoked=None, reason="",
            pem=certificate.public_bytes(Encoding.PEM).decode("ascii"),
        )
    )  # fmt: skip


def record_authority(
    connection: Connection, tenant: str, certificate: x509.Certificate, *, profile: str, suite: Suite
) -> None:
    """Note a certificate of the authority itself, where it is not noted yet."""
    if find(connection, tenant, fingerprint_of(certificate)) is None:
        record(connection, tenant, certificate, profile=profile, suite=suite, principal=None)


def find(connection: Connection, tenant: str, fingerprint: str) -> Row[Any] | None:
    """The row of a certificate; None where the installation has issued no such."""
    query = select(CERTIFICATE).where(CERTIFICATE.c.tenant == tenant, CERTIFICATE.c.fingerprint == fingerprint)
    return connection.execute(query).one_or_none()


def stands(connection: Connection, tenant: str, fingerprint: str) -> bool:
    """Whether it is one of ours and not revoked, as of this transaction: what was verified before may be seconds old."""
    row = find(connection, tenant, fingerprint)
    return row is not None and row.revoked is None


def any_revoked_since(connection: Connection, principal: str, time: int) -> bool:
    """Whether something of a principal was revoked at or after a time."""
    since = CERTIFICATE.c.principal == principal, CERTIFICATE.c.revoked >= time
    return connection.execute(select(CERTIFICATE.c.fingerprint).where(*since).limit(1)).first() is not None


def get(connection: Connection, tenant: str, fingerprint: str) -> Certificate:
    """One certificate.

    Raises:
        NotFound: there is none.
    """
    query = _shown(tenant).where(CERTIFICATE.c.fingerprint == fingerprint.replace(":", "").lower())
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(
            "access.certificate_unknown", f"there is no certificate with the fingerprint {fingerprint[:100]!r}",
            "`lineshaft pki list` shows all; the fingerprint is SHA-256 in hexadecimal.", value=fingerprint[:100],
        )  # fmt: skip
    return _certificate(row)


def list_all(
    connection: Connection, tenant: str, *, before: tuple[int, str] | None = None, limit: int = 100,
    principal: str | None = None,
) -> list[Certificate]:  # fmt: skip
    """Certificates, newest first, issued before the (time, fingerprint) `before`."""
    key = CERTIFICATE.c.issued, CERTIFICATE.c.fingerprint
    query = _shown(tenant).order_by(*(column.desc() for column in key)).limit(limit)
    if principal is not None:
        query = query.where(CERTIFICATE.c.principal == principal)
    if before is not None:
        time, fingerprint = before
        older = and_(CERTIFICATE.c.issued == time, CERTIFICATE.c.fingerprint < fingerprint)
        query = query.where(or_(CERTIFICATE.c.issued < time, older))
    return [_certificate(row) for row in connection.execute(query)]


def of_principal(connection: Connection, principal: str) -> list[Row[Any]]:
    """A principal's certificates that are not revoked, newest first; those that have ended too."""
    query = select(CERTIFICATE).where(CERTIFICATE.c.principal == principal, CERTIFICATE.c.revoked.is_(None))
    return list(connection.execute(query.order_by(CERTIFICATE.c.issued.desc())))


def revoke(connection: Connection, tenant: str, fingerprint: str, reason: str = "unspecified") -> Certificate:
    """Revoke one certificate for ever; one that is revoked keeps its time and reason.

    Raises:
        NotFound: there is none, or it is the authority's own. InvalidInput: no such reason.
    """
    found = get(connection, tenant, fingerprint)
    if not found.principal:
        raise InvalidInput(
            "access.certificate_of_authority", "a certificate of the authority itself cannot be revoked here",
            "Restore the keys, or begin a new installation, where its key is lost.", field="fingerprint",
            value=found.fingerprint,
        )  # fmt: skip
    _revoke(connection, [found.fingerprint], _check_reason(reason))
    return get(connection, tenant, found.fingerprint)


def revoke_all(connection: Connection, principal: str, reason: Reason = "cessationOfOperation") -> list[str]:
    """Revoke everything a principal has; returns the fingerprints."""
    prints = [row.fingerprint for row in of_principal(connection, principal)]
    _revoke(connection, prints, reason)
    return prints


def revoked(connection: Connection, tenant: str) -> list[Revocation]:
    """What the revocation list must hold: everything revoked that has not ended by itself."""
    query = (
        select(CERTIFICATE.c.serial, CERTIFICATE.c.revoked, CERTIFICATE.c.reason)
        .where(
            CERTIFICATE.c.tenant == tenant, CERTIFICATE.c.revoked.is_not(None),
            CERTIFICATE.c.not_after > clock.now_us(),
        )
        .order_by(CERTIFICATE.c.revoked, CERTIFICATE.c.serial)
    )  # fmt: skip
    return [
        Revocation(serial=int(row.serial, 16), time=row.revoked, reason=row.reason) for row in connection.execute(query)
    ]


def sweep(connection: Connection, tenant: str) -> int:
    """Forget certificates that ended more than `KEPT_US` ago, the authority's own excepted; returns how many."""
    ended = (
        CERTIFICATE.c.tenant == tenant, CERTIFICATE.c.principal.is_not(None),
        CERTIFICATE.c.not_after < clock.now_us() - KEPT_US,
    )  # fmt: skip
    return connection.execute(delete(CERTIFICATE).where(*ended)).rowcount


def authorities(connection: Connection, tenant: str, profile: str) -> list[x509.Certificate]:
    """The authority's own certificates, newest first; renewed ones hold the same key."""
    query = (
        select(CERTIFICATE.c.pem)
        .where(CERTIFICATE.c.tenant == tenant, CERTIFICATE.c.profile == profile, CERTIFICATE.c.principal.is_(None))
        .order_by(CERTIFICATE.c.issued.desc())
    )
    return [x509.load_pem_x509_certificate(pem.encode("ascii")) for pem in connection.scalars(query)]


def _revoke(connection: Connection, fingerprints: Sequence[str], reason: Reason) -> None:
    standing = CERTIFICATE.c.fingerprint.in_(fingerprints), CERTIFICATE.c.revoked.is_(None)
    changed = connection.execute(update(CERTIFICATE).where(*standing).values(revoked=clock.now_us(), reason=reason))
    if changed.rowcount:
        announce(connection, TOPIC)


def _check_reason(reason: str) -> Reason:
    for known in REASONS:
        if known == reason:
            return known
    raise InvalidInput(
        "access.revocation_reason", f"reason is {reason[:40]!r}, which is none", "Reasons are " + ", ".join(REASONS) + ".",
        field="reason", value=reason[:40], reasons=", ".join(REASONS),
    )  # fmt: skip


def _shown(tenant: str) -> Select[Any]:
    joined = CERTIFICATE.outerjoin(PRINCIPAL, PRINCIPAL.c.id == CERTIFICATE.c.principal)
    return select(CERTIFICATE, PRINCIPAL.c.name).select_from(joined).where(CERTIFICATE.c.tenant == tenant)


def _certificate(row: Row[Any]) -> Certificate:
    return Certificate(
        fingerprint=row.fingerprint, serial=row.serial, principal=row.principal or "", name=row.name or "",
        profile=row.profile, suite=row.suite, not_before=row.not_before, not_after=row.not_after, issued=row.issued,
        revoked=row.revoked, reason=row.reason, pem=row.pem,
    )  # fmt: skip
