"""The nouns of the edge: device, scan group, point, and the configuration that a gateway runs.

A device is what one driver talks to at one endpoint. Its points are read in scan groups. A configuration is one
version of everything a gateway has to do; it names each point's tag number, so the gateway invents none.
"""

import zlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from lineshaft.access.zones import EndpointRules
from lineshaft.core.errors import Corrupt

FORMAT = 1
PointKind = Literal["number", "integer", "boolean", "text"]
Mode = Literal["subscribe", "poll"]
RawType = Literal[
    "", "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "text",
    "bcd16", "bcd32",
]  # fmt: skip
"""How a device stores a value; empty where its protocol says so itself."""
ByteOrder = Literal["", "ABCD", "DCBA", "BADC", "CDAB"]
"""Order of bytes in a value of several registers: big-endian, little-endian, bytes swapped, words swapped."""
PointAccess = Literal["read", "write", "read-write"]
Classification = Literal["A", "B"]
"""A: a wrong write can hurt somebody or something; it takes a second person."""

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
"""Short name: lower-case letters, digits, `_` and `-`; a token of bus subjects."""


class ScanGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Points that are read together."""

    name: Name = "main"
    mode: Mode = "subscribe"
    """`subscribe`: the device sends changes. `poll`: the gateway asks."""
    period_ms: Annotated[int, Meta(ge=10, le=86_400_000)] = 500
    """Time between two deliveries: the publishing interval, or the polling period."""
    phase_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0
    """Polling only: offset from whole periods of the clock, so that groups do not all ask at once."""
    sampling_ms: Annotated[int, Meta(ge=-1, le=86_400_000)] = 0
    """Subscription only: how often the device looks at a value; 0 its fastest, -1 the publishing interval."""


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Report by exception: which samples of a number leave the gateway. All zero: every one."""

    deadband: Annotated[float, Meta(ge=0)] = 0.0
    """Changes up to this, in the point's unit, stay (OPC UA Part 8, absolute deadband)."""
    percent: Annotated[float, Meta(ge=0, le=100)] = 0.0
    """The same in percent of the engineering range, `low` to `high`."""
    swing: Annotated[float, Meta(ge=0)] = 0.0
    """Swinging door: the straight lines between the samples sent are nowhere further than this from those that stayed."""
    min_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0
    """Nothing more is sent for this long after a sample, whatever changes; the last of it is sent then."""
    max_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0
    """After this long the newest sample is sent in any case, with its own time."""


class WriteRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What holds for commands to a point; the gateway keeps to it whatever it is sent."""

    minimum: float | None = None
    maximum: float | None = None
    """Least and greatest value, in the point's unit."""
    rate: Annotated[float, Meta(gt=0)] | None = None
    """Greatest change per second, from the value that is there."""
    interlock: str = ""
    """Expression over the gateway's points that must be true, on fresh good values."""
    classification: Classification = "B"
    tolerance: Annotated[float, Meta(ge=0)] = 0.0
    """How far the value read back may be from the one written."""
    expiry_seconds: Annotated[float, Meta(gt=0, le=3600)] = 5.0
    """A command not executed after this time never is."""
    verify_seconds: Annotated[float, Meta(gt=0, le=600)] = 5.0
    """How long the value read back may take to become the one written."""


class Point(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One value of a device and the tag it becomes."""

    name: str
    """Last level of the tag's path."""
    address: str
    """Where the driver finds it."""
    kind: PointKind = "number"
    group: Name = "main"
    tag: int = 0
    """Number of the tag; 0 until a configuration is committed."""
    unit: str = ""
    """Common code of UNECE Recommendation 20, such as `KPA`; a symbol given becomes its code. Empty: none."""
    unit_text: str = ""
    """How the unit is written where that says more than its symbol (`barg`), or where it has no code (`kscmh`)."""
    description: str = ""
    low: float | None = None
    """Lower end of the engineering range, as the device states it."""
    high: float | None = None
    type: RawType = ""
    order: ByteOrder = ""
    length: Annotated[int, Meta(ge=0, le=65_535)] = 0
    """Bytes of a text."""
    scale: str = ""
    """Exact rational, such as `0.1`, `1/3` or `-2`: value = raw * scale + offset."""
    offset: str = ""
    """Exact rational, in the point's unit."""
    sentinels: tuple[int | float, ...] = ()
    """Raw values by which the device says that it has none; they become Bad."""
    minimum: float | None = None
    maximum: float | None = None
    """What the value can be at all; beyond it is Bad, out of range, and never plausible."""
    access: PointAccess = "read"
    write: WriteRules | None = None
    report: Report | None = None


class Device(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device, its connection and its points."""

    name: Name
    path: str
    """ISA-95 path of the device: `enterprise/site/area/line/cell/device`; a tag's path is this and the point's name."""
    driver: str
    endpoint: str
    options: Mapping[str, Any] = {}
    """The driver's own; never a secret, only references to secrets."""
    groups: tuple[ScanGroup, ...] = (ScanGroup(),)
    points: tuple[Point, ...] = ()
    description: str = ""
    profile: str = ""
    """Name of the profile that the points were taken from; empty: they are the device's own."""
    handle: str = ""
    """Minted when the device is first committed."""

    def group(self, name: str) -> ScanGroup:
        """The group of that name; KeyError where there is none."""
        for group in self.groups:
            if group.name == name:
                return group
        raise KeyError(name)


class GatewayConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a gateway has to do, in one version."""

    format: int = FORMAT
    gateway: str
    version: int
    created: str
    """RFC 3339."""
    devices: tuple[Device, ...] = ()
    rules: EndpointRules | None = None
    """What it may connect to; None: everything."""
    parts: Mapping[str, Any] = {}
    """Documents of what the gateway does beside reading devices, by name: see `edge.parts`."""

    def digest(self) -> str:
        """The same for the same content, whatever version and time it carries."""
        content = msgspec.json.encode(self.devices, order="deterministic")
        for more in (self.rules, self.parts or None):
            if more is not None:
                content += msgspec.json.encode(more, order="deterministic")
        return f"{zlib.crc32(content):08x}-{len(content)}"


def encode_config(config: GatewayConfig) -> bytes:
    """The configuration as it travels and as it lies on disk: JSON, deflated (names repeat, so it shrinks tenfold)."""
    return zlib.compress(msgspec.json.encode(config), 6)


def decode_config(data: bytes) -> GatewayConfig:
    """The opposite of `encode_config`; takes plain JSON as well.

    Raises:
        Corrupt: not a configuration, or one of a newer release.
    """
    try:
        text = data if data[:1] == b"{" else zlib.decompress(data)
        config = msgspec.json.decode(text, type=GatewayConfig)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise Corrupt(
            "edge.configuration_unreadable", f"the gateway's configuration cannot be read: {error}",
            "Commit the configuration anew: `lineshaft device list` shows what should be in it.", reason=str(error),
        ) from error  # fmt: skip
    if config.format > FORMAT:
        raise Corrupt(
            "edge.configuration_newer", f"the gateway's configuration was written by a newer release (format {config.format})",
            "Upgrade the gateway to the release of the site.", format=config.format,
        )  # fmt: skip
    return config
