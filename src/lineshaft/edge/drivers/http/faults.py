"""What goes wrong with an HTTP server, as errors of ours that name the device and what to do."""

from lineshaft.core.errors import Conflict, InvalidInput, LineshaftError, Unavailable
from lineshaft.edge.model import Device

_REFUSED = (401, 403)
_BUSY_FROM = 500
_TOO_MANY = 429
_TIMEOUT = 408


def unreachable(device: Device, reason: str) -> Unavailable:
    """Nobody answers there, or not as expected."""
    return Unavailable(
        "edge.device_unreachable", f"device {device.name!r} does not answer at {device.endpoint}: {reason}",
        "Check that the device runs, and address, port and firewall.", device=device.name, endpoint=device.endpoint,
        reason=reason,
    )  # fmt: skip


def lost(device: Device, reason: str) -> Unavailable:
    """It answered and does not any more."""
    return Unavailable(
        "edge.device_lost", f"the connection to device {device.name!r} was lost: {reason}",
        "It is tried again until it works.", device=device.name, reason=reason,
    )  # fmt: skip


def unusable(device: Device, reason: str) -> Conflict:
    """It answers, but what it answers cannot be used until somebody changes something."""
    return Conflict(
        "edge.answer_unusable", f"what device {device.name!r} answers at {device.endpoint} cannot be used: {reason}",
        "Check the endpoint and the options; the device's documentation says what it answers.",
        device=device.name, endpoint=device.endpoint, reason=reason,
    )  # fmt: skip


def refused(device: Device, secret: str, status: int) -> LineshaftError:
    """A status that is no success."""
    if status in _REFUSED:
        return InvalidInput(
            "edge.user_refused", f"the server of device {device.name!r} refused the credentials of the secret {secret!r} ({status})",
            "Check user name and password: `lineshaft device secret` replaces them.",
            device=device.name, secret=secret, status=str(status),
        )  # fmt: skip
    if status >= _BUSY_FROM or status in (_TOO_MANY, _TIMEOUT):
        return unreachable(device, f"it answered with status {status}")
    return unusable(device, f"it answered with status {status}")


def describe(error: BaseException) -> str:
    """A reason in words, also for errors that carry none."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
