"""Encodings: every value comes back bit for bit, and each kind of signal gets the form that is small for it."""

import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.history.encode import Encoded, encode
from lineshaft.history.encodings.hints import Hints
from lineshaft.history.encodings.scale import look, scaled
from lineshaft.history.schema import ROWS, TIME, from_segment
from lineshaft.history.segment import read_segment, write_segment
from lineshaft.history.storage import LocalFolder
from lineshaft.history.testing import START_US

ROWS_EACH = 600
ADVERSARIAL = [
    -0.0, 0.0, float("inf"), float("-inf"), 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 2.0**53,
    2.0**53 - 1, 2.0**53 + 2, -(2.0**53), 9.223372036854775807e18, 1e-7, 0.1, 1 / 3, 100 / 65535,
]  # fmt: skip
BITS = st.integers(0, 2**64 - 1) | st.sampled_from([struct.unpack("<Q", struct.pack("<d", x))[0] for x in ADVERSARIAL])
BITS |= st.sampled_from([0x7FF8000000000001, 0x7FF0000000000001, 0xFFF8DEADBEEF0000, 0x7FFFFFFFFFFFFFFF])
BITS |= st.integers(-(10**6), 10**6).map(lambda n: struct.unpack("<Q", struct.pack("<d", n / 100))[0])
BITS |= st.integers(0, 65535).map(lambda n: struct.unpack("<Q", struct.pack("<d", n * 100 / 65535))[0])


def rows_of_bits(tags: list[list[int]], kinds: list[str] | None = None) -> pa.RecordBatch:
    """Rows of doubles given by their bits, tag by tag; a tag of another kind gets integers, texts or truth values."""
    kinds = kinds or ["v"] * len(tags)
    columns: dict[str, list] = {name: [] for name in ("v", "vi", "vs", "vb")}
    tag, ts = [], []
    for number, (bits, kind) in enumerate(zip(tags, kinds, strict=True), 1):
        for index, each in enumerate(bits):
            tag.append(number * 7)
            ts.append(START_US + index * 1000)
            made = {"vi": each - 2**63, "vs": hex(each), "vb": bool(each & 1), "v": each}
            for name, column in columns.items():
                column.append(made[name] if name == kind else None)
    valid = pa.py_buffer(np.packbits([x is not None for x in columns["v"]], bitorder="little"))
    doubles = pa.py_buffer(np.array([x or 0 for x in columns["v"]], np.uint64))
    times = pa.array(ts, pa.int64()).cast(TIME)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(tag, pa.int32()), times, times, pa.Array.from_buffers(pa.float64(), len(tag), [valid, doubles]),
            pa.array(columns["vi"], pa.int64()), pa.array(columns["vs"], pa.string()),
            pa.array(columns["vb"], pa.bool_()), pa.array([0] * len(tag), pa.uint32()),
        ],
        schema=ROWS,
    )  # fmt: skip


def content(rows: pa.RecordBatch) -> list[tuple]:
    doubles = np.frombuffer(rows.column("v").buffers()[1], np.uint64, len(rows), rows.column("v").offset * 8).tolist()
    numbers = [
        bits if valid.as_py() else None for bits, valid in zip(doubles, rows.column("v").is_valid(), strict=True)
    ]
    rest = [rows.column(name).to_pylist() for name in ("tag", "ts", "arrival", "vi", "vs", "vb", "q")]
    return list(zip(numbers, *rest, strict=True))


def decoded(parts: list[Encoded]) -> list[tuple]:
    found = [row for part in parts for row in content(from_segment(part.table.combine_chunks().to_batches()[0]))]
    return sorted(found, key=lambda row: (row[1], row[2]))


def signal(*columns: np.ndarray) -> pa.RecordBatch:
    """One tag per column of doubles."""
    return rows_of_bits([column.astype(np.float64).view(np.uint64).tolist() for column in columns])


