"""The plant's stations as devices of the gateway: endpoints, points, and what may be written to their valves."""

from typing import Final

from msgspec.structs import replace

from lineshaft.core import units
from lineshaft.demo import installation
from lineshaft.demo.installation import DEVICE, GROUP, NODE, PLANT_HOST, SPARKPLUG_HOST, Installation
from lineshaft.demo.signals import Signal, address_of
from lineshaft.demo.stations import Station, is_valve, stations
from lineshaft.edge import Device, Point, ScanGroup
from lineshaft.edge.model import WriteRules

# A plant that is simulated may stand still with its computer for longer than a real one.
_VALVE: Final = WriteRules(
    minimum=0.0, maximum=100.0, rate=10.0, tolerance=0.01, expiry_seconds=30.0, verify_seconds=30.0
)
_RULES: Final[dict[str, WriteRules]] = {
    # Of class A as an example: whoever opens the A and C feed needs a second person.
    "XMV_04": replace(_VALVE, classification="A"),
    # Interlocked as an example: no hand on the reactor's cooling while the reactor is hot.
    "XMV_10": replace(_VALVE, minimum=20.0, interlock='tag("plant/XMEAS_09") < 130'),
}
_BROKER_TIMEOUT_SECONDS: Final = 3.0


def devices(installed: Installation, fingerprint: str) -> list[Device]:
    """Every station as it is installed.

    Args:
        fingerprint: of the certificate of the plant's OPC UA server.
    """
    return [_device(station, installed, fingerprint) for station in stations(sparkplug=installed.sparkplug)]


def _device(station: Station, installed: Installation, fingerprint: str) -> Device:
    device = Device(
        name=station.device, path=station.path, driver=station.protocol, endpoint="", description=station.description,
        points=tuple(_point(station, signal) for signal in station.signals),
    )  # fmt: skip
    if station.protocol == "modbus":
        group = ScanGroup(mode="poll", period_ms=1000)
        return replace(device, endpoint=installation.modbus_of(installed.modbus_port), groups=(group,))
    if station.protocol == "sparkplug":
        options = {
            "secret": PLANT_HOST, "group_id": GROUP, "edge_node_id": NODE, "device_id": station.device,
            "host_id": SPARKPLUG_HOST, "timeout_seconds": _BROKER_TIMEOUT_SECONDS,
        }  # fmt: skip
        return replace(device, endpoint=installation.broker_of(installed.mqtt_port), options=options)
    options = {"secret": DEVICE, "server_fingerprint": fingerprint}
    return replace(device, endpoint=installation.url_of(installed.port), options=options)


def _point(station: Station, signal: Signal) -> Point:
    valve = is_valve(signal.name)
    point = Point(
        name=signal.name, address=_address(station, signal), unit=signal.unit.unece, unit_text=_text(signal), description=signal.description,
        low=signal.low, high=signal.high, access="read-write" if valve else "read",
        write=_RULES.get(signal.name, _VALVE) if valve else None,
    )  # fmt: skip
    if station.protocol != "modbus":
        return point
    return replace(point, type="uint16", scale="0.01") if valve else replace(point, type="float32", order="ABCD")


def _text(signal: Signal) -> str:
    """The unit's text where its code's symbol is another one."""
    found = units.find(signal.unit.unece)
    return "" if found is not None and found.symbol == signal.unit.symbol else signal.unit.symbol


def _address(station: Station, signal: Signal) -> str:
    if station.protocol == "opcua":
        return address_of(signal.name)
    if station.protocol == "sparkplug":
        return signal.name
    if is_valve(signal.name):
        return f"holding:{station.valves.index(signal)}"
    return f"input:{2 * station.measurements.index(signal)}"
