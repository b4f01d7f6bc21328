"""Addresses of Modbus values as people write them.

holding:107         register 107, counted from 0 as on the wire
holding:0x6b        the same
holding:107.4       its bit 4, 0 the least significant
coil:5  discrete:3  input:12
2/holding:107       of unit 2 behind the same connection
40108  400108       the traditional notation of manuals, counted from 1: the same register as holding:107
"""

import re
from typing import Final, Literal

import msgspec

Space = Literal["coil", "discrete", "input", "holding"]
REGISTERS: Final = ("input", "holding")
WRITABLE: Final = ("coil", "holding")
LAST: Final = 65_535
_DIGITS: Final[dict[str, Space]] = {"0": "coil", "1": "discrete", "3": "input", "4": "holding"}
_SPACES: Final[dict[str, Space]] = {space: space for space in _DIGITS.values()}
_FORM: Final = re.compile(r"(?:(\d{1,3})/)?(?:([a-z]+):(0x[0-9a-fA-F]{1,4}|\d{1,5})|(\d+))(?:\.(\d{1,2}))?")
_TRADITIONAL: Final = (5, 6)


class Address(msgspec.Struct, frozen=True):
    """Where a value begins."""

    space: Space
    number: int
    """Counted from 0, as on the wire."""
    bit: int | None = None
    """Of a register, 0 the least significant."""
    unit: int | None = None
    """None: the device's."""

    def __str__(self) -> str:
        unit = "" if self.unit is None else f"{self.unit}/"
        bit = "" if self.bit is None else f".{self.bit}"
        return f"{unit}{self.space}:{self.number}{bit}"


def read_address(text: str) -> Address:
    """An address.

    Raises:
        ValueError: it is none, or could mean two things; says which rule it breaks.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError("an address is such as holding:107, coil:5, holding:107.4 or 40108")
    unit, name, number, traditional, bit = found.groups()
    if traditional is not None:
        space, place = _traditional(traditional)
    else:
        if name not in _SPACES:
            raise ValueError(f"the spaces are {', '.join(_SPACES)}")
        space, place = _SPACES[name], int(number, 0) if number.startswith("0x") else int(number)
    if place > LAST:
        raise ValueError(f"addresses go from 0 to {LAST}")
    if bit is not None and (space not in REGISTERS or int(bit) > 15):
        raise ValueError("bits are 0 to 15 of a holding or input register")
    if unit is not None and int(unit) > 255:
        raise ValueError("units are 0 to 255")
    return Address(space, place, int(bit) if bit else None, int(unit) if unit else None)


def _traditional(digits: str) -> tuple[Space, int]:
    """`40108` is the 108th holding register: number 107."""
    if len(digits) not in _TRADITIONAL:
        raise ValueError(
            f"{digits} alone could be counted from 0 or from 1: write holding:{digits}, or five or six digits such as 40108"
        )
    space = _DIGITS.get(digits[0])
    if space is None:
        raise ValueError("the traditional notation begins with 0 (coil), 1 (discrete), 3 (input) or 4 (holding)")
    place = int(digits[1:])
    if place == 0:
        raise ValueError(f"the traditional notation counts from 1: the first is {digits[:-1]}1")
    return space, place - 1
