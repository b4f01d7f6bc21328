"""Queries: latest samples, raw rows, gaps. Hot and sealed rows make one answer without a seam.

The writer says in one breath what is hot and which version of the table holds all the rest; the reader opens exactly
that version. Rows come by (time, tag number), each (tag, time) once.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.bus import Bus
from lineshaft.core import clock
from lineshaft.core.errors import Unavailable
from lineshaft.core.home import Home
from lineshaft.history.answers import HotRequest, LatestRequest, Position, SealAnswer, decode_rows, sorted_tags
from lineshaft.history.faults import segment_gone
from lineshaft.history.gaps import read_gaps
from lineshaft.history.model import Gap, HistoryStatus
from lineshaft.history.schema import empty_rows
from lineshaft.history.sealed import Files, SealedTable
from lineshaft.history.segment import joined, keys, read_segment
from lineshaft.history.settings import HistorySettings

T = TypeVar("T")
Key = tuple[int, int]
"""(time in microseconds, tag number) of a row: the order of an answer, and where a page ends."""

_PART_ROWS = 1_000_000
"""Files that may give more rows than this are read in parts of their time range."""
_ATTEMPTS = 3
_PAUSE_SECONDS = 0.1
_SEAL_SECONDS = 120.0
_PASSING = ("bus.no_service", "bus.connection_lost", "bus.stream_broken", "history.not_ready")
"""What a writer that is starting again looks like."""


class Part(msgspec.Struct, frozen=True):
    """A stretch of one file's time range."""

    path: str
    start_us: int
    end_us: int


