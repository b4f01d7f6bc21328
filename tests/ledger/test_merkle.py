"""The tree, its proofs, and their refusal: public vectors, and every size against the definition of RFC 6962."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.ledger import merkle
from lineshaft.ledger.edge import Edge
from lineshaft.ledger.tiles import TileTree

VECTORS = Path(__file__).parents[2] / ".." / "shared" / "data" / "merkle-vectors" / "vectors.ndjson"
SIZES = st.one_of(st.integers(1, 80), st.sampled_from([255, 256, 257, 511, 512, 513, 700, 1024]))


def definition(leaves):
    """MTH as RFC 6962 2.1 writes it, over leaf hashes."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else hashlib.sha256().digest()
    middle = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + definition(leaves[:middle]) + definition(leaves[middle:])).digest()


def tree_of(count):
    """A tree of that many entries in memory: leaf hashes, and where subtrees come from."""
    entries = [b"entry %d" % number for number in range(count)]
    edge, full = Edge(), {}
    for tile, data in edge.extend(entries):
        full[tile.level, tile.number] = data
    read = lambda level, number: full.get((level, number)) or edge.tile(level, number)  # noqa: E731
    return [merkle.leaf_hash(entry) for entry in entries], TileTree(read).subtree


def vectors():
    return [json.loads(line) for line in VECTORS.read_text().splitlines()] if VECTORS.exists() else []


@pytest.mark.skipif(not VECTORS.exists(), reason="the public vectors are not on this machine")
def test_all_public_vectors_are_judged_right():
    wrong, seen = [], 0
    for vector in vectors():
        leaf, root = base64.b64decode(vector["leafHash"] or ""), base64.b64decode(vector["root"] or "")
        proof = [base64.b64decode(value) for value in vector["proof"] or []]
        good = merkle.verify_inclusion(vector["leafIdx"], vector["treeSize"], leaf, proof, root)
        seen += 1
        if good == vector["wantErr"]:
            wrong.append(vector["file"])
    assert not wrong
    assert seen == 98


@given(SIZES, st.data())
@settings(max_examples=60, deadline=None)
def test_every_inclusion_proof_holds_for_its_leaf_and_no_other(size, data):
    leaves, subtree = tree_of(size)
    index = data.draw(st.integers(0, size - 1))
    root, proof = merkle.root(size, subtree), merkle.inclusion(index, size, subtree)
    assert root == definition(leaves)
    assert merkle.verify_inclusion(index, size, leaves[index], proof, root)
    other = data.draw(st.integers(0, size + 2))
    assert merkle.verify_inclusion(other, size, leaves[index], proof, root) == (other == index)
    if proof:
        place, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
        assert not merkle.verify_inclusion(index, size, leaves[index], flipped(proof, place, bit), root)
        assert not merkle.verify_inclusion(index, size, leaves[index], proof[:-1], root)
    assert not merkle.verify_inclusion(index, size, leaves[index], [*proof, root], root)


@given(SIZES, st.data())
@settings(max_examples=60, deadline=None)
def test_every_consistency_proof_holds_for_its_sizes_and_roots_only(size, data):
    leaves, subtree = tree_of(size)
    old = data.draw(st.integers(0, size))
    before, after = definition(leaves[:old]), definition(leaves)
    proof = merkle.consistency(old, size, subtree)
    assert merkle.verify_consistency(old, size, proof, before, after)
    forged = definition([*leaves[:-1], bytes(32)])
    assert not merkle.verify_consistency(old, size, proof, before, forged) or old == 0
    if 0 < old < size:
        assert not merkle.verify_consistency(old, size, proof, definition([*leaves[: old - 1], bytes(32)]), after)
        place, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
        assert not merkle.verify_consistency(old, size, flipped(proof, place, bit), before, after)
        assert not merkle.verify_consistency(old, size, proof[:-1], before, after)
        assert not merkle.verify_consistency(old, size, [*proof, after], before, after)
        assert not merkle.verify_consistency(size, old, proof, after, before)


def test_the_empty_tree_is_the_beginning_of_every_tree():
    leaves, subtree = tree_of(5)
    root = merkle.root(5, subtree)
    assert merkle.verify_consistency(0, 5, [], merkle.EMPTY_ROOT, root)
    assert not merkle.verify_consistency(0, 5, [leaves[0]], merkle.EMPTY_ROOT, root)
    assert not merkle.verify_consistency(0, 5, [], root, root)
    assert merkle.root(0, subtree) == merkle.EMPTY_ROOT


@given(st.integers(1, 300), st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_a_tree_is_the_same_however_it_was_cut_into_batches(first, second):
    entries = [b"%d" % number for number in range(first + second)]
    at_once, in_parts = Edge(), Edge()
    written = dict(at_once.extend(entries))
    parts = dict(in_parts.extend(entries[:first])) | dict(in_parts.extend(entries[first:]))
    assert (written, at_once.levels, at_once.pending) == (parts, in_parts.levels, in_parts.pending)


def flipped(proof, place, bit):
    changed = bytearray(proof[place])
    changed[bit // 8] ^= 1 << bit % 8
    return [*proof[:place], bytes(changed), *proof[place + 1 :]]
