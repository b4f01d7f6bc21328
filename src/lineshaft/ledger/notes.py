"""Signed notes (C2SP signed-note) and witness cosignatures (C2SP tlog-cosignature), both Ed25519.

A note is text, an empty line, and lines `— name base64(key id, signature)`. A key's public text (`vkey`) is
`name+id+base64(type, key)`; its private text is `PRIVATE+KEY+name+id+base64(type, seed)`, as Go's note package writes it.
"""

import base64
import binascii
import hashlib
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lineshaft.core import clock
from lineshaft.core.errors import Corrupt, InvalidInput
from lineshaft.core.home import write_file

ED25519: Final = 0x01
"""A log's own signature: over the note's text."""
COSIGNATURE: Final = 0x04
"""A witness's signature, with the time at which it saw the checkpoint (cosignature/v1)."""
LARGEST_NOTE: Final = 1 << 17
MOST_SIGNATURES: Final = 64

_PRIVATE: Final = "PRIVATE+KEY+"
_DASH: Final = "— "


class SignatureLine(msgspec.Struct, frozen=True):
    """One line below a note."""

    name: str
    key_id: bytes
    signature: bytes

    def __bytes__(self) -> bytes:
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n".encode()


class Note(msgspec.Struct, frozen=True):
    """A note as read; nothing in it is believed before a signature was checked."""

    text: bytes
    """With its last newline."""
    signatures: tuple[SignatureLine, ...]

    def __bytes__(self) -> bytes:
        return self.text + b"\n" + b"".join(map(bytes, self.signatures))

    def lines_of(self, verifier: "NoteVerifier") -> list[SignatureLine]:
        """The signatures that say they are by this key."""
        return [line for line in self.signatures if (line.name, line.key_id) == (verifier.name, verifier.key_id)]

    def signed_by(self, verifier: "NoteVerifier") -> bool:
        """Whether this key signed: at least one line says so and each that does is right."""
        lines = self.lines_of(verifier)
        return bool(lines) and all(verifier.verify(self.text, line.signature) for line in lines)


class NoteVerifier:
    """A public key with its name."""

    def __init__(self, name: str, public: bytes, kind: int = ED25519) -> None:
        self.name = name
        self.kind = kind
        self.public = public
        self.key_id = _key_id(name, kind, public)
        self._key = Ed25519PublicKey.from_public_bytes(public)

    @classmethod
    def parse(cls, vkey: str) -> "NoteVerifier":
        """Read a public key's text.

        Raises:
            InvalidInput: it is none of the two kinds, or its id is not that of its key.
        """
        name, key_id, kind, material = _split_key(vkey.strip(), "vkey")
        verifier = cls(name, material, kind)
        if verifier.key_id != key_id:
            raise _bad_key("vkey", vkey, "its id is not that of its name and key")
        return verifier

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_encoded(self.kind, self.public)}"

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Whether `signature`, without the key id, is this key's over `text`."""
        try:
            if self.kind == ED25519:
                self._key.verify(signature, text)
            else:
                self._key.verify(signature[8:], _timed(text, int.from_bytes(signature[:8])))
        except InvalidSignature:
            return False
        return True


class NoteSigner:
    """A private key with its name."""

    def __init__(self, name: str, seed: bytes, kind: int = ED25519) -> None:
        """`seed` are the 32 bytes of an Ed25519 private key."""
        _check_name(name)
        self._seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = NoteVerifier(name, self._key.public_key().public_bytes_raw(), kind)

    @classmethod
    def generate(cls, name: str, kind: int = ED25519) -> "NoteSigner":
        """A new key; `kind` is `ED25519` for a log, `COSIGNATURE` for a witness."""
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw(), kind)

    @classmethod
    def parse(cls, text: str) -> "NoteSigner":
        """Read a private key's text; raises InvalidInput where it is none."""
        if not text.startswith(_PRIVATE):
            raise _bad_key("key", "…", f"it does not begin with {_PRIVATE}")
        name, key_id, kind, seed = _split_key(text.removeprefix(_PRIVATE).strip(), "key")
        signer = cls(name, seed, kind)
        if signer.verifier.key_id != key_id:
            raise _bad_key("key", "…", "its id is not that of its name and key")
        return signer

    @property
    def name(self) -> str:
        return self.verifier.name

    @property
    def vkey(self) -> str:
        """The public key's text."""
        return self.verifier.vkey

    @property
    def private_text(self) -> str:
        """The private key's text: a secret."""
        key = self.verifier
        return f"{_PRIVATE}{key.name}+{key.key_id.hex()}+{_encoded(key.kind, self._seed)}"

    def sign(self, text: bytes) -> SignatureLine:
        """Sign a note's text; a witness's key does so with the present time."""
        if self.verifier.kind == ED25519:
            signature = self._key.sign(text)
        else:
            seconds = clock.now_us() // clock.MICROSECONDS
            signature = seconds.to_bytes(8) + self._key.sign(_timed(text, seconds))
        return SignatureLine(self.name, self.verifier.key_id, signature)


