"""What a profile is."""

from collections.abc import Mapping
from typing import Any

import msgspec

from lineshaft.edge.model import Device, Name, Point, ScanGroup


class DeviceProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What devices of one make have in common."""

    name: Name
    driver: str
    title: str = ""
    """Maker and model, in words."""
    options: Mapping[str, Any] = {}
    """Of the driver; a device's own come on top."""
    groups: tuple[ScanGroup, ...] = (ScanGroup(),)
    points: tuple[Point, ...] = ()
    source: str = ""
    """Where its points come from: a manual, a register map, a node set."""

    def applied(self, device: Device) -> Device:
        """The device with the profile's driver, options, groups and points; its own options stay."""
        return msgspec.structs.replace(
            device, driver=self.driver, profile=self.name, options={**self.options, **device.options},
            groups=self.groups, points=self.points,
        )  # fmt: skip

    def checkable(self) -> Device:
        """A device that has nothing but the profile, for its driver to judge the points."""
        return Device(
            name=self.name, path="profile/profile/profile/profile/profile/profile", driver=self.driver, endpoint="",
            options=self.options, groups=self.groups, points=self.points,
        )  # fmt: skip
