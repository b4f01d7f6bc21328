"""Care of the box's own server where its disk fails it.

A stream that once could not write takes nothing any more, not even when the disk has room again: only a restart of the
server brings it back. `ServerCare` asks the server for such streams, says so, and ends the server when there is room;
the supervisor starts it again. What was acknowledged is on disk, what was not is published again by its sender.
"""

import asyncio
import contextlib
import os
import shutil
import signal
from pathlib import Path

from lineshaft.bus.server import PID_FILE
from lineshaft.bus.system import BusAdministration, StreamFault
from lineshaft.core import clock, logs
from lineshaft.core.errors import LineshaftError
from lineshaft.core.health import Check
from lineshaft.core.home import Home

PERIOD_SECONDS = 5.0
ROOM_BYTES = 64 << 20
"""Free disk space from which a restart is worth it."""
BETWEEN_RESTARTS_SECONDS = 30.0


class ServerCare:
    """Watches one home's server until `run` is cancelled."""

    def __init__(self, administration: BusAdministration, home: Home) -> None:
        self.faults: list[StreamFault] = []
        """Streams that cannot write, as of the last look."""
        self._administration = administration
        self._home = home
        self._restarted = -BETWEEN_RESTARTS_SECONDS
        self._log = logs.get("bus")

    async def run(self) -> None:
        while True:
            with contextlib.suppress(LineshaftError):  # no connection: the supervisor starts what is gone
                await self.look()
            await asyncio.sleep(PERIOD_SECONDS)

    def check(self) -> Check:
        """Readiness: whether every stream can write."""
        if not self.faults:
            return Check(name="bus storage", ok=True)
        detail = "; ".join(f"{fault.stream}: {fault.reason}" for fault in self.faults)
        hint = f"Free at least {ROOM_BYTES >> 20} MiB on the disk of {self._home.path}: the bus then goes on by itself."
        return Check(name="bus storage", ok=False, detail=detail, hint=hint)

    async def look(self) -> None:
        """One look at the server; ends it where a restart would help."""
        known = {fault.stream for fault in self.faults}
        self.faults = await self._administration.stream_faults()
        for fault in self.faults:
            if fault.stream not in known:
                self._log.error("bus_stream_cannot_write", stream=fault.stream, reason=fault.reason)
        if known and not self.faults:
            self._log.info("bus_streams_write_again")
        if self.faults and self._may_restart():
            self._end_server()

    def _may_restart(self) -> bool:
        rested = clock.monotonic() - self._restarted >= BETWEEN_RESTARTS_SECONDS
        return rested and shutil.disk_usage(self._home.folder("bus")).free >= ROOM_BYTES

    def _end_server(self) -> None:
        pid = server_pid(self._home)
        if pid is None:
            return
        self._restarted = clock.monotonic()
        self._log.warning("bus_server_restarts", pid=pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def server_pid(home: Home) -> int | None:
    """Process of the home's own server; None where none runs here, or the number belongs to another program by now."""
    try:
        text = (home.run / PID_FILE).read_text("ascii").strip()
        command = Path(f"/proc/{int(text)}/cmdline")
        config = os.fsencode(home.path / "bus")
        if Path("/proc/self").exists() and config not in command.read_bytes():
            return None
    except (OSError, ValueError):
        return None
    return int(text)
