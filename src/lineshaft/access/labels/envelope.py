"""Encrypted files: a header that names suite, cipher, dataset and key; then chunks of AES-256-GCM, the last one marked.

    "LSHENV1" and a line feed  4 bytes length of the header (big-endian)  header (JSON)  chunk …

A file has a key of its own, which stands in the header wrapped by the dataset's key. A chunk's nonce is the header's
prefix (7 bytes), the chunk's number (4), and 1 in the last chunk, else 0 (the STREAM construction): a chunk that is
changed, moved, left out or cut off does not open. The header is authenticated with every chunk.
"""

import base64
import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lineshaft.core.errors import Conflict, Corrupt, InvalidInput

SUITE: Final = "intl"
CIPHER: Final = "AES-256-GCM"
_MAGIC: Final = b"LSHENV1\n"
_CHUNK: Final = 1 << 20
_TAG: Final = 16
_MAXIMUM_HEADER: Final = 65_536
_PREFIX_BYTES: Final = 7


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in clear before the chunks."""

    suite: str
    cipher: str
    dataset: str
    key: str
    """Id of the dataset's key in the vault."""
    wrapped: str
    """The file's key, sealed by the dataset's key (base64)."""
    prefix: str
    """First bytes of every nonce (base64)."""
    chunk: int
    """Bytes of plaintext in every chunk but the last."""


class FileKey(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh key for one file, as the vault gave it."""

    dataset: str
    key: str
    file_key: bytes
    wrapped: bytes


def encrypt(source: Path, target: Path, fresh: FileKey) -> int:
    """Encrypt a file into a new one, whole or not at all; returns the bytes written.

    Raises:
        Conflict: the target exists.
    """
    header = Header(
        suite=SUITE, cipher=CIPHER, dataset=fresh.dataset, key=fresh.key, wrapped=_text(fresh.wrapped),
        prefix=_text(secrets.token_bytes(_PREFIX_BYTES)), chunk=_CHUNK,
    )  # fmt: skip
    head = msgspec.json.encode(header)
    with source.open("rb") as plain, _new(target) as sealed:
        sealed.write(_MAGIC + len(head).to_bytes(4, "big") + head)
        nonces, cipher = _Nonces(header, head), AESGCM(fresh.file_key)
        for chunk, last in _chunks(plain, _CHUNK):
            sealed.write(cipher.encrypt(nonces.next(last=last), chunk, nonces.aad))
        return sealed.tell()


def decrypt(source: Path, target: Path, open_key: Callable[[Header], bytes]) -> int:
    """Decrypt a file into a new one, whole or not at all; returns the bytes written.

    Args:
        open_key: gives the file's key for its header.

    Raises:
        InvalidInput: not a file of ours. Corrupt: it was changed or cut off. Conflict: the target exists.
    """
    with source.open("rb") as sealed:
        header, head = _read_header(sealed, source)
        nonces, cipher = _Nonces(header, head), AESGCM(open_key(header))
        with _new(target) as plain:
            for chunk, last in _chunks(sealed, header.chunk + _TAG):
                try:
                    plain.write(cipher.decrypt(nonces.next(last=last), chunk, nonces.aad))
                except InvalidTag:
                    raise Corrupt(
                        "access.envelope_changed", f"{source} was changed or cut off: chunk {nonces.number} does not open",
                        "Use another copy.", path=str(source), number=nonces.number,
                    ) from None  # fmt: skip
            return plain.tell()


def read_header(source: Path) -> Header:
    """The header of an encrypted file.

    Raises:
        InvalidInput: not a file of ours.
    """
    with source.open("rb") as sealed:
        return _read_header(sealed, source)[0]


def _read_header(sealed: BinaryIO, source: Path) -> tuple[Header, bytes]:
    magic, length = sealed.read(len(_MAGIC)), int.from_bytes(sealed.read(4), "big")
    head = sealed.read(min(length, _MAXIMUM_HEADER))
    try:
        header = msgspec.json.decode(head, type=Header)
        sound = len(_bytes(header.prefix)) == _PREFIX_BYTES and 0 < header.chunk <= 1 << 26
    except (msgspec.MsgspecError, ValueError):
        sound = False
    if magic != _MAGIC or length != len(head) or not sound:
        raise InvalidInput(
            "access.envelope_unreadable", f"{source} is not a file that Lineshaft encrypted",
            "`lineshaft labels encrypt` makes such files.", field="file", value=str(source),
        )  # fmt: skip
    if (header.suite, header.cipher) != (SUITE, CIPHER):
        raise InvalidInput(
            "access.envelope_suite_unknown", f"{source} is encrypted with {header.suite}/{header.cipher}",
            "Use a release that knows this suite.", field="file", value=str(source), suite=header.suite,
            cipher=header.cipher,
        )  # fmt: skip
    return header, head


class _Nonces:
    """The nonces of a file's chunks, in order."""

    def __init__(self, header: Header, head: bytes) -> None:
        self._prefix = _bytes(header.prefix)
        self.aad = hashlib.sha256(_MAGIC + head).digest()
        self.number = 0

    def next(self, *, last: bool) -> bytes:
        self.number += 1
        return self._prefix + self.number.to_bytes(4, "big") + bytes([last])


def _chunks(file: BinaryIO, size: int) -> Iterator[tuple[bytes, bool]]:
    """Pieces of a size with whether each is the last; an empty file is one empty piece."""
    chunk = file.read(size)
    while True:
        following = file.read(size)
        yield chunk, not following
        if not following:
            return
        chunk = following


@contextlib.contextmanager
def _new(target: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name once it is whole and durable, readable by its owner only."""
    if target.exists():
        raise Conflict("access.envelope_exists", f"{target} exists", "Choose another name.", path=str(target))
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
