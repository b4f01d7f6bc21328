"""Batches of registrations in a log: each is entered once, and its proof holds offline, or says which part does not."""

import base64
import json

import msgspec
import pytest

from lineshaft.core import suites
from lineshaft.core.errors import Corrupt, LineshaftError
from lineshaft.ledger import LogReader, notes
from lineshaft.resolution.auth import keys
from lineshaft.resolution.changes import Change, apply
from lineshaft.resolution.entries import Entering, Entries
from lineshaft.resolution.proofs import Proofs, verify_proof
from lineshaft.resolution.record import pack_record, public_part
from lineshaft.resolution.store.memory import MemoryStore
from lineshaft.resolution.testing import serving, until, value

NOW = 1_800_000_000
KEY = suites.PrivateKey.generate("ed25519")
PUBLIC = keys.encode_public_key(KEY.public)
SIGNER = notes.NoteSigner.generate("node.example/registrations")


class Node:
    """A store whose changes are recorded, and what enters them."""

    def __init__(self, folder, store=None, key=KEY):
        self.folder = folder
        self.store = store or MemoryStore()
        self.proofs = Proofs("node.example", key, Entries(folder, key, SIGNER.vkey))
        self.entering = Entering(self.store, folder, SIGNER.private_text)

    def register(self, *handles, data=b"x", seconds=NOW):
        values = [msgspec.structs.replace(value(1, data), timestamp=seconds)]
        with self.store.write() as transaction:
            made = [Change(handle.upper(), transaction.get(handle.upper()), pack_record(values)) for handle in handles]
            self.proofs.record(transaction, made, apply(transaction, made), seconds)

    def proof(self, handle):
        found = self.proofs.proof_of(self.store, handle, self.store.get(handle.upper()))
        return json.loads(json.dumps(found))

    def leaves(self):
        reader = LogReader(self.folder)
        return [reader.entry(index) for index in range(reader.size)]


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path / "log")
    yield made
    made.entering.close()


def test_each_batch_is_one_leaf_and_each_registration_has_a_proof(node):
    node.register(*(b"88.1/A%d" % number for number in range(5)))
    node.register(b"88.1/B")
    assert "log" not in node.proof(b"88.1/B")
    assert node.entering.step() == 2
    assert node.entering.step() == 0
    for handle, place in ((b"88.1/A0", 0), (b"88.1/a4", 0), (b"88.1/B", 1)):
        found = verify_proof(node.proof(handle), handle=handle, key=PUBLIC, log_key=SIGNER.vkey)
        assert (found.log_origin, found.log_index, found.log_size) == (SIGNER.name, place, 2)
        assert (found.key_known, found.log_known, found.log_key) == (True, True, SIGNER.vkey)
    node.register(b"88.1/C")
    assert node.entering.step() == 1
    assert verify_proof(node.proof(b"88.1/A3")).log_size == 3


def _record(data):
    """Public values with other data, as a proof has them."""
    return base64.b64encode(public_part(pack_record([msgspec.structs.replace(value(1, data), timestamp=NOW)]))).decode()


def _other(text):
    """Base64 of as many bytes that are others."""
    return base64.b64encode(bytes(byte ^ 1 for byte in base64.b64decode(text))).decode()


@pytest.mark.parametrize(
    ("part", "field", "message"),
    [
        ("", "form", "form is"), ("", "handle", "it is of"), ("", "record", "record is not in the batch"),
        ("batch", "origin", "signature of the batch"), ("batch", "time", "signature of the batch"),
        ("batch", "size", "signature of the batch"), ("batch", "root", "signature of the batch"),
        ("batch", "digest", "signature of the batch"), ("batch", "signature", "signature of the batch"),
        ("batch", "key", "another key"), ("batch", "path", "record is not in the batch"),
        ("batch", "index", "record is not in the batch"), ("log", "index", "batch is not in the log"),
        ("log", "path", "batch is not in the log"), ("log", "checkpoint", "checkpoint was not signed"),
        ("log", "key", "another key than the one given"), ("log", "digest", "over the key of its log"),
        ("log", "signature", "over the key of its log"),
    ],
)  # fmt: skip
def test_a_proof_changed_anywhere_does_not_hold_and_says_where(node, part, field, message):
    for number in range(4):
        node.register(*(b"88.1/%d-%d" % (number, place) for place in range(4)))
    node.entering.step()
    proof = node.proof(b"88.1/1-2")
    verify_proof(proof, handle=b"88.1/1-2", key=PUBLIC, log_key=SIGNER.vkey)
    within = proof[part] if part else proof
    old = within[field]
    others = {
        "form": "else", "handle": "88.1/1-3", "record": _record(b"y"), "origin": "node.other", "digest": "SHA-512",
        "time": NOW + 1, "size": 5, "key": keys_of(part), "checkpoint": str(old).replace("\n4\n", "\n5\n"),
    }  # fmt: skip
    if field == "index":
        within[field] = old ^ 1
    elif field == "path":
        within[field] = [_other(one) for one in old]
    else:
        within[field] = others[field] if field in others else _other(old)
    assert within[field] != old
    with pytest.raises(LineshaftError, match=message):
        verify_proof(proof, handle=b"88.1/1-2", key=PUBLIC, log_key=SIGNER.vkey)


