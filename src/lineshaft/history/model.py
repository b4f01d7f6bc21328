"""The nouns of the history. Times are microseconds since 1970 UTC; rows of samples are Arrow, see `schema`."""

from typing import Literal

import msgspec

from lineshaft.core.principals import MAIN_PROJECT

TagKind = Literal["number", "integer", "boolean", "text"]
Cause = Literal["restart", "sequence", "overflow", "dropped", "undecodable", "damaged"]

MAXIMUM_TAG = 4_000_000
"""Tag numbers are dense, from 1; a writer takes no higher ones than this unless its settings say so."""


class TagSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration says of a tag that it wants allocated."""

    path: str
    """ISA-95 path `enterprise/site/area/line/cell/device/tag`."""
    unit: str = ""
    """UNECE or UCUM code, as the device names it."""
    description: str = ""
    kind: TagKind = "number"
    device: str = ""
    """Name of the device the tag belongs to."""
    project: str = MAIN_PROJECT
    """The device's."""


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """A tag: number and handle are given once and never change; the rest may."""

    number: int
    tenant: str
    path: str
    handle: str
    unit: str
    description: str
    kind: TagKind
    device: str
    created: int
    project: str = MAIN_PROJECT
    removed: int | None = None
    """When it left the configuration; its samples stay."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Samples that are known to be missing.

    restart: a boot of a gateway ended without saying so. sequence: batches of a lane, or messages of the stream
    itself (`gateway` empty), never came. overflow: a device's queue ran over. dropped: a full buffer let go.
    undecodable: a batch came that cannot be read; it lies in the dead-letter stream. damaged: a file of the table was
    not what it must be; `verify` set it aside.
    """

    gateway: str
    """Empty where the gap is one of the stream itself."""
    boot: str
    cause: Cause
    from_seq: int | None
    """First missing batch of the lane, or message of the stream; None where the gap has no number."""
    to_seq: int | None
    from_us: int
    to_us: int
    rows: int | None
    """Samples missing; None where nobody can know."""
    detail: str
    noted_us: int
    """Time of the message that told it, by the bus."""
    sequence: int
    """Stream sequence of that message."""


Value = float | int | str | bool


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """A sample whose value or quality was replaced by another, or that was put in where none was."""

    tag: int
    ts_us: int
    noted_us: int
    who: str
    """The person's or the app's name; empty where the new value came from a gateway."""
    reason: str
    """As the person gave it; `late` where a gateway's later sample replaced an earlier one."""
    old: Value | None
    """None where there was no sample."""
    old_q: int | None
    old_arrival_us: int | None
    new: Value
    new_q: int
    sequence: int
    """Stream sequence of the seal that recorded it."""


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """Body of the event `history.committed`: everything up to `sequence` is durable in the table."""

    stream: str
    stream_created: str
    sequence: int
    version: int
    rows: int


class HeldBoot(msgspec.Struct, frozen=True, kw_only=True):
    """What the table holds of one boot of a gateway, or knows to be missing: 1 to `seq`, and what came ahead."""

    boot: str
    seq: int
    pending: bool = False
    """Batches of boots before this one may still come; of those before one that is not pending, nothing is missing."""
    ahead: list[tuple[int, int]] = []
    """First and last of each run beyond."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Body of the event `history.held`: what a gateway may remove from its own bus."""

    gateway: str
    boots: list[HeldBoot]
    """In the order they began, those pending last; older ones are not listed."""


class HistoryStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What `svc.history.status` answers."""

    stream: str
    stream_created: str
    read_sequence: int
    """Newest message taken in."""
    committed_sequence: int
    last_sequence: int
    """Newest message the stream held when last asked."""
    table_version: int
    hot_rows: int
    hot_bytes: int
    tags: int
    """Tags with a latest value."""
    rows_total: int
    """Rows taken in since the process started; the same for the counts below."""
    repeated_batches: int
    undecodable_batches: int
    gaps: int
    seals: int
    last_seal_us: int
    trouble: str
    """Why sealing stands still; empty while it does not."""
