"""The telemetry batch: bit-exact there and back, and nothing but a clear refusal for bytes from anybody."""

import random
import struct

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lineshaft.bus import telemetry
from lineshaft.bus.telemetry import MAXIMUM_BYTES, MAXIMUM_ROWS, SCHEMA, decode, encode
from lineshaft.core.errors import InvalidInput

GOOD, BAD, UNCERTAIN = 0x00000000, 0x80310000, 0x408F0000
TIME = SCHEMA.field("ts").type
INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
UINT32 = st.integers(0, 2**32 - 1)
TIMES = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
DOUBLE_BITS = st.integers(0, 2**64 - 1)
NAN_BITS = [0x7FF8000000000000, 0x7FF0000000000001, 0xFFF8DEADBEEF0001, 0xFFFFFFFFFFFFFFFF]


def from_bits(bits: int) -> float:
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


def is_nan_bits(bits: int) -> bool:
    return bits & 0x7FF0000000000000 == 0x7FF0000000000000 and bits & 0x000FFFFFFFFFFFFF != 0


def doubles(bits: list[int | None]) -> pa.Array:
    """A float64 array of exact bit patterns: Python floats would quieten some NaNs."""
    values = pa.array([each or 0 for each in bits], pa.uint64()).view(pa.float64())
    valid = pa.array([each is not None for each in bits], pa.bool_()).buffers()[1]
    return pa.Array.from_buffers(pa.float64(), len(bits), [valid, values.buffers()[1]])


def bits_of(array: pa.Array) -> list[int | None]:
    raw = pa.Array.from_buffers(pa.uint64(), len(array), array.buffers(), offset=array.offset)
    return raw.to_pylist()


def make(rows: list[tuple]) -> pa.RecordBatch:
    """A batch of rows (tag, ts, arrival, bits of v, vi, vs, vb, q)."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * 8
    arrays = [
        doubles(list(column)) if field.name == "v"
        else pa.array(column, pa.int64()).cast(field.type) if pa.types.is_timestamp(field.type)
        else pa.array(column, field.type)
        for column, field in zip(columns, SCHEMA, strict=True)
    ]  # fmt: skip
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def row(*, v=None, vi=None, vs=None, vb=None, q=GOOD, tag=1, ts=0, arrival=None) -> tuple:
    return (tag, ts, arrival, v, vi, vs, vb, q)


def good_bits(bits: int, quality: int) -> int:
    """A NaN is never Good: such a row gets another quality, every other keeps its own."""
    return quality | 0x80000000 if is_nan_bits(bits) and quality >> 30 == 0 else quality


@st.composite
def rows(draw) -> tuple:
    kind = draw(st.sampled_from(["v", "vi", "vs", "vb"]))
    quality = draw(UINT32)
    common = {"tag": draw(INT32), "ts": draw(TIMES), "arrival": draw(st.none() | TIMES)}
    if kind == "v":
        bits = draw(DOUBLE_BITS | st.sampled_from([*NAN_BITS, 0x8000000000000000, 1, 0x000FFFFFFFFFFFFF]))
        return row(v=bits, q=good_bits(bits, quality), **common)
    value = draw({"vi": INT64, "vs": st.text(), "vb": st.booleans()}[kind])
    return row(**{kind: value}, q=quality, **common)


def assert_same(first: pa.RecordBatch, second: pa.RecordBatch) -> None:
    assert second.schema.equals(SCHEMA)
    assert bits_of(first.column("v")) == bits_of(second.column("v"))
    for name in SCHEMA.names:
        if name != "v":
            assert second.column(name).equals(first.column(name)), name


@settings(deadline=None)
@given(st.lists(rows(), max_size=20))
@example([row(v=bits, q=BAD) for bits in NAN_BITS])
@example([row(v=0x8000000000000000), row(v=1), row(v=0x7FEFFFFFFFFFFFFF), row(v=0x7FF0000000000000, q=0xFFFFFFFF)])
@example([row(vs="")])
@example([])
def test_a_batch_comes_back_bit_for_bit(given_rows):
    batch = make(given_rows)
    assert_same(batch, decode(encode(batch)))


@pytest.mark.parametrize("count", [3999, 4000, 10_000])
def test_a_large_batch_is_compressed_and_comes_back_bit_for_bit(count):
    batch = make([row(v=NAN_BITS[n % 4], q=BAD) if n % 7 == 0 else row(v=n % 50, tag=n, ts=n) for n in range(count)])
    data = encode(batch)
    assert_same(batch, decode(data))
    assert (len(data) < count * 20) == (count >= 4000)


def test_a_slice_of_a_batch_is_sent_alone():
    batch = make([row(v=n, tag=n) for n in range(100)]).slice(10, 5)
    assert decode(encode(batch)).column("tag").to_pylist() == [10, 11, 12, 13, 14]


def test_columns_without_values_do_not_travel():
    numbers = encode(make([row(v=n) for n in range(1000)]))
    assert pa.ipc.open_stream(numbers).schema.names == ["tag", "ts", "arrival", "v", "q"]
    assert len(numbers) / 1000 < 34


def test_a_foreign_batch_may_leave_out_arrival_and_empty_value_columns():
    batch = make([row(vi=5), row(vi=6)]).select(["tag", "ts", "vi", "q"])
    decoded = decode(written(batch))
    assert decoded.schema.equals(SCHEMA)
    assert decoded.column("vi").to_pylist() == [5, 6]
    assert decoded.column("arrival").null_count == 2


def written(batch: pa.RecordBatch, **options) -> bytes:
    """An Arrow stream that nobody checked."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


