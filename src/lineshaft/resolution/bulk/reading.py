"""Import files as lines of NDJSON: NDJSON as it is, CSV by its heading.

CSV: a column `handle` (or `suffix`, with a prefix given), and one column for each value, headed `type` or `index:type`;
columns without an index are numbered from 1. Empty cells give no value. `ttl` is taken as that of all values of the row.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution.values.json_form import compact

_KEYS: Final = frozenset(("handle", "suffix", "ttl"))
_LONGEST_LINE: Final = 2**20


def lines_of(
    path: Path, prefix: str = "", values: list[dict[str, object]] | None = None
) -> Iterator[tuple[int, bytes]]:
    """Number of each line in the file, and the registration as one line of NDJSON.

    Args:
        path: `.csv`, or anything else for NDJSON.
        prefix: put before the suffixes of a CSV file.
        values: in JSON, given to each row of a CSV file beside its own (an administrator, say).

    Raises:
        InvalidInput: the file cannot be read, or its heading names no handle.
    """
    try:
        if path.suffix.lower() == ".csv":
            yield from _of_csv(path, prefix, values or [])
        else:
            yield from _of_ndjson(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(
            "resolution.import_unreadable", f"{path} cannot be read: {error}", "Give an NDJSON or CSV file in UTF-8.",
            field="file", value=str(path), reason=str(error),
        ) from error  # fmt: skip


def _of_ndjson(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            if line.strip():
                yield number, line.strip()


def _of_csv(path: Path, prefix: str, more: list[dict[str, object]]) -> Iterator[tuple[int, bytes]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        heading = next(rows, [])
        if not {"handle", "suffix"} & set(heading) or ("handle" not in heading and not prefix):
            raise InvalidInput(
                "resolution.import_heading", f"the first line of {path} names no column handle",
                "Head a column handle; or suffix, and give --prefix.", field="heading", value=",".join(heading)[:200],
                path=str(path),
            )  # fmt: skip
        columns = _columns(heading)
        for row in rows:
            if row:
                yield rows.line_num, _line(heading, columns, row, prefix, more)


def _columns(heading: list[str]) -> list[tuple[int, int, str]]:
    """Place, index and type of each column with values."""
    found, following = [], 1
    for place, name in enumerate(heading):
        if name in _KEYS:
            continue
        index, separator, kind = name.partition(":")
        numbered = bool(separator) and index.isdecimal()
        following = int(index) if numbered else following
        found.append((place, following, kind if numbered else name))
        following += 1
    return found


def _line(
    heading: list[str], columns: list[tuple[int, int, str]], row: list[str], prefix: str, more: list[dict[str, object]]
) -> bytes:  # fmt: skip
    cells = dict(zip(heading, row, strict=False))
    ttl = cells.get("ttl", "")
    common: dict[str, object] = {"ttl": int(ttl) if ttl.isdecimal() else ttl} if ttl else {}
    values: list[dict[str, object]] = [
        {"index": index, "type": kind, "data": row[place], **common}
        for place, index, kind in columns if place < len(row) and row[place]
    ]  # fmt: skip
    handle = cells.get("handle") or f"{prefix}/{cells.get('suffix', '')}"
    return compact({"handle": handle, "values": [*values, *more]})
