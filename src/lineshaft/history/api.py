"""Routes of the history, `/api/v1/history/…`: tags, latest and stored samples, gaps, the writer's state."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

import msgspec
import pyarrow as pa
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter
from litestar.response import Stream

from lineshaft.access.labels import Egress, Release
from lineshaft.core import clock, units
from lineshaft.core.errors import InvalidInput
from lineshaft.core.http import DEFAULT_PAGE, check_limit, decode_cursor, encode_cursor
from lineshaft.core.principals import MAIN_PROJECT, Principal
from lineshaft.history import formats
from lineshaft.history.asking import (
    Cursor,
    FormatName,
    From,
    Limit,
    Paths,
    Purpose,
    Recipient,
    To,
    begun,
    check_count,
    format_asked,
    once,
    streamed,
    subjects,
    tags_named,
)
from lineshaft.history.corrections.api import CORRECTION_ROUTES
from lineshaft.history.formats import Item
from lineshaft.history.maintenance.api import ROUTES as MAINTENANCE_ROUTES
from lineshaft.history.model import Gap, HistoryStatus, Tag
from lineshaft.history.query.api import ROUTES as QUERY_ROUTES
from lineshaft.history.reader import HistoryReader, last_key
from lineshaft.history.sql.api import ROUTES as SQL_ROUTES
from lineshaft.history.statistics_api import ROUTES as STATISTICS_ROUTES
from lineshaft.history.store import Tags
from lineshaft.history.transfer.api import ROUTES as TRANSFER_ROUTES
from lineshaft.history.verify.api import ROUTES as VERIFY_ROUTES

_HISTORY = ["history"]
_READ = {"action": "history:read"}
_OWN = {**_READ, "tenant": "own"}
_MANAGE = {"action": "history:manage", "project": MAIN_PROJECT}
_FIRST_ROWS = 1000
MAXIMUM_ROWS = 10_000
MAXIMUM_STREAMED_ROWS = 2**53


class TagView(msgspec.Struct, frozen=True, kw_only=True):
    """A tag."""

    path: str
    number: int
    handle: str
    unit: str
    unit_code: str
    """Common code of UNECE Recommendation 20; empty where the unit has none."""
    description: str
    kind: str
    device: str
    project: str
    created: str
    removed: str | None


class TagPage(msgspec.Struct, frozen=True, kw_only=True):
    """Tags, by path."""

    items: list[TagView]
    next: str | None


class SamplePage(msgspec.Struct, frozen=True, kw_only=True):
    """Samples, by time and then by tag."""

    items: list[Item]
    next: str | None
    """Cursor of the next page; null at the end."""


class GapView(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Samples known to be missing."""

    gateway: str
    """Empty where the gap is one of the stream itself."""
    boot: str
    cause: str
    """restart, sequence, overflow, dropped, undecodable or damaged."""
    from_: str
    to: str
    from_seq: int | None
    to_seq: int | None
    rows: int | None
    """How many samples; null where nobody can know."""
    detail: str
    noted: str


class GapPage(msgspec.Struct, frozen=True, kw_only=True):
    """Gaps, by their beginning."""

    items: list[GapView]
    next: str | None


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """What a seal did."""

    rows: int
    committed_sequence: int
    version: int
    """Version of the table that holds it."""


@get("/api/v1/history/tags", opt=_OWN, tags=_HISTORY)
async def list_tags(
    tags: NamedDependency[Tags],
    principal: NamedDependency[Principal],
    prefix: Annotated[str, QueryParameter(description="First characters of the paths wanted")] = "",
    search: Annotated[
        str, QueryParameter(description="Words, each somewhere in path, description or handle", max_length=200)
    ] = "",
    removed: Annotated[bool, QueryParameter(description="Also tags that are no longer configured")] = False,  # noqa: FBT002
    paths: Paths = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_PAGE,
) -> TagPage:
    """Tags whose path begins with `prefix`; or, of those named by `tag`, up to 1000, all that there are, whatever `limit`."""
    if paths:
        named = await tags.find(principal.tenant, check_count(paths), principal.projects)
        return TagPage(items=[_tag_view(tag) for tag in named.values() if removed or tag.removed is None], next=None)
    after = "" if cursor is None else decode_cursor(cursor, str)[0]
    page = await tags.list(
        principal.tenant, prefix=prefix, after=after, limit=check_limit(limit), removed=removed,
        projects=principal.projects, search=search,
    )  # fmt: skip
    full = len(page) == limit
    return TagPage(items=[_tag_view(tag) for tag in page], next=encode_cursor(page[-1].path) if full else None)


