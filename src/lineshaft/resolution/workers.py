"""The processes of a node: each is a whole server on the same port over the same records; one that dies is started again.

`python -m lineshaft.resolution.workers` is one of them: its `NodeConfig` comes as the first line of standard input, whose
end is the order to stop; what it counts goes out as a line of JSON every second.
"""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final

import msgspec

from lineshaft.core import clock, logs, memory
from lineshaft.core.errors import LineshaftError, Unavailable
from lineshaft.resolution.listeners import Counts
from lineshaft.resolution.serving import NodeConfig, NodeServer

_TELL_SECONDS: Final = 1.0
_START_SECONDS: Final = 30.0
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 10.0
_LINE_BYTES: Final = 1 << 20


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a worker."""

    counts: Counts
    port: int = 0
    dialect_port: int = 0
    http_port: int = 0
    refused: str = ""
    """Why it could not start."""


class Pool:
    """The workers of one node.

    Args:
        config: what every one of them is; its port must be known where there are several.
        count: how many.
    """

    def __init__(self, config: NodeConfig, count: int) -> None:
        self._config = config
        self._count = count
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = [asyncio.Event() for _ in range(count)]
        self._told: list[Told | None] = [None] * count
        self._gone = Counts()
        self._stopping = asyncio.Event()
        self._log = logs.get("resolution")
        self.pids: list[int] = [0] * count
        self.restarts = 0
        self.refused = ""
        """Why the last worker that ended did not start."""

    async def start(self) -> None:
        """Start them all; returns when every one answers.

        Raises:
            Unavailable: one of them could not start.
        """
        self._tasks = [asyncio.create_task(self._keep(place)) for place in range(self._count)]
        try:
            async with asyncio.timeout(_START_SECONDS):
                for event in self._ready:
                    await event.wait()
        except TimeoutError:
            await self.stop()
            raise Unavailable(
                "resolution.workers_not_ready", f"the node does not start: {self.refused or 'its workers do not answer'}",
                "The lines above say why.", reason=self.refused,
            ) from None  # fmt: skip
        if self.refused:
            await self.stop()
            raise Unavailable(
                "resolution.workers_not_ready", f"the node does not start: {self.refused}",
                "Correct the setting that it names.", reason=self.refused,
            )  # fmt: skip

    async def stop(self) -> None:
        self._stopping.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def ports(self) -> Told | None:
        """Where they listen, once they do."""
        return next((told for told in self._told if told is not None), None)

    @property
    def alive(self) -> int:
        """How many answer."""
        return sum(1 for told in self._told if told is not None)

    def counts(self) -> Counts:
        """What all have counted, those that are gone included; connections are those of the living."""
        total = msgspec.structs.replace(self._gone)
        for told in self._told:
            if told is not None:
                _add(total, told.counts)
        return total

    async def _keep(self, place: int) -> None:
        """Run one worker, again and again."""
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            began = clock.monotonic()
            await self._run(place)
            told, self._told[place] = self._told[place], None
            if told is not None:
                _add(self._gone, msgspec.structs.replace(told.counts, connections=0))
            if self._stopping.is_set() or (self.refused and not self._ready[place].is_set()):
                self._ready[place].set()
                return
            self.restarts += 1
            self._log.warning("resolution_worker_ended", worker=place, again_in_seconds=pause)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            pause = min(2 * pause, _LONGEST_PAUSE) if clock.monotonic() - began < _LONGEST_PAUSE else _FIRST_PAUSE

    async def _run(self, place: int) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lineshaft.resolution.workers", stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, limit=_LINE_BYTES,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        self.pids[place] = process.pid
        stopping = asyncio.create_task(self._stopping.wait())
        stopping.add_done_callback(lambda _: process.stdin.close() if process.stdin is not None else None)
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(msgspec.json.encode(self._config) + b"\n")
                await process.stdin.drain()
            async for line in process.stdout:
                self._take(place, line)
            await process.wait()
        finally:
            stopping.cancel()
            self.pids[place] = 0
            if process.returncode is None:
                process.kill()
                await process.wait()

    def _take(self, place: int, line: bytes) -> None:
        told = msgspec.json.decode(line, type=Told)
        if told.refused:
            self.refused = told.refused
            return
        self.refused = ""
        self._told[place] = told
        self._ready[place].set()


def free_port(host: str) -> int:
    """A port that is free for UDP and TCP, for workers that share one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(100):
        with (
            socket.socket(family, socket.SOCK_STREAM) as stream,
            socket.socket(family, socket.SOCK_DGRAM) as datagrams,
        ):
            stream.bind((host, 0))
            with contextlib.suppress(OSError):
                datagrams.bind((host, stream.getsockname()[1]))
                return int(stream.getsockname()[1])
    raise Unavailable(
        "resolution.no_free_port", f"no port of {host} is free for UDP and TCP", "End other servers.", host=host
    )


def _add(total: Counts, more: Counts) -> None:
    for name in Counts.__struct_fields__:
        setattr(total, name, getattr(total, name) + getattr(more, name))


async def work(config: NodeConfig, tell: Callable[[Told], None], until: asyncio.Event) -> None:
    """Be one worker until the event."""
    try:
        server = NodeServer(config)
        await server.start()
    except LineshaftError as error:
        tell(Told(counts=Counts(), refused=error.message))
        return
    try:
        while not until.is_set():
            tell(
                Told(
                    counts=server.counts, port=server.port, dialect_port=server.dialect_port,
                    http_port=server.http_port,
                )
            )  # fmt: skip
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TELL_SECONDS):
                    await until.wait()
        tell(Told(counts=server.counts, port=server.port))
    finally:
        await server.stop()


async def _main() -> None:
    loop = asyncio.get_running_loop()
    until = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, until.set)
    reader = asyncio.StreamReader(limit=_LINE_BYTES)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    config = msgspec.json.decode(await reader.readline(), type=NodeConfig)
    watching = asyncio.create_task(_wait_for_end(reader, until))
    memory.release()
    try:
        await work(config, _tell, until)
    finally:
        watching.cancel()
        transport.close()


async def _wait_for_end(reader: asyncio.StreamReader, until: asyncio.Event) -> None:
    await reader.read()
    until.set()


def _tell(told: Told) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
        sys.stdout.buffer.flush()


def main() -> None:
    import uvloop

    logs.configure("resolution")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main())


if __name__ == "__main__":
    main()
