"""Masks, thinning and pseudonyms on rows of samples; rows planted to trace a leak."""

import io
import random

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.access.labels import canaries
from lineshaft.access.labels.canaries import Canary, plant, trace
from lineshaft.access.labels.mask import changes, needs_key, pseudonym
from lineshaft.core import clock
from lineshaft.core.principals import Obligation

SECOND = 1_000_000
START = 1_760_000_000 * SECOND
TIME = pa.timestamp("us", "UTC")


def rows(*samples):
    """Rows (tag, seconds, value) in the history's form."""
    values = [value for _, _, value in samples]

    def column(kind, type_):
        return pa.array([value if type(value) is kind else None for value in values], type_)

    times = pa.array([START + round(at * SECOND) for _, at, _ in samples], pa.int64()).cast(TIME)
    columns = {
        "tag": pa.array([tag for tag, _, _ in samples], pa.int32()), "ts": times, "arrival": times,
        "v": column(float, pa.float64()), "vi": column(int, pa.int64()), "vs": column(str, pa.string()),
        "vb": column(bool, pa.bool_()), "q": pa.array([0] * len(samples), pa.uint32()),
    }  # fmt: skip
    return pa.RecordBatch.from_pydict(columns)


def apply(batch, *obligations, key=b"k", start_us=None):
    for change in changes(obligations, start_us=start_us, key=key):
        batch = change(batch)
    return batch


def mask(argument):
    return Obligation(kind="mask", argument=argument)


def values(batch):
    columns = (batch.column(name).to_pylist() for name in ("v", "vi", "vs", "vb"))
    return [next((cell for cell in row if cell is not None), None) for row in zip(*columns, strict=True)]


ONE_OF_EACH = rows((1, 0, 12.345), (2, 0, 12_345), (3, 0, "ada"), (4, 0, True))


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("", [None] * 4),
        ("null", [None] * 4),
        ("value", [None] * 4),
        ("anything else", [None] * 4),
        ("round:1", [12.3, 12_345, None, None]),
        ("round:-2", [0.0, 12_300, None, None]),
        ("round:1,null", [None] * 4),
        ("round:x", [None] * 4),
        ("pseudonym", [None, None, pseudonym(b"k", "ada"), None]),
        ("pseudonym,round:0", [12.0, 12_345, pseudonym(b"k", "ada"), None]),
        ("pseudonym,unheard-of", [None] * 4),
    ],
)
def test_a_mask_hides_what_no_rule_names(argument, expected):
    masked = apply(ONE_OF_EACH, mask(argument))
    assert values(masked) == expected
    assert masked.schema == ONE_OF_EACH.schema
    assert masked.column("ts") == ONE_OF_EACH.column("ts")


def test_without_a_key_texts_are_hidden_not_shown():
    assert values(apply(ONE_OF_EACH, mask("pseudonym"), key=None)) == [None] * 4
    assert needs_key([mask("pseudonym")])
    assert not needs_key([mask("null")])


def test_two_masks_hide_what_either_hides():
    assert values(apply(ONE_OF_EACH, mask("round:0"), mask("pseudonym"))) == [None] * 4


def test_pseudonyms_are_the_same_for_one_key_and_unlinkable_for_another():
    names = rows((1, 0, "ada"), (1, 1, "bob"), (1, 2, "ada"))
    first, second = values(apply(names, mask("pseudonym"), key=b"1")), values(apply(names, mask("pseudonym"), key=b"2"))
    assert first[0] == first[2] != first[1]
    assert not set(first) & set(second)
    assert all(name.startswith("p_") and len(name) == 26 for name in first)


# -- thinning -----------------------------------------------------------------------------------------------------------


def sampled(batch, seconds="10", start_us=START):
    return apply(batch, Obligation(kind="sample", argument=seconds), start_us=start_us)


def kept(batch):
    times = (batch.column("ts").cast("int64").to_numpy() - START) / SECOND
    return list(zip(batch.column("tag").to_pylist(), times.tolist(), strict=True))


def test_of_each_tag_one_row_in_ten_seconds_is_left():
    batch = rows(*((tag, second, 1.0) for second in range(30) for tag in (1, 2)))
    assert kept(sampled(batch)) == [(1, 0.0), (2, 0.0), (1, 10.0), (2, 10.0), (1, 20.0), (2, 20.0)]


def test_thinning_goes_on_over_the_batches_of_an_answer():
    (change,) = changes([Obligation(kind="sample", argument="10")], start_us=START, key=None)
    given = [kept(change(rows(*((1, second, 1.0) for second in part)))) for part in (range(5), range(5, 12))]
    assert given == [[(1, 0.0)], [(1, 10.0)]]