@get("/api/v1/history/latest", opt=_OWN, tags=_HISTORY, responses={200: ResponseSpec(SamplePage)})
async def latest(
    request: Request[Any, Any, Any],
    history: NamedDependency[HistoryReader],
    egress: NamedDependency[Egress],
    tags: NamedDependency[Tags],
    principal: NamedDependency[Principal],
    language: NamedDependency[str],
    paths: Paths = None,
    purpose: Purpose = "operation",
    recipient: Recipient = "",
    kind: FormatName = None,
) -> Response[SamplePage] | Stream:
    """The newest sample of each tag that has one."""
    chosen = format_asked(kind, request)
    known = await tags_named(tags, principal, paths)
    carried = chosen != "json"
    release = await egress.admit(
        principal, "history:read", subjects(known), purpose=purpose, recipient=recipient, carried=carried
    )
    rows = await history.latest(known)
    if carried:
        return streamed(release, release.rows(once(rows), {}), chosen, known, language)
    rows = release.changed(rows)
    await release.page(len(rows))
    return Response(SamplePage(items=[*formats.items(rows, known, language)], next=None))


@get("/api/v1/history/raw", opt=_OWN, tags=_HISTORY, responses={200: ResponseSpec(SamplePage)})
async def raw(
    request: Request[Any, Any, Any],
    history: NamedDependency[HistoryReader],
    egress: NamedDependency[Egress],
    tags: NamedDependency[Tags],
    principal: NamedDependency[Principal],
    language: NamedDependency[str],
    start: From,
    paths: Paths = None,
    end: To = "now",
    limit: Annotated[int | None, QueryParameter(description="Most rows; JSON gives 1000 where it is left out")] = None,
    bounds: Annotated[bool, QueryParameter(description="With the bounding values of OPC UA Part 11")] = False,  # noqa: FBT002
    cursor: Cursor = None,
    purpose: Purpose = "operation",
    recipient: Recipient = "",
    kind: FormatName = None,
) -> Response[SamplePage] | Stream:
    """Samples as they were stored, hot and sealed alike. JSON comes in pages, the other formats as one stream."""
    chosen = format_asked(kind, request)
    now_us = clock.now_us()
    start_us, end_us = clock.parse_time(start, field="from", now=now_us), clock.parse_time(end, field="to", now=now_us)
    if end_us < start_us:
        raise InvalidInput(
            "history.range_reversed", f"to ({end}) lies before from ({start})", "Exchange the two.",
            field="to", value=end, start=start,
        )  # fmt: skip
    after = None if cursor is None else tuple(decode_cursor(cursor, int, int))
    known = await tags_named(tags, principal, paths)
    release = await egress.admit(
        principal, "history:read", subjects(known), purpose=purpose, recipient=recipient, carried=chosen != "json",
        start_us=start_us if after is None else max(start_us, after[0]),
    )  # fmt: skip
    if chosen == "json":
        size = _rows_limit(_FIRST_ROWS if limit is None else limit, MAXIMUM_ROWS)
        batches = history.raw(known, start_us, end_us, limit=size, after=after, bounds=bounds)
        return Response(await _page(batches, release, known, size, language))
    most = None if limit is None else _rows_limit(limit, MAXIMUM_STREAMED_ROWS)
    batches = history.raw(known, start_us, end_us, limit=most, after=after, bounds=bounds)
    named = {number: tag.path for number, tag in known.items()}
    return streamed(release, release.rows(await begun(batches), named), chosen, known, language)


