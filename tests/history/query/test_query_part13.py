"""The worked examples of OPC UA Part 13 (1.04, annex A): the four historians and the tables published for them.

A row is `minute:second value code`: G, U (UncertainDataSubNormal), Q (Uncertain), B (Bad), N (BadNoData) with c
(Calculated), i (Interpolated), p (Partial), m (MultipleValues); its value is `-` where there is none. TimeAverage and
Total of historian 3 go by the text ("always SlopedInterpolation"); rows marked * were worked out by hand from the text.
"""

import numpy as np
import pytest

from lineshaft.core.errors import InvalidInput
from lineshaft.history.query.aggregates import Read, processed
from lineshaft.history.query.intervals import intervals_between
from lineshaft.history.query.model import AGGREGATES, Configuration, aggregate_named
from lineshaft.history.query.series import Series

NOON = 12 * 3600
NONE = float("nan")
GOOD, UNCERTAIN, BAD = 0, 0x40000000, 0x80000000
PERIODIC = [(10, 10, GOOD), (20, 20, GOOD), (30, 30, GOOD), (40, 40, BAD), (50, 50, GOOD), (60, 60, GOOD),
            (70, 70, UNCERTAIN), (80, 80, GOOD), (90, 90, GOOD)]  # fmt: skip
SCATTERED = [(2, 10, GOOD), (25, 20, GOOD), (28, 25, GOOD), (39, 30, GOOD), (42, NONE, BAD), (48, 40, GOOD),
             (52, 50, GOOD), (72, 60, GOOD), (77, 70, UNCERTAIN), (83, 70, GOOD), (86, 80, GOOD),
             (90, 90, GOOD)]  # fmt: skip
SWITCHED = [(2, 1, GOOD), (25, 0, GOOD), (28, 1, GOOD), (39, 1, GOOD), (42, NONE, BAD), (48, 1, GOOD), (52, 0, GOOD),
            (72, 0, GOOD), (77, 1, UNCERTAIN), (83, 1, GOOD), (86, 0, GOOD), (90, 1, GOOD)]  # fmt: skip
HISTORIANS = {
    1: (PERIODIC, Configuration(treat_uncertain_as_bad=False), False),
    2: (SCATTERED, Configuration(), False),
    3: (SCATTERED, Configuration(percent_data_bad=50, percent_data_good=50), True),
    4: (SWITCHED, Configuration(), True),
}
CODES = {"G": 0, "U": 0x40A40000, "Q": UNCERTAIN, "B": BAD, "N": 0x809B0000}
BITS = {"c": 0x01, "i": 0x02, "p": 0x04, "m": 0x10}


def answered(historian: int, name: str, seconds: float, start: float = 0, end: float = 100, **configured):
    samples, configuration, stepped = HISTORIANS[historian]
    if configured:
        configuration = Configuration(**configured)
    ts, value, q = (np.array(column) for column in zip(*samples, strict=True))
    series = Series(
        ((NOON + ts) * 1e6).astype(np.int64), value.astype(float), q.astype(np.uint32),
        treat_uncertain_as_bad=configuration.treat_uncertain_as_bad, numeric=AGGREGATES[name].numeric,
    )  # fmt: skip
    intervals = intervals_between(round((NOON + start) * 1e6), round((NOON + end) * 1e6), round(seconds * 1e6))
    results = processed(name, Read(series, intervals, configuration, stepped=stepped))
    rows = zip(results.ts, results.value, results.q, strict=True)
    found = [shown(*row) for row in rows]
    return found[::-1] if intervals.backward else found


def shown(ts: int, value: float, q: int) -> str:
    minute, second = divmod(ts / 1e6 - NOON, 60)
    code = next(letter for letter, code in CODES.items() if code == q & 0xFFFF0000)
    bits = "".join(letter for letter, bit in BITS.items() if q & bit)
    assert bool(q & 0x400) == bool(bits), "aggregate bits stand with the info type that gives them a meaning"
    text = "-" if np.isnan(value) else f"{value:.3f}".rstrip("0").rstrip(".")
    return f"{int(minute)}:{second:06.3f}".removesuffix(".000") + f" {text} {code}{bits}"


def table(text: str) -> list[str]:
    return [line.replace("*", "").strip() for line in text.strip().splitlines()]


