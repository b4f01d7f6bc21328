"""Records row by row: what a copy in JSON lines is, and how rows of any copy get into either engine.

A folder holds `<table>.jsonl` (the columns' names, then one array per row; binary as base64, JSON columns as their
text) and `records.json`, written last: a copy that has it is whole.
"""

import base64
import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    ColumnClause,
    Connection,
    LargeBinary,
    Text,
    cast,
    column,
    delete,
    func,
    insert,
    inspect,
    select,
    table,
)
from sqlalchemy.sql.expression import TableClause
from sqlalchemy.types import TypeEngine, UserDefinedType

from lineshaft.core import clock
from lineshaft.core.errors import Corrupt
from lineshaft.core.home import write_file
from lineshaft.records.schema import VERSION_PREFIX, versions

FORMAT = 1
_MANIFEST = "records.json"
_ROWS_AT_ONCE = 500

Rows = Iterator[list[Any]]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder of JSON lines holds."""

    format: int
    written: str
    versions: Mapping[str, str]
    """Revision that each package's tables have reached."""
    tables: Mapping[str, int]
    """Rows of each table."""


class JsonText(UserDefinedType[str]):
    """A JSON column taken as the text it is, so that a null in it stays apart from no value."""

    cache_ok = True

    def get_col_spec(self, **_options: Any) -> str:
        return "JSON"


def our_tables(connection: Connection) -> list[TableClause]:
    """Every table of the packages that have migrated this database, without their version tables."""
    inspector = inspect(connection)
    packages = tuple(f"{package}_" for package in versions(connection))
    names = [name for name in sorted(inspector.get_table_names()) if name.startswith(packages)]
    return [
        table(name, *(_column(found["name"], found["type"]) for found in inspector.get_columns(name)))
        for name in names
        if not name.startswith(VERSION_PREFIX)
    ]


def read(connection: Connection, source: TableClause) -> Rows:
    """All rows of a table, in no particular order, without holding them all."""
    wanted = [cast(c, Text) if isinstance(c.type, JsonText) else c for c in source.c]
    for row in connection.execute(select(*wanted).execution_options(yield_per=_ROWS_AT_ONCE)):
        yield list(row)


def write(connection: Connection, folder: Path) -> None:
    """Copy every table into `folder` as JSON lines, durably."""
    counts = {source.name: _write_table(connection, source, folder / f"{source.name}.jsonl")
              for source in our_tables(connection)}  # fmt: skip
    manifest = Manifest(
        format=FORMAT, written=clock.rfc3339(clock.now_us()), versions=versions(connection), tables=counts
    )
    write_file(folder / _MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))


def manifest_of(folder: Path) -> Manifest | None:
    """What the folder's manifest says; None where there is none.

    Raises:
        Corrupt: it cannot be read, or a later form of copy wrote it.
    """
    file = folder / _MANIFEST
    if not file.exists():
        return None
    try:
        manifest = msgspec.json.decode(file.read_bytes(), type=Manifest)
    except msgspec.MsgspecError as error:
        raise damaged(file, str(error)) from error
    if manifest.format > FORMAT:
        raise damaged(file, f"format {manifest.format} is newer than {FORMAT}, the newest that this release reads")
    return manifest


def read_lines(folder: Path, name: str, columns: list[ColumnClause[Any]], count: int) -> Rows:
    """The rows of one table's file, in the order of `columns`.

    Raises:
        Corrupt: the file is missing, cannot be read, or holds another number of rows.
    """
    file = folder / f"{name}.jsonl"
    found = 0
    try:
        with file.open("rb") as lines:
            written = msgspec.json.decode(next(lines, b""))
            places = [(written.index(c.name), isinstance(c.type, LargeBinary)) for c in columns]
            for line in lines:
                row = msgspec.json.decode(line)
                yield [_value(row[place], binary=binary) for place, binary in places]
                found += 1
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise damaged(file, str(error)) from error
    if found != count:
        raise damaged(file, f"it holds {found} rows, and {count} were written")


def _value(value: Any, *, binary: bool) -> Any:
    return base64.b64decode(value) if binary and value is not None else value


def fill(connection: Connection, target: TableClause, source: Rows) -> None:
    """Replace a table's rows; numbers that grow by themselves go on after the highest."""
    connection.execute(delete(target))
    names = [c.name for c in target.c]
    while chunk := list(islice(source, _ROWS_AT_ONCE)):
        connection.execute(insert(target), [dict(zip(names, row, strict=True)) for row in chunk])
    if connection.dialect.name == "postgresql":
        for c in target.c:
            counter = connection.scalar(select(func.pg_get_serial_sequence(target.name, c.name)))
            if counter is not None:
                highest = func.coalesce(func.max(c) + 1, 1)
                connection.execute(select(func.setval(counter, highest, False)).select_from(target))  # noqa: FBT003


def damaged(file: Path, reason: str) -> Corrupt:
    return Corrupt(
        "records.copy_damaged", f"the copy of the records in {file} is not whole: {reason}",
        "Nothing was changed; use another copy.", file=str(file), reason=reason,
    )  # fmt: skip


def _column(name: str, kind: TypeEngine[Any]) -> ColumnClause[Any]:
    return column(name, JsonText() if isinstance(kind, JSON) else kind)


def _write_table(connection: Connection, source: TableClause, file: Path) -> int:
    count = 0
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as lines:
        lines.write(msgspec.json.encode([c.name for c in source.c]) + b"\n")
        for row in read(connection, source):
            lines.write(msgspec.json.encode(row) + b"\n")
            count += 1
        lines.flush()
        os.fsync(lines.fileno())
    return count
