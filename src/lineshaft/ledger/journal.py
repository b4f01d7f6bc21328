"""The journal of a log: what was appended and is not yet for certain in tiles on disk.

The file is a row of records: `LSJ1`, the payload's length in four bytes, the first 16 bytes of its SHA-256, the payload.
The first record is the right edge of the tree when the journal was begun, the others are one append each: the index of
the first entry in eight bytes, then the entries as a bundle holds them.

An append is one write and one fsync. A crash can tear only the last record; `read` leaves it out. A record that is wrong
anywhere else is damage, and refused.
"""

import contextlib
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from lineshaft.core.errors import Corrupt
from lineshaft.core.home import write_file
from lineshaft.ledger.edge import Edge
from lineshaft.ledger.tiles import unbundle

FILE: Final = "journal"
_MAGIC: Final = b"LSJ1"
_HEAD: Final = 24


class Content(msgspec.Struct, frozen=True):
    """What a journal holds."""

    edge: Edge
    """The tree when the journal was begun."""
    appends: tuple[tuple[int, tuple[bytes, ...]], ...]
    """First index and entries of each append since."""
    good_bytes: int
    """Length of all whole records; what stands behind was torn by a crash."""
    torn_bytes: int


class _State(msgspec.Struct, array_like=True):
    size: int
    levels: list[bytes]
    pending: bytes


def record(payload: bytes) -> bytes:
    return _MAGIC + len(payload).to_bytes(4) + sha256(payload).digest()[:16] + payload


def read(path: Path) -> Content:
    """Read a journal.

    Raises:
        Corrupt: its first record, or one that is not the last, is not as it was written.
    """
    data = path.read_bytes()
    payloads, good = [], 0
    for payload in _records(data):
        payloads.append(payload)
        good += _HEAD + len(payload)
    if not payloads or _has_record(data, good + 1):
        raise damaged(path, good)
    try:
        state = msgspec.msgpack.decode(payloads[0], type=_State)
    except msgspec.MsgspecError:
        raise damaged(path, 0) from None
    appends = tuple((int.from_bytes(payload[:8]), _entries(path, payload[8:])) for payload in payloads[1:])
    return Content(Edge(state.size, state.levels, state.pending), appends, good, len(data) - good)


def begin(path: Path, edge: Edge) -> None:
    """Replace the journal by one that begins at `edge`; the tiles before it must be durable."""
    state = _State(edge.size, [bytes(hashes) for hashes in edge.levels], bytes(edge.pending))
    write_file(path, record(msgspec.msgpack.encode(state)))


class Journal:
    """A journal open for writing. `content` is what it held when it was opened."""

    def __init__(self, path: Path) -> None:
        """Opens the file and cuts what a crash tore.

        Raises:
            Corrupt: see `read`.
        """
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self.content = read(path)
            self.size = self.content.good_bytes
            self._cut()
        except BaseException:
            self.close()
            raise

    @property
    def current(self) -> bool:
        """Whether what is on disk is known, and the path still names this file."""
        try:
            return not self._uncertain and os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except OSError:
            return False

    def append(self, first: int, entries: bytes) -> None:
        """Write one append and make it durable.

        Raises:
            OSError: the disk did not take it; the journal is as before.
        """
        data = memoryview(record(first.to_bytes(8) + entries))
        at = self.size
        try:
            while data:
                written = os.pwrite(self._descriptor, data, at)
                data, at = data[written:], at + written
            os.fdatasync(self._descriptor)
        except OSError:
            self._uncertain = True
            with contextlib.suppress(OSError):
                self._cut()
            raise
        self.size = at

    def close(self) -> None:
        os.close(self._descriptor)

    def _cut(self) -> None:
        """Leave nothing behind the last whole record."""
        self._uncertain = True
        os.ftruncate(self._descriptor, self.size)
        os.fsync(self._descriptor)
        self._uncertain = False


def damaged(path: Path, at: int) -> Corrupt:
    return Corrupt(
        "ledger.journal_damaged", f"{path} is damaged at byte {at}: entries that were acknowledged would be lost",
        "Keep the file; restore the folder of this log from a backup.", path=str(path), at=at,
    )  # fmt: skip


def _records(data: bytes) -> Iterator[bytes]:
    at = 0
    while (payload := _record_at(data, at)) is not None:
        yield payload
        at += _HEAD + len(payload)


def _record_at(data: bytes, at: int) -> bytes | None:
    if data[at : at + 4] != _MAGIC:
        return None
    length = int.from_bytes(data[at + 4 : at + 8])
    payload = data[at + _HEAD : at + _HEAD + length]
    whole = len(payload) == length and sha256(payload).digest()[:16] == data[at + 8 : at + _HEAD]
    return payload if whole else None


def _has_record(data: bytes, start: int) -> bool:
    """Whether a whole record stands anywhere at or after `start`."""
    at = data.find(_MAGIC, start)
    while at >= 0:
        if _record_at(data, at) is not None:
            return True
        at = data.find(_MAGIC, at + 1)
    return False


def _entries(path: Path, data: bytes) -> tuple[bytes, ...]:
    entries = unbundle(data)
    if not entries:
        raise damaged(path, 0)
    return entries
