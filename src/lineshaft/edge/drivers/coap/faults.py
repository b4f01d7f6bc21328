"""What goes wrong with a server, as errors of ours that name the device and what to do."""

from lineshaft.core.errors import InvalidInput, Unavailable
from lineshaft.edge.model import Device


def unreachable(device: Device, reason: str) -> Unavailable:
    """Nobody answers there."""
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


def unfit(point: str, value: object, rule: str) -> InvalidInput:
    """A value that cannot be written to a point."""
    return InvalidInput(
        "edge.value_unfit", f"{value!r} cannot be written to the point {point!r}: {rule}",
        "Give a value that the point can hold; nothing was written.", point=point, value=str(value), rule=rule,
    )  # fmt: skip