@given(
    st.lists(st.lists(BITS, min_size=1, max_size=40), min_size=1, max_size=5),
    st.lists(st.sampled_from(["v", "v", "v", "vi", "vs", "vb"]), min_size=5, max_size=5),
)
@settings(max_examples=120, deadline=None)
def test_any_bits_come_back(tags, kinds):
    rows = rows_of_bits(tags, kinds[: len(tags)])
    hints = Hints()
    for _ in range(2):
        assert decoded(encode(rows, hints)) == content(rows)


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_hints_of_other_values_change_nothing_but_the_size(data):
    hints = Hints()
    for _ in range(4):
        tags = data.draw(st.lists(st.lists(BITS, min_size=1, max_size=20), min_size=1, max_size=3))
        rows = rows_of_bits(tags)
        assert decoded(encode(rows, hints)) == content(rows)


def test_adversarial_values_survive_the_file(tmp_path):
    patterns = [
        0x7FF8000000000001,
        0xFFF0000000000001,
        *(struct.unpack("<Q", struct.pack("<d", x))[0] for x in ADVERSARIAL),
    ]
    rows = rows_of_bits([patterns * 40, [struct.unpack("<Q", struct.pack("<d", n / 10))[0] for n in range(500)]])
    written = write_segment(LocalFolder(tmp_path), "test", rows)
    found = [row for segment in written for row in content(read_segment(LocalFolder(tmp_path), segment.path))]
    assert sorted(found, key=lambda row: (row[1], row[2])) == content(rows)


def walk(step: float, seed: int, count: int = ROWS_EACH) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(0, step, count))


def scale_of(values: np.ndarray) -> tuple[float, float]:
    mul, div, _ = look(values, np.array([0]), np.array([len(values)]))
    return float(mul[0]), float(div[0])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.round(walk(0.05, 1) + 20, 2), (1.0, 100.0)),
        (np.round(walk(0.05, 2) + 20, 1), (1.0, 10.0)),
        (np.rint(walk(20, 3) + 30000) * 100 / 65535, (20.0, 13107.0)),
        (np.rint(walk(20, 4) + 30000) * 0.0123456789, (0.0123456789, 1.0)),
        (np.rint(walk(20, 5) + 12000) * 20 / 27648, (5.0, 6912.0)),
        (np.arange(ROWS_EACH, dtype=float) + 10**6, (2.0, 2.0)),
    ],
)  # fmt: skip
def test_the_scale_of_a_signal_is_found(values, expected):
    assert scale_of(values) == expected
    assert scaled(values, np.full(len(values), expected[0]), np.full(len(values), expected[1]))[1].all()


def test_integers_of_devices_and_floats_that_are_whole_stay_apart():
    floats = np.arange(100.0).view(np.uint64).tolist()
    rows = rows_of_bits([floats, [2**63 + n for n in range(100)]], ["v", "vi"])
    (part,) = encode(rows)
    assert part.table.column("vi").null_count == 0
    assert set(zip(part.table.column("mul").to_pylist(), part.table.column("div").to_pylist(), strict=True)) == {
        (2.0, 2.0), (1.0, 1.0),
    }  # fmt: skip
    assert decoded([part]) == content(rows)


def test_noise_is_split_into_byte_streams_and_a_few_values_lie_in_a_dictionary():
    noise = np.random.default_rng(1).normal(0, 1, ROWS_EACH)
    (part,) = encode(signal(noise))
    assert part.encoding["v"] == "BYTE_STREAM_SPLIT"
    (part,) = encode(signal(np.sin(np.arange(ROWS_EACH) % 3)))
    assert "v" in part.dictionary


def test_where_both_are_wanted_there_are_two_files_and_every_row_is_in_one(tmp_path):
    chance = np.random.default_rng(1)
    levels = chance.normal(0, 1, 40)
    rows = signal(*(levels[chance.integers(0, 40, 10_000)] if n % 2 else chance.normal(0, 1, 10_000) for n in range(6)))
    written = write_segment(LocalFolder(tmp_path), "test", rows)
    assert len(written) == 2
    forms = [pq.read_metadata(tmp_path / segment.path).row_group(0).column(3).encodings for segment in written]
    assert "BYTE_STREAM_SPLIT" in forms[0]
    assert any("DICTIONARY" in form for form in forms[1])
    found = [row for segment in written for row in content(read_segment(LocalFolder(tmp_path), segment.path))]
    assert sorted(found, key=lambda row: (row[1], row[2])) == content(rows)
    assert sum(segment.size for segment in written) < 0.7 * 8 * len(rows)


