"""All aggregates against an oracle: gaps, bad and uncertain quality, samples on borders, time in both directions.

The oracle is every aggregate of Part 13 once more, sample by sample and interval by interval, written from the text. A
sample is (ts, value, q); value None where there is none. `answer` gives (ts, value or None, q) for one interval.
"""

import math
import random
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest

from lineshaft.history.maintenance.work import Options, run
from lineshaft.history.query.aggregates import Read, processed
from lineshaft.history.query.answer import Question
from lineshaft.history.query.engine import Engine
from lineshaft.history.query.gather import Source
from lineshaft.history.query.intervals import intervals_between
from lineshaft.history.query.model import AGGREGATES, Configuration, aggregate_named
from lineshaft.history.query.rolled import Rolled
from lineshaft.history.query.scan import Scanner, of_rows
from lineshaft.history.query.series import Series
from lineshaft.history.rollup_state import stale
from lineshaft.history.rollup_table import RolledTables
from lineshaft.history.sealed import SealedTable
from lineshaft.history.sorting import ordered
from lineshaft.history.testing import LaneMessages

SECOND = 1_000_000
START = 1_760_000_000 * SECOND
QUALITIES = (0, 0, 0, 0, 0, 0x40000000, 0x408F0000, 0x80000000, 0x80310000)
GOOD, SUB, BAD, NO_DATA = 0, 0x40A40000, 0x80000000, 0x809B0000
CALC, INTER, PART, MULTI, INFO = 1, 2, 4, 16, 0x400
MILLISECOND = 1000


class Case(NamedTuple):
    samples: list[tuple[int, float | None, int]]
    uncertain_is_bad: bool
    percent_bad: int
    percent_good: int
    sloped_extrapolation: bool
    stepped: bool


class Bound(NamedTuple):
    value: float | None
    q: int
    bits: int
    usable: bool
    extrapolated: bool = False


def severity(q: int) -> str:
    return ("good", "uncertain", "bad", "bad")[q >> 30]


