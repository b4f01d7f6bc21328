"""The common request answered without making an object of it: a public resolution over plain bytes and integers.

`answer` reads one whole message, looks the record up and returns the whole response; whatever is not the common case
it hands back as a number: to be dropped, to be refused, or to take the long way through `wire`. Both ways decide the
same about the same bytes; the tests hold them together. Pure Python that Cython also compiles as it stands (`compiled`);
`hot.pxd` tells it the types.
"""

# ruff: noqa: C901, PLR0911, PLR0912, PLR1714, SIM109 -- one function without calls is what makes it quick

import struct
from collections.abc import Callable

try:
    import cython  # type: ignore[import-not-found,unused-ignore]

    COMPILED: bool = cython.compiled
except ImportError:
    COMPILED = False

DROP = 0
"""Not a whole message of this protocol, or expired: count it, and answer nothing on UDP; code 4 and close on TCP."""
SLOW = 1
"""Whole as far as one looked, but not the common case: `wire.decode` and on."""
MISSING = 2
"""A public resolution, and no such record: `refuse` it (100, 301), refer it (302, 303), or compute it."""
AUTHORITATIVE = 0x90000000
"""AUTH, RECU."""
CACHING = 0x10000000
"""RECU."""

_HEAD = struct.Struct(">BBBBIIIIIIIHBBIII")
_READ = _HEAD.unpack_from
_WRITE = struct.Struct(">QIQQIIIII").pack
_ROOM = bytearray(48)
_U32 = struct.Struct(">I").unpack_from

_SMALLEST = 60  # envelope, header, three empty lists, no credential
_LONG_WAY = 0x60C00000 | 0x00300000 | 0x00000004  # CERT, ENCR, RRDG, OVRW, MINT, DNRF, identity of the dialect
_PUBLIC = 0x01000000
_ECHOED = 0x09000000  # CACR, PUBL
_NO_CREDENTIAL = b"\0\0\0\0"
_NO_FILTER = b"\0\0\0\0\0\0\0\0\0\0\0\0"
_NO_FILTER_NO_IDENTITY = b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
_HAS_PRIVATE = 1
_MAX_HANDLE = 2048
_MAX_LIST = 2048
_MOST_RECURSION = 10


def answer(
    packet: bytes,
    lookup: Callable[[bytes], bytes | None],
    now: int,
    expiration: int,
    serial: int,
    standing: int = AUTHORITATIVE,
) -> bytes | int:
    """The response to one request, whole (on UDP to be divided by `packets.split`); or `DROP`, `SLOW`, `MISSING`.

    Args:
        packet: one whole message.
        lookup: the stored record (`record`) under a handle's comparison form, or None.
        now: seconds since 1970; requests that expired before are dropped.
        expiration: seconds since 1970 to write into the response.
        serial: serial number of the site's description; a request that goes by another takes the long way.
        standing: flags of every response: `AUTHORITATIVE` of a server of its own records, `CACHING` of others. To these
            a request for authoritative values is never the common case.
    """
    size = len(packet)
    if size < _SMALLEST:
        return DROP if size < 48 else SLOW
    if COMPILED:
        data = packet
        major, minor, flags, recursion = data[0], data[1], data[2], data[34]
        known = data[32] << 8 | data[33]
        session, request, length, operation = u32(data, 4), u32(data, 8), u32(data, 16), u32(data, 20)
        code, asked, expires, body_bytes = u32(data, 24), u32(data, 28), u32(data, 36), u32(data, 40)
        handle_bytes = u32(data, 44)
    else:
        (
            major, minor, flags, _, session, request, _, length,
            operation, code, asked, known, recursion, _, expires, body_bytes, handle_bytes,
        ) = _READ(packet)  # fmt: skip
    if flags & 0xE0 or session or operation != 1:
        return SLOW
    if length != size - 20 or body_bytes != size - 48 or code or (expires and expires < now):
        return SLOW if length == size - 20 and not code and not (expires and expires < now) else DROP
    if asked & _LONG_WAY or handle_bytes > _MAX_HANDLE or major != 2 or recursion > _MOST_RECURSION:
        return SLOW
    if (known != serial and known != 0xFFFF) or asked & 0x80000000 & ~standing:
        return SLOW
    end = 48 + handle_bytes
    if end + 12 > size:
        return DROP
    handle = packet[48:end]
    tail = packet[end:]
    record: bytes | None
    if tail == _NO_FILTER or tail == _NO_FILTER_NO_IDENTITY:
        record = lookup(handle.upper())
        if record is None:
            return MISSING
        if not record[0] & _HAS_PRIVATE:
            values = record[1:]
        elif asked & _PUBLIC:
            values = record[1 : _U32(record, len(record) - 4)[0]]
        else:
            return SLOW
        return _found(minor, request, standing | asked & _ECHOED, serial, expiration, handle, values)
    return _filtered(packet, end, lookup, handle, minor, request, asked, expiration, serial, standing)