NAN = NAN_BITS[0]
WRONG_ROWS = [
    ([row()], "no value or several"),
    ([row(v=1, vi=1)], "no value or several"),
    ([row(v=1), row(v=1, vb=True), row()], "no value or several"),  # as many values as rows
    ([row(vs="a", vb=False)], "no value or several"),
    ([row(v=NAN)], "NaN with Good"),
    ([row(v=1), row(v=NAN, q=0x3FFFFFFF)], "NaN with Good"),
    ([row(v=1, tag=None)], "tag is null"),
    ([row(v=1, ts=None)], "ts is null"),
    ([row(v=1, q=None)], "q is null"),
    ([row(v=1), row(v=1, ts=253_402_300_800_000_000)], "ts lies outside"),
    ([row(v=1, ts=-62_135_596_800_000_001)], "ts lies outside"),
    ([row(v=1, arrival=2**63 - 1)], "arrival lies outside"),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG_ROWS)
def test_a_row_that_breaks_a_rule_is_neither_sent_nor_taken(wrong, said):
    batch = make(wrong)
    for refuse in (lambda: encode(batch), lambda: decode(written(batch))):
        with pytest.raises(InvalidInput, match=said) as refused:
            refuse()
        assert refused.value.code == "bus.batch_rule_broken"


@pytest.mark.parametrize("quality", [0x40000000, UNCERTAIN, BAD, 0xFFFFFFFF])
def test_nan_stands_for_a_missing_value_where_the_quality_is_not_good(quality):
    assert decode(encode(make([row(v=NAN, q=quality)]))).column("q").to_pylist() == [quality]


def test_infinities_are_values():
    batch = make([row(v=0x7FF0000000000000), row(v=0xFFF0000000000000)])
    assert_same(batch, decode(encode(batch)))


GOOD_BATCH = make([row(v=1), row(v=2)])


