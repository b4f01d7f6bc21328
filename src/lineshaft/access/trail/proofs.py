"""A proof that one entry is in the signed log, checked without the log."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from lineshaft.core.errors import Corrupt, InvalidInput
from lineshaft.ledger import bodies, checkpoints, merkle
from lineshaft.ledger.notes import NoteVerifier


def read(file: Path) -> dict[str, Any]:
    """A proof from its file.

    Raises:
        InvalidInput: no such file, or it is no proof.
    """
    try:
        document: dict[str, Any] = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InvalidInput(
            "access.audit_proof_unreadable", f"{file} is not a proof: {reason}", "`lineshaft audit prove --out` writes one.",
            field="file", value=str(file), reason=reason,
        ) from error  # fmt: skip
    return document


def check(document: Mapping[str, Any], key: str) -> None:
    """Check signature, tree and body of a proof.

    Args:
        key: the log's verifier key.

    Raises:
        Corrupt: something does not agree; says what.
        InvalidInput: the key is none.
    """
    verifier = NoteVerifier.parse(key)
    try:
        note, checkpoint = checkpoints.read(str(document["checkpoint"]).encode())
        entry = bodies.entry_of(bytes.fromhex(document["salt"]), bodies.canonical(document["body"]))
        proof = [base64.b64decode(text) for text in document["proof"]]
        place, size = int(document["seq"]), int(document["size"])
    except (KeyError, TypeError, ValueError) as error:
        raise _wrong(f"it is incomplete ({error!r})") from error
    if not note.signed_by(verifier) or checkpoint.origin != verifier.name:
        raise _wrong(f"its checkpoint is not signed by {verifier.name}")
    if checkpoint.size != size:
        raise _wrong(f"it is for a tree of {size} entries, its checkpoint for {checkpoint.size}")
    if document["body"].get("seq") != place:
        raise _wrong(f"the body says place {document['body'].get('seq')}, the proof {place}")
    if not merkle.verify_inclusion(place, size, merkle.leaf_hash(entry), proof, checkpoint.root):
        raise _wrong("the entry does not lead to the signed root")


def _wrong(reason: str) -> Corrupt:
    return Corrupt(
        "access.audit_proof_wrong", f"the proof does not hold: {reason}", "Get the proof again from the installation.",
        reason=reason,
    )  # fmt: skip
