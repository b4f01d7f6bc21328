"""Records in LMDB: a memory-mapped B+ tree that many processes read and one at a time writes (LMDB 0.9, `lmdb`).

A read costs no copy of the tree and no lock. LMDB's keys end at 511 bytes: a longer one is kept under its beginning and its
SHA-256, with the whole key before the value.
"""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import lmdb

from lineshaft.resolution.store.base import Pair, Space, Transaction, check_key
from lineshaft.resolution.store.faults import read_only as refuse_read_only
from lineshaft.resolution.store.faults import store_fault

MAP_BYTES = 256 * 2**30
"""Addresses set aside, not memory and not disk: the file is as long as its records need."""
_LONGEST = 511
_KEPT = _LONGEST - hashlib.sha256().digest_size
_CHUNK = 50_000
_SCANNED = 1_000
_KEY = itemgetter(0)
_FAULTS = (lmdb.Error, OSError)


class LmdbStore:
    """One LMDB environment with a tree for each space."""

    several_processes = True

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self._folder = folder
        self._read_only = read_only
        try:
            if not read_only:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._map = lmdb.open(
                str(folder), map_size=_map_bytes(folder), max_dbs=2, max_readers=1024, mode=0o600, readonly=read_only,
                readahead=False,
            )  # fmt: skip
            self._trees: dict[Space, Any] = {
                "records": self._map.open_db(b"records", create=not read_only),
                "meta": self._map.open_db(b"meta", create=not read_only),
            }
            self._reader = self._map.begin(db=self._trees["records"])
        except _FAULTS as error:
            raise store_fault(folder, error) from error

    def get(self, key: bytes, space: Space = "records") -> bytes | None:
        if len(key) > _KEPT:
            return _unwrapped(key, self._reader.get(_short(key), db=self._trees[space]))
        try:
            if space == "records":
                return self._reader.get(key)
            return self._reader.get(key, db=self._trees[space])
        except lmdb.BadValsizeError:  # an empty key: nothing is kept under it
            return None

    def renew(self) -> None:
        self._reader.abort()
        self._reader = self._map.begin(db=self._trees["records"])

    @contextlib.contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._writing() as transaction:
            yield _Changes(transaction, self._trees)

    def load(self, pairs: Iterable[Pair]) -> int:
        count = 0
        tree = self._trees["records"]
        iterator = iter(pairs)
        while chunk := {_short(check_key(key)): _wrapped(key, value) for key, value in islice(iterator, _CHUNK)}:
            with self._writing() as transaction, transaction.cursor(tree) as cursor:
                first = min(chunk)
                behind = not cursor.last() or cursor.key() < first  # then pages are filled, not halved
                cursor.putmulti(sorted(chunk.items()), append=behind)
            count += len(chunk)
        return count

    def scan(self, prefix: bytes = b"", after: bytes = b"", space: Space = "records") -> Iterator[Pair]:
        start = max(_short(prefix[:_KEPT]), _short(after)) if after else prefix[:_KEPT]
        last = _short(after) if after else None
        while page := self._page(start, last, space):
            for key, value in page:
                full = key if len(key) <= _KEPT else _whole_key(value)
                if full.startswith(prefix):
                    yield full, value if len(key) <= _KEPT else value[2 + len(full) :]
                elif key > prefix[:_KEPT] and not key.startswith(prefix[:_KEPT]):
                    return
            start = last = page[-1][0]

    def _page(self, start: bytes, last: bytes | None, space: Space) -> list[Pair]:
        """Some records from `start` on, without `last`: a reader that stays open would keep old pages from being reused."""
        with self._map.begin(db=self._trees[space]) as transaction, transaction.cursor() as cursor:
            if not (cursor.set_range(start) if start else cursor.first()):
                return []
            if cursor.key() == last and not cursor.next():
                return []
            return list(islice(cursor.iternext(keys=True, values=True), _SCANNED))

    def count(self) -> int:
        with self._map.begin() as transaction:
            return int(transaction.stat(self._trees["records"])["entries"])

    def size(self) -> int:
        return (self._folder / "data.mdb").stat().st_blocks * 512

    def close(self) -> None:
        self._reader.abort()
        self._map.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Any]:
        if self._read_only:
            raise refuse_read_only(self._folder)
        try:
            with self._map.begin(write=True) as transaction:
                yield transaction
        except _FAULTS as error:
            raise store_fault(self._folder, error) from error


class _Changes:
    """An LMDB write transaction as the interface wants it."""

    def __init__(self, transaction: Any, trees: dict[Space, Any]) -> None:
        self._transaction = transaction
        self._trees = trees

    def get(self, key: bytes, space: Space = "records") -> bytes | None:
        return _unwrapped(key, self._transaction.get(_short(key), db=self._trees[space]))

    def put(self, key: bytes, value: bytes, space: Space = "records") -> None:
        self._transaction.put(_short(check_key(key)), _wrapped(key, value), db=self._trees[space])

    def put_many(self, pairs: Sequence[Pair], space: Space = "records") -> None:
        if max(map(len, map(_KEY, pairs)), default=0) > _KEPT:
            for key, value in pairs:
                self.put(key, value, space)
            return
        with self._transaction.cursor(self._trees[space]) as cursor:
            behind = bool(pairs) and (
                not cursor.last() or cursor.key() < pairs[0][0]
            )  # then pages are filled, not halved
            cursor.putmulti(pairs, append=behind)

    def vacant(self, first: bytes, last: bytes) -> bool:
        if len(first) > _KEPT or len(last) > _KEPT:
            return False
        with self._transaction.cursor(self._trees["records"]) as cursor:
            return not cursor.set_range(first) or cursor.key() > last

    def delete(self, key: bytes, space: Space = "records") -> bool:
        return bool(self._transaction.delete(_short(key), db=self._trees[space]))


def _map_bytes(folder: Path) -> int:
    """Room for four times what is there."""
    try:
        return max(MAP_BYTES, 4 * (folder / "data.mdb").stat().st_size)
    except FileNotFoundError:
        return MAP_BYTES


def _short(key: bytes) -> bytes:
    return key if len(key) <= _KEPT else key[:_KEPT] + hashlib.sha256(key).digest()


def _wrapped(key: bytes, value: bytes) -> bytes:
    return value if len(key) <= _KEPT else len(key).to_bytes(2, "big") + key + value


def _whole_key(value: bytes) -> bytes:
    return value[2 : 2 + int.from_bytes(value[:2], "big")]


def _unwrapped(key: bytes, value: bytes | None) -> bytes | None:
    return value if value is None or len(key) <= _KEPT else value[2 + len(key) :]
