"""Whose certificate is it? Checked against the records: our issuing authority's signature, time, revocation, principal.

Works while the access service is down. Why one is refused is for the audit trail, never for the caller.
"""

from typing import Any, Final, Literal

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import SignatureAlgorithmOID
from sqlalchemy import Connection, Row, select

from lineshaft.access.pki import certificates, trust
from lineshaft.access.pki.csr import RSA_BITS
from lineshaft.access.pki.profiles import PROFILES
from lineshaft.access.store import PRINCIPAL
from lineshaft.core import clock
from lineshaft.core.errors import Unauthenticated

Refusal = Literal[
    "unreadable", "weak_hash", "weak_key", "unknown_issuer", "issuer_expired", "not_yet_valid", "expired",
    "not_recorded", "revoked", "not_for_calling", "principal_revoked",
]  # fmt: skip
"""Why a certificate is refused, for the audit trail."""

LONGEST: Final = 16_384
_WEAK: Final = frozenset(
    {
        SignatureAlgorithmOID.RSA_WITH_MD5, SignatureAlgorithmOID.RSA_WITH_SHA1, SignatureAlgorithmOID.ECDSA_WITH_SHA1,
        SignatureAlgorithmOID.DSA_WITH_SHA1,
    }
)  # fmt: skip


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that was good when it was looked at."""

    fingerprint: str
    begin: int
    end: int
    """Microseconds UTC."""
    row: Any
    """Of its principal."""

    @property
    def outdated(self) -> Refusal | None:
        """What time has done to it since."""
        return _at(clock.now_us(), self.begin, self.end)


class Refused(Exception):
    """A certificate is not accepted."""

    def __init__(self, reason: Refusal, *, fingerprint: str = "", principal: str = "") -> None:
        super().__init__(reason)
        self.reason: Final = reason
        self.fingerprint: Final = fingerprint
        self.principal: Final = principal
        """Handle; empty where nobody can be told, for what a stranger claims is not recorded."""


def verify(connection: Connection, tenant: str, der: bytes) -> Verified:
    """The certificate and its principal.

    Raises:
        Refused: with the reason.
    """
    certificate = _parse(der)
    fingerprint = certificates.fingerprint_of(certificate)
    reason = _weakness(certificate) or _issuer(connection, tenant, certificate)
    if reason is not None:
        raise Refused(reason, fingerprint=fingerprint)
    row = certificates.find(connection, tenant, fingerprint)
    if row is None:
        raise Refused("not_recorded", fingerprint=fingerprint)
    found = connection.execute(select(PRINCIPAL).where(PRINCIPAL.c.id == row.principal)).one_or_none()
    reason = _standing(row, found)
    if reason is not None:
        raise Refused(reason, fingerprint=fingerprint, principal=row.principal or "")
    return Verified(fingerprint=fingerprint, begin=row.not_before, end=row.not_after, row=found)


def refused() -> Unauthenticated:
    """What the caller hears, whatever the reason."""
    return Unauthenticated(
        "access.certificate_refused", "the certificate is not accepted",
        "The audit trail of the installation says why. Enrol anew where it has ended.",
    )  # fmt: skip


def _parse(der: bytes) -> x509.Certificate:
    try:
        if len(der) > LONGEST:
            raise Refused("unreadable")
        certificate = x509.load_der_x509_certificate(der)
        _ = certificate.issuer, certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Refused("unreadable") from error
    return certificate


def _weakness(certificate: x509.Certificate) -> Refusal | None:
    if certificate.signature_algorithm_oid in _WEAK:
        return "weak_hash"
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None  # SM2, or none that we issued
    return "weak_key" if isinstance(key, rsa.RSAPublicKey) and key.key_size < RSA_BITS else None


def _issuer(connection: Connection, tenant: str, certificate: x509.Certificate) -> Refusal | None:
    ours = certificates.authorities(connection, tenant, certificates.ISSUING)
    signers = [issuer for issuer in ours if trust.signed_by(certificate, issuer)]
    if not signers:
        return "unknown_issuer"
    return None if any(map(trust.valid_now, signers)) else "issuer_expired"


def _standing(row: Row[Any], principal: Row[Any] | None) -> Refusal | None:
    late = _at(clock.now_us(), row.not_before, row.not_after)
    if late is not None:
        return late
    if row.revoked is not None:
        return "revoked"
    if principal is None or row.profile not in PROFILES or not PROFILES[row.profile].proves:
        return "not_for_calling"
    return None if principal.revoked is None else "principal_revoked"


def _at(now: int, begin: int, end: int) -> Refusal | None:
    if now < begin:
        return "not_yet_valid"
    return "expired" if now >= end else None
