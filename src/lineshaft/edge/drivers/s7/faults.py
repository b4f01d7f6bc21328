"""What goes wrong with a controller, as errors of ours that name the device and what to do."""

from lineshaft.core.errors import InvalidInput, Unavailable
from lineshaft.edge.model import Device


def unreachable(device: Device, reason: str) -> Unavailable:
    """Nobody answers there, or no controller."""
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


def password_refused(device: Device, secret: str) -> InvalidInput:
    """The controller does not take the password."""
    return InvalidInput(
        "edge.user_refused", f"the server of device {device.name!r} refused the password of the secret {secret!r}",
        "Check user name and password: `lineshaft device secret` replaces them.",
        device=device.name, secret=secret, status="S7 session password",
    )  # fmt: skip
