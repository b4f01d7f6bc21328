"""Corrections: every value that another one replaced, kept with who, when and why, in a table of its own.

A person's correction travels as a batch of the history's own lane through the telemetry stream, with the reason in a
header; it is taken in, sealed and replayed as any batch is. A row that came late and replaced another one is kept here
as well, with the reason LATE.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.core import ids
from lineshaft.core.errors import Corrupt
from lineshaft.history.commits import Segment
from lineshaft.history.model import Correction, Value
from lineshaft.history.schema import CORRECTIONS, TIME
from lineshaft.history.sorting import keys
from lineshaft.history.storage import Storage

LANE = "history"
"""The gateway's name in the subject of corrections: a service's, which no gateway can have."""
GROUP = "corrections"
HEADER = "Ls-Correction"
LATE = "late"

Key = tuple[int, int]
"""(tag, time in microseconds)."""


class Note(msgspec.Struct, frozen=True):
    """Who corrects, why, and when the bus took it in."""

    who: str
    reason: str
    time_us: int = 0


class Change(msgspec.Struct, frozen=True):
    """Rows of the form ROWS and those that replace them, of the same (tag, ts); `old` is None where nothing was."""

    old: pa.RecordBatch | None
    new: pa.RecordBatch


def note_header(who: str, reason: str) -> dict[str, str]:
    """What a batch of corrections carries beside its batch header; ASCII, as headers are."""
    return {HEADER: json.dumps({"who": who, "reason": reason})}


def read_note(headers: Mapping[str, str], time_us: int) -> Note:
    """The opposite; of a batch that says nothing, an empty note."""
    try:
        told = msgspec.json.decode(headers.get(HEADER, "{}"), type=dict[str, str])
    except msgspec.MsgspecError:
        told = {}
    return Note(told.get("who", ""), told.get("reason", ""), time_us)


def records(
    changes: Iterable[Change], notes: Mapping[Key, Note], time_us: int, sequence: int, recorded: set[Correction]
) -> list[Correction]:
    """One record per changed row.

    Args:
        notes: of the rows that people corrected; the others came late.
        time_us: when the late ones were noted.
        recorded: records that the table has already; `sequence` and `noted_us` do not count.
    """
    found = []
    for change in changes:
        old: Sequence[Any] = [None] * len(change.new) if change.old is None else _listed(change.old)
        for before, (tag, ts, value, q, _) in zip(old, _listed(change.new), strict=True):
            note = notes.get((tag, ts), Note("", LATE, time_us))
            found.append(Correction(
                tag=tag, ts_us=ts, noted_us=note.time_us, who=note.who, reason=note.reason,
                old=None if before is None else before[2], old_q=None if before is None else before[3],
                old_arrival_us=None if before is None else before[4], new=value, new_q=q, sequence=sequence,
            ))  # fmt: skip
    known = {_identity(record) for record in recorded}
    return [record for record in found if _identity(record) not in known]


def _identity(record: Correction) -> str:
    return repr(msgspec.structs.astuple(msgspec.structs.replace(record, sequence=0, noted_us=0)))


def _listed(rows: pa.RecordBatch) -> list[tuple[int, int, Value, int, int]]:
    """(tag, µs, value, quality, arrival) of each row."""
    tag, ts = keys(rows)
    values: list[Any] = [None] * len(rows)
    for name in ("v", "vi", "vs", "vb"):
        for index, value in enumerate(rows.column(name).to_pylist()):
            if value is not None:
                values[index] = value
    arrival = rows.column("arrival").cast(pa.int64()).to_pylist()
    return list(zip(tag.tolist(), ts.tolist(), values, rows.column("q").to_pylist(), arrival, strict=True))


def write_corrections(storage: Storage, owner: str, found: Sequence[Correction]) -> Segment:
    """Write records as a new file of `owner`, its content durable.

    Raises:
        OSError: the disk is full or refuses; nothing is left behind.
    """
    import pyarrow.parquet as pq

    storage.prepare()
    found = sorted(found, key=lambda record: (record.tag, record.ts_us, record.noted_us))
    table = pa.Table.from_batches([to_rows(found)])
    name = f"{owner}-{ids.new_id()}.parquet"
    size = storage.write(name, lambda path: pq.write_table(table, path, compression="zstd", store_schema=False))
    times = [record.ts_us for record in found]
    return Segment(
        path=name, size=size, rows=len(found), min_tag=found[0].tag, max_tag=found[-1].tag,
        min_us=min(times), max_us=max(times),
    )  # fmt: skip


def to_rows(found: Sequence[Correction]) -> pa.RecordBatch:
    """Records as Arrow rows of the form CORRECTIONS."""
    times = {"ts": "ts_us", "noted": "noted_us", "old_arrival": "old_arrival_us"}
    columns = []
    for field in CORRECTIONS:
        if field.name in times:
            values = [getattr(record, times[field.name]) for record in found]
            columns.append(pa.array(values, pa.int64()).cast(TIME))
        elif field.name in _VALUE_COLUMNS:
            old, kind = _VALUE_COLUMNS[field.name]
            both = [record.old if old else record.new for record in found]
            columns.append(pa.array([value if type(value) is kind else None for value in both], field.type))
        else:
            columns.append(
                pa.array([getattr(record, _SAME.get(field.name, field.name)) for record in found], field.type)
            )
    return pa.RecordBatch.from_arrays(columns, schema=CORRECTIONS)


_KINDS: dict[str, type] = {"v": float, "vi": int, "vs": str, "vb": bool}
_VALUE_COLUMNS = {
    prefix + name: (bool(prefix), kind) for prefix in ("old_", "") for name, kind in _KINDS.items()
}  # fmt: skip
_SAME = {"q": "new_q"}


def read_corrections(storage: Storage, paths: Iterable[str]) -> list[Correction]:
    """All records in files of the table.

    Raises:
        FileNotFoundError: a file is gone. Corrupt: one is no such file.
    """
    import pyarrow.parquet as pq

    found: list[Correction] = []
    for path in paths:
        try:
            with storage.open(path) as source:
                rows = pq.read_table(source, use_threads=False).cast(CORRECTIONS)
        except pa.ArrowInvalid as error:
            raise Corrupt(
                "history.corrections_unreadable", f"the file {path} of the corrections cannot be read: {error}",
                "Restore the history from a backup.", path=path, reason=str(error),
            ) from error  # fmt: skip
        for batch in rows.to_batches():
            found.extend(_from_rows(batch))
    return found


def _from_rows(rows: pa.RecordBatch) -> list[Correction]:
    def column(name: str) -> list[Any]:
        values = rows.column(name)
        return list((values.cast(pa.int64()) if values.type == TIME else values).to_pylist())

    def value(prefix: str) -> list[Any]:
        columns = zip(*(column(prefix + name) for name in _KINDS), strict=True)
        return [next((each for each in row if each is not None), None) for row in columns]

    return [
        Correction(
            tag=tag, ts_us=ts, noted_us=noted, who=who, reason=reason, old=old, old_q=old_q,
            old_arrival_us=arrival, new=new, new_q=q, sequence=sequence,
        )
        for tag, ts, noted, who, reason, old, old_q, arrival, new, q, sequence in zip(
            column("tag"), column("ts"), column("noted"), column("who"), column("reason"), value("old_"),
            column("old_q"), column("old_arrival"), value(""), column("q"), column("sequence"), strict=True,
        )
    ]  # fmt: skip


def noted_rows(rows: pa.RecordBatch, notes: Mapping[Key, Note]) -> np.ndarray:
    """Indexes of the rows that people corrected."""
    if not notes:
        return np.empty(0, np.int64)
    tag, ts = keys(rows)
    at = np.flatnonzero(np.isin(tag, [key[0] for key in notes]) & np.isin(ts, [key[1] for key in notes]))
    return np.array([index for index in at.tolist() if (int(tag[index]), int(ts[index])) in notes], np.int64)
