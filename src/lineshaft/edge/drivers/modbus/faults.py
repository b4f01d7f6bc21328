"""What the device says and what happens to the connection, as status codes and errors that name the device."""

from typing import Final

from lineshaft.core import quality
from lineshaft.core.errors import Unavailable

ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ACKNOWLEDGE: Final = 5
BUSY: Final = 6

EXCEPTIONS: Final[dict[int, tuple[str, int]]] = {
    ILLEGAL_FUNCTION: ("illegal function", quality.BAD_NOT_SUPPORTED),
    ILLEGAL_ADDRESS: ("illegal data address", quality.BAD_NODE_ID_UNKNOWN),
    3: ("illegal data value", quality.BAD_OUT_OF_RANGE),
    4: ("server device failure", quality.BAD_DEVICE_FAILURE),
    ACKNOWLEDGE: ("acknowledge: it takes longer", quality.BAD_RESOURCE_UNAVAILABLE),
    BUSY: ("server device busy", quality.BAD_RESOURCE_UNAVAILABLE),
    7: ("negative acknowledge", quality.BAD_DEVICE_FAILURE),
    8: ("memory parity error", quality.BAD_DEVICE_FAILURE),
    10: ("gateway path unavailable", quality.BAD_NO_COMMUNICATION),
    11: ("gateway target device failed to respond", quality.BAD_NO_COMMUNICATION),
}
"""The exceptions of the application protocol (V1.1b3, 7; 7 from its forerunner) and the StatusCode that each becomes."""


def status_of(code: int) -> int:
    """The StatusCode of an exception; one that the standard does not know is a communication error."""
    return EXCEPTIONS[code][1] if code in EXCEPTIONS else quality.BAD_COMMUNICATION_ERROR


def words_of(code: int) -> str:
    """`exception 02: illegal data address`."""
    return f"exception {code:02X}: {EXCEPTIONS[code][0] if code in EXCEPTIONS else 'not in the standard'}"


def unreachable(device: str, endpoint: str, reason: str) -> Unavailable:
    """Nobody answers there."""
    return Unavailable(
        "edge.device_unreachable", f"device {device!r} does not answer at {endpoint}: {reason}",
        "Check that the device runs, and address, port and firewall.", device=device, endpoint=endpoint, reason=reason,
    )  # fmt: skip


def lost(device: str, reason: str) -> Unavailable:
    """It answered and does not any more."""
    return Unavailable(
        "edge.device_lost", f"the connection to device {device!r} was lost: {reason}",
        "It is tried again until it works.", device=device, reason=reason,
    )  # fmt: skip
