"""Small questions about certificates: whose key, signed by whom, valid now, due to be renewed."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lineshaft.access.pki.der import key_in_certificate, key_in_request
from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.core.suites import PublicKey


def key_of(certificate: x509.Certificate) -> bytes:
    """SubjectPublicKeyInfo."""
    return key_in_certificate(certificate.public_bytes(Encoding.DER))


def holds(certificate: x509.Certificate, key: PublicKey) -> bool:
    """Whether it is this key's certificate."""
    return key_of(certificate) == key.der


def request_holds(pem: bytes, key: PublicKey) -> bool:
    """Whether it is this key's request."""
    try:
        return key_in_request(x509.load_pem_x509_csr(pem).public_bytes(Encoding.DER)) == key.der
    except ValueError:
        return False


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer's key made the signature, and the names say so too."""
    signed = certificate.signature, certificate.tbs_certificate_bytes
    return certificate.issuer == issuer.subject and _made_by(issuer, *signed)


def list_signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    """The same of a revocation list."""
    return crl.issuer == issuer.subject and _made_by(issuer, crl.signature, crl.tbs_certlist_bytes)


def valid_now(certificate: x509.Certificate) -> bool:
    now = clock.now()
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc


def fresh(certificate: x509.Certificate) -> bool:
    """Whether it is valid now and has more than a third of its life before it."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return valid_now(certificate) and end - clock.now() > (end - begin) / 3


def crl_number(crl: x509.CertificateRevocationList) -> int:
    """Its number (RFC 5280, 5.2.3); 0 where it has none."""
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return 0


def hosts(certificate: x509.Certificate) -> list[str]:
    """DNS names and addresses in it."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(entry.value) for entry in found if isinstance(entry, x509.DNSName | x509.IPAddress)]


def _made_by(issuer: x509.Certificate, signature: bytes, data: bytes) -> bool:
    try:
        key = PublicKey(key_of(issuer))
    except LineshaftError:
        return False
    return key.verify_value(signature, data)


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether it may sign certificates."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
