"""One maintainer at a time: a lock on a folder, a lease in an object store. Commits are fenced besides.

A folder's lock ends with its process. A lease is renewed while it is held; whoever cannot renew it, or finds another's in
its place, holds it no longer and stops at the next `check`, long before somebody else may take it.
"""

import contextlib
import fcntl
import os
import socket
import threading
from collections.abc import Iterator
from typing import Final

import msgspec

from lineshaft.core import clock, ids, logs
from lineshaft.core.errors import Conflict, LineshaftError
from lineshaft.history.storage import Storage

NAME: Final = "maintenance.lock"
LEASE_SECONDS: Final = 120.0
"""How long a lease in an object store holds after it was last renewed."""
RENEWALS: Final = 6
"""How often it is renewed in that time."""
_TRUSTED: Final = 0.7
"""Of that time its holder relies on it; the rest is for clocks that differ and for what is under way."""
THREAD: Final = "maintenance lease"


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """Content of the lease in an object store."""

    holder: str
    until_us: int


class Right:
    """The right to maintain, as long as it lasts."""

    def check(self) -> None:
        """Return where it still holds; call it before whatever another maintainer must not find undone or done twice.

        Raises:
            Conflict: `history.maintenance_lease_lost`.
        """


class _Renewed(Right):
    """A lease in an object store, renewed by a thread of its own."""

    def __init__(self, storage: Storage, seconds: float, every: float) -> None:
        self._storage = storage
        self._seconds = seconds
        self._every = every
        self._holder = f"{socket.gethostname()}/{os.getpid()}/{ids.new_id()}"
        self._over = threading.Event()
        self._taken = ""
        self._good_until = 0.0
        self._thread = threading.Thread(target=self._renew, name=THREAD, daemon=True)

    def take(self) -> None:
        """Take it, and begin to renew it.

        Raises:
            Conflict: somebody else holds it.
        """
        found = self._found()
        if found is not None and found.until_us > clock.now_us():
            raise _busy(self._storage)
        self._write()
        if self._is_others():  # two at the same moment: the one that wrote last has it
            raise _busy(self._storage)
        self._thread.start()

    def check(self) -> None:
        if self._taken or clock.monotonic() > self._good_until:
            raise Conflict(
                "history.maintenance_lease_lost",
                f"the lease on the tables in {self._storage} could not be renewed: {self._taken or 'no answer'}",
                "What was committed stays; the next maintenance does the rest.", path=str(self._storage),
                reason=self._taken or "no answer",
            )  # fmt: skip

    def give_back(self) -> None:
        """Stop to renew it, and let others take it."""
        self._over.set()
        self._thread.join()
        with contextlib.suppress(OSError, LineshaftError):  # then it runs out
            if not self._taken and not self._is_others():
                self._storage.delete(NAME)

    def _renew(self) -> None:
        log = logs.get("history")
        while not self._over.wait(self._every):
            try:
                if self._is_others():
                    self._taken = "another maintainer has taken it"
                    log.warning("history_maintenance_lease_lost", path=str(self._storage))
                    return
                self._write()
            except (OSError, LineshaftError) as error:  # tried again until it has run out
                log.warning("history_maintenance_lease_not_renewed", path=str(self._storage), reason=str(error))

    def _write(self) -> None:
        now = clock.monotonic()
        until_us = clock.now_us() + round(self._seconds * clock.MICROSECONDS)
        self._storage.replace(NAME, msgspec.json.encode(Lease(holder=self._holder, until_us=until_us)))
        self._good_until = now + self._seconds * _TRUSTED

    def _is_others(self) -> bool:
        found = self._found()
        return found is None or found.holder != self._holder

    def _found(self) -> Lease | None:
        try:
            return msgspec.json.decode(self._storage.read(NAME), type=Lease)
        except (FileNotFoundError, msgspec.DecodeError):
            return None


@contextlib.contextmanager
def held(storage: Storage, *, seconds: float = LEASE_SECONDS, every: float | None = None) -> Iterator[Right]:
    """Hold the right to maintain these tables.

    Args:
        seconds: how long a lease in an object store holds without being renewed.
        every: how often it is renewed; `RENEWALS` times in that time where not given.

    Raises:
        Conflict: somebody else maintains them now.
    """
    if storage.folder is not None:
        with _locked(storage):
            yield Right()
        return
    lease = _Renewed(storage, seconds, seconds / RENEWALS if every is None else every)
    lease.take()
    try:
        yield lease
    finally:
        lease.give_back()


@contextlib.contextmanager
def _locked(storage: Storage) -> Iterator[None]:
    assert storage.folder is not None
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
