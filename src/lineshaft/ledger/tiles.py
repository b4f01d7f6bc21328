"""Tiles and entry bundles as C2SP tlog-tiles lays them out: paths, bytes, and tree hashes read from tiles.

A tile holds up to 256 hashes of one level; level 0 are leaf hashes, each hash above is the root of a full tile below.
A bundle holds the up to 256 entries of a level-0 tile, each behind its length in two bytes.
"""

import re
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Final

import msgspec

from lineshaft.ledger import merkle

WIDTH: Final = 256
TILE_BYTES: Final = WIDTH * merkle.HASH_BYTES
LARGEST_ENTRY: Final = 0xFFFF
ENTRIES: Final = -1
"""In place of a level: the bundles."""

_PATH: Final = re.compile(r"(entries|0|[1-9]|[1-5]\d|6[0-3])/((?:x\d{3}/)*\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)


class Tile(msgspec.Struct, frozen=True, order=True):
    """Which tile or bundle a path names."""

    level: int
    """`ENTRIES` for a bundle."""
    number: int
    width: int
    """Hashes or entries in it; 256 where it is full."""

    @property
    def path(self) -> str:
        """Below `tile/`."""
        parts = [f"{self.number % 1000:03}"]
        rest = self.number // 1000
        while rest:
            parts.insert(0, f"x{rest % 1000:03}")
            rest //= 1000
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"{level}/{'/'.join(parts)}{partial}"

    @property
    def full(self) -> "Tile":
        return Tile(self.level, self.number, WIDTH)

    @classmethod
    def parse(cls, path: str) -> "Tile | None":
        """The tile that `path` (below `tile/`) names; None where it is not exactly as the format writes it."""
        found = _PATH.fullmatch(path)
        if found is None:
            return None
        level, number, width = found.groups()
        tile = cls(ENTRIES if level == "entries" else int(level), int(re.sub(r"[x/]", "", number)), int(width or WIDTH))
        return tile if tile.path == path else None


def width_at(size: int, level: int, number: int) -> int:
    """How many hashes (entries) the tile has in a tree of `size` leaves; 0 where the tree does not reach it."""
    return max(0, min(WIDTH, (size >> 8 * max(level, 0)) - number * WIDTH))


def tile_paths(size: int) -> list[str]:
    """Every file that the tree of `size` entries consists of, below the log's folder: bundles, then tiles."""
    paths = []
    for level in (ENTRIES, *range(8)):
        hashes = size >> 8 * max(level, 0)
        numbers = range(-(-hashes // WIDTH))
        paths += [f"tile/{Tile(level, number, width_at(size, level, number)).path}" for number in numbers]
    return paths


def bundle(entries: Sequence[bytes]) -> bytes:
    """Entries as a bundle holds them."""
    lengths = set(map(len, entries))
    if len(lengths) == 1:  # salted hashes: put the one length between them
        prefix = lengths.pop().to_bytes(2)
        return prefix + prefix.join(entries)
    return b"".join([len(entry).to_bytes(2) + entry for entry in entries])


def unbundle(data: bytes) -> tuple[bytes, ...] | None:
    """The entries of a bundle; None where the lengths do not add up."""
    if len(data) < 2:
        return None if data else ()
    length = int.from_bytes(data[:2])
    count, rest = divmod(len(data), length + 2)
    if (
        rest == 0
        and count <= WIDTH
        and data[:: length + 2] == data[:1] * count
        and data[1 :: length + 2] == data[1:2] * count
    ):
        return _alike(length, count).unpack(data)
    return _unlike(data)


_STRUCTS: dict[tuple[int, int], Struct] = {}


def _alike(length: int, count: int) -> Struct:
    """Reads `count` entries of one length at once; what salted hashes always are."""
    if (length, count) not in _STRUCTS:
        if len(_STRUCTS) > WIDTH:
            _STRUCTS.clear()
        _STRUCTS[length, count] = Struct(f"2x{length}s" * count)
    return _STRUCTS[length, count]


def _unlike(data: bytes) -> tuple[bytes, ...] | None:
    entries, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2])
        if at + 2 > len(data) or end > len(data):
            return None
        entries.append(data[at + 2 : end])
        at = end
    return tuple(entries)


class TileTree:
    """Hashes of subtrees, read from tiles; each tile is read once, so use one for one proof."""

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        """`read(level, number)` gives as many hashes of that tile as the tree has."""
        self._read = read
        self._tiles: dict[tuple[int, int], bytes] = {}

    def subtree(self, height: int, index: int) -> bytes:
        level, inner = divmod(height, 8)
        first = index << inner
        number, offset = divmod(first, WIDTH)
        if (level, number) not in self._tiles:
            self._tiles[level, number] = self._read(level, number)
        hashes = self._tiles[level, number]
        start = offset * merkle.HASH_BYTES
        return merkle.complete_root(hashes[start : start + (merkle.HASH_BYTES << inner)])
