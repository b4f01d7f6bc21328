"""From the buffer of a scan group to rows: everything by `edge.raw`, and the S7 STRING, which is Siemens' own."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput
from lineshaft.edge import raw
from lineshaft.edge.columns import NUMBER, TEXT, Columns
from lineshaft.edge.drivers.s7.address import Place
from lineshaft.edge.model import Point

_ENCODING: Final = "latin-1"
"""Of an S7 STRING: a character is a byte."""


class Decoder:
    """Decodes the buffer of one group.

    Args:
        keys: index of each point in its plan.
        offsets: where each place begins in the buffer.
    """

    def __init__(
        self, points: Sequence[Point], keys: Sequence[int], places: Sequence[Place], offsets: Sequence[int]
    ) -> None:
        self._plain = np.array([number for number, place in enumerate(places) if place.type != "string"], np.intp)
        self._strings = [number for number, place in enumerate(places) if place.type == "string"]
        plain = self._plain.tolist()
        self._layout = raw.Layout.of(
            [points[number] for number in plain],
            [offsets[number] for number in plain],
            [places[number].bit for number in plain],
        )
        self._keys = np.array(keys, np.int32)
        self._offsets, self._places = offsets, places

    def decode(self, buffer: bytearray, columns: Columns, ts: int, status: Any) -> None:
        """Append one row for each point; `status` is an array with one for each, and what is Bad has no value."""
        if len(self._plain):
            self._layout.decode(buffer, columns, self._keys[self._plain], ts, ts, status[self._plain])
        for number in self._strings:
            offset = self._offsets[number]
            q, text = read_string(bytes(buffer[offset : offset + self._places[number].size]), int(status[number]))
            kind = TEXT if q < quality.BAD else NUMBER
            columns.add(int(self._keys[number]), ts, ts, q, kind, text if kind == TEXT else float("nan"))


def read_string(data: bytes, q: int = quality.GOOD) -> tuple[int, str]:
    """Status and text of an S7 STRING: greatest length, present length, characters.

    A present length over the greatest is no string: Bad, not decodable. One over what the point reads is Bad, out of range.
    """
    if q >= quality.BAD:
        return q, ""
    if len(data) < 2 or data[1] > data[0]:
        return quality.BAD_DECODING, ""
    if data[1] > len(data) - 2:
        return quality.BAD_OUT_OF_RANGE, ""
    return q, data[2 : 2 + data[1]].decode(_ENCODING)


def write_string(point: Point, value: object) -> bytes:
    """Present length and characters: what follows the first byte of an S7 STRING, which stays the controller's.

    Raises:
        InvalidInput: no text, too long, or with characters that a controller does not have.
    """
    rule = ""
    data = b""
    if not isinstance(value, str):
        rule = "it is a text"
    else:
        try:
            data = value.encode(_ENCODING)
        except UnicodeEncodeError:
            rule = "an S7 STRING holds the characters of ISO 8859-1 only"
        if len(data) > point.length:
            rule = f"it is {len(data)} characters long, over the point's {point.length}"
    if rule:
        raise InvalidInput(
            "edge.value_unfit", f"{value!r} cannot be written to the point {point.name!r}: {rule}",
            "Give a value that the point can hold; nothing was written.", point=point.name, value=str(value), rule=rule,
        )  # fmt: skip
    return bytes([len(data)]) + data
