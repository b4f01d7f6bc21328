"""The datatypes of Sparkplug B (specification 3.0, 6.4.16) and what their values become.

Integers → integer (a UInt64 beyond 63 bits → number, out of range); Float and Double → number; Boolean → boolean;
String, Text and UUID → text; DateTime → text, RFC 3339; Bytes → text, base64. Data sets, templates, files and arrays are
no single value: bad, not supported.
"""

import base64
import struct
from typing import Any, Final

import msgspec

from lineshaft.core import clock, quality
from lineshaft.edge.columns import BOOLEAN, INTEGER, NUMBER, TEXT
from lineshaft.edge.model import PointKind

LARGEST_INTEGER: Final = 2**63 - 1
NOT_A_NUMBER: Final = float("nan")
BAD_NO_VALUE: Final = 0x80F00000


class DataType(msgspec.Struct, frozen=True, kw_only=True):
    """A datatype: its number, name, the field of a metric that carries it, and the kind of its values."""

    code: int
    name: str
    field: str = ""
    """Empty: its values are no samples."""
    kind: PointKind = "number"
    bits: int = 0
    """Of an integer type."""
    signed: bool = False


_KNOWN: Final = (
    *(DataType(code=1 + n, name=f"Int{8 << n}", field="long_value" if n == 3 else "int_value", kind="integer",
               bits=8 << n, signed=True) for n in range(4)),
    *(DataType(code=5 + n, name=f"UInt{8 << n}", field="long_value" if n == 3 else "int_value", kind="integer",
               bits=8 << n) for n in range(4)),
    DataType(code=9, name="Float", field="float_value"),
    DataType(code=10, name="Double", field="double_value"),
    DataType(code=11, name="Boolean", field="boolean_value", kind="boolean"),
    DataType(code=12, name="String", field="string_value", kind="text"),
    DataType(code=13, name="DateTime", field="long_value", kind="text"),
    DataType(code=14, name="Text", field="string_value", kind="text"),
    DataType(code=15, name="UUID", field="string_value", kind="text"),
    DataType(code=17, name="Bytes", field="bytes_value", kind="text"),
    *(DataType(code=code, name=name, kind="text") for code, name in (
        (16, "DataSet"), (18, "File"), (19, "Template"), (20, "PropertySet"), (21, "PropertySetList"),
        (22, "Int8Array"), (23, "Int16Array"), (24, "Int32Array"), (25, "Int64Array"), (26, "UInt8Array"),
        (27, "UInt16Array"), (28, "UInt32Array"), (29, "UInt64Array"), (30, "FloatArray"), (31, "DoubleArray"),
        (32, "BooleanArray"), (33, "StringArray"), (34, "DateTimeArray"),
    )),
)  # fmt: skip
BY_CODE: Final = {each.code: each for each in _KNOWN}
BY_NAME: Final = {each.name: each for each in _KNOWN}
UNKNOWN: Final = DataType(code=0, name="Unknown")

INT64, UINT64, DOUBLE, BOOLEAN_TYPE, STRING = (
    BY_NAME[name] for name in ("Int64", "UInt64", "Double", "Boolean", "String")
)
_NUMERIC_FIELDS: Final = frozenset(("int_value", "long_value", "float_value", "double_value"))


def scalar(metric: Any, datatype: DataType) -> tuple[int, Any, int]:  # noqa: PLR0911  # one line per case
    """Kind, value and best quality of one metric; the careful way, for whatever the fast one does not take."""
    field = metric.WhichOneof("value")
    if not datatype.field:
        return NUMBER, NOT_A_NUMBER, quality.BAD_NOT_SUPPORTED
    if field is None or metric.is_null:
        return NUMBER, NOT_A_NUMBER, BAD_NO_VALUE
    value = getattr(metric, field)
    if datatype.bits:
        if field not in _NUMERIC_FIELDS or value != value // 1:
            return NUMBER, NOT_A_NUMBER, quality.BAD_TYPE_MISMATCH
        return integer(int(value), datatype)
    if datatype.kind == "number":
        known = field in _NUMERIC_FIELDS
        return (NUMBER, float(value), quality.GOOD) if known else (NUMBER, NOT_A_NUMBER, quality.BAD_TYPE_MISMATCH)
    if field != datatype.field:
        return NUMBER, NOT_A_NUMBER, quality.BAD_TYPE_MISMATCH
    if datatype.kind == "boolean":
        return BOOLEAN, value, quality.GOOD
    return text(value, datatype)


def integer(value: int, datatype: DataType) -> tuple[int, Any, int]:
    """An integer type's value from the unsigned number that carries it: two's complement in its own or its field's width."""
    bits = datatype.bits
    if datatype.signed and value >= 0:
        width = 64 if datatype.field == "long_value" else 32
        half = 1 << (bits - 1)
        if value >= (1 << width) - half:
            value -= 1 << width
        elif half <= value < 1 << bits:
            value -= 1 << bits
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if datatype.signed else (0, (1 << bits) - 1)
    if not low <= value <= high or value > LARGEST_INTEGER:
        return NUMBER, float(value), quality.BAD_OUT_OF_RANGE
    return INTEGER, value, quality.GOOD


def text(value: Any, datatype: DataType) -> tuple[int, Any, int]:
    """A text type's value from what its field holds."""
    if isinstance(value, bytes):
        return TEXT, base64.b64encode(value).decode("ascii"), quality.GOOD
    if datatype.name == "DateTime":
        try:
            return TEXT, clock.rfc3339(value * 1000), quality.GOOD
        except OverflowError:
            return NUMBER, NOT_A_NUMBER, quality.BAD_OUT_OF_RANGE
    return TEXT, value, quality.GOOD


def put(metric: Any, datatype: DataType, value: Any) -> None:
    """Write a value into a metric message.

    Raises:
        ValueError: says why the datatype cannot hold the value.
    """
    if not datatype.field:
        raise ValueError(f"a {datatype.name} cannot be written")
    if datatype.bits:
        value = _integral(value, datatype)
    elif datatype.kind == "number":
        if isinstance(value, str):
            raise ValueError(f"a {datatype.name} is a number")
        value = _single(float(value)) if datatype.name == "Float" else float(value)
    elif datatype.kind == "boolean":
        if value not in (0, 1):
            raise ValueError("a Boolean is true or false")
        value = bool(value)
    elif not isinstance(value, str):
        raise ValueError(f"a {datatype.name} is a text")
    elif datatype.name == "DateTime":
        value = clock.parse_time(value, field="value") // 1000
    elif datatype.name == "Bytes":
        value = base64.b64decode(value, validate=True)
    setattr(metric, datatype.field, value)


def _single(value: float) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        raise ValueError(f"a Float cannot hold {value!r}") from None


def _integral(value: Any, datatype: DataType) -> int:
    """The unsigned number that carries an integer."""
    if isinstance(value, str) or value != value // 1:
        raise ValueError(f"an {datatype.name} is a whole number")
    whole = int(value)
    bits = datatype.bits
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if datatype.signed else (0, (1 << bits) - 1)
    if not low <= whole <= high:
        raise ValueError(f"an {datatype.name} is {low} to {high}")
    return whole if whole >= 0 else whole + (1 << (64 if datatype.field == "long_value" else 32))
