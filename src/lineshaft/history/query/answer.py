"""From gathered samples to answers: aggregates by interval, values at times, rows around events. Blocking."""

from collections.abc import Container, Sequence
from typing import Literal

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.history.query.aggregates import Read, Results, processed
from lineshaft.history.query.bounds import Points, interpolated_bounds
from lineshaft.history.query.gather import Need
from lineshaft.history.query.intervals import Intervals
from lineshaft.history.query.model import BAD_NO_DATA, PROCESSED, Aggregate, Configuration
from lineshaft.history.query.scan import Columns
from lineshaft.history.query.series import Integers, Series
from lineshaft.history.schema import TIME

Mode = Literal["interpolated", "previous"]

AT = PROCESSED.append(pa.field("sample_ts", TIME))
"""`ts` is the time asked for, `sample_ts` that of the stored sample which is the value; null where it was interpolated."""
WINDOWS = pa.schema(
    [pa.field("event", pa.int32(), nullable=False), pa.field("offset", pa.int64(), nullable=False), *PROCESSED]
)
"""`event` counts the events as given from 0; `offset` is microseconds from the event, negative before it."""
_VALUES = ("v", "vi", "vs", "vb")


class Question(msgspec.Struct, frozen=True):
    """A processed read."""

    aggregate: Aggregate
    configuration: Configuration
    stepped: Container[int]
    """Tags whose values hold until the next one; the others go there in a straight line."""
    whole: bool = False
    """Read values as they were stored even where the aggregate needs numbers alone."""

    @property
    def need(self) -> Need:
        """What has to be read for it."""
        extrapolates = self.aggregate.bounds == "interpolated" and self.configuration.use_sloped_extrapolation
        none = self.aggregate.name == "Average"
        return Need(
            before=0 if none else 2 if extrapolates else 1, after=0 if none else 1,
            uncertain=not self.configuration.treat_uncertain_as_bad, numeric=self.aggregate.numeric,
            whole=self.whole or self.aggregate.name in _OF_SAMPLES,
        )  # fmt: skip


_OF_SAMPLES = ("Interpolative", "Start", "End", "StartBound", "EndBound")
"""Aggregates whose value is that of a sample, texts too."""


def series_of(columns: Columns, place: slice, need: Need) -> Series:
    """The samples of one tag."""
    return Series(
        columns.ts[place], columns.value[place], columns.q[place], treat_uncertain_as_bad=not need.uncertain,
        numeric=need.numeric,
    )  # fmt: skip


def aggregated(columns: Columns, tags: np.ndarray, intervals: Intervals, question: Question) -> pa.Table:
    """The form PROCESSED: one row per tag and interval, by tag and then as time flows."""
    places, need = columns.cut(), question.need
    answers, sources = [], []
    for tag in tags.tolist():
        place = places.get(tag, slice(0, 0))
        series = series_of(columns, place, need)
        read = Read(series, intervals, question.configuration, stepped=tag in question.stepped)
        results = processed(question.aggregate.name, read)
        answers.append(_as_asked(results, intervals))
        source = answers[-1].source
        sources.append(np.where(source < 0, -1, source + place.start))
    return table_of(tags, answers, columns if question.aggregate.name in _OF_SAMPLES else None, sources)


def _as_asked(results: Results, intervals: Intervals) -> Results:
    """In the direction in which time flows."""
    if not intervals.backward:
        return results
    return Results(results.ts[::-1], results.value[::-1], results.q[::-1], results.source[::-1])


def table_of(
    tags: np.ndarray, answers: Sequence[Results], columns: Columns | None, sources: Sequence[Integers]
) -> pa.Table:  # fmt: skip
    """The form PROCESSED of the results of each tag; a value that is a sample's comes in the sample's own column.

    Args:
        columns: samples with `rows`, where values may be theirs.
        sources: per tag, for each result the index of the sample there.
    """
    tag = np.repeat(tags.astype(np.int32), [len(answer.ts) for answer in answers])
    ts, value, q = (_joined([getattr(answer, name) for answer in answers]) for name in ("ts", "value", "q"))
    cells = _cells(value, columns, _joined(sources))
    return pa.Table.from_arrays(
        [pa.array(tag, pa.int32()), _times(ts), *cells, pa.array(q.astype(np.uint32))], schema=PROCESSED
    )  # fmt: skip


