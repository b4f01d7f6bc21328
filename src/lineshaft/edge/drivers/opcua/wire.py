"""OPC UA binary (IEC 62541-6, 5.2) straight into columns: the data values of publish and read responses.

The library decodes each value into objects; at ten thousand values a second that would be most of a gateway's work.
Here values of fixed length are gathered by their layout and read by numpy, a whole group at once, texts are read by
hand, and what is rare (arrays, structures, unusual types) goes through the library.
"""

import struct
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary

from lineshaft.core import quality
from lineshaft.edge.columns import BOOLEAN, INTEGER, MISSING, NUMBER, TEXT, Columns
from lineshaft.edge.drivers.opcua import values

EPOCH_TICKS: Final = 116_444_736_000_000_000
"""1970 in the 100 ns ticks since 1601 that the protocol counts in."""
END_TICKS: Final = 2_650_467_743_990_000_000
"""9999-12-31, the protocol's end of time."""

_HAS_VALUE: Final = 1
_STRING, _UINT64 = 12, 9
_FORMATS: Final = {
    1: "u1", 2: "i1", 3: "u1", 4: "<i2", 5: "<u2", 6: "<i4", 7: "<u4", 8: "<i8", 9: "<u8", 10: "<f4", 11: "<f8", 19: "<u4",
}  # fmt: skip
"""Built-in types of fixed length that are numbers or booleans, by their number."""
_KINDS: Final = {1: BOOLEAN, 10: NUMBER, 11: NUMBER}
_TAIL: Final = (
    (0x02, "status", "<u4", "I"), (0x04, "source", "<i8", "q"), (0x10, "source_pico", "<u2", "H"),
    (0x08, "server", "<i8", "q"), (0x20, "server_pico", "<u2", "H"),
)  # fmt: skip
"""What follows the value, in this order, where its bit is set in the encoding mask."""
_HANDLE_LENGTH: Final = 4
_IS_ARRAY, _VARIANT_TYPE = 0x80, 0x3F
_NESTED: Final = (23, 24, 25)
"""DataValue, Variant, DiagnosticInfo."""


class Layout(NamedTuple):
    """How values of one encoding mask and one type lie in the message."""

    dtype: np.dtype[Any]
    length: int
    kind: int
    unsigned64: bool


def decode(data: bytes, position: int, count: int, columns: Columns, *, handles: bool) -> int:
    """Append `count` data values; the position behind the last.

    Args:
        handles: each value is preceded by its client handle, which becomes the row's key; otherwise the key counts
            from 0.

    Raises:
        ValueError: the message ends too early or holds what no encoding has.
    """
    start = columns.reserve(count)
    columns.rows = start + count
    try:
        return _uniform(data, position, count, columns, start, handles=handles) or _mixed(
            data, position, count, columns, start, handles=handles
        )
    except ValueError:
        columns.rows = start
        columns.texts = {row: text for row, text in columns.texts.items() if row < start}
        raise


def _uniform(data: bytes, position: int, count: int, columns: Columns, start: int, *, handles: bool) -> int | None:
    """All values if they have one layout, which one look at every stride tells; None if they have not."""
    at = position + (_HANDLE_LENGTH if handles else 0)
    mask = data[at] if at < len(data) else 0
    if not mask & _HAS_VALUE or at + 1 >= len(data):
        return None
    form = _layout(mask, data[at + 1], handles=handles)
    if form is None:
        return None
    end = position + count * form.length
    stop = at + count * form.length
    if end > len(data):
        return None
    if data[at : stop : form.length] != data[at : at + 1] * count:
        return None
    if data[at + 1 : stop : form.length] != data[at + 1 : at + 2] * count:
        return None
    _fill(np.frombuffer(data, form.dtype, count, position), form, columns, slice(start, start + count), start)
    return end


def _mixed(data: bytes, position: int, count: int, columns: Columns, start: int, *, handles: bool) -> int:
    """Walk from value to value; those of fixed length are only noted here, by layout, and read together after."""
    skip = _HANDLE_LENGTH if handles else 0
    groups: dict[int, tuple[Layout, list[int], list[int]]] = {}
    end = len(data)
    for row in range(start, start + count):
        at = position + skip
        if at >= end or (data[at] & _HAS_VALUE and at + 1 >= end):
            raise ValueError("the message ends within its values")
        mask = data[at]
        variant = data[at + 1] if mask & _HAS_VALUE else 0
        group = groups.get(mask << 8 | variant)
        if group is None:
            form = _layout(mask, variant, handles=handles)
            if form is None:
                key = int.from_bytes(data[position:at], "little", signed=True) if handles else row - start
                read = _text if mask & _HAS_VALUE and variant == _STRING else _unusual
                position = read(data, at, columns, row, key)
                continue
            group = groups[mask << 8 | variant] = (form, [], [])
        form, rows, positions = group
        rows.append(row)
        positions.append(position)
        position += form.length
    if position > end:
        raise ValueError("the message ends within its values")
    octets = np.frombuffer(data, np.uint8)
    for form, rows, positions in groups.values():
        gathered = octets[np.array(positions)[:, None] + np.arange(form.length)]
        _fill(gathered.view(form.dtype)[:, 0], form, columns, np.array(rows), start)
    return position


@cache
def _layout(mask: int, variant: int, *, handles: bool) -> Layout | None:
    """The layout of a value of fixed length; None for every other."""
    if mask >= 0x40 or (mask & _HAS_VALUE and variant and variant not in _FORMATS):  # reserved bits
        return None
    fields = [("handle", "<u4")] if handles else []
    fields.append(("mask", "u1"))
    if mask & _HAS_VALUE:
        fields.append(("variant", "u1"))
        if variant:
            fields.append(("value", _FORMATS[variant]))
    fields += [(name, form) for bit, name, form, _ in _TAIL if mask & bit]
    dtype = np.dtype(fields)
    return Layout(dtype, dtype.itemsize, _KINDS.get(variant, INTEGER) if variant else NUMBER, variant == _UINT64)


