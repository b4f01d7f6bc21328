"""What a device has to offer: what a browse asks for, how far it got, what it found."""

from typing import Annotated

import msgspec
from msgspec import Meta

from lineshaft.edge.model import PointKind


class BrowseRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to look and how far."""

    root: str = ""
    """Address of the node to begin at; empty: where the device's own objects are."""
    depth: Annotated[int, Meta(ge=1, le=100)] = 20
    """Levels below the root."""
    nodes: Annotated[int, Meta(ge=1, le=1_000_000)] = 100_000
    """Nodes to look at, at most."""
    seconds: Annotated[float, Meta(gt=0, le=86_400)] = 600.0
    """Time to take, at most."""
    standard: bool = False
    """Also the device's own diagnostics (the `Server` object)."""


class Found(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A variable of a device."""

    address: str
    name: str
    path: tuple[str, ...] = ()
    """Names from below the root to the variable."""
    kind: PointKind = "number"
    data_type: str = ""
    """The protocol's name of its type."""
    unit: str = ""
    """Common code of UNECE Recommendation 20; empty where what the device says is no unit that is known."""
    unit_text: str = ""
    """As the device writes it, where that is no spelling of the code, or there is no code."""
    note: str = ""
    """What somebody should know who makes a point of it."""
    description: str = ""
    low: float | None = None
    high: float | None = None
    data: str = ""
    """Everything that stands there, in hexadecimal, where the driver gives it."""
    refused: str = ""
    """Why it cannot be a point; empty where it can."""


class Pending(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A node that has still to be looked at."""

    address: str
    path: tuple[str, ...]
    variable: bool


class BrowseState(msgspec.Struct, kw_only=True):
    """How far a browse has got. Kept as JSON and given again, the browse goes on from there."""

    pending: list[Pending] = []
    seen: set[str] = set()
    """Addresses looked at or pending: address spaces have loops."""
    begun: bool = False
    found: int = 0
    beyond: int = 0
    """Nodes that were not followed because they lie deeper than asked."""
    stopped: str = ""
    """The limit that cut it short, `nodes` or `seconds`; empty while it goes on, or where all was seen."""


class BrowsePage(msgspec.Struct, frozen=True, kw_only=True):
    """A portion of what was found."""

    found: list[Found]
    seen: int
    """Nodes known so far."""
    pending: int
    """Of them, not yet looked at."""
    beyond: int
    stopped: str = ""