INTERPOLATIVE = {
    1: """0:00 - N|0:05 - N|0:10 10 G|0:15 15 Gi|0:20 20 G|0:25 25 Gi|0:30 30 G|0:35 35 Ui|0:40 40 Ui|0:45 45 Ui|
          0:50 50 G|0:55 55 Gi|1:00 60 G|1:05 65 Ui|1:10 70 Q|1:15 75 Ui|1:20 80 G|1:25 85 Gi|1:30 90 G|1:35 90 Ui""",
    2: """0:00 - N|0:05 11.304 Gi|0:10 13.478 Gi|0:15 15.652 Gi|0:20 17.826 Gi|0:25 20 G|0:30 25.909 Gi|
          0:35 28.182 Gi|0:40 31.111 Ui|0:45 36.667 Ui|0:50 45 Gi|0:55 51.5 Gi|1:00 54 Gi|1:05 56.5 Gi|1:10 59 Gi|
          1:15 62.727 Ui|1:20 67.273 Ui|1:25 76.667 Gi|1:30 90 G|1:35 90 Ui""",
    3: """0:00 - N|0:05 10 Gi|0:10 10 Gi|0:15 10 Gi|0:20 10 Gi|0:25 20 G|0:30 25 Gi|0:35 25 Gi|0:40 30 Gi|0:45 30 Ui|
          0:50 40 Gi|0:55 50 Gi|1:00 50 Gi|1:05 50 Gi|1:10 50 Gi|1:15 60 Gi|1:20 60 Ui|1:25 70 Gi|1:30 90 G|
          1:35 90 Ui""",
}
AVERAGE = {
    1: """0:00 - N|0:05 - N|0:10 10 Gc|0:15 - N|0:20 20 Gc|0:25 - N|0:30 30 Gc|0:35 - N|0:40 - N|0:45 - N|0:50 50 Gc|
          0:55 - N|1:00 60 Gc|1:05 - N|1:10 - N|1:15 - N|1:20 80 Gc|1:25 - N|1:30 90 Gc|1:35 - N""",
    2: """0:00 10 Gc|0:05 - N|0:10 - N|0:15 - N|0:20 - N|0:25 22.5 Gc|0:30 - N|0:35 30 Gc|0:40 - N|0:45 40 Gc|
          0:50 50 Gc|0:55 - N|1:00 - N|1:05 - N|1:10 60 Gc|1:15 - N|1:20 70 Gc|1:25 80 Gc|1:30 90 Gc|1:35 - N""",
}
TIME_AVERAGE = {
    1: """0:00 - N|0:05 - N|0:10 12.5 Gc|0:15 17.5 Gc|0:20 22.5 Gc|0:25 27.5 Gc|0:30 32.5 Uc|0:35 37.5 Uc|0:40 42.5 Uc|
          0:45 47.5 Uc|0:50 52.5 Gc|0:55 57.5 Gc|1:00 62.5 Uc|1:05 67.5 Uc|1:10 72.5 Uc|1:15 77.5 Uc|1:20 82.5 Gc|
          1:25 87.5 Gc|1:30 90 Uc|1:35 90 Uc""",
}
TIME_AVERAGE_2 = {
    1: """0:00 - N|0:05 - N|0:10 12.5 Gc|0:15 17.5 Gc|0:20 22.5 Gc|0:25 27.5 Gc|0:30 30 Uc|0:35 30 Uc|0:40 - N|0:45 - N|
          0:50 52.5 Gc|0:55 57.5 Gc|1:00 62.5 Uc|1:05 67.5 Uc|1:10 72.5 Uc|1:15 77.5 Uc|1:20 82.5 Gc|1:25 87.5 Gc|
          1:30 90 Ucp|1:35 - N""",
}
BY_SIXTEEN = {
    "Minimum": {1: "0:00 10 Gcp|0:16 20 Gc|0:32 - N|0:48 50 Gc|1:04 - N|1:20 80 Gp|1:36 - N"},
    "Maximum": {
        2: "0:00 10 Gcp|0:16 25 Gc|0:32 30 Uc|0:48 50 Gc|1:04 60 Uc|1:20 90 Gcp|1:36 - N",
        3: "0:00 10 Gcp|0:16 25 Gc|0:32 30 Uc|0:48 50 Gc|1:04 60 Uc|1:20 90 Gcp|1:36 - N",
    },
    "MinimumActualTime": {
        1: "0:10 10 Gp|0:20 20 G|0:32 - N|0:50 50 G|1:04 - N|1:20 80 Gp|1:36 - N",
        2: "0:02 10 Gp|0:25 20 G|0:39 30 U|0:48 40 G|1:12 60 U|1:23 70 Gp|1:36 - N",
        3: "0:02 10 Gp|0:25 20 G|0:39 30 U|0:48 40 G|1:12 60 U|1:23 70 Gp|1:36 - N",
    },
    "MaximumActualTime": {
        1: "0:10 10 Gp|0:30 30 G|0:32 - N|1:00 60 G|1:04 - N|1:30 90 Gp|1:36 - N",
        2: "0:02 10 Gp|0:28 25 G|0:39 30 U|0:52 50 G|1:12 60 U|1:30 90 Gp|1:36 - N",
        3: "0:02 10 Gp|0:28 25 G|0:39 30 U|0:52 50 G|1:12 60 U|1:30 90 Gp|1:36 - N",
    },
    "Minimum2": {
        1: "0:00 10 Ucp|0:16 16 Ui|0:32 30 Ui|0:48 50 Uc|1:04 64 Ui|1:20 80 Up|1:36 - N",
        2: "0:00 10 Ucp|0:16 16.087 Gi|0:32 26.818 Ui|0:48 40 G|1:04 56 Ui|1:20 70 Ucp|1:36 - N",
        3: "0:00 10 Gcp|0:16 10 Gi|0:32 25 Gi|0:48 40 G|1:04 50 Gi|1:20 70 Gcp|1:36 - N",
    },
    "MinimumActualTime2": {
        1: "0:10 10 Up|0:16 16 Ui|0:32 30 Ui|0:50 50 U|1:04 64 Ui|1:20 80 Up|1:36 - N",
        2: "0:02 10 Up|0:16 16.087 Gi|0:32 26.818 Ui|0:48 40 G|1:04 56 Ui|1:23 70 Up|1:36 - N",
        3: "0:02 10 Gp|0:16 10 Gi|0:32 25 Gi|0:48 40 G|1:04 50 Gi|1:23 70 Gp|1:36 - N",
    },
    "MaximumActualTime2": {
        1: "0:15.999 16 Uip|0:30 30 Um|0:32 30 Ui|1:03.999 64 Ui|1:19.999 80 Ui|1:30 90 Up|1:36 - N",
        2: "0:15.999 16.087 Uip|0:31.999 26.818 Gi|0:47.999 40 Ui|1:03.999 56 Gi|1:12 60 U|1:30 90 Up|1:36 - N",
        3: "0:02 10 Gp|0:28 25 G|0:39 30 G|0:52 50 G|1:12 60 G|1:30 90 Gp|1:36 - N",
    },
    "Count": {
        1: "0:00 1 Gcp|0:16 2 Gc|0:32 - B|0:48 2 Gc|1:04 0 Uc|1:20 2 Gcp|1:36 - N",
        2: "0:00 1 Gcp|0:16 2 Gc|0:32 1 Uc|0:48 2 Gc|1:04 1 Uc|1:20 3 Gcp|1:36 - N",
        3: "0:00 1 Gcp|0:16 2 Gc|0:32 - B|0:48 2 Gc|1:04 1 Gc|1:20 3 Gcp|1:36 - N",
    },
    "StartBound": {
        1: "0:00 - Np|0:16 16 Gi|0:32 30 Ui|0:48 - N|1:04 64 Ui|1:20 80 Gp|1:36 - N",
        2: "0:00 - Np|0:16 16.087 Gi|0:32 26.818 Gi|0:48 40 G|1:04 56 Gi|1:20 - Np|1:36 - N",
        3: "0:00 - Np|0:16 10 Gi|0:32 25 Gi|0:48 40 G|1:04 50 Gi|1:20 - Np|1:36 - N",
    },
    "EndBound": {2: "*0:00 16.087 Gcp|*0:16 26.818 Gc|*0:32 40 Gc|*0:48 56 Gc|*1:04 - N|*1:20 - Np|*1:36 - N"},
    "DeltaBounds": {2: "*0:00 - Np|*0:16 10.731 Gc|*0:32 13.182 Gc|*0:48 16 Gc|*1:04 - N|*1:20 - Np|*1:36 - N"},
    "Delta": {
        1: "*0:00 0 Gcp|*0:16 10 Gc|*0:32 - N|*0:48 10 Gc|*1:04 - N|*1:20 10 Gcp|*1:36 - N",
        2: "*0:00 0 Gcp|*0:16 5 Gc|*0:32 0 Uc|*0:48 10 Gc|*1:04 0 Uc|*1:20 20 Gcp|*1:36 - N",
    },
    "Start": {1: "*0:10 10 Gp|*0:20 20 G|*0:40 40 B|*0:50 50 G|*1:10 70 Q|*1:20 80 Gp|*1:36 - N"},
    "End": {2: "*0:02 10 Gp|*0:28 25 G|*0:42 - B|*0:52 50 G|*1:17 70 Q|*1:30 90 Gp|*1:36 - N"},
    "Range": {2: "*0:00 0 Gcp|*0:16 5 Gc|*0:32 0 Uc|*0:48 10 Gc|*1:04 0 Uc|*1:20 20 Gcp|*1:36 - N"},
    "DurationGood": {
        1: "0:00 6000 Gcp|0:16 16000 Gc|0:32 0 Gc|0:48 14000 Gc|1:04 0 Gc|1:20 10001 Gcp|1:36 - N",
        2: "0:00 14000 Gcp|0:16 16000 Gc|0:32 10000 Gc|0:48 16000 Gc|1:04 13000 Gc|1:20 7001 Gcp|1:36 - N",
        3: "0:00 14000 Gcp|0:16 16000 Gc|0:32 10000 Gc|0:48 16000 Gc|1:04 13000 Gc|1:20 7001 Gcp|1:36 - N",
        4: "0:00 14000 Gcp|0:16 16000 Gc|0:32 10000 Gc|0:48 16000 Gc|1:04 13000 Gc|1:20 7001 Gcp|1:36 - N",
    },
    "DurationBad": {
        1: "0:00 10000 Gcp|0:16 0 Gc|0:32 8000 Gc|0:48 2000 Gc|1:04 0 Gc|1:20 0 Gcp|1:36 - N",
        2: "0:00 2000 Gcp|0:16 0 Gc|0:32 6000 Gc|0:48 0 Gc|1:04 3000 Gc|1:20 3000 Gcp|1:36 - N",
    },
    "PercentGood": {
        1: "0:00 37.5 Gcp|0:16 100 Gc|0:32 0 Gc|0:48 87.5 Gc|1:04 0 Gc|1:20 100 Gcp|1:36 - N",
        4: "0:00 87.5 Gcp|0:16 100 Gc|0:32 62.5 Gc|0:48 100 Gc|1:04 81.25 Gc|1:20 70.003 Gcp|1:36 - N",
    },
    "PercentBad": {
        1: "0:00 62.5 Gcp|0:16 0 Gc|0:32 50 Gc|0:48 12.5 Gc|1:04 0 Gc|1:20 0 Gcp|1:36 - N",
        3: "0:00 12.5 Gcp|0:16 0 Gc|0:32 37.5 Gc|0:48 0 Gc|1:04 18.75 Gc|1:20 29.997 Gcp|1:36 - N",
    },
    "DurationInStateZero": {4: "0:00 0 Ucp|0:16 3000 Gc|0:32 0 Uc|0:48 12000 Gc|1:04 13000 Uc|1:20 4000 Ucp|1:36 - N"},
    "DurationInStateNonZero": {
        4: "0:00 14000 Ucp|0:16 13000 Gc|0:32 10000 Uc|0:48 4000 Gc|1:04 0 Uc|1:20 3001 Ucp|1:36 - N"
    },
    "NumberOfTransitions": {4: "*0:00 1 Gcp|*0:16 2 Gc|*0:32 0 Uc|*0:48 1 Gc|*1:04 0 Uc|*1:20 3 Gcp|*1:36 - N"},
}
VARIANCE_SAMPLE = {
    1: "0:00 0 Gcp|0:20 50 Gc|0:40 0 Uc|1:00 0 Uc|1:20 50 Gcp",
    2: "0:00 0 Gcp|0:20 25 Gc|0:40 50 Uc|1:00 0 Uc|1:20 100 Gcp",
    3: "0:00 0 Gcp|0:20 25 Gc|0:40 50 Uc|1:00 0 Uc|1:20 100 Gcp",
}
CASES = [
    *(("Interpolative", 5, *each) for each in INTERPOLATIVE.items()),
    *(("Average", 5, *each) for each in AVERAGE.items()),
    *(("TimeAverage", 5, *each) for each in TIME_AVERAGE.items()),
    *(("TimeAverage2", 5, *each) for each in TIME_AVERAGE_2.items()),
    *((name, 16, *each) for name, tables in BY_SIXTEEN.items() for each in tables.items()),
    *(("VarianceSample", 20, *each) for each in VARIANCE_SAMPLE.items()),
]