@pytest.mark.parametrize(
    "change",
    [
        lambda batch: batch.rename_columns(["Tag", *SCHEMA.names[1:]]),
        lambda batch: batch.select(["ts", "tag", "v", "q"]),
        lambda batch: batch.select(["tag", "v", "q"]),
        lambda batch: batch.select(["tag", "ts", "v"]),
        lambda batch: batch.append_column("more", pa.array([1, 2])),
        lambda batch: batch.append_column("v", pa.array([1.0, 2.0])),
        lambda batch: batch.set_column(0, "tag", pa.array([1, 2], pa.int64())),
        lambda batch: batch.set_column(1, "ts", pa.array([1, 2], pa.timestamp("us"))),
        lambda batch: batch.set_column(1, "ts", pa.array([1, 2], pa.timestamp("ns", tz="UTC"))),
        lambda batch: batch.set_column(3, "v", pa.array([1, 2], pa.float32())),
        lambda batch: batch.set_column(5, "vs", pa.array(["a", "b"]).dictionary_encode()),
        lambda batch: batch.set_column(7, "q", pa.array([1, 2], pa.int32())),
    ],
)
def test_columns_of_another_name_type_or_order_are_refused_with_those_expected(change):
    batch = change(GOOD_BATCH)
    for refuse in (lambda: encode(batch), lambda: decode(written(batch))):
        with pytest.raises(InvalidInput) as refused:
            refuse()
        assert refused.value.code == "bus.batch_schema_invalid"
        assert "tag int32, ts timestamp[us, tz=UTC]" in refused.value.hint


def test_a_message_holds_one_batch_and_nothing_after_it():
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, SCHEMA) as writer:
        writer.write_batch(GOOD_BATCH)
        writer.write_batch(GOOD_BATCH)
    for data in (sink.getvalue().to_pybytes(), encode(GOOD_BATCH) + b"\0", encode(GOOD_BATCH) * 2):
        with pytest.raises(InvalidInput, match="follow the first"):
            decode(data)
    empty = pa.BufferOutputStream()
    pa.ipc.new_stream(empty, SCHEMA).close()
    with pytest.raises(InvalidInput, match="no record batch"):
        decode(empty.getvalue().to_pybytes())


def test_a_batch_of_too_many_rows_is_refused_before_it_is_read():
    count = MAXIMUM_ROWS + 1
    columns = {
        "tag": pa.repeat(pa.scalar(1, pa.int32()), count), "ts": pa.repeat(pa.scalar(1, pa.int64()), count).cast(TIME),
        "vb": pa.repeat(pa.scalar(value=True), count), "q": pa.repeat(pa.scalar(0, pa.uint32()), count),
    }  # fmt: skip
    with pytest.raises(InvalidInput) as refused:
        decode(written(pa.record_batch(columns), compression="lz4"))
    assert refused.value.code == "bus.batch_too_large"


def test_a_batch_that_is_small_on_the_wire_and_huge_in_memory_is_refused_before_it_is_uncompressed():
    strings = pa.array(["\0" * (MAXIMUM_BYTES + 1)])
    batch = pa.record_batch({"tag": pa.array([1], pa.int32()), "ts": pa.array([1], TIME), "vs": strings,
                             "q": pa.array([0], pa.uint32())})  # fmt: skip
    data = written(batch, compression="lz4")
    assert len(data) < MAXIMUM_BYTES / 100
    before = pa.total_allocated_bytes()
    with pytest.raises(InvalidInput) as refused:
        decode(data)
    assert refused.value.code == "bus.batch_too_large"
    assert pa.total_allocated_bytes() - before < 1 << 20


def test_text_that_is_not_utf8_is_refused():
    offsets, text = pa.py_buffer(struct.pack("<ii", 0, 2)), pa.py_buffer(b"\xff\xfe")
    broken = pa.Array.from_buffers(pa.string(), 1, [None, offsets, text])
    batch = pa.record_batch({"tag": pa.array([1], pa.int32()), "ts": pa.array([1], TIME), "vs": broken,
                             "q": pa.array([0], pa.uint32())})  # fmt: skip
    with pytest.raises(InvalidInput) as refused:
        decode(written(batch))
    assert refused.value.code == "bus.batch_undecodable"


@settings(deadline=None)
@given(st.binary(max_size=2000))
@example(b"")
@example(b"\xff\xff\xff\xff\x00\x00\x00\x00")
@example(b"\xff\xff\xff\xff\xff\xff\xff\x7f")
def test_bytes_from_anybody_are_refused_clearly(data):
    with pytest.raises(InvalidInput):
        decode(data)