class Oracle:
    def __init__(self, case: Case, *, numeric: bool) -> None:
        self.case = case
        self.numeric = numeric
        self.samples = case.samples

    def has(self, sample) -> bool:
        return sample[1] is not None or not self.numeric

    def good(self, sample) -> bool:
        return severity(sample[2]) == "good" and self.has(sample)

    def bad(self, sample) -> bool:
        return severity(sample[2]) == "bad" or not self.has(sample)

    def usable(self, sample) -> bool:
        return self.good(sample) if self.case.uncertain_is_bad else not self.bad(sample)

    @staticmethod
    def line(one, other, t):
        return one[1] + (other[1] - one[1]) * (t - one[0]) / (other[0] - one[0])

    def simple(self, t: int) -> Bound:
        """3.1.9."""
        for sample in self.samples:
            if sample[0] == t:
                return Bound(sample[1], sample[2], 0, self.usable(sample))
        before = [s for s in self.samples if s[0] < t]
        after = [s for s in self.samples if s[0] > t]
        if not before or not after or not self.usable(before[-1]):
            return Bound(None, NO_DATA, 0, False)
        one, other = before[-1], after[0]
        if self.case.stepped:
            q, value = (GOOD if self.good(one) else SUB), one[1]
        elif self.usable(other):
            q, value = (GOOD if self.good(one) and self.good(other) else SUB), self.line(one, other, t)
        else:
            q, value = SUB, one[1]
        return Bound(value, q, INTER, q == GOOD or not self.case.uncertain_is_bad)

    def interpolated(self, t: int, *, stepped: bool) -> Bound:
        """3.1.8."""
        for sample in self.samples:
            if sample[0] == t and self.usable(sample):
                return Bound(sample[1], sample[2], 0, True)
        before = [s for s in self.samples if s[0] < t and self.usable(s)]
        after = [s for s in self.samples if s[0] > t and self.usable(s)]
        if not before:
            return Bound(None, NO_DATA, 0, False)
        one = before[-1]
        skipped = [s for s in self.samples if s[0] > one[0] and s[0] <= t]
        if stepped:
            following = [s for s in self.samples if s[0] > one[0]]
            q = GOOD if self.good(one) and not skipped and following else SUB
            return Bound(one[1], q, INTER, True, not after)
        if after:
            skipped = [s for s in self.samples if one[0] < s[0] < after[0][0]]
            q = GOOD if self.good(one) and self.good(after[0]) and not skipped else SUB
            return Bound(self.line(one, after[0], t), q, INTER, True)
        if self.case.sloped_extrapolation and len(before) > 1:
            return Bound(self.line(before[-2], one, t), SUB, INTER, True, True)
        return Bound(one[1], SUB, INTER, True, True)

    def regions(self, low: int, high: int, *, stepped: bool):
        """(microseconds, class, start value, end value) of every region between simple bounds, 5.4.3.2."""
        start, end = self.simple(low), self.simple(high)
        points = [(low, start.value, start.q, start.usable, bool(start.bits))]
        points += [(s[0], s[1], s[2], self.usable(s), False) for s in self.samples if low < s[0] < high]
        points += [(high, end.value, end.q, end.usable, bool(end.bits))]
        found = []
        for index in range(len(points) - 1):
            t, value, q, usable, estimated = points[index]
            t2, value2, q2, usable2, _ = points[index + 1]
            length = t2 - t
            if usable and q2 == NO_DATA and index == len(points) - 2:
                length = min(length, MILLISECOND)
            if not usable and not estimated:
                found.append((length, "bad", 0.0, 0.0))
                continue
            kind = "good" if severity(q) == "good" else "uncertain"
            if not stepped and (not usable2 or severity(q2) != "good"):
                kind = "uncertain"
            found.append((length, kind, value, value2 if usable2 and not stepped else value))
        return found

    def by_share(self, good: float, bad: float, total: float) -> int:
        if total and 100 * bad >= self.case.percent_bad * total:
            return BAD
        return GOOD if 100 * good >= self.case.percent_good * total else SUB

    def time_status(self, regions) -> int:
        total = sum(r[0] for r in regions)
        return self.by_share(
            sum(r[0] for r in regions if r[1] == "good"), sum(r[0] for r in regions if r[1] == "bad"), total
        )

    def answer(self, name: str, low: int, high: int, *, backward: bool) -> tuple[int, float | None, int]:
        stamp = high if backward else low
        if name == "Interpolative":
            bound = self.interpolated(stamp, stepped=self.case.stepped)
            return stamp, bound.value, bound.q | mark(bound.bits)
        first, last = (self.samples[0][0], self.samples[-1][0]) if self.samples else (None, None)
        if first is None:
            return stamp, None, NO_DATA
        outside = (first > high or last <= low) if backward else (first >= high or last < low)
        begun_late, ended_early = low < first and not outside, last < high and not outside
        partial = PART if begun_late or ended_early else 0
        rows = [s for s in self.samples if (low < s[0] <= high if backward else low <= s[0] < high)]
        result = getattr(self, "_" + name.lower())(low, high, rows, stamp, backward)
        if name == "Average":
            partial = 0
        if name in ("TimeAverage", "Total"):
            extrapolated = self.interpolated(high, stepped=False).extrapolated
            partial = PART if begun_late or (ended_early and not extrapolated) else 0
            outside = first >= high
        if result is None or outside:
            return stamp, None, NO_DATA | mark(partial)
        ts, value, q, bits = result
        selection = name in ("Start", "End")
        if severity(q) == "bad" and not selection:
            return ts, None, q | mark(partial)
        return ts, value, q | mark(bits | partial)

    def value_status(self, rows) -> int:
        return self.by_share(
            sum(severity(s[2]) == "good" for s in rows), sum(severity(s[2]) == "bad" for s in rows), len(rows)
        )

    def _average(self, low, high, rows, stamp, backward):
        good = [s[1] for s in rows if self.good(s)]
        return (stamp, math.fsum(good) / len(good), self.value_status(rows), CALC) if good else None

    def _weighted(self, low, high):
        inner = [s for s in self.samples if low < s[0] < high and self.usable(s)]
        start, end = self.interpolated(low, stepped=False), self.interpolated(high, stepped=False)
        points = [(low, start.value, start.q, start.usable), *((s[0], s[1], s[2], True) for s in inner)]
        points.append((high, end.value, end.q, end.usable))
        area = seconds = 0.0
        clean = True
        for (t, value, q, usable), (t2, value2, q2, usable2) in pairwise(points):
            skipped = any(t < s[0] < t2 and not self.usable(s) for s in self.samples)
            if not usable:
                clean = False
                continue
            clean &= severity(q) == "good" and severity(q2) == "good" and not skipped
            area += (value + (value2 if usable2 else value)) / 2 * (t2 - t) / 1e6
            seconds += (t2 - t) / 1e6
        return area, seconds, GOOD if clean else SUB

    def _timeaverage(self, low, high, rows, stamp, backward):
        area, seconds, q = self._weighted(low, high)
        return (stamp, area / seconds, q, CALC) if seconds else None

    def _total(self, low, high, rows, stamp, backward):
        area, seconds, q = self._weighted(low, high)
        return (stamp, area / seconds * (high - low) / 1e6, q, CALC) if seconds else None

    def _timeaverage2(self, low, high, rows, stamp, backward, *, total=False):
        regions = self.regions(low, high, stepped=self.case.stepped)
        held = [r for r in regions if r[1] != "bad"]
        seconds = sum(r[0] for r in held) / 1e6
        area = math.fsum((r[2] + r[3]) / 2 * r[0] / 1e6 for r in held)
        return (stamp, area if total else area / seconds, self.time_status(regions), CALC) if seconds else None

    def _total2(self, *given):
        return self._timeaverage2(*given, total=True)

    def _raw_extreme(self, rows, stamp, pick, beats, *, actual):
        good = [s for s in rows if self.good(s)]
        if not good:
            return None
        best = pick(s[1] for s in good)
        holders = [s for s in good if s[1] == best]
        doubtful = any(beats(s[1], best) for s in rows if self.usable(s) and not self.good(s))
        q = SUB if doubtful or any(not self.usable(s) for s in rows) else GOOD
        bits = (MULTI if len(holders) > 1 else 0) | (CALC if not actual and holders[0][0] != stamp else 0)
        return (holders[0][0] if actual else stamp), best, q, bits

    def _minimum(self, low, high, rows, stamp, backward):
        return self._raw_extreme(rows, stamp, min, lambda a, b: a < b, actual=False)

    def _maximum(self, low, high, rows, stamp, backward):
        return self._raw_extreme(rows, stamp, max, lambda a, b: a > b, actual=False)

    def _minimumactualtime(self, low, high, rows, stamp, backward):
        return self._raw_extreme(rows, stamp, min, lambda a, b: a < b, actual=True)

    def _maximumactualtime(self, low, high, rows, stamp, backward):
        return self._raw_extreme(rows, stamp, max, lambda a, b: a > b, actual=True)

    def _range(self, low, high, rows, stamp, backward):
        least, most = self._minimum(low, high, rows, stamp, backward), self._maximum(low, high, rows, stamp, backward)
        return None if least is None else (stamp, most[1] - least[1], max(least[2], most[2]), CALC)

    def _bounded(self, low, high, backward, pick, *, actual, stamp):
        points = []
        start, end = self.simple(low), self.simple(high)
        if start.usable and start.value is not None:
            points.append((low, start.value, start.bits))
        points += [(s[0], s[1], 0) for s in self.samples if low < s[0] < high and self.usable(s)]
        if end.usable and end.value is not None and (not self.case.stepped or (backward and not end.bits)):
            points.append((high, end.value, end.bits))
        if not points:
            return None
        best = pick(p[1] for p in points)
        holders = [p for p in points if p[1] == best]
        ts, _, bits = holders[0]
        if actual:
            if ts == (low if backward else high):
                ts += min(MILLISECOND, high - low) * (1 if backward else -1)
                bits = INTER
        elif not bits and ts != stamp:
            bits = CALC
        q = self.time_status(self.regions(low, high, stepped=self.case.stepped))
        return (ts if actual else stamp), best, q, bits | (MULTI if len(holders) > 1 else 0)

    def _minimum2(self, low, high, rows, stamp, backward):
        return self._bounded(low, high, backward, min, actual=False, stamp=stamp)

    def _maximum2(self, low, high, rows, stamp, backward):
        return self._bounded(low, high, backward, max, actual=False, stamp=stamp)

    def _minimumactualtime2(self, low, high, rows, stamp, backward):
        return self._bounded(low, high, backward, min, actual=True, stamp=stamp)

    def _maximumactualtime2(self, low, high, rows, stamp, backward):
        return self._bounded(low, high, backward, max, actual=True, stamp=stamp)

    def _range2(self, low, high, rows, stamp, backward):
        least = self._minimum2(low, high, rows, stamp, backward)
        most = self._maximum2(low, high, rows, stamp, backward)
        return None if least is None else (stamp, most[1] - least[1], least[2], CALC)

    def _count(self, low, high, rows, stamp, backward):
        return stamp, float(sum(self.good(s) for s in rows)), self.value_status(rows), CALC

    def _numberoftransitions(self, low, high, rows, stamp, backward):
        edge = [s for s in self.samples if self.usable(s) and s not in rows and s[0] <= (rows or [(low,)])[0][0]]
        last = edge[-1][1] if edge else object()
        count = 0
        for sample in rows:
            if self.usable(sample):
                count += sample[1] != last
                last = sample[1]
        return stamp, float(count), self.value_status(rows), CALC

    def _start(self, low, high, rows, stamp, backward):
        return (rows[0][0], rows[0][1], rows[0][2], 0) if rows else None

    def _end(self, low, high, rows, stamp, backward):
        return (rows[-1][0], rows[-1][1], rows[-1][2], 0) if rows else None

    def _delta(self, low, high, rows, stamp, backward):
        good = [s for s in rows if self.good(s)]
        if not good:
            return None
        q = GOOD if self.good(rows[0]) and self.good(rows[-1]) else SUB
        return stamp, good[-1][1] - good[0][1], q, CALC

    def _startbound(self, low, high, rows, stamp, backward):
        bound = self.simple(stamp)
        return (stamp, bound.value, bound.q, bound.bits) if bound.usable else None

    def _endbound(self, low, high, rows, stamp, backward):
        bound = self.simple(low if backward else high)
        return (stamp, bound.value, bound.q, CALC) if bound.usable else None

    def _deltabounds(self, low, high, rows, stamp, backward):
        start, end = self.simple(low), self.simple(high)
        if not start.usable or not end.usable:
            return None
        q = GOOD if severity(start.q) == severity(end.q) == "good" else SUB
        return stamp, end.value - start.value, q, CALC

    def _state(self, low, high, stamp, *, zero):
        regions = self.regions(low, high, stepped=True)
        lasting = sum(r[0] for r in regions if r[1] == "good" and (r[2] == 0) == zero)
        return stamp, lasting / 1000, self.time_status(regions), CALC

    def _durationinstatezero(self, low, high, rows, stamp, backward):
        return self._state(low, high, stamp, zero=True)

    def _durationinstatenonzero(self, low, high, rows, stamp, backward):
        return self._state(low, high, stamp, zero=False)

    def _lasting(self, low, high, stamp, kind, *, percent):
        regions = self.regions(low, high, stepped=True)
        lasting = sum(r[0] for r in regions if r[1] == kind)
        value = 100 * lasting / sum(r[0] for r in regions) if percent else lasting / 1000
        return stamp, value, GOOD, CALC

    def _durationgood(self, low, high, rows, stamp, backward):
        return self._lasting(low, high, stamp, "good", percent=False)

    def _durationbad(self, low, high, rows, stamp, backward):
        return self._lasting(low, high, stamp, "bad", percent=False)

    def _percentgood(self, low, high, rows, stamp, backward):
        return self._lasting(low, high, stamp, "good", percent=True)

    def _percentbad(self, low, high, rows, stamp, backward):
        return self._lasting(low, high, stamp, "bad", percent=True)

    def _worst(self, codes, stamp):
        if not codes:
            return None
        order = ("good", "uncertain", "bad")
        worst = max(order.index(severity(q)) for q in codes)
        holders = [q for q in codes if order.index(severity(q)) == worst]
        return stamp, float(holders[0]), GOOD, CALC | (MULTI if worst and len(holders) > 1 else 0)

    def _worstquality(self, low, high, rows, stamp, backward):
        return self._worst([s[2] for s in rows], stamp)

    def _worstquality2(self, low, high, rows, stamp, backward):
        return self._worst([self.simple(low).q, *(s[2] for s in self.samples if low < s[0] < high)], stamp)

    def _spread(self, rows, stamp, *, sample, root):
        good = [s[1] for s in rows if self.good(s)]
        if not good:
            return None
        mean = math.fsum(good) / len(good)
        value = math.fsum((v - mean) ** 2 for v in good) / max(len(good) - sample, 1)
        return stamp, math.sqrt(value) if root else value, GOOD if len(good) == len(rows) else SUB, CALC

    def _standarddeviationsample(self, low, high, rows, stamp, backward):
        return self._spread(rows, stamp, sample=True, root=True)

    def _standarddeviationpopulation(self, low, high, rows, stamp, backward):
        return self._spread(rows, stamp, sample=False, root=True)

    def _variancesample(self, low, high, rows, stamp, backward):
        return self._spread(rows, stamp, sample=True, root=False)

    def _variancepopulation(self, low, high, rows, stamp, backward):
        return self._spread(rows, stamp, sample=False, root=False)


