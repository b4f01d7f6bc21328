"""A log that this installation writes: one origin in one folder, laid out as C2SP tlog-tiles, so that it can be copied,
served by any web server, and verified offline.

key                  the log's public key
checkpoint           signed origin, size and root; replaced whole
checkpoint.cosigned  the latest that a witness has cosigned
tile/…               hash tiles and entry bundles; partial ones for every checkpoint until the full one exists
journal              what was appended and is not yet for certain in tiles on disk
lock                 held by the one process that writes

An append is acknowledged when the journal is on disk; tiles are derived from it, now or at the next start. Opening reads
the journal (a few MiB) and the tiles on the right edge, never the whole log.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, Self, TypeVar

from lineshaft.core.errors import Conflict, Corrupt, InvalidInput, NotFound, Unavailable
from lineshaft.core.home import sync_folder, write_file
from lineshaft.ledger import checkpoints, disk, journal, locks, merkle
from lineshaft.ledger.checkpoints import Checkpoint
from lineshaft.ledger.edge import Edge
from lineshaft.ledger.journal import Journal
from lineshaft.ledger.notes import Note, NoteSigner, SignatureLine
from lineshaft.ledger.reader import (
    CHECKPOINT,
    COSIGNED,
    KEY,
    LogReader,
    check_index,
    check_size,
    damaged_tile,
)
from lineshaft.ledger.tiles import LARGEST_ENTRY, WIDTH, Tile, TileTree, bundle

JOURNAL_BYTES: Final = 4 << 20
"""A journal that has grown beyond this is begun anew, after the volume has been made durable."""

RESTING_BYTES: Final = 128 << 10
"""The same for a log that is closed."""

P = ParamSpec("P")
T = TypeVar("T")


def _alone(method: Callable[Concatenate["Log", P], T]) -> Callable[Concatenate["Log", P], T]:
    """One thread at a time."""

    def guarded(self: "Log", /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self._turn:
            return method(self, *args, **kwargs)

    guarded.__doc__ = method.__doc__
    return guarded


class Log:
    """The writer. Its calls block for the disk and may come from any thread; made by `open`."""

    def __init__(self, folder: Path, origin: str, signer: NoteSigner, lock: int) -> None:
        self.folder = folder
        self.origin = origin
        self._signer = signer
        self._lock = lock
        self._turn = threading.RLock()
        self._reader = LogReader(folder)
        self._unwritten: dict[Tile, bytes] = {}
        self._journal = Journal(folder / journal.FILE)
        self._edge = self._journal.content.edge
        try:
            self._replay()
            self._signed = self._read_checkpoint()
        except BaseException:
            self._journal.close()
            raise
        with contextlib.suppress(OSError, Unavailable):  # a full disk: the next append says so
            self._complete()

    @classmethod
    def open(cls, folder: Path, origin: str, signer: NoteSigner) -> "Log":
        """Open the log in `folder`, or begin one there.

        Args:
            signer: the log's key; its name is the origin.

        Raises:
            Conflict: another process writes this log, or it has another key.
            Corrupt: acknowledged or signed entries are missing or differ.
            Unavailable: the disk does not take what a new log needs.
        """
        if signer.name != origin:
            raise InvalidInput(
                "ledger.origin_differs", f"the key is named {signer.name!r}, and the log's origin is {origin!r}",
                "Make the log's key under its origin.", field="origin", value=origin, name=signer.name,
            )  # fmt: skip
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = locks.hold(folder)
        except OSError as error:
            raise disk.fault(folder, error) from error
        try:
            _begin(folder, signer)
            return cls(folder, origin, signer, lock)
        except OSError as error:
            os.close(lock)
            raise disk.fault(folder, error) from error
        except BaseException:
            os.close(lock)
            raise

    @property
    def size(self) -> int:
        """Entries that are on disk."""
        return self._edge.size

    @property
    def signed_size(self) -> int:
        """Size of the latest checkpoint; 0 where there is none."""
        return 0 if self._signed is None else checkpoints.Checkpoint.parse(self._signed.text).size

    @_alone
    def append(self, entries: Sequence[bytes]) -> range:
        """Add entries; returns their indexes once all of them are on disk, with one fsync.

        Raises:
            InvalidInput: an entry is longer than 65,535 bytes.
            Unavailable: the disk is full or fails (`ledger.disk_full`, `ledger.write_failed`); none was added.
        """
        first = self.size
        _check_lengths(entries)
        if not entries:
            return range(first, first)
        try:
            self._settle()
            if not self._journal.current:
                self._reopen()
            self._journal.append(first, bundle(entries))
        except OSError as error:
            raise disk.fault(self.folder, error) from error
        self._unwritten.update(self._edge.extend(entries))
        with contextlib.suppress(
            OSError
        ):  # the entries are safe in the journal; the next call writes the tiles, or says why
            self._settle()
            self._shorten_journal(JOURNAL_BYTES)
        return range(first, self.size)

    @_alone
    def checkpoint(self) -> bytes:
        """The checkpoint of the present size, signed now where it is new; cosignatures are kept.

        Raises:
            Unavailable: the disk is full or fails; the checkpoint before this one stays.
        """
        if self._signed is not None and self.signed_size == self.size:
            return bytes(self._signed)
        text = Checkpoint(self.origin, self.size, self.root()).text
        note = Note(text, (self._signer.sign(text),))
        try:
            self._settle()
            self._write_partials()
            write_file(self.folder / CHECKPOINT, bytes(note))
        except OSError as error:
            raise disk.fault(self.folder, error) from error
        self._signed = note
        return bytes(note)

    @_alone
    def add_cosignatures(self, checkpoint: bytes, lines: Iterable[SignatureLine]) -> None:
        """Keep a witness's signatures, which the caller has verified, with the checkpoint that they are for.

        Raises:
            Unavailable: the disk is full or fails.
        """
        new = tuple(lines)
        given, head = checkpoints.read(checkpoint)
        try:
            if self._signed is not None and self._signed.text == given.text:
                self._signed = _merged(self._signed, new)
                write_file(self.folder / CHECKPOINT, bytes(self._signed))
            kept = self._read_cosigned()
            if kept is None or Checkpoint.parse(kept.text).size < head.size:
                kept = given
            if kept.text == given.text:
                write_file(self.folder / COSIGNED, bytes(_merged(kept, new)))
        except OSError as error:
            raise disk.fault(self.folder, error) from error

    @_alone
    def root(self, size: int | None = None) -> bytes:
        """Root of the first `size` entries; of all where not given."""
        size = self.size if size is None else size
        check_size(size, self.size, "size")
        return merkle.root(size, self._tree().subtree)

    @_alone
    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Proof that entry `index` is in the tree of `size` entries; of all where not given."""
        size = self.size if size is None else size
        check_size(size, self.size, "size")
        check_index(index, size)
        return merkle.inclusion(index, size, self._tree().subtree)

    @_alone
    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """Proof that the tree of `new` entries begins with that of `old`."""
        new = self.size if new is None else new
        check_size(new, self.size, "new")
        check_size(old, new, "old")
        return merkle.consistency(old, new, self._tree().subtree)

    def close(self) -> None:
        """Give the log up; what is appended but not signed stays for the next start."""
        with self._turn:
            with contextlib.suppress(OSError):  # only makes the next opening quicker
                self._settle()
                self._shorten_journal(RESTING_BYTES)
            self._journal.close()
            os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- inside ---------------------------------------------------------------------------------------------------------

    def _replay(self) -> None:
        """Take in what the journal holds behind its first record."""
        for first, entries in self._journal.content.appends:
            if first != self._edge.size:
                raise journal.damaged(self.folder / journal.FILE, 0)
            self._unwritten.update(self._edge.extend(entries))

    def _complete(self) -> None:
        """Write anew whatever of the tiles a crash may have taken."""
        self._settle()
        if self._signed is not None and self.signed_size == self.size:
            self._write_partials()
        elif self._signed is not None:
            self.checkpoint()

    def _read_checkpoint(self) -> Note | None:
        """The checkpoint on disk, after a look whether the log still holds what was signed."""
        try:
            note, head = checkpoints.read(self._reader.checkpoint())
        except NotFound:
            return None
        except InvalidInput:
            raise _checkpoint_damaged(self.folder) from None
        if head.origin != self.origin or not note.signed_by(self._signer.verifier):
            raise _checkpoint_damaged(self.folder)
        if head.size > self.size:
            raise Corrupt(
                "ledger.entries_lost", f"the log in {self.folder} holds {self.size} entries and has signed {head.size}",
                "Restore the folder from a backup; a witness would refuse a log that lost entries.",
                path=str(self.folder), size=self.size, signed=head.size,
            )  # fmt: skip
        if self.root(head.size) != head.root:
            raise Corrupt(
                "ledger.tree_differs", f"the log in {self.folder} is not the one that it signed at {head.size} entries",
                "`lineshaft ledger verify` names what was changed; restore the folder from a backup.",
                path=str(self.folder), signed=head.size,
            )  # fmt: skip
        return note

    def _read_cosigned(self) -> Note | None:
        try:
            return checkpoints.read(self._reader.cosigned())[0]
        except (NotFound, InvalidInput):
            return None

    def _settle(self) -> None:
        """Write the tiles that are full and not on disk; raises OSError and keeps what is left for the next time."""
        for tile in list(self._unwritten):
            disk.write_tile(self.folder, tile, self._unwritten[tile])
            del self._unwritten[tile]

    def _write_partials(self) -> None:
        for tile, data in self._edge.partials():
            disk.write_tile(self.folder, tile, data)

    def _shorten_journal(self, largest: int) -> None:
        """Begin the journal anew once everything before the right edge is durable in tiles."""
        if self._journal.size > largest:
            disk.sync_volume(self.folder)
            journal.begin(self.folder / journal.FILE, self._edge)
            self._reopen()

    def _reopen(self) -> None:
        """Open the journal that the path names; whichever that is, it leads to the present edge."""
        old, self._journal = self._journal, Journal(self.folder / journal.FILE)
        old.close()

    def _tree(self) -> TileTree:
        return TileTree(self._read_tile)

    def _read_tile(self, level: int, number: int) -> bytes:
        tile = Tile(level, number, WIDTH)
        data = self._edge.tile(level, number) or self._unwritten.get(tile)
        if data is None:
            try:
                data = self._reader.tile(tile)
            except NotFound:
                raise damaged_tile(tile) from None
            if len(data) != WIDTH * merkle.HASH_BYTES:
                raise damaged_tile(tile)
        return data


