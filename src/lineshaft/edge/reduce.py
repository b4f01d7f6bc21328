"""Report by exception: which samples leave the gateway, decided for whole blocks of rows at once.

Deadband (OPC UA Part 8, 7.2): a sample goes when its value differs from the last one sent by more than the band.
Swinging door: a sample is held while the straight line from the last one sent to it passes every sample between them
within the bound; when the next one breaks that, the held one goes. The line that history draws is therefore never
further from a sample that stayed here than the bound.

Only good numbers are held back. A change of quality or type, a bad value, a text goes at once, after what was held
before it, and nothing is ever given another time than its own.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from lineshaft.core import quality
from lineshaft.edge.columns import INTEGER, MISSING, NUMBER, Columns
from lineshaft.edge.driver import Plan
from lineshaft.edge.model import Point, Report

_MILLISECOND: Final = 1000
_RESTS: Final = 60_000_000
"""A value that a swinging door holds leaves when nothing has followed it for this long, microseconds."""
_LARGEST: Final = 2.0**63
"""Bands beyond this hold back every integer that two of them can differ by in practice."""
_EVERY: Final = -1.0
"""A band that every sample exceeds."""


class Samples:
    """One sample of every point, by index."""

    def __init__(self, points: int) -> None:
        self.ts = np.full(points, MISSING, np.int64)
        self.arrival = np.zeros(points, np.int64)
        self.q = np.zeros(points, np.uint32)
        self.kind = np.zeros(points, np.uint8)
        self.integer = np.zeros(points, np.int64)
        self.number = self.integer.view(np.float64)

    def set(self, points: Any, columns: Columns, rows: Any) -> None:
        """Take `rows` of `columns` for `points`."""
        for name in ("ts", "arrival", "q", "kind", "integer"):
            getattr(self, name)[points] = getattr(columns, name)[: columns.rows][rows]

    def copy(self, points: Any, other: "Samples") -> None:
        """Take over other samples of `points`."""
        for name in ("ts", "arrival", "q", "kind", "integer"):
            getattr(self, name)[points] = getattr(other, name)[points]

    def rows(self, points: Any, into: Columns) -> None:
        """Append the samples of `points`."""
        start = into.reserve(len(points))
        end = start + len(points)
        into.key[start:end] = points
        for name in ("ts", "arrival", "q", "kind", "integer"):
            getattr(into, name)[start:end] = getattr(self, name)[points]
        into.rows = end

    def rise(self, points: Any, kind: Any, integer: Any) -> tuple[Any, Any]:
        """From the samples of `points` to others of the same kind: the difference, and its size where it is whole.

        Args:
            integer: the others' values; of numbers, their bits.

        Returns: float64, of integers their exact difference rounded once; uint64, of integers the exact size of it.
        """
        mine = self.integer[points]
        # Modulo 2**64 the larger less the smaller is right for any two of 64 bits.
        up = integer >= mine
        size = np.where(up, integer, mine).view(np.uint64) - np.where(up, mine, integer).view(np.uint64)
        whole = np.where(up, 1.0, -1.0) * size
        real = kind == NUMBER  # the bits of integers are no numbers that one could subtract
        number = np.where(real, integer, 0).view(np.float64) - np.where(real, mine, 0).view(np.float64)
        return np.where(real, number, whole), size


class Reducer:
    """Holds back what need not be sent of one device.

    Args:
        points: of the plan, with their reports.
    """

    def __init__(self, points: Sequence[Point]) -> None:
        reports = [point.report or Report() for point in points]
        self._active = np.array([report != Report() for report in reports])
        self._band = np.array([_band(point) for point in points])
        self._whole_band = np.array([math.floor(min(max(band, 0.0), _LARGEST)) for band in self._band], np.uint64)
        """Integers differ by more than the band where they differ by more than this."""
        self._swing = np.array([report.swing for report in reports])
        self._least = np.array([report.min_ms * _MILLISECOND for report in reports], np.int64)
        self._most = np.array([report.max_ms * _MILLISECOND for report in reports], np.int64)
        self._sent = Samples(len(points))
        self._held = Samples(len(points))
        self._wanted = np.zeros(len(points), bool)
        """The held sample has changed enough and waits for its time only."""
        self._low = np.full(len(points), -np.inf)
        self._high = np.full(len(points), np.inf)
        """Slopes that the line from the last sent sample may have, for all samples before the held one."""

    @classmethod
    def of(cls, plan: Plan) -> "Reducer | None":
        """None where every sample of the device is to be sent."""
        if all(point.report is None or point.report == Report() for point in plan.points):
            return None
        return cls(plan.points)

    @property
    def held_since_us(self) -> int | None:
        """Source time of the oldest sample that is held and may still be sent; None where none is.

        What stays within a deadband is not missing: it goes only where something follows from which it tells a change.
        """
        waits = self._wanted | (self._swing > 0) | (self._most > 0)
        held = self._held.ts[waits & (self._held.ts != MISSING)]
        return int(held.min()) if len(held) else None

    def take(self, columns: Columns) -> Columns:
        """What of the rows leaves now, and what was held and leaves before it."""
        keys = columns.key[: columns.rows]
        turns = _turns(keys)
        if turns is None:
            return self._turn(columns)
        out = Columns(columns.rows + 8)
        for rows in turns:
            piece = _chosen(columns, rows)
            out.extend(gone := self._turn(piece), gone.key[: gone.rows].copy())
        return out

    def due(self, now_us: int) -> Columns:
        """Held samples whose time has come."""
        return self._release(self._is_due(now_us))

    def flush(self) -> Columns:
        """Every held sample."""
        return self._release(self._held.ts != MISSING)

    # -- one row per point at the most ----------------------------------------------------------------------------------

    def _turn(self, columns: Columns) -> Columns:
        rows = columns.rows
        keys, ts, q, kind = columns.key[:rows], columns.ts[:rows], columns.q[:rows], columns.kind[:rows]
        newest = np.maximum(self._sent.ts[keys], self._held.ts[keys])
        late = ts <= newest
        plain = ~self._active[keys] | (newest == MISSING)
        other = (
            (q != self._sent.q[keys]) | (kind != self._sent.kind[keys]) | (kind > INTEGER) | (q >= quality.UNCERTAIN)
        )
        judged = np.flatnonzero(~(late | plain | other))
        go = late | plain | other
        first = np.zeros(rows, bool)
        first[other & ~late] = self._held.ts[keys[other & ~late]] != MISSING
        if len(judged):
            self._judge(columns, judged, go, first)
        out = Columns(rows + int(first.sum()))
        # A door that opens anew begins at the sample that was held; its own point's row stands behind it.
        self._held.rows(keys[first], out)
        sent_before = first & ~go
        self._begin_at_held(keys[sent_before])
        out.extend(_chosen(columns, np.flatnonzero(go)), keys[go])
        self._note_sent(columns, np.flatnonzero(go & ~late))
        self._note_held(columns, np.flatnonzero(~go))
        return out

    def _judge(self, columns: Columns, judged: Any, go: Any, first: Any) -> None:
        """Decide about good numbers: mark in `go` what leaves, in `first` whose held sample leaves."""
        keys = columns.key[judged]
        ts = columns.ts[judged]
        kind, integer = columns.kind[judged], columns.integer[judged]
        rise, size = self._sent.rise(keys, kind, integer)
        since = ts - self._sent.ts[keys]
        overdue = (self._most[keys] > 0) & (since >= self._most[keys])
        door = self._swing[keys] > 0
        changed = np.where(kind == INTEGER, size > self._whole_band[keys], np.abs(rise) > self._band[keys])
        changed |= self._band[keys] < 0
        ripe = since >= self._least[keys]
        self._wanted[keys] = ~door & changed & ~ripe
        go[judged] = np.where(door, overdue, (changed & ripe) | overdue)
        if door.any():
            broken = self._swing_doors(keys[door], ts[door], rise[door])
            first[judged[door]] = broken
            go[judged[door]] &= ~broken  # the time of the new line begins at the sample that goes instead

    def _swing_doors(self, keys: Any, ts: Any, new_rise: Any) -> Any:
        """Narrow the doors by the samples that were held, and mark whose line to the new sample breaks one."""
        held = self._held.ts[keys] != MISSING
        through = keys[held]
        dt = (self._held.ts[through] - self._sent.ts[through]).astype(np.float64)
        rise, _ = self._sent.rise(through, self._held.kind[through], self._held.integer[through])
        self._low[through] = np.maximum(self._low[through], (rise - self._swing[through]) / dt)
        self._high[through] = np.minimum(self._high[through], (rise + self._swing[through]) / dt)
        slope = new_rise / (ts - self._sent.ts[keys])
        return held & ((slope < self._low[keys]) | (slope > self._high[keys]))

    def _begin_at_held(self, points: Any) -> None:
        self._sent.copy(points, self._held)
        self._open(points)

    def _note_sent(self, columns: Columns, rows: Any) -> None:
        points = columns.key[rows]
        self._sent.set(points, columns, rows)
        self._open(points)

    def _note_held(self, columns: Columns, rows: Any) -> None:
        self._held.set(columns.key[rows], columns, rows)

    def _open(self, points: Any) -> None:
        self._held.ts[points] = MISSING
        self._wanted[points] = False
        self._low[points], self._high[points] = -np.inf, np.inf

    def _is_due(self, now_us: int) -> Any:
        since = now_us - self._sent.ts
        ripe = (self._wanted & (since >= self._least)) | ((self._most > 0) & (since >= self._most))
        # A device that tells changes only says nothing more once a value rests: the line ends where it came to rest.
        ripe |= (self._swing > 0) & (now_us - self._held.arrival >= _RESTS)
        return (self._held.ts != MISSING) & ripe

    def _release(self, chosen: Any) -> Columns:
        points = np.flatnonzero(chosen)
        out = Columns(max(len(points), 1))
        self._held.rows(points, out)
        self._begin_at_held(points)
        return out


def _band(point: Point) -> float:
    report = point.report or Report()
    span = point.high - point.low if point.high is not None and point.low is not None else 0.0
    band = max(report.deadband, span * report.percent / 100)
    return band if band > 0 else _EVERY


def _turns(keys: Any) -> list[Any] | None:
    """Rows in portions in which no point appears twice, in their order; None where no point does at all."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    begins = np.concatenate(([True], ordered[1:] != ordered[:-1])) if len(keys) else np.zeros(0, bool)
    if begins.all():
        return None
    starts = np.flatnonzero(begins)
    number = np.arange(len(keys)) - np.repeat(starts, np.diff(np.append(starts, len(keys))))
    return [np.sort(order[number == turn]) for turn in range(int(number.max()) + 1)]


def _chosen(columns: Columns, rows: Any) -> Columns:
    piece = Columns(max(len(rows), 1))
    for name in ("key", "ts", "arrival", "q", "kind", "integer"):
        getattr(piece, name)[: len(rows)] = getattr(columns, name)[rows]
    if columns.texts:
        piece.texts = {new: columns.texts[old] for new, old in enumerate(rows.tolist()) if old in columns.texts}
    piece.rows = len(rows)
    return piece
