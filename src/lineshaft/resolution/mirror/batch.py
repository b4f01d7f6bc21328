"""What travels: a run of the change log with the records as they are at its end, and digests where they hold."""

from typing import Final

import msgspec

from lineshaft.core.errors import Corrupt
from lineshaft.resolution.changes import PrefixDigest
from lineshaft.resolution.homes import HOME
from lineshaft.resolution.proofs import BATCH

BESIDE: Final = (HOME, BATCH)
"""How keys begin that lie in `meta` and are copied as well; no handle's comparison form has small letters."""


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """Changes `first` to `last` of one store, each key once."""

    origin: str
    """Random name of the store: another one's numbers mean nothing here."""
    first: int
    last: int
    records: list[tuple[bytes, bytes | None]] = []
    """Key and stored form; None: gone. Those whose keys begin as in `BESIDE` belong to `meta`."""
    digests: list[tuple[bytes, int, bytes]] = []
    """Prefix, how many records, sum: as they are at `last`."""
    homes: list[tuple[bytes, bytes]] = []
    """Of a snapshot: what is at home."""
    proofs: list[tuple[bytes, bytes]] = []
    """Of a snapshot: what proofs of registration are made from."""
    mark: str = ""
    """Random name of a batch of the log."""
    before: str = ""
    """That of the batch before it in the stream."""

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


def stream_of(node: str) -> str:
    """Name of the stream that holds a node's change log."""
    return f"IDENTIFIERS-{node}"
