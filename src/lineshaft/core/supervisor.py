"""The supervisor: starts the engines and services of a box in order, restarts what dies, stops all cleanly.

A child is a process in a group of its own. It is ready when its health socket says so, or its own probe does. It is
restarted with a back-off that doubles to a limit and starts over after a quiet minute. When the supervisor ends, even
by SIGKILL, its children end: services see their standard input close, other programs get the kernel's death signal.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Literal

import msgspec

from lineshaft.core import clock, logs
from lineshaft.core.home import Home, write_file
from lineshaft.core.service import SUPERVISED

FIRST_BACKOFF_SECONDS = 0.2
MAXIMUM_BACKOFF_SECONDS = 10.0
QUIET_SECONDS = 60.0
STOP_SECONDS = 25.0
LOG_BYTES = 10_000_000

State = Literal["waiting", "starting", "ready", "backing off", "stopped"]


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """One process to keep alive."""

    name: str
    argv: Sequence[str]
    probe: Callable[[], Awaitable[bool]]
    """True once the child answers."""
    environment: Mapping[str, str] = {}
    after: Sequence[str] = ()
    """Children that must have been ready once before this one starts."""


class ChildState(msgspec.Struct, kw_only=True):
    """What `lineshaft status` shows of one child."""

    name: str
    state: State = "waiting"
    pid: int | None = None
    restarts: int = 0
    since: str = ""
    last_exit: str = ""


class Supervisor:
    """Keeps a set of children alive until `stop()`; writes `run/state.json` at each change."""

    def __init__(self, home: Home, children: Sequence[Child], facts: Mapping[str, str] | None = None) -> None:
        self._home = home
        self._children = list(children)
        self._facts = dict(facts or {})
        self._states = {child.name: ChildState(name=child.name) for child in children}
        self._first_ready = {child.name: asyncio.Event() for child in children}
        self._gone = {child.name: asyncio.Event() for child in children}
        self._stopping = asyncio.Event()
        self._log = logs.get("supervisor")

    async def run(self, on_ready: Callable[[], None] | None = None) -> None:
        """Start everything, call `on_ready` when all answered once, return when all have stopped."""
        tasks = [asyncio.create_task(self._keep(child), name=child.name) for child in self._children]
        announcer = asyncio.create_task(self._announce(on_ready))
        try:
            await asyncio.gather(*tasks)
        finally:
            announcer.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, announcer, return_exceptions=True)
            (self._home.run / "state.json").unlink(missing_ok=True)

    def stop(self) -> None:
        """Stop all children, those started last first; `run` then returns."""
        self._stopping.set()

    async def _announce(self, on_ready: Callable[[], None] | None) -> None:
        for event in self._first_ready.values():
            await event.wait()
        if on_ready is not None:
            on_ready()

    async def _keep(self, child: Child) -> None:
        """One child's life: wait for its turn, then run it again and again until told to stop."""
        backoff = FIRST_BACKOFF_SECONDS
        try:
            for name in child.after:
                await self._either(self._first_ready[name].wait())
            while not self._stopping.is_set():
                started = clock.monotonic()
                await self._once(child)
                if self._stopping.is_set():
                    break
                backoff = FIRST_BACKOFF_SECONDS if clock.monotonic() - started > QUIET_SECONDS else backoff
                state = self._states[child.name]
                state.restarts += 1
                self._set(child, "backing off")
                self._log.warning("child_ended", child=child.name, exit=state.last_exit, retry_seconds=backoff)
                await self._either(asyncio.sleep(backoff))
                backoff = min(backoff * 2, MAXIMUM_BACKOFF_SECONDS)
        finally:
            self._set(child, "stopped")
            self._gone[child.name].set()

    async def _once(self, child: Child) -> None:
        """Start the child, wait for its end; stop it when the supervisor stops and its dependants have gone."""
        state = self._states[child.name]
        with self._log_file(child.name) as log:
            process = await asyncio.create_subprocess_exec(
                *child.argv, stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log,
                env={**os.environ, **child.environment, SUPERVISED: "1"}, start_new_session=True,
            )  # fmt: skip
        state.pid = process.pid
        self._set(child, "starting")
        prober = asyncio.create_task(self._probe(child))
        ender = asyncio.create_task(process.wait())
        stopper = asyncio.create_task(self._my_turn_to_stop(child))
        try:
            await asyncio.wait([ender, stopper], return_when=asyncio.FIRST_COMPLETED)
            if not ender.done():
                await self._terminate(process)
        finally:
            prober.cancel()
            stopper.cancel()
            if process.returncode is None:  # cancelled: leave nothing behind
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            ender.cancel()
            state.pid = None
            state.last_exit = _describe(process.returncode)

    async def _probe(self, child: Child) -> None:
        while True:
            if await child.probe():
                self._set(child, "ready")
                self._first_ready[child.name].set()
                return
            await asyncio.sleep(0.1)

    async def _my_turn_to_stop(self, child: Child) -> None:
        """Children that started after this one stop before it: they may need it to stop cleanly."""
        await self._stopping.wait()
        for other in self._children:
            if child.name in other.after:
                await self._gone[other.name].wait()

    async def _terminate(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), timeout=STOP_SECONDS)
        except TimeoutError:
            self._log.warning("child_killed", pid=process.pid)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def _either(self, waited: Awaitable[object]) -> None:
        """Wait for something or for the order to stop, whichever comes first."""
        tasks = [asyncio.ensure_future(waited), asyncio.ensure_future(self._stopping.wait())]
        _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()

    def _set(self, child: Child, state: State) -> None:
        entry = self._states[child.name]
        entry.state = state
        entry.since = clock.rfc3339(clock.now_us())
        document = {"pid": os.getpid(), "facts": self._facts, "children": list(self._states.values())}
        # A full disk must not end the supervisor: the state file is only for people.
        with contextlib.suppress(OSError):
            write_file(self._home.run / "state.json", msgspec.json.encode(document))

    @contextlib.contextmanager
    def _log_file(self, name: str) -> Iterator[IO[bytes] | int]:
        """An open log file, or DEVNULL where the disk is full."""
        path = self._home.folder("logs") / f"{name}.log"
        try:
            if path.exists() and path.stat().st_size > LOG_BYTES:
                path.replace(path.with_suffix(".log.1"))
            file = path.open("ab")
        except OSError:
            yield asyncio.subprocess.DEVNULL
            return
        with file:
            yield file


def _describe(returncode: int | None) -> str:
    if returncode is not None and returncode < 0:
        return f"signal {signal.Signals(-returncode).name}"
    return f"exit {returncode}"


def die_with_parent(argv: Sequence[str]) -> list[str]:
    """The command line that runs a foreign program so that the kernel ends it with its parent (Linux).

    A service of ours watches its standard input instead; a foreign program cannot.
    """
    return [sys.executable, "-S", "-E", str(Path(__file__).with_name("exec_tied.py")), *argv]
