"""Records in memory: for caches, trials and tests."""

import bisect
import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

from lineshaft.resolution.store.base import SPACES, Pair, Space, Transaction, check_key


class MemoryStore:
    """Dictionaries, and their keys in order."""

    several_processes = False

    def __init__(self) -> None:
        self._values: dict[Space, dict[bytes, bytes]] = {space: {} for space in SPACES}
        self._keys: dict[Space, list[bytes]] = {space: [] for space in SPACES}
        self._lock = threading.Lock()

    def get(self, key: bytes, space: Space = "records") -> bytes | None:
        return self._values[space].get(key)

    def renew(self) -> None:
        """Nothing: there are no other processes."""

    @contextlib.contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._lock:
            pending = Pending(self.get)
            yield pending
            for (space, key), value in pending.changes.items():
                self._set(space, key, value)

    def load(self, pairs: Iterable[Pair]) -> int:
        count = 0
        with self._lock:
            for key, value in pairs:
                self._set("records", check_key(key), value)
                count += 1
        return count

    def scan(self, prefix: bytes = b"", after: bytes = b"", space: Space = "records") -> Iterator[Pair]:
        keys, values = self._keys[space], self._values[space]
        key = after
        at = bisect.bisect_right(keys, after) if after >= prefix else bisect.bisect_left(keys, prefix)
        while at < len(keys) and (key := keys[at]).startswith(prefix):
            yield key, values[key]
            at = bisect.bisect_right(keys, key)  # keys may have come and gone meanwhile

    def count(self) -> int:
        return len(self._values["records"])

    def size(self) -> int:
        return sum(len(key) + len(value) for values in self._values.values() for key, value in values.items())

    def close(self) -> None:
        """Nothing to close."""

    def _set(self, space: Space, key: bytes, value: bytes | None) -> None:
        values, keys = self._values[space], self._keys[space]
        if value is None:
            if values.pop(key, None) is not None:
                del keys[bisect.bisect_left(keys, key)]
            return
        if key not in values:
            bisect.insort(keys, key)
        values[key] = value


class Pending:
    """A transaction of a store that has none of its own: changes wait here until the block ends."""

    def __init__(self, get: Callable[[bytes, Space], bytes | None]) -> None:
        self.changes: dict[tuple[Space, bytes], bytes | None] = {}
        self._get = get

    def get(self, key: bytes, space: Space = "records") -> bytes | None:
        if (space, key) in self.changes:
            return self.changes[space, key]
        return self._get(key, space)

    def put(self, key: bytes, value: bytes, space: Space = "records") -> None:
        self.changes[space, check_key(key)] = value

    def put_many(self, pairs: Sequence[Pair], space: Space = "records") -> None:
        for key, value in pairs:
            self.put(key, value, space)

    def vacant(self, first: bytes, last: bytes) -> bool:
        return False

    def delete(self, key: bytes, space: Space = "records") -> bool:
        there = self.get(key, space) is not None
        if there:
            self.changes[space, key] = None
        return there
