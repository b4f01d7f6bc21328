"""The latest-value table: newest sample of every tag, in numpy columns indexed by tag number.

Newest by source time; of two with one time the one that came last. A sample stamped ahead of the bus's clock counts as
of the time it came, so that a clock that once ran ahead does not hide everything after it.
"""

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa

from lineshaft.history.model import MAXIMUM_TAG
from lineshaft.history.schema import ROWS, TIME, empty_rows, microseconds
from lineshaft.history.sorting import joined, keys, order_of, scan_of, taken

AHEAD_US = 60_000_000
"""How far ahead of the bus's clock a source's time is believed."""
NEVER = np.iinfo(np.int64).min
_FIRST_SIZE = 1024
_NOTED_ROWS, _NOTED_BATCHES = 65_536, 256
_COLUMNS = {"ts": "i8", "arrival": "i8", "rank": "i8", "bits": "i8", "q": "u4", "kind": "u1"}
NUMBER, INTEGER, TEXT, BOOLEAN = 1, 2, 3, 4


class LatestTable:
    """Newest samples.

    Args:
        believe_any_time: order strictly by source time (what is sealed, not what is shown).
        maximum: rows of higher tag numbers are passed over; it bounds the memory.
    """

    def __init__(self, *, believe_any_time: bool = False, maximum: int = MAXIMUM_TAG) -> None:
        self._strict = believe_any_time
        self._maximum = maximum
        self.texts: dict[int, str] = {}
        """Value of each tag whose `kind` is TEXT."""
        self._noted: list[tuple[pa.RecordBatch, int | np.ndarray]] = []
        self._noted_rows = 0
        self._place = np.zeros(_FIRST_SIZE, np.int32)
        """Where in a stretch of rows a tag was met last; only valid while that is looked at."""
        self._resize(_FIRST_SIZE)

    def _resize(self, size: int) -> None:
        for name, kind in _COLUMNS.items():
            column = np.zeros(size, kind)  # pages that no tag uses cost nothing
            old = getattr(self, name, None)
            if old is not None:
                column[: len(old)] = old
            setattr(self, name, column)

    ts: np.ndarray
    """Source time, microseconds; meaningless where `kind` is 0."""
    arrival: np.ndarray
    rank: np.ndarray
    """The time that decides which sample is newer."""
    bits: np.ndarray
    """The value's 64 bits: of a float, an integer, or a truth value; texts are apart."""
    q: np.ndarray
    kind: np.ndarray
    """0 where the tag has no sample; else NUMBER, INTEGER, TEXT or BOOLEAN."""

    def __len__(self) -> int:
        return int(np.count_nonzero(self.kind))

    def known(self) -> np.ndarray:
        """Numbers of all tags that have a sample, ascending."""
        return np.flatnonzero(self.kind).astype(np.int32)

    def update(self, rows: pa.RecordBatch, time_us: int | np.ndarray | None = None) -> np.ndarray:
        """Take in rows in the order they came; returns the tags whose latest sample changed, ascending.

        Args:
            rows: in the form ROWS.
            time_us: when the bus took them in, all or each; their own arrival times where None.
        """
        tag, ts = keys(rows)
        if not len(rows):
            return np.empty(0, np.int32)
        if tag.min() <= 0 or tag.max() > self._maximum:
            fine = np.flatnonzero((tag > 0) & (tag <= self._maximum))
            return self.update(taken(rows, fine), time_us[fine] if isinstance(time_us, np.ndarray) else time_us)
        arrival = microseconds(rows.column("arrival"))
        came = arrival if time_us is None else time_us
        rank = self._rank(ts, came)
        newest = _newest(tag, rank)
        tags = tag[newest]
        if tags[-1] >= len(self.kind):
            self._resize(max(int(tags[-1]) + 1, 2 * len(self.kind)))
        newer = (self.kind[tags] == 0) | (rank[newest] >= self.rank[tags])
        if not newer.all():
            newest, tags = newest[newer], tags[newer]
        self.ts[tags], self.arrival[tags], self.rank[tags] = ts[newest], arrival[newest], rank[newest]
        kind, bits, texts = contents(rows if _is_all(newest, len(rows)) else taken(rows, newest))
        self.kind[tags], self.bits[tags] = kind, bits
        self.q[tags] = rows.column("q").to_numpy(zero_copy_only=True)[newest]
        self.texts.update((int(tags[index]), text) for index, text in texts)
        return tags

    def note(self, rows: pa.RecordBatch, time_us: int | np.ndarray) -> None:
        """Take in rows as `update` does, but not before much has come or `settle` is called."""
        self._noted.append((rows, time_us))
        self._noted_rows += len(rows)
        if self._noted_rows >= _NOTED_ROWS or len(self._noted) >= _NOTED_BATCHES:
            self.settle()

    def settle(self) -> None:
        """Take in what was noted: at once costs a fraction of one after the other."""
        noted, self._noted, self._noted_rows = self._noted, [], 0
        if not noted:
            return
        rows, times = self._newest_noted(noted)
        self.update(rows, times)

    def _newest_noted(self, noted: list[tuple[pa.RecordBatch, int | np.ndarray]]) -> tuple[pa.RecordBatch, np.ndarray]:
        """Rows that decide, in the order they came, and when each did: of each tag the newest, or simply all."""
        ends = np.cumsum([len(rows) for rows, _ in noted])
        found = [keys(rows) for rows, _ in noted]
        tag = np.concatenate([tag for tag, _ in found])
        rank = np.concatenate([self._rank(ts, time_us) for (_, ts), (_, time_us) in zip(found, noted, strict=True)])
        newest = self._last_of_each(tag, rank)
        whole = newest is None
        at = np.arange(len(tag)) if newest is None else newest
        times = np.concatenate([np.broadcast_to(time_us, len(rows)) for rows, time_us in noted])[at]
        if whole:
            return joined([rows for rows, _ in noted]), times
        edges = np.searchsorted(at, [0, *ends.tolist()])
        parts = [
            taken(rows, at[first:stop] - (end - len(rows)))
            for (rows, _), end, first, stop in zip(noted, ends.tolist(), edges[:-1], edges[1:], strict=True)
            if first < stop
        ]
        return joined(parts), times

    def _rank(self, ts: np.ndarray, came: int | np.ndarray) -> np.ndarray:
        limit = np.add(came, AHEAD_US)
        if self._strict or not len(ts) or ts.max() <= np.min(limit):
            return ts
        return np.where(ts > limit, came, ts)

    def _last_of_each(self, tag: np.ndarray, rank: np.ndarray) -> np.ndarray | None:
        """Index of each tag's last row, ascending, where that is its newest too; None where it is not, for any tag."""
        if not len(tag) or tag.min() <= 0 or tag.max() > self._maximum:
            return None
        if tag.max() >= len(self._place):
            self._place = np.zeros(max(int(tag.max()) + 1, 2 * len(self._place)), np.int32)
        scan = scan_of(tag)
        if scan and (rank[scan:] >= rank[:-scan]).all():
            return np.arange(len(tag) - scan, len(tag))
        number, each = tag.astype(np.intp), np.arange(len(tag), dtype=np.int32)
        self._place[number] = each  # of several the last stays
        last = self._place[number]
        return None if (rank > rank[last]).any() else np.flatnonzero(last == each)

    def load(self, rows: pa.RecordBatch, rank: np.ndarray) -> None:
        """Set the samples of a snapshot, one per tag, with their ranks, whatever the tags had."""
        tags, _ = keys(rows)
        self.kind[tags[tags < len(self.kind)]] = 0
        self.update(rows)
        self.rank[tags] = rank

    def keep(self, wanted: Callable[[np.ndarray], np.ndarray]) -> None:
        """Forget the samples of tags that are not wanted."""
        tags = self.known()
        gone = tags[~wanted(tags)]
        self.kind[gone] = 0
        for tag in gone.tolist():
            self.texts.pop(tag, None)

    def copy(self) -> "LatestTable":
        """A table of its own with the same samples."""
        twin = LatestTable(believe_any_time=self._strict, maximum=self._maximum)
        for name in _COLUMNS:
            setattr(twin, name, getattr(self, name).copy())
        twin.texts = dict(self.texts)
        return twin

    def differing(self, other: "LatestTable") -> np.ndarray:
        """Tags with a sample here that `other` does not have just so."""
        tags = self.known()
        inside = tags[tags < len(other.kind)]
        same = np.ones(len(inside), bool)
        for name in _COLUMNS:
            same &= getattr(self, name)[inside] == getattr(other, name)[inside]
        for index in np.flatnonzero(same & (self.kind[inside] == TEXT)):
            tag = int(inside[index])
            same[index] = self.texts[tag] == other.texts.get(tag)
        return np.setdiff1d(tags, inside[same])

    def holds(self, rows: pa.RecordBatch) -> np.ndarray:
        """Per row, whether it repeats the tag's sample here: the same time, quality and value, bit for bit."""
        tag, ts = keys(rows)
        inside = tag < len(self.kind)
        tag = np.where(inside, tag, 0)
        kind, bits, texts = contents(rows)
        q = rows.column("q").to_numpy(zero_copy_only=True)
        same = inside & (self.kind[tag] == kind) & (self.ts[tag] == ts) & (self.bits[tag] == bits) & (self.q[tag] == q)
        for index, text in texts:
            same[index] = same[index] and self.texts.get(int(tag[index])) == text
        return same

    def newest_us(self, tags: np.ndarray) -> np.ndarray:
        """Source time of each tag's sample; NEVER where there is none."""
        inside = tags < len(self.kind)
        tags = np.where(inside, tags, 0)
        return np.where(inside & (self.kind[tags] > 0), self.ts[tags], NEVER)

    def rows(self, tags: Iterable[int] | np.ndarray | None = None) -> pa.RecordBatch:
        """The samples of `tags` that have one, or of all, ascending by tag, in the form ROWS."""
        if tags is None:
            numbers = self.known()
        else:
            numbers = np.unique(np.fromiter(tags, np.int64))
            numbers = numbers[(numbers >= 0) & (numbers < len(self.kind))]
            numbers = numbers[self.kind[numbers] > 0].astype(np.int32)
        if not len(numbers):
            return empty_rows()
        kind, bits = self.kind[numbers], self.bits[numbers]
        texts = np.full(len(numbers), None, object)
        for index in np.flatnonzero(kind == TEXT):
            texts[index] = self.texts[int(numbers[index])]
        columns = [
            pa.array(numbers), _times(self.ts[numbers]), _times(self.arrival[numbers]),
            pa.array(bits.view(np.float64), mask=kind != NUMBER), pa.array(bits, mask=kind != INTEGER),
            pa.array(texts.tolist(), pa.string()), pa.array(bits != 0, mask=kind != BOOLEAN), pa.array(self.q[numbers]),
        ]  # fmt: skip
        return pa.RecordBatch.from_arrays(columns, schema=ROWS)


