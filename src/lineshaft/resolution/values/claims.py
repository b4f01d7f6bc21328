"""HS_CERT and HS_SIGNATURE: signed statements about a key or about the values of a record, as JSON Web Signatures.

A signature holds a digest of each value, so that a record of which an asker sees a part still verifies. A certificate
says what its key may sign. Which keys are to be believed, and chains to a root, are the business of who asks.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from lineshaft.core.errors import InvalidInput
from lineshaft.core.suites import PublicKey as SuiteKey
from lineshaft.resolution.auth import keys
from lineshaft.resolution.model import HandleValue
from lineshaft.resolution.values.value import encode_value

SIGNATURE_TYPE: Final = b"HS_SIGNATURE"
CERTIFICATE_TYPE: Final = b"HS_CERT"

EVERYTHING: Final = "everything"
THIS_HANDLE: Final = "thisHandle"
DERIVED_PREFIXES: Final = "derivedPrefixes"
UNDER_PREFIX: Final = "handlesUnderThisPrefix"

_MOST_BYTES: Final = 65_536
_COVERED_FROM: Final = 8
"""Index and timestamp, the first eight bytes of a value, are not part of its digest."""


class ValueDigest(msgspec.Struct, frozen=True):
    index: int
    digest: str
    """Base64."""


class Digests(msgspec.Struct, frozen=True):
    alg: str
    digests: tuple[ValueDigest, ...]


class Permission(msgspec.Struct, frozen=True):
    perm: str
    handle: str = ""


class Claims(msgspec.Struct, frozen=True, kw_only=True, rename={"public_key": "publicKey"}, omit_defaults=True):
    """What is stated (RFC 7519 names)."""

    iss: str
    """`index:handle` of the key that signed."""
    sub: str
    """The handle that it is about."""
    exp: int | None = None
    nbf: int | None = None
    iat: int | None = None
    """Seconds since 1970."""
    digests: Digests | None = None
    public_key: dict[str, Any] | None = None
    perms: tuple[Permission, ...] = ()
    chain: tuple[str, ...] | None = None


class Signed(msgspec.Struct, frozen=True):
    """A JSON Web Signature in its compact form, taken apart."""

    algorithm: str
    claims: Claims
    signature: bytes
    signing_input: bytes

    def verify(self, key: keys.PublicKey) -> bool:
        """Whether the key signed it, with the algorithm that belongs to the key."""
        if self.algorithm != algorithm_of(key):
            return False
        signature = _to_der(self.signature) if self.algorithm == "ES256" else self.signature
        return signature is not None and keys.verify(key, _digest_of(self.algorithm), signature, self.signing_input)

    def valid_at(self, now: int) -> bool:
        """Whether it holds at that time, seconds since 1970."""
        return (self.claims.nbf or 0) <= now and (self.claims.exp is None or now < self.claims.exp)


def digest_values(values: Iterable[HandleValue]) -> Digests:
    """SHA-256 over the wire form of each value without index and timestamp."""
    return Digests("SHA-256", tuple(ValueDigest(value.index, _digest(value)) for value in values))


def check_digests(digests: Digests, values: Iterable[HandleValue]) -> tuple[list[int], list[int], list[int]]:
    """Indexes whose digest is right, wrong, and of values that the statement does not speak of."""
    stated = {one.index: one.digest for one in digests.digests} if digests.alg == "SHA-256" else {}
    right: list[int] = []
    wrong: list[int] = []
    unknown: list[int] = []
    for value in values:
        digest = stated.get(value.index)
        if digest is None:
            unknown.append(value.index)
        else:
            (right if hmac.compare_digest(digest.encode(), _digest(value).encode()) else wrong).append(value.index)
    return right, wrong, unknown


def sign_claims(claims: Claims, key: keys.PrivateKey) -> bytes:
    """The data of an HS_SIGNATURE or HS_CERT value: RS256, ES256, EdDSA or SM2."""
    algorithm = algorithm_of(keys.public_key_of(key))
    header = _encode(msgspec.json.encode({"alg": algorithm}))
    signing_input = header + b"." + _encode(msgspec.json.encode(claims))
    _, signature = keys.sign(key, signing_input)
    return signing_input + b"." + _encode(_from_der(signature) if algorithm == "ES256" else signature)


def decode_claims(data: bytes) -> Signed:
    """A statement, not yet verified.

    Raises:
        InvalidInput: no JSON Web Signature with such claims.
    """
    try:
        header, payload, signature = data[:_MOST_BYTES].split(b".")
        algorithm = msgspec.json.decode(_decode(header), type=dict[str, Any]).get("alg")
        return Signed(
            str(algorithm), msgspec.json.decode(_decode(payload), type=Claims), _decode(signature),
            header + b"." + payload,
        )  # fmt: skip
    except (ValueError, RecursionError, msgspec.DecodeError) as error:
        raise InvalidInput(
            "resolution.claims", f"the statement cannot be read: {error}",
            "HS_SIGNATURE and HS_CERT hold a JSON Web Signature in compact form.", field="data", reason=str(error),
        ) from error  # fmt: skip


def algorithm_of(key: keys.PublicKey) -> str:
    """Name of the signature algorithm of a key (RFC 7518, 8037; SM2 by its own name)."""
    if not isinstance(key, SuiteKey):
        return "RS256"
    return {"ecdsa-p256": "ES256", "ed25519": "EdDSA", "sm2": "SM2"}[key.algorithm]


def _digest(value: HandleValue) -> str:
    return base64.b64encode(hashlib.sha256(encode_value(value)[_COVERED_FROM:]).digest()).decode()


def _digest_of(algorithm: str) -> bytes:
    return keys.SM3 if algorithm == "SM2" else keys.SHA256


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decode(data: bytes) -> bytes:
    return base64.b64decode(data + b"=" * (-len(data) % 4), altchars=b"-_", validate=True)


def _from_der(signature: bytes) -> bytes:
    one, other = decode_dss_signature(signature)
    return one.to_bytes(32) + other.to_bytes(32)


def _to_der(signature: bytes) -> bytes | None:
    if len(signature) != 64:
        return None
    return encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
