"""Offline verification: everything recomputed from the entries, and whatever differs named with its file and index.

Needed are the folder and the keys that one trusts, nothing else. First all entries are hashed once, in order, and every
tile is compared with what comes out. Where something differs, the signed root decides what is right: it vouches for the
tiles on the right edge, each of those for the full tiles below it, and those for the entries.
"""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from lineshaft.core.errors import Corrupt, InvalidInput, NotFound
from lineshaft.ledger import bodies, checkpoints, journal, merkle
from lineshaft.ledger.checkpoints import Checkpoint
from lineshaft.ledger.edge import Edge
from lineshaft.ledger.findings import Report, compare_entries, compare_hashes
from lineshaft.ledger.locks import is_being_written
from lineshaft.ledger.merkle import HASH_BYTES
from lineshaft.ledger.notes import COSIGNATURE, ED25519, Note, NoteVerifier
from lineshaft.ledger.reader import CHECKPOINT, COSIGNED, KEY, LogReader
from lineshaft.ledger.tiles import ENTRIES, WIDTH, Tile, unbundle, width_at

Progress = Callable[[int, int], None]
"""Called with the entries done and all of them."""

_EACH: Final = 64
_MOST_KEPT: Final = 4096
_MOST_MISSING: Final = 16
"""Bundles missing in a row after which the log is taken to end; a forged size must not keep us busy."""


def verify_folder(folder: Path, vkeys: Sequence[str], progress: Progress | None = None) -> Report:
    """Verify a log's folder.

    Args:
        vkeys: public keys that are trusted: the log's, and any witnesses'.

    Raises:
        InvalidInput: a key is none, or there is none of a log.
        NotFound: there is no log in the folder.
    """
    keys = [NoteVerifier.parse(vkey) for vkey in vkeys]
    if not any(key.kind == ED25519 for key in keys):
        raise InvalidInput(
            "ledger.no_log_key", "no log's public key was given, so nothing that the log signed can be believed",
            "Give it with --key; the installation that writes the log prints it with `lineshaft ledger key`.", field="key",
        )  # fmt: skip
    if not (folder / "tile").is_dir() and not (folder / CHECKPOINT).exists():
        raise NotFound(
            "ledger.folder_empty", f"there is no log in {folder}",
            "Name the folder that holds `checkpoint` and `tile`.", path=str(folder),
        )  # fmt: skip
    return Verification(folder, keys, progress or (lambda _done, _all: None)).run()


