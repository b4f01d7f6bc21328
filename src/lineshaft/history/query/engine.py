"""A query over one moment of the history, in bounded memory: tags in groups, long ranges in stretches. Blocking."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.history.query.answer import AT, WINDOWS, Mode, Question, aggregated, around, values_at
from lineshaft.history.query.gather import Need, Source, gather
from lineshaft.history.query.intervals import Intervals
from lineshaft.history.query.model import PROCESSED, Configuration
from lineshaft.history.query.rolled import Rolled, rolled, whole_hours
from lineshaft.history.query.scan import Columns, merged, of_rows
from lineshaft.history.rollup import empty_rollup

Change = Callable[[pa.RecordBatch], pa.RecordBatch]
"""What is done to samples before anybody calculates with them: masks."""

_ROWS = 6_000_000
"""About as many samples are held at once."""
_APART_US = 3_600_000_000
"""Times further apart than this are read for one by one."""


class Engine(msgspec.Struct, frozen=True):
    """Answers of one moment.

    Args:
        source: samples, hot and sealed.
        change: done to every sample read; None: nothing.
        rolled: rollups that belong to it; None where there are none, or samples may not be used as they are.
    """

    source: Source
    change: Change | None = None
    rolled: Rolled | None = None

    def processed(self, tags: np.ndarray, intervals: Intervals, question: Question) -> pa.Table:
        """The form PROCESSED; its metadata say what it was made from (`source`)."""
        parts, used = [], set()
        for group in self._groups(tags, int(intervals.low[0]), int(intervals.high[-1])):
            answered = None if self.rolled is None else rolled(self.rolled, self.source, group, intervals, question)
            if answered is None:
                used.add("raw")
                parts.append(self._raw(group, intervals, question))
            else:
                table, levels = answered.table(lambda one, some: self._raw(one, some, question))
                used |= levels
                parts.append(table)
        whole = pa.concat_tables(parts) if parts else PROCESSED.empty_table()
        said = "+".join(sorted(used)) or "raw"
        return whole.replace_schema_metadata({"aggregate": question.aggregate.name, "source": said})

    def _raw(self, tags: np.ndarray, intervals: Intervals, question: Question) -> pa.Table:
        need = question.need
        stretches = [
            aggregated(self._gather(tags, int(part.low[0]), int(part.high[-1]) + 1, need), tags, part, question)
            for part in self._stretches(tags, intervals)
        ]
        if len(stretches) == 1:
            return stretches[0]
        # Stretches come one after the other in time; rows go by tag and then by time.
        whole = pa.concat_tables(stretches).combine_chunks()
        order = np.argsort(whole.column("tag").to_numpy(), kind="stable")
        return whole.take(pa.array(order))

    def at(
        self, tags: np.ndarray, times: np.ndarray, mode: Mode, configuration: Configuration, stepped: frozenset[int]
    ) -> pa.Table:
        """The form AT."""
        before = 2 if configuration.use_sloped_extrapolation and mode == "interpolated" else 1
        need = Need(
            before=before, after=1, uncertain=not configuration.treat_uncertain_as_bad, numeric=False, whole=True
        )
        if not len(times):
            return AT.empty_table()
        columns = self._around(tags, times, times + 1, need)
        return values_at(columns, tags, times, mode, configuration, stepped, need)

    def windows(self, tags: np.ndarray, events: np.ndarray, before_us: int, after_us: int) -> pa.Table:
        """The form WINDOWS."""
        if not len(events) or not len(tags):
            return WINDOWS.empty_table()
        columns = self._around(tags, events - before_us, events + after_us, Need(whole=True, numeric=False))
        return around(columns, tags, events, before_us, after_us)

    def edges(self, tags: np.ndarray, start_us: int, end_us: int) -> Columns:
        """The nearest samples outside a range on both sides, whatever their quality, with `rows`."""
        need = Need(before=1, after=1, uncertain=True, numeric=False, whole=True)
        return self._gather(tags, start_us, end_us, need)

    def hours(self, tags: np.ndarray, start_us: int, end_us: int) -> tuple[pa.RecordBatch, list[tuple[int, int]]]:
        """Rolled hours that say what the samples say, and the stretches left to the samples."""
        if self.rolled is None:
            return empty_rollup(), [(start_us, end_us)]
        return whole_hours(self.rolled, self.source.hot, tags, start_us, end_us)

    def _around(self, tags: np.ndarray, starts: np.ndarray, ends: np.ndarray, need: Need) -> Columns:
        """Samples of several ranges with their neighbours; ranges that lie close are read as one."""
        order = np.argsort(starts, kind="stable")
        starts, ends = starts[order], np.maximum.accumulate(ends[order])
        first = np.flatnonzero(np.append(True, starts[1:] - ends[:-1] > _APART_US))  # a value
        last = np.append(first[1:], len(starts)) - 1
        parts = [
            self._gather(tags, int(starts[one]), int(ends[other]), need)
            for one, other in zip(first.tolist(), last.tolist(), strict=True)
        ]
        return merged(parts, whole=need.whole)

    def _gather(self, tags: np.ndarray, start_us: int, end_us: int, need: Need) -> Columns:
        if self.change is None:
            return gather(self.source, tags, start_us, end_us, need)
        found = gather(self.source, tags, start_us, end_us, msgspec.structs.replace(need, whole=True))
        assert found.rows is not None
        return of_rows(self.change(found.rows), whole=True)

    def _expected(self, tags: np.ndarray, start_us: int, end_us: int) -> float:
        """About how many samples a range holds."""
        files = self.source.files
        at = files.overlapping(tags, start_us, end_us)
        span = files.max_tag[at] - files.min_tag[at] + 1
        lasting = np.maximum(files.max_us[at] - files.min_us[at], 1)
        covered = np.minimum(files.max_us[at], end_us) - np.maximum(files.min_us[at], start_us)
        share = np.minimum(1, len(tags) / np.maximum(span, 1)) * np.clip(covered / lasting, 0, 1)
        return float((files.rows[at] * share).sum()) + len(self.source.hot)

    def _groups(self, tags: np.ndarray, start_us: int, end_us: int) -> Iterator[np.ndarray]:
        """Tags that are read together."""
        size = max(1, int(len(tags) * _ROWS / max(self._expected(tags, start_us, end_us), 1)))
        for first in range(0, len(tags), size):
            yield tags[first : first + size]

    def _stretches(self, tags: np.ndarray, intervals: Intervals) -> Iterator[Intervals]:
        """Intervals that are read together; those of the stretch that is answered first come first."""
        expected = self._expected(tags, int(intervals.low[0]), int(intervals.high[-1]))
        count = min(len(intervals), 1 + int(expected / _ROWS))
        cuts = np.linspace(0, len(intervals), count + 1).astype(int).tolist()
        parts = [intervals.part(*cut) for cut in pairwise(cuts)]
        yield from reversed(parts) if intervals.backward else parts
