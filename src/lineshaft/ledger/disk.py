"""Writing a log's files: tiles that a reader never sees half-written, and what a full disk is called."""

import ctypes
import errno
import os
import shutil
from pathlib import Path
from typing import Final

from lineshaft.core.errors import LineshaftError, Unavailable
from lineshaft.ledger.tiles import Tile

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_tile(folder: Path, tile: Tile, data: bytes) -> None:
    """Put a tile or bundle in its place, whole; not yet durable. A full one takes the place of its partial ones."""
    path = f"{folder}/tile/{tile.path}"
    parent, _, name = path.rpartition("/")
    temporary = f"{parent}/.{name}.new"
    try:
        try:
            descriptor = os.open(temporary, _NEW, 0o600)
        except FileNotFoundError:
            Path(parent).mkdir(parents=True, exist_ok=True)
            descriptor = os.open(temporary, _NEW, 0o600)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        finally:
            os.close(descriptor)
        os.rename(temporary, path)  # noqa: PTH104  # a path object costs as much as the file
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if tile == tile.full and (partials := Path(f"{path}.p")).is_dir():
        shutil.rmtree(partials)


def sync_volume(folder: Path) -> None:
    """Make everything on the folder's volume durable: one call where a file after another would take thousands."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def fault(folder: Path, error: OSError) -> LineshaftError:
    """What a failed write is called."""
    reason = str(error.strerror or error)
    if error.errno in _FULL:
        return Unavailable(
            "ledger.disk_full", f"the log in {folder} cannot grow: {reason}",
            "Free space on that volume; nothing was taken in, and the next attempt goes on from here.",
            path=str(folder), reason=reason,
        )  # fmt: skip
    return Unavailable(
        "ledger.write_failed", f"the log in {folder} cannot be written: {reason}",
        "Look at the volume's health and at the folder's owner; nothing was taken in.", path=str(folder), reason=reason,
    )  # fmt: skip
