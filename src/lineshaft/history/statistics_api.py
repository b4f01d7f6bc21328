"""Route of what the tables weigh."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from lineshaft.core import clock
from lineshaft.core.errors import Unavailable
from lineshaft.core.home import Home
from lineshaft.core.principals import MAIN_PROJECT, Principal
from lineshaft.core.settings import Settings
from lineshaft.history.children import lines_of
from lineshaft.history.reader import HistoryReader
from lineshaft.history.settings import HistorySettings
from lineshaft.history.statistics import Answer, Asked, Level, TableSizes
from lineshaft.history.store import Tags


class TagStats(msgspec.Struct, frozen=True, kw_only=True):
    """What one tag takes."""

    path: str
    rows: int
    bytes: int
    bytes_per_sample: float


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """What the history holds."""

    rows: int
    """In the table."""
    hot_rows: int
    """In the writer's memory, on the way there."""
    files: int
    bytes: int
    bytes_per_sample: float | None
    oldest: str | None
    newest: str | None
    rolled_until: str | None
    rollup_bytes: int
    version: int
    levels: list[Level]
    """By who wrote the files."""
    tags: list[TagStats]
    """Largest first; only where asked for."""


@get("/api/v1/history/stats", opt={"action": "history:read", "project": MAIN_PROJECT}, tags=["history"])
async def stats(
    history: NamedDependency[HistoryReader],
    settings: NamedDependency[Settings],
    home: NamedDependency[Home],
    tags: NamedDependency[Tags],
    principal: NamedDependency[Principal],
    per_tag: Annotated[  # noqa: FBT002
        bool, QueryParameter(name="tags", description="Also each tag; reads a part of every file")
    ] = False,
) -> Stats:
    """Samples, files, bytes, and bytes per sample."""
    asked = Asked(place=settings.of(HistorySettings).place(home), per_tag=per_tag)
    sizes = await _sizes(asked)
    try:
        hot_rows = (await history.status()).hot_rows
    except Unavailable:
        hot_rows = 0
    known = await tags.by_number(principal.tenant, [one.tag for one in sizes.tags])
    found = [
        TagStats(
            path=known[one.tag].path if one.tag in known else str(one.tag), rows=one.rows, bytes=one.bytes,
            bytes_per_sample=round(one.bytes / one.rows, 3),
        )
        for one in sizes.tags
    ]  # fmt: skip
    return Stats(
        rows=sizes.rows, hot_rows=hot_rows, files=sizes.files, bytes=sizes.bytes, bytes_per_sample=sizes.bytes_per_sample,
        oldest=_text(sizes.oldest_us), newest=_text(sizes.newest_us), rolled_until=_text(sizes.rolled_until_us),
        rollup_bytes=sizes.rollup_bytes, version=sizes.version, levels=sizes.levels,
        tags=sorted(found, key=lambda one: -one.bytes),
    )  # fmt: skip


async def _sizes(asked: Asked) -> TableSizes:
    answer = Answer()
    async for line in lines_of("lineshaft.history.statistics", asked):
        answer = msgspec.json.decode(line, type=Answer)
    if answer.error is not None:
        raise Unavailable(**answer.error)
    assert answer.sizes is not None
    return answer.sizes


def _text(moment: int | None) -> str | None:
    return None if moment is None or abs(moment) >= 2**61 else clock.rfc3339(moment)


ROUTES = [stats]
