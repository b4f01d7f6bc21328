"""What an MTConnectDevices document says of an agent's data items: names, kinds, units, ranges."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from lineshaft.edge.address_space import Found
from lineshaft.edge.drivers.mtconnect.address import read_address
from lineshaft.edge.drivers.mtconnect.documents import children, header_of, local
from lineshaft.edge.model import PointKind

UNITS: Final = {
    "AMPERE": "A", "CELSIUS": "°C", "COUNT": "1", "DECIBEL": "dB", "DEGREE": "°", "DEGREE/SECOND": "°/s",
    "DEGREE/SECOND^2": "°/s²", "HERTZ": "Hz", "JOULE": "J", "KELVIN": "K", "KILOGRAM": "kg", "LITER": "l",
    "LITER/SECOND": "l/s", "LUMEN": "lm", "METER": "m", "METER/SECOND": "m/s", "METER/SECOND^2": "m/s²",
    "MICRO_RADIAN": "µrad", "MILLIMETER": "mm", "MILLIMETER/REVOLUTION": "mm/r", "MILLIMETER/SECOND": "mm/s",
    "MILLIMETER/SECOND^2": "mm/s²", "MILLIMETER_3D": "mm", "NEWTON": "N", "NEWTON_METER": "N·m", "OHM": "Ω", "PASCAL": "Pa",
    "PASCAL/SECOND": "Pa/s", "PASCAL_SECOND": "Pa·s", "PERCENT": "%", "PH": "pH", "RADIAN": "rad",
    "REVOLUTION/MINUTE": "r/min", "REVOLUTION/SECOND": "r/s", "SECOND": "s", "SIEMENS/METER": "S/m", "TESLA": "T",
    "VOLT": "V", "VOLT_AMPERE": "VA", "VOLT_AMPERE_REACTIVE": "var", "WATT": "W", "WATT_SECOND": "W·s",
}  # fmt: skip
"""Symbols (UN/CEFACT recommendation 20) of the standard's units; others stay as they are."""
_INTEGERS: Final = frozenset(("LINE_NUMBER", "PART_COUNT", "TOOL_NUMBER", "BLOCK_COUNT", "CYCLE_COUNT", "LOAD_COUNT"))
_AXES: Final = ("x", "y", "z")


def items(root: Any) -> Iterator[Any]:
    """All DataItem elements."""
    return (element for element in root.iter("{*}DataItem") if element.get("id"))


def describe(root: Any, under: str = "", depth: int = 100) -> list[Found]:
    """All data items, those of the device or component `under` (id or name) where it is named, at most `depth` below."""
    found = []
    for item in items(root):
        above = [each for each in item.iterancestors() if local(each) not in _PLAIN]
        if under and not any(under in (each.get("id"), each.get("name"), each.get("uuid")) for each in above):
            continue
        path = tuple(each.get("name") or local(each) for each in reversed(above))
        if len(path) <= depth:
            found += _found(item, path)
    return found


def inspect(root: Any, addresses: Sequence[str]) -> list[Found]:
    """Single data items; one that is not there says so."""
    known = {each.address: each for each in describe(root)}
    names = {item.get("name"): item.get("id") for item in items(root) if item.get("name")}
    answers = []
    for address in addresses:
        try:
            asked = read_address(address)
        except ValueError as error:
            answers.append(Found(address=address, name="", refused=str(error)))
            continue
        found = known.get(address) or known.get(asked.item) or known.get(names.get(asked.item, ""))
        answers.append(found or Found(address=address, name="", refused="the agent has no such data item"))
    return answers


def about(root: Any) -> Mapping[str, str]:
    """The agent, and its devices."""
    header = header_of(root)
    names = [each.get("name") or each.get("uuid") or "" for each in root.iter("{*}Device")]
    said = {"sender": header.get("sender"), "version": header.get("version"), "devices": ", ".join(names)}
    return {name: text for name, text in said.items() if text}


_PLAIN: Final = frozenset(("MTConnectDevices", "Devices", "Components", "DataItems"))


def _found(item: Any, path: tuple[str, ...]) -> list[Found]:
    """A data item, or its three axes where it is a position in space."""
    category, unit, kind_name = (item.get(name) or "" for name in ("category", "units", "type"))
    identifier, name = item.get("id"), item.get("name") or item.get("id")
    low, high = _range(item)
    words = " ".join(part for part in (kind_name, item.get("subType") or "") if part)
    representation = item.get("representation") or "VALUE"
    refused = f"{representation} has keys: address them as {identifier}#key" if representation in _KEYED else ""
    parts = [("", "")]
    if unit.endswith("_3D"):
        parts = [(f"#{axis}", f"_{axis}") for axis in _AXES]
    return [
        Found(
            address=identifier + part, name=name + ending, path=(*path, name + ending), kind=_kind(category, unit, kind_name),
            data_type=f"{category} {words}", unit=UNITS.get(unit, unit), description=item.get("nativeUnits") or "",
            low=low, high=high, refused=refused,
        )
        for part, ending in parts
    ]  # fmt: skip


_KEYED: Final = ("DATA_SET", "TABLE")


def _kind(category: str, unit: str, kind: str) -> PointKind:
    if category == "SAMPLE" or unit:
        return "number"
    return "integer" if category == "EVENT" and kind in _INTEGERS else "text"


def _range(item: Any) -> tuple[float | None, float | None]:
    said: dict[str, float] = {}
    for constraints in children(item, "Constraints"):
        for element in constraints:
            if local(element) in ("Minimum", "Maximum"):
                try:
                    said[local(element)] = float(element.text or "")
                except ValueError:
                    continue
    return said.get("Minimum"), said.get("Maximum")
