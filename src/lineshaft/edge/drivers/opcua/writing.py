"""Writing values to nodes (IEC 62541-4, 5.11.4), each in the data type that its node has."""

import base64
import binascii
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from asyncua import ua

from lineshaft.core import clock, quality
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.driver import Plan, Write, Written
from lineshaft.edge.drivers.opcua import faults
from lineshaft.edge.drivers.opcua.session import Session
from lineshaft.edge.guard.operation import Operation

FUNCTION: Final = "write"
_CURRENT_WRITE: Final = 0x02
"""Bit of AccessLevel and UserAccessLevel (IEC 62541-3, 8.57)."""
_Type = ua.VariantType
_RANGES: Final = {
    _Type.SByte: (-(2**7), 2**7 - 1), _Type.Byte: (0, 2**8 - 1), _Type.Int16: (-(2**15), 2**15 - 1),
    _Type.UInt16: (0, 2**16 - 1), _Type.Int32: (-(2**31), 2**31 - 1), _Type.UInt32: (0, 2**32 - 1),
    _Type.Int64: (-(2**63), 2**63 - 1), _Type.UInt64: (0, 2**64 - 1),
}  # fmt: skip
_LARGEST_FLOAT: Final = 3.4028234663852886e38
_ATTRIBUTES: Final = (ua.AttributeIds.UserAccessLevel, ua.AttributeIds.DataType, ua.AttributeIds.Value)
_LARGEST_BUILT_IN: Final = 25
_Codes = ua.StatusCodes
_UNANSWERED: Final = frozenset(
    (
        _Codes.BadTimeout, _Codes.BadRequestTimeout, _Codes.BadShutdown, _Codes.BadConnectionClosed,
        _Codes.BadSecureChannelClosed, _Codes.BadCommunicationError, _Codes.BadInternalError, _Codes.BadUnexpectedError,
    )
)  # fmt: skip
"""Faults of a whole call after which some of it may have been done."""


class Writing:
    """Writes over one session."""

    def __init__(self, plan: Plan, session: Session) -> None:
        self._plan = plan
        self._session = session
        self._types: dict[int, Any] = {}

    def forget(self) -> None:
        """The connection is another one: the nodes' types may have changed."""
        self._types.clear()

    def operations(self, writes: Sequence[Write]) -> list[Operation]:
        """One per write, its place the point's address."""
        return [self._operation(write) for write in writes]

    async def write(self, writes: Sequence[Write], nodes: Mapping[int, Any]) -> list[Written]:
        """Write, in order, all in one call.

        Raises:
            Unavailable: the connection broke before anything was sent.
        """
        types = await self._learn([write.point for write in writes if write.point in nodes], nodes)
        results: list[Written | None] = []
        values: list[Any] = []
        for write in writes:
            known = types.get(write.point, _NO_NODE)
            variant = known if isinstance(known, Written) else _variant(write.value, known)
            results.append(variant if isinstance(variant, Written) else None)
            if not isinstance(variant, Written):
                values.append(_write_value(nodes[write.point], variant))
        answers = iter(await self._send(values) if values else [])
        return [result if result is not None else next(answers) for result in results]

    def _operation(self, write: Write) -> Operation:
        point = self._plan.points[write.point]
        numbers = () if isinstance(write.value, str) else (write.value,)
        return Operation.of(
            numbers, protocol="opcua", device=self._plan.device.name, function=FUNCTION, node=point.address,
            points=(point.name,),
        )  # fmt: skip

    async def _send(self, values: list[Any]) -> list[Written]:
        request = ua.WriteRequest()
        request.Parameters.NodesToWrite = values
        if not self._session.connected:
            raise faults.lost(self._session.device, "not connected")
        try:
            response = await self._session.call(request, ua.WriteResponse)
        except ua.UaStatusCodeError as error:  # the server refused the whole call
            answer = Written(q=error.code, detail=faults.status_name(error.code), lost=error.code in _UNANSWERED)
            return [answer] * len(values)
        except (ua.UaError, OSError, TimeoutError, ValueError) as error:
            reason = faults.describe(error)
            self._session.lose(reason)
            return [Written(q=quality.BAD_NO_COMMUNICATION, lost=True, detail=reason)] * len(values)
        codes = [int(code.value) for code in response.Results or []]
        if len(codes) != len(values):
            detail = f"the server gave {len(codes)} results for {len(values)} values"
            return [Written(q=quality.BAD_NO_COMMUNICATION, lost=True, detail=detail)] * len(values)
        return [Written(q=code, detail="" if quality.is_good(code) else faults.status_name(code)) for code in codes]

    async def _learn(self, points: Sequence[int], nodes: Mapping[int, Any]) -> dict[int, Any]:
        """The built-in type of each node's value, or why it cannot be written."""
        unknown = [point for point in dict.fromkeys(points) if point not in self._types]
        wanted = [(nodes[point], attribute) for point in unknown for attribute in _ATTRIBUTES]
        try:
            found = await self._session.read_attributes(wanted)
        except (ua.UaError, OSError, TimeoutError, ValueError) as error:
            reason = faults.describe(error)
            self._session.lose(reason)
            raise faults.lost(self._session.device, reason) from error
        count = len(_ATTRIBUTES)
        types = {point: _type_of(*found[at * count : (at + 1) * count]) for at, point in enumerate(unknown)}
        self._types |= {point: kind for point, kind in types.items() if not isinstance(kind, Written)}
        return types | {point: self._types[point] for point in points if point in self._types}