def test_a_tag_whose_signal_changes_is_looked_at_again():
    hints = Hints()
    encode(signal(np.round(walk(0.05, 1) + 20, 1)), hints)
    assert (hints.mul[7], hints.div[7]) == (1.0, 10.0)
    (part,) = encode(signal(np.round(walk(0.05, 2) + 20, 3)), hints)
    assert (hints.mul[7], hints.div[7]) == (1.0, 1000.0)
    assert part.table.column("v").null_count == len(part.table)


def test_a_few_bad_values_do_not_cost_the_others_their_scale():
    values = np.round(walk(0.05, 1) + 20, 2)
    values[::50] = np.nan
    (part,) = encode(signal(values))
    assert part.table.column("v").null_count == len(values) - len(values[::50])


def test_known_tags_are_not_looked_at_anew(monkeypatch):
    from lineshaft.history import encode as module

    hints = Hints()
    rows = signal(*(np.round(walk(0.05, n), 2) for n in range(20)))
    encode(rows, hints)
    monkeypatch.setattr(module, "look", lambda *_: pytest.fail("the hints were enough"))
    encode(rows, hints)


def test_row_groups_end_between_tags(tmp_path):
    rows = signal(*(np.arange(100.0) for _ in range(10)))
    (segment,) = write_segment(LocalFolder(tmp_path), "test", rows, row_group=250)
    metadata = pq.read_metadata(tmp_path / segment.path)
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [200] * 5
    (segment,) = write_segment(LocalFolder(tmp_path), "test", rows, tags_per_group=4)
    metadata = pq.read_metadata(tmp_path / segment.path)
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [400, 400, 200]
    (segment,) = write_segment(LocalFolder(tmp_path), "test", rows, row_group=30)
    assert pq.read_metadata(tmp_path / segment.path).row_group(0).num_rows == 30


def test_a_tag_with_many_rows_has_a_group_of_its_own_unless_its_arrival_jitters(tmp_path, monkeypatch):
    monkeypatch.setattr("lineshaft.history.segment.LONE_ROWS", 300)
    lengths = [100, 300, 100, 100, 400, 300, 100]
    rows = signal(*(np.arange(float(length)) for length in lengths))
    (segment,) = write_segment(LocalFolder(tmp_path), "test", rows, tags_per_group=4)
    metadata = pq.read_metadata(tmp_path / segment.path)
    counts = [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]
    assert counts == [100, 300, 200, 400, 300, 100]
    jitter = np.random.default_rng(1).integers(0, 1000, len(rows))
    columns = rows.columns
    columns[2] = pa.array(rows.column("ts").cast(pa.int64()).to_numpy() + jitter).cast(TIME)
    rows = pa.RecordBatch.from_arrays(columns, schema=ROWS)
    (segment,) = write_segment(LocalFolder(tmp_path), "test", rows, tags_per_group=4)
    metadata = pq.read_metadata(tmp_path / segment.path)
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [600, 800]
    assert read_segment(LocalFolder(tmp_path), segment.path).equals(rows)


def test_times_of_arrival_that_come_again_with_every_tag_cost_little(tmp_path):
    arrival = START_US + np.arange(600) * 1_000_000 + np.random.default_rng(1).integers(0, 1000, 600)
    rows = signal(*(np.zeros(600) for _ in range(100)))
    columns = rows.columns
    columns[2] = pa.array(np.tile(arrival, 100)).cast(TIME)
    (segment,) = write_segment(LocalFolder(tmp_path), "test", pa.RecordBatch.from_arrays(columns, schema=ROWS))
    metadata = pq.read_metadata(tmp_path / segment.path)
    groups = [metadata.row_group(n).column(2) for n in range(metadata.num_row_groups)]
    assert sum(group.total_compressed_size for group in groups) < 0.1 * len(rows)
