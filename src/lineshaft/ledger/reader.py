"""Reading a log's folder from any process: its checkpoint, tiles, entries, and proofs made from tiles only."""

from pathlib import Path
from typing import Final

from lineshaft.core.errors import Corrupt, InvalidInput, NotFound
from lineshaft.ledger import checkpoints, merkle
from lineshaft.ledger.checkpoints import Checkpoint
from lineshaft.ledger.tiles import ENTRIES, WIDTH, Tile, TileTree, unbundle, width_at

CHECKPOINT: Final = "checkpoint"
COSIGNED: Final = "checkpoint.cosigned"
"""The latest checkpoint that a witness has cosigned; may be older than `checkpoint`."""
KEY: Final = "key"
"""The log's public key."""


class LogReader:
    """One log; nothing is kept between calls, so each sees the log as it is then."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def checkpoint(self) -> bytes:
        """The latest signed checkpoint; raises NotFound where there is none yet."""
        return self._read(CHECKPOINT)

    def cosigned(self) -> bytes:
        """The latest checkpoint with a witness's cosignature; raises NotFound where there is none yet."""
        return self._read(COSIGNED)

    def key(self) -> str:
        """The log's public key; raises NotFound where there is no log."""
        return self._read(KEY).decode().strip()

    def head(self) -> Checkpoint:
        """What the latest checkpoint says."""
        return checkpoints.read(self.checkpoint())[1]

    def signed_us(self) -> int:
        """When the latest checkpoint was written, microseconds by this machine's clock."""
        return (self.folder / CHECKPOINT).stat().st_mtime_ns // 1000

    @property
    def size(self) -> int:
        """Entries of the latest checkpoint's tree."""
        return self.head().size

    def tile(self, tile: Tile) -> bytes:
        """A tile or bundle as it is on disk; a partial one also from the full one that took its place.

        Raises:
            NotFound: the log has no such tile.
        """
        for candidate in dict.fromkeys((tile, tile.full)):
            try:
                data = (self.folder / "tile" / candidate.path).read_bytes()
            except FileNotFoundError:
                continue
            return data if candidate == tile else _shortened(tile, data)
        raise NotFound(
            "ledger.tile_unknown", f"the log has no tile {tile.path}", "The checkpoint says how far the log reaches.",
            tile=tile.path,
        )  # fmt: skip

    def entry(self, index: int) -> bytes:
        """One entry of the latest checkpoint's tree."""
        size = self.head().size
        check_index(index, size)
        number, offset = divmod(index, WIDTH)
        tile = Tile(ENTRIES, number, width_at(size, ENTRIES, number))
        entries = unbundle(self.tile(tile))
        if entries is None or offset >= len(entries):
            raise damaged_tile(tile)
        return entries[offset]

    def leaf(self, index: int) -> bytes:
        """Hash of one entry of the latest checkpoint's tree."""
        head = self.head()
        check_index(index, head.size)
        return self._tree(head).subtree(0, index)

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Proof that entry `index` is in the tree of `size` entries (the latest checkpoint's where not given)."""
        head = self.head()
        size = head.size if size is None else size
        check_size(size, head.size, "size")
        check_index(index, size)
        return merkle.inclusion(index, size, self._tree(head).subtree)

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """Proof that the tree of `new` entries (the latest checkpoint's where not given) begins with that of `old`."""
        head = self.head()
        new = head.size if new is None else new
        check_size(new, head.size, "new")
        check_size(old, new, "old")
        return merkle.consistency(old, new, self._tree(head).subtree)

    def root(self, size: int) -> bytes:
        """Root of the first `size` entries, from the tiles."""
        head = self.head()
        check_size(size, head.size, "size")
        return merkle.root(size, self._tree(head).subtree)

    def _tree(self, head: Checkpoint) -> TileTree:
        def read(level: int, number: int) -> bytes:
            tile = Tile(level, number, width_at(head.size, level, number))
            try:
                data = self.tile(tile)
            except NotFound:
                raise damaged_tile(tile) from None
            if len(data) != tile.width * merkle.HASH_BYTES:
                raise damaged_tile(tile)
            return data

        return TileTree(read)

    def _read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            raise NotFound(
                "ledger.nothing_signed", f"the log {self.folder.name} has no {name} yet",
                "It appears with the first entry that is signed.", log=self.folder.name, name=name,
            ) from None  # fmt: skip


def check_index(index: int, size: int) -> None:
    """Refuse an entry that the tree does not have."""
    if not 0 <= index < size:
        raise InvalidInput(
            "ledger.index_out_of_range", f"index is {index}, and the tree has {size} entries, numbered from 0",
            "Ask for an entry below that size.", field="index", value=index, size=size,
        )  # fmt: skip


def check_size(size: int, largest: int, field: str) -> None:
    """Refuse a tree that is larger than the one it must be part of."""
    if not 0 <= size <= largest:
        raise InvalidInput(
            "ledger.size_out_of_range", f"{field} is {size}, outside 0 to {largest}",
            "Read the checkpoint again, and ask for at most its size.", field=field, value=size, largest=largest,
        )  # fmt: skip


def damaged_tile(tile: Tile) -> Corrupt:
    return Corrupt(
        "ledger.tile_damaged", f"the file tile/{tile.path} of the log is missing or has the wrong length",
        "`lineshaft ledger verify` names all that is wrong; restore the folder from a backup.", path=f"tile/{tile.path}",
    )  # fmt: skip


def _shortened(tile: Tile, data: bytes) -> bytes:
    """The first part of a full tile or bundle, as wide as the partial one was."""
    if tile.level != ENTRIES:
        return data[: tile.width * merkle.HASH_BYTES]
    at = 0
    for _ in range(tile.width):
        at += 2 + int.from_bytes(data[at : at + 2])
    return data[:at]
