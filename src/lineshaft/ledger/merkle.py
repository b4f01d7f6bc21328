"""The Merkle tree of RFC 6962: hashes, and inclusion and consistency proofs with their verification (RFC 9162 2.1).

What makes proofs asks for the hashes of complete subtrees only: `subtree(height, index)` is the hash of the leaves
from `index << height` up to `(index + 1) << height`. Where those come from is the caller's (`tiles`).
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from struct import Struct
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256().digest()
"""Root of a tree without leaves."""

Subtree = Callable[[int, int], bytes]

_PAIRS: Final = {count: Struct("64s" * count) for count in (1, 2, 4, 8, 16, 32, 64, 128)}


def leaf_hash(entry: bytes) -> bytes:
    """Hash of one entry."""
    return sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> bytes:
    """Hashes of entries, one after another."""
    return b"".join([sha256(b"\x00" + entry).digest() for entry in entries])


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def complete_root(hashes: bytes) -> bytes:
    """Root over 1, 2, 4 … 256 hashes that stand one after another."""
    while (count := len(hashes) // 64) > 0:
        hashes = b"".join([sha256(b"\x01" + pair).digest() for pair in _PAIRS[count].unpack(hashes)])
    return hashes


def edge_root(levels: Sequence[bytes | bytearray]) -> bytes:
    """Root of a tree from its incomplete tiles, leaves first."""
    found = b""
    for hashes in levels:
        end, part = len(hashes), HASH_BYTES
        while end:
            if end & part:  # the last complete subtree of this size
                end -= part
                peak = complete_root(bytes(hashes[end : end + part]))
                found = node_hash(peak, found) if found else peak
            part <<= 1
    return found or EMPTY_ROOT


# -- making proofs ------------------------------------------------------------------------------------------------------


def root(size: int, subtree: Subtree) -> bytes:
    """Root of the first `size` leaves."""
    return range_hash(0, size, subtree) if size else EMPTY_ROOT


def range_hash(low: int, high: int, subtree: Subtree) -> bytes:
    """MTH(D[low:high]) of RFC 6962, for ranges that occur in a tree: `low` is a multiple of the complete part's size."""
    size = high - low
    if size & (size - 1) == 0:
        height = size.bit_length() - 1
        return subtree(height, low >> height)
    middle = low + _split(size)
    return node_hash(range_hash(low, middle, subtree), range_hash(middle, high, subtree))


def inclusion(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Audit path of leaf `index` in the tree of `size` leaves, `0 <= index < size`: from the leaf up."""
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(range_hash(middle, high, subtree))
            high = middle
        else:
            path.append(range_hash(low, middle, subtree))
            low = middle
    return path[::-1]


def consistency(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """Proof that the tree of `new` leaves begins with that of `old`, `0 <= old <= new`; empty where there is nothing to prove."""
    if old in (0, new):
        return []
    path: list[bytes] = []
    low, high, whole = 0, new, True  # `whole`: the old tree begins at 0 here, its root is known to whoever checks
    while high != old:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(range_hash(middle, high, subtree))
            high = middle
        else:
            path.append(range_hash(low, middle, subtree))
            low, whole = middle, False
    if not whole:
        path.append(range_hash(low, high, subtree))
    return path[::-1]


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


# -- checking proofs ----------------------------------------------------------------------------------------------------


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that the leaf with hash `leaf` is number `index` of the tree with this size and root."""
    if not 0 <= index < size or not _are_hashes([leaf, root, *proof]):
        return False
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether `proof` shows that the tree of `new` leaves begins with that of `old` leaves."""
    if not 0 <= old <= new or not _are_hashes([old_root, new_root, *proof]):
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


def _are_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
