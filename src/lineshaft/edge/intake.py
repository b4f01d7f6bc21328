"""The intake of one device: what its rows pass on the way from the driver to the lane.

In this order: times that cannot be believed are replaced, values that do not fit their tag or cannot be are marked,
queue overflows become gaps, exact repeats go, the last sample of each point is remembered, the board learns it, report
by exception holds back what need not be sent, and the rows enter the lane under their tags' numbers. Losing the
connection writes one sample per tag, so that nothing old looks current.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np

from lineshaft.core import clock, logs, quality
from lineshaft.edge.board import Board, Freshness
from lineshaft.edge.columns import INTEGER, KIND_NAMES, MISSING, NUMBER, TEXT, Columns
from lineshaft.edge.driver import Plan
from lineshaft.edge.gaps import Gap
from lineshaft.edge.model import Point
from lineshaft.edge.reduce import Reducer

EARLIEST: Final = 631_152_000_000_000
"""1990-01-01: no plant's clock is meant to be before it."""
LONGEST_TEXT: Final = 65_536
_NAMED_POINTS = 5


class RowSink(Protocol):
    """Where accepted rows and gaps go: the lane."""

    def append(self, columns: Columns, tags: Any) -> None: ...

    def gap(self, gap: Gap) -> None: ...


class LastSamples:
    """The newest sample of every point, by index."""

    def __init__(self, points: int) -> None:
        self.ts = np.full(points, MISSING, np.int64)
        self.kind = np.zeros(points, np.uint8)
        self.integer = np.zeros(points, np.int64)
        self.q = np.zeros(points, np.uint32)
        self.texts: dict[int, str] = {}

    def remember(self, columns: Columns, chosen: Any = slice(None)) -> None:
        """Take the rows `chosen`; where a point has several, the last of them counts."""
        rows = columns.rows
        keys = columns.key[:rows][chosen]
        self.ts[keys] = columns.ts[:rows][chosen]
        self.kind[keys] = columns.kind[:rows][chosen]
        self.integer[keys] = columns.integer[:rows][chosen]
        self.q[keys] = columns.q[:rows][chosen]
        if columns.texts:
            numbers = np.arange(rows)[chosen].tolist()
            for row in numbers:
                if row in columns.texts:
                    self.texts[int(columns.key[row])] = columns.texts[row]

    def repeats(self, columns: Columns) -> Any:
        """Marks the rows that are their point's last sample once more: same time, value and quality."""
        rows = columns.rows
        keys = columns.key[:rows]
        same = self.ts[keys] == columns.ts[:rows]
        if not same.any():
            return same
        same &= self.q[keys] == columns.q[:rows]
        same &= self.kind[keys] == columns.kind[:rows]
        same &= self.integer[keys] == columns.integer[:rows]
        for row, text in columns.texts.items():
            if same[row] and self.texts.get(int(keys[row])) != text:
                same[row] = False
        return same

    def copy_row(self, point: int, columns: Columns, ts: int, arrival: int, q: int) -> None:
        """Append a point's sample with other times and quality."""
        row = columns.reserve(1)
        columns.key[row], columns.ts[row], columns.arrival[row], columns.q[row] = point, ts, arrival, q
        columns.kind[row], columns.integer[row] = self.kind[point], self.integer[point]
        if self.kind[point] == TEXT:
            columns.texts[row] = self.texts[point]
        columns.rows += 1


class Limits:
    """What the points' numbers can be at all."""

    def __init__(self, minimum: Any, maximum: Any) -> None:
        self._minimum = minimum
        self._maximum = maximum

    @classmethod
    def of(cls, points: Sequence[Point]) -> "Limits | None":
        """None where no point has limits."""
        if all(point.minimum is None and point.maximum is None for point in points):
            return None
        minimum = [-np.inf if point.minimum is None else point.minimum for point in points]
        maximum = [np.inf if point.maximum is None else point.maximum for point in points]
        return cls(np.array(minimum), np.array(maximum))

    def beyond(self, columns: Columns) -> Any:
        """Marks the rows whose value lies outside."""
        rows = columns.rows
        keys, kind = columns.key[:rows], columns.kind[:rows]
        value = np.where(kind == NUMBER, columns.number[:rows], columns.integer[:rows])
        return (kind <= INTEGER) & ((value < self._minimum[keys]) | (value > self._maximum[keys]))


