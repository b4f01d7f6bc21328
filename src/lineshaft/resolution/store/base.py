"""What every record store does: keep bytes under keys, in key order, durably, several changes at once or none.

A key is a handle's comparison form (UTF-8, ASCII letters folded), a value is a record in its stored form; the store reads
neither. Beside the records there is a second space, `meta`, for what a node remembers of itself (its place in the change
log, digests of prefixes): a transaction may change both, so that they never disagree.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, Protocol

from lineshaft.core.errors import InvalidInput

Space = Literal["records", "meta"]
SPACES: tuple[Space, ...] = ("records", "meta")
MAXIMUM_KEY = 4096
"""Bytes; a handle has 2,048 at most."""
Pair = tuple[bytes, bytes]
Kind = Literal["lmdb", "rocksdb", "memory"]


class Transaction(Protocol):
    """Changes that become visible and durable together, when the block that they are made in ends without an error.

    Only one is open at a time over all processes: what it reads nobody changes before it ends.
    """

    def get(self, key: bytes, space: Space = "records") -> bytes | None: ...

    def put(self, key: bytes, value: bytes, space: Space = "records") -> None: ...

    def delete(self, key: bytes, space: Space = "records") -> bool:
        """Whether there was something to delete."""
        ...

    def put_many(self, pairs: Sequence[Pair], space: Space = "records") -> None:
        """Put many, in the order of their keys."""
        ...

    def vacant(self, first: bytes, last: bytes) -> bool:
        """Whether certainly no record has a key from `first` to `last`; False also where that is not known at once."""
        ...


class RecordStore(Protocol):
    """One node's records on one machine. Blocking; every method may raise `Unavailable` when the disk refuses."""

    several_processes: bool
    """Whether other processes may have the same folder open and write to it."""

    def get(self, key: bytes, space: Space = "records") -> bytes | None:
        """The value under `key`, as of the last `renew` or write of this process."""
        ...

    def renew(self) -> None:
        """See what other processes wrote meanwhile. Cheap: meant for every turn of a server's loop."""
        ...

    def write(self) -> AbstractContextManager[Transaction]:
        """Open a transaction. An error inside it undoes everything."""
        ...

    def load(self, pairs: Iterable[Pair]) -> int:
        """Put many records, fastest in the order of their keys; durable on return. Returns how many.

        Unlike a transaction it may be cut off half-way by the end of the process: what it had put by then stays.
        """
        ...

    def scan(self, prefix: bytes = b"", after: bytes = b"", space: Space = "records") -> Iterator[Pair]:
        """Records whose key begins with `prefix`, behind the key `after`, in key order."""
        ...

    def count(self) -> int:
        """How many records there are; a store may estimate it."""
        ...

    def size(self) -> int:
        """Bytes on the disk (in memory where there is none)."""
        ...

    def close(self) -> None: ...


def check_key(key: bytes) -> bytes:
    """The key itself.

    Raises:
        InvalidInput: it is empty or too long for any store.
    """
    if not 0 < len(key) <= MAXIMUM_KEY:
        raise InvalidInput(
            "resolution.key_invalid", f"a record's key has {len(key)} bytes, not 1 to {MAXIMUM_KEY}",
            "A handle has at most 2048 bytes.", field="key", value=len(key), maximum=MAXIMUM_KEY,
        )  # fmt: skip
    return key


def open_store(kind: Kind, folder: Path, *, read_only: bool = False) -> RecordStore:
    """Open the store of `kind` in `folder`, making it where it is not there.

    Raises:
        Unavailable: the folder cannot be used, or another process has it and the kind allows one only.
        MissingExtra: the library of this kind is not installed.
    """
    if kind == "memory":
        from lineshaft.resolution.store.memory import MemoryStore

        return MemoryStore()
    if kind == "lmdb":
        from lineshaft.resolution.store.lmdb import LmdbStore

        return LmdbStore(folder, read_only=read_only)
    from lineshaft.resolution.store.rocksdb import RocksdbStore

    return RocksdbStore(folder, read_only=read_only)