class HistoryReader:
    """Answers queries from the writer's hot rows and the table's files."""

    def __init__(self, settings: HistorySettings, home: Home, bus: Bus) -> None:
        self._settings = settings
        self._bus = bus
        folder = settings.folder(home)
        self._samples = SealedTable(folder, "samples")
        self._gaps = SealedTable(folder, "gaps")
        self._opening = asyncio.Lock()

    async def latest(self, tags: Iterable[int] | None = None) -> pa.RecordBatch:
        """The newest sample of each of `tags` that has one (of all tags where None), by tag, in the form ROWS.

        Raises:
            Unavailable: the history service does not answer.
        """
        request = LatestRequest(tags=None if tags is None else [*tags])
        chunks = await self._patiently(lambda: self._gather("latest", request))
        return _whole(chunks)

    async def raw(
        self,
        tags: Iterable[int] | None,
        start_us: int,
        end_us: int,
        *,
        limit: int | None = None,
        after: Key | None = None,
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """All rows of `tags` with start ≤ time < end, by (time, tag number), in the form ROWS.

        Args:
            tags: tag numbers; None for all.
            limit: most rows to give.
            after: give only rows behind this one, the last of the page before.

        Raises:
            Unavailable: the history service does not answer, or the table cannot be read.
        """
        wanted = sorted_tags(None if tags is None else [*tags])
        for attempt in range(_ATTEMPTS):
            try:
                async with contextlib.aclosing(self._pass(wanted, start_us, end_us, after)) as batches:
                    async for rows in batches:
                        given = rows if limit is None else rows.slice(0, limit)
                        yield given
                        after = last_key(given)
                        if limit is not None and (limit := limit - len(given)) == 0:
                            return
            except FileNotFoundError as error:
                # Replaced while we read, and past its time on the disk: go on in the newest version.
                if attempt == _ATTEMPTS - 1:
                    raise segment_gone(Path(str(error.filename or error))) from error
            else:
                return

    async def gaps(self, start_us: int, end_us: int, gateway: str | None = None) -> list[Gap]:
        """Gap records that touch start ≤ time < end, of one gateway where given, by their beginning."""
        position = await self._patiently(lambda: self._bus.request("history", "gaps", None, Position))
        async with self._opening:
            files = await asyncio.to_thread(self._gaps.files, position.gaps_version)
        at = np.flatnonzero(files.max_us >= start_us)  # a gap ends before it is noted
        sealed = await asyncio.to_thread(read_gaps, [self._gaps.folder / files.paths[index] for index in at])
        found = [
            gap for gap in (*sealed, *position.gaps)
            if gap.from_us < end_us and gap.to_us >= start_us and gateway in (None, gap.gateway)
        ]  # fmt: skip
        return sorted(found, key=lambda gap: (gap.from_us, gap.sequence))

    async def status(self) -> HistoryStatus:
        """How the writer stands."""
        return await self._bus.request("history", "status", None, HistoryStatus)

    async def seal(self) -> SealAnswer:
        """Put everything that is hot into the table now."""
        return await self._bus.request("history", "seal", None, SealAnswer, timeout=_SEAL_SECONDS)

    # -- one pass over one version ------------------------------------------------------------------------------------

    async def _pass(
        self, tags: np.ndarray | None, start_us: int, end_us: int, after: Key | None
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """The rows in order, in batches of at least one."""
        start_us = start_us if after is None else max(start_us, after[0])
        if start_us >= end_us or (tags is not None and not len(tags)):
            return
        request = HotRequest(tags=None if tags is None else tags.tolist(), start_us=start_us, end_us=end_us)
        head, *chunks = await self._patiently(lambda: self._gather("hot", request))
        position = msgspec.json.decode(head, type=Position)
        async with self._opening:
            files = await asyncio.to_thread(self._samples.files, position.version)
        merge = _Merge(_whole(chunks), after)
        parts = sorted(_parts(files, tags, start_us, end_us), key=lambda part: part.start_us)
        for part in parts:
            if len(ready := merge.before(part.start_us)):
                yield ready
            rows = await asyncio.to_thread(
                read_segment, self._samples.folder / part.path, tags, part.start_us, part.end_us
            )
            merge.add(rows)
        if len(ready := merge.before(end_us)):
            yield ready

    async def _gather(self, verb: str, request: msgspec.Struct) -> list[bytes]:
        stream = self._bus.request_stream("history", verb, request, timeout=self._settings.hot_timeout_seconds)
        async with contextlib.aclosing(stream) as chunks:  # type: ignore[type-var]  # it is an async generator
            return [data async for _, data in chunks]

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask again while the writer is starting, up to the set time."""
        deadline = clock.monotonic() + self._settings.hot_timeout_seconds
        while True:
            try:
                return await ask()
            except Unavailable as error:
                if error.code not in _PASSING or clock.monotonic() >= deadline:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)


class _Merge:
    """Rows of hot and of files opened so far, given out by (time, tag) as soon as no later file can come before them."""

    def __init__(self, hot: pa.RecordBatch, after: Key | None) -> None:
        self._hot = [hot]
        self._waiting: list[pa.RecordBatch] = []
        self._after = after

    def add(self, rows: pa.RecordBatch) -> None:
        self._waiting.append(rows)

    def before(self, end_us: int) -> pa.RecordBatch:
        """The rows with time < end that have not been given; of a hot and a sealed one the hot, which came later."""
        ready, self._waiting = _split(self._waiting, end_us)
        hot, self._hot = _split(self._hot, end_us)
        return _behind(by_time([*ready, *hot]), self._after)


def by_time(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Rows sorted by (time, tag); of rows with one (tag, time) only the last given stays."""
    rows = joined([batch for batch in batches if len(batch)] or [empty_rows()])
    if not len(rows):
        return rows
    tag, ts = keys(rows)
    order = np.lexsort((tag, ts))
    tag, ts = tag[order], ts[order]
    last = np.append((tag[1:] != tag[:-1]) | (ts[1:] != ts[:-1]), True)
    return rows.take(pa.array(order[last]))


def last_key(rows: pa.RecordBatch) -> Key:
    """Key of the last row."""
    tag, ts = keys(rows.slice(len(rows) - 1))
    return int(ts[0]), int(tag[0])


def _behind(rows: pa.RecordBatch, after: Key | None) -> pa.RecordBatch:
    if after is None or not len(rows):
        return rows
    tag, ts = keys(rows)
    return rows.slice(int(np.count_nonzero((ts < after[0]) | ((ts == after[0]) & (tag <= after[1])))))


def _split(batches: list[pa.RecordBatch], end_us: int) -> tuple[list[pa.RecordBatch], list[pa.RecordBatch]]:
    """The rows with time < end, and the others."""
    early, late = [], []
    for batch in batches:
        _, ts = keys(batch)
        is_early = ts < end_us
        if is_early.all():
            early.append(batch)
        elif not is_early.any():
            late.append(batch)
        else:
            early.append(batch.take(pa.array(np.flatnonzero(is_early))))
            late.append(batch.take(pa.array(np.flatnonzero(~is_early))))
    return early, late


def _parts(files: Files, tags: np.ndarray | None, start_us: int, end_us: int) -> Iterator[Part]:
    """What to read of each file, in stretches that give a bounded number of rows."""
    for index in files.overlapping(tags, start_us, end_us):
        first, last = max(int(files.min_us[index]), start_us), min(int(files.max_us[index]) + 1, end_us)
        span = int(files.max_tag[index]) - int(files.min_tag[index]) + 1
        share = 1.0 if tags is None else min(1.0, len(tags) / span)
        count = max(1, round(int(files.rows[index]) * share) // _PART_ROWS)
        cuts = [first + (last - first) * number // count for number in range(count)] + [last]
        for start, end in pairwise(cuts):
            yield Part(files.paths[index], start, end)


def _whole(chunks: list[bytes]) -> pa.RecordBatch:
    return joined([batch for data in chunks for batch in decode_rows(data)] or [empty_rows()])
