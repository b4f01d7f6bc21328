"""Changing records, and asking about a handle as a whole."""

import msgspec

from lineshaft.resolution.fields import Reader, counted
from lineshaft.resolution.messages.resolution import encode_numbers, read_numbers
from lineshaft.resolution.model import HandleValue
from lineshaft.resolution.values.value import encode_values, read_values


class OfHandle(msgspec.Struct, frozen=True):
    """Request about a handle: delete it, list what is under it, home or unhome it, describe the site."""

    handle: bytes

    @classmethod
    def read(cls, reader: Reader) -> "OfHandle":
        return cls(reader.bytes("handle"))

    def encode(self) -> bytes:
        return counted(self.handle)


class ChangeValues(msgspec.Struct, frozen=True):
    """Request: create the handle with these values, add them to it, or put them in place of those with their indexes."""

    handle: bytes
    values: tuple[HandleValue, ...]

    @classmethod
    def read(cls, reader: Reader) -> "ChangeValues":
        return cls(reader.bytes("handle"), read_values(reader))

    def encode(self) -> bytes:
        return counted(self.handle) + encode_values(self.values)


class RemoveValues(msgspec.Struct, frozen=True):
    """Request: remove the values with these indexes."""

    handle: bytes
    indexes: tuple[int, ...]

    @classmethod
    def read(cls, reader: Reader) -> "RemoveValues":
        return cls(reader.bytes("handle"), read_numbers(reader, "indexes"))

    def encode(self) -> bytes:
        return counted(self.handle) + encode_numbers(self.indexes)


class Created(msgspec.Struct, frozen=True):
    """Answer: the handle that was created; servers before 2.7 do not name it."""

    handle: bytes | None = None

    @classmethod
    def read(cls, reader: Reader) -> "Created":
        return cls(reader.bytes("handle") if reader.left else None)

    def encode(self) -> bytes:
        return b"" if self.handle is None else counted(self.handle)
