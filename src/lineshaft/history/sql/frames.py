"""What the two sides of a statement's process say to each other. Imports no heavy library.

The parent sends a `Question`, then Arrow streams of rows where the process asks for them, then an empty frame. The
process answers with a frame of each of these kinds, in this order: NEEDS, READY, any number of DATA, END; or ERROR at
any time. A frame is its length and its bytes; an answer's first byte is its kind.
"""

import struct
from typing import Any, Literal

import msgspec

SqlFormat = Literal["json", "ndjson", "csv", "arrow", "parquet"]
VIEWS = ("samples", "tags", "rollup_1h")
LENGTH = struct.Struct("<I")
MAXIMUM_FRAME = 1 << 30

NEEDS, READY, DATA, END, ERROR = b"N", b"R", b"D", b"Z", b"E"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one statement may use."""

    seconds: float = 30.0
    """Of its process, waiting for the caller to take the answer not counted."""
    memory_bytes: int = 512 * 2**20
    rows: int = 20_000_000
    """Most rows that it may be given to look at."""
    json_rows: int = 10_000
    """Most rows of an answer in JSON; the other formats give all."""


class TagRow(msgspec.Struct, frozen=True, array_like=True):
    """A row of the view `tags`; `number` only joins the rows."""

    number: int
    path: str
    handle: str
    unit: str
    description: str
    kind: str
    device: str
    project: str


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A statement and what it is asked of."""

    sql: str
    format: SqlFormat
    limits: Limits
    tags: list[TagRow]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """An error as it crosses the pipe."""

    code: str
    message: str
    hint: str
    status: int
    facts: dict[str, Any] = {}


def frame(data: bytes) -> bytes:
    """Bytes with their length in front."""
    return LENGTH.pack(len(data)) + data