def mark(bits: int) -> Any:
    return bits | INFO if bits else 0


def random_case(seed: int) -> tuple[Case, int, int, int]:
    """A case, and from, to and interval of a read."""
    seeded = random.Random(seed)
    samples, t = [], START + seeded.randrange(-40, 60) * SECOND
    for _ in range(seeded.choice((0, 1, 2, 5, 15, 40))):
        t += seeded.choice((SECOND, SECOND, 2 * SECOND, 5 * SECOND, seeded.randrange(1, 3 * SECOND), 30 * SECOND, 400))
        value = seeded.choice((0.0, 1.0, 1.0, seeded.uniform(-50, 50), float(seeded.randrange(5)), None))
        q = seeded.choice(QUALITIES)
        samples.append((t, value if value is not None or q else 0.5, q))
    case = Case(
        samples, seeded.random() < 0.5, seeded.choice((0, 30, 50, 100)), seeded.choice((0, 50, 80, 100)),
        seeded.random() < 0.5, seeded.random() < 0.5,
    )  # fmt: skip
    width, interval = seeded.choice((20, 37, 60)) * SECOND, seeded.choice((SECOND, 5 * SECOND, 7 * SECOND, 0))
    ends = (START, START + width)
    return case, *(ends if seeded.random() < 0.7 else ends[::-1]), interval


