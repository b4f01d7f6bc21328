"""The lock of a log's folder: one process writes, and others can see that it does."""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from lineshaft.core.errors import Conflict

FILE: Final = "lock"
_TRIES: Final = 100
_PAUSE_SECONDS: Final = 0.02


def hold(folder: Path) -> int:
    """Take the lock; it is given back by closing the descriptor returned, or by the end of the process.

    Raises:
        Conflict: another process has it.
    """
    descriptor = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for _ in range(_TRIES):  # somebody who only looks holds it for an instant, on a busy machine for longer
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS)
        else:
            return descriptor
    os.close(descriptor)
    raise Conflict(
        "ledger.log_in_use", f"another process writes the log in {folder}",
        "A log has one writer: `lineshaft status` shows what runs.", path=str(folder),
    )  # fmt: skip


def is_being_written(folder: Path) -> bool:
    """Whether a process holds the lock."""
    try:
        descriptor = os.open(folder / FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
