"""Hot rows: taken in, and not yet in the table as far as any query knows."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from lineshaft.history.segment import chosen, joined, ordered

_JOIN_AT = 64
"""Small batches are joined when this many have come, so that a query does not touch thousands."""


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
        return sum(len(batch) for batch in self.batches())

    def append(self, batch: pa.RecordBatch) -> None:
        """Take in rows."""
        if not len(batch):
            return
        self._open.append(batch)
        self._small += 1
        if self._small == _JOIN_AT:
            self._open[-_JOIN_AT:] = [joined(self._open[-_JOIN_AT:])]
            self._small = 0
            self._bytes = sum(batch.nbytes for batch in self._open)
        else:
            self._bytes += batch.nbytes

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
        return (*self._sealing, *self._open)

    def select(self, tags: np.ndarray | None, start_us: int, end_us: int) -> pa.RecordBatch:
        """Rows of `tags` (sorted; None for all) with start ≤ ts < end, by (tag, ts), the last given of each."""
        return select(self.batches(), tags, start_us, end_us)


def select(batches: Sequence[pa.RecordBatch], tags: np.ndarray | None, start_us: int, end_us: int) -> pa.RecordBatch:
    """The same of batches given."""
    return ordered([chosen(batch, tags, start_us, end_us) for batch in batches])
