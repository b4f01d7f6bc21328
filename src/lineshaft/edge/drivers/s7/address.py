"""Where a value lies in an S7 controller: area, data block, byte, bit, and how many bytes it takes."""

import re
from typing import Final, Literal

import msgspec

from lineshaft.edge.model import Point

AreaName = Literal["DB", "M", "I", "Q"]

_SIEMENS_BLOCK: Final = re.compile(r"^DB(\d+)\.DB([XBWD])(\d+)(?:\.(\d+))?$", re.ASCII)
_SIEMENS_AREA: Final = re.compile(r"^([MIEQA])([BWD]?)(\d+)(?:\.(\d+))?$", re.ASCII)
_BY_TYPE: Final = re.compile(r"^(?:DB(\d+)|([MIEQA])):(\d+)(?:\.(\d+))?(?::([a-z0-9]+))?$", re.ASCII)
_GERMAN: Final[dict[str, AreaName]] = {"E": "I", "A": "Q"}
_BYTES: Final = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8, "uint64": 8,
    "float32": 4, "float64": 8, "bcd16": 2, "bcd32": 4,
}  # fmt: skip
_FITS: Final = {
    "X": ("bool",), "B": ("uint8", "int8"), "W": ("uint16", "int16", "bcd16"),
    "D": ("float32", "int32", "uint32", "bcd32"),
}  # fmt: skip
_LAST_BYTE: Final = 2**21 - 1
"""Addresses travel as 24 bits that count bits."""
LONGEST_STRING: Final = 254
EXAMPLES: Final = "DB5.DBD12, DB5.DBX0.3, M10.2, IW0, or DB5:12:float32"


class Place(msgspec.Struct, frozen=True, order=True):
    """Bytes of a controller that hold one value."""

    area: AreaName
    db: int
    """Number of the data block; 0 in the other areas."""
    byte: int
    size: int
    """Bytes."""
    bit: int = 0
    """Of a `bool`: 0 is the lowest."""
    type: str = ""
    """The point's raw type, or `string`: an S7 STRING, whose first two bytes are its greatest and its present length."""

    @property
    def space(self) -> str:
        """The name of its area for the guard: `db5`, `m`, `i`, `q`."""
        return f"db{self.db}" if self.area == "DB" else self.area.lower()


def read_place(point: Point) -> Place:
    """Where a point lies.

    Raises:
        ValueError: no address, one that no controller has, or a type that does not fit; says which.
    """
    address = point.address
    if found := _SIEMENS_BLOCK.match(address):
        db, letter, byte, bit = found.groups()
        return _make("DB", int(db), int(byte), bit, _siemens_type(letter, point), point)
    if found := _BY_TYPE.match(address):
        number, letter, byte, bit, stated = found.groups()
        kind = _stated_type(stated or "", point)
        area: AreaName = "DB" if letter is None else _area(letter)
        return _make(area, int(number or 0), int(byte), bit, kind, point)
    if found := _SIEMENS_AREA.match(address):
        letter, width, byte, bit = found.groups()
        return _make(_area(letter), 0, int(byte), bit, _siemens_type(width or "X", point), point)
    raise ValueError(f"no S7 address; for example {EXAMPLES}")


def _area(letter: str) -> AreaName:
    return _GERMAN.get(letter, letter)  # type: ignore[arg-type]  # the pattern admits only letters of areas


def _siemens_type(letter: str, point: Point) -> str:
    """The type at an address that says a width: what the point says if it fits, else the only one there can be."""
    fitting = _FITS[letter]
    if point.type:
        if point.type not in fitting:
            raise ValueError(f"the type {point.type} does not fit it; {', '.join(fitting)} does")
        return point.type
    if letter in "WD":
        raise ValueError(f"it does not say what is in it: set the point's type to {', '.join(fitting)}")
    return fitting[0]


def _stated_type(stated: str, point: Point) -> str:
    """The type of an address in our own form; the point may say it instead."""
    if stated and stated not in _BYTES and stated not in ("string", "text"):
        raise ValueError(f"{stated} is no type; there are {', '.join(_BYTES)}, text and string")
    if stated and point.type and stated != point.type and not (stated == "string" and point.type == "text"):
        raise ValueError(f"it says {stated}, but the point's type is {point.type}")
    if not (stated or point.type):
        raise ValueError("it does not say what is there: end it with :float32, or set the point's type")
    return stated or point.type


def _make(area: AreaName, db: int, byte: int, bit: str | None, kind: str, point: Point) -> Place:
    if area == "DB" and not 1 <= db <= 65_535:
        raise ValueError("data blocks are numbered from 1 to 65535")
    if (kind == "bool") != (bit is not None):
        raise ValueError("a bool is a byte and a bit, such as DB5.DBX0.3; nothing else names a bit")
    if bit is not None and int(bit) > 7:
        raise ValueError("a byte has the bits 0 to 7")
    if (kind in ("string", "text")) != (point.kind == "text"):
        raise ValueError(f"a {kind} and a point of kind {point.kind} do not go together")
    if kind in ("string", "text") and not 1 <= point.length <= (LONGEST_STRING if kind == "string" else 65_535):
        raise ValueError(f"a {kind} needs the point's length: 1 to 254 characters for a string, 65535 for a text")
    size = _BYTES.get(kind) or point.length + 2 * (kind == "string")
    if byte + size - 1 > _LAST_BYTE:
        raise ValueError(f"the last byte of an area is {_LAST_BYTE}")
    return Place(area=area, db=db, byte=byte, size=size, bit=int(bit or 0), type=kind)
