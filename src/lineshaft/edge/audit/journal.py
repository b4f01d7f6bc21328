"""Events on the gateway's disk that the bus does not have yet: lines of an append-only file, each with its checksum."""

import os
import zlib
from collections import deque
from pathlib import Path
from typing import Any, Final

import msgspec

from lineshaft.core.errors import Unavailable
from lineshaft.core.home import write_file

MOST: Final = 20_000
"""Events that may wait; then no more are taken, and the guard lets nothing pass that would have to be recorded."""


class Event(msgspec.Struct, frozen=True):
    """One event."""

    id: str
    facts: dict[str, Any]


class Journal:
    """Of one gateway. Blocks for the disk; one call at a time.

    Args:
        folder: its own; made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "waiting"
        self.damaged = 0
        """Lines that could not be read when it was opened."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.waiting = deque(self._load())
            if self.damaged or not self.waiting:
                self._write_anew()
        except OSError as error:
            raise self._trouble(error) from error

    def keep(self, event: Event) -> None:
        """Take an event; returns once it is on disk.

        Raises:
            Unavailable: the disk does not take it, or too many wait.
        """
        if len(self.waiting) >= MOST:
            raise self._trouble(f"{MOST} events wait for the bus")
        try:
            self._append(_line(event))
        except OSError as error:
            raise self._trouble(error) from error
        self.waiting.append(event)

    def forget(self, count: int) -> None:
        """The bus has the oldest ones now. The file shrinks when it has all: what is sent again counts once."""
        for _ in range(count):
            self.waiting.popleft()
        if not self.waiting:
            try:
                self._write_anew()
            except OSError as error:
                raise self._trouble(error) from error

    def _load(self) -> list[Event]:
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
            return []
        found = [_read(line) for line in data.splitlines()]
        events = [event for event in found if event is not None]
        self.damaged = len(found) - len(events)
        return events

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if os.write(descriptor, line) != len(line):
                os.ftruncate(descriptor, size)
                raise OSError("the disk took only a part")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _write_anew(self) -> None:
        write_file(self._file, b"".join(map(_line, self.waiting)))

    def _trouble(self, reason: object) -> Unavailable:
        return Unavailable(
            "edge.audit_not_kept", f"the gateway cannot keep events for the audit trail in {self._file}: {reason}",
            "Free space on its disk, or bring the bus back; what must be recorded is refused until then.",
            path=str(self._file), reason=str(reason),
        )  # fmt: skip


def _line(event: Event) -> bytes:
    text = msgspec.json.encode(event)
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _read(line: bytes) -> Event | None:
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    try:
        return msgspec.json.decode(text, type=Event)
    except msgspec.MsgspecError:
        return None
