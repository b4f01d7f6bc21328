"""A table as its one maintainer changes it, or another of a name of its own: claimed once, every commit fenced."""

from collections.abc import Sequence

import msgspec

from lineshaft.core import clock
from lineshaft.history.batches import LEFT_OUT
from lineshaft.history.commits import Commit, Segment, TableName
from lineshaft.history.rollup_state import MAINTAINER
from lineshaft.history.storage import Storage
from lineshaft.history.table import Table


class OwnedTable:
    """One table. Whoever claims it later makes every commit of this one fail with `history.writer_superseded`."""

    def __init__(self, storage: Storage, name: TableName, application: str = MAINTAINER) -> None:
        self.storage = storage.child(name)
        self._table = Table(self.storage, name)
        self._fence = self._table.claim(application)
        self._counts = name == "samples"

    @property
    def version(self) -> int:
        return self._table.version

    @property
    def number(self) -> int | None:
        """Of the last commit of a maintainer."""
        return self._fence.sequence

    def next_number(self) -> int:
        """What the next commit may be called: numbers are times, and only grow."""
        return max((self._fence.sequence or 0) + 1, clock.now_us())

    def segments(self) -> list[Segment]:
        """Every file of the newest version."""
        self._table.refresh()
        return self._table.segments()

    def retired(self, older_than_hours: int) -> list[str]:
        """Files that left the table at least so long ago."""
        return self._table.retired(older_than_hours)

    def commit(
        self, add: Sequence[Segment], remove: Sequence[str], number: int | None = None, *, left_out: int = 0
    ) -> int:
        """Exchange files; returns the table's version. The names of those added must be durable.

        Args:
            left_out: rows of the files removed that are not in those added, and are not to be; the table counts them.

        Raises:
            Conflict: `history.commit_conflict`: a file to be removed is gone, or somebody else removed one at the same
                moment; `history.writer_superseded`: there is another maintainer now. Nothing was committed.
        """
        sequence = self.next_number() if number is None else number
        counts: dict[str, int] = {}
        if self._counts:
            counts[f"counted:{self._fence.application}"] = sequence
            counts[LEFT_OUT] = (self._table.transaction(LEFT_OUT) or 0) + left_out
        version = self._table.commit(Commit(
            fence=self._fence, sequence=sequence, transactions=counts, add=list(add), remove=list(remove)
        ))  # fmt: skip
        self._fence = msgspec.structs.replace(self._fence, sequence=sequence)
        return version