def keys_of(part):
    """A key of somebody else."""
    if part == "log":
        return notes.NoteSigner.generate(SIGNER.name).vkey
    return base64.b64encode(keys.encode_public_key(suites.PrivateKey.generate("ed25519").public)).decode()


@pytest.mark.parametrize("index", [-1, 4, 1 << 40])
def test_places_beyond_a_batch_or_a_log_are_named(node, index):
    node.register(*(b"88.1/%d" % place for place in range(4)))
    node.entering.step()
    for part, message in (("batch", "has no leaf"), ("log", "has no entry")):
        proof = node.proof(b"88.1/1")
        proof[part]["index"] = index
        with pytest.raises(Corrupt, match=message):
            verify_proof(proof)


def test_a_log_of_somebody_else_is_not_taken_for_the_nodes(node):
    """A forger who has a proof without a log makes one up: the node has signed no such key."""
    node.register(b"88.1/A")
    node.entering.step()
    proof = node.proof(b"88.1/A")
    forger = notes.NoteSigner.generate(SIGNER.name)
    text = proof["log"]["checkpoint"].partition("\n\n")[0] + "\n"
    note = notes.Note(text.encode(), (forger.sign(text.encode()),))
    proof["log"] |= {"checkpoint": bytes(note).decode(), "key": forger.vkey}
    with pytest.raises(Corrupt, match="over the key of its log"):
        verify_proof(proof, key=PUBLIC)


def test_a_crash_between_log_and_store_enters_nothing_twice(node, monkeypatch):
    node.register(b"88.1/A")
    node.entering.step()
    node.register(b"88.1/B")
    with monkeypatch.context() as broken:
        broken.setattr(Entering, "_note", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            node.entering.step()
    node.entering.close()
    again = Node(node.folder, node.store)
    try:
        again.register(b"88.1/C")
        assert again.entering.step() == 2
    finally:
        again.entering.close()
    assert len(again.leaves()) == len(set(again.leaves())) == 3
    assert [verify_proof(again.proof(handle)).log_index for handle in (b"88.1/A", b"88.1/B", b"88.1/C")] == [0, 1, 2]


def test_what_a_log_from_a_backup_lacks_is_entered_anew(node, tmp_path):
    for handle in (b"88.1/A", b"88.1/B"):
        node.register(handle)
        node.entering.step()
    node.entering.close()
    older = Node(tmp_path / "restored", node.store)
    try:
        assert "log" not in older.proof(b"88.1/B")
        older.register(b"88.1/C")
        older.entering.step()
        assert {verify_proof(older.proof(one)).log_index for one in (b"88.1/A", b"88.1/B", b"88.1/C")} == {0, 1, 2}
    finally:
        older.entering.close()


def test_what_an_earlier_key_registered_keeps_its_proof(node):
    node.register(b"88.1/A")
    node.entering.step()
    node.entering.close()
    newer = suites.PrivateKey.generate("ecdsa-p256")
    again = Node(node.folder, node.store, newer)
    try:
        again.register(b"88.1/B")
        again.entering.step()
        for handle, key in ((b"88.1/A", PUBLIC), (b"88.1/B", keys.encode_public_key(newer.public))):
            assert verify_proof(again.proof(handle), key=key, log_key=SIGNER.vkey).log_size == 2
    finally:
        again.entering.close()


def test_one_process_enters_for_all(node):
    other = Entering(node.store, node.folder, SIGNER.private_text)
    node.register(b"88.1/A")
    assert node.entering.step() == 1
    node.register(b"88.1/B")
    assert other.step() == 0
    assert node.entering.step() == 1
    other.close()


async def test_a_server_enters_what_it_registers(tmp_path):
    config = {"key": KEY.pem(), "ledger": str(tmp_path / "log"), "ledger_key": SIGNER.private_text}
    async with serving(**config) as server:
        record = pack_record([value(1)])
        with server.store.write() as transaction:
            made = [Change(b"88.1/NEW", None, record)]
            server.proofs.record(transaction, made, apply(transaction, made), 0, 0)
        await until(lambda: "log" in server.proofs.proof_of(server.store, b"88.1/NEW", record))
        found = verify_proof(json.loads(json.dumps(server.proofs.proof_of(server.store, b"88.1/NEW", record))))
    assert found.log_origin == SIGNER.name
