"""How many a second, over the last ten."""

from collections import deque
from typing import Final

from lineshaft.core import clock

_SECONDS: Final = 10


class Rate:
    """Counts what happens."""

    def __init__(self) -> None:
        self.total = 0
        self._seconds: deque[tuple[int, int]] = deque(maxlen=_SECONDS + 1)

    def count(self) -> None:
        """It happened once more."""
        self.total += 1
        now = int(clock.monotonic())
        if self._seconds and self._seconds[-1][0] == now:
            self._seconds[-1] = (now, self._seconds[-1][1] + 1)
        else:
            self._seconds.append((now, 1))

    def per_second(self) -> float:
        """The mean of the last ten whole seconds."""
        now = int(clock.monotonic())
        return sum(count for second, count in self._seconds if now - _SECONDS <= second < now) / _SECONDS
