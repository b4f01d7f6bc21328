"""The process that maintains: `python -m lineshaft.history.maintenance.process`, its order on standard input.

It does the jobs that wait for it in the records, then, where asked, what is due; then it ends. Its memory is limited by
the system. Killed, it leaves tables that the next one goes on with.
"""

import asyncio
import contextlib
import os
import resource
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from lineshaft.core import clock, logs
from lineshaft.core.errors import Conflict, LineshaftError
from lineshaft.core.home import Home
from lineshaft.core.jobs import JobHandle, JobRunner
from lineshaft.history.maintenance import heap
from lineshaft.history.maintenance.order import KIND, RUNNER, Asked, Order, job_of

_NICENESS = 10
_SPARE_MB = 128
"""Beyond what is planned with; where that is not enough the job fails and the machine does not."""


class Ended(Exception):
    """The run's end was asked for."""


class Maintainer:
    """The process's work."""

    def __init__(self, order: Order) -> None:
        from lineshaft.history.storage import open_storage
        from lineshaft.records import Database, JobRecords

        self._order = order
        self._storage = open_storage(order.place)
        self._database = Database.open(order.records, Home(Path(order.home)))
        self._store = JobRecords(self._database)
        self._runner = JobRunner(self._store, RUNNER, at_once=1)
        self._runner.register(KIND, self._maintain)

    async def work(self) -> None:
        """Do what waits and what is due."""
        try:
            await self._jobs()
            if self._order.due and await asyncio.to_thread(self._is_due):
                await self._store.add(job_of("Maintain the history", RUNNER, Asked()))
                await self._jobs()
        finally:
            await self._runner.stop()
            self._database.close()

    async def _jobs(self) -> None:
        """Do the jobs that wait, those too that come meanwhile."""
        while waiting := [job for job in await self._store.unfinished(RUNNER) if job.kind == KIND]:
            await self._runner.start()
            for job in waiting:
                await self._runner.join(job.id)

    def _is_due(self) -> bool:
        from lineshaft.history.maintenance.work import is_due

        return is_due(self._storage, self._options(Asked(), ()))

    async def _maintain(self, handle: JobHandle, arguments: dict[str, Any]) -> dict[str, Any]:
        """The job. What was done before a restart is in the tables; the rest is found anew."""
        from lineshaft.history.maintenance.tags import owners_of
        from lineshaft.history.maintenance.work import run

        asked = msgspec.convert(arguments, Asked)
        expired = await self._expired() if asked.expire else ()
        owners = await owners_of(self._database, self._order.tenant)
        options = msgspec.structs.replace(self._options(asked, expired), owners=owners)
        ended = threading.Event()

        def report(done: int, total: int, message: str) -> None:
            if ended.is_set():
                raise Ended
            handle.progress(done, total, message)

        working = asyncio.ensure_future(asyncio.to_thread(run, self._storage, options, report))
        try:
            outcome = await asyncio.shield(working)
        except asyncio.CancelledError:
            ended.set()
            with contextlib.suppress(Ended, LineshaftError, OSError):
                await working
            raise
        result: dict[str, Any] = msgspec.to_builtins(outcome)
        return result

    def _options(self, asked: Asked, expired: Sequence[Any]) -> Any:
        from lineshaft.history.maintenance.work import Options

        settings = self._order.settings
        return Options(
            settle_us=round(settings.settle_seconds * clock.MICROSECONDS) if asked.settle else 0,
            memory_mb=settings.memory_mb, retired_seconds=self._order.retired_seconds, merge=asked.merge,
            roll=asked.roll, expired=expired,
        )  # fmt: skip

    async def _expired(self) -> Sequence[Any]:
        """What retention lets go. Where it cannot be known what is held, nothing is."""
        from lineshaft.history.maintenance.retention import Rule, expired
        from lineshaft.history.maintenance.tags import kept_tags

        rules = [Rule.parse(text) for text in self._order.settings.retention]
        tags = await kept_tags(self._database, self._order.tenant, self._order.prefix)
        return expired(tags, rules, clock.now_us())


async def _until_left(order: Order, left: asyncio.Event) -> int:
    """Work until done, or until nobody wants it any more: then the jobs stay unfinished, and the next process goes on."""
    working = asyncio.ensure_future(Maintainer(order).work())
    leaving = asyncio.ensure_future(left.wait())
    await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
    if leaving.done() and not working.done():
        working.cancel()
    leaving.cancel()
    try:
        await working
    except asyncio.CancelledError:
        return 0
    except Conflict as error:
        logs.get("history").info("history_maintenance_elsewhere", code=error.code, message=error.message)
        return 0
    except LineshaftError as error:
        logs.get("history").error("history_maintenance_failed", code=error.code, message=error.message)
        return 1
    return 0


async def _main(order: Order) -> int:
    left, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, left.set)

    def watch() -> None:
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            sys.stdin.buffer.read()  # ends with whoever started us
            loop.call_soon_threadsafe(left.set)

    threading.Thread(target=watch, daemon=True).start()
    return await _until_left(order, left)


def _limit(memory_mb: int) -> None:
    """Be modest: behind everything else for the processor, and bounded in memory."""
    os.nice(_NICENESS)
    most = (memory_mb + _SPARE_MB) * 2**20
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def main() -> int:
    """Read the order, do it."""
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which closes our input
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    logs.configure("history")
    heap.keep_freed()
    _limit(order.settings.memory_mb)
    return asyncio.run(_main(order))


if __name__ == "__main__":
    # The watching thread sits in a read that nothing interrupts: leave without waiting for it.
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
