"""The right edge of a growing tree: all that a log must keep in memory, and what it must write when tiles fill up."""

from collections.abc import Iterator, Sequence
from itertools import islice

from lineshaft.ledger import merkle
from lineshaft.ledger.tiles import ENTRIES, TILE_BYTES, WIDTH, Tile, bundle


class Edge:
    """Size, the incomplete tile of each level, and the incomplete bundle."""

    def __init__(self, size: int = 0, levels: Sequence[bytes] = (), pending: bytes = b"") -> None:
        """
        Args:
            levels: hashes of the incomplete tile of each level, leaves first.
            pending: the incomplete bundle.
        """
        self.size = size
        self.levels = [bytearray(hashes) for hashes in levels] or [bytearray()]
        self.pending = bytearray(pending)

    def extend(self, entries: Sequence[bytes]) -> Iterator[tuple[Tile, bytes]]:
        """Take entries in; gives every tile and bundle that this fills up, which must be consumed to the end."""
        rest = iter(entries)
        while chunk := list(islice(rest, WIDTH - self.size % WIDTH)):
            self.size += len(chunk)
            self.pending += bundle(chunk)
            self.levels[0] += merkle.leaf_hashes(chunk)
            if self.size % WIDTH == 0:
                yield Tile(ENTRIES, self.size // WIDTH - 1, WIDTH), bytes(self.pending)
                self.pending.clear()
                yield from self._carry()

    def _carry(self) -> Iterator[tuple[Tile, bytes]]:
        """Replace each full tile by its root in the level above."""
        level = 0
        while len(self.levels[level]) == TILE_BYTES:
            hashes = bytes(self.levels[level])
            yield Tile(level, (self.size >> 8 * (level + 1)) - 1, WIDTH), hashes
            self.levels[level].clear()
            level += 1
            if level == len(self.levels):
                self.levels.append(bytearray())
            self.levels[level] += merkle.complete_root(hashes)

    def partials(self) -> Iterator[tuple[Tile, bytes]]:
        """The tiles and the bundle that are not full."""
        if self.pending:
            yield Tile(ENTRIES, self.size // WIDTH, self.size % WIDTH), bytes(self.pending)
        for level, hashes in enumerate(self.levels):
            if hashes:
                width = len(hashes) // merkle.HASH_BYTES
                yield Tile(level, self.size >> 8 * (level + 1), width), bytes(hashes)

    def tile(self, level: int, number: int) -> bytes | None:
        """Hashes of an incomplete tile; None where the tile is complete, and on disk."""
        if level < len(self.levels) and number == self.size >> 8 * (level + 1):
            return bytes(self.levels[level])
        return None
