"""The history service's side: starts the process that maintains, now and then and when asked, and ends it on the way out.

Nothing of maintenance is imported here; the service stays as small as it is.
"""

import asyncio
import contextlib
import sys
from collections.abc import Callable

import msgspec

from lineshaft.core import clock, logs
from lineshaft.core.health import Check
from lineshaft.core.service import Context
from lineshaft.history.maintenance.lease import was_interrupted
from lineshaft.history.maintenance.order import Order
from lineshaft.history.maintenance.settings import MaintenanceSettings
from lineshaft.history.settings import HistorySettings
from lineshaft.records import RecordsSettings

_END_SECONDS = 10.0
_PAUSE_SECONDS = 5.0
_TRIES = 3
"""How often a process that ended badly is started again at once; after that the timer does it."""


class Keeper:
    """Keeps at most one process at work.

    Args:
        context: of the service.
        mark: something that differs once the table has changed; None while there is none.
    """

    def __init__(self, context: Context, mark: Callable[[], int | None]) -> None:
        self._context = context
        self._settings = context.settings.of(MaintenanceSettings)
        self._mark = mark
        self._asked = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._log = logs.get("history")
        self.failures = 0
        """How often in a row the process ended badly."""

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._keep(), name="history maintains")

    def check(self) -> Check:
        """Whether it works, for the service's readiness."""
        failed = self.failures >= _TRIES
        return Check(
            name="maintenance", ok=not failed, detail=f"ended badly {self.failures} times" if failed else "",
            hint="The log of the history service and GET /api/v1/system/jobs say why." if failed else "",
        )  # fmt: skip

    def ask(self) -> None:
        """Take up the jobs that wait, soon."""
        self._asked.set()

    async def stop(self) -> None:
        """End the process; what it was doing goes on with the next one."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        if await asyncio.to_thread(
            was_interrupted, self._context.settings.of(HistorySettings).storage(self._context.home)
        ):
            self._asked.set()
        seen: int | None = None
        last = clock.monotonic()
        while True:
            with contextlib.suppress(TimeoutError):
                left = last + self._settings.every_seconds - clock.monotonic()
                async with asyncio.timeout(max(left, 0.0)):
                    await self._asked.wait()
            asked, now = self._asked.is_set(), self._mark()
            self._asked.clear()
            due = clock.monotonic() - last >= self._settings.every_seconds
            last = clock.monotonic() if due else last
            if (asked or (due and now is not None and now != seen)) and await self._work(due=due) and due:
                seen = now

    async def _work(self, *, due: bool) -> bool:
        """Run the process until it ends well, a few times at most."""
        for _ in range(_TRIES):
            status = await self._run(self._order(due=due))
            if status == 0:
                self.failures = 0
                return True
            self.failures += 1
            self._log.error("history_maintenance_ended", status=status, failures=self.failures)
            await asyncio.sleep(_PAUSE_SECONDS)
        return False

    def _order(self, *, due: bool) -> bytes:
        settings, identity = self._context.settings, self._context.identity
        history = settings.of(HistorySettings)
        return msgspec.json.encode(Order(
            home=str(self._context.home.path), place=history.place(self._context.home), settings=self._settings,
            records=settings.of(RecordsSettings), retired_seconds=history.retired_seconds, tenant=identity.tenant,
            prefix=identity.prefix, due=due,
        ))  # fmt: skip

    async def _run(self, order: bytes) -> int:
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lineshaft.history.maintenance.process", stdin=asyncio.subprocess.PIPE
        )
        assert process.stdin is not None
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(order + b"\n")
                await process.stdin.drain()
            return await process.wait()
        finally:
            process.stdin.close()
            if process.returncode is None:
                await asyncio.shield(_end(process))
            self._process = None


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let a process leave in order, its input being closed; then not."""
    try:
        async with asyncio.timeout(_END_SECONDS):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
