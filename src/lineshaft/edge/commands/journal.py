"""The gateway's memory of commands: on disk before a machine is written to, so that a crash never writes twice.

An append-only file of lines, each a checksum and the outcome of a command as far as it is known; the last line of a
command counts. A command whose last line says that it was under way when the process ended is indeterminate. What is
too old to be asked for again is left out when the file is written anew.
"""

import fcntl
import os
import threading
import zlib
from pathlib import Path
from typing import Final

import msgspec

from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Corrupt, TooMany, Unavailable
from lineshaft.edge.commands.messages import Outcome
from lineshaft.edge.commands.model import Step

KEPT_US: Final = 2 * 3600 * clock.MICROSECONDS
"""Twice the longest time that a command can count."""
MOST: Final = 50_000
"""Commands remembered; with more than that within `KEPT_US` no further ones are taken."""
COMPACT_BYTES: Final = 8 << 20
_SYNCED: Final = frozenset({"armed", "cancelled"})


class Journal:
    """Of one gateway. Blocks for the disk: call it in a thread; calls may overlap.

    Args:
        folder: its own; made where it is missing.
        gateway: who says that a command is indeterminate.

    Raises:
        Corrupt: the file was changed or damaged. Conflict: another process has it. Unavailable: the disk.
    """

    def __init__(self, folder: Path, gateway: str) -> None:
        self._file = folder / "journal"
        self._gateway = gateway
        self._known: dict[str, Outcome] = {}
        self._lock = threading.Lock()
        self._size = 0
        self._compact_at = COMPACT_BYTES
        self._broken = ""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = self._open()
        except OSError as error:
            raise self._trouble(error) from error
        try:
            self._load()
            self._settle()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def known(self, command: str) -> Outcome | None:
        """What is known of a command; None where it was never taken."""
        return self._known.get(command)

    def __len__(self) -> int:
        return len(self._known)

    def keep(self, outcome: Outcome) -> None:
        """Remember what is known of a command; returns once it is on disk, where it goes to a machine now.

        What comes after that survives a crash of the process at once, and of the machine a little later: without it the
        next start says `indeterminate`.

        So is one that was cancelled: it must not be carried out when it comes later.

        Raises:
            Unavailable: the disk does not take it; then it is not remembered, and nothing may be executed.
            TooMany: a new command, and too many are remembered.
        """
        with self._lock:
            if outcome.command not in self._known and len(self._known) >= MOST:
                self._compact()
                self._check_room()
            self._append(_line(outcome), sync=outcome.state in _SYNCED)
            self._known[outcome.command] = outcome
            if self._size > self._compact_at:
                self._compact()

    # -- inside ---------------------------------------------------------------------------------------------------------

    def _open(self) -> int:
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise Conflict(
                "edge.command_journal_taken", f"another process keeps the commands of this gateway in {self._file}",
                "Only one gateway may run in a home: stop the other.", path=str(self._file),
            ) from None  # fmt: skip
        _sync_folder(self._file.parent)
        return descriptor

    def _load(self) -> None:
        data = self._file.read_bytes()
        whole = data.rfind(b"\n") + 1
        for number, line in enumerate(data[:whole].splitlines(), start=1):
            outcome = _read(line)
            if outcome is None:
                raise Corrupt(
                    "edge.command_journal_damaged", f"line {number} of {self._file} is damaged",
                    "What became of some commands is not known any more: look at the machines, then move the file away.",
                    path=str(self._file), line=number,
                )  # fmt: skip
            self._known[outcome.command] = outcome
        if whole != len(data):  # a line that was being written: nothing was executed before it was whole
            os.ftruncate(self._descriptor, whole)
        self._size = whole

    def _settle(self) -> None:
        """What was under way when the process ended: nobody knows whether the machine took it, or whether it held."""
        for outcome in [each for each in self._known.values() if not each.settled]:
            taken = outcome.state == "executed"
            detail = (
                "the gateway stopped after the machine had taken the value, before it was read back"
                if taken
                else "the gateway stopped before the machine's answer came"
            )
            step = Step(state="indeterminate", time=clock.now_us(), by=self._gateway, detail=detail)
            self.keep(msgspec.structs.replace(outcome, steps=(*outcome.steps, step), settled=True))

    def _append(self, line: bytes, *, sync: bool) -> None:
        if self._broken:
            raise self._trouble(self._broken)
        try:
            _write_whole(self._descriptor, line)
            if sync:
                os.fsync(self._descriptor)
        except OSError as error:
            self._undo(error)
            raise self._trouble(error) from error
        self._size += len(line)

    def _undo(self, error: OSError) -> None:
        """Take back half a line: the next one must not be joined to it."""
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            self._broken = str(error)

    def _compact(self) -> None:
        """Write the file anew with what may still be asked for. Where the disk refuses, the old one stays."""
        oldest = clock.now_us() - KEPT_US
        kept = {name: each for name, each in self._known.items() if not each.settled or each.steps[-1].time > oldest}
        fresh = self._file.with_suffix(".new")
        content = b"".join(_line(each) for each in kept.values())
        try:
            descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(os.dup(descriptor), "wb") as file:
                    file.write(content)
                os.fsync(descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fresh.replace(self._file)
            except BaseException:
                os.close(descriptor)
                raise
            _sync_folder(self._file.parent)
        except OSError:
            self._compact_at = 2 * max(self._size, COMPACT_BYTES)
            return
        os.close(self._descriptor)
        self._descriptor, self._known, self._size = descriptor, kept, len(content)
        self._compact_at = max(COMPACT_BYTES, 2 * len(content))

    def _check_room(self) -> None:
        if len(self._known) >= MOST:
            raise TooMany(
                "edge.commands_too_many", f"the gateway remembers {len(self._known)} commands of the last two hours",
                "Write less often: a command is no way to stream values.", count=len(self._known), maximum=MOST,
            )  # fmt: skip

    def _trouble(self, reason: object) -> Unavailable:
        return Unavailable(
            "edge.command_not_kept", f"the gateway cannot keep commands in {self._file}: {reason}",
            "Free space on its disk; nothing is written to machines until then.", path=str(self._file), reason=str(reason),
        )  # fmt: skip


def _line(outcome: Outcome) -> bytes:
    text = msgspec.json.encode(outcome)
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _read(line: bytes) -> Outcome | None:
    """The outcome in a line without its end; None where it is damaged."""
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    try:
        return msgspec.json.decode(text, type=Outcome)
    except msgspec.MsgspecError:
        return None


def _write_whole(descriptor: int, line: bytes) -> None:
    if os.write(descriptor, line) != len(line):
        raise OSError("the disk took only a part")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
