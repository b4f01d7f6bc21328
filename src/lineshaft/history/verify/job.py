"""Verification as a job of the web server. After a restart it begins anew: it changes nothing that it has not finished."""

from typing import Any, Final

import msgspec

from lineshaft.core.errors import LineshaftError, from_wire
from lineshaft.core.home import Home
from lineshaft.core.jobs import JobHandle, JobRunner
from lineshaft.history.children import lines_of
from lineshaft.history.maintenance.tags import owners_of
from lineshaft.history.reader import HistoryReader
from lineshaft.history.settings import HistorySettings
from lineshaft.history.verify.report import Asked, Done, Failed, Line, Progress, Report
from lineshaft.records import Database

KIND: Final = "history.verify"
_WORKER: Final = "lineshaft.history.verify.worker"


class Verification:
    """Runs verifications."""

    def __init__(
        self, settings: HistorySettings, home: Home, database: Database, tenant: str, history: HistoryReader
    ) -> None:
        self._place = settings.place(home)
        self._database = database
        self._tenant = tenant
        self._history = history

    def register(self, jobs: JobRunner) -> None:
        """Make the job known to the process's runner."""
        jobs.register(KIND, self._run)

    async def _run(self, handle: JobHandle, arguments: dict[str, Any]) -> Report:
        asked = Asked(
            place=msgspec.to_builtins(self._place), quarantine=bool(arguments.get("quarantine")),
            owners=await owners_of(self._database, self._tenant),
        )  # fmt: skip
        report = await self._report(handle, asked)
        if any(damage.quarantined for damage in report.damages):
            await self._history.seal()  # readers follow the writer to the table without those files
        return report

    async def _report(self, handle: JobHandle, asked: Asked) -> Report:
        decode = msgspec.json.Decoder(Line).decode
        async for text in lines_of(_WORKER, asked):
            match decode(text):
                case Progress() as progress:
                    handle.progress(progress.done, progress.total, progress.message)
                case Done() as done:
                    return done.report
                case Failed() as failed:
                    raise _error(failed)
        raise AssertionError  # a process that ends well has said what came of it


def _error(failed: Failed) -> LineshaftError:
    return from_wire(failed.code, failed.message, failed.hint, failed.status, failed.facts)
