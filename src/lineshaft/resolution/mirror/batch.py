"""What travels: a run of the change log with the records as they are at its end, and digests where they hold."""

import secrets
from typing import Final

import msgspec

from lineshaft.core.errors import Corrupt
from lineshaft.resolution.changes import PrefixDigest
from lineshaft.resolution.store import RecordStore

_ORIGIN: Final = b"origin"


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """Changes `first` to `last` of one store, each key once."""

    origin: str
    """Random name of the store: another one's numbers mean nothing here."""
    first: int
    last: int
    records: list[tuple[bytes, bytes | None]] = []
    """Key and stored form; None: gone. Keys that begin with `home/` belong to `meta`."""
    digests: list[tuple[bytes, int, bytes]] = []
    """Prefix, how many records, sum: as they are at `last`."""
    homes: list[tuple[bytes, bytes]] = []
    """Of a snapshot: what is at home."""

    def digest(self, place: int) -> tuple[bytes, PrefixDigest]:
        prefix, records, total = self.digests[place]
        return prefix, PrefixDigest(records, int.from_bytes(total, "big"))


_DECODER = msgspec.msgpack.Decoder(Batch)


def encode_batch(batch: Batch) -> bytes:
    return msgspec.msgpack.encode(batch)


def decode_batch(data: bytes) -> Batch:
    """The batch.

    Raises:
        Corrupt: anything else.
    """
    try:
        return _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        raise Corrupt(
            "resolution.changes_unreadable", f"a message of the change log cannot be read: {error}",
            "Something else writes to this stream.", reason=str(error),
        ) from error  # fmt: skip


def origin_of(store: RecordStore) -> str:
    """The store's random name, made at the first call."""
    with store.write() as transaction:
        known = transaction.get(_ORIGIN, "meta")
        if known is None:
            known = secrets.token_hex(8).encode()
            transaction.put(_ORIGIN, known, "meta")
    return known.decode()


def stream_of(node: str) -> str:
    """Name of the stream that holds a node's change log."""
    return f"IDENTIFIERS-{node}"
