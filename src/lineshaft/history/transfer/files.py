"""Rows of files, CSV, NDJSON, Arrow and Parquet alike: (number of the line or row, its fields). Used where commands run."""

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from lineshaft.core.errors import InvalidInput

FileFormat = Literal["csv", "ndjson", "arrow", "parquet"]
_ENDINGS: dict[str, FileFormat] = {
    ".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".arrow": "arrow", ".arrows": "arrow", ".parquet": "parquet",
}  # fmt: skip
_BLOCK = 1 << 20


def format_of(path: Path, asked: str | None) -> FileFormat:
    """The format named, else what the file's name says.

    Raises:
        InvalidInput: neither says one.
    """
    found = next((kind for kind in _ENDINGS.values() if kind == asked), None) or _ENDINGS.get(path.suffix.lower())
    if found is None:
        raise InvalidInput(
            "history.file_format_unknown", f"the format of {path.name!r} is not known",
            "Give --format csv, ndjson, arrow or parquet.", field="--format", value=path.name,
        )  # fmt: skip
    return found


def digest(path: Path, *more: str) -> str:
    """32 hexadecimal digits of a file's content and of what else decides its batches."""
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            whole.update(block)
    for text in more:
        whole.update(b"\0" + text.encode())
    return whole.hexdigest()[:32]


def rows(path: Path, kind: FileFormat, name: str = "") -> Iterator[tuple[int, dict[str, Any]]]:
    """Every row; a line that is none has only the field `!`, with the reason.

    Args:
        name: what people call the file, where it lies here under another name.

    Raises:
        InvalidInput: the file as a whole cannot be read.
    """
    try:
        match kind:
            case "csv":
                yield from _csv(path)
            case "ndjson":
                yield from _ndjson(path)
            case _:
                yield from _arrow(path, kind)
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:  # Arrow's errors are ValueErrors or OSErrors
        raise InvalidInput(
            "history.file_unreadable", f"{name or path.name} cannot be read as {kind}: {error}", "Is --format right?",
            field="file", value=name or path.name, reason=str(error)[:300],
        ) from error  # fmt: skip


def _csv(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        for row in reader:
            if None in row or None in row.values():
                yield reader.line_num, {"!": f"it has not {len(reader.fieldnames or ())} fields"}
            else:
                yield reader.line_num, row


def _ndjson(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                yield number, msgspec.json.decode(line, type=dict[str, Any])
            except msgspec.MsgspecError as error:
                yield number, {"!": str(error)}


def _arrow(path: Path, kind: FileFormat) -> Iterator[tuple[int, dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    with pa.OSFile(str(path)) as source:
        if kind == "parquet":
            with pq.ParquetFile(source) as file:
                for batch in file.iter_batches():
                    for row in batch.to_pylist():
                        number += 1
                        yield number, row
            return
        with pa.ipc.open_stream(source) as stream:
            for batch in stream:
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
