"""Sealing with a key both sides hold: AES-256-GCM or SM4-GCM. What is sealed begins with its nonce and ends in the tag."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, algorithms, modes

from lineshaft.core.errors import Corrupt, InvalidInput
from lineshaft.core.suites.base import Suite, check_suite

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
_KEY_BYTES: Final = {"intl": 32, "gm": 16}


def key_bytes(suite: Suite) -> int:
    """How long a key of the suite is: 32 for AES-256, 16 for SM4."""
    return _KEY_BYTES[check_suite(suite)]


def seal(suite: Suite, key: bytes, plaintext: bytes, aad: bytes = b"", *, nonce: bytes | None = None) -> bytes:
    """Nonce ‖ ciphertext ‖ tag.

    Args:
        aad: data that is not hidden, and must be the same at `open_sealed`.
        nonce: 12 bytes that this key has never seen; random where not given, good for 2³² messages of one key.

    Raises:
        InvalidInput: no such suite, or a key or nonce of the wrong length.
    """
    nonce = os.urandom(NONCE_BYTES) if nonce is None else nonce
    if len(nonce) != NONCE_BYTES:
        raise InvalidInput(
            "core.nonce_length", f"the nonce has {len(nonce)} bytes, not {NONCE_BYTES}", "Leave it out for a random one.",
            length=len(nonce), wanted=NONCE_BYTES,
        )  # fmt: skip
    encryptor = Cipher(_cipher(suite, key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(aad)
    return nonce + encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag


def open_sealed(suite: Suite, key: bytes, sealed: bytes, aad: bytes = b"") -> bytes:
    """The plaintext.

    Raises:
        Corrupt: not sealed with this key and `aad`, or changed since. InvalidInput: as `seal`.
    """
    nonce, body, tag = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:-TAG_BYTES], sealed[-TAG_BYTES:]
    cipher = _cipher(suite, key)
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise _broken()
    try:
        decryptor = Cipher(cipher, modes.GCM(nonce, tag)).decryptor()
        decryptor.authenticate_additional_data(aad)
        return decryptor.update(body) + decryptor.finalize()
    except InvalidTag as error:
        raise _broken() from error


def _broken() -> Corrupt:
    return Corrupt(
        "core.seal_broken", "what was sealed does not open: another key or context, or it was changed",
        "Restore it from a copy; nothing of it can be believed.",
    )  # fmt: skip


def _cipher(suite: Suite, key: bytes) -> BlockCipherAlgorithm:
    if len(key) != key_bytes(suite):
        raise InvalidInput(
            "core.key_length", f"a key of suite {suite} has {key_bytes(suite)} bytes, this one {len(key)}",
            "Make one with as many random bytes.", suite=suite, length=len(key), wanted=key_bytes(suite),
        )  # fmt: skip
    return algorithms.AES(key) if suite == "intl" else algorithms.SM4(key)
