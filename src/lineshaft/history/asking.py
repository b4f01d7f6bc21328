"""What routes of samples have in common: their parameters, the tags named, answers as streams through the egress gate."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Annotated, Any

import pyarrow as pa
from litestar import Request
from litestar.params import QueryParameter
from litestar.response import Stream

from lineshaft.access.labels import Release, Subject
from lineshaft.core.errors import InvalidInput
from lineshaft.core.principals import Principal
from lineshaft.history import formats
from lineshaft.history.model import Tag
from lineshaft.history.store import Tags

MAXIMUM_TAGS = 1000

Cursor = Annotated[str | None, QueryParameter(description="`next` of the page before")]
Limit = Annotated[int, QueryParameter(description="Items on one page")]
Paths = Annotated[list[str] | None, QueryParameter(name="tag", description="Path of a tag; repeat it for several")]
From = Annotated[str, QueryParameter(name="from", description="RFC 3339, or an offset such as -15m; included")]
To = Annotated[str, QueryParameter(name="to", description="RFC 3339, or an offset; not included")]
Purpose = Annotated[str, QueryParameter(description="Why the data are asked for, as one word; kept with an export")]
Recipient = Annotated[str, QueryParameter(description="Who gets the data, where that is not the caller")]
FormatName = Annotated[
    str | None,
    QueryParameter(name="format", description="json, ndjson, csv, arrow or parquet; else what Accept asks for"),
]


async def tags_named(tags: Tags, principal: Principal, paths: Sequence[str] | None) -> dict[int, Tag]:
    """The tags named, by number; those of other tenants and projects are as if they were not there."""
    wanted = check_count(paths or ())
    return {tag.number: tag for tag in await tags.require(principal.tenant, wanted, principal.projects)}


def check_count(paths: Sequence[str]) -> list[str]:
    """Each of the paths once.

    Raises:
        InvalidInput: there is none, or too many.
    """
    wanted = list(dict.fromkeys(paths))
    if not 1 <= len(wanted) <= MAXIMUM_TAGS:
        raise InvalidInput(
            "history.tag_count_invalid", f"tag is given {len(wanted)} times, not 1 to {MAXIMUM_TAGS} times",
            "Name each tag with tag=PATH; ask several times for more.",
            field="tag", value=len(wanted), maximum=MAXIMUM_TAGS,
        )  # fmt: skip
    return wanted


def subjects(known: Mapping[int, Tag]) -> list[Subject]:
    """The tags as what labels are about."""
    return [Subject("tag", tag.path, tag.handle, tag.project) for tag in known.values()]


def streamed(
    release: Release, batches: AsyncIterator[pa.RecordBatch], kind: formats.Format, known: Mapping[int, Tag],
    language: str,
) -> Stream:  # fmt: skip
    pieces = release.pieces(formats.encoded(batches, kind, known, language))
    return Stream(pieces, media_type=formats.MEDIA_TYPES[kind])


async def begun(batches: AsyncGenerator[pa.RecordBatch, None]) -> AsyncIterator[pa.RecordBatch]:
    """The same batches, the first one made already: what keeps a query from starting is refused, not cut off."""
    first = await anext(batches, None)

    async def all_of_them() -> AsyncIterator[pa.RecordBatch]:
        try:
            if first is not None:
                yield first
            async for rows in batches:
                yield rows
        finally:
            await batches.aclose()

    return all_of_them()


async def once(rows: pa.RecordBatch) -> AsyncIterator[pa.RecordBatch]:
    yield rows


def format_asked(asked: str | None, request: Request[Any, Any, Any]) -> formats.Format:
    return formats.chosen_format(asked, request.headers.get("accept", ""))
