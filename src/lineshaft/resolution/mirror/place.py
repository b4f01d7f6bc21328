"""How far a copy has come; kept in `meta`, in the transaction that changes the records."""

from typing import Final

import msgspec

from lineshaft.resolution.changes import Readable
from lineshaft.resolution.store import RecordStore, Transaction

_PLACE: Final = b"mirror/"


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Of one source in one copy."""

    origin: str
    sequence: int
    """Up to here the source's log is in."""
    stream: int = 0
    """Sequence of the last message taken from the stream."""
    created: str = ""
    """When that stream was made: another one's sequences mean nothing."""
    ahead: int = 0
    """Up to here parts of a snapshot may be newer than `sequence`: digests are not compared before."""
    prefixes: dict[str, tuple[int, int]] = {}
    """Prefixes taken anew: what is in for certain, and up to where it may be newer."""
    mark: str = ""
    """That of the last message taken from the stream: the next one names it."""

    def knows(self, prefix: bytes, last: int) -> bool:
        """Whether changes of a prefix up to a number are in already, whatever `sequence` says."""
        return last <= self.prefixes.get(prefix.hex(), (0, 0))[0]

    def comparable(self, prefix: bytes, last: int) -> bool:
        """Whether the digest of a prefix at a number must be that of the copy."""
        return last >= max(self.ahead, self.prefixes.get(prefix.hex(), (0, 0))[1])


def read_place(store: Readable, source: str) -> Place | None:
    """The place of a copy in a source's log; None before its first snapshot was in."""
    data = store.get(_PLACE + source.encode(), "meta")
    return None if data is None else msgspec.msgpack.decode(data, type=Place)


def current_place(store: RecordStore, source: str) -> Place | None:
    """As `read_place`, as of now and in any thread."""
    key = _PLACE + source.encode()
    for found, data in store.scan(key, space="meta"):
        if found == key:
            return msgspec.msgpack.decode(data, type=Place)
    return None


def put_place(transaction: Transaction, source: str, place: Place) -> None:
    alive = {prefix: marks for prefix, marks in place.prefixes.items() if marks[1] > place.sequence}
    transaction.put(
        _PLACE + source.encode(), msgspec.msgpack.encode(msgspec.structs.replace(place, prefixes=alive)), "meta"
    )


def drop_place(transaction: Transaction, source: str) -> None:
    transaction.delete(_PLACE + source.encode(), "meta")
