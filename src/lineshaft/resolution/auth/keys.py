"""Public keys as HS_PUBKEY holds them, and signing and verifying with every kind.

    kind (bytes behind a length) · flags (u16) · the key's parts, each behind its length

RSA: exponent, modulus. P-256, Ed25519 and SM2 have one part, SubjectPublicKeyInfo in DER; the reference implementation
knows RSA, and the Chinese dialect SM2 in this form. DSA is not accepted.
"""

import base64
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from lineshaft.core import suites
from lineshaft.core.errors import InvalidInput, LineshaftError
from lineshaft.resolution.fields import Malformed, Reader, counted, u16

RSA: Final = b"RSA_PUB_KEY"
EC: Final = b"EC_PUB_KEY"
ED25519: Final = b"ED25519_PUB_KEY"
SM2: Final = b"SM2_PUB_KEY"

SHA1: Final = b"SHA1"
SHA256: Final = b"SHA-256"
SM3: Final = b"SM3"

PublicKey = rsa.RSAPublicKey | suites.PublicKey
PrivateKey = rsa.RSAPrivateKey | suites.PrivateKey

_LEAST_RSA_BITS: Final = 2048
_MOST_RSA_BITS: Final = 8192
_KINDS: Final[dict[str, bytes]] = {"ecdsa-p256": EC, "ed25519": ED25519, "sm2": SM2}
_HASHES: Final[dict[bytes, type[hashes.HashAlgorithm]]] = {
    b"SHA1": hashes.SHA1, b"SHA-1": hashes.SHA1, b"\x02": hashes.SHA1,
    b"SHA-256": hashes.SHA256, b"SHA256": hashes.SHA256, b"\x03": hashes.SHA256,
}  # fmt: skip


def decode_public_key(data: bytes) -> PublicKey:
    """The key that an HS_PUBKEY value, or a server's description, holds.

    Raises:
        Malformed: not in that form. InvalidInput: of a kind, or a size, that is not accepted.
    """
    reader = Reader(data)
    kind = reader.bytes("kind of key")
    reader.u16("flags of the key")
    if kind == RSA:
        exponent, modulus = (int.from_bytes(reader.bytes(part)) for part in ("exponent", "modulus"))
        if data[reader.offset :] != b"\0\0\0\0":  # the reference implementation leaves four zeros behind RSA keys
            reader.finish("public key")
        return _rsa(exponent, modulus)
    if kind not in _KINDS.values():
        raise InvalidInput(
            "resolution.key_kind", f"keys of kind {kind.decode('ascii', 'replace')} are not accepted",
            "Use RSA, P-256, Ed25519 or SM2.", field="public key", value=kind.decode("ascii", "replace"),
        )  # fmt: skip
    der = reader.bytes("public key")
    reader.finish("public key")
    return _of_suite(der, kind)


def encode_public_key(key: PublicKey) -> bytes:
    """The data of an HS_PUBKEY value."""
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return counted(RSA) + u16(0) + counted(_signed(numbers.e)) + counted(_signed(numbers.n))
    return counted(_KINDS[key.algorithm]) + u16(0) + counted(key.der)


def public_key_of(key: PrivateKey) -> PublicKey:
    return key.public_key() if isinstance(key, rsa.RSAPrivateKey) else key.public


def load_private_key(pem: str) -> PrivateKey:
    """A private key of any accepted kind, from PKCS #8 in PEM without a passphrase.

    Raises:
        LineshaftError: unreadable, or of a kind that is not accepted.
    """
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, UnsupportedAlgorithm):
        return suites.PrivateKey.from_pem(pem)
    return key if isinstance(key, rsa.RSAPrivateKey) else suites.PrivateKey.from_pem(pem)


def load_public_key(pem: str) -> PublicKey:
    """A public key of any accepted kind, from SubjectPublicKeyInfo in PEM.

    Raises:
        LineshaftError: unreadable, or of a kind or size that is not accepted.
    """
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return suites.PublicKey.from_pem(pem)
    if isinstance(key, rsa.RSAPublicKey):
        return _rsa(key.public_numbers().e, key.public_numbers().n)
    return suites.PublicKey.from_pem(pem)