def _fill(records: Any, form: Layout, columns: Columns, rows: Any, start: int) -> None:
    """Write records of one layout into their rows."""
    names = form.dtype.names or ()
    if "handle" in names:
        columns.key[rows] = records["handle"]
    else:
        columns.key[rows] = np.arange(len(records)) if isinstance(rows, slice) else rows - start
    columns.ts[rows] = _microseconds(records["source"]) if "source" in names else MISSING
    columns.arrival[rows] = _microseconds(records["server"]) if "server" in names else MISSING
    q = records["status"].astype(np.uint32) if "status" in names else np.zeros(len(records), np.uint32)
    kind: Any = form.kind
    if "value" not in names:
        columns.number[rows] = np.nan
        q[q < quality.BAD] = values.BAD_WAITING_FOR_INITIAL_DATA
    elif form.kind == NUMBER:
        with np.errstate(invalid="ignore"):  # a signalling not-a-number is data like any other
            columns.number[rows] = records["value"]
    elif form.unsigned64 and (large := records["value"] > values.LARGEST_INTEGER).any():
        # Neither column holds it exactly: the nearest float is kept for people, and the quality says not to use it.
        kind = np.where(large, NUMBER, INTEGER)
        bits = records["value"].astype(np.int64)
        bits[large] = records["value"][large].astype(np.float64).view(np.int64)
        columns.integer[rows] = bits
        q[large & (q < quality.BAD)] = quality.BAD_OUT_OF_RANGE
    else:
        columns.integer[rows] = records["value"] != 0 if form.kind == BOOLEAN else records["value"]
    columns.kind[rows] = kind
    columns.q[rows] = q


def _microseconds(ticks: Any) -> Any:
    """Microseconds since 1970; MISSING for the protocol's zero and end of time."""
    result = (ticks - EPOCH_TICKS) // 10
    absent = (ticks <= 0) | (ticks >= END_TICKS)
    if absent.any():
        result[absent] = MISSING
    return result


def _text(data: bytes, at: int, columns: Columns, row: int, key: int) -> int:
    """One String value; the position behind it."""
    mask = data[at]
    if at + 6 > len(data):
        raise ValueError("the message ends within a text")
    (length,) = struct.unpack_from("<i", data, at + 2)
    begin, end = at + 6, at + 6 + max(length, 0)
    content: tuple[int, int, Any, int]
    if length < 0:
        content = (key, NUMBER, values.NOT_A_NUMBER, values.BAD_WAITING_FOR_INITIAL_DATA)
    else:
        content = (key, TEXT, data[begin:end].decode("utf-8", "replace"), quality.GOOD)
    return _put(data, end, mask, columns, row, content)


def _unusual(data: bytes, at: int, columns: Columns, row: int, key: int) -> int:
    """One value of a type that only the library reads; the position behind it.

    The library reads just the variant: of a whole data value it expects the picoseconds in another place than the
    standard (IEC 62541-6, 5.2.2.17) has them.
    """
    mask, buffer = data[at], Buffer(data, at + 1)
    variant = None
    if mask & _HAS_VALUE:
        _check_variant(data, at + 1, key)
        try:
            variant = variant_from_binary(buffer)
        except Exception as error:  # whatever the library raises at bytes that are no value
            raise ValueError(f"a value cannot be read: {error}") from error
    if buffer.cur_pos <= at:  # the library goes backwards at a negative length
        raise ValueError("a value has a negative length")
    return _put(data, buffer.cur_pos, mask, columns, row, (key, *values.scalar(variant)))


def _check_variant(data: bytes, at: int, key: int) -> None:
    """Refuse what would keep the library busy for ever: a few bytes that claim to be thousands of millions of values."""
    encoding = data[at]
    if encoding & _VARIANT_TYPE in _NESTED:
        raise ValueError(f"value {key} is of a type that holds other values")
    if encoding & _IS_ARRAY:
        (length,) = struct.unpack("<i", data[at + 1 : at + 5].ljust(4, b"\xff"))
        if length > len(data) - at:
            raise ValueError(f"value {key} claims to be an array of {length}")


def _put(data: bytes, end: int, mask: int, columns: Columns, row: int, content: tuple[int, int, Any, int]) -> int:
    """Write one row whose value ends at `end`; the position behind its status and times.

    Args:
        content: key, kind, value, and the quality that the value deserves at best.
    """
    tail = _tail_struct(mask)
    if mask >= 0x40 or end + tail.size > len(data):
        raise ValueError("the message ends within a value, or has an encoding of no standard")
    fields = dict(zip(_tail_names(mask), tail.unpack_from(data, end), strict=True))
    key, kind, value, best = content
    q = fields.get("status", quality.GOOD)
    single = Columns(1)
    single.add(
        key, _one_time(fields.get("source", 0)), _one_time(fields.get("server", 0)),
        best if best and q < quality.BAD else q, kind, value,
    )  # fmt: skip
    columns.put(row, single)
    return end + tail.size


@cache
def _tail_struct(mask: int) -> struct.Struct:
    return struct.Struct("<" + "".join(code for bit, _, _, code in _TAIL if mask & bit))


@cache
def _tail_names(mask: int) -> tuple[str, ...]:
    return tuple(name for bit, name, _, _ in _TAIL if mask & bit)


def _one_time(ticks: int) -> int:
    return (ticks - EPOCH_TICKS) // 10 if 0 < ticks < END_TICKS else MISSING
