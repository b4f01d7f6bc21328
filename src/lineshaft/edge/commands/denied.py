"""Denied commands in bounded memory: whoever is denied again and again fills neither the journal nor the audit trail.

Each principal may have so many denied commands in the journal within the time that it remembers; further ones are
counted. The newest of those are still answered the same when they are asked for again. Nothing of theirs was written, so
that forgetting one never lets a command be carried out twice.
"""

from collections import OrderedDict, deque
from typing import Final

from lineshaft.core import clock
from lineshaft.edge.commands.journal import KEPT_US
from lineshaft.edge.commands.messages import Outcome

KEPT_OF_ONE: Final = 200
"""Denied commands of one principal in the journal."""
KEPT_OF_ALL: Final = 10_000
_MOST_PRINCIPALS: Final = 1000
_NEWEST: Final = 1024
_KEPT_SECONDS: Final = KEPT_US / clock.MICROSECONDS


class DeniedCommands:
    """Of one gateway, since it started."""

    def __init__(self) -> None:
        self._kept: dict[str, deque[float]] = {}
        self._newest: OrderedDict[str, Outcome] = OrderedDict()
        self.counted = 0
        """Denied commands that are in no journal."""

    def takes(self, principal: str) -> bool:
        """Whether one more of this principal goes into the journal; counts it there, where it does."""
        now = clock.monotonic()
        for name in [name for name, times in self._kept.items() if times[-1] < now - _KEPT_SECONDS]:
            del self._kept[name]
        times = self._kept.get(principal)
        while times and times[0] < now - _KEPT_SECONDS:
            times.popleft()
        full = len(times) >= KEPT_OF_ONE if times is not None else len(self._kept) >= _MOST_PRINCIPALS
        if full or sum(map(len, self._kept.values())) >= KEPT_OF_ALL:
            return False
        self._kept.setdefault(principal, deque()).append(now)
        return True

    def count(self, outcome: Outcome) -> None:
        """One that no journal has."""
        self.counted += 1
        self._newest[outcome.command] = outcome
        if len(self._newest) > _NEWEST:
            self._newest.popitem(last=False)

    def known(self, command: str) -> Outcome | None:
        """The answer that a denied command had, while it is one of the newest."""
        return self._newest.get(command)
