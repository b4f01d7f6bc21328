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
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, Protocol

import msgspec

from lineshaft.core.errors import Corrupt, InvalidInput, LineshaftError
from lineshaft.ledger import checkpoints, merkle, notes
from lineshaft.resolution.auth import keys
from lineshaft.resolution.changes import Changed
from lineshaft.resolution.fields import Reader
from lineshaft.resolution.model import check_handle, handle_key
from lineshaft.resolution.record import HAS_PRIVATE, public_part, unpack_record
from lineshaft.resolution.store import RecordStore, Transaction
from lineshaft.resolution.values.json_form import value_to_json
from lineshaft.resolution.values.value import read_values

FORM: Final = "lineshaft.resolution.proof/1"
_SIGNED: Final = "lineshaft.resolution/batch-1"
_BATCH: Final = b"proof/"
_HASH: Final = merkle.HASH_BYTES


class TransparencyLog(Protocol):
    """A log that batches are entered in; `ledger.Log` is one."""

    def append(self, entries: Sequence[bytes]) -> range: ...

    def checkpoint(self) -> bytes: ...

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]: ...


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """One batch as it is kept."""

    origin: str
    seconds: int
    leaves: bytes
    """Hashes of the leaves, sorted."""
    digest: bytes
    signature: bytes
    log_index: int | None = None

    def text(self, root: bytes) -> bytes:
        """What was signed."""
        return batch_text(self.origin, self.seconds, len(self.leaves) // _HASH, root)


class Proofs:
    """Makes the proofs of one node.

    Args:
        origin: name of the node, one line.
        key: that it signs with.
        log: that roots are entered in; only one process may write it.
    """

    def __init__(self, origin: str, key: keys.PrivateKey, log: TransparencyLog | None = None) -> None:
        self._origin = origin
        self._key = key
        self._log = log

    def record(
        self, transaction: Transaction, changes: Iterable[Changed], sequence: int, now: int, seconds: int | None = None
    ) -> None:  # fmt: skip
        """Keep, with the changes themselves, what their proofs follow from. Deletions have none.

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
            return
        leaves.sort()
        text = batch_text(self._origin, now, len(leaves), tree(leaves)[-1][0])
        digest, signature = keys.sign(self._key, text)
        index = self._log.append([text])[0] if self._log is not None else None
        batch = Batch(self._origin, now, b"".join(leaves), digest, signature, index)
        place = _place(now if seconds is None else seconds) + sequence.to_bytes(8, "big")
        transaction.put(place, msgspec.msgpack.encode(batch), "meta")

    def proof_of(self, store: RecordStore, handle: bytes, record: bytes) -> dict[str, Any] | None:
        """The proof that a record was registered as it is now, in JSON; None where this node has none.

        Args:
            store: of the node.
            handle: as it is to be shown.
            record: as stored.
        """
        wanted = leaf(handle_key(handle), record)
        for _, data in store.scan(_place(newest(record)), space="meta"):
            place = _find(data, wanted)
            if place is not None:
                batch, levels = _read(data)
                return self._document(handle, record, batch, place, levels)
        return None

    def _document(
        self, handle: bytes, record: bytes, batch: Batch, place: int, levels: list[list[bytes]]
    ) -> dict[str, Any]:  # fmt: skip
        size = len(levels[0])
        path = merkle.inclusion(place, size, lambda height, index: levels[height][index])
        found: dict[str, Any] = {
            "form": FORM, "handle": handle.decode("utf-8", "replace"), "record": _text(public_part(record)),
            "batch": {
                "origin": batch.origin, "time": batch.seconds, "size": size, "index": place,
                "path": [_text(one) for one in path], "root": _text(levels[-1][0]),
                "digest": batch.digest.decode(), "signature": _text(batch.signature),
                "key": _text(keys.encode_public_key(keys.public_key_of(self._key))),
            },
        }  # fmt: skip
        if batch.log_index is not None and self._log is not None:
            checkpoint = self._log.checkpoint()
            size = checkpoints.read(checkpoint)[1].size
            path = self._log.inclusion(batch.log_index, size)
            found["log"] = {
                "index": batch.log_index, "path": [_text(one) for one in path], "checkpoint": checkpoint.decode(),
            }  # fmt: skip
        return found


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


def verify_proof(given: object, *, key: bytes | None = None, log_key: str | None = None) -> Verified:
    """Check a proof, offline.

    Args:
        given: as `Proofs.proof_of` made it, from JSON.
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
        handle, public = check_handle(proof.handle.encode()), _bytes(proof.record)
        reader = Reader(public)
        values = [value_to_json(value) for value in read_values(reader)]
        reader.finish("record")
        return _verified(proof, handle, public, values, key, log_key)
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


class _LogPart(msgspec.Struct):
    index: int
    path: list[str]
    checkpoint: str


class _Proof(msgspec.Struct):
    form: str
    handle: str
    record: str
    batch: _BatchPart
    log: _LogPart | None = None


def _verified(
    proof: _Proof, handle: bytes, public: bytes, values: list[dict[str, Any]], key: bytes | None, log_key: str | None
) -> Verified:  # fmt: skip
    batch = proof.batch
    root, path = _bytes(batch.root), [_bytes(one) for one in batch.path]
    if not merkle.verify_inclusion(batch.index, batch.size, leaf_of(handle_key(handle), public), path, root):
        raise _wrong("the record is not in the batch")
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
        raise _wrong("the signature of the batch is wrong")
    log_origin = ""
    if proof.log is not None:
        log_origin = _verified_log(proof.log, text, log_key)
    elif log_key is not None:
        raise _wrong("the batch was entered in no log")
    return Verified(
        proof.handle, values, batch.origin, batch.time, sha256(signer).hexdigest(), key is not None,
        log_origin, proof.log.index if proof.log is not None else None, log_key is not None,
    )  # fmt: skip


def _verified_log(part: _LogPart, text: bytes, log_key: str | None) -> str:
    note, checkpoint = checkpoints.read(part.checkpoint.encode())
    path = [_bytes(one) for one in part.path]
    if not merkle.verify_inclusion(part.index, checkpoint.size, merkle.leaf_hash(text), path, checkpoint.root):
        raise _wrong("the batch is not in the log")
    if log_key is not None and not note.signed_by(notes.NoteVerifier.parse(log_key)):
        raise _wrong("the log's checkpoint was not signed with the key given")
    return checkpoint.origin


def _place(seconds: int) -> bytes:
    return _BATCH + seconds.to_bytes(4, "big")


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
