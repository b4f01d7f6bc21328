"""What a dashboard's document holds. What is left out has its default, and is not written."""

from typing import Any, Final, Literal

import msgspec

SCHEMA: Final = "lineshaft.dashboard/1"
COLUMNS: Final = 24
ROWS: Final = 400
MOST_WIDGETS: Final = 60

Kind = Literal["value", "gauge", "trend", "bar", "table", "flow"]
Shape = Literal["box", "tank", "pump", "valve", "motor", "text"]

TAGS: Final[dict[Kind, int]] = {"value": 1, "gauge": 1, "trend": 10, "bar": 20, "table": 50, "flow": 0}
"""How many tags a widget of each kind may show; those of a flow are its nodes'."""
FIELDS: Final[dict[str, tuple[Kind, ...]]] = {
    "tags": ("value", "gauge", "trend", "bar", "table"),
    "seconds": ("trend",),
    "low": ("gauge", "bar"),
    "high": ("gauge", "bar"),
    "limits": ("value", "gauge", "bar", "table"),
    "nodes": ("flow",),
    "edges": ("flow",),
}
"""Which kinds have which fields, beside those that all have."""
MOST_NODES: Final = 40
MOST_EDGES: Final = 80
SHORTEST_SECONDS: Final = 60
LONGEST_SECONDS: Final = 30 * 86_400


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a widget stands, in cells: 24 across, as many down as it takes."""

    x: int
    y: int
    w: int
    h: int


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on a value is noteworthy (low, high) or wrong (low_low, high_high)."""

    low_low: float | None = None
    low: float | None = None
    high: float | None = None
    high_high: float | None = None


class Node(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a flow picture."""

    id: str
    x: float
    y: float
    label: str = ""
    shape: Shape = "box"
    tag: str = ""


class Edge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line from one part of a flow picture to another."""

    source: str
    target: str


class Widget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing on a dashboard."""

    id: str
    kind: Kind
    place: Place
    title: str = ""
    tags: tuple[str, ...] = ()
    seconds: int = 3600
    """How much time a trend shows."""
    low: float | None = None
    high: float | None = None
    """The ends of a gauge or of bars; None: those of the values."""
    limits: Limits | None = None
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()


class Dashboard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dashboard."""

    schema: str
    name: str
    title: str
    description: str = ""
    project: str = ""
    """Whose it is; its maker's, where empty."""
    shared: bool = False
    """Whether the members of the project see it; else its owner alone does."""
    widgets: tuple[Widget, ...] = ()

    @property
    def text(self) -> str:
        """The document as it is kept and exported: the same dashboard is always the same text."""
        return msgspec.json.format(msgspec.json.encode(_written(self)), indent=2).decode() + "\n"


def _written(value: Any) -> Any:
    """A value as it is written: without fields that have their default."""
    if isinstance(value, tuple):
        return [_written(one) for one in value]
    if isinstance(value, msgspec.Struct):
        given = ((field, getattr(value, field.name)) for field in msgspec.structs.fields(value))
        return {field.encode_name: _written(one) for field, one in given if one != field.default}
    return value
