"""The vault: data keys that are wrapped, used, and destroyed for good."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import select

from lineshaft.access.vault import KEY, Vault
from lineshaft.core.errors import Conflict, Corrupt, NotFound


@pytest.fixture
def vault(home, database):
    home.prepare()
    return Vault(home, database)


def make(database, vault, subject="ada"):
    return database.transact(vault.create, "main", "personal", subject)


def test_what_is_sealed_opens_with_the_same_key_and_the_same_additional_data(vault, database):
    key = make(database, vault)
    sealed = vault.seal(key, b"Ada Lovelace", b"entry 7")
    assert b"Ada" not in sealed
    assert vault.open(key, sealed, b"entry 7") == b"Ada Lovelace"
    with pytest.raises(Corrupt, match=r"access\.sealed_unreadable"):
        vault.open(key, sealed, b"entry 8")
    with pytest.raises(Corrupt, match=r"access\.sealed_unreadable"):
        vault.open(make(database, vault, "bob"), sealed, b"entry 7")


@pytest.mark.parametrize("spoil", [lambda text: text[:-1], lambda text: b"\x02" + text[1:], lambda text: text[:5]])
def test_what_was_changed_does_not_open(vault, database, spoil):
    key = make(database, vault)
    with pytest.raises(Corrupt):
        vault.open(key, spoil(vault.seal(key, b"text", b"")), b"")


def test_another_start_opens_what_the_first_sealed(vault, database, home):
    key = make(database, vault)
    sealed = vault.seal(key, b"kept", b"")
    assert Vault(home, database).open(key, sealed, b"") == b"kept"


def test_a_destroyed_key_stays_as_a_row_and_opens_nothing(vault, database, home):
    key = make(database, vault)
    sealed = vault.seal(key, b"gone", b"")
    database.transact(vault.destroy, key)
    for one in (vault, Vault(home, database)):
        with pytest.raises(Conflict, match=r"access\.key_destroyed"):
            one.open(key, sealed, b"")
        with pytest.raises(Conflict, match=r"access\.key_destroyed"):
            one.seal(key, b"more", b"")
    with database.read() as connection:
        row = connection.execute(select(KEY)).one()
    assert row.wrapped is None
    assert row.destroyed >= row.created
    database.transact(vault.destroy, key)


def test_the_bytes_of_a_destroyed_key_are_not_in_the_records_file_any_more(vault, database, home):
    if not database.is_sqlite:
        pytest.skip("a file of ours exists only with SQLite")
    key = make(database, vault)
    with database.read() as connection:
        wrapped = connection.scalar(select(KEY.c.wrapped).where(KEY.c.id == key))
    database.transact(vault.destroy, key)
    file = Path(database.engine.url.database)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as plain:
        assert plain.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    assert wrapped not in file.read_bytes()


def test_a_key_is_used_in_the_transaction_that_makes_it(vault, database):
    def make_and_use(connection):
        key = vault.create(connection, "main", "personal", "ada")
        return key, vault.seal(key, b"text", b"", connection=connection)

    key, sealed = database.transact(make_and_use)
    assert vault.open(key, sealed, b"") == b"text"


def test_unknown_keys_are_refused(vault, database):
    with pytest.raises(NotFound, match=r"access\.key_unknown"):
        vault.seal("01ARZ3NDEKTSV4RRFFQ69G5FAV", b"", b"")
    with pytest.raises(NotFound, match=r"access\.key_unknown"):
        database.transact(vault.destroy, "01ARZ3NDEKTSV4RRFFQ69G5FAV")


def test_a_living_key_is_found_by_purpose_and_subject(vault, database):
    key = make(database, vault)
    with database.read() as connection:
        assert vault.find(connection, "main", "personal", "ada") == key
        assert vault.find(connection, "other", "personal", "ada") is None
    database.transact(vault.destroy, key)
    with database.read() as connection:
        assert vault.find(connection, "main", "personal", "ada") is None


def test_derived_keys_differ_by_use_and_key_and_stay_the_same(vault, database, home):
    first, second = make(database, vault), make(database, vault, "bob")
    assert vault.derive(first, "a") == Vault(home, database).derive(first, "a")
    assert len({vault.derive(first, "a"), vault.derive(first, "b"), vault.derive(second, "a")}) == 3


def test_the_key_encrypting_key_is_readable_by_its_owner_only(vault, home):
    file = home.keys / "vault.kek"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_lost_key_encrypting_key_is_said_and_never_replaced(vault, database, home):
    make(database, vault)
    file = home.keys / "vault.kek"
    text = file.read_text()
    file.unlink()
    with pytest.raises(Corrupt, match=r"access\.vault_key_missing"):
        Vault(home, database)
    assert not file.exists()
    file.write_text("short")
    with pytest.raises(Corrupt, match=r"access\.vault_key_unreadable"):
        Vault(home, database)
    file.write_text(text[::-1].strip())
    with pytest.raises(Corrupt, match=r"access\.key_unreadable"):
        Vault(home, database).seal(make_id(database), b"", b"")


def make_id(database):
    with database.read() as connection:
        return connection.scalar(select(KEY.c.id))