class Verification:
    """One run over one folder."""

    def __init__(self, folder: Path, keys: Sequence[NoteVerifier], progress: Progress) -> None:
        self._folder = folder
        self._reader = LogReader(folder)
        self._keys = keys
        self._progress = progress
        self._report = Report(folder=str(folder))
        self._differing: dict[Tile, bytes] = {}  # what the entries give, where the file says something else
        self._roots: dict[int, bytes] = {}  # at the sizes that somebody signed
        self._signed: Checkpoint | None = None

    def run(self) -> Report:
        self._check_key()
        # In this order, so that a log that grows meanwhile is only ever ahead of what was read.
        cosigned = self._check_signed(COSIGNED, self._reader.cosigned) if (self._folder / COSIGNED).exists() else None
        head = self._check_signed(CHECKPOINT, self._reader.checkpoint)
        kept = self._read_journal()
        marks = {checkpoint.size for checkpoint in (head, cosigned) if checkpoint is not None}
        before = self._report.found
        self._recompute(head.size if head is not None else 0, marks | ({kept.edge.size} if kept is not None else set()))
        self._name_differences()
        located = self._report.found > before
        if not located:
            self._check_roots(head, cosigned)
        self._check_files()
        if kept is not None:
            self._check_journal(kept, sound=not located)
        self._check_bodies()
        return self._report

    # -- what is signed -------------------------------------------------------------------------------------------------

    def _check_key(self) -> None:
        with contextlib.suppress(NotFound):
            try:
                known = self._reader.key() in [key.vkey for key in self._keys]
            except UnicodeDecodeError:
                known = False
            if not known:
                self._report.add("key_foreign", KEY)

    def _check_signed(self, file: str, read: Callable[[], bytes]) -> Checkpoint | None:
        """A signed checkpoint, believed or not; None where nothing can be read out of it."""
        try:
            note, head = checkpoints.read(read())
        except NotFound:
            self._report.add("checkpoint_missing", file)
            return None
        except InvalidInput as error:
            self._report.add("checkpoint_unreadable", file, reason=error.message)
            return None
        believed = self._check_log_signature(file, note, head)
        witnesses = self._check_cosignatures(file, note)
        if file == CHECKPOINT:
            report = self._report
            report.origin, report.size, report.root = head.origin, head.size, head.root.hex()
            report.cosigned_by = witnesses
            report.unknown_signatures = sum(
                not any(line in note.lines_of(key) for key in self._keys) for line in note.signatures
            )
            self._signed = head if believed else None
        if witnesses:
            self._report.cosigned_size = max(self._report.cosigned_size, head.size)
        return head

    def _check_log_signature(self, file: str, note: Note, head: Checkpoint) -> bool:
        logs = [key for key in self._keys if key.kind == ED25519]
        signer = next((key for key in logs if note.signed_by(key)), None)
        if signer is None:
            self._report.add("signature_wrong", file)
        elif signer.name != head.origin:
            self._report.add("origin_foreign", file, origin=head.origin, name=signer.name)
        return signer is not None and signer.name == head.origin

    def _check_cosignatures(self, file: str, note: Note) -> list[str]:
        names = []
        for key in self._keys:
            if key.kind != COSIGNATURE or not note.lines_of(key):
                continue
            if note.signed_by(key):
                names.append(key.name)
            else:
                self._report.add("cosignature_wrong", file, name=key.name)
        return names

    # -- everything once ------------------------------------------------------------------------------------------------

    def _recompute(self, size: int, marks: set[int]) -> None:
        """Hash all entries; compare every tile; remember the roots at `marks`."""
        levels: list[bytearray] = [bytearray()]
        if 0 in marks:
            self._roots[0] = merkle.EMPTY_ROOT
        number = full = missing = 0
        while (width := self._width(size, number)) > 0 and missing < _MOST_MISSING:
            hashes = self._leaves(Tile(ENTRIES, number, width))
            missing = 0 if hashes else missing + 1
            first = number * WIDTH
            for mark in marks:
                if first < mark <= first + len(hashes) // HASH_BYTES:
                    self._roots[mark] = merkle.edge_root(
                        [hashes[: (mark - first) * HASH_BYTES], *map(bytes, levels[1:])]
                    )
            self._report.entries += len(hashes) // HASH_BYTES
            self._compare(Tile(0, number, width), hashes)
            levels[0] += hashes
            if width == WIDTH:
                self._carry(levels, number, hashes)
                full += 1
            number += 1
            if number % _EACH == 0:
                self._progress(self._report.entries, size)
        for level, edge in enumerate(levels[1:], 1):
            place = full >> 8 * level
            if edge and place == size >> 8 * (level + 1):
                width = width_at(size, level, place)
                self._compare(Tile(level, place, width), bytes(edge[: width * HASH_BYTES]))
        self._progress(self._report.entries, size)

    def _width(self, size: int, number: int) -> int:
        """Entries of a bundle to look at: those signed, and full bundles behind them."""
        width = width_at(size, ENTRIES, number)
        if width < WIDTH and (self._folder / "tile" / Tile(ENTRIES, number, WIDTH).path).exists():
            return WIDTH
        return width

    def _leaves(self, tile: Tile) -> bytes:
        """Hashes of a bundle's entries, as many as there are."""
        data = self._read(tile)
        if data is None:
            self._report.add("file_missing", _file(tile), tile.number * WIDTH)
            return b""
        entries = unbundle(data)
        if entries is None or len(entries) != tile.width:
            entries = tuple(_readable(data))
            self._differing.setdefault(Tile(0, tile.number, tile.width), merkle.leaf_hashes(entries))
        return merkle.leaf_hashes(entries)

    def _carry(self, levels: list[bytearray], number: int, hashes: bytes) -> None:
        level = 0
        while len(levels[level]) == WIDTH * HASH_BYTES or level == 0:
            if level:
                hashes = bytes(levels[level])
                number //= WIDTH
                self._compare(Tile(level, number, WIDTH), hashes)
            # A bundle that does not hold 256 entries has no root; what is signed in its place is looked up later.
            root = merkle.complete_root(hashes) if len(hashes) == WIDTH * HASH_BYTES else bytes(HASH_BYTES)
            levels[level].clear()
            level += 1
            if level == len(levels):
                levels.append(bytearray())
            levels[level] += root

    def _compare(self, tile: Tile, hashes: bytes) -> None:
        if self._read(tile) != hashes and len(self._differing) < _MOST_KEPT:
            self._differing[tile] = hashes

    def _read(self, tile: Tile) -> bytes | None:
        path = f"{self._folder}/tile/{tile.path}"
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            if tile.width == WIDTH:
                return None
            try:
                return self._reader.tile(tile)
            except NotFound:
                return None
        try:
            data = os.read(descriptor, 1 << 16)
            while len(data) >= 1 << 16 and (more := os.read(descriptor, 1 << 20)):
                data += more
            return data
        finally:
            os.close(descriptor)

    # -- what differs ---------------------------------------------------------------------------------------------------

    def _check_roots(self, head: Checkpoint | None, cosigned: Checkpoint | None) -> None:
        """Say that the entries are not those signed, where no single file gives that away."""
        for file, checkpoint in ((CHECKPOINT, head), (COSIGNED, cosigned)):
            if checkpoint is not None and self._roots.get(checkpoint.size) != checkpoint.root:
                self._report.add("root_differs", file, size=checkpoint.size)

    def _name_differences(self) -> None:
        if not self._differing:
            return
        trust = _Trust(self._signed, self._differing, self._stored)
        for tile in sorted(self._differing):
            signed, stored = trust.hashes(tile.level, tile.number), self._stored(tile)
            if signed is not None and len(signed) < tile.width * HASH_BYTES:
                signed = None  # the rest of it is not signed yet
            if stored is None:
                self._name_missing(tile)
            elif signed is not None and stored != signed:
                compare_hashes(self._report, _file(tile), stored, signed)
            if tile.level == 0:
                self._name_entries(tile, signed, stored)

    def _name_missing(self, tile: Tile) -> None:
        """A tile that is not there; what goes beyond the signed size need not be."""
        width = width_at(self._report.size, tile.level, tile.number)
        if width and self._stored(Tile(tile.level, tile.number, width)) is None:
            self._report.add("file_missing", _file(tile))

    def _name_entries(self, tile: Tile, signed: bytes | None, stored: bytes | None) -> None:
        bundle, computed = Tile(ENTRIES, tile.number, tile.width), self._differing[tile]
        if self._read(bundle) is None:
            return
        if signed is not None:
            if computed != signed:
                compare_entries(self._report, _file(bundle), tile.number * WIDTH, computed, signed)
            elif stored == signed:  # the hashes are right, but something stands behind the entries
                self._report.add("bundle_surplus", _file(bundle))
        elif stored is not None:
            before = self._report.found
            compare_entries(self._report, _file(bundle), tile.number * WIDTH, computed, stored)
            if self._report.found > before:
                self._report.add("tile_unproven", _file(tile))

    def _stored(self, tile: Tile) -> bytes | None:
        return self._read(tile)

    def _check_files(self) -> None:
        """Files that do not belong there, and partial tiles of earlier checkpoints."""
        base = f"{self._folder}/tile"
        for folder, _, names in os.walk(base):
            inside = folder.removeprefix(base).lstrip("/")
            of_tiles = Tile.parse(f"{inside}/000") is not None
            for name in sorted(names):
                if (of_tiles and len(name) == 3 and name.isdigit() and name.isascii()) or name.startswith("."):
                    continue  # a full tile; or left by a crash, and no part of the log
                tile = Tile.parse(f"{inside}/{name}")
                if tile is None:
                    path = f"tile/{inside}/{name}".replace("//", "/")
                    self._report.add("file_unknown", path)
                    continue
                with contextlib.suppress(FileNotFoundError):  # a log that grows meanwhile replaces it by the full one
                    self._check_partial(tile, Path(folder, name).read_bytes())

    def _check_partial(self, tile: Tile, data: bytes) -> None:
        size = self._report.size
        width = width_at(size, tile.level, tile.number)
        if tile.width == width:
            return  # compared already
        later = self._read(Tile(tile.level, tile.number, width)) if width else None
        if later is not None and _prefix(tile, data) and not (later.startswith(data) or data.startswith(later)):
            self._report.add("partial_differs", _file(tile))
        elif not _prefix(tile, data):
            self._report.add(
                "tile_wrong_length", _file(tile),
                found=len(data), expected=tile.width * HASH_BYTES,
            )  # fmt: skip

    # -- journal and bodies ---------------------------------------------------------------------------------------------

    def _read_journal(self) -> journal.Content | None:
        path = self._folder / journal.FILE
        if not path.exists():
            return None
        try:
            content = journal.read(path)
        except Corrupt as error:
            self._report.add("journal_wrong", journal.FILE, at=error.facts["at"])
            return None
        if content.torn_bytes and not is_being_written(self._folder):
            self._report.add("journal_torn", journal.FILE, bytes=content.torn_bytes)
        return content

    def _check_journal(self, kept: journal.Content, *, sound: bool) -> None:
        """The journal leads to the tree that was signed; where the entries are sound, also begins in their tree."""
        edge, size = kept.edge, self._report.size
        begun = self._roots.get(edge.size)
        agrees = not sound or begun is None or merkle.edge_root(edge.levels) == begun
        for first, entries in kept.appends:
            agrees = agrees and first == edge.size
            signed = entries[: max(0, size - edge.size)]
            self._drain(edge, signed)
            if edge.size == size and self._signed is not None:
                agrees = agrees and merkle.edge_root(edge.levels) == self._signed.root
            self._drain(edge, entries[len(signed) :])
        if not agrees or (edge.size < size and self._signed is not None):
            self._report.add("journal_differs", journal.FILE)
        self._report.unsigned = max(0, edge.size - size)

    @staticmethod
    def _drain(edge: Edge, entries: Sequence[bytes]) -> None:
        for _ in edge.extend(entries):
            pass

    def _check_bodies(self) -> None:
        path = self._folder / bodies.FILE
        if not path.exists():
            return
        seen: set[int] = set()
        entries = _Entries(self._read, self._report.size)
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    body = _BODY.decode(line)
                    salt = bytes.fromhex(body.salt)
                except (msgspec.MsgspecError, ValueError):
                    self._report.add("body_unreadable", bodies.FILE, line=number)
                    continue
                if body.pruned or body.seq >= self._report.size:
                    continue
                if _matches(body.body, salt, entries.entry(body.seq)):
                    seen.add(body.seq)
                else:
                    self._report.add("body_altered", bodies.FILE, body.seq, line=number)
                    seen.add(body.seq)
        self._report.bodies = len(seen)
        self._report.pruned = self._report.size - len(seen)


