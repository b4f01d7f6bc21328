"""From a request to its answer: the tags that patterns name, the caller's right to them, their rows, the statement."""

import asyncio
import contextlib
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Annotated, Final

import msgspec
import pyarrow as pa
from msgspec import Meta

from lineshaft.access.labels import Egress, Release, Subject
from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput, LineshaftError
from lineshaft.core.principals import Principal
from lineshaft.history.answers import encode_rows
from lineshaft.history.model import Tag
from lineshaft.history.patterns import tags_like
from lineshaft.history.reader import HistoryReader
from lineshaft.history.settings import HistorySettings
from lineshaft.history.sql import faults
from lineshaft.history.sql.frames import Limits, Question, SqlFormat, TagRow
from lineshaft.history.sql.process import SqlProcess
from lineshaft.history.store import Tags

MAXIMUM_SQL = 100_000
_FRAME_ROWS = 65_536
DELIVERY_SECONDS: Final = 120.0
"""What an answer may take beside the statement's own time, above all for whoever reads it slowly."""

MEDIA_TYPES: Mapping[SqlFormat, str] = {
    "json": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream", "parquet": "application/vnd.apache.parquet",
}  # fmt: skip


class SqlRequest(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}, forbid_unknown_fields=True):
    """A statement, and the samples that it is about."""

    sql: Annotated[str, Meta(min_length=1, max_length=MAXIMUM_SQL)]
    from_: str
    """RFC 3339, or an offset such as -1h; included."""
    tags: Annotated[list[str], Meta(min_length=1, max_length=1000)]
    """Paths of tags, or patterns with * and ?."""
    to: str = "now"
    format: SqlFormat | None = None
    """What `Accept` asks for where null; else JSON."""
    purpose: str = "operation"
    recipient: str = ""


