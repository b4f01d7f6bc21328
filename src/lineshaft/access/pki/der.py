"""The little of DER that is needed to put another key, algorithm and signature into what `cryptography` has built.

`cryptography` builds certificates for keys it knows; a key in a token or one on the SM2 curve is none of them.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from lineshaft.core.suites import Algorithm, PublicKey

SEQUENCE: Final = 0x30
_BIT_STRING: Final = 0x03

_ALGORITHMS: Final[dict[Algorithm, bytes]] = {
    "ecdsa-p256": bytes.fromhex("300a06082a8648ce3d040302"),  # ecdsa-with-SHA256
    "ed25519": bytes.fromhex("300506032b6570"),
    "sm2": bytes.fromhex("300a06082a811ccf55018375"),  # SM2-with-SM3
}


class Signer(Protocol):
    """A key that signs certificates, wherever it is."""

    @property
    def public(self) -> PublicKey: ...

    def sign_value(self, data: bytes) -> bytes: ...


def sign_certificate(built: bytes, signer: Signer, key: PublicKey | None = None) -> bytes:
    """A certificate built with stand-ins, signed by `signer`; with `key` as its subject's key where one is given."""
    parts = _parts(_parts(built)[0])
    parts[2] = _ALGORITHMS[signer.public.algorithm]
    if key is not None:
        parts[6] = key.der
    return _signed(parts, signer)


def sign_revocation_list(built: bytes, signer: Signer) -> bytes:
    """A revocation list built with a stand-in, signed by `signer`."""
    parts = _parts(_parts(built)[0])
    parts[1] = _ALGORITHMS[signer.public.algorithm]
    return _signed(parts, signer)


def sign_request(built: bytes, signer: Signer) -> bytes:
    """A certificate request built with a stand-in, for the signer's own key."""
    parts = _parts(_parts(built)[0])
    parts[2] = signer.public.der
    return _signed(parts, signer)


def key_in_certificate(der: bytes) -> bytes:
    """SubjectPublicKeyInfo of a certificate."""
    return _parts(_parts(der)[0])[6]


def key_in_request(der: bytes) -> bytes:
    """SubjectPublicKeyInfo of a certificate request."""
    return _parts(_parts(der)[0])[2]


def key_bits(key: bytes) -> bytes:
    """The public key itself, without algorithm and curve: what key identifiers are made from (RFC 5280, 4.2.1.2)."""
    begin, end = _content(_parts(key)[1], 0)
    return _parts(key)[1][begin + 1 : end]


def _signed(parts: Sequence[bytes], signer: Signer) -> bytes:
    body = _wrap(SEQUENCE, b"".join(parts))
    signature = _wrap(_BIT_STRING, b"\x00" + signer.sign_value(body))
    return _wrap(SEQUENCE, body + _ALGORITHMS[signer.public.algorithm] + signature)


def _parts(der: bytes) -> list[bytes]:
    """The elements of a sequence, each whole."""
    at, end = _content(der, 0)
    parts = []
    while at < end:
        _, after = _content(der, at)
        parts.append(der[at:after])
        at = after
    return parts


def _content(der: bytes, at: int) -> tuple[int, int]:
    """(begin, end) of the content of the element at `at`."""
    length, begin = der[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length, begin = int.from_bytes(der[begin : begin + count]), begin + count
    return begin, begin + length


def _wrap(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content