def _begin(folder: Path, signer: NoteSigner) -> None:
    """Make the files of a new log; refuse a log of another key, or one without its journal."""
    key, path = folder / KEY, folder / journal.FILE
    if key.exists() and key.read_text("utf-8", "replace").strip() != signer.vkey:
        raise Conflict(
            "ledger.key_changed", f"the log in {folder} was begun with another key",
            "Restore the keys folder from the same backup as the log.", path=str(folder),
        )  # fmt: skip
    if not path.exists():
        if (folder / CHECKPOINT).exists():
            raise journal.damaged(path, 0)
        write_file(key, f"{signer.vkey}\n".encode())
        journal.begin(path, Edge())
        sync_folder(folder.parent)


def _check_lengths(entries: Sequence[bytes]) -> None:
    longest = max(map(len, entries), default=0)
    if longest > LARGEST_ENTRY:
        raise InvalidInput(
            "ledger.entry_too_long", f"an entry has {longest} bytes, more than {LARGEST_ENTRY}",
            "Log a hash of it.", field="entries", value=longest, maximum=LARGEST_ENTRY,
        )  # fmt: skip


def _merged(note: Note, lines: Iterable[SignatureLine]) -> Note:
    """The note with these signatures, each key's latest."""
    kept = {(line.name, line.key_id): line for line in (*note.signatures, *lines)}
    return Note(note.text, tuple(kept.values()))


def _checkpoint_damaged(folder: Path) -> Corrupt:
    return Corrupt(
        "ledger.checkpoint_damaged", f"{folder / CHECKPOINT} is not a checkpoint that this log's key signed",
        "Restore the folder from a backup.", path=str(folder / CHECKPOINT),
    )  # fmt: skip
