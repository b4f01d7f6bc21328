"""Routes of calculated answers: `/api/v1/history/processed`, `/at`, `/windows`."""

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import reduce
from typing import Annotated, Any

import msgspec
import pyarrow as pa
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter
from litestar.response import Stream

from lineshaft.access.labels import Egress, Release
from lineshaft.core import clock
from lineshaft.core.errors import Forbidden, InvalidInput
from lineshaft.core.http import decode_cursor, encode_cursor
from lineshaft.core.principals import Principal
from lineshaft.history import formats as sample_formats
from lineshaft.history.asking import (
    Cursor,
    FormatName,
    From,
    Paths,
    Purpose,
    Recipient,
    To,
    format_asked,
    subjects,
    tags_named,
)
from lineshaft.history.formats import Format
from lineshaft.history.model import Tag
from lineshaft.history.query import Configuration, aggregate_named
from lineshaft.history.query.durations import parse_duration
from lineshaft.history.query.formats import Value, encoded, values
from lineshaft.history.reader import HistoryReader
from lineshaft.history.store import Tags

_OWN = {"action": "history:read", "tenant": "own"}
_HISTORY = ["history"]
_BATCH = 65_536
MAXIMUM_VALUES = 10_000
MAXIMUM_TIMES = 1000
SOURCE = "Lineshaft-Source"
"""Header that says what an answer was made from: `raw`, `rollup_1h`, `raw+rollup_1min` …"""

Most = Annotated[int, QueryParameter(description="Values on one page of JSON")]
Stepped = Annotated[
    bool | None,
    QueryParameter(description="Values hold until the next one; else as the kind of each tag: only numbers are sloped"),
]
UncertainAsBad = Annotated[bool, QueryParameter(description="TreatUncertainAsBad")]
PercentBad = Annotated[int, QueryParameter(description="PercentDataBad")]
PercentGood = Annotated[int, QueryParameter(description="PercentDataGood")]
SlopedExtrapolation = Annotated[bool, QueryParameter(description="UseSlopedExtrapolation")]
Length = Annotated[str, QueryParameter(description="A length of time such as 60s, 10m, 1h, 1d; a number is seconds")]


class ValuePage(msgspec.Struct, frozen=True, kw_only=True):
    """Calculated values, by tag and then as time flows; windows by event first."""

    items: list[Value]
    next: str | None
    """Cursor of the next page; null at the end."""
    source: str
    """What they were made from: `raw` samples, or rollups that say exactly the same."""


@get("/api/v1/history/processed", opt=_OWN, tags=_HISTORY, responses={200: ResponseSpec(ValuePage)})
async def processed(
    request: Request[Any, Any, Any],
    history: NamedDependency[HistoryReader],
    egress: NamedDependency[Egress],
    tags: NamedDependency[Tags],
    principal: NamedDependency[Principal],
    language: NamedDependency[str],
    start: From,
    paths: Paths = None,
    end: To = "now",
    interval: Length = "0",
    aggregate: Annotated[str, QueryParameter(description="Name in OPC UA Part 13")] = "Average",
    stepped: Stepped = None,
    treat_uncertain_as_bad: UncertainAsBad = True,  # noqa: FBT002
    percent_data_bad: PercentBad = 100,
    percent_data_good: PercentGood = 100,
    use_sloped_extrapolation: SlopedExtrapolation = False,  # noqa: FBT002
    limit: Most = MAXIMUM_VALUES,
    cursor: Cursor = None,
    purpose: Purpose = "operation",
    recipient: Recipient = "",
    kind: FormatName = None,
) -> Response[ValuePage] | Stream:
    """An aggregate over each interval between two times. Time runs backward where `to` lies before `from`."""
    chosen = format_asked(kind, request)
    now_us = clock.now_us()
    start_us, end_us = clock.parse_time(start, field="from", now=now_us), clock.parse_time(end, field="to", now=now_us)
    wanted = aggregate_named(aggregate)
    interval_us = parse_duration(interval, field="interval")
    configuration = configured(
        treat_uncertain_as_bad=treat_uncertain_as_bad, percent_data_bad=percent_data_bad,
        percent_data_good=percent_data_good, use_sloped_extrapolation=use_sloped_extrapolation,
    )  # fmt: skip
    known = await tags_named(tags, principal, paths)
    if wanted.numeric:
        _refuse_texts(known, wanted.name)
    release, change = await _admitted(
        egress, principal, known, purpose, recipient, chosen, start_us=min(start_us, end_us)
    )  # fmt: skip
    table = await history.processed(
        known, start_us, end_us, interval_us, wanted.name, configuration=configuration,
        stepped=held(known, stepped), change=change,
    )  # fmt: skip
    return await _answered(table, release, chosen, known, language, limit, cursor)


