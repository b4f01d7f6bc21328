"""What all bodies do, and those that belong to no operation."""

from typing import Protocol

import msgspec

from lineshaft.resolution.fields import Reader, counted


class Body(Protocol):
    def encode(self) -> bytes: ...


class Empty(msgspec.Struct, frozen=True):
    """An answer that says only that it was done."""

    @classmethod
    def read(cls, _: Reader) -> "Empty":
        return cls()

    def encode(self) -> bytes:
        return b""


class Raw(msgspec.Struct, frozen=True):
    """A body that is opaque here: of an operation that nobody defined, or a site's description (`site`)."""

    data: bytes

    @classmethod
    def read(cls, reader: Reader) -> "Raw":
        return cls(reader.take(reader.left, "body"))

    def encode(self) -> bytes:
        return self.data


class Refusal(msgspec.Struct, frozen=True):
    """Why not, in words for people; may be empty."""

    message: str = ""
    plain: bool = False
    """Nothing at all was sent, as servers before 2.1 may."""

    @classmethod
    def read(cls, reader: Reader) -> "Refusal":
        if not reader.left:
            return cls(plain=True)
        return cls(reader.bytes("message").decode("utf-8", "replace"))

    def encode(self) -> bytes:
        return b"" if self.plain else counted(self.message.encode())
