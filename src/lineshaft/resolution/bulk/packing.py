"""One line of NDJSON to a record in stored form, without an object for each value.

    {"handle": "88.1/SN1", "values": [{"index": 1, "type": "URL", "data": "https://…"}, …]}

Plain text values of the usual kind are packed directly; all others go through `json_form`, which both agree with.
"""

from struct import Struct
from typing import Any, Final

import msgspec

from lineshaft.core.errors import LineshaftError
from lineshaft.resolution.model import DEFAULT_TTL, TTL_RELATIVE, HandleValue, check_handle, handle_key
from lineshaft.resolution.record import pack_record
from lineshaft.resolution.values.json_form import value_from_json

_HEAD: Final = Struct(">IIBIB")
_U32: Final = Struct(">I").pack
_COUNTS: Final = [bytes(1) + _U32(number) for number in range(65)]
"""Flags (nothing private, no alias, no site) and the number of values."""
_NO_REFERENCES: Final = bytes(4)
_NO_HEAD: Final = ("", -1, "", b"")
_UNSET: Final = msgspec.UNSET
_SIZES: Final = [_U32(size) for size in range(1024)]
_HEADS: Final = 1024
_USUAL: Final = "1110"
_MOST_INDEX: Final = 0xFFFFFFFF
_NOT_PLAIN: Final = frozenset(
    (
        "HS_ALIAS",
        "HS_SITE",
        "HS_SITE.6",
        "HS_SERV",
        "HS_SITE.PREFIX",
        "HS_SERV.PREFIX",
        "HS_NA_DELEGATE",
        "HS_NAMESPACE",
    )
)
"""Types that set a flag of the record."""


class _Text(msgspec.Struct, gc=False):
    format: str
    value: str


class _Value(msgspec.Struct, gc=False):
    index: int
    type: str
    data: str | _Text
    ttl: int = DEFAULT_TTL
    permissions: str = _USUAL
    references: list[Any] | msgspec.UnsetType = msgspec.UNSET


class _Line(msgspec.Struct, gc=False):
    handle: str
    values: list[_Value]


class Fault(Exception):
    """A line that is no registration.

    Args:
        message: why, in words.
        handle: that it names, as far as one could read.
    """

    def __init__(self, message: str, handle: str = "") -> None:
        super().__init__(message)
        self.handle = handle


def _text(data: str | _Text) -> str:
    """What plain text in its longer form says; raises ValueError for another form."""
    if isinstance(data, str):
        return data
    if data.format != "string":
        raise ValueError
    return data.value


class Packer:
    """Packs lines; every value gets the time `seconds` since 1970."""

    def __init__(self, seconds: int) -> None:
        self._decode = msgspec.json.Decoder(_Line).decode
        self.seconds = seconds
        self._heads: dict[int, tuple[str, int, str, bytes]] = {}
        """By index, of the last value that had it: type, TTL, permissions, and everything before its data."""

    def pack(self, line: bytes | str) -> tuple[str, bytes, bytes]:
        """Handle as written, its comparison form, and the record.

        Raises:
            Fault: the line is not a registration.
        """
        try:
            found = self._decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._slowly(line)
        handle = found.handle.encode()
        if handle.find(b"/") < 1 or len(handle) > 2048:
            return self._slowly(line)
        values = found.values
        heads = self._heads
        last = 0
        try:
            parts = [_COUNTS[len(values)]]
            for value in values:
                index, data = value.index, value.data
                # in rising order no index can occur twice
                if index <= last or (value.references is not _UNSET and value.references):
                    return self._slowly(line)
                if type(data) is not str:
                    data = _text(data)
                last = index
                content = data.encode()
                kind, ttl, permissions, head = heads.get(index, _NO_HEAD)
                if kind != value.type or ttl != value.ttl or permissions != value.permissions:
                    head = self._new_head(value)
                size = len(content)
                parts += (head, _SIZES[size] if size < 1024 else _U32(size), content, _NO_REFERENCES)
        except (TypeError, AttributeError, IndexError, ValueError):
            return self._slowly(line)
        if last == 0 or last > _MOST_INDEX:
            return self._slowly(line)
        return found.handle, handle.upper(), b"".join(parts)

    def _new_head(self, value: _Value) -> bytes:
        """Everything of a value before its data; raises ValueError for what is not plain."""
        index, kind, ttl = value.index, value.type, value.ttl
        if value.permissions != _USUAL or not 0 <= ttl <= _MOST_INDEX:
            raise ValueError
        if index > _MOST_INDEX or kind.upper() in _NOT_PLAIN:
            raise ValueError
        name = kind.encode()
        head = _HEAD.pack(index, self.seconds, TTL_RELATIVE, ttl, 0b1110) + _U32(len(name)) + name
        if index in self._heads or len(self._heads) < _HEADS:
            self._heads[index] = (kind, ttl, value.permissions, head)
        return head

    def _slowly(self, line: bytes | str) -> tuple[str, bytes, bytes]:
        """The same for every kind of value, and with the reason where there is one to give."""
        try:
            given = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Fault(f"not JSON: {error}") from error
        handle = given.get("handle") if isinstance(given, dict) else None
        if not isinstance(handle, str) or not isinstance(given.get("values"), list):
            raise Fault('a line is {"handle": "…", "values": […]}', handle if isinstance(handle, str) else "")
        try:
            encoded = check_handle(handle.encode())
            values = [self._stamped(value_from_json(one)) for one in given["values"]]
            if not values:
                raise Fault("a handle needs at least one value", handle)
            return handle, handle_key(encoded), pack_record(values)
        except (LineshaftError, UnicodeEncodeError) as error:
            raise Fault(getattr(error, "message", str(error)), handle) from error

    def _stamped(self, value: HandleValue) -> HandleValue:
        return msgspec.structs.replace(value, timestamp=self.seconds)
