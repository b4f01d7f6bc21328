"""Rows that may be in the table already: never two rows for one (tag, ts).

Only rows no newer than their tag's newest sealed sample can be. Those that repeat that sample (a restarted gateway sends
its present values again) are known without reading a file; the rest are looked up in the files whose statistics admit
them. A row with the content that is there is dropped; one with another content replaces its segment.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.history.commits import Segment
from lineshaft.history.corrections.record import Change
from lineshaft.history.latest import LatestTable, contents
from lineshaft.history.segment import read_segment
from lineshaft.history.sorting import keys, ordered, taken
from lineshaft.history.storage import Storage


class Resolution(msgspec.Struct, frozen=True):
    """What a seal writes."""

    new: pa.RecordBatch
    """Sorted rows that are in no segment."""
    replaced: dict[str, pa.RecordBatch]
    """Whole new content of segments that hold other content for some (tag, ts)."""
    dropped: int
    """Rows that the table holds already."""
    changes: list[Change]
    """What the replacements change."""


def suspects(rows: pa.RecordBatch, sealed: LatestTable) -> tuple[np.ndarray, np.ndarray]:
    """Masks of sorted rows: those that repeat the newest sealed sample, and those that must be looked up."""
    tag, ts = keys(rows)
    repeated = np.zeros(len(rows), bool)
    first = np.flatnonzero(np.append(True, tag[1:] != tag[:-1]))  # a value, not a flag
    if len(rows) == 0 or (ts[first] > sealed.newest_us(tag[first])).all():
        return repeated, repeated
    old = ts <= sealed.newest_us(tag)
    at = np.flatnonzero(old)
    repeated[at] = sealed.holds(taken(rows, at))
    return repeated, old & ~repeated


def resolve(
    rows: pa.RecordBatch, repeated: np.ndarray, unsure: np.ndarray, segments: Sequence[Segment], storage: Storage
) -> Resolution:
    """Part sorted rows into new ones, dropped ones and replacements.

    Args:
        rows: sorted, one per (tag, ts).
        repeated, unsure: see `suspects`.
        segments: the table's present files; not needed where no row is unsure.
        storage: where they are.
    """
    leave = repeated.copy()
    replaced: dict[str, pa.RecordBatch] = {}
    changes: list[Change] = []
    dropped = int(repeated.sum())
    for segment in _touched(rows, unsure, segments):
        at = np.flatnonzero(unsure & _inside(rows, segment) & ~leave)
        if not len(at):
            continue
        found, other, before = _look_up(storage, segment.path, taken(rows, at))
        leave[at[found]] = True
        dropped += int((found & ~other).sum())
        if other.any():
            changed = taken(rows, at[other])
            changes.append(Change(before, changed))
            replaced[segment.path] = ordered([read_segment(storage, segment.path), changed])
    new = rows if not leave.any() else taken(rows, np.flatnonzero(~leave))
    return Resolution(new, replaced, dropped, changes)


def _touched(rows: pa.RecordBatch, unsure: np.ndarray, segments: Sequence[Segment]) -> list[Segment]:
    """Files whose time range holds one of the unsure rows."""
    _, ts = keys(rows)
    times = np.sort(ts[unsure])
    return [
        segment
        for segment in segments
        if np.searchsorted(times, segment.min_us) < np.searchsorted(times, segment.max_us, side="right")
    ]


def _inside(rows: pa.RecordBatch, segment: Segment) -> np.ndarray:
    tag, ts = keys(rows)
    return (ts >= segment.min_us) & (ts <= segment.max_us) & (tag >= segment.min_tag) & (tag <= segment.max_tag)


def _look_up(storage: Storage, path: str, rows: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray, pa.RecordBatch]:
    """Masks of sorted rows: those whose (tag, ts) the file holds, and those it holds with another content; and that."""
    tag, ts = keys(rows)
    stored = read_segment(storage, path, np.unique(tag), int(ts.min()), int(ts.max()) + 1)
    place = _places(rows, stored)
    found = place >= 0
    other = np.zeros(len(rows), bool)
    at = np.flatnonzero(found)
    other[at] = ~same(taken(rows, at), taken(stored, place[at]))
    return found, other, taken(stored, place[other])


def _places(rows: pa.RecordBatch, stored: pa.RecordBatch) -> np.ndarray:
    """Index in `stored` of each row's (tag, ts), -1 where it is not there; both are sorted by (tag, ts)."""
    tag, ts = keys(rows)
    stored_tag, stored_ts = keys(stored)
    times = np.unique(ts)
    time = np.searchsorted(times, stored_ts)
    listed = np.flatnonzero((time < len(times)) & (times[np.minimum(time, len(times) - 1)] == stored_ts))
    # tag and the time's place in `times` make one number that sorts as (tag, ts) does
    have = stored_tag[listed].astype(np.int64) * len(times) + time[listed]
    want = tag.astype(np.int64) * len(times) + np.searchsorted(times, ts)
    place = np.searchsorted(have, want)
    hit = (
        (place < len(have)) & (have[np.minimum(place, len(have) - 1)] == want)
        if len(have)
        else np.zeros(len(want), bool)
    )
    result = np.full(len(rows), -1)
    result[hit] = listed[place[hit]]
    return result


def same(one: pa.RecordBatch, other: pa.RecordBatch) -> np.ndarray:
    """Per row, whether value and quality are the same bit for bit; the arrival time is not content."""
    kind, bits, texts = contents(one)
    other_kind, other_bits, other_texts = contents(other)
    q, other_q = (rows.column("q").to_numpy(zero_copy_only=True) for rows in (one, other))
    equal = (kind == other_kind) & (bits == other_bits) & (q == other_q)
    theirs = dict(other_texts)
    for index, text in texts:
        equal[index] = equal[index] and theirs.get(index) == text
    return np.asarray(equal)
