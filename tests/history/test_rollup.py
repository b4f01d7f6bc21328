"""Rollups: equal to a brute-force oracle, and composable: parts combined are the whole rolled at once."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.history.rollup import (
    HOUR_US,
    MINUTE_US,
    ROLLUP,
    SECOND_US,
    combine,
    combine_at,
    empty_rollup,
    roll,
)
from lineshaft.history.testing import BAD, START_US, Sample, rows_of

UNCERTAIN = 0x408F0000
EXACT = ("tag", "ts", "count", "good", "uncertain", "bad", "min", "max", "min_ts", "max_ts", "first", "first_ts",
         "first_q", "last", "last_ts", "last_q")  # fmt: skip
CLOSE = ("sum", "center", "sum_sq", "integral", "covered", "good_seconds", "sloped")

_VALUES = st.one_of(
    st.floats(-1e6, 1e6, allow_subnormal=False), st.integers(-1000, 1000), st.booleans(), st.sampled_from(["open", ""]),
    st.just(math.nan),
)  # fmt: skip
_STEPS = st.sampled_from([1, 999, 250_000, 500_000, 1_000_000, 7_300_000, 59_999_999, 61_000_000, 1_800_000_000])


@st.composite
def series(draw: Any) -> list[Sample]:
    rows: list[Sample] = []
    for tag in draw(st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True).map(sorted)):
        now = START_US + draw(st.integers(0, HOUR_US))
        steps = draw(st.lists(st.tuples(_STEPS, _VALUES, st.sampled_from([0, 0, 0, UNCERTAIN, BAD])), max_size=25))
        for step, value, quality in steps:
            now += step
            rows.append((tag, now, value, quality))
    return rows


def oracle(rows: list[Sample], bucket_us: int) -> list[dict[str, Any]]:
    """Every column by its definition, one bucket after the other."""
    buckets: dict[tuple[int, int], list[Sample]] = {}
    for row in rows:
        buckets.setdefault((row[0], row[1] // bucket_us * bucket_us), []).append(row)
    return [_bucket(key, members) for key, members in sorted(buckets.items())]


def _number(value: Any) -> float | None:
    return None if isinstance(value, str) or math.isnan(value) else float(value)


def _bucket(key: tuple[int, int], rows: list[Sample]) -> dict[str, Any]:
    good = [(ts, _number(value)) for _, ts, value, q in rows if q == 0 and _number(value) is not None]
    values = [value for _, value in good]
    mean = math.fsum(values) / len(values) if values else None
    found: dict[str, Any] = {
        "tag": key[0], "ts": key[1], "count": len(rows), "good": len(good),
        "uncertain": sum(row[3] == UNCERTAIN for row in rows), "bad": sum(row[3] == BAD for row in rows),
        "sum": math.fsum(values), "min": min(values, default=None), "max": max(values, default=None),
        "min_ts": next((ts for ts, value in good if value == min(values)), None),
        "max_ts": next((ts for ts, value in good if value == max(values)), None),
        "center": mean, "sum_sq": math.fsum((value - mean) ** 2 for value in values),
        "first": _number(rows[0][2]), "first_ts": rows[0][1], "first_q": rows[0][3],
        "last": _number(rows[-1][2]), "last_ts": rows[-1][1], "last_q": rows[-1][3],
        "integral": 0.0, "covered": 0.0, "good_seconds": 0.0, "sloped": 0.0,
    }  # fmt: skip
    for (_, ts, value, q), (_, next_ts, next_value, next_q) in pairwise(rows):
        seconds = (next_ts - ts) / 1e6
        found["good_seconds"] += seconds if q == 0 else 0
        if q == 0 and (number := _number(value)) is not None:
            found["integral"] += number * seconds
            found["covered"] += seconds
            if next_q == 0 and (following := _number(next_value)) is not None:
                found["sloped"] += (number + following) / 2 * seconds
    return found


def listed(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    plain = {
        field.name: (column.cast(pa.int64()) if pa.types.is_timestamp(field.type) else column).to_pylist()
        for field, column in zip(ROLLUP, batch.columns, strict=True)
    }
    return [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]


def agree(found: pa.RecordBatch, wanted: list[dict[str, Any]]) -> None:
    rows = listed(found)
    assert [{name: row[name] for name in EXACT} for row in rows] == [
        {name: row[name] for name in EXACT} for row in wanted
    ]
    for row, other in zip(rows, wanted, strict=True):
        for name in CLOSE:
            if other[name] is None:
                assert row[name] is None
                continue
            assert row[name] == pytest.approx(other[name], rel=1e-9, abs=1e-3 if name == "sum_sq" else 1e-6), name


@settings(max_examples=60, deadline=None)
@given(series(), st.sampled_from([SECOND_US, MINUTE_US, HOUR_US]))
def test_a_rollup_is_what_a_loop_over_the_rows_finds(rows: list[Sample], bucket_us: int) -> None:
    agree(roll(rows_of(rows), bucket_us), oracle(rows, bucket_us))


@settings(max_examples=60, deadline=None)
@given(series())
def test_seconds_make_minutes_and_minutes_make_hours(rows: list[Sample]) -> None:
    seconds = roll(rows_of(rows), SECOND_US)
    minutes = combine(seconds, MINUTE_US)
    agree(minutes, oracle(rows, MINUTE_US))
    agree(combine(minutes, HOUR_US), oracle(rows, HOUR_US))


@settings(max_examples=60, deadline=None)
@given(series(), st.data())
def test_any_neighbours_combine_to_what_their_rows_give(rows: list[Sample], data: st.DataObject) -> None:
    minutes = roll(rows_of(rows), MINUTE_US)
    tag = minutes.column("tag").to_numpy()
    borders = {0, *(np.flatnonzero(tag[1:] != tag[:-1]) + 1).tolist()}
    starts = sorted(borders | set(data.draw(st.lists(st.integers(0, max(0, len(tag) - 1)))))) if len(tag) else []
    if not starts:
        return
    found = combine_at(minutes, np.array(starts))
    begins = list(
        zip(tag[starts].tolist(), minutes.column("ts").cast(pa.int64()).to_numpy()[starts].tolist(), strict=True)
    )
    parts: list[list[Sample]] = [[] for _ in begins]
    for row in rows:
        parts[max(index for index, key in enumerate(begins) if key <= row[:2])].append(row)
    agree(found, [_bucket(key, part) for key, part in zip(begins, parts, strict=True)])


def test_nothing_rolls_to_nothing() -> None:
    assert roll(rows_of([]), SECOND_US) == combine(empty_rollup(), HOUR_US) == empty_rollup()


def test_equal_values_do_not_deviate() -> None:
    seconds = roll(rows_of([(1, START_US + number * SECOND_US, 1e15 + 0.125) for number in range(99)]), SECOND_US)
    assert listed(combine(seconds, HOUR_US))[0]["sum_sq"] == 0
