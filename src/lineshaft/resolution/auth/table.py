"""What a server remembers of those who ask: bounded altogether and for each source network.

Whoever has not proved who he is can have as many things remembered as he likes to ask for. A network's own go first where it
has too many, and what belongs to somebody who has proved who he is lies apart: nothing of strangers pushes it out.
"""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from lineshaft.resolution.networks import network_of

K = TypeVar("K")
V = TypeVar("V")
_SWEEP_SECONDS: Final = 1.0


class _Entry(Generic[V]):
    __slots__ = ("network", "value", "weight")

    def __init__(self, value: V, network: str, weight: int) -> None:
        self.value = value
        self.network = network
        self.weight = weight


class _Group(Generic[K]):
    """Keys, those unused for longest first, and what all of them weigh."""

    __slots__ = ("keys", "weight")

    def __init__(self) -> None:
        self.keys: dict[K, None] = {}
        self.weight = 0


class Table(Generic[K, V]):
    """Values by key. Where there are too many, those unused for longest go.

    Args:
        most: what all of them may weigh; most things weigh 1.
        most_of_one: the same of one source network's, which go before those of others.
        ended: whether a value is of no use any more at a time.
    """

    def __init__(self, most: int, most_of_one: int, ended: Callable[[V, float], bool]) -> None:
        self._most = most
        self._most_of_one = min(most, most_of_one)
        self._ended = ended
        self._entries: dict[K, _Entry[V]] = {}
        self._all: _Group[K] = _Group()
        self._networks: dict[str, _Group[K]] = {}
        self._swept = float("-inf")

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def put(self, key: K, value: V, source: str, now: float, weight: int = 1) -> None:
        """Remember a value under a new key.

        Args:
            source: address of whoever causes it.
            now: seconds on a clock that never steps.
            weight: of the value.
        """
        network = network_of(source)
        if self._full(network, weight) is not None:
            self._sweep(now)
        while (full := self._full(network, weight)) is not None and full.keys:
            self.pop(next(iter(full.keys)))
        entry = self._entries[key] = _Entry(value, network, weight)
        self._networks.setdefault(network, _Group())
        for group in self._groups(entry):
            group.keys[key] = None
            group.weight += weight

    def get(self, key: K) -> V | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.value

    def use(self, key: K) -> None:
        """It is of use: others go before it."""
        for group in self._groups(self._entries[key]):
            del group.keys[key]
            group.keys[key] = None

    def replace(self, key: K, value: V) -> None:
        """Put a value in the place of another."""
        self._entries[key].value = value

    def pop(self, key: K) -> V | None:
        """Forget a value."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return None
        for group in self._groups(entry):
            del group.keys[key]
            group.weight -= entry.weight
        if not self._networks[entry.network].keys:
            del self._networks[entry.network]
        return entry.value

    def _groups(self, entry: _Entry[V]) -> tuple[_Group[K], _Group[K]]:
        return self._all, self._networks[entry.network]

    def _full(self, network: str, weight: int) -> _Group[K] | None:
        """What has to lose something before so much more of a network comes in."""
        own = self._networks.get(network)
        if own is not None and own.weight + weight > self._most_of_one:
            return own
        return self._all if self._all.weight + weight > self._most else None

    def _sweep(self, now: float) -> None:
        """Forget what has ended; not too often, for it looks at everything."""
        if now - self._swept < _SWEEP_SECONDS:
            return
        self._swept = now
        for key in [key for key, entry in self._entries.items() if self._ended(entry.value, now)]:
            self.pop(key)


class Halves(Generic[K, V]):
    """Two tables as one: of strangers, and of those who have proved who they are. Arguments are those of each `Table`."""

    def __init__(self, most: int, most_of_one: int, ended: Callable[[V, float], bool]) -> None:
        self._strangers: Table[K, V] = Table(most, most_of_one, ended)
        self._proved: Table[K, V] = Table(most, most_of_one, ended)

    def __len__(self) -> int:
        return len(self._strangers) + len(self._proved)

    def __contains__(self, key: K) -> bool:
        return key in self._strangers or key in self._proved

    def put(self, key: K, value: V, source: str, now: float, *, proved: bool) -> None:
        """As `Table.put`."""
        (self._proved if proved else self._strangers).put(key, value, source, now)

    def prove(self, key: K, source: str, now: float) -> None:
        """From now on it belongs to somebody who has proved who he is."""
        value = self._strangers.pop(key)
        if value is not None:
            self._proved.put(key, value, source, now)

    def get(self, key: K) -> V | None:
        return self._of(key).get(key)

    def use(self, key: K) -> None:
        """As `Table.use`."""
        self._of(key).use(key)

    def replace(self, key: K, value: V) -> None:
        """As `Table.replace`."""
        self._of(key).replace(key, value)

    def pop(self, key: K) -> V | None:
        """As `Table.pop`."""
        return self._of(key).pop(key)

    def _of(self, key: K) -> Table[K, V]:
        return self._proved if key in self._proved else self._strangers
