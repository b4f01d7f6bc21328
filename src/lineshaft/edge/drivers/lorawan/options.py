"""Options of a LoRaWAN end device."""

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from lineshaft.edge.driver import Faults
from lineshaft.edge.drivers.http.access import is_loopback

_EUI: Final = re.compile(r"^[0-9a-f]{16}$")
_ADDRESS: Final = re.compile(r"^[0-9a-f]{8}$")


class LorawanOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One end device, and the gateways through which it may be heard. EUIs and addresses are lower-case hexadecimal."""

    dev_eui: str
    gateways: tuple[str, ...]
    """EUIs of the packet forwarders to listen to."""
    activation: Literal["otaa", "abp"] = "otaa"
    join_eui: str = ""
    """OTAA: the AppEUI or JoinEUI that the device joins with."""
    dev_addr: str = ""
    """ABP: the device's address."""
    secret: str = ""
    """Its password is hexadecimal: OTAA the AppKey, 32 digits; ABP the NwkSKey and the AppSKey after it, 64 digits."""
    region: Literal["EU868", "CN470"] = "EU868"
    downlinks: Literal["confirmed", "unconfirmed"] = "confirmed"
    """Whether the device is asked to confirm what is written to it."""
    downlink_seconds: Annotated[float, Meta(ge=1, le=86_400)] = 60.0
    """How long a write waits for the device to be heard, and then to confirm it."""
    plaintext: bool = False
    """Listen beyond this machine: the forwarders' protocol proves nothing, only the devices' frames in it do."""

    def judge(self, endpoint: str, faults: Faults) -> None:
        """Note what cannot be."""
        try:
            parts = urlsplit(endpoint)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            faults.add("endpoint", endpoint, str(error))
            return
        if parts.scheme != "lorawan-udp" or not host or port is None or parts.path not in ("", "/"):
            faults.add(
                "endpoint", endpoint, "it is where to listen for packet forwarders: lorawan-udp://127.0.0.1:1700"
            )
        elif not is_loopback(host) and not self.plaintext:
            faults.add("endpoint", endpoint, "to listen beyond this machine, say `plaintext: true` in the options")
        self._judge_device(faults)
        if not self.gateways:
            faults.add("options.gateways", [], "name the gateways through which the device may be heard")
        for eui in self.gateways:
            _check(_EUI, "options.gateways", eui, faults)

    def _judge_device(self, faults: Faults) -> None:
        _check(_EUI, "options.dev_eui", self.dev_eui, faults)
        if not self.secret:
            faults.add("options.secret", "", "name the secret with the device's keys")
        if self.activation == "otaa":
            _check(_EUI, "options.join_eui", self.join_eui, faults)
            if self.dev_addr:
                faults.add("options.dev_addr", self.dev_addr, "a device that joins (otaa) is given its address")
        else:
            _check(_ADDRESS, "options.dev_addr", self.dev_addr, faults)
            if self.join_eui:
                faults.add("options.join_eui", self.join_eui, "a personalised device (abp) does not join")


def _check(form: re.Pattern[str], field: str, value: str, faults: Faults) -> None:
    if not form.match(value):
        digits = 16 if form is _EUI else 8
        faults.add(field, value, f"it is {digits} lower-case hexadecimal digits, the most significant first")
