"""A consistent copy of all records, taken while everything runs, and the way back, also from one engine to the other.

SQLite is copied as one database file; PostgreSQL, in one transaction that sees one moment, as JSON lines (see `rows`).
A file goes back into SQLite page by page; every other way back makes the tables by their migrations, up to the
revisions that the copy was taken at, and fills them row by row. The whole copy arrives or none of it.
"""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.expression import TableClause

from lineshaft.core.errors import InvalidInput
from lineshaft.core.home import sync_folder
from lineshaft.records import faults, rows, sqlite
from lineshaft.records.database import Database
from lineshaft.records.schema import VERSION_PREFIX, Script, exclusive, migrate, up_to, versions

_FILE = "records.db"

Reader = Callable[[TableClause], rows.Rows]
"""Gives a table's rows from a copy, columns in the table's order."""


def dump(db: Database, folder: Path) -> None:
    """Write a copy of all records, as of one moment, into `folder` (made if missing). Nobody has to wait for it.

    Raises:
        Unavailable: the records cannot be read or the copy cannot be written; see `records.faults`.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if db.is_sqlite:
            _dump_file(db, folder / _FILE)
        else:
            with db.read() as connection:
                rows.write(connection, folder)
        sync_folder(folder)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise (faults.disk_full if full else faults.disk_error)(str(folder), str(error)) from error


def load(db: Database, folder: Path) -> None:
    """Replace all records in `db` by the copy in `folder`. Nothing else may use the database meanwhile.

    Raises:
        InvalidInput: there is no copy in the folder.
        Corrupt: the copy is not whole.
        Conflict: a newer release wrote the copy.
        Unavailable: the records cannot be written; see `records.faults`.
    """
    if (folder / _FILE).exists():
        with _copied(folder / _FILE) as connection:
            reached = versions(connection)
            steps = up_to(reached, str(folder))
            if db.is_sqlite:
                _restore_file(connection, db)
            else:
                _fill(db, steps, lambda target: rows.read(connection, target))
        return
    manifest = rows.manifest_of(folder)
    if manifest is None:
        raise InvalidInput(
            "records.copy_missing", f"there is no copy of the records in {folder}",
            "Name the folder that holds records.db or records.json.", field="folder", value=str(folder),
        )  # fmt: skip
    _fill(db, up_to(manifest.versions, str(folder)), _lines(folder, manifest))


def _lines(folder: Path, manifest: rows.Manifest) -> Reader:
    def reader(target: TableClause) -> rows.Rows:
        if target.name not in manifest.tables:
            raise rows.damaged(folder, f"the table {target.name} is missing")
        return rows.read_lines(folder, target.name, list(target.c), manifest.tables[target.name])

    return reader


def _dump_file(db: Database, file: Path) -> None:
    """SQLite's own backup: page by page inside one read transaction, then one plain file without a log beside it."""
    unfinished = file.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with db.engine.connect() as connection, closing(sqlite3.connect(unfinished)) as copy:
            _driver(connection).backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        unfinished.replace(file)
    except sqlite3.Error as error:
        raise sqlite.fault(error, f"{db.place} or {file}", 0) or error from error
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _copied(file: Path) -> Iterator[Connection]:
    """A copied file, open for reading once SQLite has found it whole."""
    engine = sqlite.open_copy(file)
    try:
        with engine.connect() as connection:
            verdict = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
            if verdict != "ok":
                raise rows.damaged(file, str(verdict))
            yield connection
    finally:
        engine.dispose()


def _restore_file(copy: Connection, db: Database) -> None:
    try:
        with db.engine.connect() as connection:
            _driver(copy).backup(_driver(connection))
    except sqlite3.Error as error:
        raise sqlite.fault(error, db.place, 0) or error from error
    db.engine.dispose()


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _fill(db: Database, steps: Sequence[Script], reader: Reader) -> None:
    """Make all tables anew and fill them, in one transaction."""
    with exclusive(db) as connection:
        _drop_all(connection)
        migrate(connection, steps)
        try:
            with _without_references(connection):
                for target in rows.our_tables(connection):
                    rows.fill(connection, target, reader(target))
        except IntegrityError as error:
            raise rows.damaged(Path(db.place), str(error.orig)) from error


def _drop_all(connection: Connection) -> None:
    names = [target.name for target in rows.our_tables(connection)]
    names += [f"{VERSION_PREFIX}{package}" for package in versions(connection)]
    cascade = " CASCADE" if connection.dialect.name == "postgresql" else ""
    for name in names:
        connection.exec_driver_sql(f'DROP TABLE "{name}"{cascade}')


@contextmanager
def _without_references(connection: Connection) -> Iterator[None]:
    """Let rows arrive in any order: references are checked when all are there (SQLite: by `exclusive`)."""
    references: list[tuple[str, ...]] = []
    if connection.dialect.name == "postgresql":
        references = [tuple(map(str, row)) for row in connection.exec_driver_sql(_REFERENCES)]
    for table, name, _ in references:
        connection.exec_driver_sql(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    yield
    for table, name, definition in references:
        connection.exec_driver_sql(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')


_REFERENCES = """
SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
"""
