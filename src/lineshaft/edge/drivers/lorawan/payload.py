"""Payload decoders: a point's address is an expression over the bytes of a message, `2: u16(0) / 10` for those on port 2.

Beside what every expression has: `bytes[i]`, `size`, `port`, `rssi`, `snr`, and `u8 i8 u16 i16 u24 u32 i32 f32` of the byte
at an index, most significant byte first, with `le` after the name least significant first; `text(i, n)` is ASCII.
"""

import re
import struct
from collections.abc import Callable
from typing import Any, Final

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.formula import Formula, Function

_PORT: Final = re.compile(r"^\s*(\d{1,3})\s*:(?!:)(.*)$", re.DOTALL)
_LARGEST_PORT: Final = 223
_SIZES: Final = {"u8": (1, False), "i8": (1, True), "u16": (2, False), "i16": (2, True), "u24": (3, False),
                 "i24": (3, True), "u32": (4, False), "i32": (4, True)}  # fmt: skip
_VARIABLES: Final = ("size", "port", "rssi", "snr")


class Decoder:
    """A point's expression.

    Raises:
        InvalidInput: it is none, or for a port that does not exist.
    """

    def __init__(self, address: str) -> None:
        found = _PORT.match(address)
        self.port = int(found[1]) if found else None
        if self.port is not None and not 1 <= self.port <= _LARGEST_PORT:
            raise InvalidInput(
                "edge.formula_invalid", f"the expression {address!r} cannot be used, at character 1: ports are 1 to {_LARGEST_PORT}",
                "See docs/lorawan.md for decoders.", field="expression", value=address, position=1,
                reason=f"ports are 1 to {_LARGEST_PORT}",
            )  # fmt: skip
        self._data = b""
        self._formula = Formula.parse(
            found[2] if found else address, variables=_VARIABLES, arrays=("bytes",), functions=self._functions()
        )
        if self._formula.inputs:
            raise InvalidInput(
                "edge.formula_invalid", f"the expression {address!r} cannot be used, at character 1: a decoder reads no points",
                "Make a calculated tag of it.", field="expression", value=address, position=1, reason="a decoder reads no points",
            )  # fmt: skip

    def decode(self, data: bytes, port: int, rssi: float, snr: float) -> float | bool | str:
        """The value in a message.

        Raises:
            InvalidInput: it has none.
        """
        self._data = data
        return self._formula.evaluate({"bytes": data, "size": len(data), "port": port, "rssi": rssi, "snr": snr})

    def _functions(self) -> dict[str, Function]:
        made = {}
        for name, (size, signed) in _SIZES.items():
            for ending, order in (("", "big"), ("be", "big"), ("le", "little")):
                made[name + ending] = Function(self._integer(size, order, signed=signed), 1, 1)
        for ending, form in (("", ">f"), ("be", ">f"), ("le", "<f")):
            made["f32" + ending] = Function(self._float(form), 1, 1)
        made["text"] = Function(lambda start, length: self._cut(start, int(length)).decode("ascii"), 2, 2)
        return made

    def _cut(self, start: float, size: int) -> bytes:
        first = int(start)
        if first != start or first < 0 or size < 0 or first + size > len(self._data):
            raise IndexError(f"the message has {len(self._data)} bytes")
        return self._data[first : first + size]

    def _integer(self, size: int, order: Any, *, signed: bool) -> Callable[[float], float]:
        return lambda start: float(int.from_bytes(self._cut(start, size), order, signed=signed))

    def _float(self, form: str) -> Callable[[float], float]:
        return lambda start: float(struct.unpack(form, self._cut(start, 4))[0])