@pytest.mark.parametrize(("name", "seconds", "historian", "rows"), CASES, ids=[f"{c[0]}-{c[2]}" for c in CASES])
def test_the_published_tables(name, seconds, historian, rows):
    assert answered(historian, name, seconds) == table("\n".join(rows.replace("\n", "").split("|")))


def test_time_before_the_first_value_of_an_interval_is_left_out_of_its_time_average():
    assert answered(2, "TimeAverage", 5)[0] == "0:00 10.652 Ucp"
    assert answered(2, "TimeAverage2", 5)[:5] == [
        "0:00 10.652 Ucp", "0:05 12.391 Gc", "0:10 14.565 Gc", "0:15 16.739 Gc", "0:20 18.913 Gc",
    ]  # fmt: skip


def test_total_is_the_time_average_times_the_interval_and_total2_only_times_the_time_with_data():
    assert answered(2, "Total", 5)[:2] == ["0:00 53.261 Ucp", "0:05 61.957 Gc"]
    assert answered(2, "Total2", 5)[:2] == ["0:00 31.957 Ucp", "0:05 61.957 Gc"]
    assert answered(1, "Total2", 5)[8] == "0:40 - N"


def test_the_other_kinds_of_spread_follow_from_the_sample_variance():
    assert answered(2, "StandardDeviationSample", 20)[1] == "0:20 5 Gc"
    assert answered(1, "VariancePopulation", 20)[1] == "0:20 25 Gc"
    assert answered(1, "StandardDeviationPopulation", 20)[1] == "0:20 5 Gc"


