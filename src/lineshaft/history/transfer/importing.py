"""Reading a file for an import: its plan, what is in it, and its batches."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput
from lineshaft.history.transfer.files import FileFormat, rows
from lineshaft.history.transfer.mapping import RowFault, Sample, Target, mapped, mapping_for

_SHOWN = 100
_BATCH_ROWS = 10_000


class Summary:
    """What a file holds."""

    def __init__(self) -> None:
        self.samples = 0
        self.faults = 0
        self.shown: list[dict[str, Any]] = []
        """The first faults."""
        self.tags: set[int] = set()
        self._low: int | None = None
        self._high: int | None = None

    def add(self, one: Sample | RowFault) -> None:
        """Count one."""
        if isinstance(one, RowFault):
            self.faults += 1
            if len(self.shown) < _SHOWN:
                self.shown.append(msgspec.to_builtins(one))
            return
        self.samples += 1
        self.tags.add(one.tag)
        self._low = one.ts_us if self._low is None else min(self._low, one.ts_us)
        self._high = one.ts_us if self._high is None else max(self._high, one.ts_us)

    @property
    def first(self) -> str | None:
        """Time of its oldest sample."""
        return None if self._low is None else clock.rfc3339(self._low)

    @property
    def last(self) -> str | None:
        """Time of its newest sample."""
        return None if self._high is None else clock.rfc3339(self._high)


def plan(
    file: Path, kind: FileFormat, tags: Sequence[Mapping[str, Any]], given: Mapping[str, str], time: str, *,
    name: str = "",
) -> Callable[[], Iterator[Sample | RowFault]]:  # fmt: skip
    """What reads the file, once for each call.

    Args:
        name: what people call the file, where it lies here under another name.

    Raises:
        InvalidInput: it is empty, or its columns do not say what they are.
    """
    known = {tag["path"]: Target(tag["number"], tag["kind"]) for tag in tags}
    first = next((row for _, row in rows(file, kind, name) if "!" not in row), None)
    if first is None:
        shown = name or file.name
        raise InvalidInput(
            "history.import_empty", f"{shown} has no row", "Is it the right file, and the right --format?",
            field="file", value=shown,
        )  # fmt: skip
    mapping = mapping_for(first, known, given, time)
    return lambda: mapped(rows(file, kind, name), mapping)


def batches(items: Iterable[Sample | RowFault]) -> Iterator[list[Sample]]:
    """The samples among them, so many at a time that a second reading makes the same batches."""
    samples = (one for one in items if isinstance(one, Sample))
    while batch := list(itertools.islice(samples, _BATCH_ROWS)):
        yield batch


def pairs(texts: Sequence[str], field: str) -> dict[str, str]:
    """Paths by what a file calls the tags, of texts NAME=PATH.

    Args:
        field: where they were given.

    Raises:
        InvalidInput: one is no such text.
    """
    found = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise InvalidInput(
                "history.import_map_invalid", f"{field} is {text[:80]!r}, which is not NAME=PATH",
                "Such as Pressure=acme/plant/area/line/cell/press/pressure.", field=field, value=text[:80],
            )  # fmt: skip
        found[name] = path
    return found


def encoded(samples: Iterable[Sample]) -> bytes:
    """A telemetry batch."""
    import pyarrow as pa

    from lineshaft.bus.telemetry import SCHEMA, encode

    columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
    for one in samples:
        columns["tag"].append(one.tag)
        columns["ts"].append(one.ts_us)
        columns["arrival"].append(None)
        columns["q"].append(one.quality)
        for name, type_ in (("v", float), ("vi", int), ("vs", str), ("vb", bool)):
            columns[name].append(one.value if type(one.value) is type_ else None)
    arrays = [
        pa.array(columns[field.name], pa.int64()).cast(field.type)
        if pa.types.is_timestamp(field.type)
        else pa.array(columns[field.name], field.type)
        for field in SCHEMA
    ]
    return encode(pa.RecordBatch.from_arrays(arrays, schema=SCHEMA))
