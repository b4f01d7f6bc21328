"""Hot rows: taken in, and not yet in the table as far as any query knows."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from lineshaft.history.segment import chosen
from lineshaft.history.sorting import joined, ordered

_ROW_BYTES = 45
_JOIN_AT = 64
"""So many batches of few rows are joined as they come: what stands around such a batch takes a hundred times its rows."""
_LARGE_ROWS = 32_768
"""Batches that together have so many are joined only when somebody asks, so that no query touches hundreds."""


class HotRows:
    """Open rows, and those that a seal under way is writing. Both answer queries until `settle`."""

    def __init__(self) -> None:
        self._open: list[pa.RecordBatch] = []
        self._small = 0
        self._sealing: list[pa.RecordBatch] = []
        self._bytes = 0
        self._sealing_bytes = 0

    @property
    def bytes(self) -> int:
        """Memory held by all rows."""
        return self._bytes + self._sealing_bytes

    @property
    def open_bytes(self) -> int:
        """Memory held by the rows that the next seal will take."""
        return self._bytes

    @property
    def rows(self) -> int:
        return sum(len(batch) for batch in (*self._sealing, *self._open))

    def append(self, batch: pa.RecordBatch) -> None:
        """Take in rows."""
        if not len(batch):
            return
        self._open.append(batch)
        self._small += 1
        if self._small == _JOIN_AT:
            last, self._small = self._open[-_JOIN_AT:], 0
            if sum(map(len, last)) < _LARGE_ROWS:
                self._open[-_JOIN_AT:] = [joined(last)]
        self._bytes += _held(batch)

    def freeze(self) -> Sequence[pa.RecordBatch]:
        """The rows that a seal takes: all there are now, those of a seal that failed first."""
        self._sealing += self._open
        self._sealing_bytes += self._bytes
        self._open, self._small, self._bytes = [], 0, 0
        return tuple(self._sealing)

    def settle(self) -> None:
        """The frozen rows are in the table now."""
        self._sealing, self._sealing_bytes = [], 0

    def batches(self) -> tuple[pa.RecordBatch, ...]:
        """All rows in the order they came; later changes do not touch what was given."""
        if len(self._open) >= 2 * _JOIN_AT:
            self._join()
        return (*self._sealing, *self._open)

    def _join(self) -> None:
        parts: list[pa.RecordBatch] = []
        loose: list[pa.RecordBatch] = []
        rows = 0
        for batch in self._open:
            loose.append(batch)
            rows += len(batch)
            if rows >= _LARGE_ROWS:
                parts.append(joined(loose))
                loose, rows = [], 0
        self._open = parts + loose
        self._small = min(self._small, len(loose))

    def select(self, tags: np.ndarray | None, start_us: int, end_us: int) -> pa.RecordBatch:
        """Rows of `tags` (sorted; None for all) with start ≤ ts < end, by (tag, ts), the last given of each."""
        return select(self.batches(), tags, start_us, end_us)


def _held(batch: pa.RecordBatch) -> int:
    """Memory of a batch, near enough: the exact figure costs as much as taking the batch in."""
    texts = batch.column("vs")
    return _ROW_BYTES * len(batch) + (0 if texts.null_count == len(texts) else texts.nbytes)


def select(batches: Sequence[pa.RecordBatch], tags: np.ndarray | None, start_us: int, end_us: int) -> pa.RecordBatch:
    """The same of batches given."""
    return ordered([chosen(batch, tags, start_us, end_us) for batch in batches])