def _filtered(
    packet: bytes, offset: int, lookup: Callable[[bytes], bytes | None], handle: bytes,
    minor: int, request: int, asked: int, expiration: int, serial: int, standing: int,
) -> bytes | int:  # fmt: skip
    """The response to a request for some indexes or types."""
    stop = len(packet) - 4  # the credential's length
    if packet[stop:] != _NO_CREDENTIAL:
        return DROP
    count = _U32(packet, offset)[0]
    offset += 4
    if count > _MAX_LIST or offset + 4 * count + 4 > stop:
        return DROP
    indexes = [packet[place : place + 4] for place in range(offset, offset + 4 * count, 4)]
    offset += 4 * count
    count = _U32(packet, offset)[0]
    offset += 4
    if count > _MAX_LIST or offset + 4 * count > stop:
        return DROP
    types = []
    for _ in range(count):
        if offset + 4 > stop:
            return DROP
        end = offset + 4 + _U32(packet, offset)[0]
        if end > stop:
            return DROP
        types.append(packet[offset + 4 : end].upper())
        offset = end
    if offset != stop:
        if offset + 4 > stop or offset + 4 + _U32(packet, offset)[0] != stop:
            return DROP
        if offset + 4 != stop:
            return SLOW  # somebody's identity
    record = lookup(handle.upper())
    if record is None:
        return MISSING
    if record[0] & _HAS_PRIVATE and not asked & _PUBLIC:
        return SLOW
    chosen = choose(record, indexes, types)
    if chosen is None:
        return refuse(packet, 200, expiration, serial, b"", standing)
    return _found(minor, request, standing | asked & _ECHOED, serial, expiration, handle, chosen)


def _found(
    minor: int, request: int, flags: int, serial: int, expiration: int, handle: bytes, values: bytes
) -> bytes:  # fmt: skip
    """The response with values: version 2.`minor` at most 2.11, 2.11 suggested, code 1."""
    minor = min(minor, 11)
    size = len(handle)
    body = size + 4 + len(values)
    if not COMPILED:
        head = _WRITE(
            0x0200020B_00000000 | minor << 48, request, body + 28, 0x1_00000001, flags, serial << 16, expiration, body,
            size,
        )  # fmt: skip
        return b"".join((head, handle, values, _NO_CREDENTIAL))
    room = _ROOM
    room[0], room[1], room[2], room[3] = 2, minor, 2, 11
    put32(room, 8, request)
    put32(room, 16, body + 28)
    put32(room, 20, 1)
    put32(room, 24, 1)
    put32(room, 28, flags)
    put32(room, 32, serial << 16)
    put32(room, 36, expiration)
    put32(room, 40, body)
    put32(room, 44, size)
    return b"".join((_ROOM, handle, values, _NO_CREDENTIAL))


def u32(data: bytes, at: int) -> int:
    """The big-endian integer at a place."""
    high = data[at] << 8 | data[at + 1]
    return high << 16 | data[at + 2] << 8 | data[at + 3]


def put32(room: bytearray, at: int, value: int) -> None:
    """The opposite."""
    room[at] = value >> 24 & 255
    room[at + 1] = value >> 16 & 255
    room[at + 2] = value >> 8 & 255
    room[at + 3] = value & 255


def choose(record: bytes, indexes: list[bytes], types: list[bytes]) -> bytes | None:
    """Count and public values of a stored record that either list asks for; all of them where both are empty; None
    where there is none.

    Args:
        record: as stored.
        indexes: four bytes each, as on the wire.
        types: in upper case; one that ends with a dot asks for what is under it, too.
    """
    size = len(record)
    stop = _U32(record, size - 4)[0] if record[0] & _HAS_PRIVATE else size
    everything = not indexes and not types
    parts = [b""]
    count = _U32(record, 1)[0]
    offset = 5
    for _ in range(count):
        place = offset + 18
        type_end = place + _U32(record, offset + 14)[0]
        end = type_end + 4 + _U32(record, type_end)[0]
        references = _U32(record, end)[0]
        end += 4
        for _ in range(references):
            end += 8 + _U32(record, end)[0]
        if (
            everything
            or (indexes and record[offset : offset + 4] in indexes)
            or (types and _wanted(record[place:type_end].upper(), types))
        ):
            parts.append(record[offset:end])
        offset = end
    if offset != stop or len(parts) == 1:
        return None
    parts[0] = (len(parts) - 1).to_bytes(4, "big")
    return b"".join(parts)


def _wanted(found: bytes, types: list[bytes]) -> bool:
    for wanted in types:
        if found == wanted:
            return True
        if wanted.endswith(b".") and (found.startswith(wanted) or found == wanted[:-1]):
            return True
    return False


def refuse(
    packet: bytes, code: int, expiration: int, serial: int, message: bytes = b"", standing: int = AUTHORITATIVE
) -> bytes:
    """The response with a code and words for people, to a request that `answer` called `MISSING`."""
    (
        _, minor, _, _, session, request, _, _, operation, _, asked, _, _, _, _, _, _,
    ) = _READ(packet)  # fmt: skip
    body = 4 + len(message)
    return b"".join((
        _HEAD.pack(
            2, min(minor, 11), 2, 11, session, request, 0, body + 28, operation, code,
            standing | asked & _ECHOED, serial, 0, 0, expiration, body, len(message),
        ),
        message, _NO_CREDENTIAL,
    ))  # fmt: skip
