"""Which part of the plant speaks which protocol: every signal belongs to one station, every station is one device.

The process itself, its feeds and its analysers are behind OPC UA, the utilities behind Modbus/TCP, stripper and
compressor behind a Sparkplug B edge node. Where the box has no MQTT of its own, these two stay behind OPC UA.
"""

from typing import Final, Literal, NamedTuple

from lineshaft.demo.signals import PATH, SIGNALS, Signal

Protocol = Literal["opcua", "modbus", "sparkplug"]

_CELL: Final = PATH.rpartition("/")[0]


class Station(NamedTuple):
    """A part of the plant with a controller of its own."""

    device: str
    """Name of the device that it is to the gateway."""
    protocol: Protocol
    description: str
    signals: tuple[Signal, ...]

    @property
    def path(self) -> str:
        """ISA-95 path of the device."""
        return f"{_CELL}/{self.device}"

    @property
    def measurements(self) -> list[Signal]:
        return [signal for signal in self.signals if not is_valve(signal.name)]

    @property
    def valves(self) -> list[Signal]:
        return [signal for signal in self.signals if is_valve(signal.name)]


PLANT: Final = "plant"
UTILITIES: Final = "utilities"
STRIPPER: Final = "stripper"
COMPRESSOR: Final = "compressor"

_ELSEWHERE: Final[dict[str, tuple[str, ...]]] = {
    UTILITIES: ("XMEAS_19", "XMEAS_20", "XMEAS_21", "XMEAS_22", "XMV_09", "XMV_10", "XMV_11"),
    STRIPPER: ("XMEAS_15", "XMEAS_16", "XMEAS_17", "XMEAS_18", "XMV_08"),
    COMPRESSOR: ("XMEAS_05", "XMV_05"),
}
INDEX: Final = {signal.name: index for index, signal in enumerate(SIGNALS)}
"""Place of each signal in a scan."""


def is_valve(name: str) -> bool:
    """Whether a signal is a manipulated variable."""
    return name.startswith("XMV_")


def stations(*, sparkplug: bool) -> tuple[Station, ...]:
    """All stations.

    Args:
        sparkplug: whether there is a broker for the edge node.
    """
    found = [_station(UTILITIES, "modbus", "Demonstration plant: steam, power and cooling water")]
    if sparkplug:
        found.append(_station(STRIPPER, "sparkplug", "Demonstration plant: the product's stripper"))
        found.append(_station(COMPRESSOR, "sparkplug", "Demonstration plant: the recycle compressor"))
    taken = {signal.name for station in found for signal in station.signals}
    rest = tuple(signal for signal in SIGNALS if signal.name not in taken)
    text = "Demonstration plant: the Tennessee Eastman process in closed loop"
    return (Station(PLANT, "opcua", text, rest), *found)


def _station(device: str, protocol: Protocol, text: str) -> Station:
    return Station(device, protocol, text, tuple(SIGNALS[INDEX[name]] for name in _ELSEWHERE[device]))
