"""Points in a table: comma-separated values with a line of column names, as spreadsheets write them.

Columns are the fields of a point; those of `write` and `report` are written `write.minimum`, `report.deadband`. Empty
cells are not given. Several sentinels stand in one cell, divided by spaces.
"""

import csv
import io
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from lineshaft.edge.imports.model import Imported, unreadable
from lineshaft.edge.model import Point, Report, WriteRules
from lineshaft.edge.units import of_table

_NESTED: Final = {"write": WriteRules, "report": Report}
_COLUMNS: Final = frozenset(
    [name for name in Point.__struct_fields__ if name not in (*_NESTED, "tag")]
    + [f"{outer}.{name}" for outer, inner in _NESTED.items() for name in inner.__struct_fields__]
)
_MOST: Final = 100_000
_SHOWN: Final = 20


def points_of(text: str, *, file: str) -> Imported:
    """Every row's point.

    Raises:
        InvalidInput: columns that are not known, or cells that cannot be; all faults in one error, with their lines.
    """
    try:
        return _points_of(text, file)
    except csv.Error as error:
        raise unreadable(file, f"it is no table: {error}") from error


def _points_of(text: str, file: str) -> Imported:
    sample = text[:4096]
    dialect = ";" if sample.partition("\n")[0].count(";") > sample.partition("\n")[0].count(",") else ","
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=dialect)
    columns = [name.strip() for name in reader.fieldnames or ()]
    unknown = sorted(set(columns) - _COLUMNS)
    if unknown or not {"name", "address"} <= set(columns):
        known = ", ".join(sorted(_COLUMNS))
        fault = "it needs the columns name and address"
        if unknown:
            fault = f"unknown columns {', '.join(unknown[:_SHOWN])}; there are {known}"
        raise unreadable(file, fault)
    reader.fieldnames = columns
    imported, faults = Imported(), list[str]()
    for row in reader:
        if len(imported.points) + len(faults) >= _MOST:
            raise unreadable(file, f"it has more than {_MOST} rows")
        try:
            imported.points.append(_point(row))
        except (msgspec.ValidationError, ValueError) as error:
            faults.append(f"line {reader.line_num}: {error}")
    if faults:
        more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise unreadable(file, "; ".join(faults[:_SHOWN]) + more)
    return imported.settle(of_table)


def _point(row: Mapping[str | None, Any]) -> Point:
    if None in row:
        raise ValueError("it has more cells than columns")
    given: dict[str, Any] = {}
    for column, cell in row.items():
        text = (cell or "").strip()
        if not text:
            continue
        assert column is not None
        outer, _, inner = column.partition(".")
        if inner:
            given.setdefault(outer, {})[inner] = text
        else:
            given[column] = [_number(each) for each in text.split()] if column == "sentinels" else text
    return msgspec.convert(given, Point, strict=False)


def _number(text: str) -> int | float:
    try:
        return int(text, 0)
    except ValueError:
        return float(text)
