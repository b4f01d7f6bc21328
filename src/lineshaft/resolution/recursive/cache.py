"""Records learned of other servers, each for its time, within a bound of memory.

    fresh  answered at once, by one look into a dictionary
    warm   the last tenth of its time: still answered, and whoever asks has it fetched anew (popular records stay)
    stale  its time is over: kept for when nobody can be asked
    gone

A clock of one second's steps moves records on, so that finding one costs no look at the time.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from lineshaft.core import clock

_WARM_SHARE: Final = 0.9
_SHORTEST_WARM: Final = 10
"""Seconds to live from which on a record is fetched anew before its end."""
_OVERHEAD_BYTES: Final = 600
"""What a record takes in memory beside its bytes and twice its key."""
_SPARE: Final = 10_000
_FRESH: Final = 0
_WARM: Final = 1
_STALE: Final = 2


class _Entry:
    __slots__ = ("due", "ends", "phase", "record")

    def __init__(self, record: bytes, ends: int, due: int) -> None:
        self.record = record
        self.ends = ends
        self.due = due
        self.phase = _FRESH


class _Fresh(dict[bytes, bytes | None]):
    """Records by key; what is not among them is asked for elsewhere."""

    def __init__(self, other: Callable[[bytes], bytes | None]) -> None:
        super().__init__()
        self._other = other

    def __missing__(self, key: bytes) -> bytes | None:
        return self._other(key)


class Cache:
    """Records in their stored form, public values only, under comparison forms of handles.

    Args:
        most_bytes: of memory, about; what came first goes first.
        stale_seconds: how long a record is kept behind its end.
        popular: called with the key of a warm record that was asked for.
        now: seconds on a clock that never steps.
    """

    def __init__(
        self, most_bytes: int, stale_seconds: int, popular: Callable[[bytes], None],
        now: Callable[[], float] = clock.monotonic,
    ) -> None:  # fmt: skip
        self._most = most_bytes
        self._stale_seconds = stale_seconds
        self._popular = popular
        self._now = now
        self._entries: dict[bytes, _Entry] = {}
        self._fresh = _Fresh(self._beyond)
        self._wheel: dict[int, list[bytes]] = {}
        self._turns = 0
        """Places taken on the wheel."""
        self._second = int(now())
        self._timer: asyncio.TimerHandle | None = None
        self.bytes = 0
        self.lookup: Final[Callable[[bytes], bytes | None]] = self._fresh.__getitem__
        """The record under a key, while its time lasts; None otherwise."""

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, key: bytes, record: bytes, seconds: int) -> None:
        """Keep a record for that long; one that lives for less than two seconds is not kept."""
        self.drop(key)
        if seconds < 2:
            return
        now = int(self._now())
        ends = now + seconds
        due = now + int(seconds * _WARM_SHARE) if seconds >= _SHORTEST_WARM else ends
        entry = self._entries[key] = _Entry(record, ends, due)
        self._fresh[key] = record
        self.bytes += _size(key, entry)
        self._turn(key, entry)
        while self.bytes > self._most:
            self.drop(next(iter(self._entries)))
        self._wake()

    def stale(self, key: bytes) -> bytes | None:
        """The record whose time is over."""
        entry = self._entries.get(key)
        return entry.record if entry is not None and entry.phase == _STALE else None

    def drop(self, key: bytes) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= _size(key, entry)
            self._fresh.pop(key, None)

    def clear(self) -> None:
        """Drop every record."""
        self._entries.clear()
        self._fresh.clear()
        self._wheel.clear()
        self._turns = 0
        self.bytes = 0

    def step(self) -> None:
        """Move on every record whose phase has ended by now."""
        now = int(self._now())
        for second in range(self._second, now + 1):
            for key in self._wheel.pop(second, ()):
                self._turns -= 1
                entry = self._entries.get(key)
                if entry is not None and entry.due == second:
                    self._move(key, entry)
        self._second = now
        if self._turns > 2 * len(self._entries) + _SPARE:
            self._rebuild()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beyond(self, key: bytes) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None or entry.phase != _WARM:
            return None
        self._popular(key)
        return entry.record

    def _move(self, key: bytes, entry: _Entry) -> None:
        if entry.phase == _FRESH and entry.due < entry.ends:
            entry.phase, entry.due = _WARM, entry.ends
        elif entry.phase != _STALE:
            entry.phase, entry.due = _STALE, entry.ends + self._stale_seconds
        else:
            self.drop(key)
            return
        self._fresh.pop(key, None)
        self._turn(key, entry)

    def _turn(self, key: bytes, entry: _Entry) -> None:
        self._wheel.setdefault(max(entry.due, self._second), []).append(key)
        self._turns += 1

    def _rebuild(self) -> None:
        self._wheel.clear()
        self._turns = 0
        for key, entry in self._entries.items():
            self._turn(key, entry)

    def _wake(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(1.0, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.step()
        if self._entries:
            self._wake()


def _size(key: bytes, entry: _Entry) -> int:
    return len(entry.record) + 2 * len(key) + _OVERHEAD_BYTES
