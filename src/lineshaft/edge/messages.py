"""What is asked of a gateway over the bus, `gw.<gateway>.<verb>`, and what it answers."""

from collections.abc import Mapping
from typing import Any

import msgspec

from lineshaft.edge.address_space import BrowseRequest, Found
from lineshaft.edge.certificates import KnownCertificate
from lineshaft.edge.model import Device
from lineshaft.edge.runner import DeviceStatus
from lineshaft.edge.secrets import Secret


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """`browse`: walk a device's address space. The answer is a stream of `BrowsePage`s as JSON."""

    device: Device
    request: BrowseRequest = BrowseRequest()
    gateway: str = "gateway"
    """Which one walks."""


class Inspect(msgspec.Struct, frozen=True, kw_only=True):
    """`inspect`: look up single addresses of a device."""

    device: Device
    addresses: list[str]


class Inspected(msgspec.Struct, frozen=True, kw_only=True):
    """What was found at the addresses, in their order."""

    found: list[Found]


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """`test`: connect, sign in, look up the device's points, hang up."""

    device: Device


class TestReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a test found."""

    __test__ = False  # not a test case, whatever pytest thinks of the name

    about: Mapping[str, str]
    """What the device says of itself."""
    connect_ms: float
    """How long connecting and signing in took."""
    refused: list[Found]
    """The device's points that cannot be read as they are configured, and why."""
    looked_up: list[Found] = []
    """What stands at the first addresses, in their order."""


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """`trust`: trust a certificate that was refused, or no longer trust one."""

    fingerprint: str
    trusted: bool = True


class Trusted(msgspec.Struct, frozen=True, kw_only=True):
    """The whole fingerprint of the certificate whose trust changed."""

    fingerprint: str


class CertificateList(msgspec.Struct, frozen=True, kw_only=True):
    """`certificates`: everything trusted and refused."""

    certificates: list[KnownCertificate]


class NamedSecret(msgspec.Struct, frozen=True, kw_only=True):
    """`secret`: keep credentials under a name, or forget them."""

    name: str
    secret: Secret | None = None


class AskStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`status`: nothing said: of every device, which of many thousands is too much for one message of the bus."""

    devices: list[str] | None = None
    """Only these."""
    states: bool = False
    """Only in which state each device is, of as many as one message takes."""
    after: str = ""
    """With `states`: of the devices behind this name."""


class GatewayStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`status`: how a gateway stands."""

    gateway: str
    boot: str
    version: int
    """Of the configuration it runs; 0 before its first."""
    sent: int
    """Sequence of the last batch that the bus confirmed."""
    waiting_bytes: int
    """Of batches that the bus has not confirmed."""
    own_fingerprint: str
    """SHA-256 of the certificate that servers must trust."""
    devices: list[DeviceStatus]
    secrets: list[str]
    """Names only."""
    parts: Mapping[str, Mapping[str, Any]] = {}
    """Figures of what it does beside reading devices."""
    states: Mapping[str, list[str]] = {}
    """Names of devices by their state, where that was asked for."""
    more: str = ""
    """The last of these names, where there are devices behind it."""