@get("/api/v1/history/gaps", opt=_READ, tags=_HISTORY)
async def list_gaps(
    history: NamedDependency[HistoryReader],
    principal: NamedDependency[Principal],
    start: From = "-7d",
    end: To = "now",
    gateway: Annotated[str | None, QueryParameter(description="Only of this gateway")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_PAGE,
) -> GapPage:
    """Samples known to be missing between two times, and why.

    Gaps are the gateway's, whose lanes all projects share; what one says of devices is for members of `main`.
    """
    now_us = clock.now_us()
    start_us, end_us = clock.parse_time(start, field="from", now=now_us), clock.parse_time(end, field="to", now=now_us)
    check_limit(limit)
    found = await history.gaps(start_us, end_us, gateway)
    if cursor is not None:
        behind = tuple(decode_cursor(cursor, int, int, str, str))
        found = [gap for gap in found if _gap_key(gap) > behind]
    page = found[:limit]
    return GapPage(
        items=[_gap_view(gap, detailed=principal.sees(MAIN_PROJECT)) for gap in page],
        next=encode_cursor(*_gap_key(page[-1])) if len(found) > limit else None,
    )


@get("/api/v1/history/status", opt=_READ, tags=_HISTORY)
async def status(history: NamedDependency[HistoryReader]) -> HistoryStatus:
    """How far the writer is: read, committed, still in memory."""
    return await history.status()


@post("/api/v1/history/seal", opt=_MANAGE, tags=_HISTORY, status_code=200)
async def seal(history: NamedDependency[HistoryReader]) -> Sealed:
    """Put everything that is in memory into the table now; returns once that is on disk."""
    answer = await history.seal()
    return Sealed(rows=answer.rows, committed_sequence=answer.committed_sequence, version=answer.version)


ROUTES = [
    list_tags,
    latest,
    raw,
    list_gaps,
    status,
    seal,
    *QUERY_ROUTES,
    *CORRECTION_ROUTES,
    *SQL_ROUTES,
    *VERIFY_ROUTES,
    *STATISTICS_ROUTES,
    *TRANSFER_ROUTES,
    *MAINTENANCE_ROUTES,
]


async def _page(
    batches: AsyncIterator[pa.RecordBatch], release: Release, known: Mapping[int, Tag], limit: int, language: str
) -> SamplePage:  # fmt: skip
    found: list[Item] = []
    key, read = None, 0
    async for rows in batches:
        found.extend(formats.items(release.changed(rows), known, language))
        key, read = last_key(rows), read + len(rows)
    await release.page(len(found))
    return SamplePage(items=found, next=encode_cursor(*key) if key is not None and read == limit else None)


def _rows_limit(limit: int, maximum: int) -> int:
    if not 1 <= limit <= maximum:
        raise InvalidInput(
            "history.limit_out_of_range", f"limit is {limit}, outside 1 to {maximum}",
            "Ask for several pages, or for one of the streamed formats.", field="limit", value=limit, maximum=maximum,
        )  # fmt: skip
    return limit


def _unit_code(unit: str) -> str:
    found = units.spelled(unit) if unit else None
    return "" if found is None else found.code


def _tag_view(tag: Tag) -> TagView:
    return TagView(
        path=tag.path, number=tag.number, handle=tag.handle, unit=tag.unit, unit_code=_unit_code(tag.unit),
        description=tag.description, kind=tag.kind,
        device=tag.device, project=tag.project, created=clock.rfc3339(tag.created),
        removed=None if tag.removed is None else clock.rfc3339(tag.removed),
    )  # fmt: skip


def _gap_view(gap: Gap, *, detailed: bool) -> GapView:
    return GapView(
        gateway=gap.gateway, boot=gap.boot, cause=gap.cause, from_=clock.rfc3339(gap.from_us),
        to=clock.rfc3339(gap.to_us), from_seq=gap.from_seq, to_seq=gap.to_seq, rows=gap.rows,
        detail=gap.detail if detailed else "", noted=clock.rfc3339(gap.noted_us),
    )  # fmt: skip


def _gap_key(gap: Gap) -> tuple[int, int, str, str]:
    return gap.from_us, gap.sequence, gap.cause, f"{gap.boot} {gap.from_seq}"
