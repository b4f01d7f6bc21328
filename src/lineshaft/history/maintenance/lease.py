"""One maintainer at a time: a lock on a folder, a lease in an object store. Commits are fenced besides."""

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator

import msgspec

from lineshaft.core import clock
from lineshaft.core.errors import Conflict
from lineshaft.history.storage import Storage

NAME = "maintenance.lock"
LEASE_SECONDS = 600.0
"""How long a lease in an object store holds after it was last renewed; a folder's lock ends with its process."""


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """Content of the lease in an object store."""

    holder: str
    until_us: int


@contextlib.contextmanager
def held(storage: Storage) -> Iterator[None]:
    """Hold the right to maintain these tables.

    Raises:
        Conflict: somebody else maintains them now.
    """
    if storage.folder is not None:
        storage.prepare()
        descriptor = os.open(storage.folder / NAME, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _busy(storage) from None
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
            yield
            os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)
        return
    holder = f"{socket.gethostname()}/{os.getpid()}"
    with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
        found = msgspec.json.decode(storage.read(NAME), type=Lease)
        if found.until_us > clock.now_us() and found.holder != holder:
            raise _busy(storage)
    until_us = clock.now_us() + round(LEASE_SECONDS * clock.MICROSECONDS)
    storage.replace(NAME, msgspec.json.encode(Lease(holder=holder, until_us=until_us)))
    try:
        yield
    finally:
        storage.delete(NAME)


def was_interrupted(storage: Storage) -> bool:
    """Whether the last maintenance did not come to its end, so that there is something to go on with."""
    try:
        return bool(storage.read(NAME))
    except OSError:
        return False


def _busy(storage: Storage) -> Conflict:
    return Conflict(
        "history.maintenance_busy", f"the tables in {storage} are being maintained by another process",
        "Wait until that has ended; GET /api/v1/system/jobs lists it.", path=str(storage),
    )  # fmt: skip
