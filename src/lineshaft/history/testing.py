"""For tests: samples in a line each, messages of a gateway as the stream would hold them, a table's whole content.

lane = LaneMessages("gateway")
message = lane.next([(1, 1_000_000, 20.5), (2, 1_000_000, "open")])      # (tag, µs, value) or (tag, µs, value, q)
"""

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from lineshaft.bus import BatchHeader, StoredMessage
from lineshaft.bus.envelopes import Gap
from lineshaft.bus.telemetry import SCHEMA, encode
from lineshaft.core import clock, ids
from lineshaft.history.schema import ROWS, TIME
from lineshaft.history.storage import LocalFolder, Storage

Sample = tuple[Any, ...]
Value = float | int | str | bool
BAD = 0x80310000
START_US = 1_760_000_000_000_000
"""A moment in 2025 at which tests begin."""


def samples(rows: Iterable[Sample], arrival_us: int | None = None) -> pa.RecordBatch:
    """A telemetry batch of (tag, µs, value[, q]); the value's Python type says which column it is in."""
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
    for tag, ts, value, *quality in rows:
        is_nan = isinstance(value, float) and math.isnan(value)
        columns["tag"].append(tag)
        columns["ts"].append(ts)
        columns["arrival"].append(arrival_us)
        columns["q"].append(quality[0] if quality else BAD if is_nan else 0)
        for name, kind in (("v", float), ("vi", int), ("vs", str), ("vb", bool)):
            columns[name].append(value if type(value) is kind else None)
    arrays = [
        pa.array(columns[field.name], pa.int64()).cast(TIME)
        if field.type == TIME
        else pa.array(columns[field.name], field.type)
        for field in SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def rows_of(rows: Iterable[Sample], arrival_us: int = START_US) -> pa.RecordBatch:
    """The same in the form ROWS."""
    return pa.RecordBatch.from_arrays(samples(rows, arrival_us).columns, schema=ROWS)


def listed(batches: pa.RecordBatch | Iterable[pa.RecordBatch]) -> list[Sample]:
    """Rows of the form ROWS as (tag, µs, value, q)."""
    found = []
    for batch in [batches] if isinstance(batches, pa.RecordBatch) else batches:
        columns = [batch.column(name).to_pylist() for name in ("tag", "v", "vi", "vs", "vb", "q")]
        times = batch.column("ts").cast(pa.int64()).to_pylist()
        for time, (tag, *values, q) in zip(times, zip(*columns, strict=True), strict=True):
            value = next(value for value in values if value is not None)
            found.append((tag, time, value, q))
    return found


class LaneMessages:
    """Messages of one boot of a gateway, one after the other, as they would lie in the stream.

    Args:
        position: gives the next stream sequence; several lanes of one stream share one.
    """

    def __init__(self, gateway: str = "gateway", *, position: Callable[[], int] | None = None) -> None:
        self.gateway = gateway
        self.boot = ids.new_id()
        self.seq = 0
        self.time_us = START_US
        self._sequence = 0
        self._position = position or self._count

    def _count(self) -> int:
        self._sequence += 1
        return self._sequence

    def restart(self) -> None:
        """Begin another boot."""
        self.boot, self.seq = ids.new_id(), 0

    def header(self, rows: int, *, last: bool = False, gap: Gap | None = None, seq: int | None = None) -> BatchHeader:
        """The header of the next batch, or of a given one."""
        if seq is None:
            self.seq += 1
        number = self.seq if seq is None else seq
        return BatchHeader(
            gateway=self.gateway,
            boot=self.boot,
            seq=number,
            rows=rows,
            group="live",
            first=number == 1,
            last=last,
            gap=gap,
        )

    def next(
        self, rows: Sequence[Sample] = (), *, last: bool = False, gap: Gap | None = None, seq: int | None = None,
        data: bytes | None = None, arrival_us: int | None = None,
    ) -> StoredMessage:  # fmt: skip
        """The next message; `data` replaces its content, `seq` repeats an earlier batch's number."""
        header = self.header(len(rows), last=last, gap=gap, seq=seq)
        self.time_us += clock.MICROSECONDS
        payload = encode(samples(rows, arrival_us)) if data is None else data
        return StoredMessage(
            self._position(), f"ls.main.box.data.{self.gateway}.live", header.to_headers(), payload, self.time_us
        )


def table_rows(history: Path | Storage) -> list[Sample]:
    """All rows of the samples table's newest version, by (tag, time); a row that is there twice comes twice."""
    from deltalake import DeltaTable

    from lineshaft.history.segment import read_segment

    samples = (LocalFolder(history) if isinstance(history, Path) else history).child("samples")
    url, options = samples.table_arguments()
    paths = DeltaTable(url, storage_options=options).get_add_actions(flatten=True).column("path").to_pylist()
    return sorted(listed(read_segment(samples, str(path)) for path in paths), key=lambda row: row[:2])
