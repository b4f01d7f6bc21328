"""Handles, their values, and what either may be (RFC 3650 3, RFC 3651 3)."""

from typing import Final

import msgspec

from lineshaft.core.errors import InvalidInput

MAX_HANDLE_BYTES: Final = 2048
MAX_VALUES: Final = 2048
"""Values of one record, and elements of any list in a request."""

PREFIX_SPACE: Final = b"0.NA/"
"""Where the records of prefixes are: `0.NA/<prefix>`."""
ROOT_HANDLE: Final = b"0.NA/0.NA"

ADMIN_READ: Final = 0x8
ADMIN_WRITE: Final = 0x4
PUBLIC_READ: Final = 0x2
PUBLIC_WRITE: Final = 0x1
DEFAULT_PERMISSIONS: Final = ADMIN_READ | ADMIN_WRITE | PUBLIC_READ

TTL_RELATIVE: Final = 0
TTL_ABSOLUTE: Final = 1
DEFAULT_TTL: Final = 86_400
"""Seconds."""


class Reference(msgspec.Struct, frozen=True):
    """One value of one handle, `index:handle`; index 0 means any value of it."""

    handle: bytes
    index: int

    def __str__(self) -> str:
        return f"{self.index}:{self.handle.decode('utf-8', 'replace')}"


class HandleValue(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a record (RFC 3651 3.1)."""

    index: int
    """1 to 2³² - 1; unique in its record."""
    type: bytes
    """UTF-8; compared without regard to ASCII case."""
    data: bytes
    ttl: int = DEFAULT_TTL
    """Seconds since retrieval, or since 1970 where `ttl_type` is `TTL_ABSOLUTE`. Unsigned 32 bits. 0: do not cache."""
    ttl_type: int = TTL_RELATIVE
    permissions: int = DEFAULT_PERMISSIONS
    timestamp: int = 0
    """Seconds since 1970 of the last change. Unsigned 32 bits."""
    references: tuple[Reference, ...] = ()

    @property
    def public(self) -> bool:
        """Whether anybody may read it."""
        return bool(self.permissions & PUBLIC_READ)


def check_handle(handle: bytes) -> bytes:
    """The handle, unchanged, when it is one: at most 2048 bytes of UTF-8 with a prefix before the first slash.

    Raises:
        InvalidInput: it is not (response code 102).
    """
    if len(handle) > MAX_HANDLE_BYTES:
        raise InvalidInput(
            "resolution.handle_too_long", f"the handle has {len(handle)} bytes, and {MAX_HANDLE_BYTES} are allowed",
            "Choose a shorter suffix.", field="handle", bytes=len(handle), most=MAX_HANDLE_BYTES,
        )  # fmt: skip
    try:
        text = handle.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            "resolution.handle_encoding", f"the handle {handle!r} is not UTF-8", "Encode handles in UTF-8.",
            field="handle", value=repr(handle),
        ) from error  # fmt: skip
    if handle.find(b"/") < 1:
        raise InvalidInput(
            "resolution.handle_form", f"{text!r} is not a handle", "A handle is a prefix, a slash and a suffix.",
            field="handle", value=text,
        )  # fmt: skip
    return handle


def handle_key(handle: bytes) -> bytes:
    """What two spellings of one handle have in common: ASCII letters in upper case, other bytes as they are."""
    return handle.upper()


def same_handle(one: bytes, other: bytes) -> bool:
    return one.upper() == other.upper()


def prefix_of(handle: bytes) -> bytes:
    """What stands before the first slash; all of it where there is none."""
    return handle.partition(b"/")[0]


def suffix_of(handle: bytes) -> bytes:
    """What stands behind the first slash."""
    return handle.partition(b"/")[2]


def prefix_handle(prefix: bytes) -> bytes:
    """The handle whose record says who serves and administers the prefix."""
    return PREFIX_SPACE + prefix


def is_prefix_handle(handle: bytes) -> bool:
    return handle[: len(PREFIX_SPACE)].upper() == PREFIX_SPACE


def parent_prefix(prefix: bytes) -> bytes | None:
    """`88.1000` of `88.1000.1`; None for a prefix at the top."""
    parent = prefix.rpartition(b".")[0]
    return parent or None


def matches_type(wanted: bytes, found: bytes) -> bool:
    """Whether a type is the one asked for; `URL.` asks for `URL` and everything under it (RFC 3651 3.1)."""
    wanted, found = wanted.upper(), found.upper()
    return found == wanted or (wanted.endswith(b".") and (found.startswith(wanted) or found == wanted[:-1]))
