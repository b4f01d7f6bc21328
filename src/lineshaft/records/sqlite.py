"""The SQLite engine: one file in WAL mode, durable at each commit, one writer at a time."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool

from lineshaft.core.errors import LineshaftError
from lineshaft.core.home import sync_folder
from lineshaft.records import faults
from lineshaft.records.json import to_json

_WAL_KEPT_BYTES = 64 * 2**20


def open_engine(path: Path, wait_seconds: float, connections: int) -> Engine:
    """An engine on the file, which is made if missing, readable by its owner only."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool, pool_size=connections, max_overflow=connections, pool_timeout=wait_seconds,
        json_serializer=to_json, json_deserializer=msgspec.json.decode,
        # Without a mode of its own the driver starts no transaction behind our back: `_begin` does, for DDL too.
        connect_args={"timeout": wait_seconds, "isolation_level": None, "check_same_thread": False},
    )  # fmt: skip
    faults.translate(engine, lambda error: fault(error, str(path), wait_seconds))
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "reset", _reset)
    try:
        _make(path)
    except OSError as error:
        raise faults.unreachable(str(path), error.strerror or str(error)) from error
    _switch_to_wal(path, wait_seconds)
    return engine


def open_copy(path: Path) -> Engine:
    """An engine that only reads a file to which nobody else writes, such as one on a read-only volume."""
    engine = create_engine(
        URL.create("sqlite", database=f"file:{quote(str(path.absolute()))}", query={"mode": "ro", "uri": "true"}),
        poolclass=NullPool, connect_args={"isolation_level": None},
    )  # fmt: skip
    faults.translate(engine, lambda error: fault(error, str(path), 0))
    return engine


def _make(path: Path) -> None:
    """An empty file of mode 0600; the write-ahead log and its index inherit the mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    sync_folder(path.parent)


def _switch_to_wal(path: Path, wait_seconds: float) -> None:
    """WAL is a property of the file: switch once. Of two that switch at the same moment one is refused unwaited."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            with closing(sqlite3.connect(path, timeout=wait_seconds, isolation_level=None)) as connection:
                if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                    connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.Error as error:
            if _primary(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise fault(error, str(path), wait_seconds) or error from error
            time.sleep(0.02)
        else:
            return


def _prepare(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}")
    cursor.close()


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get(faults.READING):
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.exec_driver_sql("BEGIN")
    else:
        # The write lock is taken at once: a transaction that read first and writes later could only fail.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _reset(connection: Any, _record: Any, _state: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = OFF")
    cursor.close()


def _primary(error: BaseException) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def fault(error: BaseException, place: str, wait_seconds: float) -> LineshaftError | None:
    """The error of ours for one of the driver's; None where a statement, not the engine, is at fault."""
    if isinstance(error, OverflowError | UnicodeEncodeError):
        return faults.value_refused(place, str(error))
    code = _primary(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return faults.busy(place, wait_seconds)
    make = _FAULTS.get(code or sqlite3.SQLITE_OK)
    return make(place, str(error)) if make else None


_FAULTS = {
    sqlite3.SQLITE_FULL: faults.disk_full,
    sqlite3.SQLITE_READONLY: faults.read_only,
    sqlite3.SQLITE_PERM: faults.read_only,
    sqlite3.SQLITE_CANTOPEN: faults.unreachable,
    sqlite3.SQLITE_IOERR: faults.disk_error,
    sqlite3.SQLITE_CORRUPT: faults.damaged,
    sqlite3.SQLITE_NOTADB: faults.damaged,
}
