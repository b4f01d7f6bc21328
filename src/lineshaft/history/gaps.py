"""Gap records as rows of their table."""

from collections.abc import Iterable, Sequence

import pyarrow as pa

from lineshaft.core import ids
from lineshaft.history.commits import Segment
from lineshaft.history.faults import reading
from lineshaft.history.model import Gap
from lineshaft.history.schema import GAPS, TIME
from lineshaft.history.storage import Storage

_FIELDS = {"from_ts": "from_us", "to_ts": "to_us", "noted": "noted_us"}
"""Columns whose field in `Gap` has another name."""


def to_rows(gaps: Sequence[Gap]) -> pa.RecordBatch:
    """Records as Arrow rows of the form GAPS."""
    columns = []
    for field in GAPS:
        values = [getattr(gap, _FIELDS.get(field.name, field.name)) for gap in gaps]
        columns.append(pa.array(values, pa.int64()).cast(TIME) if field.type == TIME else pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=GAPS)


def from_rows(rows: pa.RecordBatch) -> list[Gap]:
    """The opposite of `to_rows`."""
    columns = {}
    for field in GAPS:
        column = rows.column(field.name)
        values = column.cast(pa.int64()) if field.type == TIME else column
        columns[_FIELDS.get(field.name, field.name)] = values.to_pylist()
    return [Gap(**dict(zip(columns, values, strict=True))) for values in zip(*columns.values(), strict=True)]


def write_gaps(storage: Storage, owner: str, gaps: Sequence[Gap]) -> Segment:
    """Write records as a new file of `owner`, its content durable.

    Raises:
        OSError: the disk is full or refuses; nothing is left behind.
    """
    import pyarrow.parquet as pq

    name = f"{owner}-{ids.new_id()}.parquet"
    table = pa.Table.from_batches([to_rows(gaps)])
    size = storage.write(name, lambda path: pq.write_table(table, path, compression="zstd", store_schema=False))
    noted = [gap.noted_us for gap in gaps]
    return Segment(path=name, size=size, rows=len(gaps), min_tag=0, max_tag=0, min_us=min(noted), max_us=max(noted))


def read_gaps(storage: Storage, paths: Iterable[str]) -> list[Gap]:
    """All records in files of the table."""
    import pyarrow.parquet as pq

    gaps = []
    for path in paths:
        with reading(storage), storage.open(path) as source, pq.ParquetFile(source) as file:
            table = file.read(use_threads=False).cast(GAPS)
        for batch in table.to_batches():
            gaps.extend(from_rows(batch))
    return gaps
