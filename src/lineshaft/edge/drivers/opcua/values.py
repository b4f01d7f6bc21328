"""One value as the library gives it → one row: which column it goes to, as what, with which quality.

Boolean → boolean; the integer types and StatusCode → integer (a UInt64 beyond 63 bits → number, out of range); Float and
Double → number; String, DateTime (RFC 3339), Guid, ByteString (base64), XmlElement, NodeId, QualifiedName and
LocalizedText → text. Arrays and structures are no samples: bad, not supported.
"""

import base64
from datetime import UTC
from typing import Any, Final

from asyncua import ua

from lineshaft.core import clock, quality
from lineshaft.edge.columns import BOOLEAN, INTEGER, NUMBER, TEXT

LARGEST_INTEGER: Final = 2**63 - 1
BAD_WAITING_FOR_INITIAL_DATA: Final = 0x80320000
NOT_A_NUMBER: Final = float("nan")

_Type = ua.VariantType
_INTEGERS: Final = frozenset(
    (_Type.SByte, _Type.Byte, _Type.Int16, _Type.UInt16, _Type.Int32, _Type.UInt32, _Type.Int64, _Type.UInt64)
)


def scalar(variant: Any) -> tuple[int, Any, int]:
    """Kind and value of a library `Variant`, and the quality that it deserves at best: good where it fits its column."""
    if variant is None or variant.Value is None:
        return NUMBER, NOT_A_NUMBER, BAD_WAITING_FOR_INITIAL_DATA
    value, kind = variant.Value, variant.VariantType
    if variant.is_array or isinstance(value, list):
        return NUMBER, NOT_A_NUMBER, quality.BAD_NOT_SUPPORTED
    if kind == _Type.Boolean:
        return BOOLEAN, bool(value), quality.GOOD
    if kind in _INTEGERS:
        fits = value <= LARGEST_INTEGER
        return (INTEGER, int(value), quality.GOOD) if fits else (NUMBER, float(value), quality.BAD_OUT_OF_RANGE)
    if kind in (_Type.Float, _Type.Double):
        return NUMBER, float(value), quality.GOOD
    text = _text(value, kind)
    return (TEXT, text, quality.GOOD) if text is not None else (NUMBER, NOT_A_NUMBER, quality.BAD_NOT_SUPPORTED)


def _text(value: Any, kind: Any) -> str | None:  # noqa: PLR0911  # one line per type
    """The text of a value that is neither number nor boolean; None for what has none."""
    if kind in (_Type.String, _Type.XmlElement):
        return value if isinstance(value, str) else str(getattr(value, "Value", value))
    if kind == _Type.DateTime:
        return clock.rfc3339(clock.to_us(value if value.tzinfo else value.replace(tzinfo=UTC)))
    if kind == _Type.ByteString:
        return base64.b64encode(value).decode("ascii")
    if kind == _Type.LocalizedText:
        return value.Text or ""
    if kind == _Type.QualifiedName:
        return f"{value.NamespaceIndex}:{value.Name}" if value.NamespaceIndex else str(value.Name)
    if kind in (_Type.NodeId, _Type.ExpandedNodeId):
        return value.to_string()
    if kind == _Type.Guid:
        return str(value)
    return None
