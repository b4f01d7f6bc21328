"""Answers over tables that are really maintained: the same before and after, late rows at once, a reader that is new too."""

import asyncio
import math

import numpy as np
import pytest

from lineshaft.history.maintenance.work import Options, run
from lineshaft.history.query.rolled import _FUNCTIONS
from lineshaft.history.reader import HistoryReader
from lineshaft.history.rollup import HOUR_US, MINUTE_US
from lineshaft.history.testing import BAD, START_US

FIRST = START_US // HOUR_US * HOUR_US
HOURS = 6
TAGS = (1, 2, 3)
MULTIPLE_VALUES, BITS, THERE_ARE_BITS = 0x10, 0x3FF, 0x400


def rows(first_us: int, last_us: int, step_us: int = 40_000_000) -> list:
    """Numbers that go up and down, some bad; a tag of switches."""
    found = []
    for ts in range(first_us, last_us, step_us):
        n = ts // step_us
        found.append((1, ts, round(50 + 30 * math.sin(n / 9), 2), BAD if n % 41 == 0 else 0))
        found.append((2, ts + 7, float(n % 17)))
        found.append((3, ts, n % 5 == 0))
    return found


async def maintain(plant) -> None:
    options = Options(retired_seconds=3600, settle_us=0)
    await asyncio.to_thread(run, plant.storage, options, lambda *_: None)


async def both(reader, aggregate, interval_us, start_us=FIRST, end_us=FIRST + HOURS * HOUR_US):
    """An answer as it is given, and the same of the samples alone."""
    asked = (TAGS, start_us, end_us, interval_us, aggregate)
    given = await reader.processed(*asked, stepped=[3])
    raw = await reader.processed(*asked, stepped=[3], change=lambda samples: samples)
    assert raw.schema.metadata[b"source"] == b"raw"
    return given, raw


def known(answer) -> np.ndarray:
    """Qualities without the one bit that buckets cannot know: MultipleValues."""
    q = answer.column("q").to_numpy() & ~np.uint32(MULTIPLE_VALUES)
    return np.where(q & BITS, q, q & ~np.uint32(THERE_ARE_BITS))


def same(given, raw) -> None:
    """Equal but for the order of float additions."""
    for name in ("tag", "ts"):
        assert given.column(name).to_pylist() == raw.column(name).to_pylist(), name
    assert known(given).tolist() == known(raw).tolist()
    value, wanted = (table.column("v").to_numpy(zero_copy_only=False) for table in (given, raw))
    np.testing.assert_allclose(value, wanted, rtol=1e-9, atol=1e-9)


async def test_every_aggregate_is_the_same_from_rollups_as_from_the_samples_they_were_made_of(plants):
    async with plants() as plant:
        for half in range(2 * HOURS):
            start = FIRST + half * HOUR_US // 2
            await plant.publish(rows(start, start + HOUR_US // 2))
            await plant.taken()
            await plant.reader.seal()
        before = await plant.reader.processed(TAGS, FIRST, FIRST + HOURS * HOUR_US, HOUR_US, "Average")
        assert before.schema.metadata[b"source"] == b"raw"
        await maintain(plant)
        fresh = HistoryReader(plant.settings, plant.bus.home, plant.asker)
        for writer_follows in (False, True):
            if writer_follows:
                await plant.reader.seal()
            for aggregate in _FUNCTIONS:
                given, raw = await both(fresh, aggregate, HOUR_US)
                same(given, raw)
                assert b"rollup_1h" in given.schema.metadata[b"source"], aggregate
            given, raw = await both(fresh, "TimeAverage", 10 * MINUTE_US)
            same(given, raw)
            assert b"rollup_1min" in given.schema.metadata[b"source"]
        again = await fresh.processed(TAGS, FIRST, FIRST + HOURS * HOUR_US, HOUR_US, "Average")
        same(again, before)


async def test_late_corrected_and_hot_rows_are_in_the_answer_at_once(plants):
    async with plants() as plant:
        await plant.publish(rows(FIRST, FIRST + HOURS * HOUR_US))
        await plant.taken()
        await plant.reader.seal()
        await maintain(plant)
        await plant.reader.seal()
        fresh = HistoryReader(plant.settings, plant.bus.home, plant.asker)
        rolled, raw = await both(fresh, "Average", HOUR_US)
        same(rolled, raw)
        late = [
            (1, FIRST + 2 * HOUR_US + 11, 9000.0),
            (2, FIRST + 3 * HOUR_US + 7, -9000.0),
        ]  # the second in place of one
        await plant.publish(late)
        await plant.taken()
        for step in ("hot", "sealed", "rolled again"):
            if step == "sealed":
                await plant.reader.seal()
            if step == "rolled again":
                await maintain(plant)
                await plant.reader.seal()
                fresh = HistoryReader(plant.settings, plant.bus.home, plant.asker)
            for aggregate in ("Average", "Maximum", "Minimum", "TimeAverage2", "Count"):
                given, raw = await both(fresh, aggregate, HOUR_US)
                same(given, raw)
                # A sealed replacement makes a new file of the old one's whole stretch: all of that is looked at again.
                assert step == "sealed" or b"rollup_1h" in given.schema.metadata[b"source"], (step, aggregate)
            maximum, _ = await both(fresh, "Maximum", HOUR_US)
            assert max(maximum.column("v").to_pylist()) == 9000.0, step


@pytest.mark.parametrize("aggregate", ["Average", "Minimum"])
async def test_rows_behind_the_watermark_come_from_the_samples(plants, aggregate):
    async with plants() as plant:
        await plant.publish(rows(FIRST, FIRST + HOURS * HOUR_US))
        await plant.taken()
        await plant.reader.seal()
        await maintain(plant)
        end = FIRST + (HOURS + 2) * HOUR_US
        await plant.publish(rows(FIRST + HOURS * HOUR_US, end))
        await plant.taken()
        for _ in range(2):
            given, raw = await both(plant.reader, aggregate, HOUR_US, end_us=end)
            same(given, raw)
            assert given.schema.metadata[b"source"] not in (b"raw", b"rollup_1h")
            await plant.reader.seal()
