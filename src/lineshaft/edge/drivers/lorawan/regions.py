"""Where and when a device listens after it has sent (Regional Parameters RP002-1.0.4): the first receive window."""

import base64
from typing import Any, Final

from lineshaft.edge.drivers.lorawan.gwmp import Received

JOIN_DELAY_US: Final = 5_000_000
RECEIVE_DELAY_US: Final = 1_000_000
_POWER: Final = {"EU868": 14, "CN470": 14}
_CN470_UP, _CN470_DOWN, _CN470_STEP, _CN470_CHANNELS = 470.3, 500.3, 0.2, 48


def downlink(region: str, heard: Received, payload: bytes, delay_us: int) -> dict[str, Any]:
    """The `txpk` of an answer in the first receive window of a frame, at its data rate (offset 0)."""
    return {
        "imme": False, "tmst": (heard.tmst + delay_us) % 2**32, "freq": round(_frequency(region, heard.freq), 6),
        "rfch": 0, "powe": _POWER[region], "modu": "LORA", "datr": heard.datr, "codr": "4/5", "ipol": True, "ncrc": True,
        "size": len(payload), "data": base64.b64encode(payload).decode(),
    }  # fmt: skip


def _frequency(region: str, heard: float) -> float:
    """EU868: the uplink's. CN470 (plan of 20 MHz, type A): channel modulo 48, from 500.3 MHz."""
    if region != "CN470":
        return heard
    channel = round((heard - _CN470_UP) / _CN470_STEP)
    return _CN470_DOWN + channel % _CN470_CHANNELS * _CN470_STEP
