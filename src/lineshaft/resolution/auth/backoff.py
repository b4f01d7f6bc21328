"""Waiting longer and longer after wrong secrets, so that guessing them over the network leads nowhere."""

from collections import OrderedDict
from typing import Final

_FREE: Final = 3
"""Failures before one waits at all: people mistype."""


class BackOff:
    """Counts failures by identity and source together, and by source alone (which tries many identities).

    Args:
        first: seconds to wait after the first failure that counts; each further one doubles it.
        longest: seconds.
        forget: seconds without a failure after which it is as if there had been none.
        most: entries kept; those not seen for longest go first.
        by_source: count by source alone, too; not where a source speaks for many who ask.
    """

    def __init__(
        self, first: float = 1.0, longest: float = 900.0, forget: float = 3600.0, most: int = 100_000,
        *, by_source: bool = True,
    ) -> None:  # fmt: skip
        self._first = first
        self._longest = longest
        self._forget = forget
        self._most = most
        self._by_source = by_source
        self._failures: OrderedDict[tuple[bytes, str], tuple[int, float]] = OrderedDict()

    def seconds(self, identity: bytes, source: str, now: float) -> float:
        """How long this source must still wait before it may try this identity; 0: it may try.

        Args:
            identity: comparison form of the handle, with the index.
            source: address or network of the peer.
            now: seconds on a clock that never steps.
        """
        return max(self._left((identity, source), _FREE, now), self._left((b"", source), 4 * _FREE, now))

    def failed(self, identity: bytes, source: str, now: float) -> None:
        for key in ((identity, source), (b"", source)) if self._by_source else ((identity, source),):
            count, at = self._failures.pop(key, (0, now))
            self._failures[key] = (count + 1 if now - at < self._forget else 1, now)
        while len(self._failures) > self._most:
            self._failures.popitem(last=False)

    def succeeded(self, identity: bytes, source: str) -> None:
        """A right secret clears what is held against this identity from this source, not against the source."""
        self._failures.pop((identity, source), None)

    def _left(self, key: tuple[bytes, str], free: int, now: float) -> float:
        count, at = self._failures.get(key, (0, now))
        if count < free or now - at >= self._forget:
            return 0.0
        wait = min(self._longest, self._first * 2.0 ** min(count - free, 32))
        return max(0.0, at + wait - now)
