"""What the certificates look like: root, issuing, and those of principals; the revocation list; a request of our own.

Each is built by `cryptography` with a stand-in key, then signed by the real one, which may be in a token or on SM2.
"""

import functools
import ipaddress
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from lineshaft.access.pki.csr import AnyKey
from lineshaft.access.pki.der import Signer, key_bits, sign_certificate, sign_request, sign_revocation_list
from lineshaft.access.pki.profiles import Profile
from lineshaft.core import clock
from lineshaft.core.principals import Principal
from lineshaft.core.suites import PublicKey

BACKDATED_US: Final = 300 * clock.MICROSECONDS
"""A certificate begins this much before its making: clocks of other machines go slow."""


class Validity(msgspec.Struct, frozen=True, kw_only=True):
    """From when until when, in microseconds UTC."""

    begin: int
    end: int


class Revocation(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a revocation list."""

    serial: int
    time: int
    reason: str


def uri_of(handle: str) -> str:
    """How a certificate names its principal's handle."""
    return f"urn:lineshaft:{handle}"


def validity(life_us: int, within: x509.Certificate | None = None) -> Validity:
    """`life_us` from a little before now, and never past the end of the issuer's certificate."""
    begin = clock.now_us() - BACKDATED_US
    end = begin + life_us
    if within is not None:
        begin = max(begin, clock.to_us(within.not_valid_before_utc))
        end = min(end, clock.to_us(within.not_valid_after_utc))
    return Validity(begin=begin, end=end)


def authority_certificate(
    subject: x509.Name,
    key: PublicKey,
    path_length: int,
    valid: Validity,
    signer: Signer,
    issuer: x509.Name | None = None,
) -> x509.Certificate:
    """The certificate of a root (its own issuer) or of an issuing authority."""
    usage = _usage(key_cert_sign=True, crl_sign=True)
    builder = (
        _builder(subject, issuer or subject, valid)
        .public_key(_stand_in().public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(_identifier(key.der), critical=False)
        .add_extension(_issuer_identifier(signer.public.der), critical=False)
    )
    built = builder.sign(_stand_in(), hashes.SHA256()).public_bytes(Encoding.DER)
    return x509.load_der_x509_certificate(sign_certificate(built, signer, key))


def principal_certificate(
    principal: Principal, profile: Profile, key: AnyKey, names: Sequence[str], valid: Validity, issuer: x509.Certificate,
    signer: Signer,
) -> x509.Certificate:  # fmt: skip
    """The certificate of a principal."""
    encoded = (
        key.der if isinstance(key, PublicKey) else key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, principal.tenant),
            x509.NameAttribute(NameOID.COMMON_NAME, principal.name),
        ]
    )
    known = _stand_in().public_key() if isinstance(key, PublicKey) else key
    builder = (
        _builder(subject, issuer.subject, valid)
        .public_key(known)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage_of(known), critical=True)
        .add_extension(x509.ExtendedKeyUsage(profile.usages), critical=False)
        .add_extension(_alternative_names(principal.id, names), critical=False)
        .add_extension(_identifier(encoded), critical=False)
        .add_extension(_issuer_identifier(signer.public.der), critical=False)
    )
    built = builder.sign(_stand_in(), hashes.SHA256()).public_bytes(Encoding.DER)
    replaced = key if isinstance(key, PublicKey) else None
    return x509.load_der_x509_certificate(sign_certificate(built, signer, replaced))


def revocation_list(
    number: int, revoked: Iterable[Revocation], next_update: int, issuer: x509.Certificate, signer: Signer
) -> bytes:
    """A signed list, DER."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(_seconds(clock.now_us() - BACKDATED_US))
        .next_update(_seconds(next_update))
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(_issuer_identifier(signer.public.der), critical=False)
    )
    for line in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(line.serial).revocation_date(_seconds(line.time))
        if line.reason != "unspecified":  # RFC 5280, 5.3.1: then the extension is left out
            entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags(line.reason)), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    built = builder.sign(_stand_in(), hashes.SHA256()).public_bytes(Encoding.DER)
    return sign_revocation_list(built, signer)


def authority_request(subject: x509.Name, signer: Signer) -> x509.CertificateSigningRequest:
    """A request for the certificate of an issuing authority, for a root elsewhere."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    built = builder.sign(_stand_in(), hashes.SHA256()).public_bytes(Encoding.DER)
    return x509.load_der_x509_csr(sign_request(built, signer))


def authority_name(role: str, organization: str, key: PublicKey) -> x509.Name:
    """Subject of an authority; the key's id keeps two installations apart."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Lineshaft {role} {key.id[:16]}"),
        ]
    )


def _builder(subject: x509.Name, issuer: x509.Name, valid: Validity) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_seconds(valid.begin))
        .not_valid_after(_seconds(valid.end))
    )


def _alternative_names(handle: str, names: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri_of(handle)), *map(_host, names)])


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _identifier(key: bytes) -> x509.SubjectKeyIdentifier:
    """RFC 7093, method 1."""
    return x509.SubjectKeyIdentifier(_short_digest(key))


def _issuer_identifier(key: bytes) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier(_short_digest(key), None, None)


def _short_digest(key: bytes) -> bytes:
    context = hashes.Hash(hashes.SHA256())
    context.update(key_bits(key))
    return context.finalize()[:20]


def _usage_of(key: object) -> x509.KeyUsage:
    """What a principal's key is for. RSA keys are also OPC UA's, which asks for all four (OPC 10000-6, 6.2.2)."""
    return _usage(digital_signature=True, enciphers=isinstance(key, rsa.RSAPublicKey))


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False, enciphers: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature, key_cert_sign=key_cert_sign, crl_sign=crl_sign, content_commitment=enciphers,
        key_encipherment=enciphers, data_encipherment=enciphers, key_agreement=False, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip


def _seconds(microseconds: int) -> datetime:
    return clock.to_datetime(microseconds).replace(microsecond=0)


@functools.cache
def _stand_in() -> ec.EllipticCurvePrivateKey:
    """Signs what is about to be signed anew; protects nothing."""
    return ec.generate_private_key(ec.SECP256R1())
