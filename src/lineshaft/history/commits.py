"""What a writer and the process that commits for it say to each other. Imports no heavy library."""

from typing import Literal

import msgspec

TableName = Literal["samples", "gaps", "corrections", "rollup_1s", "rollup_1min", "rollup_1h"]


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a table and what is known of it without opening it."""

    path: str
    """Relative to the table's folder."""
    size: int
    rows: int
    min_tag: int
    max_tag: int
    min_us: int
    max_us: int


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """What a writer must find in the table before it may commit."""

    application: str
    sequence: int | None
    """Committed sequence that the writer knows; None before its first commit."""
    epoch: int
    """The number it got when it opened the table."""


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One commit of a writer."""

    fence: Fence
    sequence: int
    """Sequence that the table holds afterwards."""
    agreed: dict[str, int] = {}
    """Application transactions of which the table must hold just these versions; it takes those that it lacks."""
    transactions: dict[str, int] = {}
    """Further application transactions, the lanes' high-water marks."""
    add: list[Segment] = []
    remove: list[str] = []


def application_of(stream: str, created: str, shard: int = 0) -> str:
    """A writer's application id: a stream made anew under an old name counts from one again, so its time is in it."""
    return f"{stream}@{created}/{shard}"


def lane_transaction(gateway: str, boot: str, shard: int = 0) -> str:
    """Application id of a lane's high-water mark; two writers commit under one id only by turns."""
    return f"gw:{gateway}:{boot}/{shard}" if shard else f"gw:{gateway}:{boot}"
