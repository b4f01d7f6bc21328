"""What agents send, as status and value of a point; and a value to write, as an agent takes it.

Counters, gauges, ticks and integers are numbers; TimeTicks stay hundredths of a second, unless the point's scale says
otherwise. A TruthValue (1 true, 2 false; RFC 2579) is what a boolean point has. Net-SNMP's Opaque floats are numbers.
"""

import math
import struct
from typing import Any, Final

from pysnmp.proto import rfc1902, rfc1905

from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput
from lineshaft.edge import raw
from lineshaft.edge.columns import BOOLEAN, INTEGER, NUMBER, TEXT, Columns
from lineshaft.edge.drivers.snmp.address import Form
from lineshaft.edge.model import Point

Value = float | int | bool | str
Decoded = tuple[int, int, Value]
"""Status, kind of column, value."""

_ABSENT: Final = (
    (rfc1905.NoSuchObject, quality.BAD_NODE_ID_UNKNOWN),
    (rfc1905.NoSuchInstance, quality.BAD_NOT_FOUND),
    (rfc1905.EndOfMibView, quality.BAD_NODE_ID_UNKNOWN),
    (rfc1902.Null, quality.BAD_NO_DATA),
)
_INTEGERS: Final = rfc1902.univ.Integer
"""Base of Integer32, Counter32, Counter64, Gauge32, Unsigned32 and TimeTicks."""
_OPAQUE_FLOATS: Final = {b"\x9f\x78\x04": ">f", b"\x9f\x79\x08": ">d"}
"""Tag and length of Net-SNMP's float and double within an Opaque."""
_INT64: Final = 2**63
_RANGES: Final = {
    "Integer32": (-(2**31), 2**31 - 1), "Integer": (-(2**31), 2**31 - 1), "Counter64": (0, 2**64 - 1),
}  # fmt: skip
_TRUE, _FALSE = 1, 2
MISSING_VALUE: Final = float("nan")


def bad(status: int) -> Decoded:
    """No value."""
    return status, NUMBER, MISSING_VALUE


def read_value(point: Point, form: Form, sent: Any) -> Decoded:  # noqa: PLR0911  # one for each type there is
    """What an agent sent for a point."""
    for kind, status in _ABSENT:
        if isinstance(sent, kind):
            return bad(status)
    if isinstance(sent, rfc1902.Opaque):
        return _opaque(point, bytes(sent))
    if isinstance(sent, rfc1902.IpAddress):
        return quality.GOOD, TEXT, ".".join(map(str, bytes(sent)))
    if isinstance(sent, rfc1902.OctetString):
        return _octets(point, form, bytes(sent))
    if isinstance(sent, _INTEGERS):
        return _number(point, int(sent))
    if isinstance(sent, rfc1902.univ.ObjectIdentifier):
        return quality.GOOD, TEXT, str(sent)
    return bad(quality.BAD_NOT_SUPPORTED)


def _number(point: Point, sent: float) -> Decoded:
    if sent in point.sentinels:
        return bad(quality.BAD_NO_DATA)
    if point.kind == "boolean":
        return (quality.GOOD, BOOLEAN, sent == _TRUE) if sent in (_TRUE, _FALSE) else bad(quality.BAD_OUT_OF_RANGE)
    if not math.isfinite(sent):
        return bad(quality.BAD_NO_DATA)
    scale = raw.scaling(point.scale, point.offset)
    if point.kind == "number":
        return quality.GOOD, NUMBER, float(scale.value(sent))
    if isinstance(sent, float) and not sent.is_integer():
        return bad(quality.BAD_TYPE_MISMATCH)
    value = int(scale.value(sent))
    return (quality.GOOD, INTEGER, value) if -_INT64 <= value < _INT64 else bad(quality.BAD_OUT_OF_RANGE)


