"""Batches of registrations in a transparency log: each is one leaf of it.

Any process of a node records batches; one process writes a log. So a batch is noted in `meta`, in the transaction that
makes its changes, and of the node's processes the one that holds the log's lock enters what was noted.

    entering/<sequence>   place of the batch ‖ what its leaf is: recorded, not yet entered
    entered/<place>       number of its leaf ‖ the same
    entered log           how long the log was when that was last written
    log named/<key>       the log's key, signed with the node's key of that SHA-256

What was entered before a crash, and not noted, is found in the log and not entered again; what a log that comes from a
backup lacks is entered anew. The node's key signs the log's key, so that whoever knows the node knows its log.
"""

import base64
from collections.abc import Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from lineshaft.core import clock
from lineshaft.core.errors import Conflict, InvalidInput, NotFound
from lineshaft.ledger import Log, LogReader, checkpoints, notes
from lineshaft.resolution.auth import keys
from lineshaft.resolution.proofs import PLACE_BYTES, LogPart, log_text
from lineshaft.resolution.store import RecordStore, Transaction

_WAITING: Final = b"entering/"
_ENTERED: Final = b"entered/"
_SIZE: Final = b"entered log"
_NAMED: Final = b"log named/"
_MOST: Final = 5_000
"""Batches that are entered with one write to the disk."""
_TRY_SECONDS: Final = 5.0
"""How often a process that does not hold the log tries to."""


class _Naming(msgspec.Struct, frozen=True, array_like=True):
    """The log's key, and the signature over it of one of the node's."""

    log_key: str
    digest: bytes
    signature: bytes


class Entries:
    """What every process of a node does: notes batches, and says where in the log they are.

    Args:
        folder: of the log.
        key: of the node; what earlier keys of it named stays in the store.
        log_key: text of the log's public key.
    """

    def __init__(self, folder: Path, key: keys.PrivateKey, log_key: str) -> None:
        self._reader = LogReader(folder)
        self._log_key = log_key
        digest, signature = keys.sign(key, log_text(log_key))
        self._named = _named(keys.encode_public_key(keys.public_key_of(key)))
        self._naming = msgspec.msgpack.encode(_Naming(log_key, digest, signature))

    def note(self, transaction: Transaction, place: bytes, sequence: int, text: bytes) -> None:
        """Have a batch entered that the node's key signed; `place` is its key in `meta`."""
        transaction.put(_WAITING + sequence.to_bytes(8, "big"), place + text, "meta")
        known = transaction.get(self._named, "meta")
        if known is None or msgspec.msgpack.decode(known, type=_Naming).log_key != self._log_key:
            transaction.put(self._named, self._naming, "meta")

    def part(self, store: RecordStore, place: bytes, signer: bytes) -> LogPart | None:
        """Where a batch is in the log, and the proof of it; None as long as it is not.

        Args:
            store: of the node.
            place: key of the batch in `meta`.
            signer: public key that signed the batch, as HS_PUBKEY holds it.
        """
        data, naming = _fresh(store, _ENTERED + place), _fresh(store, _named(signer))
        if data is None or naming is None:
            return None
        index, named = int.from_bytes(data[:8], "big"), msgspec.msgpack.decode(naming, type=_Naming)
        try:
            checkpoint = self._reader.checkpoint()
            size = checkpoints.read(checkpoint)[1].size
            path = self._reader.inclusion(index, size)
        except (NotFound, InvalidInput):  # a log from a backup, which lacks it for a moment
            return None
        return LogPart(
            index=index, path=[base64.b64encode(one).decode() for one in path], checkpoint=checkpoint.decode(),
            key=named.log_key, digest=named.digest.decode(), signature=base64.b64encode(named.signature).decode(),
        )  # fmt: skip


class Entering:
    """What the one process does that holds the log. Its calls block for the disk.

    Args:
        store: of the node.
        folder: of the log.
        signer: private text of the log's key.
    """

    def __init__(self, store: RecordStore, folder: Path, signer: str) -> None:
        self._store = store
        self._folder = folder
        self._signer = notes.NoteSigner.parse(signer)
        self._log: Log | None = None
        self._try_at = 0.0

    def step(self) -> int:
        """Enter what waits, some thousands at most; how many were. None where another process holds the log.

        Raises:
            LineshaftError: the log or the store cannot be written; nothing is lost by it.
        """
        log = self._held()
        waiting = list(islice(self._store.scan(_WAITING, space="meta"), _MOST)) if log is not None else []
        if log is None or not waiting:
            return 0
        known = self._unnoted(log)
        fresh = [text for text in dict.fromkeys(data[PLACE_BYTES:] for _, data in waiting) if text not in known]
        known.update(zip(fresh, log.append(fresh), strict=True))
        log.checkpoint()
        self._note(log, waiting, known)
        return len(waiting)

    def close(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None

    def _held(self) -> Log | None:
        """The log, where no other process writes it."""
        if self._log is None and clock.monotonic() >= self._try_at:
            self._try_at = clock.monotonic() + _TRY_SECONDS
            try:
                self._log = Log.open(self._folder, self._signer.name, self._signer)
            except Conflict as error:
                if error.code != "ledger.log_in_use":
                    raise
                return None
            self._compare(self._log)
        return self._log

    def _unnoted(self, log: Log) -> dict[bytes, int]:
        """What was entered, and not noted: a crash came between."""
        noted = self._size() or 0
        if noted == log.size:
            return {}
        log.checkpoint()
        reader = LogReader(self._folder)
        return {reader.entry(index): index for index in range(noted, log.size)}

    def _size(self) -> int | None:
        """How long the log was when that was last written; None before the first time."""
        found = _fresh(self._store, _SIZE)
        return None if found is None else int.from_bytes(found, "big")

    def _note(self, log: Log, waiting: Sequence[tuple[bytes, bytes]], known: dict[bytes, int]) -> None:
        with self._store.write() as transaction:
            for key, data in waiting:
                place, text = data[:PLACE_BYTES], data[PLACE_BYTES:]
                transaction.put(_ENTERED + place, known[text].to_bytes(8, "big") + text, "meta")
                transaction.delete(key, "meta")
            transaction.put(_SIZE, log.size.to_bytes(8, "big"), "meta")

    def _compare(self, log: Log) -> None:
        """Have entered anew what the log does not have any more; begin to remember how long it is."""
        size = self._size()
        if size is not None and log.size >= size:
            return
        lost = [
            (key[len(_ENTERED) :], data[8:]) for key, data in self._store.scan(_ENTERED, space="meta")
            if int.from_bytes(data[:8], "big") >= log.size
        ]  # fmt: skip
        with self._store.write() as transaction:
            for place, text in lost:
                transaction.put(_WAITING + place[-8:], place + text, "meta")
                transaction.delete(_ENTERED + place, "meta")
            transaction.put(_SIZE, log.size.to_bytes(8, "big"), "meta")


def _named(signer: bytes) -> bytes:
    return _NAMED + sha256(signer).digest()


def _fresh(store: RecordStore, key: bytes) -> bytes | None:
    """What is kept in `meta` as of now, in any thread."""
    return next((data for found, data in store.scan(key, space="meta") if found == key), None)
