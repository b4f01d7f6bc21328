"""What changed, tick by tick, among the tags that somebody watches; each changed value is encoded once for all.

Every tag number has the tick of its last change. Closing a tick costs one comparison per watched tag; tags that
nobody watches cost nothing but the mark.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from lineshaft.history import LatestTable
from lineshaft.web.live import messages
from lineshaft.web.live.values import rows_of

_NEVER = -1


class Selection:
    """A set of tags that one client shows, or many: those that show the same ones share one object."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self.numbers: NDArray[np.int64] = np.fromiter(numbers, np.int64)
        self.as_list: list[int] = self.numbers.tolist()


class Board:
    """Change marks over a table of latest values."""

    def __init__(self, table: LatestTable) -> None:
        self._table = table
        self.tick = 0
        """Number of the open tick."""
        self.changed = asyncio.Event()
        """Set while something is marked in the open tick."""
        self._stamps: NDArray[np.int64] = np.full(1024, _NEVER, np.int64)
        self._watchers: Counter[int] = Counter()
        self._paths: dict[int, str] = {}
        self._watched: NDArray[np.int64] | None = None
        self._selections: WeakValueDictionary[tuple[int, ...], Selection] = WeakValueDictionary()

    def selection(self, numbers: Iterable[int]) -> Selection:
        """The selection of these tags."""
        key = tuple(numbers)
        found = self._selections.get(key)
        if found is None:
            found = self._selections[key] = Selection(key)
        return found

    def watch(self, tags: Mapping[int, str]) -> None:
        """Count one more watcher of each tag (number → path)."""
        self._watchers.update(tags.keys())
        self._paths.update(tags)
        self._watched = None

    def unwatch(self, tags: Iterable[int]) -> None:
        """Count one watcher less of each tag."""
        for number in tags:
            self._watchers[number] -= 1
            if self._watchers[number] <= 0:
                del self._watchers[number], self._paths[number]
        self._watched = None

    def mark(self, numbers: NDArray[Any]) -> None:
        """Note that these tags changed in the open tick; numbers may repeat."""
        if not len(numbers):
            return
        highest = int(numbers.max())
        if highest >= len(self._stamps):
            grown = np.full(max(highest + 1, 2 * len(self._stamps)), _NEVER, np.int64)
            grown[: len(self._stamps)] = self._stamps
            self._stamps = grown
        self._stamps[numbers] = self.tick
        self.changed.set()

    def close_tick(self) -> dict[int, bytes]:
        """Open the next tick; returns the encoded rows of the watched tags that changed in the one closed."""
        if self._watched is None:
            self._watched = np.fromiter(self._watchers, np.int64, len(self._watchers))
        changed = self._changed_since(self._watched, self.tick - 1)
        self.tick += 1
        self.changed.clear()
        return self._encode(changed)

    def changed_since(self, selection: Selection, tick: int) -> list[bytes]:
        """Encoded rows of those tags that changed in `tick` or later, up to the last one closed."""
        return [*self._encode(self._changed_since(selection.numbers, tick - 1)).values()]

    def present(self, numbers: Iterable[int]) -> list[bytes]:
        """Encoded rows of all these tags that have a value."""
        return [*self._encode(np.fromiter(numbers, np.int64)).values()]

    def _changed_since(self, numbers: NDArray[np.int64], tick: int) -> NDArray[np.int64]:
        known = numbers[numbers < len(self._stamps)]
        changed: NDArray[np.int64] = known[self._stamps[known] > tick]
        return changed

    def _encode(self, numbers: NDArray[np.int64]) -> dict[int, bytes]:
        if not len(numbers):
            return {}
        rows = rows_of(self._table, numbers)
        paths = self._paths
        lines = messages.encode_rows((paths[number], ts, value, q) for number, ts, value, q in rows)
        return {row[0]: line for row, line in zip(rows, lines, strict=True)}