def generate_rsa(bits: int = _LEAST_RSA_BITS) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def sign(key: PrivateKey, data: bytes, *, sha1: bool = False) -> tuple[bytes, bytes]:
    """Name of the digest, and signature over `data`.

    Args:
        key: any accepted kind; RSA signs by PKCS #1 v1.5, P-256 by ECDSA in DER.
        data: what to sign.
        sha1: RSA as before version 2.7.
    """
    if isinstance(key, rsa.RSAPrivateKey):
        algorithm = hashes.SHA1() if sha1 else hashes.SHA256()  # noqa: S303  RFC 3652 knows no other
        return SHA1 if sha1 else SHA256, key.sign(data, padding.PKCS1v15(), algorithm)
    return SM3 if key.algorithm == "sm2" else SHA256, key.sign_value(data)


def verify(key: PublicKey, digest: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the key made the signature over `data` with the digest of that name."""
    if isinstance(key, rsa.RSAPublicKey):
        algorithm = _HASHES.get(digest.upper())
        if algorithm is None:
            return False
        try:
            key.verify(signature, data, padding.PKCS1v15(), algorithm())
        except InvalidSignature:
            return False
        return True
    expected = {SM3} if key.algorithm == "sm2" else {SHA256, b"SHA256"}
    return digest.upper() in expected and key.verify_value(signature, data)


def to_jwk(key: PublicKey) -> dict[str, str]:
    """JSON Web Key, public part (RFC 7517, 8037); SM2 is `{"kty": "EC", "crv": "SM2", "der": …}`."""
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": _base64url_number(numbers.n), "e": _base64url_number(numbers.e)}
    if key.algorithm == "sm2":
        return {"kty": "EC", "crv": "SM2", "der": _base64url(key.der)}
    loaded: Any = serialization.load_der_public_key(key.der)
    if isinstance(loaded, ec.EllipticCurvePublicKey):
        point = loaded.public_numbers()
        return {
            "kty": "EC", "crv": "P-256", "x": _base64url(point.x.to_bytes(32)), "y": _base64url(point.y.to_bytes(32)),
        }  # fmt: skip
    return {"kty": "OKP", "crv": "Ed25519", "x": _base64url(loaded.public_bytes_raw())}


def from_jwk(jwk: object) -> PublicKey:
    """The public key of a JSON Web Key.

    Raises:
        InvalidInput: none, or of a kind that is not accepted.
    """
    if not isinstance(jwk, dict):
        raise _no_jwk()
    try:
        kind = (jwk.get("kty"), jwk.get("crv"))
        if kind[0] == "RSA":
            return _rsa(int.from_bytes(_bytes(jwk["e"])), int.from_bytes(_bytes(jwk["n"])))
        if kind == ("EC", "P-256"):
            x, y = int.from_bytes(_bytes(jwk["x"])), int.from_bytes(_bytes(jwk["y"]))
            return _of_suite(_der(ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()), EC)
        if kind == ("OKP", "Ed25519"):
            return _of_suite(_der(ed25519.Ed25519PublicKey.from_public_bytes(_bytes(jwk["x"]))), ED25519)
        if kind == ("EC", "SM2"):
            return _of_suite(_bytes(jwk["der"]), SM2)
    except (KeyError, TypeError, ValueError) as error:
        raise _no_jwk() from error
    raise _no_jwk()


def _rsa(exponent: int, modulus: int) -> rsa.RSAPublicKey:
    if not _LEAST_RSA_BITS <= modulus.bit_length() <= _MOST_RSA_BITS:
        raise InvalidInput(
            "resolution.rsa_size", f"an RSA key of {modulus.bit_length()} bits is not accepted",
            "Use 2048 to 8192 bits.", field="public key", bits=modulus.bit_length(),
        )  # fmt: skip
    try:
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError as error:
        raise _unreadable() from error


def _of_suite(der: bytes, kind: bytes) -> suites.PublicKey:
    try:
        key = suites.PublicKey(der)
    except LineshaftError as error:
        raise _unreadable() from error
    if _KINDS[key.algorithm] != kind:
        raise _unreadable()
    return key


def _der(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _unreadable() -> Malformed:
    return Malformed(
        "resolution.key_unreadable", "the public key cannot be read", "Write it in the form of HS_PUBKEY.",
        field="public key",
    )  # fmt: skip


def _no_jwk() -> InvalidInput:
    return InvalidInput(
        "resolution.jwk", "the public key is not a JSON Web Key that is accepted here",
        "Use RSA (n, e), EC P-256 (x, y) or OKP Ed25519 (x).", field="public key",
    )  # fmt: skip


def _signed(number: int) -> bytes:
    """As Java writes big integers: with a zero byte where the first bit is set."""
    return number.to_bytes(number.bit_length() // 8 + 1)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _base64url_number(number: int) -> str:
    return _base64url(number.to_bytes((number.bit_length() + 7) // 8))


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
