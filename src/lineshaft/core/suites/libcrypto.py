"""SM2 through the system's libcrypto (OpenSSL 3): key generation, signing, verifying. Loaded when first asked for.

Signatures are those of GB/T 32918.2 with SM3, over Z_A of the default identity `1234567812345678` (GM/T 0009) and the
message; without the identity no other program accepts them.
"""

import ctypes
import ctypes.util
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from lineshaft.core.errors import Corrupt, Unavailable

IDENTITY: Final = b"1234567812345678"

_POINTER: Final = ctypes.c_void_p
_SIZE: Final = ctypes.c_size_t
_SIGNATURES: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "EVP_PKEY_Q_keygen": (_POINTER, (_POINTER, ctypes.c_char_p, ctypes.c_char_p)),
    "EVP_PKEY_free": (None, (_POINTER,)),
    "EVP_PKEY_is_a": (ctypes.c_int, (_POINTER, ctypes.c_char_p)),
    "EVP_PKEY2PKCS8": (_POINTER, (_POINTER,)),
    "PKCS8_PRIV_KEY_INFO_free": (None, (_POINTER,)),
    "i2d_PKCS8_PRIV_KEY_INFO": (ctypes.c_int, (_POINTER, _POINTER)),
    "i2d_PUBKEY": (ctypes.c_int, (_POINTER, _POINTER)),
    "d2i_AutoPrivateKey": (_POINTER, (_POINTER, _POINTER, ctypes.c_long)),
    "d2i_PUBKEY": (_POINTER, (_POINTER, _POINTER, ctypes.c_long)),
    "EVP_PKEY_CTX_new": (_POINTER, (_POINTER, _POINTER)),
    "EVP_PKEY_CTX_free": (None, (_POINTER,)),
    "EVP_PKEY_CTX_set1_id": (ctypes.c_int, (_POINTER, ctypes.c_char_p, ctypes.c_int)),
    "EVP_MD_CTX_new": (_POINTER, ()),
    "EVP_MD_CTX_free": (None, (_POINTER,)),
    "EVP_MD_CTX_set_pkey_ctx": (None, (_POINTER, _POINTER)),
    "EVP_sm3": (_POINTER, ()),
    "EVP_DigestSignInit": (ctypes.c_int, (_POINTER, _POINTER, _POINTER, _POINTER, _POINTER)),
    "EVP_DigestSign": (ctypes.c_int, (_POINTER, ctypes.c_char_p, _POINTER, ctypes.c_char_p, _SIZE)),
    "EVP_DigestVerifyInit": (ctypes.c_int, (_POINTER, _POINTER, _POINTER, _POINTER, _POINTER)),
    "EVP_DigestVerify": (ctypes.c_int, (_POINTER, ctypes.c_char_p, _SIZE, ctypes.c_char_p, _SIZE)),
    "ERR_clear_error": (None, ()),
}