@get("/api/v1/history/at", opt=_OWN, tags=_HISTORY, responses={200: ResponseSpec(ValuePage)})
async def at(
    request: Request[Any, Any, Any],
    history: NamedDependency[HistoryReader],
    egress: NamedDependency[Egress],
    tags: NamedDependency[Tags],
    principal: NamedDependency[Principal],
    language: NamedDependency[str],
    times: Annotated[list[str] | None, QueryParameter(name="time", description="A time; repeat it for several")] = None,
    paths: Paths = None,
    mode: Annotated[str, QueryParameter(description="interpolated or previous")] = "interpolated",
    stepped: Stepped = None,
    treat_uncertain_as_bad: UncertainAsBad = True,  # noqa: FBT002
    use_sloped_extrapolation: SlopedExtrapolation = False,  # noqa: FBT002
    limit: Most = MAXIMUM_VALUES,
    cursor: Cursor = None,
    purpose: Purpose = "operation",
    recipient: Recipient = "",
    kind: FormatName = None,
) -> Response[ValuePage] | Stream:
    """The value of each tag at each of some times: interpolated, or the newest sample at or before.

    Refused where a policy gives only a sample of the values.
    """
    chosen = format_asked(kind, request)
    if mode not in ("interpolated", "previous"):
        raise InvalidInput(
            "history.mode_unknown", f"mode is {mode[:40]!r}, neither interpolated nor previous",
            "Leave it out for interpolated.", field="mode", value=mode[:40],
        )  # fmt: skip
    moments = _moments(times, "time")
    known = await tags_named(tags, principal, paths)
    release, change = await _admitted(egress, principal, known, purpose, recipient, chosen, start_us=min(moments))
    _refuse_thinned(release)
    configuration = configured(
        treat_uncertain_as_bad=treat_uncertain_as_bad, use_sloped_extrapolation=use_sloped_extrapolation
    )  # fmt: skip
    table = await history.at(
        known, moments, "previous" if mode == "previous" else "interpolated", configuration=configuration,
        stepped=held(known, stepped), change=change,
    )  # fmt: skip
    return await _answered(table, release, chosen, known, language, limit, cursor)


@get("/api/v1/history/windows", opt=_OWN, tags=_HISTORY, responses={200: ResponseSpec(ValuePage)})
async def windows(
    request: Request[Any, Any, Any],
    history: NamedDependency[HistoryReader],
    egress: NamedDependency[Egress],
    tags: NamedDependency[Tags],
    principal: NamedDependency[Principal],
    language: NamedDependency[str],
    events: Annotated[list[str] | None, QueryParameter(name="event", description="Time of an event; repeat it")] = None,
    paths: Paths = None,
    before: Length = "60s",
    after: Length = "60s",
    limit: Most = MAXIMUM_VALUES,
    cursor: Cursor = None,
    purpose: Purpose = "operation",
    recipient: Recipient = "",
    kind: FormatName = None,
) -> Response[ValuePage] | Stream:
    """The samples around each of some events, with their offsets from it.

    Where a policy gives only a sample of the values, one event at a time.
    """
    chosen = format_asked(kind, request)
    moments = _moments(events, "event")
    before_us, after_us = parse_duration(before, field="before"), parse_duration(after, field="after")
    known = await tags_named(tags, principal, paths)
    release, change = await _admitted(
        egress, principal, known, purpose, recipient, chosen, start_us=min(moments) - before_us
    )  # fmt: skip
    if len(moments) > 1:
        _refuse_thinned(release)
    table = await history.windows(known, moments, before_us, after_us, change=change)
    return await _answered(table, release, chosen, known, language, limit, cursor)


ROUTES = [processed, at, windows]


def configured(**fields: Any) -> Configuration:
    """The aggregate configuration asked for.

    Raises:
        InvalidInput: a share that is no percentage.
    """
    for name in ("percent_data_bad", "percent_data_good"):
        if not 0 <= fields.get(name, 100) <= 100:
            raise InvalidInput(
                "history.percent_out_of_range", f"{name} is {fields[name]}, outside 0 to 100", "Give a percentage.",
                field=name, value=fields[name],
            )  # fmt: skip
    return Configuration(**fields)


