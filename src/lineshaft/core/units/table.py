"""The table of units, read when first asked for."""

import difflib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

NAMESPACE: Final = "http://www.opcfoundation.org/UA/units/un/cefact"
"""Namespace of an OPC UA `EUInformation` whose `UnitId` is made of a common code (OPC 10000-8, 5.6.4.3)."""
_CODE: Final = re.compile(r"[A-Z0-9]{2,3}", re.ASCII)
_LONG_CODE: Final = 3
_LITRE: Final = re.compile(r"(?<![^\W\d])([mcdhkµ]?)l(?=$|/)")
"""The litre, whose symbol may be l or L."""
_SAME: Final = str.maketrans(
    {
        "²": "2", "³": "3", "⁴": "4", "¹": "1", "⁻": "-", "₂": "2", "^": None, " ": None, "\N{NO-BREAK SPACE}": None,
        "·": ".", "⋅": ".", "∙": ".", "*": ".", "×": ".", "μ": "µ", "\N{OHM SIGN}": "Ω", "º": "°", "℃": "°C", "℉": "°F",
        "\N{KELVIN SIGN}": "K", "\N{ANGSTROM SIGN}": "Å", "÷": "/", "∕": "/", "\N{FULLWIDTH PERCENT SIGN}": "%",
    }
)  # fmt: skip
"""What writers of one unit differ in: powers, the dot of a product, blanks, letters that look alike."""


class Unit(NamedTuple):
    """A unit of measure."""

    code: str
    """Common code of UNECE Recommendation 20."""
    symbol: str
    name: str
    name_zh: str
    quantity: str
    """What it measures."""
    quantity_zh: str


class _Table(NamedTuple):
    by_code: Mapping[str, Unit]
    by_spelling: Mapping[str, Unit]
    telling: frozenset[str]
    """Spellings that say more than the unit."""


@cache
def _table() -> _Table:
    codes: dict[str, Unit] = {}
    spellings: dict[str, Unit] = {}
    telling: set[str] = set()
    quantity = quantity_zh = ""
    for line in files(__package__).joinpath("units.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("="):
            quantity, quantity_zh = (text.strip() for text in line[1:].split(";"))
        elif not line.startswith("#"):
            code, symbol, name, name_zh, *more = (text.strip() for text in line.split(";"))
            unit = codes[code] = Unit(code, symbol, name, name_zh, quantity, quantity_zh)
            others = [text.strip() for text in more[0].split(",")] if more else []
            telling.update(_key(text[1:]) for text in others if text.startswith("~"))
            for text in (symbol, name, name_zh, *(text.removeprefix("~") for text in others)):
                key = _key(text)
                for variant in {key, key.replace("µ", "u"), _LITRE.sub(r"\1L", key)}:
                    spellings.setdefault(variant, unit)
    return _Table(codes, spellings, frozenset(telling))


def _key(text: str) -> str:
    return text.translate(_SAME)


def units() -> tuple[Unit, ...]:
    """Every unit of the table, by quantity."""
    return tuple(_table().by_code.values())


def find(text: str) -> Unit | None:
    """The unit of a common code, else of a symbol or another spelling; None where the table has none.

    Capital and small letters are told apart: mW is no MW.
    """
    return _table().by_code.get(text) or spelled(text)


def spelled(text: str) -> Unit | None:
    """The unit that a device means by a text: a spelling first, since short codes are symbols of other units as well."""
    table = _table()
    found = table.by_spelling.get(_key(text))
    return found or (table.by_code.get(text) if len(text) == _LONG_CODE else None)


def says_more(text: str) -> bool:
    """Whether a spelling tells what the unit's code does not, as `barg` and `mol %` do."""
    return _key(text) in _table().telling


def is_code(text: str) -> bool:
    """Whether a text can be a common code, in the table or not."""
    return _CODE.fullmatch(text) is not None


def nearest(text: str, most: int = 4) -> list[str]:
    """Units that somebody may have meant, as `symbol (CODE, name)`."""
    table, wanted = _table(), _key(text).casefold()
    near: dict[str, list[Unit]] = {}
    for key, unit in [*table.by_spelling.items(), *table.by_code.items()]:
        near.setdefault(key.casefold(), []).append(unit)
    chosen = [unit for key in difflib.get_close_matches(wanted, near, n=2 * most, cutoff=0.6) for unit in near[key]]
    return [f"{unit.symbol} ({unit.code}, {unit.name})" for unit in list(dict.fromkeys(chosen))[:most]]


def number_of(code: str) -> int:
    """`UnitId` of a common code: its characters as one big-endian number (OPC 10000-8, 5.6.4.3); -1 of none."""
    return int.from_bytes(code.encode("ascii"), "big") if code else -1


def code_of_number(number: int) -> str:
    """The common code that a `UnitId` holds; empty where it holds none."""
    if not 0 < number < 1 << 24:
        return ""
    text = number.to_bytes(3, "big").lstrip(b"\0").decode("ascii", "replace")
    return text if is_code(text) else ""
