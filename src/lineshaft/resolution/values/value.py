"""A value of a record as the wire and the store hold it (RFC 3652 2.2.3)."""

import struct
from collections.abc import Iterable
from typing import Final

from lineshaft.resolution.fields import MAX_ARRAY_BYTES, Malformed, Reader, counted, u32
from lineshaft.resolution.model import MAX_VALUES, HandleValue, Reference

_FIXED: Final = struct.Struct(">IIBIB")  # index, timestamp, kind of ttl, ttl, permissions
SMALLEST_VALUE: Final = _FIXED.size + 12
"""Bytes of a value with empty type, data and references."""


def encode_value(value: HandleValue) -> bytes:
    """One value in wire form: index, timestamp, kind of ttl, ttl, permissions, type, data, references."""
    parts = [
        _FIXED.pack(value.index, value.timestamp, value.ttl_type, value.ttl, value.permissions),
        counted(value.type),
        counted(value.data),
        u32(len(value.references)),
    ]
    for reference in value.references:
        parts += (counted(reference.handle), u32(reference.index))
    return b"".join(parts)


def encode_values(values: Iterable[HandleValue]) -> bytes:
    """A count and the values."""
    encoded = [encode_value(value) for value in values]
    return u32(len(encoded)) + b"".join(encoded)


def read_value(reader: Reader) -> HandleValue:
    """The next value.

    Raises:
        Malformed: it is cut short, or says more than it holds.
    """
    index, timestamp, ttl_type, ttl, permissions = _FIXED.unpack(reader.take(_FIXED.size, "value"))
    type_name = reader.bytes("type")
    data = reader.bytes("data")
    references = read_references(reader)
    return HandleValue(
        index=index, type=type_name, data=data, ttl=ttl, ttl_type=ttl_type, permissions=permissions,
        timestamp=timestamp, references=references,
    )  # fmt: skip


def read_values(reader: Reader) -> tuple[HandleValue, ...]:
    """A count and that many values.

    Raises:
        Malformed: as `read_value`, or more than a record may have.
    """
    return tuple(read_value(reader) for _ in range(reader.count("values", SMALLEST_VALUE, MAX_VALUES)))


def decode_value(data: bytes) -> HandleValue:
    """One value and nothing behind it.

    Raises:
        Malformed: it is cut short, or followed by something.
    """
    reader = Reader(data)
    value = read_value(reader)
    reader.finish("value")
    return value


def read_references(reader: Reader) -> tuple[Reference, ...]:
    """A count and that many references.

    Raises:
        Malformed: they are not all there.
    """
    count = reader.count("references", 8, MAX_ARRAY_BYTES // 8)
    return tuple(Reference(reader.bytes("reference"), reader.u32("reference index")) for _ in range(count))


def value_end(data: bytes, offset: int) -> int:
    """Where the value that begins at `offset` ends, without reading it.

    Raises:
        Malformed: beyond the data.
    """
    size = len(data)
    end = offset + 14
    end += 4 + int.from_bytes(data[end : end + 4])
    end += 4 + int.from_bytes(data[end : end + 4])
    references = int.from_bytes(data[end : end + 4])
    end += 4
    for _ in range(references):
        end += 8 + int.from_bytes(data[end : end + 4])
        if end > size:
            break
    if end > size:
        raise _beyond(offset, size)
    return end


def _beyond(offset: int, size: int) -> Malformed:
    return Malformed(
        "resolution.value_beyond", f"a value begins at byte {offset} and ends beyond the {size} bytes there are",
        "The message or value is cut short, or lies about its length.", offset=offset, bytes=size,
    )  # fmt: skip
