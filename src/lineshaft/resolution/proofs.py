"""Proofs of registration: each batch of changes is one Merkle tree (RFC 6962) whose root the node signs.

A leaf is `len(key) (u32) ‖ key ‖ count and public values as an answer has them`: whoever has resolved a handle can check its
proof without asking anybody, and nothing private goes into it. The leaves of a batch are kept in the order of their hashes,
so that no place of a handle has to be remembered; the batch of a record is found by the time of its last change.

    lineshaft.resolution/batch-1          what is signed, and what a transparency log takes as its entry
    <origin>
    <seconds since 1970>
    <number of leaves>
    <root, base64>
"""

import base64
import binascii
from bisect import bisect_left
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, Protocol

import msgspec

from lineshaft.core.errors import Corrupt, InvalidInput, LineshaftError
from lineshaft.ledger import checkpoints, merkle, notes
from lineshaft.resolution.auth import keys
from lineshaft.resolution.changes import Changed
from lineshaft.resolution.fields import Reader
from lineshaft.resolution.model import check_handle, handle_key, same_handle
from lineshaft.resolution.record import HAS_PRIVATE, public_part, unpack_record
from lineshaft.resolution.store import RecordStore, Transaction
from lineshaft.resolution.values.json_form import value_to_json
from lineshaft.resolution.values.value import read_values

FORM: Final = "lineshaft.resolution.proof/1"
_SIGNED: Final = "lineshaft.resolution/batch-1"
_SIGNED_LOG: Final = "lineshaft.resolution/log-1"
BATCH: Final = b"proof/"
"""Keys of batches in `meta` begin with it."""
PLACE_BYTES: Final = len(BATCH) + 4 + 8
"""Of the key that a batch is kept under."""
_HASH: Final = merkle.HASH_BYTES