SAMPLES = [
    encode(make([row(v=n, tag=n) for n in range(20)])),
    encode(make([row(vs="text", tag=1), row(vb=True), row(vi=-1), row(v=NAN, q=BAD)])),
    encode(make([row(v=n % 9, vs=None) for n in range(4000)])),
    encode(make([row(vs=str(n)) for n in range(4000)])),
]


def survives(data: bytes) -> None:
    """Decoding gives a batch that can be walked, or InvalidInput; nothing else."""
    try:
        batch = decode(data)
    except InvalidInput:
        return
    batch.to_pylist()


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.sampled_from(range(4)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    st.floats(0, 1),
    st.booleans(),
)
def test_a_damaged_message_is_refused_or_read_but_never_crashes(sample, changes, keep, near_the_front):
    data = bytearray(SAMPLES[sample])
    for where, value in changes:
        data[int(where * (min(1200, len(data)) if near_the_front else len(data)))] = value
    survives(bytes(data[: int(len(data) * keep)] if keep < 0.5 else data))


@pytest.mark.parametrize("value", [0, 1, 127, 128, 255])
def test_no_single_damaged_byte_crashes(value):
    for sample in SAMPLES[:2]:
        for where in range(len(sample)):
            survives(sample[:where] + bytes([value]) + sample[where + 1 :])


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_million_damaged_messages_never_crash():
    randomly = random.Random(1)
    for _ in range(1_000_000):
        data = bytearray(randomly.choice(SAMPLES[:2]))
        for _ in range(randomly.randint(1, 6)):
            data[randomly.randrange(len(data))] = randomly.choice((0, 1, 127, 128, 255, randomly.randrange(256)))
        survives(bytes(data))


def test_the_header_reader_sees_what_pyarrow_wrote():
    for compression in (None, "lz4"):
        batch = make([row(v=n) for n in range(5000)])
        messages = pa.ipc.MessageReader.open_stream(written(batch, compression=compression))
        messages.read_next_message()
        message = messages.read_next_message()
        rows_seen, compressed, buffers = telemetry.read_record_batch_header(message.metadata.to_pybytes())
        assert (rows_seen, compressed) == (5000, compression is not None)
        assert len(buffers) == 17  # two per column, three for the text
        assert all(offset + length <= message.body.size for offset, length in buffers)


def scan(values: list[float], q: list[int] | None = None, ts: int = 5, column: str = "v") -> pa.RecordBatch:
    count = len(values)
    arrays = {
        "tag": pa.array(range(count), pa.int32()), "ts": pa.array([ts] * count, TIME),
        "arrival": pa.array([ts + 1] * count, TIME), "q": pa.array(q or [GOOD] * count, pa.uint32()),
        column: pa.array(values, SCHEMA.field(column).type),
    }  # fmt: skip
    return pa.RecordBatch.from_arrays(
        [arrays.get(field.name, pa.nulls(count, field.type)) for field in SCHEMA], schema=SCHEMA
    )


@pytest.mark.parametrize("column", ["v", "vi"])
def test_messages_that_begin_alike_give_each_its_own_rows(column: str):
    for start in range(5):
        batch = scan([start, start + 1, -start], ts=start, column=column)
        assert decode(encode(batch)).equals(batch)


def test_a_message_that_begins_as_a_good_one_is_judged_by_its_own_content():
    good = encode(scan([1.0, 2.0]))
    assert len(decode(good)) == 2
    nan = struct.pack("<d", float("nan"))
    with pytest.raises(InvalidInput, match="NaN with Good"):
        decode(good.replace(struct.pack("<d", 1.0), nan))
    with pytest.raises(InvalidInput, match="years 1 to 9999"):
        decode(good.replace(struct.pack("<qq", 5, 5), struct.pack("<qq", 5, 2**62)))
    for changed in (good[:-1], good[:-8] + b"\xff" * 8, good + b"\0", good[:-20]):
        with pytest.raises(InvalidInput):
            decode(changed)
    assert decode(good).equals(scan([1.0, 2.0]))
