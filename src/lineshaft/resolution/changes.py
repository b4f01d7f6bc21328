"""What a node remembers of its changes: an ordered log, and a digest of each prefix.

Both lie in the store's `meta` space and change in the transaction that changes the records, so that they are never ahead
of them nor behind. The log names which records changed, not how: whoever follows it takes a record as it is now, and
comes to the same state as soon as it has reached the end. The digest of a prefix is a sum over its records, so that one
change costs one addition, and two nodes that hold the same records have the same digest whatever way they came to them.
"""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple, Protocol

import msgspec

from lineshaft.resolution.store import RecordStore, Space, Transaction

_LAST: Final = b"last"
_ENTRY: Final = b"change/"
_DIGEST: Final = b"digest/"
_SUM_BYTES: Final = 32
_MODULUS: Final = 1 << (8 * _SUM_BYTES)


class Change(NamedTuple):
    """A record before and after; None where there was, or is, none."""

    key: bytes
    before: bytes | None
    after: bytes | None


Changed = tuple[bytes, bytes | None, bytes | None]
"""A `Change` without names, of which a bulk import makes millions."""


class Entry(NamedTuple):
    """Number and key of a change in the log."""

    sequence: int
    key: bytes


class PrefixDigest(msgspec.Struct, frozen=True):
    """How many records a prefix has, and the sum modulo 2²⁵⁶ of SHA-256 over key and stored form of each."""

    records: int
    sum: int

    def __str__(self) -> str:
        return f"{self.sum:064x}"


class Readable(Protocol):
    """A store, or a transaction in it."""

    def get(self, key: bytes, space: Space = "records") -> bytes | None: ...


def apply(transaction: Transaction, changes: Iterable[Changed], *, logged: bool = True) -> int:
    """Write changes, log them, and bring the digests up to them; returns the number of the last entry.

    A change that changes nothing is left out. Each key occurs once.

    Args:
        logged: False for what came from another server's log, and is to be told to nobody.
    """
    sequence = last_sequence(transaction)
    moved: dict[bytes, list[int]] = {}
    written: list[tuple[bytes, bytes]] = []
    noted: list[tuple[bytes, bytes]] = []
    digest = hashlib.sha256
    number = int.from_bytes
    for key, before, after in changes:  # bulk import lives off this loop: nothing is called that need not be
        if before == after:
            continue
        if logged:
            sequence += 1
            noted.append((_ENTRY + sequence.to_bytes(8, "big"), key))
        prefix = key[: key.find(b"/")]
        difference = moved.get(prefix)
        if difference is None:
            difference = moved[prefix] = [0, 0]
        if before is not None:
            difference[0] -= 1
            difference[1] -= element(key, before)
        if after is None:
            transaction.delete(key)
            continue
        written.append((key, after))
        difference[0] += 1
        difference[1] += number(digest(len(key).to_bytes(4, "big") + key + after).digest(), "big")
    written.sort()
    transaction.put_many(written)
    transaction.put_many(noted, "meta")
    if noted:
        transaction.put(_LAST, sequence.to_bytes(8, "big"), "meta")
    for prefix, (records, total) in moved.items():
        now = digest_of(transaction, prefix)
        _put_digest(transaction, prefix, PrefixDigest(now.records + records, (now.sum + total) % _MODULUS))
    return sequence


def note(transaction: Transaction, key: bytes) -> int:
    """Log that something in `meta` changed, which followers of the log need as well; returns the entry's number."""
    sequence = last_sequence(transaction) + 1
    transaction.put(_entry(sequence), key, "meta")
    transaction.put(_LAST, sequence.to_bytes(8, "big"), "meta")
    return sequence


def last_sequence(store: Readable) -> int:
    """Number of the newest entry; 0 before the first."""
    return int.from_bytes(store.get(_LAST, "meta") or b"", "big")


def newest(store: RecordStore) -> int:
    """As `last_sequence`, as of now and in any thread."""
    return next((int.from_bytes(data, "big") for key, data in store.scan(_LAST, space="meta") if key == _LAST), 0)


def entry_at(store: Readable, sequence: int) -> bytes | None:
    """The key that an entry names; None where the entry is gone, or not there yet."""
    return store.get(_entry(sequence), "meta")


def entries(store: RecordStore, after: int, most: int) -> list[Entry]:
    """The next entries behind number `after`. The first one's number tells whether some are gone already."""
    found = islice(store.scan(_ENTRY, _entry(after), "meta"), most)
    return [Entry(int.from_bytes(key[len(_ENTRY) :], "big"), handle) for key, handle in found]


def trim(store: RecordStore, up_to: int, most: int = 10_000) -> int:
    """Forget entries up to a number, at most so many at once; returns how many."""
    gone = [entry for entry in entries(store, 0, most) if entry.sequence <= up_to]
    if not gone:
        return 0
    with store.write() as transaction:
        for entry in gone:
            transaction.delete(_entry(entry.sequence), "meta")
    return len(gone)


def digest_of(store: Readable, prefix: bytes) -> PrefixDigest:
    """The kept digest of a prefix (in comparison form)."""
    data = store.get(_DIGEST + prefix.upper(), "meta")
    if data is None:
        return PrefixDigest(0, 0)
    return PrefixDigest(int.from_bytes(data[:8], "big"), int.from_bytes(data[8:], "big"))


def digests(store: RecordStore) -> Iterator[tuple[bytes, PrefixDigest]]:
    """The kept digests of all prefixes that have records, by prefix."""
    for key, data in store.scan(_DIGEST, space="meta"):
        digest = PrefixDigest(int.from_bytes(data[:8], "big"), int.from_bytes(data[8:], "big"))
        if digest.records:
            yield key[len(_DIGEST) :], digest


def computed_digest(pairs: Iterable[tuple[bytes, bytes]]) -> PrefixDigest:
    """The digest of records as they are: what the kept one must be."""
    count = total = 0
    for key, record in pairs:
        count += 1
        total += element(key, record)
    return PrefixDigest(count, total % _MODULUS)


def element(key: bytes, record: bytes) -> int:
    """What one record adds to the digest of its prefix."""
    return int.from_bytes(hashlib.sha256(len(key).to_bytes(4, "big") + key + record).digest(), "big")


def _entry(sequence: int) -> bytes:
    return _ENTRY + sequence.to_bytes(8, "big")


def _put_digest(transaction: Transaction, prefix: bytes, digest: PrefixDigest) -> None:
    data = digest.records.to_bytes(8, "big") + digest.sum.to_bytes(_SUM_BYTES, "big")
    transaction.put(_DIGEST + prefix, data, "meta")
