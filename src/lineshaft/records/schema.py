"""Forward migration: from whatever an earlier release left to what this one needs, or nothing at all.

A package's scripts are `migrations/0001_<noun>.py`, `0002_…` (Alembic revision files, one line without branches); the
table `records_version_<package>` holds the revision reached. All that is pending runs in one transaction, structure
and data alike, on both engines: a killed or failed upgrade leaves the old database, and the next one starts over.
"""

import importlib.util
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy import Column, Connection, MetaData, String, Table, delete, insert, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from lineshaft.core.errors import Conflict, Corrupt
from lineshaft.records.database import Database

VERSION_PREFIX = "records_version_"
_PATIENCE_SECONDS = 600  # another process's upgrade, its backup included, may take this long
_ADVISORY_LOCK = 0x6C696E65  # any number that all releases share
_OPERATIONS = threading.Lock()  # Alembic's `op` is one per process


class Script(msgspec.Struct, frozen=True):
    """One migration script."""

    package: str
    path: Path

    @property
    def name(self) -> str:
        return f"{self.package}/{self.path.stem}"

    @property
    def revision(self) -> str:
        return f"{self.package}_{self.path.stem[:4]}"


def scripts(package: str) -> list[Script]:
    """The migrations of one package in their order; empty where it keeps no records."""
    spec = importlib.util.find_spec(f"lineshaft.{package}")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"there is no package lineshaft.{package}")
    paths = [Path(place) / "migrations" for place in spec.submodule_search_locations]
    found = sorted(file for path in paths for file in path.glob("[0-9][0-9][0-9][0-9]_*.py"))
    numbers = [int(file.stem[:4]) for file in found]
    if numbers != list(range(1, len(found) + 1)):
        raise ValueError(f"the migrations of {package} are numbered {numbers}, not 1, 2, 3 …")
    return [Script(package, file) for file in found]


def pending(db: Database, packages: Iterable[str]) -> list[str]:
    """Migrations (`package/0001_noun`) that this release brings and the database has not had.

    Raises:
        Conflict: a newer release wrote the database (`records.database_newer`).
    """
    with db.read() as connection:
        return [script.name for script in _missing(connection, packages, db.place)]


def upgrade(db: Database, packages: Sequence[str], before: Callable[[], object] | None = None) -> list[str]:
    """Bring the database up to this release; returns the migrations applied, none where it is up to date.

    Processes that upgrade at once wait for one another; all but the first then find nothing to do.

    Args:
        before: called once, before anything changes, where a database that is in use already has something pending:
            the backup. Others cannot write meanwhile (SQLite); it may read but not write through this database.

    Raises:
        Conflict: a newer release wrote the database (`records.database_newer`); nothing was changed.
        Corrupt: a migration failed (`records.migration_failed`); nothing was changed.
        Unavailable: see `records.faults`; nothing was changed.
    """
    if not pending(db, packages):
        return []
    with exclusive(db) as connection:
        missing = _missing(connection, packages, db.place)
        if missing and before is not None and versions(connection):
            before()
        migrate(connection, missing)
        return [script.name for script in missing]


def versions(connection: Connection) -> dict[str, str]:
    """The revision that each package has reached in this database."""
    tables = [name for name in inspect(connection).get_table_names() if name.startswith(VERSION_PREFIX)]
    reached = {}
    for name in sorted(tables):
        revision = connection.scalar(select(_version_table(name.removeprefix(VERSION_PREFIX)).c.version_num))
        if revision is not None:
            reached[name.removeprefix(VERSION_PREFIX)] = str(revision)
    return reached


def up_to(reached: Mapping[str, str], place: str) -> list[Script]:
    """The scripts that lead an empty database to the revisions `reached`.

    Raises:
        Conflict: this release does not have one of them (`records.database_newer`).
    """
    wanted: list[Script] = []
    for package, revision in reached.items():
        known = scripts(package) if importlib.util.find_spec(f"lineshaft.{package}") else []
        wanted += known[: _position(known, package, revision, place)]
    return wanted


@contextmanager
def exclusive(db: Database) -> Iterator[Connection]:
    """One transaction that alone changes the structure; references are checked at its end, not at each step.

    Tables that SQLite can only change by making them anew would otherwise lose the rows that refer to them.
    """
    with db.engine.connect() as connection:
        if db.is_sqlite:
            connection.detach()  # these settings must not go back to the pool
            # By the driver's own connection: a statement through ours would begin the transaction, too late for these.
            raw = connection.connection.cursor()
            raw.execute("PRAGMA foreign_keys = OFF")
            raw.execute(f"PRAGMA busy_timeout = {_PATIENCE_SECONDS * 1000}")
            raw.close()
        else:
            # Waiting for the lock must not fix the moment that this transaction sees.
            connection.execution_options(isolation_level="READ COMMITTED")
        with connection.begin():
            if not db.is_sqlite:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_PATIENCE_SECONDS}s'")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
            yield connection
            if db.is_sqlite:
                _check_references(connection, db.place)


def migrate(connection: Connection, wanted: Iterable[Script]) -> None:
    """Run scripts in the caller's transaction."""
    for script in wanted:
        try:
            with _OPERATIONS:
                _run(connection, script)
            _set_version(connection, script)
        except SQLAlchemyError as error:
            raise Corrupt(
                "records.migration_failed", f"the upgrade step {script.name} failed and was undone: {error}",
                "The records are as before: start the former release again, and report this message.",
                step=script.name, reason=str(error),
            ) from error  # fmt: skip


def _run(connection: Connection, script: Script) -> None:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    spec = importlib.util.spec_from_file_location(f"lineshaft_migration_{script.revision}", script.path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if module.revision != script.revision:
        raise ValueError(f"{script.path} says revision {module.revision!r}; its name says {script.revision!r}")
    with Operations.context(MigrationContext.configure(connection)):
        module.upgrade()


def _missing(connection: Connection, packages: Iterable[str], place: str) -> list[Script]:
    reached = versions(connection)
    missing: list[Script] = []
    for package in packages:
        known = scripts(package)
        missing += known[_position(known, package, reached.get(package), place) :]
    return missing


def _position(known: Sequence[Script], package: str, revision: str | None, place: str) -> int:
    """How many of the known scripts `revision` includes."""
    revisions = [None, *(script.revision for script in known)]
    if revision not in revisions:
        raise Conflict(
            "records.database_newer",
            f"a newer release wrote the records in {place}: the part {package} is at {revision}, "
            f"this release knows it up to {revisions[-1] or 'nothing'}",
            "Install the newer release again, or restore a backup that this release wrote.",
            place=place, package=package, revision=revision, known=revisions[-1] or "nothing",
        )  # fmt: skip
    return revisions.index(revision)


def _version_table(package: str) -> Table:
    return Table(f"{VERSION_PREFIX}{package}", MetaData(), Column("version_num", String(32), primary_key=True))


def _set_version(connection: Connection, script: Script) -> None:
    table = _version_table(script.package)
    table.create(connection, checkfirst=True)
    connection.execute(delete(table))
    connection.execute(insert(table).values(version_num=script.revision))


def _check_references(connection: Connection, place: str) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise Corrupt(
            "records.references_broken",
            f"the change of the records in {place} would leave a row of {broken[0]} that refers to nothing in {broken[2]}",
            "The records are as before: start the former release again, and report this message.",
            place=place, table=broken[0], target=broken[2],
        )  # fmt: skip
