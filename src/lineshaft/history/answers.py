"""Requests that the history service answers on the bus, and the forms of their bodies and chunks."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Annotated

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Meta

from lineshaft.history.model import Gap
from lineshaft.history.schema import ROWS, empty_rows

_HEADERS_BYTES = 2048
_FIRST_ROWS = 8192
_SHARDS = "Ls-Shards"
Microseconds = Annotated[int, Meta(ge=-(2**62), le=2**62)]


class LatestRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `latest`: newest samples of `tags`, of all tags where null."""

    tags: list[int] | None = None


class HotRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `hot`: rows of `tags` (all where null) with start ≤ ts < end that are not in the table yet."""

    tags: list[int] | None = None
    start_us: Microseconds = -(2**62)
    end_us: Microseconds = 2**62


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """First chunk of `hot` and answer of `gaps`: what is not hot lies in exactly these versions of the tables."""

    version: int
    gaps_version: int
    committed_sequence: int
    gaps: list[Gap] = []
    corrections_version: int = -1
    shards: int = 0
    """How many writers there are; 0 where an older one answers, which does not say."""


class CorrectRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `correct`: samples that take the place of those of the same tag and time."""

    who: str
    reason: str
    rows: bytes
    """A telemetry batch."""


class CorrectAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer of `correct`, once the samples are in the table."""

    sequence: int
    """Message of the stream that they came with."""
    corrections_version: int


class SealRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `seal`."""

    sequence: int = 0
    """Message to take in first."""


class SealAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer of `seal`."""

    rows: int
    committed_sequence: int
    version: int
    corrections_version: int = -1


def sorted_tags(tags: list[int] | None) -> np.ndarray | None:
    """Tag numbers as the selections want them: ascending, each once; numbers that no tag has are left out."""
    if tags is None:
        return None
    numbers = np.unique(np.array(tags, np.int64))
    return numbers[(numbers > 0) & (numbers < 2**31)].astype(np.int32)


def chunks(rows: pa.RecordBatch, maximum_bytes: int) -> Iterator[bytes]:
    """Rows as Arrow IPC streams that each fit a message; none where there are no rows."""
    limit = maximum_bytes - _HEADERS_BYTES
    start, count = 0, _FIRST_ROWS
    while start < len(rows):
        part = rows.slice(start, count)
        data = encode_rows(part)
        if len(data) > limit and len(part) > 1:
            count = max(1, len(part) * limit // (len(data) + limit // 4))
            continue
        yield data
        start += len(part)


def encode_rows(rows: pa.RecordBatch) -> bytes:
    """One Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_batch(rows)
    return sink.getvalue().to_pybytes()


def decode_rows(data: bytes) -> list[pa.RecordBatch]:
    """The batches of one Arrow IPC stream of the form ROWS."""
    with pa.ipc.open_stream(data) as stream:
        return [pa.RecordBatch.from_arrays(batch.columns, schema=ROWS) for batch in stream]


def latest_head(shards: int) -> tuple[dict[str, str], bytes]:
    """First chunk of `latest`, without rows: how many writers there are. Readers that do not ask for it see no rows."""
    return {_SHARDS: str(shards)}, encode_rows(empty_rows())


def shards_told(headers: Mapping[str, str]) -> int:
    """How many writers there are as a chunk says; 0 where it does not."""
    return int(headers.get(_SHARDS, 0))


async def stream_rows(rows: pa.RecordBatch, maximum_bytes: int) -> AsyncIterator[tuple[dict[str, str], bytes]]:
    """Rows as chunks of a streamed answer."""
    for data in chunks(rows, maximum_bytes):
        yield {}, data
