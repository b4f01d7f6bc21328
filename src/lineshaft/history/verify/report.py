"""What a verification finds. Imports no heavy library."""

from typing import Literal

import msgspec

from lineshaft.history.commits import TableName

Kind = Literal["missing", "unreadable", "size", "rows", "columns", "order", "statistics", "values", "repeated"]
"""missing, unreadable: no rows can be had. size, rows, statistics: the table says otherwise of the file. columns: it is
of another form. order: not sorted by (tag, ts), or one twice. values: a row with no value or several, NaN that is Good.
repeated: a (tag, ts) that another file has too."""


class Damage(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is not what the table says."""

    table: TableName
    path: str
    kind: Kind
    reason: str
    rows: int
    """As the table says."""
    min_tag: int
    max_tag: int
    min_us: int
    max_us: int
    quarantined: bool = False
    saved: int = 0
    """Rows that could still be read, and are in the table, in another file."""


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """A boot of a gateway and its last batch that the table has, or knows to be missing."""

    gateway: str
    boot: str
    batches: int
    missing: int
    """Of those, batches that gap records say are missing."""


class GapCount(msgspec.Struct, frozen=True, kw_only=True):
    """Gap records of one gateway and cause."""

    gateway: str
    cause: str
    gaps: int
    batches: int
    """Batches that are missing by number."""
    rows: int
    """Samples missing, as far as anybody knows."""
    from_us: int
    to_us: int


class Hole(msgspec.Struct, frozen=True, kw_only=True):
    """Batches, or samples, that are not there."""

    gateway: str
    """Empty where it is a hole of the stream or of the history itself."""
    boot: str
    cause: str
    """As the gap record says; `unexplained` where there is none; `account` where what was taken in is not known."""
    first: int | None
    """First missing batch of the boot, or message of the stream where `gateway` is empty."""
    last: int | None
    from_us: int
    to_us: int
    rows: int | None
    """Samples missing; None where nobody can know."""
    detail: str
    explained: bool
    """A gap record tells of it."""


class Recount(msgspec.Struct, frozen=True, kw_only=True):
    """Batches and rows counted against each other."""

    batches: int
    """Taken in, as far as there are accounts."""
    taken: int
    """Rows in them; those that repeat others are in the table once."""
    expected: int | None
    """Rows that seals brought to the table, less those that expired or lie in quarantine; None where a release that
    does not count wrote to the table or maintained it."""
    stored: int
    """Rows in the table."""
    unexplained: int
    """Holes that no gap record explains."""
    holes: list[Hole]
    """Those unexplained first, then by gateway and boot."""
    left_off: int = 0
    """Holes beyond the most that are listed."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, and what is wrong with it."""

    version: int
    """Of the table of samples."""
    files: int
    rows: int
    """Counted by reading them."""
    rows_said: int
    """As the table's log says."""
    bytes: int
    lanes: list[Lane]
    gaps: list[GapCount]
    recount: Recount
    damages: list[Damage]
    cpu_seconds: float = 0.0


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is to do, its standard input."""

    place: dict[str, object]
    quarantine: bool = False
    """Set aside what is damaged."""
    owners: dict[str, list[tuple[int, int]]] = {}
    """Tags that gateways have, as ranges."""


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A line of its answer."""

    done: int
    total: int
    message: str


class Done(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The last line."""

    report: Report


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The last line where it could not be done."""

    code: str
    message: str
    hint: str
    status: int
    facts: dict[str, object]


Line = Progress | Done | Failed
