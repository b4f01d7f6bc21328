"""Routes of corrections: put a value in place of another, with the reason; see what was replaced by what, and why."""

import math
from collections.abc import Mapping
from typing import Annotated

import msgspec
import pyarrow as pa
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from lineshaft.access.labels import Egress
from lineshaft.bus.telemetry import SCHEMA
from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput
from lineshaft.core.http import DEFAULT_PAGE, check_limit, decode_cursor, encode_cursor
from lineshaft.core.principals import Principal
from lineshaft.history.asking import Cursor, From, Limit, Paths, To, subjects, tags_named
from lineshaft.history.model import Correction, Tag, TagKind, Value
from lineshaft.history.reader import HistoryReader
from lineshaft.history.schema import TIME
from lineshaft.history.store import Tags

MAXIMUM_CORRECTIONS = 1000
_BAD = 0x80000000
_COLUMNS: dict[TagKind, tuple[str, type]] = {
    "number": ("v", float), "integer": ("vi", int), "boolean": ("vb", bool), "text": ("vs", str),
}  # fmt: skip
_ALLOWED: dict[TagKind, tuple[type, ...]] = {
    "number": (float, int), "integer": (int,), "boolean": (bool,), "text": (str,),
}  # fmt: skip
_VALUES = ("v", "vi", "vs", "vb")


class Corrected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sample as it should be."""

    path: str
    time: str
    """RFC 3339, the exact time of the sample to replace; where there is none, one is put in."""
    value: Value | None = None
    """Null: no value; the quality must be Bad then."""
    quality: Annotated[int, msgspec.Meta(ge=0, le=0xFFFFFFFF)] = 0
    """OPC UA StatusCode."""


class Correcting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Samples to correct, and why."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    items: Annotated[list[Corrected], msgspec.Meta(min_length=1, max_length=MAXIMUM_CORRECTIONS)]


class CorrectionView(msgspec.Struct, frozen=True, kw_only=True):
    """A sample whose value or quality was replaced."""

    path: str
    time: str
    noted: str
    who: str
    """Empty where the new value came from a gateway."""
    reason: str
    """`late` where a gateway's later sample replaced an earlier one."""
    old: Value | None
    """Null where a bad sample has no value, and where labels oblige to change values before they leave; so is `new`."""
    old_quality: int | None
    """Null where there was no sample."""
    old_arrival: str | None
    new: Value | None
    new_quality: int


class CorrectionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Corrections, by the samples' times."""

    items: list[CorrectionView]
    next: str | None


class CorrectionsMade(msgspec.Struct, frozen=True, kw_only=True):
    """What a correction changed; samples that were so already are not in it."""

    items: list[CorrectionView]


@post("/api/v1/history/corrections", opt={"action": "history:write", "tenant": "own"}, tags=["history"])
async def correct(
    data: JSONBody[Correcting],
    history: NamedDependency[HistoryReader],
    egress: NamedDependency[Egress],
    tags: NamedDependency[Tags],
    principal: NamedDependency[Principal],
) -> CorrectionsMade:
    """Put samples in place of those of the same tag and time. The old ones stay visible; returns once it is on disk.

    Who corrects a value learns the one before it: only what the caller may read as well as write can be corrected.
    """
    paths = list(dict.fromkeys(item.path for item in data.items))
    known = await tags_named(tags, principal, paths)
    numbers = {tag.path: tag for tag in known.values()}
    reason = " ".join(data.reason.split())
    if not reason:
        raise InvalidInput(
            "history.correction_reason_missing", "reason is empty", "Say why the values are corrected.", field="reason"
        )
    rows = [_row(number, item, numbers[item.path]) for number, item in enumerate(data.items)]
    _check_once(data.items)
    await egress.admit(principal, "history:write", subjects(known))
    release = await egress.admit(
        principal, "history:read", subjects(known), purpose="operation", recipient="", carried=False,
        start_us=min(row[1] for row in rows),
    )  # fmt: skip
    answer = await history.correct(_batch(rows), principal.name, reason)
    times = [row[1] for row in rows]
    found = await history.corrections(known, min(times), max(times) + 1)
    keys = {(row[0], row[1]) for row in rows}
    made = [record for record in found if (record.tag, record.ts_us) in keys and record.sequence >= answer.sequence]
    await release.page(len(made))
    return CorrectionsMade(items=[_view(record, known, hidden=bool(release.changes)) for record in made])


