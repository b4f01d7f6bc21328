"""What the access service is asked about certificates; who acts stands in `actor`."""

import msgspec

from lineshaft.access.model import Actor
from lineshaft.access.pki.certificates import Certificate


class IssueCertificate(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    name: str
    """Principal, by name or handle."""
    profile: str
    csr: str
    """PKCS #10, PEM."""
    names: list[str] = []
    """DNS names and addresses, for a server."""


class IssuedCertificate(msgspec.Struct, frozen=True, kw_only=True):
    certificate: Certificate
    chain: str
    """PEM: the certificate, then the issuing authority's."""


class RevokeCertificate(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    fingerprint: str
    reason: str