class Sm2Key:
    """A key in libcrypto's memory: a pair, or the public part only. Freed with the object; safe to share for signing."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._free = _library().EVP_PKEY_free  # kept: at the interpreter's end the module may be gone first

    def __del__(self) -> None:
        self._free(self._handle)

    @classmethod
    def generate(cls) -> "Sm2Key":
        return cls(_made(_library().EVP_PKEY_Q_keygen(None, None, b"SM2"), "generate a key"))

    @classmethod
    def from_private(cls, der: bytes) -> "Sm2Key":
        """From PKCS #8 or SEC 1.

        Raises:
            Corrupt: not an SM2 key.
        """
        return cls._parsed(_library().d2i_AutoPrivateKey, der)

    @classmethod
    def from_public(cls, der: bytes) -> "Sm2Key":
        """From SubjectPublicKeyInfo.

        Raises:
            Corrupt: not an SM2 key.
        """
        return cls._parsed(_library().d2i_PUBKEY, der)

    @classmethod
    def _parsed(cls, parse: Callable[..., int | None], der: bytes) -> "Sm2Key":
        text = ctypes.create_string_buffer(der, len(der))
        place = ctypes.c_void_p(ctypes.addressof(text))
        handle = parse(None, ctypes.byref(place), len(der))
        if not handle:
            _library().ERR_clear_error()
            raise _not_a_key()
        key = cls(handle)
        if _library().EVP_PKEY_is_a(handle, b"SM2") != 1:
            raise _not_a_key()
        return key

    def private_der(self) -> bytes:
        """PKCS #8."""
        library = _library()
        info = _made(library.EVP_PKEY2PKCS8(self._handle), "write the key")
        try:
            return _written(library.i2d_PKCS8_PRIV_KEY_INFO, info)
        finally:
            library.PKCS8_PRIV_KEY_INFO_free(info)

    def public_der(self) -> bytes:
        """SubjectPublicKeyInfo."""
        return _written(_library().i2d_PUBKEY, self._handle)

    def sign(self, data: bytes) -> bytes:
        """DER of the two integers."""
        library = _library()
        with self._context() as context:
            _done(library.EVP_DigestSignInit(context, None, library.EVP_sm3(), None, self._handle), "begin a signature")
            length = ctypes.c_size_t(0)
            _done(library.EVP_DigestSign(context, None, ctypes.byref(length), data, len(data)), "size a signature")
            value = ctypes.create_string_buffer(length.value)
            _done(library.EVP_DigestSign(context, value, ctypes.byref(length), data, len(data)), "sign")
        return value.raw[: length.value]

    def verify(self, signature: bytes, data: bytes) -> bool:
        library = _library()
        with self._context() as context:
            started = library.EVP_DigestVerifyInit(context, None, library.EVP_sm3(), None, self._handle)
            _done(started, "begin to verify")
            good = library.EVP_DigestVerify(context, signature, len(signature), data, len(data)) == 1
        if not good:
            library.ERR_clear_error()
        return bool(good)

    @contextmanager
    def _context(self) -> Iterator[int]:
        library = _library()
        digesting = _made(library.EVP_MD_CTX_new(), "begin")
        signing = _made(library.EVP_PKEY_CTX_new(self._handle, None), "begin")
        try:
            _done(library.EVP_PKEY_CTX_set1_id(signing, IDENTITY, len(IDENTITY)), "set the identity")
            library.EVP_MD_CTX_set_pkey_ctx(digesting, signing)
            yield digesting
        finally:
            library.EVP_MD_CTX_free(digesting)
            library.EVP_PKEY_CTX_free(signing)


@functools.cache
def _library() -> Any:
    name = ctypes.util.find_library("crypto")
    try:
        if name is None:
            raise _unavailable("there is no libcrypto on this machine")
        library = ctypes.CDLL(name)
        for function, (result, arguments) in _SIGNATURES.items():
            found = getattr(library, function)
            found.restype, found.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise _unavailable(str(error)) from error
    return library


def _written(write: Callable[..., int], thing: int) -> bytes:
    length = write(thing, None)
    text = ctypes.create_string_buffer(max(length, 1))
    place = ctypes.c_void_p(ctypes.addressof(text))
    _done(int(length > 0 and write(thing, ctypes.byref(place)) == length), "write the key")
    return text.raw[:length]


def _made(handle: int | None, step: str) -> int:
    if not handle:
        raise _failed(step)
    return handle


def _done(result: int, step: str) -> None:
    if result != 1:
        raise _failed(step)


def _failed(step: str) -> Unavailable:
    _library().ERR_clear_error()
    return _unavailable(f"libcrypto could not {step}")


def _unavailable(reason: str) -> Unavailable:
    return Unavailable(
        "core.sm2_unavailable", f"SM2 does not work here: {reason}",
        "The suite gm needs the OpenSSL 3 library of the system, with SM2 built in (Debian: libssl3).", reason=reason,
    )  # fmt: skip


def _not_a_key() -> Corrupt:
    return Corrupt(
        "core.key_unreadable", "this is no key of the algorithm sm2", "Restore the key from a backup.", algorithm="sm2"
    )