class _Body(msgspec.Struct, frozen=True):
    seq: int
    salt: str = ""
    body: msgspec.Raw = msgspec.Raw(b"")
    pruned: bool = False


_BODY: Final = msgspec.json.Decoder(_Body)


class _Trust:
    """What the signed root vouches for, from the right edge down."""

    def __init__(
        self, signed: Checkpoint | None, computed: Mapping[Tile, bytes], stored: Callable[[Tile], bytes | None]
    ) -> None:
        self._signed = signed
        self._computed = computed
        self._stored = stored
        self._known: dict[tuple[int, int], bytes | None] = {}
        self._edges = self._find_edges()

    def hashes(self, level: int, number: int) -> bytes | None:
        """A tile's hashes as they were signed; None where neither file nor entries can be shown to be right."""
        if self._signed is None or number >= self._signed.size >> 8 * (level + 1):
            return self._edges.get((level, number))
        if (level, number) not in self._known:
            above, place = divmod(number, WIDTH)
            parent = self.hashes(level + 1, above)
            root = None if parent is None else parent[place * HASH_BYTES : (place + 1) * HASH_BYTES]
            candidates = self._candidates(Tile(level, number, WIDTH))
            self._known[level, number] = next(
                (hashes for hashes in candidates if _is_full(hashes) and merkle.complete_root(hashes) == root), None
            )
        return self._known[level, number]

    def _candidates(self, tile: Tile) -> Iterator[bytes]:
        for hashes in (self._stored(tile), self._computed.get(tile)):
            if hashes is not None:
                yield hashes

    def _find_edges(self) -> dict[tuple[int, int], bytes]:
        """The incomplete tiles: those on disk, those the entries give, or whichever mixture gives the signed root."""
        if self._signed is None:
            return {}
        size = self._signed.size
        tiles = [
            Tile(level, size >> 8 * (level + 1), size >> 8 * level & 255) for level in range(8) if size >> 8 * level
        ]
        choices = [list(dict.fromkeys(self._candidates(tile))) if tile.width else [b""] for tile in tiles]
        for mixture in itertools.product(*choices):
            fits = all(len(hashes) == tile.width * HASH_BYTES for tile, hashes in zip(tiles, mixture, strict=True))
            if fits and merkle.edge_root(mixture) == self._signed.root:
                return {(tile.level, tile.number): hashes for tile, hashes in zip(tiles, mixture, strict=True)}
        return {}