@pytest.mark.parametrize("name", AGGREGATES)
def test_an_aggregate_is_what_its_definition_says_sample_by_sample(name):
    for seed in range(60):
        case, start, end, interval = random_case(seed)
        configuration = Configuration(
            treat_uncertain_as_bad=case.uncertain_is_bad, percent_data_bad=case.percent_bad,
            percent_data_good=case.percent_good, use_sloped_extrapolation=case.sloped_extrapolation,
        )  # fmt: skip
        numeric = AGGREGATES[name].numeric
        if not numeric and not case.stepped:
            case = case._replace(samples=[(t, 0.5 if value is None else value, q) for t, value, q in case.samples])
        series = Series(
            np.array([t for t, _, _ in case.samples], np.int64),
            np.array([np.nan if value is None else value for _, value, _ in case.samples], float),
            np.array([q for _, _, q in case.samples], np.uint32),
            treat_uncertain_as_bad=case.uncertain_is_bad, numeric=numeric,
        )  # fmt: skip
        intervals = intervals_between(start, end, interval)
        found = processed(name, Read(series, intervals, configuration, stepped=case.stepped))
        oracle = Oracle(case, numeric=numeric)
        for index in range(len(intervals)):
            low, high = int(intervals.low[index]), int(intervals.high[index])
            ts, value, q = oracle.answer(name, low, high, backward=intervals.backward)
            where = (
                f"seed {seed}, interval {index}: {found.value[index]}, {int(found.q[index]):#x}, not {value}, {q:#x}"
            )
            assert int(found.q[index]) == q, where
            assert int(found.ts[index]) == ts, where
            got = float(found.value[index])
            assert math.isnan(got) == (value is None), where
            assert value is None or math.isclose(got, value, rel_tol=1e-9, abs_tol=1e-9), where


