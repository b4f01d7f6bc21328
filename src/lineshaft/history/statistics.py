"""What the tables weigh: `python -m lineshaft.history.statistics`, the place on standard input, one line of JSON out."""

import os
import sys
from collections.abc import Iterator

import msgspec

from lineshaft.core.errors import LineshaftError
from lineshaft.history import memory
from lineshaft.history.commits import Segment
from lineshaft.history.storage import Place, Storage, open_storage


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """Files of one kind: a writer's, or merged ones of hours or days."""

    name: str
    files: int
    rows: int
    bytes: int


class TagSize(msgspec.Struct, frozen=True, kw_only=True):
    """What one tag takes; a row group's bytes are shared out by rows."""

    tag: int
    rows: int
    bytes: int


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be looked at."""

    place: Place
    per_tag: bool = False


class TableSizes(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in the tables."""

    version: int
    files: int
    rows: int
    bytes: int
    bytes_per_sample: float | None
    oldest_us: int | None
    newest_us: int | None
    levels: list[Level]
    rolled_until_us: int | None
    """Rollups are made up to here; null: there are none."""
    rollup_bytes: int
    tags: list[TagSize] = []


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The line that comes out."""

    sizes: TableSizes | None = None
    error: dict[str, str] | None = None


def main() -> int:
    """Answer once."""
    os.umask(0o077)
    memory.economise()
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    try:
        answer = Answer(sizes=sizes(open_storage(asked.place), per_tag=asked.per_tag))
    except LineshaftError as error:
        answer = Answer(error={"code": error.code, "message": error.message, "hint": error.hint})
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    return 0


def sizes(storage: Storage, *, per_tag: bool = False) -> TableSizes:
    """Look at the newest version.

    Raises:
        Unavailable, Corrupt: the table cannot be opened.
    """
    from lineshaft.history.rollup_table import RolledTables
    from lineshaft.history.table import Table

    table = Table(storage.child("samples"), "samples")
    segments = table.segments()
    rows, size = sum(one.rows for one in segments), sum(one.size for one in segments)
    state = RolledTables(storage).state()
    return TableSizes(
        version=table.version, files=len(segments), rows=rows, bytes=size,
        bytes_per_sample=round(size / rows, 3) if rows else None,
        oldest_us=min((one.min_us for one in segments), default=None),
        newest_us=max((one.max_us for one in segments), default=None), levels=[*_levels(segments)],
        rolled_until_us=None if state is None else state.until_us,
        rollup_bytes=sum(
            stored.size for level in ("rollup_1s", "rollup_1min", "rollup_1h") for stored in storage.child(level).names()
        ),
        tags=_tags(storage.child("samples"), segments) if per_tag else [],
    )  # fmt: skip


def _levels(segments: list[Segment]) -> Iterator[Level]:
    """By the beginning of their names, which says who wrote them."""
    grouped: dict[str, list[Segment]] = {}
    for one in segments:
        owner = "-".join(one.path.split("-")[:2])
        grouped.setdefault(owner, []).append(one)
    for name, files in sorted(grouped.items()):
        yield Level(
            name=name, files=len(files), rows=sum(one.rows for one in files), bytes=sum(one.size for one in files)
        )


def _tags(place: Storage, segments: list[Segment]) -> list[TagSize]:
    import numpy as np
    import pyarrow.parquet as pq

    length = max((one.max_tag for one in segments), default=0) + 1
    rows, size = np.zeros(length, np.int64), np.zeros(length)
    for one in segments:
        with place.open(one.path) as source, pq.ParquetFile(source) as file:
            for number in range(file.num_row_groups):
                group = file.metadata.row_group(number)
                weight = sum(group.column(place).total_compressed_size for place in range(group.num_columns))
                tag = file.read_row_group(number, columns=["tag"], use_threads=False).column("tag").to_numpy()
                count = np.bincount(tag, minlength=length)
                rows += count
                size += count * (weight / max(1, len(tag)))
    return [
        TagSize(tag=number, rows=int(rows[number]), bytes=round(float(size[number])))
        for number in np.flatnonzero(rows).tolist()
    ]


if __name__ == "__main__":
    sys.exit(main())
