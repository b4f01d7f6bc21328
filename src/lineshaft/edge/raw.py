"""Typed raw values: what a device stores in registers or bytes, as values of its points and back.

A `Layout` says once where each point's bytes lie in a buffer; then one buffer becomes rows with a gather and a view per
type, the byte order being part of the gather's index. `encode` is the opposite for one point.

A value is raw * scale + offset with exact rationals, computed as (raw * a + b) / d in float64 with integers a, b, d: one
rounding, that of the division, as long as raw * a + b stays below 2**53, which every raw value up to 32 bits does with a
scale of up to six digits; beyond it up to three roundings. Points of kind `integer` stay integers throughout.
"""

import math
import struct
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

import msgspec
import numpy as np

from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.columns import BOOLEAN, INTEGER, NUMBER, TEXT, Columns
from lineshaft.edge.driver import Faults
from lineshaft.edge.model import ByteOrder, Point

_DTYPES: Final = {
    "int8": "<i1", "uint8": "<u1", "int16": "<i2", "uint16": "<u2", "int32": "<i4", "uint32": "<u4",
    "int64": "<i8", "uint64": "<u8", "float32": "<f4", "float64": "<f8", "bcd16": "<u2", "bcd32": "<u4",
}  # fmt: skip
_FLOATS: Final = ("float32", "float64")
_DIGITS: Final = {"bcd16": 4, "bcd32": 8}
_EXACT: Final = 2**53
"""Integers up to this are float64 numbers."""
_INT64: Final = (-(2**63), 2**63 - 1)


class Scaling(msgspec.Struct, frozen=True):
    """value = (raw * a + b) / d, d > 0."""

    a: int
    b: int
    d: int

    @property
    def integral(self) -> bool:
        """Integers become integers."""
        return self.d == 1

    @property
    def step(self) -> Fraction:
        """Distance between two values that the raw type can hold."""
        return abs(Fraction(self.a, self.d))

    def value(self, raw: float) -> Fraction:
        """Exactly."""
        return (Fraction(raw) * self.a + self.b) / self.d

    def raw(self, value: float) -> Fraction:
        """The opposite, exactly; not yet rounded to what the type can hold."""
        return (Fraction(value) * self.d - self.b) / self.a


@lru_cache(maxsize=4096)
def scaling(scale: str, offset: str) -> Scaling:
    """Of a point's `scale` and `offset`.

    Raises:
        ValueError: not rationals, zero, or with more digits than float64 has.
    """
    factor, shift = rational(scale or "1"), rational(offset or "0")
    if factor == 0:
        raise ValueError("a scale of 0 makes every value the same")
    d = math.lcm(factor.denominator, shift.denominator)
    found = Scaling(int(factor * d), int(shift * d), d)
    if max(abs(found.a), abs(found.b), found.d) > _EXACT:
        raise ValueError("scale and offset together have more digits than a float64 holds")
    return found


def rational(text: str) -> Fraction:
    """`0.1`, `1/3`, `-2` exactly.

    Raises:
        ValueError: none of these.
    """
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{text!r} is no rational such as 0.1, 1/3 or -2") from None


# -- sizes and places ---------------------------------------------------------------------------------------------------


def size(point: Point) -> int:
    """Bytes of a point's value; 1 for a bool."""
    if point.type == "text":
        return point.length
    return 1 if point.type == "bool" else np.dtype(_DTYPES[point.type]).itemsize