ROLLED = [
    "Average", "Count", "Minimum", "Maximum", "MinimumActualTime", "MaximumActualTime", "Range", "Delta",
    "StandardDeviationSample", "VariancePopulation", "TimeAverage", "Total", "TimeAverage2", "Total2", "DurationGood",
    "DurationBad", "PercentGood", "PercentBad",
]  # fmt: skip
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND


async def spread_out(writers, seeded: random.Random):
    """Samples of two tags over five hours: rolled, late behind the rolling, sealed after it, and hot; and an engine."""
    samples: dict[int, list[tuple[int, float, int]]] = {1: [], 2: []}
    early, late, hot = [], [], []
    for tag, found in samples.items():
        t = START - START % HOUR
        while t < START - START % HOUR + 5 * HOUR:
            t += seeded.choice((20 * SECOND, 45 * SECOND, 90 * SECOND, seeded.randrange(1, MINUTE), 700 * SECOND))
            q = seeded.choice((*[0] * 30, 0x40000000, 0x80310000))
            found.append((t, round(seeded.uniform(-9, 9), 2), q))
        for t, value, q in found:
            hour = (t - START) // HOUR
            kinds = (early,) * 60 + (late, hot) if hour < 2 else (late,) * 9 + (hot,) if hour < 3 else (hot,)
            seeded.choice(kinds).append((tag, t, value, q))
    lane, writer = LaneMessages("press"), await writers.open()
    for part, rolls in ((early, True), (late, False)):
        for start in range(0, len(part), 100):
            await writer.take(lane.next(part[start : start + 100]))
            await writer.seal()
        if rolls:
            run(writers.storage, Options(settle_us=0), lambda *_: None)
    await writer.take(lane.next(hot))
    table, rollups = SealedTable(writers.storage, "samples"), RolledTables(writers.storage)
    files, state = table.files(writer.version), rollups.state(now=True)
    assert state is not None
    rows = ordered(writer.hot.batches())
    source = Source(Scanner(table.storage), files, of_rows(rows, whole=True))
    return samples, Engine(source, None, Rolled(rollups, state, stale(files, state)))


