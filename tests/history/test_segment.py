"""Segments: bit-exact there and back for us and for a foreign reader, sorted, one row per (tag, ts), whole or absent."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lineshaft.history.schema import ROWS, TIME, VALUE_EXPRESSION
from lineshaft.history.segment import read_segment, write_segment
from lineshaft.history.sorting import ordered
from lineshaft.history.storage import LocalFolder
from lineshaft.history.testing import START_US, listed, rows_of

INT64 = st.integers(-(2**63), 2**63 - 1)
TIMES = st.integers(0, (2**63 - 1) // 1000)
DOUBLE_BITS = st.integers(0, 2**64 - 1) | st.sampled_from(
    [0x7FF8000000000000, 0x7FF0000000000001, 0xFFF8DEADBEEF0001, 0x8000000000000000, 0, 1, 0x7FF0000000000000]
)


def doubles(bits: list[int | None]) -> pa.Array:
    """Exact bit patterns: Python floats would quieten some NaNs."""
    values = np.array([each or 0 for each in bits], np.uint64)
    valid = pa.array([each is not None for each in bits], pa.bool_()).buffers()[1]
    return pa.Array.from_buffers(pa.float64(), len(bits), [valid, pa.py_buffer(values.tobytes())])


def bits_of(numbers: pa.Array) -> list[int | None]:
    raw = pa.Array.from_buffers(pa.uint64(), len(numbers), numbers.buffers(), offset=numbers.offset)
    return raw.to_pylist()


@st.composite
def row(draw) -> tuple:
    kind = draw(st.sampled_from(["v", "vi", "vs", "vb"]))
    value = draw({"v": DOUBLE_BITS, "vi": INT64, "vs": st.text(max_size=8), "vb": st.booleans()}[kind])
    values = {name: value if name == kind else None for name in ("v", "vi", "vs", "vb")}
    common = (draw(st.integers(1, 5)), draw(st.integers(0, 20) | TIMES), draw(TIMES))
    return (*common, *values.values(), draw(st.integers(0, 2**32 - 1)))


def make(rows: list[tuple]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) if rows else [()] * 8
    return pa.RecordBatch.from_arrays(
        [
            doubles(list(column)) if field.name == "v"
            else pa.array(column, pa.int64()).cast(TIME) if field.type == TIME
            else pa.array(column, field.type)
            for column, field in zip(columns, ROWS, strict=True)
        ],
        schema=ROWS,
    )  # fmt: skip


def exact(rows: pa.RecordBatch) -> list[tuple]:
    columns = [
        bits_of(column) if name == "v" else column.cast(pa.int64()).to_pylist() if name in ("ts", "arrival")
        else column.to_pylist()
        for name, column in zip(ROWS.names, rows.columns, strict=True)
    ]  # fmt: skip
    return list(zip(*columns, strict=True))


@settings(max_examples=60, deadline=None)
@given(st.lists(row(), min_size=1, max_size=60))
@example([(1, n, n, bits, None, None, None, 0) for n, bits in enumerate([0x8000000000000000, 0, 0x7FF0000000000001])])
@example([(1, n, 0, n % 3, None, None, None, 0) for n in range(1000)])
@example([(1, n, 0, 0x3FF0000000000000 + n * 7919**3, None, None, None, 0) for n in range(1000)])
def test_rows_come_back_bit_for_bit_last_one_per_tag_and_time(tmp_path_factory, rows):
    folder = tmp_path_factory.getbasetemp()
    [segment] = write_segment(LocalFolder(folder), "test", ordered([make(rows[:1]), make(rows[1:])]))
    stored = read_segment(LocalFolder(folder), segment.path)
    expected = {(tag, ts): (tag, ts, *rest) for tag, ts, *rest in rows}
    assert exact(stored) == [expected[key] for key in sorted(expected)]
    assert (segment.rows, segment.min_tag, segment.max_tag) == (len(expected), min(expected)[0], max(expected)[0])
    assert (segment.min_us, segment.max_us) == (min(ts for _, ts in expected), max(ts for _, ts in expected))
    (folder / segment.path).unlink()


def test_a_foreign_reader_gets_every_number_by_the_documented_expression(tmp_path):
    values = [20.5, -0.0, 1e308, 7, -3, 5.0]
    rows = rows_of([(1, START_US + n, value) for n, value in enumerate(values)])
    [segment] = write_segment(LocalFolder(tmp_path), "test", ordered([rows]))
    frame = pl.read_parquet(tmp_path / segment.path)
    assert frame.sql(f"SELECT {VALUE_EXPRESSION} AS value FROM self").get_column("value").to_list() == values
    assert frame.schema["q"] == pl.Int64
    assert frame.filter(pl.col("vi").is_not_null()).select("mul", "div").unique().rows() == [(1.0, 1.0)]


def test_a_scaled_integer_is_answered_as_the_number_it_stands_for(tmp_path):
    [segment] = write_segment(LocalFolder(tmp_path), "test", ordered([rows_of([(1, START_US, 7), (2, START_US, 5)])]))
    table = pq.read_table(tmp_path / segment.path)
    scale = [pa.array([100.0, 1.0]), pa.array([65535.0, 1.0])]
    for name, column in zip(("mul", "div"), scale, strict=True):
        table = table.set_column(table.schema.get_field_index(name), name, column)
    pq.write_table(table, tmp_path / "scaled.parquet")
    assert listed(read_segment(LocalFolder(tmp_path), "scaled.parquet")) == [
        (1, START_US, 7 * 100 / 65535, 0),
        (2, START_US, 5, 0),
    ]
    assert read_segment(LocalFolder(tmp_path), "scaled.parquet").column("vi").to_pylist() == [None, 5]


def test_only_the_tags_and_times_asked_for_are_read(tmp_path):
    every = [(tag, START_US + n, float(n)) for tag in range(1, 301) for n in range(400)]
    [segment] = write_segment(LocalFolder(tmp_path), "test", ordered([rows_of(every)]))
    assert pq.ParquetFile(tmp_path / segment.path).num_row_groups > 1
    found = read_segment(
        LocalFolder(tmp_path), segment.path, np.array([7, 299], np.int32), START_US + 10, START_US + 12
    )
    assert listed(found) == [(tag, START_US + n, float(n), 0) for tag in (7, 299) for n in (10, 11)]
    assert len(read_segment(LocalFolder(tmp_path), segment.path, np.array([900], np.int32))) == 0


def test_the_layout_is_what_pruning_readers_need(tmp_path):
    rows = rows_of([(tag, START_US + n, math.sin(n % 5)) for tag in (1, 2) for n in range(500)])
    metadata = pq.ParquetFile(tmp_path / write_segment(LocalFolder(tmp_path), "test", ordered([rows]))[0].path).metadata
    group = metadata.row_group(0)
    assert [(each.column_index, each.descending) for each in group.sorting_columns] == [(0, False), (1, False)]
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert "DELTA_BINARY_PACKED" in columns["ts"].encodings
    assert columns["tag"].statistics.has_min_max
    assert columns["ts"].statistics.has_min_max
    assert any("DICTIONARY" in encoding for encoding in columns["v"].encodings), "five values repeat: a dictionary"


def test_numbers_that_never_repeat_are_not_kept_in_a_dictionary(tmp_path):
    rows = rows_of([(1, START_US + n, math.sin(n)) for n in range(2000)])
    column = (
        pq.ParquetFile(tmp_path / write_segment(LocalFolder(tmp_path), "test", ordered([rows]))[0].path)
        .metadata.row_group(0)
        .column(3)
    )
    assert column.path_in_schema == "v"
    assert "BYTE_STREAM_SPLIT" in column.encodings


def test_a_write_that_fails_leaves_no_file(tmp_path):
    def write(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        LocalFolder(tmp_path).write("half.parquet", write)
    assert list(tmp_path.iterdir()) == []


def test_a_file_cut_short_raises_and_does_not_crash(tmp_path):
    [segment] = write_segment(LocalFolder(tmp_path), "test", ordered([rows_of([(1, START_US, 1.0)])]))
    path: Path = tmp_path / segment.path
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises((OSError, pa.ArrowInvalid)):
        read_segment(LocalFolder(tmp_path), path.name)


def test_the_sorted_fast_path_gives_the_same_as_the_sort():
    rows = [(tag, START_US + n, float(n)) for tag in (1, 2, 3) for n in range(50)]
    assert listed(ordered([rows_of(rows)])) == listed(ordered([rows_of(rows[::-1])]))
