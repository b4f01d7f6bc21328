"""The open connections of one server, whichever of its ports they came in by: bounded for each source network."""

from collections import Counter

from lineshaft.resolution.listeners.counts import Counts
from lineshaft.resolution.listeners.limits import Limits
from lineshaft.resolution.networks import network_of


class Connections:
    """Counts them.

    Args:
        limits: how many there may be.
        counts: where it is told.
    """

    def __init__(self, limits: Limits, counts: Counts) -> None:
        self._limits = limits
        self._counts = counts
        self._networks: Counter[str] = Counter()

    def enter(self, address: str) -> "Entry | None":
        """The place of a new connection; None where its network, or all of them, have as many as they may."""
        network = network_of(address)
        limits = self._limits
        if self._counts.connections >= limits.all_connections or self._networks[network] >= limits.connections:
            self._counts.refused_connections += 1
            return None
        self._networks[network] += 1
        self._counts.connections += 1
        return Entry(self, network)

    def leave(self, network: str) -> None:
        """One of a network has ended."""
        self._counts.connections -= 1
        self._networks[network] -= 1
        if not self._networks[network]:
            del self._networks[network]


class Entry:
    """The place of one connection."""

    __slots__ = ("_connections", "_network")

    def __init__(self, connections: Connections, network: str) -> None:
        self._connections: Connections | None = connections
        self._network = network

    def leave(self) -> None:
        """The connection has ended; said again, nothing happens."""
        if self._connections is not None:
            self._connections.leave(self._network)
            self._connections = None