@pytest.mark.parametrize("seed", [3, 4])
async def test_an_answer_across_rollups_late_rows_files_and_hot_rows_is_what_its_definition_says(writers, seed):
    seeded = random.Random(seed)
    samples, engine = await spread_out(writers, seeded)
    base = START - START % HOUR
    used = set()
    for name in ROLLED:
        interval = seeded.choice((10 * MINUTE, HOUR))
        between = base + seeded.randrange(40) * MINUTE + seeded.choice((0, 17 * SECOND)), base + 5 * HOUR - 11 * SECOND
        intervals = intervals_between(*between, interval, 2)
        question = Question(
            aggregate=aggregate_named(name), configuration=Configuration(), stepped=frozenset({2})
        )  # fmt: skip
        table = engine.processed(np.array([1, 2], np.int32), intervals, question)
        used.add(table.schema.metadata[b"source"].decode())
        rows = iter(zip(*(table.column(part).to_pylist() for part in ("tag", "v", "q")), strict=True))
        for tag in (1, 2):
            oracle = Oracle(Case(samples[tag], True, 100, 100, False, tag == 2), numeric=True)
            for index, (found_tag, value, q) in zip(range(len(intervals)), rows, strict=False):
                low, high = int(intervals.low[index]), int(intervals.high[index])
                _, wanted, code = oracle.answer(name, low, high, backward=False)
                where = f"{name} of tag {tag}, interval {index} of {interval}: {value}, {q:#x}, not {wanted}, {code:#x}"
                assert found_tag == tag, where
                assert (value is None or math.isnan(value)) == (wanted is None), where
                assert wanted is None or math.isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-9), where
                assert without_multiple(q) == without_multiple(code), where
    assert any("rollup_1min" in source for source in used), used
    assert any("raw" in source for source in used), used


def without_multiple(q: int) -> int:
    """Without the bit that rollups cannot know, and without its mark where it is the only one."""
    return q & ~(MULTI | INFO) if q & 0x1F == MULTI else q & ~MULTI
