"""Routes of imports and exports: batch by batch, and as jobs with files."""

import secrets
from pathlib import Path
from typing import Annotated, Any

import msgspec
from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream
from msgspec import Meta

from lineshaft.access import Access
from lineshaft.access.projects.store import chosen
from lineshaft.core import clock
from lineshaft.core.principals import Principal
from lineshaft.history.formats import MEDIA_TYPES
from lineshaft.history.patterns import tags_like
from lineshaft.history.store import Tags
from lineshaft.history.transfer.files import format_of
from lineshaft.history.transfer.importing import pairs
from lineshaft.history.transfer.imports import new_name
from lineshaft.history.transfer.lane import Imports, act_of
from lineshaft.history.transfer.mapping import RowFault
from lineshaft.history.transfer.model import ExportAsked, ExportFormat, ImportAsked
from lineshaft.history.transfer.transfers import Transfers

_TAGS = ["history"]
_READ = {"action": "history:read"}
_WRITE = {"action": "history:write"}


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch."""

    rows: int


class Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """How far an upload is."""

    upload: str
    received: int
    """Bytes that are there: where the next piece begins."""
    job: str | None
    """The job that imports it, once it is there whole; `/api/v1/system/jobs/{job}` tells how far that is."""


class ExportRequest(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}, forbid_unknown_fields=True):
    """Stored values for a file."""

    tags: Annotated[list[str], Meta(min_length=1, max_length=10_000)]
    """Paths of tags, or patterns with * and ?."""
    from_: str
    """RFC 3339, or an offset such as -1h; included."""
    to: str = "now"
    format: ExportFormat = "parquet"
    purpose: str = "operation"
    recipient: str = ""


class ExportStarted(msgspec.Struct, frozen=True, kw_only=True):
    """A job that writes a file; `/api/v1/system/jobs/{job}`, or `state` below the file, tells how far it is."""

    job: str
    file: str
    """Where the file is fetched once it is done."""


class ExportState(msgspec.Struct, frozen=True, kw_only=True):
    """How far an export is."""

    job: str
    state: str
    """`queued`, `running`, `done`, `failed` or `cancelled`."""
    done: int
    total: int | None
    message: str
    result: Any
    error: dict[str, Any] | None


class FaultPage(msgspec.Struct, frozen=True, kw_only=True):
    """The first rows of a file that are wrong."""

    items: list[RowFault]


@post("/api/v1/history/import", opt={**_WRITE, "tenant": "own"}, tags=_TAGS, status_code=200)
async def import_batch(
    request: Request[Any, Any, Any],
    imports: NamedDependency[Imports],
    access: NamedDependency[Access],
    principal: NamedDependency[Principal],
    file: Annotated[str, QueryParameter(description="32 hexadecimal digits made of the file's content and mapping")],
    seq: Annotated[int, QueryParameter(description="Number of the batch in the file, from 1", ge=1)],
    last: Annotated[bool, QueryParameter(description="No batch follows")] = False,  # noqa: FBT002
    name: Annotated[str, QueryParameter(description="The file's name, for the audit trail")] = "",
) -> Taken:
    """Store one batch of a file: an Arrow stream of the telemetry batch's form, on disk when this answers.

    The same batch may be sent again, another one in its place may not; the first goes first. Rows get their place by time; one that is there already is replaced.
    """
    if seq == 1:
        await access.note(act_of(principal, file, name[:200], "asked", {}))
    rows = await imports.take(principal, file, seq, await request.body(), last=last)
    if last:
        await access.note(act_of(principal, file, name[:200], "done", {"batches": seq}))
    return Taken(rows=rows)


@post("/api/v1/history/imports", opt=_WRITE, tags=_TAGS, status_code=202)
async def import_file(
    request: Request[Any, Any, Any],
    transfers: NamedDependency[Transfers],
    principal: NamedDependency[Principal],
    name: Annotated[str, QueryParameter(description="The file's own name", max_length=200)],
    format_: Annotated[
        str | None, QueryParameter(name="format", description="csv, ndjson, arrow or parquet; else by the file's name")
    ] = None,
    map_: Annotated[
        list[str] | None, QueryParameter(name="map", description="NAME=PATH: what the file calls a tag, and its path")
    ] = None,
    time: Annotated[str, QueryParameter(description="Column of the times; else time, ts or timestamp")] = "",
    skip_faulty: Annotated[bool, QueryParameter(description="Store the other rows where some are wrong")] = False,  # noqa: FBT002
    upload: Annotated[
        str, QueryParameter(description="For a file in several pieces: 32 hexadecimal digits, the same for each")
    ] = "",
    offset: Annotated[int, QueryParameter(description="Where in the file the piece begins", ge=0)] = 0,
    size: Annotated[
        int, QueryParameter(description="Bytes of the whole file: one too large is refused at its first piece", ge=0)
    ] = 0,
    last: Annotated[bool, QueryParameter(description="No piece follows")] = True,  # noqa: FBT002
    project: Annotated[str, QueryParameter(description="Whose the job is; the caller's, where empty")] = "",
) -> Uploaded:
    """Import a file, the body, as a job. One larger than a request may be comes in pieces, one after the other.

    Go on at `received`, whatever was sent. The file is refused whole where a row is wrong, unless those are to be
    skipped. Imported again it is stored once; a cancelled job says how many rows are in the history.
    """
    project = chosen(principal, project)
    upload = upload or secrets.token_hex(16)
    asked = ImportAsked(
        principal=principal, stored=new_name(), name=name, format=format_of(Path(name), format_),
        mapping=pairs(map_ or [], "map"), time=time, skip_faulty=skip_faulty,
    )  # fmt: skip
    part, before, received = await transfers.imports.receive(principal, upload, offset, request.stream(), size)
    if not last or before != offset:
        return Uploaded(upload=upload, received=received, job=None)
    job = await transfers.imports.submit(principal, part, asked, project)
    return Uploaded(upload=upload, received=received, job=job.id)


@get("/api/v1/history/imports/{import_job:str}/faults", opt=_WRITE, tags=_TAGS)
async def import_faults(
    transfers: NamedDependency[Transfers], principal: NamedDependency[Principal], import_job: FromPath[str]
) -> FaultPage:
    """The first rows that are wrong in a file, with what they say: for whoever sent it."""
    return FaultPage(items=msgspec.convert(await transfers.imports.faulty(principal, import_job), list[RowFault]))


@delete("/api/v1/history/uploads/{upload:str}", opt=_WRITE, tags=_TAGS)
async def delete_upload(
    transfers: NamedDependency[Transfers], principal: NamedDependency[Principal], upload: FromPath[str]
) -> None:
    """Remove what is there of the caller's upload that is not complete."""
    await transfers.imports.drop(principal, upload)


