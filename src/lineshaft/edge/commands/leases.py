"""The gateway's memory of leases: who alone writes to a device now, whatever the server or a foreign client sends.

What `web` says of a device counts by the time at which it knew it: the newest word wins, and an older one that comes late
changes nothing. It is kept on disk, so that a restart of the gateway ends no lease. A lease ends by the time that has gone
by here since it was heard of; only after a restart by the gateway's clock.
"""

import threading
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from lineshaft.core import clock
from lineshaft.core.errors import Conflict
from lineshaft.core.home import write_file
from lineshaft.edge.commands.messages import Standing
from lineshaft.edge.commands.model import LONGEST_LEASE_SECONDS, Lease

MOST: Final = 10_000
"""Devices remembered; those without a lease are forgotten first."""


class _Held(NamedTuple):
    standing: Standing
    ends: float
    """By the monotonic clock; 0 where nobody has it."""


class Leases:
    """Of one gateway.

    Args:
        folder: its own; None: they are kept in memory only.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = None if folder is None else folder / "leases.json"
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()
        self._load()

    def of(self, device: str) -> Lease | None:
        """Who writes to a device alone now; None where everybody may."""
        held = self._held.get(device)
        return held.standing.lease if held is not None and clock.monotonic() < held.ends else None

    def check(self, device: str, principal: str) -> None:
        """Refuse whoever is not the one who has the device alone.

        Raises:
            Conflict: names who has it.
        """
        lease = self.of(device)
        if lease is not None and lease.principal != principal:
            until = clock.rfc3339(lease.until)
            raise Conflict(
                "edge.device_leased", f"{lease.name} alone writes to {device!r} until {until}",
                "Ask them to give it back, or wait.", device=device, holder=lease.name, until=until,
            )  # fmt: skip

    def adopt(self, standing: Standing) -> bool:
        """Learn what `web` knows; whether that is to be kept on disk (`keep`), which blocks."""
        with self._lock:
            before = self._held.get(standing.device)
            if before is not None and before.standing.known >= standing.known:
                return False
            lease = standing.lease
            left = 0.0 if lease is None else (lease.until - standing.known) / clock.MICROSECONDS
            ends = clock.monotonic() + min(left, LONGEST_LEASE_SECONDS) if left > 0 else 0.0
            if before is None and len(self._held) >= MOST:
                self._held = {name: held for name, held in self._held.items() if clock.monotonic() < held.ends}
            self._held[standing.device] = _Held(standing, ends)
            return lease != (None if before is None else before.standing.lease)

    def keep(self) -> None:
        """Write down the leases in force.

        Raises:
            OSError: the disk does not take it.
        """
        if self._file is None:
            return
        with self._lock:
            now = clock.monotonic()
            write_file(self._file, msgspec.json.encode([h.standing for h in self._held.values() if now < h.ends]))

    def _load(self) -> None:
        """A file that cannot be read is none: the next word of `web` tells again."""
        if self._file is None:
            return
        try:
            found = msgspec.json.decode(self._file.read_bytes(), type=list[Standing])
        except (OSError, msgspec.MsgspecError):
            return
        now = clock.now_us()
        for standing in found:
            if standing.lease is not None:
                left = min((standing.lease.until - now) / clock.MICROSECONDS, LONGEST_LEASE_SECONDS)
                self._held[standing.device] = _Held(standing, clock.monotonic() + left)
