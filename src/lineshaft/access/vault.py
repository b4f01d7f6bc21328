"""The vault: data keys, each wrapped by the installation's one key-encrypting key, and what is sealed with them.

    keys/vault.kek   256 bits, read by the access service only; made where missing
    access_key       one row per data key: whose it is, and the key itself wrapped (AES-256-GCM, its id authenticated)

To erase what a key has sealed, wherever its copies are, the wrapped key is destroyed; the row stays and says when.
"""

import os
import secrets
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import BigInteger, Column, Connection, Index, LargeBinary, String, Table, insert, select, update

from lineshaft.access.files import write_secret
from lineshaft.access.store import METADATA
from lineshaft.core import clock, ids
from lineshaft.core.errors import Conflict, Corrupt, NotFound
from lineshaft.core.home import Home
from lineshaft.records import Database

KEY = Table(
    "access_key",
    METADATA,
    Column("id", String(26), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("purpose", String(63), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("wrapped", LargeBinary),  # null once destroyed
    Column("created", BigInteger, nullable=False),
    Column("destroyed", BigInteger),
    Index("access_key_subject", "tenant", "purpose", "subject"),
)

_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_FORMAT: Final = b"\x01"
"""First byte of what is sealed: AES-256-GCM, a nonce of 96 random bits, ciphertext, tag."""
_BELIEVED_SECONDS: Final = 2.0
_REMEMBERED: Final = 1024


class Vault:
    """Makes, uses and destroys data keys. Safe to share between threads; only the access service has one.

    Raises:
        Corrupt: the key-encrypting key is gone while there are keys that it has wrapped, or its file is no key.
    """

    def __init__(self, home: Home, database: Database) -> None:
        self._database = database
        self._kek = AESGCM(_key_encrypting_key(home.folder("keys") / "vault.kek", database))
        self._known: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._turn = threading.Lock()

    def create(self, connection: Connection, tenant: str, purpose: str, subject: str) -> str:
        """A new data key in the caller's write transaction; returns its id.

        Args:
            purpose: what it seals, such as `dataset` or `personal`.
            subject: whose data it seals.
        """
        key, data_key = ids.new_id(), secrets.token_bytes(_BYTES)
        connection.execute(
            insert(KEY).values(
                id=key, tenant=tenant, purpose=purpose, subject=subject, created=clock.now_us(),
                wrapped=_seal(self._kek, data_key, _wrapping(key)),
            )
        )  # fmt: skip
        self._remember(key, data_key)
        return key

    def find(self, connection: Connection, tenant: str, purpose: str, subject: str) -> str | None:
        """Id of the newest key for a purpose and subject that is not destroyed."""
        mine = (KEY.c.tenant == tenant) & (KEY.c.purpose == purpose) & (KEY.c.subject == subject)
        living = mine & KEY.c.destroyed.is_(None)
        found: str | None = connection.scalar(select(KEY.c.id).where(living).order_by(KEY.c.created.desc()).limit(1))
        return found

    def seal(self, key_id: str, plaintext: bytes, aad: bytes = b"", *, connection: Connection | None = None) -> bytes:
        """Encrypt under a data key; `aad` is authenticated with it and must be given again to open.

        Args:
            connection: the caller's transaction; else the vault opens one of its own where it must look the key up.

        Raises:
            NotFound: no such key. Conflict: it is destroyed.
        """
        return _seal(AESGCM(self._data_key(key_id, connection)), plaintext, _sealing(key_id, aad))

    def open(self, key_id: str, sealed: bytes, aad: bytes = b"", *, connection: Connection | None = None) -> bytes:
        """Decrypt what `seal` made.

        Raises:
            NotFound: no such key. Conflict: it is destroyed. Corrupt: not what that key sealed with that `aad`.
        """
        plaintext = _open(AESGCM(self._data_key(key_id, connection)), sealed, _sealing(key_id, aad))
        if plaintext is None:
            raise Corrupt(
                "access.sealed_unreadable", f"what was sealed with the key {key_id} has been changed or belongs elsewhere",
                "Use another copy of it.", key=key_id,
            )  # fmt: skip
        return plaintext

    def derive(self, key_id: str, use: str, *, connection: Connection | None = None) -> bytes:
        """256 bits for one use other than sealing (HKDF-SHA-256, RFC 5869): the same each time, gone with the key.

        Raises:
            NotFound: no such key. Conflict: it is destroyed.
        """
        expand = HKDF(hashes.SHA256(), _BYTES, salt=None, info=b"lineshaft " + use.encode())
        return expand.derive(self._data_key(key_id, connection))

    def destroy(self, connection: Connection, key_id: str) -> None:
        """Destroy a data key in the caller's write transaction: what it sealed cannot be opened any more.

        Destroying a second time changes nothing. Other processes' vaults forget it within two seconds.

        Raises:
            NotFound: no such key.
        """
        if connection.dialect.name == "sqlite":  # else the freed bytes stay in the file until they are used again
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        living = (KEY.c.id == key_id) & KEY.c.destroyed.is_(None)
        changed = connection.execute(update(KEY).where(living).values(wrapped=None, destroyed=clock.now_us()))
        if not changed.rowcount and connection.scalar(select(KEY.c.id).where(KEY.c.id == key_id)) is None:
            raise _unknown(key_id)
        with self._turn:
            self._known.pop(key_id, None)

    def _data_key(self, key_id: str, connection: Connection | None) -> bytes:
        with self._turn:
            since, known = self._known.get(key_id, (0.0, None))
        if known is not None and clock.monotonic() - since <= _BELIEVED_SECONDS:
            return known
        if connection is not None:
            data_key = self._unwrap(connection, key_id)
        else:
            with self._database.read() as reading:
                data_key = self._unwrap(reading, key_id)
        self._remember(key_id, data_key)
        return data_key

    def _unwrap(self, connection: Connection, key_id: str) -> bytes:
        row = connection.execute(select(KEY.c.wrapped, KEY.c.destroyed).where(KEY.c.id == key_id)).one_or_none()
        if row is None:
            raise _unknown(key_id)
        if row.wrapped is None:
            when = clock.rfc3339(row.destroyed)
            raise Conflict(
                "access.key_destroyed", f"the key {key_id} was destroyed at {when}: what it sealed is erased",
                "Nothing brings it back; the audit trail holds the receipt.", key=key_id, when=when,
            )  # fmt: skip
        data_key = _open(self._kek, row.wrapped, _wrapping(key_id))
        if data_key is None:
            raise Corrupt(
                "access.key_unreadable", f"the key {key_id} was wrapped by another installation's vault, or changed",
                "Restore records and keys from the same backup.", key=key_id,
            )  # fmt: skip
        return data_key

    def _remember(self, key_id: str, data_key: bytes) -> None:
        with self._turn:
            self._known[key_id] = (clock.monotonic(), data_key)
            self._known.move_to_end(key_id)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)


def _key_encrypting_key(file: Path, database: Database) -> bytes:
    if not file.exists():
        with database.read() as connection:
            wrapped = connection.scalar(select(KEY.c.id).where(KEY.c.wrapped.is_not(None)).limit(1))
        if wrapped is not None:
            raise Corrupt(
                "access.vault_key_missing", f"{file} is gone while the records hold keys that it has wrapped",
                "Restore the home folder from a backup.", path=str(file),
            )  # fmt: skip
        write_secret(file, secrets.token_hex(_BYTES) + "\n")
    try:
        key = bytes.fromhex(file.read_text("ascii"))
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        raise Corrupt(
            "access.vault_key_unreadable", f"{file} does not hold the vault's key", "Restore it from a backup.",
            path=str(file),
        )  # fmt: skip
    return key


def _seal(cipher: AESGCM, plaintext: bytes, aad: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return _FORMAT + nonce + cipher.encrypt(nonce, plaintext, aad)


def _open(cipher: AESGCM, sealed: bytes, aad: bytes) -> bytes | None:
    """The plaintext; None where it is not what this key sealed."""
    nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    if sealed[:1] != _FORMAT or len(nonce) != _NONCE_BYTES:
        return None
    try:
        return cipher.decrypt(nonce, body, aad)
    except InvalidTag:
        return None


def _wrapping(key_id: str) -> bytes:
    return b"lineshaft key\0" + key_id.encode()


def _sealing(key_id: str, aad: bytes) -> bytes:
    return b"lineshaft sealed\0" + key_id.encode() + b"\0" + aad


def _unknown(key_id: str) -> NotFound:
    return NotFound(
        "access.key_unknown", f"there is no key {key_id}", "It may belong to another installation.", key=key_id
    )
