"""Canary records: rows planted in an export, different for each recipient, by which a leaked copy is traced.

A planted row repeats the row before it a little later, at a time at which the plant gave no value of any tag in the
export. Which rows were planted for whom stands in the records only.
"""

import random
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
from sqlalchemy import Connection, insert, select

from lineshaft.access.labels.store import CANARY
from lineshaft.core import clock, ids
from lineshaft.core.errors import InvalidInput

_TRIES: Final = 50
_LATEST_US: Final = 1_000_000
"""A planted row is at most this much later than the one it repeats."""
_TIME: Final = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?")
_CHANCE: Final = random.SystemRandom()


class Canary(msgspec.Struct, frozen=True, kw_only=True):
    """One planted row."""

    recipient: str
    egress: str
    """The export that it was planted in."""
    path: str
    time: int
    value: float | None
    planted: int


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """How much of what was planted for one recipient in one export is in a file."""

    recipient: str
    egress: str
    planted: int
    found: int
    exported: str
    """When, RFC 3339."""


def plant(rows: pa.RecordBatch, count: int) -> tuple[pa.RecordBatch, list[tuple[int, int, float | None]]]:
    """A batch in (ts, tag) order with up to `count` rows more, and those rows as (tag, ts, number)."""
    times = rows.column("ts").cast("int64").to_pylist()
    after: dict[int, int] = {}
    for _ in range(_TRIES if len(times) > 1 else 0):
        place = _CHANCE.randrange(len(times) - 1)
        room = min(times[place + 1] - times[place], _LATEST_US)
        step = 1000 if times[place] % 1000 == 0 and room > 2000 else 1
        if place not in after and len(after) < count and room > 2 * step:
            after[place] = times[place] + step * _CHANCE.randrange(1, (room - 1) // step + 1)
    if not after:
        return rows, []
    order: list[tuple[int, int | None]] = [(place, None) for place in range(len(times))]
    order.extend(after.items())
    order.sort(key=lambda one: (one[0], one[1] is not None))
    taken = rows.take(pa.array([place for place, _ in order], pa.int64()))
    new = [times[place] if time is None else time for place, time in order]
    columns = dict(zip(rows.schema.names, taken.columns, strict=True))
    columns["ts"] = pa.array(new, pa.int64()).cast(rows.schema.field("ts").type)
    made = pa.RecordBatch.from_arrays([columns[name] for name in rows.schema.names], schema=rows.schema)
    tags, numbers = rows.column("tag"), rows.column("v")
    return made, [(tags[place].as_py(), time, numbers[place].as_py()) for place, time in after.items()]


def keep(connection: Connection, tenant: str, canaries: Sequence[Canary]) -> None:
    """Note what was planted, in the caller's write transaction."""
    rows = [{"id": ids.new_id(), "tenant": tenant, **msgspec.structs.asdict(one)} for one in canaries]
    if rows:
        connection.execute(insert(CANARY), rows)


def every(connection: Connection, tenant: str) -> list[Canary]:
    """All that was ever planted."""
    query = select(CANARY).where(CANARY.c.tenant == tenant)
    names = Canary.__struct_fields__
    return [Canary(**{name: row[name] for name in names}) for row in connection.execute(query).mappings()]


def trace(file: Path, canaries: Iterable[Canary]) -> list[Trace]:
    """For whom a file was made: what of each export's planted rows is in it, the likeliest first; [] where nothing is.

    Args:
        file: CSV, JSON lines or any other text with a path and an RFC 3339 time on a line; or an Arrow stream or file.
    """
    planted = list(canaries)
    wanted: dict[tuple[str, int], list[Canary]] = {}
    for one in planted:
        wanted.setdefault((one.path, one.time), []).append(one)
    found: set[tuple[str, str, int]] = set()
    for key in _rows_of(file, {time for _, time in wanted}, {path for path, _ in wanted}):
        found.update((one.egress, one.path, one.time) for one in wanted.get(key, ()))
    traces = []
    for egress in {one[0] for one in found}:
        mine = [one for one in planted if one.egress == egress]
        hits = sum((one.egress, one.path, one.time) in found for one in mine)
        traces.append(
            Trace(
                recipient=mine[0].recipient, egress=egress, planted=len(mine), found=hits,
                exported=clock.rfc3339(mine[0].planted),
            )
        )  # fmt: skip
    return sorted(traces, key=lambda one: (-one.found, one.planted))


def _rows_of(file: Path, times: set[int], paths: set[str]) -> Iterable[tuple[str, int]]:
    """The (path, time) of a file's rows, of those times and paths at least."""
    with file.open("rb") as source:
        head = source.read(8)
        source.seek(0)
        if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
            reader = pa.ipc.open_file(source) if head.startswith(b"ARROW1") else pa.ipc.open_stream(source)
            yield from _rows_of_arrow(reader)
            return
        for line in source:
            moments = {_instant(text) for text in _TIME.findall(line)} & times
            if moments:
                text = line.decode("utf-8", "replace")
                yield from ((path, moment) for path in paths if path in text for moment in moments)


def _rows_of_arrow(reader: Any) -> Iterable[tuple[str, int]]:
    for rows in reader.read_all().to_batches():
        time = pa.compute.cast(rows.column("ts"), pa.timestamp("us", "UTC")).cast("int64")
        yield from zip(rows.column("path").to_pylist(), time.to_pylist(), strict=True)


def _instant(text: bytes) -> int:
    """Microseconds of an RFC 3339 time, by its digits; -1 where it is none."""
    whole, _, fraction = text.decode().replace(" ", "T").partition(".")
    try:
        return clock.parse_time(f"{whole}.{(fraction + '000000')[:6]}Z")
    except InvalidInput:
        return -1