def parse_note(data: bytes) -> Note:
    """Read a note.

    Raises:
        InvalidInput: it is not of the form, or larger than we read.
    """
    if len(data) > LARGEST_NOTE:
        raise _bad_note(f"it has {len(data)} bytes, more than {LARGEST_NOTE}")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise _bad_note("it is not UTF-8") from None
    if any(character < " " and character != "\n" for character in whole):
        raise _bad_note("it holds control characters")
    text, found, below = whole.rpartition("\n\n")
    lines = below.split("\n")
    if not found or lines.pop() or not lines or len(lines) > MOST_SIGNATURES:
        raise _bad_note("there are no signature lines below an empty line, or too many")
    return Note((text + "\n").encode(), tuple(map(_parse_line, lines)))


def parse_signatures(data: bytes) -> tuple[SignatureLine, ...]:
    """Read signature lines alone, as a witness answers them; raises InvalidInput."""
    return parse_note(b"-\n\n" + data).signatures


def load_or_create(path: Path, name: str, kind: int = ED25519) -> NoteSigner:
    """The private key in a file, made there (readable by its owner only) where the file is missing.

    Raises:
        Corrupt: the file is not such a key, or that of another name or kind.
    """
    try:
        signer = NoteSigner.parse(path.read_text("ascii"))
    except FileNotFoundError:
        signer = NoteSigner.generate(name, kind)
        write_file(path, f"{signer.private_text}\n".encode())
        return signer
    except (InvalidInput, ValueError):
        signer = None
    if signer is None or (signer.name, signer.verifier.kind) != (name, kind):
        raise Corrupt(
            "ledger.key_unreadable", f"{path} is not the signing key of {name}",
            "Restore the keys folder from a backup; a new key would make a new log.", path=str(path), name=name,
        )  # fmt: skip
    return signer


# -- inside -------------------------------------------------------------------------------------------------------------


def _parse_line(line: str) -> SignatureLine:
    parts = line.removeprefix(_DASH).split(" ")
    if not line.startswith(_DASH) or len(parts) != 2 or not _is_name(parts[0]):
        raise _bad_note(f"the signature line {line[:60]!r} is not of the form")
    payload = _decoded(parts[1])
    if payload is None or len(payload) < 5:
        raise _bad_note(f"the signature by {parts[0]!r} is not base64 of a key id and a signature")
    return SignatureLine(parts[0], payload[:4], payload[4:])


def _timed(text: bytes, seconds: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % seconds + text


def _key_id(name: str, kind: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def _encoded(kind: int, material: bytes) -> str:
    return base64.b64encode(bytes([kind]) + material).decode()


def _decoded(text: str) -> bytes | None:
    """Bytes of strict base64: one text for one value."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def _split_key(text: str, field: str) -> tuple[str, bytes, int, bytes]:
    shown = text if field == "vkey" and not text.startswith(_PRIVATE) else "…"
    parts = text.split("+", 2)
    if len(parts) != 3 or not _is_name(parts[0]):
        raise _bad_key(field, shown, "it is not name+id+key")
    material = _decoded(parts[2])
    if material is None or len(material) != 33 or material[0] not in (ED25519, COSIGNATURE):
        raise _bad_key(field, shown, "its key is neither Ed25519 (1) nor an Ed25519 cosignature key (4)")
    try:
        key_id = bytes.fromhex(parts[1])
    except ValueError:
        key_id = b""
    if len(parts[1]) != 8 or len(key_id) != 4:
        raise _bad_key(field, shown, "its id is not eight hexadecimal digits")
    return parts[0], key_id, material[0], material[1:]


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(character.isspace() or character < " " for character in name)


def _check_name(name: str) -> None:
    if not _is_name(name):
        raise InvalidInput(
            "ledger.key_name_invalid", f"{name!r} cannot name a key: it is empty, or holds a space or a plus sign",
            "Take a name such as example.com/log.", field="name", value=name,
        )  # fmt: skip


def _bad_key(field: str, value: str, reason: str) -> InvalidInput:
    return InvalidInput(
        "ledger.vkey_invalid", f"{value!r} is not a key's text: {reason}",
        "`lineshaft ledger key` of the other installation prints it; copy the whole line.",
        field=field, value=value, reason=reason,
    )  # fmt: skip


def _bad_note(reason: str) -> InvalidInput:
    return InvalidInput(
        "ledger.note_invalid", f"this is not a signed note: {reason}", "Send the checkpoint as its log gave it.",
        reason=reason,
    )  # fmt: skip