def test_the_worst_quality_is_the_first_of_its_severity_and_includes_the_start_bound_where_asked():
    assert answered(2, "WorstQuality", 16)[2] == f"0:32 {BAD} Gc"
    assert answered(2, "WorstQuality", 16)[4] == f"1:04 {UNCERTAIN} Gc"
    assert answered(2, "WorstQuality2", 16)[0] == f"0:00 {0x809B0000} Gcp", "nothing is known at the start"
    assert answered(2, "WorstQuality", 16)[0] == "0:00 0 Gcp"


def test_annotations_are_not_kept_and_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(InvalidInput) as refused:
        aggregate_named("AnnotationCount")
    assert refused.value.code == "history.aggregate_unsupported"
    with pytest.raises(InvalidInput) as refused:
        aggregate_named("median")
    assert "TimeAverage2" in refused.value.hint
    assert aggregate_named(" timeaverage2 ").name == "TimeAverage2"


def test_behind_the_newest_sample_a_value_is_held_or_goes_on_in_a_line():
    assert answered(2, "Interpolative", 5, 95, 105) == ["1:35 90 Ui", "1:40 90 Ui"]
    assert answered(2, "Interpolative", 5, 95, 105, use_sloped_extrapolation=True) == ["1:35 102.5 Ui", "1:40 115 Ui"]


