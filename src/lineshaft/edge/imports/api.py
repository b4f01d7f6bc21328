"""Route under /api/v1/edge/imports: points out of a file that somebody chose in the console."""

import asyncio
from typing import Annotated

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from lineshaft.core.errors import InvalidInput, TooLarge
from lineshaft.core.jobs import JobRunner
from lineshaft.core.principals import Principal
from lineshaft.edge.browses import KIND, Browses
from lineshaft.edge.imports import files
from lineshaft.edge.imports.model import Imported, Left
from lineshaft.edge.model import Point
from lineshaft.edge.units import symbols

LARGEST_BYTES = 8 << 20
"""Of all files of one request together."""
_PAGE = 1000


class ImportFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file."""

    name: Annotated[str, Meta(max_length=255)]
    """Its ending tells its kind: .csv, .yaml, .xml (OPC UA node set), .json (points, or a SunSpec model)."""
    text: str


class ImportBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files to read points from."""

    files: Annotated[list[ImportFile], Meta(min_length=1, max_length=500)]
    """One; several only of SunSpec models."""
    browse: str = ""
    """For SunSpec models: the job that browsed the device, whose registers say which models it has."""


class ImportedView(msgspec.Struct, frozen=True, kw_only=True):
    """Points, and what did not become one."""

    points: list[Point]
    left: list[Left]
    notes: list[Left]
    symbols: dict[str, str]
    """How the points' units are written, by their codes."""


@post("/api/v1/edge/imports", opt={"action": "edge:configure"}, tags=["edge"], status_code=200)
async def read_import(
    browses: NamedDependency[Browses],
    jobs: NamedDependency[JobRunner],
    principal: NamedDependency[Principal],
    data: JSONBody[ImportBody],
) -> ImportedView:
    """Points that files describe; nothing is configured by it."""
    read: dict[str, bytes] = {}
    for file in data.files:
        if file.name in read:
            raise InvalidInput(
                "edge.import_file_twice", f"two of the files are called {file.name!r}",
                "Give them different names, or leave one out.", field="files", value=file.name,
            )  # fmt: skip
        read[file.name] = file.text.encode()
    size = sum(map(len, read.values()))
    if size > LARGEST_BYTES:
        raise TooLarge(
            "edge.import_files_large", f"the files have {size} bytes, more than {LARGEST_BYTES}",
            "Take `lineshaft edge import` on the server for larger ones.", field="files", value=size, maximum=LARGEST_BYTES,
        )  # fmt: skip
    imported = None if len(read) > 1 else await asyncio.to_thread(_of_one, *next(iter(read.items())))
    if imported is not None:
        return _view(imported)
    if not data.browse:
        raise InvalidInput(
            "edge.import_needs_device", "SunSpec models say nothing without the device that has them",
            "Browse the device first: its scale factors and repetitions are read from it.", field="browse", value="",
        )  # fmt: skip
    job = await jobs.get(data.browse, reader=principal)
    if job.kind != KIND:
        raise InvalidInput(
            "edge.import_needs_browse", f"the job {job.id} did not browse a device", "Browse the device first.",
            field="browse", value=job.id,
        )  # fmt: skip
    found: list[dict[str, str]] = []
    while page := await browses.found(job.id, after=len(found), limit=_PAGE):
        found += [{"address": one.address, "data": one.data} for one in page]
    return _view(await asyncio.to_thread(files.points_of_models, read, found, device=job.arguments["device"]["name"]))


def _of_one(name: str, data: bytes) -> Imported | None:
    """Points of a file; None of a SunSpec model, which is nothing without its device."""
    if name.lower().endswith(".json") and not files.holds_points(data):
        return None
    return files.points_of(data, file=name)


def _view(imported: Imported) -> ImportedView:
    written = symbols(point.unit for point in imported.points)
    return ImportedView(points=imported.points, left=imported.left, notes=imported.notes, symbols=written)


ROUTES = [read_import]
