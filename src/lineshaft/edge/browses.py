"""Browsing as a job: the gateway walks, what it finds is kept page by page. Used by `web`."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select

from lineshaft.bus import Bus
from lineshaft.core import clock
from lineshaft.core.jobs import JobHandle, JobRunner
from lineshaft.edge.address_space import BrowsePage, Found
from lineshaft.edge.messages import Look
from lineshaft.edge.tables import FOUND
from lineshaft.records import Database

KIND = "edge.browse"
PAGE_SECONDS = 60.0
"""How long a gateway may take for one page."""

KEPT_US = 7 * 86_400 * clock.MICROSECONDS
"""How long what was found is kept."""


class BrowseResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of the job."""

    found: int
    nodes: int
    """Nodes looked at."""
    beyond: int
    """Nodes that were not followed because they lie deeper than asked."""
    stopped: str
    """The limit that cut it short, `nodes` or `seconds`; empty where all was seen."""


class Browses:
    """What browses have found, by job."""

    def __init__(self, db: Database, bus: Bus) -> None:
        self._db = db
        self._bus = bus

    def register(self, jobs: JobRunner) -> None:
        """Make the job known to the process's runner."""
        jobs.register(KIND, self._run)

    async def found(self, job_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Found]:
        """Variables from position `after` on."""
        return await self._db.query(_read, job_id, after, limit)

    async def _run(self, handle: JobHandle, arguments: dict[str, Any]) -> BrowseResult:
        """One browse. After a restart it begins anew: a walk is quick, and the device may have changed."""
        asked = msgspec.convert(arguments, Look)
        await self._db.write(_forget, handle.job.id, handle.job.created - KEPT_US)
        decode = msgspec.json.Decoder(BrowsePage).decode
        page, count = BrowsePage(found=[], seen=0, pending=0, beyond=0), 0
        async for _, body in self._bus.request_stream(
            "edge", "browse", asked, timeout=PAGE_SECONDS, gateway=asked.gateway
        ):
            page = decode(body)
            if page.found:
                await self._db.write(_keep, handle.job.id, count, page.found)
            count += len(page.found)
            handle.progress(page.seen - page.pending, page.seen, f"{count} variables")
        return BrowseResult(found=count, nodes=page.seen, beyond=page.beyond, stopped=page.stopped)


def _forget(connection: Connection, job_id: str, before: int) -> None:
    """What an interrupted run of this job found, and what jobs of long ago did."""
    connection.execute(delete(FOUND).where((FOUND.c.job == job_id) | (FOUND.c.found < before)))


def _keep(connection: Connection, job_id: str, first: int, found: Sequence[Found]) -> None:
    rows = [
        {"job": job_id, "number": number, "document": msgspec.json.encode(one), "found": clock.now_us()}
        for number, one in enumerate(found, first)
    ]
    connection.execute(insert(FOUND), rows)


def _read(connection: Connection, job_id: str, after: int, limit: int) -> list[Found]:
    query = (
        select(FOUND.c.document)
        .where(FOUND.c.job == job_id, FOUND.c.number >= after)
        .order_by(FOUND.c.number)
        .limit(limit)
    )
    decode = msgspec.json.Decoder(Found).decode
    return [decode(document) for document in connection.scalars(query)]