def _opaque(point: Point, data: bytes) -> Decoded:
    form = _OPAQUE_FLOATS.get(data[:3])
    if form is None or len(data) != 3 + struct.calcsize(form):
        return bad(quality.BAD_DECODING)
    return _number(point, struct.unpack(form, data[3:])[0])


def _octets(point: Point, form: Form, data: bytes) -> Decoded:
    if form == "hex":
        return quality.GOOD, TEXT, data.hex(":")
    try:
        text = data.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return bad(quality.BAD_DECODING)
    if form != "number":
        return quality.GOOD, TEXT, text
    try:
        return _number(point, float(text) if not text.strip().lstrip("+-").isdecimal() else int(text))
    except ValueError:
        return bad(quality.BAD_DECODING)


def put(columns: Columns, key: int, ts: int, decoded: Decoded) -> None:
    """Append a row."""
    status, kind, value = decoded
    columns.add(key, ts, ts, status, kind, value)


# -- writing ------------------------------------------------------------------------------------------------------------


def raw_of(point: Point, form: Form, value: Value) -> int | float | str | bytes:
    """A value before its type on the agent is known: of a number the raw one, exact as far as float64 is.

    Raises:
        InvalidInput: it is of another kind, not finite, or no hexadecimal digits.
    """
    if form == "hex" or point.kind == "text":
        return _text_of(point, form, value)
    if point.kind == "boolean":
        if not isinstance(value, bool) and value not in (0, 1):
            raise _unfit(point, value, "it is true or false")
        return _TRUE if value else _FALSE
    if isinstance(value, (bool, str)):
        raise _unfit(point, value, "it is a number")
    if not math.isfinite(value):
        raise _unfit(point, value, "it must be finite")
    if point.kind == "integer" and value != int(value):
        raise _unfit(point, value, "it is a whole number")
    exact = raw.scaling(point.scale, point.offset).raw(value)
    stored: int | float = int(exact) if exact.denominator == 1 else float(exact)
    if stored in point.sentinels:
        raise _unfit(point, value, "the device takes its raw value for 'no value'")
    return stored


def _text_of(point: Point, form: Form, value: Value) -> str | bytes:
    if not isinstance(value, str):
        raise _unfit(point, value, "it is a text")
    if form != "hex":
        return value
    try:
        return bytes.fromhex(value.replace(":", " "))
    except ValueError:
        raise _unfit(point, value, "it is hexadecimal digits, such as 00:1b:2c") from None


def to_send(present: Any, stored: float | str | bytes) -> Any:
    """A raw value in the type that the object has now.

    Raises:
        ValueError: it does not fit that type; says why.
    """
    if isinstance(present, rfc1902.Opaque):
        head = bytes(present)[:3]
        if head not in _OPAQUE_FLOATS or isinstance(stored, (str, bytes)):
            raise ValueError("the object is an Opaque that holds no number")
        return rfc1902.Opaque(head + struct.pack(_OPAQUE_FLOATS[head], stored))
    if isinstance(present, rfc1902.OctetString) and not isinstance(present, rfc1902.IpAddress):
        return rfc1902.OctetString(stored if isinstance(stored, bytes) else _in_words(stored).encode())
    if isinstance(present, _INTEGERS) and not isinstance(stored, (str, bytes)):
        least, most = _RANGES.get(type(present).__name__, (0, 2**32 - 1))
        number = round(stored)
        if not least <= number <= most:
            raise ValueError(f"the object is a {type(present).__name__}, {least} to {most}")
        return present.clone(number)
    raise ValueError(f"the object is a {type(present).__name__}, which this value is not")


def _in_words(stored: float | str) -> str:
    return stored if isinstance(stored, str) else repr(stored)


def _unfit(point: Point, value: object, rule: str) -> InvalidInput:
    return InvalidInput(
        "edge.value_unfit", f"{value!r} cannot be written to the point {point.name!r}: {rule}",
        "Give a value that the point can hold; nothing was written.", point=point.name, value=str(value), rule=rule,
    )  # fmt: skip
