"""Message authentication codes with a shared secret, in the five forms that clients send.

0x02  SHA-1(key ‖ data ‖ key)          0x12  HMAC-SHA-1
0x03  SHA-256(key ‖ data ‖ key)        0x13  HMAC-SHA-256
0x22  HMAC-SHA-1 under PBKDF2-HMAC-SHA-1(key): salt, iterations, bits of the key, code
"""

import hashlib
import hmac
import secrets
from typing import Final

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution import codes
from lineshaft.resolution.fields import Malformed, Reader, counted, u32

ITERATIONS: Final = 10_000
_KEY_BITS: Final = 160
_MOST_ITERATIONS: Final = 20_000
"""An asker chooses them, and the server does the work."""
_MOST_KEY_BITS: Final = 512
_MOST_SALT: Final = 64


def make(form: int, secret: bytes, data: bytes) -> bytes:
    """The code over `data`, without the byte that names its form.

    Raises:
        InvalidInput: no such form.
    """
    if form == codes.PBKDF2_HMAC_SHA1:
        salt = secrets.token_bytes(16)
        code = hmac.digest(_derived(secret, salt, ITERATIONS, _KEY_BITS), data, "sha1")
        return counted(salt) + u32(ITERATIONS) + u32(_KEY_BITS) + counted(code)
    return _plain(form, secret, data)


def check(form: int, secret: bytes, data: bytes, code: bytes) -> bool:
    """Whether `code` is that of `data`; takes as long for a wrong one as for a right one.

    Raises:
        InvalidInput: no such form. Malformed: not in this form, or more work than one asker may cause.
    """
    if form == codes.PBKDF2_HMAC_SHA1:
        reader = Reader(code)
        salt, iterations = reader.bytes("salt"), reader.u32("iterations")
        bits, found = reader.u32("bits of the key"), reader.bytes("code")
        reader.finish("code")
        if not 1 <= iterations <= _MOST_ITERATIONS or not 8 <= bits <= _MOST_KEY_BITS or bits % 8:
            raise _too_much_work(iterations, bits)
        if len(salt) > _MOST_SALT:
            raise _too_much_work(iterations, bits)
        return hmac.compare_digest(hmac.digest(_derived(secret, salt, iterations, bits), data, "sha1"), found)
    return hmac.compare_digest(_plain(form, secret, data), code)


def _plain(form: int, secret: bytes, data: bytes) -> bytes:
    if form == codes.HMAC_SHA256:
        return hmac.digest(secret, data, "sha256")
    if form == codes.HMAC_SHA1:
        return hmac.digest(secret, data, "sha1")
    if form == codes.SHA256:
        return hashlib.sha256(secret + data + secret).digest()
    if form == codes.SHA1:
        return hashlib.sha1(secret + data + secret, usedforsecurity=False).digest()
    raise InvalidInput(
        "resolution.mac_form", f"there is no form {form:#x} of a message authentication code",
        "Forms are 0x02, 0x03, 0x12, 0x13 and 0x22.", field="answer", value=f"{form:#x}",
    )  # fmt: skip


def _derived(secret: bytes, salt: bytes, iterations: int, bits: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha1", secret, salt, iterations, bits // 8)


def _too_much_work(iterations: int, bits: int) -> Malformed:
    return Malformed(
        "resolution.pbkdf2_work", f"{iterations} iterations for a key of {bits} bits are not accepted",
        f"Use at most {_MOST_ITERATIONS} iterations, 8 to {_MOST_KEY_BITS} bits and a salt of 64 bytes.",
        field="answer", iterations=iterations, bits=bits,
    )  # fmt: skip