def test_time_that_runs_backward_includes_the_later_end_and_stamps_with_it():
    assert answered(1, "Count", 20, 90, 10) == ["1:30 2 Gc", "1:10 1 Uc", "0:50 1 Uc", "0:30 2 Gc"]
    assert answered(1, "Interpolative", 5, 25, 10) == ["0:25 25 Gi", "0:20 20 G", "0:15 15 Gi"]
    assert answered(1, "TimeAverage", 10, 30, 10) == answered(1, "TimeAverage", 10, 30, 10)
    assert [row.split(" ", 1)[1] for row in answered(1, "TimeAverage", 10, 30, 10)] == ["25 Gc", "15 Gc"]
    assert answered(1, "StartBound", 8, 33, 17) == ["0:33 30 Ui", "0:25 25 Gi"]
    assert answered(1, "EndBound", 8, 33, 17) == ["0:33 25 Gc", "0:25 17 Gc"]


def test_intervals_cover_the_range_and_the_last_may_be_shorter():
    intervals = intervals_between(0, 25, 10)
    assert (intervals.low.tolist(), intervals.high.tolist()) == ([0, 10, 20], [10, 20, 25])
    assert len(intervals_between(0, 25, 0)) == len(intervals_between(0, 25, 99)) == 1
    backward = intervals_between(25, 0, 10)
    assert (backward.low.tolist(), backward.stamp.tolist()) == ([0, 5, 15], [5, 15, 25])
    for start, end, interval, code in (
        (5, 5, 1, "range_empty"), (0, 9, -1, "interval_negative"), (0, 10**9, 1, "processed_too_large"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput) as refused:
            intervals_between(start, end, interval)
        assert refused.value.code == f"history.{code}"
