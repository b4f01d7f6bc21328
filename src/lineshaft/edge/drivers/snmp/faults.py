"""What goes wrong with an agent, as errors of ours that name the device and what to do."""

from typing import Final

from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput, Unavailable
from lineshaft.edge.drivers.snmp.options import SnmpOptions
from lineshaft.edge.model import Device

_STATUS: Final = {
    2: quality.BAD_NODE_ID_UNKNOWN, 4: quality.BAD_NOT_WRITABLE, 6: quality.BAD_USER_ACCESS_DENIED,
    7: quality.BAD_TYPE_MISMATCH, 8: quality.BAD_OUT_OF_RANGE, 9: quality.BAD_TYPE_MISMATCH,
    10: quality.BAD_OUT_OF_RANGE, 11: quality.BAD_NODE_ID_UNKNOWN, 12: quality.BAD_OUT_OF_RANGE,
    13: quality.BAD_RESOURCE_UNAVAILABLE, 16: quality.BAD_USER_ACCESS_DENIED, 17: quality.BAD_NOT_WRITABLE,
    18: quality.BAD_NOT_FOUND,
}  # fmt: skip
_NAMES: Final = (
    "noError", "tooBig", "noSuchName", "badValue", "readOnly", "genErr", "noAccess", "wrongType", "wrongLength",
    "wrongEncoding", "wrongValue", "noCreation", "inconsistentValue", "resourceUnavailable", "commitFailed", "undoFailed",
    "authorizationError", "notWritable", "inconsistentName",
)  # fmt: skip


def status(error: int) -> int:
    """OPC UA StatusCode of an error-status (RFC 3416, 3)."""
    return quality.GOOD if error == 0 else _STATUS.get(error, quality.BAD_UNEXPECTED_ERROR)


def name(error: int) -> str:
    """The standard's name of an error-status."""
    return _NAMES[error] if error < len(_NAMES) else f"error {error}"


def unreachable(device: Device, reason: str, options: SnmpOptions) -> Unavailable:
    """Nobody answers there; agents do not answer a wrong community either."""
    more = ", and the community: an agent does not answer a wrong one" if options.version == "2c" else ""
    return Unavailable(
        "edge.device_unreachable", f"device {device.name!r} does not answer at {device.endpoint}: {reason}",
        f"Check that the device runs, and address, port and firewall{more}.", device=device.name,
        endpoint=device.endpoint, reason=reason,
    )  # fmt: skip


def lost(device: Device, reason: str) -> Unavailable:
    """It answered and does not any more."""
    return Unavailable(
        "edge.device_lost", f"the connection to device {device.name!r} was lost: {reason}",
        "It is tried again until it works.", device=device.name, reason=reason,
    )  # fmt: skip


def user_refused(device: Device, secret: str, reason: str) -> InvalidInput:
    """The agent does not take user or password."""
    return InvalidInput(
        "edge.user_refused", f"the server of device {device.name!r} refused the user name or password of the secret {secret!r} ({reason})",
        "Check user name and password: `lineshaft device secret` replaces them.",
        device=device.name, secret=secret, status=reason,
    )  # fmt: skip


def password_short(secret: str) -> InvalidInput:
    """RFC 3414, 11.2: passwords of version 3 have at least eight characters."""
    reason = "a password of SNMP version 3 has at least 8 characters"
    return InvalidInput(
        "edge.secret_invalid", f"the secret {secret!r} is not usable: {reason}",
        "Give it anew with `lineshaft device secret`.", field="secret", reason=reason,
    )  # fmt: skip
