"""Challenges, their answers, and asking another server whether an answer is right (RFC 3652 3.5)."""

import msgspec

from lineshaft.resolution.fields import Reader, counted, u32


class Challenge(msgspec.Struct, frozen=True):
    """Answer to a request that needs to be authenticated. What is to be proved is over nonce and request digest."""

    nonce: bytes

    @classmethod
    def read(cls, reader: Reader) -> "Challenge":
        return cls(reader.bytes("nonce"))

    def encode(self) -> bytes:
        return counted(self.nonce)


class OldChallenge(msgspec.Struct, frozen=True):
    """The same before version 2.1, when the digest was a field of the challenge."""

    nonce: bytes
    digest: bytes

    @classmethod
    def read(cls, reader: Reader) -> "OldChallenge":
        return cls(reader.bytes("nonce"), reader.bytes("digest"))

    def encode(self) -> bytes:
        return counted(self.nonce) + counted(self.digest)


class AnswerChallenge(msgspec.Struct, frozen=True):
    """Request: who asks, and the proof of it."""

    kind: bytes
    """`HS_SECKEY` or `HS_PUBKEY`."""
    handle: bytes
    index: int
    answer: bytes
    """See `auth.challenges`."""

    @classmethod
    def read(cls, reader: Reader) -> "AnswerChallenge":
        kind, handle = reader.bytes("kind"), reader.bytes("handle")
        return cls(kind, handle, reader.u32("index"), reader.bytes("answer"))

    def encode(self) -> bytes:
        return counted(self.kind) + counted(self.handle) + u32(self.index) + counted(self.answer)


class VerifyAnswer(msgspec.Struct, frozen=True):
    """Request to the server that holds the secret key `index` of `handle`: is this the right answer?"""

    handle: bytes
    index: int
    nonce: bytes
    digest: bytes
    answer: bytes

    @classmethod
    def read(cls, reader: Reader) -> "VerifyAnswer":
        handle, index = reader.bytes("handle"), reader.u32("index")
        return cls(handle, index, reader.bytes("nonce"), reader.bytes("digest"), reader.bytes("answer"))

    def encode(self) -> bytes:
        return (
            counted(self.handle) + u32(self.index) + counted(self.nonce) + counted(self.digest) + counted(self.answer)
        )


class Verified(msgspec.Struct, frozen=True):
    valid: bool

    @classmethod
    def read(cls, reader: Reader) -> "Verified":
        return cls(bool(reader.u8("valid") & 1))

    def encode(self) -> bytes:
        return b"\x01" if self.valid else b"\x00"
