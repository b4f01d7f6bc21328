"""The address of a point: an object identifier, a few well-known names, and how a string of octets is to be read."""

import re
from typing import Final, Literal

import msgspec

Form = Literal["", "hex", "number"]

EXAMPLES: Final = (
    "1.3.6.1.2.1.1.3.0, sysUpTime.0, ifHCInOctets.2; with #hex or #number for strings of octets that are that"
)
_NUMERIC: Final = re.compile(r"^\.?(\d+(?:\.\d+)+)$", re.ASCII)
_NAMED: Final = re.compile(r"^([A-Za-z][A-Za-z0-9]*)((?:\.\d+)+)$", re.ASCII)
_MOST_PARTS: Final = 128
_LARGEST_PART: Final = 2**32 - 1
_SYSTEM, _IF, _IFX, _HOST = "1.3.6.1.2.1.1", "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1", "1.3.6.1.2.1.25"

NAMES: Final = {
    **{name: f"{_SYSTEM}.{number}" for number, name in enumerate(
        ("sysDescr", "sysObjectID", "sysUpTime", "sysContact", "sysName", "sysLocation", "sysServices"), 1)},
    **{name: f"{_IF}.{number}" for number, name in enumerate(
        ("ifIndex", "ifDescr", "ifType", "ifMtu", "ifSpeed", "ifPhysAddress", "ifAdminStatus", "ifOperStatus",
         "ifLastChange", "ifInOctets", "ifInUcastPkts", "ifInNUcastPkts", "ifInDiscards", "ifInErrors",
         "ifInUnknownProtos", "ifOutOctets", "ifOutUcastPkts", "ifOutNUcastPkts", "ifOutDiscards", "ifOutErrors"), 1)},
    "ifName": f"{_IFX}.1", "ifHCInOctets": f"{_IFX}.6", "ifHCOutOctets": f"{_IFX}.10", "ifHighSpeed": f"{_IFX}.15",
    "ifAlias": f"{_IFX}.18", "hrSystemUptime": f"{_HOST}.1.1", "hrProcessorLoad": f"{_HOST}.3.3.1.2",
    "upsEstimatedMinutesRemaining": "1.3.6.1.2.1.33.1.2.3", "upsBatteryTemperature": "1.3.6.1.2.1.33.1.2.7",
}  # fmt: skip
"""Names of MIB-II, the interfaces, host and UPS MIBs that points often have; every other object is named by number."""
_BY_OID: Final = {oid: name for name, oid in NAMES.items()}


class ObjectAddress(msgspec.Struct, frozen=True):
    """An object of an agent."""

    oid: tuple[int, ...]
    form: Form = ""
    """Of a string of octets: empty text (UTF-8), `hex`, or `number`, which is written in digits."""

    @property
    def dotted(self) -> str:
        return ".".join(map(str, self.oid))


def read_address(text: str) -> ObjectAddress:
    """An address from its text.

    Raises:
        ValueError: none; says why.
    """
    name, _, form = text.partition("#")
    if form not in ("", "hex", "number") or text.endswith("#"):
        raise ValueError(f"#{form} is no form; there are #hex and #number")
    if found := _NAMED.match(name):
        if found[1] not in NAMES:
            raise ValueError(f"the name {found[1]} is not known here; write the object identifier in numbers")
        name = NAMES[found[1]] + found[2]
    if not (found := _NUMERIC.match(name)):
        raise ValueError(f"no object identifier; for example {EXAMPLES}")
    oid = tuple(int(part) for part in found[1].split("."))
    if oid[0] > 2 or (oid[0] < 2 and oid[1] > 39) or len(oid) > _MOST_PARTS or max(oid) > _LARGEST_PART:
        raise ValueError("no object identifier: it begins with 0 to 2, has at most 128 parts, and each fits 32 bits")
    return ObjectAddress(oid, form)  # type: ignore[arg-type]  # one of the forms by now


def name_of(oid: str) -> str:
    """The well-known name of an object, or its number."""
    for end in range(len(oid), 0, -1):
        if (end == len(oid) or oid[end] == ".") and oid[:end] in _BY_OID:
            return _BY_OID[oid[:end]] + oid[end:]
    return oid
