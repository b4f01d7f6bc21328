"""The parent's side of a statement's process: starts it, feeds it, gives its answer piece by piece, ends it."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from typing import Self

import msgspec

from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError, from_wire
from lineshaft.history.children import ended
from lineshaft.history.sql import faults
from lineshaft.history.sql.frames import DATA, END, ERROR, LENGTH, MAXIMUM_FRAME, NEEDS, READY, Fault, Question, frame

_WORKER = "lineshaft.history.sql.worker"
_ENVIRONMENT = {
    "ARROW_DEFAULT_MEMORY_POOL": "system", "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin",
}  # fmt: skip
"""All that it gets: nothing of ours is in it."""
_CPU_SIGNALS = (signal.SIGXCPU,)


class SqlProcess:
    """One statement in a process of its own; use it with `async with`, which ends it whatever happens.

    Raises, from every method: what is wrong with the statement, `history.sql_too_long`, `history.sql_too_large`,
    `history.sql_ended`.
    """

    def __init__(self, question: Question) -> None:
        self._question = question
        self._left = question.limits.seconds
        self._process: asyncio.subprocess.Process | None = None
        self.expired = False
        """It was ended because its answer was not taken in time."""

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-m", _WORKER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL, env=_ENVIRONMENT, cwd="/",
        )  # fmt: skip
        return self

    async def __aexit__(self, *_: object) -> None:
        self.end()
        # Its pipes are closed with it; waiting cannot take long, and a cancelled request must not leave it behind.
        await asyncio.shield(ended(self._running()))

    def end(self) -> None:
        """Kill it now, whoever waits for it or for its answer."""
        process = self._running()
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    @property
    def pid(self) -> int:
        """The process."""
        return self._running().pid

    async def ask(self) -> list[str]:
        """Put the question; the views whose rows it needs."""
        await self.send(msgspec.msgpack.encode(self._question))
        return msgspec.msgpack.decode(await self._expect(NEEDS), type=list[str])

    async def send(self, data: bytes) -> None:
        """A frame: rows as an Arrow stream, or nothing to say that these were all."""
        stdin = self._running().stdin
        assert stdin is not None
        stdin.write(frame(data))
        try:
            async with self._timed():
                await stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            await self._frame()  # what it said before it ended
            raise faults.ended("it closed its input") from None

    async def ready(self) -> None:
        """Return once there is an answer; a small one is complete by then."""
        await self._expect(READY)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The answer."""
        while True:
            kind, data = await self._frame()
            if kind == END:
                return
            if kind != DATA:
                raise faults.ended("it answered out of order")
            yield data

    async def _expect(self, wanted: bytes) -> bytes:
        kind, data = await self._frame()
        if kind != wanted:
            raise faults.ended("it answered out of order")
        return data

    async def _frame(self) -> tuple[bytes, bytes]:
        """The next frame; an error in it is raised."""
        stdout = self._running().stdout
        assert stdout is not None
        try:
            async with self._timed():
                (length,) = LENGTH.unpack(await stdout.readexactly(LENGTH.size))
                if not 0 < length <= MAXIMUM_FRAME:
                    raise faults.ended("it answered out of order")
                data = await stdout.readexactly(length)
        except asyncio.IncompleteReadError:
            raise await self._why_ended() from None
        kind, data = data[:1], data[1:]
        if kind == ERROR:
            fault = msgspec.msgpack.decode(data, type=Fault)
            raise from_wire(fault.code, fault.message, fault.hint, fault.status, fault.facts)
        return kind, data

    @contextlib.asynccontextmanager
    async def _timed(self) -> AsyncIterator[None]:
        """Count the time that the process is waited for, and end it where that is too long."""
        began = clock.monotonic()
        try:
            async with asyncio.timeout(max(0.0, self._left)):
                yield
        except TimeoutError:
            raise faults.too_long(self._question.limits) from None
        finally:
            self._left -= clock.monotonic() - began

    async def _why_ended(self) -> LineshaftError:
        code = await self._running().wait()
        limits = self._question.limits
        if -code in _CPU_SIGNALS:
            return faults.too_long(limits)
        if code < 0 and -code == signal.SIGKILL:  # the system's own end for who takes too much
            return faults.too_long(limits) if self._left < 1 else faults.too_large(limits)
        return faults.ended(f"signal {-code}" if code < 0 else f"status {code}")

    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process
