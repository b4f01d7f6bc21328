"""Reading a certificate request (RFC 2986), and refusing what must not get a certificate."""

import ipaddress
import re
from collections.abc import Collection
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from lineshaft.access.pki.der import key_in_request
from lineshaft.core.errors import InvalidInput, LineshaftError
from lineshaft.core.suites import PublicKey

LONGEST: Final = 16_384
"""Bytes of a request."""
RSA_BITS: Final = 2048
_SM2_WITH_SM3: Final = ObjectIdentifier("1.2.156.10197.1.501")
_HASHES: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_SM2_KEY: Final = bytes.fromhex("06082a811ccf5501822d")

_HOST: Final = re.compile(
    r"(?=.{1,253}$)(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)

AnyKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey | PublicKey


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks for, its holder's possession of the key proven."""

    key: AnyKey
    """`PublicKey` for SM2, which `cryptography` does not know."""
    names: tuple[str, ...]
    """DNS names and addresses."""


def read_request(
    given: bytes | x509.CertificateSigningRequest, *, name: str, uri: str, names: Collection[str]
) -> Request:
    """The key and the names that a request is for.

    Args:
        name, uri: what may stand in it as common name and as URI: those of the principal that asks.
        names: DNS names and addresses that it may have.

    Raises:
        InvalidInput: unreadable; SHA-1; a weak or unknown key; no proof of possession; somebody else's name.
    """
    request, key = prove(given)
    return Request(key=key, names=_names(request, name, uri, names))


def prove(given: bytes | x509.CertificateSigningRequest) -> tuple[x509.CertificateSigningRequest, AnyKey]:
    """A request and its key, with its proof of possession checked.

    Raises:
        InvalidInput: unreadable; SHA-1; a weak or unknown key; no proof.
    """
    request = given if isinstance(given, x509.CertificateSigningRequest) else _parse(given)
    key = _key(request)
    _check_hash(request)
    if not _proven(request, key):
        raise InvalidInput(
            "access.csr_signature_wrong", "the request is not signed by the key that it is for",
            "Make the request anew with the key that will use the certificate.", field="csr",
        )  # fmt: skip
    return request, key


def _parse(given: bytes) -> x509.CertificateSigningRequest:
    if len(given) > LONGEST:
        raise _unreadable(f"it has {len(given)} bytes, more than {LONGEST}")
    try:
        if given.lstrip().startswith(b"-----"):
            return x509.load_pem_x509_csr(given)
        return x509.load_der_x509_csr(given)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unreadable(str(error)[:200]) from error


def _unreadable(reason: str) -> InvalidInput:
    return InvalidInput(
        "access.csr_unreadable", f"the certificate request cannot be read: {reason}",
        "Give a PKCS #10 request in PEM or DER, such as `openssl req -new` makes.", field="csr", reason=reason,
    )  # fmt: skip


def _key(request: x509.CertificateSigningRequest) -> AnyKey:
    try:
        encoded = key_in_request(request.public_bytes(Encoding.DER))
        if _SM2_KEY in encoded:
            return PublicKey(encoded)
        key = request.public_key()
    except (ValueError, IndexError, UnsupportedAlgorithm, LineshaftError) as error:
        raise _weak("a kind that is not accepted") from error
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < RSA_BITS:
            raise _weak(f"RSA with {key.key_size} bits")
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1):
            raise _weak(f"EC on the curve {key.curve.name}")
        return key
    raise _weak("a kind that is not accepted")


def _weak(what: str) -> InvalidInput:
    return InvalidInput(
        "access.csr_key_weak", f"the request's key is {what}",
        f"Keys are EC on P-256 or P-384, Ed25519, SM2, or RSA with at least {RSA_BITS} bits.", field="csr", key=what,
        bits=RSA_BITS,
    )  # fmt: skip


def _check_hash(request: x509.CertificateSigningRequest) -> None:
    if request.signature_algorithm_oid == _SM2_WITH_SM3:
        return
    try:
        used = request.signature_hash_algorithm
    except UnsupportedAlgorithm:
        used = hashes.SHA1()  # noqa: S303  # unknown counts as weak
    if used is not None and not isinstance(used, _HASHES):
        raise InvalidInput(
            "access.csr_hash_weak", f"the request is signed with {used.name}, which is not accepted",
            "Sign it with SHA-256 or better (`openssl req -sha256`).", field="csr", hash=used.name,
        )  # fmt: skip


def _proven(request: x509.CertificateSigningRequest, key: AnyKey) -> bool:
    if isinstance(key, PublicKey):
        return key.verify_value(request.signature, request.tbs_certrequest_bytes)
    try:
        return request.is_signature_valid
    except (UnsupportedAlgorithm, ValueError):
        return False


def _names(request: x509.CertificateSigningRequest, name: str, uri: str, allowed: Collection[str]) -> tuple[str, ...]:
    common = [str(attribute.value) for attribute in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        found = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        found = x509.SubjectAlternativeName([])
    except (ValueError, x509.DuplicateExtension, UnsupportedAlgorithm) as error:
        raise _foreign("an extension that cannot be read") from error
    asked = []
    for entry in found:
        if isinstance(entry, x509.DNSName | x509.IPAddress):
            asked.append(normal_host(str(entry.value)))
        elif not isinstance(entry, x509.UniformResourceIdentifier) or entry.value != uri:
            raise _foreign(str(entry.value)[:80])
    mine = {normal_host(host) for host in allowed}
    for foreign in (*(text for text in common if text != name), *(text for text in asked if text not in mine)):
        raise _foreign(foreign[:80])
    return tuple(dict.fromkeys(asked))


def normal_host(text: str) -> str:
    """A DNS name in lower case, or an address in its shortest form."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text.lower()


def check_host(text: str, *, field: str = "names") -> str:
    """A DNS name or an address that may stand in a certificate, in its normal form.

    Raises:
        InvalidInput: neither.
    """
    host = normal_host(text)
    if not _HOST.fullmatch(host) and not _is_address(host):
        raise InvalidInput(
            "access.host_invalid", f"{field} holds {text[:80]!r}, which is no DNS name and no address",
            "Give names such as node1.example in ASCII, or IP addresses.", field=field, value=text[:80],
        )  # fmt: skip
    return host


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _foreign(what: str) -> InvalidInput:
    return InvalidInput(
        "access.csr_foreign_name",
        f"the request asks for the name {what!r}, which is not the principal's",
        "Leave names out of the request: the authority puts in those of the principal.",
        field="csr",
        value=what,
    )
