"""The two ways a field is written in the protocol: big-endian integers, and bytes behind their length (RFC 3652 2.1).

A reader never looks beyond the bytes it was given: whatever is cut short, lies about its length or is followed by
something is refused, so that no answer is ever made from padding.
"""

import struct
from collections.abc import Iterable
from typing import Final

from lineshaft.core.errors import InvalidInput

MAX_ARRAY_BYTES: Final = 1_048_576
"""Bytes of the longest field behind a length."""

_U16: Final = struct.Struct(">H")
_U32: Final = struct.Struct(">I")
_U64: Final = struct.Struct(">Q")


class Malformed(InvalidInput):
    """Bytes that are not a message or value of this protocol. Dropped on UDP; answered with code 4 on TCP."""


class Reader:
    """Reads fields from `data[offset:end]`, in order.

    Every method raises `Malformed`, naming the field, where the bytes do not hold it.
    """

    __slots__ = ("data", "end", "offset")

    def __init__(self, data: bytes, offset: int = 0, end: int | None = None) -> None:
        self.data = data
        self.offset = offset
        self.end = len(data) if end is None else end

    @property
    def left(self) -> int:
        return self.end - self.offset

    def take(self, size: int, field: str) -> bytes:
        start = self.offset
        if size > self.end - start:
            raise Malformed(
                "resolution.cut_short", f"{field} needs {size} bytes, and {self.end - start} are left",
                "The message or value is cut short, or lies about its length.",
                field=field, needed=size, left=self.end - start,
            )  # fmt: skip
        self.offset = start + size
        return self.data[start : start + size]

    def u8(self, field: str) -> int:
        return self.take(1, field)[0]

    def u16(self, field: str) -> int:
        return int(_U16.unpack(self.take(2, field))[0])

    def u32(self, field: str) -> int:
        return int(_U32.unpack(self.take(4, field))[0])

    def u64(self, field: str) -> int:
        return int(_U64.unpack(self.take(8, field))[0])

    def bytes(self, field: str) -> bytes:
        """Bytes behind a 32-bit length."""
        size = self.u32(field)
        if size > MAX_ARRAY_BYTES:
            raise _too_many(field, size, MAX_ARRAY_BYTES)
        return self.take(size, field)

    def count(self, field: str, smallest: int, most: int) -> int:
        """A number of elements of at least `smallest` bytes each; refused where so many cannot follow."""
        count = self.u32(field)
        if count > most:
            raise _too_many(field, count, most)
        if count * smallest > self.left:
            raise Malformed(
                "resolution.cut_short", f"{field} needs {count * smallest} bytes, and {self.left} are left",
                "The message or value is cut short, or lies about its length.",
                field=field, needed=count * smallest, left=self.left,
            )  # fmt: skip
        return count

    def finish(self, field: str) -> None:
        """Refuse bytes behind the last field."""
        if self.offset != self.end:
            raise Malformed(
                "resolution.trailing_bytes", f"{field} is followed by {self.left} bytes that belong to nothing",
                "Nothing may follow the last field.", field=field, left=self.left,
            )  # fmt: skip


def _too_many(field: str, count: int, most: int) -> Malformed:
    return Malformed(
        "resolution.count_too_large", f"{field} says {count}, and {most} are allowed", "Send less at once.",
        field=field, count=count, most=most,
    )  # fmt: skip


def u16(value: int) -> bytes:
    return _U16.pack(value)


def u32(value: int) -> bytes:
    return _U32.pack(value)


def u64(value: int) -> bytes:
    return _U64.pack(value)


def counted(data: bytes) -> bytes:
    """Bytes behind their length."""
    return _U32.pack(len(data)) + data


def listed(items: Iterable[bytes]) -> bytes:
    """A count and that many fields, each behind its length."""
    fields = [counted(item) for item in items]
    return _U32.pack(len(fields)) + b"".join(fields)
