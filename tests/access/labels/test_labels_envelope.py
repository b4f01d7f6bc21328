"""Encrypted files: whatever is changed, moved, left out or cut off does not open."""

import secrets

import pytest

from lineshaft.access.labels import envelope
from lineshaft.access.labels.envelope import FileKey, decrypt, encrypt, read_header
from lineshaft.core.errors import Conflict, Corrupt, InvalidInput

CHUNK = 1000


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(envelope, "_CHUNK", CHUNK)


@pytest.fixture
def fresh():
    return FileKey(dataset="batch-7", key="01KEY", file_key=secrets.token_bytes(32), wrapped=b"wrapped")


@pytest.fixture
def sealed(tmp_path, fresh):
    plain = tmp_path / "plain"
    plain.write_bytes(secrets.token_bytes(3 * CHUNK + 10))
    encrypt(plain, tmp_path / "sealed", fresh)
    return tmp_path / "sealed"


def body_of(file):
    data = file.read_bytes()
    start = 12 + int.from_bytes(data[8:12], "big")
    return data[:start], data[start:]


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_files_of_every_size_come_back(tmp_path, fresh, size):
    plain, back = tmp_path / "plain", tmp_path / "back"
    plain.write_bytes(secrets.token_bytes(size))
    written = encrypt(plain, tmp_path / "sealed", fresh)
    assert written == (tmp_path / "sealed").stat().st_size
    assert decrypt(tmp_path / "sealed", back, lambda _: fresh.file_key) == size
    assert back.read_bytes() == plain.read_bytes()
    assert back.stat().st_mode & 0o777 == 0o600


def test_the_header_names_suite_dataset_and_key(sealed):
    header = read_header(sealed)
    assert (header.suite, header.cipher, header.dataset, header.key) == ("intl", "AES-256-GCM", "batch-7", "01KEY")


def test_two_encryptions_of_one_file_share_nothing(tmp_path, sealed, fresh):
    encrypt(tmp_path / "plain", tmp_path / "again", fresh)
    assert body_of(sealed)[1][:CHUNK] != body_of(tmp_path / "again")[1][:CHUNK]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body[: 2 * (CHUNK + 16)],  # cut off between two chunks
        lambda body: body[:-1],
        lambda _: b"",
        lambda body: body[CHUNK + 16 :],
        lambda body: body[CHUNK + 16 : 2 * (CHUNK + 16)] + body[: CHUNK + 16] + body[2 * (CHUNK + 16) :],
        lambda body: bytes([body[0] ^ 1]) + body[1:],
        lambda body: body + body[-26:],
    ],
)
def test_what_was_tampered_with_does_not_open_and_leaves_no_file(tmp_path, sealed, fresh, spoil):
    head, body = body_of(sealed)
    sealed.write_bytes(head + spoil(body))
    with pytest.raises(Corrupt, match=r"access\.envelope_changed"):
        decrypt(sealed, tmp_path / "back", lambda _: fresh.file_key)
    assert not (tmp_path / "back").exists()
    assert {file.name for file in tmp_path.iterdir()} == {"plain", "sealed"}


def test_another_header_does_not_open_the_same_chunks(tmp_path, sealed, fresh):
    head, body = body_of(sealed)
    sealed.write_bytes(head.replace(b"batch-7", b"batch-8") + body)
    with pytest.raises(Corrupt):
        decrypt(sealed, tmp_path / "back", lambda _: fresh.file_key)


@pytest.mark.parametrize(
    "data", [b"", b"LSHENV1\n", b"LSHENV1\n\0\0\0\2{}", b"PK\3\4 something else", b"LSHENV1\n\xff\xff\xff\xff{}"]
)
def test_what_is_no_such_file_is_said(tmp_path, data):
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(InvalidInput, match=r"access\.envelope_unreadable"):
        decrypt(tmp_path / "file", tmp_path / "back", lambda _: b"")


def test_an_unknown_suite_is_refused_before_a_key_is_asked_for(tmp_path, sealed):
    head, body = body_of(sealed)
    sealed.write_bytes(head.replace(b'"intl"', b'"none"') + body)
    with pytest.raises(InvalidInput, match=r"access\.envelope_suite_unknown"):
        decrypt(sealed, tmp_path / "back", lambda _: pytest.fail("asked"))


def test_no_file_is_overwritten(tmp_path, sealed, fresh):
    with pytest.raises(Conflict, match=r"access\.envelope_exists"):
        encrypt(tmp_path / "plain", sealed, fresh)