@post("/api/v1/history/exports", opt=_READ, tags=_TAGS, status_code=202)
async def export_file(
    transfers: NamedDependency[Transfers],
    tags: NamedDependency[Tags],
    principal: NamedDependency[Principal],
    language: NamedDependency[str],
    data: JSONBody[ExportRequest],
) -> ExportStarted:
    """Write stored values to a file here, as a job; it is there for the caller until it expires."""
    now_us = clock.now_us()
    known = await tags_like(tags, principal, data.tags)
    asked = ExportAsked(
        principal=principal, tags=sorted(known), start_us=clock.parse_time(data.from_, field="from", now=now_us),
        end_us=clock.parse_time(data.to, field="to", now=now_us), format=data.format, purpose=data.purpose,
        recipient=data.recipient, language=language,
    )  # fmt: skip
    job = await transfers.exports.submit(asked, known)
    return ExportStarted(job=job.id, file=f"/api/v1/history/exports/{job.id}")


@get("/api/v1/history/exports/{export:str}", opt=_READ, tags=_TAGS)
async def exported_file(
    transfers: NamedDependency[Transfers], principal: NamedDependency[Principal], export: FromPath[str]
) -> Stream:
    """The file of an export that is done."""
    result, pieces = await transfers.exports.open(principal, export)
    headers = {
        "content-length": str(result.bytes),
        "content-disposition": f'attachment; filename="history-{export}.{result.format}"',
    }
    return Stream(pieces, media_type=MEDIA_TYPES[result.format], headers=headers)


@get("/api/v1/history/exports/{export:str}/state", opt=_READ, tags=_TAGS)
async def export_state(
    transfers: NamedDependency[Transfers], principal: NamedDependency[Principal], export: FromPath[str]
) -> ExportState:
    """How far the caller's export is."""
    job = await transfers.exports.own(principal, export)
    return ExportState(
        job=job.id, state=job.state, done=job.done, total=job.total, message=job.message, result=job.result,
        error=job.error,
    )  # fmt: skip


@delete("/api/v1/history/exports/{export:str}", opt=_READ, tags=_TAGS)
async def delete_export(
    transfers: NamedDependency[Transfers], principal: NamedDependency[Principal], export: FromPath[str]
) -> None:
    """Remove the file of an export; one that is not done is cancelled."""
    await transfers.exports.delete(principal, export)


ROUTES = [
    import_batch, import_file, import_faults, delete_upload, export_file, exported_file, export_state, delete_export,
]  # fmt: skip
