"""What a command's value must be, told from the point's configuration alone: asked by web at once, by the gateway again."""

import hashlib
import math
from datetime import datetime
from fractions import Fraction
from typing import Final, NamedTuple

import msgspec

from lineshaft.core.errors import Conflict, InvalidInput, NotFound, Unprocessable
from lineshaft.edge.commands.model import Value
from lineshaft.edge.model import Device, Point, WriteRules

_RELATIVE: Final = 1e-6
"""What a machine that keeps single precision loses of a value."""
_LARGEST: Final = 2**64
"""No machine has larger integers; beyond it double precision ends some time."""
_TIME_SECONDS: Final = 0.001
"""What a machine that keeps milliseconds loses of a time."""
_WANTED: Final = {"number": "a number", "integer": "a whole number", "boolean": "true or false", "text": "a text"}


def find_point(device: Device, name: str) -> tuple[int, Point]:
    """A device's point that commands may go to, and its index.

    Raises:
        NotFound: there is no such point. Conflict: it cannot be written.
    """
    found = next(((index, point) for index, point in enumerate(device.points) if point.name == name), None)
    if found is None:
        raise NotFound(
            "edge.point_unknown", f"device {device.name!r} has no point {name[:64]!r}",
            f"`lineshaft device show {device.name}` lists them.", device=device.name, point=name[:64],
        )  # fmt: skip
    if found[1].access == "read":
        raise Conflict(
            "edge.point_not_writable", f"the point {device.name}/{name} is not writable",
            "An engineer gives it the access 'read-write', and rules for what may be written.",
            device=device.name, point=name,
        )  # fmt: skip
    return found


def digest(device: Device, point: Point) -> str:
    """Changes with everything that tells where a value goes and what it may be: a name alone may come to mean another."""
    means = (device.driver, device.endpoint, device.options, point)
    return hashlib.sha256(msgspec.json.encode(means, order="deterministic")).hexdigest()[:32]


def rules_of(point: Point) -> WriteRules:
    """The rules for commands to a point."""
    return point.write or WriteRules()


def check_value(device: str, point: Point, value: Value) -> None:
    """Refuse a value of another kind or beyond the point's limits.

    Raises:
        InvalidInput: not a value of the point's kind. Unprocessable: beyond a limit, which it names.
    """
    reason = _unfit(point, value)
    if reason:
        raise InvalidInput(
            "edge.command_value_unfit", f"{value!r} cannot be written to {device}/{point.name}: {reason}",
            f"The point takes {_WANTED[point.kind]}.", field="value", value=value, device=device, point=point.name,
            reason=reason,
        )  # fmt: skip
    if isinstance(value, bool | str):
        return
    for limit in limits(point):
        if value < limit.value if limit.lower else value > limit.value:
            raise Unprocessable(
                "edge.command_out_of_range",
                f"{value} for {device}/{point.name} is beyond its {limit.name}, {limit.value:g}",
                "Choose a value within the limits of the point.", field="value", value=value, device=device,
                point=point.name, limit=limit.value, rule=limit.name,
            )  # fmt: skip


def _unfit(point: Point, value: Value) -> str:  # noqa: PLR0911  # one line per rule
    if isinstance(value, float) and not math.isfinite(value):
        return "it is not finite"
    if isinstance(value, int) and abs(value) > _LARGEST:
        return f"its magnitude is beyond {_LARGEST}"
    if point.kind == "boolean" and not isinstance(value, bool):
        return "it is not true or false"
    if point.kind == "text":
        if not isinstance(value, str):
            return "it is no text"
        longest = len(value.encode())
        return f"it has {longest} bytes, and there is room for {point.length}" if 0 < point.length < longest else ""
    if point.kind in ("number", "integer") and isinstance(value, bool | str):
        return "it is no number"
    if point.kind == "integer" and not float(value).is_integer():
        return "it is not whole"
    return ""


class Limit(NamedTuple):
    """A bound of a point's value."""

    name: str
    """The field that says so."""
    value: float
    lower: bool


def limits(point: Point) -> list[Limit]:
    """What bounds a number: the write rules, else what the value can be at all, else the engineering range."""
    rules = rules_of(point)
    least = (("write.minimum", rules.minimum), ("minimum", point.minimum), ("low", point.low))
    most = (("write.maximum", rules.maximum), ("maximum", point.maximum), ("high", point.high))
    found = []
    for bounds, lower in ((least, True), (most, False)):
        stated = next(((name, value) for name, value in bounds if value is not None), None)
        if stated is not None:
            found.append(Limit(*stated, lower))
    return found


def agrees(point: Point, written: Value, read: Value) -> bool:
    """Whether a value read back is the one written.

    Numbers may be apart by the rules' tolerance, by half of what one raw unit counts, or by what single precision loses.
    Texts that are both times (RFC 3339, with a time of day) are compared as times, however a machine writes them: they may
    be apart by the tolerance in seconds, or by less than a millisecond.
    """
    if isinstance(written, str) or isinstance(read, str):
        return written == read or _same_time(point, written, read)
    if isinstance(written, bool) or isinstance(read, bool):
        return bool(written) == bool(read)
    unit = abs(float(Fraction(point.scale))) / 2 if point.scale else 0.0
    return abs(read - written) <= max(rules_of(point).tolerance, unit, abs(written) * _RELATIVE)


def _same_time(point: Point, written: Value, read: Value) -> bool:
    one, other = _time(written), _time(read)
    if one is None or other is None:
        return False
    apart = abs((one - other).total_seconds())
    return apart < _TIME_SECONDS or apart <= rules_of(point).tolerance


def _time(value: Value) -> datetime | None:
    """The moment that a text names with its zone; None where it names none."""
    if not isinstance(value, str) or "T" not in value.upper():
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
