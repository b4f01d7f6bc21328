"""What can go wrong with a database, as errors of ours: one vocabulary for both engines.

  records.disk_full    the volume or the quota is full
  records.busy         another transaction held a lock for too long
  records.collision    two transactions of which only one could win (PostgreSQL); `Database.write` tries again by itself
  records.read_only    the file, its volume or the server takes no writes
  records.unreachable  the file cannot be opened; the server does not answer, went away, or does not let us in
  records.disk_error   reading or writing failed below the database
  records.damaged      the database says its own data is not what it must be
  records.value_refused  a value that the engine cannot hold

Broken constraints stay `sqlalchemy.exc.IntegrityError`: what they mean only the package knows whose table it is.
"""

from collections.abc import Callable

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import IntegrityError

from lineshaft.core.errors import Corrupt, InvalidInput, LineshaftError, Unavailable

READING = "records_reading"
"""Execution option of a connection inside `Database.read`."""

Reader = Callable[[BaseException], LineshaftError | None]
"""Reads a driver's exception; None where it is not a fault of the engine."""


def translate(engine: Engine, reader: Reader) -> None:
    """Make every statement, connect and commit of `engine` raise our error where the engine itself is at fault."""

    def handle(context: ExceptionContext) -> LineshaftError | None:
        # A pre-ping's failure is no failure: the pool opens a new connection, and that one speaks for itself.
        if context.is_pre_ping or isinstance(context.sqlalchemy_exception, IntegrityError):
            return None
        fault = reader(context.original_exception)
        reading = context.connection is not None and context.connection.get_execution_options().get(READING)
        # Writing inside `Database.read` is a mistake of the caller, not of the disk.
        return None if reading and fault is not None and fault.code == "records.read_only" else fault

    event.listen(engine, "handle_error", handle)


def disk_full(place: str, reason: str) -> LineshaftError:
    return Unavailable(
        "records.disk_full", f"the records in {place} cannot grow: {reason}",
        "Free space on that volume; nothing was changed and the next attempt goes on from here.",
        place=place, reason=reason,
    )  # fmt: skip


def busy(place: str, seconds: float) -> LineshaftError:
    return Unavailable(
        "records.busy", f"the records in {place} were locked by another transaction for {seconds:g} s",
        "Try again; if it stays so, look for a long import or a backup tool that holds the database.",
        place=place, seconds=seconds,
    )  # fmt: skip


def collision(place: str) -> LineshaftError:
    return Unavailable(
        "records.collision", f"another transaction in {place} changed the same records at the same moment",
        "Try again.", place=place,
    )  # fmt: skip


def read_only(place: str, reason: str) -> LineshaftError:
    return Unavailable(
        "records.read_only", f"the records in {place} take no changes: {reason}",
        "Check the owner and mode of the file and that its volume is mounted writable; "
        "with PostgreSQL, that the address is the primary's.",
        place=place, reason=reason,
    )  # fmt: skip


def closed(place: str) -> LineshaftError:
    return Unavailable(
        "records.closed", f"the records in {place} are closed here: this part is stopping",
        "Ask again once it has started anew.", place=place,
    )  # fmt: skip


def unreachable(place: str, reason: str) -> LineshaftError:
    return Unavailable(
        "records.unreachable", f"the records in {place} cannot be reached: {reason}",
        "Check that the folder exists; with PostgreSQL, that the server runs and that the setting records.url "
        "names the right address, user, password and database.",
        place=place, reason=reason,
    )  # fmt: skip


def disk_error(place: str, reason: str) -> LineshaftError:
    return Unavailable(
        "records.disk_error", f"reading or writing the records in {place} failed: {reason}",
        "Look at the system's log for errors of the disk; take a backup before anything else.",
        place=place, reason=reason,
    )  # fmt: skip


def damaged(place: str, reason: str) -> LineshaftError:
    return Corrupt(
        "records.damaged", f"the records in {place} are damaged: {reason}",
        "Stop Lineshaft, keep a copy of the file, and restore the newest backup.", place=place, reason=reason,
    )  # fmt: skip


def value_refused(place: str, reason: str) -> LineshaftError:
    return InvalidInput(
        "records.value_refused", f"the database cannot hold a value: {reason}",
        "Text must be Unicode without NUL characters; whole numbers must fit the column, at most 64 bits.", place=place, reason=reason,
    )  # fmt: skip