class Intake:
    """Takes one device's rows.

    Args:
        plan: gives each index its tag and kind.
        lane: where the rows go.
        ahead_us: how far a source time may be ahead of this machine's clock.
        board: learns every newest value.
    """

    def __init__(self, plan: Plan, lane: RowSink, ahead_us: int, board: Board | None = None) -> None:
        self.counts: Counter[str] = Counter()
        """Since the gateway started: rows, repeats, replaced times by reason, values that did not fit."""
        self.last_arrival = 0
        self._plan = plan
        self._lane = lane
        self._ahead_us = ahead_us
        points = len(plan.points)
        self._tags = np.array([point.tag for point in plan.points], np.int32)
        self._declared = np.array([KIND_NAMES.index(point.kind) for point in plan.points], np.uint8)
        self._limits = Limits.of(plan.points)
        self._board = board or Board()
        self._slots = self._board.slots([f"{plan.device.name}/{point.name}" for point in plan.points])
        self._reducer = Reducer.of(plan)
        self._steps = Freshness()
        self._newest = LastSamples(points)
        self._good = LastSamples(points)
        self._marked = np.full(points, MISSING, np.int64)
        """When a point was marked as lost, until something newer than that came."""
        self._lost = False
        self._doubtful = False
        self._log = logs.get("edge")
        self._complained: set[str] = set()

    # -- what the driver calls ----------------------------------------------------------------------------------------

    @property
    def doubtful(self) -> bool:
        """Values were marked when the connection was lost, and have not been confirmed since."""
        return self._doubtful

    def take(self, columns: Columns) -> None:
        """Rows as the device gave them; `columns` is changed."""
        if columns.rows == 0:
            return
        received = clock.now_us()
        self._settle_times(columns, received)
        self._check_values(columns)
        self._note_overflow(columns)
        repeats = self._newest.repeats(columns)
        if repeats.any():
            self.counts["repeats"] += int(repeats.sum())
            columns.keep(~repeats)
            if columns.rows == 0:
                return
        self._remember(columns)
        self.counts["rows"] += columns.rows
        self.last_arrival = received
        self._deliver(columns)

    def confirm(self, columns: Columns) -> None:
        """Present values after a connection came back, of all points or of some: those of `columns`.

        A value that did not change while the connection was lost has an old source time; it is written once more with
        the present time, because the device has just said that it holds. Of other points it has said nothing yet.
        """
        said = np.zeros(len(self._tags), bool)
        said[columns.key[: columns.rows]] = True
        self.take(columns)
        held = np.flatnonzero(said & self._unconfirmed)
        if len(held):
            now = clock.now_us()
            rows = Columns(len(held))
            for point in held.tolist():
                ts = max(now, int(self._marked[point]) + 1)
                self._newest.copy_row(point, rows, ts, now, int(self._newest.q[point]))
            self.counts["confirmed"] += rows.rows
            self._deliver(rows)
        self._marked[said] = MISSING
        self._doubtful = bool(self._unconfirmed.any())

    def gap(self, gap: Gap) -> None:
        """Samples of this device are known to be missing."""
        self.counts["gaps"] += 1
        self._log.warning(
            "edge_gap", device=self._plan.device.name, cause=gap.cause, detail=gap.detail, rows=gap.rows,
            start=clock.rfc3339(gap.from_ts), end=clock.rfc3339(gap.to_ts),
        )  # fmt: skip
        self._lane.gap(gap)

    # -- what the gateway calls -----------------------------------------------------------------------------------------

    @property
    def lost(self) -> bool:
        return self._lost

    @property
    def newest_us(self) -> int | None:
        """Source time of the newest sample of the device; None where there was none."""
        newest = int(self._newest.ts.max(initial=MISSING))
        return None if newest == MISSING else newest

    def find(self) -> None:
        """The connection is there."""
        self._lost = False

    def lose(self) -> None:
        """The connection is gone: one sample per tag, with the last good value where there is one. Once per loss."""
        if self._lost:
            return
        self._lost = self._doubtful = True
        now = clock.now_us()
        rows = Columns(max(len(self._tags), 1))
        for point in range(len(self._tags)):
            ts = max(now, int(self._newest.ts[point]) + 1)
            self._marked[point] = ts
            if self._good.ts[point] == MISSING:
                rows.add(point, ts, now, quality.BAD_NO_COMMUNICATION)
            else:
                self._good.copy_row(point, rows, ts, now, quality.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE)
        self.counts["losses"] += 1
        if rows.rows:
            self._deliver(rows)

    @property
    def held_since_us(self) -> int | None:
        """Source time of the oldest sample that report by exception holds back; None where there is none."""
        return None if self._reducer is None else self._reducer.held_since_us

    def catch_up(self) -> None:
        """Send what report by exception held back and whose time has come; to be called now and then."""
        if self._reducer is not None:
            self._append(self._reducer.due(clock.now_us()))

    def flush(self) -> None:
        """Send everything that report by exception holds back."""
        if self._reducer is not None:
            self._append(self._reducer.flush())

    def inherit(self, other: "Intake") -> None:
        """Take over what `other`, of an earlier configuration, knew of the points that both have.

        A point that is read differently now begins anew: its values of before are another's.
        """
        before = {int(tag): index for index, tag in enumerate(other._tags)}  # noqa: SLF001  # its own kind
        gone = set(other._slots.tolist())  # noqa: SLF001
        for index, tag in enumerate(self._tags.tolist()):
            old = before.get(tag)
            if old is None or _meaning(self._plan.points[index]) != _meaning(other._plan.points[old]):  # noqa: SLF001
                continue
            for mine, theirs in ((self._newest, other._newest), (self._good, other._good)):  # noqa: SLF001
                mine.ts[index], mine.kind[index] = theirs.ts[old], theirs.kind[old]
                mine.integer[index], mine.q[index] = theirs.integer[old], theirs.q[old]
                if old in theirs.texts:
                    mine.texts[index] = theirs.texts[old]
            self._marked[index] = other._marked[old]  # noqa: SLF001
            gone.discard(int(self._slots[index]))
        self._doubtful = bool(self._unconfirmed.any())
        self._board.forget(sorted(gone))
        self.counts = other.counts

    def retire(self) -> None:
        """The device is not run any more: the board has no values of its points."""
        self._board.forget(self._slots.tolist())

    @property
    def _unconfirmed(self) -> Any:
        """Marks the points whose newest value is from before the connection was lost."""
        newest = self._newest.ts
        return (self._marked != MISSING) & (newest != MISSING) & (newest <= self._marked)

    def _deliver(self, columns: Columns) -> None:
        """The one way out, for the board and for the lane."""
        self._board.take(self._slots[columns.key[: columns.rows]], columns)
        if self._reducer is not None:
            before = columns.rows
            columns = self._reducer.take(columns)
            self.counts["held_back"] += before - columns.rows
        self._append(columns)

    def _append(self, columns: Columns) -> None:
        if columns.rows:
            self._lane.append(columns, self._tags[columns.key[: columns.rows]])

    # -- the steps ------------------------------------------------------------------------------------------------------

    def _settle_times(self, columns: Columns, received: int) -> None:
        """Give every row an arrival time, and a source time that can be true.

        A source time that is missing, before 1990 or too far ahead is replaced by the server's time if that can be
        true, else by ours; a good quality then becomes `Uncertain`, never silently good.
        """
        rows = columns.rows
        ts, arrival, q = columns.ts[:rows], columns.arrival[:rows], columns.q[:rows]
        latest = received + self._ahead_us
        unbelievable = (arrival < EARLIEST) | (arrival > latest)
        if unbelievable.any():
            arrival[unbelievable] = received
        wrong = (ts < EARLIEST) | (ts > latest)
        if not wrong.any():
            return
        for reason, marked in (
            ("source_time_missing", ts == MISSING),
            ("source_time_before_1990", (ts < EARLIEST) & (ts != MISSING)),
            ("source_time_ahead", ts > latest),
        ):
            count = int(marked.sum())
            if count:
                self.counts[reason] += count
                self._complain(reason, columns, marked)
        ts[wrong] = arrival[wrong]
        q[wrong & (q < quality.UNCERTAIN)] |= quality.UNCERTAIN

    def _check_values(self, columns: Columns) -> None:
        """Mark what does not fit: not-a-number called good, a text in a number's tag, an endless text."""
        rows = columns.rows
        kind, q = columns.kind[:rows], columns.q[:rows]
        declared = self._declared[columns.key[:rows]]
        strange = (kind != declared) & (
            np.maximum(kind, declared) > INTEGER
        )  # numbers and integers may stand for each other
        if strange.any():
            strange &= q < quality.BAD  # a bad sample carries no value of any type
        if strange.any():
            self._spoil(columns, strange, quality.BAD_TYPE_MISMATCH, "value_type_mismatch")
        unsupported = q == quality.BAD_NOT_SUPPORTED
        if unsupported.any():  # the driver says so of arrays and structures
            self.counts["value_not_supported"] += int(unsupported.sum())
            self._complain("value_not_supported", columns, unsupported)
        numbers = (kind == NUMBER) & (q < quality.UNCERTAIN)
        if numbers.any():
            not_a_number = numbers & np.isnan(columns.number[:rows])
            if not_a_number.any():
                self._spoil(columns, not_a_number, quality.BAD_OUT_OF_RANGE, "good_not_a_number")
        if self._limits is not None:
            beyond = self._limits.beyond(columns) & (q < quality.BAD)
            if beyond.any():  # the value stays: it is what shows that an order of bytes or words is wrong
                self.counts["value_out_of_range"] += int(beyond.sum())
                self._complain("value_out_of_range", columns, beyond)
                q[beyond] = quality.BAD_OUT_OF_RANGE
        long = [row for row, text in columns.texts.items() if len(text) > LONGEST_TEXT]
        if long:
            marked = np.zeros(rows, bool)
            marked[long] = True
            self._spoil(columns, marked, quality.BAD_OUT_OF_RANGE, "text_too_long")

    def _spoil(self, columns: Columns, marked: Any, q: int, reason: str) -> None:
        """Take the value away from some rows and say why by the quality; source and server time stay."""
        rows = columns.rows
        self.counts[reason] += int(marked.sum())
        self._complain(reason, columns, marked)
        columns.kind[:rows][marked] = NUMBER
        columns.number[:rows][marked] = np.nan
        columns.q[:rows][marked] = q
        if columns.texts:
            columns.texts = {row: text for row, text in columns.texts.items() if not marked[row]}

    def _note_overflow(self, columns: Columns) -> None:
        """The overflow remark says that samples between a point's last one and this were lost at the device."""
        rows = columns.rows
        over = quality.overflowed(columns.q[:rows])
        if not over.any():
            return
        keys = columns.key[:rows][over]
        since = self._newest.ts[keys]
        first = columns.ts[:rows][over]
        points = np.unique(keys)
        self.counts["overflows"] += int(over.sum())
        self.gap(
            Gap(
                cause="overflow",
                from_ts=int(np.where(since == MISSING, first, np.minimum(since, first)).min()),
                to_ts=int(first.max()),
                detail=f"{self._plan.device.name}: the queue of {len(points)} points ran over: {self._names(points)}",
            )
        )

    def _remember(self, columns: Columns) -> None:
        """Keep each point's newest sample and newest good one; a late one, sent again by the device, is neither."""
        rows = columns.rows
        fresh = self._steps.fresh(columns.ts[:rows], self._newest.ts[columns.key[:rows]])
        self._newest.remember(columns, _all_or(fresh))
        self._good.remember(columns, _all_or(fresh & (columns.q[:rows] < quality.UNCERTAIN)))

    def _complain(self, reason: str, columns: Columns, marked: Any) -> None:
        """Log the first time that a device gives cause; the counts say how often."""
        if reason not in self._complained:
            self._complained.add(reason)
            points = np.unique(columns.key[: columns.rows][marked])
            self._log.warning(
                "edge_values_doubtful", device=self._plan.device.name, reason=reason, points=self._names(points)
            )

    def _names(self, points: Any) -> str:
        names = [self._plan.points[int(point)].name for point in points[:_NAMED_POINTS]]
        return ", ".join(names) + (", …" if len(points) > _NAMED_POINTS else "")


def _meaning(point: Point) -> tuple[Any, ...]:
    """What decides where a point's value comes from and how it is read."""
    return (
        point.address, point.kind, point.type, point.order, point.length, point.scale, point.offset, point.sentinels,
    )  # fmt: skip


def _all_or(chosen: Any) -> Any:
    """A choice of rows that costs nothing where it is all of them."""
    return slice(None) if chosen.all() else chosen
