"""Signing keys of every algorithm behind one face: made, written, read, signing, verifying."""

import base64
import textwrap
from pathlib import Path
from typing import Final, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from lineshaft.core.errors import Corrupt, InvalidInput
from lineshaft.core.home import write_file
from lineshaft.core.suites.base import Algorithm, Signature, Suite, digest, suite_of
from lineshaft.core.suites.libcrypto import Sm2Key

_ECDSA: Final = ec.ECDSA(hashes.SHA256())
_SM2_CURVE: Final = bytes.fromhex("06082a811ccf5501822d")  # 1.2.156.10197.1.301, in every encoded SM2 key
_PRIVATE_LABEL: Final = "PRIVATE KEY"
_PUBLIC_LABEL: Final = "PUBLIC KEY"

_Public = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | Sm2Key
_Private = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | Sm2Key


class PublicKey:
    """A key that verifies. `PublicKey(der)` reads SubjectPublicKeyInfo.

    Raises:
        Corrupt: unreadable. InvalidInput: of an algorithm that no suite has.
    """

    def __init__(self, der: bytes) -> None:
        self.der: Final = der
        self._key = _read_public(der)
        self.algorithm: Final[Algorithm] = _algorithm_of(self._key)
        self.suite: Final[Suite] = suite_of(self.algorithm)
        self.id: Final = digest(self.suite, der).hex()

    @classmethod
    def from_pem(cls, pem: str) -> "PublicKey":
        """From PEM.

        Raises:
            Corrupt, InvalidInput: as the class.
        """
        return cls(_unwrap(pem, _PUBLIC_LABEL))

    def pem(self) -> str:
        return _wrap(self.der, _PUBLIC_LABEL)

    def verify(self, signature: Signature, data: bytes) -> bool:
        """Whether this key made the signature over `data`: suite, algorithm and key id must be its own too."""
        named = (signature.suite, signature.algorithm, signature.key)
        return named == (self.suite, self.algorithm, self.id) and self.verify_value(signature.value, data)

    def verify_value(self, value: bytes, data: bytes) -> bool:
        """Whether this key made a bare signature over `data`, as certificates hold it."""
        if isinstance(self._key, Sm2Key):
            return self._key.verify(value, data)
        try:
            if isinstance(self._key, ed25519.Ed25519PublicKey):
                self._key.verify(value, data)
            else:
                self._key.verify(value, data, _ECDSA)
        except InvalidSignature:
            return False
        return True


class PrivateKey:
    """A key that signs. `PrivateKey(der)` reads PKCS #8 without a passphrase; `generate` makes one.

    Raises:
        Corrupt: unreadable. InvalidInput: of an algorithm that no suite has.
    """

    def __init__(self, der: bytes) -> None:
        self._key = _read_private(der)
        self.public: Final = PublicKey(_public_der(self._key))

    @classmethod
    def generate(cls, algorithm: Algorithm) -> "PrivateKey":
        """A new key.

        Raises:
            InvalidInput: no such algorithm. Unavailable: SM2 where the system's libcrypto has none.
        """
        suite_of(algorithm)
        if algorithm == "sm2":
            return cls(Sm2Key.generate().private_der())
        made = (
            ed25519.Ed25519PrivateKey.generate() if algorithm == "ed25519" else ec.generate_private_key(ec.SECP256R1())
        )
        return cls(_pkcs8(made))

    @classmethod
    def from_pem(cls, pem: str) -> "PrivateKey":
        """From PEM.

        Raises:
            Corrupt, InvalidInput: as the class.
        """
        return cls(_unwrap(pem, _PRIVATE_LABEL))

    @classmethod
    def load(cls, path: Path) -> "PrivateKey":
        """From a PEM file; its mode is set to 0600 again, for a copy or a restore may have widened it.

        Raises:
            OSError. Corrupt, InvalidInput: as the class.
        """
        key = cls.from_pem(path.read_text("ascii", errors="replace"))
        path.chmod(0o600)
        return key

    @property
    def algorithm(self) -> Algorithm:
        return self.public.algorithm

    @property
    def suite(self) -> Suite:
        return self.public.suite

    def der(self) -> bytes:
        """PKCS #8, without a passphrase."""
        return self._key.private_der() if isinstance(self._key, Sm2Key) else _pkcs8(self._key)

    def pem(self) -> str:
        return _wrap(self.der(), _PRIVATE_LABEL)

    def save(self, path: Path) -> None:
        """Write a PEM file whole and durably, mode 0600.

        Raises:
            OSError: the disk does not take it.
        """
        write_file(path, self.pem().encode("ascii"))

    def sign(self, data: bytes) -> Signature:
        return Signature(suite=self.suite, algorithm=self.algorithm, key=self.public.id, value=self.sign_value(data))

    def sign_value(self, data: bytes) -> bytes:
        """A bare signature, as certificates hold it."""
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(data, _ECDSA)
        return self._key.sign(data)


def _read_public(der: bytes) -> _Public:
    if _SM2_CURVE in der:
        return Sm2Key.from_public(der)
    try:
        key = serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unreadable() from error
    return cast("_Public", key)


def _read_private(der: bytes) -> _Private:
    if _SM2_CURVE in der:
        return Sm2Key.from_private(der)
    try:
        key = serialization.load_der_private_key(der, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unreadable() from error
    _algorithm_of(cast("_Public", key.public_key()))
    return cast("_Private", key)


def _algorithm_of(key: _Public) -> Algorithm:
    if isinstance(key, Sm2Key):
        return "sm2"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519"
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return "ecdsa-p256"
    raise InvalidInput(
        "core.key_algorithm", "the key is of an algorithm that no suite has", "Keys are Ed25519, EC on P-256, or SM2."
    )


def _public_der(key: _Private) -> bytes:
    if isinstance(key, Sm2Key):
        return key.public_der()
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _pkcs8(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _wrap(der: bytes, label: str) -> str:
    lines = textwrap.wrap(base64.b64encode(der).decode("ascii"), 64)
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def _unwrap(pem: str, label: str) -> bytes:
    body, end, _ = pem.partition(f"-----BEGIN {label}-----")[2].partition(f"-----END {label}-----")
    if not end:
        raise _unreadable()
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except ValueError as error:
        raise _unreadable() from error


def _unreadable() -> Corrupt:
    return Corrupt("core.key_file_unreadable", "this is no key that can be read", "Restore the key from a backup.")