def contents(rows: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray, list[tuple[int, str]]]:
    """Kind and 64 bits of each row's value, and (index, text) of those that are texts."""
    numbers = rows.column("v")
    if not numbers.null_count:
        return np.full(len(rows), NUMBER, np.uint8), numbers.to_numpy(zero_copy_only=True).view(np.int64), []
    kind = np.zeros(len(rows), np.uint8)
    bits = np.zeros(len(rows), np.int64)
    for name, number, view in (("v", NUMBER, np.int64), ("vi", INTEGER, np.int64), ("vb", BOOLEAN, None)):
        column = rows.column(name)
        if column.null_count == len(column):
            continue
        there = column.is_valid().to_numpy(zero_copy_only=False)
        values = column.drop_null().to_numpy(zero_copy_only=False)
        kind[there] = number
        bits[there] = values.view(view) if view else values
    texts = rows.column("vs")
    if texts.null_count == len(texts):
        return kind, bits, []
    found = [(index, text) for index, text in enumerate(texts.to_pylist()) if text is not None]
    kind[[index for index, _ in found]] = TEXT
    return kind, bits, found


def _newest(tag: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Index of each tag's row of highest rank, the last of several, ascending by tag."""
    if (tag[1:] > tag[:-1]).all():  # a scan
        return np.arange(len(tag))
    same = tag[1:] == tag[:-1]
    if ((tag[1:] > tag[:-1]) | (same & (rank[1:] >= rank[:-1]))).all():  # sorted
        return np.flatnonzero(np.append(~same, True))  # a value, not a flag
    order = order_of(tag, rank)
    return np.asarray(order[np.append(tag[order][1:] != tag[order][:-1], True)])  # a value, not a flag


def _is_all(at: np.ndarray, count: int) -> bool:
    """Whether indexes are those of all rows in their order."""
    return len(at) == count and bool((at[1:] > at[:-1]).all())


def _times(values: np.ndarray) -> pa.Array:
    return pa.array(values, pa.int64()).cast(TIME)