def words(point: Point) -> int:
    """Number of 16-bit registers that hold a point's value."""
    return -(-size(point) // 2)


def places(order: ByteOrder, count: int) -> list[int]:
    """Where each byte of a value lies on the wire, the most significant first.

    Named by four bytes: ABCD big-endian, DCBA little-endian, BADC with the bytes of each register swapped, CDAB with the
    registers in the opposite order; two and eight bytes accordingly.
    """
    if count == 1:
        return [0]
    found = list(range(count))
    if order in ("DCBA", "CDAB"):
        found.reverse()
    return [place ^ 1 for place in found] if order in ("BADC", "CDAB") else found


# -- what can be judged beforehand --------------------------------------------------------------------------------------


def check(point: Point, faults: Faults) -> None:
    """Note what cannot be: a type that does not fit the kind, a scale of text, sentinels beyond the type, a missing length."""
    where = f"points.{point.name}"
    if point.type == "":
        faults.add(f"{where}.type", point.type, "say how the device stores the value, such as uint16 or float32")
        return
    fits = _kinds(point)
    if point.kind not in fits:
        faults.add(f"{where}.kind", point.kind, f"a {point.type} can only be {' or '.join(fits)}")
    if point.type in ("bool", "text"):
        for name, value in (("scale", point.scale), ("offset", point.offset), ("sentinels", point.sentinels)):
            if value:
                faults.add(f"{where}.{name}", value, f"a {point.type} has none")
    _check_length(point, faults)
    if point.type not in ("bool", "text"):
        _check_scale(point, faults)
        for sentinel in point.sentinels:
            if not _holds(point, sentinel):
                faults.add(f"{where}.sentinels", sentinel, f"it is a raw value, and no {point.type} has this one")


def _kinds(point: Point) -> tuple[str, ...]:
    if point.type == "bool":
        return ("boolean",)
    if point.type == "text":
        return ("text",)
    return ("number",) if point.type in _FLOATS else ("number", "integer")


def _check_length(point: Point, faults: Faults) -> None:
    where = f"points.{point.name}"
    if point.type == "text":
        if point.length == 0:
            faults.add(f"{where}.length", point.length, "a text needs its length in bytes")
        if point.order not in ("", "ABCD", "BADC"):
            faults.add(
                f"{where}.order", point.order, "a text is ABCD or, with the bytes of each register swapped, BADC"
            )
        elif point.order == "BADC" and point.length % 2:
            faults.add(f"{where}.length", point.length, "bytes can be swapped in whole registers of two only")
    elif point.length and point.length != size(point):
        faults.add(f"{where}.length", point.length, f"a {point.type} has {size(point)}; leave it out")


def _check_scale(point: Point, faults: Faults) -> None:
    where = f"points.{point.name}"
    try:
        scale = scaling(point.scale, point.offset)
    except ValueError as error:
        faults.add(f"{where}.scale", f"{point.scale or 1} + {point.offset or 0}", str(error))
        return
    if point.kind != "integer" or point.type in _FLOATS:
        return
    if not scale.integral:
        faults.add(
            f"{where}.scale", f"{point.scale or 1} + {point.offset or 0}",
            "a point of kind integer needs an integral scale and offset; make its kind number",
        )  # fmt: skip
    elif (scale.a, scale.b) != (1, 0) and not all(
        _INT64[0] <= scale.value(raw) <= _INT64[1] for raw in _bounds(point.type)
    ):
        faults.add(f"{where}.scale", point.scale, f"a {point.type} times this is beyond 64 bits; make its kind number")


def _bounds(kind: str) -> tuple[int, int]:
    """Least and greatest raw value of an integer type."""
    if kind in _DIGITS:
        return 0, 10 ** _DIGITS[kind] - 1
    info = np.iinfo(_DTYPES[kind])
    return int(info.min), int(info.max)


def _holds(point: Point, raw: float) -> bool:
    if point.type in _FLOATS:
        return True
    least, greatest = _bounds(point.type)
    return raw == int(raw) and least <= raw <= greatest


# -- decoding -------------------------------------------------------------------------------------------------------------


class _Group:
    """Points of one type, decoded together; their rows are `first` to `end` of the layout's."""

    def __init__(self, points: Sequence[Point], offsets: Sequence[int], first: int) -> None:
        kind = points[0].type
        self.rows = slice(first, first + len(points))
        self._dtype = np.dtype(_DTYPES[kind])
        count = self._dtype.itemsize
        spread = [
            offset + place
            for point, offset in zip(points, offsets, strict=True)
            for place in reversed(places(point.order, count))
        ]
        self._index = np.array(spread, np.intp)
        self._bcd = kind in _DIGITS
        self._integer = points[0].kind == "integer"
        self._check_sign = self._integer and kind == "uint64"
        self._scale(points)
        self._sentinels = _sentinels(points, self._dtype)

    def _scale(self, points: Sequence[Point]) -> None:
        scales = [scaling(point.scale, point.offset) for point in points]
        dtype: Any = np.int64 if self._integer else np.float64
        parts = [[getattr(scale, name) for scale in scales] for name in ("a", "b", "d")]
        self._a, self._b, self._d = (
            None if all(each == neutral for each in part) else np.array(part, dtype)
            for part, neutral in zip(parts, (1, 0, 1), strict=True)
        )

    def decode(self, buffer: Any, columns: Columns, start: int) -> None:
        """Write values into the rows, and status where there is none."""
        rows = slice(start + self.rows.start, start + self.rows.stop)
        raw = buffer.take(self._index).view(self._dtype)
        value, undecodable = _digits(raw) if self._bcd else (raw, None)
        target = (columns.integer if self._integer else columns.number)[rows]
        target[:] = value
        if self._a is not None:
            target *= self._a
        if self._b is not None:
            target += self._b
        if self._d is not None and not self._integer:
            target /= self._d
        self._judge(raw, columns, rows, undecodable)

    def _judge(self, raw: Any, columns: Columns, rows: slice, undecodable: Any) -> None:
        if not self._integer:
            number = columns.number[rows]
            finite = np.isfinite(number)
            if not finite.all():
                _spoil(columns, rows, np.isinf(number), quality.BAD_OUT_OF_RANGE)
                _spoil(columns, rows, np.isnan(number), quality.BAD_NO_DATA)
        if undecodable is not None:
            _spoil(columns, rows, undecodable, quality.BAD_DECODING)
        for which, values in self._sentinels:
            hit = np.zeros(len(raw), bool)
            hit[which] = raw[which] == values
            _spoil(columns, rows, hit, quality.BAD_NO_DATA)
        if self._check_sign:
            _spoil(columns, rows, raw > _INT64[1], quality.BAD_OUT_OF_RANGE)


def _sentinels(points: Sequence[Point], dtype: Any) -> list[tuple[Any, Any]]:
    """The points' first sentinels, their second ones …: which points have one, and which raw value it is."""
    most = max(len(point.sentinels) for point in points)
    found = []
    for number in range(most):
        which = [index for index, point in enumerate(points) if len(point.sentinels) > number]
        values = [_stored(points[index], points[index].sentinels[number]) for index in which]
        found.append((np.array(which, np.intp), np.array(values, dtype)))
    return found


def _stored(point: Point, raw: float) -> int | float:
    """A raw value as its bits read: a BCD number by its nibbles."""
    return int(f"{int(raw)}", 16) if point.type in _DIGITS else raw


def _digits(raw: Any) -> tuple[Any, Any]:
    """BCD as numbers, and which are none because a nibble is over 9."""
    value = np.zeros(len(raw), np.int64)
    wrong = np.zeros(len(raw), bool)
    for shift in range(8 * raw.itemsize - 4, -1, -4):
        digit = raw >> shift & 0xF
        wrong |= digit > 9
        value = value * 10 + digit
    return value, wrong


def _spoil(columns: Columns, rows: slice, which: Any, status: int) -> None:
    """Make rows of a group Bad where `which` says so and they are not already."""
    chosen = np.flatnonzero(which) + rows.start
    if len(chosen) == 0:
        return
    chosen = chosen[columns.q[chosen] < quality.BAD]
    columns.q[chosen] = status
    columns.kind[chosen] = NUMBER
    columns.number[chosen] = np.nan


class Layout:
    """Where the points' values lie in a buffer. Make it with `Layout.of`."""

    def __init__(self, points: Sequence[Point], offsets: Sequence[int], bits: Sequence[int]) -> None:
        self._points = points
        self.size = max((offset + size(point) for point, offset in zip(points, offsets, strict=True)), default=0)
        """Bytes that a buffer needs."""
        sorts: dict[tuple[Any, ...], list[int]] = {}
        for index, point in enumerate(points):
            sorts.setdefault(_sort(point), []).append(index)
        self._groups: list[_Group] = []
        self._bools: tuple[slice, Any, Any] | None = None
        self._texts: list[tuple[int, Point, int]] = []
        self._order = np.array([index for members in sorts.values() for index in members], np.intp)
        first = 0
        for members in sorts.values():
            self._add([points[i] for i in members], [offsets[i] for i in members], [bits[i] for i in members], first)
            first += len(members)
        kinds = {"number": NUMBER, "integer": INTEGER, "boolean": BOOLEAN, "text": TEXT}
        self._kinds = np.array([kinds[points[index].kind] for index in self._order], np.uint8)

    @classmethod
    def of(cls, points: Sequence[Point], offsets: Sequence[int], bits: Sequence[int] | None = None) -> "Layout":
        """A layout of points whose first byte on the wire lies at `offsets`.

        Args:
            points: checked ones (see `check`).
            offsets: bytes from the buffer's beginning.
            bits: for each point that is a bool, which bit of its byte it is, 0 the least significant; else ignored.
        """
        return cls(points, offsets, bits if bits is not None else [0] * len(points))

    def _add(self, points: list[Point], offsets: list[int], bits: list[int], first: int) -> None:
        kind = points[0].type
        if kind == "bool":
            rows = slice(first, first + len(points))
            self._bools = (rows, np.array(offsets, np.intp), np.array(bits, np.uint8))
        elif kind == "text":
            self._texts += [(first + number, point, offsets[number]) for number, point in enumerate(points)]
        else:
            self._groups.append(_Group(points, offsets, first))

    def decode(
        self, buffer: Any, columns: Columns, keys: Any, ts: int, arrival: int, q: Any = quality.GOOD,
    ) -> None:  # fmt: skip
        """Append a row for every point, in an order of the layout's own.

        Args:
            buffer: bytes, at least `size` of them.
            columns: where the rows go.
            keys: the points' keys, in the order of the points.
            ts: source time of all rows, microseconds.
            arrival: when they arrived, or MISSING.
            q: status of all, or an array with one for each point; what is Bad in it has no value.

        Raises:
            ValueError: the buffer is too short.
        """
        data = np.frombuffer(buffer, np.uint8)
        if len(data) < self.size:
            raise ValueError(f"{len(data)} bytes where the points need {self.size}")
        start, count = columns.reserve(len(self._points)), len(self._points)
        rows = slice(start, start + count)
        columns.key[rows] = np.asarray(keys, np.int32)[self._order]
        columns.ts[rows] = ts
        columns.arrival[rows] = arrival
        columns.q[rows] = q if isinstance(q, int) else np.asarray(q, np.uint32)[self._order]
        columns.kind[rows] = self._kinds
        with np.errstate(over="ignore", invalid="ignore"):
            for group in self._groups:
                group.decode(data, columns, start)
        if self._bools is not None:
            which, offsets, bits = self._bools
            columns.integer[start + which.start : start + which.stop] = data[offsets] >> bits & 1
        if not isinstance(q, int):
            _blank(columns, rows)
        for row, point, offset in self._texts:
            _decode_text(point, data[offset : offset + point.length].tobytes(), columns, start + row)
        columns.rows += count


def _sort(point: Point) -> tuple[Any, ...]:
    return (point.type, point.kind == "integer")


def _blank(columns: Columns, rows: slice) -> None:
    """Take the value from rows that are Bad."""
    bad = np.flatnonzero(columns.q[rows] >= quality.BAD) + rows.start
    columns.kind[bad] = NUMBER
    columns.number[bad] = np.nan


def _decode_text(point: Point, data: bytes, columns: Columns, row: int) -> None:
    if columns.q[row] >= quality.BAD:
        return
    if point.order == "BADC":
        data = _swapped(data)
    try:
        columns.texts[row] = data.split(b"\0", 1)[0].decode().rstrip()
        columns.integer[row] = 0
    except UnicodeDecodeError:
        columns.q[row], columns.kind[row], columns.number[row] = quality.BAD_DECODING, NUMBER, np.nan


def _swapped(data: bytes) -> bytes:
    return np.frombuffer(data, "<u2").byteswap().tobytes()


def decode_one(point: Point, data: bytes, bit: int = 0) -> tuple[int, float | int | bool | str]:
    """Status and value of a single point whose bytes are `data`; for looking at a device, not for scanning it."""
    columns = Columns(1)
    Layout.of((point,), (0,), (bit,)).decode(data, columns, (0,), 0, 0)
    return int(columns.q[0]), columns.value(0)


# -- encoding -------------------------------------------------------------------------------------------------------------


def encode(point: Point, value: float | bool | str) -> bytes:  # noqa: FBT001  # a value, not a flag
    """A value as the device stores it, in its byte order; a bool is one byte, 0 or 1.

    Integers take the nearest raw value, so the value read back is at most half a step (the scale) away; floats are
    rounded to their type.

    Raises:
        InvalidInput: the value is of another kind, not finite, beyond what the type can hold, longer than the text, or
            one by which the device says that it has none.
    """
    if point.type == "text":
        return _encode_text(point, value)
    if point.type == "bool":
        if not isinstance(value, bool) and value not in (0, 1):
            raise _unfit(point, value, "it is true or false")
        return bytes([bool(value)])
    if isinstance(value, (bool, str)):
        raise _unfit(point, value, "it is a number")
    if not np.isfinite(value):
        raise _unfit(point, value, "it must be finite")
    if point.kind == "integer" and value != int(value):
        raise _unfit(point, value, "it is a whole number")
    raw = _raw(point, value)
    return _bytes(point, raw)


def _raw(point: Point, value: float) -> int | float:
    scale = scaling(point.scale, point.offset)
    exact = scale.raw(value)
    raw: int | float
    if point.type in _FLOATS:
        try:
            raw = float(exact)
            raw = struct.unpack("<f", struct.pack("<f", raw))[0] if point.type == "float32" else raw
        except OverflowError:
            raise _unfit(point, value, f"a {point.type} cannot hold it") from None
    else:
        raw = round(exact)
        least, greatest = _bounds(point.type)
        if not least <= raw <= greatest:
            ends = sorted(float(scale.value(end)) for end in (least, greatest))
            raise _unfit(
                point, value, f"a {point.type} in steps of {float(scale.step):g} holds {ends[0]:.17g} to {ends[1]:.17g}"
            )
    if raw in point.sentinels:
        raise _unfit(point, value, "the device takes its raw value for 'no value'")
    return raw


def _bytes(point: Point, raw: float) -> bytes:
    dtype = np.dtype(_DTYPES[point.type])
    most_significant_first = np.array([_stored(point, raw)], dtype.newbyteorder(">")).tobytes()
    wire = bytearray(dtype.itemsize)
    for place, byte in zip(places(point.order, dtype.itemsize), most_significant_first, strict=True):
        wire[place] = byte
    return bytes(wire)


def _encode_text(point: Point, value: object) -> bytes:
    if not isinstance(value, str):
        raise _unfit(point, value, "it is a text")
    data = value.encode()
    if len(data) > point.length:
        raise _unfit(point, value, f"it is {len(data)} bytes long, over the point's {point.length}")
    if "\0" in value or value != value.rstrip():
        raise _unfit(point, value, "a text that ends in blanks or holds a zero byte is not read back as it is written")
    data = data.ljust(point.length, b"\0")
    return _swapped(data) if point.order == "BADC" else data


def _unfit(point: Point, value: object, rule: str) -> InvalidInput:
    return InvalidInput(
        "edge.value_unfit", f"{value!r} cannot be written to the point {point.name!r}: {rule}",
        "Give a value that the point can hold; nothing was written.", point=point.name, value=str(value), rule=rule,
    )  # fmt: skip
