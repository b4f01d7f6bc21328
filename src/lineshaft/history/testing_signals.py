"""For benchmarks and tests: the mixed plant of the design's figures, as scans of all tags.

Of ten tags four are analog with two decimals, two a 16-bit converter's counts × 100/65535, one a set-point, one a
counter, one a truth value stored as 0 and 1, one noise with a full mantissa; one sample in a thousand is bad.
"""

from collections.abc import Iterator

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.bus.telemetry import nulls
from lineshaft.history.schema import ROWS, TIME
from lineshaft.history.testing import BAD, START_US

PERIOD_US = 1_000_000
_BAD_SHARE = 0.001


class Scans(msgspec.Struct, frozen=True):
    """One row per scan, one column per tag; tags are numbered from 1."""

    values: np.ndarray
    """NaN where the sample is bad."""
    quality: np.ndarray
    ts: np.ndarray
    """Source time of each scan, microseconds."""
    arrival: np.ndarray

    def batches(self, scans_each: int) -> Iterator[pa.RecordBatch]:
        """Batches in the form ROWS in the order of arrival."""
        for start in range(0, len(self.ts), scans_each):
            yield self._batch(slice(start, start + scans_each))

    def _batch(self, part: slice) -> pa.RecordBatch:
        values = self.values[part]
        scans, tags = values.shape
        count = scans * tags
        times = [pa.array(np.repeat(column[part], tags)).cast(TIME) for column in (self.ts, self.arrival)]
        return pa.RecordBatch.from_arrays(
            [
                pa.array(np.tile(np.arange(1, tags + 1, dtype=np.int32), scans)), *times, pa.array(values.ravel()),
                nulls(count, pa.int64()), nulls(count, pa.string()), nulls(count, pa.bool_()),
                pa.array(self.quality[part].ravel()),
            ],
            schema=ROWS,
        )  # fmt: skip


def mixed(tags: int, scans: int, seed: int = 1, jitter_us: int = 0) -> Scans:
    """The mixed plant at one scan a second, arriving two milliseconds later and up to `jitter_us` more."""
    chance = np.random.default_rng(seed)
    values = np.empty((scans, tags))
    kind = np.arange(tags) % 10
    analog, converter = kind < 4, (kind == 4) | (kind == 5)
    values[:, analog] = np.round(_walk(chance, scans, analog, 0.03) + chance.uniform(10, 90, analog.sum()), 2)
    counts = np.rint(_walk(chance, scans, converter, 8) + chance.uniform(10_000, 50_000, converter.sum()))
    values[:, converter] = np.clip(counts, 0, 65_535) * 100 / 65_535
    point = kind == 6
    values[:, point] = np.repeat(np.round(chance.uniform(0, 100, (scans // 300 + 1, point.sum())), 1), 300, 0)[:scans]
    counter = kind == 7
    values[:, counter] = np.arange(scans)[:, None] + chance.integers(0, 10**6, counter.sum())
    truth = kind == 8
    values[:, truth] = np.cumsum(chance.random((scans, truth.sum())) < 0.01, axis=0) % 2
    noise = kind == 9
    values[:, noise] = chance.normal(50, 10, (scans, noise.sum()))
    quality = np.where(chance.random((scans, tags)) < _BAD_SHARE, BAD, 0).astype(np.uint32)
    values[quality > 0] = np.nan
    ts = START_US + np.arange(scans) * PERIOD_US
    return Scans(values, quality, ts, ts + 2000 + chance.integers(0, jitter_us + 1, scans))


def _walk(chance: np.random.Generator, scans: int, tags: np.ndarray, step: float) -> np.ndarray:
    return np.cumsum(chance.normal(0, step, (scans, int(tags.sum()))), axis=0)