@get("/api/v1/history/corrections", opt={"action": "history:read", "tenant": "own"}, tags=["history"])
async def list_corrections(
    history: NamedDependency[HistoryReader],
    egress: NamedDependency[Egress],
    tags: NamedDependency[Tags],
    principal: NamedDependency[Principal],
    paths: Paths = None,
    start: From = "-7d",
    end: To = "now",
    cursor: Cursor = None,
    limit: Limit = DEFAULT_PAGE,
) -> CorrectionPage:
    """What was replaced of these tags' samples between two times: old and new value, who, when, and why."""
    now_us = clock.now_us()
    start_us, end_us = clock.parse_time(start, field="from", now=now_us), clock.parse_time(end, field="to", now=now_us)
    check_limit(limit)
    known = await tags_named(tags, principal, paths)
    release = await egress.admit(
        principal, "history:read", subjects(known), purpose="operation", recipient="", carried=False, start_us=start_us
    )
    found = await history.corrections(known, start_us, end_us)
    place = 0 if cursor is None else int(decode_cursor(cursor, int)[0])
    page = found[place : place + limit]
    await release.page(len(page))
    items = [_view(record, known, hidden=bool(release.changes)) for record in page]
    return CorrectionPage(items=items, next=encode_cursor(place + limit) if len(found) > place + limit else None)


CORRECTION_ROUTES = [correct, list_corrections]

_Row = tuple[int, int, str, Value, int]
"""Tag, microseconds, column, value, quality."""


def _row(index: int, item: Corrected, tag: Tag) -> _Row:
    time_us = clock.parse_time(item.time, field=f"items[{index}].time")
    if time_us > clock.now_us():
        raise InvalidInput(
            "history.correction_in_future", f"items[{index}].time is {item.time}, which has not been yet",
            "Correct samples of the past.", field=f"items[{index}].time", value=item.time,
        )  # fmt: skip
    column, kind = _COLUMNS[tag.kind]
    value = item.value
    if value is None:
        if item.quality < _BAD:
            raise InvalidInput(
                "history.correction_without_value", f"items[{index}] has no value, and its quality is {item.quality}",
                "Give a value, or a Bad quality such as 2147483648.", field=f"items[{index}].value", value=item.quality,
            )  # fmt: skip
        return tag.number, time_us, "v", float("nan"), item.quality
    if type(value) not in _ALLOWED[tag.kind]:
        raise InvalidInput(
            "history.correction_of_another_kind", f"items[{index}].value is {value!r}, and {tag.path} is a {tag.kind}",
            "Give a value of the tag's kind.", field=f"items[{index}].value", value=value, kind=tag.kind,
        )  # fmt: skip
    return tag.number, time_us, column, kind(value), item.quality


def _check_once(items: list[Corrected]) -> None:
    seen: set[tuple[str, str]] = set()
    for index, item in enumerate(items):
        if (item.path, item.time) in seen:
            raise InvalidInput(
                "history.correction_repeated", f"items[{index}] corrects {item.path} at {item.time} a second time",
                "Give each sample once.", field=f"items[{index}]", value=item.path,
            )  # fmt: skip
        seen.add((item.path, item.time))


def _batch(rows: list[_Row]) -> pa.RecordBatch:
    """A telemetry batch."""
    now = pa.array([clock.now_us()] * len(rows), pa.int64()).cast(TIME)
    values = {
        name: pa.array([row[3] if row[2] == name else None for row in rows], SCHEMA.field(name).type)
        for name in _VALUES
    }
    columns = [
        pa.array([row[0] for row in rows], pa.int32()), pa.array([row[1] for row in rows], pa.int64()).cast(TIME), now,
        *(values[name] for name in _VALUES), pa.array([row[4] for row in rows], pa.uint32()),
    ]  # fmt: skip
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _view(record: Correction, known: Mapping[int, Tag], *, hidden: bool) -> CorrectionView:
    def shown(value: Value | None) -> Value | None:
        return None if hidden or (isinstance(value, float) and not math.isfinite(value)) else value

    arrival = record.old_arrival_us
    return CorrectionView(
        path=known[record.tag].path, time=clock.rfc3339(record.ts_us), noted=clock.rfc3339(record.noted_us),
        who=record.who, reason=record.reason, old=shown(record.old), old_quality=record.old_q,
        old_arrival=None if arrival is None else clock.rfc3339(arrival), new=shown(record.new),
        new_quality=record.new_q,
    )  # fmt: skip
