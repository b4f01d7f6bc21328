"""Rollups: what a bucket of time holds of one tag, in a form that composes.

A bucket is a function of its own rows alone: nothing is carried into it, so late rows touch no bucket but their own.
Time-weighted figures cover the stretch from the bucket's first row to its last; `combine` adds the stretch between two
neighbours from the last row of one and the first of the other. So rolling parts and combining them gives what rolling
the whole gives, up to the order of float additions.

A bucket exists where it holds a row. Seconds exist only for hours in which `rollup_1h` counts at least DENSE_ROWS rows
of the tag; of thinner hours the rows themselves are fewer than their seconds.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pyarrow as pa

from lineshaft.history.schema import TIME, microseconds

Level = Literal["rollup_1s", "rollup_1min", "rollup_1h"]
SECOND_US, MINUTE_US, HOUR_US, DAY_US = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
LEVELS: Mapping[Level, int] = {"rollup_1s": SECOND_US, "rollup_1min": MINUTE_US, "rollup_1h": HOUR_US}
"""Tables beside `samples`, and the length of their buckets in microseconds; finest first."""
DENSE_ROWS = 10_000
"""Rows of one tag in one UTC hour from which its seconds are rolled up."""

ROLLUP = pa.schema(
    [
        pa.field("tag", pa.int32(), nullable=False),
        pa.field("ts", TIME, nullable=False),  # start of the bucket; aligned to UTC
        pa.field("count", pa.int64(), nullable=False),  # all rows
        pa.field("good", pa.int64(), nullable=False),  # Good rows with a number (boolean: 0 or 1); NaN is none
        pa.field("uncertain", pa.int64(), nullable=False),  # rows of that severity, whatever their value
        pa.field("bad", pa.int64(), nullable=False),
        pa.field("sum", pa.float64(), nullable=False),  # of the `good` rows; so are the following six
        pa.field("min", pa.float64()),
        pa.field("max", pa.float64()),
        pa.field("min_ts", TIME),  # of the first row that has it
        pa.field("max_ts", TIME),
        pa.field("center", pa.float64()),  # their mean
        pa.field("sum_sq", pa.float64(), nullable=False),  # squares of their deviations from `center`
        pa.field("first", pa.float64()),  # of the first row of any quality; null where that is not a number
        pa.field("first_ts", TIME, nullable=False),
        pa.field("first_q", pa.int64(), nullable=False),
        pa.field("last", pa.float64()),
        pa.field("last_ts", TIME, nullable=False),
        pa.field("last_q", pa.int64(), nullable=False),
        # From the first row to the last, each row held until the next one:
        pa.field("integral", pa.float64(), nullable=False),  # value × seconds of the `good` rows, held (stepped)
        pa.field("covered", pa.float64(), nullable=False),  # seconds for which a `good` row was held
        pa.field("good_seconds", pa.float64(), nullable=False),  # seconds of Good quality, texts too
        pa.field("sloped", pa.float64(), nullable=False),  # value × seconds of straight lines between `good` neighbours
    ]
)
"""Sorted by (tag, ts); one row per (tag, ts). Integers beyond 2⁵³ are rounded to the nearest double."""
_SEVERITY_SHIFT = 30
_MICROSECONDS = 1e6
Array = np.ndarray


def empty_rollup() -> pa.RecordBatch:
    """A batch of no buckets."""
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in ROLLUP], schema=ROLLUP)


def roll(rows: pa.RecordBatch, bucket_us: int) -> pa.RecordBatch:
    """The buckets of rows of the form ROWS, sorted by (tag, ts) with one row per (tag, ts)."""
    if not len(rows):
        return empty_rollup()
    tag, ts = rows.column("tag").to_numpy(), microseconds(rows.column("ts"))
    q = rows.column("q").to_numpy()
    number = numbers(rows)
    starts = _starts(tag, ts // bucket_us)
    is_sound, severity = q >> _SEVERITY_SHIFT == 0, q >> _SEVERITY_SHIFT
    is_good = is_sound & ~np.isnan(number)
    value = np.where(is_good, number, 0.0)
    seconds = _until_next(ts, ts, starts)
    neighbours = np.append(is_good[:-1] & is_good[1:], False)  # a value, not a flag
    with np.errstate(over="ignore", invalid="ignore"):
        sloped = np.where(neighbours, (value + np.append(value[1:], 0.0)) / 2 * seconds, 0.0)
        statistics = _Statistics.of(
            starts, is_good.astype(np.int64), value, np.where(is_good, number, np.nan), ts, ts, value, np.zeros(len(ts))
        )
        times = {
            "integral": np.add.reduceat(value * seconds, starts),
            "covered": np.add.reduceat(np.where(is_good, seconds, 0.0), starts),
            "good_seconds": np.add.reduceat(np.where(is_sound, seconds, 0.0), starts),
            "sloped": np.add.reduceat(sloped, starts),
        }
    last = np.append(starts[1:], len(ts)) - 1
    return _batch({
        "tag": tag[starts], "ts": ts[starts] // bucket_us * bucket_us, "count": last - starts + 1,
        "uncertain": np.add.reduceat((severity == 1).astype(np.int64), starts),
        "bad": np.add.reduceat((severity > 1).astype(np.int64), starts),
        "first": number[starts], "first_ts": ts[starts], "first_q": q[starts].astype(np.int64),
        "last": number[last], "last_ts": ts[last], "last_q": q[last].astype(np.int64),
        **statistics.columns(), **times,
    })  # fmt: skip


def combine(buckets: pa.RecordBatch, bucket_us: int) -> pa.RecordBatch:
    """Longer buckets made of shorter ones that are sorted by (tag, ts) and do not cross their borders."""
    if not len(buckets):
        return empty_rollup()
    tag, ts = buckets.column("tag").to_numpy(), microseconds(buckets.column("ts"))
    place = ts // bucket_us
    return combine_at(buckets, _starts(tag, place), place * bucket_us)


def combine_at(buckets: pa.RecordBatch, starts: Array, ts: Array | None = None) -> pa.RecordBatch:
    """One bucket for each run of buckets that begins at one of the ascending indexes `starts`, the first being 0.

    Args:
        buckets: sorted by (tag, ts); a run must not hold two tags.
        ts: per given bucket the start of the one it becomes part of; its own where left out.
    """
    columns = {field.name: _plain(buckets, field.name) for field in ROLLUP}
    ts = columns["ts"] if ts is None else ts
    last = np.append(starts[1:], len(buckets)) - 1
    first_sound, last_sound = columns["first_q"] >> _SEVERITY_SHIFT == 0, columns["last_q"] >> _SEVERITY_SHIFT == 0
    first_good, last_good = first_sound & ~np.isnan(columns["first"]), last_sound & ~np.isnan(columns["last"])
    seconds = _until_next(columns["first_ts"], columns["last_ts"], starts)
    held = np.where(last_good, columns["last"], 0.0)
    following = np.append(np.where(first_good, columns["first"], 0.0)[1:], 0.0)
    neighbours = last_good & np.append(first_good[1:], False)  # a value, not a flag
    with np.errstate(over="ignore", invalid="ignore"):
        bridges = {
            "integral": held * seconds,
            "covered": np.where(last_good, seconds, 0.0),
            "good_seconds": np.where(last_sound, seconds, 0.0),
            "sloped": np.where(neighbours, (held + following) / 2 * seconds, 0.0),
        }
        statistics = _Statistics.of(
            starts, columns["good"], columns["sum"], columns["min"], columns["min_ts"], columns["max_ts"],
            np.where(columns["good"] > 0, columns["center"], 0.0), columns["sum_sq"], columns["max"],
        )  # fmt: skip
        times = {name: np.add.reduceat(columns[name] + bridge, starts) for name, bridge in bridges.items()}
    summed = {name: np.add.reduceat(columns[name], starts) for name in ("count", "uncertain", "bad")}
    return _batch({
        "tag": columns["tag"][starts], "ts": ts[starts], **summed,
        "first": columns["first"][starts], "first_ts": columns["first_ts"][starts],
        "first_q": columns["first_q"][starts], "last": columns["last"][last], "last_ts": columns["last_ts"][last],
        "last_q": columns["last_q"][last], **statistics.columns(), **times,
    })  # fmt: skip


def numbers(rows: pa.RecordBatch) -> Array:
    """The values of rows of the form ROWS as doubles: booleans as 0 and 1, NaN where there is no number."""
    import pyarrow.compute as pc

    result = rows.column("v")
    if rows.column("vi").null_count < len(rows):
        result = pc.coalesce(result, rows.column("vi").cast(pa.float64(), safe=False))
    if rows.column("vb").null_count < len(rows):
        result = pc.coalesce(result, rows.column("vb").cast(pa.uint8()).cast(pa.float64()))
    return np.asarray(result.to_numpy(zero_copy_only=False))


class _Statistics:
    """Over the good rows of each run: what `_batch` wants of them."""

    def __init__(self, **columns: Array) -> None:
        self._columns = columns

    @classmethod
    def of(
        cls, starts: Array, good: Array, total: Array, low: Array, low_ts: Array, high_ts: Array, center: Array,
        sum_sq: Array, high: Array | None = None,
    ) -> "_Statistics":  # fmt: skip
        """Of parts with `good` rows each; `low` and `high` are NaN where a part has none."""
        high = low if high is None else high
        lengths = np.diff(np.append(starts, len(good)))
        goods, totals = np.add.reduceat(good, starts), np.add.reduceat(total, starts)
        mean = totals / np.maximum(goods, 1)
        deviation = np.where(good > 0, center - np.repeat(mean, lengths), 0.0)
        lowest, highest = np.fmin.reduceat(low, starts), np.fmax.reduceat(high, starts)
        return cls(
            good=goods, sum=totals, center=np.where(goods > 0, mean, np.nan),
            sum_sq=np.add.reduceat(sum_sq + good * deviation * deviation, starts), min=lowest, max=highest,
            min_ts=low_ts[_first_where(low == np.repeat(lowest, lengths), starts)],
            max_ts=high_ts[_first_where(high == np.repeat(highest, lengths), starts)],
        )  # fmt: skip

    def columns(self) -> dict[str, Array]:
        return self._columns


def _first_where(hit: Array, starts: Array) -> Array:
    """Index of the first hit of each run; of its first element where there is none."""
    index = np.minimum.reduceat(np.where(hit, np.arange(len(hit)), len(hit)), starts)
    return np.where(index < len(hit), index, starts)


def _starts(tag: Array, place: Array) -> Array:
    """Where runs of one tag and one bucket begin."""
    return np.flatnonzero(np.append(True, (tag[1:] != tag[:-1]) | (place[1:] != place[:-1])))


def _until_next(begin_us: Array, end_us: Array, starts: Array) -> Array:
    """Seconds from the end of each part to the beginning of the next one in its run; 0 for the last."""
    seconds = np.append((begin_us[1:] - end_us[:-1]) / _MICROSECONDS, 0.0)
    seconds[starts[1:] - 1] = 0.0
    return seconds


def _plain(buckets: pa.RecordBatch, name: str) -> Array:
    """A column as numpy: times as microseconds (0 for none), numbers with NaN for none."""
    column = buckets.column(name)
    if column.type == TIME:
        return np.asarray(microseconds(column.fill_null(0) if column.null_count else column))
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _batch(columns: Mapping[str, Array]) -> pa.RecordBatch:
    none = columns["good"] == 0
    arrays = []
    for field in ROLLUP:
        values = columns[field.name]
        if field.name in ("min_ts", "max_ts"):
            arrays.append(pa.array(values, pa.int64(), mask=none).cast(TIME))
        elif field.type == TIME:
            arrays.append(pa.array(values, pa.int64()).cast(TIME))
        elif field.name in ("first", "last"):
            arrays.append(pa.array(values, mask=np.isnan(values)))
        elif field.nullable:
            arrays.append(pa.array(values, mask=none))
        else:
            arrays.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=ROLLUP)
