"""Values in JSON straight from a stored record, without making an object of each.

Says the same as `rest.resolved`, byte for byte as a compact JSON writer would; what is not plain text goes the long way
through `json_form`. The tests hold both together.
"""

import struct
from typing import Final, TypeVar

from lineshaft.resolution.model import DEFAULT_PERMISSIONS, TTL_ABSOLUTE
from lineshaft.resolution.values.json_form import compact, data_to_json, date_text, reference_to_json
from lineshaft.resolution.values.value import decode_value

_KIND: Final = struct.Struct(">BIBI").unpack_from  # kind of ttl, ttl, permissions, bytes of the type
_KIND_BYTES: Final = 10
_U32: Final = struct.Struct(">I").unpack_from
_NO_REFERENCES: Final = b"\0\0\0\0"
_STRUCTURED: Final = frozenset((
    b"HS_ADMIN", b"HS_VLIST", b"HS_PUBKEY", b"HS_SITE", b"HS_SITE.6", b"HS_SITE.PREFIX", b"HS_NA_DELEGATE",
))  # fmt: skip
_REMEMBERED: Final = 32_768
_KINDS: Final[dict[bytes, tuple[bytes, bytes, bool]]] = {}
_INDEXES: Final[dict[bytes, bytes]] = {}
_STAMPS: Final[dict[bytes, bytes]] = {}
"""Parts of the text by the bytes they come from; most records have few different ones."""
T = TypeVar("T")


def public_answer(handle: bytes, record: bytes) -> bytes:
    """The answer with all values of a record that anybody may read; code 200 where there are none.

    Args:
        handle: as asked; valid UTF-8.
        record: as stored.
    """
    count = _U32(record, 1)[0]
    if not count:
        return b'{"responseCode":200,"values":[],"handle":%b}' % quoted(handle)
    parts = [b'{"responseCode":1,"handle":%b,"values":[' % quoted(handle)]
    put = parts.append
    offset = 5
    for _ in range(count):
        place = offset + 18 + _U32(record, offset + 14)[0]
        number, stamp, kind = record[offset : offset + 4], record[offset + 4 : offset + 8], record[offset + 8 : place]
        opening, closing, plain = _KINDS.get(kind) or _kind(kind)
        end = place + 4 + _U32(record, place)[0]
        data = record[place + 4 : end]
        put(_INDEXES.get(number) or _index(number))
        put(opening)
        if plain:
            try:
                text = data.decode()
            except UnicodeDecodeError:
                text = "\0"
            if text.isprintable() and '"' not in text and "\\" not in text:
                put(b'{"format":"string","value":"')
                put(data)
                put(b'"}')
            else:
                put(compact(data_to_json(b"", data)))
        else:
            put(compact(data_to_json(kind[10:], data)))
        put(closing)
        put(_STAMPS.get(stamp) or _stamp(stamp))
        offset = end + 4
        if record[end:offset] != _NO_REFERENCES:
            offset = _references_end(record, end)
            value = decode_value(record[place - len(kind) - 8 : offset])
            put(b',"references":' + compact([reference_to_json(one) for one in value.references]))
        put(b"},")
    parts[-1] = b"}]}"
    return b"".join(parts)


def quoted(data: bytes) -> bytes:
    """Text as a JSON string; bytes that are not UTF-8 become replacement characters."""
    text = data.decode("utf-8", "replace")
    if text.isprintable() and '"' not in text and "\\" not in text:
        return b'"%b"' % text.encode()
    return compact(text)


def _kind(kind: bytes) -> tuple[bytes, bytes, bool]:
    """What stands before and behind the data of a value of this kind, and whether its data is plain.

    Args:
        kind: a value's bytes from the kind of its time-to-live to the end of its type.
    """
    ttl_type, ttl, permissions, _ = _KIND(kind)
    type_name = kind[_KIND_BYTES:]
    given = (
        b"" if permissions == DEFAULT_PERMISSIONS else b',"permissions":"%b"' % format(permissions & 15, "04b").encode()
    )
    life = compact(date_text(ttl)) if ttl_type == TTL_ABSOLUTE else b"%d" % ttl
    found = (
        b',"type":%b,"data":' % quoted(type_name), given + b',"ttl":%b,"timestamp":"' % life,
        type_name.upper() not in _STRUCTURED,
    )  # fmt: skip
    return _remember(_KINDS, kind, found)


def _index(number: bytes) -> bytes:
    return _remember(_INDEXES, number, b'{"index":%d' % int.from_bytes(number, "big"))


def _stamp(stamp: bytes) -> bytes:
    return _remember(_STAMPS, stamp, b'%b"' % date_text(int.from_bytes(stamp, "big")).encode())


def _remember(known: dict[bytes, T], key: bytes, value: T) -> T:
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = value
    return value


def _references_end(record: bytes, offset: int) -> int:
    end = offset + 4
    for _ in range(_U32(record, offset)[0]):
        end += 8 + int(_U32(record, end)[0])
    return end