class Entered(Protocol):
    """What has batches entered in a transparency log; see `entries`."""

    def note(self, transaction: Transaction, place: bytes, sequence: int, text: bytes) -> None: ...

    def part(self, store: RecordStore, place: bytes, signer: bytes) -> "LogPart | None": ...


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """One batch as it is kept."""

    origin: str
    seconds: int
    leaves: bytes
    """Hashes of the leaves, sorted."""
    digest: bytes
    signature: bytes
    key: bytes | None = None
    """Public key that signed, as HS_PUBKEY holds it; None: it was the node's only one."""

    def text(self, root: bytes) -> bytes:
        """What was signed."""
        return batch_text(self.origin, self.seconds, len(self.leaves) // _HASH, root)


class Proofs:
    """Makes the proofs of one node.

    Args:
        origin: name of the node, one line.
        key: that it signs with.
        log: has the batches entered in a log.
    """

    def __init__(self, origin: str, key: keys.PrivateKey, log: Entered | None = None) -> None:
        self._origin = origin
        self._key = key
        self._public = keys.encode_public_key(keys.public_key_of(key))
        self._log = log

    def record(
        self, transaction: Transaction, changes: Iterable[Changed], sequence: int, now: int, seconds: int | None = None
    ) -> bytes | None:  # fmt: skip
        """Keep, with the changes themselves, what their proofs follow from, and return its key in `meta`. Deletions have none.

        Args:
            transaction: that the changes are made in.
            changes: as made; one that changes nothing is left out.
            sequence: number of the last of them.
            now: seconds since 1970.
            seconds: the newest time that values of the records tell, where that is not `now`.
        """
        leaves = [
            leaf(key, after) if after[0] & HAS_PRIVATE
            else sha256(b"\0" + len(key).to_bytes(4, "big") + key + after[1:]).digest()  # `leaf`, without the calls
            for key, before, after in changes if after is not None and after is not before and after != before
        ]  # fmt: skip
        if not leaves:
            return None
        leaves.sort()
        text = batch_text(self._origin, now, len(leaves), tree(leaves)[-1][0])
        digest, signature = keys.sign(self._key, text)
        batch = Batch(self._origin, now, b"".join(leaves), digest, signature, self._public)
        place = _place(now if seconds is None else seconds) + sequence.to_bytes(8, "big")
        transaction.put(place, msgspec.msgpack.encode(batch), "meta")
        if self._log is not None:
            self._log.note(transaction, place, sequence, text)
        return place

    def proof_of(self, store: RecordStore, handle: bytes, record: bytes) -> dict[str, Any] | None:
        """The proof that a record was registered as it is now, in JSON; None where this node has none.

        Args:
            store: of the node.
            handle: as it is to be shown.
            record: as stored.
        """
        wanted = leaf(handle_key(handle), record)
        for kept, data in store.scan(_place(newest(record)), space="meta"):
            place = _find(data, wanted)
            if place is not None:
                batch, levels = _read(data)
                found = self._document(handle, record, batch, place, levels)
                part = None if self._log is None else self._log.part(store, kept, batch.key or self._public)
                return found if part is None else {**found, "log": msgspec.to_builtins(part)}
        return None

    def _document(
        self, handle: bytes, record: bytes, batch: Batch, place: int, levels: list[list[bytes]]
    ) -> dict[str, Any]:  # fmt: skip
        size = len(levels[0])
        path = merkle.inclusion(place, size, lambda height, index: levels[height][index])
        return {
            "form": FORM, "handle": handle.decode("utf-8", "replace"), "record": _text(public_part(record)),
            "batch": {
                "origin": batch.origin, "time": batch.seconds, "size": size, "index": place,
                "path": [_text(one) for one in path], "root": _text(levels[-1][0]),
                "digest": batch.digest.decode(), "signature": _text(batch.signature),
                "key": _text(batch.key or self._public),
            },
        }  # fmt: skip


class Verified(msgspec.Struct, frozen=True):
    """What a proof proves."""

    handle: str
    values: list[dict[str, Any]]
    """The public values that were registered, in JSON."""
    origin: str
    seconds: int
    key: str
    """SHA-256 of the public key (as HS_PUBKEY holds it) that signed, in hexadecimal."""
    key_known: bool
    """Whether it is the key that whoever checks has given."""
    log_origin: str = ""
    log_index: int | None = None
    log_known: bool = False
    """Whether the log's checkpoint was signed by the key that whoever checks has given."""
    log_key: str = ""
    """Text of the log's public key, which the node's key signed."""
    log_size: int | None = None
    """Of the checkpoint."""
    log_root: str = ""
    """The same, base64."""


def verify_proof(
    given: object, *, handle: bytes | None = None, key: bytes | None = None, log_key: str | None = None
) -> Verified:  # fmt: skip
    """Check a proof, offline.

    Args:
        given: as `Proofs.proof_of` made it, from JSON.
        handle: that it must be of.
        key: the node's public key as HS_PUBKEY holds it, where it is known another way; another one does not pass.
        log_key: the text of the log's public key (`vkey`), likewise.

    Raises:
        InvalidInput: not a proof.
        Corrupt: it does not prove what it says.
    """
    try:
        proof = msgspec.convert(given, _Proof)
        if proof.form != FORM:
            raise _not_a_proof(f"its form is {proof.form!r}")
        named, public = check_handle(proof.handle.encode()), _bytes(proof.record)
        if handle is not None and not same_handle(named, handle):
            raise _wrong(f"it is of {proof.handle}, not of {handle.decode('utf-8', 'replace')}")
        reader = Reader(public)
        values = [value_to_json(value) for value in read_values(reader)]
        reader.finish("record")
        return _verified(proof, named, public, values, key, log_key)
    except (msgspec.ValidationError, binascii.Error, ValueError) as error:
        raise _not_a_proof(str(error)) from error


def leaf(key: bytes, record: bytes) -> bytes:
    """Hash of the leaf of a record, as stored, under its key."""
    return leaf_of(key, public_part(record))


def leaf_of(key: bytes, public: bytes) -> bytes:
    """The same from what an answer has: count and public values."""
    return sha256(b"\0" + len(key).to_bytes(4, "big") + key + public).digest()


def tree(leaves: list[bytes]) -> list[list[bytes]]:
    """All levels of the Merkle tree over hashes of leaves, the leaves first; a node without a neighbour moves up."""
    levels = [leaves]
    while len(level := levels[-1]) > 1:
        above = [sha256(b"\1" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
        if len(level) & 1:
            above.append(level[-1])
        levels.append(above)
    return levels


def batch_text(origin: str, seconds: int, size: int, root: bytes) -> bytes:
    """What a node signs of a batch."""
    return f"{_SIGNED}\n{origin}\n{seconds}\n{size}\n{_text(root)}\n".encode()


def newest(record: bytes) -> int:
    """The time of the last change of a record that its values tell, in seconds since 1970."""
    return max((value.timestamp for value in unpack_record(record)), default=0)


class _BatchPart(msgspec.Struct):
    origin: str
    time: int
    size: int
    index: int
    path: list[str]
    root: str
    digest: str
    signature: str
    key: str


class LogPart(msgspec.Struct):
    """Where a batch is in a log."""

    index: int
    path: list[str]
    checkpoint: str
    key: str
    """Text of the log's public key."""
    digest: str
    signature: str
    """The node's, over `log_text`."""


class _Proof(msgspec.Struct):
    form: str
    handle: str
    record: str
    batch: _BatchPart
    log: LogPart | None = None


def _verified(
    proof: _Proof, handle: bytes, public: bytes, values: list[dict[str, Any]], key: bytes | None, log_key: str | None
) -> Verified:  # fmt: skip
    batch = proof.batch
    root, path = _bytes(batch.root), [_bytes(one) for one in batch.path]
    if not 0 <= batch.index < batch.size:
        raise _wrong(f"a batch of {batch.size} has no leaf {batch.index}")
    if "\n" in batch.origin:
        raise _wrong("the batch's origin has several lines")
    text = batch_text(batch.origin, batch.time, batch.size, root)
    signer = _bytes(batch.key)
    if key is not None and key != signer:
        raise _wrong("the batch was signed with another key than the one given")
    try:
        signed = keys.verify(keys.decode_public_key(signer), batch.digest.encode(), _bytes(batch.signature), text)
    except LineshaftError as error:
        raise _wrong(error.message) from error
    if not signed:
        raise _wrong("the signature of the batch is wrong: its origin, time, size, root or digest was changed")
    if not merkle.verify_inclusion(batch.index, batch.size, leaf_of(handle_key(handle), public), path, root):
        raise _wrong("the record is not in the batch: its handle, values, place or path was changed")
    found = Verified(proof.handle, values, batch.origin, batch.time, sha256(signer).hexdigest(), key is not None)
    if proof.log is None:
        if log_key is not None:
            raise _wrong("the batch was entered in no log")
        return found
    checkpoint = _verified_log(proof.log, text, keys.decode_public_key(signer), log_key)
    return msgspec.structs.replace(
        found, log_origin=checkpoint.origin, log_index=proof.log.index, log_known=log_key is not None,
        log_key=proof.log.key, log_size=checkpoint.size, log_root=_text(checkpoint.root),
    )  # fmt: skip


def _verified_log(
    part: LogPart, text: bytes, node: keys.PublicKey, log_key: str | None
) -> checkpoints.Checkpoint:  # fmt: skip
    if log_key is not None and part.key != log_key.strip():
        raise _wrong("the log has another key than the one given")
    if not keys.verify(node, part.digest.encode(), _bytes(part.signature), log_text(part.key)):
        raise _wrong("the node's signature over the key of its log is wrong")
    note, checkpoint = checkpoints.read(part.checkpoint.encode())
    if not note.signed_by(notes.NoteVerifier.parse(part.key)):
        raise _wrong("the log's checkpoint was not signed with the log's key")
    if not 0 <= part.index < checkpoint.size:
        raise _wrong(f"a log of {checkpoint.size} has no entry {part.index}")
    path = [_bytes(one) for one in part.path]
    if not merkle.verify_inclusion(part.index, checkpoint.size, merkle.leaf_hash(text), path, checkpoint.root):
        raise _wrong("the batch is not in the log: its place or path there was changed")
    return checkpoint


def log_text(key: str) -> bytes:
    """What a node signs of its log."""
    return f"{_SIGNED_LOG}\n{key}\n".encode()


def _place(seconds: int) -> bytes:
    return BATCH + seconds.to_bytes(4, "big")


@lru_cache(maxsize=8)
def _read(data: bytes) -> tuple[Batch, list[list[bytes]]]:
    """A batch as kept, and its tree; the last few are remembered."""
    batch = msgspec.msgpack.decode(data, type=Batch)
    return batch, tree([batch.leaves[at : at + _HASH] for at in range(0, len(batch.leaves), _HASH)])


def _find(data: bytes, wanted: bytes) -> int | None:
    """The place of a leaf in a kept batch."""
    if wanted not in data:
        return None
    levels = _read(data)[1]
    place = bisect_left(levels[0], wanted)
    return place if place < len(levels[0]) and levels[0][place] == wanted else None


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _not_a_proof(reason: str) -> InvalidInput:
    return InvalidInput(
        "resolution.proof_unreadable", f"this is not a proof of registration: {reason}",
        "Take the file as `lineshaft id proof get` wrote it.", field="proof", reason=reason,
    )  # fmt: skip


def _wrong(reason: str) -> Corrupt:
    return Corrupt(
        "resolution.proof_wrong", f"the proof does not hold: {reason}",
        "Ask the node for it again; if it stays wrong, do not rely on the record.", reason=reason,
    )  # fmt: skip
