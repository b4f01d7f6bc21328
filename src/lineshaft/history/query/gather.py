"""Samples of a range with their neighbours: what lies next to it on both sides, however far away.

Of each tag the nearest sample outside is kept, and the nearest ones that may be calculated with: bounding values need
no more. Files are looked through from the range outwards, and only as long as some tag still lacks a neighbour.
"""

from collections.abc import Callable

import msgspec
import numpy as np

from lineshaft.core import quality
from lineshaft.history.query.scan import EVER_US, Columns, Scanner, merged
from lineshaft.history.sealed import Files


class Need(msgspec.Struct, frozen=True):
    """What a query needs beside the samples of its range."""

    before: int = 0
    """How many samples to calculate with on the earlier side; the nearest one of any quality comes with them."""
    after: int = 0
    uncertain: bool = False
    """Whether Uncertain samples may be calculated with."""
    numeric: bool = True
    whole: bool = False
    """Values as they were stored."""

    def usable(self, columns: Columns) -> np.ndarray:
        """Samples that may be calculated with."""
        sound = ~quality.is_bad(columns.q) if self.uncertain else quality.is_good(columns.q)
        return sound & ~np.isnan(columns.value) if self.numeric else sound


class Source(msgspec.Struct, frozen=True):
    """One moment of a history: files of one version, and what is not in them yet."""

    scanner: Scanner
    files: Files
    hot: Columns
    """Hot samples of the tags asked for, of all times."""


def gather(source: Source, tags: np.ndarray, start_us: int, end_us: int, need: Need) -> Columns:
    """Samples of `tags` (sorted) with start ≤ ts < end and the neighbours needed, by (tag, ts). Blocking.

    Raises:
        OSError: a file is gone or cannot be read.
    """
    parts = []
    source = msgspec.structs.replace(source, hot=source.hot.of(tags))
    if need.before:
        parts += _outwards(source, tags, start_us, need, need.before, earlier=True)
    for index in source.files.overlapping(tags, start_us, end_us):
        parts.append(source.scanner.read(source.files.paths[index], tags, start_us, end_us, whole=need.whole))
    parts.append(source.hot.between(start_us, end_us))
    if need.after:
        parts += _outwards(source, tags, end_us, need, need.after, earlier=False)
    return merged(parts, whole=need.whole)


def _outwards(
    source: Source, tags: np.ndarray, edge_us: int, need: Need, count: int, *, earlier: bool
) -> list[Columns]:  # fmt: skip
    """The neighbours on one side of a time."""
    files = source.files
    low, high = (-EVER_US, edge_us) if earlier else (edge_us, EVER_US)
    hot = source.hot.between(low, high)
    found = _nearest(hot, need, count, earlier=earlier)
    reach = files.max_us if earlier else files.min_us
    for index in sorted(
        files.overlapping(tags, low, high).tolist(), key=lambda index: int(reach[index]), reverse=earlier
    ):
        # The nearest that this file and all behind it can hold.
        best = min(int(reach[index]), edge_us - 1) if earlier else max(int(reach[index]), edge_us)
        lacking = tags[_lacking(found, tags, need, count, _further(best, earlier=earlier))]
        if not len(lacking):
            break
        rows = source.scanner.read(files.paths[index], lacking, low, high, whole=need.whole).without(hot)
        found = _nearest(merged([found, rows], whole=need.whole), need, count, earlier=earlier)
    return [found]


def _further(best: int, *, earlier: bool) -> Callable[[np.ndarray], np.ndarray]:
    return (lambda ts: ts < best) if earlier else (lambda ts: ts > best)


def _lacking(
    found: Columns, tags: np.ndarray, need: Need, count: int, further: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:  # fmt: skip
    """Which of `tags` may have something nearer than the furthest of the samples found, or have too few."""
    settled = need.usable(found) & ~further(found.ts)
    per_tag = np.bincount(np.searchsorted(tags, found.tag[settled]), minlength=len(tags))
    return np.asarray(per_tag < count)


def _nearest(rows: Columns, need: Need, count: int, *, earlier: bool) -> Columns:
    """Per tag the nearest sample, and the nearest `count` that may be calculated with."""
    if not len(rows):
        return rows
    usable = need.usable(rows)
    kept = _rank(rows.tag, np.ones(len(rows), bool), earlier=earlier) < 1
    kept |= usable & (_rank(rows.tag, usable, earlier=earlier) < count)
    return rows.take(np.flatnonzero(kept))


def _rank(tag: np.ndarray, chosen: np.ndarray, *, earlier: bool) -> np.ndarray:
    """Per row how many chosen rows of its tag stand nearer to the range; rows are sorted by (tag, ts)."""
    if earlier:
        return _rank(tag[::-1], chosen[::-1], earlier=False)[::-1]
    before = np.cumsum(chosen) - chosen
    starts = np.flatnonzero(np.append(True, tag[1:] != tag[:-1]))  # a value, not a flag
    return np.asarray(before - np.repeat(before[starts], np.diff(np.append(starts, len(tag)))))