def test_rows_left_are_never_closer_than_asked():
    batch = rows((1, 9.5, 1.0), (1, 10.0, 2.0), (1, 20.5, 3.0))
    assert kept(sampled(batch)) == [(1, 9.5), (1, 20.5)]


def test_asking_from_other_times_shows_no_other_rows():
    whole = rows(*((1, second, float(second)) for second in range(60)))
    seen = set()
    for start in range(20):
        part = whole.slice(start)
        seen.update(at for _, at in kept(sampled(part, start_us=START + start * SECOND)))
    assert seen == {0.0, 10.0, 20.0, 30.0, 40.0, 50.0}


@pytest.mark.parametrize("argument", ["", "-1", "nan", "inf", "soon"])
def test_a_rate_that_is_not_understood_leaves_one_row(argument):
    batch = rows(*((1, second, 1.0) for second in range(0, 86_400, 3600)))
    assert len(sampled(batch, argument, start_us=None)) == 1


def test_no_rows_stay_no_rows():
    assert len(sampled(rows((1, 0, 1.0)).slice(0, 0))) == 0


# -- canaries -----------------------------------------------------------------------------------------------------------


def test_planted_rows_keep_the_order_and_every_real_row():
    batch = rows(*((tag, second, float(second)) for second in range(50) for tag in (1, 2)))
    made, planted = plant(batch, 3)
    assert len(planted) == 3
    assert len(made) == len(batch) + 3
    times = made.column("ts").cast("int64").to_numpy()
    assert (np.diff(times) >= 0).all()
    real = {(tag, at) for tag, at in kept(batch)}
    assert {(tag, at) for tag, at in kept(made)} - real == {(tag, (ts - START) / SECOND) for tag, ts, _ in planted}
    assert all(time % 1000 == 0 for _, time, _ in planted)


def test_where_there_is_no_room_nothing_is_planted():
    assert plant(rows((1, 0, 1.0)), 3)[1] == []
    assert plant(rows((1, 0, 1.0), (1, 0.000001, 1.0)), 3)[1] == []


def copies(tmp_path, batch, form):
    """The batch as a file such as somebody would carry away."""
    paths = [f"plant/T{tag}" for tag in batch.column("tag").to_pylist()]
    times = batch.column("ts").cast("int64").to_pylist()
    file = tmp_path / f"copy.{form}"
    if form == "csv":
        file.write_text("".join(f"{path},{clock.rfc3339(at)},1\n" for path, at in zip(paths, times, strict=True)))
    elif form == "spaces":
        lines = [
            f"{clock.rfc3339(at)[:-1].replace('T', ' ').rstrip('0')}\t{path}"
            for path, at in zip(paths, times, strict=True)
        ]
        file.write_text("\n".join(random.sample(lines, len(lines))))
    else:
        table = pa.table({"path": paths, "ts": batch.column("ts")})
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        file.write_bytes(sink.getvalue())
    return file


@pytest.mark.parametrize("form", ["csv", "spaces", "arrow"])
def test_a_copy_is_traced_to_whom_it_was_given(tmp_path, form):
    batch = rows(*((1, second, float(second)) for second in range(100)))
    given, noted = {}, []
    for recipient in ("lab", "vendor"):
        made, planted = plant(batch, 3)
        given[recipient] = made
        noted += [
            Canary(recipient=recipient, egress=f"to {recipient}", path=f"plant/T{tag}", time=at, value=value, planted=START)
            for tag, at, value in planted
        ]  # fmt: skip
    (found, *others) = trace(copies(tmp_path, given["vendor"], form), noted)
    assert (found.recipient, found.found, found.planted) == ("vendor", 3, 3)
    assert not others
    assert trace(copies(tmp_path, batch, form), noted) == []


def test_a_part_of_a_copy_is_traced_too(tmp_path):
    made, planted = plant(rows(*((1, second, 1.0) for second in range(100))), 5)
    noted = [
        Canary(recipient="lab", egress="e", path="plant/T1", time=at, value=None, planted=START) for _, at, _ in planted
    ]
    half = made.slice(0, len(made) // 2)
    times = set(half.column("ts").cast("int64").to_pylist())
    expected = sum(at in times for _, at, _ in planted)
    found = trace(copies(tmp_path, half, "csv"), noted)
    assert sum(one.found for one in found) == expected


def test_canaries_are_kept_with_their_tenant(database):
    one = Canary(recipient="lab", egress="e", path="p", time=1, value=None, planted=2)
    database.transact(canaries.keep, "main", [one])
    with database.read() as connection:
        assert canaries.every(connection, "main") == [one]
        assert canaries.every(connection, "other") == []
