"""How much a source may have before it has shown that its address is its own.

A datagram's source address can be anybody's. What a server sends to one is bounded per network of the source: beyond that
budget an answer is never longer than three times its request, so that a server is of little use against a third party.
Signatures, the dearest of all answers, have a budget of their own, and so have answers that there is no such handle: who
gets many of them is trying out numbers.
"""

from collections.abc import Callable
from typing import Final

from lineshaft.core import clock, logs
from lineshaft.resolution import codes
from lineshaft.resolution.listeners.connections import Connections
from lineshaft.resolution.listeners.counts import Counts
from lineshaft.resolution.listeners.limits import Limits
from lineshaft.resolution.networks import network_of

AMPLIFICATION: Final = 3
"""Bytes of answer to a byte of request, beyond the budget."""
_FORGOTTEN: Final = 100_000
_ALARM_SECONDS: Final = 60.0
_ALARMS: Final = 10_000
_CERTIFIED: Final = codes.CERTIFIED >> 24
_SMALLEST: Final = codes.ENVELOPE_BYTES + codes.HEADER_BYTES + 4
_WORK: Final = {codes.OC_VERIFY_ANSWER: 5.0, codes.OC_SESSION_SETUP: 1.0, codes.OC_SESSION_EXCHANGE_KEY: 2.0}
"""Operations that cost without a signature, in signatures."""


class Budgets:
    """One kind of budget of all sources: a bucket each, which fills with time."""

    __slots__ = ("_buckets", "_by_address", "_capacity", "_rate")

    def __init__(self, per_second: float, burst: float) -> None:
        self._rate = per_second
        self._capacity = per_second * burst
        self._buckets: dict[str, list[float]] = {}
        self._by_address: dict[str, list[float]] = {}
        """The same buckets, found without working out the network."""

    def take(self, address: str, amount: float, now: float) -> bool:
        """Take from the budget of the network that an address is in; False, and nothing taken, where it does not suffice.

        Args:
            address: IPv4 or IPv6.
            amount: of what is counted.
            now: seconds on a clock that never steps.
        """
        bucket = self._by_address.get(address)
        if bucket is None:
            bucket = self._bucket(address, now)
        left = bucket[0] + (now - bucket[1]) * self._rate
        left = min(left, self._capacity)
        bucket[1] = now
        if left < amount:
            bucket[0] = left
            return False
        bucket[0] = left - amount
        return True

    def _bucket(self, address: str, now: float) -> list[float]:
        if len(self._by_address) >= _FORGOTTEN:
            self._by_address.clear()
        if len(self._buckets) >= _FORGOTTEN:  # so many sources at once are no sources: their buckets were full anyway
            self._buckets.clear()
            self._by_address.clear()
        bucket = self._buckets.setdefault(network_of(address), [self._capacity, now])
        self._by_address[address] = bucket
        return bucket


class Guard:
    """The budgets of all sources of one server, whichever way they come in.

    Args:
        limits: of each source network.
        counts: where it is counted what went beyond.
        now: seconds on a clock that never steps.
    """

    def __init__(
        self, limits: Limits = Limits(), counts: Counts | None = None,  # noqa: B008  # immutable
        now: Callable[[], float] = clock.monotonic,
    ) -> None:  # fmt: skip
        self.limits = limits
        self.counts = Counts() if counts is None else counts
        self._now = now
        self._bytes = Budgets(limits.bytes_per_second, limits.burst)
        self._signatures = Budgets(limits.signatures_per_second, limits.burst)
        self._missing = Budgets(limits.missing_per_second, limits.burst)
        self.connections = Connections(limits, self.counts)
        self._alarmed: dict[str, float] = {}
        self._log = logs.get("resolution")

    def sends(self, address: str, size: int, now: float) -> bool:
        """Whether a source may be sent so many bytes by UDP at `now`, on the guard's clock."""
        if self._bytes.take(address, size, now):
            return True
        self.counts.over_budget += 1
        return False

    def works(self, address: str, packet: bytes) -> bool:
        """Whether a source may have a request answered that takes the long way."""
        cost = _work(packet)
        if not cost or self._signatures.take(address, cost, self._now()):
            return True
        self.counts.over_budget += 1
        return False

    def does(self, address: str, operation: int) -> bool:
        """The same of a request that came encrypted, once it is known what it asks: `works` could not see it."""
        cost = _WORK.get(operation, 0)
        if not cost or self._signatures.take(address, cost, self._now()):
            return True
        self.counts.over_budget += 1
        return False

    def misses(self, address: str) -> bool:
        """Whether a source may be told once more that there is no such handle; the alarm is raised where it may not."""
        now = self._now()
        if self._missing.take(address, 1, now):
            return True
        self.counts.enumerating += 1
        network = network_of(address)
        if self._alarmed.get(network, -_ALARM_SECONDS) + _ALARM_SECONDS <= now:
            if len(self._alarmed) >= _ALARMS:
                self._alarmed.clear()
            self._alarmed[network] = now
            self.counts.alarms += 1
            self._log.warning(
                "resolution_enumeration", network=network, limit_per_second=self.limits.missing_per_second
            )
        return False


def _work(packet: bytes) -> float:
    """What a request costs in signatures; nothing where it is encrypted: see `Guard.does`."""
    if len(packet) < _SMALLEST or packet[2] & codes.ENCRYPTED_ENVELOPE:
        return 0
    return _WORK.get(int.from_bytes(packet[20:24]), 0) or float(bool(packet[28] & _CERTIFIED))
