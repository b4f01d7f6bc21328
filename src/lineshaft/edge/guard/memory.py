"""What the guard remembers of operations that it let through: how many, and what they last wrote, in bounded memory.

Where a memory is full of what still counts, nothing is forgotten early: what is not known counts as the greatest
possible number until there is room again.
"""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple

from lineshaft.core import clock
from lineshaft.edge.guard.compiled import Memory
from lineshaft.edge.guard.operation import LARGEST, Operation
from lineshaft.edge.guard.schema import GREATEST, MEMORY_NUMBERS

MINUTE: Final = 60
MOST_COUNTERS: Final = 4096
MOST_PLACES: Final = 16_384
_MOST_STEPS: Final = 64

Present = Callable[[str, str], int | None]
"""A point's present value in millionths, by device and name; None where it has no good one."""
Place = tuple[str, str, int]
"""Device, space and address, or device, node and the value's place."""


class Step(NamedTuple):
    """One value on its way to one place."""

    place: Place
    value: int
    change: int
    per_second: int


class _Counter:
    """Operations of the last minute, by second; the second that is 60 old still counts whole."""

    def __init__(self) -> None:
        self._seconds: deque[list[int]] = deque()
        self._total = 0

    def count(self, second: int) -> int:
        while self._seconds and self._seconds[0][0] < second - MINUTE:
            self._total -= self._seconds.popleft()[1]
        return self._total

    def add(self, second: int) -> None:
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][1] += 1
        else:
            self._seconds.append([second, 1])
        self._total += 1


class _Written:
    """What was written to one place within the last minute."""

    def __init__(self) -> None:
        self.value = 0
        self.at = 0.0
        self._steps: deque[tuple[float, int]] = deque()

    def moved(self, now: float) -> int:
        """How far writes of the last second moved it."""
        while self._steps and self._steps[0][0] <= now - 1.0:
            self._steps.popleft()
        return sum(step for _, step in self._steps)

    def write(self, now: float, value: int, change: int) -> None:
        self.value, self.at = value, now
        if len(self._steps) == _MOST_STEPS:
            # The two oldest together, as old as the younger: it counts longer, never shorter.
            (_, one), (at, other) = self._steps.popleft(), self._steps.popleft()
            self._steps.appendleft((at, one + other))
        self._steps.append((now, change))


class Recalled(NamedTuple):
    """What is known of an operation about to be judged."""

    numbers: Memory
    second: int
    moment: float
    counter: tuple[str, str]
    steps: Sequence[Step]


class GuardMemory:
    """Rate counters and last values.

    Args:
        present: the present value of a point.
        wanted: names of `MEMORY_NUMBERS` that somebody asks for; the others stay 0 and cost nothing.
    """

    def __init__(self, present: Present, wanted: Collection[str] = MEMORY_NUMBERS) -> None:
        self._present = present
        self._counts = "count_last_minute" in wanted
        self._changes = "change" in wanted or "change_per_second" in wanted
        self._counters: dict[tuple[str, str], _Counter] = {}
        self._written: dict[Place, _Written] = {}
        self._swept = float("-inf")

    def recall(self, operation: Operation) -> Recalled:
        """`change`, `change_per_second` and `count_last_minute` of an operation about to be judged.

        The change is the greatest over its values, each against the point's present value and what was written to it
        within the last minute. The change per second adds what writes of the last second moved already.
        """
        now = clock.monotonic()
        second, key, count = int(now), (operation.device, operation.function), 0
        if self._counts:
            counter = self._counters.get(key)
            if counter is not None:
                count = counter.count(second)
            elif not self._room_for_counter(now):
                count = GREATEST
        if not self._changes:
            return Recalled((0, 0, count), second, now, key, ())
        steps = [self._step(operation, index, value, now) for index, value in enumerate(operation.values)]
        change = max((step.change for step in steps), default=GREATEST)
        per_second = max((step.per_second for step in steps), default=GREATEST)
        return Recalled((change, per_second, count), second, now, key, steps)

    def admitted(self, recalled: Recalled) -> None:
        """The operation was let through."""
        if self._counts:
            counter = self._counters.get(recalled.counter)
            if counter is None and self._room_for_counter(recalled.moment):
                counter = self._counters[recalled.counter] = _Counter()
            if counter is not None:
                counter.add(recalled.second)
        for step in recalled.steps:
            written = self._written.get(step.place)
            if written is None:
                if not self._room_for_place(recalled.moment):
                    continue
                written = self._written[step.place] = _Written()
            written.write(recalled.moment, step.value, step.change)

    def _step(self, operation: Operation, index: int, value: int, now: float) -> Step:
        """How far a value is from what is there, and how far its place then has moved within this second."""
        if operation.node:
            place = (operation.device, operation.node, index)
        else:
            place = (operation.device, operation.space, operation.start + index)
        written = self._written.get(place)
        change = -1
        if index < len(operation.points):
            present = self._present(operation.device, operation.points[index])
            change = change if present is None else abs(value - present)
        if written is not None and now - written.at <= MINUTE:
            change = max(change, abs(value - written.value))
        if change < 0 or (written is None and not self._room_for_place(now)):
            return Step(place, value, GREATEST, GREATEST)
        change = min(change, LARGEST)
        moved = 0 if written is None else written.moved(now)
        return Step(place, value, change, min(change + moved, GREATEST))

    def _room_for_counter(self, now: float) -> bool:
        return len(self._counters) < MOST_COUNTERS or (self._sweep(now) and len(self._counters) < MOST_COUNTERS)

    def _room_for_place(self, now: float) -> bool:
        return len(self._written) < MOST_PLACES or (self._sweep(now) and len(self._written) < MOST_PLACES)

    def _sweep(self, now: float) -> bool:
        """Forget what counts no more; once a second at most."""
        if now - self._swept < 1.0:
            return False
        self._swept = now
        self._counters = {key: one for key, one in self._counters.items() if one.count(int(now))}
        self._written = {place: one for place, one in self._written.items() if now - one.at <= MINUTE}
        return True
