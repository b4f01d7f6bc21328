"""Publish, republish and read responses (IEC 62541-4, 5.14.5, 5.14.6, 5.11.2), their values as columns."""

from typing import Final

import msgspec
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary

from lineshaft.edge.columns import Columns
from lineshaft.edge.drivers.opcua import wire

_DATA_CHANGE: Final = ua.FourByteNodeId(ua.ObjectIds.DataChangeNotification_Encoding_DefaultBinary)
_STATUS_CHANGE: Final = ua.FourByteNodeId(ua.ObjectIds.StatusChangeNotification_Encoding_DefaultBinary)
_HAS_BODY: Final = 1


class Notification(msgspec.Struct, kw_only=True):
    """One notification message of a subscription."""

    subscription: int
    sequence: int
    """Of this message, or of the next one where this is a keep-alive."""
    keep_alive: bool
    available: tuple[int, ...] = ()
    """Sequence numbers that the server still holds for republishing."""
    status: int | None = None
    """Why the server changed the subscription's state (StatusChangeNotification)."""
    rows: int = 0
    undecodable: str = ""
    """Why the values of the message could not be read."""


def read_publish(data: Buffer, columns: Columns) -> Notification:
    """A publish response; its values are appended to `columns`, their keys the client handles.

    Raises:
        ua.UaStatusCodeError: the server answered with a bad result.
        ValueError: the message cannot be read.
    """
    try:
        _header(data)
        subscription = _uint32(data)
        available = tuple(_uint32(data) for _ in range(_count(data)))
        data.skip(1)  # MoreNotifications: there is always a request waiting
        return _message(data, columns, subscription, available)
    except (ua.UaStatusCodeError, ValueError):
        raise
    except Exception as error:  # whatever the library raises at bytes that are no such message
        raise ValueError(f"the publish response cannot be read: {error}") from error


def read_republish(data: Buffer, columns: Columns, subscription: int) -> Notification | None:
    """A republish response; None where the server has the message no more but does not say so by its result."""
    try:
        _header(data)
        message = _message(data, columns, subscription, ())
    except (ua.UaStatusCodeError, ValueError):
        raise
    except Exception as error:
        raise ValueError(f"the republish response cannot be read: {error}") from error
    return None if message.sequence == 0 else message


def read_values(data: Buffer, columns: Columns) -> int:
    """A read response; its values are appended to `columns`, their keys counted from 0. How many there were."""
    try:
        _header(data)
        count = _count(data)
        body = data.read(len(data))
    except ua.UaStatusCodeError:
        raise
    except Exception as error:
        raise ValueError(f"the read response cannot be read: {error}") from error
    if count:
        wire.decode(body, 0, count, columns, handles=False)
    return count


def _header(data: Buffer) -> None:
    """Pass over type and response header, checking the result."""
    nodeid_from_binary(data)
    struct_from_binary(ua.ResponseHeader, data).ServiceResult.check()


def _message(data: Buffer, columns: Columns, subscription: int, available: tuple[int, ...]) -> Notification:
    sequence = _uint32(data)
    data.skip(8)  # PublishTime
    parts = _count(data)
    message = Notification(subscription=subscription, sequence=sequence, keep_alive=parts == 0, available=available)
    for _ in range(parts):
        kind = nodeid_from_binary(data)
        body = b""
        if data.read(1)[0] & _HAS_BODY:
            body = data.read(_count(data))
        if kind == _DATA_CHANGE:
            _data_change(body, columns, message)
        elif kind == _STATUS_CHANGE:
            message.status = struct_from_binary(ua.StatusChangeNotification, Buffer(body)).Status.value
    return message


def _data_change(body: bytes, columns: Columns, message: Notification) -> None:
    count = int.from_bytes(body[:4], "little", signed=True)
    if count <= 0:
        return
    try:
        wire.decode(body, 4, count, columns, handles=True)
        message.rows += count
    except ValueError as error:
        message.undecodable = str(error)


def _uint32(data: Buffer) -> int:
    return int.from_bytes(data.read(4), "little")


def _count(data: Buffer) -> int:
    """The length of an array or byte string; 0 for null."""
    return max(int.from_bytes(data.read(4), "little", signed=True), 0)
