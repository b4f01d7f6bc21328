"""Units of points: settled to common codes where somebody configures, kept as said where a device or a file says them."""

from collections.abc import Iterable, Sequence
from typing import TypedDict

import msgspec

from lineshaft.core import units
from lineshaft.edge.driver import Faults
from lineshaft.edge.model import Device, Point


def settled(points: Sequence[Point], faults: Faults) -> tuple[Point, ...]:
    """The points of a configuration with their units as common codes; what is no unit is noted in `faults`.

    A code that the table has not is taken where `unit_text` says how it is written.
    """
    return tuple(_settled(point, faults) if point.unit else point for point in points)


def _settled(point: Point, faults: Faults) -> Point:
    found = units.find(point.unit)
    if found is not None:
        return _with(point, found.code, point.unit_text or point.unit)
    if point.unit_text and units.is_code(point.unit):
        return point
    near = ", ".join(units.nearest(point.unit))
    rule = f"it is no unit of the table; near it: {near}" if near else "it is no unit of the table"
    faults.add(f"points.{point.name}.unit", point.unit, f"{rule}. A unit without a code goes into unit_text")
    return point


def as_said(point: Point) -> tuple[Point, str]:
    """A point as a device or a file describes it, its unit as a code, or as text with a note why where it has none."""
    text = point.unit_text or point.unit
    found = units.spelled(text) if not (point.unit and point.unit_text) else units.find(point.unit)
    if found is not None:
        return _with(point, found.code, text), ""
    if not text or (point.unit_text and units.is_code(point.unit)):
        return point, ""
    kept = msgspec.structs.replace(point, unit="", unit_text=text)
    return kept, f"its unit {text!r} is not in the table of units and stays as text"


def of_table(point: Point) -> tuple[Point, str]:
    """The same for a file that somebody wrote for us, where a code may stand: codes first."""
    found = units.find(point.unit) if point.unit else None
    return (_with(point, found.code, point.unit_text or point.unit), "") if found is not None else as_said(point)


class Said(TypedDict):
    """Fields of a point or of what was found."""

    unit: str
    unit_text: str


def of_information(number: object, namespace: str, text: str) -> Said:
    """The unit that an OPC UA `EUInformation` tells (OPC 10000-8, 5.6.4.3): its number's code, and what it displays.

    Servers that leave the namespace empty often leave the number unset or wrong as well: there a text that is known goes
    first. A number of a namespace of their own is no code.
    """
    code = units.code_of_number(number) if isinstance(number, int) and namespace in ("", units.NAMESPACE) else ""
    if not namespace and (found := units.spelled(text)) is not None:
        code = found.code
    return {"unit": code or text, "unit_text": text if code else ""}


def kept(device: Device) -> Device:
    """A device as it was configured once, maybe before units had codes: nothing of it is refused for its units."""
    return msgspec.structs.replace(device, points=tuple(of_table(point)[0] for point in device.points))


def shown(unit: str, unit_text: str = "") -> str:
    """How a unit is shown to people: its own text, else the symbol of its code."""
    if unit_text or not unit:
        return unit_text
    found = units.find(unit)
    return unit if found is None else found.symbol


def symbols(codes: Iterable[str]) -> dict[str, str]:
    """How the units of some codes are written, where that is read as the same unit again."""
    found = {code: shown(code) for code in set(codes) if code}
    return {code: symbol for code, symbol in found.items() if (read := units.find(symbol)) and read.code == code}


def _with(point: Point, code: str, text: str) -> Point:
    """The point with a code, and with the text where that says more than the unit's symbol does."""
    known = units.find(text)
    more = text if units.says_more(text) or known is None or known.code != code else ""
    return msgspec.structs.replace(point, unit=code, unit_text=more)
