"""The board: the newest value of every point of a gateway, for whoever needs values of several devices at once.

A point is named `device/point`. Calculated tags, interlocks and the servers that the gateway offers read here; the
intakes of the devices write, whole blocks of rows at a time.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from lineshaft.core import clock, logs, quality
from lineshaft.edge.columns import BOOLEAN, MISSING, NUMBER, TEXT, Columns

_FIRST_CAPACITY: Final = 256
_FIELDS: Final = (
    ("ts", np.int64), ("arrival", np.int64), ("q", np.uint32), ("kind", np.uint8), ("integer", np.int64),
)  # fmt: skip

Listener = Callable[[Any, Columns], None]
"""Called with the slot of every row and the rows, late ones too; short, never waits, keeps neither."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One point's newest value."""

    ts: int
    """Source time, microseconds UTC."""
    arrival: int
    q: int
    """OPC UA StatusCode."""
    value: float | int | bool | str


class Freshness:
    """Tells a newer sample from an older one, over steps of this machine's clock too.

    Polled values carry our own time. When the clock is set back, what came before lies in its future; it must not keep
    the values of now out until that future has come.
    """

    def __init__(self) -> None:
        self._furthest = 0
        """The latest that the clock has shown."""

    def fresh(self, ts: Any, known: Any) -> Any:
        """Marks the samples of source times `ts` that take the place of those of `known`."""
        now = clock.now_us()
        newer = ts >= known
        if now >= self._furthest:
            self._furthest = now
            return newer
        return newer | (known > now)


class Board:
    """Columns of newest values; a slot is a point's row in them, and stays its own."""

    ts: np.ndarray[Any, np.dtype[np.int64]]
    """Source time, or MISSING where the point has had no value yet."""
    arrival: np.ndarray[Any, np.dtype[np.int64]]
    q: np.ndarray[Any, np.dtype[np.uint32]]
    kind: np.ndarray[Any, np.dtype[np.uint8]]
    integer: np.ndarray[Any, np.dtype[np.int64]]
    number: np.ndarray[Any, np.dtype[np.float64]]
    """The same memory as `integer`."""

    def __init__(self) -> None:
        self.names: list[str] = []
        """Of every slot."""
        self.texts: dict[int, str] = {}
        self._slots: dict[str, int] = {}
        self._listeners: list[Listener] = []
        self._failed: set[int] = set()
        """Listeners whose failure was logged."""
        self._steps = Freshness()
        for name, kind in _FIELDS:
            setattr(self, name, np.zeros(_FIRST_CAPACITY, kind))
        self.ts[:] = MISSING
        self.number = self.integer.view(np.float64)

    def slots(self, names: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The slots of points `device/point`; one that nobody mentioned before gets one, without a value."""
        found = np.empty(len(names), np.int64)
        for row, name in enumerate(names):
            slot = self._slots.get(name)
            if slot is None:
                slot = self._slots[name] = len(self.names)
                self.names.append(name)
            found[row] = slot
        self._grow(len(self.names))
        return found

    def take(self, slots: Any, columns: Columns) -> None:
        """Rows of points whose slots are `slots`; an older sample than the one that is there changes nothing."""
        rows = columns.rows
        if rows == 0:
            return
        fresh = self._steps.fresh(columns.ts[:rows], self.ts[slots])
        chosen: Any = slice(None) if fresh.all() else fresh
        taken = slots[chosen]
        for name, _ in _FIELDS:
            getattr(self, name)[taken] = getattr(columns, name)[:rows][chosen]
        for row, text in columns.texts.items():
            if fresh[row]:
                self.texts[int(slots[row])] = text
        for listener in list(self._listeners):
            try:
                listener(slots, columns)
            except Exception:  # noqa: BLE001  # a fault of a part must not keep values from the history
                if id(listener) not in self._failed:
                    self._failed.add(id(listener))
                    logs.get("edge").exception("edge_board_listener_failed")

    def forget(self, slots: Sequence[int]) -> None:
        """Have no values of points that are not read any more, or are read differently; listeners hear of a bad one."""
        known = [slot for slot in slots if self.ts[slot] != MISSING]
        if not known:
            return
        now = clock.now_us()
        rows = Columns(len(known))
        for slot in known:
            rows.add(slot, max(now, int(self.ts[slot]) + 1), now, quality.BAD_NO_DATA)
        self.take(np.array(known, np.int64), rows)
        self.ts[known] = MISSING
        for slot in known:
            self.texts.pop(slot, None)

    def get(self, name: str) -> Sample | None:
        """A point's newest value; None where there has been none."""
        slot = self._slots.get(name)
        return None if slot is None else self.sample(slot)

    def sample(self, slot: int) -> Sample | None:
        """A slot's newest value; None where there has been none."""
        if self.ts[slot] == MISSING:
            return None
        return Sample(
            ts=int(self.ts[slot]), arrival=int(self.arrival[slot]), q=int(self.q[slot]), value=self._value(slot)
        )

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called after every block of rows; returns how to end that."""
        self._listeners.append(listener)
        self._failed.discard(id(listener))
        return lambda: self._listeners.remove(listener)

    def _value(self, slot: int) -> float | int | bool | str:
        kind = self.kind[slot]
        if kind == TEXT:
            return self.texts[slot]
        if kind == BOOLEAN:
            return bool(self.integer[slot])
        return float(self.number[slot]) if kind == NUMBER else int(self.integer[slot])

    def _grow(self, needed: int) -> None:
        capacity = len(self.ts)
        if needed <= capacity:
            return
        for name, kind in _FIELDS:
            column = np.zeros(max(needed, 2 * capacity), kind)
            column[:capacity] = getattr(self, name)
            if name == "ts":
                column[capacity:] = MISSING
            setattr(self, name, column)
        self.number = self.integer.view(np.float64)
