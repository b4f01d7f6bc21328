"""An operation: one thing that somebody wants to do to a device, as the guard sees it, whatever the protocol."""

import math
from collections.abc import Iterable
from typing import Any, Final, Self

import msgspec

UNITS: Final = 1_000_000
"""A value's integer is its number of millionths, so that rules and values compare without rounding."""
LARGEST: Final = 2**62


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation. Exactly one of `space` with `start` and `count`, or `node`, says where."""

    protocol: str
    """`modbus`, `opcua`, `s7`, `sparkplug` …: the driver's name."""
    device: str
    """The device's name."""
    function: str
    """What is done, in the protocol's own word: `write_single_register`, `write`, `call`, `read` … (`guard.functions`)."""
    space: str = ""
    """Of numbered addresses: which of the device's spaces (`holding`, `coil`, `db5`)."""
    start: int = 0
    count: int = 1
    """First address, and how many."""
    node: str = ""
    """Of named addresses: the address as a point has it."""
    values: tuple[int, ...] = ()
    """Millionths of the point's unit where a point is known, of the raw word otherwise; none for a read or a call."""
    points: tuple[str, ...] = ()
    """Names of the points that the operation touches, where they are known."""
    unjudgeable: bool = False
    """A value is NaN, infinite or beyond what the guard can count: denied before any rule is looked at."""

    @classmethod
    def of(cls, values: Iterable[float], **rest: Any) -> Self:
        """An operation with values as they are (unit or raw word); `rest` are the other fields."""
        counted = [millionths(value) for value in values]
        known = tuple(value for value in counted if value is not None)
        return cls(values=known, unjudgeable=len(known) < len(counted), **rest)


def millionths(value: float) -> int | None:
    """A value as the guard counts; None for what no rule can judge: NaN, an infinity, or more than 2**62 of them."""
    if isinstance(value, bool):
        return UNITS if value else 0
    if isinstance(value, int):
        counted = value * UNITS
    elif math.isfinite(value):
        scaled = value * UNITS
        if not math.isfinite(scaled):
            return None
        counted = round(scaled)
    else:
        return None
    return counted if -LARGEST <= counted <= LARGEST else None
