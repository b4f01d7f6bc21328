"""Asking for values, and what comes back: the values, or where to ask instead."""

from typing import Final

import msgspec

from lineshaft.resolution.fields import MAX_ARRAY_BYTES, Reader, counted, listed, u32
from lineshaft.resolution.model import MAX_VALUES, HandleValue
from lineshaft.resolution.values.value import encode_values, read_values

_MOST_HANDLES: Final = MAX_ARRAY_BYTES // 4


class Resolve(msgspec.Struct, frozen=True):
    """Request: values of a handle, all or those of given indexes or types (a value of either list is wanted)."""

    handle: bytes
    indexes: tuple[int, ...] = ()
    types: tuple[bytes, ...] = ()
    identity: bytes | None = None
    """The one further field that the Chinese dialect sends; None where it is not there."""

    @classmethod
    def read(cls, reader: Reader) -> "Resolve":
        handle = reader.bytes("handle")
        indexes = read_numbers(reader, "indexes")
        types = tuple(reader.bytes("type") for _ in range(reader.count("types", 4, MAX_VALUES)))
        return cls(handle, indexes, types, reader.bytes("identity") if reader.left else None)

    def encode(self) -> bytes:
        identity = b"" if self.identity is None else counted(self.identity)
        return counted(self.handle) + encode_numbers(self.indexes) + listed(self.types) + identity


class Resolved(msgspec.Struct, frozen=True):
    """Answer: the handle and the values that were asked for."""

    handle: bytes
    values: tuple[HandleValue, ...]

    @classmethod
    def read(cls, reader: Reader) -> "Resolved":
        return cls(reader.bytes("handle"), read_values(reader))

    def encode(self) -> bytes:
        return counted(self.handle) + encode_values(self.values)


class Referral(msgspec.Struct, frozen=True):
    """Answer: ask the service of `handle` instead (302), or that of the derived prefix (303); or one of the sites that
    `values` describe. Without `values` the handle is to be resolved.
    """

    handle: bytes
    values: tuple[HandleValue, ...] | None = None

    @classmethod
    def read(cls, reader: Reader) -> "Referral":
        return cls(reader.bytes("handle"), read_values(reader) if reader.left else None)

    def encode(self) -> bytes:
        return counted(self.handle) + (b"" if self.values is None else encode_values(self.values))


class HandleList(msgspec.Struct, frozen=True):
    """Answer: handles under a prefix, or prefixes served here."""

    handles: tuple[bytes, ...]

    @classmethod
    def read(cls, reader: Reader) -> "HandleList":
        count = reader.count("handles", 4, _MOST_HANDLES)
        return cls(tuple(reader.bytes("handle") for _ in range(count)))

    def encode(self) -> bytes:
        return listed(self.handles)


def read_numbers(reader: Reader, field: str) -> tuple[int, ...]:
    return tuple(reader.u32(field) for _ in range(reader.count(field, 4, MAX_VALUES)))


def encode_numbers(numbers: tuple[int, ...]) -> bytes:
    return u32(len(numbers)) + b"".join(map(u32, numbers))
