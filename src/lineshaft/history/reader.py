"""Queries: latest samples, raw rows, gaps. Hot and sealed rows make one answer without a seam.

The writer says in one breath what is hot and which version of the table holds all the rest; the reader opens exactly
that version. Rows come by (time, tag number), each (tag, time) once.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.bus import Bus
from lineshaft.bus.telemetry import encode
from lineshaft.core import clock
from lineshaft.core.errors import Unavailable
from lineshaft.core.home import Home
from lineshaft.history.answers import (
    CorrectAnswer,
    CorrectRequest,
    HotRequest,
    LatestRequest,
    Position,
    SealAnswer,
    SealRequest,
    decode_rows,
    shards_told,
    sorted_tags,
)
from lineshaft.history.corrections.record import read_corrections
from lineshaft.history.faults import segment_gone
from lineshaft.history.gaps import read_gaps
from lineshaft.history.model import Correction, Gap, HistoryStatus
from lineshaft.history.schema import ROWS, TIME, empty_rows
from lineshaft.history.sealed import Files, SealedTable
from lineshaft.history.segment import read_segment
from lineshaft.history.settings import HistorySettings
from lineshaft.history.shards import shards_differ, verb_of
from lineshaft.history.sorting import joined, keys, ordered

if TYPE_CHECKING:
    from lineshaft.history.query.answer import Mode
    from lineshaft.history.query.engine import Change, Engine
    from lineshaft.history.query.model import Configuration
    from lineshaft.history.query.scan import Scanner
    from lineshaft.history.rollup_table import RolledTables

T = TypeVar("T")
Key = tuple[int, int]
"""(time in microseconds, tag number) of a row: the order of an answer, and where a page ends."""
Stretch = tuple[int, int]
"""start ≤ time < end in microseconds."""

_PART_ROWS = 1_000_000
"""Files that may give more rows than this are read in parts of their time range."""
_ATTEMPTS = 3
_PAUSE_SECONDS = 0.1
_SEAL_SECONDS = 120.0
_FOREVER_US = 2**62
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
        storage = settings.storage(home)
        self._storage = storage
        self._samples = SealedTable(storage, "samples")
        self._gaps = SealedTable(storage, "gaps")
        self._corrections = SealedTable(storage, "corrections")
        self._opening = asyncio.Lock()
        self._calculating: tuple[Scanner, RolledTables] | None = None
        self._rolled_for = -1
        """Version of the samples for which the rollups' state was looked up last."""

    async def latest(self, tags: Iterable[int] | None = None) -> pa.RecordBatch:
        """The newest sample of each of `tags` that has one (of all tags where None), by tag, in the form ROWS.

        Raises:
            Unavailable: the history service does not answer, or there are other shards than the settings say.
        """
        request = LatestRequest(tags=None if tags is None else [*tags])
        chunks = await self._patiently(lambda: self._gather("latest", request))
        return self._by_tag(chunks)

    async def raw(
        self,
        tags: Iterable[int] | None,
        start_us: int,
        end_us: int,
        *,
        limit: int | None = None,
        after: Key | None = None,
        bounds: bool = False,
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """All rows of `tags` with start ≤ time < end, by (time, tag number), in the form ROWS.

        Args:
            tags: tag numbers; None for all, but not with bounds.
            bounds: with the bounding values of each tag (OPC UA Part 11 4.6): where no row is at start the one before
                it, and the first row at or behind end; where there is none a row BadBoundNotFound at start or end.
            limit: most rows to give.
            after: give only rows behind this one, the last of the page before.

        Raises:
            Unavailable: the history service does not answer, or the table cannot be read.
        """
        wanted = sorted_tags(None if tags is None else [*tags])
        for attempt in range(_ATTEMPTS):
            try:
                async with contextlib.aclosing(self._pass(wanted, start_us, end_us, after, bounds=bounds)) as batches:
                    async for rows in batches:
                        given = rows if limit is None else rows.slice(0, limit)
                        yield given
                        after = last_key(given)
                        if limit is not None and (limit := limit - len(given)) == 0:
                            return
            except FileNotFoundError as error:
                # Replaced while we read, and past its time on the disk: go on in the newest version.
                if attempt == _ATTEMPTS - 1:
                    raise segment_gone(str(error.filename or error)) from error
            else:
                return

    async def gaps(self, start_us: int, end_us: int, gateway: str | None = None) -> list[Gap]:
        """Gap records that touch start ≤ time < end, of one gateway where given, by their beginning."""
        position = await self._patiently(lambda: self._bus.request("history", "gaps", None, Position))
        async with self._opening:
            files = await asyncio.to_thread(self._gaps.files, position.gaps_version)
        at = np.flatnonzero(files.max_us >= start_us)  # a gap ends before it is noted
        sealed = await asyncio.to_thread(read_gaps, self._gaps.storage, [files.paths[index] for index in at])
        found = [
            gap for gap in (*sealed, *position.gaps)
            if gap.from_us < end_us and gap.to_us >= start_us and gateway in (None, gap.gateway)
        ]  # fmt: skip
        return sorted(found, key=lambda gap: (gap.from_us, gap.sequence))

    async def corrections(self, tags: Iterable[int], start_us: int, end_us: int) -> list[Correction]:
        """What replaced samples of `tags` with start ≤ time < end, by the samples' times, then as they were noted."""
        head, *_ = await self._patiently(lambda: self._gather("hot", HotRequest(tags=[])))
        version = msgspec.json.decode(head, type=Position).corrections_version
        wanted = sorted_tags([*tags])
        async with self._opening:
            files = await asyncio.to_thread(self._corrections.files, version)
        paths = [files.paths[index] for index in files.overlapping(wanted, start_us, end_us)]
        numbers = set() if wanted is None else set(wanted.tolist())
        found = [
            record for record in await asyncio.to_thread(read_corrections, self._corrections.storage, paths)
            if record.tag in numbers and start_us <= record.ts_us < end_us
        ]  # fmt: skip
        return sorted(found, key=lambda record: (record.ts_us, record.tag, record.noted_us))

    async def correct(self, rows: pa.RecordBatch, who: str, reason: str) -> CorrectAnswer:
        """Put samples in place of those of the same tag and time; returns once they are in the table, by every shard."""
        request = CorrectRequest(who=who, reason=reason, rows=encode(rows))
        answer = await self._bus.request("history", "correct", request, CorrectAnswer, timeout=_SEAL_SECONDS)
        others = [
            await self._seal(shard, SealRequest(sequence=answer.sequence)) for shard in range(1, self._settings.shards)
        ]
        newest = max([answer.corrections_version, *(other.corrections_version for other in others)])
        return msgspec.structs.replace(answer, corrections_version=newest)

    async def status(self) -> HistoryStatus:
        """How the writer stands."""
        return await self._bus.request("history", "status", None, HistoryStatus)

    async def seal(self) -> SealAnswer:
        """Put everything that is hot into the table now."""
        answers = [await self._seal(shard, SealRequest()) for shard in range(self._settings.shards)]
        return SealAnswer(
            rows=sum(answer.rows for answer in answers), version=max(answer.version for answer in answers),
            committed_sequence=min(answer.committed_sequence for answer in answers),
            corrections_version=max(answer.corrections_version for answer in answers),
        )  # fmt: skip

    async def _seal(self, shard: int, request: SealRequest) -> SealAnswer:
        verb = verb_of("seal", shard)
        return await self._bus.request("history", verb, request, SealAnswer, timeout=_SEAL_SECONDS)

    # -- answers that need the samples around a range -----------------------------------------------------------------

    async def processed(
        self, tags: Iterable[int], start_us: int, end_us: int, interval_us: int, aggregate: str, *,
        configuration: "Configuration | None" = None, stepped: Iterable[int] = (), change: "Change | None" = None,
    ) -> pa.Table:  # fmt: skip
        """An aggregate of OPC UA Part 13 over each interval from start to end, in the form PROCESSED.

        Rows come by tag number, then as time flows: backward where end lies before start. Where rollups say exactly the
        same as the samples they are used; the table's metadata `source` say which.

        Args:
            interval_us: length of the intervals, 0 for the whole range.
            aggregate: its name in the standard.
            stepped: tags whose values hold until the next one.
            change: done to every sample before it is used; rollups are not used then.

        Raises:
            InvalidInput: an unknown aggregate, no range, or too many intervals.
            Unavailable: the history service does not answer, or the table cannot be read.
        """
        from lineshaft.history.query.answer import Question
        from lineshaft.history.query.intervals import intervals_between
        from lineshaft.history.query.model import Configuration, aggregate_named

        question = Question(
            aggregate=aggregate_named(aggregate), configuration=configuration or Configuration(),
            stepped=frozenset(stepped),
        )  # fmt: skip
        numbers = _numbers(tags)
        intervals = intervals_between(start_us, end_us, interval_us, len(numbers))
        return await self._asked(numbers, change, lambda engine: engine.processed(numbers, intervals, question))

    async def at(
        self, tags: Iterable[int], times_us: Iterable[int], mode: "Mode" = "interpolated", *,
        configuration: "Configuration | None" = None, stepped: Iterable[int] = (), change: "Change | None" = None,
    ) -> pa.Table:  # fmt: skip
        """The value of each tag at each time, in the form AT: by tag number, then in the order of the times.

        Args:
            mode: `interpolated` between usable samples as the aggregate Interpolative does; `previous`: the newest
                sample at or before the time, whatever its quality.

        Raises:
            Unavailable: as `processed`.
        """
        from lineshaft.history.query.model import Configuration

        numbers, held = _numbers(tags), frozenset(stepped)
        times = np.array([*times_us], np.int64)
        chosen = configuration or Configuration()
        return await self._asked(numbers, change, lambda engine: engine.at(numbers, times, mode, chosen, held))

    async def windows(
        self, tags: Iterable[int], events_us: Iterable[int], before_us: int, after_us: int, *,
        change: "Change | None" = None,
    ) -> pa.Table:  # fmt: skip
        """The samples with event - before ≤ time < event + after of each event, in the form WINDOWS: by event, tag, time.

        Raises:
            Unavailable: as `processed`.
        """
        numbers, events = _numbers(tags), np.array([*events_us], np.int64)
        return await self._asked(numbers, change, lambda engine: engine.windows(numbers, events, before_us, after_us))

    async def hours(self, tags: Iterable[int], start_us: int, end_us: int) -> tuple[pa.RecordBatch, list[Stretch]]:
        """Hours of `tags` in the form ROLLUP that say what the samples say, and the stretches left to the samples.

        Raises:
            Unavailable: as `processed`.
        """
        numbers = _numbers(tags)
        return await self._asked(numbers, None, lambda engine: engine.hours(numbers, start_us, end_us))

    async def _asked(
        self, tags: np.ndarray, change: "Change | None", answer: "Callable[[Engine], T]"
    ) -> T:  # fmt: skip
        """An answer of one moment; of a newer one where files were replaced while it was made."""
        for attempt in range(_ATTEMPTS):
            engine = await self._engine(tags, change, anew=attempt > 0)
            try:
                return await asyncio.to_thread(answer, engine)
            except FileNotFoundError as error:
                if attempt == _ATTEMPTS - 1:
                    raise segment_gone(str(error.filename or error)) from error
        raise AssertionError

    async def _engine(self, tags: np.ndarray, change: "Change | None", *, anew: bool = False) -> "Engine":
        """What answers of one moment are made from; what it takes is loaded with the first."""
        from lineshaft.history.query.engine import Engine
        from lineshaft.history.query.gather import Source
        from lineshaft.history.query.rolled import Rolled
        from lineshaft.history.query.scan import of_rows
        from lineshaft.history.rollup_state import stale

        scanner, rollups = self._calculator()
        request = HotRequest(tags=tags.tolist())
        head, *chunks = await self._patiently(lambda: self._gather("hot", request))
        position = msgspec.json.decode(head, type=Position)
        async with self._opening:
            files = await asyncio.to_thread(self._samples.files, position.version)
            # A merge hides what made an older state stale: with other files it is looked up anew.
            anew, self._rolled_for = anew or position.version != self._rolled_for, position.version
            state = None if change is not None else await asyncio.to_thread(rollups.state, now=anew)
        source = Source(scanner, files, of_rows(self._by_tag(chunks), whole=True))
        rolled = None if state is None else Rolled(rollups, state, stale(files, state))
        return Engine(source, change, rolled)

    async def _outer(self, tags: np.ndarray, start_us: int, end_us: int) -> pa.RecordBatch:
        """The bounding values of each tag that do not lie in start ≤ time < end."""
        engine = await self._engine(tags, None)
        found = await asyncio.to_thread(engine.edges, tags, start_us, end_us)
        places, rows = found.cut(), found.rows
        assert rows is not None
        kept: list[int] = []
        missing: list[Key] = []
        for tag in tags.tolist():
            place = places.get(tag, slice(0, 0))
            ts = found.ts[place]
            first, stop = np.searchsorted(ts, (start_us, end_us)).tolist()
            if first == len(ts) or ts[first] != start_us:
                kept += [place.start + first - 1] if first else []
                missing += [] if first else [(start_us, tag)]
            kept += [place.start + stop] if stop < len(ts) else []
            missing += [] if stop < len(ts) else [(end_us, tag)]
        return joined([rows.take(pa.array(kept, pa.int64())), _not_found(missing)])

    # -- one pass over one version ------------------------------------------------------------------------------------

    async def _pass(
        self, tags: np.ndarray | None, start_us: int, end_us: int, after: Key | None, *, bounds: bool
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """The rows in order, in batches of at least one."""
        outer = await self._outer(tags, start_us, end_us) if bounds and tags is not None and len(tags) else empty_rows()
        start_us = start_us if after is None else max(start_us, after[0])
        if (start_us >= end_us and not len(outer)) or (tags is not None and not len(tags)):
            return
        request = HotRequest(tags=None if tags is None else tags.tolist(), start_us=start_us, end_us=end_us)
        head, *chunks = await self._patiently(lambda: self._gather("hot", request))
        position = msgspec.json.decode(head, type=Position)
        async with self._opening:
            files = await asyncio.to_thread(self._samples.files, position.version)
        merge = _Merge([_whole(chunks), outer], after)
        parts = sorted(_parts(files, tags, start_us, end_us), key=lambda part: part.start_us)
        for part in parts:
            if len(ready := merge.before(part.start_us)):
                yield ready
            merge.add(await asyncio.to_thread(self._read, part, tags))
        if len(ready := merge.before(_FOREVER_US if bounds else end_us)):
            yield ready

    def _read(self, part: Part, tags: np.ndarray | None) -> pa.RecordBatch:
        """The rows of a stretch; blocking."""
        if tags is None:
            return read_segment(self._samples.storage, part.path, None, part.start_us, part.end_us)
        rows = self._calculator()[0].read(part.path, tags, part.start_us, part.end_us, whole=True).rows
        assert rows is not None
        return rows

    def _calculator(self) -> "tuple[Scanner, RolledTables]":
        """What reads samples and rollups; made when first needed."""
        from lineshaft.history.query.scan import Scanner
        from lineshaft.history.rollup_table import RolledTables

        if self._calculating is None:
            self._calculating = Scanner(self._samples.storage), RolledTables(self._storage)
        return self._calculating

    async def _gather(self, verb: str, request: msgspec.Struct) -> list[bytes]:
        """An answer's chunks; of several writers one after the other, with the newest position at the beginning."""
        answers = [await self._chunks(verb_of(verb, shard), request) for shard in range(self._settings.shards)]
        if verb == "hot":
            for head, *_ in answers:
                self._check_shards(msgspec.json.decode(head, type=Position).shards)
        if verb == "hot" and len(answers) > 1:
            # What one writer has sealed since another answered is hot in that one's answer, too: the rows are the same.
            heads = [msgspec.json.decode(head, type=Position) for head, *_ in answers]
            newest = msgspec.structs.replace(
                heads[0], version=max(head.version for head in heads),
                corrections_version=max(head.corrections_version for head in heads),
            )  # fmt: skip
            answers = [[msgspec.json.encode(newest)], *(rows for _, *rows in answers)]
        return [chunk for chunks in answers for chunk in chunks]

    def _check_shards(self, told: int) -> None:
        """Half of the writers' answers would be no answer, and half without a word."""
        if told not in (0, self._settings.shards):
            raise shards_differ(self._settings.shards, told)

    def _by_tag(self, chunks: list[bytes]) -> pa.RecordBatch:
        """The rows of all answers, by (tag, time), as each of them is."""
        rows = _whole(chunks)
        return ordered([rows]) if self._settings.shards > 1 else rows

    async def _chunks(self, verb: str, request: msgspec.Struct) -> list[bytes]:
        stream = self._bus.request_stream("history", verb, request, timeout=self._settings.hot_timeout_seconds)
        async with contextlib.aclosing(stream) as chunks:  # type: ignore[type-var]  # it is an async generator
            found = []
            async for headers, data in chunks:
                self._check_shards(shards_told(headers))
                found.append(data)
            return found

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

    def __init__(self, hot: list[pa.RecordBatch], after: Key | None) -> None:
        self._hot = hot
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


def _not_found(keys: list[Key]) -> pa.RecordBatch:
    """Rows that say that there is no bounding value."""
    from lineshaft.history.query.model import BAD_BOUND_NOT_FOUND

    if not keys:
        return empty_rows()
    ts, tag = (pa.array(values, pa.int64()) for values in zip(*keys, strict=True))
    nothing = (pa.nulls(len(keys), field.type) for field in ROWS if field.nullable)
    q = pa.array([BAD_BOUND_NOT_FOUND] * len(keys), pa.uint32())
    return pa.RecordBatch.from_arrays([tag.cast(pa.int32()), ts.cast(TIME), ts.cast(TIME), *nothing, q], schema=ROWS)


def _numbers(tags: Iterable[int]) -> np.ndarray:
    found = sorted_tags([*tags])
    assert found is not None
    return found


def _whole(chunks: list[bytes]) -> pa.RecordBatch:
    return joined([batch for data in chunks for batch in decode_rows(data)] or [empty_rows()])
