"""Bodies of EST: base64 of DER (RFC 8951), certs-only PKCS#7, the attributes that a request should have."""

import base64
import binascii
import re
import ssl
from collections.abc import Sequence
from typing import Final

from lineshaft.core.errors import InvalidInput

LARGEST_REQUEST: Final = 16384
"""Bytes of a request's body; an RSA key of 8,192 bits with a dozen names needs a fifth."""

CSR_ATTRIBUTES: Final = bytes.fromhex(
    "3021"  # CsrAttrs ::= SEQUENCE OF AttrOrOID (RFC 7030, 4.5.2)
    "3015"  # Attribute: id-ecPublicKey, SET { secp256r1 }
    "06072a8648ce3d0201"
    "310a"
    "06082a8648ce3d030107"
    "06082a8648ce3d040302"
)
_ARMOUR = re.compile(rb"-----(BEGIN|END) (NEW )?CERTIFICATE REQUEST-----")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def decode_request(body: bytes) -> bytes:
    """The DER in the body of an enrolment. PEM's first and last line are passed over: many clients send them.

    Raises:
        InvalidInput: not base64.
    """
    text = b"".join(_ARMOUR.sub(b"", body).split())
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise InvalidInput(
            "access.est_not_base64", f"the body is not base64: {error}",
            "Send the PKCS#10 request as base64 of its DER (RFC 8951).", field="body", reason=str(error),
        ) from error  # fmt: skip


def encode(der: bytes) -> bytes:
    """Base64 in lines of 76 characters."""
    return base64.encodebytes(der)


def certs_only(certificates: Sequence[bytes]) -> bytes:
    """PKCS#7 SignedData that holds certificates (each DER) and nothing else (RFC 7030, 4.1.3)."""
    body = b"".join(sorted(certificates))  # DER orders the elements of a set
    empty_set, version = b"\x31\x00", b"\x02\x01\x01"
    data = _tlv(0x30, bytes.fromhex("06092a864886f70d010701"))
    signed = _tlv(0x30, version + empty_set + data + _tlv(0xA0, body) + empty_set)
    return _tlv(0x30, bytes.fromhex("06092a864886f70d010702") + _tlv(0xA0, signed))


def certificates_in(text: str) -> list[bytes]:
    """The certificates in a PEM text, DER."""
    return [ssl.PEM_cert_to_DER_cert(part) for part in _CERTIFICATE.findall(text)]


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content