class SqlQueries:
    """Runs statements, so many at once, and of each principal one; each has its place for a bounded time."""

    def __init__(self, history: HistoryReader, tags: Tags, egress: Egress, settings: HistorySettings) -> None:
        self._history = history
        self._tags = tags
        self._egress = egress
        self._limits = Limits(
            seconds=settings.sql_seconds, memory_bytes=settings.sql_memory_bytes, rows=settings.sql_rows
        )
        self._at_once = settings.sql_at_once
        self._places = asyncio.Semaphore(settings.sql_at_once)
        self._own: weakref.WeakValueDictionary[str, asyncio.Semaphore] = weakref.WeakValueDictionary()
        self.running = 0
        """Statements that have a process now."""

    async def answer(self, principal: Principal, asked: SqlRequest, kind: SqlFormat) -> AsyncGenerator[bytes, None]:
        """The pieces of an answer; whatever keeps a small one from being given is raised before the first of them.

        Raises:
            InvalidInput: time, tags or statement. NotFound: no such tag. Forbidden: a tag or the statement.
            TooLarge, DeadlineExceeded, TooMany, Unprocessable: beyond the limits. Unavailable: the history.
        """
        now_us = clock.now_us()
        start_us = clock.parse_time(asked.from_, field="from", now=now_us)
        end_us = clock.parse_time(asked.to, field="to", now=now_us)
        if end_us < start_us:
            raise InvalidInput(
                "history.range_reversed", f"to ({asked.to}) lies before from ({asked.from_})", "Exchange the two.",
                field="to", value=asked.to, start=asked.from_,
            )  # fmt: skip
        known = await tags_like(self._tags, principal, asked.tags)
        release = await self._egress.admit(
            principal, "history:read", [Subject("tag", tag.path, tag.handle, tag.project) for tag in known.values()],
            purpose=asked.purpose, recipient=asked.recipient, carried=kind != "json", start_us=start_us,
        )  # fmt: skip
        question = Question(sql=asked.sql, format=kind, limits=self._limits, tags=[_row(tag) for tag in known.values()])
        made = self._run(principal, question, release, known, start_us, end_us)
        return await _begun(release.pieces(made), made)

    async def _run(
        self, principal: Principal, question: Question, release: Release, known: Mapping[int, Tag], start_us: int,
        end_us: int,
    ) -> AsyncGenerator[bytes, None]:  # fmt: skip
        own = self._own.setdefault(principal.id, asyncio.Semaphore(1))
        try:
            async with asyncio.timeout(self._limits.seconds):
                await _acquire(own, self._places)
        except TimeoutError:
            raise faults.busy(self._at_once) from None
        self.running += 1
        seconds = self._limits.seconds + DELIVERY_SECONDS
        place = contextlib.ExitStack()
        place.callback(self._leave, own)
        process = SqlProcess(question)
        try:
            async with process:
                late = asyncio.get_running_loop().call_later(seconds, _expire, process, place)
                place.callback(late.cancel)
                needed = await process.ask()
                if "samples" in needed:
                    await self._feed(process, release, known, [(start_us, end_us)])
                elif "rollup_1h" in needed:
                    await self._feed_hours(process, release, known, start_us, end_us)
                await process.send(b"")
                await process.ready()
                async for piece in process.pieces():
                    yield piece
                    if process.expired:
                        raise faults.delivered_too_slowly(seconds)
        except LineshaftError:
            if process.expired:
                raise faults.delivered_too_slowly(seconds) from None
            raise
        finally:
            place.close()

    def _leave(self, own: asyncio.Semaphore) -> None:
        self.running -= 1
        self._places.release()
        own.release()

    async def _feed_hours(
        self, process: SqlProcess, release: Release, known: Mapping[int, Tag], start_us: int, end_us: int
    ) -> None:
        """Send stored hours where they say what the samples say, and the samples of the other times."""
        if release.changes:  # an hour of values that must be changed is made of changed values
            await self._feed(process, release, known, [(start_us, end_us)])
            return
        buckets, stretches = await self._history.hours(known, start_us, end_us)
        sent = 0
        async with contextlib.aclosing(_one(buckets)) as batches:
            async for rows in release.rows(batches, {}):
                sent += await self._send(process, rows, sent)
        await self._feed(process, release, known, stretches, sent)

    async def _feed(
        self, process: SqlProcess, release: Release, known: Mapping[int, Tag], stretches: list[tuple[int, int]],
        sent: int = 0,
    ) -> None:  # fmt: skip
        """Send the rows as they may leave. Each counts as given: a statement can put any of them into one line."""
        paths = {number: tag.path for number, tag in known.items()}
        for start_us, end_us in stretches:
            limit = self._limits.rows - sent + 1
            async with contextlib.aclosing(self._history.raw(known, start_us, end_us, limit=limit)) as batches:
                async for rows in release.rows(batches, paths):
                    sent += await self._send(process, rows, sent)

    async def _send(self, process: SqlProcess, rows: pa.RecordBatch, sent: int) -> int:
        """Send rows in frames; returns how many.

        Raises:
            TooLarge: with those already sent they are more than a statement may look at.
        """
        if sent + len(rows) > self._limits.rows:
            raise faults.too_many_rows(self._limits)
        for first in range(0, len(rows), _FRAME_ROWS):
            await process.send(await asyncio.to_thread(_encoded, rows, first))
        return len(rows)


async def _acquire(*places: asyncio.Semaphore) -> None:
    """All of them in this order, or none."""
    async with contextlib.AsyncExitStack() as taken:
        for place in places:
            await taken.enter_async_context(place)
        taken.pop_all()


def _expire(process: SqlProcess, place: contextlib.ExitStack) -> None:
    """End a statement that nobody comes to clean up, because whoever takes its answer has stopped taking it."""
    process.expired = True
    process.end()
    place.close()


async def _one(rows: pa.RecordBatch) -> AsyncGenerator[pa.RecordBatch, None]:
    if len(rows):
        yield rows


def _encoded(rows: pa.RecordBatch, first: int) -> bytes:
    return encode_rows(rows.slice(first, _FRAME_ROWS))


def _row(tag: Tag) -> TagRow:
    return TagRow(tag.number, tag.path, tag.handle, tag.unit, tag.description, tag.kind, tag.device, tag.project)


async def _begun(pieces: AsyncIterator[bytes], made: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The same pieces, the first one there already: what keeps a query from starting is refused, not cut off.

    Closing them closes what makes them, and with it the process.
    """

    async def all_of_them() -> AsyncGenerator[bytes, None]:
        async with contextlib.aclosing(made), contextlib.aclosing(pieces):  # type: ignore[type-var]  # a generator too
            first = await anext(pieces, b"")
            yield b""  # a generator that has not begun would not clean up where it is closed
            yield first
            async for piece in pieces:
                yield piece

    begun = all_of_them()
    await anext(begun)
    return begun
