"""The common request answered without making an object of it: a public resolution over plain bytes and integers.

`answer` reads one whole message, looks the record up and returns the whole response; whatever is not the common case
it hands back as a number: to be dropped, to be refused, or to take the long way through `wire`. Both ways decide the
same about the same bytes; the tests hold them together. Pure Python that Cython also compiles as it stands.
"""

# ruff: noqa: C901, PLR0911, PLR1714, SIM109, RUF059 -- one function without calls is what makes it quick

import struct
from collections.abc import Callable

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
_WRITE = _HEAD.pack
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
    (
        major, minor, flags, suggested, session, request, sequence, length,
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
        minor = min(minor, 11)
        body = handle_bytes + 4 + len(values)
        return b"".join((
            _WRITE(
                2, minor, 2, 11, 0, request, 0, body + 28, 1, 1, standing | asked & _ECHOED,
                serial, 0, 0, expiration, body, handle_bytes,
            ),
            handle, values, _NO_CREDENTIAL,
        ))  # fmt: skip
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
    body = len(handle) + 4 + len(chosen)
    return b"".join((
        _WRITE(
            2, min(minor, 11), 2, 11, 0, request, 0, body + 28, 1, 1, standing | asked & _ECHOED,
            serial, 0, 0, expiration, body, len(handle),
        ),
        handle, chosen, _NO_CREDENTIAL,
    ))  # fmt: skip


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
        _WRITE(
            2, min(minor, 11), 2, 11, session, request, 0, body + 28, operation, code,
            standing | asked & _ECHOED, serial, 0, 0, expiration, body, len(message),
        ),
        message, _NO_CREDENTIAL,
    ))  # fmt: skip
