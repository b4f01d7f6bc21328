"""Checkpoints (C2SP tlog-checkpoint): a log's origin, size and root as the text of a signed note."""

import base64
import re
from typing import Final

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.ledger.notes import Note, parse_note

_SIZE: Final = re.compile(r"0|[1-9]\d{0,18}", re.ASCII)
LARGEST_SIZE: Final = 2**63 - 1


class Checkpoint(msgspec.Struct, frozen=True):
    """What a log says of itself at one moment."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> bytes:
        """The note's text."""
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions]
        return ("\n".join(lines) + "\n").encode()

    @classmethod
    def parse(cls, text: bytes) -> "Checkpoint":
        """Read a note's text; raises InvalidInput where it is no checkpoint."""
        lines = text.decode().removesuffix("\n").split("\n")
        if len(lines) < 3 or not all(lines):
            raise _bad("it has not three lines: origin, size, root")
        if _SIZE.fullmatch(lines[1]) is None or int(lines[1]) > LARGEST_SIZE:
            raise _bad(f"its size {lines[1]!r} is not a number without leading zeros")
        root = parse_hash(lines[2])
        if root is None:
            raise _bad("its root is not base64 of 32 bytes")
        return cls(lines[0], int(lines[1]), root, tuple(lines[3:]))


def parse_hash(text: str) -> bytes | None:
    """A hash as checkpoints and proofs write it; None where it is none."""
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return value if len(value) == 32 and base64.b64encode(value).decode() == text else None


def read(data: bytes) -> tuple[Note, Checkpoint]:
    """A checkpoint's note and what it says; raises InvalidInput."""
    note = parse_note(data)
    return note, Checkpoint.parse(note.text)


def _bad(reason: str) -> InvalidInput:
    return InvalidInput(
        "ledger.checkpoint_invalid", f"this is not a checkpoint: {reason}", "Send the checkpoint as its log gave it.",
        reason=reason,
    )  # fmt: skip
