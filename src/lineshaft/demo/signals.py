"""The plant's 53 signals as Downs and Vogel (1993) number them: 41 measurements, 12 manipulated variables.

The table stands here, not in the model's library, so that installing the plant as a device needs no simulation code.
A test holds it against the library's own.
"""

from typing import NamedTuple

PATH = "eastman/tennessee/process/te/main/plant"
"""ISA-95 path of the device; a signal's name is the tag below it."""
NAMESPACE = "urn:lineshaft:demo:tennessee-eastman"
"""Of the plant's OPC UA nodes."""


def address_of(name: str) -> str:
    """A signal's node, named so that it stays right when a server numbers its namespaces anew."""
    return f"nsu={NAMESPACE};s={name}"


class Unit(NamedTuple):
    """An engineering unit."""

    symbol: str
    unece: str
    """Common code of UNECE Recommendation 20; empty where it has none."""
    meaning: str

    @property
    def number(self) -> int:
        """`unitId` of OPC 10000-8, 5.6.4.3: the code's characters as one number, -1 without a code."""
        return int.from_bytes(self.unece.encode("ascii"), "big") if self.unece else -1


class Signal(NamedTuple):
    """One measured or manipulated variable."""

    name: str
    unit: Unit
    description: str
    low: float | None = None
    """Range where the process defines one (OPC UA `EURange`)."""
    high: float | None = None


_FLOW_GAS = Unit("kscmh", "", "thousand standard cubic metres per hour")
_FLOW_MASS = Unit("kg/h", "E93", "kilogram per hour")
_FLOW_VOLUME = Unit("m³/h", "MQH", "cubic metre per hour")
_PRESSURE = Unit("kPa", "KPA", "kilopascal")
_TEMPERATURE = Unit("°C", "CEL", "degree Celsius")
_POWER = Unit("kW", "KWT", "kilowatt")
_PERCENT = Unit("%", "P1", "per cent")
_MOLE_PERCENT = Unit("mol %", "P1", "mole per cent")

_CONTINUOUS: tuple[tuple[Unit, str], ...] = (
    (_FLOW_GAS, "A feed (stream 1)"),
    (_FLOW_MASS, "D feed (stream 2)"),
    (_FLOW_MASS, "E feed (stream 3)"),
    (_FLOW_GAS, "A and C feed (stream 4)"),
    (_FLOW_GAS, "Recycle flow (stream 8)"),
    (_FLOW_GAS, "Reactor feed rate (stream 6)"),
    (_PRESSURE, "Reactor pressure, gauge; shuts down at 3000"),
    (_PERCENT, "Reactor level"),
    (_TEMPERATURE, "Reactor temperature; shuts down at 175"),
    (_FLOW_GAS, "Purge rate (stream 9)"),
    (_TEMPERATURE, "Separator temperature"),
    (_PERCENT, "Separator level"),
    (_PRESSURE, "Separator pressure, gauge"),
    (_FLOW_VOLUME, "Separator underflow (stream 10)"),
    (_PERCENT, "Stripper level"),
    (_PRESSURE, "Stripper pressure, gauge"),
    (_FLOW_VOLUME, "Stripper underflow, the product (stream 11)"),
    (_TEMPERATURE, "Stripper temperature"),
    (_FLOW_MASS, "Stripper steam flow"),
    (_POWER, "Compressor work"),
    (_TEMPERATURE, "Reactor cooling water outlet temperature"),
    (_TEMPERATURE, "Condenser cooling water outlet temperature"),
)

_ANALYSES = (
    ("reactor feed (stream 6)", "ABCDEF", "every 6 minutes"),
    ("purge gas (stream 9)", "ABCDEFGH", "every 6 minutes"),
    ("product (stream 11)", "DEFGH", "every 15 minutes"),
)

_VALVES = (
    "D feed valve (stream 2)",
    "E feed valve (stream 3)",
    "A feed valve (stream 1)",
    "A and C feed valve (stream 4)",
    "Compressor recycle valve",
    "Purge valve (stream 9)",
    "Separator underflow valve (stream 10)",
    "Stripper product valve (stream 11)",
    "Stripper steam valve",
    "Reactor cooling water valve",
    "Condenser cooling water valve",
    "Reactor agitator speed",
)


def _measurements() -> list[Signal]:
    rows = [(unit, text, unit is _PERCENT) for unit, text in _CONTINUOUS]
    rows += [
        (_MOLE_PERCENT, f"{component} in {stream}, analysed {period}", True)
        for stream, components, period in _ANALYSES
        for component in components
    ]
    return [
        Signal(f"XMEAS_{number:02d}", unit, text, 0.0 if bounded else None, 100.0 if bounded else None)
        for number, (unit, text, bounded) in enumerate(rows, start=1)
    ]


def _manipulated() -> list[Signal]:
    return [Signal(f"XMV_{number:02d}", _PERCENT, text, 0.0, 100.0) for number, text in enumerate(_VALVES, start=1)]


SIGNALS: tuple[Signal, ...] = (*_measurements(), *_manipulated())
"""In the order in which the process gives their values."""
