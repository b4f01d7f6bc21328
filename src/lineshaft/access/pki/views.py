"""What the routes of certificates take and give as JSON. Times are RFC 3339."""

from typing import Annotated

import msgspec
from msgspec import Meta

from lineshaft.access.pki.certificates import Certificate
from lineshaft.access.pki.csr import LONGEST
from lineshaft.core import clock


class CertificateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request for a certificate."""

    name: Annotated[str, Meta(min_length=1, max_length=300)]
    """Principal, by name or handle."""
    profile: Annotated[str, Meta(max_length=40)] = "device"
    """service, device, server or node."""
    csr: Annotated[str, Meta(max_length=LONGEST)]
    """PKCS #10, PEM."""
    names: Annotated[list[Annotated[str, Meta(max_length=255)]], Meta(max_length=50)] = []
    """For a server: its DNS names and addresses."""


class RevocationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a certificate is revoked."""

    reason: Annotated[str, Meta(max_length=40)] = "unspecified"
    """unspecified, keyCompromise, affiliationChanged, superseded or cessationOfOperation (RFC 5280)."""


class CertificateView(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate."""

    fingerprint: str
    """SHA-256 of the DER, hexadecimal."""
    serial: str
    principal: str | None
    """Handle; null for the authority's own."""
    name: str | None
    profile: str
    """service, device, server, node; root and issuing for the authority's own."""
    suite: str
    """Algorithms it is signed with: intl or gm."""
    not_before: str
    not_after: str
    issued: str
    revoked: str | None
    reason: str
    """Why it was revoked; empty where it is not."""
    pem: str


class CertificatePage(msgspec.Struct, frozen=True, kw_only=True):
    """Certificates, newest first."""

    items: list[CertificateView]
    next: str | None
    """Cursor of the next page; null at the end."""


class IssuedView(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate just issued."""

    certificate: CertificateView
    chain: str
    """PEM: the certificate, then the issuing authority's."""


def certificate_view(certificate: Certificate) -> CertificateView:
    return CertificateView(
        fingerprint=certificate.fingerprint, serial=certificate.serial, principal=certificate.principal or None,
        name=certificate.name or None, profile=certificate.profile, suite=certificate.suite,
        not_before=clock.rfc3339(certificate.not_before), not_after=clock.rfc3339(certificate.not_after),
        issued=clock.rfc3339(certificate.issued),
        revoked=None if certificate.revoked is None else clock.rfc3339(certificate.revoked),
        reason=certificate.reason, pem=certificate.pem,
    )  # fmt: skip
