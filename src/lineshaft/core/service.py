"""A service: something that starts, is ready, and stops; and the runner that gives one a process of its own."""

import asyncio
import contextlib
import os
import signal
import sys
from abc import ABC, abstractmethod
from typing import ClassVar

from lineshaft.core import logs, memory
from lineshaft.core.errors import LineshaftError
from lineshaft.core.health import Check, HealthListener
from lineshaft.core.home import Home, Identity
from lineshaft.core.settings import Settings

SUPERVISED = "LINESHAFT_SUPERVISED"
"""Set by the supervisor: standard input is a pipe that closes when the supervisor is gone."""

RELEASE_SECONDS = (0.0, 8.0)
"""When freed memory is given back: after the imports, and once the first work has been done."""


class Context:
    """What every service is given: where it lives, who the installation is, and its settings."""

    def __init__(self, home: Home, settings: Settings) -> None:
        self.home = home
        self.settings = settings

    @property
    def identity(self) -> Identity:
        return self.home.identity()


class Service(ABC):
    """Base of the long-running parts. `start` returns when the service works or has begun to try; `stop` undoes it."""

    NAME: ClassVar[str]

    def __init__(self, context: Context) -> None:
        self.context = context
        self.log = logs.get(self.NAME)

    @abstractmethod
    async def start(self) -> None: ...

    @abstractmethod
    async def stop(self) -> None: ...

    async def checks(self) -> list[Check]:
        """Conditions of readiness; an empty list means ready."""
        return []

    def fail(self, error: BaseException) -> None:
        """End the process from a background task that cannot go on; the supervisor starts it anew."""
        self.log.error("service_failed", error=str(error), kind=type(error).__name__)
        self.failure = error
        self.stopping.set()

    @property
    def stopping(self) -> asyncio.Event:
        """Set once the service is asked to stop."""
        if not hasattr(self, "_stopping"):
            self._stopping = asyncio.Event()
        return self._stopping

    failure: BaseException | None = None


async def run(service: Service) -> int:
    """Run a service until a signal, the supervisor's end, or its own failure; returns the exit status."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stopping.set)
    watcher = loop.create_task(_stop_with_supervisor(service.stopping)) if os.environ.get(SUPERVISED) else None
    health = HealthListener(service.context.home.socket(service.NAME), service.NAME, service.checks)
    try:
        await health.start()
        await service.start()
        health.started = True
        service.log.info("service_started", pid=os.getpid())
        for seconds in RELEASE_SECONDS:
            loop.call_later(seconds, memory.release)
        await service.stopping.wait()
    except LineshaftError as error:
        service.log.error("service_refused", code=error.code, message=error.message, hint=error.hint)
        service.failure = error
    finally:
        if watcher is not None:
            watcher.cancel()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(service.stop(), timeout=20)
        await health.close()
        service.log.info("service_stopped", failed=service.failure is not None)
    return 1 if service.failure is not None else 0


async def _stop_with_supervisor(stopping: asyncio.Event) -> None:
    """Standard input is the supervisor's pipe: its end means the supervisor is gone, whatever killed it."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        await reader.read()
        stopping.set()
    finally:
        transport.close()
