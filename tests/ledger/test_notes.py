"""Signed notes, keys and cosignatures: bytes of the published formats, and the refusal of everything else."""

import base64
import hashlib

import pytest

from lineshaft.core import clock
from lineshaft.core.errors import Corrupt, InvalidInput
from lineshaft.ledger import checkpoints
from lineshaft.ledger.checkpoints import Checkpoint
from lineshaft.ledger.notes import (
    COSIGNATURE,
    Note,
    NoteSigner,
    NoteVerifier,
    load_or_create,
    parse_note,
    parse_signatures,
)

# The key and note that Go's package golang.org/x/mod/sumdb/note documents.
GO_KEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_the_documented_key_signs_the_documented_note():
    signer = NoteSigner.parse(GO_KEY)
    assert signer.vkey == GO_VKEY
    assert signer.private_text == GO_KEY
    assert bytes(signer.sign(GO_TEXT.encode())).decode() == GO_LINE
    note = parse_note(f"{GO_TEXT}\n{GO_LINE}".encode())
    assert note.signed_by(NoteVerifier.parse(GO_VKEY))


def test_a_cosignature_is_over_the_time_and_the_checkpoint():
    signer = NoteSigner("witness.example/w1", bytes(range(32)), COSIGNATURE)
    text = Checkpoint("example.com/log", 3, bytes(32)).text
    with clock.fixed(lambda: 1_679_315_147_999_999):
        line = signer.sign(text)
    assert int.from_bytes(line.signature[:8]) == 1_679_315_147
    plain = NoteSigner("witness.example/w1", bytes(range(32)))
    assert plain.sign(b"cosignature/v1\ntime 1679315147\n" + text).signature == line.signature[8:]
    key = signer.verifier
    expected = hashlib.sha256(b"witness.example/w1\n\x04" + key.public).digest()[:4]
    assert line.key_id == key.key_id == expected
    later = (1_679_315_148).to_bytes(8) + line.signature[8:]
    assert key.verify(text, line.signature)
    assert not key.verify(text, later)
    assert not key.verify(text[:-1] + b"x\n", line.signature)


@pytest.mark.parametrize("kind", [1, COSIGNATURE])
def test_keys_come_back_from_their_texts(kind):
    signer = NoteSigner.generate("example.com/log", kind)
    assert NoteSigner.parse(signer.private_text).vkey == signer.vkey
    assert NoteVerifier.parse(signer.vkey).vkey == signer.vkey
    assert signer.verifier.verify(b"text\n", NoteSigner.parse(signer.private_text).sign(b"text\n").signature)


@pytest.mark.parametrize(
    "vkey",
    [
        "", "name", GO_VKEY.replace("c74f20a3", "c74f20a4"), GO_VKEY.replace("c74f20a3", "c74f20"),
        GO_VKEY.replace("Peter", "Peter "), GO_VKEY[:-1], GO_VKEY.replace("ARpc", "ARpd"), GO_VKEY.replace("+ARpc", "+BRpc"),
        GO_VKEY.replace("c74f20a3", "zzzzzzzz"),
    ],
)  # fmt: skip
def test_a_key_that_is_none_is_refused(vkey):
    with pytest.raises(InvalidInput) as caught:
        NoteVerifier.parse(vkey)
    assert caught.value.code == "ledger.vkey_invalid"


def test_a_secret_never_stands_in_a_refusal():
    with pytest.raises(InvalidInput) as caught:
        NoteSigner.parse(GO_KEY.replace("c74f20a3", "c74f20a4"))
    assert "AYEKFALV" not in str(caught.value)
    with pytest.raises(InvalidInput) as caught:
        NoteVerifier.parse(GO_KEY)  # the wrong half was copied
    assert "AYEKFALV" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"text\n", b"text\n\n", b"text\n\n\n", b"text\n" + GO_LINE.encode(), b"te\x01xt\n\n" + GO_LINE.encode(),
        b"text\n\n" + GO_LINE.encode()[:-1], b"text\n\n" + GO_LINE.encode().replace(b"x08go", b"x08g*"),
        b"\xff\n\n" + GO_LINE.encode(), b"text\n\n" + GO_LINE.encode() + b"more\n", b"text\n\n" + GO_LINE.encode() * 65,
        b"text\n\n- PeterNeumann x08go/ZJ\n", b"x" * (1 << 18) + b"\n\n" + GO_LINE.encode(),
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused(data):
    with pytest.raises(InvalidInput) as caught:
        parse_note(data)
    assert caught.value.code == "ledger.note_invalid"


def test_every_flipped_bit_of_a_note_is_found():
    signer = NoteSigner.generate("example.com/log")
    text = Checkpoint("example.com/log", 3, bytes(32)).text
    data = bytes(Note(text, (signer.sign(text),)))
    for place in range(len(data) * 8):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        assert not _accepted(bytes(changed), signer.verifier), place


def _accepted(data, verifier):
    try:
        return parse_note(data).signed_by(verifier)
    except InvalidInput:
        return False


def test_unknown_signatures_do_not_matter_and_a_wrong_one_of_a_known_key_does():
    signer, other = NoteSigner.generate("a"), NoteSigner.generate("b")
    same_name = NoteSigner.generate("a")
    note = Note(b"text\n", (other.sign(b"text\n"), same_name.sign(b"text\n"), signer.sign(b"text\n")))
    assert parse_note(bytes(note)).signed_by(signer.verifier)
    wrong = Note(b"text\n", (signer.sign(b"text\n"), signer.sign(b"other\n")))
    assert not wrong.signed_by(signer.verifier)
    assert not Note(b"text\n", (other.sign(b"text\n"),)).signed_by(signer.verifier)


def test_a_text_may_hold_empty_lines():
    signer = NoteSigner.generate("a")
    note = Note(b"one\n\ntwo\n", (signer.sign(b"one\n\ntwo\n"),))
    assert parse_note(bytes(note)) == note


def test_signature_lines_are_read_alone():
    line = NoteSigner.generate("a").sign(b"text\n")
    assert parse_signatures(bytes(line)) == (line,)
    with pytest.raises(InvalidInput):
        parse_signatures(b"")


def test_a_checkpoint_is_three_lines():
    text = b"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    head = Checkpoint.parse(text)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    assert head.text == text
    assert Checkpoint.parse(text + b"more\n").extensions == ("more",)
    root = base64.b64encode(bytes(32))
    for wrong in (b"a\n1\n", b"a\n01\n" + root + b"\n", b"a\n-1\n" + root + b"\n", b"\n1\n" + root + b"\n",
                  b"a\n1\n" + root[:-4] + b"\n", b"a\n1\n" + root + b"\n\n", b"a\n%d\n" % 2**63 + root + b"\n"):  # fmt: skip
        with pytest.raises(InvalidInput) as caught:
            Checkpoint.parse(wrong)
        assert caught.value.code == "ledger.checkpoint_invalid"
    assert checkpoints.parse_hash("AAAA") is None


def test_a_key_file_is_made_once_and_its_damage_is_refused(tmp_path):
    path = tmp_path / "log.key"
    made = load_or_create(path, "example.com/log")
    assert load_or_create(path, "example.com/log").vkey == made.vkey
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(Corrupt):
        load_or_create(path, "example.com/other")
    path.write_text("nothing")
    with pytest.raises(Corrupt) as caught:
        load_or_create(path, "example.com/log")
    assert caught.value.code == "ledger.key_unreadable"


def test_a_name_with_a_plus_or_a_space_names_no_key():
    for name in ("", "a b", "a+b", "a\u00a0b"):
        with pytest.raises(InvalidInput):
            NoteSigner.generate(name)