class _Entries:
    """Entries by index, for a reader that goes mostly upwards."""

    def __init__(self, read: Callable[[Tile], bytes | None], size: int) -> None:
        self._read = read
        self._size = size
        self._number = -1
        self._bundle: tuple[bytes, ...] = ()

    def entry(self, index: int) -> bytes | None:
        number, place = divmod(index, WIDTH)
        if number != self._number:
            data = self._read(Tile(ENTRIES, number, width_at(self._size, ENTRIES, number)))
            self._number, self._bundle = number, unbundle(data or b"") or ()
        return self._bundle[place] if 0 <= place < len(self._bundle) else None


def _matches(body: msgspec.Raw, salt: bytes, entry: bytes | None) -> bool:
    """Whether the entry stands for this body: as its bytes are, or after putting them into the canonical form."""
    if bodies.entry_of(salt, bytes(body)) == entry:
        return True
    try:
        return bodies.entry_of(salt, bodies.canonical(msgspec.json.decode(body))) == entry
    except (msgspec.MsgspecError, ValueError):
        return False


def _readable(data: bytes) -> Iterator[bytes]:
    """The entries of a bundle up to where its lengths stop making sense."""
    at = 0
    while at + 2 <= len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2])
        yield data[at + 2 : end]
        at = end


def _prefix(tile: Tile, data: bytes) -> bool:
    """Whether the data has the length that a tile of this width must have."""
    if tile.level != ENTRIES:
        return len(data) == tile.width * HASH_BYTES
    return len(unbundle(data) or ()) == tile.width


def _is_full(hashes: bytes) -> bool:
    return len(hashes) == WIDTH * HASH_BYTES


def _file(tile: Tile) -> str:
    return f"tile/{tile.path}"
