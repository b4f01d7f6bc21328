"""Imports and exports as jobs of the web server: their folder, their runners, and the end of what has expired."""

import asyncio
import contextlib
from typing import Final

from lineshaft.access import Access
from lineshaft.access.labels import Egress
from lineshaft.core import logs
from lineshaft.core.home import Home, Identity
from lineshaft.core.jobs import Job, JobRunner
from lineshaft.history.reader import HistoryReader
from lineshaft.history.store import Tags
from lineshaft.history.transfer.exports import ExportJobs
from lineshaft.history.transfer.imports import ImportJobs, stored_name
from lineshaft.history.transfer.lane import Imports
from lineshaft.history.transfer.settings import TransferSettings
from lineshaft.history.transfer.spool import Spool
from lineshaft.records import Database, JobRecords, RecordsSettings

IMPORTS: Final = "imports"
EXPORTS: Final = "exports"
_EXPORTS_AT_ONCE: Final = 2
_LOOK_SECONDS: Final = 600.0


class Transfers:
    """Both kinds of jobs; `start` goes on with what an earlier process left."""

    def __init__(
        self, settings: TransferSettings, records: RecordsSettings, home: Home, identity: Identity, *,
        database: Database, history: HistoryReader, tags: Tags, egress: Egress, access: Access, lane: Imports,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._store = JobRecords(database)
        self._spool = Spool(home.folder("history") / "transfers", settings)
        imports = JobRunner(self._store, IMPORTS, at_once=1)
        exports = JobRunner(self._store, EXPORTS, at_once=_EXPORTS_AT_ONCE)
        self._runners = (imports, exports)
        self.imports = ImportJobs(
            lane, access, imports, self._spool, home=home, identity=identity, records=records, settings=settings
        )
        self.exports = ExportJobs(history, tags, egress, access, exports, self._spool, settings)
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up what is unfinished; remove now and then what has expired."""
        await asyncio.to_thread(self._spool.prepare)
        for job in await self._store.unfinished(IMPORTS):
            if job.cancelling:  # it ends without being called again
                await asyncio.to_thread(self.imports.forget, stored_name(job))
            else:
                self._spool.hold(stored_name(job))
        for runner in self._runners:
            await runner.start()
        self._sweeping = asyncio.create_task(self._sweep(), name="history transfers expire")

    async def stop(self) -> None:
        """Interrupt the jobs; they go on at the next start."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        for runner in self._runners:
            await runner.stop()

    async def cancel(self, job: Job) -> Job | None:
        """Ask for the end of an import or an export, also of one whose turn has not come; None: it is neither.

        Raises:
            Conflict: it has ended already.
        """
        if job.runner == IMPORTS:
            return await self.imports.cancel(job)
        if job.runner == EXPORTS:
            return await self.exports.cancel(job)
        return None

    async def _sweep(self) -> None:
        log = logs.get("history")
        while True:
            with contextlib.suppress(OSError):  # the disk is looked at again
                if gone := await asyncio.to_thread(self._spool.expire):
                    log.info("history_transfers_expired", files=gone)
            await asyncio.sleep(min(_LOOK_SECONDS, self._settings.keep_seconds / 2))
