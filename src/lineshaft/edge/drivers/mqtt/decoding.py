"""Messages into rows: JSON, CBOR or text; one object, a batch of them, or the bare value."""

import math
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from lineshaft.core import clock, quality
from lineshaft.core.errors import LineshaftError
from lineshaft.edge.columns import BOOLEAN, INTEGER, NUMBER, TEXT, Columns
from lineshaft.edge.columns import MISSING as NO_TIME
from lineshaft.edge.drivers.mqtt.address import MISSING, Path, follow, read_pointer
from lineshaft.edge.drivers.mqtt.options import MqttOptions
from lineshaft.edge.model import PointKind

NOT_A_NUMBER: Final = float("nan")
BAD_NO_VALUE: Final = 0x80F00000
_LARGEST: Final = 2**63 - 1
_SMALLEST: Final = -(2**63)
_STEPS: Final = {"s": 1_000_000, "ms": 1000, "us": 1}
_TRUE: Final = frozenset(("true", "on", "1"))
_FALSE: Final = frozenset(("false", "off", "0"))
_CLASSIC: Final = {0xC0: quality.GOOD, 0x40: quality.UNCERTAIN}
_CLASSIC_MASK: Final = ~0x3F
_LARGEST_CODE: Final = 2**32 - 1
_FOREVER_US: Final = 2**62


class Undecodable(Exception):
    """A message that is not what the options say; carries why."""


class Target(msgspec.Struct, frozen=True):
    """A point that a topic feeds."""

    point: int
    path: Path
    kind: PointKind


class Decoder:
    """Reads the messages of one device."""

    def __init__(self, options: MqttOptions) -> None:
        self._parse = parser(options.format)
        self._rows, self._time, self._quality = (
            read_pointer(text) for text in (options.rows, options.time, options.quality)
        )
        self._is_status = options.quality_code == "status"
        self._step = _STEPS.get(options.time_unit, 0)
        self._is_text = options.format == "text"

    def read(self, payload: bytes, targets: list[Target], columns: Columns, *, retained: bool) -> None:
        """Append a row for each value of a target that the message has.

        Args:
            retained: the broker kept it: without a time of its own nobody knows how old it is.

        Raises:
            Undecodable: nothing was appended.
        """
        message = self._parse(payload)
        arrival = clock.now_us()
        default = NO_TIME if retained else arrival
        for row in self._each(message):
            ts = self._when(row, message, default)
            q = self._judge(row, message)
            for target in targets:
                value = follow(row, target.path)
                if value is MISSING and row is not message:
                    value = follow(message, target.path)
                if value is not MISSING:
                    self._append(columns, target, ts, arrival, q, value)

    def _each(self, message: Any) -> Iterator[Any]:
        found = follow(message, self._rows) if self._rows else message
        if isinstance(found, list) and (self._rows or all(isinstance(each, dict) for each in found)):
            yield from found
        elif found is not MISSING:
            yield found

    def _when(self, row: Any, message: Any, default: int) -> int:
        """Source time, microseconds; `NO_TIME` where the message should say it and does not, so that nobody takes it for good."""
        if not self._time:
            return default
        told = follow(row, self._time)
        if told is MISSING:
            told = follow(message, self._time)
        if self._step == 0:
            try:
                return clock.parse_time(told) if isinstance(told, str) else NO_TIME
            except LineshaftError:
                return NO_TIME
        if isinstance(told, bool) or not isinstance(told, int | float) or not math.isfinite(told):
            return NO_TIME
        return max(min(round(told * self._step), _FOREVER_US), -_FOREVER_US)

    def _judge(self, row: Any, message: Any) -> int:
        """The quality that the message tells; bad where it should and does not."""
        if not self._quality:
            return quality.GOOD
        told = follow(row, self._quality)
        if told is MISSING:
            told = follow(message, self._quality)
        if isinstance(told, bool):
            return quality.GOOD if told else quality.BAD
        if not isinstance(told, int):
            return quality.BAD
        if self._is_status:
            return told if 0 <= told <= _LARGEST_CODE else quality.BAD
        return _CLASSIC.get(told & _CLASSIC_MASK, quality.BAD)

    def _append(self, columns: Columns, target: Target, ts: int, arrival: int, q: int, value: Any) -> None:
        kind, value, own = _text_value(value, target.kind) if self._is_text else scalar(value, target.kind)
        columns.add(target.point, ts, arrival, max(q, own), kind, value)


def scalar(value: Any, kind: PointKind) -> tuple[int, Any, int]:  # noqa: PLR0911  # one line per case
    """Kind, value and best quality of a decoded value for a point of a kind; 0 and 1 may be booleans."""
    if isinstance(value, bool):
        return BOOLEAN, value, quality.GOOD
    if isinstance(value, int):
        if kind == "boolean" and value in (0, 1):
            return BOOLEAN, bool(value), quality.GOOD
        if not _SMALLEST <= value <= _LARGEST:
            return NUMBER, NOT_A_NUMBER, quality.BAD_OUT_OF_RANGE
        return INTEGER, value, quality.GOOD
    if isinstance(value, float):
        return NUMBER, value, quality.GOOD
    if isinstance(value, str):
        return TEXT, value, quality.GOOD
    return NUMBER, NOT_A_NUMBER, BAD_NO_VALUE if value is None else quality.BAD_NOT_SUPPORTED


def _text_value(text: str, kind: PointKind) -> tuple[int, Any, int]:
    """The same of a bare text: what the point is decides how it is read."""
    if kind == "text":
        return TEXT, text, quality.GOOD
    word = text.strip().lower()
    if kind == "boolean":
        if word in _TRUE or word in _FALSE:
            return BOOLEAN, word in _TRUE, quality.GOOD
        return NUMBER, NOT_A_NUMBER, quality.BAD_TYPE_MISMATCH
    try:
        return scalar(int(word) if kind == "integer" else float(word), kind)
    except ValueError:
        return NUMBER, NOT_A_NUMBER, quality.BAD_TYPE_MISMATCH


def parser(format_name: str) -> Callable[[bytes], Any]:
    """What reads a message of a format; raises `Undecodable`."""
    if format_name == "json":
        return _parse_json
    return _parse_cbor if format_name == "cbor" else _parse_text


def _parse_json(payload: bytes) -> Any:
    try:
        return msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(f"it is not JSON: {error}") from error


def _parse_cbor(payload: bytes) -> Any:
    import cbor2

    try:
        return cbor2.loads(payload)
    except Exception as error:
        raise Undecodable(f"it is not CBOR: {error}") from error


def _parse_text(payload: bytes) -> Any:
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise Undecodable(f"it is not UTF-8: {error}") from error