def _cells(value: np.ndarray, columns: Columns | None, source: np.ndarray) -> list[pa.Array]:
    """v, vi, vs and vb of each result."""
    number = pa.array(value.astype(np.float64), pa.float64(), mask=np.isnan(value.astype(np.float64)))
    if columns is None or columns.rows is None or not (source >= 0).any():
        return [number, *(pa.nulls(len(value), PROCESSED.field(name).type) for name in _VALUES[1:])]
    import pyarrow.compute as pc

    stored = columns.rows.take(pa.array(np.maximum(source, 0), mask=source < 0))
    cells = [stored.column(name) for name in _VALUES]
    return [pc.if_else(pa.array(source < 0), number, cells[0]), *cells[1:]]


def values_at(
    columns: Columns, tags: np.ndarray, times: Integers, mode: Mode, configuration: Configuration,
    stepped: Container[int], need: Need,
) -> pa.Table:  # fmt: skip
    """The form AT: one row per tag and time, by tag and then in the order of the times given."""
    places = columns.cut()
    answers, sources = [], []
    for tag in tags.tolist():
        place = places.get(tag, slice(0, 0))
        series = series_of(columns, place, need)
        if mode == "previous":
            points = previous(series, times)
        else:
            points = interpolated_bounds(
                series, times, stepped=tag in stepped, sloped_extrapolation=configuration.use_sloped_extrapolation
            )
        answers.append(Results(points.ts, points.value, points.q, points.source))
        sources.append(np.where(points.source < 0, -1, points.source + place.start))
    source = _joined(sources)
    sampled = np.zeros(len(source), np.int64) if not len(columns) else columns.ts[np.maximum(source, 0)]
    table = table_of(tags, answers, columns, sources)
    return table.append_column(AT.field("sample_ts"), pa.array(sampled, pa.int64(), mask=source < 0).cast(TIME))


def previous(series: Series, times: Integers) -> Points:
    """The newest sample at or before each time, whatever its quality."""
    source = np.searchsorted(series.ts, times, side="right") - 1
    found = source >= 0
    at = np.maximum(source, 0)
    value = np.where(found, series.value[at], np.nan) if len(series) else np.full(len(times), np.nan)
    q = np.where(found, series.q[at], BAD_NO_DATA) if len(series) else np.full(len(times), BAD_NO_DATA)
    return Points(times, value, q.astype(np.uint32), found, source, np.zeros_like(found), np.zeros_like(found))


def around(columns: Columns, tags: np.ndarray, events: Integers, before_us: int, after_us: int) -> pa.Table:
    """The form WINDOWS: the samples from `before` ahead of each event up to `after` behind it, by event, tag, time."""
    places = columns.cut()
    parts = []
    for tag in tags.tolist():
        place = places.get(tag)
        if place is None:
            continue
        ts = columns.ts[place]
        first, stop = np.searchsorted(ts, events - before_us), np.searchsorted(ts, events + after_us)
        count = stop - first
        event = np.repeat(np.arange(len(events)), count)
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        parts.append((event, within + np.repeat(first, count) + place.start))
    event = _joined([part[0] for part in parts])
    row = _joined([part[1] for part in parts])
    order = np.lexsort((columns.ts[row], columns.tag[row], event))
    event, row = event[order], row[order]
    assert columns.rows is not None
    stored = columns.rows.take(pa.array(row))
    return pa.Table.from_arrays(
        [
            pa.array(event.astype(np.int32)), pa.array(columns.ts[row] - events[event], pa.int64()),
            *(stored.column(field.name) for field in PROCESSED),
        ],
        schema=WINDOWS,
    )  # fmt: skip


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if len(parts) else np.empty(0, np.int64)


def _times(values: np.ndarray) -> pa.Array:
    return pa.array(values.astype(np.int64), pa.int64()).cast(TIME)