_NO_NODE: Final = Written(q=quality.BAD_NODE_ID_UNKNOWN, detail="the server has no such node")


def _type_of(access: Any, data_type: Any, value: Any) -> Any:
    """The built-in type of a node's value; a `Written` that says why it cannot be written."""
    for answer in (access, data_type):
        if not answer.StatusCode.is_good():
            code = int(answer.StatusCode.value)
            return Written(q=code, detail=faults.status_name(code))
    if not int(access.Value.Value) & _CURRENT_WRITE:
        return Written(q=int(_Codes.BadUserAccessDenied), detail="the server lets this user not write the node")
    present = value.Value
    if present is not None and present.Value is not None:
        if present.is_array or isinstance(present.Value, list):
            return Written(q=quality.BAD_NOT_SUPPORTED, detail="the node holds an array")
        return present.VariantType
    node = data_type.Value.Value
    if node.NamespaceIndex == 0 and isinstance(node.Identifier, int) and 0 < node.Identifier <= _LARGEST_BUILT_IN:
        return _Type(node.Identifier)
    return Written(q=quality.BAD_NOT_SUPPORTED, detail="the node's type is not told by it or by a value")


def _write_value(node: Any, variant: Any) -> Any:
    """Only the value: many servers refuse a status or a time with it."""
    data = ua.DataValue(Value=variant, StatusCode=None)
    return ua.WriteValue(NodeId=node, AttributeId=ua.AttributeIds.Value, Value=data)


def _variant(value: Any, kind: Any) -> Any:
    """The value in the node's type; a `Written` that says why it does not fit."""
    try:
        return ua.Variant(_convert(value, kind), kind)
    except (ValueError, OverflowError, binascii.Error, InvalidInput) as error:
        return Written(q=int(_Codes.BadTypeMismatch), detail=f"{value!r} is no {kind.name}: {error}")


def _convert(value: Any, kind: Any) -> Any:
    if kind == _Type.Boolean:
        if isinstance(value, str) or value not in (0, 1):
            raise ValueError("it is neither true nor false")
        return bool(value)
    if kind in _RANGES:
        least, most = _RANGES[kind]
        if isinstance(value, str) or int(value) != value or not least <= value <= most:
            raise ValueError(f"it is no whole number from {least} to {most}")
        return int(value)
    if kind in (_Type.Float, _Type.Double):
        if isinstance(value, str) or (kind == _Type.Float and abs(value) > _LARGEST_FLOAT):
            raise ValueError("it is no number of that size")
        return float(value)
    if kind not in _TEXTS or not isinstance(value, str):
        raise ValueError("it takes a text" if kind in _TEXTS else "values of this type are not written")
    return _TEXTS[kind](value)


_TEXTS: Final[Mapping[Any, Callable[[str], Any]]] = {
    _Type.String: str,
    _Type.DateTime: lambda text: clock.to_datetime(clock.parse_time(text)).replace(tzinfo=None),
    _Type.LocalizedText: ua.LocalizedText,
    _Type.ByteString: lambda text: base64.b64decode(text, validate=True),
    _Type.Guid: uuid.UUID,
}
"""How a value that is no number is made of a text."""