def held(known: Mapping[int, Tag], stepped: bool | None) -> list[int]:  # noqa: FBT001
    """Tags whose values hold until the next one: all or none where the caller says so, else all but numbers."""
    if stepped is None:
        return [number for number, tag in known.items() if tag.kind != "number"]
    return [number for number, tag in known.items() if stepped or tag.kind in ("boolean", "text")]


def _refuse_texts(known: Mapping[int, Tag], aggregate: str) -> None:
    text = next((tag for tag in known.values() if tag.kind == "text"), None)
    if text is not None:
        raise InvalidInput(
            "history.aggregate_needs_numbers", f"{aggregate} needs numbers, and {text.path} is a text",
            "Texts have Interpolative, Start, End, Count and the aggregates of quality.", field="tag", value=text.path,
            aggregate=aggregate,
        )  # fmt: skip


def _moments(times: Sequence[str] | None, field: str) -> list[int]:
    given = list(times or ())
    if not 1 <= len(given) <= MAXIMUM_TIMES:
        raise InvalidInput(
            "history.time_count_invalid", f"{field} is given {len(given)} times, not 1 to {MAXIMUM_TIMES} times",
            f"Name each with {field}=TIME; ask several times for more.", field=field, value=len(given),
            maximum=MAXIMUM_TIMES,
        )  # fmt: skip
    now_us = clock.now_us()
    return [clock.parse_time(time, field=field, now=now_us) for time in given]


async def _admitted(
    egress: Egress, principal: Principal, known: Mapping[int, Tag], purpose: str, recipient: str, kind: Format, *,
    start_us: int,
) -> tuple[Release, Any]:  # fmt: skip
    """Leave to answer, and what to do to samples before they are calculated with.

    What a caller may not see of a sample must not show in what is calculated from it: masks come first.
    """
    release = await egress.admit(
        principal, "history:read", subjects(known), purpose=purpose, recipient=recipient, carried=kind != "json",
        start_us=start_us,
    )  # fmt: skip
    changes, release.changes = release.changes, []
    if not changes:
        return release, None
    return release, lambda rows: reduce(lambda changed, change: change(changed), changes, rows)


def _refuse_thinned(release: Release) -> None:
    """Refuse what reads times apart: the first row read of an interval cut there is not the one that may be seen.

    Raises:
        Forbidden: the caller may have only a sample of the values.
    """
    if any(duty.kind == "sample" for duty in release.decision.obligations):
        raise Forbidden(
            "history.times_apart_forbidden",
            "a policy gives you only a sample of these values, and single times would show others",
            "Ask /windows for one event at a time, or /raw or /processed for a range.",
        )


async def _answered(
    table: pa.Table, release: Release, kind: Format, known: Mapping[int, Tag], language: str, limit: int,
    cursor: str | None,
) -> Response[ValuePage] | Stream:  # fmt: skip
    source = (table.schema.metadata or {}).get(b"source", b"raw").decode()
    headers = {SOURCE: source}
    if kind != "json":
        batches = release.rows(_batches(table), {})
        pieces = release.pieces(encoded(batches, kind, known, language, table.schema.remove_metadata()))
        return Stream(pieces, media_type=sample_formats.MEDIA_TYPES[kind], headers=headers)
    if not 1 <= limit <= MAXIMUM_VALUES:
        raise InvalidInput(
            "history.limit_out_of_range", f"limit is {limit}, outside 1 to {MAXIMUM_VALUES}",
            "Ask for several pages, or for one of the streamed formats.", field="limit", value=limit,
            maximum=MAXIMUM_VALUES,
        )  # fmt: skip
    first = 0 if cursor is None else max(0, decode_cursor(cursor, int)[0])
    page = table.slice(first, limit).combine_chunks()
    items = [value for rows in page.to_batches() for value in values(rows, known, language)]
    await release.page(len(items))
    more = encode_cursor(first + limit) if first + limit < table.num_rows else None
    return Response(ValuePage(items=items, next=more, source=source), headers=headers)


async def _batches(table: pa.Table) -> AsyncIterator[pa.RecordBatch]:
    for rows in table.replace_schema_metadata(None).to_batches(max_chunksize=_BATCH):
        yield rows
