"""Audit entries of many requests at once: those that wait together are written in one transaction."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import Connection

from lineshaft.access import audit
from lineshaft.access.audit import Act
from lineshaft.core import trace
from lineshaft.records import Database


class Notes:
    """Writes acts of one tenant; `add` returns once they are durable."""

    def __init__(self, database: Database, tenant: str) -> None:
        self._database = database
        self._tenant = tenant
        self._waiting: list[tuple[str, Sequence[Act], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def add(self, acts: Sequence[Act]) -> None:
        """Add entries, in this order.

        Raises:
            Unavailable: they cannot be written; nothing of them is.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((trace.current(), acts, written))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="audit notes")
        await written

    async def _write(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting, []
            try:
                await self._database.write(self._write_all, [(mark, acts) for mark, acts, _ in taken])
            except Exception as error:  # noqa: BLE001  # every waiter gets it as its own
                outcome: Exception | None = error
            else:
                outcome = None
            for _, _, written in taken:
                if written.done():  # its request was cancelled meanwhile
                    continue
                if outcome is None:
                    written.set_result(None)
                else:
                    written.set_exception(outcome)
        self._writer = None

    def _write_all(self, connection: Connection, taken: list[tuple[str, Sequence[Act]]]) -> None:
        for mark, acts in taken:
            trace.resume(mark)  # the worker thread has a copy of the first waiter's context
            for act in acts:
                audit.write(connection, self._tenant, act)
