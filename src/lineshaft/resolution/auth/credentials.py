"""Credentials: the signature behind a message, with a key (HS_SIGNED) or a session's secret (HS_MAC).

    version, reserved (1 byte each) · flags (u16) · signer (empty) · counter (u32) · kind · section, behind its length
    section: name of the digest, signature, each behind its length

What is signed changed with the versions of the protocol:

    before 2.5   header and body
    2.5, 2.6     the envelope's fields were misplaced and overwrote each other; kept as it is, for it must verify
    from 2.7     version, session, request, counter, then header and body
    from 2.8     the suggested version behind the version, too
"""

import hashlib
import hmac
from typing import Final

import msgspec

from lineshaft.resolution import codes
from lineshaft.resolution.auth import keys, macs
from lineshaft.resolution.fields import Reader, counted, u16, u32
from lineshaft.resolution.wire import Envelope

SIGNED: Final = b"HS_SIGNED"
OLD_SIGNED: Final = b"HS_DSAPUBKEY"
MAC: Final = b"HS_MAC"

_FORMS: Final[dict[bytes, int]] = {
    b"HMAC-SHA256": codes.HMAC_SHA256, b"HMAC-SHA1": codes.HMAC_SHA1,
    b"SHA-256": codes.SHA256, b"SHA256": codes.SHA256, b"SHA1": codes.SHA1, b"SHA-1": codes.SHA1,
    b"\x12": codes.HMAC_SHA1, b"\x13": codes.HMAC_SHA256, b"\x02": codes.SHA1, b"\x03": codes.SHA256,
}  # fmt: skip


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    counter: int
    """Of the messages of a session; 0 outside of sessions."""
    kind: bytes
    digest: bytes
    """Name of the digest or code."""
    signature: bytes
    signer: bytes = b""

    def encode(self) -> bytes:
        section = counted(self.digest) + counted(self.signature)
        return (
            b"\0\0" + u16(0) + counted(self.signer) + u32(self.counter) + counted(self.kind)
            + counted(section)
        )  # fmt: skip

    @classmethod
    def decode(cls, data: bytes) -> "Credential":
        """What stands behind a message.

        Raises:
            Malformed: anything else than one whole credential.
        """
        reader = Reader(data)
        reader.take(4, "credential")
        signer, counter, kind = reader.bytes("signer"), reader.u32("counter"), reader.bytes("kind of credential")
        section = Reader(reader.bytes("signature section"))
        reader.finish("credential")
        digest, signature = section.bytes("digest"), section.bytes("signature")
        section.finish("signature section")
        return cls(counter=counter, kind=kind, digest=digest, signature=signature, signer=signer)


def sign_with_key(envelope: Envelope, covered: bytes, key: keys.PrivateKey, counter: int = 0) -> bytes:
    """The credential of a message signed by a server, or by a client that sets a session up.

    Args:
        envelope: of the message.
        covered: its header and body, encoded (`wire.cover`).
        key: RSA signs with SHA-1 before 2.7, as nothing else was known.
        counter: of the session.
    """
    digest, signature = keys.sign(key, _signed_part(envelope, counter) + covered, sha1=not envelope.at_least(7))
    return Credential(counter=counter, kind=SIGNED, digest=digest, signature=signature).encode()


def verify_with_key(envelope: Envelope, covered: bytes, credential: Credential, key: keys.PublicKey) -> bool:
    """Whether the key signed the message."""
    if credential.kind not in {SIGNED, OLD_SIGNED}:
        return False
    data = _signed_part(envelope, credential.counter) + covered
    return keys.verify(key, credential.digest, credential.signature, data)


def sign_with_secret(envelope: Envelope, covered: bytes, secret: bytes, counter: int) -> bytes:
    """The credential of a message within a session.

    Args:
        envelope: of the message.
        covered: its header and body, encoded (`wire.cover`).
        secret: the session key.
        counter: the session's next.
    """
    if envelope.at_least(7):
        digest = b"HMAC-SHA256"
        code = macs.make(codes.HMAC_SHA256, secret, _authenticated_part(envelope, counter) + covered)
    elif envelope.at_least(5):
        digest = b"SHA1" if envelope.at_least(6) else b"\x02"
        code = _misplaced_code(envelope, covered, secret, counter, "sha1")
    else:
        digest = b"\x02"
        code = macs.make(codes.SHA1, secret, covered)
    return Credential(counter=counter, kind=MAC, digest=digest, signature=code).encode()


def verify_with_secret(envelope: Envelope, covered: bytes, credential: Credential, secret: bytes) -> bool:
    """Whether the session key made the credential."""
    form = _FORMS.get(credential.digest)
    if credential.kind != MAC or form is None:
        return False
    if envelope.at_least(5) and not envelope.at_least(7):
        if form not in {codes.SHA1, codes.SHA256}:
            return False
        name = "sha1" if form == codes.SHA1 else "sha256"
        expected = _misplaced_code(envelope, covered, secret, credential.counter, name)
        return hmac.compare_digest(expected, credential.signature)
    data = _authenticated_part(envelope, credential.counter) + covered
    return macs.check(form, secret, data, credential.signature)


def _signed_part(envelope: Envelope, counter: int) -> bytes:
    """What a signature with a key covers before header and body."""
    if not envelope.at_least(6):
        return b""
    if envelope.at_least(7):
        return _authenticated_part(envelope, counter)
    # 2.6: session at byte 2, then request and counter both at byte 4; fourteen bytes
    head = bytes((envelope.major, envelope.minor)) + u32(envelope.session)[:2]
    return head + u32(counter) + bytes(6)


def _authenticated_part(envelope: Envelope, counter: int) -> bytes:
    """What a code covers before header and body."""
    if not envelope.at_least(7):
        return b""
    version = bytes((envelope.major, envelope.minor))
    if envelope.at_least(8):
        version += bytes((envelope.suggested_major, envelope.suggested_minor))
    return version + u32(envelope.session) + u32(envelope.request) + u32(counter)


def _misplaced_code(envelope: Envelope, covered: bytes, secret: bytes, counter: int, digest: str) -> bytes:
    """The code of 2.5 and 2.6: each field is written where the one before should have ended, but at byte 4."""
    buffer = bytearray(2 * len(secret) + len(covered) + 14)

    def put(place: int, data: bytes) -> None:
        buffer[place : place + len(data)] = data

    put(0, secret)
    put(len(secret), bytes((envelope.major, envelope.minor)))
    put(len(secret) + 2, u32(envelope.session))
    put(4, u32(envelope.request))
    put(4, u32(counter))
    put(4, covered)
    put(4 + len(covered), secret)
    return hashlib.new(digest, buffer, usedforsecurity=False).digest()
